#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Bridges' tables as a source: an entry that somebody writes as EVPN does, or that a bridge
# learns, moves the VM; the old host redirects and a third node knows. What is stale,
# written by hand, contradicts who is trusted more, or is xroam's own, moves nothing. And
# messages that the socket had no room for cost no move.
# shellcheck source=tests/net/lib/vmworld.sh disable=SC2317 # called by name
. "$(dirname "$0")/lib/vmworld.sh"
vm_world_up -n 3
vm_places v1 h1 h2
ok "attach" vm_attach h1 h2 h3
ok "hosts" vm_hosts vxlan h1 h2
xr_on h3 host add h1 vxlan 10.8.0.1 vni 1000 >/dev/null
xr_on h3 host add h2 vxlan 10.8.0.2 vni 1000 >/dev/null
on_each "h1 h2 h3" vm add "$VM_MAC" at h1 >/dev/null
for node in h1 h2 h3; do
	policy $node flap_moves 1000 >/dev/null
done
fabric_believes h1

# evpn NODE HOST: as zebra writes what it hears of a MAC at that VTEP
evpn()
{
	in_ns "$1" bridge fdb replace "$VM_MAC" dev vx0 master extern_learn &&
		in_ns "$1" bridge fdb replace "$VM_MAC" dev vx0 dst "$(underlay4 "$2")" \
			self extern_learn
}

evpn_forgets()
{
	in_ns "$1" bridge fdb del "$VM_MAC" dev vx0 master
	in_ns "$1" bridge fdb del "$VM_MAC" dev vx0 self
}

# watch NODE [YAML]: a daemon that watches br0
watch()
{
	xr_on "$1" export >"$WORLD_DIR/$1.yaml" || return
	echo "sources: {fdb: [${2-{bridge: br0\}}]}" >>"$WORLD_DIR/$1.yaml"
	start "daemon-$1" "$1" "$XROAM" -i "$WORLD-$1" run -c "$WORLD_DIR/$1.yaml"
	wait_for 5 grep -q watching "$WORLD_DIR/daemon-$1.err"
}

at() { [ "$(vm_fact "$1" "$VM_MAC" host)" = "$2" ]; }
fact_is() { [ "$(vm_fact "$1" "$VM_MAC" "$2")" = "$3" ]; }
wrong() { xr_on "$1" -j status | pick '.wrong[]' | grep -F "fdb "; }
wrong_is() { wrong "$1" | grep -q -- "$2"; }
nothing_wrong() { ! wrong "$1" | grep -q .; }
# Whatever was written before has been heard: n1 has moved, too, from n to m or back.
heard()
{
	local to=10.8.0.101 host=n

	[ "$(vm_fact "$1" "$N1_MAC" host)" != n ] || { to=10.8.0.102 host=m; }
	in_ns "$1" bridge fdb replace "$N1_MAC" dev vx0 dst "$to" self extern_learn
	wait_for 10 n1_at "$1" "$host" || { echo "n1's move was not heard"; return 1; }
}
n1_at() { [ "$(vm_fact "$1" "$N1_MAC" host)" = "$2" ]; }
on_each "h1 h2 h3" host add n vxlan 10.8.0.101 vni 1000 >/dev/null
on_each "h1 h2 h3" host add m vxlan 10.8.0.102 vni 1000 >/dev/null
on_each "h1 h2 h3" vm add "$N1_MAC" at n >/dev/null

# ---- off, and on ----

evpn h3 h1
ok "a daemon without the key" daemon h3
evpn h3 h2
evpn h3 h1
ok "moves nothing" at h3 h1
daemon_stop h3
for node in h1 h2 h3; do
	in_ns $node bridge fdb replace "$N1_MAC" dev vx0 master extern_learn
	in_ns $node bridge fdb replace "$N1_MAC" dev vx0 dst 10.8.0.101 self extern_learn
done
evpn h2 h1
play -q 5 "v1:h1=$(vector k15_plain_unicast_udp)"
for node in h1 h2 h3; do
	ok "a daemon that watches br0 on $node" watch $node
	monitor $node
