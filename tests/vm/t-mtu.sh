#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# An underlay of 1500 octets, and frames of as many to a VM that moves: what does
# not fit into the tunnel is not lost in silence. The sender is told, or it is
# counted, as the policy says.
# shellcheck source-path=SCRIPTDIR source=lib/vm.sh
. "$(dirname "$0")/lib/vm.sh"

PROBE_OPTIONS=(-s 1472)		# a packet of 1500 octets

too_big()
{
	echo $(($(reason too-big "$1") + $(reason too-big-reply "$1") +
		$(reason copy-failed "$1") + $(reason ring-lost "$1")))
}

FABRIC=deaf
guest_world -n 2 -m 1500
guest_boot h1
xroam_hosts daemon

run_of h2 || fail "migrated"
result "full-sized probes, policy reply"
lost=$(probed_of lost)
# The first that is too large may have been a copy: then its sender is told before any is lost.
cmp_ok "$(too_big h1)" -ge "$lost" "each frame too large is counted"
cmp_ok "$(reason too-big-reply h1)" -gt 0 "the client is told"
# The client has heard, and sends in pieces that fit.
fabric_believes h1
probe "${PROBE_OPTIONS[@]}" -n 300
sleep 0.5
AT='' probed
AT=h2
whole "once told"

in_ns c1 ip route flush cache
fabric_for h2
PROBE_OPTIONS=(-s 1422)
runs 2 "probes that fit"
none_lost "probes that fit"
done_testing
