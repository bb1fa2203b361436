#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A daemon that is started at boot, before its devices are there; and its unit.
# shellcheck source=tests/net/lib/daemonworld.sh
. "$(dirname "$0")/lib/daemonworld.sh"
daemon_world_up
UNIT=$WORLD_TOP/scripts/xroam@.service
sed -i '1i devices: [{name: eth0}, {name: late0}]' "$CONFIG"

# shellcheck disable=SC2317 # called by name
says() { grep -q "$1" "$WORLD_DIR/daemon.err"; }
# shellcheck disable=SC2317 # called by name
told() { grep -q "$1" "$WORLD_DIR/systemd.out"; }
programs() { ip -n "$WORLD-n1" -j link show eth0 | jq '.[0].xdp != null'; }

refused 1 "late0" "by hand a device that is not there is an error" run -c "$CONFIG"

ok "a check of the file has nothing against it" xr check "$CONFIG"

start systemd n1 $PYTHON "$LIB/notify.py" "$WORLD_DIR/notify" systemd
wait_for 10 test -S "$WORLD_DIR/notify"
NOTIFY_SOCKET=$WORLD_DIR/notify start daemon n1 "$XROAM" -i "$WORLD-n1" run -c "$CONFIG"
ok "a service manager's daemon waits for it" wait_for 10 says "late0 is not there yet: waiting"
ok "  and tells him" wait_for 10 told "STATUS=device late0 is not there yet EXTEND_TIMEOUT"
is "$(programs) $(told READY && echo ready)" "false " "nothing is touched meanwhile"
sleep 1.2
is "$(grep -c waiting "$WORLD_DIR/daemon.err")" 1 "it says so once"
ok "it comes" ip -n "$WORLD-n1" link add late0 type veth peer name late1
ok "then all is made" wait_for 10 told READY
is "$(programs)" true "  and attached"
ip -n "$WORLD-n1" link del late0
kill -HUP "$(pid daemon)"
ok "gone again, a new file is refused as ever" wait_for 10 says "SIGHUP: .*late0"
daemon_end
is $? 0 "SIGTERM"

NOTIFY_SOCKET=$WORLD_DIR/notify start daemon n1 "$XROAM" -i "$WORLD-n1" run -c "$CONFIG"
wait_for 10 says waiting
stop daemon
is $? 143 "and while it waits"

# ---- the unit ----

is "$(sed -n 's/^StartLimitIntervalSec=//p' "$UNIT")" 0 "its unit never gives up"
is "$(sed -n 's/^TimeoutStartSec=//p' "$UNIT")" infinity "nor while it waits"
# pre FILE: its check of it, with a sleep that only says for how long
pre()
{
	mkdir -p "$WORLD_DIR/bin"
	# shellcheck disable=SC2016 # it is the script that expands it
	printf '#!/bin/sh\necho "slept $1"\n' >"$WORLD_DIR/bin/sleep"
	chmod +x "$WORLD_DIR/bin/sleep"
	sed -n 's/^ExecStartPre=//p' "$UNIT" |
		sed "s|@PREFIX@/sbin/xroam|$XROAM|; s|/etc/xroam/%i.yaml|$1|; s|%i|$WORLD-n1|; s|[$][$]|$|g" \
			>"$WORLD_DIR/pre"
	PATH=$WORLD_DIR/bin:$PATH sh "$WORLD_DIR/pre" 2>&1
	echo "status $?"
}

out=$(pre "$CONFIG")
like "$out" "good: .*status 0$" "it checks the file first"
is "$(grep -c slept <<<"$out")" 0 "  and goes on at once"
printf 'colour: red\nvips:\n  - {port: 1}\n' >"$WORLD_DIR/bad.yaml"
like "$(pre "$WORLD_DIR/bad.yaml")" "bad.yaml:1: .*bad.yaml:3: .*slept 10
status 1$" "a wrong one is told whole, and not again every second"
if command -v systemd-analyze >/dev/null; then
	sed -e "s|@PREFIX@/sbin/xroam|$XROAM|; s|%i|default|g" "$UNIT" \
		>"$WORLD_DIR/xroam-t.service"
	is "$(systemd-analyze verify --man=no "$WORLD_DIR/xroam-t.service" 2>&1 |
		grep xroam-t)" "" "systemd finds nothing wrong with it"
else
	skip 1 "no systemd-analyze"
fi
done_testing
