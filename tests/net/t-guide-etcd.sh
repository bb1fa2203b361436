#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The guide's section on etcd, line by line as it stands, with a member and a daemon in a
# namespace; what it says is printed is printed.
# shellcheck source=tests/net/lib/walk.sh disable=SC2317 # called by ok
. "$(dirname "$0")/lib/walk.sh"
# shellcheck source=tests/net/lib/etcd.sh
. "$(dirname "$0")/lib/etcd.sh"
daemon_world_up
cd "$WORLD_DIR" || bail "no directory"
etcd_port()
{
	echo $((2379 + 10 * $1 - 10 + ${2-0}))
}
etcd_up 1

walk etcd <"$GUIDES/etcd.md" >write.sh
shown etcd <"$GUIDES/etcd.md" >write.shown
cmp_ok "$(wc -l <write.shown)" -ge 4 "the guide writes to etcd"
ok "each of its lines is done" as_on n1 write.sh
ok "and prints what it says" alike write.sh write.shown
is "$(walk 'etcd node' <"$GUIDES/etcd.md")" "xroam run -c node.yaml" "a node runs"
start daemon n1 "$XROAM" -i "$WORLD-n1" -v run -c node.yaml
ok "  and knows the VM" wait_for 10 has_vm "$VM" h1
is "$(xr -j host show | jq -r '[.. | objects | select(.local?) | .name] | join(" ")')" h1 \
	"  and which host it is"
like "$(xr -j vm show "$VM")" "in packets 1K" "  and what the VM may get"
walk 'etcd move' <"$GUIDES/etcd.md" | sed 's/^etcdctl/ETCDCTL_API=3 &/' >move.sh
shown 'etcd move' <"$GUIDES/etcd.md" >move.shown
grep etcdctl move.sh >put.sh
ok "the VM's move is written" as_on n1 put.sh
ok "  and is made" wait_for 10 has_vm "$VM" h2
ok "status has all of it, but for numbers" wait_for 10 eval \
	'as_on n1 move.sh && alike move.sh move.shown'
ok "the daemon ends" daemon_end
done_testing
