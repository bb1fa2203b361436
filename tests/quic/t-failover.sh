#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Two LB nodes of the same configuration. The router's ECMP moves connections
# from one to the other, one node dies: nobody notices.
# shellcheck source-path=SCRIPTDIR source=lib/quic.sh
. "$(dirname "$0")/lib/quic.sh"

scenario()
{
	local to

	lb_route both
	quic_start steady c1 --local "$(quic_addr c1 wifi)" --connections 12 \
		--rate 100K --seconds 3.9 --rebind-at 1500 \
		--migrate-at 3000="$(quic_addr c1 cell)"
	for to in lb1 lb2 both lb2 lb1 lb2; do
		sleep 0.4
		lb_route $to
	done
	# lb1 gets nothing any more, and its cable is pulled.
	in_ns r ip link set lb1-eth0 down
	quic_finish steady
	in_ns r ip link set lb1-eth0 up
}

# The same hash in both: even what has no routable CID stays where it is.
without_moves()
{
	local to

	quic_start still c2 --connections 20 --rate 50K --seconds 2
	for to in lb1 lb2 both lb2 lb1; do
		sleep 0.3
		lb_route $to
	done
	quic_finish still
}

QUIC_LBS=2
quic_world
quic_both "failover" scenario

lb_route both
QUIC_CLIENTS=()
QUIC_IDS=()		# servers that mint no routable CIDs
quic_servers
without_moves
quic_good "failover by the hash alone"
done_testing
