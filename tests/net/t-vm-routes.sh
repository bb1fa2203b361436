#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A host route to each address of the VMs that are here: when it comes and goes, whose it is,
# what becomes of it when the daemon, a device or somebody else is at work. The routing
# daemons that announce it are in t-vm-routes-routers.sh.
# shellcheck source=tests/net/lib/daemonworld.sh disable=SC2317 # called by name
. "$(dirname "$0")/lib/daemonworld.sh"
daemon_world_up
V4=10.9.0.10 V6=fd09::10
both="$V4 $V6"
in_ns n1 ip link add br0 type bridge
in_ns n1 ip link set br0 up
for dev in v1 v2 v3; do
	in_ns n1 ip link add $dev type veth peer name peer-$dev
	in_ns n1 ip link set peer-$dev up
	in_ns n1 ip link set $dev up
done
in_ns n1 ip link set v1 master br0

# vm_routes KEYS: the daemon's file, with these in vm_routes; "": without it
vm_routes()
{
	{
		sed "s/addresses: .*/addresses: [$V4, \"$V6\"], tap: v1}/" "$CONFIG"
		printf 'devices: [{name: eth0}]\n'
		[ -z "$1" ] || printf 'vm_routes: %s\n' "$1"
	} >"$WORLD_DIR/with.yaml"
}

# routes [TABLE]: our routes there: address, device ("-": a blackhole), metric
listed()
{
	local family

	for family in -4 -6; do
		ip -n "$WORLD-n1" $family -j route show table "${1-main}" proto 141 2>/dev/null |
			jq -r '.[] | "\(.dst) \(if .type == "blackhole" then "-" else .dev end) \(.metric)"'
	done
}
routes() { listed "$@" | cut -d' ' -f1 | paste -sd' '; }
routes_are() { [ "$(routes "${2-main}")" = "$1" ]; }
by_are() { [ "$(listed | cut -d' ' -f2 | sort -u | paste -sd' ')" = "$1" ]; }
wrong() { xr -j status | pick '.wrong[]' | grep ^vm_routes; }
wrong_is() { [[ "$(wrong)" == *"$1"* ]] && { [ -n "$1" ] || [ -z "$(wrong)" ]; }; }

reload()
{
	local before
	before=$(grep -c 'read again' "$WORLD_DIR/daemon.err")
	kill -HUP "$(pid daemon)"
	wait_for 10 sh -c "[ \"\$(grep -c 'read again' '$WORLD_DIR/daemon.err')\" -gt $before ]"
}

# ---- here and not here ----

vm_routes "{}"
ok "a daemon with vm_routes" run_daemon -c "$WORLD_DIR/with.yaml"
ok "the VM that is here has routes" wait_for 10 routes_are "$both"
is "$(listed)" "$(printf '%s br0 10\n' $V4 $V6)" "by its bridge, with metric 10"
ok "another VM, elsewhere" xr vm add 52:54:00:00:00:07 address 10.9.0.7 at h2
ok "and one that comes to be here" xr vm add 52:54:00:00:00:08 address 10.9.0.8 at h1 dev v2
ok "that has one by its port" wait_for 10 routes_are "10.9.0.8 $both"
ok "it is gone for good" xr vm leave 52:54:00:00:00:08
ok "so is its route" wait_for 10 routes_are "$both"

# ---- a move: it stays for a while ----

vm_routes "{hold: 3600}"
ok "a long hold" reload
ok "a VM at a port of its own" xr vm add 52:54:00:00:00:08 address 10.9.0.8 at h1 dev v2
ok "has a route" wait_for 10 routes_are "10.9.0.8 $both"
for mac in $VM 52:54:00:00:00:08; do
	ok "it moves" xr vm move "$mac" to h2
done
ok "a port may go with the VM: its route is none by it any more" wait_for 10 by_are "- br0"
in_ns n1 ip link del v2
like "$(listed)" "10.9.0.8 - 10" "and stays"
is "$(routes)" "10.9.0.8 $both" "as the others do"
in_ns n1 ip route flush proto 141
ok "also where somebody takes it away" wait_for 10 routes_are "10.9.0.8 $both"
ok "a VM comes back" xr vm move $VM to h1
ok "and has its own again" wait_for 10 by_are "- br0"
vm_routes "{hold: 1}"
ok "a short one" reload
ok "the other's is over" wait_for 20 routes_are "$both"
ok "it moves" xr vm move $VM to h2
ok "when its time is over, there is none" wait_for 20 routes_are ""
ok "it comes back" xr vm move $VM to h1
ok "as before" wait_for 10 routes_are "$both"
xr vm leave 52:54:00:00:00:08 >/dev/null
vm_routes "{hold: 0}"
ok "no hold" reload
ok "it moves" xr vm move $VM to h2
ok "at once" wait_for 10 routes_are ""
ok "it comes back" xr vm move $VM to h1
ok "as before" wait_for 10 routes_are "$both"

# ---- whose port is not known, whose address is two VMs' ----

ok "a VM without a port" xr vm add 52:54:00:00:00:09 address 10.9.0.9 at h1
ok "has none, which status says" wait_for 20 wrong_is \
	"VM 52:54:00:00:00:09: there is no route to it, as its port is not known; \"xroam vm add"
