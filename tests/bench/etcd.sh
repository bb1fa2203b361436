#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# How long a node takes to read VMS VMs of one segment from etcd, and from a put to the node's
# maps: the median and the longest of PUTS moves.
# shellcheck source=tests/net/lib/etcd.sh
. "$(dirname "$0")/../net/lib/etcd.sh"
VMS=${1-100000} PUTS=${2-200}
daemon_world_up
etcd_up 1

# now_ms: of the clock
now_ms()
{
	echo $(($(date +%s%N) / 1000000))
}

cat >"$WORLD_DIR/limits" <<-EOT
	limits: {vms: $((2 * VMS)), vm_addresses: $((2 * VMS))}
EOT
{
	cat "$WORLD_DIR/limits"
	echo "etcd: {endpoints: [$ENDPOINTS], prefix: cluster}"
	echo "hosts:"
	for i in 1 2 3; do
		echo "  - {name: h$i, vxlan: 10.8.0.$i, vni: 100}"
	done
	echo "vms:"
	seq 1 "$VMS" | awk '{
		printf "  - {mac: \"02:00:%02x:%02x:%02x:%02x\", vlan: 5, at: h%d, addresses: [10.%d.%d.%d]}\n",
			$1 / 16777216 % 256, $1 / 65536 % 256, $1 / 256 % 256, $1 % 256, 1 + $1 % 3,
			100 + $1 / 65536, $1 / 256 % 256, $1 % 256
	}'
} >"$WORLD_DIR/cluster.yaml"
begin=$(now_ms)
xr etcd push "$WORLD_DIR/cluster.yaml" >"$WORLD_DIR/pushed" || bail "push fails"
echo "# push of $VMS VMs: $(($(now_ms) - begin)) ms"

etcd_config "segments: [5]"
cat "$WORLD_DIR/limits" >>"$CONFIG"
begin=$(now_ms)
run_daemon -c "$CONFIG"
wait_for 60 grep -q "etcd: watching" "$WORLD_DIR/daemon.err"
echo "# first read of $VMS VMs, the daemon's start with it: $(($(now_ms) - begin)) ms"
is "$(xr -j vm show | jq '[.. | objects | select(.mac?)] | length')" "$VMS" "all are there"

# Over the gateway, as an orchestrator would; the maps are asked by the monitor's events.
start monitor n1 "$XROAM" -i "$WORLD-n1" -j monitor kind vm
# shellcheck disable=SC2016
wait_for 10 eval 'put segments/5/vms/02:00:00:00:00:01 "{\"mac\": \"02:00:00:00:00:01\", \"at\": \"h1\"}" &&
	[ -s "$WORLD_DIR/monitor.out" ]'
in_ns n1 "$PYTHON" - "$(etcd_port 1)" "$PUTS" "$WORLD_DIR/monitor.out" <<-'EOF'
	import base64, http.client, json, sys, time
	port, puts, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
	c = http.client.HTTPConnection("127.0.0.1", port)
	out = open(path)
	out.seek(0, 2)
	b64 = lambda s: base64.b64encode(s.encode()).decode()
	took = []
	for i in range(puts):
	    mac = "02:00:00:00:%02x:%02x" % (1 + i // 200, i % 200)
	    value = {"mac": mac, "at": "h%d" % (1 + (i + 1) % 3 if i % 3 else 3), "vlan": 5}
	    value["at"] = "h2" if (256 * (1 + i // 200) + i % 200) % 3 != 1 else "h3"
	    body = json.dumps({"key": b64("cluster/segments/5/vms/" + mac), "value": b64(json.dumps(value))})
	    begin = time.monotonic()
	    c.request("POST", "/v3/kv/put", body)
	    c.getresponse().read()
	    while True:
	        line = out.readline()
	        if mac in line:
	            break
	        if time.monotonic() - begin > 60:
	            sys.exit("no event for " + mac)
	        if not line:
	            time.sleep(0.0002)
	    took.append((time.monotonic() - begin) * 1000)
	    time.sleep(0.005)
	took.sort()
	print("# put -> maps, as the monitor sees it: median %.1f ms, p99 %.1f ms, longest %.1f ms" %
	      (took[len(took) // 2], took[len(took) * 99 // 100], took[-1]))
EOF
daemon_end
done_testing
