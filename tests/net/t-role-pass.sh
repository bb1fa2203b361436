#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Role pass: what a node sends back out of a veth arrives, where its other end has
# a program that does nothing; made, shown, written down, applied as any.
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
PEER_DEV=lb1-eth0

# In the router's namespace, of the node's instance.
at_r()
{
	in_ns r "$XROAM" -i "$(instance lb1)" "$@"
}

world_up -s 1
in_ns r bpftool net detach xdpdrv dev $PEER_DEV
attach_lb mode native
attach_servers
serve 80
balance "$VIP4:80/tcp"
ok "without it nothing arrives" sh -c "! nsenter --net=/run/netns/$WORLD-c1 \
	'$PEER' ask -t 1 -c 1 tcp '$VIP4' 80"
refused 2 "native mode only" "generic mode is refused" \
	dev attach nosuch role pass mode generic
like "$(at_r dev attach $PEER_DEV role pass)" \
	"^$PEER_DEV: native mode, .*role pass\$" "attached to the other end"
ok "now it arrives" ask c1 -c 5 tcp "$VIP4" 80
is "$(xr -j dev show | jq -r '.[] | select(.role == "pass") | "\(.device) \(.state)"')" \
	"$PEER_DEV attached" "it is shown"
cmp_ok "$(reason passed)" -gt 0 "what passes is counted"
is "$(xr status --check)" "all is well" "status has nothing to say"
like "$(at_r explain 020000000001020000000002080600010203 dev $PEER_DEV 2>&1)" \
	"$PEER_DEV has role pass, and it is role node's program that is explained; .*capture dev" \
	"explain does not tell what another program would do"

ok "reload" xr reload
ok "it still arrives" ask c1 -c 5 tcp "$VIP4" 80
like "$(at_r export)" "role: pass" "it is written down"
at_r export >"$WORLD_DIR/file.yaml"
is "$(at_r apply "$WORLD_DIR/file.yaml")" "nothing to change" "and applied: no change"
at_r dev detach $PEER_DEV
like "$(xr status --check)" "veth $PEER_DEV, has no native.*dev attach $PEER_DEV role pass" \
	"detached: status says what to do"
like "$(at_r apply "$WORLD_DIR/file.yaml")" "\+ dev .*$PEER_DEV.* role pass" \
	"apply brings it back"
ok "and it arrives" ask c1 -c 5 tcp "$VIP4" 80
done_testing
