#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# 0-RTT: early data carries a DCID the client made up, and must reach the server
# its Initial reaches. Tickets are good at every server, as in a real service.
# shellcheck source-path=SCRIPTDIR source=lib/quic.sh
. "$(dirname "$0")/lib/quic.sh"

scenario()
{
	local i

	for i in 1 2 3 4 5 6; do
		rm -f "$WORLD_DIR/ticket$i" "$WORLD_DIR/ticket$i.params"
		quic_run "first$i" c1 --download 1K --session "$WORLD_DIR/ticket$i"
	done
	for i in 1 2 3 4 5 6; do
		quic_start "again$i" c1 --local "$(quic_addr c1 wifi)" \
			--session "$WORLD_DIR/ticket$i" --0rtt \
			--rate 150K --seconds 2.6 --rebind-at 300 \
			--migrate-at 1900="$(quic_addr c1 cell)"
	done
	for i in 1 2 3 4 5 6; do
		quic_finish "again$i"
	done
	[ "$STEERING" = on ] || return
	is "$(quic_clients_sum .early)" 6 "0-RTT was accepted each time"
}

quic_world
# shellcheck disable=SC2034
QUIC_SERVER_OPTIONS=(--secret "$WORLD_DIR/secret")
quic_both "0-RTT" scenario
done_testing
