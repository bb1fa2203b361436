#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A gateway with a port to each host, told by command: frames go out of the right
# port as they came, whatever the bridge says; what stats and explain tell of it;
# commands all at once; and the old host beside it doing its own part.
# shellcheck source=tests/net/lib/vmworld.sh
. "$(dirname "$0")/lib/vmworld.sh"
vm_world_up -g -m 1500
vm_places v1 h1 h2 h3
ok "attach" vm_attach fab
ok "hosts" vm_hosts port fab
fabric_believes h1
xr_on fab vm add "$VM_MAC" at h1 >/dev/null
small=$(vm_probe)
in100=$(vm_probe -v 100)
large=$(frame make udp "$C1_MAC" "$VM_MAC" "$C1_ADDR4" "$VM_ADDR4" 9 @1472)
six=$(frame make udp "$C1_MAC" "$VM_MAC" "$C1_ADDR6" "$VM_ADDR6" 9 \
	"what the client says")
llc=$(no_colons "$VM_MAC")$(no_colons "$C1_MAC")0003aaaa03$(printf %0100d 7)
arp=$(no_colons "$VM_MAC")$(no_colons "$C1_MAC")08060001080006040001$(
	no_colons "$C1_MAC")0a09004d0000000000000a09000a$(printf %036d 0)

# all_go HOST DESCRIPTION: every sort of frame for the VM, as it is
all_go()
{
	local wrong=0 sort

	play -q 10 -w h1:up0 -w h2:up0 -w h3:up0 "c1:eth0=$small" \
		"c1:eth0=$large" "c1:eth0=$six" "c1:eth0=$llc" "c1:eth0=$arp"
	for sort in "$small" "$large" "$six" "$llc" "$arp"; do
		[ "$(arrived "$1:up0" "$sort$") $(arrived "h.:up0" "$sort$")" = \
			"1 1" ] || wrong=$((wrong + 1))
	done
	is $wrong 0 "$2: small and large, IPv4, IPv6, LLC and ARP, unchanged"
}

all_go h1 "at h1"
for host in h2 h3 h1 h3; do
	ok "move to $host" xr_on fab vm move "$VM_MAC" to $host
	all_go $host "at $host"
done
play -q 10 -w h1:up0 -w h3:up0 "c1:eth0=$in100"
is "$(arrived h1:up0 "$in100") $(arrived h3:up0 "$in100")" "1 0" \
	"a tagged frame is another VM's"
broadcast=ffffffffffff$(no_colons "$C1_MAC")${small:24}
play -q 10 -w h1:up0 -w h2:up0 -w h3:up0 "c1:eth0=$broadcast"
is "$(arrived h.:up0 "$broadcast")" 3 "broadcasts go everywhere, as ever"

# From behind the VM's own port: no switch would send it back.
before=$(reason vm-loop fab)
play -q 10 -w h1:up0 -w h2:up0 -w h3:up0 "h3:up0=$small"
is "$(arrived h.:up0 "$small") $(($(reason vm-loop fab) - before))" "0 1" \
	"a frame from where the VM is goes nowhere, and is counted"
is "$(vm_state fab "$VM_MAC")" moved "nor does one such frame disable it"

# ---- what is told of it ----

hits=$(vm_fact fab "$VM_MAC" hits)
play -q 10 "c1:eth0=$small*7"
is "$(($(vm_fact fab "$VM_MAC" hits) - hits))" 7 "vm show counts hits"
is "$(xr_on fab -j stats vm | jq --arg mac "$VM_MAC" \
	'[.. | objects | select(.vm? == $mac) | .hits][0]')" "$((hits + 7))" \
	"so does stats vm"
cmp_ok "$(xr_on fab -j stats host | jq \
	'[.. | objects | select(.host? == "h3") | .packets][0]')" -ge 7 \
	"and stats host, for the host"
said=$(xr_on fab explain "$small" dev c1)
like "$said" "moved" "explain says why"
like "$said" "h3" "and where to"
is "$(vm_fact fab "$VM_MAC" hits)" "$((hits + 7))" "without counting it"

# ---- all at once ----

for i in $(seq 10 29); do
	xr_on fab vm add "52:54:00:00:02:$i" at h1 >/dev/null
done
for to in h2 h3; do
	for i in $(seq 10 29); do
		xr_on fab vm move "52:54:00:00:02:$i" to $to seq 5 &
		xr_on fab vm move "52:54:00:00:02:$i" to $to seq 5 &
	done >/dev/null 2>&1
	wait
	[ $to = h3 ] || is "$(xr_on fab -j vm show |
		jq -c '[.. | objects | select(.host? == "h2") | .moves] | [length, add]')" \
		"[20,20]" "forty commands at once: twenty moves"
done
is "$(xr_on fab -j vm show |
	jq -c '[.. | objects | select(.host? == "h2") | .moves] | [length, add]')" \
	"[20,20]" "and the same number again, with another place: ignored"

# ---- the old host has its own xroam ----

ip -n "$WORLD-h1" link set dev up0 xdp off
ok "the old host runs xroam, too" vm_attach h1
vm_hosts vxlan h1
xr_on h1 vm add "$VM_MAC" at h1 >/dev/null
xr_on fab vm leave "$VM_MAC" >/dev/null
xr_on fab vm add "$VM_MAC" at h1 >/dev/null
in_ns h2 bridge fdb replace "$VM_MAC" dev v1 master static sticky
xr_on h1 vm move "$VM_MAC" to h2 >/dev/null
play -q 10 -w v1:h1 -w v1:h2 -w fab:h1 "c1:eth0=$small"
is "$(arrived v1:h1 "$small") $(arrived v1:h2 "$small") $(
	arrived fab:h1 "$small")" "0 1 1" \
	"only the old host knows: by its tunnel"
xr_on fab vm move "$VM_MAC" to h2 >/dev/null
play -q 10 -w v1:h1 -w v1:h2 -w fab:h1 "c1:eth0=$small"
is "$(arrived v1:h1 "$small") $(arrived v1:h2 "$small") $(
	arrived fab:h1 "$small")" "0 1 0" "both know: directly"
done_testing
