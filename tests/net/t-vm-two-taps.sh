#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Two tenants' VMs of one MAC on one machine, in segments of their own. libvirt gives
# both taps the same MAC: the bridge of the VM's VNI tells whose is whose, and where
# it does not, neither is taken.
# shellcheck source=tests/net/lib/vmworld.sh
. "$(dirname "$0")/lib/vmworld.sh"
vm_world_up -n 2
H2=$WORLD-h2
for v in 5 6; do
	for host in h1 h2; do
		vm_vxlan $host $v | ip -n "$WORLD-$host" -batch - ||
			bail "no segment of VLAN $v"
	done
done
ok "attach" vm_attach h1 h2
for node in h1 h2; do
	for v in 5 6; do
		for host in h1 h2; do
			# shellcheck disable=SC2046
			xr_on $node host add $host-$v vxlan "$(underlay4 $host)" \
				vni $((1000 + v)) \
				$([ $node != $host ] || echo local)
		done
	done
	for v in 5 6; do
		xr_on $node vm add "$VM_MAC" vlan $v at h1-$v
	done
done >/dev/null

# tap NAME MAC BRIDGE|-: one on h2 that a QEMU might have
tap()
{
	ip -n "$H2" tuntap add dev "$1" mode tap &&
		ip -n "$H2" link set "$1" address "$2" &&
		in_ns h2 sysctl -qw "net.ipv6.conf.$1.disable_ipv6=1" || return
	[ "$3" = - ] || ip -n "$H2" link set "$1" master "$3"
	ip -n "$H2" link set "$1" up
}

# coming VLAN: prepared, and what was said of it
coming()
{
	xr_on h2 vm prepare "$VM_MAC" vlan "$1" to "h2-$1" 2>&1
}

port()
{
	vm_fact h2 "$VM_MAC" tap "$1"
}

own=fe:${VM_MAC#*:}
tap vnet5 "$own" br5
tap vnet6 "$own" br6
is "$(coming 5)$(coming 6)" "" "both are prepared"
is "$(port 5) $(port 6)" "vnet5 vnet6" "each at the tap in its segment's bridge"
on_each h2 vm cancel "$VM_MAC" vlan 5 >/dev/null
on_each h2 vm cancel "$VM_MAC" vlan 6 >/dev/null

# The other tenant's alone is there yet.
ip -n "$H2" link del vnet6
like "$(coming 6)" "no port of VM $VM_MAC was found" \
	"another segment's tap is none, though it is alone"
is "$(port 6)" null "so none is taken"
xr_on h2 vm cancel "$VM_MAC" vlan 6

# In no bridge: alone it may be its, but the other VM is here, too.
ip -n "$H2" link set vnet5 nomaster
on_each "h1 h2" vm leave "$VM_MAC" vlan 5
on_each "h1 h2" vm add "$VM_MAC" vlan 5 at h2-5 >/dev/null
said=$(coming 6)
like "$said" "which port is VM $VM_MAC vlan 6's: vnet5, or is that of VM $VM_MAC vlan 5" \
	"a tap in no bridge may be either's, and both are named"
is "$(port 6)" null "so it is not taken"
xr_on h2 vm cancel "$VM_MAC" vlan 6
xr_on h2 vm add "$VM_MAC" vlan 5 at h2-5 dev vnet5 >/dev/null
like "$(coming 6)" "no port of VM" "said to be the one's, it is not the other's"
on_each h2 vm leave "$VM_MAC" vlan 5 >/dev/null
xr_on h2 vm cancel "$VM_MAC" vlan 6
is "$(coming 6) $(port 6)" " vnet5" "the only VM of its MAC has the only tap"
on_each h2 vm leave "$VM_MAC" vlan 6 >/dev/null
ip -n "$H2" link del vnet5

# One segment, two taps of that MAC: an old one, say.
fresh()
{
	on_each h2 vm leave "$VM_MAC" vlan 6 >/dev/null 2>&1
	on_each h2 vm add "$VM_MAC" vlan 6 at "$1" >/dev/null
}
tap vnet7 "$own" br6
tap vnet8 "$own" br6
fresh h1-6
like "$(coming 6)" "which port is VM .*: vnet7 in br6, vnet8 in br6" \
	"two in its bridge: refused, and both are named"
is "$(port 6)" null "none is taken"
fresh h2-6
in_ns h2 bridge fdb replace "$VM_MAC" dev vnet8 master static
is "$(xr_on h2 vm prepare "$VM_MAC" vlan 6 to h1-6 2>&1)" "" \
	"where it runs, the bridge knows"
is "$(port 6)" vnet8 "and its word counts more than taps' names"

# A bridge of another segment has learned that MAC: that is another's.
ip -n "$H2" link del vnet7
ip -n "$H2" link del vnet8
tap vnet9 "$own" br6
tap vnet10 52:54:00:00:00:10 br5
in_ns h2 bridge fdb replace "$VM_MAC" dev vnet10 master static
fresh h2-6
is "$(xr_on h2 vm prepare "$VM_MAC" vlan 6 to h1-6 2>&1) $(port 6)" " vnet9" \
	"its own bridge counts, whatever another's has learned"
ip -n "$H2" link del vnet9
fresh h2-6
like "$(xr_on h2 vm prepare "$VM_MAC" vlan 6 to h1-6 2>&1)" "no port of VM" \
	"nor does that one count for want of another"

# Behind the only veth of its bridge, or its tap: what tells most is taken.
ip -n "$H2" link add veth9 type veth peer name veth9b
ip -n "$H2" link set veth9b up
ip -n "$H2" link set veth9 master br6 up
in_ns h2 bridge fdb replace "$VM_MAC" dev veth9 master static
fresh h2-6
like "$(xr_on h2 vm prepare "$VM_MAC" vlan 6 to h1-6 2>&1)" "veth9 is no tap" \
	"a veth of its bridge that has learned it is its port"
is "$(port 6)" veth9 "and is taken"
done_testing
