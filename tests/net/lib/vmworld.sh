# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# A fabric of hosts whose VMs move, in namespaces. Beside world.sh, whose TAP,
# in_ns, xr_on, start, wait_for ... it uses:
#
#	c1 ---\          /--- up0 h1 br0 --- v1's device "h1"
#	       fab (bridge)-- up0 h2 br0 --- v1's device "h2"   v1: a VM with a
#	gw ---/          \--- up0 h3 br0 --- v1's device "h3"   device per place
#	 \--- c2
#
# A host's underlay address is its bridge's own; its device vx0 (VXLAN, VNI 1000,
# learning off) is a port of that bridge. This kernel has neither 802.1Q devices
# nor bridges that filter VLANs: tags are in hand-made frames only, and what is
# untagged again on a host, behind VNI 1000 + N, is a bridge of its own, brN.
# gw routes between the segment, the underlay and c2.
#
#	vm_world_up [-g] [-r] [-m MTU] [-n HOSTS]
#		-g  fab is to run xroam, not the hosts: the devmap case
#		-r  no bridge in the hosts: VMs' addresses are routed to them
#		-m  MTU of the fabric, 1600
#		-n  hosts, 3
#	vm_places VM [-v VLAN] [-m MAC] HOST...	a silent device in VM's namespace for
#				each host, of that name, all with the VM's MAC
#	vm_boot VM HOST		one with addresses, "eth0"; vm_replug VM FROM TO
#				moves it as a migration would
#	vm_attach NODE...	dev attach, every device that counts
#	vm_hosts METHOD NODE...	host add of every host on these nodes:
#				vxlan, vxlan6, ipip, ipip6, gue, gue6, mac, port
#	tap_plug PROGRAM	the VM's port at h1 is a tap of that one, which takes
#				the commands of lib/tap.c, written as "echo WORD >&7";
#				its answers are in tap.out; tap_unplug
#	on_each "NODE..." ARGS...	the same command on each node
#	vm_fact NODE MAC KEY [VLAN]	of vm show
#	fabric_believes HOST [MAC]	whoever announces it, fab sends its frames there
#	vm_routed_boot VM HOST..., vm_routed_run VM HOST, vm_routed_by HOST	with -r
#	arrived PLACE [HEX]	frames in SEEN (world.sh: play) that came there and hold HEX
#	numbers PLACE WORD	a figure of what "play -c" printed
#	vector NAME		a frame of lib/announcements.json
#	tagged VLAN HEX		the frame with that tag
#	holds HEX SUBSTITUTION	sed on a frame (a check that it changed something)
#	vm_probe [-v VLAN] [TEXT]	c1's datagram to v1, the frame; neighbour_probe
#				[TEXT]: n1's
#	reaches WHAT H1 H2	vm_probe gets to v1 so often at each
#	vxlan_of VNI		the VXLAN header, to be looked for
#	monitor NODE, monitor_mark NODE, event_comes NODE REGEX	events since then
#	xr, refused ...		as in world.sh, on $XR_NODE (h1)
#	policy NODE KEY VALUE [KEY VALUE...]	apply of what runs, with these
#	daemon NODE / daemon_stop NODE [SIGNAL]
#
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "${BASH_SOURCE[0]}")/world.sh"

VECTORS=$(dirname "${BASH_SOURCE[0]}")/announcements.json
VM_ROUTED='' VM_FAB_NODE='' VM_MTU=1600 VM_HOSTS=()

# Who is who in announcements.json; n1 is another VM.
VM_MAC=52:54:00:12:34:56 VM_ADDR4=10.9.0.10 VM_ADDR6=fd09::10
GW_MAC=02:00:00:00:00:01 GW_ADDR4=10.9.0.1 GW_ADDR6=fd09::1
N1_MAC=52:54:00:12:34:99 N1_ADDR4=10.9.0.99
C1_MAC=02:00:00:00:00:77 C1_ADDR4=10.9.0.77 C1_ADDR6=fd09::77
# shellcheck disable=SC2034
ALL_KINDS=(k1_garp_request k1b_garp_request_tha_bcast k2_garp_reply_bcast
	   k2b_garp_reply_tha_bcast k3_rarp_qemu k4_arp_req_gw_target_bcast
	   k5_arp_req_other_target_bcast k6_arp_reply_unicast_gw
	   k7_arp_reply_unicast_other k9_na_unsol_override
	   k9b_na_unsol_linklocal k9c_na_no_tlla)
