#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# "xroam etcd push" makes etcd what a file says and nothing else, diff says what that would
# be, and status how the daemon follows; keys do not get there.
# shellcheck source=tests/net/lib/etcd.sh
. "$(dirname "$0")/lib/etcd.sh"
daemon_world_up
etcd_up 1
A=52:54:00:00:00:01 B=52:54:00:00:00:02
FILE=$WORLD_DIR/cluster.yaml
printf '%032d\n' 7 >"$WORLD_DIR/key"
chmod 600 "$WORLD_DIR/key"

# cluster [LINE...]: the file, with these lines behind it
cluster()
{
	cat >"$FILE" <<-EOT
		etcd: {endpoints: [$ENDPOINTS], prefix: cluster/, segments: [7]}
		hosts:
		  - {name: h1, vxlan: 10.8.0.1, vni: 100, local: true}
		  - name: h2
		    vxlan: 10.8.0.2
		    vni: 100
		vips:
		  - {address: "2001:db8::1", port: 443, protocol: udp, cid: yes}
		backends:
		  - {name: s1, address: "fd08::2", vips: ["[2001:db8::1]:443/udp"], server_ids: [00000001]}
	EOT
	printf '%s\n' "$@" >>"$FILE"
}

# everything: what is below the prefix, nodes apart
everything()
{
	ctl get --prefix cluster/ -w json | jq -r '.kvs // [] | .[] | [.key, .value | @base64d] |
		select(.[0] | contains("/nodes/") | not) | join(" ")'
}

cluster 'cid: [{id: 0, format: quic-lb, server_id_length: 4, nonce_length: 6, key_file: key}]' \
	"vms:" "  - {mac: \"${A^^}\", at: h1, addresses: [10.9.0.1]}" "  - {mac: $B, at: h2, vlan: 5}"
