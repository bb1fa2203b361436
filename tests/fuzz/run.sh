#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Runs every fuzzer for SECONDS, all at a time, and says so in TAP; they give way to what
# else there is to do. What they find is kept in build/fuzz/NAME: crash-* files, and the
# grown corpus.
set -u
seconds=${1:-60}
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
build=${BUILD:-build}

mapfile -t sources < <(printf '%s\n' tests/fuzz/fuzz_*.c)
names=("${sources[@]##*/}")
names=("${names[@]%.c}")
declare -A pids=()

# Ends what this script started, by its pid. Called by the trap.
# shellcheck disable=SC2317
stop()
{
	local pid

	for pid in "${pids[@]}"; do
		kill "$pid" 2>/dev/null
	done
	wait
}
trap 'stop; exit 130' INT TERM HUP

begin()
{
	local name=$1 dir=$build/fuzz/$1
	local seeds=()

	mkdir -p "$dir/corpus"
	[ -d "tests/fuzz/corpus/${name#fuzz_}" ] && seeds=("tests/fuzz/corpus/${name#fuzz_}")
	nice -n 10 "$build/tests/fuzz/$name" -max_total_time="$seconds" -timeout=20 \
		-rss_limit_mb=4096 -print_final_stats=1 \
		-artifact_prefix="$dir/" "$dir/corpus" "${seeds[@]}" \
		>"$dir/log" 2>&1 </dev/null &
	pids[$name]=$!
}

failed=0
number=0

# Waits for one and reports it.
finish()
{
	local name=$1 units

	number=$((number + 1))
	if wait "${pids[$name]}"; then
		units=$(sed -n 's/^stat::number_of_executed_units: *//p' \
			"$build/fuzz/$name/log")
		echo "ok $number - $name: ${units:-no} inputs in $seconds s"
	else
		failed=1
		echo "not ok $number - $name: see $build/fuzz/$name"
		tail -n 30 "$build/fuzz/$name/log" | sed 's/^/# /'
	fi
	unset "pids[$name]"
}

echo "1..${#names[@]}"
for name in "${names[@]}"; do
	begin "$name"
done
for name in "${names[@]}"; do
	finish "$name"
done
exit "$failed"
