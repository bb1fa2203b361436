#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Two LB nodes with one file, in two namespaces: two instances that know nothing
# of each other and decide the same.
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
world_up -l 2
cat >"$WORLD_DIR/file" <<-EOT
	secret: 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
	vips:
	  - { address: $VIP4, port: 80, protocol: tcp }
	  - { address: $VIP6, port: 80, protocol: udp, flow: off }
	backends:
EOT
chmod 600 "$WORLD_DIR/file"
for s in s1 s2 s3; do
	cat >>"$WORLD_DIR/file" <<-EOT
	  - { name: $s, address: $(addr4 $s), vips: ["$VIP4:80/tcp"] }
	  - { name: v6$s, address: "$(addr6 $s)", vips: ["[$VIP6]:80/udp"] }
	EOT
done
for lb in lb1 lb2; do
	ok "$lb: apply" xr_on $lb apply "$WORLD_DIR/file"
done
ok "attach" attach_lb
attach_servers
serve 80

used()
{
	xr_on "$1" -j stats dev | jq '[.. | .packets? // empty] | add // 0'
}

lb_route lb1
start tcp c1 "$PEER" ask -c 60 -n 0 -i 20 tcp "$VIP4" 80
start udp c1 "$PEER" ask -c 60 -n 0 -i 20 udp "$VIP6" 80
sleep 0.5
for to in lb2 lb1 both lb2; do
	lb_route $to
	sleep 0.3
done
ok "destroying lb1, from where the traffic has gone" xr_on lb1 destroy
sleep 0.3
client_end tcp
is "$(figure lost) $(figure moved) $(figure broken)" "0 0 0" \
	"TCP: no connection noticed which node it went by"
cmp_ok "$(figure answered)" -gt 1000 "TCP: there was load"
client_end udp
is "$(figure lost) $(figure moved) $(figure broken)" "0 0 0" \
	"UDP: no flow noticed which node it went by"
cmp_ok "$(used lb2)" -gt 500 "lb2 carried it"
ok "lb2 lives on" xr_on lb2 status
like "$(xr_on lb1 status 2>&1)" "^xroam: .*$(instance lb1)" \
	"lb1 is no more, in one line"

# Two instances, one device.
ok "a second instance" in_ns lb2 "$XROAM" -i "$(instance lb1)" apply \
	"$WORLD_DIR/file"
said=$(in_ns lb2 "$XROAM" -i "$(instance lb1)" dev attach eth0 2>&1)
is "$?" 1 "may not attach to the first one's device"
like "$said" "^xroam: .*eth0.*$(instance lb2)" "and is told whose it is"
ok "the first one lives on" ask c1 -c 10 tcp "$VIP4" 80
done_testing