done
for node in h1 h2 h3; do
	ok "$node has its bridge's entries" heard $node
done
reaches "where it runs" 1 0

# ---- a move ----

# The VM speaks at h2: that bridge learns. EVPN tells the others.
play -q 5 "v1:h2=$(vector k15_plain_unicast_udp)"
ok "the new host learns it from its own bridge" wait_for 10 at h2 h2
is "$(vm_fact h2 "$VM_MAC" source)" fdb "the source is named"
for node in h1 h3; do
	evpn $node h2
	ok "$node is told where it is" wait_for 10 at $node h2
	ok "an event says so" event_comes $node "$VM_MAC moved from h1 to h2.*fdb"
done
reaches "the old host redirects, the fabric has learned nothing" 0 1

# ---- not misled ----

for node in h1 h2 h3; do
	monitor_mark $node
done
moves=$(vm_fact h1 "$VM_MAC" moves)
evpn h1 h2
in_ns h1 bridge fdb replace "$VM_MAC" dev v1 master static
ok "h1 has heard an entry that was written by hand" heard h1
ok "at a port that the VM has left: it says nothing" at h1 h2
in_ns h1 bridge fdb replace "$VM_MAC" dev v1 master sticky static
ok "h1 has heard a sticky one" heard h1
ok "nor does that" at h1 h2
evpn h1 h2
ok "h1 has heard EVPN again" heard h1
is "$(vm_fact h1 "$VM_MAC" moves)" "$moves" "that moves nothing either"
policy h1 vm_ttl 1 >/dev/null
monitor_mark h1
in_ns h1 bridge fdb replace "$VM_MAC" dev vx0 dst 10.8.0.102 self extern_learn
ok "h1 is told of another host" wait_for 10 at h1 m
ok "no frame comes for a while: what it redirects ends" event_comes h1 "redirect to m ended"
is "$(in_ns h1 bridge fdb show dev vx0 | grep -c "^$VM_MAC .*extern_learn")" 2 "EVPN's own entries are EVPN's to take away"
evpn h1 h2
ok "h1 is told where it is" wait_for 10 at h1 h2
evpn_forgets h3
ok "h3 has heard that EVPN forgot it" heard h3
ok "h3 keeps it where it was" at h3 h2

# A local frame takes the entry back, while the VXLAN device's own stays.
in_ns h3 ip link add t0 type veth peer name t1
in_ns h3 ip link set t0 master br0 up
in_ns h3 ip link set t1 up
evpn h3 h2
in_ns h3 bridge fdb replace "$VM_MAC" dev t0 master dynamic
ok "h3 has heard of an entry at a port of its own" heard h3
ok "no host is this machine: it says nothing" at h3 h2
xr_on h3 host add h3 vxlan 10.8.0.3 vni 1000 local >/dev/null
in_ns h3 bridge fdb del "$VM_MAC" dev t0 master
in_ns h3 bridge fdb replace "$VM_MAC" dev t0 master dynamic
ok "once it is one, the VM is there, whatever the VXLAN device says" wait_for 10 at h3 h3
in_ns h3 bridge fdb replace "$VM_MAC" dev vx0 master extern_learn
ok "and back" wait_for 10 at h3 h2
# The port comes, and the VM speaks there, before anybody has looked what port it is.
kill -STOP "${WORLD_PID[daemon-h3]}"
in_ns h3 ip link add t2 type veth peer name t3
in_ns h3 ip link set t3 up
in_ns h3 ip link set t2 master br0 up
in_ns h3 bridge fdb replace "$VM_MAC" dev t2 master dynamic
kill -CONT "${WORLD_PID[daemon-h3]}"
ok "at a port that has just come, too" wait_for 10 at h3 h3
in_ns h3 bridge fdb replace "$VM_MAC" dev vx0 master extern_learn
ok "  and back" wait_for 10 at h3 h2
in_ns h3 ip link del t2

# ---- who is trusted more ----

