#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Time: a redirect's ttl and what refreshes it, deadlines of prepared moves and of
# blackouts with no daemon anywhere.
# shellcheck source=tests/net/lib/vmworld.sh
. "$(dirname "$0")/lib/vmworld.sh"
vm_world_up -n 2
vm_places v1 h1 h2
ok "attach" vm_attach h1 h2
ok "hosts" vm_hosts vxlan h1 h2
ok "blackouts of two seconds" policy h1 blackout_timeout 2
ok "and at the new host" policy h2 blackout_timeout 2
fabric_believes h1
probe=$(vm_probe)

# It speaks where it runs: h1's bridge would go on believing others.
speaks()
{
	play -q 5 "v1:h1=$(vector k15_plain_unicast_udp)"
}

state()
{
	vm_fact h1 "$VM_MAC" state
}

on_each "h2 h1" vm add "$VM_MAC" at h1 >/dev/null
speaks
on_each "h2 h1" vm prepare "$VM_MAC" to h2 timeout 2 >/dev/null
is "$(state)" prepared "prepared, for two seconds"
sleep 3.2
is "$(state)" stable "the move that nobody made is forgotten"
play -q 5 "fab:h1=$(vector k1_garp_request)"
speaks
reaches "and announcements from there are believed no more" 1 0

on_each "h2 h1" vm prepare "$VM_MAC" to h2 >/dev/null
ok "pause" on_each "h2 h1" vm pause "$VM_MAC"
reaches "blackout: to both" 1 1
is "$(state)" blackout "vm show says blackout"
sleep 3.2
reaches "its deadline is over, with no daemon: only to the old place" 1 0
is "$(state)" stable "vm show says stable"
cmp_ok "$(reason move-expired h1)" -ge 1 "move-expired counts"
ok "a new attempt" on_each "h2 h1" vm prepare "$VM_MAC" to h2
ok "pause again" on_each "h2 h1" vm pause "$VM_MAC"
reaches "works" 1 1
ok "cancel" on_each "h2 h1" vm cancel "$VM_MAC"
reaches "cancelled: only to the old place" 1 0

ok "a daemon, that tidies up" daemon h1
ok "moved for two seconds" on_each "h2 h1" vm move "$VM_MAC" to h2 ttl 2
hits=$(vm_fact h1 "$VM_MAC" hits)
came=0
for i in 1 2 3 4 5 6 7 8; do
	play -q 5 -w v1:h2 "fab:h1=$probe"
	came=$((came + $(arrived v1:h2 "$probe")))
	sleep 0.5
done
is $came 8 "each hit refreshes it: it lives for four seconds and more"
is "$(($(vm_fact h1 "$VM_MAC" hits) - hits))" 8 "and is counted"
sleep 3.2
reaches "no hit for longer than its ttl: over" 1 0
is "$(state)" stable "vm show says stable"
is "$(vm_fact h1 "$VM_MAC" host)" h2 "at its new host"
ok "the next word" on_each "h2 h1" vm move "$VM_MAC" to h1
ok "and the next" on_each "h2 h1" vm move "$VM_MAC" to h2
reaches "puts it on again" 0 1
done_testing
