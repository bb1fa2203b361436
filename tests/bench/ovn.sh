#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# How long a change in OVN's southbound database takes to a node's maps: from the transaction
# of a Port_Binding to the monitor's event, the median and the longest of MOVES.
# shellcheck source=tests/net/lib/daemonworld.sh
. "$(dirname "$0")/../net/lib/daemonworld.sh"
# shellcheck source=tests/net/lib/ovn.sh
. "$(dirname "$0")/../net/lib/ovn.sh"
MOVES=${1-200}
VM=52:54:00:00:00:01
OVN_NODE=n1
ovn_begin
daemon_world_up
ip -n "$WORLD-n1" link set lo up
# The database alone: whose rows they are does not matter here.
ovn_db sb || bail "no database"
SB=$WORLD_DIR/central/sb.sock
cat >"$CONFIG" <<-EOT
	policy: {flap_moves: 1000}
	hosts:
	- {name: h1, vxlan: 10.8.0.1, vni: 1000}
	- {name: h2, vxlan: 10.8.0.2, vni: 1000}
	vms: [{mac: "$VM", at: h1}]
	sources:
	  ovn: {remotes: ["unix:$SB"]}
EOT
sb init
for i in 1 2; do
	sb chassis-add h$i geneve 10.8.0.$i || bail "no chassis"
done
DATAPATH=$(sb create datapath_binding tunnel_key=1)
sb create port_binding logical_port=lp1 datapath="$DATAPATH" tunnel_key=1 "mac=\"$VM 10.9.0.1\"" \
	chassis="$(sb --bare --columns=_uuid find chassis name=h1)" >/dev/null || bail "no port"
run_daemon -c "$CONFIG"
wait_for 20 grep -q "ovn: following" "$WORLD_DIR/daemon.err" || bail "$(<"$WORLD_DIR/daemon.err")"
start monitor n1 "$XROAM" -i "$WORLD-n1" -j monitor kind vm
in_ns n1 "$PYTHON" - "$SB" "$MOVES" "$WORLD_DIR/monitor.out" "$(sb --bare --columns=_uuid find chassis name=h1)" \
	"$(sb --bare --columns=_uuid find chassis name=h2)" <<-'EOF'
	import json, socket, sys, time
	path, moves, out = sys.argv[1], int(sys.argv[2]), open(sys.argv[3])
	chassis = sys.argv[4:6]
	s = socket.socket(socket.AF_UNIX)
	s.connect(path)
	took = []
	for i in range(-3, moves):
	    update = {"op": "update", "table": "Port_Binding", "where": [["logical_port", "==", "lp1"]],
	              "row": {"chassis": ["uuid", chassis[(i + 1) % 2 ^ 1]]}}
	    begin = time.monotonic()
	    s.sendall(json.dumps({"method": "transact", "params": ["OVN_Southbound", update], "id": i}).encode())
	    while '"moved"' not in out.readline():
	        if time.monotonic() - begin > 60:
	            sys.exit("no event of move %d: %s" % (i, s.recv(9999)))
	        time.sleep(0.0001)
	    if i >= 0:
	        took.append((time.monotonic() - begin) * 1000)
	    time.sleep(0.02)
	took.sort()
	print("# transaction -> maps, as the monitor sees it: median %.1f ms, p99 %.1f ms, longest %.1f ms" %
	      (took[len(took) // 2], took[len(took) * 99 // 100], took[-1]))
EOF
daemon_end
done_testing