xr_on h3 vm move "$VM_MAC" to h1 >/dev/null
ok "the operator's word is obeyed" at h3 h1
evpn h3 h1
ok "EVPN follows" heard h3
ok "prepare" xr_on h3 vm prepare "$VM_MAC" to h2
evpn h3 h3
monitor_mark h3
in_ns h3 bridge fdb replace "$VM_MAC" dev t0 master dynamic
ok "a contradiction while it moves is told" event_comes h3 "fdb says h3, but by the operator it is at h1 on its way to h2"
ok "and refused" at h3 h1
ok "status says so" wait_for 10 wrong_is h3 "VM $VM_MAC is at h3 by this bridge"
cmp_ok "$(reason outranked h3)" -ge 1 "it is counted"
ok "cancel" xr_on h3 vm cancel "$VM_MAC"
evpn h3 h1
ok "it agrees again: nothing is wrong" wait_for 10 nothing_wrong h3
evpn h3 h2
ok "and what it says next is believed" wait_for 10 at h3 h2
xr_on h3 vm prepare "$VM_MAC" to h1 timeout 2 >/dev/null
in_ns h3 bridge fdb replace "$VM_MAC" dev t0 master dynamic
ok "what it says against a move that nobody ends is believed after that" wait_for 10 at h3 h3
evpn h3 h2
ok "and back" wait_for 10 at h3 h2

# ---- its own entries ----

# The old host writes entries for the VM, the new one a sticky one: both are no news.
for host in h1 h2 h1 h2; do
	on_each "h1 h2" vm move "$VM_MAC" to $host >/dev/null
	ok "to $host" heard h1
	ok "heard" heard h2
	is "$(vm_fact h1 "$VM_MAC" host) $(vm_fact h2 "$VM_MAC" host)" "$host $host" \
		"what xroam wrote itself moves nothing"
done
like "$(in_ns h2 bridge fdb show dev v1)" "$VM_MAC.*sticky" "h2 has its own entry"
reaches "and frames go where the operator said" 0 1

# ---- a VTEP that is no host's, a bridge that is not there ----

in_ns h3 bridge fdb replace "$VM_MAC" dev vx0 dst 10.8.0.77 self extern_learn
ok "a VTEP that is no host's moves nothing" heard h3
ok "the VM stays" at h3 h2
evpn h3 h2
daemon_stop h3
ok "a daemon for a bridge that is not there" watch h3 "{bridge: br7}"
ok "status says so" wait_for 10 wrong_is h3 "br7: there is no such bridge"
in_ns h3 ip link add br7 type bridge
ok "until it is made" wait_for 10 nothing_wrong h3
daemon_stop h3

# ---- a storm ----

ok "the daemon again" watch h3
for ((i = 0; i < 30000; i++)); do
	printf 'fdb replace 06:00:00:00:%02x:%02x dev vx0 master extern_learn\n' $((i / 256 % 256)) $((i % 256))
done >"$WORLD_DIR/storm"
pid=${WORLD_PID[daemon-h3]}
kill -STOP "$pid"
for round in 1 2; do
	in_ns h3 bridge -batch "$WORLD_DIR/storm"
	sed -i "s/^fdb replace 06:0$((round - 1))/fdb replace 06:0$round/" "$WORLD_DIR/storm"
done
evpn h3 h1
kill -CONT "$pid"
# What comes before the socket has been read to its end is dropped without a word.
for round in {1..10}; do
	evpn h3 h2
	evpn h3 h1
done
ok "a move at the end of a storm is heard" wait_for 20 at h3 h1
ok "though some were lost" grep -q "more changes than could be kept" "$WORLD_DIR/daemon-h3.err"
ok "EVPN's next word" evpn h3 h2
ok "is heard, too" wait_for 20 at h3 h2
ok "the daemon is alive" kill -0 "$pid"

# ---- words in haste ----

# A move writes into the kernel where the VM is, in such a table after a while: the next word
# has come by then.
hurried()
{
	local round

	for round in {1..12}; do
		evpn h3 h1
		sleep "0.0$((RANDOM % 10))"
		evpn h3 h2
		wait_for 2 at h3 h2 || { echo "round $round"; return 1; }
	done
}
ok "a word that comes as the one before is obeyed is not overwritten" hurried
ok "nothing is wrong" nothing_wrong h3
done_testing
