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

shortened()
{
	prefix 6
	scenario
}

QUIC_IDS=(0)
quic_world
for format in plain aws-nlb nghttpx msquic mvfst-v1 mvfst-v2 mvfst-v3 \
	      quic-lb-2bit; do
	case $format in
	mvfst-v?) use "${format#mvfst-v}" $format ;;
	*) use 0 $format ;;
	esac
	quic_lb on
	quic_played scenario
	quic_good "$format"
done

# One of them without: what the rest has to do with steering is the same.
quic_lb off
quic_servers
QUIC_CLIENTS=()
scenario
quic_bad "$format"

for format in four single; do
	use 6 $format
	quic_lb on
	quic_played shortened
	quic_good "prefix, $format"
done
done_testing
