# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# This machine once more, on an overlay, started by systemd in a container: what units and
# packages do there stays there. A test is one script, which runs twice:
#
#	. "$(dirname "$0")/lib/container.sh" "$@"
#	container_up [PREPARE]	outside: makes the container, runs PREPARE (its root is
#				$ROOT), starts it, and prints what the script prints
#				inside; ends the script
#	...			inside, as root, under systemd: tests as tap.sh has them
#	done_testing
#
# Inside the source tree is not there but for /test: tests/ without what is built. The
# container has its own network and its own bpffs, and goes with this process.
CONTAINER_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
# shellcheck source=tests/lib/tap.sh
. "$CONTAINER_TOP/tests/lib/tap.sh"
ROOT=

# Mounts that go with the process, however it ends.
if [ "${1-}" != --inside ] && [ -z "${CONTAINER_MOUNTS-}" ]; then
	[ "$(id -u)" = 0 ] || skip_all "needs root"
	command -v systemd-nspawn >/dev/null || skip_all "no systemd-nspawn here"
	CONTAINER_MOUNTS=$$ exec unshare -m -- "$0" "$@"
fi

wait_for()
{
	local tries=$(($1 * 120))

	shift
	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return
		sleep 0.1
	done
}

container_end()
{
	[ -z "$CONTAINER_PID" ] || kill -KILL "$CONTAINER_PID" 2>/dev/null
	wait 2>/dev/null
	umount -R "$ROOT" "$CONTAINER_DIR/bpf" 2>/dev/null
	rm -rf "$CONTAINER_DIR"
}

# The name is such that the next test sweeps it where this one was killed.
container_make()
{
	CONTAINER_PID=
	CONTAINER_DIR=$(mktemp -d "${TMPDIR:-/tmp}/xrt-$$.XXXXXX") || bail "no folder"
	ROOT=$CONTAINER_DIR/root
	trap container_end EXIT
	trap 'exit 143' HUP INT TERM
	mkdir "$CONTAINER_DIR"/{root,upper,work,bpf}
	mount -t overlay -o "lowerdir=/,upperdir=$CONTAINER_DIR/upper,workdir=$CONTAINER_DIR/work" \
		xroam-test "$ROOT" || skip_all "no overlay here"
	mount -t bpf xroam-test "$CONTAINER_DIR/bpf" || bail "no bpffs"
	mkdir -p "$ROOT/test"
	cp -r --parents tests/lib tests/net "$ROOT/test/"
	rm -f "$ROOT/etc/machine-id"
	cat >"$ROOT/etc/systemd/system/test.target" <<-'END'
		[Unit]
		Requires=sysinit.target test.service
		After=sysinit.target
	END
	cat >"$ROOT/etc/systemd/system/test.service" <<-END
		[Unit]
		DefaultDependencies=no
		Requires=sysinit.target systemd-journald.service dbus.socket
		After=sysinit.target systemd-journald.service dbus.socket
		[Service]
		Type=oneshot
		StandardOutput=append:/test/out
		StandardError=inherit
		ExecStart=/test/tests/net/${0##*/} --inside
		ExecStopPost=systemctl poweroff -ff
	END
}

container_up()
{
	[ "${CONTAINER_ARG-}" != --inside ] || return 0
	cd "$CONTAINER_TOP" || bail "no source tree"
	container_make
	"$@" >"$CONTAINER_DIR/prepare" 2>&1 ||
		bail "$*: $(tail -n 5 "$CONTAINER_DIR/prepare" | paste -sd' ')"
	: >"$ROOT/test/out"
	# Its own PID namespace: what it started is killed with it, however that is.
	SYSTEMD_NSPAWN_API_VFS_WRITABLE=network SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=0 \
		setpriv --pdeathsig KILL unshare -p -f --kill-child --mount-proc -- \
		systemd-nspawn -q -D "$ROOT" -M "xrt-$$" --register=no --keep-unit \
		--private-network --capability=all --system-call-filter='bpf perf_event_open' \
		--bind="$CONTAINER_DIR/bpf:/sys/fs/bpf" --bind-ro="$CONTAINER_DIR/upper:/upper" --console=pipe --kill-signal=SIGKILL \
		-b systemd.unit=test.target </dev/null >"$CONTAINER_DIR/log" 2>&1 &
	CONTAINER_PID=$!
	wait "$CONTAINER_PID"
	CONTAINER_PID=
	cat "$ROOT/test/out"
	grep -q '^1\.\.' "$ROOT/test/out" || bail "the container ended early: $(tail -n 3 "$CONTAINER_DIR/log")"
	! grep -q '^not ok' "$ROOT/test/out"
	exit
}

CONTAINER_ARG=${1-}
