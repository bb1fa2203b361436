#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# What a real frame costs from one end of a veth pair in native mode to the other and back, one
# core for all: xroam, beside a program that only sends back (XDP_TX), one that only encapsulates
# (IPIP, VXLAN), and the kernel's own ways to do the same work: routing, nftables by jhash with
# and without conntrack, a bridge with VXLAN. What the kernel's ways send goes to a device that
# drops all at once, so they are charged for their own work alone, and xroam for the way back.
#
#	live.sh [ROUNDS]
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/../net/lib/world.sh"
ROUNDS=${1-20}
MILLION=1048576 BACKENDS=1000
LIVE=$WORLD_BUILD/tests/bench/live
WRAP=/sys/fs/bpf/$WORLD-wrap

# ---- receivers: each a namespace, whose eth0's other end is in "a" ----

# pair END NAME DEV: a veth pair, whose other end is DEV of receiver NAME
pair()
{
	ip -n "$WORLD-a" -batch - <<-EOT || bail "$1"
		link add dev $1 address 02:00:00:00:00:02 type veth peer name $3 address 02:00:00:00:00:01 netns $WORLD-$2
		link set dev $1 up
	EOT
}

# receiver NAME [LINES]: settings of the kernel as world_node's
receiver()
{
	world_node "$1" "${2-}"
	pair "$1" "$1" eth0
	ip -n "$WORLD-$1" -batch - <<-EOT || bail "$1"
		link set lo up
		link set eth0 up
		addr add 10.0.0.1/24 dev eth0
		neigh replace 10.0.0.2 lladdr 02:00:00:00:00:02 dev eth0 nud permanent
		link add dev out type veth peer name end
		link set dev end up
		link set dev out up
		addr add 10.200.0.1/24 dev out
		neigh replace 10.200.0.2 lladdr 02:00:00:00:00:03 dev out nud permanent
	EOT
	if ! in_ns "$1" tc qdisc add dev out clsact ||
		! in_ns "$1" tc filter add dev out egress bpf direct-action object-pinned "$WRAP/sent"; then
		bail "$1: out takes no filter"
	fi
	# Frames are received in batches, with or without a program.
	in_ns "$1" ethtool -K eth0 gro on || bail "$1: no GRO"
}

# program NAME PROGRAM
program()
{
	receiver "$1"
	in_ns "$1" bpftool net attach xdpdrv pinned "$WRAP/$2" dev eth0 || bail "$1: $2"
}

kernel()
{
	receiver "$1" 'echo 1 >ipv4/ip_forward'
	ip -n "$WORLD-$1" route add 10.1.0.0/16 via 10.200.0.2
	ip -n "$WORLD-$1" route add 198.18.0.0/15 via 10.200.0.2
	ip -n "$WORLD-$1" route add 100.64.0.0/10 via 10.200.0.2
}

# backends: by number, for nftables
backends()
{
	awk -v n="$BACKENDS" 'BEGIN {
		for (i = 1; i <= n; i++)
			printf "%s%d : 10.1.%d.%d", (i > 1 ? ", " : ""), i - 1, i / 256, i % 256
	}'
}

nft_jhash()
{
	kernel stateless
	in_ns stateless nft -f - <<-EOT || bail nftables
		table ip t {
			chain c {
				type filter hook prerouting priority raw;
				ip daddr 198.18.0.0 notrack ip daddr set jhash ip saddr . udp sport mod $BACKENDS map { $(backends) }
			}
		}
	EOT
	kernel conntrack
	in_ns conntrack nft -f - <<-EOT || bail nftables
		table ip t {
			chain c {
				type nat hook prerouting priority dstnat;
				ip daddr 198.18.0.0 dnat to jhash ip saddr . udp sport mod $BACKENDS map { $(backends) }
			}
		}
	EOT
	in_ns conntrack sysctl -qw net.netfilter.nf_conntrack_udp_timeout=3600 \
		net.netfilter.nf_conntrack_udp_timeout_stream=3600 || bail conntrack
}

bridge_vxlan()
{
	local i

	receiver bridge
	! in_ns bridge test -e /proc/sys/net/bridge || in_ns bridge sysctl -qw net.bridge.bridge-nf-call-iptables=0
	ip -n "$WORLD-bridge" -batch - <<-EOT || bail bridge
		link add br0 type bridge
		link add vxlan0 type vxlan id 7 dstport 4789 local 10.200.0.1 nolearning
		link set vxlan0 master br0 up
		link set eth0 master br0
		link set br0 up
		route add 10.1.0.0/16 via 10.200.0.2
	EOT
	for i in {0..15}; do
		printf 'fdb add 02:10:00:00:00:%02x dev vxlan0 master static\n' "$i"
		printf 'fdb add 02:10:00:00:00:%02x dev vxlan0 self dst 10.1.0.1\n' "$i"
	done | in_ns bridge bridge -batch - || bail fdb
}

# ---- xroam ----

# Server IDs 0 to 2^20 - 1, backend by backend in turn; as bench's frames have them.
steering()
{
	cat <<-EOT
		limits: {flows: $((2 * MILLION)), server_ids: $MILLION, backends: $((BACKENDS + 10)), vips: 16}
		vips:
		  - {address: 198.18.0.0, port: 443, protocol: udp, cid: on}
		  - {address: 198.18.0.0, port: 443, protocol: tcp}
		cid:
		  - {id: 0, format: quic-lb, server_id_length: 4, nonce_length: 4}
		backends:
	EOT
	awk -v n=$MILLION -v b=$BACKENDS 'BEGIN {
		for (i = 0; i < b; i++) {
			printf "  - {name: b%d, address: 10.1.%d.%d, vips: [\"198.18.0.0:443/udp\", \"198.18.0.0:443/tcp\"], server_ids: [", i, (i + 1) / 256, (i + 1) % 256
			for (sid = i; sid < n; sid += b)
				printf "%s\"%08x\"", (sid == i ? "" : ", "), sid
			print "]}"
		}
	}'
}

