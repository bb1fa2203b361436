#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# What the VM left unread in its tap when it stopped is replayed to its new host:
# all of it, in order, nothing that it did read.
# shellcheck source=tests/net/lib/vmworld.sh
. "$(dirname "$0")/lib/vmworld.sh"
# shellcheck source=tests/net/lib/libvirtsays.sh
. "$(dirname "$0")/lib/libvirtsays.sh"

TAP=$WORLD_BUILD/tests/net/tap

vm_world_up -n 2
vm_places v1 h2
vm_places n1 -m $N1_MAC h1
vm_attach h1 h2 || bail "cannot attach"
vm_hosts vxlan h1 h2 || bail "cannot add hosts"
fabric_believes h1

# vm_reads N: the VM takes that many frames
vm_reads()
{
	: >"$WORLD_DIR/tap.out"
	echo "read $1" >&7
	wait_for 5 grep -q 'done' "$WORLD_DIR/tap.out"
}

both()
{
	on_each "h2 h1" "$@"
}

# texts PLACE: what SEEN has, in order, as far as it is ours
texts()
{
	sed -n "s/^$1 .*6672616d65\(\(3[0-9]\)*\)$/\1/p" <<<"$SEEN" |
		sed 's/3\([0-9]\)/\1/g' | tr '\n' ' '
}

# steps FROM TO: frames of these numbers
steps()
{
	local i

	for ((i = $1; i <= $2; i++)); do
		echo "c1:eth0=$(vm_probe "frame$(printf %04d "$i")")"
	done
}

# pause_and_see: what comes to the new place when it stands still
pause_and_see()
{
	watch_begin v1:h2 fab:h2
	xr_on h2 vm pause $VM_MAC >/dev/null
	PAUSED=$(xr_on h1 vm pause $VM_MAC 2>&1)
	watch_end
}

numbered()
{
	seq -f %04g -s ' ' "$1" "$2" | sed 's/$/ /'
}

tap_plug "$TAP"
# What it had not read before shortens the residual, if nobody (the daemon) looks
# while the queue is empty; but nothing is replayed that was read.
mapfile -t s < <(steps 1 3)
play -q 5 "${s[@]}"
is "$(xr_on h1 vm prepare $VM_MAC to h2 2>&1 >/dev/null)" "" "prepare"
xr_on h2 vm prepare $VM_MAC to h2 >/dev/null
is "$(vm_fact h1 $VM_MAC tap)" tap0 "the tap is found by the bridge's table"
vm_reads 3
sleep 0.1
xr_on h1 vm show >/dev/null
mapfile -t s < <(steps 4 13)
play -q 5 "${s[@]:0:5}" "c1:eth0=$(vm_probe everybody | sed 's/^.\{12\}/ffffffffffff/')" \
	"${s[@]:5}"
vm_reads 6
diag "$(grep -c 6672616d65 "$WORLD_DIR/tap.out") of ours were read"
pause_and_see
diag "$PAUSED"
got=$(texts v1:h2)
like "$(numbered 4 13)" "$got$" "what is replayed is the end of what went in, in order"
diag "replayed: $got"
tap_unplug

# ---- behind as it is prepared ----

tap_plug "$TAP"
ok "the daemon" daemon h1
# shellcheck disable=SC2317 # called by name
read_base()
{
	bpftool -j map dump pinned "/sys/fs/bpf/xroam/$WORLD-h1/rings" |
		jq '[.. | .read_base? // empty] | max'
}
# shellcheck disable=SC2317 # called by name
has_seen_it() { [ "$(read_base)" = $((base + 3)) ]; }
mapfile -t s < <(steps 1 3)
play -q 5 "${s[@]}"
xr_on h2 vm prepare $VM_MAC to h2 >/dev/null
ok "prepare, by its socket" in_ns h1 /usr/bin/python3 "$WORLD_TOP/tests/net/lib/notify.py" "/run/xroam/$WORLD-h1.sock" \
	say "{\"notice\":\"prepare\",\"mac\":\"$VM_MAC\",\"to\":\"h2\"}"
