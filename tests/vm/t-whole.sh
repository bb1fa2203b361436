#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# virsh migrate of a guest that is a QUIC server behind a balancer, on three nodes that etcd
# feeds and libvirt tells: nobody else says a word. No probe is lost, and the connections of
# a client, which changes its address meanwhile, have every octet.
# shellcheck source-path=SCRIPTDIR source=lib/whole.sh
. "$(dirname "$0")/lib/whole.sh"

moves()
{
	local node seconds before

	fit_rate "$1"
	# The connections' packets are as many again.
	[ "$RATE" -le 250 ] || RATE=250
	while true; do
		seconds=$WHOLE_SECONDS
		before=$(replayed_and_copied)
		proven whole_run || fail "$1: virsh migrate"
		[ "$seconds" != "$WHOLE_SECONDS" ] || break
		diag "the client was done in $seconds s, before the guest had gone"
		guest_move "$(other "$AT")"
	done
	remember "$1"
	diag "$1: $(($(replayed_and_copied) - before)) frames were copied or replayed; $(
		jq -c '{verified, connections, up, down, longest_gap_ms}' <<<"$PRINTED")"
	whole "$1"
	is "$(pick .ok <<<"$PRINTED")" true "$1: each connection has every octet" ||
		diag "$(pick '.errors[]' <<<"$PRINTED")"
	is "$(jq -r '[.each[] | select(.server == "vm")] | length' <<<"$PRINTED")" \
		$WHOLE_CONNECTIONS "$1: all of the one server"
	for node in "${WHOLE_NODES[@]}"; do
		ok "$1: $node has it at $AT" wait_for 10 whole_is_at "$node" "$AT"
	done
}

replayed_and_copied()
{
	local node sum=0

	for node in h1 h2; do
		sum=$((sum + $(vm_fact $node "$VM_MAC" copied) + $(vm_fact $node "$VM_MAC" replayed)))
	done
	echo $sum
}

whole_world
for node in "${WHOLE_NODES[@]}"; do
	is "$(vm_fact "$node" "$VM_MAC" source)" etcd "$node has the VM from etcd"
done
moves "it moves"
is "$(vm_fact gw "$VM_MAC" source)" libvirt "the balancer has that from libvirt"
cmp_ok "$(vm_fact gw "$VM_MAC" hits)" -gt 0 "  and sends to where it runs"
moves "and back"
done_testing
