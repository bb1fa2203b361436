#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A blackout: each frame for the VM is delivered at its old place and copied to its
# new one, once, whoever sends it and whatever it is; with nobody there to end it
# it falls back; no loop, and nothing left behind.
# shellcheck source=tests/net/lib/vmworld.sh
. "$(dirname "$0")/lib/vmworld.sh"

TAP=$WORLD_BUILD/tests/net/tap
V6_MAC=52:54:00:12:34:60

vm_world_up -n 2
vm_places v1 h1 h2
vm_places v1b -v 5 h1 h2
vm_places n1 -m $N1_MAC h1
vm_places n5 -v 5 -m $V6_MAC h1
# Larger than the underlay's 1600 octets, inside the host.
ip -n "$WORLD-n1" link set h1 mtu 9000
for dev in n1 v1; do
	ip -n "$WORLD-h1" link set $dev mtu 9000
done
ip -n "$WORLD-v1" link set h1 mtu 9000

vm_attach h1 h2 || bail "cannot attach"
vm_hosts vxlan h1 h2 || bail "cannot add hosts"
for node in h1 h2; do
	for host in h1 h2; do
		local=()
		[ $node != $host ] || local=(local)
		xr_on $node host add ${host}v5 vxlan "$(underlay4 $host)" \
			vni 1005 "${local[@]}" || bail "cannot add hosts"
	done
done >/dev/null

# known NODE MAC PORT [BRIDGE]: its bridge has learned
known()
{
	in_ns "$1" bridge fdb replace "$2" dev "$3" master dynamic
}

# both WORDS...: the new host first, as an operator would
both()
{
	on_each "h2 h1" "$@" >/dev/null
}

# at FRAME: how often it came to the old place and to the new one
at()
{
	echo "$(arrived "${2-v1}:h1" "$1") $(arrived "${2-v1}:h2" "$1")"
}

# However long a busy machine takes for what follows.
for node in h1 h2; do
	policy $node blackout_timeout 600 >/dev/null || bail "no policy"
done

known h1 $VM_MAC v1
fabric_believes h1
# However long this takes.
ok "policy" policy h1 blackout_timeout 300
ok "policy" policy h2 blackout_timeout 300
on_each "h1" vm add $VM_MAC address $VM_ADDR4 at h1 >/dev/null
on_each "h2" vm add $VM_MAC address $VM_ADDR4 at h1 dev v1 >/dev/null

probe=$(vm_probe)
near=$(neighbour_probe)
arp=$(frame make udp $C1_MAC $VM_MAC 1.2.3.4 1.2.3.5 9 x |
	sed 's/^\(.\{24\}\).*/\10806000108000604000100000000007755aa0a09004d0000000000000a09000a/')
cast=$(vm_probe "this is for everybody" | sed 's/^.\{12\}/ffffffffffff/')
six=$(frame make udp $C1_MAC $VM_MAC fd09::77 $VM_ADDR6 9 "six of one, and longer")

ok "prepare" both vm prepare $VM_MAC to h2
play -w v1:h1 -w v1:h2 "c1:eth0=$probe" "n1:h1=$near"
is "$(at "$probe") $(at "$near")" "1 0 1 0" "prepared: delivered at the old place alone"

ok "pause" both vm pause $VM_MAC
play -w v1:h1 -w v1:h2 "c1:eth0=$probe*3" "n1:h1=$near*3" "c1:eth0=$arp" \
	"c1:eth0=$six" "c1:eth0=$cast"
is "$(at "$probe")" "3 3" "blackout: from the fabric, to both, once each"
is "$(at "$near")" "3 3" "from a neighbour on the old host, too"
is "$(at "$arp") $(at "$six")" "1 1 1 1" "ARP and IPv6 as well"
is "$(arrived v1:h1 "$cast")" 1 "a broadcast is the fabric's to bring: not copied"
is "$(arrived v1:h2 "$cast")" 1 "and comes once to the new place"
is "$(vm_fact h1 $VM_MAC copied) $(reason copied h1)" "8 8" "each copy counts"

prio=$(vm_probe "this is urgent")
play -w v1:h1 -w v1:h2 "c1:eth0=$(tagged $((5 << 13)) "$prio")" \
	"c1:eth0=$(tagged 0 "$(tagged $((5 << 13)) "$prio")")"
is "$(at "${prio:24}")" "2 2" "a priority is no VLAN, be it said twice"

play -c -w v1:h1 -w v1:h2 "c1:eth0#$(vm_probe @40)*2000/100"
is "$(numbers v1:h1 numbers) $(numbers v1:h1 twice) $(numbers v1:h2 numbers) $(
	numbers v1:h2 twice)" "2000 0 2000 0" "two thousand: none lost, none twice"

# The new host's next hop is forgotten meanwhile: the kernel finds it again.
again()
{
	both vm cancel $VM_MAC
	both vm prepare $VM_MAC to h2
	both vm pause $VM_MAC
}

