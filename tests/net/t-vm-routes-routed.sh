#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The same where hosts are reached by IPIP, and no segment spans them: BIRD reads a table of
# its own, as the guide has it, for xroam's redirects stand in the main one. Without its
# announcement the router would have no way at all. No redirect is announced, and no address
# that the VM only said of itself.
# shellcheck source=tests/net/lib/vmroutes.sh disable=SC2317 # called by name
. "$(dirname "$0")/lib/vmroutes.sh"
routers_begin
vm_world_up -r -n 2
vm_routed_boot v1 h1 h2
for family in -4 -6; do
	ip -n "$WORLD-gw" $family route show | grep -q "10\.9\.0\|fd09:" && fail "gw has a way of its own"
done
ok "attach" vm_attach h1 h2
ok "hosts" vm_hosts ipip h1 h2
ok "the VM" on_each "h1 h2" vm add $VM_MAC address $VM_ADDR4 address $VM_ADDR6 at h1 dev v1
ok "the router" bird_on gw vm-router

# bird_of NODE: the guide's file, which is h1's, with the table that the guide tells of
bird_of()
{
	guide_file vm-bird || return
	sed -e "s/learn;/kernel table 1978; learn;/" -e "s/10\.8\.0\.1\b/$(underlay4 "$1")/" \
		-e "s/fd08::1\b/$(underlay6 "$1")/" -e "s/65101/6510${1#h}/" \
		"$WORLD_DIR/vm-bird.conf" >"$WORLD_DIR/$1.conf"
	start "bird-$1" "$1" bird -f -c "$WORLD_DIR/$1.conf" -s "$WORLD_DIR/bird-$1.ctl" \
		-P "$WORLD_DIR/bird-$1.pid"
}

for node in h1 h2; do
	ok "$node: BIRD" bird_of $node
	ok "$node: a daemon" with_routes $node "table: 1978"
done
ok "the router has both at h1" wait_for 30 ways_lead h1
ok "and reaches the VM" wait_for 10 reached
watch_ways
for to in h2 h1; do
	from=h1
	[ $to = h2 ] || from=h2
	moves()
	{
		on_each "h2 h1" vm prepare "$VM_MAC" to "$to" &&
			on_each "h2 h1" vm pause "$VM_MAC" &&
			vm_routed_run v1 "$to" && on_each "h2 h1" vm move "$VM_MAC" to "$to"
	}
	router_follows $from $to moves
	[ $to = h1 ] || like "$(ip -n "$WORLD-h1" route show proto 157)" "$VM_ADDR4" \
		"h1 redirects, and announces it not"
done
diag "ms from a host's own route to the router's:$TOOK"
done_testing
