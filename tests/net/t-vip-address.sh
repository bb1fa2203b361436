#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A VIP's address is the node's as a whole: what is for no VIP there does not go
# back to the router, by the programs or by a blackhole route of the kernel's;
# pings are answered; and nobody else's route or address is touched.
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
world_up -s 1
# As the guide asks for: else the kernel sends nothing back.
in_ns lb1 sysctl -qw net.ipv4.conf.all.forwarding=1 net.ipv6.conf.all.forwarding=1

# What there is with our protocol number, on one line each without details.
routes()
{
	{
		ip -n "$WORLD-lb1" -4 route show table all proto 140
		ip -n "$WORLD-lb1" -6 route show table all proto 140
	} | sed 's/\(blackhole [^ ]*\) .*/\1/' | paste -sd,
}

wrong()
{
	xr -j status | pick '.wrong[]' | grep -c "^vip .* sent back"
}

# passes ADDRESS: how often lb1 gets one datagram for that address's port 99
passes()
{
	local before after

	before=$(xr -j stats dev | jq '[.. | objects | .packets? // empty | numbers] | add')
	in_ns c1 "$PEER" ask -t 200 -c 1 -n 1 udp "$1" 99 >/dev/null 2>&1
	after=$(xr -j stats dev | jq '[.. | objects | .packets? // empty | numbers] | add')
	echo $((after - before))
}

OURS="blackhole $VIP4,blackhole $VIP6"

xr vip add "$VIP4:80/tcp"
is "$(routes)" "" "a VIP without a device: nothing is taken, so nothing is routed"
ok "attach" attach_lb
is "$(routes)" "blackhole $VIP4" "a device: the route"
ok "its second port, and another address" xr vip add "$VIP4:443/udp" cid
ok "IPv6" xr vip add "[$VIP6]:80/tcp"
is "$(routes)" "$OURS" "one per address"
is "$(wrong)" 0 "nothing is wrong with them"
xr backend add s1 vip "$VIP4:80/tcp" address "$(addr4 s1)"
attach_servers
serve 80
ok "the VIP serves" ask c1 -c 3 tcp "$VIP4" 80

for vip in "$VIP4" "$VIP6"; do
	ok "$vip answers pings" in_ns c1 ping -q -c 3 -i 0.2 -W 2 "$vip"
	ok "$vip answers large ones" in_ns c1 ping -q -s 1400 -c 2 -i 0.2 -W 2 "$vip"
done
cmp_ok "$(reason vip-echo)" -ge 10 "the programs answered them"
before=$(reason vip-fragment)
in_ns c1 ping -q -s 3000 -c 1 -W 1 "$VIP4" >/dev/null
cmp_ok "$(reason vip-fragment)" -gt "$before" "but no fragments"
before=$(reason vip-other)
cmp_ok "$(passes "$VIP4")" -le 3 "another port is asked once"
cmp_ok "$(reason vip-other)" -gt "$before" "and dropped"

# ---- what the kernel does by itself ----

