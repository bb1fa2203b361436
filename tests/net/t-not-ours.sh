#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# What somebody else wrote into the kernel's tables stays: neighbours, and FDB
# entries of a bridge and of a VXLAN device. What xroam wrote goes with its VM.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
world_begin
world_lone lb1 10.8.0.1/24 peer0
ip -n "$(ns lb1)" -batch - <<-EOT || bail "cannot make the devices"
	link add br0 type bridge
	link set br0 up
	addr add 10.9.0.1/24 dev br0
	addr add fd00:9::1/64 dev br0 nodad
	link add v1 type veth peer name inside
	link set v1 master br0 up
	link set inside up
	link add vx type vxlan id 100 local 10.8.0.1 dstport 4789 nolearning
	link set vx master br0 up
EOT
MAC=52:54:00:12:34:56
ADDR=10.9.0.10 ADDR6=fd00:9::10

neighbours()
{
	ip -n "$(ns lb1)" -j neigh show dev br0 | jq -r \
		'map(select(.dst == "'$ADDR'" or .dst == "'$ADDR6'")) |
		sort_by(.dst) | map("\(.lladdr) \(.state[0])") | join(", ")'
}

fdb() # DEV
{
	in_ns lb1 bridge -j fdb show dev "$1" | jq -r --arg mac $MAC \
		'map(select(.mac == $mac)) | map(if .master then "bridge" else
		.dst end + (.flags | map(" " + .) | add // "") + " " +
		(.state // "-")) | sort | join(", ")'
}

neigh()
{
	ip -n "$(ns lb1)" neigh "$@" dev br0
}

hosts() # METHOD [WORDS]
{
	local method=$1

	shift
	xr host add h1 "$method" 10.8.0.1 "$@" local &&
		xr host add h2 "$method" 10.8.0.2 "$@"
}

vm()
{
	# What it warns of is in err.
	xr vm "$@" >"$WORLD_DIR/said" 2>"$WORLD_DIR/err"
}

# Comes here, which is when its neighbours are written.
known()
{
	vm add "$MAC" address "$ADDR" address "$ADDR6" at h2 dev v1 && vm move "$MAC" to h1
}

ok "attach" xr dev attach eth0

# ---- neighbours, and the bridge's FDB ----

ok "hosts by IPIP" hosts ipip
ok "a VM here" known
is "$(neighbours)" "$MAC PERMANENT, $MAC PERMANENT" "has neighbours by us"
is "$(fdb v1)" "bridge " "and an FDB entry, not sticky: but for the VXLAN device the bridge leads nowhere"
ok "it leaves" vm leave $MAC
is "$(neighbours)" "" "its neighbours with it"
is "$(fdb v1)" "" "and its FDB entry"

port_is() # STATE
{
	[ "$(in_ns lb1 bridge -j link show dev v1 | jq -r '.[0].state')" = "$1" ]
}
ip -n "$(ns lb1)" link set inside down
ok "its port loses its carrier" wait_for 10 port_is disabled
ok "it is here all the same" known
like "$(cat "$WORLD_DIR/err")" "v1: its bridge takes no entry for a port that .* has no carrier" \
	"of its FDB entry it is said why there is none"
vm leave $MAC
ip -n "$(ns lb1)" link set inside up
ok "the carrier is back" wait_for 10 port_is forwarding

for who in $MAC 52:54:00:00:00:99; do
	neigh add $ADDR lladdr "$who" nud permanent
	neigh add $ADDR6 lladdr "$who" nud permanent
	in_ns lb1 bridge fdb add $MAC dev v1 master static
	was=$(neighbours) tables=$(fdb v1)
	ok "a VM whose neighbours an operator wrote down, $who" known
	is "$(neighbours)" "$was" "they are as they were"
	is "$(fdb v1)" "$tables" "so is the FDB entry"
	if [ "$who" = "$MAC" ]; then
		is "$(<"$WORLD_DIR/err")" "" "nothing to warn of"
	else
		like "$(<"$WORLD_DIR/err")" "neighbour .*another MAC.*stays" \
			"with another MAC: a warning"
	fi
	ok "it goes" vm move $MAC to h2
	ok "comes back" vm move $MAC to h1
	ok "and leaves" vm leave $MAC
	is "$(neighbours)" "$was" "the operator's neighbours stay"
	neigh del $ADDR
	neigh del $ADDR6
	in_ns lb1 bridge fdb del $MAC dev v1 master 2>/dev/null
done
# What the kernel only learned is replaced.
neigh add $ADDR lladdr 52:54:00:00:00:99 nud reachable
ok "a VM whose neighbour was learned" known
like "$(neighbours)" "$MAC PERMANENT" "is known by its own MAC"
neigh replace $ADDR lladdr $MAC nud permanent protocol static
ok "it leaves, and its neighbour was made an operator's meanwhile" vm leave $MAC
is "$(neighbours)" "$MAC PERMANENT" "who keeps it"
neigh del $ADDR

# ---- a VXLAN device's FDB ----

xr host del h1
xr host del h2
ok "hosts by VXLAN" hosts vxlan vni 100
ok "a VM here" known
ok "moves" vm move $MAC to h2
like "$(fdb vx)" "10.8.0.2 .*extern_learn" "the VXLAN device knows by us"
ok "it leaves" vm leave $MAC
is "$(fdb vx)" "" "and that went"
for to in 10.8.0.2 10.8.0.3; do
	in_ns lb1 bridge fdb add $MAC dev vx dst $to self permanent
	was=$(in_ns lb1 bridge fdb show dev vx | grep "^$MAC.*self")
	ok "one that an operator wrote down, at $to" known
	ok "moves" vm move $MAC to h2
	is "$(in_ns lb1 bridge fdb show dev vx | grep "^$MAC.*self")" "$was" \
		"the entry is as it was"
	[ $to = 10.8.0.2 ] ||
		like "$(<"$WORLD_DIR/err")" "vx: its FDB says otherwise" "a warning"
	ok "it leaves" vm leave $MAC
	is "$(in_ns lb1 bridge fdb show dev vx | grep "^$MAC.*self")" "$was" \
		"it stays"
	in_ns lb1 bridge fdb del $MAC dev vx dst $to self
done

done_testing