# shellcheck disable=SC2034
OTHER_KINDS=(k8_arp_probe_rfc5227 k10_ns_dad k11_rs k12_mldv2_report
	     k13_igmpv3_report k14_dhcp_request k15_plain_unicast_udp
	     k16_llc_xid_bcast)

declare -A VM_IP=()
VM_IP_MAIN='' VM_INDEX=100 VM_MARK=1

# ---- addresses ----

underlay4() { echo "10.8.0.${1#h}"; }
underlay6() { echo "fd08::${1#h}"; }
up0_mac() { echo "02:00:00:00:07:0${1#h}"; }
br0_mac() { echo "02:00:00:00:08:0${1#h}"; }

# shellcheck source=tests/net/lib/vmframes.sh
. "$(dirname "${BASH_SOURCE[0]}")/vmframes.sh"

# ---- xroam ----

XR_NODE=h1

on_each()
{
	local node nodes=$1

	shift
	for node in $nodes; do
		xr_on "$node" "$@" || return
	done
}

tap_plug()
{
	mkfifo "$WORLD_DIR/tap.in"
	rm -f "$WORLD_DIR/tap.out"
	nsenter --net="/run/netns/$WORLD-h1" \
		"$1" open tap0 \
		<"$WORLD_DIR/tap.in" >"$WORLD_DIR/tap.out" \
		2>"$WORLD_DIR/tap.err" &
	WORLD_PID[tap]=$!
	exec 7>"$WORLD_DIR/tap.in"
	wait_for 5 grep -q ready "$WORLD_DIR/tap.out" || bail "no tap"
	in_ns h1 sh -c 'echo 1 >/proc/sys/net/ipv6/conf/tap0/disable_ipv6
		ip link set tap0 txqueuelen 4000 master br0 up
		bridge link set dev tap0 mcast_flood off bcast_flood on'
	in_ns h1 bridge fdb replace $VM_MAC dev tap0 master dynamic
	: >"$WORLD_DIR/tap.out"
	on_each h1 vm add $VM_MAC at h1 >/dev/null
	on_each h2 vm add $VM_MAC at h1 dev v1 >/dev/null
}

tap_unplug()
{
	on_each "h1 h2" vm leave $VM_MAC >/dev/null
	exec 7>&-
	wait "${WORLD_PID[tap]}"
	unset 'WORLD_PID[tap]'
	rm "$WORLD_DIR/tap.in"
}

vm_attach()
{
	local node

	for node; do
		case $node in
		fab)	xr_on fab dev attach "${VM_HOSTS[@]}" gw c1 ;;
		gw)	xr_on gw dev attach eth0 dsl ;;
		*)	xr_on "$node" dev attach up0 ;;
		esac >/dev/null || return
	done
}

# host_way METHOD NODE HOST: the words of host add by which NODE reaches HOST
host_way()
{
	case $1 in
	vxlan)	echo "vxlan $(underlay4 "$3") vni 1000" ;;
	vxlan6)	echo "vxlan $(underlay6 "$3") vni 1000" ;;
	ipip)	echo "ipip $(underlay4 "$3")" ;;
	ipip6)	echo "ipip $(underlay6 "$3")" ;;
	gue)	echo "gue $(underlay4 "$3")" ;;
	gue6)	echo "gue $(underlay6 "$3")" ;;
	mac)	echo "mac $(up0_mac "$3") dev $([ "$2" = gw ] && echo eth0 ||
			echo up0)" ;;
	port)	echo "dev $3" ;;
	esac
}

vm_hosts()
{
	local method=$1 node host

	shift
	for node; do
		for host in "${VM_HOSTS[@]}"; do
			# shellcheck disable=SC2046
			xr_on "$node" host add "$host" \
				$(host_way "$method" "$node" "$host") \
				$([ "$node" != "$host" ] || echo local) ||
				return
		done
	done
}

vm_fact()
{
	xr_on "$1" -j vm show "$2" | pick -w mac -w vlan="${4-0}" ".$3"
}

