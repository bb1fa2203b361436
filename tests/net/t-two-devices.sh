#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# An LB with two devices: in by one, out by the other.
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
world_up -b
ok "attach to both" attach_lb
attach_servers
serve 80
for vip in "$VIP4" "$VIP6"; do
	for forward in ipip gue l2; do
		to=$(at "$vip" 80/tcp)
		ok "$to by $forward" balance "$to" forward $forward
		ok "through both devices" \
			ask c1 -c 60 -n 3 -u 3000 -d 3000 tcp "$vip" 80
		for s in s1 s2 s3; do
			cmp_ok "$(share $s)" -gt 0 "$s has a part"
		done
		unbalance "$to"
	done
done
ok "UDP, with the device named" \
	balance "$VIP4:80/udp" forward ipip dev eth1
ok "through both devices" ask c1 -c 60 -n 3 -u 1000 udp "$VIP4" 80
unbalance "$VIP4:80/udp"

sent=$(ip -n "$(ns lb1)" -j -s link show eth1 | pick '.[0].stats64.tx.packets')
cmp_ok "$sent" -gt 500 "they left by eth1"
is "$(xr -j dev show | jq -r '[.[].device] | sort | join(" ")')" "eth0 eth1" \
	"dev show knows both"
ok "detach one" xr dev detach eth1
ok "the rest goes on" balance "$VIP4:80/tcp"
ok "through eth0's program, out of eth1" ask c1 -c 30 tcp "$VIP4" 80
done_testing
