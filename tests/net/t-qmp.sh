#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# QEMU's monitor as a source: what its events make of the VM's state at the old
# host and at the new one, in QEMU's order and in odd ones; tests/vm does it with
# a real QEMU.
# shellcheck source=tests/net/lib/daemonworld.sh
. "$(dirname "$0")/lib/daemonworld.sh"
daemon_world_up
QMP=$WORLD_DIR/vm.qmp

# qemu [KEY=VALUE...]: one that is there from now on; tell WORDS makes it speak
qemu()
{
	[ -p "$WORLD_DIR/orders" ] || mkfifo "$WORLD_DIR/orders"
	rm -f "$WORLD_DIR/qemu.out"	# of the one before
	start qemu n1 $PYTHON "$LIB/qemu.py" "$QMP" "$WORLD_DIR/orders" "$@"
}

tell()
{
	# Its reader may be gone: no test waits for it for ever.
	printf '%s\n' "$@" | timeout 5 tee "$WORLD_DIR/orders" >/dev/null ||
		fail "no QEMU to tell" "$(cat "$WORLD_DIR/qemu.err")"
}

# shellcheck disable=SC2317 # called by name
heard() { grep -q "$1" "$WORLD_DIR/qemu.out"; }

# The queries of a new connection have been answered, and the last acted upon.
connected()
{
	wait_for 5 heard query-migrate || cat "$WORLD_DIR/qemu.out"
	sleep 0.1
}

# All at one time.
facts()
{
	xr -j vm show "$VM" | pick -w mac .state,host,to
}

# shellcheck disable=SC2317 # called by name
looks()
{
	[ "$(facts)" = "$1" ]
}

# becomes STATE HOST TO DESCRIPTION
becomes()
{
	shows 3 "$1 $2 $3" "$4" facts
}

# shellcheck disable=SC2317 # called by name
at_last()
{
	[ "$(fact state)" = "$1" ]
}

stays()
{
	sleep 0.15
	is "$(facts)" "$1 $2 $3" "$4"
}

# with LINES: the daemon with these keys of its QMP source
# shellcheck disable=SC2317 # called by name
with()
{
	daemon_end
	stop qemu
	xr vm leave "$VM" >/dev/null 2>&1
	xr vm add "$VM" at "${AT-h1}" >/dev/null
	sed "/^sources:/,\$d" "$CONFIG" >"$WORLD_DIR/with.yaml"
	cat >>"$WORLD_DIR/with.yaml" <<-EOF
		sources:
		  qmp:
		    - socket: $QMP
		      vm: {mac: "$VM"}
	EOF
	printf '      %s\n' "$@" >>"$WORLD_DIR/with.yaml"
	run_daemon -c "$WORLD_DIR/with.yaml"
}

xr apply "$CONFIG" >/dev/null

# ---- the machine that it leaves ----

ok "role source; no QEMU there yet" with "role: source" "to: h2"
qemu
connected
ok "when there is one, it is found" heard connected
ok "its events are switched on" heard 'migrate-set-capabilities.*"events".*true'
is "$(fact state)" stable "a QEMU that runs says nothing new"

tell "event STOP"
stays stable h1 null "an operator's pause is no blackout"
tell "event RESUME"
stays stable h1 null "nor its end a cancelled move"

tell "migration setup"
becomes prepared h1 h2 "MIGRATION setup: prepared"
tell "migration active"
stays prepared h1 h2 "active: all the same"
tell "event STOP"
becomes blackout h1 h2 "STOP: blackout"
tell "migration completed"
becomes moved h2 null "completed: moved, whoever says so there"
is "$(fact source)" qmp "  by QMP's word"
seq=$(fact seq)
tell "event STOP" "event RESUME" "migration failed"
becomes moved h1 null "RESUME at the source, whatever it said before: it is back"
cmp_ok "$(fact seq)" -gt "$seq" "  by a newer number"
tell "event STOP" "migration failed" "event RESUME"
stays moved h1 null "and stays so"

again()
{
	xr vm leave "$VM" >/dev/null
	xr vm add "$VM" at h1 >/dev/null
	tell "migration none"
}

again
ok "a move that was prepared in time: not a word" \
	sh -c "! grep 'before its move was prepared' '$WORLD_DIR/daemon.err'"
