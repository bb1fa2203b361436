#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Several monitors of an instance: each has every event exactly once, none keeps another
# waiting, also one that stands still or was killed; that one says how many it missed.
# And the words that choose among events.
# shellcheck source=tests/net/lib/daemonworld.sh
. "$(dirname "$0")/lib/daemonworld.sh"
daemon_world_up
ok "apply" xr apply "$CONFIG"

# monitor NAME [WORDS...]: it listens when this returns
# shellcheck disable=SC2317 # called by name
monitor()
{
	local name=$1

	shift
	start "$name" n1 "$XROAM" -i "$WORLD-n1" -jv monitor "$@"
	wait_for 10 grep -q watching "$WORLD_DIR/$name.err"
}

# vms NAME: of how many VMs it saw that they came
vms()
{
	grep -c '"event":"vm".*added at' "$WORLD_DIR/$1.out"
}

# shellcheck disable=SC2317 # called by name
has_vms()
{
	[ "$(vms "$1")" -ge "$2" ]
}

# events NAME: what it printed, without the time
# shellcheck disable=SC2317 # called by name
events()
{
	jq -c 'del(.time)' "$WORLD_DIR/$1.out"
}

# shellcheck disable=SC2317 # called by name
same_events()
{
	[ "$(events "$1")" = "$(events "$2")" ]
}

missed()
{
	pick .event,count "$WORLD_DIR/$1.out" | sed -n 's/^missed //p' | sum
}

# shellcheck disable=SC2317 # called by name
missed_some()
{
	[ "$(missed "$1")" -gt 0 ]
}

ok "the daemon" run_daemon
ok "a monitor" monitor m1
ok "a second one" monitor m2
ok "a third one" monitor m3
ok "500 VMs by the socket" notify adds 0 500 h2
for m in m1 m2 m3; do
	ok "$m has them" wait_for 10 has_vms $m 500
	is "$(pick .event,mac "$WORLD_DIR/$m.out" | grep '^vm ' | sort -u | wc -l)" 500 \
		"each of them"
	is "$(vms $m)" 500 "once"
	is "$(missed $m)" 0 "and missed none"
done
# The daemon writes of what it did not record one by one a second later.
ok "m1 and m2 saw the same" wait_for 10 same_events m1 m2
ok "m1 and m3, too" wait_for 10 same_events m1 m3
# shellcheck disable=SC2317 # called by name
asked_by() { [ "$(pick .event,via "$WORLD_DIR/m1.out" | sed -n 's/^audit //p' | sort -u | xargs)" = "$*" ]; }
ok "who asked for it is among it" wait_for 10 asked_by daemon socket

# One stands still while the ring is written over.
kill -STOP "$(pid m3)"
for ((i = 500; i < 2000; i += 300)); do
	notify adds $i 300 h2 || bail "notices"
	for m in m1 m2; do
		wait_for 10 has_vms $m $((i + 300)) || bail "m3 hinders $m"
	done
done
pass "one that stands still hinders none"
is "$(missed m1) $(missed m2)" "0 0" "they missed none"
ok "they saw the same" wait_for 10 same_events m1 m2
kill -CONT "$(pid m3)"
ok "it says that it missed some" wait_for 10 missed_some m3
# shellcheck disable=SC2317 # called by name
all_told()
{
	[ $(($(events m3 | grep -vc '"missed"') + $(missed m3))) = "$(events m1 | wc -l)" ]
}
ok "exactly as many as it did not print" wait_for 10 all_told

# The only one that is left stands still: the ring gets full, and nobody waits for it.
kill -KILL "$(pid m1)" "$(pid m2)"
kill -STOP "$(pid m3)"
before=$(missed m3) had=$(vms m3)
ok "1500 VMs while nobody reads" notify adds 2000 1500 h2
kill -CONT "$(pid m3)"
# shellcheck disable=SC2317 # called by name
more()
{
	[ $(($(missed m3) - before)) -ge 286 ] && [ $(($(vms m3) - had)) -ge 1000 ]
}
ok "what had room is printed, the rest counted" wait_for 10 more
stop m3

(xr monitor vm 52:54:00:00:20:77; echo "status $?" >&2) 2>"$WORLD_DIR/left.err" | true
ok "a reader who goes ends it, though nothing comes" \
	wait_for 10 grep -q '^status 0' "$WORLD_DIR/left.err"

# Words choose.
ok "only the VM's" monitor f1 vm 52:54:00:00:20:01
ok "only audits" monitor f2 kind audit
ok "only a backend's" monitor f3 backend s1
ok "only changes and VMs" monitor f4 kind change kind vm
ok "only a reason's" monitor f5 reason not-vip reason ttl-expired
ok "only a device's" monitor f6 dev eth0
ok "only a VIP's" monitor f7 vip 192.0.2.1:443/udp
ok "a VM" xr vm add 52:54:00:00:20:01 at h2
ok "another VM" xr vm add 52:54:00:00:20:02 at h2
ok "a VIP" xr vip add 192.0.2.1:443/udp
ok "a backend" xr backend add s1 vip 192.0.2.1:443/udp address 10.8.0.2
ok "another one" xr backend add s11 vip 192.0.2.1:443/udp address 10.8.0.3
ok "a device" xr dev attach eth1
ok "the other device" xr dev attach eth0
ok "and away" xr vip add 192.0.2.1:4433/udp
# shellcheck disable=SC2317 # called by name
last()
{
	grep -q 4433 "$WORLD_DIR/f4.out"
}
ok "the last of it" wait_for 10 last
is "$(jq -rs 'map(.event + " " + .mac) | unique | join(",")' "$WORLD_DIR/f1.out")" \
	"audit ,vm 52:54:00:00:20:01" "the VM's, and the audit of its command"
is "$(jq -rs 'map(.event) | unique | join(",")' "$WORLD_DIR/f2.out")" audit "audits"
is "$(jq -rs 'map(.text | split(" ")[2]) | unique | join(",")' \
	<(jq -c 'select(.event == "change")' "$WORLD_DIR/f3.out"))" s1 "s1 is not s11"
is "$(jq -rs 'map(.event) | unique | join(",")' "$WORLD_DIR/f4.out")" "change,vm" \
	"changes and VMs"
is "$(<"$WORLD_DIR/f5.out")" "" "no packet"
like "$(jq -rs 'map(select(.event == "change").text) | join(",")' "$WORLD_DIR/f6.out")" \
	'^dev eth0 attached: [^:]*$' "the device's"
is "$(jq -rs 'map(select(.event == "change").text) | join(",")' "$WORLD_DIR/f7.out" |
	grep -c 4433)" 0 "a VIP's port is whole"
refused 2 'reason "no-such" is unknown; "xroam -v stats reason" lists them' \
	"a reason that there is not" monitor reason no-such
refused 2 'kind "x" is unknown: write one of packet, change, vm, audit' "nor such a kind" \
	monitor kind x
refused 2 'vlan is a VM.s' "a VLAN alone" monitor vlan 5
ok "the daemon ends" daemon_end
done_testing
