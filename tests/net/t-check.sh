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
is "$(xr -j check "$file" 2>&1 | pick .file,line | tr ' ' : | paste -sd' ')" \
	"$(lines | tr , '\n' | sed "s|^|$file:|" | paste -sd' ')" "JSON has file and line of each"
is "$(xr -j check - <"$file" 2>&1 | pick .file | sort -u)" stdin "standard input has a name"
refused 1 "bad.yaml:1: unknown key" "apply: the first is enough" apply "$file"
is "$(xr -j apply "$file" 2>&1 | jq -c '[.file, .line, (.error | type)]')" \
	"[\"$file\",1,\"string\"]" "as JSON, too"

# ---- a wrong shape hides nothing ----

cat >"$file" <<-'EOT'
	colour: red
	devices:
	  - {name: "a/b", mode: natve}
	cid:
	  - {id: 9, format: quiclb, nonce_length: 300}
	vips:
	  - address: 192.0.2.1
	    port: [80]
	    protocol: udp
	    flow: {a: {b: [c]}}
	  - {port: 70000}
	  - {address: 224.0.0.1, port: 80, protocol: tcp}
	  - single
	  - {address: 192.0.2.7, port: 80, protocol: tcp, port: 81}
	backends:
	  - {name: a, address: 10.0.0.1, vips: ["192.0.2.1:443/udp"], wieght: 3}
	  - {name: [1, 2], address: 10.0.0.300}
	  - {name: b, address: 10.0.0.2, state: off, vm: {vlan: 5000}}
	  - {name: "\xe9\"\\ ", address: 10.0.0.9}
	  - {name: ok, address: 10.0.0.10, weight: 70000}
	hosts:
	  - {name: h1, vxlam: 10.0.0.1}
	  - {name: h2, vxlan: 10.0.0.2, vni: 1}
	gateways:
	  - {address: 10.0.0.1}
	  - address: 224.0.0.9
	  - {mac: "01:00:00:00:00:01", address: 10.0.0.2}
	sources:
	  qmp:
	    - socket: /x
	      vm: {vlan: 5}
	    - {socket: y, vm: {mac: "52:54:00:00:00:03"}, to: h7}
	vms:
	  - nonsense
	  - vlan: 5
	    mac: nonsense
	    at: h1
	  - [a, b]
	  - {mac: "52:54:00:00:00:02", at: h1, colour: [red, {a: b}]}
	  - {vlan: 7}
	  - {mac: "52:54:00:00:00:03", at: h2, lock: 3}
	protected: [nobody, 10.0.0.9]
	limits: {vips: 1, flows: x}
EOT
is "$(lines)" "1,3,3,5,5,5,8,10,11,11,11,12,13,14,16,17,17,18,18,18,19,20,22,26,27,31,32,32,34,36,38,39,40,40,41,42,43" \
	"each word, key, shape and value, and no more"
out=$(xr check "$file" 2>&1)
like "$out" "natve.*quiclb.*wieght.*vxlam" "words and keys"
like "$out" "number is expected here, not a list.*\"address\" is missing.*\"protocol\" is missing.*given twice" \
	"shapes, and all that is missing"
like "$out" "70000.*10.0.0.300.*5000.*gateway 224.0.0.9.*gateway 10.0.0.2.*no host h7" \
	"values, beside them and behind them"
# With no memory for the rest it says so, and calls it no list of all.
want=$(wc -l <<<"$out")
lost=0
for n in 1500 1900 2300 3000 7000 12000 20000; do
	out=$(in_ns n1 env LD_PRELOAD="$WORLD_BUILD/tests/net/nomem.so" NOMEM=$n \
		NOMEM_COUNT="$WORLD_DIR/count" "$XROAM" check "$file" 2>&1)
	[[ $? = 1 && ($(wc -l <<<"$out") -ge $want || $out = *"out of memory"*) ]] ||
		lost=$((lost + 1))
done
is "$lost" 0 "an allocation that fails makes no shorter list"

cat >"$file" <<-'EOT'
	vms: {a: {mac: x}}
	hosts: []
EOT
is "$(lines)" "1" "VMs that are no list"
printf 'hsts: []\nvms:\n  - {mac: "%s", at: h1, tap: a}\n  - {mac: "%s1", at: h1, tap: a}\n' \
	"$VM" "${VM%?}" >"$file"
