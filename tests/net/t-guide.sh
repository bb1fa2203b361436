#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The guide's first lab and its set-ups, and the README's tour of clients, line by
# line as they stand, in fresh namespaces; what they say is printed is printed.
# shellcheck source=tests/net/lib/walk.sh disable=SC2317 # called by ok
. "$(dirname "$0")/lib/walk.sh"

world_begin
cd "$WORLD_DIR" || bail "no directory"

# ---- the lab ----

walk "" <"$GUIDE" | sed "s/lab-/$WORLD-/g" >lab.sh
shown "" <"$GUIDE" >lab.shown
cmp_ok "$(wc -l <lab.sh)" -gt 50 "the guide has a lab"
cmp_ok "$(wc -l <lab.shown)" -ge 7 "and what it prints"
ok "each of its lines is done" run_lines lab.sh
ok "and prints what it says" says lab.sh lab.shown
is "$(find /run/netns /run/xroam -name "$WORLD-*"; ls)" \
	"$(printf '%s\n' lab.sh{,.out} lab.shown)" "and nothing is left"

# ---- a hypervisor ----

# lone NODE ADDRESS: its eth0, on which nothing comes but what is put into fabric
lone()
{
	world_lone "$1" "$2" fabric
	ip -n "$WORLD-$1" link set eth0 mtu 1600
}

# Its uplink is a veth here: its other end is no fabric that takes frames.
well()
{
	is "$(xr_on "$1" status --check | grep -v "role pass\|^all is well")" "" \
		"and status finds nothing wrong with it"
}

lone h1 10.8.0.1/24
walk hypervisor <"$GUIDE" >hypervisor.sh
cmp_ok "$(wc -l <hypervisor.sh)" -ge 7 "the guide prepares a hypervisor"
ok "each line is done" as_on h1 hypervisor.sh
well h1

# ---- the README's first steps ----

# lb NODE: with servers whose MACs are known
lb()
{
	lone "$1" 10.1.0.11/24
	in_ns "$1" sysctl -qw net.ipv4.ip_forward=1
	for i in 21 22; do
		ip -n "$WORLD-$1" neigh replace 10.1.0.$i \
			lladdr 02:00:00:00:01:$i dev eth0 nud permanent
	done
}

lb lb1
block "^### Build, attach, configure" <"$README" | grep -v "^# scripts" >readme
script <readme >readme.sh
sed -n '/^# xroam apply/,$p' readme | printed >readme.shown
cmp_ok "$(wc -l <readme.shown)" -ge 5 "the README shows what apply prints"
ok "each line is done" as_on lb1 readme.sh
is "$(grep -v "^!\|warning" readme.sh.out)" "$(<readme.shown)" "and it prints just that"

# ---- and its look at what goes on ----

QUIC=$WORLD_TOP/tests/net/lib/quicframe.py
STRANGE=e0112233445566	# a client's first CID, of no config

# cid NODE CONFIG SERVER: 20 octets that begin with such a one
cid()
{
	echo "$(xr_on "$1" cid encode "$2" server-id "$3")112233445566778899"
}

# quic NODE KIND CID: a frame to it
quic()
{
	$QUIC "$2" "$(mac "$1" eth0)" "$3" 1448
}

for i in 1 2; do
	cid=$(cid lb1 1 0000000$i)
	play "lb1:fabric=$(quic lb1 short "$cid")*5" \
		"lb1:fabric=$(quic lb1 initial "${cid:0:22}")"
done
play "lb1:fabric=$(quic lb1 initial $STRANGE)" \
	"lb1:fabric=$($QUIC other "$(mac lb1 eth0)")" \
	"lb1:fabric=ffffffffffff0200000000010806$(printf '0%.0s' {1..56})"
$QUIC pcap quic.pcap "$(quic lb1 short "$(cid lb1 1 00000001)")"
{
	block "^### Look" <"$README"
	block "^### Explain" <"$README" | sed '/xroam capture/,$d'
} >look
minted=$(xr cid encode 1 server-id 00000002)
script <look | sed "s/decode [0-9a-f]*$/decode $minted/" >look.sh
printed <look >look.shown
cmp_ok "$(wc -l <look.shown)" -ge 20 "the README looks"
# So long after the last packet the FIB is asked anew, and that is told; one that comes late,
# as a connection's end, is followed by as long a time again.
look()
{
	local status i

	for i in 1 2 3 4 5; do
		sleep 2.2
		as_on lb1 look.sh
		status=$?
		! grep -q "next hop not cached" look.sh.out || break
	done
	return "$status"
}
ok "each line is done" look
ok "and prints what it says, but for numbers" alike look.sh look.shown
# What has no counter in it, and no random octets.
sed -n '/^packet 1/,$p' look.shown | grep -v "^  CID  \|^[0-9a-f]*$" >look.words
ok "of a packet and a CID each word" says look.sh look.words