# vm_state NODE MAC: its state. One whose move nothing came after for ten seconds is settled: it
# was a busy machine.
vm_state()
{
	local state

	state=$(vm_fact "$1" "$2" state)
	echo "${state/settled/moved}"
}

policy()
{
	local node=$1 file=$WORLD_DIR/policy.yaml

	shift
	xr_on "$node" export >"$file" || return
	while [ $# -gt 1 ]; do
		grep -q "^  $1: " "$file" || { echo "no policy $1"; return 1; }
		sed -i "s/^  $1: .*/  $1: $2/" "$file"
		shift 2
	done
	xr_on "$node" apply "$file"
}

daemon()
{
	start "daemon-$1" "$1" "$XROAM" -i "$WORLD-$1" run
	wait_for 5 test -S "/run/xroam/$WORLD-$1.sock" || {
		cat "$WORLD_DIR/daemon-$1.err"
		return 1
	}
}

daemon_stop()
{
	stop "daemon-$1" "${2-TERM}"
}

monitor()
{
	start "monitor-$1" "$1" "$XROAM" -i "$WORLD-$1" -v monitor
	wait_for 5 grep -q watching "$WORLD_DIR/monitor-$1.err"
	monitor_mark "$1"
}

# Only events from here on count.
monitor_mark()
{
	VM_MARK=$(($(wc -l <"$WORLD_DIR/monitor-$1.out") + 1))
}

event_comes()
{
	wait_for 5 event_since "$@" || {
		tail -n "+$VM_MARK" "$WORLD_DIR/monitor-$1.out"
		return 1
	}
}

event_since()
{
	tail -n "+$VM_MARK" "$WORLD_DIR/monitor-$1.out" | grep -Eq "$2"
}

# ---- making it ----

# vm_link NODE DEV MAC PORT: a veth into fab's bridge. Where both ends had the
# same index, the kernel would take up to a second to see the carrier.
vm_link()
{
	VM_INDEX=$((VM_INDEX + 1))
	VM_IP_MAIN+="link add $2 address $3 index $VM_INDEX mtu $VM_MTU netns $WORLD-$1 type veth"
	VM_IP_MAIN+=" peer name $4 mtu $VM_MTU netns $WORLD-fab"$'\n'
	VM_IP[fab]+="link set $4 master fab up"$'\n'
}

vm_host_bridge()
{
	local host=$1

	VM_IP[$host]+="link add br0 address $(br0_mac "$host") mtu $VM_MTU type bridge
link set up0 master br0 up
link set br0 up
addr add $(underlay4 "$host")/24 dev br0
addr add $(underlay6 "$host")/64 dev br0 nodad
addr add fe80::${host#h}/64 dev br0 nodad
$(vm_vxlan "$host" 0)
"
}

# The device of VLAN N's segment, and its bridge. IPv6 tunnels: a port of its own.
vm_vxlan()
{
	local host=$1 vlan=$2

	[ "$vlan" = 0 ] || echo "link add br$vlan address $(br0_mac "$1") type bridge
link set br$vlan up"
	echo "link add vx$vlan mtu 1500 type vxlan id $((1000 + vlan)) local $(underlay4 "$host") dstport 4789 nolearning
link set vx$vlan master br$vlan up
link set vx$vlan type bridge_slave learning off"
}

vm_host_router()
{
	VM_IP[$1]+="link set up0 up
addr add $(underlay4 "$1")/24 dev up0
addr add $(underlay6 "$1")/64 dev up0 nodad
route add 10.9.0.0/24 via 10.8.0.9
route add fd09::/64 via fd08::9
route add 10.11.0.0/24 via 10.8.0.9
route add fd11::/64 via fd08::9
"
}

# gw: 10.9.0.1 in the VMs' segment, 10.8.0.9 in the underlay, both untagged.
vm_edge()
{
	vm_link gw eth0 $GW_MAC gw
	vm_link c1 eth0 $C1_MAC c1
	VM_IP_MAIN+="link add eth0 index 99 netns $WORLD-c2 type veth peer name dsl netns $WORLD-gw"$'\n'
	VM_IP[gw]+="link set eth0 up
link set dsl up
addr add 10.8.0.9/24 dev eth0
addr add fd08::9/64 dev eth0 nodad
addr add 10.11.0.1/24 dev dsl
addr add fd11::1/64 dev dsl nodad
"
	[ -n "$VM_ROUTED" ] || VM_IP[gw]+="addr add $GW_ADDR4/24 dev eth0
addr add $GW_ADDR6/64 dev eth0 nodad
"
	VM_IP[c1]+="link set eth0 up
addr add $C1_ADDR4/24 dev eth0
addr add $C1_ADDR6/64 dev eth0 nodad
"
	VM_IP[c2]+="link set eth0 up
addr add 10.11.0.2/24 dev eth0
addr add fd11::2/64 dev eth0 nodad
route add default via 10.11.0.1
route add ::/0 via fd11::1
"
}

# Settings of a node that is a gw, router, fab, vm or anything else. A router
# solicits its neighbours from a link-local address; others shall be silent.
# shellcheck disable=SC2016
vm_settings()
{
	case $1 in
	gw|router)
		echo "$WORLD_FORWARDS"
		return
		;;
	fab|vm)
		echo 'for c in all default; do
			echo 1 >ipv6/conf/$c/disable_ipv6
		done'
		;;
	esac
	echo 'for c in all default; do
		echo 1 >ipv6/conf/$c/addr_gen_mode
	done'
}

