#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Without xroam: what this kernel makes of each kind of announcement, as a bridge
# and as a gateway. The control for the t-vm tests, and the world's own test.
# shellcheck source=tests/net/lib/vmworld.sh
. "$(dirname "$0")/lib/vmworld.sh"
vm_world_up
vm_places v1 h1 h2
vm_places n1 -m $N1_MAC h1
probe=$(vm_probe)
garp=$(vector k1_garp_request)

# The bridge: who speaks at h2 is at h2.
play -w v1:h1 -w v1:h2 "v1:h1=$garp" +2 "c1:eth0=$probe" +2 \
	"v1:h2=$garp" +2 "c1:eth0=$probe"
is "$(arrived v1:h1 "$probe") $(arrived v1:h2 "$probe")" "1 1" \
	"a bridge follows gratuitous ARP at the next frame"
for kind in "${ALL_KINDS[@]}" "${OTHER_KINDS[@]}"; do
	play -q 5 -w v1:h2 "v1:h1=$garp" +2 "v1:h2=$(vector "$kind")" +2 \
		"c1:eth0=$probe"
	is "$(arrived v1:h2 "$probe")" 1 "and ${kind%%_*}"
done

# The black hole that all this is about.
fabric_believes h1
play -w v1:h1 -w v1:h2 "v1:h2=$garp" +2 "c1:eth0=$probe"
is "$(arrived v1:h1 "$probe") $(arrived v1:h2 "$probe")" "0 0" \
	"a fabric that does not learn, an old host that does: a black hole"

# Tunnels into the segment, tagged or not: the kernel's VXLAN device at h2.
in_ns h1 bridge fdb add "$VM_MAC" dev vx0 dst 10.8.0.2 self permanent
in_ns h1 bridge fdb replace "$VM_MAC" dev vx0 master static
in_ns h2 bridge fdb replace "$VM_MAC" dev v1 master static sticky
probe=$(neighbour_probe)
play -w v1:h1 -w v1:h2 -w fab:h1 "n1:h1=$probe"
is "$(arrived v1:h1 "$probe") $(arrived v1:h2 "$probe")" "0 1" \
	"a neighbour on the old host reaches it by the kernel's VXLAN device"
is "$(arrived fab:h1 "$(vxlan_of 1000)$probe")" 1 "once, in VNI 1000"

# A gateway: an entry for another MAC, two seconds old, and what each kind does.
gw_neigh()
{
	ip -n "$WORLD-gw" -j neigh show "$1" dev eth0 | pick '.[0].lladdr'
}

old=52:54:00:00:00:99
follows()
{
	local kind=$1 wanted=$2 addr=$VM_ADDR4

	[[ $kind != k9* ]] || addr=$VM_ADDR6
	ip -n "$WORLD-gw" neigh replace "$addr" lladdr $old dev eth0 \
		nud stale
	play -q 5 "+1" "v1:h2=$(vector "$kind")"
	is "$(gw_neigh "$addr")" "$wanted" "gateway: $kind"
}

in_ns gw sysctl -qw net.ipv4.neigh.eth0.locktime=0
for kind in k1_garp_request k2_garp_reply_bcast k4_arp_req_gw_target_bcast \
	    k5_arp_req_other_target_bcast k6_arp_reply_unicast_gw \
	    k9_na_unsol_override; do
	follows $kind $VM_MAC
done
for kind in k3_rarp_qemu k7_arp_reply_unicast_other; do
	follows $kind $old
done
done_testing
