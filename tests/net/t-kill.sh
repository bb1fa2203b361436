#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Killing any command at any instant stops nothing and loses nothing: traffic
# flows on, the next command works, and the state is that of before or after.
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
world_up
ok "attach" attach_lb
attach_servers
serve 80
ok "balance" balance "$VIP4:80/udp"
xr export >"$WORLD_DIR/a.yaml"
xr backend set s1 weight 7
xr backend set s2 state draining
for i in 1 2 3 4 5 6 7 8; do
	xr vip add "$VIP4B:$i/udp"
	xr backend add "b$i" vip "$VIP4B:$i/udp" address "$(addr4 s3)"
done
xr export >"$WORLD_DIR/b.yaml"

start udp c1 "$PEER" ask -c 30 -n 0 -i 5 udp "$VIP4" 80
sleep 0.3

# kill_at MILLISECONDS ARGS...
kill_at()
{
	local ms=$1 victim

	shift
	nsenter --net="/run/netns/$WORLD-lb1" "$XROAM" -i "$(instance lb1)" \
		"$@" >/dev/null 2>&1 </dev/null &
	victim=$!
	sleep "0.$(printf %03d "$ms")"
	kill -9 $victim 2>/dev/null
	wait $victim 2>/dev/null
}

mixed=0 stuck=0
for i in $(seq 1 40); do
	file=$WORLD_DIR/a.yaml
	((i % 2)) || file=$WORLD_DIR/b.yaml
	kill_at $((RANDOM % 30)) apply "$file"
	if ! xr export >"$WORLD_DIR/now" 2>"$WORLD_DIR/why"; then
		stuck=$((stuck + 1))
		diag "$(cat "$WORLD_DIR/why")"
		continue
	fi
	cmp -s "$WORLD_DIR/now" "$WORLD_DIR/a.yaml" ||
	cmp -s "$WORLD_DIR/now" "$WORLD_DIR/b.yaml" || {
		mixed=$((mixed + 1))
		diag "$(diff "$WORLD_DIR/now" "$file")"
	}
done 2>/dev/null
is $stuck 0 "after each of 40 killed applies the next command works"
is $mixed 0 "and finds the state of before or after"

for i in $(seq 1 10); do
	kill_at $((RANDOM % 60)) reload
done 2>/dev/null
ok "a reload after ten killed ones" xr reload
ok "apply after it all" xr apply "$WORLD_DIR/a.yaml"
xr export >"$WORLD_DIR/now"
ok "makes the instance equal to the file" \
	diff "$WORLD_DIR/a.yaml" "$WORLD_DIR/now"
is "$(xr -j dev show | jq -r '[.[].device] | join(" ")')" "eth0" \
	"the device is attached, once"

client_end udp
is "$(figure lost)" 0 "no datagram of $(figure asked) was lost"

for i in $(seq 1 10); do
	kill_at $((RANDOM % 60)) dev detach eth0
	xr dev attach eth0 mode native >/dev/null 2>&1
	kill_at $((RANDOM % 60)) dev attach eth0 mode native
	xr dev detach eth0 >/dev/null 2>&1
done 2>/dev/null
ok "attach after killed attaches and detaches" xr dev attach eth0 mode native
ok "traffic after all that" ask c1 -c 30 udp "$VIP4" 80
# An apply of another policy, killed; then the program is taken off by hand.
# journal ID: as if it was, of the instance with that identity.
xr export >"$WORLD_DIR/now"
meta=$(bpftool -j map dump pinned "/sys/fs/bpf/xroam/$(instance lb1)/meta")
created=$(grep -o '"created":[0-9]*' <<<"$meta" | cut -d: -f2)
id=$(grep -o '"id":[0-9]*' <<<"$meta" | cut -d: -f2)
journal()
{
	{
		printf '# %s %016x\n' "$created" "$1"
		echo "policy: { too_big: drop }"
		cat "$WORLD_DIR/now"
	} | sed '/^policy:$/,/^[^ ]/{/^policy:$/d;/^ /d}' \
		>"/run/xroam/$(instance lb1)/journal.yaml"
}
journal $((id ^ 1))
ok "a journal of a namesake made in the same second" xr export
like "$(xr export)" "too_big: reply" "is not this instance's"
journal "$id"
in_ns lb1 ip link set dev eth0 xdp off
ok "a killed change is finished though a program is gone" xr export
like "$(xr export)" "too_big: drop" "and it is the new one"
is "$(xr -j dev show | pick '.[].device,state')" \
	"eth0 attached" "with the program back in its place"

# A change that is not about server IDs, killed: its journal does not have them.
xr backend set s1 server-id 00000001 server-id 00000002
xr export >"$WORLD_DIR/now"
journal "$id"
sed -i -e '1a # server IDs stay' -e '/server_ids:/,+2d' -e 's/too_big: drop/too_big: reply/' \
	"/run/xroam/$(instance lb1)/journal.yaml"
is "$(grep -c 0000000 "/run/xroam/$(instance lb1)/journal.yaml")" 0 "a journal without server IDs"
is "$(xr -j backend show s1 | jq -c '.[].server_ids')" '["00000001","00000002"]' \
	"leaves them where they are"
like "$(xr export)" "too_big: reply" "and is finished"

# An apply killed between making the instance and filling it.
xr destroy >/dev/null
xr vip add "$VIP4:80/udp" && xr vip del "$VIP4:80/udp"
{
	echo "limits: { vips: 7 }"
	cat "$WORLD_DIR/a.yaml"
} | sed '2,${/^limits:$/,/^[^ ]/{/^limits:$/d;/^ /d}}' >"$WORLD_DIR/other.yaml"
ok "an empty instance does not keep another file's limits" \
	xr apply "$WORLD_DIR/other.yaml"
like "$(xr export)" "vips: 7" "but has those of the file"
sed -i 's/vips: 7/vips: 8/' "$WORLD_DIR/other.yaml"
refused 1 "limits.vips" "one with something in it keeps its own" \
	apply "$WORLD_DIR/other.yaml"

ok "destroy" xr destroy
is "$(in_ns lb1 ip -d link show eth0 | grep -c 'prog/xdp')" 0 \
	"leaves no program on the device"
done_testing