vm_world_up()
{
	local OPTIND=1 OPTARG opt node host hosts=3

	while getopts grm:n: opt; do
		case $opt in
		g) VM_FAB_NODE=1 ;;
		r) VM_ROUTED=1 ;;
		m) VM_MTU=$OPTARG ;;
		n) hosts=$OPTARG ;;
		*) bail "vm_world_up: unknown option" ;;
		esac
	done
	world_begin
	for ((opt = 1; opt <= hosts; opt++)); do
		VM_HOSTS+=("h$opt")
	done
	world_namespaces fab gw c1 c2 "${VM_HOSTS[@]}"
	for node in fab gw c1 c2 "${VM_HOSTS[@]}"; do
		VM_IP[$node]=$'link set lo up\n'
		case $node in
		h*)	opt=${VM_ROUTED:+router} ;;
		*)	opt=$node ;;
		esac
		world_node "$node" "$(vm_settings "$opt")"
	done
	VM_IP[fab]+="link add fab mtu $VM_MTU type bridge
link set fab up
"
	for host in "${VM_HOSTS[@]}"; do
		vm_link "$host" up0 "$(up0_mac "$host")" "$host"
		if [ -n "$VM_ROUTED" ]; then
			vm_host_router "$host"
		else
			vm_host_bridge "$host"
		fi
	done
	vm_edge

	world_batches "$VM_IP_MAIN" VM_IP
	vm_wires
}

vm_wires()
{
	local host

	world_pass_load
	world_wire "${VM_HOSTS[@]/#/fab/}" fab/gw fab/c1 gw/eth0 gw/dsl c1/eth0 c2/eth0 \
		"${VM_HOSTS[@]/%//up0}"
	for host in "${VM_HOSTS[@]}"; do
		if [ -n "$VM_FAB_NODE" ]; then
			world_pass "$host" up0
		else
			world_pass fab "$host"
		fi
	done
	if [ -n "$VM_FAB_NODE" ]; then
		world_pass gw eth0
		world_pass c1 eth0
	else
		world_pass fab gw
		world_pass c2 eth0
	fi
}

# ---- VMs ----

vm_netns()
{
	[ ! -e "/run/netns/$WORLD-$1" ] || return 0
	world_node "$1" "$(vm_settings vm)"
}

# vm_plug VM HOST DEV MAC VLAN: a veth from the VM's DEV to the host's bridge
vm_plug()
{
	[ "$5" = 0 ] || ip -n "$WORLD-$2" link show "br$5" >/dev/null 2>&1 ||
		vm_vxlan "$2" "$5" | ip -n "$WORLD-$2" -batch - ||
		bail "no segment of VLAN $5"
	VM_INDEX=$((VM_INDEX + 1))
	ip link add "$3" address "$4" index $VM_INDEX netns "$WORLD-$1" type veth \
		peer name "$1" netns "$WORLD-$2" || bail "no port for $1"
	ip -n "$WORLD-$1" link set "$3" up
	world_wire "$1/$3" "$2/$1"
	ip -n "$WORLD-$2" link set "$1" master "br$5" up
}

