#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The same migration under other traffic: a row of the table each. An emulated guest
# on a busy machine reads no 5,000 frames a second; so a fast row begins there, and
# goes down to what the guest bears where it stands still. None is left out.
# shellcheck source-path=SCRIPTDIR source=lib/vm.sh
. "$(dirname "$0")/lib/vm.sh"

CARD2=52:54:00:12:34:61
MOVES=2			# of each row

moves()
{
	local i

	ALL=
	for ((i = 0; i < MOVES; i++)); do
		ROWS=$((ROWS + 1))
		QUIT=${QUITS[ROWS % ${#QUITS[@]}]}
		run_of "$(other "$AT")" || fail "$1: migration $i"
		remember "$1${QUIT:+ (source ended $QUIT ms after RESUME)}"
	done
}

# Whether it was behind in one of them; one way, nothing tells
was_behind()
{
	local PROBED

	[[ " ${PROBE_OPTIONS[*]} " != *" -o "* ]] || return 0
	while read -r PROBED; do
		! ran_over || return 0
	done <<<"$ALL"
	return 1
}

# row RATES WHAT TO [OPTIONS...]: of the prober; the first of the rates that the
# guest bears before and, should frames be lost, also after; the last in any case
row()
{
	local rates=$1 what=$2 options=("${@:4}")

	PROBE_TO=$3
	for RATE in $rates; do
		PROBE_OPTIONS=("${options[@]}")
		[ "$RATE" = "${rates##* }" ] || bears "$what" "$RATE" || continue
		moves "$RATE/s$what"
		[ "$(sum_of lost)" != 0 ] || break
		[ "$RATE" != "${rates##* }" ] || break
		was_behind || ! bears "$what" "$RATE" || break
	done
	is "$(sum_of lost)" 0 "$RATE/s$what: none lost"
	is "$(sum_of twice)" 0 "$RATE/s$what: none twice"
}

ROWS=0
world_of deaf
guest_boot h1
xroam_hosts daemon
FAST="5000 3000 2000 1000 500 250" SLOW="1000 500 250"
row "$SLOW" ", 1400 octets" "$VM_ADDR4" -s 1400
row "$SLOW" ", IPv6" "$VM_ADDR6"
row "$SLOW" ", its second card" "$CARD2_ADDR4"
row "$FAST" "" "$VM_ADDR4"
row "$FAST" ", IPv6, 1400 octets" "$VM_ADDR6" -s 1400
row "$FAST" ", one way" "$VM_ADDR4" -o
row "$FAST" ", one way, 1400 octets, its second card" "$CARD2_ADDR4" -o -s 1400
done_testing
