# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# One node, n1, with a daemon: nothing travels here. Beside world.sh:
#
#	daemon_world_up		n1 with eth0, hosts h1 (local), h2, h3 within reach,
#				and $CONFIG, a file with them and the VM $VM at h1
#	run_daemon [ARGS...]	xroam run there; $(daemon_says) is its stderr so far
#	daemon_end [SIGNAL]	ends it; the exit status
#	keep_lock		the process "holder" has the instance's lock, $LOCK
#	notify ARGS...		lib/notify.py on its socket; $PRINTED is what it printed
#	fact KEY		of vm show
#	xr ...			in n1
#
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "${BASH_SOURCE[0]}")/world.sh"

LIB=$(dirname "${BASH_SOURCE[0]}")
# Not the one that a version manager may have put in front of the distribution's.
PYTHON=/usr/bin/python3
VM=52:54:00:12:34:56
CONFIG='' SOCKET=/run/xroam/$WORLD-n1.sock LOCK=/run/xroam/$WORLD-n1/lock

XR_NODE=n1

daemon_world_up()
{
	local i

	world_begin
	[ -x $PYTHON ] || skip_all "needs the distribution's python3"
	world_lone n1 10.8.0.1/24 eth1
	for i in 2 3; do
		ip -n "$WORLD-n1" neigh replace 10.8.0.$i \
			lladdr 02:00:00:00:08:0$i dev eth0 nud permanent
	done
	CONFIG=$WORLD_DIR/config.yaml
	cat >"$CONFIG" <<-EOT
		hosts:
		  - {name: h1, vxlan: 10.8.0.1, vni: 100, local: true}
		  - {name: h2, vxlan: 10.8.0.2, vni: 100}
		  - {name: h3, vxlan: 10.8.0.3, vni: 100}
		vms:
		  - {mac: "$VM", at: h1, addresses: [10.9.0.10]}
	EOT
}

run_daemon()
{
	start daemon n1 "$XROAM" -i "$WORLD-n1" -v run "$@"
	wait_for 10 grep -q watching "$WORLD_DIR/daemon.err" || {
		cat "$WORLD_DIR/daemon.err"
		return 1
	}
}

daemon_says()
{
	cat "$WORLD_DIR/daemon.err"
}

# shellcheck disable=SC2120
daemon_end()
{
	stop daemon "${1-TERM}"
}

keep_lock()
{
	start holder n1 flock -F "$LOCK" sleep 1000
	wait_for 10 bash -c "! flock -n '$LOCK' true"
}

notify()
{
	PRINTED=$($PYTHON "$LIB/notify.py" "$SOCKET" "$@" 2>&1)
	local status=$?

	[ $status = 0 ] || diag "$PRINTED"
	return $status
}

# A move that nothing came after for ten seconds is settled: it was a busy machine.
fact()
{
	local fact

	fact=$(xr -j vm show "$VM" | pick -w mac ".$1")
	[ "$1" != state ] || fact=${fact/settled/moved}
	echo "$fact"
}