is "$(lines)" "1" "nor hosts that are none: whose VMs are not to blame"
printf 'vips:\n  - {address: 192.0.2.1, port: 0, protocol: udp}\nvms: 3\nprotected: [x]\n' >"$file"
is "$(lines)" "2,3,4" "hide nothing either"
printf 'vips:\n  - {port: 1}\n  - {port: 2}\n' >"$file"
is "$(lines)" "2,2,3,3" "what is missing in each"
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
for where in 'vips: *a' 'vips: [*a]' '*a : 3' 'hosts: [{*a : h}]' 'vms: [*a]'; do
	printf 'nosuch: 1\n%s\n' "$where" >"$file"
	refused 1 "bad.yaml:2: YAML aliases are not read" "an alias behind an error: $where" \
		check "$file"
done
: >"$file"
refused 1 "empty" "an empty file" check "$file"
is "$(xr -j check "$WORLD_DIR/none" 2>&1 | jq -c '[.file, has("line")]')" \
	"[\"$WORLD_DIR/none\",false]" "one that is not there has no line"
ok "a good one" xr check "$CONFIG"

# ---- what only the machine refuses has its line, too ----

# applied LINE WORDS: the file is refused, in that line, with these words
applied()
{
	refused 1 "bad.yaml:$1: .*$2" "apply: $2" apply "$file"
	is "$(xr -j apply "$file" 2>&1 | pick .file,line)" \
		"$file $1" "as JSON"
}

printf 'devices:\n  - {name: eth0}\n  - name: nosuch\n' >"$file"
applied 3 "nosuch"
printf 'devices:\n  - {name: eth0, namespace: nosuch}\n' >"$file"
applied 2 "no network namespace"
printf 'vips: []\ncid:\n  - {id: 0, format: quic-lb, server_id_length: 4, nonce_length: 8, key: hidden}\n' >"$file"
applied 3 "keeps the running key"
printf 'limits: {vips: 8}\nvips: []\n' >"$file"
ok "an instance" xr apply "$file"
printf 'vips: []\nlimits: {vips: 9}\n' >"$file"
ok "with nothing in it is made anew" xr apply "$file"
printf 'cid:\n  - {id: 0, format: quic-lb, server_id_length: 4, nonce_length: 8}\n' >"$file"
ok "and is given something" xr apply "$file"
printf 'cid: []\nlimits: {vips: 8}\n' >"$file"
applied 2 "limits.vips"
chmod 600 "$file"
printf 'cid: []\nlimits:\n  vips: 9\nsecret: %064d\n' 1 >"$file"
applied 4 "another one"
{
	printf 'cid: []\nvips:\n'
	for i in $(seq 10); do
		echo "  - {address: 192.0.2.$i, port: 1, protocol: tcp}"
	done
} >"$file"
applied 12 "10 VIPs, but limits.vips is 9"
printf 'cid: []\nhosts:\n  - {name: h1, vxlan: 10.8.0.1, vni: 1, local: true}\n' >"$file"
ok "this machine as a host" xr apply "$file"
printf 'vms:\n  - mac: %s\n    at: h1\n    tap: eth0\n' \
	"$VM" >>"$file"
applied 5 "eth0"

# ---- tens of thousands: each is compared with all others ----

# As many VIPs and backends behind one each, and a backend behind them all.
awk 'BEGIN {
	print "limits: {vips: 30000, backends: 30001}\nvips:"
	for (i = 0; i < 30000; i++) {
		vip[i] = "10.100." int(i / 256) "." i % 256
		print "  - {address: " vip[i] ", port: 443, protocol: udp}"
	}
	print "backends:"
	for (i = 0; i < 30000; i++)
		print "  - {name: b" i ", address: 10.8.0.2, vips: [\"" vip[i] ":443/udp\"]}"
	print "  - name: all\n    address: 10.8.0.3\n    vips:"
	for (i = 0; i < 30000; i++)
		print "      - " vip[i] ":443/udp"
}' >"$file"
like "$(xr check "$file")" "good: 30000 VIPs, 30001 backends" "tens of thousands"
printf '%s\n' '      - 10.100.9.9:443/udp' '  - {name: vip, address: 10.100.117.47}' >>"$file"
is "$(xr check "$file" 2>&1)" \
	"xroam: $file:90007: backend all: VIP 10.100.9.9:443/udp is given twice
xroam: $file:90008: backend vip: 10.100.117.47 is a VIP; write the server's own address" \
	"a VIP that is given twice, and a backend that is one"

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

# ---- what is the daemon's alone ----

xr export >"$file"
is "$(xr apply "$file" 2>&1)" "nothing to change" "its own export"
printf 'metrics: {}\non_move: {command: [/bin/true]}\nvm_routes: {}\n' >>"$file"
is "$(xr check "$file" 2>&1 >/dev/null)" "" "with metrics, a hook and routes it is a good file"
like "$(xr apply "$file" 2>&1 >/dev/null)" \
	"bad.yaml: metrics, on_move, vm_routes: .*the daemon's.*run -c.*SIGHUP" "of which apply makes nothing, and says so"
done_testing
