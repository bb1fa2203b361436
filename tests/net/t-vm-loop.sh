#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The new host's bridge still has the VM's MAC on its uplink: what is redirected
# there comes straight back. An entry whose own frames come back disables itself
# and says so; a new host that runs xroam lets nothing come back at all; and what
# is only the same again and again is no loop.
# shellcheck source=tests/net/lib/vmworld.sh
. "$(dirname "$0")/lib/vmworld.sh"
vm_world_up -n 2
vm_places v1 h1 h2
ok "attach" vm_attach h1
ok "hosts" vm_hosts vxlan h1
fabric_believes h1
probe=$(vm_probe)
probe6=$(frame make udp "$C1_MAC" "$VM_MAC" "$C1_ADDR6" "$VM_ADDR6" 9 \
	"what the client says")
in_ns h2 bridge fdb replace "$VM_MAC" dev up0 master static sticky

for family in 4 6; do
	[ $family = 4 ] || probe=$probe6
	xr_on h1 vm leave "$VM_MAC" >/dev/null 2>&1
	xr_on h1 vm add "$VM_MAC" at h1 >/dev/null
	xr_on h1 vm move "$VM_MAC" to h2 >/dev/null
	[ $family = 6 ] || ok "monitor" monitor h1
	monitor_mark h1
	play -c -q 200 -m "${probe:0:28}" -w fab:h1 -w fab:h2 \
		"c1:eth0=$probe*1000/200"
	diag "$SEEN"
	# Bare, 13,000 extra in 150 ms.
	cmp_ok "$(numbers fab:h1 frames)" -le 1100 \
		"IPv$family: 1000 frames that come back: few go round"
	ok "an event says so" event_comes h1 "$VM_MAC.*loop"
	like "$(vm_fact h1 "$VM_MAC" state)" "disabled" "and vm show"
	cmp_ok "$(reason vm-loop h1)" -ge 1 "vm-loop counts"
	play -q 10 -w fab:h1 "fab:h1=$probe"
	is "$(arrived fab:h1 "$probe")" 0 "the redirect is off"
done

# The guard may give one of many another IP ID: what is before that.
inner=$(vm_probe)
inner=${inner:0:36}

# The operator's next word puts it on again.
probe=$(vm_probe)
in_ns h2 bridge fdb replace "$VM_MAC" dev v1 master static sticky
ok "the next move" xr_on h1 vm prepare "$VM_MAC" to h1
ok "and back" xr_on h1 vm move "$VM_MAC" to h1
xr_on h1 vm move "$VM_MAC" to h2 >/dev/null
play -q 10 -w v1:h2 "c1:eth0=$probe"
is "$(arrived v1:h2 "$probe")" 1 "puts the redirect on again"

# Identical datagrams are legal.
play -c -q 200 -m "${probe:0:36}" -w v1:h2 "c1:eth0=$probe*100000"
diag "$SEEN"
# A busy machine loses some by itself; a loop found would be nearly all.
cmp_ok "$(numbers v1:h2 frames)" -ge 50000 "100,000 identical datagrams pass"
is "$(vm_state h1 "$VM_MAC")" moved "and are no loop"

# With xroam at the new host nothing comes back, whatever its bridge has.
in_ns h2 bridge fdb del "$VM_MAC" dev v1 master
in_ns h2 bridge fdb replace "$VM_MAC" dev up0 master static
ok "xroam at the new host" vm_attach h2
vm_hosts vxlan h2
xr_on h2 vm add "$VM_MAC" at h1 dev v1 >/dev/null
ok "prepare it there" on_each "h2 h1" vm prepare "$VM_MAC" to h2
ok "move it" on_each "h2 h1" vm move "$VM_MAC" to h2
play -q 20 -w fab:h1 -w fab:h2 -w v1:h2 "c1:eth0=$probe*10/1000"
is "$(arrived fab:h1 "$inner") $(arrived fab:h2 "$inner")" "10 0" \
	"ten frames are ten frames, and none comes back"
is "$(arrived v1:h2 "$inner")" 10 "they are with the VM"
in_ns h2 bridge fdb replace "$VM_MAC" dev up0 master static
play -q 20 -w fab:h1 -w fab:h2 "c1:eth0=$probe*10/1000"
is "$(arrived fab:h2 "$inner")" 0 "not even when somebody moves the FDB entry"
done_testing
