#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Three hosts whose VMs migrate, a fourth that listens to EVPN, a gateway that balances, etcd
# and OVN, while daemons, commands, members and QEMUs are killed and sources contradict each
# other: in the end there is one outcome, nothing is lost that is promised, nothing has grown.
# Of one VM libvirt tells, of the others QEMU itself, too; OVN and etcd of all.
#
# SOAK_SECONDS (300; make soak: an hour), SOAK_SEED: that of the run to be repeated. What
# happens is drawn from it, when exactly depends on the machine. Five minutes are real time,
# as what may grow has to be given the time for it; the pace is by the clock, so that others
# have the processor. A slow machine does less in that time, and then takes what it needs to
# come to rest: each state is waited for, for three minutes before it counts as a fault.
#
# SOAK_LOST: frames of a thousand promised ones that may be lost, 1; make soak wants none. What is
# not promised is in docs/limits.md, and soak/ leaves it out.
# shellcheck source=tests/net/lib/vmworld.sh
. "$(dirname "$0")/lib/vmworld.sh"
# shellcheck source=tests/net/lib/etcd.sh
. "$(dirname "$0")/lib/etcd.sh"
# shellcheck source=tests/net/lib/ovn.sh
. "$(dirname "$0")/lib/ovn.sh"
SECONDS_TO_GO=${SOAK_SECONDS:-300}
SEED=${SOAK_SEED:-$RANDOM$RANDOM}
MAY_LOSE=${SOAK_LOST:-1}
PYTHON=/usr/bin/python3
# What happened, and when: the last run's is kept.
LOG=$WORLD_BUILD/tests/soak.log
diag "SOAK_SEED=$SEED SOAK_SECONDS=$SECONDS_TO_GO"

