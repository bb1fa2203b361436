#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# xroam doctor: each thing that can be wrong with the machine is broken, found by its object,
# and mended by the very command that is printed; of a sound machine nothing is said.
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"

world_up -s 2
FAKE=$WORLD_DIR/root
mkdir "$WORLD_DIR/bin" "$FAKE"
PATH=$WORLD_DIR/bin:$WORLD_BUILD:$PATH
LB=$(instance lb1)
declare -A MENDED=() SEVERITY=() CURE=()

# doctor NODE ARGS...: what it finds, as ${CURE[ID=OBJECT]} and ${SEVERITY[...]}; $STATUS
doctor()
{
	local node=$1 severity id object key cure

	shift
	SAID=$(xr_on "$node" -j doctor "$@" </dev/null)
	STATUS=$?
	SEVERITY=() CURE=()
	while read -r severity id object && IFS= read -ru 3 cure; do
		key=$id=$object
		# Leavings of other tests are no business of this one.
		[[ $key != leftover=* || $key = *$WORLD* ]] || continue
		[[ $key != orphan-program=* || $node != host ]] || continue
		SEVERITY[$key]=$severity CURE[$key]=$cure
	done < <(pick '.findings[].severity,id,object' <<<"$SAID") \
		3< <(pick -d "" '.findings[].cure' <<<"$SAID")
}

# sound WHAT NODE ARGS...: nothing is wrong
sound()
{
	local what=$1

	shift
	doctor "$@"
	is "${!CURE[*]} $(pick .unseen <<<"$SAID")" " []" "$what: nothing is wrong"
}

# finds NODE "ARGS" ID=OBJECT...: all of them are found, and the status is theirs
finds()
{
	local each status=0

	# shellcheck disable=SC2086
	doctor "$1" $2
	shift 2
	for each; do
		MENDED[${each%%=*}]=1
		[ "${SEVERITY[$each]-}" != error ] || status=1
		if [ -n "${CURE[$each]-}" ]; then
			pass "${each%%=*}, of ${each#*=}"
		else
			fail "${each%%=*}, of ${each#*=}" "found: ${!CURE[*]}" "$SAID"
		fi
	done
	cmp_ok "$STATUS" -ge $status "... status $status"
}

# mends NODE "ARGS" ID=OBJECT...: the same; the cures are run; none of these is found any more
mends()
{
	local each key

	finds "$@"
	for each in "${@:3}"; do
		[ -n "${CURE[$each]-}" ] || continue
		ok "${each%%=*}: its cure runs: ${CURE[$each]}" in_ns "$1" bash -c "${CURE[$each]}"
	done
	# shellcheck disable=SC2086
	doctor "$1" $2
	for key in "${@:3}"; do
		is "${CURE[$key]-}" "" "${key%%=*}, of ${key#*=}, is gone"
	done
}

sysctls()
{
	in_ns "$1" sysctl -qw "${@:2}"
}

# ---- before the first attach ----

sysctls lb1 net.ipv4.conf.all.forwarding=1 net.ipv6.conf.all.forwarding=1
sound "a machine before the first attach" lb1
is "$STATUS" 0 "status 0"
is "$(xr doctor)" "" "in words: no line"
like "$(xr doctor -v)" "passed   device-down: devices are up" "-v lists what was right"
is "$(xr doctor dev eth0 dev eth0)" "" "a device, named twice"
refused 1 'no device "nosuch"' "a device that is not there" doctor dev nosuch
refused 2 'a device is missing' "no device" doctor dev

in_ns r ethtool -K lb1-eth0 tx-checksumming on txvlan on >/dev/null
in_ns r ethtool -L lb1-eth0 tx 2
sysctls lb1 net.ipv4.conf.eth0.forwarding=0 net.ipv6.conf.eth0.forwarding=0
in_ns lb1 nft -f - <<-EOT
	add table ip filter
	add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }
