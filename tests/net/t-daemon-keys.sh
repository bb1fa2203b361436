#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# What the daemon does not keep: keys and the secret of its file, in whatever shape, in
# memory that a core would have; and rights that it does not need.
# shellcheck source=tests/net/lib/daemonworld.sh
. "$(dirname "$0")/lib/daemonworld.sh"
daemon_world_up
KEY=a1b2c3d4e5f60718293a4b5c6d7e8f0
SECRET=9f53c2d46be7582f1a0b94e35d7c61802e4fb6a39d1c58e7037a2b6cd8415e9f
printf '%s1\n' $KEY >"$WORLD_DIR/key"
cat >>"$CONFIG" <<-EOT
	secret: $SECRET
	vips: [{address: 192.0.2.10, port: 443, protocol: udp, cid: true}]
	cid:
	  - {id: 0, format: quic-lb, server_id_length: 4, nonce_length: 6, key: ${KEY}0}
	  - {id: 1, format: quic-lb, server_id_length: 4, nonce_length: 6, key_file: $WORLD_DIR/key}
EOT
chmod 600 "$CONFIG" "$WORLD_DIR/key"

# kept PID: how often a key or the secret is in what a core of it would hold
kept()
{
	$PYTHON - "$1" ${KEY}0 ${KEY}1 $SECRET <<-'EOF'
	import re, sys
	pid, found, area = sys.argv[1], 0, None
	wanted = [w for k in sys.argv[2:] for w in (k.encode(), bytes.fromhex(k))]
	memory = open("/proc/%s/mem" % pid, "rb", 0)
	for line in open("/proc/%s/smaps" % pid):
	    m = re.match(r"([0-9a-f]+)-([0-9a-f]+) r", line)
	    if re.match("[0-9a-f]+-", line):
	        area = m and [int(x, 16) for x in m.groups()]
	    if not area or not line.startswith("VmFlags:") or " dd" in line:
	        continue
	    memory.seek(area[0])
	    try:
	        octets = memory.read(area[1] - area[0])
	    except OSError:
	        continue
	    found += sum(octets.count(w) for w in wanted)
	print(found)
	EOF
}

# What is looked for can be found.
start reader n1 $PYTHON -c "
import sys, time
kept = open(sys.argv[1]).read()
print('read', flush=True)
time.sleep(1000)" "$CONFIG"
wait_for 10 grep -q read "$WORLD_DIR/reader.out"
cmp_ok "$(kept "$(pid reader)")" -gt 0 "what somebody keeps is found"
stop reader

ok "a daemon, and its file with keys" run_daemon -c "$CONFIG"
is "$(kept "$(pid daemon)")" 0 "it keeps none of them"
kill -HUP "$(pid daemon)"
ok "the file again" wait_for 10 grep -q "read again" "$WORLD_DIR/daemon.err"
is "$(kept "$(pid daemon)")" 0 "  nor then"
like "$(xr export --keys)" "${KEY}1" "the maps have them"

about() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$(pid daemon)/status"; }
unit=0
while read -r cap; do
	unit=$((unit | 1 << $(sed -n "s/^#define ${cap}[[:space:]]*//p" \
		/usr/include/linux/capability.h)))
done < <(sed -n 's/^CapabilityBoundingSet=//p' \
	"$WORLD_TOP/scripts/xroam@.service" | tr ' ' '\n')
for set in CapPrm CapEff CapBnd; do
	is "$(printf %x $((0x$(about $set) & ~unit)))" 0 \
		"$set: nothing that the unit does not give"
done
is "$(about CapInh) $(about CapAmb)" "0000000000000000 0000000000000000" \
	"and nothing to pass on"
is "$(about NoNewPrivs)" 1 "no new rights"
is "$(awk '/^Max core/ { print $5, $6 }' "/proc/$(pid daemon)/limits")" "0 0" \
	"no core"
like "$(sed -n 's/^LimitCORE=//p' "$WORLD_TOP/scripts/xroam@.service")" "^0$" \
	"its unit says so, too"
xr dev attach eth0 >/dev/null
ok "and it does its work with that" notify say \
	"{\"notice\":\"prepare\",\"mac\":\"$VM\",\"to\":\"h2\"}"
daemon_end
done_testing
