#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A gateway with a port to each host. The VM announces itself from h2's port, in
# each of the kinds there are; the next frame for it, from another port, goes out
# there, whatever the bridge's table still says.
# shellcheck source=tests/net/lib/vmworld.sh
. "$(dirname "$0")/lib/vmworld.sh"
vm_world_up -g -n 2
vm_places v1 h1 h2
ok "attach" vm_attach fab
ok "hosts" vm_hosts port fab
fabric_believes h1
probe=$(vm_probe)
probe100=$(vm_probe -v 100)

expected()
{
	xr_on fab vm leave "$VM_MAC" "$@" >/dev/null 2>&1
	xr_on fab vm add "$VM_MAC" "$@" at h1 >/dev/null &&
		xr_on fab vm prepare "$VM_MAC" "$@" to h2 >/dev/null
}

# went: where the client's frame came out, h1 h2
went()
{
	echo "$(arrived h1:up0 "$1") $(arrived h2:up0 "$1")"
}

for kind in "${ALL_KINDS[@]}"; do
	expected
	play -q 10 -w h1:up0 -w h2:up0 "v1:h2=$(vector "$kind")" +2 \
		"c1:eth0=$probe"
	is "$(went "$probe")" "0 1" "$kind: the next frame goes out of its port"
	is "$(vm_state fab "$VM_MAC")" moved "and vm show says so"
	xr_on fab vm leave "$VM_MAC" >/dev/null

	expected vlan 100
	play -q 10 -w h1:up0 -w h2:up0 \
		"v1:h2=$(tagged 100 "$(vector "$kind")")" +2 "c1:eth0=$probe100"
	is "$(went "$probe100")" "0 1" "$kind, tagged: tagged as it came"
	xr_on fab vm leave "$VM_MAC" vlan 100 >/dev/null
done

expected
play -q 10 -w h1:up0 -w h2:up0 "gw:eth0=$(vector k1_garp_request)" +2 \
	"c1:eth0=$probe"
is "$(went "$probe")" "1 0" "the same from a port where nobody expects it"
play -q 10 -w h1:up0 -w h2:up0 "v1:h1=$(vector k1_garp_request)" +2 \
	"c1:eth0=$probe"
is "$(went "$probe")" "1 0" "and from the old host's, where it still is"
play -q 10 -w h1:up0 -w h2:up0 "v1:h2=$(vector k15_plain_unicast_udp)" +2 \
	"c1:eth0=$probe"
is "$(went "$probe")" "0 1" "the VM's first frame of data"

# By itself none of the others says where a VM is, whoever is believed.
xr_on fab vm leave "$VM_MAC" >/dev/null
xr_on fab export >"$WORLD_DIR/any.yaml"
sed -i 's/moves: expected/moves: any/' "$WORLD_DIR/any.yaml"
ok "policy moves any" xr_on fab apply "$WORLD_DIR/any.yaml"
for kind in "${OTHER_KINDS[@]}"; do
	xr_on fab vm leave "$VM_MAC" >/dev/null 2>&1
	xr_on fab vm add "$VM_MAC" at h1 >/dev/null
	play -q 10 -w h1:up0 -w h2:up0 "v1:h2=$(vector "$kind")" +2 \
		"c1:eth0=$probe"
	is "$(went "$probe")" "1 0" "$kind is no announcement"
done
play -q 10 -w h1:up0 -w h2:up0 "v1:h2=$(vector k3_rarp_qemu)" +2 \
	"c1:eth0=$probe"
is "$(went "$probe")" "0 1" "but RARP is, and nobody need expect it"
done_testing
