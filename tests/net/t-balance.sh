#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# TCP and UDP spread over the backends, and what spreads them differently.
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
world_up

ok "attach" attach_lb
ok "attach the backends' side" attach_servers
serve 80 81
for vip in "$VIP4" "$VIP6"; do
	for proto in tcp udp; do
		to=$(at "$vip" 80/$proto)
		ok "$to: VIP and three backends" balance "$to"
		ok "$to: 300 flows, 5 requests each, none moves" \
			ask c1 -c 300 -n 5 $proto "$vip" 80
		for s in s1 s2 s3; do
			cmp_ok "$(share $s)" -ge 60 "$s has a part of them"
		done
		ok "$to: away again" unbalance "$to"
	done
done

ok "another VIP" balance "$VIP4:80/tcp"
ok "the other client, too" ask c2 -c 60 -n 3 tcp "$VIP4" 80
ok "and the first by its other network" \
	ask c1 -b "$(addr4 c1 cell)" -c 60 -n 3 tcp "$VIP4" 80
ok "data up and down" ask c1 -c 6 -n 3 -u 200000 -d 200000 tcp "$VIP4" 80
xr backend set s1 weight 4
ok "after a change of weight" ask c1 -c 600 tcp "$VIP4" 80
cmp_ok "$(share s1)" -ge 340 "weight 4 of 6: two thirds go to s1"
cmp_ok "$(share s1)" -le 460 "weight 4 of 6: but no more"

ok "what is no VIP goes to the kernel: ping the LB" \
	in_ns c1 ping -q -c 2 -W 2 "$(addr4 lb1)"
is "$(reason no-backend)" 0 "no packet without a backend"
before=$(reason vip-other)
in_ns c1 "$PEER" ask -t 200 udp "$VIP4" 99 >/dev/null
cmp_ok "$(reason vip-other)" -gt "$before" "a port without VIP counts as vip-other"

xr backend del s1; xr backend del s2; xr backend del s3
before=$(reason no-backend)
in_ns c1 "$PEER" ask -t 200 tcp "$VIP4" 80 >/dev/null
cmp_ok "$(reason no-backend)" -gt "$before" "a VIP without backend drops, counted"
done_testing
