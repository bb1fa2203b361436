#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Long work says on a terminal how far it is, and nowhere else; and a signal in the middle
# leaves nothing half done: the instance is as before, or as the file has it, whole; of
# a state all is merged, or nothing.
# shellcheck source=tests/net/lib/daemonworld.sh
. "$(dirname "$0")/lib/daemonworld.sh"
daemon_world_up
SCREEN=$WORLD_TOP/tests/net/lib/screen.py

# file IDS VMS OCTET: so many server IDs and VMs
file()
{
	$PYTHON - "$@" <<-'EOT'
		import sys
		ids, vms, octet = map(int, sys.argv[1:])
		print("limits: {server_ids: 500000, vms: 65536}")
		print("cid:\n  - {id: 0, format: plain, server_id_length: 8}")
		print("vips:\n  - {address: 192.0.2.1, port: 443, protocol: udp, cid: true}")
		print("hosts:\n  - {name: h2, vxlan: 10.8.0.2, vni: 100}")
		print("backends:")
		for b in range(100):
		    print("  - {name: s%d, vips: [\"192.0.2.1:443/udp\"], address: 10.8.0.2, server_ids: [%s]}" %
		          (b, ", ".join('"%02x%014x"' % (octet, b * ids + i + 1) for i in range(ids // 100))))
		print("vms:" if vms else "vms: []")
		for v in range(vms):
		    print("  - {mac: \"52:54:%02x:00:%02x:%02x\", at: h2}" % (octet, v >> 8, v & 255))
	EOT
}
file 40000 8000 1 >"$WORLD_DIR/a.yaml"
file 40000 8000 2 >"$WORLD_DIR/b.yaml"

# state: what the instance is, in a word
state()
{
	xr export | sha256sum
}

ok "the one file" xr apply "$WORLD_DIR/a.yaml"
a=$(state)
begin=$(date +%s%N)
xr apply "$WORLD_DIR/b.yaml" >/dev/null || bail "the other file"
took=$((($(date +%s%N) - begin) / 1000000))
b=$(state)
[ "$a" != "$b" ] || bail "both are the same"
xr apply "$WORLD_DIR/a.yaml" >/dev/null

# Signals at many points of the work, by the time that the whole takes.
whole=0 before=0 after=0 words=0 n=14
for ((i = 1; i <= n; i++)); do
	signals=(INT TERM HUP)
	# No function: the pid is to be that of the command.
	nsenter --net="/run/netns/$WORLD-n1" env --default-signal=INT "$XROAM" -i "$WORLD-n1" apply "$WORLD_DIR/b.yaml" \
		>/dev/null 2>"$WORLD_DIR/err" &
	pid=$!
	sleep "$(printf '%d.%03d' $((took * i / n / 1000)) $((took * i / n % 1000)))"
	kill -"${signals[i % 3]}" $pid 2>/dev/null
	wait $pid
	status=$?
	xr vip show >/dev/null	# the next command finishes what was begun
	is=$(state)
	[ "$is" = "$a" ] || [ "$is" = "$b" ] || continue
	whole=$((whole + 1))
	if [ "$is" = "$a" ]; then
		before=$((before + 1))
		# No line where the signal came before the command had begun.
		{ [ $status = 129 ] || [ $status = 130 ] || [ $status = 143 ]; } &&
			{ [ ! -s "$WORLD_DIR/err" ] || grep -q 'interrupted: nothing has changed' "$WORLD_DIR/err"; } &&
			words=$((words + 1))
	else
		after=$((after + 1))
		{ [ $status = 0 ] || grep -q 'interrupted: the change is made' "$WORLD_DIR/err"; } &&
			words=$((words + 1))
		xr apply "$WORLD_DIR/a.yaml" >/dev/null
	fi
done
is $whole $n "after each signal the instance is whole"
is $words $n "and the line and the status say which"
cmp_ok "$before" -gt 0 "some came before the change ($before, $after after it)"

# A second signal does not wait.
nsenter --net="/run/netns/$WORLD-n1" env --default-signal=INT "$XROAM" -i "$WORLD-n1" apply "$WORLD_DIR/b.yaml" >/dev/null 2>&1 &
pid=$!
sleep "$(printf '%d.%03d' $((took / 2000)) $((took / 2 % 1000)))"
kill -INT $pid; kill -TERM $pid
wait $pid
xr vip show >/dev/null
is=$(state)
like " $a $b " " $is " "two signals: whole, too"

# A new instance that is interrupted is none, or whole.
xr destroy >/dev/null
nsenter --net="/run/netns/$WORLD-n1" env --default-signal=INT "$XROAM" -i "$WORLD-n1" apply "$WORLD_DIR/b.yaml" >/dev/null 2>&1 &
pid=$!
made()
{
	[ -e "/sys/fs/bpf/xroam/$WORLD-n1/meta" ]
}
wait_for 10 made
kill -INT $pid
wait $pid
status=$?
if made; then
	is "$status $(state)" "0 $b" "made anew and interrupted: it is whole"
else
	is "$status" 130 "made anew and interrupted: it is gone"
fi

# The line, and that it goes.
file 400000 0 3 >"$WORLD_DIR/large.yaml"
# shellcheck disable=SC2317 # called by name
on_terminal()
{
	PRINTED=$(in_ns n1 env TERM=xterm "$PYTHON" "$SCREEN" "$1" sh -c \
		"'$XROAM' -i '$WORLD-n1' $2 >/dev/null" 2>&1) || {
		diag "$PRINTED"
		return 1
	}
}
line="^(reading|checking|comparing|writing|making|server IDs|flows|VMs)[a-z ]*:"
# shellcheck disable=SC2317 # called by name
shown()
{
	on_terminal "
		saw $line.*[0-9]
		until ended
		status 0
		gone $line
		shell" "$1"
}
# slowly FILE: can be read from $WORLD_DIR/slow, and takes its time, however fast the machine is
mkfifo "$WORLD_DIR/slow"
slowly()
{
	{ sleep 2; cat "$1"; } >"$WORLD_DIR/slow" &
}
slowly "$WORLD_DIR/large.yaml"
ok "a terminal sees how far it is, and then no more of it" shown "apply - <$WORLD_DIR/slow"
slowly "$WORLD_DIR/b.yaml"
ok "interrupted there, it leaves a line" on_terminal "
	saw $line.*[0-9]
	keys \x03
	until ended
	wait interrupted:
	gone $line
	shell" "apply - <$WORLD_DIR/slow"
xr apply "$WORLD_DIR/a.yaml" 2>"$WORLD_DIR/err" >/dev/null
is "$(grep -c "$(printf '\033')\|reading" "$WORLD_DIR/err")" 0 "where there is no terminal, none"

# ---- state ----

xr destroy >/dev/null
{
	printf 'secret: %064d\n' 7
	file 100 0 1
} >"$WORLD_DIR/small.yaml"
chmod 600 "$WORLD_DIR/small.yaml"
ok "a small instance" xr apply "$WORLD_DIR/small.yaml"
xr state export - | $PYTHON "$WORLD_TOP/tests/net/lib/stream.py" 4096 60000 >"$WORLD_DIR/state"

# in_background ARGS...: $pid
in_background()
{
	nsenter --net="/run/netns/$WORLD-n1" env --default-signal=INT "$XROAM" -i "$WORLD-n1" "$@" \
		<&0 2>"$WORLD_DIR/err" &
	pid=$!
}
# ends STATUS LINE WHAT: that process
ends()
{
	wait $pid
	is "$? $(<"$WORLD_DIR/err")" "$1 xroam: $2" "$3"
}
# shellcheck disable=SC2317 # called by name
waits_in()
{
	grep -q "$1" "/proc/$pid/wchan"
}
# vms: how many there are
vms()
{
	xr -j state export "$WORLD_DIR/now" only vms | pick .vms
}

# Where it waits: for the rest of a stream, for the lock, for its reader.
mkfifo "$WORLD_DIR/fifo"
exec 3<>"$WORLD_DIR/fifo"
head -c 1000 "$WORLD_DIR/state" >&3
in_background state import - <"$WORLD_DIR/fifo"
wait_for 10 waits_in pipe_read
kill -INT $pid
ends 130 "interrupted: nothing has changed" "an import that waits for the stream's end"
exec 3>&-
keep_lock
in_background state import "$WORLD_DIR/state"
wait_for 10 waits_in nanosleep
kill -HUP $pid
ends 129 "interrupted: nothing has changed" "an import that waits for the lock"
stop holder
is "$(vms)" 0 "and nothing has changed"

# In its course: nothing, or all.
begin=$(date +%s%N)
xr state import "$WORLD_DIR/state" >/dev/null
took=$((($(date +%s%N) - begin) / 1000000))
all=$(vms)
is "$all" 60000 "a whole import"
exec 3<>"$WORLD_DIR/fifo"
in_background state export - >&3
wait_for 10 waits_in pipe_write
kill -TERM $pid
ends 143 "interrupted: nothing has changed" "an export that nobody reads"
exec 3>&-
wrong='' n=6
for ((i = 1; i <= n; i++)); do
	xr destroy >/dev/null
	xr apply "$WORLD_DIR/small.yaml" >/dev/null
	in_background state import "$WORLD_DIR/state" >/dev/null
	sleep "$(printf '%d.%03d' $((took * i / n / 1000)) $((took * i / n % 1000)))"
	kill -INT $pid 2>/dev/null
	wait $pid
	case "$? $(vms) $(<"$WORLD_DIR/err")" in
	"130 0 " | "130 0 "*"interrupted: nothing has changed" | "130 $all "*"interrupted: the change is made") ;;
	"0 $all " | "0 $all "*"the change is finished first; interrupted once more: a part is merged, "*) ;;
	*)	wrong+="; after $((took * i / n)) ms: $(<"$WORLD_DIR/err"), $(vms) VMs" ;;
	esac
done
is "$wrong" "" "after each signal all is merged, or nothing, and the line says which"
xr destroy >/dev/null
xr apply "$WORLD_DIR/small.yaml" >/dev/null
in_background state import "$WORLD_DIR/state" >/dev/null
# shellcheck disable=SC2317 # called by name
some()
{
	[ "$(vms)" -gt 100 ]
}
wait_for 10 some
kill -INT $pid; kill -TERM $pid
wait $pid
cmp_ok "$(vms)" -le "$all" "two signals: a part"
like "$(<"$WORLD_DIR/err")" "interrupted: a part is merged, and the same import again brings the rest$" \
	"and the line says what to do"
ok "which is done" xr state import "$WORLD_DIR/state"
is "$(vms)" "$all" "and brings the rest"

# A file is there whole, or not.
begin=$(date +%s%N)
xr state export "$WORLD_DIR/now" >/dev/null
took=$((($(date +%s%N) - begin) / 1000000))
wrong=''
for ((i = 1; i <= n; i++)); do
	rm -f "$WORLD_DIR/now"
	in_background state export "$WORLD_DIR/now" >/dev/null
	sleep "$(printf '%d.%03d' $((took * i / n / 1000)) $((took * i / n % 1000)))"
	kill -INT $pid 2>/dev/null
	wait $pid
	status=$?
	[ ! -e "$WORLD_DIR/now.part" ] || wrong+="; a part"
	# After its work a signal only ends it.
	[ "$status" != 130 ] || [ ! -e "$WORLD_DIR/now" ] || [ ! -s "$WORLD_DIR/err" ] ||
		wrong+="; there, though it says $(<"$WORLD_DIR/err")"
	[ "$status" != 0 ] || [ -e "$WORLD_DIR/now" ] || wrong+="; not there"
done
is "$wrong" "" "an interrupted export leaves no file"
xr destroy >/dev/null
xr apply "$WORLD_DIR/small.yaml" >/dev/null
slowly "$WORLD_DIR/state"
ok "a terminal sees how far an import is" shown "state import - <$WORLD_DIR/slow"
done_testing