EOT
legacy=()
for each in iptables-legacy ip6tables-legacy; do
	if in_ns lb1 $each -P FORWARD DROP 2>/dev/null; then
		legacy+=("forward-drop=$each FORWARD")
	else
		skip 3 "no $each in this kernel"
	fi
done
mends lb1 "dev eth0" peer-checksum="dev eth0" peer-vlan="dev eth0" veth-queues="dev eth0" \
	forwarding="dev eth0" forward-drop="nft ip filter FORWARD" "${legacy[@]}"
world_pass_load
world_pass lb1 eth0
mends lb1 "" other-program="dev eth0"
ip -n "$WORLD-lb1" link set eth0 down
mends lb1 "dev eth0" device-down="dev eth0"
ip -n "$WORLD-r" link set lb1-eth0 down
mends lb1 "dev eth0" no-carrier="dev eth0"
ip -n "$WORLD-lb1" -batch - <<-EOT
	route add default via 10.1.0.1
	addr add $(addr6 lb1)/64 dev eth0 nodad
	route add ::/0 via fd00:1::1
EOT

# A server, with its VIP on a subnet of its device's.
ip -n "$WORLD-s1" addr add 10.1.0.99/32 dev lo
ip -n "$WORLD-s1" link add up0 type veth peer name up1
ip -n "$WORLD-s1" -batch - <<-EOT
	link set up0 up
	link set up1 up
	route add 198.51.100.0/24 dev up0
EOT
sysctls s1 net.ipv4.conf.{all,eth0}.arp_ignore=0 net.ipv4.conf.{all,eth0}.arp_announce=0 \
	net.ipv4.conf.eth0.rp_filter=1
mends s1 "dev eth0 role backend" arp-ignore="dev eth0" arp-announce="dev eth0" rp-filter="dev eth0"
sysctls s1 net.ipv4.conf.all.rp_filter=1
mends s1 "dev eth0 role backend" rp-filter="dev eth0"
sound "a server" s1 dev eth0 role backend

# A name that a terminal and a shell would take for more than that.
ODD=$'a;$(b)\e[31m'
ip -n "$WORLD-lb1" link add name "$ODD" type veth peer name "'b"
doctor lb1 dev "$ODD"
is "${CURE[device-down=dev $ODD]-}" "ip link set dev \$'a\\x3b\\x24\\x28b\\x29\\x1b\\x5b31m' up" \
	"a device with a name of commands"
ok "... is set up by its cure" in_ns lb1 bash -c "${CURE[device-down=dev $ODD]}"
doctor lb1 dev "$ODD"
ok "so is its other end, $(printf %q "${CURE[no-carrier=dev $ODD]-}")" \
	in_ns lb1 bash -c "${CURE[no-carrier=dev $ODD]}"
is "$(xr doctor dev "$ODD" | tr -d '[:print:]\n')" "" "no command reaches a terminal"
ip -n "$WORLD-lb1" link del "'b"

# ---- the kernel, and cards: files in place of the machine's own ----

mkdir -p "$FAKE"/proc/{sys/{kernel,net/core},self} "$FAKE"/sys/{fs/cgroup/g,kernel/btf} \
	"$FAKE"/{ethtool,kernel}
fake()
{
	printf '%s\n' "${@:2}" >"$FAKE/$1"
}
fake proc/sys/kernel/osrelease 5.10.0-9-amd64
fake proc/sys/kernel/bpf_stats_enabled 1
fake proc/sys/net/core/bpf_jit_enable 0
fake proc/sys/net/core/bpf_jit_harden 2
fake kernel/missing "bpf_loop (5.17)"
fake proc/self/cgroup "0::/g"
fake sys/fs/cgroup/g/memory.max 40000000
fake sys/fs/cgroup/g/memory.current 1000000
fake ethtool/card "rx-vlan-hw-parse on" "rx-lro on" "rx-gro-hw on" "rx 1" "rx-most 8" "xdp 7"
ip -n "$WORLD-lb1" link add card mtu 9000 type bridge
ip -n "$WORLD-lb1" link add port type veth peer name port1
ip -n "$WORLD-lb1" -batch - <<-EOT
	link set port master card up
	link set port1 up
	link set card mtu 9000 up
