#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A VIP's address that is to be announced has a route while it serves, whatever takes that
# away, with a daemon and without; and "vip show", status and events say why not.
# shellcheck source=tests/net/lib/world.sh disable=SC2317 # called by name
. "$(dirname "$0")/lib/world.sh"
world_begin
world_lone lb1 10.0.0.1/24 wire
in_ns lb1 ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev eth0 nud permanent
VIP4=198.51.100.77 VIP6=2001:db8:77::77
A="$VIP4:443/udp" B="$VIP4:80/tcp" C="[$VIP6]:443/udp"

# routes [TABLE]: what stands there with our protocol number
routes()
{
	{
		ip -n "$WORLD-lb1" -4 route show table "${1-main}" proto 140
		ip -n "$WORLD-lb1" -6 route show table "${1-main}" proto 140
	} 2>/dev/null | sed 's/blackhole \([^ ]*\) .*/\1/' | paste -sd' '
}

routes_are() { [ "$(routes "${2-main}")" = "$1" ]; }

# why VIP: why it is not announced, or "yes"
why()
{
	local said

	said=$(xr -j vip show "$1" | pick '.[0].announced,not_announced')
	[ "${said%% *}" = true ] && echo yes || echo "${said#* }"
}

why_is() { [[ "$(why "$1")" == *"$2"* ]]; }

wrong() { xr -j status | pick '.wrong[]' | grep -c "announced"; }

policy()
{
	xr export >"$WORLD_DIR/p.yaml" && sed -i "s/^  $1: .*/  $1: $2/" "$WORLD_DIR/p.yaml" &&
		xr apply "$WORLD_DIR/p.yaml"
}

both="$VIP4 $VIP6"

# ---- what it serves by, by commands alone ----

ok "a VIP to be announced" xr vip add "$A" cid announce on
ok "IPv6" xr vip add "$C" announce on min-up 2
for i in 1 2 3; do
	ok "backend $i" xr backend add "s$i" vip "$A" vip "$C" address 10.0.0.2 \
		forward gue
done
is "$(routes)" "" "without a program it has no route"
like "$(why "$A")" "no program runs" "vip show tells"
ok "attach" xr dev attach eth0
is "$(routes)" "$both" "with one it has"
is "$(why "$A")" yes "vip show tells that, too"
like "$(xr vip show "$A")" "ANNOUNCED.* yes" "and its table"
is "$(wrong)" 0 "nothing is wrong"
like "$(xr export | grep -A7 2001:db8:77)" "announce: true.*min_up: 2" "export has both keys"
xr export >"$WORLD_DIR/now.yaml"
is "$(xr apply "$WORLD_DIR/now.yaml" --dry-run)" "nothing to change" "and apply finds nothing to do"

ok "one of three backends down" xr backend set s1 state down
is "$(routes)" "$both" "two are enough"
ok "another" xr backend set s2 weight 0
is "$(routes)" "$VIP4" "one is not for min-up 2"
like "$(why "$C")" "fewer than 2 backends of .*$VIP6.*:443/udp are up" "vip show says so"
is "$(wrong)" 1 "so does status"
ok "one is enough with min-up 1" xr vip set "$C" min-up 1
is "$(routes)" "$both" "at once, without a daemon"
ok "the last" xr backend set s3 state draining
is "$(routes)" "" "no backend: withdrawn"
ok "up again" xr backend set s3 state up
is "$(routes)" "$both" "announced"

ok "another VIP of the same address, with no backend" xr vip add "$B"
is "$(routes)" "$both" "does not ask, and keeps nothing back"
ok "it asks" xr vip set "$B" announce on
is "$(routes)" "$VIP6" "all that ask must serve"
like "$(why "$A")" "no backend of $B is up" "the other says whose fault it is"
ok "it asks no more" xr vip set "$B" announce off
is "$(routes)" "$both" "announced"

ok "off" xr vip set "$A" announce off
ok "of policy vip_route" policy vip_route off
is "$(routes)" "$VIP6" "what is not to be announced has no route"
ok "on" xr vip set "$A" announce on
ok "in another table" policy vip_table 1977
is "$(routes) / $(routes 1977)" " / $both" "there, and there alone"
ok "the policy's" policy vip_route on
is "$(routes) / $(routes 1977)" "$both / $both" "beside them"
ok "s3 down" xr backend set s3 state down
is "$(routes) / $(routes 1977)" "$both / " "which stand while nothing is announced"
ok "back" policy vip_table 254
ok "s3 up" xr backend set s3 state up
is "$(routes) / $(routes 1977)" "$both / " "one route where both are in the main table"

ok "detach" xr dev detach eth0
is "$(routes)" "" "withdrawn"
ok "attach, generic" xr dev attach eth0 mode generic
is "$(routes)" "$both" "announced in generic mode, too"
in_ns lb1 ip addr add "$VIP4/32" dev lo
ok "reload" xr reload
is "$(routes)" "$both" "also where the machine has the address itself"
in_ns lb1 ip addr del "$VIP4/32" dev lo
ok "detach" xr dev detach eth0
ok "attach" xr dev attach eth0

in_ns lb1 ip link set wire down
is "$(routes)" "$both" "no carrier: nobody looks"
like "$(xr -j status | pick '.wrong[]')" "is announced, though no device .*xroam run" \
	"status does"
ok "reload" xr reload
is "$(routes)" "" "the next command withdraws"
in_ns lb1 ip link set wire up
xr export >"$WORLD_DIR/p.yaml"
ok "apply" xr apply "$WORLD_DIR/p.yaml"
is "$(routes)" "$both" "and announces"

# ---- strangers ----

