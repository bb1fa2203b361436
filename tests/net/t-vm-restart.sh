#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# SIGKILL for the daemon in every state of a move, and for commands at any instant;
# a reload under traffic. What the data plane does goes on; whoever comes next
# finishes the move.
# shellcheck source=tests/net/lib/vmworld.sh
. "$(dirname "$0")/lib/vmworld.sh"
vm_world_up -n 2
vm_places v1 h1 h2
ok "attach" vm_attach h1 h2
ok "hosts" vm_hosts vxlan h1 h2
fabric_believes h1

# kill_in STATE H1 H2 [COMMAND...]: with the daemon killed there, and restarted,
# the client's frame gets to each so often; then the move is made
kill_in()
{
	local state=$1 h1=$2 h2=$3 word

	shift 3
	on_each "h2 h1" vm leave "$VM_MAC" >/dev/null 2>&1
	on_each "h2 h1" vm add "$VM_MAC" at h1 >/dev/null
	ok "$state: the daemons run" daemon h1 && daemon h2
	for word; do
		# shellcheck disable=SC2086
		on_each "h2 h1" vm ${word/MAC/$VM_MAC} >/dev/null
	done
	daemon_stop h1 KILL
	daemon_stop h2 KILL
	is "$(vm_state h1 "$VM_MAC")" "$state" "$state: killed"
	reaches "$state: and all is as it was" "$h1" "$h2"
	ok "$state: they start again" daemon h1 && daemon h2
	is "$(vm_state h1 "$VM_MAC")" "$state" "$state: they adopt it"
	reaches "$state: and all is as it was" "$h1" "$h2"
	ok "$state: the move is made" on_each "h2 h1" vm move "$VM_MAC" to h2
	reaches "$state: at its new host" 0 1
	daemon_stop h1
	daemon_stop h2
}

kill_in stable 1 0
kill_in prepared 1 0 "prepare MAC to h2"
kill_in blackout 1 1 "prepare MAC to h2" "pause MAC"
kill_in moved 0 1 "prepare MAC to h2" "pause MAC" "move MAC to h2"
kill_in stable 1 0 "prepare MAC to h2" "pause MAC" "cancel MAC"

# A command killed at any instant: before or after, and the next one works.
odd=0 stuck=0
for i in $(seq 1 20); do
	to=h2
	((i % 2)) && to=h1
	in_ns h1 "$XROAM" -i "$(instance h1)" vm move "$VM_MAC" to $to \
		>/dev/null 2>&1 </dev/null &
	victim=$!
	sleep "0.$(printf %03d $((RANDOM % 25)))"
	kill -9 $victim 2>/dev/null
	wait $victim 2>/dev/null
	case $(vm_fact h1 "$VM_MAC" host) in
	h1|h2)	;;
	*)	odd=$((odd + 1)) ;;
	esac
	xr_on h1 vm move "$VM_MAC" to $to >/dev/null 2>"$WORLD_DIR/why" || {
		stuck=$((stuck + 1))
		diag "$(<"$WORLD_DIR/why")"
	}
done 2>/dev/null
is "$odd $stuck" "0 0" "20 killed moves: before or after, and the next one works"
is "$(vm_fact h1 "$VM_MAC" host)" h2 "the last word counts"
reaches "in the data plane, too" 0 1
kernel()
{
	in_ns h1 bridge fdb show | grep -c "^$VM_MAC .*vx0"
}
is "$(kernel)" 2 "and in the kernel's tables, once each"

# A reload between two frames.
numbered=$(frame make udp "$C1_MAC" "$VM_MAC" "$C1_ADDR4" "$VM_ADDR4" 9 @64)
start stream fab "$FRAME" play -p "$WORLD-" -c -q 50 -m "${numbered:0:36}" \
	-w v1:h1 -w v1:h2 "c1:eth0#$numbered*2000/500"
wait_for 5 grep -q ready "$WORLD_DIR/stream.err"
sleep 0.1
for i in 1 2 3; do
	ok "reload $i under traffic" xr_on h1 reload
done
finish stream
SEEN=$(<"$WORLD_DIR/stream.out")
is "$(numbers v1:h2 frames) $(numbers v1:h1 frames)" "2000 0" \
	"reloads: each frame of 2000 went to the new host"
is "$(vm_state h1 "$VM_MAC")" moved "the move is kept"

# What is prepared is kept by a reload, too.
on_each "h2 h1" vm leave "$VM_MAC" >/dev/null
on_each "h2 h1" vm add "$VM_MAC" at h1 >/dev/null
on_each "h2 h1" vm prepare "$VM_MAC" to h2 >/dev/null
on_each "h2 h1" vm pause "$VM_MAC" >/dev/null
ok "reload in a blackout" on_each "h2 h1" reload
reaches "still to both" 1 1
done_testing
