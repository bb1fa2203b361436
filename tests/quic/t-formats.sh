#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The layouts in the field, each minted by real servers; and a tier of LBs that
# reads but the first octets of a longer server ID.
# shellcheck source-path=SCRIPTDIR source=lib/quic.sh
. "$(dirname "$0")/lib/quic.sh"

scenario()
{
	quic_run "$format" c1 --local "$(quic_addr c1 wifi)" --connections 6 \
		--rate 100K --seconds 2.4 --rebind-at 300 \
		--migrate-at 1900="$(quic_addr c1 cell)"
}

# good NAME [MORE]: the scenario behind the LB. ngtcp2 0.12 may count the CIDs of a path that
# it still looks at twice, and then closes with CONNECTION_ID_LIMIT_ERROR: not the LB's doing.
good()
{
	local left=3

	while ((left--)); do
		QUIC_CLIENTS=()
		quic_lb on
		quic_servers
		${2:+"$2" "$3"}
		scenario
		grep -q 'closed by the peer: code 0x9 ' "$WORLD_DIR/$format.json" || break
		diag "CONNECTION_ID_LIMIT_ERROR: again"
	done
	quic_good "$1"
}

use()
{
	QUIC_IDS=() QUIC_S=() QUIC_N=()
	quic_cid "$1" "$2"
}

# The servers mint under S + 2 and N - 2 octets: the same block, the same key.
prefix()
{
	local server id=$1

	for server in "${WORLD_SERVERS[@]}"; do
		sed -E -i "s/sid=([0-9a-f]+)/sid=\10$((RANDOM % 10))f7/
			s/nonce=[0-9]+/nonce=$((QUIC_N[$id] - 2))/
			s/peers=[^ ]*//" "$WORLD_DIR/$server.cids"
		kill -HUP "$(pid "$server")"
	done
	quic_snapshot
}

QUIC_IDS=(0)
quic_world
for format in plain aws-nlb nghttpx msquic mvfst-v1 mvfst-v2 mvfst-v3 \
	      quic-lb-2bit; do
	case $format in
	mvfst-v?) use "${format#mvfst-v}" $format ;;
	*) use 0 $format ;;
	esac
	good "$format"
done

# One of them without: what the rest has to do with steering is the same.
quic_lb off
quic_servers
QUIC_CLIENTS=()
scenario
quic_bad "$format"

for format in four single; do
	use 6 $format
	good "prefix, $format" prefix 6
done
done_testing
