#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# QEMUs that never stop talking, and others that never answer: whoever behaves is
# served beside them, and the daemon ends when it is told to.
# shellcheck source=tests/net/lib/daemonworld.sh
. "$(dirname "$0")/lib/daemonworld.sh"
daemon_world_up
xr apply "$CONFIG" >/dev/null
QEMUS=$WORLD_DIR/q

# file N: N of them, each with its VM, and a gate
file()
{
	local i

	sed '/^vms:/,$d' "$CONFIG"
	echo "vms:"
	echo "  - {mac: \"$VM\", at: h1}"
	for ((i = 0; i < 60; i++)); do
		printf '  - {mac: "52:54:00:12:36:%02x", at: h1}\n' $i
	done
	[ "$1" -gt 0 ] || return 0
	printf 'sources:\n  qmp:\n'
	for ((i = 0; i < $1; i++)); do
		printf '    - {socket: %s/%d.qmp, vm: {mac: "52:54:00:12:36:%02x"}, to: h2, gate: true}\n' \
			"$QEMUS" $i $i
	done
}

# shellcheck disable=SC2317 # called by name
met() { [ "$(grep -c met "$WORLD_DIR/rogue.out")" -ge "$1" ]; }

# rogues N MODE: and a daemon that has met them
# shellcheck disable=SC2317 # called by name
rogues()
{
	mkdir -p "$QEMUS"
	rm -f "$QEMUS"/*
	start rogue n1 "$PYTHON" "$LIB/rogue.py" "$QEMUS" "$1" "$2"
	wait_for 10 grep -q listening "$WORLD_DIR/rogue.out" || return 1
	file "$1" >"$WORLD_DIR/with.yaml"
	run_daemon -c "$WORLD_DIR/with.yaml" && wait_for 10 met "$1"
}

# The socket's timeout is 20 s; without their turn nobody would be served in it.
served()
{
	notify say "{\"notice\":\"prepare\",\"mac\":\"$VM\",\"to\":\"h2\"}" \
		"{\"notice\":\"cancel\",\"mac\":\"$VM\"}"
	is "$(pick .ok <<<"$PRINTED" | tr '\n' ' ')" "true true " "$1: a client is served"
}

# shellcheck disable=SC2317 # called by name
named() { xr status | grep -q "qmp $QEMUS/$1.qmp: it never stops talking"; }

for mode in flaps events answers; do
	ok "three QEMUs: $mode without end" rogues 3 $mode
	served "$mode"
	ok "$mode: each is cut off, and named" wait_for 20 eval \
		"named 0 && named 1 && named 2"
	kill -HUP "$(pid daemon)"
	ok "$mode: SIGHUP is heard" wait_for 20 grep -q "read again" \
		"$WORLD_DIR/daemon.err"
	daemon_end
	is $? 0 "$mode: and SIGTERM"
	stop rogue
done
ok "answers of 200 kB" rogues 3 large
served large
daemon_end
stop rogue

# ---- who never answers ----

ok "60 QEMUs that do not answer any more" rogues 60 stuck
file 0 >"$WORLD_DIR/with.yaml"
stall_begin
since=$(date +%s%N)
kill -HUP "$(pid daemon)"
ok "they are no more in the file" wait_for 20 grep -q "read again" \
	"$WORLD_DIR/daemon.err"
served "stuck"
stall_end
cmp_ok $((($(date +%s%N) - since) / 1000000)) -lt $((4000 + 20 * STALLED)) \
	"they are let go all at once, not one after the other (12 s)"
stop rogue
daemon_end

ok "the same" rogues 60 stuck
stall_begin
since=$(date +%s%N)
daemon_end
is $? 0 "the daemon ends"
stall_end
cmp_ok $((($(date +%s%N) - since) / 1000000)) -lt $((4000 + 20 * STALLED)) \
	"  without waiting for each"
done_testing
