#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Order among notifications, quick successions, and loops: three hosts that all
# run xroam, on a fabric that never learns. What goes round is counted there.
# shellcheck source=tests/net/lib/vmworld.sh
. "$(dirname "$0")/lib/vmworld.sh"
vm_world_up
vm_places v1 h1 h2 h3
ok "attach" vm_attach h1 h2 h3
ok "hosts" vm_hosts vxlan h1 h2 h3
fabric_believes h1
probe=$(vm_probe)
places=(-w v1:h1 -w v1:h2 -w v1:h3)
wires=(-w fab:h1 -w fab:h2 -w fab:h3)
everywhere="h1 h2 h3"

# goes_to HOST DESCRIPTION: the client's frame gets there, once, over one tunnel
# at most
goes_to()
{
	local host=$1 want="1 0 0" hops=1

	[ "$host" != h2 ] || want="0 1 0"
	[ "$host" != h3 ] || want="0 0 1"
	[ "$host" != h1 ] || hops=0
	play -q 10 "${places[@]}" "${wires[@]}" "c1:eth0=$probe"
	is "$(arrived v1:h1 "$probe") $(arrived v1:h2 "$probe") $(
		arrived v1:h3 "$probe")" "$want" "$2"
	is "$(arrived fab:h. "$probe")" $hops "${2##*: }: $hops frames on the fabric"
}

on_each "$everywhere" vm add "$VM_MAC" at h1 >/dev/null
goes_to h1 "at first: at h1"

# ---- sequence numbers ----

ok "a move" on_each "h2 h3 h1" vm move "$VM_MAC" to h2 seq 10
goes_to h2 "moved: at h2, by a tunnel"
old=$(reason notice-old h1)
refused 1 "10" "an older one is refused and says which is known" \
	vm move "$VM_MAC" to h3 seq 9
goes_to h2 "an older one: nothing changed"
ok "the same again is no error" xr_on h1 vm move "$VM_MAC" to h2 seq 10
is "$(vm_fact h1 "$VM_MAC" moves)" 1 "nor another move"
is "$(($(reason notice-old h1) - old))" 2 "both are counted"
ok "a move to where it is: done" xr_on h1 vm move "$VM_MAC" to h2
like "$(xr_on h1 vm move "$VM_MAC" to h2 2>&1)" "already" "it says so"
is "$(vm_fact h1 "$VM_MAC" moves)" 1 "and that is no move"
xr_on h1 vm move "$VM_MAC" to h3 seq 30 >/dev/null
is "$(vm_fact h1 "$VM_MAC" seq)" 30 "a newer one is obeyed"
on_each "h3 h2 h1" vm move "$VM_MAC" to h3 >/dev/null 2>&1
goes_to h3 "A to B to C: A sends to C itself"

# ---- two sources ----

on_each "$everywhere" vm leave "$VM_MAC" >/dev/null
on_each "$everywhere" vm add "$VM_MAC" at h1 >/dev/null
xr_on h1 vm prepare "$VM_MAC" to h2 >/dev/null
play -q 5 "fab:h1=$(vector k1_garp_request)"
is "$(vm_fact h1 "$VM_MAC" host)" h2 "the VM announced itself"
ok "then the operator says the same" on_each "h2 h1" vm move "$VM_MAC" to h2
is "$(vm_fact h1 "$VM_MAC" moves)" 1 "that is one move"
play -q 5 "fab:h1=$(vector k1_garp_request)" "fab:h1=$(vector k3_rarp_qemu)"
is "$(vm_fact h1 "$VM_MAC" moves)" 1 "and its further announcements make no other"
goes_to h2 "two sources: at h2"

if ! /usr/bin/python3 -c "" 2>/dev/null; then
	skip 5 "no python3"
