#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A host whose VMs' own ports are guarded, too: the lock at the port, the right to
# speak that leaves with the VM, and nothing else in the way of its frames.
# shellcheck source=tests/net/lib/vmworld.sh
. "$(dirname "$0")/lib/vmworld.sh"
vm_world_up -n 2
vm_places v1 h1 h2
vm_places n1 -m "$N1_MAC" h1
for vm in v1 n1; do
	world_pass $vm h1
done
ok "attach the uplink and the VMs' ports" xr_on h1 dev attach up0 v1 n1
ok "hosts" vm_hosts vxlan h1
ok "a locked VM" xr_on h1 vm add "$VM_MAC" address "$VM_ADDR4" at h1 dev v1 lock
ok "another" xr_on h1 vm add "$N1_MAC" address "$N1_ADDR4" at h1 dev n1 lock
in_ns h2 bridge fdb replace "$VM_MAC" dev v1 master static sticky
fabric_believes h1
out=$(frame make udp "$VM_MAC" "$C1_MAC" "$VM_ADDR4" "$C1_ADDR4" 9 \
	"what the VM answers")
back=$(frame make udp "$VM_MAC" "$N1_MAC" "$VM_ADDR4" "$N1_ADDR4" 9 \
	"what the VM answers")
garp=$(vector k1_garp_request)
near=$(neighbour_probe)
probe=$(vm_probe)

# says PLACE FRAME -> how many of it get to the client
says()
{
	play -q 10 -w c1:eth0 "$1=$2"
	arrived c1:eth0 "${2:0:36}"
}

is "$(says v1:h1 "$out") $(says v1:h1 "$garp")" "1 1" \
	"the VM speaks at its own port"
is "$(says n1:h1 "$out")" 0 "in its name, another port: no"
is "$(says n1:h1 "${garp//525400123456/525400123499}")" 0 \
	"nor with its address"
is "$(says v1:h1 "${garp//0a09000a/0a090063}")" 0 "nor it with the other's"
play -q 10 -w n1:h1 "fab:h1=$back"
is "$(arrived n1:h1 "$back")" 0 "in its name, from the fabric: no"
play -q 10 -w v1:h1 -w n1:h1 "c1:eth0=$probe" "n1:h1=$near" "v1:h1=$back"
is "$(arrived v1:h1 "$probe") $(arrived v1:h1 "$near") $(
	arrived n1:h1 "$back")" "1 1 1" "frames for them arrive, from wherever"

ok "prepare" xr_on h1 vm prepare "$VM_MAC" to h2
is "$(says v1:h1 "$out") $(vm_fact h1 "$VM_MAC" state)" "1 prepared" \
	"prepared: what it says at its own port is no news from h2"
is "$(says n1:h1 "$(vector k3_rarp_qemu)") $(vm_fact h1 "$VM_MAC" state)" \
	"0 prepared" "nor is what another says in its name"
play -q 10 "fab:h1=$garp"
is "$(vm_state h1 "$VM_MAC")" moved "what comes from the fabric is"
ok "the operator says so, too" xr_on h1 vm move "$VM_MAC" to h2
is "$(says v1:h1 "$out")" 0 "the old port has lost the right"
play -q 10 -w n1:h1 "fab:h1=$back"
is "$(arrived n1:h1 "$back")" 1 "the fabric has it now"
play -q 10 -w v1:h1 -w v1:h2 "c1:eth0=$probe" "n1:h1=$near"
is "$(arrived v1:h2 "$probe") $(arrived v1:h2 "$near") $(
	arrived v1:h1 "$probe|$near")" "1 1 0" \
	"and its frames go there, the neighbour's out of the uplink"
ok "back" xr_on h1 vm move "$VM_MAC" to h1
is "$(says v1:h1 "$out")" 1 "the right is back at the port"
done_testing
