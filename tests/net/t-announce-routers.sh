#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# VIPs announced by BIRD on one node and FRR on another, configured as the guide has it, to
# a router by eBGP, which spreads flows over both (ECMP): announced, and withdrawn with the
# cause. How long each part took is printed.
# shellcheck source=tests/net/lib/routers.sh disable=SC2317 # called by name
. "$(dirname "$0")/lib/routers.sh"
routers_begin
world_up -s 1 -l 2
# The router's own routes to the VIPs go: it has to learn them.
for net in 192.0.2.0/24 2001:db8:99::/64; do
	ip -n "$WORLD-r" route flush "$net"
done
A="$VIP4:80/tcp" B="[$VIP6]:80/tcp"
bird=$(addr4 lb1) frr=$(addr4 lb2) bird6=$(addr6 lb1) frr6=$(addr6 lb2)

prepare()
{
	local node=$1

	cat >"$WORLD_DIR/$node.yaml" <<-EOT
	policy: {vip_table: $2, vip_hold: 0}
	secret: $(printf '%064d' 7)
	devices: [{name: eth0}]
	cid: []
	vips:
	  - {address: $VIP4, port: 80, protocol: tcp, announce: true}
	  - {address: "$VIP6", port: 80, protocol: tcp, announce: true}
	backends:
	  - {name: s1, address: $(addr4 s1), vips: ["$A"]}
	  - {name: s16, address: "$(addr6 s1)", vips: ["$B"]}
	EOT
	xr_on "$node" apply "$WORLD_DIR/$node.yaml"
}

bird_on r router
ok "the router" wait_for 5 birdc_on r show status
ok "BIRD on lb1" bird_on lb1 bird
ok "FRR on lb2" frr_on lb2 frr
ok "lb1" prepare lb1 1977
ok "BIRD announces" wait_for 20 ways_are "$bird" "$VIP4"
ok "IPv6" wait_for 20 ways_are "$bird6" "$VIP6"
ok "lb2" prepare lb2 254
ok "FRR announces, beside it" wait_for 20 ways_are "$bird $frr" "$VIP4"
ok "IPv6" wait_for 20 ways_are "$bird6 $frr6" "$VIP6"

attach_servers
serve 80
ok "clients are served over both" ask c1 -c 20 tcp "$VIP4" 80
for node in lb1 lb2; do
	cmp_ok "$(xr_on "$node" -j stats vip | jq '[.. | .packets? // empty] | add')" -gt 0 \
		"$node had some of them"
done

start d1 lb1 "$XROAM" -i "$(instance lb1)" run
start d2 lb2 "$XROAM" -i "$(instance lb2)" run
ok "daemons" wait_for 5 sh -c "grep -q watching $WORLD_DIR/d1.err && grep -q watching $WORLD_DIR/d2.err"
start router r ip -ts -4 monitor route
start own1 lb1 ip -ts -4 monitor route
start own2 lb2 ip -ts -4 monitor route
sleep 0.2

# ms FILE WORDS: after $from the kernel there had its first line with these words
ms()
{
	local at

	wait_for 5 grep -q "$2" "$WORLD_DIR/$1.out" || return
	at=$(sed -n "s/^\[\([^]]*\)\] .*$2.*/\1/p" "$WORLD_DIR/$1.out" | head -n 1)
	echo $((($(date -d "$at" +%s%N) - from) / 1000000))
}

# withdrawn NODE WAYS CAUSE...: the router has only these ways left after it
withdrawn()
{
	local node=$1 ways=$2 from own router
	shift 2
	: >"$WORLD_DIR/router.out"
	: >"$WORLD_DIR/own${node#lb}.out"
	from=$(date +%s%N)
	"$@"
	wait_for 10 ways_are "$ways" "$VIP4" || return
	own=$(ms "own${node#lb}" "Deleted blackhole $VIP4")
	router=$(ms router "$VIP4")
	echo "$*: our route went after $own ms, the router's $((router - own)) ms later" \
		>>"$WORLD_DIR/figures"
}

for turn in 1 2 3; do
	ok "lb1, BIRD: no backend ($turn)" withdrawn lb1 "$frr" xr_on lb1 backend set s1 state down
	ok "announced again" xr_on lb1 backend set s1 state up
	ok "at the router" wait_for 10 ways_are "$bird $frr" "$VIP4"
	ok "lb2, FRR: no backend ($turn)" withdrawn lb2 "$bird" xr_on lb2 backend set s1 state down
	ok "announced again" xr_on lb2 backend set s1 state up
	ok "at the router" wait_for 10 ways_are "$bird $frr" "$VIP4"
done
ok "lb1: its program is taken off" withdrawn lb1 "$frr" in_ns lb1 ip link set eth0 xdp off
ok "IPv6, too" wait_for 10 ways_are "$frr6" "$VIP6"
ok "clients are served by the other" ask c1 -c 20 tcp "$VIP4" 80
ok "lb2: destroyed" withdrawn lb2 "" xr_on lb2 destroy
diag "$(cat "$WORLD_DIR/figures")"
done_testing
