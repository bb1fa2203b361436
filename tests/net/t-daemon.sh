#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The daemon's life: one per instance, started on what there is, stopped without a
# trace, killed without a loss; what it reads again; what it tells systemd.
# shellcheck source=tests/net/lib/daemonworld.sh
. "$(dirname "$0")/lib/daemonworld.sh"
daemon_world_up

# wont_run REGEX DESCRIPTION [ARGS...]
wont_run()
{
	local regex=$1 what=$2

	shift 2
	refused 1 "$regex" "$what" run "$@"
}

wont_run "no instance .*run -c FILE" "without an instance: what to do"
ok "and nothing is left of the attempt" test ! -e "/run/xroam/$WORLD-n1"
sed 's/h2/h 2/' "$CONFIG" >"$WORLD_DIR/bad.yaml"
wont_run "bad.yaml:3: " "a file that is wrong: where" -c "$WORLD_DIR/bad.yaml"
ok "and nothing is left of that either" test ! -e "/run/xroam/$WORLD-n1"

# ---- systemd ----

start systemd n1 $PYTHON "$LIB/notify.py" "$WORLD_DIR/notify" systemd
wait_for 5 test -S "$WORLD_DIR/notify"
export NOTIFY_SOCKET=$WORLD_DIR/notify WATCHDOG_USEC=400000
ok "with -c FILE it makes the instance" run_daemon -c "$CONFIG"
unset NOTIFY_SOCKET WATCHDOG_USEC
# shellcheck disable=SC2317 # called by name
told() { grep -q "$1" "$WORLD_DIR/systemd.out"; }
ok "READY is told" wait_for 2 told READY=1
ok "and the watchdog is fed" wait_for 2 told WATCHDOG=1
is "$(fact host) $(fact state)" "h1 stable" "the file's VM is known"

# shellcheck disable=SC2317 # called by name
locked() { [ "$(xr -j vm show "$1" | jq '.[].lock')" = true ]; }

# ---- one of them ----

wont_run "has its daemon already, pid $(pid daemon)" "one daemon per instance"
wont_run "has its daemon already" "with a file, too" -c "$CONFIG"
is "$(xr -j status | pick .daemon_pid)" "$(pid daemon)" "status tells its pid"
like "$(xr status)" "daemon +pid $(pid daemon)" "  in words, too"

# ---- beside it ----

ok "the command works beside it" xr vm move "$VM" to h2
is "$(fact host)" h2 "and does what it says"
cat >>"$CONFIG" <<EOF
  - {mac: "52:54:00:12:34:57", at: h3}
gateways: [{address: 10.9.0.1}]
EOF
kill -HUP "$(pid daemon)"
ok "SIGHUP: the file is read again" wait_for 3 grep -q "read again" \
	"$WORLD_DIR/daemon.err"
is "$(xr -j vm show | jq -c 'sort_by(.mac) | map(.host)')" '["h2","h3"]' \
	"a new VM of the file is added; the one that moved stays where it is"
like "$(xr export)" 10.9.0.1 "and the rest is as the file says"
ok "RELOADING is told" told RELOADING=1
# A VM that the file lacks, and what binds it; and one of the file, bound otherwise.
xr vm add 52:54:00:12:34:58 at h3 limit "in bits 100M"
sed -i 's/12:34:57", at: h3/&, lock: true/' "$CONFIG"
kill -HUP "$(pid daemon)"
ok "once more" wait_for 3 locked 52:54:00:12:34:57
is "$(xr -j vm show 52:54:00:12:34:58 | jq -c '.[] | [.host, .limits]')" '["h3",["in bits 100M burst 100"]]' \
	"a VM that the file does not have stays, with its limits"
is "$(fact host)" h2 "and the others where they are"
ok "it leaves" xr vm leave 52:54:00:12:34:58
cp "$CONFIG" "$WORLD_DIR/good.yaml"
sed -i 's/vxlan/vxlam/' "$CONFIG"
kill -HUP "$(pid daemon)"
ok "SIGHUP with a file that is wrong" wait_for 3 grep -q "all stays" \
	"$WORLD_DIR/daemon.err"
is "$(xr -j host show | jq length)" 3 "changes nothing"
cp "$WORLD_DIR/good.yaml" "$CONFIG"

