#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A draining server keeps its connections, wherever their clients go, and gets
# no new ones.
# shellcheck source-path=SCRIPTDIR source=lib/quic.sh
. "$(dirname "$0")/lib/quic.sh"

scenario()
{
	local before

	quic_start old c1 --local "$(quic_addr c1 wifi)" --connections 12 \
		--rate 100K --seconds 3.6 --rebind-at 1200 \
		--migrate-at 2700="$(quic_addr c1 cell)"
	sleep 0.8
	quic_snapshot
	before=$(pick .connections "$WORLD_DIR/s1.json")
	ok "s1 drains" xr backend set s1 state draining
	quic_run new c2 --connections 30 --download 50K --upload 50K
	quic_snapshot
	is "$(pick .connections "$WORLD_DIR/s1.json")" "$before" \
		"s1 gets no new connection"
	quic_finish old
	ok "s1 is up again" xr backend set s1 state up
}

quic_world
quic_both "draining" scenario
done_testing
