#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Whatever kind of route leads to a server: packets take it, found by user space
# when the backend is made, and by the program when it changes later. No daemon,
# and no other way to that server.
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
world_up
WORLD_SERVERS=(s3)
in_ns lb1 sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
ok "attach" attach_lb
ok "attach the server's side" attach_servers
serves s3 80

second4=10.1.0.250 second6=fd00:1::250
ip -n "$WORLD-r" -batch - <<-EOT || bail "r has no second address"
	addr add $second4/24 dev rack
	addr add $second6/64 dev rack nodad
	addr add fe80::1/64 dev rack nodad
EOT
ip -n "$WORLD-lb1" -batch - <<-EOT || bail "no next hop objects"
	nexthop add id 11 via $(addr4 r) dev eth0
	nexthop add id 12 via $second4 dev eth0
	nexthop add id 13 group 11/12
	nexthop add id 21 via $(addr6 r) dev eth0
	nexthop add id 22 via $second6 dev eth0
	nexthop add id 23 group 21,3/22
	route del default
EOT
ip -n "$WORLD-lb1" -6 route del default

route()
{
	ip -n "$WORLD-lb1" route "$1" "$server" "${@:2}"
}

# shellcheck disable=SC2317 # called by name
answered()
{
	ask c1 -c 8 -n 2 -t 300 -u 3000 -d 3000 tcp "$vip" 80 >/dev/null
}

for family in 4 6; do
	if [ $family = 4 ]; then
		vip=$VIP4 server=$(addr4 s3) second=$second4 first=$(addr4 r)
		kinds=("nhid 11" "nhid 13" "via inet6 fe80::1 dev eth0")
	else
		vip=$VIP6 server=$(addr6 s3) second=$second6 first=$(addr6 r)
		kinds=("nhid 21" "nhid 23" "via fe80::1 dev eth0")
	fi
	kinds+=("nexthop via $first dev eth0 nexthop via $second dev eth0"
		"via $second dev eth0" "via $second dev eth0 onlink")
	to=$(at "$vip" 80/tcp)
	before=$(reason no-route)
	balance "$to" >/dev/null
	in_ns c1 "$PEER" ask -t 200 tcp "$vip" 80 >/dev/null
	cmp_ok "$(reason no-route)" -gt "$before" "IPv$family: no way as yet"
	unbalance "$to"
	for kind in "${kinds[@]}"; do
		# shellcheck disable=SC2086
		route add $kind || fail "$kind"
		ok "$server $kind: a backend" balance "$to"
		ok "found when the backend is made" answered
		unbalance "$to"
		route del
	done
	# shellcheck disable=SC2086
	route add ${kinds[0]}
	ok "IPv$family: a backend" balance "$to"
	for kind in "${kinds[@]:1}" "${kinds[0]}"; do
		# shellcheck disable=SC2086
		route replace $kind || fail "$kind"
		ok "changed to $kind" wait_for 20 answered
	done
	route del
	ip -n "$WORLD-lb1" route add blackhole "$server"
	before=$(reason no-route)
	# shellcheck disable=SC2317 # called by name
	refused_now()
	{
		in_ns c1 "$PEER" ask -t 200 tcp "$vip" 80 >/dev/null
		[ "$(reason no-route)" -gt "$before" ]
	}
	ok "a blackhole is no way" wait_for 20 refused_now
	unbalance "$to"
	ip -n "$WORLD-lb1" route del blackhole "$server"
done
done_testing
