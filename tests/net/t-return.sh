#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Of two nodes one of the release before is converted by the new command, hands on its flows,
# is drained, gets them back and returns, under traffic by both: every datagram arrives once,
# and no TCP connection is hurt.
# shellcheck source=tests/net/lib/leave.sh disable=SC2317 # called by name
. "$(dirname "$0")/lib/leave.sh"

NEW=$XROAM
OLD=$WORLD_BUILD/tests/upgrade/layout-3/build/xroam
[ -x "$OLD" ] || bail "no $OLD: run make tests first"
world_up -l 2
node_file former ""
node_file now announced
ended() { ! kill -0 "$1" 2>/dev/null; }
more() { [ "$(carried "$1")" -gt "$2" ]; }
# watching NAME NODE: a daemon there, as of now
watching()
{
	start "$1" "$2" "$XROAM" -i "$(instance "$2")" run
	wait_for 10 grep -q watching "$WORLD_DIR/$1.err"
}
# goes_on NODE...: so many packets more come by each
goes_on()
{
	local node

	for node; do
		wait_for 10 more "$node" $(($(carried "$node") + 200)) || return
	done
}

attach_servers
XROAM=$OLD
ok "lb1, of the release before" xr_on lb1 apply "$WORLD_DIR/former.yaml"
ok "with its daemon" watching old lb1
XROAM=$NEW
ok "lb2, of this one" xr_on lb2 apply "$WORLD_DIR/now.yaml"
ok "with its daemon" watching lb2 lb2
ok "servers" numbered_servers
ok "a client, whose traffic goes by both" numbered_start

# The new command is in place.
like "$(xr reload)" '^map layout 3 converted to 4; reloaded on 1 device$' "lb1 is converted"
ok "its old daemon leaves" wait_for 10 ended "$(pid old)"
finish old
ok "the new one takes over" watching lb1 lb1
ok "lb1 announces its VIPs now" xr apply "$WORLD_DIR/now.yaml"
follow
follow_once
ok "the router has both" wait_for 5 ways_are lb1 lb2
ok "traffic by both" goes_on lb1 lb2

# Flows that the hash alone would not find again.
for node in lb1 lb2; do
	ok "a third server for TCP" xr_on $node backend set s3 vip "$VIP4:443/udp" vip "$VIP4:80/tcp"
done
ok "lb1's flows, written" xr state export "$WORLD_DIR/flows"
ok "lb2 has them, too" xr_on lb2 state import "$WORLD_DIR/flows"

out=$(xr drain --quiet 1)
is $? 0 "lb1 is drained"
like "$out" "eth0: detached.*drained" "and says so"
ok "the router sends all to lb2" ways_are lb2
is "$(in_ns lb1 ip -j link show eth0 | pick -d 0 '.[0].xdp.mode')" 0 "no program is left"
before=$(carried lb1)
ok "lb2 carries the traffic" goes_on lb2
is "$(carried lb1)" "$before" "and lb1 none"
ok "lb2's flows, written" xr_on lb2 state export "$WORLD_DIR/flows" only flows
ok "lb1 has them, too" xr state import "$WORLD_DIR/flows"
ok "a reload brings nothing back" xr reload
ok "the router sends all to lb2 still" ways_are lb2

is "$(xr undrain)" "the node serves again" "lb1 returns"
ok "the router has both" wait_for 5 ways_are lb1 lb2
ok "traffic by both" goes_on lb1 lb2

numbered_end
diag "client: $CLIENT" "servers: $SERVERS"
cmp_ok "$(pick .sent <<<"$CLIENT")" -gt 5000 "datagrams were sent all the time"
is "$LOST" 0 "each of them arrived at a server"
is "$(pick .twice,stray <<<"$SERVERS")" "0 0" "once, and at its own"
is "$(jq -c '[.sent - .answered, .answered_twice]' <<<"$CLIENT")" "[0,0]" "so did each answer"
is "$(pick .broken <<<"$CLIENT")" "[]" "no TCP connection was hurt"
cmp_ok "$(pick .blocks <<<"$CLIENT")" -gt 2000 "they had load"
is "$(pick .blocks <<<"$CLIENT")" "$(pick .blocks <<<"$SERVERS")" "whose every block came and went"
is "$(reason flow-moved) $(reason flow-moved lb2)" "0 0" "no flow moved"

# What is counted here is lost where a node just loses its program.
stop lb1
ok "servers anew" numbered_servers
ok "a client" numbered_start
ok "traffic by both" goes_on lb1 lb2
ok "lb1's program is taken off without a drain" in_ns lb1 ip link set eth0 xdp off
sleep 0.3
lb_route lb2
numbered_end
cmp_ok "$LOST" -gt 0 "loses datagrams"
done_testing
