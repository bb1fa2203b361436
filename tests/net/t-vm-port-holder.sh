#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Whose a port is: what is another VM's, or the fabric's, is refused to whoever names
# it, a command, a client of the socket, a file, a QEMU; and counted.
# shellcheck source=tests/net/lib/daemonworld.sh
. "$(dirname "$0")/lib/daemonworld.sh"
daemon_world_up
A=$VM B=52:54:00:00:00:0b C=52:54:00:00:00:0c
for tap in tapA tapB tapC tapD; do
	ip -n "$WORLD-n1" tuntap add dev $tap mode tap
	ip -n "$WORLD-n1" link set $tap up
done
own=$(ip -n "$WORLD-n1" -j link show tapA | pick '.[0].ifindex')
# A tap that a tunnel's end is on, and a veth that is trusted.
ip -n "$WORLD-n1" tuntap add dev tapU mode tap
ip -n "$WORLD-n1" addr add 10.88.0.1/24 dev tapU
ip -n "$WORLD-n1" link set tapU up
ip -n "$WORLD-n1" link add fab0 type veth peer name fab1
sed -i "1i devices: [{name: fab0, trusted: true}]
	/^vms:/i\  - {name: h4, vxlan: 10.88.0.1, vni: 104, local: true}" "$CONFIG"
ok "an instance" xr apply "$CONFIG"
ok "B's port is named" xr vm add $B at h1 dev tapB
ok "C" xr vm add $C at h1

# Whose each of the ports but A's own is to the programs.
owners()
{
	bpftool -j map dump pinned "/sys/fs/bpf/xroam/$WORLD-n1/taps" |
		jq -c --argjson own "$own" '[.[].formatted |
			select(.value < 4293787648 and .key != $own)] | sort_by(.key)'
}

count() { reason port-refused n1; }

# says REGEX LINE DESCRIPTION: the socket refuses it
says()
{
	notify say "$2"
	like "$(pick .ok,error <<<"$PRINTED")" "^false .*$1" "$3"
}

ok "a daemon" run_daemon
notify say "{\"notice\":\"prepare\",\"mac\":\"$B\",\"to\":\"h2\"}" \
	"{\"notice\":\"prepare\",\"mac\":\"$C\",\"to\":\"h2\",\"tap\":\"tapC\"}"
is "$(pick .ok <<<"$PRINTED" | tr '\n' ' ')" "true true " "B and C begin to move"
owned=$(owners)
is "$(jq length <<<"$owned")" 2 "  each has its port"

# ---- a command, the socket ----

before=$(count)
for dev in tapB tapC; do
	refused 1 "$dev is VM .*:0[bc]'s port" "$dev: not to another VM" \
		vm add 52:54:00:00:00:0d at h1 dev $dev
done
for dev in eth0 tapU fab0; do
	refused 1 "$dev (is where this machine's tunnels end|leads to|is trusted)" \
		"$dev is the fabric's" vm add 52:54:00:00:00:0d at h1 dev $dev
done
refused 1 "tapC is VM $C's port" "nor when a move is prepared" \
	vm prepare "$A" to h2 dev tapC
says "tapB is VM $B's port" \
	"{\"notice\":\"prepare\",\"mac\":\"$A\",\"to\":\"h2\",\"tap\":\"tapB\"}" \
	"a client of the socket"
says "tapB is VM $B's port" \
	"{\"notice\":\"add\",\"mac\":\"$B\",\"vlan\":7,\"at\":\"h1\",\"tap\":\"tapB\"}" \
	"  though it is of the same MAC"
is "$(($(count) - before)) $(owners) $(fact state)" "8 $owned stable" \
	"each is counted, and nothing changed"
ok "its own, again" xr vm prepare $B to h2 dev tapB

# ---- a file ----

# file LINE...: the configuration with these VMs
file()
{
	sed '/^vms:/,$d' "$CONFIG"
	echo "vms:"
	printf '  - %s\n' "$@"
}

a="{mac: \"$A\", at: h1, tap: tapA}" b="{mac: \"$B\", at: h1, tap: tapB}" c="{mac: \"$C\", at: h1}"
file "$a" "$b" "${c/h1/h1, tap: tapA}" >"$WORLD_DIR/f.yaml"
refused 1 "f.yaml:[0-9]*: VM $C: tapA is VM $A's port already .line [0-9]*" \
	"a file that gives a port twice" check "$WORLD_DIR/f.yaml"