base=$(read_base)
sleep 0.5		# its first looks, of which none sees the queue empty
vm_reads 3
ok "the daemon sees what was unread then, however late it is read" wait_for 5 has_seen_it
mapfile -t s < <(steps 4 13)
play -q 5 "${s[@]}"
vm_reads 6
pause_and_see
is "$(texts v1:h2)" "$(numbered 10 13)" "and what is replayed is exact"
both vm cancel $VM_MAC >/dev/null
daemon_stop h1
vm_reads 4
tap_unplug

# ---- exactly ----

tap_plug "$TAP"
both vm prepare $VM_MAC to h2 >/dev/null
mapfile -t s < <(steps 1 10)
play -q 5 "${s[@]}"
vm_reads 4
pause_and_see
is "$(texts v1:h2)" "$(numbered 5 10)" "ten in, four read: six replayed, in order"
is "$(vm_fact h1 $VM_MAC replayed) $(vm_fact h1 $VM_MAC lost)" "6 0" "counted"
is "$PAUSED" "" "without a warning"
mapfile -t s < <(steps 11 12)
play -w v1:h2 "${s[@]}"
is "$(texts v1:h2)" "$(numbered 11 12)" "later ones are copied"
SEEN=
xr_on h1 vm pause $VM_MAC >/dev/null 2>&1
play -w v1:h2 +100
is "$(texts v1:h2)" "" "said again, nothing is replayed again"
both vm cancel $VM_MAC >/dev/null
vm_reads 8
is "$(grep -c 6672616d65 "$WORLD_DIR/tap.out")" 8 "cancelled: all are in the old tap as well"

both vm prepare $VM_MAC to h2 >/dev/null
mapfile -t s < <(steps 1 5)
play -q 5 "${s[@]}"
vm_reads 5
pause_and_see
is "$(texts v1:h2)" "" "all read: nothing is replayed"
both vm cancel $VM_MAC >/dev/null

# ---- more than the ring holds ----

both vm prepare $VM_MAC to h2 >/dev/null
mapfile -t s < <(steps 1 1100)
play -q 5 "${s[@]}"
pause_and_see
is "$(texts v1:h2)" "$(numbered 77 1100)" "1100 unread: the last 1024 are replayed"
like "$PAUSED" "1100 frames were unread, 1024 replayed, 76 lost" "and the loss is said"
is "$(reason ring-lost h1)" 76 "and counted"
both vm cancel $VM_MAC >/dev/null
vm_reads 1100

# ---- too large for the ring, and checksums left to the device ----

ip netns exec "$WORLD-n1" ethtool -K h1 tx-checksumming on tso on >/dev/null
both vm prepare $VM_MAC to h2 >/dev/null
in_ns n1 "$TAP" gso h1 $VM_MAC $N1_MAC $VM_ADDR4 $N1_ADDR4 400 1000
in_ns n1 "$TAP" gso h1 $VM_MAC $N1_MAC $VM_ADDR4 $N1_ADDR4 3000 1000
sleep 0.1
pause_and_see
is "$(sed -n 's/^v1:h2 //p' <<<"$SEEN" | grep ^525400123456525400123499 | "$TAP" sum)" \
	"segments 1 octets 400 bad 0" "a replayed checksum is made whole"
like "$PAUSED" "4 frames were unread, 1 replayed, 3 lost" \
	"a frame to be segmented counts as its segments; it is not kept"
both vm cancel $VM_MAC >/dev/null
tap_unplug

# ---- QEMU takes one more than it delivers ----

