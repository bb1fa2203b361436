#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# What the new host says in the VM's name while the VM still runs on the old one:
# without xroam the fabric believes it, and sends the VM's frames astray.
# shellcheck source-path=SCRIPTDIR source=lib/vm.sh
. "$(dirname "$0")/lib/vm.sh"

# From the new host's own stack, as it sets up the VM's port there; xroam cannot
# tell that it is too early before it was told that the VM will come, nor two
# seconds after it heard that the VM will not.
say_too_early()
{
	local i until to=$1

	[ -z "$XROAM_BY" ] || wait_for 20 in_state "$to" prepared || return
	until=$((SECONDS + 2))
	for ((i = 0; i < 8 && SECONDS < until; i++)); do
		sleep 0.1
		play "$to:br0=$(vector k9b_na_unsol_linklocal)" \
			"$to:br0=$(vector k1_garp_request)" \
			"$to:br0=$(vector k3_rarp_qemu)"
	done
}

# shellcheck disable=SC2317 # called by name
is_found()
{
	ip -n "$(ns c1)" neigh flush dev eth0
	in_ns c1 ping -qc1 -W1 "$VM_ADDR4"
}

# A long pre-copy, in vain.
early()
{
	local to says

	to=$(other "$AT")
	# The attempt before is over there, too.
	[ -z "$XROAM_BY" ] || wait_for 10 in_state "$to" stable ||
		fail "$to expects the VM no more"
	probe
	sleep 0.3
	say_too_early "$to" &
	says=$!
	guest_move "$to" --rate 1000000 --cancel 700
	wait $says || fail "$to expects the VM"
	probed
}

world_of learns
guest_boot h1
ALL=
early
remember "without xroam"
cmp_ok "$(probed_of lost)" -gt 0 "without xroam, probes are lost"

# Left astray, the fabric and the old host's bridge would stay so: the guest speaks
# only when it is asked. Whoever looks for it anew puts them right.
wait_for 10 is_found || fail "the client finds the VM again"

xroam_hosts daemon
ALL=
for i in 1 2 3; do
	early
	remember "with xroam, $i"
done
none_lost "with xroam"
cmp_ok "$(reason premature h2)" -gt 0 "h2 kept it to itself"

# Not before its time, but then it speaks.
runs 2 "and then it moves"
none_lost "and then it moves"
done_testing
