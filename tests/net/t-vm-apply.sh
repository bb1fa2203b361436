#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# VMs in a file: many, moved, bound, forgotten by one apply; and killed applies
# and notices, after which the next command finds the state of before or after.
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
world_up

# make FILE SEED VMS HOST...: a third of the places unused, other ones per SEED
make()
{
	local file=$1 seed=$2 n=$3

	shift 3
	awk -v seed="$seed" -v n="$n" -v list="$*" 'BEGIN {
		split(list, host, " ")
		for (h in host)
			hosts++
		print "limits: {vms: 4000, vm_addresses: 4000, hosts: 8}"
		print "hosts:"
		for (h = 1; h <= hosts; h++)
			printf "- {name: %s, vxlan: 10.77.0.%d, vni: %d}\n",
			       host[h], h, seed
		print "vms:"
		for (i = 0; i < n; i++) {
			if ((i * 7 + seed) % 3 == 0)
				continue
			printf "- {mac: \"52:54:00:00:%02x:%02x\", at: %s",
			       i / 256, i % 256, host[1 + (i * seed) % hosts]
			printf ", addresses: [10.66.%d.%d], lock: %s}\n",
			       (i + seed) / 256, (i + seed) % 256,
			       (i + seed) % 2 ? "true" : "false"
		}
	}' >"$file"
}

in_ns lb1 ip route add 10.77.0.0/24 via "$(addr4 r)" 2>/dev/null ||
	in_ns lb1 ip route add 10.77.0.0/24 dev eth0
a=$WORLD_DIR/a.yaml b=$WORLD_DIR/b.yaml
make "$a" 1 3000 h1 h2 h3
make "$b" 2 3000 h2 h3 h4
# Hosts are listed by their places, which depend on what was there before.
saved()
{
	xr export >"$WORLD_DIR/saved" && sort "$WORLD_DIR/saved"
}

# applied FILE: silently
# shellcheck disable=SC2317
applied()
{
	xr apply "$1" >/dev/null
}

ok "apply" applied "$a"
saved >"$a.out"
is "$(grep -c 'mac:' "$a.out")" 2000 "every VM is there"
out=$(xr apply "$a")
is "$out" "nothing to change" "and needs no change"
out=$(xr apply "$b")
like "$out" "- host h1" "other hosts"
like "$out" "\+ vm " "VMs come"
like "$out" "- vm " "VMs go"
like "$out" "~ vm [0-9a-f:]*: at h[123] -> h[234], binding" "VMs move"
saved >"$b.out"
xr destroy >/dev/null
xr apply "$b" >/dev/null
saved >"$WORLD_DIR/fresh"
ok "the same as when made anew" cmp -s "$b.out" "$WORLD_DIR/fresh"
is "$(xr -j vm show | jq '[.[] | select(.lock)] | length')" \
   "$(grep -c 'lock: true' "$b.out")" "locks as the file says"

# ---- killed applies ----

mixed=0 stuck=0
for i in $(seq 1 30); do
	file=$a
	((i % 2)) || file=$b
	nsenter --net="/run/netns/$WORLD-lb1" "$XROAM" -i "$(instance lb1)" \
		apply "$file" >/dev/null 2>&1 &
	victim=$!
	sleep "0.0$(printf %02d $((RANDOM % 60)))"
	kill -9 $victim 2>/dev/null
	wait $victim 2>/dev/null
	if ! saved >"$WORLD_DIR/now" 2>"$WORLD_DIR/why"; then
		stuck=$((stuck + 1))
		diag "$(cat "$WORLD_DIR/why")"
	elif ! cmp -s "$WORLD_DIR/now" "$a.out" &&
	     ! cmp -s "$WORLD_DIR/now" "$b.out"; then
		mixed=$((mixed + 1))
	fi
done 2>/dev/null
is $stuck 0 "after each of 30 killed applies the next command works"
is $mixed 0 "and finds the state of before or after"

# ---- killed notices ----

mac=52:54:00:00:ff:01
wrong=0
for i in $(seq 1 40); do
	case $((i % 4)) in
	0) words="add $mac address 10.66.200.1 at h2 lock" ;;
	1) words="move $mac to h3" ;;
	2) words="prepare $mac to h2" ;;
	3) words="leave $mac" ;;
	esac
	# shellcheck disable=SC2086
	nsenter --net="/run/netns/$WORLD-lb1" "$XROAM" -i "$(instance lb1)" \
		vm $words >/dev/null 2>&1 &
	victim=$!
	sleep "0.00$((RANDOM % 10))"
	kill -9 $victim 2>/dev/null
	wait $victim 2>/dev/null
	xr -j vm show $mac >/dev/null 2>&1 || xr vm add $mac at h2 >/dev/null ||
		wrong=$((wrong + 1))
done 2>/dev/null
is $wrong 0 "after each of 40 killed notices the next one works"
xr vm leave $mac >/dev/null
ok "the VM's address is free again" \
	xr vm add 52:54:00:00:ff:02 address 10.66.200.1 at h2
ok "apply puts all right" applied "$b"
saved >"$WORLD_DIR/now"
ok "as it was" cmp -s "$WORLD_DIR/now" "$b.out"

# ---- a hundred thousand ----

xr destroy >/dev/null
many()
{
	awk -v at="$1" 'BEGIN {
		print "limits: {vms: 100000, vm_addresses: 100000}"
		print "hosts:\n- {name: a, vxlan: 10.77.0.1, vni: 1}"
		print "- {name: b, vxlan: 10.77.0.2, vni: 1}\nvms:"
		for (i = 0; i < 100000; i++)
			printf "- {mac: \"52:54:00:%02x:%02x:%02x\", at: %s, addresses: [10.%d.%d.%d]}\n",
			       i / 65536, i / 256 % 256, i % 256, at,
			       64 + i / 65536, i / 256 % 256, i % 256
	}'
}
many a >"$a"
many b >"$b"
ok "100,000 VMs at the very limit" applied "$a"
begin=$(date +%s%N)
xr apply "$b" >"$WORLD_DIR/now"
diag "100,000 VMs moved in $((($(date +%s%N) - begin) / 1000000)) ms"
is "$(grep -c '^~ vm .*: at a -> b$' "$WORLD_DIR/now")" 100000 "each moved"
is "$(xr -j status | pick .vms.moved)" 100000 "and redirected"
refused 1 "limits.vms is 100000" "one more" vm add 52:54:00:ff:ff:ff at a
xr destroy >/dev/null
done_testing
