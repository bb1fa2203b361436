#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Packets too large once encapsulated: the client is told, and adapts.
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
# No room for an outer header on the LB's own segment.
world_up -m 1500
ok "attach" attach_lb
attach_servers
serve 80
ok "VIP" balance "$VIP4:80/tcp"
ok "VIP over IPv6" xr vip add "[$VIP6]:80/tcp"
for s in s1 s2 s3; do
	xr backend add "v6$s" vip "[$VIP6]:80/tcp" address "$(addr6 $s)"
done

ok "IPv4: full-sized segments arrive in the end" \
	ask c1 -c 5 -n 3 -u 60000 -d 60000 tcp "$VIP4" 80
cmp_ok "$(reason too-big-reply)" -gt 0 "after \"fragmentation needed\""
like "$(in_ns c1 ip route get "$VIP4")" "mtu 1480" \
	"the client's path MTU leaves room for the outer header"
before=$(reason too-big-reply)
ok "IPv6: full-sized segments arrive in the end" \
	ask c1 -c 5 -n 3 -u 60000 -d 60000 tcp "$VIP6" 80
cmp_ok "$(reason too-big-reply)" -gt "$before" "after \"packet too big\""
like "$(in_ns c1 ip route get "$VIP6")" "mtu 1460" \
	"the client's path MTU leaves room for the outer header"

cat >"$WORLD_DIR/file" <<-EOT
	policy: { too_big: drop }
	vips:
	  - { address: $VIP4, port: 80, protocol: tcp }
	backends:
	  - { name: s1, address: $(addr4 s1), vips: ["$VIP4:80/tcp"] }
EOT
ok "policy too_big: drop" xr apply "$WORLD_DIR/file"
ask c2 -t 1000 -u 60000 tcp "$VIP4" 80
cmp_ok "$(figure lost)" -eq 1 "now they do not arrive"
cmp_ok "$(reason too-big)" -gt 0 "and are counted as too-big"
ok "small ones do" ask c2 tcp "$VIP4" 80
done_testing
