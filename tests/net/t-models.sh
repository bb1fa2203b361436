#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Whatever was there: apply makes it equal to the file, export says so, and then
# there is nothing to change. MODELS_SEED and MODELS choose others.
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
world_begin
world_lone lb1 10.8.0.1/24 peer0
ip -n "$(ns lb1)" -batch - <<-EOT || bail "cannot make the devices"
	link add eth1 type veth peer name peer1
	link set eth1 up
	link set peer1 up
	addr add 10.8.1.100/24 dev eth1
	addr add fd00:8::1/64 dev eth0 nodad
EOT
# Where a host is behind a device, that has to be there.
for i in 0 1 2 3; do
	ip -n "$(ns lb1)" link add "port$i" type veth peer name "far$i"
	ip -n "$(ns lb1)" link set "port$i" up
done

models()
{
	/usr/bin/python3 "$(dirname "$0")/lib/models.py" "$@"
}

seed=${MODELS_SEED-8} n=${MODELS-24}
diag "seed $seed"
ok "$n models" models make "$seed" "$n" "$WORLD_DIR"

# ---- apply A, apply B: it is B, and B again is nothing ----

for ((i = 1; i <= n; i++)); do
	file=$WORLD_DIR/$i.yaml
	why=''
	changes=$(xr apply "$file" 2>"$WORLD_DIR/err") ||
		why="refused: $(<"$WORLD_DIR/err")"
	case $changes in
	*"no words"*) why+="something differs that has no words" ;;
	esac
	xr export --keys >"$WORLD_DIR/now" 2>"$WORLD_DIR/err" ||
		why+="export: $(<"$WORLD_DIR/err")"
	why+=$(models same "$file" "$WORLD_DIR/now" 2>&1)
	again=$(xr apply "$file" 2>/dev/null)
	[ "$again" = "nothing to change" ] || why+=" again: $again"
	again=$(xr apply "$WORLD_DIR/now" 2>/dev/null)
	[ "$again" = "nothing to change" ] || why+=" its export: $again"
	if [ "$i" -gt 1 ] && [ "$changes" = "nothing to change" ]; then
		models same "$WORLD_DIR/$((i - 1)).yaml" "$file" >/dev/null ||
			why+=" it is another model, and nothing was to change"
	fi
	is "$why" "" "model $i" || diag "$changes"
done

# ---- one config ID, several formats ----

both()
{
	xr -j cid show | jq -r 'map("\(.config_id) \(.format)") | sort | join(", ")'
}
cid() # CONFIGS...
{
	echo '{"devices": [], "cid": ['
	local IFS=,
	echo "$*"
	echo '], "hosts": [], "vms": [], "gateways": [], "protected": [],
		"vips": [], "backends": []}'
}
lb='{"id": 2, "format": "quic-lb", "server_id_length": 4, "nonce_length": 4}'
lb8=${lb/length\": 4/length\": 8}
mv='{"id": 2, "format": "mvfst-v2"}'
cid "$lb" >"$WORLD_DIR/lb"
cid "${lb/\"id\": 2/\"id\": 1}" '{"id": 1, "format": "quic-lb-2bit", "server_id_length": 4, "nonce_length": 4}' >"$WORLD_DIR/one"
cid '{"id": 1, "format": "quic-lb-2bit", "server_id_length": 4, "nonce_length": 4}' >"$WORLD_DIR/two"
cid "$lb" "$mv" >"$WORLD_DIR/both"
cid "$lb8" >"$WORLD_DIR/lb8"
cid "$mv" >"$WORLD_DIR/mv"
ok "two formats with one ID" xr apply "$WORLD_DIR/both"
is "$(both)" "2 mvfst-v2, 2 quic-lb" "are both there"
refused 1 "2 is there as .*quic-lb.*mvfst-v2.*format" "del of one has to say which" \
	cid del 2
refused 1 "2 is there as .*format" "encode, too" cid encode 2 server-id 00000001
refused 1 "no CID config 2 of format plain" "not another" cid del 2 format plain
ok "encode of one" xr cid encode 2 format quic-lb server-id 00000001
ok "del of one" xr cid del 2 format mvfst-v2
is "$(both)" "2 quic-lb" "is that one's end"
ok "both again" xr apply "$WORLD_DIR/both"
is "$(xr apply "$WORLD_DIR/lb")" "- cid 2 mvfst-v2" "apply takes one away"
is "$(both)" "2 quic-lb" "and it is gone"
ok "both again" xr apply "$WORLD_DIR/both"
is "$(xr apply "$WORLD_DIR/mv")" "- cid 2 quic-lb" "or the other"
is "$(both)" "2 mvfst-v2" "and that is gone"
ok "both again" xr apply "$WORLD_DIR/both"
is "$(xr apply "$WORLD_DIR/lb8")" "- cid 2 mvfst-v2
~ cid 2 quic-lb server-id-length 8 nonce-length 4" "one goes, the other changes"
ok "another two" xr apply "$WORLD_DIR/one"
is "$(both)" "1 quic-lb, 1 quic-lb-2bit" "with one ID"
is "$(xr apply "$WORLD_DIR/two")" "- cid 1 quic-lb" "one goes"
is "$(both)" "1 quic-lb-2bit" "the other stays"

done_testing
