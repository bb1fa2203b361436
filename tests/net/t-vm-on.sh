#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A host that a VM has left hears, again and again, that it has moved on: no frame of the
# host's own senders is lost while the kernel's tables are made to name another host.
# shellcheck source=tests/net/lib/vmworld.sh
. "$(dirname "$0")/lib/vmworld.sh"
vm_world_up -n 3
vm_places v1 h1 h2 h3
vm_places n1 -m "$N1_MAC" h1
ok "attach" vm_attach h1 h2 h3
ok "hosts" vm_hosts vxlan h1 h2 h3
on_each "h1 h2 h3" vm add "$VM_MAC" address "$VM_ADDR4" at h1 dev v1 >/dev/null
# To each of these it has come.
for host in h2 h3; do
	xr_on $host vm move "$VM_MAC" to $host >/dev/null
done
policy h1 flap_moves 65534 >/dev/null
xr_on h1 vm move "$VM_MAC" to h2 >/dev/null

start on c1 "$FRAME" play -p "$WORLD-" -c -w v1:h2 -w v1:h3 -w v1:h1 \
	"n1:h1#$(neighbour_probe @40)*20000/200"
ok "its neighbour sends" wait_for 5 grep -q ready "$WORLD_DIR/on.err"
moves=0
while is_child "$(pid on)" && [ "$(awk '{ print $3 }' "/proc/$(pid on)/stat")" != Z ]; do
	xr_on h1 vm move "$VM_MAC" to h3 >/dev/null || break
	xr_on h1 vm move "$VM_MAC" to h2 >/dev/null || break
	moves=$((moves + 2))
done
finish on
SEEN=$(<"$WORLD_DIR/on.out")
diag "$moves moves: $SEEN"
cmp_ok $moves -ge 10 "it moves on many times meanwhile"
cmp_ok "$(numbers v1:h3 numbers)" -gt 0 "both have a part"
is $(($(numbers v1:h2 numbers) + $(numbers v1:h3 numbers))) 20000 "and no frame is lost, and none comes to both"
is "$(numbers v1:h1 numbers)" 0 "or to where it was at first"
done_testing
