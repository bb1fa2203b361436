#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The VM's frames still go to its old host, which sends them on. Another VM is one of
# those who talk to it: what comes out of the old host's tunnel is from there, but
# the sender is not. The marks by which that is known are nothing to Linux.
# shellcheck source=tests/net/lib/vmworld.sh
. "$(dirname "$0")/lib/vmworld.sh"
vm_world_up
vm_places v1 h1 h2
vm_places n1 -m "$N1_MAC" h1 h3
ok "attach" vm_attach h1 h2 h3
ok "hosts" vm_hosts vxlan h1 h2 h3
ok "two VMs" on_each "h1 h2 h3" vm add "$VM_MAC" address "$VM_ADDR4" at h1
ok "and their ports" on_each "h1 h2" vm add "$VM_MAC" at h1 dev v1
ok "the other's" on_each "h1 h2 h3" vm add "$N1_MAC" address "$N1_ADDR4" at h3
ok "and its ports" on_each "h1 h3" vm add "$N1_MAC" at h3 dev n1
fabric_believes h1
ok "the VM moves to h2" on_each "h2 h3 h1" vm move "$VM_MAC" to h2
near=$(neighbour_probe)
# n1's answer to the VM, and its question.
reply=${VM_MAC//:/}${N1_MAC//:/}0806000108000604
reply+=0002${N1_MAC//:/}0a090063${VM_MAC//:/}0a09000a$(printf '%036d' 0)
ask=${reply/06040002/06040001}

# What h2 knows of n1, however long ago it moved.
known()
{
	echo "$(vm_fact h2 "$N1_MAC" host) $(vm_state h2 "$N1_MAC")"
}

# detour DESCRIPTION: each of them gets to the VM at h2, and h2 learns nothing
detour()
{
	local frame was spoofed relayed

	was=$(known)
	spoofed=$(reason spoofed h2)
	relayed=$(reason relayed h2)
	for frame in "$near" "$reply" "$ask"; do
		play -q 20 -w v1:h1 -w v1:h2 "n1:h3=$frame"
		is "$(arrived v1:h2 "$frame") $(arrived v1:h1 "$frame")" "1 0" \
			"$1: by the detour"
	done
	is "$(known)" "$was" "$1: n1 is where it was"
	is "$(reason spoofed h2)" "$spoofed" "$1: nobody is accused"
	is "$(reason relayed h2)" $((relayed + 3)) "$1: three were relayed"
}

detour "at rest"
ok "n1 is expected at h1" on_each "h1 h2 h3" vm prepare "$N1_MAC" to h1
detour "prepared"
play -q 20 -w v1:h2 "n1:h1=$near"
is "$(known)" "h1 moved" "what comes from h1 itself completes the move"
ok "back" on_each "h1 h2 h3" vm move "$N1_MAC" to h3
ok "announcements are believed" policy h2 moves any
detour "moves any"
ok "policy as it was" policy h2 moves expected
ok "n1 is locked" on_each "h1 h2 h3" vm add "$N1_MAC" address "$N1_ADDR4" at h3 lock
detour "locked"

# ---- what Linux takes ----

play -q 20 -w h2:up0 "n1:h3=$near"
relay=$(sed -n "s/^h2:up0 \(.*$near\)$/\1/p" <<<"$SEEN")
like "$relay" "$(vxlan_of 1000)$near" "a relay as it gets to h2"
xr_on h2 dev detach up0 >/dev/null

# to_linux FRAME -> 1 if h2's VXLAN device delivers what is in it
to_linux()
{
	play -q 20 -w v1:h2 "fab:h2=$1"
	arrived v1:h2 "$near"
}

is "$(to_linux "$relay")" 1 "a VXLAN device that knows nothing of marks"
for header in 08000001"0003e8"00 08800000"0003e8"00 0c000000"0003e8"00 \
	08000000"0003e8"01; do
	is "$(to_linux "${relay/$(vxlan_of 1000)/$header}")" 0 \
		"no mark could be in the VXLAN header: $header"
done
done_testing