# ---- announced, drained, and a standby ----

block "^### Announce, drain" <"$README" >node
script <node >node.sh
printed <node >node.shown
cmp_ok "$(wc -l <node.shown)" -ge 6 "the README announces and drains"
ok "each line is done" as_on lb1 node.sh
ok "and prints what it says, but for numbers" alike node.sh node.shown
block "^### A standby" <"$README" | grep "^lb[12]# " >standby
is "$(grep -cxFf standby <(block "^## Replacing a node" <"$GUIDE")) $(wc -l <standby)" "3 3" \
	"the guide has the README's standby"

# ---- a backend that is a VM ----

for i in 1 2; do
	ip -n "$WORLD-lb1" neigh replace 10.1.0.3$i \
		lladdr 02:00:00:00:01:3$i dev eth0 nud permanent
	ok "host h$i" xr host add h$i vxlan 10.1.0.3$i vni 100
done
block "^### A QUIC server that is a VM" <"$GUIDE" | script >vm.sh
block "^### A QUIC server that is a VM" <"$README" | script >vm.readme.sh
is "$(grep -cxFf vm.readme.sh vm.sh) $(wc -l <vm.readme.sh)" "1 1" \
	"the guide has the README's line"
ok "each line is done" as_on lb1 vm.sh
MAC=$(sed -n 's/.* vm add \([^ ]*\) .*/\1/p' vm.sh)
ok "it moves" xr vm move "$MAC" to h2
like "$(xr explain -r quic.pcap)" "backend     s1.* to 10\.1\.0\.32" \
	"and what is for it goes to its new host"

# ---- the first node ----

lb lb2
mkdir etc
# in_etc: /etc is ours
in_etc()
{
	sed "s|/etc/|$WORLD_DIR/etc/|g"
}
block "^### The first node" <"$GUIDE" | script | in_etc >node.sh
cmp_ok "$(wc -l <node.sh)" -ge 20 "the guide has a first node"
ok "each line is done" as_on lb2 node.sh
is "$(stat -c %a etc/* | sort -u)" 600 "its files are its owner's alone"
well lb2

# ---- key rotation ----

# rotation REGEX: what that section says in a line of its text
rotation()
{
	section "^#### Key rotation" <"$GUIDE" | inline "$1" | in_etc
}

# Nodes first. What the guide leaves out of the new config is as in the old one.
rotation "[(]umask|od " >rotate.sh
old=$(grep "id: 0," etc/xroam.yaml)
config=$(rotation "[{]id: 1, ")
like="${old#*id: 0, }"
config=${config/.../${like%, key_file*}}
cat >>rotate.sh <<-EOT
	sed -i 's|.*id: 0,.*|&\n  - $config|' $WORLD_DIR/etc/xroam.yaml
	xroam apply $WORLD_DIR/etc/xroam.yaml
EOT
before=$(quic lb2 short "$(cid lb2 0 00000001)")
ok "a new key, and a config beside the old one" as_on lb2 rotate.sh
is "$(xr_on lb2 -j cid show | jq -c '[.. | objects | .config_id // empty]')" "[0,1]" \
	"cid show lists both"
for frame in "$before" "$(quic lb2 short "$(cid lb2 1 00000001)")"; do
	like "$(xr_on lb2 explain "$frame")" "backend     s1" "either finds its server"
done
# Nodes last.
rotation "xroam cid del 0" >rotate.sh
is "$(<rotate.sh)" "xroam cid del 0" "the guide takes the old one away"
ok "which is done when nothing comes for it" as_on lb2 rotate.sh
like "$(xr_on lb2 explain "$before")" "cid-no-config" "its CIDs are strangers"

# ---- draining ----

