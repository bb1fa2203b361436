#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A migration that does not happen: cancelled before the guest stood still, after,
# and given up because the destination died. The guest goes on where it was, and
# the client cannot tell.
# shellcheck source-path=SCRIPTDIR source=lib/vm.sh
. "$(dirname "$0")/lib/vm.sh"

# Pre-copy that would take a minute.
in_precopy()
{
	run_of "$(other "$AT")" --rate 1000000 --cancel 200
}

after_stop()
{
	run_of "$(other "$AT")" --cancel-stopped 100
}

# At STOP; the source only notices when it goes on.
destination_dies()
{
	local to

	to=$(other "$AT")
	qemu "$to" -incoming defer
	PREPARED_QEMU=1 run_of "$to" --gate 100 --kill "$(pid "qemu-$to")"
}

is_stable()
{
	[ "$(vm_fact "$1" "$VM_MAC" state)" = stable ]
}

# cancelled N HOW: nothing lost, and the hosts know that it stayed
cancelled()
{
	local i was=$AT

	ALL=
	for ((i = 1; i <= $1; i++)); do
		$2 || fail "$2, run $i: it ended as $(moved result)"
		remember "$2, run $i"
	done
	summary "$2"
	none_lost "$2"
	is "$AT" "$was" "$2: the guest is where it was"
	for i in "${VM_HOSTS[@]}"; do
		# The new host waits as long as a blackout may last.
		wait_for 10 is_stable "$i"
		is "$(vm_fact "$i" "$VM_MAC" state) $(vm_fact "$i" "$VM_MAC" host)" \
			"stable $was" "$2: $i knows"
	done
}

world_of deaf
guest_boot h1
xroam_hosts daemon
cancelled $RUNS_WITH in_precopy
cancelled $RUNS_WITH after_stop
cancelled 3 destination_dies

# And then it does happen.
runs 1 "at last"
none_lost "a migration after so many that were not"
done_testing
