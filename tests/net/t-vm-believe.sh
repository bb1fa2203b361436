#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Who is believed: policy moves, spoofed announcements, bindings and locks that
# follow the VM, VMs that move too often.
# shellcheck source=tests/net/lib/vmworld.sh
. "$(dirname "$0")/lib/vmworld.sh"
vm_world_up -g
vm_places v1 h1 h2 h3
ok "attach" vm_attach fab
ok "hosts" vm_hosts port fab
fabric_believes h1
probe=$(vm_probe)
garp=$(vector k1_garp_request)
data=$(vector k15_plain_unicast_udp)
xr_on fab vm add "$VM_MAC" at h1 >/dev/null
ok "monitor" monitor fab

# goes_to HOST DESCRIPTION STEP...: after these, the client's frame
goes_to()
{
	local host=$1 what=$2 at

	shift 2
	play -q 10 -w h1:up0 -w h2:up0 -w h3:up0 "$@" ${1++2} "c1:eth0=$probe"
	at=$(grep " $probe" <<<"$SEEN")
	is "${at%%:*}" "$host" "$what"
}

# spoofed_by STEP: counted, seen, and nothing else
spoofed_by()
{
	local what=$1 before after

	shift
	before=$(reason spoofed fab)
	monitor_mark fab
	goes_to h1 "$what: changes nothing" "$@"
	after=$(reason spoofed fab)
	is "$((after - before))" $# "it is counted"
	ok "and seen as an event" event_comes fab "$VM_MAC spoofed"
	is "$(vm_fact fab "$VM_MAC" host) $(vm_fact fab "$VM_MAC" state)" \
		"h1 ${STATE-stable}" "vm show is as before"
}

goes_to h1 "to start with it is at h1"
spoofed_by "expected: nobody prepared a move" "v1:h2=$garp"
xr_on fab vm prepare "$VM_MAC" to h2 >/dev/null
sleep 1	# at most one such event a second
STATE=prepared spoofed_by "expected: from another port than the one prepared" \
	"v1:h3=$(vector k3_rarp_qemu)"
goes_to h2 "from the right port it is believed" "v1:h2=$garp"
before=$(reason spoofed fab)
play -q 5 "v1:h2=$garp" "v1:h2=$garp"
is "$(reason spoofed fab)" "$before" "what the VM says where it is, is not spoofed"

# A VM nobody told us about.
before=$(xr_on fab -j vm show | jq '[.. | objects | select(.mac?)] | length')
play -q 5 "v1:h3=${garp//525400123456/525400aaaaaa}"
is "$(xr_on fab -j vm show | jq '[.. | objects | select(.mac?)] | length')" \
	"$before" "no VM is learned from an announcement"

xr_on fab vm leave "$VM_MAC" >/dev/null
ok "policy moves ports" policy fab moves ports
xr_on fab dev detach h2 >/dev/null
ok "a trusted port" xr_on fab dev attach h2 trusted
xr_on fab vm add "$VM_MAC" at h1 >/dev/null
spoofed_by "ports: from one that is not trusted" "v1:h3=$garp"
goes_to h1 "ports: data is no announcement" "v1:h2=$data"
goes_to h2 "ports: from a trusted one it is believed" "v1:h2=$garp"
is "$(vm_fact fab "$VM_MAC" host)" h2 "vm show says where it is"

xr_on fab vm leave "$VM_MAC" >/dev/null
ok "policy moves any" policy fab moves any
xr_on fab vm add "$VM_MAC" at h1 >/dev/null
goes_to h3 "any: from any port" "v1:h3=$garp"

# More than five moves in 180 s (RFC 7432, section 15.1).
monitor_mark fab
goes_to h1 "flapping: frozen where the operator's word put it" \
	"v1:h2=$garp" +2 "v1:h3=$garp" +2 "v1:h2=$garp" +2 "v1:h3=$garp" +2 \
	"v1:h2=$garp" +2 "v1:h3=$garp"
