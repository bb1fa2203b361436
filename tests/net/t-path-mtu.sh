#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The way to s3 is narrower behind the router than the LB's own link: TCP goes on,
# by every method and family, once the router has said so by ICMP. And a route's MTU
# that changes is followed, by commands and by the daemon.
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
world_up
in_ns lb1 sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
ok "attach" attach_lb
attach_servers
serves s3 80
ip -n "$WORLD-r" link set s3-eth0 mtu 1400
ip -n "$WORLD-r" link set far mtu 1400
ip -n "$WORLD-s3" link set eth0 mtu 1400

known()
{
	xr -j backend show s3 | jq -r '.[0] | "\(.mtu) \(.mtu_learned.mtu)"'
}

forget_paths()
{
	in_ns c1 ip route flush cache
	in_ns c1 ip -6 route flush cache
}

for vip in "$VIP4" "$VIP6"; do
	for forward in ipip gue vxlan; do
		to=$(at "$vip" 80/tcp) more=() from=$(addr4 s3)
		[ "$vip" = "$VIP4" ] || from=$(addr6 s3)
		[ $forward != vxlan ] || more=(vni 77 mac "$(mac s3 eth0)")
		ok "$to by $forward" xr vip add "$to"
		xr backend add s3 vip "$to" address "$from" forward $forward \
			"${more[@]}" >/dev/null
		is "$(known)" "1600 null" "nothing is known of it yet"
		forget_paths
		ok "full-sized segments arrive in the end" \
			ask c1 -c 2 -n 2 -u 60000 tcp "$vip" 80
		is "$(known)" "1400 1400" "the router said how much the way takes"
		like "$(xr status)" "backend s3: the way there takes 1400 octets, says" \
			"status tells"
		ok "reload" xr reload
		is "$(known)" "1400 1400" "it is still known"
		xr backend del s3 >/dev/null
		xr vip del "$to" >/dev/null
	done
done
cmp_ok "$(reason path-mtu)" -gt 5 "counted"

# ---- the route's own ----

ok "a backend" xr vip add "$VIP4:80/tcp"
xr backend add s1 vip "$VIP4:80/tcp" address "$(addr4 s1)" >/dev/null
mtu()
{
	xr -j backend show s1 | pick '.[0].mtu'
}

# shellcheck disable=SC2317 # called by name
is_now()
{
	[ "$(mtu)" = "$1" ]
}

route()
{
	ip -n "$WORLD-lb1" route replace "$(addr4 s1)/32" dev eth0 "$@"
}

is "$(mtu)" 1600 "the device's"
route mtu 1444
ok "any command" xr backend set s1 weight 2
is "$(mtu)" 1444 "follows the route's"
route mtu 1433
ok "reload, too" xr reload
is "$(mtu)" 1433 "and so on"
# A locked one the FIB tells, with packets: the program, that is.
serves s1 80
# shellcheck disable=SC2317 # called by name
follows()
{
	ask c1 -c 4 -t 200 tcp "$VIP4" 80 >/dev/null
	is_now "$1"
}
route mtu lock 1411
ok "locked, the program by itself" wait_for 20 follows 1411
# As far as the last command saw.
route mtu lock 1425
ok "upwards as well" wait_for 20 follows 1425
start daemon lb1 "$XROAM" -i "$WORLD-lb1" run
route mtu 1422
ok "the daemon by itself" wait_for 20 is_now 1422
route
ok "upwards as well" wait_for 20 is_now 1600
ip -n "$WORLD-lb1" link set eth0 mtu 1500
ok "and the device's" wait_for 20 is_now 1500
stop daemon
done_testing
