#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# What the flow table is for: a change of the backends moves nobody who has an
# entry, and without entries no more than its share.
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
world_up -s 4
ok "attach" attach_lb
attach_servers
serve 80

add()
{
	xr backend add "$1" vip "$VIP4:80/udp" address "$(addr4 "$1")"
}

# Flows open while "$@" happens; said moved tells how many it moved. Others may flood beside it.
during()
{
	local drops

	drops=$(machine_drops)
	start udp c1 "$PEER" ask -c 800 -n 0 -i 200 udp "$VIP4" 80
	sleep 0.6
	"$@" || fail "$*"
	sleep 0.8
	client_end udp
	cmp_ok "$(figure lost)" -le $(($(machine_drops) - drops)) "$1 $2 $3: nothing lost"
}

ok "a VIP without flow table" xr vip add "$VIP4:80/udp" flow off
for s in s1 s2 s3; do
	add $s
done
during add s4
# A quarter is its share: 200 of 800, the hash's chance some 12 more or less.
cmp_ok "$(figure moved)" -ge 140 "a fourth backend takes its part of the flows"
cmp_ok "$(figure moved)" -le 264 "and no more"
during xr backend del s4
cmp_ok "$(figure moved)" -ge "$(share s4)" "its removal moves its flows"
cmp_ok "$(figure moved)" -le $(($(share s4) + 16)) "and two of a hundred others"
is "$(reason flow-new)" 0 "no entry was written"
is "$(reason flow)" 0 "none was found"

for s in s1 s2 s3; do
	xr backend del $s
done
xr vip del "$VIP4:80/udp"
ok "a VIP with flow table" xr vip add "$VIP4:80/udp" flow on
for s in s1 s2 s3; do
	add $s
done
during add s4
is "$(figure moved)" 0 "a fourth backend takes no flow that has an entry"
during xr backend set s1 weight 5
is "$(figure moved)" 0 "nor does a change of weight"
during xr backend del s4
is "$(figure moved)" "$(share s4)" "a removal moves those of the removed one only"
cmp_ok "$(reason flow)" -gt 1000 "entries were found"
done_testing
