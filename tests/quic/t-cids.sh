#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Clients that use up one CID after the other, each from another port.
# shellcheck source-path=SCRIPTDIR source=lib/quic.sh
. "$(dirname "$0")/lib/quic.sh"

scenario()
{
	quic_run many-cids c1 --connections 6 --rate 200K --seconds 2.4 \
		--use-cids 200
}

quic_world
quic_both "many CIDs" scenario
done_testing
