#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# What etcd says is in the instance: hosts, VIPs, backends, CID configurations and the VMs
# of a node's segments, at first and as they change, and what cannot be taken is told of.
# shellcheck source=tests/net/lib/etcd.sh
. "$(dirname "$0")/lib/etcd.sh"
daemon_world_up
etcd_up 1
A=52:54:00:00:00:01 B=52:54:00:00:00:02 C=52:54:00:00:00:03
# D is before A where they are sorted
D=02:54:00:00:00:04 E=52:54:00:00:00:0a GROUP=01:00:5e:00:00:01

for i in 1 2 3; do
	put hosts/h$i "{\"name\": \"h$i\", \"vxlan\": \"10.8.0.$i\", \"vni\": 100}"
done
put segments/0/vms/$A "{\"mac\": \"$A\", \"at\": \"h2\", \"addresses\": [\"10.9.0.1\"]}"
put segments/5/vms/$B "{\"mac\": \"$B\", \"at\": \"h3\", \"vlan\": 5}"
put segments/6/vms/$C "{\"mac\": \"$C\", \"at\": \"h3\"}"
etcd_config "node: h1" "segments: [0, 5]"
ok "the file is good" xr check "$CONFIG"
ok "a daemon with etcd" run_daemon -c "$CONFIG"
ok "it reads it, and watches" wait_for 20 grep -Eq "etcd: watching (again )?cluster" "$WORLD_DIR/daemon.err"
is "$(xr -j host show | jq -c '[.. | objects | select(.name?) | [.name, .local]] | sort')" \
	'[["h1",true],["h2",false],["h3",false]]' "the hosts; this machine's is local"
is "$(vm_at $A) $(vm_at $B) $(vm_at $C)" "h2 h3 " "the VMs of its segments, and no other's"
is "$(xr -j vm show $A | pick -w mac .source)" etcd "  by its word, not by the file's"
is "$(xr -j vm show $A | pick -w mac .addresses)" '["10.9.0.1"]' \
	"their addresses, too"

put segments/0/vms/$A "{\"mac\": \"$A\", \"at\": \"h3\", \"addresses\": [\"10.9.0.9\"]}"
ok "a VM moves" wait_for 10 has_vm $A h3
ok "  and is bound anew" wait_for 10 eval "xr -j vm show $A | grep -q 10.9.0.9"
is "$(xr -j vm show $A | pick -w mac .source)" etcd \
	"  by etcd, it says"
# of JQ: the VM A's, of vm show
of()
{
	xr -j vm show $A | jq -c "[.. | objects | select(.mac?)][0] | $1"
}

put segments/0/vms/$A "{\"mac\": \"$A\", \"at\": \"h3\", \"addresses\": [\"10.9.0.9\"], \"limits\": [\"in packets 1000\"], \"rules\": [\"deny in peer 192.0.2.0/24\"], \"default\": \"allow\"}"
ok "what it may send and get comes with it" wait_for 10 eval 'of .limits | grep -q packets'
like "$(of '[.limits, .rules, .default]')" 'in packets 1K.*deny in peer 192.0.2.0/24.*allow' "  limits and rules"
put segments/0/vms/$A "{\"mac\": \"$A\", \"at\": \"h3\", \"addresses\": [\"10.9.0.9\"]}"
ok "  and goes" wait_for 10 eval '! of .limits | grep -q packets'
put segments/0/vms/$A "{\"mac\": \"$A\", \"at\": \"h3\", \"rules\": [\"pass\"]}"
ok "rules that are wrong are told of" wait_for 10 says "segments/0/vms/$A: rule \"pass\": it must begin with allow or deny"
put segments/0/vms/$A "{\"mac\": \"$A\", \"at\": \"h3\", \"addresses\": [\"10.9.0.9\"]}"
ok "  until they are right" wait_for 10 heard
put segments/5/vms/$C "{\"mac\": \"$C\", \"at\": \"h2\"}"
ok "one comes; its VLAN is its segment's" wait_for 10 has_vm $C h2
is "$(xr -j vm show $C | pick -w mac .vlan)" 5 "  VLAN 5"
del segments/5/vms/$C
ok "and goes" wait_for 10 has_vm $C

put vips/192.0.2.10:443/udp '{"address": "192.0.2.10", "port": 443, "protocol": "udp", "cid": true}'
ok "a VIP comes" wait_for 10 eval 'xr vip show | grep -q 192.0.2.10:443/udp'
printf '%032d\n' 7 >"$WORLD_DIR/key"
chmod 600 "$WORLD_DIR/key"
put cid/0 "{\"id\": 0, \"format\": \"quic-lb\", \"server_id_length\": 4, \"nonce_length\": 6, \"key_file\": \"$WORLD_DIR/key\"}"
put backends/s1 '{"name": "s1", "address": "10.8.0.2", "vips": ["192.0.2.10:443/udp"], "server_ids": ["00000001"]}'
ok "a backend, too" wait_for 10 eval 'xr backend show | grep -q s1'
like "$(xr export --keys)" "0000000000000007" "a CID configuration has its key from the node's file"
del backends/s1
ok "the last backend goes" wait_for 10 eval '! xr backend show | grep -q s1'

