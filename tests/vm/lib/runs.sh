# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Migrations under probes, one after the other: what came of each, and of all of them.
# A part of vm.sh, which has the list.

run_of()
{
	proven run_once "$@"
}

# proven COMMAND...: a run, and again, twice at most, where it proves nothing about those
# who bring the guest its frames: it died, or was too far behind, or others flooded the machine,
# or it kept all from the processor: of the milliseconds in which a QEMU throws a frame away and
# ends, who was kept for as many knows nothing, and nobody else does (docs/limits.md)
proven()
{
	local from=$AT left=3 status drops

	while ((left--)); do
		drops=$(machine_drops)
		stall_begin
		"$@"
		status=$?
		stall_end
		drops=$(($(machine_drops) - drops))
		if guest_died; then
			guest_again "$from"
		elif ran_over; then
			diag "the guest was $(probed_of max_ms) ms behind at $RATE/s: again, with half of it"
			RATE=$((RATE / 2))
			back_to "$from"
		elif [ -n "$XROAM_BY" ] && ((drops)) && probed_any lost unanswered; then
			diag "the machine had no room for $drops frames of this or another test: again"
			back_to "$from"
		elif [ -n "$XROAM_BY" ] && [ -n "$BUSY" ] && probed_any lost unanswered twice; then
			diag "what was lost or came twice proves nothing of a machine that does: again"
			back_to "$from"
		else
			return $status
		fi
	done
	return $status
}

# back_to HOST: as if it had not gone
back_to()
{
	[ "$AT" != "$1" ] || return 0
	guest_move "$1"
	fabric_for "$1"
}

# Its emulation may spoil a guest's memory as it migrates (see qemu in vm.sh), on a busy
# machine above all: its kernel panics, or goes round in a circle and answers nobody.
guest_died()
{
	guest_says 'Kernel panic' && return
	[ -n "$(probed_of sent)" ] && [ -z "$(probed_of lost)" ] || return 1
	! guest_answers_at_home || return 1
	diag "the guest answers nobody, not even on its own host's bridge:" "$(guest_registers)" \
		"$(in_ns "$AT" ip -s link show "$TAP")"
}

guest_says()
{
	grep -q "$1" "$WORLD_DIR/$GUEST$AT.console"
}

# To one who is next to its port, whom no fabric and no tunnel parts from it.
guest_answers_at_home()
{
	local dev=br0 status

	[ -z "$VM_ROUTED" ] || dev=$TAP
	in_ns "$AT" ip route replace "$VM_ADDR4/32" dev "$dev" table 77 src "$(underlay4 "$AT")"
	in_ns "$AT" ip rule add to "$VM_ADDR4/32" iif lo table 77 pref 7
	wait_for 10 in_ns "$AT" ping -q -c 1 -W 2 "$VM_ADDR4" >/dev/null 2>&1
	status=$?
	in_ns "$AT" ip rule del pref 7
	return $status
}

# Where its processor is, three times
guest_registers()
{
	/usr/bin/python3 - "$(qmp "$AT")" <<-'EOT' | grep -o 'RIP=[^ ]*\|HLT=.' | tr '\n' ' '
		import json, socket, sys, time
		s = socket.socket(socket.AF_UNIX)
		s.settimeout(10)
		s.connect(sys.argv[1])
		f = s.makefile("rw")
		f.readline()
		for words in [["qmp_capabilities"]] + 3 * [["human-monitor-command", "info registers"]]:
		    c = {"execute": words[0]}
		    if words[1:]:
		        c["arguments"] = {"command-line": words[1]}
		    f.write(json.dumps(c) + "\n")
		    f.flush()
		    print(f.readline())
		    time.sleep(0.2)
	EOT
}

# guest_again HOST: another one there, as if it had not gone
guest_again()
{
	local host mac

	diag "the guest died, and begins anew: $(
		grep -m 2 -e '^guest: its second' -e 'Kernel panic' "$WORLD_DIR/$GUEST$AT.console")"
	for host in "${VM_HOSTS[@]}"; do
		stop "qemu-$GUEST$host" KILL
	done
	for host in ${XROAM_BY:+"$1" "${VM_HOSTS[@]}"}; do
		for mac in "$VM_MAC" ${CARD2:+"$CARD2"}; do
			xr_on "$host" vm move "$mac" to "$1" >/dev/null 2>&1
		done
	done
	guest_boot "$1"
}

