#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A libvirt's domain moves (virsh migrate --p2p), and xroam hears of it from the two
# libvirtds alone: by itself, where it is given up, where its destination dies when the
# guest already stands still, where the connections are lost in its midst, by post-copy.
# Nothing is lost. Not a part of make test yet: that a destination's death costs nothing is
# not shown, and it takes long: tests/run tests/vm/libvirt.sh
#
# shellcheck source-path=SCRIPTDIR source=lib/libvirt.sh
. "$(dirname "$0")/lib/libvirt.sh"

RUNS=3

# ended WHAT: none lost, and the hosts agree where it is
ended()
{
	remember "$1"
	whole "$1"
	for host in "${VM_HOSTS[@]}"; do
		ok "$1: $host has it at $AT" wait_for 10 vm_is_at "$host" "$AT"
	done
}

vm_is_at()
{
	[ "$(vm_fact "$1" "$VM_MAC" host)" = "$2" ] && ! in_state "$1" prepared &&
		! in_state "$1" blackout
}

# begins HOST [ARGS...]: a move under probes, prepared on both hosts
begins()
{
	local host

	probe "${PROBE_OPTIONS[@]}"
	sleep 0.3
	virt_moves "$@"
	for host in "${VM_HOSTS[@]}"; do
		wait_for 10 in_state "$host" prepared || bail "$host does not hear of the move"
	done
}

ends()
{
	local status

	virt_moved
	status=$?
	sleep 0.5
	probed && return $status
}

plain()
{
	virt_run "$(other "$AT")" || fail "virsh migrate"
}

# Memory trickles, so that there is time to give it up.
aborted()
{
	begins "$(other "$AT")" --bandwidth 1
	virt "$AT" domjobabort "$DOMAIN"
	! ends
}

# The new host's libvirtd stands still, and so the migration waits for it when all is done.
destination_dies()
{
	local to

	to=$(other "$AT")
	begins "$to"
	virt_signal "$to" STOP
	wait_for 30 in_state "$AT" blackout || fail "no blackout at $AT"
	virt_kill_guest "$to"
	virt_signal "$to" CONT
	! ends
}

connections_lost()
{
	local host

	begins "$(other "$AT")"
	for host in "${VM_HOSTS[@]}"; do
		pkill -KILL -x -P "$(pid "xroam-$host")" xroam-libvirt
	done
	ends
}

postcopy()
{
	begins "$(other "$AT")" --bandwidth 8 --postcopy
	virt "$AT" migrate-postcopy "$DOMAIN"
	ends
}

virt_world -n 2
virt_boot h1
virt_hosts

for ((i = 1; i <= RUNS; i++)); do
	fit_rate "libvirt"
	proven plain
	ended "moves, run $i"
done
for what in aborted destination_dies connections_lost postcopy; do
	fit_rate "$what"
	# For as long as a host's libvirtd is held up no more than a tap holds.
	# shellcheck disable=SC2034 # of vm.sh
	[ $what != destination_dies ] || RATE=125
	proven $what || fail "$what: not as expected"
	ended "$what"
done
done_testing
