#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# What can be a VM's port: what is put into it has to reach the VM. A macvtap's own
# frames leave by the wire, and its card's bridge gives them back for ever; such a
# device is refused wherever it is named, and no port at all where it is found.
# Whatever a port is wired to, xroam puts a frame into one once.
# shellcheck source=tests/net/lib/vmworld.sh
. "$(dirname "$0")/lib/vmworld.sh"
vm_world_up -r -n 2
vm_netns v1
vm_routed_boot v1 h1 h2
ok "attach" vm_attach h1 h2
ok "hosts" vm_hosts ipip h1 h2
H1=$WORLD-h1 H2=$WORLD-h2

# ---- named ----

# none NAME REGEX [LINK...]: made so, it is refused
none()
{
	local name=$1 regex=$2

	shift 2
	if [ $# -gt 0 ] && ! ip -n "$H1" link add "$@" 2>/dev/null; then
		skip 1 "this kernel makes no $name"
		return
	fi
	refused 1 "$name $regex.*name the VM's tap or veth" \
		"refused as a port: $name" vm add "$VM_MAC" at h1 dev "$name"
	[ $# = 0 ] || ip -n "$H1" link del "$name"
}

none macvtap0 "is of kind macvtap" link up0 name macvtap0 type macvtap mode bridge
none macvlan0 "is of kind macvlan" link up0 name macvlan0 type macvlan mode bridge
none ipvlan0 "is of kind ipvlan" link up0 name ipvlan0 type ipvlan
none vlan5 "is of kind vlan" link up0 name vlan5 type vlan id 5
none bond7 "is of kind bond" name bond7 type bond
none team7 "is of kind team" name team7 type team
none br7 "is of kind bridge" name br7 type bridge
none vx7 "is of kind vxlan" name vx7 type vxlan id 7 dstport 4789
none ifb7 "is of kind ifb" name ifb7 type ifb
none lo "is no Ethernet device"
none up0 "leads to host h2"
ip -n "$H1" tuntap add dev tun7 mode tun
none tun7 "is no Ethernet device"
is "$(xr vm show "$VM_MAC" 2>/dev/null)" "" "nothing was added"
ip -n "$H1" tuntap add dev tap7 mode tap
ok "a tap is one" xr vm add "$VM_MAC" at h1 dev tap7
is "$(vm_fact h1 "$VM_MAC" residual)" true "and tells what was not read"
xr vm leave "$VM_MAC"
ok "a veth is one" xr vm add "$VM_MAC" at h1 dev v1
is "$(vm_fact h1 "$VM_MAC" residual)" false "though nothing is known of what was not"
like "$(xr vm prepare "$VM_MAC" to h2 2>&1)" "v1 is no tap: .* not replayed" \
	"which its prepare's answer says"
xr vm leave "$VM_MAC"

# ---- by routes ----

# A network behind one VM's port: who is in it may be behind another one.
OTHER_MAC=52:54:00:77:77:77
ip -n "$H1" tuntap add dev tap8 mode tap
ip -n "$H1" addr add 10.77.0.1/24 dev tap8
ip -n "$H1" link set tap8 up
ip -n "$H1" -6 route add fe80::20/128 dev tap8
xr vm add "$VM_MAC" address 10.77.0.20 at h1
xr vm prepare "$VM_MAC" to h2 >/dev/null 2>&1
is "$(vm_fact h1 "$VM_MAC" tap)" tap8 "a port is found by the route to it"
xr vm leave "$VM_MAC"
xr vm add "$VM_MAC" address fe80::20 at h1
like "$(xr vm prepare "$VM_MAC" to h2 2>&1)" "no port of VM $VM_MAC was found" \
	"not by a link's address"
xr vm leave "$VM_MAC"
xr vm add "$OTHER_MAC" at h1 dev tap8
xr vm prepare "$OTHER_MAC" to h2 >/dev/null 2>&1
xr vm add "$VM_MAC" address 10.77.0.20 at h1
like "$(xr vm prepare "$VM_MAC" to h2 2>&1)" "no port of VM $VM_MAC was found" \
	"and not where it is another's"
is "$(vm_fact h1 "$OTHER_MAC" tap)" tap8 "  whose it stays"
xr vm leave "$VM_MAC"
xr vm leave "$OTHER_MAC"
ip -n "$H1" link del tap8

# ---- of another namespace ----

# Its number there is the uplink's here: the programs would take it for that.
up0=$(ip -n "$H1" -j link show up0 | pick '.[0].ifindex')
vm_netns pod
ip -n "$WORLD-pod" link add pod0 index "$up0" type veth peer name pod1
in_pod() { in_ns pod "$XROAM" -i "$WORLD-h1" "$@"; }
like "$(in_pod vm add "$VM_MAC" at h1 dev pod0 2>&1)" \
	"pod0 has number $up0 here, and up0 in another network namespace" \
	"a port of the uplink's number, in another namespace: refused"
ok "the VM without it" in_pod vm add "$VM_MAC" at h1
ip -n "$WORLD-pod" link set pod0 address "$VM_MAC" up
in_pod vm prepare "$VM_MAC" to h2 >/dev/null 2>&1
is "$(bpftool -j map dump pinned "/sys/fs/bpf/xroam/$WORLD-h1/taps" |
	jq ".[].formatted | select(.key == $up0) | .value")" $((0xffff0000)) \
	"and the uplink stays one"
in_pod vm leave "$VM_MAC"
ip -n "$WORLD-pod" link del pod0
ip -n "$WORLD-pod" link add pod0 index $((up0 + 1000)) type veth peer name pod1
ok "with a number of its own" in_pod vm add "$VM_MAC" at h1 dev pod0
is "$(in_pod vm prepare "$VM_MAC" to h2 2>&1 | grep -c "has number")" 0 "  it is one"
in_pod vm leave "$VM_MAC"

if ip -n "$H1" link add link up0 name macvtap0 type macvtap mode bridge \
	2>/dev/null; then
	xr vm add "$VM_MAC" at h1
	refused 1 "macvtap0 is of kind macvtap" "nor by a file" \
		apply <(xr export | sed 's/at: "h1"/&, tap: macvtap0/')
	daemon h1
	said=$(/usr/bin/python3 "$(dirname "$0")/lib/notify.py" \
		"/run/xroam/$WORLD-h1.sock" say \
		'{"notice":"prepare","mac":"'$VM_MAC'","to":"h2","tap":"macvtap0"}')
	like "$said" "macvtap0 is of kind macvtap" "nor by the socket"
	is "$(vm_fact h1 "$VM_MAC" state)" stable "which begins no move"
	daemon_stop h1
	ip -n "$H1" link del macvtap0

	# It comes after it was named, or another does in its name.
	xr vm leave "$VM_MAC"
	ok "a port that is not there yet" xr vm add "$VM_MAC" at h1 dev port7
	ip -n "$H1" link add link up0 name port7 type macvtap mode bridge
	like "$(xr vm prepare "$VM_MAC" to h2 2>&1)" \
		"port7 is of kind macvtap" "turns out to be a macvtap"
	is "$(in_ns h1 tc filter show dev port7 egress)$(
		vm_fact h1 "$VM_MAC" residual)" null "and is left alone"
	xr vm leave "$VM_MAC"
	ip -n "$H1" link del port7