EOT
# What these two would do to the machine they do to the files.
cat >"$WORLD_DIR/bin/sysctl" <<-EOT
	#!/bin/sh
	key=\${2%=*}
	[ -e "$FAKE/proc/sys/\$key" ] || exec /usr/sbin/sysctl "\$@"
	echo "\${2#*=}" >"$FAKE/proc/sys/\$key"
EOT
cat >"$WORLD_DIR/bin/ethtool" <<-EOT
	#!/bin/bash
	[ "\$2" = card ] || exec /usr/sbin/ethtool "\$@"
	declare -A is=([rxvlan]=rx-vlan-hw-parse [lro]=rx-lro [rx-gro-hw]=rx-gro-hw [rx]=rx)
	sed -i "s/^\${is[\$3]} .*/\${is[\$3]} \$4/" "$FAKE/ethtool/card"
EOT
chmod +x "$WORLD_DIR"/bin/*
export XROAM_DOCTOR_ROOT=$FAKE
mends lb1 "dev card" jit=kernel jit-harden=kernel bpf-stats=kernel rx-vlan="dev card" \
	lro="dev card" gro-hw="dev card" queues="dev card" xdp-frags="dev card"
# A file of the fake root for that of the machine: the cure writes there.
finds lb1 "dev card" kernel-version=kernel kernel-feature=kernel btf=kernel memory="this process"
cure=${CURE[memory=this process]}
ok "memory: its cure runs: $cure" bash -c "${cure/> /> $FAKE}"
fake proc/sys/kernel/osrelease 6.1.0-9-amd64
rm "$FAKE/kernel/missing"
touch "$FAKE/sys/kernel/btf/vmlinux"
sound "a newer kernel, and memory" lb1 dev card
fake ethtool/card "error 1"
doctor lb1 dev card
like "$(pick '.unseen[].reason' <<<"$SAID")" "dev card: its features: Operation not permitted" \
	"ethtool is refused: said, and no fault"
is "$STATUS" 0 "... status 0"
unset XROAM_DOCTOR_ROOT
ip -n "$WORLD-lb1" link del card
ip -n "$WORLD-lb1" link del port

# ---- this process ----

# unprivileged ARGS...: doctor without capabilities
cat >"$WORLD_DIR/bin/sudo" <<-'EOT'
	#!/bin/sh
	exec "$@"
EOT
chmod +x "$WORLD_DIR/bin/sudo"
unprivileged()
{
	in_ns lb1 setpriv --reuid 65534 --regid 65534 --clear-groups "$XROAM" -i "$LB" doctor "$@"
}
said=$(unprivileged -j)
is $? 0 "without privilege: a warning alone"
is "$(jq -r '.findings[] | .id' <<<"$said" | sort -u)" capability "... that"
like "$(pick '.unseen[].id' <<<"$said" | paste -sd' ')" "kernel-feature" "what was not seen is listed"
ok "its cure runs" in_ns lb1 bash -c "$(jq -r '.findings[] | select(.id == "capability").cure' <<<"$said")"
MENDED[capability]=1
said=$(in_ns lb1 capsh --drop=cap_bpf,cap_sys_admin -- -c "'$XROAM' -i '$LB' -j doctor")
is $? 1 "where nobody can have the capability: an error"
like "$(jq -r '.findings[] | select(.id == "capability") | .cure' <<<"$said")" \
	"--cap-add BPF --cap-add SYS_ADMIN" "... and what to start the container with"

# in_shell LINES: bash LINES in lb1, with j ID for that finding's cure
in_shell()
{
	in_ns lb1 unshare -m -p --fork --mount-proc bash -c "
		j() { '$XROAM' -i '$LB' -j doctor | jq -r --arg id \"\$1\" '.findings[] | select(.id == \$id) | .cure'; }
		$1"
}
# cured_in_shell ID LINES: as LINES leave it, the finding is there, and its cure takes it away
cured_in_shell()
{
	local out

	MENDED[$1]=1
	out=$(in_shell "$2
		cure=\$(j $1)
		echo \"\$cure\"
		eval \"\$cure\" >/dev/null || exit
		echo \"left: \$(j $1)\"" 2>&1)
	like "$out" $'^[^\n]+\nleft: $' "$1, and its cure: ${out%%$'\n'*}"
}
cured_in_shell open-files "ulimit -Sn 60"
cured_in_shell run "mount -t tmpfs -o ro none /run"
cured_in_shell bpffs "umount /sys/fs/bpf"
said=$(ip netns exec "$WORLD-lb1" "$XROAM" -i "$LB" -j doctor)
cure=$(jq -r '.findings[] | select(.id == "bpffs" and .severity == "error") | .cure' <<<"$said")
like "$cure" "^nsenter --net=/run/netns/$WORLD-lb1 xroam " "bpffs hidden by ip netns exec"
ok "... its cure runs" bash -c "$cure"
is "$(bash -c "${cure/ # *}")" "" "... and finds nothing"

# ---- with an instance ----

attach_servers
ok "attach" attach_lb
ok "VIPs" balance "$VIP4:80/tcp"
ok "of both families" xr vip add "[$VIP6]:80/tcp"
ok "... and a server" xr backend add six vip "[$VIP6]:80/tcp" address "$(addr6 s1)"
# shellcheck disable=SC2317
says_nothing()
{
	[ -z "$(xr doctor)" ]
}
wait_for 5 says_nothing
sound "the instance" lb1
sound "its server" s1

# A neighbour as the kernel learns one by itself, not one that it keeps.
ip -n "$WORLD-lb1" neigh del "$(addr4 s1)" dev eth0
in_ns lb1 ping -c 1 "$(addr4 s1)" >/dev/null
mends lb1 "" neighbour-kept="backend s1"

ip -n "$WORLD-lb1" link add n2 mtu 1600 type veth peer name n3 mtu 1600
ip -n "$WORLD-lb1" -batch - <<-EOT
	link set n2 up
	link set n3 up
	addr add 10.77.0.1/24 dev n2
	neigh add 10.77.0.2 lladdr 02:00:00:00:00:77 dev n2
	link add mv0 link eth0 type macvlan
	link set mv0 up
	addr add 10.78.0.1/24 dev mv0
	neigh add 10.78.0.2 lladdr 02:00:00:00:00:78 dev mv0
	route add unreachable 10.79.0.0/24
EOT
xr vip add "$VIP4C:9/udp"
backend()
{
	xr backend add "$1" vip "$VIP4C:9/udp" address "$2" "${@:3}" >/dev/null 2>&1
}
backend peer 10.77.0.2
backend macvlan 10.78.0.2
backend away 10.79.0.2
backend mute 10.1.0.200
backend self 10.1.0.11
backend far 10.2.0.2 forward l2
backend wide 10.1.0.1 forward vxlan vni 7 mac 02:00:00:00:00:07
backend named 10.77.0.2 forward l2 dev n2
xr host add vip ipip "$VIP6B" >/dev/null 2>&1
xr host add here vxlan 10.8.9.1 vni 5 local >/dev/null 2>&1
xr vip add "[$VIP6B]:9/udp"
ip -n "$WORLD-lb1" link set eth0 mtu 1540
in_ns lb1 nft -f - <<-EOT
	add chain ip filter INPUT { type filter hook input priority 0; }
	add rule ip filter INPUT ct state established accept
	add rule ip filter INPUT iifname lo accept
	add rule ip filter INPUT udp dport 4788 drop
	add rule ip filter INPUT udp dport 4789 counter drop
	add chain ip filter unsure { type filter hook input priority 1; }
	add rule ip filter unsure ip saddr 10.8.9.2 accept
	add rule ip filter unsure udp dport 4789 drop
EOT
mends lb1 "" redirect-peer="dev n2" redirect-device="dev mv0" no-route="backend away" \
	no-neighbour="backend mute" own-address="backend self" l2-gateway="backend far" \
	vip-tunnel="host vip" path-mtu="backend wide" host-end="host here" \
	tunnel-drop="nft ip filter INPUT"
is "${CURE[tunnel-drop=nft ip filter unsure]-}" "" "tunnel-drop: not where a rule before may accept"
in_ns lb1 nft delete table ip filter
# By a policy, and by a last rule: what is accepted is something else.
in_ns lb1 nft -f - <<-EOT
	add table inet deny
	add chain inet deny input { type filter hook input priority 0; policy drop; }
	add rule inet deny input ct state established accept
	add rule inet deny input iifname lo accept
	add rule inet deny input tcp dport 22 accept
	add rule inet deny input meta l4proto icmp accept
	add rule inet deny input udp dport 53 accept
	add chain inet deny last { type filter hook input priority 1; }
	add rule inet deny last tcp dport 22 accept
	add rule inet deny last ct state invalid drop
	add rule inet deny last counter drop
	add table ip6 deny
	add chain ip6 deny other { type filter hook input priority 1; policy drop; }
EOT
mends lb1 "" tunnel-drop="nft inet deny input" tunnel-drop="nft inet deny last"
is "${CURE[tunnel-drop=nft ip6 deny other]-}" "" "tunnel-drop: not what is of the other family"
in_ns lb1 nft delete table inet deny
in_ns lb1 nft delete table ip6 deny

# Tunnels by IPv6, whose UDP has no checksum: the device is to be made anew, as its cure says.
vxlan6()
{
	ip -n "$WORLD-lb1" link del vx6 2>/dev/null
	ip -n "$WORLD-lb1" link add vx6 type vxlan id 6 dstport 4789 local "$(addr6 lb1)" nolearning "$@"
	ip -n "$WORLD-lb1" link set vx6 up
}
vxlan6
xr host add six vxlan "$(addr6 lb1)" vni 6 local >/dev/null 2>&1
finds lb1 "" host-end="host six"
like "$(jq -r '.findings[] | select(.object == "host six") | .wrong' <<<"$SAID")" \
	"vx6 drops what has no UDP checksum: make it with udp6zerocsumrx" "what is wrong with it"
vxlan6 udp6zerocsumrx
doctor lb1
is "${CURE[host-end=host six]-}" "" "made with udp6zerocsumrx, it is gone"
xr host del six
ip -n "$WORLD-lb1" link del vx6
ip -n "$WORLD-lb1" link del n2
mends lb1 "" path-device="backend named"
ok "back to native mode" xr dev detach eth0
ip -n "$WORLD-lb1" link del mv0
for name in macvlan peer wide away named; do
	xr backend del $name
done
ok "... and attached" attach_lb
sound "what is left" lb1

# Another instance, with its own device, the same VIP, and pins that are lost.
ip -n "$WORLD-lb1" -batch - <<-EOT
	link add p0 type veth peer name p1
	link add p2 type veth peer name p3
	link add br0 type bridge
	link set p0 up
	link set p1 up
EOT
in_ns lb1 ethtool -K p1 tx-checksumming off txvlan off >/dev/null
sysctls lb1 net.ipv4.conf.p0.forwarding=1
for name in "$LB-o" "$LB-l"; do
	in_ns lb1 "$XROAM" -i "$name" dev attach p0 >/dev/null
	[ "$name" != "$LB-o" ] || rm -rf "/sys/fs/bpf/xroam/$name"
	[ "$name" = "$LB-o" ] || break
	mends lb1 "" orphan-program="dev p0"
done
in_ns lb1 "$XROAM" -i "$LB-l" vip add "$VIP4:80/tcp"
mkdir "/sys/fs/bpf/xroam/$LB-x~new"
mends lb1 "" vip-twice="vip $VIP4:80/tcp" leftover="/sys/fs/bpf/xroam/$LB-x~new"
meta=/sys/fs/bpf/xroam/$LB-l/meta
# shellcheck disable=SC2046
bpftool map update pinned "$meta" key 0 0 0 0 value $(bpftool -j map lookup pinned "$meta" key 0 0 0 0 |
	jq -r '.value | .[0] = "0x63" | join(" ")')
mends lb1 "-i $LB-l" layout="/sys/fs/bpf/xroam/$LB-l"

# Of an older xroam, which reload converts.
in_ns lb1 "$(echo "$WORLD_BUILD"/tests/upgrade/*/build/xroam)" -i "$LB-u" dev attach p0 >/dev/null
mends lb1 "-i $LB-u" layout="/sys/fs/bpf/xroam/$LB-u"
in_ns lb1 "$XROAM" -i "$LB-u" destroy

