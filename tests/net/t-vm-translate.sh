#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Translation of announcements: a Linux gateway never learns from RARP. Having
# believed one, xroam tells the segment in kinds that gateways do accept; not
# unless it was told to, not too often, and for nobody it does not know.
# shellcheck source=tests/net/lib/vmworld.sh
. "$(dirname "$0")/lib/vmworld.sh"
vm_world_up -g -n 2
vm_places v1 h1 h2
ok "attach" vm_attach fab
ok "hosts" vm_hosts port fab
xr_on fab export >"$WORLD_DIR/gw.yaml"
echo "gateways: [{ address: $GW_ADDR4, mac: \"$GW_MAC\" }, { address: \"$GW_ADDR6\" }]" \
	>>"$WORLD_DIR/gw.yaml"
ok "the gateway" xr_on fab apply "$WORLD_DIR/gw.yaml"
stale=52:54:00:00:00:99

# The gateway's entry, older than its locktime, says another MAC.
forget()
{
	local addr

	for addr in "$VM_ADDR4" "$VM_ADDR6"; do
		ip -n "$WORLD-gw" neigh replace "$addr" lladdr $stale dev eth0 \
			nud stale
	done
	xr_on fab vm leave "$VM_MAC" >/dev/null 2>&1
	xr_on fab vm add "$VM_MAC" address "$VM_ADDR4" address "$VM_ADDR6" \
		at h1 >/dev/null
	xr_on fab vm prepare "$VM_MAC" to h2 >/dev/null
}

gateway_has()
{
	ip -n "$WORLD-gw" -j neigh show "$1" dev eth0 | pick '.[0].lladdr'
}

# shellcheck disable=SC2317 # called by name
gateway_knows()
{
	[ "$(gateway_has "$VM_ADDR4") $(gateway_has "$VM_ADDR6")" = \
		"$VM_MAC $VM_MAC" ]
}

in_ns gw sysctl -qw net.ipv4.neigh.eth0.locktime=0
rarp=$(vector k3_rarp_qemu)
ok "the daemon" daemon fab
forget
play -q 300 -w c1:eth0 "v1:h2=$rarp"
is "$(vm_state fab "$VM_MAC")" moved "RARP is believed"
is "$(gateway_has "$VM_ADDR4") $(gateway_has "$VM_ADDR6")" "$stale $stale" \
	"by xroam, not by the gateway"
is "$(arrived c1:eth0 "0806.*525400123456")" 0 "by default nobody is told"

ok "policy announce on" policy fab announce "on" announce_rate 1
for kind in "${ALL_KINDS[@]}"; do
	case $kind in
	k3_*|k5_*|k7_*|k9b_*|k9c_*) ;;
	*) continue ;;
	esac
	sleep 1.1	# announce_rate: one VM a second
	forget
	play -q 5 "v1:h2=$(vector "$kind")"
	ok "$kind: now the gateway knows, in both families" \
		wait_for 5 gateway_knows
done

sleep 1.1
forget
play -q 100 -w c1:eth0 "v1:h2=$rarp"
kinds=$(grep -E "^c1:eth0 .{12}525400123456" <<<"$SEEN" | sort -u)
like "$kinds" "ffffffffffff5254001234560806000108000604000152540012345[0-9]0a09000a0{12}0a09000a" \
	"the segment hears a gratuitous ARP request"
like "$kinds" "3333000000015254001234568{0}86dd.*ff020{27}18800....2" \
	"and an unsolicited NA with override"

# Not more often than the rate, whoever asks for it: four times each, as QEMU does.
sleep 1.1
forget
play -q 300 -w c1:eth0 "v1:h2=$rarp*50/1000"
cmp_ok "$(grep -c "^c1:eth0 ffffffffffff5254001234560806.*0a09000a0000000000000a09000a" \
	<<<"$SEEN")" -le 4 "fifty announcements are not told fifty times"

# Nobody unknown, nobody who is not believed.
sleep 1.1
forget
play -q 300 -w c1:eth0 "gw:eth0=$rarp"
is "$(arrived c1:eth0 "0806.*525400123456")" 0 "a spoofed one is not told on"
play -q 300 -w c1:eth0 "v1:h2=${rarp//525400123456/525400aaaaaa}"
is "$(arrived c1:eth0 "0806.*525400aaaaaa")" 0 "nor an unknown VM's"
# Nor what no announcement may claim: a VM that comes with the gateway's address as
# the source of a solicitation (fd09::1 asks for fd09::77).
sleep 1.1
forget
xr_on fab vm leave "$VM_MAC" >/dev/null
xr_on fab vm add "$VM_MAC" at h1 >/dev/null
xr_on fab vm prepare "$VM_MAC" to h2 >/dev/null
play -q 300 -w c1:eth0 "v1:h2=3333ff00007752540012345686dd6000000000183afffd0900000000\
00000000000000000001ff0200000000000000000001ff00007787007fa50000\
0000fd090000000000000000000000000077"
is "$(vm_state fab "$VM_MAC")" moved "it is there"
is "$(arrived c1:eth0 "86dd.*8800")" 0 "but is not told to have the gateway's address"
ok "the daemon ends" daemon_stop fab
done_testing
