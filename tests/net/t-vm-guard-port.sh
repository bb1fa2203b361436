#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A VM whose port is attached, to be guarded, before the VM is known, moves as any other:
# it is copied for in the blackout, and its first frame completes the move.
# shellcheck source=tests/net/lib/vmworld.sh
. "$(dirname "$0")/lib/vmworld.sh"
vm_world_up -n 2
vm_places v1 h1 h2
vm_places n1 -m "$N1_MAC" h1
world_pass v1 h1 h2
for node in h1 h2; do
	ok "$node: attach the uplink and the VM's port" xr_on $node dev attach up0 v1
done
ok "hosts" vm_hosts vxlan h1 h2
for node in h1 h2; do
	# However long a busy machine takes for what follows.
	policy $node blackout_timeout 600 >/dev/null || bail "no policy"
	ok "$node: the VM" xr_on $node vm add "$VM_MAC" address "$VM_ADDR4" at h1 dev v1 lock
done
in_ns h1 bridge fdb replace "$VM_MAC" dev v1 master dynamic
fabric_believes h1
near=$(neighbour_probe)
inside=$(frame make udp "$VM_MAC" "$(br0_mac h2)" "$VM_ADDR4" "$(underlay4 h2)" 9 \
	"what leaves by no uplink")

on_each "h2 h1" vm prepare "$VM_MAC" to h2 >/dev/null
on_each "h2 h1" vm pause "$VM_MAC" >/dev/null
play -q 10 -w v1:h1 -w v1:h2 "n1:h1=$near"
is "$(arrived v1:h1 "$near") $(arrived v1:h2 "$near")" "1 1" \
	"blackout: a neighbour's frame is delivered, and copied to the new host"
play -q 10 "v1:h2=$inside"
is "$(vm_state h2 "$VM_MAC")" moved "what the VM says at its new port completes the move, also to the host itself"
done_testing
