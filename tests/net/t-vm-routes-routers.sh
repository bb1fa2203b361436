#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# VMs announced where they live, by BIRD on one host and FRR on another, configured as the
# guide has it: a router sees the /32 and the /128 from the one, after a move from both, then
# from the other alone, is never without, and its packets reach the VM by them. How long after
# a host's own route the router's came is printed.
# shellcheck source=tests/net/lib/vmroutes.sh disable=SC2317 # called by name
. "$(dirname "$0")/lib/vmroutes.sh"
routers_begin
vm_world_up -n 2
for node in h1 h2; do
	in_ns $node sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
done
vm_boot v1 h1
ok "attach" vm_attach h1 h2
ok "hosts" vm_hosts vxlan h1 h2
ok "the VM" on_each "h1 h2" vm add $VM_MAC address $VM_ADDR4 address $VM_ADDR6 at h1
ok "the router" bird_on gw vm-router
ok "BIRD on h1" bird_on h1 vm-bird
ok "FRR on h2" frr_on h2 vm-frr
for node in h1 h2; do
	ok "$node: a daemon" with_routes $node
done
ok "the router has both at h1" wait_for 30 ways_lead h1
ok "and reaches the VM" wait_for 10 reached

# Another, of which no address is given, says what it has as it goes to h2, and comes back.
vm_places n1 -m "$N1_MAC" h1 h2
ok "a VM without a binding" on_each "h1 h2" vm add "$N1_MAC" at h1 dev n1
ok "moves" on_each "h2 h1" vm prepare "$N1_MAC" to h2
garp=$(vector k1_garp_request | sed "s/525400123456/$(no_colons "$N1_MAC")/g; s/0a09000a/0a090063/g")
policy h1 moves any >/dev/null
play -q 5 "n1:h2=$(frame make udp "$N1_MAC" "$GW_MAC" "$N1_ADDR4" "$GW_ADDR4" 9 "it runs")" "n1:h2=$garp"
has_learned() { [ "$(vm_fact h1 "$N1_MAC" learned | pick '.[]')" = "$N1_ADDR4" ]; }
ok "and h1 learns what address it has" wait_for 10 has_learned
ok "it comes back" on_each "h1 h2" vm move "$N1_MAC" to h1
watch_ways
for to in h2 h1 h2 h1; do
	from=h1
	[ $to = h2 ] || from=h2
	moves() { vm_replug v1 "$from" "$to" && on_each "h1 h2" vm move "$VM_MAC" to "$to"; }
	router_follows $from $to moves
	is "$(in_ns h1 ip route show "$N1_ADDR4" proto 141)" "" "what a VM only said is not announced"
done
diag "ms from a host's own route to the router's:$TOOK"
done_testing
