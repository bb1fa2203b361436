#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Frames with VLAN tags keep them on their way back out.
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
world_up
ok "attach" attach_lb
attach_servers
serve 80
ok "balance" balance "$VIP4:80/udp"
lb=$(mac lb1 eth0)

# The datagrams that the servers' UDP took in
datagrams()
{
	local s

	for s in "${WORLD_SERVERS[@]}"; do
		# shellcheck disable=SC2016
		in_ns "$s" awk '/^Udp: [0-9]/ { print $2 }' /proc/net/snmp
	done | awk '{ n += $1 } END { print n }'
}

# A datagram to the VIP with these tags, out of the router's port. No socket
# would send it where the kernel has no VLAN devices.
send_tagged()
{
	local tags=() tag

	for tag; do
		tags+=(-v "$tag")
	done
	play "r:lb1-eth0=$(frame make "${tags[@]}" udp 02:00:00:00:00:01 "$lb" \
		10.13.0.2 "$VIP4" 80 "sixteen octets, or so")"
}

# What comes back from the LB of one with these tags, in SEEN
seen_of()
{
	start dump r tcpdump --immediate-mode -l -nn -e \
		-i lb1-eth0 -Q in "vlan $1"
	wait_for 5 grep -q "listening on" "$WORLD_DIR/dump.err"
	send_tagged "$@"
	wait_for 3 grep -q "vlan $1" "$WORLD_DIR/dump.out"
	stop dump
	SEEN=$(cat "$WORLD_DIR/dump.out")
}

# Tag 0 says only "priority": every kernel takes such a frame as its own.
before=$(datagrams)
for i in 1 2 3 4 5; do
	send_tagged 0
done
ok "a tagged datagram reaches a server's socket" \
	wait_for 3 eval "test \$(datagrams) -eq $((before + 5))"

seen_of 100
like "$SEEN" "vlan 100,.* 10\.13\.0\.2\.40000 > $VIP4\.80: UDP" \
	"one tag: kept, the datagram inside the tunnel"
like "$SEEN" "> 10\.[12]\.0\.2[1-3]: " "to a server"
seen_of 100 200
like "$SEEN" "vlan 100,.*vlan 200,.* 10\.13\.0\.2\.40000 > $VIP4\.80: UDP" \
	"two tags: kept"
done_testing