cp "$TAP" "$WORLD_DIR/qemu-system-test"
tap_plug "$WORLD_DIR/qemu-system-test"
# stopped N READ [late MS]: N frames in, READ of them read, then it stands still
stopped()
{
	both vm prepare $VM_MAC to h2 >/dev/null
	mapfile -t s < <(steps 1 "$1")
	play -q 5 "${s[@]:0:$2}"
	[ "$2" = 0 ] || vm_reads "$2"
	: >"$WORLD_DIR/tap.out"
	echo "${*:3}" | grep . >&7 || echo hold >&7
	wait_for 5 grep -q holding "$WORLD_DIR/tap.out"
	play -q 5 "${s[@]:$2}"
	pause_and_see
}

stopped 10 4
is "$(texts v1:h2)" "$(numbered 5 10)" \
	"QEMU: the one that it holds is replayed, too"
both vm cancel $VM_MAC >/dev/null
tap_unplug
tap_plug "$WORLD_DIR/qemu-system-test"
stopped 4 4
is "$(texts v1:h2)" "" "QEMU, all read: the probe is what it holds"
is "$(grep -c "^fab:h2 .*88b5" <<<"$SEEN")" 0 "which goes nowhere else"
tap_unplug
# What it has not taken yet, as others have the processor, it did not throw away.
tap_plug "$WORLD_DIR/qemu-system-test"
stopped 4 4 late 60
is "$(texts v1:h2)" "" "QEMU, all read, and late: none comes twice"
tap_unplug

# ---- libvirt's word alone, while a command has the kernel verify programs ----

# Nobody waits for the daemon: QEMU ends, and its port with it, when it likes.
A=aaaaaaaa-0000-4000-8000-000000000001
HOLD=$WORLD_DIR/hold
# shellcheck disable=SC2317 # called by name
state_is() { [ "$(vm_fact h1 "$VM_MAC" state)" = "$1" ]; }
says_begin
tap_plug "$TAP"
xr_on h1 export >"$WORLD_DIR/h1.yaml"
printf '%s\n' "sources:" "  libvirt:" "    - {uri: \"$URI\", to: h2}" >>"$WORLD_DIR/h1.yaml"
sed 's/vm_ttl: .*/vm_ttl: 299/' "$WORLD_DIR/h1.yaml" >"$WORLD_DIR/other.yaml"
start daemon-h1 h1 "$XROAM" -i "$WORLD-h1" run -c "$WORLD_DIR/h1.yaml"
tell '{"up":true}' "$(domain $A running $VM_MAC/0/tap0)" '{"listed":true}' "$(life $A migrating)"
ok "a VM that libvirt alone tells of is about to move" wait_for 5 state_is prepared
xr_on h2 vm prepare $VM_MAC to h2 >/dev/null
mapfile -t s < <(steps 1 10)
play -q 5 "${s[@]}"
vm_reads 4
touch "$HOLD"
HOLD=$HOLD LOCK=/run/xroam/$WORLD-h1/lock LD_PRELOAD=$WORLD_BUILD/tests/net/loads.so \
	xr_on h1 apply "$WORLD_DIR/other.yaml" >/dev/null &
applies=$!
ok "an apply waits for the kernel, which verifies its program" wait_for 20 test -e "$HOLD.held"
xr_on h2 vm pause $VM_MAC >/dev/null
watch_begin v1:h2 fab:h2
tell "$(life $A "suspended migrated")"
ok "the VM stands still" wait_for 5 state_is blackout
kill "${WORLD_PID[tap]}"
wait "${WORLD_PID[tap]}" 2>/dev/null
unset 'WORLD_PID[tap]'
tell "$(life $A "stopped migrated")"
rm "$HOLD"
wait $applies
is $? 0 "its QEMU ends, and the apply goes on"
ok "it has moved" wait_for 5 state_is moved
watch_end
is "$(texts v1:h2)" "$(numbered 5 10)" "and what the port held has been replayed"
is "$(xr_on h1 export | grep -c "vm_ttl: 299")" 1 "  with the other policy"
daemon_stop h1
done_testing
