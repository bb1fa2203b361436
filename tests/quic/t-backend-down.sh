#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A server dies. The others' connections go on, new ones avoid it; what was its
# own is dropped, not sent to a server that would answer with a reset.
# shellcheck source-path=SCRIPTDIR source=lib/quic.sh
. "$(dirname "$0")/lib/quic.sh"

scenario()
{
	local name

	for name in 1 2 3 4 5 6 7 8 9; do
		quic_start "client$name" c1 --rate 100K --seconds 2.5 \
			--idle 3 --rebind-at 1000 --rebind-at 1500
	done
	sleep 0.6
	quic_snapshot
	dead=$(pick .connections "$WORLD_DIR/s1.json")
	stop s1 KILL
	ok "s1 is down" xr backend set s1 state down
	sleep 0.2
	quic_start new c2 --connections 20 --download 50K --upload 50K
	quic_finish new
	for name in 1 2 3 4 5 6 7 8 9; do
		quic_finish "client$name"
	done
}

# Those whose server died cannot end well: they are not asked to.
survivors()
{
	local name kept=()

	for name in "${QUIC_CLIENTS[@]}"; do
		[ "$(quic_get "$name" -d 0 .servers.s1)" != 0 ] ||
			kept+=("$name")
	done
	QUIC_CLIENTS=("${kept[@]}")
}

quic_world
quic_lb on
quic_servers
scenario
lost=$((${#QUIC_CLIENTS[@]}))
survivors
lost=$((lost - ${#QUIC_CLIENTS[@]}))
is "$lost" "$dead" "only the dead server's connections are lost ($dead)"
rm "$WORLD_DIR/s1.json"
echo '{"name": "s1", "packets": 0, "strays": 0, "connections": 0}' \
	>"$WORLD_DIR/s1.json"
quic_good "backend down"

quic_lb off
quic_servers
QUIC_CLIENTS=()
scenario
survivors
quic_bad "backend down"
done_testing
