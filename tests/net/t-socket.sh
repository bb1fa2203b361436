#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The daemon's socket: what it answers, to whatever is said, by whomever.
# shellcheck source=tests/net/lib/daemonworld.sh
. "$(dirname "$0")/lib/daemonworld.sh"
daemon_world_up
ok "the daemon" run_daemon -c "$CONFIG"
is "$(stat -c '%a %F' "$SOCKET")" "660 socket" "its socket, for its group only"

# says "OK SEQ ALREADY IGNORED" LINE DESCRIPTION
says()
{
	notify say "$2"
	is "$(pick -d - .ok,seq,already,ignored <<<"$PRINTED" 2>&1)" "$1" "$3"
}

# no REGEX LINE DESCRIPTION: refused, in one line
no()
{
	notify say "$2"
	is "$(pick .ok <<<"$PRINTED" 2>&1)" false "$3"
	like "$(pick .error <<<"$PRINTED" 2>&1)" "$1" "  and says why"
}

n="\"mac\":\"$VM\""
says "true 7 - -" "{\"notice\":\"moved\",$n,\"to\":\"h2\",\"seq\":7}" "moved"
is "$(fact host) $(fact state) $(fact seq) $(fact source)" \
	"h2 moved 7 socket" "  is done when it is answered"
says "true 7 - true" "{\"notice\":\"moved\",$n,\"to\":\"h2\",\"seq\":7}" \
	"the same again: ignored"
says "true 7 true -" "{\"notice\":\"moved\",$n,\"to\":\"h2\"}" \
	"moved to where it is"
says "true 8 - -" "{\"notice\":\"moved\",$n,\"to\":\"h3\",\"vlan\":0}" \
	"without a number: the next; VLAN 0 is none"
no "older than the 8 that is known" \
	"{\"notice\":\"moved\",$n,\"to\":\"h2\",\"seq\":5}" "an older number"
says "true 8 - -" "{\"notice\":\"prepare\",$n,\"to\":\"h2\",\"timeout\":60}" \
	"prepare"
is "$(fact state) $(fact to)" "prepared h2" "  is done"
says "true 8 - -" "{\"notice\":\"pause\",$n}" "pause"
is "$(fact state)" "blackout" "  is done"
says "true 8 - -" "{\"notice\":\"cancel\",$n}" "cancel"
says "true 8 true -" "{\"notice\":\"cancel\",$n}" "cancel again"
is "$(fact host) $(fact state)" "h3 moved" "  it stayed"
says "true 0 - -" '{"notice":"add","mac":"52:54:00:00:00:01","vlan":5,"at":"h2","addresses":["10.9.0.11","fd09::11"],"lock":true}' \
	"add"
is "$(xr -j vm show 52:54:00:00:00:01 | jq -c '.. | objects | select(.mac?) | [.vlan, .addresses, .lock]')" \
	'[5,["10.9.0.11","fd09::11"],true]' "  with all that was said"
says "true 0 - -" '{"notice":"leave","mac":"52:54:00:00:00:01","vlan":5}' "leave"

no "no host hx" "{\"notice\":\"moved\",$n,\"to\":\"hx\"}" "unknown host"
no "no VM" '{"notice":"moved","mac":"52:54:00:00:00:09","to":"h2"}' "unknown VM"
no "multicast" '{"notice":"add","mac":"01:00:5e:00:00:01","at":"h2"}' \
	"a multicast MAC"
no "no move is prepared" "{\"notice\":\"pause\",$n}" "pause out of nowhere"
no '"tto"' "{\"notice\":\"moved\",$n,\"tto\":\"h2\"}" "unknown key"
no '"timeout".*"moved"' "{\"notice\":\"moved\",$n,\"to\":\"h2\",\"timeout\":1}" \
	"a key of another notice"
no '"to"' "{\"notice\":\"moved\",$n}" "a key is missing"
no '"to"' "{\"notice\":\"moved\",$n,\"to\":2}" "a number for a name"
no '"seq"' "{\"notice\":\"moved\",$n,\"to\":\"h2\",\"seq\":\"9\"}" \
	"a string for a number"
no '"seq"' "{\"notice\":\"moved\",$n,\"to\":\"h2\",\"seq\":-1}" "seq below 1"
no '"vlan"' "{\"notice\":\"moved\",$n,\"to\":\"h2\",\"vlan\":4095}" "VLAN 4095"
no '"vlan"' "{\"notice\":\"moved\",$n,\"to\":\"h2\",\"vlan\":1.5}" "VLAN 1.5"
no '"vlan"' "{\"notice\":\"moved\",$n,\"to\":\"h2\",\"vlan\":1e0}" "VLAN 1e0"
no '"vlan"' "{\"notice\":\"moved\",$n,\"to\":\"h2\",\"vlan\":0.0}" "VLAN 0.0"
no 'not JSON' "{\"notice\":\"moved\",$n,\"to\":\"h2\",\"vlan\":00}" "VLAN 00"
no 'not JSON' "{\"notice\":\"moved\",$n,\"to\":\"h2\",\"vlan\":+0}" "VLAN +0"
no '"-0" is no number' "{\"notice\":\"moved\",$n,\"to\":\"h2\",\"vlan\":-0}" "VLAN -0"
no 'no host a"-0' "{\"notice\":\"moved\",$n,\"to\":\"a\\\"-0\"}" "in a name it is none"
no '"lock"' '{"notice":"add","mac":"52:54:00:00:00:02","at":"h2","lock":1}' \
	"lock: 1"
