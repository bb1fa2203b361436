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
	run_once "$(other "$AT")" --rate 1000000 --cancel 200
}

after_stop()
{
	run_once "$(other "$AT")" --cancel-stopped 100
}

# At STOP; the source only notices when it goes on.
destination_dies()
{
	local to

	to=$(other "$AT")
	qemu "$to" -incoming defer
	PREPARED_QEMU=1 run_once "$to" --gate 100 --kill "$(pid "qemu-$to")"
}

# shellcheck disable=SC2317 # called by name
has_rest()
{
	[ "$(vm_state "$1" "$VM_MAC")" = "$2" ]
}

# cancelled N HOW: nothing lost, and the hosts know that it stayed
cancelled()
{
	local i was=$AT state

	state=$(vm_state "$AT" "$VM_MAC")
	ALL=
	for ((i = 1; i <= $1; i++)); do
		fit_rate "$2"
		proven "$2" || fail "$2, run $i: it ended as $(moved result)"
		remember "$2, run $i"
	done
	summary "$2"
	none_lost "$2"
	is "$AT" "$was" "$2: the guest is where it was"
	for i in "${VM_HOSTS[@]}"; do
		# The new host waits as long as a blackout may last.
		wait_for 10 has_rest "$i" "$state"
		is "$(vm_state "$i" "$VM_MAC") $(vm_fact "$i" "$VM_MAC" host)" \
			"$state $was" "$2: $i knows"
	done
}

OWN_TAPS=
world_of deaf
guest_boot h1
xroam_hosts daemon
cancelled 5 in_precopy
cancelled 5 after_stop
cancelled 3 destination_dies

# And then it does happen.
runs 1 "at last"
none_lost "a migration after so many that were not"

# Its port has been made ready for its coming: that is not undone under it, for the
# kernel would stop the port to do it.
cancelled 2 after_stop
is "$(ip -n "$(ns "$AT")" -j link show tap0 | pick '.[0].txqlen')" 4000 \
	"where it had come to: its port's queue is as it was"
done_testing
