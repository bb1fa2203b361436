#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A node is replaced by another one, which gets its flow table: after a change of backends
# its 200 TCP connections go on, where without the table some break. What a stream may be,
# and what is refused.
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
# shellcheck source=tests/net/lib/state.sh
. "$(dirname "$0")/lib/state.sh"
world_up -l 2 -s 4

# other ARGS...: in an instance that is on no device
other()
{
	in_ns lb2 "$XROAM" -i "$(instance x)" "$@"
}

umask 077
state_config 4096 >"$WORLD_DIR/file"
for lb in lb1 lb2; do
	xr_on $lb apply "$WORLD_DIR/file" >/dev/null || bail "cannot apply"
done
ok "attach" attach_lb
attach_servers
serve 80

# both ARGS...: on both nodes
# shellcheck disable=SC2317 # called by name
both()
{
	xr_on lb1 "$@" >/dev/null && xr_on lb2 "$@" >/dev/null
}

# established N: so many flows, by lb1
# shellcheck disable=SC2317 # called by name
established()
{
	[ "$(xr_on lb1 -j status | pick .flows.established)" -ge "$1" ]
}

# ---- without the table ----

lb_route lb1
start control c2 "$PEER" ask -c 60 -n 0 -i 20 tcp "$VIP4" 80
ok "connections by lb1" wait_for 10 established 60
ok "a third backend" both backend add s3 vip "$VIP4:80/tcp" address "$(addr4 s3)"
lb_route lb2
sleep 0.5
client_end control
cmp_ok "$(($(figure lost) + $(figure broken)))" -gt 0 "without the flow table some break on lb2"

# ---- with it ----

lb_route lb1
start tcp c1 "$PEER" ask -c 200 -n 0 -i 50 tcp "$VIP4" 80
ok "200 connections by lb1" wait_for 10 established 200
ok "a fourth backend" both backend add s4 vip "$VIP4:80/tcp" address "$(addr4 s4)"
M1=52:54:00:00:00:01 M2=52:54:00:00:00:02 M3=52:54:00:00:00:03
xr vm add $M1 at h1 address 10.9.0.71 limit "in bits 8M packets 1000" limit "out packets 20" \
	rule "deny in peer 192.0.2.0/24" rule "allow tcp port 443" default deny >/dev/null
xr vm add $M2 at h1 >/dev/null
xr vm move $M2 to h2 seq 7 >/dev/null
xr vm add $M3 at h1 >/dev/null
xr vm prepare $M3 to h2 seq 9 timeout 600 >/dev/null
xr_on lb2 vm add $M3 at h1 >/dev/null

xr state export - >"$WORLD_DIR/piped"
like "$(xr state export "$WORLD_DIR/state")" "state: [0-9]* flows, 3 VMs, [0-9]* octets$" "export"
is "$(stat -c %a "$WORLD_DIR/state")" 600 "a file that only root can read"
out=$(xr_on lb2 -j state import - <"$WORLD_DIR/piped")
diag "$out"
cmp_ok "$(jq '.flows.new + .flows.newer' <<<"$out")" -ge 200 "lb2 has them all"
is "$(jq -c '[.flows.no_backend, .flows.full, .vms.new, .vms.changed, .vms.refused]' <<<"$out")" \
	"[0,0,2,1,0]" "and VMs: two are new, one had gone on"
lb_route lb2
ok "lb1 is no more" xr destroy
sleep 1
client_end tcp
is "$(figure lost) $(figure moved) $(figure broken)" "0 0 0" "no connection of 200 noticed"
cmp_ok "$(figure answered)" -gt 2000 "there was load"
is "$(xr_on lb2 -j vm show | jq -c 'sort_by(.mac) | map([.state, .host, .to, .seq])')" \
	'[["stable","h1",null,0],["moved","h2",null,7],["prepared","h1","h2",9]]' "VMs are where they were"
is "$(xr_on lb2 -j vm show $M1 | pick '.[0].addresses')" '["10.9.0.71"]' "with their addresses"

bounds='[["in bits 8M packets 1K burst 100","out packets 20 burst 100"],["deny in peer 192.0.2.0/24","allow tcp port 443"],"deny"]'
is "$(xr_on lb2 -j vm show $M1 | jq -c '.[0] | [.limits, .rules, .default]')" "$bounds" \
	"and with what they may send and get"
is "$(xr_on lb2 -j vm show $M2 | jq -c '.[0].limits')" null "others may all"
like "$(xr_on lb2 vm show $M1)" "BOUNDS  *ADDRESS.*no  *2 limits, 2 rules, deny  *10.9.0.71" \
	"the table tells of it in short"
like "$(xr_on lb2 vm show $M2)" "no  *-  *0 addresses" "  and of others, that they have none"

# ---- what is newer stays ----