else
	ok "a daemon" daemon h1
	for seq in 50 50 49; do
		/usr/bin/python3 "$(dirname "$0")/lib/notify.py" \
			"/run/xroam/$WORLD-h1.sock" say \
			"{\"notice\":\"moved\",\"mac\":\"$VM_MAC\",\"to\":\"h3\",\"seq\":$seq}"
	done >"$WORLD_DIR/said" 2>&1
	is "$(jq -cs 'map(.ok)' "$WORLD_DIR/said")" "[true,true,false]" \
		"the socket: done, known already, too old"
	ok "the operator says the same" xr_on h1 vm move "$VM_MAC" to h3 seq 50
	is "$(vm_fact h1 "$VM_MAC" moves) $(vm_fact h1 "$VM_MAC" seq)" "2 50" \
		"one more move, whoever said it"
	ok "the daemon ends" daemon_stop h1
fi

# ---- A to B to A to C, quickly, under traffic ----

# A frame now and then has another IP ID than it had: the echo guard's.
# round TIMES MICROSECONDS ORDER...: each ORDER "NODES>HOST" told in turn
round()
{
	local n=$1 gap=$2 order total numbered

	shift 2
	numbered=$(frame make udp "$C1_MAC" "$VM_MAC" "$C1_ADDR4" "$VM_ADDR4" 9 @64)
	"$FRAME" play -p "$WORLD-" -c -q 100 "${places[@]}" "${wires[@]}" \
		-m "${numbered:0:36}" "c1:eth0#$numbered*$n/$gap" \
		>"$WORLD_DIR/round" 2>"$WORLD_DIR/round.err" &
	wait_for 5 grep -q ready "$WORLD_DIR/round.err"
	sleep 0.1
	for order; do
		on_each "${order%>*}" vm move "$VM_MAC" to "${order#*>}" >/dev/null ||
			fail "move $order"
	done
	wait $!
	SEEN=$(<"$WORLD_DIR/round")
	diag "$SEEN"
	total=$(($(numbers v1:h1 frames) + $(numbers v1:h2 frames) +
		 $(numbers v1:h3 frames)))
	is "$total" "$n" "each frame arrived somewhere, once"
	is "$(($(numbers v1:h1 twice) + $(numbers v1:h2 twice) +
	       $(numbers v1:h3 twice)))" 0 "none twice"
	cmp_ok "$(numbers fab:h1 frames)" -le "$n" "h1 sent each on once at most"
	is "$(numbers fab:h2 frames) $(numbers fab:h3 frames)" "0 0" \
		"what came out of a tunnel never went into one again"
}

on_each "$everywhere" vm leave "$VM_MAC" >/dev/null
on_each "$everywhere" vm add "$VM_MAC" at h1 >/dev/null
# Its own bridge heard it elsewhere: it speaks where it is.
play -q 5 "v1:h1=$(vector k15_plain_unicast_udp)"
round 1500 1000 "h2 h3 h1>h2" "h1 h3 h2>h1" "h3 h2 h1>h3"
goes_to h3 "A to B to A to C: at C in the end"

# In the worst order: a stale A still sends to B when B knows of C.
on_each "$everywhere" vm leave "$VM_MAC" >/dev/null
on_each "$everywhere" vm add "$VM_MAC" at h1 >/dev/null
on_each "h3 h2 h1" vm move "$VM_MAC" to h2 >/dev/null
on_each "h3 h2" vm move "$VM_MAC" to h3 >/dev/null
chain=$(reason vm-chain h2)
play -q 10 "${places[@]}" "${wires[@]}" "c1:eth0=$probe"
is "$(arrived fab:h1 "$probe") $(arrived fab:h2 "$probe")" "1 0" \
	"a chain: B does not tunnel on to C"
is "$(($(reason vm-chain h2) - chain))" 1 "vm-chain counts it"
on_each h1 vm move "$VM_MAC" to h3 >/dev/null
goes_to h3 "A was told: at C"

# And a ring: A believes B, B believes A.
on_each "$everywhere" vm leave "$VM_MAC" >/dev/null
on_each "$everywhere" vm add "$VM_MAC" at h3 >/dev/null
xr_on h1 vm move "$VM_MAC" to h2 >/dev/null
xr_on h2 vm move "$VM_MAC" to h1 >/dev/null
play -q 10 "${wires[@]}" "c1:eth0=$probe*20"
cmp_ok "$(arrived fab:h. "$probe")" -le 20 \
	"a ring of two that are wrong: 20 frames make no more than 20"
done_testing
