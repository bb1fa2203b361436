#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# An instance of the release before, under traffic, becomes this one's by a reload: no packet
# is lost, no flow moves, what was counted stays; the old daemon leaves, the old command is
# refused.
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
# shellcheck source=tests/net/lib/upgrade.sh
. "$(dirname "$0")/lib/upgrade.sh"

fields()
{
	grep -v '^reason_stats .* 16$'
}
is "$("$WORLD_BUILD/tests/unit/test_layout" --print "${OLD%/xroam}/bpf/xroam.bpf.o" | fields)" \
	"$(fields <"$WORLD_TOP/tests/upgrade/layout-3")" "the record of layout 3 is what its sources make"

XROAM=$OLD
world_up
read_defaults c2
pins=/sys/fs/bpf/xroam/$(instance lb1)

# layout: its number, as the pin has it
layout()
{
	bpftool -j map dump pinned "$pins/meta" | jq '.[0].formatted.value.abi // .[0].value.abi'
}

# shellcheck disable=SC2317 # called by name
ended()
{
	! kill -0 "$1" 2>/dev/null
}

ok "the old one attaches" attach_lb
attach_servers
serve 80 81
ok "TCP" balance "$VIP4:80/tcp"
balance_gue "$VIP4:81/udp"
(umask 077; echo 000102030405060708090a0b0c0d0e0f >"$WORLD_DIR/key")
ok "a CID config with a key" xr cid add 1 format quic-lb server-id-length 2 nonce-length 6 \
	key-file "$WORLD_DIR/key"
xr export --keys | settings >"$WORLD_DIR/before"
start udp c1 "$PEER" ask -c 20 -n 0 -i 1 udp "$VIP4" 81
start tcp c2 "$PEER" ask -c 10 -n 0 -d 20000 tcp "$VIP4" 80
start daemon lb1 "$OLD" -i "$(instance lb1)" run
ok "with its daemon" wait_for 10 grep -q watching "$WORLD_DIR/daemon.err"
# shellcheck disable=SC2317 # called by name
busy()
{
	[ "$(reason flow)" -gt 1000 ]
}
wait_for 10 busy
before=$(xr -j stats | pick '.vips[].packets' | sum)

XROAM=$NEW
refused 1 'has map layout 3, of an older xroam; this one has 4: "xroam -i .* reload" converts it' \
	"the new command says what is to be done" vip add "$VIP4B:80/tcp"
refused 1 'has map layout 3, of an older xroam; .*reload" converts it' "nor does it drain before" \
	drain --wait 0
is "$(layout)" 3 "and has done nothing"
like "$(xr reload)" '^map layout 3 converted to 4; reloaded on 1 device$' "a reload converts it"
is "$(layout)" 4 "the pins have the new layout"
ok "nothing of the old one is left" test ! -e "$pins~next"
is "$(xr export --keys | settings | diff "$WORLD_DIR/before" -)" "" "the configuration is the same"
cmp_ok "$(xr -j stats | pick '.vips[].packets' | sum)" -gt "$before" "counters go on"
ok "the old daemon leaves by itself" wait_for 10 ended "$(pid daemon)"
finish daemon
like "$(cat "$WORLD_DIR/daemon.err")" "nothing left to watch" "and says why"
start daemon lb1 "$NEW" -i "$(instance lb1)" run
ok "the new one takes over" wait_for 10 grep -q watching "$WORLD_DIR/daemon.err"

XROAM=$OLD
refused 1 'has map layout 4, this xroam 3' "the way back is refused" reload
XROAM=$NEW
is "$(xr reload)" "reloaded on 1 device" "a second reload is as any"
client_end udp
is "$(figure lost) $(figure moved) $(figure broken)" "0 0 0" \
	"no datagram of $(figure asked) was lost, or went astray"
client_end tcp
is "$(figure lost) $(figure moved) $(figure broken)" "0 0 0" "no connection was hurt"
is "$(reason flow-moved)" 0 "no flow moved"
is "$(grep -c -v watching "$WORLD_DIR/daemon.err")" 0 "the new daemon has nothing to say"

# A layout that is newer than this one's.
mapfile -t octets < <(bpftool -j map lookup pinned "$pins/meta" key 0 0 0 0 | pick '.value[]')
octets[0]=0x05
bpftool map update pinned "$pins/meta" key 0 0 0 0 value "${octets[@]}"
is "$(layout)" 5 "a layout of the future"
refused 1 'of a newer xroam than this one, which knows 4 and does not go back' \
	"is refused by its number" reload
done_testing