after=$(quic lb2 short "$(cid lb2 1 00000001)")
first=$(quic lb2 initial $STRANGE)
block "^### Draining a server" <"$GUIDE" | script >drain.sh
is "$(wc -l <drain.sh)" 2 "the guide drains a server"
head -n 1 drain.sh >draining.sh
ok "draining" as_on lb2 draining.sh
like "$(xr_on lb2 explain "$after")" "backend     s1, draining" "its connections stay"
like "$(xr_on lb2 explain "$first")" "backend     s2" "new ones go elsewhere"
tail -n 1 drain.sh >down.sh
ok "down" as_on lb2 down.sh
like "$(xr_on lb2 explain "$after")" "verdict     backend-down" "they end"

# ---- a capture, explained ----

block "^## Explain" <"$GUIDE" | script | grep -v "^tcpdump" |
	sed "s|/tmp/in.pcap|$PWD/quic.pcap|" >explain.sh
is "$(wc -l <explain.sh)" 1 "the guide explains"
ok "what a capture has" as_on lb2 explain.sh
like "$(<explain.sh.out)" "packet 1: 1448 octets" "a word for each packet"

# ---- an upgrade ----

mkdir root
block "^## Reload and upgrade" <"$GUIDE" | script >upgrade
is "$(grep -o "systemctl stop\|xroam destroy\|systemctl start" upgrade | xargs)" \
	"systemctl stop xroam destroy systemctl start" \
	"the unit is stopped before, or it makes the instance again"
grep -v ^systemctl upgrade |
	sed "s/make install && //; s|/root/|$WORLD_DIR/root/|g" >upgrade.sh
is "$(wc -l <upgrade.sh)" 3 "the guide upgrades"
xr_on lb2 export --keys >was
ok "each line is done" as_on lb2 upgrade.sh
is "$(grep -c "warning.*chmod" upgrade.sh.out) $(stat -c %a root/*)" "0 600" \
	"the file with the keys is its owner's alone"
is "$(xr_on lb2 export --keys | diff was - 2>&1)" "" "and all is as it was"

# ---- the servers ----

lone s1 10.1.0.21/24
block "^#### The servers" <"$GUIDE" | script >server.sh
cmp_ok "$(wc -l <server.sh)" -ge 4 "the guide prepares a server"
# The kernel's tunnel ends that the table names; VXLAN's are t-vxlan-kernel's.
modprobe -aq ipip ip6_tunnel sit fou fou6 2>/dev/null
ends()
{
	section "^#### The servers" <"$GUIDE" | grep "^|" | inline "$1"
}
ends "ip .*(tunl0|fou)|[a-z0-9]+0$" | sort -u >kernel.ends
is "$(grep -c . kernel.ends)" 6 "the guide has the kernel's tunnel ends"
has_end()
{
	case $1 in
	*fou*)	in_ns s1 ip fou show ;;
	*)	ip -n "$WORLD-s1" link show "$(grep -oE '[a-z0-9]*0' <<<"$1")" ;;
	esac >/dev/null 2>&1
}
while read -r end; do
	has_end "$end" || { skip 1 "$end: not in this kernel"; continue; }
	case $end in
	ip*)	echo "$end" ;;
	*)	echo "ip link set $end up" ;;
	esac >end.sh
	ok "$end" as_on s1 end.sh
done <kernel.ends
# And its filter, where there is such a device.
has_end tunl0 || sed -i 's/ [^ ]*tunl0[^ ]*//' server.sh
ok "each line is done" as_on s1 server.sh
{
	ends "xroam "
	echo "xroam dev detach eth0"
	inline "xroam dev attach eth0 role backend address" <"$GUIDE"
} >server.sh
is "$(wc -l <server.sh)" 3 "and xroam's own"
ok "each is done" as_on s1 server.sh
well s1

# ---- a routed fabric, and a gateway with ports ----

lone h3 10.8.0.1/24
{
	echo "xroam dev attach eth0 fabric"
	walk routed <"$GUIDE"
} >routed.sh
is "$(wc -l <routed.sh)" 3 "the guide has a routed fabric"
ok "each line is done" as_on h3 routed.sh
well h3
lone gw 10.8.0.9/24
ip -n "$WORLD-gw" link add eth1 type veth peer name eth2
{
	echo "xroam dev attach eth0 eth1"
	inline "xroam host add h[12] dev" <"$GUIDE"
} >gateway.sh
ok "a gateway with ports" as_on gw gateway.sh
done_testing
