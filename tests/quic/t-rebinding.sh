#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A NAT forgets the client and gives it another port, again and again; QUIC at
# the client knows nothing of it, so the CID stays the same.
# shellcheck source-path=SCRIPTDIR source=lib/quic.sh
. "$(dirname "$0")/lib/quic.sh"

scenario()
{
	quic_run behind-nat c2 --connections 10 --rate 150K --seconds 2.4 \
		--rebind-at 400 --rebind-at 800 --rebind-at 1200 \
		--rebind-at 1600
}

quic_world
quic_both "rebinding" scenario
done_testing