# Such a change, killed: its journal has those VMs alone that it is about.
number()
{
	bpftool -j map dump pinned "/sys/fs/bpf/xroam/$(instance n1)/meta" | grep -o "\"$1\":[0-9]*" | cut -d: -f2
}
{
	printf '# %u %016x\n# other VMs stay\n' "$(number created)" "$(number id)"
	xr export --keys | sed '/^vms:/,$d'
	echo 'vms: [{mac: "52:54:00:12:34:59", at: h3}]'
} >"$WORLD_DIR/journal"
cp "$WORLD_DIR/journal" "/run/xroam/$(instance n1)/journal.yaml"
is "$(xr -j vm show | jq -c 'map(.mac[15:]) | sort')" '["56","57","59"]' \
	"who finishes it lets the others stay"
ok "it leaves" xr vm leave 52:54:00:12:34:59

# ---- its end ----

daemon_end
is $? 0 "SIGTERM: a clean end"
ok "STOPPING is told" told STOPPING=1
stop systemd
ok "no socket is left" test ! -e "$SOCKET"
ok "and no claim" test ! -e "/run/xroam/$WORLD-n1/daemon"
is "$(fact host)" h2 "what it knew stays"
is "$(xr -j status | pick .daemon_pid)" 0 "status tells that none runs"
ok "another takes over" run_daemon
is "$(fact host)" h2 "and finds all in its place"
daemon_end INT
is $? 0 "SIGINT: a clean end"

# ---- killed, in every state ----

# after STATE [WORDS...]: brought there by the command, the daemon killed there
after()
{
	local state=$1 word i

	shift
	run_daemon -c "$CONFIG" >/dev/null
	for word; do
		# shellcheck disable=SC2086
		xr vm $word >/dev/null 2>&1 || diag "vm $word failed"
	done
	daemon_end KILL
	is "$(fact state)" "$state" "$state: the daemon killed"
	[ -S "$SOCKET" ] || fail "$state: its socket is left"
	for i in "" "-c $CONFIG"; do
		# shellcheck disable=SC2086
		ok "$state: it starts again${i:+ with its file}" run_daemon $i
		is "$(fact state) $(xr -j vm show | jq length)" "$state 2" \
			"  and adopts it"
		daemon_end
	done
}

after stable "leave $VM" "add $VM at h1 address 10.9.0.10"
after prepared "prepare $VM to h2"
after blackout "pause $VM"
after moved "move $VM to h2"
after stable "leave $VM" "add $VM at h1" "prepare $VM to h2" "pause $VM" "cancel $VM"

# What ran out while none was there.
xr vm prepare "$VM" to h3 timeout 1 >/dev/null 2>&1
is "$(fact state)" prepared "prepared, for a second"
sleep 2.5
ok "a daemon after that" run_daemon
sleep 1.2
is "$(fact state) $(fact to)" "stable null" \
	"forgets the move that nobody made"
daemon_end

# ---- others at its socket ----

start stranger n1 $PYTHON "$LIB/notify.py" "$SOCKET" stranger
wait_for 5 test -S "$SOCKET"
wont_run "another process listens" "a stranger at its socket is left alone"
ok "  and stays" test -S "$SOCKET"
stop stranger KILL
ok "one that is dead gives way" run_daemon

# ---- the instance goes ----

ok "destroy, with the daemon there" xr destroy
wait_for 5 grep -q destroyed "$WORLD_DIR/daemon.err"
finish daemon
is $? 1 "ends it"
like "$(daemon_says)" "was destroyed" "and it says why"
ok "no socket is left" test ! -e "$SOCKET"
ok "and no directory" test ! -e "/run/xroam/$WORLD-n1"
ok "a daemon" run_daemon -c "$CONFIG"
old=$(pid daemon)
xr destroy >/dev/null
ok "and at once a new instance with its own" run_daemon -c "$CONFIG"
ok "the old one ends" wait_for 3 sh -c "! kill -0 $old"
sleep 1.2
ok "and leaves the new one's socket alone" notify say \
	"{\"notice\":\"moved\",\"mac\":\"$VM\",\"to\":\"h3\"}"
like "$PRINTED" true "which answers"
daemon_end
done_testing
