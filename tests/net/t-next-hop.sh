#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Without a daemon: next hops whose neighbour entries go, change or turn out to be
# wrong are found again, by the packets alone. s1 is on the LB's own segment, s3
# behind a router.
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
world_up
in_ns lb1 sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
	net.ipv6.conf.eth0.keep_addr_on_down=1
ok "attach" attach_lb
attach_servers
serves s1 80
serves s3 80

# shellcheck disable=SC2317 # called by name, as those below
answered()
{
	ask c1 -c 1 -t 200 udp "$1" 80 >/dev/null && [ "$(figure lost)" = 0 ]
}

# shellcheck disable=SC2317
lost()
{
	! answered "$1"
}

# asks VIP ADDRESS: with this packet the kernel has an entry for ADDRESS.
# shellcheck disable=SC2317
asks()
{
	answered "$1"
	ip -n "$WORLD-lb1" neigh show to "$2" dev eth0 | grep -q lladdr
}

# shellcheck disable=SC2317
all_answered()
{
	ask c1 -c 20 -t 200 udp "$1" 80 >/dev/null && [ "$(figure lost)" = 0 ]
}

# recovers VIP WHAT: each CPU within two seconds.
recovers()
{
	ok "$2: packets flow again" wait_for 40 all_answered "$1"
}

# try VIP SERVER ADDRESS GATEWAY, the last two of one family
try()
{
	local vip=$1 server=$2 addr=$3 hop=$4 to

	to=$(at "$vip" 80/udp)
	ok "$to at $server" xr vip add "$to"
	ok "by $hop" xr backend add "$server" vip "$to" address "$addr"
	answered "$vip"
	ok "an answer" answered "$vip"

	ip -n "$WORLD-lb1" neigh del "$hop" dev eth0
	ok "$hop: its entry is gone: asked for" wait_for 20 asks "$vip" "$hop"
	recovers "$vip" "and"

	ip -n "$WORLD-lb1" neigh replace "$hop" lladdr aa:bb:cc:dd:ee:ff \
		dev eth0 nud stale
	ok "$hop: a stale entry that is wrong is taken" wait_for 20 lost "$vip"
	recovers "$vip" "but not for long"

	# It takes all entries along, also those the kernel was to keep.
	ip -n "$WORLD-r" link set lb1-eth0 down
	answered "$vip"
	ip -n "$WORLD-r" link set lb1-eth0 up
	recovers "$vip" "$hop: no carrier for a while"
	xr backend del "$server"
	xr vip del "$to"
}

try "$VIP4" s1 "$(addr4 s1)" "$(addr4 s1)"
try "$VIP6" s1 "$(addr6 s1)" "$(addr6 s1)"
try "$VIP4" s3 "$(addr4 s3)" "$(addr4 r)"
try "$VIP6" s3 "$(addr6 s3)" "$(addr6 r)"
cmp_ok "$(reason asked)" -gt 0 "the kernel was asked to find out"

# Without forwarding nobody answers the program: what lasts is said.
# says REGEX: of status, while packets come
# shellcheck disable=SC2317 # called by name
says()
{
	answered "$VIP4"
	xr status | grep -q "$1"
}

ok "a backend" xr vip add "$VIP4:80/udp"
ok "on the segment" xr backend add s1 vip "$VIP4:80/udp" address "$(addr4 s1)"
ok "nothing is wrong" wait_for 20 says "all is well"
in_ns lb1 sysctl -qw net.ipv4.ip_forward=0
ok "forwarding is off: status names the backend" wait_for 40 says \
	"backend s1: for [0-9]* s the kernel has not confirmed its next hop"
in_ns lb1 sysctl -qw net.ipv4.ip_forward=1
ok "on again: all is well" wait_for 40 says "all is well"
ip -n "$WORLD-lb1" neigh del "$(addr4 s1)" dev eth0
ip -n "$WORLD-s1" link set eth0 down
ok "the server is gone: said, too" wait_for 60 says \
	"backend s1: for [0-9]* s the kernel has"
done_testing
