#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A new CID configuration under load: the LB learns it first, then the servers
# mint under it, the clients move over, and the old one is deleted.
# shellcheck source-path=SCRIPTDIR source=lib/quic.sh
. "$(dirname "$0")/lib/quic.sh"

new_arrive()
{
	new=$(packets 5)
	[ "$new" -gt "$made_up" ]
}

# While one client at least goes on, through its CIDs.
old_cease()
{
	local was

	was=$(packets 1)
	sleep 0.5
	old=$(packets 1)
	[ "$old" = "$was" ]
}

# Clients that go through their CIDs all the time, for longer than all of it takes where the
# machine is busy.
scenario()
{
	quic_start rotating c1 --connections 6 --rate 50K --seconds 18 \
		--use-cids 150 --cid-limit 2
	quic_start resting c2 --connections 4 --rate 100K --seconds 2.5 \
		--rebind-at 1200
	sleep 1
	if [ "$STEERING" = on ]; then
		refused 1 "config 1 is in use: [1-9][0-9]* packets.* del 1 force" \
			"a configuration that packets come under is kept" \
			cid del 1
		refused 2 'write "force" in full' "force is not abbreviated" \
			cid del 1 forc
	fi
	# What clients make up themselves for their first packets looks like any.
	made_up=$(packets 5)
	quic_cid_add lb1 5 || fail "adding a configuration"
	quic_rotate 5 1
	quic_finish resting
	if [ "$STEERING" = on ]; then
		ok "CIDs of the new configuration arrive" wait_for 10 new_arrive
		ok "CIDs of the old one no longer do" wait_for 10 old_cease
		new_arrive
		cmp_ok "$(xr -j cid show | jq '.[] | select(.config_id == 5).by_cid')" \
			-ge $((new - made_up)) "packets are counted by configuration"
		ok "the old configuration is deleted" xr cid del 1
	fi
	quic_finish rotating
	if [ "$STEERING" = on ]; then
		ok "and with force the new one, at once" xr cid del 5 force
		quic_cid_add lb1 5
	fi
}

packets()
{
	quic_snapshot
	quic_sum ".packets_by_codepoint[$1]"
}

quic_cid 1 four
quic_cid 5 single
QUIC_IDS=(1)
QUIC_LENGTH=18
quic_world
quic_both "rotation" scenario
done_testing