tell "migration active" "raw {\"event\":\"STOP\",\"timestamp\":{\"seconds\":$((EPOCHSECONDS - 1)),\"microseconds\":0}}\\n"
becomes blackout h1 h2 "again: blackout"
ok "STOP before it was prepared: what that costs is told" \
	grep -q "stood still .* ms before its move was prepared" "$WORLD_DIR/daemon.err"
tell "event RESUME" "migration failed"
becomes stable h1 null "RESUME at the source: it stayed"

again
tell "migration active"
becomes prepared h1 h2 "again: prepared"
tell "migration cancelling" "migration cancelled"
becomes stable h1 null "cancelled while it still runs: it stayed"

again
tell "migration active" "event STOP" "migration cancelling" "migration cancelled" "event RESUME"
becomes stable h1 null "cancelled after STOP, RESUME last: it stayed"

again
tell "migration active" "event STOP"
becomes blackout h1 h2 "an operator's pause in mid-migration: blackout"
tell "event RESUME"
becomes prepared h1 h2 "and its end: prepared still"
tell "event STOP" "migration completed"
becomes moved h2 null "and it goes on"

again
tell "migration active" "event STOP" "migration completed"
ok "completed: copies are made until it speaks there" wait_for 3 looks "blackout h1 h2"
becomes moved h2 null "or a second has gone by"
again
tell "migration active" "event STOP" "migration completed" "event RESUME"
becomes stable h1 null "RESUME meanwhile: it stayed"
again
tell "migration active" "event STOP" "migration completed"
becomes moved h2 null "it does not speak: moved all the same"
xr vm move "$VM" to h3 >/dev/null 2>&1
tell "event RESUME"
stays moved h3 null "moved on since: that QEMU's word is over"
# shellcheck disable=SC2317 # called by name
runs_twice() { xr status | grep -q "qmp $QMP: VM $VM runs there, and is known at another host"; }
# shellcheck disable=SC2317 # called by name
runs_once() { ! runs_twice; }
ok "  but that it runs here is told" wait_for 3 runs_twice
xr vm move "$VM" to h1 >/dev/null
ok "  until it is known here" wait_for 3 runs_once

# Said before STOP, as a rule.
again
tell "migration active" "migration postcopy-active"
stays prepared h1 h2 "postcopy: it runs here still"
tell "event STOP"
ok "STOP: copies are made" wait_for 3 looks "blackout h1 h2"
tell "migration postcopy-paused" "migration postcopy-recover" \
	"migration postcopy-active"
becomes moved h2 null "and it runs there, whatever becomes of the rest"
tell "migration completed"
stays moved h2 null "completed, late"
again
tell "migration active" "event STOP" "migration postcopy-active"
becomes moved h2 null "the other way round"
again
tell "migration active" "migration postcopy-active" "event STOP" \
	"migration failed" "event RESUME"
becomes stable h1 null "postcopy fails as it begins: it stayed"
again
tell "migration active" "migration postcopy-active" "event STOP"
becomes moved h2 null "again: moved"
tell "migration failed" "event RESUME"
becomes moved h1 null "and fails late: it is back"

# ---- the daemon was away ----

again
daemon_end KILL
tell "set migrate=active status=finish-migrate"
ok "a daemon that starts in mid-blackout" run_daemon -c "$WORLD_DIR/with.yaml"
becomes blackout h1 h2 "finds out"
daemon_end KILL
tell "set migrate=completed status=postmigrate"
ok "one that starts after it" run_daemon -c "$WORLD_DIR/with.yaml"
becomes moved h2 null "finds out, too"
xr vm move "$VM" to h3 >/dev/null 2>&1
daemon_end KILL
ok "and the next one" run_daemon -c "$WORLD_DIR/with.yaml"
stays moved h3 null "does not believe yesterday's QEMU against today's move"
again
tell "migration active" "event STOP" "migration completed"
becomes moved h2 null "moved"
daemon_end KILL
tell "set migrate=completed status=running"
run_daemon -c "$WORLD_DIR/with.yaml"
becomes moved h1 null "and RESUME at the source while no daemon was there: it is back"
xr vm move "$VM" to h3 >/dev/null 2>&1
daemon_end KILL
run_daemon -c "$WORLD_DIR/with.yaml"
stays moved h3 null "but not against an operator's word"
again
tell "set migrate=active status=running"
daemon_end KILL
run_daemon -c "$WORLD_DIR/with.yaml"
becomes prepared h1 h2 "in mid-precopy: prepared"
tell "hang up" "event STOP"
stays prepared h1 h2 "QEMU hung up: as it was"
ok "and is called again" wait_for 2 sh -c \
	"[ \$(grep -c connected '$WORLD_DIR/qemu.out') -ge 2 ]"