put cid/1 '{"id": 1, "format": "quic-lb", "server_id_length": 4, "nonce_length": 6, "key": "00000000000000000000000000000007"}'
ok "a key in clear is refused" wait_for 10 says "cid/1: a key is not taken from etcd; write key_file"
put vips/192.0.2.11:443/udp '{"address": "192.0.2.11", "port": 443, "protocol": "udp"}'
del cid/1
ok "  until it is gone: the rest waited for it" wait_for 10 eval 'xr vip show | grep -q 192.0.2.11:443/udp'
ok "  and nothing is wrong" wait_for 10 eval '! says .'

put segments/0/vms/$B "{\"mac\": \"$B\", \"at\": \"h9\"}"
ok "a VM at a host that is not there is told of" wait_for 10 says "segments/0/vms/$B: .*h9"
put hosts/h9 '{"name": "h9", "vxlan": "10.8.0.9", "vni": 100}'
ok "  and is taken when it comes" wait_for 10 eval "xr vm show | grep $B | grep -q h9"
ok "  which is no longer told" wait_for 10 eval '! says .'
put segments/0/vms/$C '{"mac": '
ok "what is no JSON is told of" wait_for 10 says "segments/0/vms/$C: "
put segments/0/vms/$C "{\"mac\": \"$A\", \"at\": \"h2\"}"
ok "what its key does not say, too" wait_for 10 says "segments/0/vms/$C: mac: \"$A\" is not what its key says"
put segments/0/vms/$C "{\"mac\": \"$C\", \"at\": \"h2\", \"seq\": -1}"
ok "  and a number that would be the last" wait_for 10 says "segments/0/vms/$C: seq: it is no number from 0 to 9223372036854775807"
del segments/0/vms/$C
ok "  until it is deleted" wait_for 10 eval '! says .'
put segments/5/vms/x/$C "{\"mac\": \"$C\", \"at\": \"h2\"}"
ok "a key of some other kind is told of" wait_for 10 says "segments/5/vms/x/$C: this is no VM's key"
ok "  and makes none" has_vm $C
del segments/5/vms/x/$C
ok "  until it is deleted" wait_for 10 eval '! says .'

# What this node heard is newer than what etcd said before; a daemon that starts must know that.
sleep 1.1 # what it has is written down once a second
xr vm move $A to h2 >/dev/null
ok "the daemon ends" daemon_end
put segments/0/vms/$C "{\"mac\": \"$C\", \"at\": \"h3\"}"
del segments/5/vms/$B
# What is wrong among them: it would have the address of one that runs, stand twice, ...
put segments/0/vms/$D "{\"mac\": \"$D\", \"at\": \"h2\", \"addresses\": [\"10.9.0.9\"]}"
put segments/0/vms/$GROUP "{\"mac\": \"$GROUP\", \"at\": \"h2\"}"
put "segments/0/vms/${E^^}" "{\"mac\": \"${E^^}\", \"at\": \"h3\"}"
put segments/0/vms/$E "{\"mac\": \"$E\", \"at\": \"h2\"}"
put segments/0/vms/$B '{"mac": '
ok "and starts again" run_daemon -c "$CONFIG"
ok "  what came meanwhile is there" wait_for 10 eval "xr vm show | grep $C | grep -q h3"
ok "  and what went is gone" wait_for 10 eval "! xr vm show | grep $B | grep -q h3"
is "$(vm_at $A)" h2 "  but a VM that moved here since stays: etcd has said nothing new"
ok "  of what is wrong all is told" says "4 VMs are not taken; one: segments/0/vms/"
is "$(vm_at $D)$(vm_at $GROUP) $(vm_at $E)" " h2" "  the others do not wait for it"
is "$(xr -j vm show $A | pick -w mac .addresses) $(vm_at $B)" '["10.9.0.9"] h9' \
	"  and it takes nothing from those that run"
for mac in $D $GROUP $B "${E^^}"; do
	del "segments/0/vms/$mac"
done
ok "  until that is deleted" wait_for 10 heard
put segments/0/vms/$A "{\"mac\": \"$A\", \"at\": \"h1\"}"
ok "  until it does" wait_for 10 has_vm $A h1

kill -HUP "$(pid daemon)"
ok "its file again" wait_for 10 grep -q "read again" "$WORLD_DIR/daemon.err"
is "$(xr vip show | grep -c 192.0.2.1)" 2 "  what etcd has stays"
is "$(xr apply "$CONFIG")" "nothing to change" "the command leaves it, too"

# Gone: everything goes on.
etcd_stop 1
ok "etcd is gone: status says since when" wait_for 20 says "not heard since 20.*all stays as it was"
is "$(vm_at $A)" h1 "  and the VMs are there"
etcd_member 1
ok "it is back" wait_for 30 eval '! says .'
put segments/0/vms/$A "{\"mac\": \"$A\", \"at\": \"h3\"}"
ok "  and heard" wait_for 10 has_vm $A h3
ok "the node says that it is there" wait_for 10 eval 'ctl get cluster/nodes/h1 | grep -q instance'

