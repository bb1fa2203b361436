# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# A daemon on lb1 that checks backends' health and serves metrics; beside world.sh:
#
#	run_daemon		xroam run there, with what the instance has now
#	metric SERIES		its value, the series written as it stands there
#	metric_is SERIES VALUE, metric_above SERIES VALUE
#	probe_port		the first that answers to probes come to
#	answerer_way		what is sent to s1 arrives in its XDP program
#	answerer		s1 answers each tcp and quic probe, without a server: answer.bpf.c
#
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "${BASH_SOURCE[0]}")/world.sh"

run_daemon()
{
	{
		xr export
		echo "metrics: {listen: $WORLD_DIR/metrics.sock}"
	} >"$WORLD_DIR/daemon.yaml"
	start daemon lb1 "$XROAM" -i "$(instance lb1)" run -c "$WORLD_DIR/daemon.yaml"
	wait_for 10 grep -q watching "$WORLD_DIR/daemon.err"
}

metric()
{
	in_ns lb1 curl -sf --unix-socket "$WORLD_DIR/metrics.sock" http://localhost/metrics |
		awk -v series="$1" 'index($0, series " ") == 1 { print $NF }'
}

metric_is()
{
	[ "$(metric "$1")" = "$2" ]
}

metric_above()
{
	[ "$(metric "$1")" -gt "$2" ]
}

probe_port()
{
	in_ns lb1 ss -Hlun "sport >= 19968" | awk '{ n = split($4, at, ":"); print at[n] }' |
		sort -n | head -n 1
}

answerer_way()
{
	world_pass_load
	world_pass r s1-eth0
	rm -f "/sys/fs/bpf/$WORLD-pass"
}

answerer()
{
	local pin=/sys/fs/bpf/$WORLD-answer status

	bpftool prog load "$WORLD_BUILD/tests/net/answer.bpf.o" "$pin" >/dev/null || return
	in_ns s1 bpftool net attach xdpdrv pinned "$pin" dev eth0
	status=$?
	rm -f "$pin"
	return "$status"
}
