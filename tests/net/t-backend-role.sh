#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Role backend on a server that has tunnels of its own: another overlay goes on,
# packets for others are not opened, and addresses that come later are served.
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
world_up
WORLD_SERVERS=(s1)

# overlay NAME VNI NET: a VXLAN segment between s1 and s2, on the usual port
overlay()
{
	local n o

	for n in 1 2; do
		o=$((3 - n))
		ip -n "$WORLD-s$n" link add "$1" type vxlan id "$2" dstport 4789 \
			local "$(addr4 s$n)" remote "$(addr4 s$o)" ||
			bail "no kernel VXLAN"
		ip -n "$WORLD-s$n" link set "$1" address "02:aa:00:00:$3:0$n" \
			mtu 1400 up
		ip -n "$WORLD-s$n" addr add "10.$3.0.$n/24" dev "$1"
		in_ns "s$n" ethtool -K "$1" tx-checksumming off >/dev/null 2>&1
	done
}

# shellcheck disable=SC2317 # called by name
pings()
{
	ip -n "$WORLD-s2" neigh flush dev "$1"
	in_ns s2 ping -qc3 -i0.2 -W1 "$2"
}

ok "attach" attach_lb
overlay vxo 4097 99
ok "the overlay, before" pings vxo 10.99.0.1
ok "role backend" attach_servers
ok "the overlay, with its neighbours to be found" pings vxo 10.99.0.1
overlay late 4098 98
ok "an overlay that came later, and nobody said so" pings late 10.98.0.1
is "$(reason decap-vxlan s1)" 0 "none of it was opened"
cmp_ok "$(reason other-tunnel s1)" -gt 8 "but counted"
[ "$(reason bad-tunnel s1)" = 0 ] || fail "nothing was dropped"

# By each method a VIP is served beside the overlay.
serve 80
for how in "ipip" "gue" "vxlan"; do
	for vip in "$VIP4" "$VIP6"; do
		# shellcheck disable=SC2086
		balance "$(at "$vip" 80/tcp)" forward $how || fail "configured"
		ok "$how: $vip is served" ask c1 -c 3 -n 3 tcp "$vip" 80
		unbalance "$(at "$vip" 80/tcp)" || fail "away again"
	done
done
ok "the overlay, after" pings vxo 10.99.0.1

