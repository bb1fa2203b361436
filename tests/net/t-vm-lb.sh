#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# An LB node whose backend is a VM: the same notification moves it. The fabric
# believes nobody; connections live on through the move.
# shellcheck source=tests/net/lib/vmworld.sh
. "$(dirname "$0")/lib/vmworld.sh"
vm_world_up -n 2
vm_boot v1 h1
ip -n "$WORLD-v1" addr add "$VIP4/32" dev lo
ip -n "$WORLD-gw" route add "$VIP4/32" via "$VM_ADDR4"
ip -n "$WORLD-gw" neigh replace "$VM_ADDR4" lladdr "$VM_MAC" dev eth0
fabric_believes h1
# What gw's own kernel sends to the VM passes the old host.
ok "attach" vm_attach gw h1
ok "hosts" vm_hosts vxlan gw h1
ok "the VM" on_each "gw h1" vm add "$VM_MAC" address "$VM_ADDR4" at h1
for proto in tcp udp; do
	ok "$proto: VIP" xr_on gw vip add "$VIP4:80/$proto"
	ok "$proto: backend" xr_on gw backend add "v1-$proto" \
		vip "$VIP4:80/$proto" address "$VM_ADDR4" forward l2 \
		vm "$VM_MAC"
done
serves v1 80
ok "tcp: c2 gets its answers" ask c2 -c 4 tcp "$VIP4" 80
ok "udp: c2 gets its answers" ask c2 -c 4 udp "$VIP4" 80

# The VM moves under open connections. For a moment it hears nothing.
start tcp c2 "$PEER" ask -c 4 -n 40 -i 50 -t 60000 tcp "$VIP4" 80
sleep 0.5
ok "prepare" on_each "gw h1" vm prepare "$VM_MAC" to h2
before=$(reason moved gw)
vm_replug v1 h1 h2 || fail "cannot replug"
in_ns h2 bridge fdb replace "$VM_MAC" dev v1 master static sticky
ok "move" on_each "gw h1" vm move "$VM_MAC" to h2
finish tcp
PRINTED=$(<"$WORLD_DIR/tcp.out")
diag "$PRINTED"
is "$(figure lost) $(figure moved) $(figure broken)" "0 0 0" \
	"the connections lived through it"
cmp_ok "$(figure answered)" -ge 160 "with all their answers"
ok "udp: new requests find it, too" ask c2 -c 4 udp "$VIP4" 80
cmp_ok "$(($(reason moved gw) - before))" -eq 0 \
	"they are counted as the VIP's, not as others'"
cmp_ok "$(xr_on gw -j stats backend |
	jq '[.. | objects | select(.backend? == "v1-udp") | .packets][0]')" -ge 8 \
	"by its backend"
is "$(vm_fact gw "$VM_MAC" host)" h2 "vm show says where it is"
ok "and back" on_each "h1 gw" vm move "$VM_MAC" to h1
vm_replug v1 h2 h1 || fail "cannot replug"
ok "it is served from h1" wait_for 3 ask c2 -c 1 -t 300 udp "$VIP4" 80
ok "a VM may leave before its backend" xr_on gw vm leave "$VM_MAC"
like "$(xr_on gw backend add x vip "$VIP4:80/tcp" address "$VM_ADDR4" forward l2 \
	vm 52:54:00:00:00:01 2>&1)" "warning.*52:54:00:00:00:01" \
	"and a backend come before its VM: with a warning"
done_testing
