#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The kernel's own VXLAN device as the tunnel's end, made by the guide's lines,
# over both families; and one that hears nothing is told.
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
GUIDE=$WORLD_TOP/docs/guide.md
MAC7=02:aa:00:00:00:07
world_up

# guide REGEX: what the guide says to type, one a line
guide()
{
	grep -o "\`ip link $1[^\`]*\`" "$GUIDE" | tr -d '`'
}

mapfile -t lines < <(guide "add vxlan7 ")
is "${#lines[@]}" 2 "the guide has a device for each family"
set_line=$(guide "set vxlan7 ")
like "$set_line" "$MAC7 up" "and how it gets its address"

# device NODE WORDS...: by such a line, with the node's own address
device()
{
	local node=$1 words=${*:2}

	words=${words/fd00:1::12/$(addr6 "$node")}
	# shellcheck disable=SC2086
	in_ns "$node" $words && in_ns "$node" $set_line
}

away()
{
	ip -n "$(ns "$1")" link del vxlan7
}

received()
{
	in_ns s1 ip -j -s link show vxlan7 | pick '.[0].stats64.rx.packets'
}

no_checksum()
{
	in_ns s1 nstat -asz Udp6InCsumErrors | awk '/Udp6/ { print $2 }'
}

ok "attach" attach_lb
serves s1 80
for vip in "$VIP4" "$VIP6"; do
	for proto in tcp udp; do
		ok "VIP $(at "$vip" 80/$proto)" xr vip add "$(at "$vip" 80/$proto)"
	done
done
for family in 4 6; do
	ok "backend by IPv$family" xr backend add s1 \
		vip "$(at "$VIP4" 80/tcp)" vip "$(at "$VIP4" 80/udp)" \
		vip "$(at "$VIP6" 80/tcp)" vip "$(at "$VIP6" 80/udp)" \
		address "$(addr$family s1)" forward vxlan vni 7 mac $MAC7
	line=${lines[family / 2 - 2]}
	ok "IPv$family: $line" device s1 "$line"
	for vip in "$VIP4" "$VIP6"; do
		ok "over IPv$family: TCP for $vip" \
			ask c1 -c 5 -n 2 -u 5000 -d 5000 tcp "$vip" 80
		ok "over IPv$family: UDP for $vip" ask c1 -c 5 udp "$vip" 80
	done
	away s1
	[ $family = 6 ] || xr backend del s1
done

# Each of the words that the guide adds for IPv6 is needed.
for less in " udp6zerocsumrx" " local fd00:1::12"; do
	ok "without$less" device s1 "${lines[1]/$less/}"
	before=$(no_checksum)
	in_ns c1 "$PEER" ask -t 200 udp "$VIP4" 80 >/dev/null
	is "$(received)" 0 "nothing is heard"
	cmp_ok "$(no_checksum)" -gt "$before" "nstat tells"
	away s1
done
in_ns s1 ip link add other type vxlan id 9 dstport 4789 \
	local "$(addr6 s1)"
in_ns s1 ip link set other up
like "$(device s1 "${lines[1]}" 2>&1)" "in use" \
	"two of one port need the same"

# What a local host's device does not hear is known.
xr_on s2 dev attach eth0 >/dev/null
# deaf ADDRESS REGEX WORDS...: "" where it hears
deaf()
{
	local address=$1 why=$2 words=${*:3} said file=$WORLD_DIR/deaf.yaml

	device s2 "$words" || fail "$words"
	said=$(xr_on s2 host add h vxlan "$address" vni 7 local 2>&1)
	xr_on s2 export >"$file"
	if [ "$why" ]; then
		like "$said" "h: no frame .*$why" "host add: $why"
		like "$(xr_on s2 status)" "h: no frame .*$why" "status, too"
		like "$(xr_on s2 check "$file" 2>&1)" "h: no frame .*$why" \
			"and check"
	else
		is "$said" "" "host add: it hears"
		is "$(xr_on s2 -j status | pick '.wrong[]' | grep -c ^host)" 0 \
			"status, too"
		is "$(xr_on s2 check "$file" 2>&1 | grep -c "no frame")" 0 \
			"and check"
	fi
	xr_on s2 host del h
	away s2
}
four=$(addr4 s2)
six=$(addr6 s2)
deaf "$four" "" "${lines[0]}"
deaf "$six" "" "${lines[1]}"
deaf "$six" "IPv4 only.*udp6zerocsumrx" "${lines[0]}"
deaf "$six" "IPv4 only" "${lines[1]/fd00:1::12/$four}"
deaf "$six" "no UDP checksum.*udp6zerocsumrx" "${lines[1]/ udp6zerocsumrx/}"
deaf "$four" "IPv6 only" "${lines[1]}"
deaf "$four" "port 8472, not 4789" "${lines[0]/4789/8472}"
# By who it talks to, or by its group.
deaf "$six" "" "${lines[1]/local fd00:1::12/remote $(addr6 s1)}"
deaf "$six" "" "${lines[1]/local fd00:1::12/group ff02::7 dev eth0}"
done_testing