ok "an event says so" event_comes fab "frozen"
is "$(vm_fact fab "$VM_MAC" state)" frozen "and vm show"
goes_to h1 "a frozen one stays" "v1:h2=$garp"
ok "the operator's next word" xr_on fab vm move "$VM_MAC" to h3
goes_to h3 "is obeyed"

# ---- the binding, and the lock ----

xr_on fab vm leave "$VM_MAC" >/dev/null
ok "policy moves expected" policy fab moves expected
ok "a locked VM" xr_on fab vm add "$VM_MAC" address "$VM_ADDR4" \
	address "$VM_ADDR6" at h1 lock
out=$(frame make udp "$VM_MAC" "$C1_MAC" "$VM_ADDR4" "$C1_ADDR4" 9 \
	"what the VM answers")
wrong=${garp//0a09000a/0a090042}
steal=${garp//525400123456/525400aaaaaa}

# says HOST FRAME -> how many of it get to c1
says()
{
	play -q 10 -w c1:eth0 "v1:$1=$2"
	arrived c1:eth0 "${2:0:60}"
}

guard_mac=$(reason guard-mac fab) guard_ip=$(reason guard-ip fab)
is "$(says h1 "$out")" 1 "lock: its frames pass where it is"
is "$(says h2 "$out")" 0 "from elsewhere they do not"
is "$(($(reason guard-mac fab) - guard_mac))" 1 "guard-mac counts them"
is "$(says h1 "$garp")" 1 "ARP with its own address passes"
is "$(says h1 "$wrong")" 0 "with another address it does not"
is "$(says h3 "$steal")" 0 "another MAC cannot claim its address"
is "$(($(reason guard-ip fab) - guard_ip))" 2 "guard-ip counts both"
is "$(says h1 "$(vector k9_na_unsol_override)")" 1 "NA with its own address passes"

ok "prepare" xr_on fab vm prepare "$VM_MAC" to h2
is "$(says h1 "$out")" 1 "prepared: the old place has the right"
play -q 10 -w c1:eth0 "v1:h2=$garp" +2 "v1:h1=$out" +2 "v1:h2=$out"
is "$(arrived c1:eth0 "$out")" 1 "with the move the right moves, at that frame"
is "$(says h1 "$out") $(says h2 "$out")" "0 1" "from the old place to the new"
goes_to h2 "its frames follow"
ok "and back" xr_on fab vm move "$VM_MAC" to h1
is "$(says h1 "$out") $(says h2 "$out")" "1 0" "the right comes back, too"

xr_on fab vm prepare "$VM_MAC" to h2 >/dev/null
before=$(reason announcement-bad fab)
goes_to h1 "an announcement that contradicts the binding moves nothing" \
	"v1:h2=$wrong"
cmp_ok "$(reason announcement-bad fab)" -gt "$before" "it is counted"

# ---- what nobody may claim ----

xr_on fab vm leave "$VM_MAC" >/dev/null
xr_on fab export >"$WORLD_DIR/protected.yaml"
cat >>"$WORLD_DIR/protected.yaml" <<-EOT
	gateways:
	  - { address: $GW_ADDR4, mac: "$GW_MAC" }
	protected: ["$C1_MAC", 10.9.0.2]
EOT
ok "gateways and protected addresses" xr_on fab apply "$WORLD_DIR/protected.yaml"
xr_on fab vm add "$VM_MAC" at h1 >/dev/null
for ip in 0a090001:"the gateway's address" 0a090002:"a protected one"; do
	xr_on fab vm prepare "$VM_MAC" to h2 >/dev/null
	before=$(reason announcement-bad fab)
	goes_to h1 "who claims ${ip#*:} is not believed" \
		"v1:h2=${garp//0a09000a/${ip%%:*}}"
	cmp_ok "$(reason announcement-bad fab)" -gt "$before" "it is counted"
done
XR_NODE=fab refused 1 "$C1_MAC.*protected" "a protected MAC is no VM's" \
	vm add "$C1_MAC" at h1
done_testing
