#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A real OVN of three chassis: what ovn-nbctl asks of it becomes a VM's move here, by TCP, TLS
# and a Unix socket, with the guide's commands and file. A database that is gone changes
# nothing, and what was missed is made up for.
# shellcheck source=tests/net/lib/vmworld.sh disable=SC2317 # called by name
. "$(dirname "$0")/lib/vmworld.sh"
# shellcheck source=tests/net/lib/ovn.sh
. "$(dirname "$0")/lib/ovn.sh"
# shellcheck source=tests/net/lib/walk.sh
. "$(dirname "$0")/lib/walk.sh"
ovn_begin
vm_world_up -n 3
vm_places v1 h1 h2
ovn_secure
REMOTES=(ptcp:6642:10.8.0.9 "db:OVN_Southbound,SB_Global,connections")
NODES="h1 h2 h3"

ok "OVN's databases" ovn_central "${REMOTES[@]}"
ok "three chassis" ovn_chassis h1 h2 h3
wants() { nb lsp-set-options "${2-lp1}" requested-chassis="$1"; }
nb ls-add net1 -- lsp-add net1 lp1 -- lsp-set-addresses lp1 "$VM_MAC $VM_ADDR4 $VM_ADDR6" unknown
wants h1
# guide NAME: what the guide has there, with OVN's databases
guide()
(
	walk "$1" <"$GUIDES/ovn.md" >"$WORLD_DIR/walk.sh"
	[ -s "$WORLD_DIR/walk.sh" ] && cd "$WORLD_DIR" && OVN_NB_DB=unix:$WORLD_DIR/central/nb.sock \
		OVN_SB_DB=unix:$WORLD_DIR/central/sb.sock as_on gw "$WORLD_DIR/walk.sh"
)
ok "the guide's listener, and its file" guide ovn
for host in h1 h2; do
	ok "$host has a device for the port" ovn_port $host lp1
done
ok "it is at h1" wait_for 20 port_at lp1 h1

# ---- daemons ----

# config NODE KEYS: the file of NODE, with these keys under ovn
config()
{
	local n

	echo "policy: {flap_moves: 1000}"
	echo "hosts:"
	for n in 1 2 3; do
		echo "- {name: h$n, vxlan: 10.8.0.$n, vni: 1000, local: $([ "$1" = h$n ] && echo true || echo false)}"
	done
	echo "vms: [{mac: \"$VM_MAC\", at: h1}]"
	echo "sources:"
	[ -z "${QMP-}" ] || echo "  qmp: [{socket: $QMP, vm: {mac: \"$VM_MAC\"}, $ROLE}]"
	printf '  ovn:\n%s\n' "$2"
}

# The first of h1's is nobody's: the next one is asked.
TCP='    remotes: [tcp:10.8.0.9:6641, tcp:10.8.0.9:6642]'
guided() { sed "s|/etc/xroam/ovn|$WORLD_DIR|" "$WORLD_DIR/ovn.yaml"; }
TLS=$(guided | sed '1,/^ *ovn:/d')
UNIX="    remotes: [unix:$WORLD_DIR/central/sb.sock]"

