# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# A small network in namespaces, made anew for each test; results as tests/lib/tap.sh
# has them.
#
#   c1 ==wifi== r ==rack== lb1 [lb2]        c1 has two ways out: wifi and cell
#      ==cell==   |      \ s1 s2            lb1, lb2, s1, s2: one segment
#   c2 ==dsl=== r |                         s3 and up: behind the router
#                  \=far== s3 ...           servers answer clients past the LB
#
# A test:
#
#	. "$(dirname "$0")/lib/world.sh"
#	world_up				# its options: see world_up()
#	attach_lb && attach_servers
#	xr vip add "$VIP4:80/tcp"
#	ok "c1 gets an answer" in_ns c1 ...
#	done_testing
#
# Nodes have short names (c1, c2, r, lb1, lb2, s1 ...); the namespace is
# $(ns NODE), unique to this process. World_down runs by itself at the end, also
# on a signal; what a killed test left is removed by the next test's world_up.
#
#	in_ns NODE CMD...	run CMD there (bpffs stays visible)
#	start NAME NODE CMD...	the same in the background; $(pid NAME), and
#				$WORLD_DIR/NAME.out, NAME.err hold what it printed
#	stop NAME [SIGNAL]	end it and wait
#	xr ARGS...		build/xroam in lb1, instance $(instance lb1)
#	xr_on NODE ARGS...	the same in another node
#	attach_lb [ARGS...]	lb1 (and lb2): dev attach eth0 [eth1] ARGS...
#	attach_servers		each server: dev attach eth0 role backend
#	addr4 NODE [NET], addr6 NODE [NET]	its address (c1: wifi unless NET is cell)
#	mac NODE DEV
#	lb_route lb1|lb2|both	whom the router sends the VIPs' packets to
#	wait_for SECONDS CMD...	until CMD succeeds; twelve times as long where the
#				machine is busy otherwise
#	shows SECONDS WANTED DESCRIPTION CMD...	CMD prints that, within so long; whatever it
#				prints a moment later
#	machine_drops		frames that its processors had no room for since it started, in
#				whichever namespace: others may flood it
#	stall_begin / stall_end	$STALLED: how long, in ms, the machine kept a process
#				waiting meanwhile, ten times over: what a limit in ms
#				is to be longer by. $BUSY: not empty where that says
#				that others had the processor
#	serve PORT...		the TCP and UDP peer on every server, by its name
#	serves NODE PORT...	on one
#	ask NODE ARGS...	the client there: peer ask ARGS; $PRINTED is what it
#				printed, $(figure lost) a number of it, $(share s1) s1's
#				part; client_end NAME: the same of one that was started
#	frame make ARGS...	lib/frame.c: a frame, as hex digits
#	play ARGS...		lib/frame.c: play; SEEN is what it printed
#	watch_begin PLACE... / watch_end	what arrives there meanwhile; SEEN, too
#	at ADDRESS PORT/PROTO	as the command writes it: brackets for IPv6
#	balance VIP [4|6] [ARGS...]	vip add, and every server as a backend
#	unbalance VIP		and away again
#	refused STATUS REGEX DESCRIPTION ARGS...	xr ARGS fails so
#	reason WORD [NODE]	that reason's packets so far
#	... | pick .KEY,KEY	lib/pick.c: what jq -r says, at a tenth of its cost
#	... | sum		of numbers, a line each

