#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
#	rival.sh NAME
#
# The guest of tests/vm is migrated to and fro between h1 and h2, by QEMU itself, under
# numbered probes of its neighbour p at h3; what carries its segment is
#
#	bridge		one bridged network, which learns from QEMU's RARP
#	evpn		VXLAN, with FRR's EVPN as the guide has it
#	ovn		OVN, whose requested-chassis is changed when the migration is completed
#	ovn-multi	OVN with both chassis while it migrates
#	ovn-rarp	the same with activation-strategy=rarp
#	xroam		that of bridge, with xroam on h1 and h2, by QEMU's events
#
# Prints what came of each run, and as its last line {"rival": NAME, "runs": [...]}, each as
# prober and migrate print it. RIVAL_RUNS: how many, 5. RIVAL_RATE: probes a second, 250,
# which an emulated guest bears on a busy machine.
#
# shellcheck disable=SC2317 # functions that others call
# shellcheck source-path=SCRIPTDIR source=../vm/lib/vm.sh
. "$(dirname "${BASH_SOURCE[0]}")/../vm/lib/vm.sh"
# shellcheck source-path=SCRIPTDIR source=../net/lib/routers.sh
. "$(dirname "${BASH_SOURCE[0]}")/../net/lib/routers.sh"
# shellcheck source-path=SCRIPTDIR source=../net/lib/ovn.sh
. "$(dirname "${BASH_SOURCE[0]}")/../net/lib/ovn.sh"

RIVAL=${1:?"rival.sh NAME"}
RUNS=${RIVAL_RUNS:-5}
SEGMENT=br0
OWN_TAPS=
CLIENT=p
P_MAC=52:54:00:12:34:88 P_ADDR=10.9.0.88

# ---- the same for all ----

# A data plane in user space does not fill in checksums that others have left open.
eval "plain_$(declare -f qemu)"
qemu()
{
	plain_qemu "$@" -global virtio-net-pci.csum=off -global virtio-net-pci.guest_csum=off
}

other()
{
	[ "$1" = h1 ] && echo h2 || echo h1
}

# The prober's own place, a port of h3's
neighbour()
{
	world_node p ''
	ip link add eth0 address $P_MAC mtu "$VM_MTU" netns "$WORLD-p" type veth \
		peer name p mtu "$VM_MTU" netns "$WORLD-h3"
	in_ns p ethtool -K eth0 tx off >/dev/null
	ip -n "$WORLD-p" -batch - <<-EOT
		link set eth0 up
		addr add $P_ADDR/24 dev eth0
	EOT
	ip -n "$WORLD-h3" link set p up
}

tap_bridged()
{
	cat <<-EOT
		link set $TAP address 02:00:00:00:1${TAP#tap}:0${1#h} mtu 1500
		link set $TAP ${SEGMENT:+master $SEGMENT} up
	EOT
}

# ---- each one's network ----

on_bridge()
{
	ip -n "$WORLD-h3" link set p master $SEGMENT
}

on_evpn()
{
	local n

	routers_begin
	SEGMENT=br5
	for n in 1 2 3; do
		ip -n "$WORLD-h$n" link del vx0
		walk evpn-devices <"$GUIDES/evpn.md" | sed "s/10\.8\.0\.1/10.8.0.$n/" >"$WORLD_DIR/devices"
		in_ns "h$n" sh -e "$WORLD_DIR/devices" || bail "h$n has no segment"
		guide_file evpn
		sed -i "s/10\.8\.0\.$n\b/@/; s/10\.8\.0\.1\b/10.8.0.$n/; s/@/10.8.0.1/" "$WORLD_DIR/evpn.conf"
		frr_with "h$n" "$WORLD_DIR/evpn.conf" || bail "no FRR at h$n"
	done
	on_bridge
}

# The underlay's address goes to a bridge of OVS's own.
on_ovn()
{
	local n

	ovn_begin
	SEGMENT=
	# shellcheck disable=SC2119 # its southbound database is asked by its own socket
	ovn_central || bail "no OVN"
	for n in 1 2 3; do
		ip -n "$WORLD-h$n" link del br0
	done
	ovn_chassis h1 h2 h3 || bail "no chassis"
	for n in 1 2 3; do
		vs h$n add-br br-up -- set bridge br-up datapath_type=netdev -- add-port br-up up0
		ip -n "$WORLD-h$n" -batch - <<-EOT
			link set br-up mtu $VM_MTU up
			addr add $(underlay4 h$n)/24 dev br-up
		EOT
	done
	nb ls-add net1 -- lsp-add net1 lp1 -- lsp-set-addresses lp1 "$VM_MAC $VM_ADDR4" -- \
		lsp-add net1 lp2 -- lsp-set-addresses lp2 "$P_MAC $P_ADDR" -- \
		lsp-set-options lp1 requested-chassis=h1
	ovn_device h3 p lp2
}

# ovn_device HOST DEV PORT: a device that is there is the logical port's
ovn_device()
{
	vs "$1" --may-exist add-br br-int -- add-port br-int "$2" -- \
		set interface "$2" external-ids:iface-id="$3"
}

wants()
{
	# What is opened first must not be its standard input.
	echo "ovn-nbctl --timeout=60 --wait=hv --db=unix:$WORLD_DIR/central/nb.sock lsp-set-options lp1 requested-chassis=$1 ${2-} </dev/null"
}

# ---- how its manager tells ----

steps()
{
	local from=$1 to=$2

	STEPS=()
	case $RIVAL in
	ovn)	STEPS=(--on "completed=$(wants "$to") &") ;;
	ovn-multi)
		STEPS=(--on "start=$(wants "$from,$to")" --on "completed=$(wants "$to") &")
		;;
	ovn-rarp)
		STEPS=(--on "start=$(wants "$from,$to" activation-strategy=rarp)"
			--on "completed=$(wants "$to") &")
		;;
	xroam)	until_ready "$from" "$to" ;;
	esac
}

# ---- the runs ----

FABRIC=learns
vm_world_up -n 3
neighbour
case $RIVAL in
bridge | xroam)	on_bridge ;;
evpn)	on_evpn ;;
ovn | ovn-multi | ovn-rarp)	on_ovn ;;
*)	bail "rival $RIVAL is unknown: bridge, evpn, ovn, ovn-multi, ovn-rarp, xroam" ;;
esac
VM_HOSTS=(h1 h2)
for host in "${VM_HOSTS[@]}"; do
	tap_of "$host"
	[[ $RIVAL != ovn* ]] || ovn_device "$host" "$TAP" lp1
done
guest_boot h1
[ "$RIVAL" != xroam ] || xroam_hosts daemon
RATE=${RIVAL_RATE:-250}
PROBE_OPTIONS=(-n 1)
wait_for 60 at_rest -n 1 || bail "nobody reaches the guest"
PROBE_OPTIONS=()
ALL=
for ((i = 1; i <= RUNS; i++)); do
	run_once "$(other "$AT")"
	# The guest's own network needs longer to find its way than the prober waits.
	remember "$RIVAL, run $i"
done
jq -sc --arg rival "$RIVAL" '{rival: $rival, runs: .}' <<<"$ALL"