# Of several places in a row that it hears of at once, the last one counts.
moves() { [ "$(of .moves)" = "$1" ]; }
before=$(of .moves)
kill -STOP "$(pid daemon)"
for at in h1 h2 h1 h2; do
	put segments/0/vms/$A "{\"mac\": \"$A\", \"at\": \"$at\"}"
done
kill -CONT "$(pid daemon)"
ok "a node that was away hears where the VM is" wait_for 10 has_vm $A h2
ok "  which is one move" moves $((before + 1))

# The host that it leaves goes on copying for a moment: others may hear of it a little later.
put segments/0/vms/$A "{\"mac\": \"$A\", \"at\": \"h1\"}"
ok "the VM is here" wait_for 5 has_vm $A h1
xr vm prepare $A to h3 >/dev/null 2>&1
xr vm pause $A >/dev/null
from=$(date +%s%N)
put segments/0/vms/$A "{\"mac\": \"$A\", \"at\": \"h3\"}"
ok "it is at h3, says etcd, while it stands still here" wait_for 5 has_vm $A h3
cmp_ok $((($(date +%s%N) - from) / 1000000)) -ge 900 "  which counts a second later"

# A migration that its QEMU tells of is not disturbed; what etcd said meanwhile is not forgotten.
daemon_end
cat >>"$CONFIG" <<-EOT
	policy: {blackout_timeout: 1}
	sources:
	  qmp:
	    - {socket: $WORLD_DIR/vm.qmp, vm: {mac: "$A"}, role: destination}
EOT
mkfifo "$WORLD_DIR/orders"
start qemu n1 "$PYTHON" "$LIB/qemu.py" "$WORLD_DIR/vm.qmp" "$WORLD_DIR/orders" mac=$A status=inmigrate migrate=active
ok "the daemon again, with a QEMU that the VM is to come to" run_daemon -c "$CONFIG"
ok "  it knows that" wait_for 5 eval 'of .to | grep -q h1'
put segments/0/vms/$A "{\"mac\": \"$A\", \"at\": \"h2\", \"seq\": 9000}"
ok "etcd says otherwise, with a newer number: that is told of" wait_for 5 says "etcd says h2, but by its hypervisor"
is "$(of '[.host, .to]')" '["h3","h1"]' "  and refused"
echo "migration failed" >"$WORLD_DIR/orders"
ok "the migration comes to nothing: etcd's word counts" wait_for 5 has_vm $A h2
ok "  and nothing is wrong" wait_for 5 heard

# Nor is one by what was written while no daemon heard it, and is read by the next one.
echo "migration active" >"$WORLD_DIR/orders"
ok "the VM is to come again" wait_for 5 eval 'of .to | grep -q h1'
stop daemon KILL
put segments/0/vms/$A "{\"mac\": \"$A\", \"at\": \"h3\", \"addresses\": [\"10.9.0.8\"], \"seq\": 9200}"
ok "the daemon was killed, and is there" run_daemon -c "$CONFIG"
ok "  what it reads does not end the move" wait_for 10 says "etcd says h3, but by its hypervisor"
is "$(of '[.host, .to]')" '["h2","h1"]' "  which is under way"
echo "migration failed" >"$WORLD_DIR/orders"
ok "  and counts when that came to nothing" wait_for 10 has_vm $A h3
is "$(of .addresses)" '["10.9.0.8"]' "  with all that it says"
ok "  and nothing is wrong" wait_for 5 heard

# One that is completed is newer than what etcd said while it was under way.
echo "migration active" >"$WORLD_DIR/orders"
ok "the VM is to come once more" wait_for 5 eval 'of .to | grep -q h1'
put segments/0/vms/$A "{\"mac\": \"$A\", \"at\": \"h2\", \"seq\": 9500}"
ok "etcd says otherwise, which is refused" wait_for 5 says "etcd says h2, but by its hypervisor"
printf '%s\n' "set migrate=completed status=running" "event RESUME" >"$WORLD_DIR/orders"
ok "the VM runs here" wait_for 5 has_vm $A h1
ok "  what etcd said before is no longer told of" wait_for 5 heard
is "$(vm_at $A)" h1 "  nor made"

# That it has come to where it goes is not so as long as it has not stood still: it may be what
# etcd has of the last time that it was there.
xr vm prepare $A to h2 >/dev/null 2>&1
echo "migration active" >"$WORLD_DIR/orders"
sleep 0.3
put segments/0/vms/$A "{\"mac\": \"$A\", \"at\": \"h2\", \"seq\": 9700}"
ok "etcd has it where it goes, while it runs here" wait_for 5 says "etcd says h2, but by its hypervisor"
is "$(of '[.host, .to]')" '["h1","h2"]' "  which is refused"
printf '%s\n' "set status=postmigrate" "event STOP" "migration completed" >"$WORLD_DIR/orders"
ok "  but when it has gone" wait_for 10 has_vm $A h2
stop qemu
ok "the daemon ends" daemon_end
done_testing
