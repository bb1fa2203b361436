#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The same migration under other traffic: a row of the table each. An emulated guest
# on a busy machine reads too slowly for some: a row that it cannot bear where it is,
# before or after its moves, says nothing of these and is left out.
# shellcheck source-path=SCRIPTDIR source=lib/vm.sh
. "$(dirname "$0")/lib/vm.sh"

CARD2=52:54:00:12:34:61
MOVES=2			# of each row

# bears WHAT: it for a while with nothing going on, each answered at once
bears()
{
	local option options=()


	for option in "${PROBE_OPTIONS[@]}"; do
		[ "$option" = -o ] || options+=("$option")
	done
	rm -f "$WORLD_DIR/prober.err"
	probe -n 2500 "${options[@]}"
	sleep 0.5
	probed
	MOVED='{}'
	result "$1, at rest"
	[ "$(probed_of lost)" = 0 ] &&
		[ "$(jq '.late * 20 <= .sent' <<<"$PROBED")" = true ]
}

# row WHAT TO [OPTIONS...]: of the prober
row()
{
	local what=$1 i

	PROBE_TO=$2
	shift 2
	PROBE_OPTIONS=("$@")
	# A thousand a second is tried in any case.
	if [[ " $* " == *" -i "* ]] && ! bears "$what"; then
		skip 2 "$what: too much for this machine now"
		return
	fi
	ALL=
	for ((i = 0; i < MOVES; i++)); do
		ROWS=$((ROWS + 1))
		QUIT=${QUITS[ROWS % ${#QUITS[@]}]}
		run_of "$(other "$AT")" || fail "$what: migration $i"
		remember "$what${QUIT:+ (source ended $QUIT ms after RESUME)}"
	done
	if [ "$(sum_of lost)" != 0 ] && ! bears "$what"; then
		skip 1 "$what: too much for this machine by now"
	else
		is "$(sum_of lost)" 0 "$what: none lost"
	fi
	is "$(sum_of twice)" 0 "$what: none twice"
}

ROWS=0
world_of deaf
guest_boot h1
xroam_hosts daemon
row "1000/s, 1400 octets" "$VM_ADDR4" -s 1400
row "1000/s, IPv6" "$VM_ADDR6"
row "1000/s, its second card" "$CARD2_ADDR4"
row "5000/s" "$VM_ADDR4" -i 200
row "5000/s, IPv6, 1400 octets" "$VM_ADDR6" -i 200 -s 1400
row "5000/s, one way" "$VM_ADDR4" -o -i 200
row "5000/s, one way, 1400 octets, its second card" "$CARD2_ADDR4" -o -i 200 -s 1400
done_testing
