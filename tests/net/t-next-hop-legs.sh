#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Two legs, no daemon, packets all the time: while the servers' device is down, the
# default route leads to the clients' router, which knows another way to them. Once
# it is back, so are the servers.
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
world_up -b -s 1
in_ns lb1 sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
	net.ipv6.conf.eth1.keep_addr_on_down=1 \
	net.ipv4.conf.eth0.rp_filter=1 net.ipv4.conf.eth1.rp_filter=1
ok "attach to both" attach_lb
attach_servers
serve 80

# answered [ARGS...] VIP
# shellcheck disable=SC2317 # called by name
answered()
{
	ask c1 -t 200 "${@:1:$#-1}" udp "${@: -1}" 80 >/dev/null &&
		[ "$(figure lost)" = 0 ]
}

for forward in ipip gue; do
	for vip in "$VIP4" "$VIP6"; do
		to=$(at "$vip" 80/udp)
		ok "$to by $forward" balance "$to" forward $forward
		ok "an answer" answered -c 1 "$vip"
		ip -n "$WORLD-lb1" link set eth1 down
		ok "eth1 is down: by the default route" wait_for 20 answered -c 1 "$vip"
		ip -n "$WORLD-lb1" link set eth1 up
		ok "it is up: answers again, all" wait_for 20 answered -c 20 "$vip"
		unbalance "$to"
	done
done
done_testing
