#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The outer source is how the other end knows whose tunnel it is: the local host's
# address of the method, the VNI and the family, on lo as in EVPN fabrics, and not
# the one that the route prefers.
# shellcheck source=tests/net/lib/vmworld.sh
. "$(dirname "$0")/lib/vmworld.sh"
vm_world_up -n 2
vm_places v1 h1 h2

for host in h1 h2; do
	n=${host#h}
	ip -n "$WORLD-$host" -batch - <<-EOT || bail "cannot set up $host"
		addr add 10.8.9.$n/32 dev lo
		addr add 10.8.10.$n/32 dev lo
		addr add fd08:9::$n/128 dev lo nodad
	EOT
done
for node in h1 h2; do
	n=$((3 - ${node#h}))
	ip -n "$WORLD-$node" -batch - <<-EOT || bail "no routes in $node"
		route add 10.8.9.$n/32 via 10.8.0.$n
		route add 10.8.10.$n/32 via 10.8.0.$n
		route add fd08:9::$n/128 via fd08::$n
	EOT
	in_ns "$node" ping -c1 -W2 10.8.0.$n >/dev/null
	in_ns "$node" ping -c1 -W2 fd08::$n >/dev/null
done
# Of IPv6 a device listens apart.
ip -n "$WORLD-h1" link add vx6 up type vxlan id 1000 local fd08:9::1 \
	dstport 4789 nolearning udp6zerocsumrx
# Nothing ends there: its device would take what has any address of h2's.
ip -n "$WORLD-h2" link del vx0
ok "attach" vm_attach h1

hex4()
{
	# shellcheck disable=SC2046,SC2183
	printf '%02x%02x%02x%02x' $(tr . ' ' <<<"$1")
}

# The outer packet in SEEN that left h1 for this address, after its lengths.
from_to4()
{
	echo "0800 45.{22}$(hex4 "$1")$(hex4 "$2")" | tr -d ' '
}

probe=$(vm_probe)
# left DESCRIPTION FROM TO: so the client's frame leaves h1; IPv6 as hex digits
left()
{
	play -q 10 -w fab:h1 "c1:eth0=$probe"
	case $2 in
	*.*)	is "$(arrived fab:h1 "$(from_to4 "$2" "$3")")" 1 "$1" ;;
	*)	is "$(arrived fab:h1 "86dd6.{15}$2$3")" 1 "$1" ;;
	esac
	[ "$(arrived fab:h1)" = 1 ] || diag "$(head -3 <<<"$SEEN")"
}

# xr_hosts NUMBER WAY...: a local one
xr_hosts()
{
	local n=$1

	shift
	xr host add "l$n" "$@" local
}

# All at once, on one machine: each path takes its own.
is "$(xr_hosts 1 vxlan 10.8.9.1 vni 1000 2>&1
      xr_hosts 2 vxlan 10.8.10.1 vni 1005 2>&1
      xr_hosts 3 vxlan fd08:9::1 vni 1000 2>&1
      xr_hosts 4 ipip 10.8.9.1 2>&1
      xr_hosts 5 gue fd08:9::1 2>&1)" "" "local hosts of several methods and VNIs"
xr host add f1 vxlan 10.8.9.2 vni 1000
xr host add f2 vxlan 10.8.10.2 vni 1005
xr host add f3 vxlan fd08:9::2 vni 1000
xr host add f4 ipip 10.8.10.2
xr host add f5 gue fd08:9::2
xr host add f6 gue 10.8.9.2
xr host add f7 vxlan 10.8.9.2 vni 1007
fabric_believes h1

lo6()
{
	printf 'fd080009%024x' "$1"
}

xr vm add "$VM_MAC" address "$VM_ADDR4" at l1 dev v1 >/dev/null
xr vm move "$VM_MAC" to f1
left "VXLAN: the address of the local host of that VNI" 10.8.9.1 10.8.9.2
xr vm move "$VM_MAC" to f2
left "of another VNI: its own" 10.8.10.1 10.8.10.2
xr vm move "$VM_MAC" to f3
left "by IPv6: the one of that family" "$(lo6 1)" "$(lo6 2)"
xr vm move "$VM_MAC" to f4
left "IPIP: the local host by IPIP" 10.8.9.1 10.8.10.2
xr vm move "$VM_MAC" to f5
left "GUE by IPv6: the local host by GUE" "$(lo6 1)" "$(lo6 2)"
xr vm move "$VM_MAC" to f6
left "GUE by IPv4: the local host by IPIP, it is one namespace of addresses" \
	10.8.9.1 10.8.9.2
xr vm move "$VM_MAC" to f7
left "a VNI of which no host is local: as the route prefers" 10.8.0.1 10.8.9.2

# The tc programs' copies go by the same ways.
xr vm move "$VM_MAC" to l1
xr vm prepare "$VM_MAC" to f1
xr vm pause "$VM_MAC"
left "a copy in the blackout" 10.8.9.1 10.8.9.2
xr vm move "$VM_MAC" to f1
play -q 10 -w fab:h1 "v1:h1=$(vector k1_garp_request)"

# The local host changes: the ways to the others do.
# shellcheck disable=SC2317 # called by name
change()
{
	xr export | sed "$1" >"$WORLD_DIR/changed.yaml" &&
		xr apply "$WORLD_DIR/changed.yaml"
}
ok "another local address" change '/name: "*l1"*$/,/name:/s/10.8.9.1/10.8.10.1/'
left "is the outer source at once" 10.8.10.1 10.8.9.2
ok "l2 is no local host any more, and has another place" \
	change '/name: "*l2"*$/,/name:/{s/10.8.10.1/10.8.10.7/;/local:/d}'
xr vm move "$VM_MAC" to f2
left "so its VNI's frames leave as the route prefers" 10.8.0.1 10.8.10.2

# Rules that go by the source.
xr vm move "$VM_MAC" to f6
left "before there is a rule about the source" 10.8.9.1 10.8.9.2
ip -n "$WORLD-h1" -batch - <<-EOT || bail "no rule"
	route add 10.8.9.2/32 via 10.8.0.9 table 99
	neigh replace 10.8.0.9 lladdr 02:00:00:00:00:99 dev br0 nud permanent
	rule add from 10.8.9.1 lookup 99
EOT
by_rule="020000000099$(no_colons "$(br0_mac h1)")0800"
# The kernel answers the data plane only where it forwards itself.
in_ns h1 sysctl -qw net.ipv4.conf.br0.forwarding=1
# shellcheck disable=SC2317 # called by name
obeyed()
{
	play -q 10 -w fab:h1 "c1:eth0=$probe"
	[ "$(arrived fab:h1 "$by_rule")" = 1 ]
}
ok "the data plane obeys it as it asks for the next hop anew" \
	wait_for 10 obeyed
in_ns h1 sysctl -qw net.ipv4.conf.br0.forwarding=0
xr vm move "$VM_MAC" to f1
xr host del f6
xr host add f6 gue 10.8.9.2
xr vm move "$VM_MAC" to f6
ok "and so does who fills it ahead" obeyed

# An address that is none of this machine's.
ip -n "$WORLD-h1" addr del 10.8.9.1/32 dev lo
like "$(xr -j status | pick '.wrong[]')" \
	"host l4: it is local, but its address is none of this machine's" \
	"status says where a local address is not here"
left "it is the outer source all the same: it may come back" 10.8.9.1 10.8.9.2
ip -n "$WORLD-h1" addr add 10.8.9.1/32 dev lo
unlike=$(xr -j status | pick '.wrong[]' | grep -c "host l.*none of this machine")
is "$unlike" 0 "and not where it is"
cat >"$WORLD_DIR/other.yaml" <<-EOT
	hosts:
	  - {name: a, vxlan: 10.8.9.77, vni: 1000, local: true}
	  - {name: b, vxlan: 10.8.9.2, vni: 1000}
	  - {name: c, vxlan: 10.8.0.1, vni: 1001, local: true}
EOT
like "$(xr check "$WORLD_DIR/other.yaml" 2>&1 | sort)" \
	"good: .*3 hosts.*host a: it is local, but " "check warns of it"
is "$(xr check "$WORLD_DIR/other.yaml" 2>&1 | grep -c "host [bc]")" 0 \
	"and of no other"
like "$(xr host add l9 ipip 10.8.0.77 local 2>&1)" \
	"host l9: it is local, but" "host add warns"
done_testing