ovn_begin
vm_world_up -n 4
# A daemon's libvirts are what lies beside its program.
mkdir -p "$WORLD_DIR/bin/libexec"
cp "$XROAM" "$WORLD_DIR/bin"
cp "${XROAM%/*}/libexec/xroam" "$WORLD_DIR/bin/libexec"
cp "$WORLD_TOP/tests/net/lib/soak/helper.py" "$WORLD_DIR/bin/libexec/xroam-libvirt"
ENTER=${XROAM%/*}/tests/net/enter
XROAM=$WORLD_DIR/bin/xroam
vm_places n1 -m $N1_MAC h2

# Backends behind the gateway, which its clients' packets pass.
for i in 1 2 3; do
	world_node "b$i" "$(world_settings s1)"
	ip link add eth0 mtu $VM_MTU netns "$WORLD-b$i" type veth peer name "b$i" mtu $VM_MTU netns "$WORLD-fab"
	ip -n "$WORLD-b$i" -batch - <<-EOT || bail "no backend"
		link set lo up
		link set eth0 up
		addr add 10.8.0.2$i/24 dev eth0
		addr add $VIP4/32 dev lo
		route add default via 10.8.0.9
	EOT
	ip -n "$WORLD-fab" link set "b$i" master fab up
	world_wire "b$i/eth0" "fab/b$i"
	xr_on "b$i" dev attach eth0 role backend >/dev/null || bail "no backend"
done

# node_file NODE a|b KEYS: b is another file that means the same for what is under way
soak_file()
{
	local node=$1 kind=$2 vm host

	cat <<-EOT
		policy: {flap_moves: 65534, vm_ttl: $([ "$kind" = a ] && echo 300 || echo 301)}
		devices: [$([ "$node" = gw ] && echo "{name: eth0}, {name: dsl}" || echo "{name: up0}")]
		hosts:
		$(for host in h1 h2 h3 h4; do
			echo "  - {name: $host, vxlan: $(underlay4 $host), vni: 1000$(
				[ "$host" != "$node" ] || echo ", local: true")}"
		done)
		$([ "$kind" = a ] || echo "  - {name: h9, vxlan: 10.8.0.7, vni: 1000}")
		etcd:
		  endpoints: [$ENDPOINTS]
		  prefix: cluster
		  segments: [0]
	EOT
	case $node in
	h*)	echo "sources:"
		echo "  fdb: [{bridge: br0}]"
		echo "  ovn: {remotes: [tcp:10.8.0.9:6642]}"
		[ "$node" != h4 ] || return 0
		echo "  qmp:"
		for vm in A:52:54:00:12:34:56 S:52:54:00:00:00:0c; do
			echo "    - {socket: $WORLD_DIR/${vm%%:*}-$node.qmp, vm: {mac: \"${vm#*:}\"}, gate: true}"
		done
		echo "  libvirt:"
		for host in h1 h2 h3; do
			echo "    - {uri: \"qemu+unix:///system?socket=$WORLD_DIR/libvirt-$host&by=$node\"$(
				[ "$host" = "$node" ] || echo ", host: $host")}"
		done ;;
	gw)	gateway_keys "$kind" ;;
	esac
}

# Of the two VIPs' backends three are the same in both files: their flows must not break.
gateway_keys()
{
	local i

	cat <<-EOT
		secret: $(printf '%064d' 7)
		cid:
		  - {id: 1, format: quic-lb, server_id_length: 3, nonce_length: 5}
		vips:
		  - {address: $VIP4, port: 443, protocol: udp, cid: true}
		  - {address: $VIP4, port: 80, protocol: tcp}
		$([ "$1" = a ] || echo "  - {address: $VIP4B, port: 53, protocol: udp}")
		backends:
	EOT
	for i in 1 2 3; do
		echo "  - {name: b$i, address: 10.8.0.2$i, server_ids: [\"00000$i\"], vips: [\"$VIP4:443/udp\", \"$VIP4:80/tcp\"]}"
	done
	[ "$1" = a ] ||
		echo "  - {name: b9, address: 10.8.0.29, server_ids: [\"000009\"], vips: [\"$VIP4:443/udp\", \"$VIP4:80/tcp\", \"$VIP4B:53/udp\"]}"
}

ETCD_NODE=gw ETCD_HOST=10.8.0.9
etcd_up 3
ovn_southbound ptcp:6642:10.8.0.9 || bail "no southbound database"
ip -n "$WORLD-c2" route add default via 10.11.0.1 2>/dev/null
for node in h1 h2 h3 h4 gw; do
	for kind in a b; do
		soak_file $node $kind | grep -v '^$' >"$WORLD_DIR/$node-$kind.yaml"
	done
	chmod 600 "$WORLD_DIR/$node"-?.yaml
	ok "$node" xr_on $node apply "$WORLD_DIR/$node-a.yaml"
done
# The fabric never learns: what is sent to the VMs comes where they are at home. No VM that
# moves is at home at h2: what n1 sends there to one that is gone the bridge hands to the
# fabric, as it has heard the VM announce itself, and a switch sends nothing back where it
# came from.
fabric_believes h1 $VM_MAC
fabric_believes h3 52:54:00:00:00:0b
fabric_believes h2 52:54:00:00:00:0c

export NUMBERED_PACE=15
for i in 1 2 3; do
	start "b$i" "b$i" $PYTHON "$WORLD_TOP/tests/net/lib/numbered.py" serve "00000$i" "$VIP4" 443 80
	wait_for 5 grep -q ready "$WORLD_DIR/b$i.err"
done
start client c2 $PYTHON "$WORLD_TOP/tests/net/lib/numbered.py" ask "$VIP4" 443 80 000001 000002 000003
ok "clients are served" wait_for 10 grep -q sent "$WORLD_DIR/client.err"

jq -n --arg world "$WORLD" --arg dir "$WORLD_DIR" --arg xroam "$XROAM" --arg enter "$ENTER" --arg seed "$SEED" \
	--argjson seconds "$SECONDS_TO_GO" --arg endpoints "$ENDPOINTS" \
	--arg log "$LOG" --arg pids "$(pid etcd1) $(pid etcd2) $(pid etcd3)" --argjson southbound "$(pid ovn-sb)" \
	--arg c1 "c1 eth0 $C1_MAC $C1_ADDR4" --arg n1 "n1 h2 $N1_MAC $N1_ADDR4" '{
		$world, $dir, $xroam, $enter, $log, $seed, $seconds, $southbound, endpoints: ($endpoints | split(", ")),
		etcd: ($pids | split(" ") | map(tonumber)), senders: [$c1, $n1] | map(split(" "))
	}' >"$WORLD_DIR/soak.json"
start soak c1 $PYTHON "$WORLD_TOP/tests/net/lib/soak/main.py" "$WORLD_DIR/soak.json"
told=0
while is_child "$(pid soak)" && [ "$(awk '{ print $3 }' "/proc/$(pid soak)/stat")" != Z ]; do
	sleep 1
	# A line a round: who watches sees that it goes on.
	tail -n "+$((told + 1))" "$WORLD_DIR/soak.out" | jq -c '{round, took, vms, failures}' >"$WORLD_DIR/new" 2>/dev/null
	while read -r line; do
		diag "$line"
		told=$((told + 1))
	done <"$WORLD_DIR/new"
done 2>/dev/null # the shell tells of each member of etcd that is killed
finish soak
is $? 0 "the soak comes to its end"
diag "$(tail -5 "$WORLD_DIR/soak.err")"

# of JQ: what all rounds together say
of()
{
	jq -cs "$1" "$WORLD_DIR/soak.out"
}

of '.[-1] | {chaos, kills, daemons, counts}' >"$WORLD_DIR/last"
diag "$(<"$WORLD_DIR/last")"
cmp_ok "$(of length)" -ge 10 "in ten rounds or more"
is "$(of 'map(.failures[])')" "[]" "one outcome each time, on all nodes, also after a restart"
sent=$(of 'map(.vms[].sent) | add')
cmp_ok "$(of 'map(.vms[].lost) | add')" -le $((sent * MAY_LOSE / 1000)) "so many of $sent frames that were promised are lost"
cmp_ok "$(of '[.[-1].vms[].moved] | add')" -ge 20 "VMs moved"
cmp_ok "$(of '.[-1] | [.vms[].cancelled, .vms[].target_died] | add')" -ge 1 "and stayed"
cmp_ok "$(of '[.[-1].kills[]] | add')" -ge 20 "daemons were killed"

# What may not have grown between the first tenth and the last, by node.
grown()
{
	of "(length / 10 | floor) as \$n | (.[:\$n] | map($1)) as \$first | (.[-\$n:] | map($1)) as \$last |
		[\$first[0] | keys[] | select(. as \$k | (\$last | map(.[\$k]) | max) > (\$first | map(.[\$k]) | max) + $2)]"
}

for what in pins map_entries routes neighbours run_files; do
	is "$(grown "(.counts | map_values(.$what))" 0)" "[]" "$what are as many as at first"
done
cmp_ok "$(of '[.[-1].counts[].fdb] | max')" -le 6 "a bridge has two entries for each VM at most"
is "$(grown '(.daemons | map_values(.descriptors))' 6)" "[]" "so are the descriptors of daemons that lived"
# Their own: pages of the maps are the kernel's, and come when they are read for the first time.
# One's heap has grown by 0.7 MB at once in some runs, and then no further.
is "$(grown '(.daemons | map_values(.rssanon))' 1536)" "[]" "and their memory"
diag "KB of it by round: $(of 'map(.daemons | map_values(.rssanon))')"

stop client
for i in 1 2 3; do
	stop "b$i"
done
client=$(<"$WORLD_DIR/client.out")
is "$(jq -c .broken <<<"$client")" "[]" "no TCP connection is broken"
cmp_ok "$(pick .blocks <<<"$client")" -gt 0 "  all blocks came back whole"
is "$(jq '.sent - .answered' <<<"$client")" 0 "each of $(pick .sent <<<"$client") datagrams is answered"
is "$(cat "$WORLD_DIR"/b?.out | jq -cs 'map(.stray + .twice) | add')" 0 "  once, by the server that has the connection"
[ "$TAP_FAILED" = 0 ] || diag "what happened: $LOG; again: SOAK_SEED=$SEED SOAK_SECONDS=$SECONDS_TO_GO tests/net/t-soak.sh"
done_testing
