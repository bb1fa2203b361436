#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A fabric of three hosts by FRR's EVPN, configured as the guide has it: a VM moves, and
# nobody but FRR tells. The old host and a third one follow it; a frame that still comes to the
# old host arrives whole. How long after FRR's own update is printed.
# shellcheck source=tests/net/lib/routers.sh disable=SC2317 # called by name
. "$(dirname "$0")/lib/routers.sh"
# shellcheck source=tests/net/lib/vmworld.sh
. "$(dirname "$0")/lib/vmworld.sh"
routers_begin
vm_world_up -n 3
# FRR takes part in the segment of every VXLAN device. The bridge of this one has the uplink:
# frames to all would go round, out of it and in again by the tunnel.
for n in 1 2 3; do
	ip -n "$WORLD-h$n" link del vx0
done

# as_node N FILE: the guide's file, which is h1's, for host N
as_node()
{
	sed -i "s/10\.8\.0\.$1\b/@/; s/10\.8\.0\.1\b/10.8.0.$1/; s/@/10.8.0.1/; s/eth0/up0/" "$2"
}

# Hosts are the same everywhere, but for which of them is this machine.
config()
{
	(cd "$WORLD_DIR" && sh -c "$(walk evpn <"$GUIDES/evpn.md")") || return
	sed -i "s/, local: true//; /name: h$1,/s/}/, local: true}/; s/eth0/up0/
		s/^vms:/policy: {flap_moves: 1000}\nvms:/" "$WORLD_DIR/evpn.yaml"
	mv "$WORLD_DIR/evpn.yaml" "$WORLD_DIR/h$1.yaml"
	as_node "$1" "$WORLD_DIR/evpn.conf"
	frr_with "h$1" "$WORLD_DIR/evpn.conf"
}

devices()
{
	walk evpn-devices <"$GUIDES/evpn.md" >"$WORLD_DIR/devices"
	as_node "$1" "$WORLD_DIR/devices"
	[ -s "$WORLD_DIR/devices" ] && in_ns "h$1" sh -e "$WORLD_DIR/devices"
}

# What is written into NODE's tables, with times.
watch_fdb()
{
	start "fdb-$1" "$1" stdbuf -oL bridge -t monitor fdb
	wait_for 5 hears "$1"
}
hears()
{
	in_ns "$1" bridge fdb add 02:00:00:00:00:99 dev vx5 master static
	in_ns "$1" bridge fdb del 02:00:00:00:00:99 dev vx5 master
	grep -q "02:00:00:00:00:99 dev vx5" "$WORLD_DIR/fdb-$1.out"
}

for n in 1 2 3; do
	ok "h$n: the guide's devices" devices $n
	ok "h$n: who watches its tables" watch_fdb h$n
	ok "h$n: FRR with the guide's file" config $n
done
vm_places v1 -v 5 h1 h2
vm_places n1 -v 5 -m "$N1_MAC" h3

has_entry() { in_ns "$1" bridge fdb show dev vx5 | grep -q "^$VM_MAC dst $2 "; }
at() { [ "$(vm_fact "$1" "$VM_MAC" host)" = "$2" ]; }

play -q 5 "v1:h1=$(vector k15_plain_unicast_udp)"
for n in 2 3; do
	ok "h$n's kernel is told of the VM at h1" wait_for 30 has_entry h$n 10.8.0.1
done
for n in 1 2 3; do
	start "daemon-h$n" h$n "$XROAM" -i "$WORLD-h$n" run -c "$WORLD_DIR/h$n.yaml"
	ok "h$n: a daemon with the guide's file" wait_for 5 grep -q watching "$WORLD_DIR/daemon-h$n.err"
	monitor h$n
done

# ---- moves ----

declare -A FDB_MARK EVENT_MARK TOOK
mark()
{
	monitor_mark "$1"
	EVENT_MARK[$1]=$VM_MARK
	FDB_MARK[$1]=$(($(wc -l <"$WORLD_DIR/fdb-$1.out") + 1))
}

