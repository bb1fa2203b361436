#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# What health checks cost with BACKENDS backends, each probed every 2 s, by tcp and by quic.
# Apart: the daemon's user and system time; and what a thread of the kernel's does for the
# wire, the other side and the way back up to the socket, which is not the daemon's.
# shellcheck disable=SC2317,SC2119 # called by name
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/../net/lib/world.sh"
BACKENDS=${1-10000} SECONDS_EACH=${2-6}
world_up -s 1
ok "attach" attach_lb
world_pass_load
world_pass r s1-eth0
rm -f "/sys/fs/bpf/$WORLD-pass"

# The other side: tests/net/lib/answer.bpf.c
answerer()
{
	local pin=/sys/fs/bpf/$WORLD-answer status

	bpftool prog load "$WORLD_BUILD/tests/net/answer.bpf.o" "$pin" >/dev/null || return
	in_ns s1 bpftool net attach xdpdrv pinned "$pin" dev eth0
	status=$?
	rm -f "$pin"
	return "$status"
}
ok "a server that answers all" answerer

# Reading what comes is a thread's, and no longer that of who sends. /sys is of a namespace.
threaded()
{
	in_ns r unshare -m sh -c 'mount -t sysfs sysfs /sys && echo 1 >/sys/class/net/lb1-eth0/threaded'
}
ok "the wire has a thread" threaded
WIRE=$(pgrep -o "^napi/lb1-eth0-")

# used PID: user and system time so far, in hundredths of a second
used()
{
	awk '{ print $14, $15 }' "/proc/$1/stat"
}

# config PROTOCOL PORT TYPE
config()
{
	cat <<-EOT
		limits: {backends: $BACKENDS}
		policy: {health_rate: 100000}
		health_checks:
		  - {name: c, type: $3, interval: 2, timeout: 1}
		vips:
		  - {address: "$VIP4", port: $2, protocol: $1, health_check: c}
		backends:
	EOT
	seq "$BACKENDS" | sed "s|.*|  - {name: b&, address: $(addr4 s1), vips: [\"$VIP4:$2/$1\"]}|"
}

known()
{
	[ "$(xr -j health show | jq '.[0].up')" = "$BACKENDS" ]
}

# percent HUNDREDTHS: of a core, in tenths
percent()
{
	echo "$((10 * $1 / SECONDS_EACH / 10)).$((10 * $1 / SECONDS_EACH % 10)) %"
}

measure()
{
	local pid user system user0 system0 wire wire0

	config "$1" "$2" "$3" >"$WORLD_DIR/$3.yaml"
	xr destroy >/dev/null 2>&1
	xr apply "$WORLD_DIR/$3.yaml" >/dev/null || return
	attach_lb || return
	start daemon lb1 "$XROAM" -i "$(instance lb1)" run
	ok "$3: all $BACKENDS are up" wait_for 20 known
	pid=$(pid daemon)
	read -r user0 system0 <<<"$(used "$pid")"
	wire0=$(used "$WIRE")
	sleep "$SECONDS_EACH"
	read -r user system <<<"$(used "$pid")"
	wire=$(used "$WIRE")
	is "$(xr -j health show | jq '.[0].up')" "$BACKENDS" "$3: and still are"
	user=$((user - user0)) system=$((system - system0)) wire=$((${wire#* } - ${wire0#* }))
	echo "# $3: $BACKENDS backends, every 2 s: daemon $(percent $((user + system))) of a core" \
		"(user $(percent $user), system $(percent $system))," \
		"$(((user + system) * 20000 / SECONDS_EACH / BACKENDS)) us a probe; wire and other side $(percent $wire)"
	[ -z "${VERBOSE-}" ] || cat "$WORLD_DIR/daemon.err"
	stop daemon
}

measure tcp 80 tcp
measure udp 443 quic
done_testing
