#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Each way to hide a server ID in a CID: clear, one AES block, four passes over
# an even, an odd and a lopsided block.
# shellcheck source-path=SCRIPTDIR source=lib/quic.sh
. "$(dirname "$0")/lib/quic.sh"

scenario()
{
	quic_run "$mode" c1 --local "$(quic_addr c1 wifi)" --connections 6 \
		--rate 100K --seconds 2.6 --rebind-at 400 \
		--migrate-at 1900="$(quic_addr c1 cell)"
}

QUIC_OFF_TIMEOUT=2
quic_world
for mode in clear single four odd long; do
	QUIC_IDS=() QUIC_S=() QUIC_N=()
	quic_cid 3 $mode
	quic_both "$mode" scenario
done
done_testing
