#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Senders on the old host itself: no frame of theirs passes XDP. The kernel's own
# tables get entries by the same notification, and are rid of them afterwards.
# Premature words of the target's. Nothing is left after destroy.
# shellcheck source=tests/net/lib/vmworld.sh
. "$(dirname "$0")/lib/vmworld.sh"
vm_world_up -n 2
vm_places v1 h1 h2
vm_places n1 -m "$N1_MAC" h1

# The kernel's tables, without what is learned, what joins a multicast group, and
# what tells one veth from another of its name.
snapshot()
{
	in_ns "$1" sh -c 'bridge fdb show; tc qdisc show; ip route show table all
		ip -6 route show table all; ip neigh show nud permanent
		ip -o link show' |
		grep -v "dev lo\|^33:33:\|^01:00:5e:\| master br0 $" |
		sed -E "s/$(mac "$1" v1)/its own/; s/^[0-9]+: //; s/@[^ ]*//
			s/ (expires|used) [0-9a-z]+//g; s/ state [A-Z]+//" |
		sort
}
play -q 5 "n1:h1=$(neighbour_probe)" "v1:h1=$(vector k1_garp_request)"
before1=$(snapshot h1) before2=$(snapshot h2)
ok "attach" vm_attach h1 h2
ok "hosts" vm_hosts vxlan h1 h2
on_each "h1 h2" vm add "$VM_MAC" address "$VM_ADDR4" at h1 dev v1 >/dev/null
fabric_believes h1
probe=$(vm_probe)
near=$(neighbour_probe)

# goes HOST DESCRIPTION: the client's frame and the neighbour's get there, only
goes()
{
	local other=h2

	[ "$1" = h1 ] || other=h1
	play -q 20 -w v1:h1 -w v1:h2 "c1:eth0=$probe" "n1:h1=$near"
	is "$(arrived "v1:$1" "$probe") $(arrived "v1:$1" "$near") $(
		arrived "v1:$other" "$probe|$near")" "1 1 0" "$2"
}

fdb_entries()
{
	in_ns "$1" bridge fdb show | grep -c "^$VM_MAC .*\(vx0\|sticky\)"
}

goes h1 "both senders reach it where it is"
ok "prepare" on_each "h2 h1" vm prepare "$VM_MAC" to h2
goes h1 "prepared: still there"

# Premature: the target's port speaks in its name before it runs.
in_ns fab bridge fdb del "$VM_MAC" dev h1 master
for kind in k1_garp_request k9_na_unsol_override k3_rarp_qemu \
	    k12_mldv2_report; do
	play -q 10 -w c1:eth0 -w fab:h2 "v1:h2=$(vector $kind)"
	is "$(arrived fab:h2 525400123456)" 0 "premature $kind does not leave h2"
done
cmp_ok "$(reason premature h2)" -ge 4 "premature counts them"

# A kernel's own port, as KubeVirt's target pod has it: with the VM's MAC and
# addresses it comes up, joins groups, looks for duplicates, and says who it is.
fabric_believes h1
in_ns fab bridge fdb replace "$VM_MAC" dev h1 master dynamic
before=$(reason premature h2)
in_ns v1 sysctl -qw net.ipv6.conf.h2.addr_gen_mode=0 \
	net.ipv6.conf.h2.disable_ipv6=0 net.ipv4.conf.h2.arp_notify=1 net.ipv6.conf.h2.ndisc_notify=1
ip -n "$WORLD-v1" -batch - <<-EOT
	link set h2 arp on
	link set h2 down
	addr add $VM_ADDR4/24 dev h2
	link set h2 up
	addr add $VM_ADDR6/64 dev h2
EOT
# shellcheck disable=SC2317 # called by name
many()
{
	[ "$(reason premature h2)" -ge $((before + 6)) ]
}
ok "a port that a kernel brings up says much" wait_for 20 many
like "$(in_ns fab bridge fdb show | grep "^$VM_MAC ")" " dev h1 " \
	"the fabric hears none of it"
like "$(vm_fact h2 "$VM_MAC" state)" prepared "nor is it a move"
in_ns v1 sysctl -qw net.ipv6.conf.h2.disable_ipv6=1
ip -n "$WORLD-v1" addr flush dev h2
ip -n "$WORLD-v1" link set h2 arp off
in_ns fab bridge fdb del "$VM_MAC" dev h1 master
is "$(vm_fact h1 "$VM_MAC" state)" prepared "and moves nothing"
fabric_believes h1

