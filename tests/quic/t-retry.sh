#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Retry: the second Initial's DCID is one the server made, and comes back from
# another port in the worst case; the token says whose it is.
# shellcheck source-path=SCRIPTDIR source=lib/quic.sh
. "$(dirname "$0")/lib/quic.sh"

scenario()
{
	quic_run validated c1 --local "$(quic_addr c1 wifi)" --connections 8 \
		--rate 150K --seconds 2.6 --rebind-at 400 \
		--migrate-at 1900="$(quic_addr c1 cell)"
	[ "$STEERING" = on ] || return
	is "$(quic_get validated .retried)" 8 "each connection began with a Retry"
}

quic_world
# shellcheck disable=SC2034
QUIC_SERVER_OPTIONS=(--retry)
quic_both "Retry" scenario
done_testing
