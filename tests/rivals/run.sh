#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
#	run.sh [RIVAL...]
#
# The rivals, or those, one after the other, each in a world of its own (rival.sh), and then
# a table of what each lost. What they printed is kept in build/rivals.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
kept=${BUILD:-build}/rivals
[ $# -gt 0 ] || set -- bridge evpn ovn ovn-multi ovn-rarp xroam
status=0

mkdir -p "$kept"
for rival; do
	echo "# $rival"
	tests/rivals/rival.sh "$rival" >"$kept/$rival.out" 2>&1 </dev/null &
	pid=$!
	# shellcheck disable=SC2064
	trap "kill $pid; wait $pid; exit 130" INT TERM HUP
	wait $pid
	trap - INT TERM HUP
	grep "^# $rival, run" "$kept/$rival.out"
	tail -n 1 "$kept/$rival.out" | jq -ce .runs >"$kept/$rival.json" 2>/dev/null && continue
	echo "# $rival: no figures; its last lines:" && tail -n 5 "$kept/$rival.out"
	rm -f "$kept/$rival.json"
	status=1
done

echo "| what carries the segment | runs | probes | lost, of each run | twice, of each run | longest gap, ms | of that the VM stood still |"
echo "| --- | --- | --- | --- | --- | --- | --- |"
for rival; do
	[ -e "$kept/$rival.json" ] || continue
	jq -r --arg rival "$rival" '
		def span(f): [.[] | f // empty | round] | if length == 0 then "-" elif min == max then "\(min)" else "\(min)–\(max)" end;
		"| \($rival) | \(length) | \(map(.sent) | add) | \(span(.lost)) | \(span(.twice)) | \(span(.gap_ms)) | \(span(.moved.blackout_ms)) |"' "$kept/$rival.json"
done
exit $status
