#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Commands of a move that are killed at any point: said again they complete, and
# what was begun is never left behind.
# shellcheck source=tests/net/lib/vmworld.sh
. "$(dirname "$0")/lib/vmworld.sh"

vm_world_up -n 2
vm_places v1 h1 h2
vm_places n1 -m "$N1_MAC" h1
vm_attach h1 h2 || bail "cannot attach"
near=$(neighbour_probe)
in_ns h1 bridge fdb replace "$VM_MAC" dev v1 master dynamic
fabric_believes h1

# killed NODE ARGS...: at once, or some ms later; then said again
killed()
{
	local node=$1

	shift
	# In a shell of its own, which would tell of the kill.
	(timeout -s KILL "0.$(printf %04d $((RANDOM % 220)))" nsenter \
		--net="/run/netns/$WORLD-$node" "$XROAM" -i "$WORLD-$node" \
		"$@"; :) >/dev/null 2>&1
	xr_on "$node" "$@" >"$WORLD_DIR/again" 2>&1
}

# leftovers NODE: entries in the kernel's tables for the VM
leftovers()
{
	{
		in_ns "$1" bridge fdb show | grep "^$VM_MAC .*\(vx0\|sticky\)"
		in_ns "$1" ip route show proto 157
		in_ns "$1" ip -6 route show proto 157
		in_ns "$1" ip neigh show nud permanent
	} | wc -l
}

# reached: how often the neighbour's frame came to the old place and to the new one
reached()
{
	play -q 20 -w v1:h1 -w v1:h2 "n1:h1=$near"
	echo "$(arrived v1:h1 "$near") $(arrived v1:h2 "$near")"
}

left='' said='' moved='' back='' cancelled=''
for ((i = 0; i < 12; i++)); do
	killed h1 host add h1 vxlan "$(underlay4 h1)" vni 1000 local
	killed h1 host add h2 vxlan "$(underlay4 h2)" vni 1000
	killed h2 host add h1 vxlan "$(underlay4 h1)" vni 1000
	killed h2 host add h2 vxlan "$(underlay4 h2)" vni 1000 local
	for node in h1 h2; do
		killed $node vm add "$VM_MAC" address "$VM_ADDR4" at h1 dev v1
	done
	for node in h2 h1; do
		killed $node vm prepare "$VM_MAC" to h2
		killed $node vm pause "$VM_MAC"
	done
	said+=$(reached)';'
	if ((i % 3 == 2)); then
		for node in h2 h1; do
			killed $node vm cancel "$VM_MAC"
		done
		cancelled+=$(reached)';'
	else
		for node in h2 h1; do
			killed $node vm move "$VM_MAC" to h2
		done
		moved+=$(reached)';'
		for node in h1 h2; do
			killed $node vm move "$VM_MAC" to h1
		done
		back+=$(reached)';'
	fi
	for node in h1 h2; do
		killed $node vm leave "$VM_MAC"
	done
	left+="$(leftovers h1) $(leftovers h2);"
	in_ns h1 bridge fdb replace "$VM_MAC" dev v1 master dynamic
	killed h1 reload
	if ((i % 4 == 3)); then
		killed h1 host del h1
		killed h2 host del h2
		killed h1 host del h2
		killed h2 host del h1
	fi
done
is "$said" "$(printf '1 1;%.0s' {1..12})" "blackout: to both, each time"
is "$moved" "$(printf '0 1;%.0s' {1..8})" "moved: to the new place"
is "$back" "$(printf '1 0;%.0s' {1..8})" "moved back: to the old one"
is "$cancelled" "$(printf '1 0;%.0s' {1..4})" "cancelled: to the old one"
is "$left" "$(printf '0 0;%.0s' {1..12})" "left: nothing is left of it"

# ---- at each of its questions to the kernel ----

# The bridge of the new host knows the VM at its uplink. Were the word there before
# the entry that says better, what comes for it would be sent back.
xr_on h2 host add h1 vxlan "$(underlay4 h1)" vni 1000 >/dev/null
xr_on h2 host add h2 vxlan "$(underlay4 h2)" vni 1000 local >/dev/null
for how in "vm move $VM_MAC to h2" "apply $WORLD_DIR/moved.yaml"; do
	early='' died=0
	for ((at = 1; at < 100; at++)); do
		xr_on h2 vm add "$VM_MAC" at h1 dev v1 >/dev/null
		xr_on h2 export | sed 's/at: "h1"/at: "h2"/' >"$WORLD_DIR/moved.yaml"
		in_ns h2 bridge fdb replace "$VM_MAC" dev up0 master dynamic
		xr_on h2 vm prepare "$VM_MAC" to h2 >/dev/null
		# shellcheck disable=SC2086 # words
		(DIES_AT=$at LD_PRELOAD=$WORLD_BUILD/tests/net/dies.so \
			xr_on h2 $how; :) >/dev/null 2>&1
		# Or the next command completes it.
		rm -f "/run/xroam/$WORLD-h2/journal.yaml"
		at_h2=$(vm_fact h2 "$VM_MAC" host)
		here=$(in_ns h2 bridge fdb show dev v1 | grep -c "^$VM_MAC .*sticky")
		xr_on h2 vm leave "$VM_MAC" >/dev/null
		[ "$at_h2 $here" != "h2 0" ] || early+=" $at"
		[ "$at_h2 $here" != "h2 1" ] || break
		died=$((died + 1))
	done
	is "$at_h2 $here" "h2 1" "${how%% "$WORLD_DIR"*}: done in the end"
	cmp_ok "$died" -gt 2 "  killed before each of its questions of which it asks some"
	is "$early" "" "  the word is never there before the bridge knows better"
done

for node in h1 h2; do
	(timeout -s KILL 0.012 nsenter --net="/run/netns/$WORLD-$node" \
		"$XROAM" -i "$WORLD-$node" destroy; :) >/dev/null 2>&1
done
xr_on h1 destroy >/dev/null 2>&1
xr_on h2 destroy >/dev/null 2>&1
is "$(find /sys/fs/bpf/xroam /run/xroam -name "$WORLD-*" \
	! -name "*.destroyed.yaml" 2>/dev/null)" "" \
	"destroyed: no pin, no file but what was kept"
is "$(in_ns h1 ip link show v1 | grep -c tcx)$(
	for dev in up0 v1 vx0; do
		in_ns h1 tc qdisc show dev $dev clsact
	done | wc -l)" 00 "and nothing on its devices"
is "$(reached)" "1 0" "and the network is as it was"
done_testing