again
in_ns h1 sysctl -qw net.ipv4.conf.br0.forwarding=1
ip -n "$WORLD-h1" neigh del "$(underlay4 h2)" dev br0
play -c -w v1:h1 -w v1:h2 "c1:eth0#$(vm_probe @40)*400/10000"
is "$(numbers v1:h1 numbers) $(numbers v1:h2 numbers) $(numbers v1:h2 twice)" \
	"400 400 0" "a next hop that has to be asked for: none lost, none twice"
like "$(ip -n "$WORLD-h1" neigh show "$(underlay4 h2)")" lladdr \
	"and it has been asked for"
in_ns h1 sysctl -qw net.ipv4.conf.br0.forwarding=0
again

# 1700 octets fit nowhere; 1600 do without the outer header.
big=$(neighbour_probe @1558)
play -w v1:h1 -w v1:h2 "n1:h1=$big"
is "$(at "$big")" "1 0" "too large for a copy: delivered"
is "$(reason copy-failed h1)" 1 "and counted"

# ---- a sender that leaves segments and checksums to its device ----

ip netns exec "$WORLD-n1" ethtool -K h1 tx-checksumming on tso on >/dev/null
in_ns h1 ethtool -K v1 tx-checksumming on tso on >/dev/null
# super OCTETS SIZE: what came of it at both places
super()
{
	watch_begin v1:h1 v1:h2
	in_ns n1 "$TAP" gso h1 $VM_MAC $N1_MAC $VM_ADDR4 $N1_ADDR4 "$1" "$2"
	watch_end
	sed -n "s/^v1:h2 //p" <<<"$SEEN" | grep "^525400123456525400123499" | "$TAP" sum
}
is "$(super 500 1000)" "segments 1 octets 500 bad 0" \
	"a checksum left to the device is right in the copy"
like "$(super 4000 1000)" "octets 4000 bad 0" \
	"a TSO sender's frame: copied in segments, each whole"
is "$(reason copy-failed h1)" 1 "none failed"

# The same by the methods for routed fabrics, which carry packets: what leaves h1.
xr_on h1 vm cancel $VM_MAC >/dev/null
for method in ipip gue; do
	outer=34
	[ $method = ipip ] || outer=42
	xr_on h1 host add h2$method $method "$(underlay4 h2)" >/dev/null
	xr_on h1 vm prepare $VM_MAC to h2$method >/dev/null
	xr_on h1 vm pause $VM_MAC >/dev/null
	watch_begin fab:h1 v1:h1
	in_ns n1 "$TAP" gso h1 $VM_MAC $N1_MAC $VM_ADDR4 $N1_ADDR4 4000 1000
	watch_end
	is "$(sed -n "s/^fab:h1 .\{$((2 * outer))\}45/$(printf '0%.0s' {1..28})45/p" \
		<<<"$SEEN" | "$TAP" sum)" \
		"segments 5 octets 4000 bad 0" "$method: in segments, too"
	is "$(grep -c "^v1:h1 525400123456$(no_colons $N1_MAC)" <<<"$SEEN")" 1 \
		"$method: and delivered"
	xr_on h1 vm cancel $VM_MAC >/dev/null
	xr_on h1 host del h2$method >/dev/null
done
xr_on h1 vm prepare $VM_MAC to h2 >/dev/null
xr_on h1 vm pause $VM_MAC >/dev/null
in_ns h1 ethtool -K v1 tx-checksumming off >/dev/null

# ---- VLANs: the same MAC elsewhere is another VM ----

known h1 $VM_MAC v1b
on_each h1 vm add $VM_MAC vlan 5 at h1v5 >/dev/null
on_each h2 vm add $VM_MAC vlan 5 at h1v5 dev v1b >/dev/null
other=$(neighbour_probe "in VLAN 5, and no other")
play -w v1b:h1 -w v1b:h2 -w v1:h1 -w v1:h2 "c1:eth0=$probe"
is "$(at "$probe") $(at "$probe" v1b)" "1 1 0 0" "its blackout is not that of VLAN 5"
ok "VLAN 5: prepare" both vm prepare $VM_MAC vlan 5 to h2v5
ok "VLAN 5: pause" both vm pause $VM_MAC vlan 5
is "$(vm_fact h1 $VM_MAC tap 5)" v1b "its port is the one in VLAN 5's segment"
play -w v1b:h1 -w v1b:h2 -w v1:h1 -w v1:h2 "n5:h1=$other*2"
is "$(at "$other" v1b) $(at "$other")" "2 2 0 0" "VLAN 5's copies stay in VLAN 5"
ok "VLAN 5: cancel" both vm cancel $VM_MAC vlan 5
play -w v1b:h1 -w v1b:h2 "n5:h1=$other*2"
is "$(at "$other" v1b)" "2 0" "cancelled: no copies any more"

