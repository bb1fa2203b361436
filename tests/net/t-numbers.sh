#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Numbers are decimal, in a command as in a file and in the daemon's lines: a 0 in
# front changes nothing, and what is no plain number is refused.
# shellcheck source=tests/net/lib/daemonworld.sh
. "$(dirname "$0")/lib/daemonworld.sh"
daemon_world_up
ok "apply" xr apply "$CONFIG"
mac=52:54:00:00:02:01

vlan_of()
{
	xr -j vm show $mac | jq -c '[.. | objects | select(.mac?)] | map(.vlan) | sort'
}

ok "a VLAN with a 0 in front" xr vm add $mac vlan 010 at h2
is "$(vlan_of)" "[10]" "is not octal"
ok "nor is 08 wrong" xr vm add $mac vlan 08 at h2
is "$(vlan_of)" "[8,10]" "but 8"
ok "a port with one" xr vip add 192.0.2.1:0443/udp
is "$(xr -j vip show | jq -c 'map(.port)')" "[443]" "neither"
ok "a VNI" xr host add h4 vxlan 10.8.0.3 vni 0101 port 08473
is "$(xr -j host show | jq -c '.[] | select(.name == "h4") | [.vni, .port]')" \
	"[101,8473]" "nor that, nor its port"
ok "a config ID, and lengths" xr cid add 01 format quic-lb \
	server-id-length 010 nonce-length 08
is "$(xr -j cid show | jq -c '.[0] | [.config_id, .server_id_length, .nonce_length]')" \
	"[1,10,8]" "nor those"
ok "a weight" xr backend add a vip 192.0.2.1:443/udp address 10.8.0.2 weight 017
is "$(xr -j backend show | jq -c 'map(.weight)')" "[17]" "nor that"

for n in 0x1f 0X1F 0o17 1_0 +5 -5 "' 5'" "5 " 5.0 5e0 ١ "" 18446744073709551621; do
	refused 2 "not a number|vlan" "a command refuses \"$n\"" \
		vm add $mac vlan "$n" at h2
	refused 2 "port|VIP" "in a VIP, too" vip add "192.0.2.1:$n/udp"
	cat >"$WORLD_DIR/n.yaml" <<-EOT
		hosts:
		  - {name: h1, vxlan: 10.8.0.2, vni: 1}
		vms:
		  - {mac: "$mac", at: h1, vlan: "$n"}
	EOT
	refused 1 "n.yaml:4: vlan: .*not a number from 1 to 4094" \
		"and a file" check "$WORLD_DIR/n.yaml"
done
cat >"$WORLD_DIR/n.yaml" <<-EOT
	vips:
	  - {address: 192.0.2.9, port: 0443, protocol: udp}
	backends:
	  - {name: a, address: 10.8.0.2, weight: 010, vips: ["192.0.2.9:0443/udp"]}
EOT
XROAM_INSTANCE=$WORLD-n2 ok "a file with zeros in front" \
	in_ns n1 "$XROAM" apply "$WORLD_DIR/n.yaml"
is "$(XROAM_INSTANCE=$WORLD-n2 in_ns n1 "$XROAM" export |
	grep -E "port:|weight:" | paste -sd' ' | tr -s ' ')" \
	" port: 443 weight: 10" "means the same numbers"
XROAM_INSTANCE=$WORLD-n2 in_ns n1 "$XROAM" destroy >/dev/null

# ---- the daemon ----

ok "the daemon" run_daemon
for n in '"5"' 5.0 5e0 -5 0x5 05 4095 null '[5]' 18446744073709551621; do
	notify say "{\"notice\":\"add\",\"mac\":\"$mac\",\"vlan\":$n,\"at\":\"h2\"}"
	like "$PRINTED" '"ok": ?false' "its line refuses $n"
done
is "$(vlan_of)" "[8,10]" "and nothing came of it all"
daemon_end
done_testing
