#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A node tells etcd which VMs have come to it by its own sources' word, and one that hears
# nobody but etcd follows. What else a value says stays; what is not this node's to tell is
# not told; what contradicts it is put right; and nothing is forgotten while it cannot write.
# shellcheck source=tests/net/lib/etcd.sh disable=SC2317 # called by name
. "$(dirname "$0")/lib/etcd.sh"
daemon_world_up
etcd_up 1
etcd_auth
OTHER=52:54:00:00:00:02 THIRD=52:54:00:00:00:03
QMP=$WORLD_DIR/vm.qmp

value() { ctl get --print-value-only "cluster/segments/5/vms/$1"; }
of() { value "${2-$VM}" | jq -c "$1"; }
# written MAC HOST
written() { [ "$(value "$1" | pick .at)" = "$2" ]; }
revision() { ctl get -w json "cluster/segments/5/vms/$VM" | pick '.kvs[0].mod_revision'; }
here() { [ "$(xr -j vm show "$VM" vlan 5 | pick -w mac ".$1")" = "$2" ]; }
# The one that hears nobody else
follower() { in_ns n1 "$XROAM" -i "$WORLD-f" "$@"; }
follows() { [ "$(follower -j vm show "$VM" vlan 5 | pick -w mac .host)" = "$1" ]; }
logged() { grep -q "$1" "$WORLD_DIR/daemon.err"; }

# missed KEY VALUE: etcd is away, and has that when it comes back, but not how it came to it
missed()
{
	local as_ever=$CTL_ENDPOINTS

	etcd_stop 1
	CTL_ENDPOINTS=http://127.0.0.1:2015
	start elsewhere n1 etcd --name m1 --data-dir "$WORLD_DIR/etcd1" --unsafe-no-fsync \
		--listen-client-urls $CTL_ENDPOINTS --advertise-client-urls $CTL_ENDPOINTS \
		--listen-peer-urls http://127.0.0.1:2016
	put "$1" "$2"
	ctl compact "$(ctl get -w json "cluster/$1" | pick '.kvs[0].mod_revision')" >/dev/null
	stop elsewhere
	CTL_ENDPOINTS=$as_ever
	etcd_member 1
}

for i in 1 2 3; do
	put hosts/h$i "{\"name\": \"h$i\", \"vxlan\": \"10.8.0.$i\", \"vni\": 100}"
done
put "segments/5/vms/$VM" "{\"mac\": \"$VM\", \"at\": \"h2\", \"addresses\": [\"10.9.0.10\"], \"limits\": [\"in packets 1000\"]}"
put "segments/5/vms/$THIRD" "{\"mac\": \"$THIRD\", \"at\": \"h2\", \"seq\": -1}"
put "segments/6/vms/$VM" "{\"mac\": \"$VM\", \"at\": \"h2\"}"
put "segments/6/vms/$OTHER" "{\"mac\": \"$OTHER\", \"at\": \"h7\"}"
user=("user: node" "password_file: $WORLD_DIR/password")
etcd_config "segments: [5, 6]" "${user[@]}"
cp "$CONFIG" "$WORLD_DIR/follower.yaml"
echo "policy: {flap_moves: 1000}" >>"$WORLD_DIR/follower.yaml"
etcd_config "node: h1" "publish: true" "segments: [5]" "${user[@]}"
cat >>"$CONFIG" <<-EOT
	policy: {flap_moves: 1000}
	sources:
	  qmp: [{socket: $QMP, vm: {mac: "$VM", vlan: 5}, role: destination}]
EOT
ok "the file is good" xr check "$CONFIG"
ok "a daemon that tells etcd" run_daemon -c "$CONFIG"
ok "  and watches it" wait_for 20 logged "etcd: watching"
start follower n1 "$XROAM" -i "$WORLD-f" run -c "$WORLD_DIR/follower.yaml"
ok "one that hears etcd alone" wait_for 20 follows h2
put "segments/5/vms/$THIRD" "{\"mac\": \"$THIRD\", \"at\": \"h2\"}"
ok "what is left out when all is read is told until it is right" wait_for 20 heard

# ---- a move ----

ok "an operator's word: it has come here" notify say "{\"notice\":\"moved\",\"mac\":\"$VM\",\"vlan\":5,\"to\":\"h1\"}"
ok "  is written" wait_for 20 written "$VM" h1
is "$(of '[.addresses, .limits]')" '[["10.9.0.10"],["in packets 1000"]]' "  and nothing else of it is another"
cmp_ok "$(of .seq)" -ge 1 "  with a number"
ok "  and the other one follows" wait_for 20 follows h1
is "$(xr -j vm show "$VM" vlan 5 | pick -w mac .seq)" "$(of .seq)" "  it has that number here, too"

