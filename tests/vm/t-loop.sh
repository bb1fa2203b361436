#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The new host's bridge still has the VM's MAC on its uplink: what the old host
# sends it must not be sent back. Nothing is lost, nothing storms.
# shellcheck source-path=SCRIPTDIR source=lib/vm.sh
. "$(dirname "$0")/lib/vm.sh"

# Frames that went through the fabric's ports to and from the hosts
through()
{
	local host sum=0

	for host in "${VM_HOSTS[@]}"; do
		sum=$((sum + $(ip -n "$(ns fab)" -s -j link show "$host" |
			jq '.[0].stats64 | .rx.packets + .tx.packets')))
	done
	echo $sum
}

# loop KIND: the entry on the new host's bridge
loop()
{
	local to before

	to=$(other "$AT")
	in_ns "$to" bridge fdb replace "$VM_MAC" dev up0 master "$1"
	before=$(through)
	ok "$1: migrated" run_of "$to"
	remember "$1 entry on the uplink"
	whole "$1 entry on the uplink"
	# A probe: to the old host, to the new one, and back; and the guest's pages
	# do not come this way.
	cmp_ok $(($(through) - before)) -lt $((8 * $(probed_of sent))) \
		"$1: nothing storms"
}

world_of deaf
guest_boot h1
xroam_hosts daemon
ALL=
for kind in dynamic static dynamic static; do
	loop $kind
done
summary "a loop's beginnings"
done_testing
