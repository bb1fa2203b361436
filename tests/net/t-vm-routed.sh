#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A routed fabric: packets for a moved VM's addresses go to its new host by IPIP,
# GUE, or by rewriting the MAC towards the next router; over IPv4 and IPv6. The
# fabric's router goes on to send them to the old host.
# shellcheck source=tests/net/lib/vmworld.sh
. "$(dirname "$0")/lib/vmworld.sh"
vm_world_up -r -n 2
vm_routed_boot v1 h1 h2
vm_routed_by h1
# shellcheck disable=SC2317 # called by name
pings()
{
	in_ns c2 ping -qc1 -W1 "$VM_ADDR4" >/dev/null &&
		in_ns c2 ping -qc1 -W1 "$VM_ADDR6" >/dev/null
}
ok "the client reaches it at h1" wait_for 3 pings
ok "attach" vm_attach h1 h2
probe=$(frame make udp 02:00:00:00:00:aa "$(up0_mac h1)" 10.11.0.2 "$VM_ADDR4" \
	9 "what the client says")
probe6=$(frame make udp 02:00:00:00:00:aa "$(up0_mac h1)" fd11::2 "$VM_ADDR6" \
	9 "what the client says")
text=$(printf 'what the client says' | od -An -tx1 | tr -d ' \n')

for method in ipip ipip6 gue gue6 mac; do
	vm_routed_run v1 h1
	ok "$method: hosts" vm_hosts $method h1 h2
	# What is of a link alone is routed nowhere.
	on_each "h1 h2" vm add "$VM_MAC" address "$VM_ADDR4" address "$VM_ADDR6" \
		address fe80::10 at h1 dev v1 >/dev/null
	ok "$method: at h1" pings
	ok "$method: prepare" on_each "h2 h1" vm prepare "$VM_MAC" to h2
	ok "$method: pause" on_each "h2 h1" vm pause "$VM_MAC"
	vm_routed_run v1 h2
	ok "$method: move" on_each "h2 h1" vm move "$VM_MAC" to h2
	ok "$method: the client reaches it at h2" wait_for 2 pings
	ok "$method: a sender on the old host itself reaches it" \
		in_ns h1 ping -qc1 -W1 "$VM_ADDR4"
	is "$(in_ns h2 ip route show proto 157 | awk '{ print $1, $3 }') $(
		in_ns h2 ip -6 route show proto 157 | awk '{ print $1, $3 }')" \
		"$VM_ADDR4 v1 $VM_ADDR6 v1" "$method: h2 has routes of our protocol"
	before=$(reason moved-ip h1)
	play -q 10 -w fab:h1 -w v1:h2 -w v1:h1 "fab:h1=$probe" "fab:h1=$probe6"
	is "$(arrived v1:h2 "$text") $(arrived v1:h1 "$text")" "2 0" \
		"$method: both families get there, once"
	is "$(arrived fab:h1 "$text")" 2 "$method: by the fabric"
	is "$(($(reason moved-ip h1) - before))" 2 "$method: counted as moved-ip"
	[ $method != mac ] ||
		is "$(grep -c "^fab:h1 $(no_colons "$(up0_mac h2)")" <<<"$SEEN")" \
			2 "mac: to the next router, as they were"
	ttl=$(grep "^v1:h2 .*$text" <<<"$SEEN" | head -1)
	# Out of a tunnel it goes into the port, not through h2's routing.
	hops=1
	[ $method != mac ] || hops=2
	is "${ttl:$((6 + 28 + 16)):2}" "$(printf %02x $((64 - hops)))" \
		"$method: TTL less by the routers it passed: $hops"
	ok "$method: back" on_each "h1 h2" vm prepare "$VM_MAC" to h1
	vm_routed_run v1 h1
	ok "$method: at home" on_each "h1 h2" vm move "$VM_MAC" to h1
	ok "$method: the client reaches it there" wait_for 2 pings
	on_each "h1 h2" vm leave "$VM_MAC" >/dev/null
	is "$(in_ns h2 ip route show proto 157)$(in_ns h2 ip -6 route show \
		proto 157)" "" "$method: no route is left at h2"
	on_each "h1 h2" host del h1
	on_each "h1 h2" host del h2
done

# A gateway that knows sends it there at once, past the old host.
vm_hosts ipip h1 h2 gw || fail "hosts"
ok "attach the gateway" vm_attach gw
# Theirs to open is what a host sends that they know.
ok "the gateway is known to the hosts" on_each "h1 h2" host add gw ipip 10.8.0.9
on_each "h1 h2 gw" vm add "$VM_MAC" address "$VM_ADDR4" address "$VM_ADDR6" \
	at h1 dev v1 >/dev/null
vm_routed_run v1 h2
ok "move, told to all" on_each "h2 gw h1" vm move "$VM_MAC" to h2
ok "the client reaches it" wait_for 2 pings
before=$(reason moved-ip gw) before1=$(reason moved-ip h1)
ok "again" pings
is "$(($(reason moved-ip gw) - before)) $(($(reason moved-ip h1) - before1))" \
	"2 0" "by the gateway, not by the old host"

# In another VLAN the address is another tenant's, also in the blackout.
on_each "h1 h2 gw" vm leave "$VM_MAC" >/dev/null
on_each "h1 h2 gw" vm add "$VM_MAC" vlan 7 address "$VM_ADDR4" at h1 dev v1 >/dev/null
on_each "h2 h1" vm prepare "$VM_MAC" vlan 7 to h2 >/dev/null
ok "a VM of VLAN 7 stands still" on_each "h2 h1" vm pause "$VM_MAC" vlan 7
# copied FRAME: how many of it were
copied()
{
	local before

	before=$(reason copied h1)
	play -q 10 "fab:h1=$1"
	echo $(($(reason copied h1) - before))
}
is "$(copied "$(tagged 8 "$probe")") $(copied "$(tagged 7 "$probe")")" "0 1" 	"what comes to its address in VLAN 8 is not copied, in 7 it is"

on_each "h1 h2 gw" destroy || fail "destroy"
is "$(in_ns h1 ip route show proto 157)$(in_ns h2 ip route show proto 157)$(
	in_ns h2 ip neigh show nud permanent dev v1)" "" \
	"destroy leaves no route and no neighbour"
done_testing