no '"addresses"' '{"notice":"add","mac":"52:54:00:00:00:02","at":"h2","addresses":["10.9.0.300"]}' \
	"no address"
no '"notice"' "{$n}" "no notice"
no '"notice"' "{\"notice\":\"fly\",$n}" "unknown notice"
no '"mac"' '{"notice":"pause"}' "no MAC"
no '"mac"' '{"notice":"pause","mac":"52:54"}' "half a MAC"
no 'not JSON' '{"notice":' "half an object"
no 'not JSON' "{\"notice\":\"pause\",$n,$n}" "a key twice"
no 'not JSON' "{\"notice\":\"pause\",$n} x" "something behind it"
no 'not a JSON object' '[]' "an array"
no 'not JSON' "$(printf '%03000d' 0 | tr 0 '[')" "three thousand brackets"
is "$(fact host) $(fact seq)" "h3 8" "none of it changed anything"

# ---- pieces of lines ----

text="{\"notice\":\"moved\",$n,\"to\":\"h2\"}"
notify pieces "${text:0:9}" "${text:9:20}" "${text:29}\\n${text/h2/h3}" "\\n\\n \\n"
is "$(jq -s 'map(.seq) | join(" ")' <<<"$PRINTED")" '"9 10"' \
	"lines in pieces, two at a time; blank ones are none"
notify pieces "$text"
like "$PRINTED" "no end" "a last line without an end is not obeyed"
is "$(fact host)" h3 "  nor done"

# ---- who does not behave ----

notify huge 100000000
like "$PRINTED" "65535 octets" "100 MB without a newline: told"
like "$PRINTED" "end$" "  and cut off"
cmp_ok "$(sed -n 's/^sent //p' <<<"$PRINTED")" -lt 2000000 "  at once"
before=$(ps -o rss= -p "$(pid daemon)")
notify garbage 300
notify vanish 300 "$VM" h2
notify say "$text"
like "$PRINTED" true "after garbage, and clients that vanished: it answers"
notify last_words 1001 "$VM" h2 h3 h2 h3 h2 h3 h2
wait_for 5 test "$(fact host)" = h2
is "$(fact host)" h2 "what a client said before it went is done"

# Others at the same time, and still answered within the time.
$PYTHON "$LIB/notify.py" "$SOCKET" hold 500 8 "${text:0:20}" >"$WORLD_DIR/hold" &
holder=$!
wait_for 5 grep -q held "$WORLD_DIR/hold"
stall_begin
$PYTHON "$LIB/notify.py" "$SOCKET" slow 6 "$VM" h2 >"$WORLD_DIR/slow" &
slow=$!
notify rate 2 "$VM" h2 h3
diag "beside 500 half lines and one who never reads: $PRINTED"
stall_end
cmp_ok "$(figure p99)" -lt $((20000 + 1000 * STALLED)) "nobody else is delayed"
wait $slow
like "$(<"$WORLD_DIR/slow")" "after" "who does not read is not read from"
cmp_ok "$(sed 's/.* //' "$WORLD_DIR/slow")" -lt 3000000 "  and nothing piles up"
kill $holder
wait $holder 2>/dev/null

notify many 1024 20 "$VM" h2
is "$(head -n 1 <<<"$PRINTED")" "ok 1024 refused 20 again 1024" \
	"1024 clients are served, more are told so"
like "$(tail -n 1 <<<"$PRINTED")" true "and when they go there is room again"
after=$(ps -o rss= -p "$(pid daemon)")
cmp_ok $((after - before)) -lt 20000 "the daemon did not grow ($before kB, $after kB)"

# ---- speed ----

stall_begin
notify sustained 30000 64 "$VM" h2 h3
diag "$PRINTED"
stall_end
is "$(figure bad)" 0 "30,000 single notices, all obeyed"
cmp_ok "$(figure rate)" -ge $((BUSY ? 1000 : 10000)) \
	"at 10,000 a second, where the machine has nothing else to do"
stall_begin
notify rate 2 "$VM" h2 h3
diag "one after the other: $PRINTED"
stall_end
cmp_ok "$(figure median)" -le $((BUSY ? 1000 * STALLED : 200)) \
	"from the write to the answer: median 200 us, where nothing else is done"

daemon_end
is $? 0 "the daemon ends when it is told to"
ok "and takes its socket with it" test ! -e "$SOCKET"
like "$(fact host)" "^h[23]$" "what it did stays"
done_testing
