#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Servers that know nothing of xroam, the distribution's caddy: their connection IDs
# name nobody, and each connection is kept by its addresses and ports.
# shellcheck source-path=SCRIPTDIR source=lib/quic.sh
. "$(dirname "$0")/lib/quic.sh"

CADDY=$(command -v caddy) || skip_all "no caddy"
CLIENT=$(command -v gtlsclient) || skip_all "no gtlsclient (ngtcp2-client)"
CLIENTS=12 OCTETS=2000000

certificate()
{
	cat >"$WORLD_DIR/template" <<-EOT
		cn = "xroam.test"
		dns_name = "xroam.test"
		expiration_days = 2
		signing_key
	EOT
	certtool --generate-privkey --key-type ecdsa --outfile "$WORLD_DIR/key.pem" &&
		certtool --generate-self-signed --template "$WORLD_DIR/template" \
			--load-privkey "$WORLD_DIR/key.pem" \
			--outfile "$WORLD_DIR/cert.pem"
}

# caddy_on SERVER
caddy_on()
{
	mkdir -p "$WORLD_DIR/home-$1"
	cat >"$WORLD_DIR/Caddyfile-$1" <<-EOT
		{
			admin off
			auto_https off
			default_sni xroam.test
		}
		https://:$QUIC_PORT {
			bind $QUIC_VIP
			tls $WORLD_DIR/cert.pem $WORLD_DIR/key.pem
			root * $WORLD_DIR/files
			file_server
		}
	EOT
	HOME=$WORLD_DIR/home-$1 XDG_DATA_HOME=$WORLD_DIR/home-$1 \
		start "caddy-$1" "$1" "$CADDY" run --adapter caddyfile \
		--config "$WORLD_DIR/Caddyfile-$1"
	wait_for 60 listens "$1" ||
		bail "no caddy on $1: $(tail -n 5 "$WORLD_DIR/caddy-$1.err")"
}

# shellcheck disable=SC2317 # by name
listens()
{
	in_ns "$1" ss -Hlun "sport = :$QUIC_PORT" | grep -q .
}

of_backends()
{
	xr -j stats backend | jq "[.. | objects | select(has(\"by_cid\")) | .$1] | add"
}

quic_world
mkdir -p "$WORLD_DIR/files"
"$QUIC/xr_client" --pattern $OCTETS >"$WORLD_DIR/files/file"
ok "a certificate" certificate
quic_lb on
for server in "${WORLD_SERVERS[@]}"; do
	caddy_on "$server"
done
for ((i = 0; i < CLIENTS; i++)); do
	mkdir -p "$WORLD_DIR/got$i"
	start "client$i" c1 timeout 300 "$CLIENT" -q --timeout=60s \
		--exit-on-all-streams-close --download "$WORLD_DIR/got$i" \
		"$QUIC_VIP" "$QUIC_PORT" "https://xroam.test:$QUIC_PORT/file"
done
whole=0
for ((i = 0; i < CLIENTS; i++)); do
	finish "client$i"
	if cmp "$WORLD_DIR/files/file" "$WORLD_DIR/got$i/file" >"$WORLD_DIR/cmp" 2>&1; then
		whole=$((whole + 1))
	else
		diag "client $i: $(<"$WORLD_DIR/cmp")" \
			"$(tail -n 3 "$WORLD_DIR/client$i.err")"
	fi
done
is $whole $CLIENTS "each download is whole and right"
diag "$(xr stats reason)"
is "$(reason cid)" 0 "none by a connection ID"
is "$(of_backends by_cid)" 0 "nor does a backend count one"
cmp_ok "$(reason flow)" -gt $CLIENTS "but by the flow table"
cmp_ok "$(($(reason cid-no-config) + $(reason cid-no-server)))" -gt $CLIENTS \
	"and it is counted that the CIDs name nobody"
like "$(xr status --check)" \
	"vip $(quic_vip): of [1-9][0-9]* packets with a server's CID 0 were steered by it" \
	"status says that all is not well, though the downloads were"
done_testing