# VMs that leave this host, as bench's frames have them.
guests()
{
	cat <<-EOT
		hosts:
		  - {name: h1, vxlan: 10.0.0.1, vni: 7, local: true}
		  - {name: h2, vxlan: 10.1.0.1, vni: 7}
		vms:
	EOT
	printf '  - {mac: "02:10:00:00:00:%02x", at: h1}\n' {0..15}
}

# shellcheck disable=SC2317 # called by name
leave()
{
	local i

	for i in {0..15}; do
		xr_on vms vm move "$(printf 02:10:00:00:00:%02x "$i")" to h2 || return
	done
}

# node NAME: what stdin says, on eth0
node()
{
	receiver "$1"
	ip -n "$WORLD-$1" route add 10.1.0.0/16 via 10.0.0.2
	cat >"$WORLD_DIR/$1.yaml"
	ok "$1: apply" xr_on "$1" apply "$WORLD_DIR/$1.yaml"
	ok "$1: attach" xr_on "$1" dev attach eth0 mode native
}

# ---- the table ----

heading()
{
	printf '%-14s %6s %-10s %8s %8s %8s %8s %6s\n' case IDs by min p10 median above times \
		'ns per frame' 'or VMs' '' '' '' '' 'TX (p10)' 'bare'
}

# out_of NAME: frames that the kernel has sent
out_of()
{
	in_ns "$1" tc -s -j qdisc show dev out | jq '[.[] | select(.kind == "clsact") | .drops] | add'
}

# row CASE COUNT WAY...: tx first, then the bare encapsulation, for the ratios
row()
{
	local case=$1 count=$2 way tx='' bare=''
	local -A out=()

	shift 2
	for way; do
		out[$way]=$(out_of "$way")
	done
	in_ns a "$LIVE" --rounds "$ROUNDS" "$case" "$count" "$@" >"$WORLD_DIR/row" || bail "$case"
	for way; do
		# shellcheck disable=SC2046
		set -- $(jq -r --arg dev "$way" --argjson out $(($(out_of "$way") - out[$way])) \
			'select(.dev == $dev) | "\(.min) \(.p10) \(.median) \((.back + $out) / .sent)"' \
			"$WORLD_DIR/row")
		: "${tx:=$2}"
		[ "$way" = tx ] || : "${bare:=$2}"
		line "$case" "$count" "$way" "$tx" "${bare:-0}" "$@"
	done
}

# line CASE COUNT WAY TX BARE MIN P10 MEDIAN ARRIVED
line()
{
	awk -v c="$1" -v n="$2" -v w="$3" -v tx="$4" -v bare="$5" -v min="$6" -v p10="$7" -v med="$8" -v all="$9" 'BEGIN {
		printf "%-14s %6s %-10s %8.1f %8.1f %8.1f %8.1f", c, (n == 1048576 ? "2^20" : n), w, min, p10, med, p10 - tx
		if (bare > tx)
			printf " %6.1f", (p10 - tx) / (bare - tx)
		if (all < 0.999)
			printf "  (%.1f %% arrived)", all * 100
		print ""
	}'
}

# Two cores, each with a sender and a device of the same instance: how many times as many frames
# they forward as one alone.
scaling()
{
	local alone

	alone=$(in_ns a "$LIVE" --rounds "$ROUNDS" --cpu 0 "$1" "$2" xroam | jq .median)
	start second a "$LIVE" --rounds "$ROUNDS" --cpu 1 "$1" "$2" xroam2
	start first a "$LIVE" --rounds "$ROUNDS" --cpu 0 "$1" "$2" xroam
	if ! finish first || ! finish second; then
		bail "two cores"
	fi
	cat "$WORLD_DIR/first.out" "$WORLD_DIR/second.out" | jq -rs --arg c "$1" --argjson n "$2" --argjson alone "$alone" \
		'"\($c), \($n): two cores forward \([.[] | $alone / .median] | add * 100 | round / 100) times as many as one (medians)"'
}

world_begin
world_node a
trap 'rm -rf "$WRAP"; world_down' EXIT
bpftool prog loadall "$WORLD_BUILD/tests/bench/wrap.bpf.o" "$WRAP" || bail "the floors do not load"
program tx floor_tx
program ipip floor_ipip
program vxlan floor_vxlan
kernel route
nft_jhash
bridge_vxlan
node xroam < <(steering)
pair xroam2 xroam eth1
ip -n "$WORLD-xroam" link set eth1 up
ok "xroam: a second device" xr_on xroam dev attach eth1 mode native
node vms < <(guests)
ok "vms: moved" leave

heading
row quic-clear 1 tx ipip xroam route
row quic-clear $MILLION tx ipip xroam
row tcp-flow 1 tx ipip xroam
row tcp-flow $MILLION tx ipip xroam
row short-maglev 1 tx ipip xroam route stateless conntrack
row short-maglev 65536 tx ipip xroam route stateless conntrack
row moved-vxlan 16 tx vxlan vms bridge
scaling quic-clear 1
scaling tcp-flow $MILLION
done_testing