# Since the mark, as ms of the day: FRR's first word to NODE's kernel that the VM is behind
# the tunnel. Where it knew the VTEP already, that has no address ...
told()
{
	awk -v from="${FDB_MARK[$1]}" -v entry="$VM_MAC dev vx5 " '
		NR < from { next }
		/^Timestamp:/ { split($5, t, ":"); usec = $7 }
		index($0, entry) == 1 {
			printf "%d", ((t[1] * 60 + t[2]) * 60 + t[3]) * 1000 + usec / 1000
			exit
		}' "$WORLD_DIR/fdb-$1.out"
}
# ... and xroam's move to HOST.
moved()
{
	awk -F'[:. ]' -v from="${EVENT_MARK[$1]}" -v what="$VM_MAC moved .* to $2, .*fdb" '
		NR >= from && $0 ~ what {
			printf "%d", (($1 * 60 + $2) * 60 + $3) * 1000 + $4
			exit
		}' "$WORLD_DIR/monitor-$1.out"
}
is_told() { [ -n "$(told "$@")" ]; }
has_moved() { [ -n "$(moved "$@")" ]; }

probe=$(frame make udp "$N1_MAC" "$VM_MAC" "$N1_ADDR4" "$VM_ADDR4" 9 "what its neighbour says")

# One move after the other; nobody but FRR tells the old host and h3.
stall_begin
for host in h2 h1 h2 h1 h2 h1; do
	old=h1
	[ $host = h2 ] || old=h2
	mark $old
	mark h3
	play -q 5 "v1:$host=$(vector k15_plain_unicast_udp)"
	for node in $host $old h3; do
		ok "to $host: $node follows" wait_for 30 at "$node" $host
	done
	for node in $old h3; do
		ok "$node's kernel was told" wait_for 5 is_told "$node"
		ok "$node has an event of it" wait_for 5 has_moved "$node" $host
		TOOK[$node]+=" $(($(moved "$node" $host) - $(told "$node")))"
	done
	play -q 10 -w v1:h1 -w v1:h2 "n1:h3=$probe"
	is "$(arrived v1:$host "$probe") $(arrived v1:$old "$probe")" "1 0" \
		"its neighbour's frame comes there, whole, and nowhere else"
done
stall_end
for node in h1 h2 h3; do
	diag "$node: ms from FRR's entry to the move:${TOOK[$node]}"
	# The quickest: what stands between both holds up each of them, another program only some.
	cmp_ok "$(tr ' ' '\n' <<<"${TOOK[$node]# }" | sort -n | head -n 1)" -le $((100 + STALLED)) \
		"$node has moved it within 100 ms of FRR's word"
done
for n in 1 2 3; do
	is "$(in_ns h$n bridge fdb show | grep -c "^$VM_MAC .*sticky")" 0 "h$n has no sticky entry, which EVPN would announce as one that stays"
done

# ---- frames on their way to the old host ----

# h3's FRR hears of nothing: its kernel goes on sending to h1.
kill -STOP "${WORLD_PID[bgpd-h3]}"
fabric_believes h1
play -q 5 "v1:h2=$(vector k15_plain_unicast_udp)"
ok "h1 has it at h2" wait_for 30 at h1 h2
reaches "a frame that comes to h1 without a tunnel is sent on to h2, whole" 0 1
ok "h3 does not know" has_entry h3 10.8.0.1
play -q 10 -w v1:h1 -w v1:h2 "n1:h3=$probe"
is "$(arrived v1:h2 "$probe") $(arrived v1:h1 "$probe")" "0 0" \
	"one that comes out of EVPN's own tunnel is not, ..."
is "$(reason vm-chain h1)" 1 "... which is counted"
kill -CONT "${WORLD_PID[bgpd-h3]}"
ok "h3 is told in the end" wait_for 60 at h3 h2
play -q 10 -w v1:h1 -w v1:h2 "n1:h3=$probe"
is "$(arrived v1:h2 "$probe") $(arrived v1:h1 "$probe")" "1 0" "the next one comes to h2"

# ---- who is trusted more ----

# The hypervisors' word is first; EVPN follows, and does not undo it.
on_each "h1 h2 h3" vm prepare "$VM_MAC" to h1 >/dev/null
on_each "h1 h2 h3" vm move "$VM_MAC" to h1 >/dev/null
play -q 5 "v1:h1=$(vector k15_plain_unicast_udp)"
ok "h3's kernel is told, too" wait_for 30 has_entry h3 10.8.0.1
for node in h1 h2 h3; do
	ok "$node has it at h1" at "$node" h1
done
play -q 5 "v1:h2=$(vector k15_plain_unicast_udp)"
for node in h2 h1 h3; do
	ok "and $node follows EVPN to h2 again" wait_for 30 at "$node" h2
done
for n in 1 2 3; do
	ok "h$n: nothing is wrong" sh -c "! $XROAM -i $WORLD-h$n -j status | pick '.wrong[]' | grep '^fdb'"
done
done_testing