# ---- what is not told ----

before=$(revision)
ok "its word again" notify say "{\"notice\":\"moved\",\"mac\":\"$VM\",\"vlan\":5,\"to\":\"h1\"}"
ok "it leaves for elsewhere" notify say "{\"notice\":\"moved\",\"mac\":\"$VM\",\"vlan\":5,\"to\":\"h3\"}"
ok "another's segment" notify say "{\"notice\":\"add\",\"mac\":\"$VM\",\"vlan\":6,\"at\":\"h2\"}"
ok "  in which it comes here" notify say "{\"notice\":\"moved\",\"mac\":\"$VM\",\"vlan\":6,\"to\":\"h1\"}"
ok "one that etcd does not have" notify say "{\"notice\":\"add\",\"mac\":\"$OTHER\",\"vlan\":5,\"at\":\"h2\"}"
ok "  comes here" notify say "{\"notice\":\"moved\",\"mac\":\"$OTHER\",\"vlan\":5,\"to\":\"h1\"}"
ok "  which the log has" wait_for 20 logged "segments/5/vms/$OTHER is here, and etcd has no such key"
is "$(revision) $(value $OTHER)" "$before " "nothing of that is written"
is "$(ctl get --print-value-only "cluster/segments/6/vms/$VM" | pick .at)" h2 "  nor in the other segment"

seq=$(of .seq)
put "segments/5/vms/$VM" "{\"mac\": \"$VM\", \"at\": \"h1\", \"seq\": $((seq + 5))}"
ok "who writes etcd says that it is here" wait_for 20 here host h1
before=$(revision)
ok "a move that comes next" notify say "{\"notice\":\"moved\",\"mac\":\"$OTHER\",\"vlan\":5,\"to\":\"h1\"}"
is "$(revision)" "$before" "it is not written back"

# ---- who knows better ----

put "segments/5/vms/$VM" "{\"mac\": \"$VM\", \"at\": \"h2\", \"seq\": $((seq + 6))}"
ok "it goes to h2" wait_for 20 follows h2
ok "  here, too" wait_for 20 here host h2
mkfifo "$WORLD_DIR/orders"
start qemu n1 "$PYTHON" "$LIB/qemu.py" "$QMP" "$WORLD_DIR/orders" migrate=active status=inmigrate
tell() { printf '%s\n' "$@" >"$WORLD_DIR/orders"; }
ok "QEMU waits for it" wait_for 20 here state prepared
tell 'set status=running migrate=completed' 'event RESUME'
ok "it runs here, by QEMU's word: written" wait_for 20 written "$VM" h1
ok "  and followed" wait_for 20 follows h1
seq=$(of .seq)
put "segments/5/vms/$VM" "{\"mac\": \"$VM\", \"at\": \"h3\"}"
ok "a value that contradicts it is put right" wait_for 20 written "$VM" h1
cmp_ok "$(of .seq)" -ge "$seq" "  by a number"
ok "  and followed" wait_for 20 follows h1
ok "  and nothing is wrong" wait_for 20 heard

# QEMU has it running here, and says so to a daemon that has it here by etcd's word alone.
stop qemu
put "segments/5/vms/$VM" "{\"mac\": \"$VM\", \"at\": \"h2\", \"seq\": $((seq + 10))}"
ok "QEMU has gone, and it is elsewhere" wait_for 20 here host h2
put "segments/5/vms/$VM" "{\"mac\": \"$VM\", \"at\": \"h1\", \"seq\": $((seq + 11))}"
ok "  and back" wait_for 20 here host h1
: >"$WORLD_DIR/qemu.out"
start qemu n1 "$PYTHON" "$LIB/qemu.py" "$QMP" "$WORLD_DIR/orders"
ok "QEMU has it running here" wait_for 10 grep -q query-migrate "$WORLD_DIR/qemu.out"
put "segments/5/vms/$VM" "{\"mac\": \"$VM\", \"at\": \"h3\", \"seq\": $((seq + 12))}"
ok "  which is put right, though etcd alone had it here" wait_for 20 written "$VM" h1
ok "  and followed" wait_for 20 follows h1
moves=$(xr -j vm show "$VM" vlan 5 | pick -w mac .moves)
missed "segments/5/vms/$VM" "{\"mac\": \"$VM\", \"at\": \"h3\", \"seq\": $((seq + 15))}"
ok "so is what is found when all is read anew" wait_for 30 written "$VM" h1
is "$(xr -j vm show "$VM" vlan 5 | pick -w mac .moves)" "$moves" "  and did not move it"
# As a node where a QEMU has it running, too: a few times in these seconds, and not hundreds.
puts=0 until=$((SECONDS + 4))
while [ $SECONDS -lt $until ]; do
	put "segments/5/vms/$VM" "{\"mac\": \"$VM\", \"at\": \"h2\", \"seq\": $((seq + 20 + 2 * puts))}"
	wait_for 20 written "$VM" h1
	puts=$((puts + 1))
