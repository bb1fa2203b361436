# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# A daemon that serves metrics, in $NODE, which a test may set first; beside world.sh:
#
#	run_daemon [ARGS...]	xroam run there; daemon_end [SIGNAL]
#	$URL			where it serves; $CONFIG, $SOCKET
#	scrape			/metrics, into the file $METRICS
#	metric SERIES		its value, the series written as it stands there
#	no CMD...		succeeds where it fails
#	series NAME		of each series of that name: its labels' values and its own, sorted
#
# shellcheck disable=SC2034 # what tests use
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "${BASH_SOURCE[0]}")/world.sh"

NODE=${NODE:-lb1}
LIB=$(dirname "${BASH_SOURCE[0]}")
# Not the one that a version manager may have put in front of the distribution's.
PYTHON=/usr/bin/python3
URL=http://127.0.0.1:9978
SOCKET=/run/xroam/$WORLD-$NODE.sock

# Files of this test alone; WORLD_DIR is there once the world is.
metrics_files()
{
	METRICS=$WORLD_DIR/metrics CONFIG=$WORLD_DIR/metrics.yaml
}

run_daemon()
{
	start daemon "$NODE" "$XROAM" -i "$WORLD-$NODE" run "$@"
	wait_for 20 grep -q watching "$WORLD_DIR/daemon.err" || {
		cat "$WORLD_DIR/daemon.err"
		return 1
	}
}

# shellcheck disable=SC2120
daemon_end()
{
	stop daemon "${1-TERM}"
}

scrape()
{
	in_ns "$NODE" curl -sf --max-time 60 "$URL/metrics" >"$METRICS"
}

# no CMD...: it fails
no()
{
	! "$@"
}

metric()
{
	awk -v series="$1" 'substr($0, 1, length(series) + 1) == series " " { print $NF }' "$METRICS"
}

series()
{
	sed -n "s/^$1{\(.*\)} \([^ ]*\)\$/\1 \2/p" "$METRICS" | sed 's/[a-z_]*="\([^"]*\)",\?/\1 /g; s/  */ /g' | sort
}
