#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# With a daemon, next hops follow the kernel's neighbours and routes at once, and
# what a machine's devices need follows them when they come and go.
# shellcheck source=tests/net/lib/vmworld.sh
. "$(dirname "$0")/lib/vmworld.sh"
vm_world_up -n 2
vm_places v1 h1 h2
ok "attach" vm_attach h1 h2
ok "hosts" vm_hosts vxlan h1 h2
fabric_believes h1
on_each "h2 h1" vm add "$VM_MAC" at h1
ok "moved" on_each "h2 h1" vm move "$VM_MAC" to h2
probe=$(vm_probe)

# The destination MAC of what leaves h1 for h2, as fab sees it.
outer()
{
	local tap=$WORLD_DIR/outer

	: >"$tap.err"
	in_ns fab timeout 5 tcpdump -i h1 -Q in -c 1 -nn -e udp port 4789 \
		>"$tap" 2>"$tap.err" &
	sleep 0.4
	wait_for 3 grep -q "listening on" "$tap.err"
	play -q 5 "c1:eth0=$probe"
	wait $!
	sed -n 's/.* > \([0-9a-f:]*\),.*/\1/p' "$tap" | head -n 1
}

# Within a moment, as long as that is on a busy machine; how long is told.
# shellcheck disable=SC2317 # called by name
sent_to()
{
	local looks

	for looks in 1 2 3 4 5; do
		sleep 0.1
		[ "$(outer)" != "$1" ] || break
	done
	diag "after $looks looks"
	[ "$looks" -lt 5 ]
}

is "$(outer)" "$(br0_mac h2)" "it is sent to its host's next hop"
ip -n "$WORLD-h1" neigh replace "$(underlay4 h2)" lladdr 02:00:00:00:0a:0a \
	dev br0 nud permanent
outer >/dev/null	# at once the old one may still be used, for two seconds
ok "a daemon" daemon h1
for i in 1 2 3; do
	ip -n "$WORLD-h1" neigh replace "$(underlay4 h2)" \
		lladdr 02:00:00:00:0a:0$i dev br0 nud permanent
	ok "after the change $i: the new one" sent_to 02:00:00:00:0a:0$i
done
ip -n "$WORLD-h1" neigh del "$(underlay4 h2)" dev br0
sleep 0.2
ok "a neighbour that was removed is asked for" wait_for 3 sh -c \
	"ip -n $WORLD-h1 neigh show $(underlay4 h2) | grep -q $(br0_mac h2)"
is "$(outer)" "$(br0_mac h2)" "and sent to"

# A machine's own MACs are protected: those of a device that is new, too.
before=$(bpftool -j map dump pinned "/sys/fs/bpf/xroam/$WORLD-h1/protected" | jq length)
ip -n "$WORLD-h1" link add new2 type veth peer name new3
# shellcheck disable=SC2317 # called by name
grown()
{
	[ "$(bpftool -j map dump pinned \
		"/sys/fs/bpf/xroam/$WORLD-h1/protected" | jq length)" -ge \
		"$((before + $1))" ]
}
ok "new devices' MACs are protected" wait_for 3 grown 2
daemon_stop h1
is $? 0 "the daemon ends"
done_testing
