#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A VM's port goes away while the VM stands still, as QEMU and libvirt have it, or
# has no carrier, or the bridge forgets it: each frame gets to the new host, once,
# from the fabric and from neighbours on the old host, also when the move ends.
# shellcheck source=tests/net/lib/vmworld.sh
# shellcheck disable=SC2317 # called by name
. "$(dirname "$0")/lib/vmworld.sh"

FRAMES=3000		# of each stream, 100 us apart

vm_world_up -n 2
vm_places v1 h2
vm_places n1 -m $N1_MAC h1
vm_attach h1 h2 || bail "cannot attach"
vm_hosts vxlan h1 h2 || bail "cannot add hosts"
fabric_believes h1
# However long this takes.
policy h1 blackout_timeout 300 >/dev/null || bail "no policy"
policy h2 blackout_timeout 300 >/dev/null || bail "no policy"

plug()
{
	tap_plug "$WORLD_BUILD/tests/net/tap"
	on_each "h1 h2" vm prepare $VM_MAC to h2 >/dev/null
	on_each "h2 h1" vm pause $VM_MAC >/dev/null
}

# In the midst of a stream.
port_goes()
{
	echo end >&7
}

port_loses_carrier()
{
	echo "carrier 0" >&7
	wait_for 5 is_disabled
}

is_disabled()
{
	in_ns h1 bridge link show dev tap0 | grep -q 'state disabled'
}

bridge_forgets()
{
	in_ns h1 bridge fdb del "$VM_MAC" dev tap0 master
}

moves()
{
	on_each "h2 h1" vm move "$VM_MAC" to h2 >/dev/null
}

# The new host comes last: what reaches it from the old one is told by its copy.
goes_and_moves()
{
	port_goes
	sleep 0.03
	moves
}

# And the kernel lets the command wait for each of its answers.
goes_and_moves_slowly()
{
	port_goes
	sleep 0.03
	on_each h2 vm move "$VM_MAC" to h2 >/dev/null
	WAIT_US=3000 LD_PRELOAD=$WORLD_BUILD/tests/net/dies.so \
		on_each h1 vm move "$VM_MAC" to h2 >/dev/null
}

# loses COMMAND FROM: of a stream, at most. What a neighbour sends in the moment in
# which the kernel takes the port out of its bridge, or disables it there, the bridge
# drops (skb:kfree_skb in br_handle_frame_finish); a busy machine may make that
# moment long (docs/limits.md), by as much as it keeps a process waiting: ten frames a millisecond.
loses()
{
	case $1:$2 in
	port_goes:n1*|port_loses_carrier:n1*|goes_and_moves*:n1*) echo $((FRAMES / 10 + 10 * STALLED)) ;;
	*) echo 0 ;;
	esac
}

# streams WHAT COMMAND: it happens in a stream from the client, and one from a
# neighbour has begun before and ends after it
streams()
{
	local from job

	for from in "c1:eth0 $(vm_probe @40)" "n1:h1 $(neighbour_probe @40)"; do
		plug
		(sleep 0.1; "$2") &
		job=$!
		stall_begin
		play -c -w v1:h2 "${from% *}#${from#* }*$FRAMES/100"
		wait $job
		stall_end
		cmp_ok "$(numbers v1:h2 numbers)" -ge $((FRAMES - $(loses "$2" "$from"))) \
			"$1, from ${from%%:*}: none lost but by the kernel"
		is "$(numbers v1:h2 twice)" 0 "and none twice"
		play -c -w v1:h2 "${from% *}#${from#* }*1000/20"
		is "$(numbers v1:h2 numbers) $(numbers v1:h2 twice)" \
			"1000 0" "and afterwards"
		tap_unplug
	done
}

streams "the port goes" port_goes
streams "it loses its carrier" port_loses_carrier
streams "the bridge forgets it" bridge_forgets
streams "it moves" moves
streams "the port goes, then it moves" goes_and_moves
streams "the same, and the kernel is slow" goes_and_moves_slowly

# It comes back, by the operator's word: nothing that was copied is left over.
plug
port_loses_carrier
on_each "h1 h2" vm cancel $VM_MAC >/dev/null
play -w v1:h2 "c1:eth0=$(vm_probe)"
is "$(arrived v1:h2 "$(vm_probe)")" 0 "cancelled: no copies are made any more"
tap_unplug
done_testing
