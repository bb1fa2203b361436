#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Each way to a backend, for VIPs and backends of both families: real TCP and
# UDP with full-sized segments in both directions.
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
world_up

ok "attach" attach_lb
attach_servers
serve 80

# try WHAT VIP FAMILY REASON ARGS...: REASON is the backend side's, or ""
try()
{
	local what=$1 vip=$2 family=$3 word=$4 proto size to before

	shift 4
	for proto in tcp udp; do
		to=$(at "$vip" 80/$proto)
		size=5000
		[ $proto = tcp ] || size=1300
		balance "$to" "$family" "$@" || fail "$what: configured"
		before=$([ -z "$word" ] || reason "$word" s3)
		ok "$what: $proto" \
			ask c1 -c 30 -n 3 -u $size -d $size $proto "$vip" 80
		is "$(head -n 1 <<<"$PRINTED" | wc -w)" \
			$((${#WORLD_SERVERS[@]} + 1)) \
			"$what: every server answers $proto"
		[ -z "$word" ] || cmp_ok "$(reason "$word" s3)" -gt "$before" \
			"$what: $proto arrived so"
		unbalance "$to" || fail "$what: away again"
	done
}

try "4in4" "$VIP4" 4 decap-ipip forward ipip
try "6in6" "$VIP6" 6 decap-ipip forward ipip
try "4in6" "$VIP4" 6 decap-ipip forward ipip
try "GUE 4 over 4" "$VIP4" 4 decap-gue forward gue
try "GUE 6 over 6" "$VIP6" 6 decap-gue forward gue
try "GUE 4 over 6" "$VIP4" 6 decap-gue forward gue
try "GUE 6 over 4" "$VIP6" 4 decap-gue forward gue
try "VXLAN 4 over 4" "$VIP4" 4 decap-vxlan forward vxlan
try "VXLAN 6 over 6" "$VIP6" 6 decap-vxlan forward vxlan

# The kernel's own VXLAN device ends the tunnel, without xroam on the server.
for node in "${WORLD_SERVERS[@]}"; do
	xr_on "$node" destroy >/dev/null
	ip -n "$(ns "$node")" link add vx4 type vxlan id 77 dstport 4789 \
		local "$(addr4 "$node")" || bail "no kernel VXLAN"
	ip -n "$(ns "$node")" link set vx4 up
done
VXLAN_DEV=vx4
ok "backends by VXLAN" balance "$VIP4:80/tcp" forward vxlan
ok "VXLAN into the kernel's device" \
	ask c1 -c 30 -n 3 -u 5000 -d 5000 tcp "$VIP4" 80
unbalance "$VIP4:80/tcp"

# L2: the servers on the segment only, with nothing on them but the VIP on lo.
WORLD_SERVERS=(s1 s2)
try "L2, IPv4" "$VIP4" 4 "" forward l2
try "L2, IPv6" "$VIP6" 6 "" forward l2
done_testing