# ---- the gate ----

ok "the gate" with "role: source" "to: h2" "gate: true"
qemu
connected
ok "its capability is set" wait_for 2 heard 'pause-before-switchover.*true'
stall_begin
# shellcheck disable=SC2317 # called by name
gone_on() { [ "$(grep -c 'migrate-continue {"state": "pre-switchover"}' "$WORLD_DIR/qemu.out")" = "$1" ]; }
for i in 1 2 3 4 5; do
	tell "migration active"
	becomes prepared h1 h2 "gate, $i: prepared"
	tell "event STOP" "migration pre-switchover"
	becomes blackout h1 h2 "pre-switchover: blackout"
	ok "and the migration goes on" wait_for 5 gone_on $i
	[ $i = 5 ] || tell "event RESUME" "migration cancelled"
	[ $i = 5 ] || becomes stable h1 null "cancelled at the gate: it stayed"
done
took=$(sed -n 's/^migrate-continue.* after \([0-9]*\) us/\1/p' "$WORLD_DIR/qemu.out" |
	sort -n)
stall_end
diag "from QEMU's word to ours, us: ${took//$'\n'/ }"
# The machine may be busy otherwise: the second best of five.
cmp_ok "$(sed -n 2p <<<"$took")" -lt $((BUSY ? 10000 : 1000)) \
	"within a millisecond, the copy in place"
tell "migration device" "migration completed"
becomes moved h2 null "completed: moved"

# ---- somebody else's gate ----

ok "a gate that somebody else opens, too" with "role: source" "to: h2" "gate: true"
qemu
connected
tell "migration active" "event STOP" "migration pre-switchover" \
	"migration device"
becomes blackout h1 h2 "copies are made all the same"
tell "migration failed" "event RESUME"
becomes stable h1 null "it stayed"
is "$(grep -c migrate-continue "$WORLD_DIR/qemu.out")" 0 "nobody answered for him"
ok "and the capability is his to set" wait_for 2 heard 'switchover.*false'
tell "migration active" "event STOP" "migration pre-switchover"
becomes blackout h1 h2 "the next time"
stays blackout h1 h2 "he takes his time"
is "$(grep -c migrate-continue "$WORLD_DIR/qemu.out")" 0 "  and gets it"
like "$(xr status)" "somebody else opens this QEMU's gate" "status says so"
tell "migration failed" "event RESUME"
becomes stable h1 null "it stayed"
ok "libvirt's" with "role: source" "to: h2" "gate: true"
qemu chardev=charmonitor
connected
is "$(grep -c switchover "$WORLD_DIR/qemu.out")" 0 "libvirt's QEMU: its gate is left alone"
tell "migration active" "event STOP" "migration pre-switchover"
becomes blackout h1 h2 "but copies are made"
is "$(grep -c migrate-continue "$WORLD_DIR/qemu.out")" 0 "and nobody answers for it"

ok "ours again" with "role: source" "to: h2" "gate: true"
qemu
connected

again
tell "migration active" "event STOP" "migration pre-switchover" \
	"migration cancelling" "event RESUME" "migration cancelled"
becomes stable h1 null "cancelled at the gate: it stayed"
again
xr vm leave "$VM" >/dev/null
n=$(grep -c migrate-continue "$WORLD_DIR/qemu.out")
tell "migration active" "event STOP" "migration pre-switchover"
ok "a VM that is not known is let through the gate, too" wait_for 2 sh -c \
	"[ \$(grep -c migrate-continue '$WORLD_DIR/qemu.out') -gt $n ]"
