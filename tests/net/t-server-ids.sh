#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Server IDs in a row take pages, and no room in the table: what limits say, status, export and
# cid decode; and under traffic no packet misses one while others make it change sides.
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
world_up

# ids FORMAT FIRST LAST: as a list
ids()
{
	local i

	for ((i = $2; i <= $3; i++)); do
		# shellcheck disable=SC2059
		printf "\"$1\", " "$i"
	done
}

# file IDS
file()
{
	cat >"$WORLD_DIR/file" <<-EOT
		limits: {vips: 8, backends: 8, server_ids: 64, server_id_pages: 2, flows: 1024}
		cid: [{id: 1, format: quic-lb, server_id_length: 3, nonce_length: 5}]
		vips:
		  - {address: $VIP4, port: 443, protocol: udp, cid: true}
		backends:
		  - {name: s1, address: $(addr4 s1), vips: ["$VIP4:443/udp"], server_ids: [$1]}
		  - {name: s2, address: $(addr4 s2), vips: ["$VIP4:443/udp"]}
	EOT
	echo "$WORLD_DIR/file"
}

few=$(ids %06x 0 7)
row=$(ids %06x 0 299)
apart=$(ids %02x0000 1 20)

ok "more in a row than the limit of those apart" xr apply "$(file "$row$apart")"
is "$(xr -j status --now | jq -c '[.server_ids, .server_id_pages]')" \
	'[{"count":20,"limit":64},{"count":2,"limit":2,"server_ids":300}]' \
	"are in two pages, by status"
like "$(xr status --now)" \
	"cid +1 configurations, 20 server IDs of 64, 300 more in 2 of 2 pages" "and in its words"
is "$(xr export | grep -o '"[0-9a-f]\{6\}"' | sort -u | wc -l)" 320 "all are exported"
xr export >"$WORLD_DIR/export" || fail "export"
is "$(xr apply "$WORLD_DIR/export")" "nothing to change" "and applied again change nothing"
like "$(xr cid decode 2800012b0000000000)" "backend +s1" "one in a page is decoded"
like "$(xr cid decode 280700000000000000)" "backend +s1" "and one that is apart"
like "$(xr cid decode 2800012c0000000000)" "cid-no-server" "and one that is not there"
refused 1 "65 server IDs that no page has, but limits.server_ids is 64" "too many apart" \
	apply "$(file "$row$(ids %02x0000 1 65)")"
refused 1 "109 server IDs that no page has" "four groups in a row, and two pages" \
	apply "$(file "$row$(ids 01%04x 0 98)$(ids 02%04x 0 64)")"

ok "attach" attach_lb
attach_servers
ip -n "$(ns r)" route add blackhole 10.200.0.0/16
ok "few" xr apply "$(file "$few")"
start flood c1 "$WORLD_BUILD/tests/net/flood" -n 10000000 -r 20000 -s 10.200.0.0/16 \
	-c 280000050000000000 short "$VIP4" 443
# shellcheck disable=SC2317 # called by name
flows()
{
	[ "$(reason cid)" -gt 1000 ]
}
ok "there is traffic" wait_for 10 flows
turns=0
for i in 1 2 3 4 5 6; do
	xr apply "$(file "$row")" >/dev/null && xr apply "$(file "$few")" >/dev/null &&
		turns=$((turns + 1))
done
stop flood
is $turns 6 "IDs change sides and back, under traffic"
is "$(reason cid-no-server) $(reason hash)" "0 0" "and no packet missed the one that stayed"
done_testing