done
cmp_ok $puts -le 6 "  who contradicts that again and again is contradicted once a second"
ok "  and nothing is wrong" wait_for 20 heard
stop qemu

# ---- it cannot write ----

ctl role revoke-permission node --prefix=true cluster/ >/dev/null
ctl role grant-permission node read --prefix=true cluster/ >/dev/null
put "segments/5/vms/$VM" "{\"mac\": \"$VM\", \"at\": \"h2\", \"seq\": $((seq + 50))}"
ok "moved away by a number" wait_for 20 follows h2
ok "it comes here" notify say "{\"notice\":\"moved\",\"mac\":\"$VM\",\"vlan\":5,\"to\":\"h1\"}"
ok "no right to write: told" wait_for 20 says "where VMs of this host are is not written: .*permission"
ctl role grant-permission node readwrite "cluster/segments/5/vms/$THIRD" >/dev/null
ok "another one, which it may write, comes, too" notify say "{\"notice\":\"moved\",\"mac\":\"$THIRD\",\"vlan\":5,\"to\":\"h1\"}"
ok "  and is not kept waiting" wait_for 20 written "$THIRD" h1
ok "  the first one is still told of" says "where VMs of this host are is not written: .*permission"
ctl role grant-permission node readwrite --prefix=true cluster/ >/dev/null
ok "  written when there is a right" wait_for 30 written "$VM" h1
ok "  and nothing is wrong" wait_for 20 heard

# ---- all is to be read again, and cannot be ----

ctl role revoke-permission node --prefix=true cluster/ >/dev/null
for list in hosts cid vips backends; do
	ctl role grant-permission node read --prefix=true cluster/$list/ >/dev/null
done
put hosts/h7 '{"name": "h7", "vxlan": "10.8.0.7", "vni": 100}'
ok "a host that a VM missed comes, and no right to read VMs: told" \
	wait_for 20 eval 'follower status | grep -q "etcd: .*permission denied"'
ctl role grant-permission node readwrite --prefix=true cluster/ >/dev/null
ok "  the VM comes when there is a right" \
	wait_for 30 eval "follower -j vm show $OTHER vlan 6 | pick -w mac .host | grep -q h7"
ok "  and nothing is wrong" wait_for 20 eval '! follower status | grep "etcd: "'
put "segments/5/vms/$VM" "{\"mac\": \"$VM\", \"at\": \"h2\", \"seq\": $((seq + 100))}"
ok "away again" wait_for 20 here host h2
etcd_stop 1
ok "etcd is gone: it comes here" notify say "{\"notice\":\"moved\",\"mac\":\"$VM\",\"vlan\":5,\"to\":\"h1\"}"
etcd_member 1
ok "  written when it is back" wait_for 60 written "$VM" h1
put "segments/5/vms/$VM" "{\"mac\": \"$VM\", \"at\": \"h2\", \"seq\": $((seq + 150))}"
ok "away again" wait_for 20 here host h2
sleep 1.1	# what it has heard of is written down
daemon_end
ok "nobody is there to tell: it comes here" xr vm move "$VM" vlan 5 to h1
faster "segments/5/vms/$VM" "{\"mac\": \"$VM\", \"at\": \"h2\", \"addresses\": [\"10.9.0.11\"], \"seq\": $((seq + 150))}"
sed -i "s|endpoints: .*|endpoints: [http://127.0.0.1:2009]|" "$CONFIG"
ok "a daemon again" run_daemon -c "$CONFIG"
ok "  written" wait_for 30 written "$VM" h1
ok "  where somebody else wrote in the last moment" grep -q faster "$WORLD_DIR/faster.out"
is "$(of .addresses)" '["10.9.0.11"]' "  and what he wrote is not undone"
daemon_end
stop follower
follower destroy >/dev/null
done_testing
