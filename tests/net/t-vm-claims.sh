#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# What a bridge and a Linux router really believe of a VM's neighbour who claims its
# name; and that a lock keeps it from them.
# shellcheck source=tests/net/lib/vmworld.sh
. "$(dirname "$0")/lib/vmworld.sh"
vm_world_up -n 1
vm_places v1 h1
vm_places n1 -m "$N1_MAC" h1
for vm in v1 n1; do
	world_pass $vm h1
done
ok "attach the uplink and the VMs' ports" xr_on h1 dev attach up0 v1 n1
ok "hosts" xr_on h1 host add h1 vxlan "$(underlay4 h1)" vni 1000 local
in_ns gw sysctl -qw net.ipv6.conf.all.forwarding=1

# What the bridge or the router takes for the VM now.
believed()
{
	case $1 in
	fdb)	in_ns h1 bridge fdb show br br0 |
			sed -n "s/^$VM_MAC dev \([^ ]*\) .*/\1/p" ;;
	arp)	in_ns gw ip neigh show "$VM_ADDR4" | grep -o 'lladdr [^ ]*' ;;
	nd)	in_ns gw ip -6 neigh show "$VM_ADDR6" | grep -o 'lladdr [^ ]*' ;;
	esac
}

# The truth; long enough ago for the router to hear of something else (locktime).
truth()
{
	in_ns h1 bridge fdb replace "$VM_MAC" dev v1 master dynamic
	in_ns gw ip neigh replace "$VM_ADDR4" lladdr "$VM_MAC" dev eth0 nud stale
	in_ns gw ip neigh replace "$VM_ADDR6" lladdr "$VM_MAC" dev eth0 nud stale
}

in_ns gw sysctl -qw net.ipv4.neigh.eth0.locktime=0
mapfile -t claims < <(python3 "$(dirname "$0")/lib/claims.py" "$N1_MAC" \
	"$VM_MAC" "$VM_ADDR4" "$VM_ADDR6" "$GW_MAC")
is "${#claims[@]}" 15 "claims to try"

# lies: the names of those claims that changed what is believed
lies()
{
	local about name frame was all=

	for claim in "${claims[@]}"; do
		read -r about name frame <<<"$claim"
		truth
		was=$(believed "$about")
		play -q 5 "n1:h1=$frame"
		[ "$(believed "$about")" = "$was" ] || all+=" $about/$name"
	done
	echo "${all# }"
}

ok "a VM without a lock" xr_on h1 vm add "$VM_MAC" address "$VM_ADDR4" \
	address "$VM_ADDR6" at h1 dev v1
believes=$(lies)
for claim in "${claims[@]}"; do
	read -r about name frame <<<"$claim"
	like " $believes " " $about/$name " "without a lock $about/$name is believed"
done
ok "its lock" xr_on h1 vm add "$VM_MAC" address "$VM_ADDR4" \
	address "$VM_ADDR6" at h1 dev v1 lock
is "$(lies)" "" "with it none is"
is "$(reason guard-mac h1) $(reason guard-ip h1) $(reason guard-unread h1)" \
	"4 10 1" "each is counted"

# The VM's own word goes on, and at its port no other.
truth
in_ns h1 bridge fdb replace "$VM_MAC" dev up0 master dynamic
play -q 5 "v1:h1=$(vector k1_garp_request)"
is "$(believed fdb)" v1 "its own word is believed"
before=$(reason guard-mac h1)
play -q 5 "v1:h1=$(frame make udp "$C1_MAC" "$GW_MAC" "$C1_ADDR4" "$GW_ADDR4" 9 x)"
is "$(($(reason guard-mac h1) - before))" 1 "another MAC at its port is none of its"
before=$(reason guard-ip h1)
play -q 5 "v1:h1=$(frame make udp "$VM_MAC" "$GW_MAC" "$C1_ADDR4" "$GW_ADDR4" 9 x)"
is "$(($(reason guard-ip h1) - before))" 1 "nor another address"

# A port that comes into the bridge later: then a tag tells nothing any more.
claims=("${claims[1]}")
in_ns h1 ip link set n1 nomaster
ok "attach a port of no bridge" eval "xr_on h1 dev detach n1 && xr_on h1 dev attach n1"
in_ns h1 ip link set n1 master br0
is "$(lies)" fdb/tag-7 "put into it, nobody has told"
ok "reload" xr_on h1 reload
is "$(lies)" "" "reload looks again"
in_ns h1 ip link set n1 nomaster
ok "the same again" eval "xr_on h1 dev detach n1 && xr_on h1 dev attach n1"
ok "the daemon" daemon h1
in_ns h1 ip link set n1 master br0
# shellcheck disable=SC2317
no_lies() { [ -z "$(lies)" ]; }
ok "sees it" wait_for 10 no_lies
done_testing
