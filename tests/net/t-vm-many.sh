#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Many VMs that are prepared at one time, as where a machine is emptied: what the
# daemon does for them as they wait does not grow with their number.
# shellcheck source=tests/net/lib/daemonworld.sh
. "$(dirname "$0")/lib/daemonworld.sh"
daemon_world_up
MANY=120
sed -i "1i limits: {rings: $MANY, vms: 1000}" "$CONFIG"

# shellcheck disable=SC2016 # Python's
start taps n1 $PYTHON -c '
import fcntl, os, struct, sys, time
taps = []
for i in range(int(sys.argv[1])):
    taps.append(os.open("/dev/net/tun", os.O_RDWR))
    fcntl.ioctl(taps[-1], 0x400454ca, struct.pack("16sH22x", b"tap%d" % i, 0x1002))
print("open", flush=True)
time.sleep(1000)' $MANY
wait_for 20 grep -q open "$WORLD_DIR/taps.out" || bail "no taps"
{
	echo "link add br0 type bridge"
	echo "link set br0 up"
	for ((i = 0; i < MANY; i++)); do
		echo "link set tap$i master br0 up"
	done
} | ip -n "$WORLD-n1" -batch -
ok "a daemon" run_daemon -c "$CONFIG"
for ((i = 0; i < MANY; i++)); do
	mac=$(printf 52:54:00:00:00:%02x $i)
	echo "{\"notice\":\"add\",\"mac\":\"$mac\",\"at\":\"h1\",\"tap\":\"tap$i\"}"
	echo "{\"notice\":\"prepare\",\"mac\":\"$mac\",\"to\":\"h2\",\"timeout\":300}"
done >"$WORLD_DIR/notices"
mapfile -t notices <"$WORLD_DIR/notices"
notify say "${notices[@]}"
is "$(jq -s 'map(select(.ok)) | length' <<<"$PRINTED")" $((2 * MANY)) "$MANY VMs prepared"
# shellcheck disable=SC2317 # called by name
ready() { [ "$(xr -j vm show | jq '[.[] | select(.ready)] | length')" = "$MANY" ]; }
ok "all of them" wait_for 20 ready
sleep 1		# their first looks

# Ticks of the processor, of which another program's load can only take some away.
used() { awk '{ print $14 + $15 }' "/proc/$(pid daemon)/stat"; }
before=$(used)
sleep 3
cmp_ok $(($(used) - before)) -lt 60 "the daemon does a small part of what it could"
for ((i = 0; i < MANY; i++)); do
	echo "{\"notice\":\"cancel\",\"mac\":\"$(printf 52:54:00:00:00:%02x $i)\"}"
done >"$WORLD_DIR/notices"
mapfile -t notices <"$WORLD_DIR/notices"
notify say "${notices[@]}"
before=$(used)
sleep 1
cmp_ok $(($(used) - before)) -lt 10 "and nothing when they stay"
daemon_end
stop taps
done_testing
