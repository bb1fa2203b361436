#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A libvirt's domain moves (virsh migrate --p2p), and xroam hears of it from the two
# libvirtds alone: by itself, where it is given up, where its destination dies when the
# guest already stands still, where the connections are lost in its midst, by post-copy.
# Nothing is lost but what the port of a guest that stands still has no room for.
#
# shellcheck source-path=SCRIPTDIR source=lib/libvirt.sh
. "$(dirname "$0")/lib/libvirt.sh"

RUNS=3

# ended WHAT: none lost, and the hosts agree where it is
ended()
{
	remember "$1"
	whole "$1"
	agreed "$1"
}

# ended_again WHAT: of the guest's answers QEMU may have had some in its hands as it stopped, which
# are nobody's then (docs/limits.md).
ended_again()
{
	remember "$1"
	is "$(jq -c '[.lost, .twice, .answered_twice]' <<<"$PROBED")" "[0,0,0]" "$1: none lost, none twice"
	cmp_ok "$(probed_of unanswered)" -le 8 "$1: the guest's answers come, but a handful"
	agreed "$1"
}

agreed()
{
	local host

	for host in "${VM_HOSTS[@]}"; do
		ok "$1: $host has it at $AT" wait_for 20 vm_is_at "$host" "$AT"
	done
}

# shellcheck disable=SC2317 # called by name
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

# shellcheck disable=SC2317 # these are called by name
plain()
{
	virt_run "$(other "$AT")" || fail "virsh migrate"
}

# Memory trickles, so that there is time to give it up.
# shellcheck disable=SC2317
aborted()
{
	begins "$(other "$AT")" --bandwidth 1
	virt "$AT" domjobabort "$DOMAIN"
	! ends
}

# shellcheck disable=SC2317
connections_lost()
{
	local host

	# Slow enough for both hosts to be seen prepared.
	begins "$(other "$AT")" --bandwidth 8
	for host in "${VM_HOSTS[@]}"; do
		pkill -KILL -x -P "$(pid "xroam-$host")" xroam-libvirt
	done
	ends
}

# shellcheck disable=SC2317
postcopy()
{
	begins "$(other "$AT")" --bandwidth 8 --postcopy
	virt "$AT" migrate-postcopy "$DOMAIN"
	ends
}

# Whether the source's QEMU has sent all: its connection to the other (libvirt's ports) ends.
# shellcheck disable=SC2317
all_is_sent()
{
	! in_ns "$AT" ss -Htn state established 'dport >= :49152 and dport <= :49215 and sport != :16509' |
		grep -q .
}

# The new host's libvirtd stands still, and so the migration waits for it when all is done.
destination_dies()
{
	local to status

	to=$(other "$AT")
	DROPPED=$(virt_dropped)
	begins "$to"
	virt_signal "$to" STOP
	wait_for 30 in_state "$AT" blackout || fail "no blackout at $AT"
	wait_for 30 all_is_sent || fail "$AT does not send all"
	virt_kill_guest "$to"
	sleep "$1"
	virt_signal "$to" CONT
	! ends
	status=$?
	DROPPED=$(($(virt_dropped) - DROPPED))
	return $status
}

# dies WHAT SECONDS: the guest stands still for so long after its destination died. What
# comes meanwhile waits in its port, which has room for a thousand frames. What QEMU had in its
# hands may come twice (docs/limits.md).
dies()
{
	local left=3

	while ((left--)); do
		destination_dies "$2" || fail "$1: virsh migrate does not fail"
		guest_died || break
		guest_again "$AT"
	done
	diag "$1: the port had no room for $DROPPED frames"
	result "$1"
	[ "$(jq ".lost <= $DROPPED and .twice <= 1 and .unanswered == 0" <<<"$PROBED")" = true ] || diag "$(evidence)"
	cmp_ok "$(probed_of lost)" -le "$DROPPED" "$1: no probe is lost but in its full port"
	cmp_ok "$(probed_of twice)" -le 1 "$1: none comes twice, but one"
	is "$(probed_of unanswered)" 0 "$1: the others are answered"
	agreed "$1"
}

replayed()
{
	echo $(($(vm_fact h1 "$VM_MAC" replayed) + $(vm_fact h2 "$VM_MAC" replayed)))
}

virt_world -n 2
virt_boot h1
virt_hosts
virt_late

# Before any move: the port of a guest that came is longer.
# shellcheck disable=SC2034 # of vm.sh
RATE=125
dies "its destination dies" 0
# shellcheck disable=SC2034
RATE=500
dies "its destination dies, late" 3
cmp_ok "$DROPPED" -gt 0 "its destination dies, late: later than the port has room for"

before=$(replayed)
kill -USR1 "$(pid late)"
for ((i = 1; i <= RUNS; i++)); do
	fit_rate "libvirt"
	proven plain
	ended "moves, run $i"
done
virt_was_late
diag "ms after QEMU's own time, median and greatest: $LATE" \
	"what came in between was sent on: $(($(replayed) - before)) frames in $RUNS moves"
for event in STOP RESUME MIGRATION; do
	# The monitor is another QEMU's after each move, and what it says first may be missed.
	cmp_ok "$(jq ".$event.n" <<<"$LATE")" -ge 1 "$event comes by libvirt, too"
done

for what in aborted connections_lost postcopy; do
	fit_rate "$what"
	proven $what || fail "$what: not as expected"
	case $what in
	connections_lost) ended_again $what ;;
	*) ended $what ;;
	esac
done
done_testing