# A frame for s1 that is a tunnel to somebody else, and one for somebody else.
tunnel()
{
	local inner outer

	inner=$(frame make udp 02:00:00:00:00:aa "$(mac s1 eth0)" 198.51.100.9 \
		"$2" 9 "for somebody else")
	inner=${inner:28}
	outer=$(printf '4500%04x000040004004' $((20 + ${#inner} / 2)))
	printf '%s%s0800%s' "$(mac s1 eth0 | tr -d :)" 020000000077 \
		"$outer$(ip_sum "${outer}0000$(hex4 198.51.100.1)$(hex4 "$1")")"
	printf '%s%s%s' "$(hex4 198.51.100.1)" "$(hex4 "$1")" "$inner"
}

hex4()
{
	# shellcheck disable=SC2046,SC2183
	printf '%02x%02x%02x%02x' $(tr . ' ' <<<"$1")
}

ip_sum()
{
	local i sum=0

	for ((i = 0; i < ${#1}; i += 4)); do
		sum=$((sum + 0x${1:i:4}))
	done
	sum=$(((sum & 0xffff) + (sum >> 16)))
	printf '%04x' $((~((sum & 0xffff) + (sum >> 16)) & 0xffff))
}

ip -n "$WORLD-s1" link del vxo
ip -n "$WORLD-s1" link del late
# With forwarding on, opened ones would go on as if they had come so.
in_ns s1 sysctl -qw net.ipv4.ip_forward=1
for to in "$(addr4 s2) $VIP4" "$(addr4 s1) $(addr4 s2)" \
	"$(addr4 s1) 203.0.113.5"; do
	# shellcheck disable=SC2086
	probe=$(tunnel $to)
	before=$(reason other-tunnel s1)
	play -q 50 -w r:s1-eth0 -m "$(printf 'for somebody' | od -An -tx1 |
		tr -d ' \n')" "r:s1-eth0=$probe"
	is "$(($(reason other-tunnel s1) - before))" 1 "IPIP to, for $to: passes"
	is "$(grep -c "08004500[0-9a-f]\{14\}11" <<<"$SEEN")" 0 \
		"and nothing comes out opened"
done
in_ns s1 sysctl -qw net.ipv4.ip_forward=0

# A VIP that comes to the server after the program.
ip -n "$WORLD-s1" addr del "$VIP4/32" dev lo
ok "reload" xr_on s1 reload
ok "a VIP" balance "$VIP4:80/tcp" forward ipip
ask c1 -c 1 -n 1 -t 300 tcp "$VIP4" 80 && fail "a VIP that is not there is served"
ip -n "$WORLD-s1" addr add "$VIP4/32" dev lo
like "$(xr_on s1 status 2>&1)" "$VIP4.*came after" \
	"status names an address that came later"
ok "reload, again" xr_on s1 reload
ok "it is served" ask c1 -c 2 -n 2 tcp "$VIP4" 80
[[ $(xr_on s1 status 2>&1) != *"came after"* ]] || fail "status still names it"

# Listed, it needs nobody's word.
ip -n "$WORLD-s1" addr del "$VIP4/32" dev lo
xr_on s1 dev detach eth0
ok "listed" xr_on s1 dev attach eth0 role backend address "$VIP4" vni 4711
ip -n "$WORLD-s1" addr add "$VIP4/32" dev lo
ok "it is served at once" ask c1 -c 2 -n 2 tcp "$VIP4" 80
is "$(xr_on s1 -j dev show | jq -c '.[0] | [.vnis, .addresses]')" \
	"[[4711],[\"$VIP4\"]]" "dev show says what is listed"
ok "export" sh -c "nsenter --net=/run/netns/$WORLD-s1 \
	'$XROAM' -i $WORLD-s1 export >'$WORLD_DIR/s1.yaml'"
is "$(xr_on s1 apply "$WORLD_DIR/s1.yaml" | head -1)" "nothing to change" \
	"apply of what was exported changes nothing"
sed -i 's/4711/4712/' "$WORLD_DIR/s1.yaml"
like "$(xr_on s1 apply "$WORLD_DIR/s1.yaml")" "dev eth0: vnis" "another list is told"
is "$(xr_on s1 -j dev show | jq -c '.[0].vnis')" "[4712]" "and taken over"
sed -i 's/role: backend/role: node/' "$WORLD_DIR/s1.yaml"
like "$(xr_on s1 apply "$WORLD_DIR/s1.yaml" 2>&1)" "role backend only" \
	"for role node it is refused"

# With the daemon, it is followed.
ip -n "$WORLD-s1" addr del "$VIP4/32" dev lo
xr_on s1 dev detach eth0
ok "attach again" attach_servers
start daemon s1 "$XROAM" -i "$WORLD-s1" run
ok "a daemon" wait_for 10 test -S "/run/xroam/$WORLD-s1.sock"
ip -n "$WORLD-s1" addr add "$VIP4/32" dev lo
ok "it is served" wait_for 5 ask c1 -c 1 -n 1 -t 300 tcp "$VIP4" 80
ip -n "$WORLD-s1" addr del "$VIP4/32" dev lo
# shellcheck disable=SC2317 # called by name
not_served()
{
	local before after

	before=$(reason other-tunnel s1)
	ask c1 -c 1 -n 1 -t 200 tcp "$VIP4" 80
	after=$(reason other-tunnel s1)
	[ "$after" -gt "$before" ]
}
ok "and no more, once it is gone" wait_for 5 not_served
stop daemon
is $? 0 "the daemon ends"
done_testing