xr etcd diff "$FILE" >"$WORLD_DIR/out"
is "$?" 3 "diff: something would change"
is "$(everything)" "" "  and nothing did"
like "$(xr etcd push "$FILE")" "^\+ hosts/h1" "push says what it wrote"
is "$(everything)" "cluster/backends/s1 {\"name\":\"s1\",\"address\":\"fd08::2\",\"vips\":[\"[2001:db8::1]:443/udp\"],\"server_ids\":[\"00000001\"]}
cluster/cid/0 {\"id\":0,\"format\":\"quic-lb\",\"server_id_length\":4,\"nonce_length\":6,\"key_file\":\"$WORLD_DIR/key\"}
cluster/hosts/h1 {\"name\":\"h1\",\"vxlan\":\"10.8.0.1\",\"vni\":100}
cluster/hosts/h2 {\"name\":\"h2\",\"vxlan\":\"10.8.0.2\",\"vni\":100}
cluster/segments/0/vms/$A {\"mac\":\"$A\",\"at\":\"h1\",\"addresses\":[\"10.9.0.1\"]}
cluster/segments/5/vms/$B {\"mac\":\"$B\",\"at\":\"h2\",\"vlan\":5}
cluster/vips/[2001:db8::1]:443/udp {\"address\":\"2001:db8::1\",\"port\":443,\"protocol\":\"udp\",\"cid\":\"yes\"}" \
	"etcd has the file's items, local apart, and key_file from the root"
is "$(xr etcd diff "$FILE"; echo $?)" "nothing to change
0" "there is nothing more to change"

# Written by others, in other words.
put segments/0/vms/$A "{\"at\": \"h1\", \"mac\": \"$A\", \"vlan\": \"0\", \"seq\": 4, \"addresses\": [\"10.9.0.1\"]}"
put hosts/h2 '{"vni": "100", "name": "h2", "vxlan": "10.8.0.2"}'
is "$(xr etcd diff "$FILE")" "nothing to change" "nor where others wrote the same in other words"

put segments/7/vms/$A "{\"mac\": \"$A\", \"at\": \"h1\"}"
put segments/8/vms/$A "{\"mac\": \"$A\", \"at\": \"h1\"}"
put hosts/h9 '{"name": "h9", "vxlan": "10.8.0.9", "vni": 100}'
cluster "vms: [{mac: \"$A\", at: h2, addresses: [10.9.0.1]}]"
is "$(xr etcd push "$FILE")" "~ segments/0/vms/$A: at \"h1\" -> \"h2\"
- hosts/h9
- segments/7/vms/$A" "what the file has no longer goes: its lists', and its segments'"
like "$(everything)" "cid/0.*segments/5/.*segments/8/" "  and no other's"
is "$(xr -j etcd diff "$FILE")" '{"changes":[]}' "as JSON, too"

# Somebody else writes between what is read and what is written.
by_faster()
{
	cluster "vms: [{mac: \"$A\", at: h2, addresses: [10.9.0.1]}]"
	sed -i "s|$ENDPOINTS|http://127.0.0.1:2009|; $1" "$FILE"
}
his='{"name": "h1", "vxlan": "10.8.0.66", "vni": 100}'
faster hosts/h1 "$his"
by_faster "s/vni: 100/vni: 101/"
was=$(everything)
refused 1 "hosts/h1, or a key near it, was changed by somebody else meanwhile" \
	"a key is another one than was read: refused" etcd push "$FILE"
# shellcheck disable=SC2001 # a line of several
is "$(everything)" "$(sed "s|^\(cluster/hosts/h1\) .*|\1 $his|" <<<"$was")" \
	"  nothing is written, and what he wrote stays"
faster hosts/h8 "${his/h1/h8}"
by_faster "s/  - name: h2/  - {name: h8, vxlan: 10.8.0.8, vni: 100}\n&/"
refused 1 "hosts/h[18], or a key near it, was changed by somebody else meanwhile" \
	"one is there that was not: refused" etcd push "$FILE"
is "$(ctl get --print-value-only cluster/hosts/h8)" "${his/h1/h8}" "  and it stays"
like "$(xr etcd push "$FILE")" '~ hosts/h1: vxlan "10.8.0.66" -> "10.8.0.1"' "the next push reads again, and writes"

cluster 'cid: [{id: 0, format: quic-lb, server_id_length: 4, nonce_length: 6, key: 00000000000000000000000000000007}]'
chmod 600 "$FILE"
refused 1 "CID config 0: its key stands in the file, and keys are not put into etcd.* write key_file" \
	"a file with a key" etcd push "$FILE"
echo "vips: []" >"$FILE"
refused 1 "it has no etcd section, and no daemon" "a file without etcd, and no daemon" etcd diff "$FILE"
refused 1 "no daemon of instance .* follows an etcd" "status without one" etcd status
cluster "hosst: []"
refused 1 'unknown key "hosst"' "a file that is wrong" etcd push "$FILE"

etcd_config "node: h1" "segments: [0, 5]"
ok "a daemon" run_daemon -c "$CONFIG"
ok "  that follows" wait_for 20 has_vm $A h2
ok "status says how" wait_for 20 eval 'xr etcd status | grep -q "cluster: revision .* is here, watching http://127.0.0.1:2010"'
is "$(xr -j etcd status | jq -c '[.connected, .vms, .members[0].up, .members[0].leader]')" '[true,2,true,true]' "  as JSON, too"
cat >"$FILE" <<-EOT
	backends: []
EOT
is "$(xr etcd push "$FILE")" "- backends/s1" "a file without etcd: where the daemon has it from"
ok "  and the daemon hears" wait_for 10 eval '! xr backend show | grep -q s1'
etcd_stop 1
ok "without etcd status says since when" wait_for 20 eval 'xr etcd status | grep -q "not heard since 20"'
is "$(xr etcd status | grep -c " down ")" 1 "  and that the member is down"
refused 1 "http://127.0.0.1:2010/v3/kv/range: .*onnect" "a push cannot be" etcd push "$FILE"
ok "the daemon ends" daemon_end
done_testing
