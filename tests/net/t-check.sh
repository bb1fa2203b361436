#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# check tells all that is wrong with a file, each with its line and nothing that only
# comes of something else that is wrong; errors of a file as JSON name it.
# shellcheck source=tests/net/lib/daemonworld.sh
. "$(dirname "$0")/lib/daemonworld.sh"
daemon_world_up
file=$WORLD_DIR/bad.yaml

# lines ARGS...: the lines of the file that are told of
lines()
{
	xr check "$file" 2>&1 | grep -o "bad.yaml:[0-9]*" | cut -d: -f2 | paste -sd,
}

cat >"$file" <<-'EOT'
	colour: red
	devices:
	  - {name: "a/b"}
	  - {name: eth0, mode: auto}
	  - {name: eth1, vnis: [0x10], role: backend}
	  - {name: eth0}
	cid:
	  - {id: 9, format: quic-lb, server_id_length: 4, nonce_length: 8}
	  - {id: 0, format: quic-lb, server_id_length: 4, nonce_length: 8}
	vips:
	  - address: 192.0.2.1
	    port: 70000
	    protocol: udp
	  - {address: 192.0.2.300, port: 80, protocol: tcp, flow: true}
	  - {address: 224.0.0.1, port: 80, protocol: tcp}
	backends:
	  - {name: a, address: 10.0.0.1, vips: ["192.0.2.1:443/udp"], wieght: 3}
	  - {name: a, address: 10.0.0.300}
	  - {name: b, address: 127.0.0.1, state: down}
	  - name: c
	    address: 10.0.0.4
	    weight: 1.5
	    server_ids: [0g, "01"]
	hosts:
	  - {name: h1, vxlan: 10.0.0.1}
	  - {name: h2, vxlan: 10.0.0.2, vni: 1}
	vms:
	  - {mac: "52:54:00:00:00:01", at: h9}
	  - {mac: nonsense, at: h1, vlan: 5}
	  - {mac: "52:54:00:00:00:02", at: h1, colour: red}
	  - {at: h1}
	  - {mac: "52:54:00:00:00:03", at: h2}
	protected: [nobody, 10.0.0.9]
EOT
is "$(lines)" "1,3,5,6,8,12,14,15,17,18,19,22,23,25,28,29,30,31,33" \
	"each line that is wrong, once, in order"
is "$(xr check "$file" >/dev/null 2>&1; echo $?)" 1 "refused"
is "$(xr -j check "$file" 2>&1 | jq -r '[.file, (.line | tostring)] | join(":")' | paste -sd' ')" \
	"$(lines | tr , '\n' | sed "s|^|$file:|" | paste -sd' ')" "JSON has file and line of each"
is "$(xr -j check - <"$file" 2>&1 | jq -r .file | sort -u)" stdin "standard input has a name"
refused 1 "bad.yaml:1: unknown key" "apply: the first is enough" apply "$file"
is "$(xr -j apply "$file" 2>&1 | jq -c '[.file, .line, (.error | type)]')" \
	"[\"$file\",1,\"string\"]" "as JSON, too"

# Words and shapes are told first: without them there is no value to look at.
sed -i '1d; s/mode: auto/mode: natve/; s/state: down/state: off/; s/port: 80, protocol: tcp}/port: [80]}/' "$file"
is "$(lines)" "3,14,16,18" "unknown words, shapes and keys"
like "$(xr check "$file" 2>&1)" "natve.*wieght.*off" "all of them"

cat >"$file" <<-'EOT'
	vms: {a: {mac: x}}
	hosts: []
EOT
is "$(lines)" "1" "VMs that are no list"
printf 'vips:\n  - {port: 1}\n  - {port: 2}\n' >"$file"
like "$(xr check "$file" 2>&1)" 'bad.yaml:2: vips: "address" is missing' "what is missing"
{
	echo "vips:"
	for i in $(seq 200); do
		echo "  - {address: x$i, port: 1, protocol: udp}"
	done
} >"$file"
is "$(xr check "$file" 2>&1 | wc -l)" 51 "hundreds: fifty, and that there may be more"
printf 'vips: [\nbackends: 3\n' >"$file"
refused 1 "not valid YAML" "what is no YAML has one error" check "$file"
: >"$file"
refused 1 "empty" "an empty file" check "$file"
is "$(xr -j check "$WORLD_DIR/none" 2>&1 | jq -c '[.file, has("line")]')" \
	"[\"$WORLD_DIR/none\",false]" "one that is not there has no line"
ok "a good one" xr check "$CONFIG"

# ---- warnings of one kind are one line ----

{
	echo "vips:"
	echo "  - {address: 192.0.2.1, port: 443, protocol: udp}"
	echo "vms: []"
	echo "backends:"
	for i in $(seq 500); do
		echo "  - {name: b$i, address: 10.8.0.2, vips: ['192.0.2.1:443/udp'], vm: {mac: '02:00:00:00:$(printf '%02x:%02x' $((i >> 8)) $((i & 255)))'}}"
	done
} >"$file"
out=$(xr check "$file" 2>&1 >/dev/null)
is "$(wc -l <<<"$out")" 1 "five hundred warnings"
like "$out" "bad.yaml:[0-9]+: backend b1: VM .* \(and 499 more like it\)$" \
	"are one line with a count"
like "$(xr -j check "$file" 2>/dev/null)" '"warnings":500' "all are counted"
done_testing