ok "move" on_each "h2 h1" vm move "$VM_MAC" to h2
goes h2 "moved: both senders reach it there"
cmp_ok "$(fdb_entries h1)" -ge 2 "h1's bridge and VXLAN device know where"
like "$(in_ns h2 bridge fdb show)" "$VM_MAC dev v1 .*sticky" \
	"h2's bridge has it on its port, sticky"
play -q 10 -w v1:h1 -w v1:h2 -w fab:h1 "n1:h1=$near*100/100"
is "$(arrived v1:h2 "${near:0:36}") $(arrived fab:h1 "${near:0:36}")" "100 100" \
	"the neighbour's frames go once each"

# Its old place speaks on: the fabric, which learns now, does not follow.
in_ns fab bridge fdb replace "$VM_MAC" dev h2 master dynamic
in_ns h1 bridge fdb append 00:00:00:00:00:00 dev vx0 dst "$(underlay4 h2)"
for kind in k1_garp_request k9_na_unsol_override k3_rarp_qemu \
	    k12_mldv2_report; do
	play -q 10 -w fab:h1 -w fab:h2 "v1:h1=$(vector $kind)" \
		"h1:br0=$(vector $kind)"
	is "$(arrived fab:h1 525400123456)" 0 "outdated $kind leaves h1 by no way"
done
cmp_ok "$(reason outdated h1)" -ge 8 "outdated counts them, for each way"
like "$(in_ns fab bridge fdb show | grep "^$VM_MAC")" "dev h2" \
	"the fabric still has it at h2"
in_ns h1 bridge fdb del 00:00:00:00:00:00 dev vx0 dst "$(underlay4 h2)"
goes h2 "and so have all"
fabric_believes h1

# QEMU ends at the source, and its port with it.
ip -n "$WORLD-h1" link del v1
goes_on()
{
	play -q 20 -w v1:h2 "c1:eth0=$probe" "n1:h1=$near"
	is "$(arrived v1:h2 "$probe") $(arrived v1:h2 "$near")" "1 1" "$1"
}
goes_on "its old port is gone: both senders still reach it"
vm_plug v1 h1 h1 "$VM_MAC" 0
goes_on "another port of that name: it does not get in the way"

ok "back again" on_each "h1 h2" vm move "$VM_MAC" to h1
play -q 5 "v1:h1=$(vector k15_plain_unicast_udp)"
goes h1 "both senders reach it at home"
is "$(in_ns h1 bridge fdb show | grep -c "^$VM_MAC .*vx0")" 0 \
	"h1 has no entry for elsewhere any more"

on_each "h2 h1" vm move "$VM_MAC" to h2 >/dev/null
ok "leave" on_each "h2 h1" vm leave "$VM_MAC"
is "$(fdb_entries h1) $(fdb_entries h2)" "0 0" "nothing is left of it in the tables"

# By ttl: whoever notices first tidies up.
on_each "h1 h2" vm add "$VM_MAC" at h1 dev v1 >/dev/null
on_each "h2 h1" vm move "$VM_MAC" to h2 ttl 1 >/dev/null
cmp_ok "$(fdb_entries h1)" -ge 2 "moved, with a ttl of a second"
ok "the daemon" daemon h1
# shellcheck disable=SC2317 # called by name
expired()
{
	[ "$(in_ns h1 bridge fdb show | grep -c "^$VM_MAC .*vx0")" = 0 ]
}
ok "expired: the entries are gone" wait_for 6 expired
daemon_stop h1

on_each "h1 h2" vm leave "$VM_MAC" >/dev/null
on_each "h1 h2" vm add "$VM_MAC" at h1 dev v1 >/dev/null
on_each "h2 h1" vm prepare "$VM_MAC" to h2 >/dev/null
on_each "h2 h1" vm pause "$VM_MAC" >/dev/null
on_each "h2 h1" vm move "$VM_MAC" to h2 >/dev/null
ok "destroy" on_each "h1 h2" destroy
is "$(snapshot h1)" "$before1" "destroy leaves h1 as it was"
is "$(snapshot h2)" "$before2" "and h2"
is "$(find /sys/fs/bpf/xroam /run/xroam -name "$WORLD-*" \
	! -name "*.destroyed.yaml" 2>/dev/null)" "" \
	"no pin, no file"
filters()
{
	# shellcheck disable=SC2016
	in_ns "$1" sh -c 'for dev in up0 v1 vx0 n1; do
		for way in ingress egress; do
			tc filter show dev $dev $way 2>/dev/null
		done
	done' sh
}
is "$(filters h1)$(filters h2)" "" "no tc filter"
done_testing