in_ns lb1 ip route del blackhole "$VIP4" proto 140 metric 16777214
in_ns lb1 ip route add blackhole "$VIP4" proto static metric 16777214
ok "reload where somebody else has that route" xr reload
like "$(why "$A")" "refuses its route: File exists" "vip show tells"
is "$(in_ns lb1 ip route show "$VIP4" | grep -c static)" 1 "it stays"
in_ns lb1 ip route del blackhole "$VIP4" proto static metric 16777214
ok "reload" xr reload
is "$(why "$A")" yes "announced when that one is gone"

two=$WORLD-two
in_ns lb1 ip link add eth1 type veth peer name wire1
in_ns lb1 ip link set eth1 up
in_ns lb1 ip link set wire1 up
xr2() { in_ns lb1 "$XROAM" -i "$two" "$@"; }
ok "a second instance" xr2 dev attach eth1
ok "with the same address" xr2 vip add "$VIP4:99/tcp" announce on
ok "that serves" xr2 backend add t vip "$VIP4:99/tcp" address 10.0.0.2
ok "the first no longer does" xr backend set s3 state down
is "$(routes)" "$VIP4" "one that serves is enough"
ok "destroy" xr2 destroy
is "$(routes)" "" "none does"
ok "the first again" xr backend set s3 state up
in_ns lb1 ip link del eth1

# ---- with a daemon ----

start monitor lb1 "$XROAM" -i "$(instance lb1)" monitor
start d lb1 "$XROAM" -i "$(instance lb1)" run
ok "a daemon" wait_for 5 grep -q watching "$WORLD_DIR/d.err"
# One line each time a link or the routes change, with a time.
start seen lb1 ip -ts monitor link route
sleep 0.2

# time_of REGEX: in ns, of the first line that matches, which is waited for
time_of()
{
	local at

	wait_for 5 grep -q "$1" "$WORLD_DIR/seen.out" || return 1
	at=$(sed -n "s/^\[\([^]]*\)\] .*$1.*/\1/p" "$WORLD_DIR/seen.out" | head -n 1)
	date -d "$at" +%s%N
}

# withdrawn CAUSE...: the first route goes with it. Prints after how long, a command's own
# start included; $GONE is when.
withdrawn()
{
	local from

	: >"$WORLD_DIR/seen.out"
	from=$(date +%s%N)
	ok "$*" "$@"
	GONE=$(time_of "Deleted blackhole ${VIP4//./\\.} ") || GONE=
	ok "it withdraws" test -n "$GONE" &&
		diag "$*: withdrawn after $(((GONE - from) / 1000000)) ms"
}

# follows REPORT CAUSE...: withdrawn within 100 ms of the kernel's report of it, a regex
follows()
{
	local report=$1 told

	shift
	stall_begin
	withdrawn "$@"
	told=$(time_of "$report") || told=0
	stall_end
	diag "$(((GONE - told) / 1000)) us after the kernel's report"
	cmp_ok $(((GONE - told) / 1000000)) -le $((100 + STALLED)) \
		"within 100 ms of the kernel's report"
}

link="eth0@[^:]*: <"
follows "${link}NO-CARRIER" in_ns lb1 ip link set wire down
ok "withdrawn, both" wait_for 5 routes_are ""
ok "vip show" wait_for 5 why_is "$A" "no device with a program"
in_ns lb1 ip link set wire up
ok "carrier back: it has to serve for a while" wait_for 5 why_is "$A" "not yet"
is "$(routes)" "" "until then there is no route"
ok "then it is announced" wait_for 10 routes_are "$both"
ok "no hold" policy vip_hold 0
follows "${link}BROADCAST,MULTICAST[^>]*>.* state DOWN" in_ns lb1 ip link set eth0 down
in_ns lb1 ip link set eth0 up
in_ns lb1 ip neigh replace 10.0.0.2 lladdr 02:00:00:00:00:02 dev eth0 nud permanent
ok "announced at once" wait_for 5 routes_are "$both"
follows "${link}[^>]*> mtu [0-9]* qdisc" in_ns lb1 ip link set eth0 xdp off
ok "withdrawn" wait_for 5 routes_are ""
ok "reattached" xr apply "$WORLD_DIR/p.yaml"
ok "announced" wait_for 5 routes_are "$both"
withdrawn xr backend set s3 state down
ok "back" xr backend set s3 state up
ok "announced" wait_for 5 routes_are "$both"
in_ns lb1 ip link set eth0 down
in_ns lb1 ip link set eth0 name up0
in_ns lb1 ip link set up0 up
ok "a device with another name" wait_for 5 routes_are "$both"
in_ns lb1 ip route flush proto 140
in_ns lb1 ip -6 route flush proto 140
ok "routes that somebody flushed come back" wait_for 5 routes_are "$both"
ok "the monitor saw it" wait_for 5 grep -q "$VIP4: not announced: no program" \
	"$WORLD_DIR/monitor.out"
ok "and the other way" grep -q "$VIP4: announced" "$WORLD_DIR/monitor.out"
stop d KILL
in_ns lb1 ip link set wire down
is "$(routes)" "$both" "a daemon that was killed withdraws nothing"
start d lb1 "$XROAM" -i "$(instance lb1)" run
ok "the next one does" wait_for 5 routes_are ""
in_ns lb1 ip link set wire up
ok "and announces" wait_for 5 routes_are "$both"
stop d
is "$(routes)" "$both" "its end withdraws nothing"
in_ns lb1 ip link set up0 down
ok "a device that goes, without a daemon" in_ns lb1 ip link del up0
ok "reload" sh -c "$XROAM -i $(instance lb1) reload; true"
ok "destroy" xr destroy
is "$(routes)" "" "leaves none"
done_testing