vm_places()
{
	local vm=$1 vlan=0 mac=$VM_MAC OPTIND=1 OPTARG opt host

	shift
	while getopts v:m: opt; do
		case $opt in
		v) vlan=$OPTARG ;;
		m) mac=$OPTARG ;;
		*) bail "vm_places: unknown option" ;;
		esac
	done
	shift $((OPTIND - 1))
	vm_netns "$vm"
	for host; do
		vm_plug "$vm" "$host" "$host" "$mac" "$vlan"
	done
}

# vm_boot VM HOST: a VM with addresses, that answers
vm_boot()
{
	local node=$1

	vm_netns "$node"
	in_ns "$node" sysctl -qw net.ipv6.conf.all.disable_ipv6=0 \
		net.ipv6.conf.default.disable_ipv6=0
	vm_plug "$node" "$2" eth0 "$VM_MAC" 0
	ip -n "$WORLD-$node" -batch - <<-EOT
		link set lo up
		addr add $VM_ADDR4/24 dev eth0
		addr add $VM_ADDR6/64 dev eth0 nodad
		route add default via $GW_ADDR4
		route add ::/0 via $GW_ADDR6
	EOT
}

# As a migration would, but for what runs in the VM: xroam gets no notice of it.
vm_replug()
{
	ip -n "$WORLD-$2" link set "$1" netns "$WORLD-$3" &&
		ip -n "$WORLD-$3" link set "$1" master br0 up
}

# ---- in the routed world (-r) ----

# vm_routed_boot VM HOST...: a VM with a device per host; the first is the one it
# runs at. Each host's port is a point-to-point link, as routed clouds have it.
vm_routed_boot()
{
	local vm=$1 host

	shift
	vm_netns "$vm"
	in_ns "$vm" sysctl -qw net.ipv6.conf.all.disable_ipv6=0 \
		net.ipv6.conf.default.disable_ipv6=0
	ip -n "$WORLD-$vm" link set lo up
	for host; do
		VM_INDEX=$((VM_INDEX + 1))
		ip link add "$host" address "$VM_MAC" index $VM_INDEX \
			netns "$WORLD-$vm" type veth peer name "$vm" \
			address ee:ee:ee:ee:ee:ee netns "$WORLD-$host" ||
			bail "no port for $vm"
		world_wire "$vm/$host" "$host/$vm"
		ip -n "$WORLD-$host" link set "$vm" up
	done
	vm_routed_run "$vm" "$1"
	ip -n "$WORLD-$1" -batch - <<-EOT
		route add $VM_ADDR4 dev $vm
		route add $VM_ADDR6 dev $vm
		neigh replace $VM_ADDR4 lladdr $VM_MAC dev $vm nud permanent
		neigh replace $VM_ADDR6 lladdr $VM_MAC dev $vm nud permanent
	EOT
}

# vm_routed_run VM HOST: it runs there now, and only there
vm_routed_run()
{
	local vm=$1 dev=$2 other

	for other in "${VM_HOSTS[@]}"; do
		ip -n "$WORLD-$vm" link set "$other" down 2>/dev/null &&
			ip -n "$WORLD-$vm" addr flush dev "$other"
	done
	ip -n "$WORLD-$vm" -batch - <<-EOT
		link set $dev up
		addr add $VM_ADDR4/32 dev $dev
		addr add $VM_ADDR6/128 dev $dev nodad
		route add 169.254.1.1 dev $dev
		route add default via 169.254.1.1
		neigh replace 169.254.1.1 lladdr ee:ee:ee:ee:ee:ee dev $dev nud permanent
		route add fe80::1 dev $dev
		route add ::/0 via fe80::1 dev $dev
		neigh replace fe80::1 lladdr ee:ee:ee:ee:ee:ee dev $dev nud permanent
	EOT
}

# Whom the fabric's router sends the VM's packets to.
vm_routed_by()
{
	ip -n "$WORLD-gw" -batch - <<-EOT
		route replace $VM_ADDR4 via $(underlay4 "$1")
		route replace $VM_ADDR6 via $(underlay6 "$1")
	EOT
}