WORLD_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
WORLD_BUILD=${BUILD:-build}
[[ $WORLD_BUILD = /* ]] || WORLD_BUILD=$WORLD_TOP/$WORLD_BUILD
XROAM=${XROAM:-$WORLD_BUILD/xroam}
WORLD=xrt-$$			# every namespace and instance begins with it
WORLD_DIR=
WORLD_SERVERS=() WORLD_LBS=()
WORLD_BACK=
declare -A WORLD_PID=() WORLD_NET=() WORLD_HOST=()

# The VIPs: on every server's lo, routed through the LB. B and C are spare ones.
# shellcheck disable=SC2034
{
VIP4=192.0.2.10 VIP4B=192.0.2.11 VIP4C=192.0.2.12
VIP6=2001:db8:99::10 VIP6B=2001:db8:99::11 VIP6C=2001:db8:99::12
}

# shellcheck source=tests/lib/tap.sh
. "$WORLD_TOP/tests/lib/tap.sh"
# shellcheck source=tests/net/lib/peers.sh
. "$WORLD_TOP/tests/net/lib/peers.sh"

# ---- names and addresses ----

ns()
{
	echo "$WORLD-$1"
}

instance()
{
	echo "$WORLD-$1"
}

# NODE [NET] -> 10.NET.0.HOST and fd00:NET::HOST, written in decimal
addr4()
{
	local net=${WORLD_NET[${1}_${2-}]-${WORLD_NET[$1]}}

	echo "10.$net.0.${WORLD_HOST[$1]}"
}

addr6()
{
	local net=${WORLD_NET[${1}_${2-}]-${WORLD_NET[$1]}}

	echo "fd00:$net::${WORLD_HOST[$1]}"
}

# Not by /sys, which shows the namespace it was mounted in.
mac()
{
	ip -n "$WORLD-$1" -j link show "$2" | pick '.[0].address'
}

# ---- running things ----

# in_ns, xr and xr_on are lib/enter.c: programs, so that a pipe has no shell before each.
PATH=$WORLD_BUILD/tests/net/bin:$PATH
XR_NODE=lb1
export WORLD XROAM XR_NODE

start()
{
	local name=$1 node=$2

	shift 2
	# Emptied at once: who waits for a line in it must not find one of an earlier process.
	: >"$WORLD_DIR/$name.out"
	: >"$WORLD_DIR/$name.err"
	in_ns "$node" "$@" </dev/null \
		>>"$WORLD_DIR/$name.out" 2>>"$WORLD_DIR/$name.err" 99>&- &
	WORLD_PID[$name]=$!
}

pid()
{
	echo "${WORLD_PID[$1]}"
}

# stop NAME [SIGNAL]: its exit status, or 128 + the signal that ended it
is_child()
{
	local stat

	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return
	# After the name: state, parent
	stat=${stat##*) }
	stat=${stat#* }
	[ "${stat%% *}" = "$$" ] || [ "${stat%% *}" = "$BASHPID" ]
}

stop()
{
	local pid=${WORLD_PID[$1]-} status

	[ -n "$pid" ] || return 0
	unset "WORLD_PID[$1]"
	# One that has ended already may have lent its number to another.
	is_child "$pid" && kill -"${2-TERM}" "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	status=$?
	return $status
}

# finish NAME: waits for a process that ends by itself; its exit status
finish()
{
	local pid=${WORLD_PID[$1]}

	unset "WORLD_PID[$1]"
	wait "$pid"
}

# Nothing ever comes there. A process for each of so many pauses would take longer than most.
exec 99<> <(:)
nap() { ! read -rt "$1" -u 99; }

# What takes its time is asked for less often: a look costs a tenth of a second of a core.
wait_for()
{
	local until=$((SECONDS + 12 * $1)) looks=0 pause=0.05

	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$until" ] || return 1
		nap $pause
		[ $((looks += 1)) -lt 6 ] || pause=0.2
	done
}

prints()
{
	SHOWN=$("${@:2}")
	[ "$SHOWN" = "$1" ]
}

shows()
{
	if wait_for "$1" prints "$2" "${@:4}"; then
		pass "$3"
	else
		fail "$3" "got:    $SHOWN" "wanted: $2"
	fi
}

machine_drops()
{
	local drops sum=0

	while read -r _ drops _; do
		sum=$((sum + 16#$drops))
	done </proc/net/softnet_stat
	echo $sum
}

STALL=$WORLD_BUILD/tests/net/stall
STALLED=0 BUSY=

stall_begin()
{
	"$STALL" >"$WORLD_DIR/stall" &
	WORLD_PID[stall]=$!
}

# shellcheck disable=SC2034
stall_end()
{
	stop stall
	read -r STALLED <"$WORLD_DIR/stall"
	diag "a process waited for the processor up to $STALLED ms"
	BUSY=
	[ "$STALLED" -lt 4 ] || BUSY=1
	STALLED=$((10 * STALLED))
}

# ---- making it ----

# link NODE DEV NET HOST BRIDGE: a veth to the router, into BRIDGE if given
world_link()
{
	local node=$1 dev=$2 net=$3 host=$4 bridge=${5-} mtu=1500
	local port="$node-$dev"

	# The LB's and the servers' links leave room for an outer header.
	[ -z "$bridge" ] || mtu=$WORLD_MTU
	WORLD_PORTS+=("$port")
	WORLD_DEVS+=("$node/$dev")
	WORLD_IP_MAIN+="link add $dev mtu $mtu netns $WORLD-$node type veth"
	WORLD_IP_MAIN+=" peer name $port mtu $mtu netns $WORLD-r"$'\n'
	WORLD_IP[$node]+="addr add 10.$net.0.$host/24 dev $dev
addr add fd00:$net::$host/64 dev $dev nodad
link set $dev up
"
	if [ -n "$bridge" ]; then
		WORLD_IP[r]+="link set $port master $bridge up"$'\n'
	else
		WORLD_IP[r]+="addr add 10.$net.0.1/24 dev $port
addr add fd00:$net::1/64 dev $port nodad
link set $port up
"
	fi
}

world_segment()
{
	WORLD_IP[r]+="link add $1 mtu $WORLD_MTU type bridge
link set $1 up
addr add 10.$2.0.1/24 dev $1
addr add fd00:$2::1/64 dev $1 nodad
"
}

world_default()
{
	WORLD_IP[$1]+="route add default via 10.$2.0.1
route add ::/0 via fd00:$2::1
"
}

# world_namespaces NODE...: made, for world_node
world_namespaces()
{
	printf "netns add $WORLD-%s\n" "$@" | ip -batch - || bail "cannot make namespaces"
}

# world_node NODE [LINES]: its namespace, unless that is there. LINES, for sh in
# /proc/sys/net, are settings beside those of all, before any device is in it.
world_node()
{
	[ -e "/run/netns/$WORLD-$1" ] || world_namespaces "$1"
	# shellcheck disable=SC2016
	in_ns "$1" sh -c '
		cd /proc/sys/net
		for c in all default; do
			echo 0 >ipv4/conf/$c/rp_filter
			echo 0 >ipv4/conf/$c/send_redirects
			echo 0 >ipv4/conf/$c/accept_redirects
			echo 0 >ipv6/conf/$c/accept_dad
			echo 0 >ipv6/conf/$c/accept_ra
			echo 0 >ipv6/conf/$c/router_solicitations
		done
		'"${2-}"
}

# world_lone NODE ADDRESS/BITS PEER: a node that nothing travels to: lo, and eth0 with
# that address, whose other end PEER is there, too
world_lone()
{
	world_node "$1"
	ip -n "$WORLD-$1" -batch - <<-EOT || bail "cannot set up $1"
		link set lo up
		link add eth0 type veth peer name $3
		link set eth0 up
		link set $3 up
		addr add $2 dev eth0
	EOT
}

# Of a router.
WORLD_FORWARDS='
	echo 1 >ipv4/ip_forward
	echo 1 >ipv6/conf/all/forwarding
'

world_settings()
{
	case $1 in
	r)	echo "$WORLD_FORWARDS
			# ECMP by ports, as between routers and LB nodes
			echo 1 >ipv4/fib_multipath_hash_policy
			echo 1 >ipv6/fib_multipath_hash_policy
			echo 0 >ipv4/icmp_ratelimit
			echo 0 >ipv6/icmp/ratelimit"
		;;
	s*)	# The VIP on lo is not to be announced.
		# shellcheck disable=SC2016
		echo 'for c in all default; do
				echo 1 >ipv4/conf/$c/arp_ignore
				echo 2 >ipv4/conf/$c/arp_announce
			done'
		;;
	esac
}

# world_batches LINES ARRAY: lines for ip, then those for each node in it
world_batches()
{
	local -n each=$2
	local node

	ip -batch - <<<"$1" || bail "cannot make the links"
	for node in "${!each[@]}"; do
		ip -n "$WORLD-$node" -batch - <<<"${each[$node]}" ||
			bail "cannot set up $node"
	done
}

# world_wire NODE/DEV...: what XDP sees there is what is on a wire: sums filled in, tags in the
# frame.
world_wire()
{
	"$WORLD_BUILD/tests/net/wire" "$WORLD" "$@" || bail "cannot prepare these devices: $*"
}

world_pass_load()
{
	bpftool prog load "$WORLD_BUILD/tests/net/pass.bpf.o" \
		"/sys/fs/bpf/$WORLD-pass" >/dev/null ||
		bail "cannot load the pass program: run make tests first"
}

# world_pass NODE DEV...: a veth that xroam sends into needs a program on its
# other end. Not by ip link: it leaves directories in bpffs.
world_pass()
{
	local node=$1 dev

	shift
	for dev; do
		in_ns "$node" bpftool net attach xdpdrv pinned \
			"/sys/fs/bpf/$WORLD-pass" dev "$dev" ||
			bail "no pass program on $node's $dev"
	done
}

# What every world needs, and that it goes away again.
world_begin()
{
	[ "$(id -u)" = 0 ] || skip_all "needs root for network namespaces"
	[ -x "$XROAM" ] || bail "no $XROAM: run make first"
	WORLD_DIR=$(mktemp -d "${TMPDIR:-/tmp}/$WORLD.XXXXXX") || exit 1
	trap world_down EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	trap 'exit 129' HUP
	world_sweep
	mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf ||
		bail "cannot mount bpffs on /sys/fs/bpf"
}

# world_nodes SERVERS LBS: which nodes there are, in which network, and their numbers there
world_nodes()
{
	local node servers=$1 lbs=$2 i net

	for node in c1 c2 r; do
		WORLD_NET[$node]='' WORLD_IP[$node]=$'link set lo up\n'
	done
	for ((i = 1; i <= lbs; i++)); do
		WORLD_LBS+=("lb$i")
		WORLD_NET[lb$i]=1 WORLD_HOST[lb$i]=$((10 + i))
		WORLD_NET[lb${i}_back]=3
		WORLD_IP[lb$i]=$'link set lo up\n'
	done
	for ((i = 1; i <= servers; i++)); do
		net=1
		[ "$i" -lt 3 ] || net=2
		[ -z "$WORLD_BACK" ] || net=3
		WORLD_SERVERS+=("s$i")
		WORLD_NET[s$i]=$net WORLD_HOST[s$i]=$((20 + i))
		WORLD_IP[s$i]=$'link set lo up\n'
	done
	WORLD_NET[c1]=11 WORLD_NET[c1_wifi]=11 WORLD_NET[c1_cell]=12
	WORLD_NET[c2]=13 WORLD_HOST[c1]=2 WORLD_HOST[c2]=2
	WORLD_NET[r]=1 WORLD_HOST[r]=1
}

world_clients()
{
	world_link c1 wifi 11 2
	world_link c1 cell 12 2
	world_link c2 eth0 13 2
	world_default c1 11
	world_default c2 13
	# A packet from the cellular address leaves by the cellular link.
	WORLD_IP[c1]+="rule add from 10.12.0.2 table 12
route add default via 10.12.0.1 table 12
route add ::/0 via fd00:12::1 table 12
"
}

world_lbs()
{
	local node

	for node in "${WORLD_LBS[@]}"; do
		world_link "$node" eth0 1 "${WORLD_HOST[$node]}" rack
		[ -z "$WORLD_BACK" ] ||
			world_link "$node" eth1 3 "${WORLD_HOST[$node]}" back
		world_default "$node" 1
	done
}

world_servers()
{
	local node net bridge vip

	for node in "${WORLD_SERVERS[@]}"; do
		net=${WORLD_NET[$node]}
		bridge=rack
		[ "$net" != 2 ] || bridge=far
		[ "$net" != 3 ] || bridge=back
		world_link "$node" eth0 "$net" "${WORLD_HOST[$node]}" $bridge
		world_default "$node" "$net"
		for vip in "$VIP4" "$VIP4B" "$VIP4C"; do
			WORLD_IP[$node]+="addr add $vip/32 dev lo"$'\n'
		done
		for vip in "$VIP6" "$VIP6B" "$VIP6C"; do
			WORLD_IP[$node]+="addr add $vip/128 dev lo nodad"$'\n'
		done
	done
}

# What is sent over the links is what a wire would carry, and XDP can send into them.
world_wires()
{
	local dev

	world_pass_load
	world_wire "${WORLD_PORTS[@]/#/r/}" "${WORLD_DEVS[@]}"
	for dev in "${WORLD_PORTS[@]}"; do
		case $dev in
		lb*) world_pass r "$dev" ;;
		esac
	done
	rm -f "/sys/fs/bpf/$WORLD-pass"
}

# world_up [-s SERVERS] [-l LBS] [-b] [-m MTU]
#	-s  servers, 3
#	-l  LB nodes, 1 or 2; with 2 the router spreads the VIPs over both
#	-b  the servers are behind the LBs' second device, eth1, not on the rack
#	-m  MTU of the rack, 1600
world_up()
{
	local node OPTIND=1 OPTARG opt servers=3 lbs=1
	# Lines for ip, by node and for all, and the links' ends: world_link() adds to them.
	local -A WORLD_IP=()
	local WORLD_IP_MAIN="" WORLD_MTU=1600
	local -a WORLD_PORTS=() WORLD_DEVS=()

	while getopts s:l:bm: opt; do
		case $opt in
		s) servers=$OPTARG ;;
		l) lbs=$OPTARG ;;
		b) WORLD_BACK=1 ;;
		m) WORLD_MTU=$OPTARG ;;
		*) bail "world_up: unknown option" ;;
		esac
	done

	world_begin
	world_nodes "$servers" "$lbs"
	world_segment rack 1
	world_segment far 2
	[ -z "$WORLD_BACK" ] || world_segment back 3
	world_namespaces "${!WORLD_IP[@]}"
	for node in "${!WORLD_IP[@]}"; do
		world_node "$node" "$(world_settings "$node")"
	done
	world_clients
	world_lbs
	world_servers

	world_batches "$WORLD_IP_MAIN" WORLD_IP
	ip -n "$WORLD-c1" -6 rule add from "$(addr6 c1 cell)" table 12
	world_wires
	lb_route both
}

lb_route()
{
	local via=("${WORLD_LBS[@]}") node v4="" v6=""

	[ "$1" = both ] || via=("$1")
	for node in "${via[@]}"; do
		v4+=" nexthop via $(addr4 "$node")"
		v6+=" nexthop via $(addr6 "$node")"
	done
	ip -n "$WORLD-r" -batch - <<-EOT
		route replace 192.0.2.0/24 $v4
		route replace 2001:db8:99::/64 $v6
	EOT
}

attach_lb()
{
	local node devs=(eth0)

	[ -z "$WORLD_BACK" ] || devs+=(eth1)
	for node in "${WORLD_LBS[@]}"; do
		xr_on "$node" dev attach "${devs[@]}" "$@" >/dev/null || return
	done
}

attach_servers()
{
	local node

	for node in "${WORLD_SERVERS[@]}"; do
		xr_on "$node" dev attach eth0 role backend >/dev/null || return
	done
}

# ---- unmaking it ----

# Removes all that carries the prefix $1: processes, namespaces, pins, journals, mounts.
world_remove()
{
	local name pids mounted

	for name in /run/netns/"$1"-*; do
		[ -e "$name" ] || continue
		pids=$(ip netns pids "${name##*/}" 2>/dev/null)
		# shellcheck disable=SC2086
		[ -z "$pids" ] || kill -KILL $pids 2>/dev/null
		ip netns del "${name##*/}"
	done
	for name in /sys/fs/bpf/xroam/"$1"-*; do
		[ -e "$name" ] || continue
		"$XROAM" -i "${name##*/}" destroy >/dev/null 2>&1
		rm -rf "$name"
	done
	# The latest first: one may be on another.
	for mounted in $(awk -v dir="${TMPDIR:-/tmp}/$1." \
			 'index($2, dir) == 1 { print $2 }' /proc/mounts | tac); do
		umount -l "$mounted"
	done
	rm -rf /sys/fs/bpf/"$1"-pass /run/xroam/"$1"-* \
		"${TMPDIR:-/tmp}/$1".??????
}

# What tests left that were killed without a chance to clean up.
world_sweep()
{
	local name pid

	for name in /run/netns/xrt-* /sys/fs/bpf/xroam/xrt-* \
		    /sys/fs/bpf/xrt-* /run/xroam/xrt-* \
		    "${TMPDIR:-/tmp}"/xrt-*; do
		name=${name##*/xrt-}
		pid=${name%%[-.]*}
		case $pid in
		''|*[!0-9]*) continue ;;
		esac
		kill -0 "$pid" 2>/dev/null || world_remove "xrt-$pid"
	done
}

world_down()
{
	local status=$? name

	trap - EXIT
	trap '' INT TERM HUP
	for name in "${!WORLD_PID[@]}"; do
		kill -TERM "${WORLD_PID[$name]}" 2>/dev/null
	done
	world_remove "$WORLD"
	wait 2>/dev/null
	exit $status
}
