#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A server that is well but cannot be reached as clients reach it is down, whichever part of
# the way is wrong: its last error says what is known, and it is back when that is mended.
# shellcheck disable=SC2317 # called by name
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
world_up -s 2
MAC7=02:aa:00:00:00:07
SPARE=10.1.0.99 # of s2

is_state()
{
	[ "$(xr -j backend show "$2" | pick '.[0].health.state')" = "$1" ]
}

has_error()
{
	xr -j backend show "$1" | pick '.[0].health.last_error' | grep -Eq "$2"
}

# vxlan VNI: the kernel's tunnel end at s1 has that one
vxlan()
{
	ip -n "$(ns s1)" link del vxlan7 2>/dev/null
	ip -n "$(ns s1)" link add vxlan7 address "$MAC7" type vxlan id "$1" local "$(addr4 s1)" dstport 4789 &&
		ip -n "$(ns s1)" link set vxlan7 up
}

# Without it the kernel's FIB tells nothing of neighbours.
in_ns lb1 sysctl -qw net.ipv4.ip_forward=1
ok "attach" attach_lb
# The tunnel's end goes by the addresses that are there when it is attached.
ok "another address of s2" ip -n "$(ns s2)" addr add $SPARE/24 dev eth0
ok "attach the backends' side" xr_on s2 dev attach eth0 role backend
ok "which nobody has for now" ip -n "$(ns s2)" addr del $SPARE/24 dev eth0
serve 80
start quic s2 "$WORLD_BUILD/tests/quic/xr_server" --name s2 "$VIP4" 443
ok "a VXLAN device" vxlan 7
xr health add tcp type tcp interval 0.2 timeout 0.15
xr health add quic type quic interval 0.2 timeout 0.15
xr vip add "$VIP4:80/tcp" health tcp
xr vip add "$VIP4B:80/tcp" health tcp
xr vip add "$VIP4:443/udp" health quic
xr backend add vni vip "$VIP4:80/tcp" address "$(addr4 s1)" forward vxlan vni 7 mac $MAC7
xr backend add neighbour vip "$VIP4:80/tcp" address $SPARE
xr backend add loopback vip "$VIP4B:80/tcp" address "$(addr4 s2)"
xr backend add mtu vip "$VIP4:443/udp" address "$(addr4 s2)"
start daemon lb1 "$XROAM" -i "$(instance lb1)" run
for name in vni loopback mtu; do
	ok "$name: up" wait_for 10 is_state up $name
done

# An outer header of 20, and 28 and 1,200 octets in it, do not fit into 1,240.
ok "another VNI" vxlan 8
ok "a small MTU on the way" ip -n "$(ns r)" link set s2-eth0 mtu 1240
ok "a VIP that the server does not have" ip -n "$(ns s2)" addr del "$VIP4B/32" dev lo
for name in vni neighbour loopback mtu; do
	ok "$name: down" wait_for 10 is_state down $name
done
ok "vni: no answer" has_error vni "^tcp $VIP4:80: no answer within 0.15 s$"
ok "mtu: no answer" has_error mtu "^quic $VIP4:443: no answer within 0.15 s$"
ok "loopback: no answer" has_error loopback "^tcp $VIP4B:80: no answer within 0.15 s$"
ok "neighbour: it was not sent, and why" wait_for 30 has_error neighbour \
	"^not sent: (asked|no-neighbour) \(the next hop's MAC address is not known"

ok "the VNI is right again" vxlan 7
ok "and the MTU" ip -n "$(ns r)" link set s2-eth0 mtu 1600
ok "and the address" ip -n "$(ns s2)" addr add $SPARE/24 dev eth0
ok "and the VIP" ip -n "$(ns s2)" addr add "$VIP4B/32" dev lo
for name in vni neighbour loopback mtu; do
	ok "$name: back" wait_for 30 is_state up $name
done
done_testing