# policy KEY VALUE...
# shellcheck disable=SC2317 # called by name
policy()
{
	xr export >"$WORLD_DIR/p.yaml" || return
	while [ $# -gt 0 ]; do
		sed -i "s/^  $1: .*/  $1: $2/" "$WORLD_DIR/p.yaml"
		shift 2
	done
	xr apply "$WORLD_DIR/p.yaml"
}

ok "policy vip_other: pass" policy vip_other pass vip_echo off
like "$(xr export | grep vip_ | paste -sd,)" \
	"vip_other: pass,.*vip_echo: false,.*vip_route: true" "is exported"
for vip in "$VIP4" "$VIP6"; do
	cmp_ok "$(passes "$vip")" -le 3 "$vip: the route keeps it from going round"
	ok "$vip: nobody answers pings" \
		sh -c "! nsenter --net=/run/netns/$WORLD-c1 ping -q -c 1 -W 1 $vip"
done
is "$(wrong)" 0 "nothing is wrong"
ok "policy vip_route: off, too" policy vip_route off
is "$(routes)" "" "takes the routes away"
is "$(wrong)" 2 "and status tells"
diag "$(xr -j status | pick '.wrong[]')"
cmp_ok "$(passes "$VIP4")" -gt 25 "what it tells of"
in_ns lb1 sysctl -qw net.ipv4.conf.all.forwarding=0
is "$(wrong)" 1 "not where nothing is forwarded"
in_ns lb1 sysctl -qw net.ipv4.conf.all.forwarding=1
ok "on again" policy vip_route on vip_other drop vip_echo on
is "$(routes)" "$OURS" "they are back"

# ---- what comes and goes ----

ip -n "$WORLD-lb1" route flush proto 140
is "$(wrong)" 1 "status tells when somebody flushed them"
ok "reload" xr reload
is "$(routes)" "$OURS" "makes them again"
ip -n "$WORLD-lb1" route flush proto 140
xr export >"$WORLD_DIR/now.yaml"
ok "so does an apply that has nothing else to do" xr apply "$WORLD_DIR/now.yaml"
is "$(routes)" "$OURS" "all"

ip -n "$WORLD-lb1" route add "$VIP4" via "$(addr4 r)"
ip -n "$WORLD-lb1" route add unreachable "$VIP4B"
ok "somebody else's routes stand beside ours" xr vip add "$VIP4B:80/tcp"
is "$(wrong)" 1 "status tells where one leads back"
ok "and outlive them" xr vip del "$VIP4B:80/tcp"
is "$(ip -n "$WORLD-lb1" route show "$VIP4B")" "unreachable $VIP4B " "the one"
is "$(ip -n "$WORLD-lb1" route show "$VIP4" | head -n 1)" \
	"$VIP4 via $(addr4 r) dev eth0 " "the other"
ip -n "$WORLD-lb1" route del "$VIP4" via "$(addr4 r)"
is "$(routes)" "$OURS" "ours are there"

ip -n "$WORLD-lb1" addr add "$VIP4/32" dev lo
ok "an address of the machine's own" in_ns c1 ping -q -c 2 -i 0.2 -W 2 "$VIP4"
before=$(reason vip-other)
passes "$VIP4" >/dev/null
is "$(reason vip-other)" "$before" "is its kernel's, at once"
ok "reload" xr reload
is "$(routes)" "blackhole $VIP6" "and has no route"
ok "the VIP there serves" ask c1 -c 3 tcp "$VIP4" 80
ip -n "$WORLD-lb1" addr del "$VIP4/32" dev lo

ok "a daemon" start daemon lb1 "$XROAM" -i "$(instance lb1)" run
# shellcheck disable=SC2317 # called by name
become()
{
	[ "$(routes)" = "$1" ]
}
ok "puts it back" wait_for 10 become "$OURS"
ip -n "$WORLD-lb1" route flush proto 140
ip -n "$WORLD-lb1" -6 route flush proto 140
ok "and again when somebody flushes them" wait_for 10 become "$OURS"
ip -n "$WORLD-lb1" addr add "$VIP6/128" dev lo nodad
ok "an address of the machine's own is left alone" \
	wait_for 10 become "blackhole $VIP4"
ip -n "$WORLD-lb1" addr del "$VIP6/128" dev lo
ok "until it is gone" wait_for 10 become "$OURS"
ok "the daemon ends" stop daemon

# ---- an apply that fails half-way ----

ip -n "$WORLD-lb1" link add y0 type veth peer name y1
ip -n "$WORLD-lb1" link add z0 type veth peer name z1
in_ns lb1 ip link set z0 xdp obj "$WORLD_BUILD/tests/net/pass.bpf.o" sec xdp.frags
xr export >"$WORLD_DIR/whole.yaml"
sed 's/^  vip_route: .*/  vip_route: off/
s/^\( *\)- name: "\?eth0"\?$/&\n\1- name: y0\n\1- name: z0/' "$WORLD_DIR/whole.yaml" \
	>"$WORLD_DIR/half.yaml"
is "$(grep -c "name: [yz]0" "$WORLD_DIR/half.yaml")" 2 "two more devices"
like "$(xr apply "$WORLD_DIR/half.yaml" 2>&1)" "z0 has program" \
	"an apply without routes fails at its second device, which is somebody else's"
is "$(routes)" "$OURS" "changes no route"
ip -n "$WORLD-lb1" link del y0
ip -n "$WORLD-lb1" link del z0

# ---- kills, and others ----

xr export >"$WORLD_DIR/a.yaml"
xr vip add "$VIP4B:80/tcp"
xr vip add "[$VIP6B]:80/tcp"
xr vip del "[$VIP6]:80/tcp"
xr export >"$WORLD_DIR/b.yaml"
for i in $(seq 1 20); do
	file=$WORLD_DIR/a.yaml
	((i % 2)) || file=$WORLD_DIR/b.yaml
	nsenter --net="/run/netns/$WORLD-lb1" "$XROAM" -i "$(instance lb1)" \
		apply "$file" >/dev/null 2>&1 &
	victim=$!
	sleep "0.0$(printf %02d $((RANDOM % 40)))"
	kill -9 $victim
	wait $victim
done 2>/dev/null
ok "apply after twenty that were killed" xr apply "$WORLD_DIR/b.yaml"
is "$(routes)" "blackhole $VIP4,blackhole $VIP4B,blackhole $VIP6B" "has the routes of its VIPs"
ok "and back" xr apply "$WORLD_DIR/a.yaml"
is "$(routes)" "$OURS" "and no others"

ip -n "$WORLD-lb1" link add x0 type veth peer name x1
ip -n "$WORLD-lb1" link set x0 up
other()
{
	in_ns lb1 "$XROAM" -i "$(instance lb1)-other" "$@"
}
ok "another instance in the namespace" other vip add "$VIP4C:80/tcp"
other vip add "$VIP4:81/tcp"
ok "with a device" other dev attach x0
is "$(routes)" "blackhole $VIP4,blackhole $VIP4C,blackhole $VIP6" "and routes"
ok "the first one's VIPs go" xr vip del "$VIP4:80/tcp"
xr vip del "$VIP4:443/udp"
is "$(routes)" "blackhole $VIP4,blackhole $VIP4C,blackhole $VIP6" \
	"but not the route that the other wants, too"
ok "it is destroyed" other destroy
is "$(routes)" "blackhole $VIP6" "with its own routes, not with the first one's"

ok "detach" xr dev detach eth0
is "$(routes)" "" "without a device there are none"
ok "role backend" xr dev attach eth0 role backend
is "$(routes)" "" "has none"
xr dev detach eth0
ok "attach" xr dev attach eth0
is "$(routes)" "blackhole $VIP6" "back"
xr dev detach eth0
ip -n "$WORLD-lb1" route add blackhole "$VIP4C" proto 140 metric 16777214
ip -n "$WORLD-lb1" route add blackhole "$VIP4C" proto 140
ok "destroy, after a detach that was killed before it saw to the routes" xr destroy
is "$(ip -n "$WORLD-lb1" route show proto 140)" "blackhole $VIP4C " \
	"leaves none behind but somebody else's"
done_testing
