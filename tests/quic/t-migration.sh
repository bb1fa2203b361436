#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A client goes from WiFi to cellular and back in mid-stream, at once and
# without probing first: the CID alone says where its packets belong.
# shellcheck source-path=SCRIPTDIR source=lib/quic.sh
. "$(dirname "$0")/lib/quic.sh"

scenario()
{
	quic_run moving c1 --local "$(quic_addr c1 wifi)" --connections 10 \
		--rate 150K --seconds 2.4 \
		--migrate-at 600="$(quic_addr c1 cell)" \
		--migrate-at 1400="$(quic_addr c1 wifi)"
}

quic_world
quic_both "migration" scenario
done_testing
