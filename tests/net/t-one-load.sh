#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# What an instance has is loaded from its maps once, whoever changes it: with a
# million VMs each time costs a second.
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
done_testing
