#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A reload that converts the instance of the release before, killed at any instant: traffic
# goes on, the pins are the old ones or the new ones, and the next reload finishes it.
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"

NEW=$XROAM
OLD=$WORLD_BUILD/tests/upgrade/layout-3/build/xroam
[ -x "$OLD" ] || bail "no $OLD: run make tests first"

world_up
pins=/sys/fs/bpf/xroam/$(instance lb1)

XROAM=$OLD
ok "the old one attaches" attach_lb
attach_servers
serve 80
ok "UDP" balance "$VIP4:80/udp"
xr export --keys >"$WORLD_DIR/before"
start udp c1 "$PEER" ask -c 20 -n 0 -i 2 udp "$VIP4" 80

# works COMMAND: it reads the instance
works()
{
	in_ns lb1 "$1" -i "$(instance lb1)" export --keys >"$WORLD_DIR/now" 2>"$WORLD_DIR/why" &&
		cmp -s "$WORLD_DIR/before" "$WORLD_DIR/now"
}

# killed_reload MILLISECONDS
killed_reload()
{
	nsenter --net="/run/netns/$WORLD-lb1" "$NEW" -i "$(instance lb1)" \
		reload >/dev/null 2>&1 </dev/null &
	local victim=$!

	sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"
	kill -9 $victim 2>/dev/null
	wait $victim 2>/dev/null
}

# A whole one takes so long here, now.
begin=$(date +%s%3N)
in_ns s1 "$NEW" -i "$(instance s1)" reload >/dev/null || bail "cannot convert"
whole=$((3 * ($(date +%s%3N) - begin) + 50))
diag "kills within $whole ms"

killed=0 lost='' old=0 new=0
for ((i = 0; i < 24; i++)); do
	killed_reload $((whole * i / 24 + RANDOM % (whole / 24 + 1)))
	killed=$((killed + 1))
	if works "$OLD"; then
		old=$((old + 1))
	elif works "$NEW"; then
		new=$((new + 1))
		break
	else
		lost+=" $i: $(cat "$WORLD_DIR/why")"
	fi
done 2>/dev/null
diag "of $killed kills $old left the old instance, $new the new one"
is "$lost" "" "a killed reload leaves the old instance or the new one, as it was"
cmp_ok $old -gt 0 "some were killed before the end"
# The old command does as it is used to, in between.
if [ $new = 0 ]; then
	XROAM=$OLD
	ok "the old command's reload" xr reload
	XROAM=$NEW
fi
XROAM=$NEW
ok "a whole reload finishes it" xr reload
ok "the instance is the same" works "$NEW"
ok "nothing of the old one is left" test ! -e "$pins~next"
is "$(xr -j dev show | jq -r '.[] | .device + " " + .state')" "eth0 attached" \
	"the device is attached, once"
is "$(xr -j status | jq '.wrong | length')" 0 "and nothing is wrong"
client_end udp
is "$(figure lost) $(figure moved) $(figure broken)" "0 0 0" \
	"no datagram of $(figure asked) was lost, or went astray"
ok "destroy" xr destroy
is "$(in_ns lb1 ip -d link show eth0 | grep -c 'prog/xdp')" 0 "leaves no program on the device"
done_testing