run()
{
	[ $# = 1 ] || config "$1" "$2" >"$WORLD_DIR/$1.yaml"
	start "daemon-$1" "$1" "$XROAM" -i "$WORLD-$1" -v run -c "$WORLD_DIR/$1.yaml"
	wait_for 5 grep -q watching "$WORLD_DIR/daemon-$1.err"
}
again()
{
	config "$1" "$2" >"$WORLD_DIR/$1.yaml"
	kill -HUP "$(pid "daemon-$1")"
}
follows() { tail -n 3 "$WORLD_DIR/daemon-$1.err" | grep -q "ovn: following"; }
wrong() { xr_on "$1" -j status | pick '.wrong[]' | grep "^ovn: "; }
says() { wrong "$1" | grep -qE "$2"; }
well() { ! wrong "$1"; }
facts() { xr_on "$1" -j vm show "$VM_MAC" | jq -r '[.. | objects | select(.mac?)][0] | "\(.state) \(.host) \(.to)"'; }
# A move that nothing came after for ten seconds is settled: it was a busy machine.
unsettled() { facts "$1" | sed s/settled/moved/; }
is_so() { [ "$(unsettled "$1")" = "$2" ]; }
# all_have FACTS DESCRIPTION
all_have()
{
	local node

	for node in $NODES; do
		shows 10 "$1" "$node: $2" unsettled "$node"
	done
}

ok "h1's daemon, by TCP" run h1 "$TCP"
ok "h2's, by a Unix socket" run h2 "$UNIX"
guided | sed "s/, local: true//; /name: h3,/s/}/, local: true}/
	s/^vms:/policy: {flap_moves: 1000}\nvms:/" >"$WORLD_DIR/h3.yaml"
ok "h3's, by TLS, with the guide's file" run h3
vm_attach h1 h2 || bail "cannot attach"
for node in $NODES; do
	ok "$node follows it" wait_for 10 grep -q "ovn: following .*: 1 MACs at 3 chassis" \
		"$WORLD_DIR/daemon-$node.err"
	ok "  and nothing is wrong" well "$node"
done
all_have "stable h1 null" "the VM is where both have it"
monitor h1

# ---- a move, as OpenStack makes one ----

wants h1,h2
all_have "prepared h1 h2" "two chassis: prepared"
wants h1
all_have "stable h1 null" "the first alone again: cancelled"
wants h1,h2
all_have "prepared h1 h2" "once more"
stop daemon-h1 KILL
wants h1
NODES="h2 h3" all_have "stable h1 null" "called off while h1's daemon is dead"
ok "it comes back" run h1
all_have "stable h1 null" "it is called off there, too"
wants h1,h2
all_have "prepared h1 h2" "once more"
wants h2
all_have "moved h2 null" "the second alone: moved"
ok "OVN has it there" wait_for 10 port_at lp1 h2
ok "h1 has an event of who said so" event_comes h1 "$VM_MAC moved .*h2.*ovn"
fabric_believes h1
reaches "a client's frame that still comes to h1 is sent on to h2, whole" 0 1
wants h1
all_have "moved h1 null" "without a second chassis: moved when it is there"

# The new chassis is active with the VM's RARP there. Until OVN has written all of that, the
# old one is in the row, too; that is no way back.
moves() { vm_fact "$1" "$VM_MAC" moves; }
before=$(moves h3)
ok "the guide's migration" guide 'ovn prepare'
all_have "prepared h1 h2" "with activation-strategy: prepared"
ip -n "$WORLD-h2" link set lp1 up
rarp() { play -q 20 "h2:lp1=$(vector k3_rarp_qemu)"; sb --bare --columns=options find port_binding logical_port=lp1 | grep -q activated=h2; }
ok "  the VM says where it is" wait_for 10 rarp
all_have "moved h2 null" "moved"
ok "  though OVN has it at h1 still" port_at lp1 h1
ok "and its end" guide 'ovn move'
ok "OVN has it at h2" wait_for 10 port_at lp1 h2
nb --wait=sb lsp-set-options lp1 requested-chassis=h2,h1
all_have "prepared h2 h1" "the next one, back"
is "$(moves h3)" $((before + 1)) "which was one move"
wants h2
all_have "moved h2 null" "cancelled"

# ---- QEMU's word counts more ----

QMP=$WORLD_DIR/vm.qmp
mkfifo "$WORLD_DIR/orders"
qemu() { start qemu h1 /usr/bin/python3 "$(dirname "$0")/lib/qemu.py" "$QMP" "$WORLD_DIR/orders" "$@"; }
ROLE="role: source, to: h2"
qemu open=tap9
tell() { printf '%s\n' "$@" >"$WORLD_DIR/orders"; }
xr_on h1 vm move "$VM_MAC" to h1 >/dev/null
again h1 "$TCP"
ok "QEMU's monitor is asked" wait_for 10 grep -q query-migrate "$WORLD_DIR/qemu.out"
wants h1
ok "OVN has the VM at h1" wait_for 10 port_at lp1 h1
wants h1,h2
ok "prepared by OVN" wait_for 10 is_so h1 "prepared h1 h2"
monitor_mark h1
play -q 20 "c1:eth0=$(vector k1_garp_request)"
ok "somebody speaks in its name: that completes the move" event_comes h1 "$VM_MAC activated"
ok "  but for QEMU, which has it running here" wait_for 10 is_so h1 "moved h1 null"
wants h1
wants h1,h2
ok "prepared once more" wait_for 10 is_so h1 "prepared h1 h2"
tell "migration active" 'set status=paused' 'event STOP'
ok "QEMU stops it: the blackout" wait_for 10 is_so h1 "blackout h1 h2"
monitor_mark h1
wants h1
ok "OVN calls it off, which is no more than OVN's word" event_comes h1 "ovn says .*by its hypervisor"
is "$(facts h1)" "blackout h1 h2" "  and does not end the blackout"
monitor_mark h1
wants h2
ok "OVN has it there before QEMU has" event_comes h1 "ovn says h2, but by its hypervisor it is at h1 on its way to h2"
is "$(facts h1)" "blackout h1 h2" "  which does not end it either"
wants h1
ok "OVN has it at h1 again" wait_for 10 port_at lp1 h1
tell "migration cancelled" 'set status=running' 'event RESUME'
ok "QEMU does" wait_for 10 is_so h1 "moved h1 null"
monitor_mark h1
wants h2
ok "OVN has it elsewhere, where QEMU has it running here" event_comes h1 "ovn says h2, but by its hypervisor it is at h1"
is "$(facts h1)" "moved h1 null" "  and here it stays"
ok "  which status tells" wait_for 10 says h1 "is at h2 by port lp1, but at h1 by who is trusted more"
xr_on h1 vm prepare "$VM_MAC" to h2 >/dev/null
tell "migration active" 'set status=paused' 'event STOP'
ok "it moves there" wait_for 10 is_so h1 "blackout h1 h2"
sleep 2
is "$(facts h1)" "blackout h1 h2" "  for which what OVN said before is no sign"
tell "migration cancelled" 'set status=running' 'event RESUME'
ok "  and does not come to it" wait_for 10 is_so h1 "moved h1 null"
wants h1
ok "OVN has it at h1" wait_for 10 port_at lp1 h1
tell 'set status=paused' 'event STOP'
wants h2
ok "an operator pauses it: OVN is believed" wait_for 10 is_so h1 "moved h2 null"
tell 'set status=running' 'event RESUME'
ok "  until it runs here again" wait_for 10 is_so h1 "moved h1 null"
wants h1
ok "OVN has it at h1" wait_for 10 port_at lp1 h1
wants h2
ok "OVN has it elsewhere once more, where QEMU has it running here" wait_for 10 says h1 "is at h2 by port lp1, but at h1"
stop qemu
ok "QEMU is gone: OVN is believed" wait_for 10 is_so h1 "moved h2 null"
ok "  and nothing is wrong" wait_for 10 well h1
wants h1
all_have "moved h1 null" "all have it at h1"
rm -f "$WORLD_DIR/qemu.out"
qemu status=inmigrate migrate=setup
ROLE="role: destination"
again h1 "$TCP"
ok "a QEMU that waits there for a migration" wait_for 10 grep -q query-migrate "$WORLD_DIR/qemu.out"
xr_on h1 vm prepare "$VM_MAC" to h3 >/dev/null
monitor_mark h1
wants h2
ok "what OVN says against a move" event_comes h1 "ovn says h2, but by .* it is at h1 on its way to h3"
is "$(facts h1)" "prepared h1 h3" "  changes nothing"
xr_on h1 vm cancel "$VM_MAC" >/dev/null
all_have "moved h2 null" "  until the move is called off, whatever that QEMU waits for"
stop qemu
QMP=''
again h1 "$TCP"
wants h1
all_have "moved h1 null" "and back"

# ---- it goes, and comes ----

ok "it listens to TCP no longer" ovn_remote remove "${REMOTES[0]}"
ok "h1 tells" wait_for 10 says h1 "not heard since 20.*10.8.0.9"
wants h2
ok "the VM moves" wait_for 10 port_at lp1 h2
ok "h2 hears of it" wait_for 10 is_so h2 "moved h2 null"
is "$(facts h1 | sed 's/^[a-z]* //')" "h1 null" "h1 does not, and changes nothing"
ok "it listens again" ovn_remote add "${REMOTES[0]}"
ok "and h1 makes up for what it missed" wait_for 20 is_so h1 "moved h2 null"
stop ovn-sb KILL
for node in $NODES; do
	ok "the database is killed: $node tells" wait_for 20 says "$node" "not heard since"
	ok "  and keeps the VM" is_so "$node" "moved h2 null"
done
ok "it comes again" ovn_southbound "${REMOTES[@]}"
for node in $NODES; do
	ok "$node follows it" wait_for 30 well "$node"
done
wants h1
all_have "moved h1 null" "and the next move"
helper=$(ps -o pid= --ppid "$(pid daemon-h3)" | while read -r p; do grep -qs xroam-ovn "/proc/$p/comm" && echo "$p"; done)
kill -KILL "$helper"
ok "the process that talks to it is killed: that is told" wait_for 10 grep -q "ovn: the process" "$WORLD_DIR/daemon-h3.err"
ok "  and another follows" wait_for 10 well h3

# ---- what cannot be followed is told ----

nb ls-add net2 -- lsp-add net2 lp2 -- lsp-set-addresses lp2 "$VM_MAC" -- \
	lsp-set-options lp2 requested-chassis=h3
ok "a second port with the MAC, in another switch" wait_for 10 says h1 "at two ports, lp[12] and lp[12]: neither"
wants h2
ok "the VM moves" wait_for 10 port_at lp1 h2
is "$(facts h1 | sed 's/ .*//;s/settled/moved/')" moved "neither is followed"
again h1 "$TCP
    switches: [{name: net1}]"
ok "its switch is named: followed" wait_for 10 is_so h1 "moved h2 null"
ok "  and nothing is wrong" well h1
again h1 "$TCP
    switches: [{name: net3}]"
ok "a switch that is not there is told" wait_for 10 says h1 "no switch net3 .*ovn-nbctl ls-list"
again h1 "$TCP
    switches: [{name: net1}]
    chassis: [{name: h2, host: h3}]"
ok "the file says which host a chassis is" wait_for 10 is_so h1 "moved h3 null"
nb lsp-del lp2
nb ls-del net2
again h1 "${TCP/6642/6643}"
ok "TCP where TLS is spoken" wait_for 20 says h1 "not heard since .*:664[13]: "
again h1 "${TLS/ca.pem/other.pem}"
ok "the server is of another authority" wait_for 20 says h1 "not heard since .*certificate"
again h1 "$UNIX"
ok "by a Unix socket" wait_for 20 well h1
again h1 "    remotes: [unix:$WORLD_DIR/central/nb.sock]"
ok "a northbound database" wait_for 20 says h1 "refuses to tell of OVN_Southbound: unknown database"
again h1 "$TCP"
ok "the right one" wait_for 20 well h1
nb lsp-del lp1
ok "the port is gone: that is told" wait_for 10 says h2 "no port lp1 any more.*vm leave"
ok "  and the VM stays" is_so h2 "moved h2 null"
xr_on h2 vm leave "$VM_MAC" >/dev/null
ok "  until somebody says so" wait_for 10 well h2
done_testing