file "${a/tapA/tapC}" "$b" "$c" >"$WORLD_DIR/f.yaml"
refused 1 "VM $A: tapC is VM $C's port" "a file that takes another's" \
	apply "$WORLD_DIR/f.yaml"
file "${a/tapA/fab0}" "$b" "$c" >"$WORLD_DIR/f.yaml"
refused 1 "VM $A: fab0 is trusted" "  or the fabric's" apply "$WORLD_DIR/f.yaml"
is "$(owners)" "$owned" "nothing of it was done"
xr vm cancel $B
file "${a/tapA/tapB}" "${b/tapB/tapA}" "$c" >"$WORLD_DIR/f.yaml"
ok "ports that change hands" xr apply "$WORLD_DIR/f.yaml"
file "${a/tapA/tapB}" "${b/tapB/tapD}" "$c" >"$WORLD_DIR/f.yaml"
ok "  and hands" xr apply "$WORLD_DIR/f.yaml"
file "$a" "$b" "$c" >"$WORLD_DIR/f.yaml"
ok "and back" xr apply "$WORLD_DIR/f.yaml"

# ---- a QEMU ----

daemon_end
xr vm prepare $B to h2 >/dev/null 2>&1
file "{mac: \"$A\", at: h1}" "$b" "$c" >"$WORLD_DIR/f.yaml"
xr apply "$WORLD_DIR/f.yaml" >/dev/null
xr vm prepare $B to h2 >/dev/null 2>&1
owned=$(owners)
cat >>"$WORLD_DIR/f.yaml" <<-EOT
	sources: {qmp: [{socket: $WORLD_DIR/vm.qmp, vm: {mac: "$A"}, to: h2}]}
EOT
mkfifo "$WORLD_DIR/orders"
# shellcheck disable=SC2317 # called by name
prepared() { [ "$(fact state)" = prepared ]; }
for tap in tapB eth0 tapC; do
	before=$(count)
	start qemu n1 $PYTHON "$LIB/qemu.py" "$WORLD_DIR/vm.qmp" "$WORLD_DIR/orders" \
		tap=$tap migrate=active
	run_daemon -c "$WORLD_DIR/f.yaml"
	ok "a QEMU that names $tap: its VM's move is prepared" wait_for 10 prepared
	cmp_ok "$(count)" -gt "$before" "  its word is counted"
	is "$(owners)" "$owned" "  and not believed"
	like "$(daemon_says)" "VM $A: its QEMU is not believed: $tap " "  and told of"
	daemon_end
	stop qemu
	xr vm cancel "$A" >/dev/null
done

# One that nobody has told of. Whose exe is a QEMU can be asked what it has open.
cp -L "$PYTHON" "$WORLD_DIR/qemu-system"
for how in none elsewhere=tapD open=tapD; do
	before=$(count)
	start qemu n1 env PYTHONHOME=/usr "$WORLD_DIR/qemu-system" "$LIB/qemu.py" \
		"$WORLD_DIR/vm.qmp" "$WORLD_DIR/orders" tap=tapD migrate=active \
		"${how/none/x=y}"
	run_daemon -c "$WORLD_DIR/f.yaml"
	ok "a QEMU that has tapD, $how: prepared" wait_for 10 prepared
	if [ $how = open=tapD ]; then
		is "$(count)" "$before" "  it is believed"
		is "$(owners | jq length)" $(($(jq length <<<"$owned") + 1)) "  and tapD the VM's port"
	else
		cmp_ok "$(count)" -gt "$before" "  it is counted"
		is "$(owners)" "$owned" "  and not believed"
		like "$(daemon_says)" "VM $A: its QEMU is not believed: tapD is not open in process $(pid qemu)" \
			"  and told of"
	fi
	daemon_end
	stop qemu
	xr vm cancel "$A" >/dev/null
done

# ---- names that are another's now ----

xr vm move $B to h2 >/dev/null 2>&1
ok "who has gone keeps nothing" xr vm prepare "$A" to h2 dev tapB
xr vm cancel "$A"
ip -n "$WORLD-n1" link del tapB
ip -n "$WORLD-n1" tuntap add dev tapB mode tap
ip -n "$WORLD-n1" link set tapB up
D=52:54:00:00:00:0d
ok "a new VM at a new tap of an old name" xr vm add $D at h1 dev tapB
xr vm prepare $D to h2 >/dev/null 2>&1
owned=$(owners)
xr vm prepare "$A" to h2 >/dev/null 2>&1
is "$(owners)" "$owned" "what was once said of that name takes it from nobody"
done_testing