# A tap holds a thousand frames until xroam has made it longer: a guest that is behind by
# as many loses what comes then, wherever it is (docs/limits.md), and of its own answers
# what it has no room for.
ran_over()
{
	probed_any lost unanswered &&
		[ "$(jq "(.max_ms // 0) * $RATE > 900000" <<<"$PROBED")" = true ]
}

run_once()
{
	local status

	probe "${PROBE_OPTIONS[@]}"
	sleep 0.3
	guest_move "$@"
	status=$?
	probed && return $status
}

result()
{
	diag "$(jq -rn --arg what "$1" --argjson p "${PROBED:-null}" \
		--argjson m "${MOVED:-null}" '"\($what): \($p.sent) sent, \($p.lost) lost, \($p.twice) twice, \($p.unanswered) unanswered, \($p.answered_twice) answered twice; p50 \($p.p50_ms) p99 \($p.p99_ms) max \($p.max_ms) ms, \($p.late) over 10 ms; blackout \($m.blackout_ms) ms of \($m.total_ms)\(if ($p.lost // 0) > 0 then "; lost: \($p.lost_runs | join(" "))" else "" end)\(if ($p.twice // 0) > 0 then "; twice: \($p.twice_runs | join(" "))" else "" end)\(if ($p.forgotten // 0) > 0 then "; \($p.forgotten) forgotten by the guest" else "" end)"')"
}

# ---- what is asserted ----

# Nobody counts the probes' delay: a guest that stands still does not answer.
whole()
{
	is "$(jq -c '[.lost, .twice, .unanswered, .answered_twice]' \
		<<<"$PROBED")" "[0,0,0,0]" "$1: none lost, none twice, all answered" || diag "$(evidence)"
}

RUNS_WITHOUT=2 RUNS_WITH=10
ALL=			# the runs so far, as JSON
EVIDENCE=		# of those in which a probe was lost, or came twice

# What each host's xroam and devices show after such a run.
evidence()
{
	local host

	echo "probes: $PROBED"
	for host in ${XROAM_BY:+"${VM_HOSTS[@]}"}; do
		echo "$host: $(xr_on "$host" -j vm show "$VM_MAC" | jq -c)"
		echo "$host: $(xr_on "$host" stats reason | tr -s ' \n' ' ;')"
		echo "$host: dropped $(in_ns "$host" ip -s -j link | jq -c '
			[.[] | select(.stats64.tx.dropped + .stats64.rx.dropped > 0) |
			 {(.ifname): [.stats64.tx.dropped, .stats64.rx.dropped]}] | add')"
		echo "$host: $(tail -n 5 "$WORLD_DIR/xroam-$host.err")"
	done
}

# remember WHAT: adds the run to $ALL, and prints its line
remember()
{
	result "$1"
	if [ -n "$XROAM_BY" ] && probed_any lost twice; then
		EVIDENCE+="$1"$'\n'$(evidence)$'\n'
	fi
	ALL+=$(jq -c --argjson m "$MOVED" '. + {moved: $m}' <<<"$PROBED")
	ALL+=$'\n'
}

# runs N WHAT: moves to and fro
runs()
{
	local i

	ALL=
	for ((i = 1; i <= $1; i++)); do
		fit_rate "$2"
		# shellcheck disable=SC2153 # of vm.sh
		QUIT=${QUITS[i % ${#QUITS[@]}]}
		run_of "$(other "$AT")" || fail "$2: migration $i"
		remember "$2, run $i${QUIT:+ (source ended $QUIT ms after RESUME)}"
	done
	QUIT=
}

# summary WHAT: of $ALL
summary()
{
	diag "$(jq -rs --arg what "$1" '
		def of(f): map(f // 0) | "\(min)..\(max)";
		"== \($what): \(length) runs, \(map(.sent) | add) probes, lost \(map(.lost // .sent) | add) (a run: \(of(.lost))), twice \(map(.twice // 0) | add), unanswered \(map(.unanswered // 0) | add); delay p50 \(of(.p50_ms)) p99 \(of(.p99_ms)) max \(of(.max_ms)) ms; blackout \(of(.moved.blackout_ms)) ms"' \
		<<<"$ALL")"
}

sum_of()
{
	jq -s "map(.$1 // 1) | add" <<<"$ALL"
}

# none_lost WHAT: in $ALL
none_lost()
{
	local key

	for key in lost twice unanswered answered_twice; do
		is "$(sum_of $key)" 0 "$1: $key in $(wc -l <<<"${ALL%$'\n'}") runs" || diag "$EVIDENCE"
	done
	EVIDENCE=
}

world_test()
{
	world_of "$1"
	guest_boot h1
	runs $RUNS_WITHOUT "$1, without xroam"
	summary "$1, without xroam"
	cmp_ok "$(sum_of lost)" -gt 0 "$1: without xroam, probes are lost"

	xroam_hosts daemon
	runs $RUNS_WITH "$1, with xroam"
	summary "$1, with xroam"
	none_lost "$1, with xroam"
}
