#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Clients, VIP and servers on IPv6.
# shellcheck source-path=SCRIPTDIR source=lib/quic.sh
. "$(dirname "$0")/lib/quic.sh"
QUIC_VIP=$VIP6

scenario()
{
	quic_start moving c1 --local "$(quic_addr c1 wifi)" --connections 6 \
		--rate 150K --seconds 2 --use-cids 500 \
		--migrate-at 800="$(quic_addr c1 cell)"
	quic_start behind-nat c2 --connections 6 --rate 150K --seconds 2 \
		--rebind-at 500 --rebind-at 1000
	quic_finish moving
	quic_finish behind-nat
}

quic_world
quic_both "IPv6" scenario
done_testing