ok "attach a veth, and a bridge" xr dev attach p2 br0
ip -n "$WORLD-lb1" link del p2
in_ns r ip link set dev lb1-eth0 xdp off
mends lb1 "" device-gone="dev p2" native-xdp="dev br0" veth-peer="dev eth0"
xr dev detach br0 >/dev/null
ip -n "$WORLD-lb1" link del br0
in_ns lb1 ip link set dev eth0 xdp off
mends lb1 "" program-gone="dev eth0"
rm "/sys/fs/bpf/$WORLD-pass"
world_pass_load
in_ns s1 ip link set dev eth0 xdp off
xr_on s1 dev attach eth0 role backend vni 7 address 192.0.2.55 >/dev/null
in_ns s1 ip link set dev eth0 xdp off
world_pass s1 eth0
ip -n "$WORLD-s1" addr add 192.0.2.77/32 dev lo
mends s1 "" program-gone="dev eth0"
like "$(xr_on s1 -j dev show | jq -c '.[] | [.role, .vnis, .addresses]')" \
	'\["backend",\[7\],\["192.0.2.55"\]\]' "with its role, and what was listed"
ip -n "$WORLD-s1" addr add 192.0.2.78/32 dev lo
mends s1 "" tunnel-end="role backend"

ip -n "$WORLD-lb1" addr add "$VIP4C/32" dev lo
clock=/sys/fs/bpf/xroam/$LB/clock
# The kernel takes the timer of a value away that is stored.
# shellcheck disable=SC2046
bpftool map update pinned "$clock" key 0 0 0 0 value $(bpftool -j map lookup pinned "$clock" key 0 0 0 0 |
	jq -r '(.value | join(" "))')
start daemon lb1 "$XROAM" -i "$LB" run
wait_for 5 test -s "/run/xroam/$LB/daemon"
stop daemon KILL
ip -n "$WORLD-lb1" route flush proto 140
xr export >"$WORLD_DIR/now"
created=$(bpftool -j map dump pinned "/sys/fs/bpf/xroam/$LB/meta" |
	grep -o '"created":[0-9]*,"id":[0-9]*' | tr -dc '0-9,')
{
	printf '# %s %016x\n' "${created%,*}" "${created#*,}"
	cat "$WORLD_DIR/now"
} >"/run/xroam/$LB/journal.yaml"
mends lb1 "" vip-loop="vip $VIP4" vip-local="vip $VIP4C" clock="instance \"$LB\"" \
	daemon-lost="instance \"$LB\"" journal="instance \"$LB\""
sysctls lb1 net.ipv4.conf.eth0.rp_filter=2
mends lb1 "" rp-filter-vip="dev eth0"
sound "all that was mended" lb1

# ---- all of them ----

list=$(xr -j -v doctor | pick '.checks[].id' | sort)
is "$(printf '%s\n' "${!MENDED[@]}" | sort)" "$list" "each check was seen to find"
done_testing