else
	skip 6 "this kernel makes no macvtap"
fi

# ---- once ----

# A port whose other end is in the fabric, which sends its frames back to h2: a
# wiring that no kind tells.
ip link add back index 201 netns "$WORLD-fab" type veth peer name wired \
	index 200 netns "$H2"
world_wire fab/back h2/wired
world_pass fab back
ip -n "$H2" link set wired up
ip -n "$WORLD-fab" link set back master fab up
fabric_believes h2
on_each "h1 h2" vm add "$VM_MAC" address "$VM_ADDR4" at h1 >/dev/null
xr_on h2 vm leave "$VM_MAC"
xr_on h2 vm add "$VM_MAC" address "$VM_ADDR4" at h1 dev wired >/dev/null
on_each "h2 h1" vm prepare "$VM_MAC" to h2 2>/dev/null >/dev/null
on_each "h2 h1" vm move "$VM_MAC" to h2 2>/dev/null >/dev/null
ip -n "$WORLD-gw" route replace "$VM_ADDR4" via 10.8.0.1
in_ns h1 ping -c1 -W2 10.8.0.2 >/dev/null
client=$(frame make udp "$C1_MAC" "$(mac h1 up0)" "$C1_ADDR4" "$VM_ADDR4" 9 "once")
# "once" in hex
play -q 20 -c -m 6f6e6365 -w fab:back "c1:eth0=$client"
is "$(numbers fab:back frames)" 1 "what was put into a port and came back goes there once"
done_testing
