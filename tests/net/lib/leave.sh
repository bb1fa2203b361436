# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Two nodes behind a router, numbered traffic by both, and a router that follows what they
# announce, as one that a routing daemon speaks to. Beside world.sh, after world_up -l 2:
#
#	node_file NAME KEYS	$WORLD_DIR/NAME.yaml; KEYS are put in: the policy, VIPs'
#	follow			from now on the router sends to the nodes that announce
#	ways_are NODE...	whether it sends to these, and no other
#	numbered_servers	on each server
#	numbered_start, numbered_end	the client; then $CLIENT and $SERVERS hold what they
#				counted (JSON, of all servers added up), $LOST how many
#				datagrams never arrived
#	carried NODE		packets for VIPs that came to it so far
#
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "${BASH_SOURCE[0]}")/world.sh"

LEAVE_TABLE=1977
NUMBERED=$WORLD_TOP/tests/net/lib/numbered.py

# Of two servers for TCP; all have server IDs.
node_file()
{
	local s

	{
		cat <<-EOT
		secret: $(printf '%064d' 7)
		devices: [{name: eth0}]
		${2:+policy: {vip_table: $LEAVE_TABLE, vip_hold: 0\}}
		cid:
		  - {id: 1, format: quic-lb, server_id_length: 3, nonce_length: 5}
		vips:
		  - {address: $VIP4, port: 443, protocol: udp, cid: true${2:+, announce: true}}
		  - {address: $VIP4, port: 80, protocol: tcp${2:+, announce: true}}
		backends:
		EOT
		for s in "${WORLD_SERVERS[@]}"; do
			echo "  - {name: $s, address: $(addr4 "$s"), server_ids: [\"00000${s#s}\"]," \
				"vips: [\"$VIP4:443/udp\"$([ "$s" = s3 ] || echo ", \"$VIP4:80/tcp\"")]}"
		done
	} >"$WORLD_DIR/$1.yaml"
	chmod 600 "$WORLD_DIR/$1.yaml"
}

# ---- the router ----

announces()
{
	ip -n "$WORLD-$1" route show table $LEAVE_TABLE proto 140 2>/dev/null | grep -q blackhole
}

follow_once()
{
	local node way=''

	for node in "${WORLD_LBS[@]}"; do
		! announces "$node" || way+=" nexthop via $(addr4 "$node")"
	done
	# shellcheck disable=SC2086
	[ -z "$way" ] || ip -n "$WORLD-r" route replace 192.0.2.0/24 $way
}

# The monitors end with their namespaces, and with them the loop.
follow()
{
	local node

	for node in "${WORLD_LBS[@]}"; do
		in_ns "$node" ip monitor route </dev/null 2>/dev/null &
	done | while read -r _; do
		follow_once
	done &
}

# shellcheck disable=SC2317 # called by name
ways_are()
{
	local node want

	want=$(for node; do addr4 "$node"; done)
	[ "$(ip -n "$WORLD-r" route show 192.0.2.0/24 | grep -oP ' via \K\S+')" = "$want" ]
}

# ---- the traffic ----

numbered_servers()
{
	local s

	for s in "${WORLD_SERVERS[@]}"; do
		start "$s" "$s" python3 "$NUMBERED" serve "00000${s#s}" "$VIP4" 443 80
		wait_for 5 grep -q ready "$WORLD_DIR/$s.err" || return
	done
}

numbered_start()
{
	start client c1 python3 "$NUMBERED" ask "$VIP4" 443 80 000001 000002 000003
	wait_for 5 grep -q sent "$WORLD_DIR/client.err"
}

# shellcheck disable=SC2034
numbered_end()
{
	local s

	stop client
	for s in "${WORLD_SERVERS[@]}"; do
		stop "$s"
	done
	CLIENT=$(cat "$WORLD_DIR/client.out")
	SERVERS=$(cd "$WORLD_DIR" && jq -cs 'map(to_entries[]) | group_by(.key) |
		map({(.[0].key): map(.value) | add}) | add' "${WORLD_SERVERS[@]/%/.out}")
	LOST=$(($(pick .sent <<<"$CLIENT") - $(pick .arrived <<<"$SERVERS")))
}

carried()
{
	xr_on "$1" -j stats vip | pick '.vips[].packets' | sum
}
