#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# One MAC in several VLANs is several VMs; VLAN 0 is none; two tags are left alone.
# shellcheck source=tests/net/lib/vmworld.sh
. "$(dirname "$0")/lib/vmworld.sh"
vm_world_up
vm_places v1 h1 h2 h3
vm_places a1 -v 100 h1 h2 h3
vm_places b1 -v 200 h1 h2 h3
for host in h2 h3; do
	for vm in v1 a1 b1; do
		in_ns $host bridge fdb replace "$VM_MAC" dev $vm master static sticky
	done
done
ok "attach" vm_attach h1
ok "hosts" vm_hosts vxlan h1
for vlan in 100 200; do
	for host in h2 h3; do
		xr_on h1 host add $host-$vlan vxlan "$(underlay4 $host)" \
			vni $((1000 + vlan)) || fail "host add $host-$vlan"
	done
done
fabric_believes h1
declare -A probe=([0]=$(vm_probe) [100]=$(vm_probe -v 100) [200]=$(vm_probe -v 200))
places=()
for vm in v1 a1 b1; do
	places+=(-w "$vm:h1" -w "$vm:h2" -w "$vm:h3")
done

# where VLAN -> the places its probe came to, in tunnels or not
where()
{
	local at

	play -q 10 "${places[@]}" "fab:h1=${probe[$1]}"
	# A tagged frame is flooded to the untagged segment's ports, too.
	at=$(grep -E " (${probe[0]}|${probe[$1]})$" <<<"$SEEN" |
		cut -d' ' -f1 | sort -u | tr '\n' ' ')
	echo "${at% }"
}

for vlan in 0 100 200; do
	words=()
	[ $vlan = 0 ] || words=(vlan "$vlan")
	ok "VLAN $vlan: add" xr_on h1 vm add "$VM_MAC" "${words[@]}" at h1
done
is "$(where 0)/$(where 100)/$(where 200)" "v1:h1/v1:h1/v1:h1" \
	"three VMs of one MAC, all at h1"
is "$(xr_on h1 -j vm show "$VM_MAC" |
	jq '[.. | objects | select(.mac?)] | length')" 3 "vm show lists three"
ok "VLAN 100 moves to h2" xr_on h1 vm move "$VM_MAC" vlan 100 to h2-100
is "$(where 0)/$(where 100)/$(where 200)" "v1:h1/a1:h2/v1:h1" \
	"the others stay"
ok "VLAN 200 moves to h3" xr_on h1 vm move "$VM_MAC" vlan 200 to h3-200
is "$(where 0)/$(where 100)/$(where 200)" "v1:h1/a1:h2/b1:h3" \
	"each where it belongs"
ok "the untagged one moves to h3" xr_on h1 vm move "$VM_MAC" to h3
is "$(where 0)/$(where 100)/$(where 200)" "v1:h3/a1:h2/b1:h3" \
	"the untagged one, too"
is "$(vm_fact h1 "$VM_MAC" host) $(vm_fact h1 "$VM_MAC" host 100) $(
	vm_fact h1 "$VM_MAC" host 200)" "h3 h2-100 h3-200" "vm show knows"

play -q 10 -w fab:h1 "fab:h1=$(tagged 100 "${probe[0]}")" \
	"fab:h1=$(tagged 0 "${probe[0]}")" \
	"fab:h1=$(tagged $((5 << 13)) "${probe[0]}")" \
	"fab:h1=$(tagged $((5 << 13 | 100)) "${probe[0]}")" \
	"fab:h1=$(tagged 0 "$(tagged $((5 << 13)) "${probe[0]}")")" \
	"fab:h1=$(tagged 0 "$(tagged 100 "${probe[0]}")")"
is "$(arrived fab:h1 "$(vxlan_of 1100)${probe[0]}")" 3 \
	"priority bits of a tag choose no VLAN: VNI 1100"
is "$(arrived fab:h1 "$(vxlan_of 1000)${probe[0]}")" 3 \
	"and VLAN 0 is none, whatever its priority, twice: VNI 1000"

# The bridge knows MACs, not VLANs: what XDP passes, its entry for the untagged
# VM may send on. So the counters tell, here.
twice=$(frame make -v 100 -v 200 udp "$C1_MAC" "$VM_MAC" "$C1_ADDR4" \
	"$VM_ADDR4" 9 "what the client says")
before=$(reason qinq h1) moved=$(reason moved h1)
play -q 10 "fab:h1=$twice" "fab:h1=$(vm_probe -v 300)"
is "$(($(reason qinq h1) - before))" 1 "two tags: counted"
is "$(($(reason moved h1) - moved))" 0 \
	"and left alone, as a VLAN in which there is no such VM"

ok "leave, untagged" xr_on h1 vm leave "$VM_MAC"
is "$(where 0)/$(where 100)/$(where 200)" "v1:h1/a1:h2/b1:h3" \
	"only that one is forgotten"
ok "leave VLAN 100" xr_on h1 vm leave "$VM_MAC" vlan 100
is "$(where 0)/$(where 100)/$(where 200)" "v1:h1/v1:h1/b1:h3" "and then that one"
done_testing
