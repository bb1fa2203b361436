#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The program is replaced, again and again, under traffic.
# shellcheck source-path=SCRIPTDIR source=lib/quic.sh
. "$(dirname "$0")/lib/quic.sh"

scenario()
{
	local i

	quic_start busy c1 --connections 6 --rate 400K --seconds 3 \
		--rebind-at 1000 --rebind-at 2000
	for i in 1 2 3 4 5 6; do
		sleep 0.35
		xr reload >/dev/null || fail "reload $i"
	done
	quic_finish busy
	[ "$STEERING" = off ] ||
		is "$(quic_get busy .lost)" 0 "reload: no packet lost"
}

quic_world
quic_both "reload" scenario
done_testing
