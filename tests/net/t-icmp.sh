#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# ICMP errors about what a server sent find that server.
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
world_up
ok "attach" attach_lb
attach_servers
serve 80 81

# A narrow link behind the router, which the client's MSS does not betray.
in_ns r ip link set c1-wifi mtu 1300
in_ns c1 ip link set wifi mtu 1300
in_ns c1 ip route change default via 10.11.0.1 advmss 1460
in_ns c1 ip route change ::/0 via fd00:11::1 advmss 1440

# ICMP errors that the server's kernel took in
# shellcheck disable=SC2016
got_icmp()
{
	if [ "$2" = 4 ]; then
		in_ns "$1" awk '/^Icmp: [0-9]/ { print $5 }' /proc/net/snmp
	else
		in_ns "$1" awk '/^Icmp6InPktTooBigs/ { print $2 }' /proc/net/snmp6
	fi
}

# try WORD VIP FAMILY: WORD is the reason they should be sent on by
try()
{
	local word=$1 vip=$2 family=$3 to before s n
	local -A had=()

	to=$(at "$vip" 80/tcp)
	balance "$to" || fail "$to"
	before=$(reason "$word")
	for s in s1 s2 s3; do
		had[$s]=$(got_icmp $s "$family")
	done
	ok "$word, IPv$family: a download past a narrow link" \
		ask c1 -d 300000 tcp "$vip" 80
	cmp_ok "$(reason "$word")" -gt "$before" "$word counted"
	for s in s1 s2 s3; do
		n=$(($(got_icmp $s "$family") - had[$s]))
		if [ "$(share $s)" = 1 ]; then
			cmp_ok $n -gt 0 "$s sent it and was told"
		else
			is $n 0 "$s did not and was not"
		fi
		# The path MTU it learnt must not help the next try.
		in_ns $s ip route flush cache
		in_ns $s ip -6 route flush cache
	done
	unbalance "$to"
}

try icmp-flow "$VIP4" 4
try icmp-flow "$VIP6" 6
done_testing
