#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A source that said "completed" goes on all the same, as libvirt has it when the
# destination's last step fails: after 150 and 500 ms the client cannot tell; after
# 1.5 s, when the VM was believed to have moved, it is found where it is.
# shellcheck source-path=SCRIPTDIR source=lib/vm.sh
. "$(dirname "$0")/lib/vm.sh"

# come_back MS
come_back()
{
	local to

	to=$(other "$AT")
	qemu "$to" -S -incoming defer
	PREPARED_QEMU=1 run_once "$to" --come-back "$1"
}

# back MS: one that counts
back()
{
	proven come_back "$1" || fail "after $1 ms: it ended as $(moved result)"
	remember "back after $1 ms"
}

# at_rest: probes with nothing going on
at_rest()
{
	rm -f "$WORLD_DIR/prober.err"
	probe -n 500
	wait_for 20 grep -qx sent "$WORLD_DIR/prober.err"
	probed
	whole "$1"
}

world_of deaf
guest_boot h1
xroam_hosts daemon
ALL=
for ms in 150 500 150 500; do
	back "$ms"
done
for key in lost unanswered; do
	is "$(sum_of $key)" 0 "back within a second: $key in 4 runs"
done
# The frame that QEMU has in its hands may come twice (docs/limits.md).
cmp_ok "$(sum_of twice)" -le 4 "  and at most one a run twice"
is "$AT $(vm_fact h1 "$VM_MAC" host)" "h1 h1" "it is where it was"

for i in 1 2; do
	seq=$(vm_fact h1 "$VM_MAC" seq)
	back 1500
	is "$(vm_fact h1 "$VM_MAC" host)" h1 "after that, $i: it is here again"
	cmp_ok "$(vm_fact h1 "$VM_MAC" seq)" -gt "$seq" "  by a newer number"
	at_rest "  and is reached"
done
done_testing