ok "another one" xr vm add 52:54:00:00:00:0b address 10.9.0.11 at h1
two_lines() { [ "$(wrong | grep -c "as its port is not known; .* names it$")" = 2 ]; }
ok "has a line of its own" wait_for 20 two_lines
xr vm leave 52:54:00:00:00:0b >/dev/null
ok "its port is named" xr vm add 52:54:00:00:00:09 address 10.9.0.9 at h1 dev v3
ok "it has one" wait_for 20 routes_are "10.9.0.9 $both"
ok "and nothing is wrong" wait_for 10 wrong_is ""
ok "a VM in a VLAN with the same address" xr vm add 52:54:00:00:00:0a vlan 7 address 10.9.0.9 at h2
ok "then there is none: a route knows no VLAN" wait_for 10 routes_are "$both"
xr vm leave 52:54:00:00:00:0a vlan 7 >/dev/null
ok "it leaves" wait_for 10 routes_are "10.9.0.9 $both"
xr vm leave 52:54:00:00:00:09 >/dev/null
ok "so does the other" wait_for 10 routes_are "$both"

# ---- others at work ----

in_ns n1 ip route flush proto 141
in_ns n1 ip -6 route flush proto 141
ok "routes that somebody flushed come back" wait_for 10 routes_are "$both"
in_ns n1 ip link set br0 down
is "$(routes)" "" "with a device that is down the kernel takes them away"
in_ns n1 ip link set br0 up
ok "they come back with it" wait_for 10 routes_are "$both"
xr vm move $VM to h2 >/dev/null
ok "it leaves" wait_for 10 routes_are ""
in_ns n1 ip route add $V4 dev br0 metric 10 proto static
ok "it comes back where somebody has that route" xr vm move $VM to h1
ok "which status says" wait_for 10 wrong_is \
	"vm_routes: $V4: table 254 has another route of metric 10 to it, which xroam did not make"
like "$(in_ns n1 ip route show $V4)" "proto static" "and which stays"
in_ns n1 ip route del $V4 metric 10
ok "when that is gone it has its own" wait_for 10 routes_are "$both"
ok "and nothing is wrong" wait_for 10 wrong_is ""

two=$WORLD-two
xr2() { in_ns n1 "$XROAM" -i "$two" "$@"; }
two_file()
{
	printf 'devices: []\nhosts:\n  - {name: h1, vxlan: 10.8.0.1, vni: 7, local: true}\nvms: []\nvm_routes: %s\n' "$1" >"$WORLD_DIR/two.yaml"
}
two_file "{}"
start two n1 "$XROAM" -i "$two" run -c "$WORLD_DIR/two.yaml"
ok "a second daemon" wait_for 10 grep -q watching "$WORLD_DIR/two.err"
two_wrong() { xr2 -j status | pick '.wrong[]' | grep -q "vm_routes: table 254, metric 10: another daemon"; }
ok "does not share a table and a metric" wait_for 10 two_wrong
is "$(routes)" "$both" "and takes away nothing"
stop two
xr2 destroy >/dev/null
is "$(routes)" "$both" "nor does its destroy"

# ---- another table ----

vm_routes "{table: 1978, hold: 0}"
ok "a table" reload
ok "has them" wait_for 10 routes_are "$both" 1978
is "$(routes)" "" "and the main one no more"
vm_routes "{hold: 0}"
ok "the main one" reload
ok "again" wait_for 10 routes_are "$both"
is "$(routes 1978)" "" "and the table no more"

# ---- detach ----

ok "detach" xr dev detach eth0
ok "where no program runs there are none" wait_for 10 routes_are ""
ok "attach" xr dev attach eth0
ok "again" wait_for 10 routes_are "$both"

# ---- the daemon goes and comes ----

ok "another VM that is here" xr vm add 52:54:00:00:00:09 address 10.9.0.9 at h1 dev v3
ok "has one" wait_for 10 routes_are "10.9.0.9 $both"
daemon_end KILL
is "$(routes)" "10.9.0.9 $both" "a daemon that is killed takes away nothing"
xr vm leave 52:54:00:00:00:09 >/dev/null
start changes n1 ip monitor route
ok "the next one" run_daemon -c "$WORLD_DIR/with.yaml"
ok "takes away what has no VM any more" wait_for 10 routes_are "$both"
ok "which is seen" wait_for 10 grep -q "Deleted 10.9.0.9" "$WORLD_DIR/changes.out"
is "$(grep -c "$V4\|$V6" "$WORLD_DIR/changes.out")" 0 "and takes over the others as they are"
vm_routes ""
ok "without the key" reload
ok "there are none" wait_for 10 routes_are ""
vm_routes "{}"
ok "with it" reload
ok "there are" wait_for 10 routes_are "$both"
daemon_end KILL
vm_routes ""
ok "a daemon without the key" run_daemon -c "$WORLD_DIR/with.yaml"
ok "takes away those of the one before" wait_for 10 routes_are ""
daemon_end
vm_routes "{}"
ok "one with it" run_daemon -c "$WORLD_DIR/with.yaml"
ok "makes them" wait_for 10 routes_are "$both"
ok "its end" daemon_end
is "$(routes)" "$both" "takes away nothing"
ok "destroy does, without a daemon" xr destroy
is "$(routes)" "" "all of it"
ok "a daemon" run_daemon -c "$WORLD_DIR/with.yaml"
ok "makes them" wait_for 10 routes_are "$both"
ok "destroy with a daemon" xr destroy
is "$(routes)" "" "takes them away, too"
done_testing
