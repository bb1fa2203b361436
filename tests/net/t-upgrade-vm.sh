#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# VMs in the middle of a move, by the release before: a reload by this one, under traffic,
# loses no frame and no copy, and their moves go on.
# shellcheck source=tests/net/lib/vmworld.sh
. "$(dirname "$0")/lib/vmworld.sh"
# shellcheck source=tests/net/lib/upgrade.sh
. "$(dirname "$0")/lib/upgrade.sh"
TAP=$WORLD_BUILD/tests/net/tap

XROAM=$OLD
vm_world_up -n 2
read_defaults h2
vm_places v1 h2
vm_places n1 -m $N1_MAC h1
ok "attach" vm_attach h1 h2
ok "hosts" vm_hosts vxlan h1 h2
policy h1 blackout_timeout 600 >/dev/null || bail "no policy"
policy h2 blackout_timeout 600 >/dev/null || bail "no policy"
fabric_believes h1
both()
{
	on_each "h2 h1" vm "$@" >/dev/null
}

tap_plug "$TAP"

# One in each state, and the VM itself in its blackout, with what its port had not read.
P=52:54:00:00:00:01 B=52:54:00:00:00:02 M=52:54:00:00:00:03
on_each "h2 h1" vm add $P at h1 address 10.9.0.71 >/dev/null
both add $B at h1
both add $M at h1
both prepare $P to h2 seq 41 timeout 900
both prepare $B to h2 seq 42
both move $M to h2 seq 43 ttl 900
mapfile -t s < <(for i in 1 2 3; do echo "c1:eth0=$(vm_probe "frame000$i")"; done)
both prepare $VM_MAC to h2
play -q 5 "${s[@]}"
xr_on h2 vm pause $VM_MAC >/dev/null
ok "paused, and its residual replayed" xr_on h1 vm pause $VM_MAC

# What is known of every VM, but for times: a redirect is called settled where nothing has
# hit it for ten seconds.
facts()
{
	xr_on h1 -j vm show | jq -c '.[] | .state |= sub("settled"; "moved") | {mac, state, host, next, seq, moves, addresses, home}'
	xr_on h1 export --keys | settings
}
facts >"$WORLD_DIR/before"
is "$(jq -rs '[.[].state? // empty] | unique | join(" ")' <(grep '^{' "$WORLD_DIR/before"))" \
	"blackout moved prepared" "VMs in every state"

numbered=$(frame make udp "$C1_MAC" "$VM_MAC" "$C1_ADDR4" "$VM_ADDR4" 9 @64)
start stream fab "$FRAME" play -p "$WORLD-" -c -q 50 -m "${numbered:0:36}" \
	-w v1:h2 "c1:eth0#$numbered*3000/500"
wait_for 5 grep -q ready "$WORLD_DIR/stream.err"
XROAM=$NEW
like "$(xr_on h1 reload)" "^map layout 3 converted to 4" "the old host's becomes this one's"
like "$(xr_on h2 reload)" "^map layout 3 converted to 4" "and the new host's"
finish stream
SEEN=$(<"$WORLD_DIR/stream.out")
is "$(numbers v1:h2 frames)" 3000 "each frame of 3000 was copied to the new host"
facts >"$WORLD_DIR/after"
ok "of every VM it is known what was before" diff "$WORLD_DIR/before" "$WORLD_DIR/after"
refused 1 "older" "an older number is refused" vm move $P to h2 seq 40
like "$(xr_on h1 -j vm show $VM_MAC | jq -r ".[0].replayed // .[0].copied")" "^[1-9]" "frames were copied"
ok "the prepared one's move goes on" both pause $P seq 41
ok "and the paused one's" both move $B to h2 seq 42
like "$(vm_fact h1 $P state) $(vm_fact h1 $B state) $(vm_fact h1 $M state)" \
	"^blackout (moved|settled) (moved|settled)$" "each is where its notices have it"
ok "the VM itself arrives" both move $VM_MAC to h2
watch_begin v1:h2
play -q 20 "c1:eth0=$(vm_probe late)"
watch_end
is "$(arrived v1:h2 "$(printf late | xxd -p)")" 1 "and its frames with it"
tap_unplug
done_testing