# ---- the new host: its bridge knows no better ----

in_ns h2 bridge fdb replace $VM_MAC dev up0 master static
play -q 50 -w v1:h1 -w v1:h2 -w fab:h2 "c1:eth0=$probe*3"
is "$(at "$probe")" "3 3" "its bridge has the VM on its uplink: copies reach the port"
is "$(grep -c "^fab:h2 $probe" <<<"$SEEN")" 0 "and none goes back"
# It waits for them longer than the old host makes them, whoever heard first.
ok "policy, the new host" policy h2 blackout_timeout 1
both vm cancel $VM_MAC
both vm prepare $VM_MAC to h2
xr_on h2 vm pause $VM_MAC >/dev/null
sleep 2.2
xr_on h1 vm pause $VM_MAC >/dev/null
play -q 50 -w v1:h1 -w v1:h2 "c1:eth0=$probe*3"
is "$(at "$probe")" "3 3" "the new host's time is longer: no copy goes round"
policy h2 blackout_timeout 600 >/dev/null
# The port is not known: the bridge decides, and must not send them back.
xr_on h2 vm cancel $VM_MAC >/dev/null
xr_on h2 vm leave $VM_MAC >/dev/null
xr_on h2 vm add $VM_MAC at h1 >/dev/null
in_ns h2 bridge fdb del $VM_MAC dev v1 master 2>/dev/null
xr_on h2 vm prepare $VM_MAC to h2 >/dev/null 2>&1
play -q 50 -w fab:h1 -w fab:h2 "c1:eth0=$probe*3"
is "$(arrived fab:h2 "^$probe") $(reason vm-loop h2)" "0 3" \
	"without a port: dropped at the uplink, as vm-loop"
in_ns h2 bridge fdb del $VM_MAC dev up0 master

# ---- nobody ends it ----

both vm cancel $VM_MAC
ok "policy" policy h1 blackout_timeout 2
both vm prepare $VM_MAC to h2 2>/dev/null
both vm pause $VM_MAC
play -w v1:h1 -w v1:h2 "n1:h1=$near"
is "$(at "$near")" "1 1" "a blackout of two seconds: copied"
sleep 3.2
play -w v1:h1 -w v1:h2 "n1:h1=$near*3"
is "$(at "$near")" "3 0" "over: delivered alone, with no process running"
is "$(vm_fact h1 $VM_MAC state)" stable "and it says so"

# ---- after it ----

# programs NODE: of its tc programs, those that the kernel still has
programs()
{
	local id

	for id in ${IDS[$1]}; do
		bpftool prog show id "$id" >/dev/null 2>&1 && echo "$id"
	done | wc -l
}

# They are freed when nobody can be in them any more.
# shellcheck disable=SC2317 # called by name
are_gone()
{
	[ "$(programs h1) $(programs h2)" = "0 0" ]
}

ids()
{
	bpftool -j prog show pinned "/sys/fs/bpf/xroam/$WORLD-$1/$2" | pick .id
}

declare -A IDS=()
for node in h1 h2; do
	for word in tc_tap_out tc_uplink_in tc_uplink_out; do
		IDS[$node]+=" $(ids $node $word)"
	done
done
is "$(programs h1) $(programs h2)" "3 3" "tc programs are there"
both vm prepare $VM_MAC to h2 2>/dev/null
both vm pause $VM_MAC
ok "reload, in a blackout" on_each "h1 h2" reload
ok "the old programs are gone" wait_for 3 are_gone
play -w v1:h1 -w v1:h2 "n1:h1=$near*2"
is "$(at "$near")" "2 2" "and the new ones copy"
both vm move $VM_MAC to h2
play -w v1:h1 -w v1:h2 "n1:h1=$near*2"
is "$(at "$near")" "0 2" "moved: the neighbour reaches it there, only"
for node in h1 h2; do
	IDS[$node]="$(ids $node tc_tap_out) $(ids $node tc_uplink_in) $(ids $node tc_replay)"
done
# Somebody else's filter.
in_ns h1 tc qdisc add dev up0 clsact 2>/dev/null
in_ns h1 tc filter add dev up0 ingress prio 7 bpf da \
	pinned "/sys/fs/bpf/xroam/$WORLD-h2/tc_uplink_in"
ok "destroy" on_each "h1 h2" destroy
is "$(in_ns h1 tc filter show dev up0 ingress | grep -c "pref 7.*handle")" 1 \
	"destroy leaves what others put there"
in_ns h1 tc qdisc del dev up0 clsact
ok "and nothing of its own" wait_for 3 are_gone
qdiscs()
{
	local dev

	for dev in up0 vx0 vx5 v1 v1b; do
		in_ns "$1" tc qdisc show dev $dev clsact
	done 2>/dev/null | wc -l
}
is "$(qdiscs h1) $(qdiscs h2)" "0 0" "no clsact either"
done_testing