xr vm add "$VM" at h1 >/dev/null
daemon_end KILL
tell "set migrate=pre-switchover status=finish-migrate"
n=$(grep -c migrate-continue "$WORLD_DIR/qemu.out")
run_daemon -c "$WORLD_DIR/with.yaml"
ok "a QEMU that waits at the gate for a daemon that was killed" wait_for 2 \
	sh -c "[ \$(grep -c migrate-continue '$WORLD_DIR/qemu.out') -gt $n ]"
becomes blackout h1 h2 "is let through after the copy is in place"
n=$(grep -c 'switchover.*false' "$WORLD_DIR/qemu.out")
daemon_end
cmp_ok "$(grep -c 'switchover.*false' "$WORLD_DIR/qemu.out")" -gt "$n" \
	"a daemon that stops takes the gate away: no migration waits for it"
run_daemon -c "$WORLD_DIR/with.yaml"
tell "set refuse=1 migrate=none status=running" "hang up"
ok "capabilities refused: told" wait_for 2 grep -q "not now" \
	"$WORLD_DIR/daemon.err"

# ---- its port, as QEMU names it ----

rings()
{
	bpftool -j map dump pinned "/sys/fs/bpf/xroam/$WORLD-n1/rings" |
		jq '[.[].formatted.value | select(.vm > 0)] | length'
}

# shellcheck disable=SC2317 # called by name
rings_are() { [ "$(rings)" = "$1" ]; }

# Into the port, and whether the ring has seen it.
# shellcheck disable=SC2317 # called by name
counts()
{
	in_ns n1 ping -c 1 -W 1 -I tap9 10.99.0.2 >/dev/null
	[ "$(bpftool -j map dump pinned "/sys/fs/bpf/xroam/$WORLD-n1/rings" |
		jq '[.[].formatted.value | select(.vm > 0) | .entered] | add')" -gt 0 ]
}

ip -n "$WORLD-n1" -batch - <<-EOT
	link add tap9 type veth peer name vm9
	link set vm9 up
	link set tap9 up
	addr add 10.99.0.1/24 dev tap9
EOT
ok "a port that nobody else named" with "role: source" "to: h2"
qemu tap=tap9
connected
tell "migration setup" "migration active"
becomes prepared h1 h2 "prepared, said twice"
is "$(fact tap) $(rings)" "tap9 1" "  what goes into it is counted"
ok "  by the program on it" wait_for 3 counts
tell "event STOP"
becomes blackout h1 h2 "blackout"
is "$(rings)" 1 "  and is known still"
tell "event RESUME" "migration failed"
becomes stable h1 null "it stayed"
ok "  and nothing is counted any more" wait_for 3 rings_are 0

# ---- told otherwise where it goes ----

ok "without \"to\"" with "role: source"
qemu
connected
tell "migration active"
stays stable h1 null "nothing is prepared by QMP"
xr vm prepare "$VM" to h3 >/dev/null 2>&1
tell "event STOP"
becomes blackout h1 h3 "but what was prepared otherwise goes on"
tell "migration completed"
becomes moved h3 null "to its end"

# ---- the machine that it comes to ----

ip -n "$WORLD-n1" link add tap7 type veth peer name vm7
AT=h2
ok "role destination" with "role: destination"
qemu status=inmigrate tap=tap7
connected
becomes prepared h2 h1 "a QEMU that waits for a migration: prepared"
is "$(fact tap)" tap7 "and its tap is known"
queue() { ip -n "$WORLD-n1" -j link show "$1" | pick '.[0].txqlen'; }
is "$(queue tap7)" 4000 "  and holds a blackout"
ip -n "$WORLD-n1" link del tap7
ip -n "$WORLD-n1" link add tap7 type veth peer name vm7
n=$(grep -c query-migrate "$WORLD_DIR/qemu.out")
# shellcheck disable=SC2317 # called by name
asked() { [ "$(grep -c query-migrate "$WORLD_DIR/qemu.out")" -gt "$n" ]; }
tell "hang up"
wait_for 2 asked
ok "another port of that name holds one, too" wait_for 2 sh -c \
	"[ \$(ip -n $WORLD-n1 -j link show tap7 | pick '.[0].txqlen') = 4000 ]"
ip -n "$WORLD-n1" link add tap8 type veth peer name vm8
n=$(grep -c query-migrate "$WORLD_DIR/qemu.out")
tell "set tap=tap8" "hang up"
wait_for 2 asked
ok "another QEMU with another port: that is hooked instead" wait_for 2 sh -c \
	"[ \$(ip -n $WORLD-n1 -j link show tap8 | pick '.[0].txqlen') = 4000 ]"
