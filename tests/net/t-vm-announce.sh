#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The old host, VXLAN. A VM that is expected at h2 announces itself in each of
# the kinds there are; the very next frame for it, on the same wire, goes there.
# The fabric believes nobody: frames for the VM come to h1 for ever.
# shellcheck source=tests/net/lib/vmworld.sh
. "$(dirname "$0")/lib/vmworld.sh"
vm_world_up -n 2
vm_places v1 h1 h2
vm_places t1 -v 100 h2
for vm in v1 t1; do
	in_ns h2 bridge fdb replace "$VM_MAC" dev $vm master static sticky
done
ok "attach" vm_attach h1
ok "hosts" vm_hosts vxlan h1
ok "the segment of VLAN 100" on_each h1 \
	host add h2-100 vxlan 10.8.0.2 vni 1100
probe=$(vm_probe)
probe100=$(vm_probe -v 100)

# expected [HOST [vlan N]]: at h1, and prepared to move there
expected()
{
	local to=${1-h2}

	shift
	xr_on h1 vm leave "$VM_MAC" "$@" >/dev/null 2>&1
	xr_on h1 vm add "$VM_MAC" "$@" at h1 >/dev/null &&
		xr_on h1 vm prepare "$VM_MAC" "$@" to "$to" >/dev/null
}

expected h2
play -w v1:h1 -w v1:h2 "fab:h1=$probe"
is "$(arrived v1:h1 "$probe") $(arrived v1:h2 "$probe")" "1 0" \
	"prepared: delivered to the old place still"

for kind in "${ALL_KINDS[@]}"; do
	expected h2
	play -q 10 -w v1:h1 -w v1:h2 -w t1:h2 "fab:h1=$(vector "$kind")" \
		"fab:h1=$probe"
	is "$(arrived v1:h1 "$probe") $(arrived v1:h2 "$probe")" "0 1" \
		"$kind: the next frame goes to the new host"
	is "$(vm_fact h1 "$VM_MAC" host)" h2 "and vm show says so"
	xr_on h1 vm leave "$VM_MAC" >/dev/null

	expected h2-100 vlan 100
	play -q 10 -w v1:h1 -w v1:h2 -w t1:h2 \
		"fab:h1=$(tagged 100 "$(vector "$kind")")" "fab:h1=$probe100"
	is "$(arrived v1:h2 "$probe") $(arrived t1:h2 "$probe")" "0 1" \
		"$kind, tagged: the next frame goes there, in its segment"
	xr_on h1 vm leave "$VM_MAC" vlan 100 >/dev/null
done

expected h2
play -q 10 -w v1:h2 "fab:h1=$(tagged 100 "$(vector k1_garp_request)")" \
	"fab:h1=$probe"
is "$(arrived v1:h2 "$probe")" 0 "what is said in VLAN 100 moves nobody in another"
play -q 10 -w v1:h2 "fab:h1=$(tagged 0 "$(vector k3_rarp_qemu)")" "fab:h1=$probe"
is "$(arrived v1:h2 "$probe")" 1 "a priority tag is no VLAN"
play -q 10 -w v1:h2 "fab:h1=$(tagged 0 "$probe")"
is "$(arrived v1:h2)" 1 "on the redirected frame, neither"

expected h2
play -q 10 -w v1:h2 "fab:h1=$(vector k15_plain_unicast_udp)" "fab:h1=$probe"
is "$(arrived v1:h2 "$probe")" 1 "the VM's first frame of data does as well"

for kind in k8_arp_probe_rfc5227 k10_ns_dad; do
	expected h2
	play -q 10 -w v1:h2 "fab:h1=$(vector $kind)" "fab:h1=$probe"
	is "$(arrived v1:h2 "$probe")" 0 "$kind: nobody is there yet"
done

# Not the VM's, or not sound: the list is tests/prog's; here one of each sort.
for bad in 's/^.{12}525400123456/ffffffffffff525400123457/:another MAC' \
	   's/525400123456(0a09000a)/525400123457\1/:ARP sender another than the Ethernet source' \
	   's/(0806)0001/\10006/:hardware type 6'; do
	expected h2
	play -q 10 -w v1:h2 "fab:h1=$(vector k1_garp_request |
		sed -E "${bad%:*}")" "fab:h1=$probe"
	is "$(arrived v1:h2 "$probe")" 0 "${bad##*:}: not believed"
done

# The same with the program in the kernel's stack.
expected h2
xr_on h1 dev detach up0 >/dev/null
ok "mode generic" xr_on h1 dev attach up0 mode generic
play -q 10 -w v1:h1 -w v1:h2 "fab:h1=$(vector k3_rarp_qemu)" "fab:h1=$probe"
is "$(arrived v1:h1 "$probe") $(arrived v1:h2 "$probe")" "0 1" \
	"mode generic: the next frame goes to the new host"
done_testing
