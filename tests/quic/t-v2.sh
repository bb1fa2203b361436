#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# QUIC v2: other type bits in the long header, the same CIDs. From the start, and
# by compatible negotiation out of a v1 Initial.
# shellcheck source-path=SCRIPTDIR source=lib/quic.sh
. "$(dirname "$0")/lib/quic.sh"

scenario()
{
	quic_start v2 c1 --v2 --local "$(quic_addr c1 wifi)" --connections 6 \
		--rate 150K --seconds 1.6 --rebind-at 400 \
		--migrate-at 800="$(quic_addr c1 cell)"
	quic_start negotiated c2 --negotiate --connections 6 \
		--rate 150K --seconds 1.6 --rebind-at 400 --rebind-at 800
	quic_finish v2
	quic_finish negotiated
	[ "$STEERING" = on ] || return
	# ngtcp2 0.12 knows the version number of v2's last drafts.
	is "$(quic_get v2 .version)" 0x709a50c4 "v2 from the start"
	is "$(quic_get negotiated .version)" 0x709a50c4 "v2 after negotiation"
}

quic_world
# shellcheck disable=SC2034
QUIC_SERVER_OPTIONS=(--v2)
quic_both "QUIC v2" scenario
done_testing
