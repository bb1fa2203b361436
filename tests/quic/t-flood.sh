#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Connections that nothing but the flow table holds (servers without routable
# CIDs, and one that drains) under a flood of Initials from everywhere, many
# times the size of the table.
# shellcheck source-path=SCRIPTDIR source=lib/quic.sh
. "$(dirname "$0")/lib/quic.sh"

FLOOD=$WORLD_BUILD/tests/net/flood

# The flows are established, the table is flooded, and then the hash changes.
scenario()
{
	quic_start steady c1 --connections 12 --rate 60K --seconds 4.5
	sleep 0.8
	ok "Initials from everywhere" in_ns c2 "$FLOOD" -n 30000 -r 20000 \
		initial "$VIP4" "$QUIC_PORT"
	ok "SYNs, too, to a VIP that shares the table" in_ns c2 "$FLOOD" \
		-n 20000 -r 20000 syn "$VIP4" "$QUIC_PORT"
	ok "s1 drains" xr backend set s1 state draining
	ok "more Initials" in_ns c2 "$FLOOD" -n 10000 -r 20000 initial \
		"$VIP4" "$QUIC_PORT"
	quic_finish steady
	ok "s1 is up again" xr backend set s1 state up
}

# The flood is answered by nobody, but each of its packets may look like a
# connection's first: the count of connections says nothing here.
assert()
{
	quic_servers_stop
	quic_report flood
	is "$(quic_get steady .ok)" true "flood: every octet, both ways" ||
		diag "$(quic_get steady '.errors[]')"
	is "$(quic_sum .strays)" 0 "flood: no stray packet"
	cmp_ok "$(quic_sum .initials)" -ge 20000 "flood: it did arrive"
}

QUIC_FLOWS=4096
quic_world
QUIC_IDS=(1)
quic_lb on
ok "a TCP VIP" xr vip add "$VIP4:$QUIC_PORT/tcp"
ok "and its server" xr backend add web vip "$VIP4:$QUIC_PORT/tcp" \
	address "$(addr4 s2)"
QUIC_IDS=()
quic_servers --no-reset
scenario
assert

# Without a flow table the change of the hash is felt.
QUIC_IDS=(1)
quic_lb off
xr vip show >/dev/null
for server in "${WORLD_SERVERS[@]}"; do
	xr backend del "$server"
done
xr vip del "$(quic_vip)"
xr vip add "$(quic_vip)" flow off
for server in "${WORLD_SERVERS[@]}"; do
	xr backend add "$server" vip "$(quic_vip)" address "$(addr4 "$server")"
done
QUIC_IDS=()
quic_servers --no-reset
QUIC_CLIENTS=()
quic_start steady c1 --connections 12 --rate 60K --seconds 2
sleep 0.8
xr backend set s1 state draining
quic_finish steady
quic_bad "no flow table"
done_testing
