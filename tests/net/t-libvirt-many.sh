#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A libvirt of very many domains, and an OVN that has all of them elsewhere: what is said of one
# VM does not cost a look at all the others, neither when they are listed nor while OVN's words
# are held for as long as libvirt has them running.
# shellcheck source=tests/net/lib/daemonworld.sh disable=SC2317 # called by name
. "$(dirname "$0")/lib/daemonworld.sh"
daemon_world_up
ip -n "$WORLD-n1" link set lo up
N=15000 LAST=52:54:00:00:00:01

# The helper lies beside the daemon's own program, and has one thing to say.
mkdir -p "$WORLD_DIR/bin/libexec"
cp "$XROAM" "$WORLD_DIR/bin"
cp "${XROAM%/*}/libexec/xroam" "$WORLD_DIR/bin/libexec"
cat >"$WORLD_DIR/bin/libexec/xroam-libvirt" <<-EOT
	#!/bin/sh
	cat "$WORLD_DIR/says"
	exec cat
EOT
chmod +x "$WORLD_DIR/bin/libexec/xroam-libvirt"
XROAM=$WORLD_DIR/bin/xroam
$PYTHON - $N $LAST >"$WORLD_DIR/says" <<-EOT
	import json, sys
	n, last = int(sys.argv[1]), sys.argv[2]
	macs = [f"52:54:01:{i >> 16:02x}:{i >> 8 & 255:02x}:{i & 255:02x}" for i in range(n)] + [last]
	print('{"up": true}')
	for i, mac in enumerate(macs):
	    print(json.dumps({"domain": f"aaaaaaaa-0000-4000-8000-{i:012x}", "name": f"d{i}", "running": True,
	                      "incoming": False, "came": False, "migration": "none", "monitor": True,
	                      "left_out": 0, "cards": [{"mac": mac, "vlan": 0, "tap": None}]}))
	print('{"listed": true}')
EOT
{
	echo "hosts:"
	echo "- {name: h1, vxlan: 10.8.0.1, vni: 1000, local: true}"
	echo "- {name: h2, vxlan: 10.8.0.2, vni: 1000}"
	echo "vms:"
	for ((i = 0; i < N; i++)); do
		printf -- '- {mac: "52:54:01:00:%02x:%02x", at: h1}\n' $((i / 256)) $((i % 256))
	done
	echo "sources:"
	echo "  libvirt: [{uri: 'qemu:///system'}]"
	echo '  ovn: {remotes: ["tcp:127.0.0.1:6642"]}'
} >"$CONFIG"

# Of the daemon, in hundredths of a second, of which another program's load can only take away
spent() { awk '{ print $14 + $15 }' "/proc/$(pid daemon)/stat"; }
listed() { [ "$(xr -j vm show "$LAST" | pick -w mac .host)" = h1 ]; }
refused() { [ "$(xr -j stats | jq '[.. | objects | select(.reason? == "outranked") | .packets] | add // 0')" -ge "$N" ]; }
elsewhere() { xr -j vm show | jq '[.[] | select(.host != "h1")] | length'; }

ok "$N VMs" xr apply "$CONFIG"
ok "a daemon that follows their libvirt" run_daemon -c "$CONFIG"
ok "  which lists them" wait_for 60 listed
listing=$(spent)
cmp_ok "$listing" -lt 120 "  which costs no more for each than for a few"
start southbound n1 "$PYTHON" "$LIB/southbound.py" 6642 $N
ok "OVN has them elsewhere: each is refused" wait_for 60 refused
sleep 1.5
before=$(spent)
sleep 3
held=$(($(spent) - before))
cmp_ok $held -lt 40 "  and looked at once in a while, which costs no more for each, either"
is "$(elsewhere)" 0 "all are where they run"
diag "hundredths of a second: listing $listing, 3 s of holding $held"
ok "the daemon ends" daemon_end
done_testing
