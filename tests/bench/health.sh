#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# What health checks cost with BACKENDS backends, each probed every 2 s, by tcp and by quic.
# Apart: the daemon's user and system time; and what a thread of the kernel's does for the
# wire, the other side and the way back up to the socket, which is not the daemon's.
# shellcheck disable=SC2317,SC2119 # called by name
# shellcheck source=tests/net/lib/health.sh
. "$(dirname "$0")/../net/lib/health.sh"
BACKENDS=${1-10000} SECONDS_EACH=${2-6}
world_up -s 1

# config PROTOCOL PORT [TYPE]
config()
{
	cat <<-EOT
		limits: {backends: $BACKENDS}
		policy: {health_rate: 100000}
	EOT
	[ -z "${3-}" ] || echo "health_checks: [{name: c, type: $3, interval: 2, timeout: 1}]"
	cat <<-EOT
		vips:
		  - {address: "$VIP4", port: $2, protocol: $1${3:+, health_check: c}}
		backends:
	EOT
	seq "$BACKENDS" | sed "s|.*|  - {name: b&, address: $(addr4 s1), vips: [\"$VIP4:$2/$1\"]}|"
}

config tcp 80 >"$WORLD_DIR/none.yaml"
ok "$BACKENDS backends" xr apply "$WORLD_DIR/none.yaml"
ok "attach" attach_lb
answerer_way
ok "a server that answers all" answerer

# Reading what comes is a thread's, and no longer that of who sends. /sys is of a namespace.
threaded()
{
	in_ns r unshare -m sh -c 'mount -t sysfs sysfs /sys && echo 1 >/sys/class/net/lb1-eth0/threaded'
}
ok "the wire has a thread" threaded
WIRE=$(pgrep -n "^napi/lb1-eth0-")

# used PID: user and system time so far, in hundredths of a second
used()
{
	awk '{ print $14, $15 }' "/proc/$1/stat"
}

known()
{
	[ "$(xr -j health show | jq '.[0].up')" = "$BACKENDS" ]
}

# After its start the daemon looks at the next hop of each backend, at leisure: in passes of
# some milliseconds with pauses, which are long where others have the processor.
calm()
{
	local before after

	before=$(used "$DAEMON")
	sleep 5
	after=$(used "$DAEMON")
	[ $((${after% *} + ${after#* } - ${before% *} - ${before#* })) -le 1 ]
}

# percent HUNDREDTHS: of a core, in tenths
percent()
{
	echo "$((10 * $1 / SECONDS_EACH / 10)).$((10 * $1 / SECONDS_EACH % 10)) %"
}

# ran PID: all its threads so far, in microseconds
ran()
{
	awk '{ ns += $1 } END { printf "%.0f\n", ns / 1000 }' "/proc/$1/task/"*/schedstat
}

# measure WHAT: sets TYPICAL, what the daemon used in the median of the seconds, in
# microseconds. All interrupts that hit it are counted as its system time, be they for what
# others on the machine do: seconds with many are theirs.
measure()
{
	local user system user0 system0 wire wire0 second before after

	read -r user0 system0 <<<"$(used "$DAEMON")"
	wire0=$(used "$WIRE")
	before=$(ran "$DAEMON")
	TYPICAL=$(for ((second = 0; second < SECONDS_EACH; second++)); do
		sleep 1
		after=$(ran "$DAEMON")
		echo $((after - before))
		before=$after
	done | sort -n | sed -n "$(((SECONDS_EACH + 1) / 2))p")
	read -r user system <<<"$(used "$DAEMON")"
	wire=$(used "$WIRE")
	user=$((user - user0)) system=$((system - system0)) wire=$((${wire#* } - ${wire0#* }))
	echo "# $1: daemon $(percent $((user + system))) of a core (user $(percent $user)," \
		"system $(percent $system)), in the median second $((TYPICAL / 10000)).$((TYPICAL / 1000 % 10)) %;" \
		"wire and other side $(percent $wire)"
}

# probed PROTOCOL PORT TYPE: the whole daemon, be it by what else it does
probed()
{
	config "$@" >"$WORLD_DIR/$3.yaml"
	xr apply "$WORLD_DIR/$3.yaml" >/dev/null
	ok "$3: all $BACKENDS are up" wait_for 20 known
	measure "$3: $BACKENDS backends, every 2 s"
	is "$(xr -j health show | jq '.[0].up')" "$BACKENDS" "$3: and still are"
	echo "# $3: $((2 * TYPICAL / BACKENDS)) us a probe;" \
		"$([ "$TYPICAL" -lt 50000 ] && echo under || echo NOT under) 5 % of a core"
}

start daemon lb1 "$XROAM" -i "$(instance lb1)" run
DAEMON=$(pid daemon)
ok "the daemon knows all next hops" wait_for 120 calm
measure "no checks"
probed tcp 80 tcp
probed udp 443 quic
[ -z "${VERBOSE-}" ] || cat "$WORLD_DIR/daemon.err"
stop daemon
done_testing
