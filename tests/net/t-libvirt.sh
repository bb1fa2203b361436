#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# libvirt as a source: what its helper's lines make of VMs at the old host and at the new
# one; several cards; cards that are another's; connections that are lost; a helper that
# lies. The helper is a script that says what the test has it say; the real one is asked
# about libvirt's test driver. tests/vm/t-libvirt.sh has real libvirtds.
# shellcheck source=tests/net/lib/daemonworld.sh
. "$(dirname "$0")/lib/daemonworld.sh"
# shellcheck source=tests/net/lib/libvirtd.sh
. "$(dirname "$0")/lib/libvirtd.sh"
# shellcheck source=tests/net/lib/libvirtsays.sh
. "$(dirname "$0")/lib/libvirtsays.sh"
daemon_world_up

REAL=${XROAM%/*}/libexec/xroam-libvirt
A=aaaaaaaa-0000-4000-8000-000000000001 B=bbbbbbbb-0000-4000-8000-000000000002
LAST=cccccccc-0000-4000-8000-000000000003
OTHER=52:54:00:12:34:99

# ---- the real helper ----

# It ends where there is nothing more to read.
# shellcheck disable=SC2317 # called by name
told_all() { grep -q listed "$WORLD_DIR/real"; }
: >"$WORLD_DIR/real"
wait_for 10 told_all | in_ns n1 "$REAL" test:///default >"$WORLD_DIR/real" 2>&1
listed=$(<"$WORLD_DIR/real")
is "$(jq -c 'keys' <<<"$(head -n 1 <<<"$listed")")" '["up"]' "the real helper connects"
is "$(jq -c 'select(.cards) | [.name, .running, .incoming, .migration, .cards]' <<<"$listed")" \
	'["test",true,false,"none",[{"mac":"aa:bb:cc:dd:ee:ff","vlan":0,"tap":"testnet0"}]]' \
	"  and tells of each domain and its cards"
is "$(tail -n 1 <<<"$listed")" '{"listed":true}' "  and when it has told of all"

# followed: what it told of a libvirt that goes and comes, without repetitions
# shellcheck disable=SC2317 # called by name
followed()
{
	jq -r 'if .up then "up" elif .down then "down" elif .listed then "listed" else .name // empty end' \
		"$WORLD_DIR/real.out" | uniq | paste -sd' '
}
# shellcheck disable=SC2317 # called by name
has_told() { [ "$(followed)" = "$1" ]; }
if command -v libvirtd >/dev/null; then
	virt_begin n1 10.8.0.1
	mkfifo "$WORLD_DIR/silent"
	# shellcheck disable=SC2016 # sh expands it
	start real n1 sh -c 'exec "$1" "$2" <>"$3"' sh "$REAL" \
		"test+unix:///default?socket=$(virt_socket n1)" "$WORLD_DIR/silent"
	ok "it follows a libvirtd" wait_for 10 has_told "up test listed"
	: >"$WORLD_DIR/virt-n1/down"
	virt_signal n1 KILL
	ok "  which is killed: that is told" wait_for 10 has_told "up test listed down"
	rm "$WORLD_DIR/virt-n1/down"
	ok "  and comes back: all is told anew" wait_for 20 has_told "up test listed down up test listed"
	stop real
	virt_end n1
else
	skip 3 "needs libvirt-daemon"
fi

# ---- one that says what it is told to ----

says_begin
REMOTE=qemu+tcp://10.8.0.2/system

# VMs with the MAC, of all VLANs: state, host and next. A move that nothing came after for ten
# seconds is settled: it was a busy machine.
facts()
{
	xr -j vm show "${1-$VM}" 2>/dev/null | jq -r \
		'[.. | objects | select(.mac?) | "\(.state | sub("settled"; "moved")) \(.host) \(.to)"] | join("; ")'
}

# shellcheck disable=SC2317 # called by name
looks() { [ "$(facts "$2")" = "$1" ]; }

# It is at that host, and no move is under way.
# shellcheck disable=SC2317 # called by name
rests_at() { [[ $(facts) =~ ^(stable|moved)\ $1\ null$ ]]; }

# becomes FACTS DESCRIPTION [MAC]
becomes()
{
	shows 3 "$1" "$2" facts "${3-$VM}"
}

# As a line that is obeyed after all that went before shows.
stays()
{
	tell "$(domain "$LAST" running 52:54:00:00:00:01)"
	wait_for 5 looks "stable h1 null" 52:54:00:00:00:01
	is "$(facts "${3-$VM}")" "$1" "$2"
	tell "$(life "$LAST" stopped)"
	wait_for 5 looks "" 52:54:00:00:00:01
}

# shellcheck disable=SC2317 # called by name
status_has() { grep -qF "$1" <<<"$(xr status)"; }
# shellcheck disable=SC2317 # called by name
started() { [ "$(wc -l <"$(of "$URI").started")" = "$1" ]; }

# With what reads for it.
helper_dies()
{
	# shellcheck disable=SC2046 # two
	kill -KILL $(tail -n 1 "$(of "$URI").started")
}

with()
{
	daemon_end
	rm -f "$WORLD_DIR"/of-*
	for mac in $VM $OTHER; do
		xr vm leave "$mac" >/dev/null 2>&1
	done
	[ -z "${AT-h1}" ] || xr vm add "$VM" at "${AT-h1}" >/dev/null
	sed "/^vms:/,\$d" "$CONFIG" >"$WORLD_DIR/with.yaml"
	printf '%s\n' "${POLICY+policy: $POLICY}" "sources:" "  libvirt:" "$@" >>"$WORLD_DIR/with.yaml"
	run_daemon -c "$WORLD_DIR/with.yaml"
}

xr apply "$CONFIG" >/dev/null
LOCAL="    - {uri: \"$URI\"}"
TO_H2="    - {uri: \"$URI\", to: h2}"
BOTH="    - {uri: \"$REMOTE\", host: h2}"

# ---- what is here ----

AT='' with "$LOCAL"
tell '{"up":true}' "$(domain $A running $VM $OTHER/7)" '{"listed":true}'
becomes "stable h1 null" "a domain that runs: its VM is added"
becomes "stable h1 null" "  and that of its other card, with its VLAN" $OTHER
is "$(xr -j vm show $OTHER | jq '[.. | objects | select(.mac?)][0].vlan')" 7 "  which is the XML's"
is "$(fact source)" libvirt "  by libvirt's word"
tell "$(life $A suspended)" "$(life $A resumed)"
stays "stable h1 null" "an operator's pause is no move"
tell "$(domain $B running $VM)"
ok "another domain with its MAC: told" wait_for 5 status_has "$URI db: its card $VM vlan 0 is another domain's"
tell "$(life $B "suspended migrated")" "$(life $B "stopped migrated")"
stays "stable h1 null" "  and not believed, whatever it says"
tell "$(life $A stopped)"
becomes "" "shut down: what was added is forgotten"
becomes "" "  its other card's, too" $OTHER

# ---- by libvirt's own events ----

with "$TO_H2"
tell '{"up":true}' "$(domain $A running $VM)" '{"listed":true}' "$(life $A migrating)"
becomes "prepared h1 h2" "a migration from here begins: prepared"
tell "$(life $A "suspended migrated")"
becomes "blackout h1 h2" "  suspended for it: blackout"
tell "$(life $A "resumed migrated")"
becomes "stable h1 null" "  resumed: it came to nothing"
tell "$(life $A migrating)" "$(life $A "suspended migrated")" "$(life $A "stopped migrated")"
becomes "moved h2 null" "the next one does not"
tell "$(life $A "started migrated")" "$(domain $A incoming $VM)"
becomes "prepared h2 h1" "one to here: prepared"
tell "$(life $A "resumed migrated")"
becomes "moved h1 null" "  and it runs: moved"
tell "$(life $A migrating)" "$(life $A "suspended post-copy")"
becomes "blackout h1 h2" "post-copy: it stands still here"
becomes "moved h2 null" "  and runs there soon, without its end being told"
tell "$(life $A "stopped migrated")" "$(life $A "started migrated")" "$(domain $A incoming $VM)"
becomes "prepared h2 h1" "it comes back so: prepared"
tell "$(life $A "resumed post-copy")"
becomes "moved h1 null" "  and it runs: moved"

# What was to come does not; nobody else tells. Until the old host's blackout is over by then,
# what that copies is expected.
POLICY='{blackout_timeout: 2}' AT=h2 with "$TO_H2"
tell '{"up":true}' '{"listed":true}' "$(life $A "started migrated")" "$(domain $A incoming $VM)"
becomes "prepared h2 h1" "one to here"
tell "$(life $A stopped)"
stays "prepared h2 h1" "  is given up: it stays so"
becomes "stable h2 null" "  for a blackout's time"
tell "$(life $A "started migrated")" "$(domain $A incoming $VM)"
becomes "prepared h2 h1" "once more"
tell "$(life $A stopped)" "$(life $A "started migrated")" "$(domain $A incoming $VM)"
sleep 3
stays "prepared h2 h1" "  given up and begun again at once: the new one stays"
tell "$(life $A stopped)"
becomes "stable h2 null" "  until that is given up, too"
tell "$(life $A "started migrated")" "$(domain $A incoming $VM)"
becomes "prepared h2 h1" "and again"
tell "$(life $A stopped)"
sleep 1.1
xr vm prepare $VM to h1 >/dev/null
sleep 2
stays "prepared h2 h1" "  given up, and prepared by somebody else: that stays, too"
xr vm cancel $VM >/dev/null

# ---- by QEMU's, which libvirt hands on ----

with "$TO_H2"
tell '{"up":true}' "$(domain $A "running monitor" $VM $OTHER/7)" '{"listed":true}' "$(event $A MIGRATION setup)"
becomes "prepared h1 h2" "QEMU's MIGRATION: prepared"
becomes "prepared h1 h2" "  and the VM of its other card" $OTHER
ok "  and QEMU is asked for its queue" wait_for 5 grep -q x-query-virtio "$(of $URI).heard"
tell "{\"domain\":\"$A\",\"answer\":256,\"value\":[{\"name\":\"virtio-net\",\"path\":\"/second\"}]}"
ok "  what it answers is of the card that was asked about" wait_for 5 grep -q '"ask":259,.*/second' "$(of $URI).heard"
tell "$(event $A STOP)" "$(life $A "suspended migrated")"
becomes "blackout h1 h2" "  STOP: blackout, and libvirt's own word changes nothing"
becomes "blackout h1 h2" "  of both" $OTHER
tell "$(event $A MIGRATION failed)" "$(event $A RESUME)"
becomes "stable h1 null" "  failed: cancelled"
becomes "stable h1 null" "  for both" $OTHER
tell "$(life $A stopped)"
becomes "" "  and the other one goes with its domain" $OTHER
with "    - {uri: \"$URI\", to: h2, monitor: false}"
tell '{"up":true}' "$(domain $A "running monitor" $VM)" '{"listed":true}' "$(event $A MIGRATION setup)"
becomes "prepared h1 h2" "monitor: false: its events are heard all the same"
ok "  and nothing is asked" sh -c "! grep . '$(of $URI).heard'"

# ---- both hosts' libvirts ----

with "$LOCAL" "$BOTH"
tell '{"up":true}' "$(domain $A "running monitor" $VM)" '{"listed":true}'
becomes "stable h1 null" "here"
tell -r '{"up":true}' '{"listed":true}' "$(life $A "started migrated")" "$(domain $A "incoming monitor" $VM)"
becomes "prepared h1 h2" "it is about to come to h2, as h2's libvirt says: prepared"
tell "$(event $A MIGRATION active)" "$(event $A STOP)"
becomes "blackout h1 h2" "  it stands still, as this one's says"
told=${EPOCHREALTIME/[.,]/}
tell -r "$(event $A RESUME)"
becomes "moved h2 null" "  it runs there: moved"
cmp_ok $(((${EPOCHREALTIME/[.,]/} - told) / 1000)) -ge 900 "  but copied for a while: h2 may hear of it later"
tell "$(life $A "stopped migrated")"
stays "moved h2 null" "  and stays so"
tell "$(life $A "started migrated")" "$(domain $A "incoming monitor" $VM)"
becomes "prepared h2 h1" "it is about to come back: prepared"
tell -r "$(event $A MIGRATION active)" "$(event $A STOP)" "$(event $A MIGRATION completed)"
becomes "blackout h2 h1" "  all is copied, as h2's says: still a blackout"
sleep 1.3
stays "blackout h2 h1" "  for as long as this one's does not say that it runs"
tell "$(life $A stopped)"
tell -r "$(event $A RESUME)"
stays "blackout h2 h1" "  it died here, and goes on there: what h2 still copies must end here"
tell "$(life $A "started migrated")" "$(domain $A "incoming monitor" $VM)"
becomes "prepared h2 h1" "it is about to come once more: prepared"
tell -r "$(event $A MIGRATION active)" "$(event $A MIGRATION cancelled)"
ok "  called off while it runs there, and nothing is copied: that ends at once" wait_for 3 rests_at h2
tell -r "$(domain $B running $OTHER)"
becomes "stable h2 null" "a domain of h2's that runs: its VM is added there" $OTHER
tell "$(domain $B running $OTHER)"
ok "the same runs here, too, and came by no migration: told" \
	wait_for 5 status_has "VM $OTHER vlan 0 runs there, and is known at another host"
tell "$(event $B MIGRATION active)" "$(event $B STOP)"
stays "stable h2 null" "  and not believed" $OTHER

# Its frames came back from h2 while it did not run there.
# shellcheck disable=SC2317 # called by name
has_loop()
{
	local vms=/sys/fs/bpf/xroam/$WORLD-n1/vms value key

	key=$((0x$(tr -d : <<<"$VM" | sed 's/\(..\)\(..\)\(..\)\(..\)\(..\)\(..\)/\6\5\4\3\2\1/')))
	value=$(bpftool -j map dump pinned "$vms" | jq -r --argjson key "$key" \
		'.[] | select(.formatted.value.key == $key) | [.key[], "value", .value[0:15][], 4, .value[16:][]] | join(" ")')
	# shellcheck disable=SC2086 # words
	bpftool map update pinned "$vms" key $value
}
xr vm leave $OTHER >/dev/null 2>&1
with "$LOCAL" "$BOTH"
tell '{"up":true}' '{"listed":true}'
tell -r '{"up":true}' "$(domain $B running $OTHER)" "$(domain $A running $VM)" '{"listed":true}'
becomes "stable h2 null" "domains of h2's" $OTHER
xr vm move $VM to h2 >/dev/null
ok "a loop is found" has_loop
becomes "disabled h2 null" "  which turns the redirect off"
tell -r "$(life $A stopped)" "$(domain $A running $VM)"
becomes "moved h2 null" "  until it runs there again"

# What h2's says late is of a move that is over.
xr vm leave $OTHER >/dev/null 2>&1
with "$LOCAL" "$BOTH"
tell -r '{"up":true}' '{"listed":true}' "$(domain $A "running monitor" $VM)" "$(event $A MIGRATION active)"
tell '{"up":true}' "$(domain $A "running monitor" $VM)" '{"listed":true}'
becomes "stable h1 null" "it has come from h2, whose libvirt hangs"
xr vm prepare $VM to h3 >/dev/null
tell -r "$(event $A STOP)" "$(event $A MIGRATION cancelled)" "$(event $A MIGRATION completed)" "$(life $A "stopped migrated")"
stays "prepared h1 h3" "  and what that says late is not of its next move"
xr vm cancel $VM >/dev/null

# ---- connections ----

# shellcheck disable=SC2317 # called by name
asked() { [ "$(grep -c 'x-query-virtio\\"' "$(of "$URI").heard")" = "$1" ]; }
with "$TO_H2"
tell '{"up":true}' "$(domain $A "running monitor" $VM)" '{"listed":true}' "$(event $A MIGRATION setup)"
ok "QEMU is asked for its queue" wait_for 5 asked 1
helper_dies
ok "  its helper is killed meanwhile" wait_for 5 started 2
tell '{"up":true}' "$(domain $A "running sends monitor" $VM)" '{"listed":true}'
ok "  and asked anew by the next one" wait_for 5 asked 2

with "$TO_H2"
tell '{"up":true}' "$(domain $A running $VM)" '{"listed":true}' "$(life $A migrating)"
becomes "prepared h1 h2" "a move is under way"
tell '{"down":"no more"}'
ok "libvirt is lost: told" wait_for 5 status_has "libvirt $URI: no more"
tell '{"up":true}' "$(domain $A still $VM)" '{"listed":true}'
becomes "blackout h1 h2" "  found again, and the VM stands still: blackout"
tell '{"down":"no more"}' '{"up":true}' "$(domain $A running $VM)" '{"listed":true}'
becomes "stable h1 null" "  the next time it runs here, and nothing is sent any more: called off"
tell "$(life $A migrating)" "$(life $A "suspended migrated")"
becomes "blackout h1 h2" "once more"
helper_dies
ok "its helper is killed: another one" wait_for 5 started 2
tell '{"up":true}' '{"listed":true}'
becomes "moved h2 null" "  and the domain is gone: it has moved"
tell 'no JSON'
ok "a helper that cannot be read is ended" wait_for 5 started 3
tell '{"up":true}' '{"domain":1,"cards":2}' '{"domain":"x","answer":77777,"value":null}' '[1]' \
	'{"domain":"x","cards":[1,{"mac":"no"},{"mac":"01:00:5e:00:00:01"}],"running":true}'
ok "  so is one whose lines are no objects" wait_for 5 started 4
tell '{"up":true}' '{"domain":1,"cards":2}' '{"domain":"x","answer":77777,"value":null}' \
	'{"domain":"x","cards":[1,{"mac":"no"},{"mac":"01:00:5e:00:00:01"}],"running":true}'
ok "  nonsense about domains is told" wait_for 5 status_has "2 of its cards are not followed"
rm "$WORLD_DIR/bin/libexec/xroam-libvirt"
helper_dies
ok "no helper is there: what to install is told" wait_for 5 status_has "install the package"
ok "a clean end" daemon_end

# ---- the hook ----

hook()
{
	printed=$(in_ns n1 env XROAM="$XROAM" XROAM_LIBVIRT="$REAL" XROAM_INSTANCE="$(instance n1)" \
		"$WORLD_TOP/scripts/hooks/libvirt-qemu" guest "$@" - <<-EOT 2>"$WORLD_DIR/hook.err"
			<domain><name>guest</name><devices>
			  <interface type='bridge'><mac address='$VM'/><target dev='vnet0'/></interface>
			  <interface type='bridge'><mac address='$OTHER'/><vlan><tag id='7'/></vlan></interface>
			  <interface type='bridge'><mac address='52:54:00:00:00:01'/>
			    <vlan trunk='yes'><tag id='8'/><tag id='9'/></vlan></interface>
			</devices></domain>
		EOT
	)
	is "$?$printed" 0 "the hook, $1 $2: silent, and does not fail"
	[ ! -s "$WORLD_DIR/hook.err" ] || diag "$(cat "$WORLD_DIR/hook.err")"
}

for mac in $VM $OTHER; do
	xr vm leave "$mac" >/dev/null 2>&1
done
xr vm add $VM at h2 >/dev/null
xr vm add $OTHER vlan 7 at h1 >/dev/null
hook migrate begin
is "$(facts)" "stable h2 null" "  too early: nothing"
hook started begin
is "$(facts)" "prepared h2 h1" "  a VM that is elsewhere comes: prepared"
is "$(facts $OTHER)" "stable h1 null" "  one that is here begins to run: nothing"
xr vm move $VM to h1 >/dev/null
hook release end
is "$(facts)" "moved h1 null" "  it came, and goes without a move: nothing"
xr vm prepare $VM to h3 >/dev/null
xr vm pause $VM >/dev/null
hook release end
is "$(facts)" "moved h3 null" "  it goes in a move that nobody ended: that ends"
is "$(facts $OTHER)" "stable h1 null" "  the other one: nothing"
done_testing
