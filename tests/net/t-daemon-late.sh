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
like "$(grep ^ExecStartPre= "$UNIT")" "xroam -i %i check /etc/xroam/%i.yaml" \
	"it checks the file first"
if command -v systemd-analyze >/dev/null; then
	sed -e "s|@PREFIX@/sbin/xroam|$XROAM|; s|%i|default|g" "$UNIT" \
		>"$WORLD_DIR/xroam-t.service"
	is "$(systemd-analyze verify --man=no "$WORLD_DIR/xroam-t.service" 2>&1 |
		grep xroam-t)" "" "systemd finds nothing wrong with it"
else
	skip 1 "no systemd-analyze"
fi
done_testing
