#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# 1500-octet frames on a 1500 underlay: no silent loss. policy too_big as for
# backends; what is not IP is dropped and counted; what fits, fits.
# shellcheck source=tests/net/lib/vmworld.sh
. "$(dirname "$0")/lib/vmworld.sh"
vm_world_up -m 1500 -n 2
vm_places v1 h1 h2
in_ns h2 bridge fdb replace "$VM_MAC" dev v1 master static sticky
ok "attach" vm_attach h1
ok "hosts" vm_hosts vxlan h1
fabric_believes h1
xr_on h1 vm add "$VM_MAC" at h1 >/dev/null
ok "move" xr_on h1 vm move "$VM_MAC" to h2

# sized OCTETS [6]: a datagram of so many from the IP header on
sized()
{
	if [ "${2-4}" = 4 ]; then
		frame make udp "$C1_MAC" "$VM_MAC" "$C1_ADDR4" "$VM_ADDR4" 9 \
			@$(($1 - 28))
	else
		frame make udp "$C1_MAC" "$VM_MAC" "$C1_ADDR6" "$VM_ADDR6" 9 \
			@$(($1 - 48))
	fi
}

for n in 100 1449 1450; do
	frame=$(sized $n)
	play -q 10 -w v1:h2 "c1:eth0=$frame"
	is "$(arrived v1:h2 "$frame")" 1 "$n octets arrive whole"
done
before=$(reason too-big-reply h1)
for n in 1451 1500; do
	frame=$(sized $n)
	play -q 20 -w v1:h1 -w v1:h2 -w c1:eth0 "c1:eth0=$frame"
	is "$(arrived v1:h1 "${frame:0:60}") $(arrived v1:h2 "${frame:0:60}")" "0 0" \
		"$n octets do not"
	# ICMP type 3, code 4, next-hop MTU 1450 behind a checksum
	is "$(arrived c1:eth0 "$(no_colons "$C1_MAC$(up0_mac h1)")0800.*0304....000005aa")" 1 \
		"the sender is told: 1450, in a frame of the node's own"
	frame=$(sized $n 6)
	play -q 20 -w c1:eth0 "c1:eth0=$frame"
	is "$(arrived c1:eth0 "$(no_colons "$C1_MAC").*86dd6.*0200....000005aa")" 1 \
		"in IPv6, too"
done
is "$(($(reason too-big-reply h1) - before))" 4 "too-big-reply counts them"

# A client's own stack believes it, and the fabric goes on to have the VM at h1.
ip -n "$WORLD-c1" neigh replace "$VM_ADDR4" lladdr "$VM_MAC" dev eth0
ip -n "$WORLD-c1" neigh replace "$VM_ADDR6" lladdr "$VM_MAC" dev eth0
in_ns c1 ping -qc 2 -i 0.2 -W 1 -M "do" -s 1472 "$VM_ADDR4" >/dev/null 2>&1
in_ns c1 ping -qc 2 -i 0.2 -W 1 -M "do" -s 1452 "$VM_ADDR6" >/dev/null 2>&1
like "$(ip -n "$WORLD-c1" route get "$VM_ADDR4")" "mtu 1450" \
	"the client's kernel heeds it"
like "$(ip -n "$WORLD-c1" -6 route get "$VM_ADDR6")" "mtu 1450" \
	"in IPv6, too"
ip -n "$WORLD-c1" neigh del "$VM_ADDR4" dev eth0
ip -n "$WORLD-c1" neigh del "$VM_ADDR6" dev eth0
like "$(in_ns fab bridge fdb show | grep "^$VM_MAC ")" " dev h1 " \
	"the fabric still has the VM where it believed"

# 1500 octets of another protocol: nobody to tell.
other=$(printf '%s%s88b5%03000d' "$(no_colons "$VM_MAC")" \
	"$(no_colons "$C1_MAC")" 0)
before=$(reason too-big h1)
play -q 10 -w v1:h1 -w v1:h2 "c1:eth0=$other"
is "$(arrived v1:h2 88b5) $(($(reason too-big h1) - before))" "0 1" \
	"what is not IP is dropped and counted"

ok "policy too_big drop" policy h1 too_big drop
before=$(reason too-big h1)
frame=$(sized 1500)
play -q 20 -w c1:eth0 -w v1:h2 "c1:eth0=$frame"
is "$(arrived v1:h2) $(arrived c1:eth0 "0304....000005aa") $((
	$(reason too-big h1) - before))" "0 0 1" "dropped and counted, without a word"

# VXLAN over IPv6 takes 20 octets more. The kernel's other end: a device of its own.
ip -n "$WORLD-h2" link add vx6 mtu 1500 type vxlan id 1600 \
	local "$(underlay6 h2)" dstport 4790 nolearning udp6zerocsumrx
ip -n "$WORLD-h2" link set vx6 master br0 up
ok "a host over IPv6" xr_on h1 host add h2-6 \
	vxlan "$(underlay6 h2)" vni 1600 port 4790
ok "move there" xr_on h1 vm move "$VM_MAC" to h2-6
for n in 100 1430; do
	frame=$(sized $n)
	play -q 10 -w v1:h2 "c1:eth0=$frame"
	is "$(arrived v1:h2 "$frame")" 1 "over IPv6: $n octets arrive whole"
	frame=$(sized $n 6)
	play -q 10 -w v1:h2 "c1:eth0=$frame"
	is "$(arrived v1:h2 "$frame")" 1 "over IPv6: and of IPv6"
done
before=$(reason too-big h1)
play -q 10 -w v1:h2 "c1:eth0=$(sized 1431)"
is "$(arrived v1:h2) $(($(reason too-big h1) - before))" "0 1" \
	"over IPv6: 1431 do not"
ok "and back to IPv4" xr_on h1 vm move "$VM_MAC" to h2

# Path MTU discovery of a real sender, from end to end.
ok "policy too_big reply" policy h1 too_big reply
ip -n "$WORLD-c1" neigh replace "$VM_ADDR4" lladdr "$VM_MAC" dev eth0
in_ns c1 ping -qc2 -i0.2 -W0.2 -M "do" -s 1472 "$VM_ADDR4" >/dev/null 2>&1
like "$(ip -n "$WORLD-c1" route get "$VM_ADDR4")" "mtu 1450" \
	"the sender's kernel learned 1450"
done_testing
