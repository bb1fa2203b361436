#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The distribution's own client, which is not ours: HTTP/3, its way to migrate
# and to rebind.
# shellcheck source-path=SCRIPTDIR source=lib/quic.sh
. "$(dirname "$0")/lib/quic.sh"

CLIENT=$(command -v gtlsclient) || skip_all "no gtlsclient (ngtcp2-client)"

# browse NAME UPLOAD OPTIONS...: then downloads 400 KB at 400 KB/s
browse()
{
	local name=$1 upload=$2

	shift 2
	names+=("$name")
	mkdir -p "$WORLD_DIR/$name"
	start "$name" c1 timeout "$(quic_timeout)" "$CLIENT" -q \
		--exit-on-all-streams-close --timeout=10s \
		--download "$WORLD_DIR/$name" -m POST -d "$WORLD_DIR/$upload" \
		"$@" "$QUIC_VIP" "$QUIC_PORT" \
		"https://$QUIC_VIP:$QUIC_PORT/400000/400000"
}

scenario()
{
	local i name

	names=()
	# This client cannot be rebound while it only listens: it no longer
	# hears its new port then. So that happens during a long upload.
	for i in 1 2 3 4; do
		browse "moves$i" small --change-local-addr=500ms
		browse "rebinds$i" large --change-local-addr=50ms \
			--nat-rebinding
	done
	for name in "${names[@]}"; do
		finish "$name"
		[ "$STEERING" = on ] || continue
		ok "$name: what came is right" \
			cmp "$WORLD_DIR/wanted" "$WORLD_DIR/$name/400000"
	done
}

quic_world
"$QUIC/xr_client" --pattern 300K >"$WORLD_DIR/small"
"$QUIC/xr_client" --pattern 10M >"$WORLD_DIR/large"
"$QUIC/xr_client" --pattern 400K >"$WORLD_DIR/wanted"

quic_lb on
quic_servers
scenario
quic_servers_stop
diag "$(quic_sum ".bytes_in .bytes_out") octets verified," \
	"longest gap $(quic_max .longest_gap_ms) ms," \
	"$(quic_sum .strays) strays of $(quic_sum .packets) packets"
is "$(quic_sum .strays)" 0 "no stray packet"
is "$(quic_sum .bytes_in)" $((4 * 10300000)) "the uploads are whole"
is "$(quic_sum .bad)" 0 "and right"
cmp_ok "$(quic_sum .moves)" -ge 8 "each client moved"
is "$(quic_sum .connections)" 8 "each connection began at one server only"

# A request with the first datagram (0-RTT): HTTP/3 has begun by then.
quic_servers --secret "$WORLD_DIR/secret"
for i in 1 2 3; do
	mkdir -p "$WORLD_DIR/early$i"
	ok "session $i" in_ns c1 timeout 30 "$CLIENT" -q --timeout=10s \
		--exit-on-all-streams-close --session-file="$WORLD_DIR/session" \
		--tp-file="$WORLD_DIR/parameters" \
		--download "$WORLD_DIR/early$i" "$QUIC_VIP" "$QUIC_PORT" \
		"https://$QUIC_VIP:$QUIC_PORT/400000"
	ok "session $i: what came is right" \
		cmp "$WORLD_DIR/wanted" "$WORLD_DIR/early$i/400000"
done
quic_servers_stop
cmp_ok "$(quic_sum .early)" -gt 0 "some of them in 0-RTT"
is "$(quic_sum .failed)" 0 "no session fails"

quic_lb off
quic_servers
scenario
quic_servers_stop
cmp_ok "$(quic_sum .strays)" -gt 0 "with steering off, packets go astray"
done_testing
