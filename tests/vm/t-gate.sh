#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The gate: QEMU pauses before the switchover, and the daemon alone lets it go on,
# once the copies are being made.
# shellcheck source-path=SCRIPTDIR source=lib/vm.sh
. "$(dirname "$0")/lib/vm.sh"

OWN_TAPS=
world_of deaf
guest_boot h1

GATE=true
MOVE_OPTIONS=(--gate-elsewhere)
xroam_hosts daemon
runs 6 "through the gate"
summary "through the gate"
none_lost "through the gate"

# Cancelled before it comes to that.
ALL=
for i in 1 2 3; do
	run_of "$(other "$AT")" --rate 1000000 --cancel 200 ||
		fail "cancelled, run $i: it ended as $(moved result)"
	remember "cancelled before the gate, $i"
done
none_lost "cancelled before the gate"

done_testing