is "$(fact tap) $(queue tap7)" "tap8 1000" "  and the former one is as it was"
tell "event RESUME"
becomes moved h1 null "RESUME: moved here"

ok "a VM that nobody knows" with "role: destination"
xr vm leave "$VM" >/dev/null
qemu status=inmigrate
connected
tell "event RESUME"
becomes stable h1 null "RESUME: added here"

ok "a migration that fails" with "role: destination"
qemu status=inmigrate
connected
becomes prepared h2 h1 "prepared"
tell "migration failed" "end"
becomes prepared h2 h1 "QEMU ends: it waits as long as a blackout may last"
wait_for 12 at_last stable
becomes stable h2 null "then it stays where it is"

ok "RESUME while no daemon was there" with "role: destination"
qemu status=inmigrate
connected
becomes prepared h2 h1 "prepared"
daemon_end KILL
tell "set status=running"
run_daemon -c "$WORLD_DIR/with.yaml"
becomes moved h1 null "moved here"

# ---- there, and on ----

ok "no role: QEMU tells" with "to: h3" "gate: true"
qemu status=inmigrate
connected
becomes prepared h2 h1 "it waits for a migration: prepared"
ok "no gate for who comes" sh -c "! grep -q switchover '$WORLD_DIR/qemu.out'"
tell "event RESUME"
becomes moved h1 null "RESUME: moved here"
ok "a gate for who may leave" wait_for 2 heard 'pause-before-switchover.*true'
tell "migration active" "event STOP" "migration pre-switchover"
becomes blackout h1 h3 "and goes on: blackout"
tell "migration completed"
becomes moved h3 null "moved on"
AT=h1

# ---- a monitor that has another client ----

ok "one client" with "role: source" "to: h2"
qemu
connected
in_ns n1 "$XROAM" -i "$WORLD-other" apply "$CONFIG" >/dev/null
start other n1 "$XROAM" -i "$WORLD-other" run -c "$WORLD_DIR/with.yaml"
# shellcheck disable=SC2317 # called by name
is_mute() { in_ns n1 "$XROAM" -i "$WORLD-other" status | grep -q "qmp $QMP: it does not greet"; }
ok "the other one says that it is not greeted" wait_for 15 is_mute
ok "  and this one does not" sh -c "! '$XROAM' -i '$WORLD-n1' status | grep -q greet"
daemon_end
# shellcheck disable=SC2317 # called by name
is_heard() { ! is_mute; }
ok "once this one has gone, it is greeted" wait_for 15 is_heard
stop other
in_ns n1 "$XROAM" -i "$WORLD-other" destroy >/dev/null

# ---- a QEMU that is none ----

ok "hostile" with "role: source" "to: h2"
qemu
connected
for raw in 'raw {\n' 'raw []\n' 'raw \x00\xff\xfe\n' 'flood 3000000' \
	'raw {"event":5,"data":7}\n' 'raw {"event":"MIGRATION","data":[]}\n' \
	'raw {"event":"MIGRATION","data":{"status":{"status":1}}}\n' \
	'raw {"QMP":{}}\n{"QMP":1}\n' 'raw {"id":5,"return":{"x":1}}\n' \
	'raw {"id":4}\n{"id":"6","return":[]}\n' 'raw {"id":99,"error":7}\n'; do
	tell "$raw"
	sleep 0.05
done
stays stable h1 null "nonsense moves nothing"
ok "and the daemon answers" notify say '{"notice":"cancel","mac":"'"$VM"'"}'
like "$PRINTED" true "  as ever"
like "$(daemon_says)" "not QMP" "and says what it saw"
stop qemu
kill -HUP "$(pid daemon)"
sed -i 's/^      to: h2/      to: h3/' "$WORLD_DIR/with.yaml"
kill -HUP "$(pid daemon)"
ok "another \"to\" in the file, read again" wait_for 3 grep -q "read again" \
	"$WORLD_DIR/daemon.err"
qemu
connected
tell "migration active"
becomes prepared h1 h3 "counts"
daemon_end
is $? 0 "a clean end"
stop qemu
done_testing
