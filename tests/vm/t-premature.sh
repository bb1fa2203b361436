#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# What the new host says in the VM's name while the VM still runs on the old one:
# without xroam the fabric believes it, and sends the VM's frames astray.
# shellcheck source-path=SCRIPTDIR source=lib/vm.sh
. "$(dirname "$0")/lib/vm.sh"

is_expected()
{
	[ "$(vm_fact "$1" "$VM_MAC" state)" = prepared ]
}

# From the new host's own stack, as it sets up the VM's port there; xroam cannot
# tell that it is too early before it was told that the VM will come.
say_too_early()
{
	local i to=$1

	[ -z "$XROAM_BY" ] || wait_for 5 is_expected "$to" ||
		diag "$to does not expect the VM"
	for ((i = 0; i < 8; i++)); do
		sleep 0.1
		play "$to:br0=$(vector k9b_na_unsol_linklocal)" \
			"$to:br0=$(vector k1_garp_request)" \
			"$to:br0=$(vector k3_rarp_qemu)"
	done
}

# A long pre-copy, in vain.
early()
{
	local to

	to=$(other "$AT")
	probe
	sleep 0.3
	say_too_early "$to" &
	guest_move "$to" --rate 1000000 --cancel 700
	wait $!
	probed
}

world_of learns
guest_boot h1
ALL=
early
remember "without xroam"
# Left astray, it would stay so: the guest speaks only when it is asked.
in_ns fab bridge fdb replace "$VM_MAC" dev "$AT" master dynamic
cmp_ok "$(probed_of lost)" -gt 0 "without xroam, probes are lost"

xroam_hosts daemon
ALL=
for i in 1 2 3; do
	early
	remember "with xroam, $i"
done
none_lost "with xroam"
cmp_ok "$(reason premature h2)" -gt 0 "h2 kept it to itself"

# Not before its time, but then it speaks.
runs 2 "and then it moves"
none_lost "and then it moves"
done_testing
