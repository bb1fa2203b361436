#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Post-copy: QEMU says so before the guest stands still, and the rest of its memory
# follows when it runs at the new place. Then one that loses its destination: with
# it goes the guest, and the hosts know where it was.
# shellcheck source-path=SCRIPTDIR source=lib/vm.sh
. "$(dirname "$0")/lib/vm.sh"

world_of deaf
guest_boot h1
xroam_hosts daemon
QUITS=('')		# the rest of the memory is to come from it
MOVE_OPTIONS=(--postcopy 50 --rate $((16 << 20)))
runs 6 "post-copy"
summary "post-copy"
none_lost "post-copy"
is "$(jq -s 'map(select(.moved.postcopy_ms and .moved.postcopy_ms < .moved.stop_ms)) | length' <<<"$ALL")" 6 \
	"and QEMU said postcopy-active before STOP"

to=$(other "$AT")
from=$AT
qemu "$to" -incoming defer
PREPARED_QEMU=1 guest_move "$to" --kill "$(pid "qemu-$to")"
diag "its destination killed: $MOVED"
stop "qemu-$from" KILL
# shellcheck disable=SC2317 # called by name
is_settled()
{
	local state

	state=$(vm_fact "$1" "$VM_MAC" state)
	[ "$state" != prepared ] && [ "$state" != blackout ]
}

ok "nobody waits for it for ever" wait_for 20 is_settled "$from"
ok "nor at its new place" wait_for 20 is_settled "$to"
done_testing
