#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# What an instance has is loaded from its maps once, whoever changes it: with a
# million VMs each time costs a second; and server IDs only by who changes them. And the machine's devices are listed so often
# as there are things to do with them, not once for each: with 4,000 that took minutes.
# shellcheck source=tests/net/lib/daemonworld.sh
. "$(dirname "$0")/lib/daemonworld.sh"
daemon_world_up
COUNT=$WORLD_DIR/reads

# reads CMD...: how often that read a map in batches
reads()
{
	rm -f "$COUNT"
	READS=$COUNT LD_PRELOAD=$WORLD_BUILD/tests/net/reads.so "$@" >/dev/null 2>&1
	awk '{ sum += $1 } END { print sum }' "$COUNT" # children, too
}

ok "an instance" xr apply "$CONFIG"
ok "with a VIP" xr vip add 192.0.2.10:80/tcp
ok "and a backend" xr backend add a vip 192.0.2.10:80/tcp address 10.8.0.2

# One more for what stands behind which VIP, as it is compared with the map itself.
is "$(reads xr vip add 192.0.2.11:80/tcp)" 2 "vip add: one load, one comparison"
is "$(reads xr backend set a weight 2)" 2 "backend set, too"
is "$(reads xr vip del 192.0.2.11:80/tcp)" 2 "and vip del"
ok "the instance as a file" xr export --keys
xr export --keys >"$WORLD_DIR/same.yaml"
is "$(reads xr apply "$WORLD_DIR/same.yaml")" 1 "apply of what there is: one load"

# allocations CMD...
allocations()
{
	NOMEM_COUNT=$COUNT LD_PRELOAD=$WORLD_BUILD/tests/net/nomem.so "$@" >/dev/null 2>&1
	cat "$COUNT"
}

few=$(allocations xr backend set a weight 3)
ok "20,000 server IDs" xr backend set a $(seq -f 'server-id %08.0f' 20000)
many=$(allocations xr backend set a weight 4)
cmp_ok "$many" -lt $((few + 1000)) "backend set does not read them"
is "$(xr -j backend show a | jq '.[].server_ids | length')" 20000 "nor lose them"
xr export >"$WORLD_DIR/many.yaml"
sed 's/weight: 4/weight: 5/' "$WORLD_DIR/many.yaml" >"$WORLD_DIR/other.yaml"
cmp_ok "$(allocations xr apply "$WORLD_DIR/other.yaml")" -lt $((few + 5000)) \
	"nor does apply read them one by one, where another line is changed"
is "$(xr export)" "$(cat "$WORLD_DIR/other.yaml")" "and all is as the file has it"

# heard CMD...: messages that it had from the kernel
heard()
{
	rm -f "$COUNT"
	READS=$COUNT LD_PRELOAD=$WORLD_BUILD/tests/net/reads.so "$@" >/dev/null 2>&1
	awk '{ sum += $2 } END { print sum }' "$COUNT"
}

ok "a program is attached" xr dev attach eth1
ip netns add "$(ns many)"
seq -f 'link add m%g type bridge' 300 | ip -n "$(ns many)" -batch -
ip netns del "$(ns n1)" # so that its device is looked for everywhere
messages=$(heard "$XROAM" -i "$(instance n1)" destroy); diag "$messages messages"
cmp_ok "$messages" -gt 0 "destroy asks the kernel"
cmp_ok "$messages" -lt 6000 "not for each of 300 devices for all of them"
done_testing