xr_on lb2 vm pause $M3 seq 9 >/dev/null 2>&1
xr_on lb2 vm move $M2 to h1 seq 8 >/dev/null
out=$(xr_on lb2 -j state import "$WORLD_DIR/state")
# Ages are whole seconds: of a flow that has ended since, they may differ by one.
is "$(jq -c '[.flows.new, .vms.new, .vms.changed, .vms.kept]' <<<"$out")" "[0,0,0,3]" \
	"a second import of the same brings nothing"
is "$(xr_on lb2 -j vm show | jq -c 'sort_by(.mac) | map([.state, .host, .seq])')" \
	'[["stable","h1",0],["moved","h1",8],["blackout","h1",9]]' "newer words stay"

# ---- other tables, other keys ----

all=$(jq '.flows | add' <<<"$out")
for flows in 1024 32768; do
	state_config $flows >"$WORLD_DIR/file"
	other apply "$WORLD_DIR/file" >/dev/null
	out=$(other -j state import "$WORLD_DIR/state")
	diag "$out"
	is "$(jq '.flows | add' <<<"$out")" "$all" "limits.flows $flows: each flow is accounted for"
	cmp_ok "$(pick .flows.new <<<"$out")" -gt 60 "most are entered"
	cmp_ok "$(pick .flows.no_backend <<<"$out")" -gt 0 "some have no backend there"
	other destroy >/dev/null
done
# refused_state REGEX WHAT ARGS...: as refused of world.sh, in that instance
refused_state()
{
	local regex=$1 what=$2 said status

	shift 2
	said=$(other state "$@" 2>&1)
	status=$?
	is $status 1 "$what: refused"
	like "$said" "$regex" "$what: and why"
	is "$(wc -l <<<"$said")" 1 "$what: in one line"
}
state_config 1048576 >"$WORLD_DIR/file"
other apply "$WORLD_DIR/file" >/dev/null
refused_state "more than 16 times as many" "a table that is much larger" import "$WORLD_DIR/state"
other destroy >/dev/null
state_config 4096 2 >"$WORLD_DIR/file"
other apply "$WORLD_DIR/file" >/dev/null
refused_state "of other hash keys" "another secret" import "$WORLD_DIR/state"
is "$(other -j vm show)" "[]" "nothing was taken"
is "$(other -j state import "$WORLD_DIR/state" only vms | pick .vms.new)" 3 "but VMs alone are"

# ---- what is no stream ----

head -c 1000 "$WORLD_DIR/state" >"$WORLD_DIR/cut"
refused_state "ends in the middle" "a part of one" import "$WORLD_DIR/cut"
{
	head -c 700 "$WORLD_DIR/state"
	printf '\377'
	tail -c +702 "$WORLD_DIR/state"
} >"$WORLD_DIR/bent"
refused_state "damaged, at octet" "a bent one" import "$WORLD_DIR/bent"
# Its check sum is right, what it says is not: the section of bounds, kind 6, by Python's crc32.
python3 - "$WORLD_DIR/state" "$WORLD_DIR/lying" <<-EOT
	import struct, sys, zlib
	octets = bytearray(open(sys.argv[1], "rb").read())
	at = octets.index(b"rdeny in peer")
	octets[at] = ord("x")
	head = octets.rindex(struct.pack("<I", 6), 0, at - 8)
	n = struct.unpack_from("<I", octets, head + 8)[0]
	struct.pack_into("<I", octets, head + 4, zlib.crc32(octets[head + 16:head + 16 + n]))
	open(sys.argv[2], "wb").write(octets)
EOT
refused_state "damaged, at octet.*bounds that are none" "one with bounds that are none" \
	import "$WORLD_DIR/lying"
{
	head -c 8 "$WORLD_DIR/state"
	printf '\377'
	tail -c +10 "$WORLD_DIR/state"
} >"$WORLD_DIR/later"
refused_state "state of format 255, and this xroam knows" "one of a later xroam" import "$WORLD_DIR/later"
refused_state "no state of xroam" "another file" import "$WORLD_DIR/file"
refused_state "nothing in it" "an empty file" import /dev/null
refused_state "No such file" "no file" import "$WORLD_DIR/none"
refused_state "is a directory|Is a directory" "a directory" import "$WORLD_DIR"
# Its head says that it was written long ago.
{
	head -c 16 "$WORLD_DIR/state"
	printf '\1\0\0\0\0\0\0\0'
	tail -c +25 "$WORLD_DIR/state"
} >"$WORLD_DIR/old"
refused_state "s ago by this machine's clock" "one of long ago" import "$WORLD_DIR/old" only vms
ok "but where it is meant" other state import "$WORLD_DIR/old" only vms any-age
ok "the export to a full disk fails" eval '! other state export - >/dev/full 2>/dev/null'
other destroy >/dev/null
done_testing
