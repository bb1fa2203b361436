#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Hosts and VMs, bad input: the exit status, one line that says what is wrong and
# what would be right, and no change. Full tables. Files there and back again.
# shellcheck source=tests/net/lib/vmworld.sh
. "$(dirname "$0")/lib/vmworld.sh"
vm_world_up -n 2
vm_places v1 h1
mac=$VM_MAC other=52:54:00:12:34:57

# ---- hosts ----

ok "attach" vm_attach h1
ok "hosts" vm_hosts vxlan h1
refused 1 "h2.*already" "a host twice" host add h2 vxlan 10.8.0.2 vni 1000
refused 1 "203.0.113.1.*route|no route.*203.0.113.1" "a host without a route" \
	host add far vxlan 203.0.113.1 vni 5
refused 1 "224.0.0.1 is a multicast address" "a host that cannot be one" \
	host add far vxlan 224.0.0.1 vni 5
refused 1 "nosuch" "a host behind a device that is not there" \
	host add p dev nosuch
refused 1 "nosuch" "del a host that is not there" host del nosuch
for words in "host add" "host add x" "host add x vxlan" \
	     "host add x vxlan 10.8.0.2" "host add x vxlan 10.8.0.2 vni x" \
	     "host add x vxlan 10.8.0.2 vni 16777216" "host add x ipip nonsense" \
	     "host add x pigeon 10.8.0.2" "host add x mac $mac" \
	     "host add x vxlan 10.8.0.2 vni 5 port 0" "host add x ipip 10.8.0.2 vni 5" \
	     "host del" "host nonsense"; do
	# shellcheck disable=SC2086
	refused 2 "^xroam: ." "wrong usage: $words" $words
done

for words in "host" "vm" "stats vm" "stats host" "vm move" "host add" run; do
	# shellcheck disable=SC2086
	like "$(xr $words help)" "Usage: xroam" "$words help"
done

# ---- VMs ----

ok "a VM" xr_on h1 vm add $mac address "$VM_ADDR4" at h1
ok "another" xr_on h1 vm add $other address 10.9.0.11 at h2
xr_on h1 export >"$WORLD_DIR/before"
refused 1 "nowhere" "add at an unknown host" vm add 52:54:00:00:00:01 at nowhere
refused 1 "nowhere" "move to an unknown host" vm move $mac to nowhere
refused 1 "nowhere" "prepare to an unknown host" vm prepare $mac to nowhere
for verb in "move 52:54:00:00:00:01 to h2" "prepare 52:54:00:00:00:01 to h2" \
	    "pause 52:54:00:00:00:01" "cancel 52:54:00:00:00:01" \
	    "leave 52:54:00:00:00:01"; do
	# shellcheck disable=SC2086
	refused 1 "52:54:00:00:00:01" "an unknown MAC: ${verb%% *}" vm $verb
done
refused 1 "VLAN 7|vlan 7" "a known MAC in another VLAN" vm move $mac vlan 7 to h2
refused 1 "multicast" "a multicast MAC" vm add 01:00:5e:00:00:01 at h1
refused 1 "broadcast|multicast" "the broadcast MAC" vm add ff:ff:ff:ff:ff:ff at h1
refused 1 "zero|00:00:00:00:00:00" "no MAC at all" vm add 00:00:00:00:00:00 at h1
refused 1 "$VM_ADDR4.*$mac" "an address that is another VM's" \
	vm add 52:54:00:00:00:01 address "$VM_ADDR4" at h1
refused 1 "224.0.0.1" "a multicast address" \
	vm add 52:54:00:00:00:01 address 224.0.0.1 at h1
refused 1 "4" "a fifth address" vm add 52:54:00:00:00:01 address 10.0.0.1 \
	address 10.0.0.2 address 10.0.0.3 address 10.0.0.4 address 10.0.0.5 at h1
for tap in sixteen-letters. a/b "a b" ..; do
	refused 1 "device name" "$tap is no port: add" \
		vm add 52:54:00:00:00:01 at h1 dev "$tap"
	refused 1 "device name" "$tap is no port: prepare" \
		vm prepare $mac to h2 dev "$tap"
done
refused 1 "prepare" "pause without prepare" vm pause $mac
like "$(xr_on h1 vm cancel $mac)" "already" "cancel without prepare: so it is"
refused 1 "h1.*(VM|vm)" "a host in use stays" host del h1
for words in "vm add" "vm add $mac" "vm add $mac at" "vm add nonsense at h1" \
	     "vm add $mac vlan 4095 at h1" "vm add $mac vlan -1 at h1" \
	     "vm add $mac address nonsense at h1" "vm move $mac" \
	     "vm move $mac to h2 seq x" "vm move $mac to h2 seq -1" \
	     "vm move $mac to h2 ttl 0" "vm move $mac to h2 ttl x" \
	     "vm prepare $mac to h2 timeout x" "vm nonsense" \
	     "stats nonsense"; do
	# shellcheck disable=SC2086
	refused 2 "^xroam: ." "wrong usage: $words" $words
done
like "$(xr_on h1 vm move $mac to h1)" "already" \
	"a move to where it is: done, and says so"
ok "and is no error" xr_on h1 vm move $mac to h1
ok "seq 100" xr_on h1 vm move $other to h1 seq 100
xr_on h1 vm move $other to h2 seq 101 >/dev/null
refused 1 "101" "an older sequence number is ignored and says which is known" \
	vm move $other to h1 seq 100
is "$(xr_on h1 export | md5sum)" "$(md5sum <"$WORLD_DIR/before")" \
	"none of these changed anything"

# ---- a file ----

file=$WORLD_DIR/file.yaml
base="hosts:
  - { name: a, vxlan: 10.8.0.2, vni: 1000 }
  - { name: b, dev: up0 }
vms:
  - { mac: \"$mac\", at: a, addresses: [$VM_ADDR4, \"$VM_ADDR6\"] }
  - { mac: \"$other\", at: b, vlan: 100, lock: true }
gateways:
  - { address: $GW_ADDR4, mac: \"$GW_MAC\" }
protected: [\"$C1_MAC\"]"
echo "$base" >"$file"
ok "a good file" xr_on h1 check "$file"

# bad REGEX DESCRIPTION SED
bad()
{
	echo "$base" | sed -E -e "$3" >"$file"
	cmp -s "$file" <(echo "$base") && fail "$2: the file is unchanged"
	refused 1 "$1" "check: $2" check "$file"
	refused 1 "$1" "apply: $2" apply "$file"
}

bad "file.yaml:2: .*colour" "an unknown key" '2s/name/colour: red, name/'
bad "file.yaml:2: .*vni" "VXLAN without a VNI" '2s/, vni: 1000//'
bad "file.yaml:2: .*vni" "a VNI out of range" '2s/1000/16777216/'
bad "file.yaml:3: .*a" "a host twice" '3s/name: b/name: a/; 6s/at: b/at: a/'
bad "file.yaml:2: .*" "two ways to a host" '2s/vni/ipip: 10.8.0.2, vni/'
bad "file.yaml:5: .*nowhere" "a VM at a host that is not there" '5s/at: a/at: nowhere/'
bad "file.yaml:5: .*" "a VM nowhere" '5s/, at: a//'
bad "file.yaml:5: .*multicast" "a multicast MAC" '5s/52:54/53:54/'
bad "file.yaml:6: .*$other|file.yaml:6: .*$mac" "a VM twice" \
	"6s/$other/$mac/; 6s/vlan: 100, //"
bad "file.yaml:6: .*$VM_ADDR4" "an address twice in a VLAN" \
	"6s/vlan: 100, //; 6s/lock/addresses: [$VM_ADDR4], lock/"
bad "file.yaml:6: .*vlan" "a VLAN out of range" '6s/100/4095/'
bad "file.yaml:5: .*" "too many addresses" \
	'5s/\[/[10.9.0.1, 10.9.0.2, 10.9.0.3, /'
bad "file.yaml:5: .*$C1_MAC" "a VM with a protected MAC" "5s/$mac/$C1_MAC/"
is "$(xr_on h1 export | md5sum)" "$(md5sum <"$WORLD_DIR/before")" \
	"none of these changed anything, either"
echo "$base" >"$file"
ok "the good file is applied" xr_on h1 apply "$file"
is "$(xr_on h1 apply "$file")" "nothing to change" "a second time it changes nothing"
xr_on h1 export >"$WORLD_DIR/now"
ok "export, destroy" xr_on h1 destroy
ok "and apply" xr_on h1 apply "$WORLD_DIR/now"
ok "there and back: the same" diff "$WORLD_DIR/now" <(xr_on h1 export)
is "$(vm_fact h1 $mac host) $(vm_fact h1 $other host 100)" "a b" \
	"vm show lists them"
ok "the first state comes back by apply" xr_on h1 apply "$WORLD_DIR/before"
ok "whole" diff "$WORLD_DIR/before" <(xr_on h1 export)

# A move under way is no part of the file; its VM stays what it is.
ok "prepare" xr_on h1 vm prepare $mac to h2
ok "apply the same file in the midst of a move" xr_on h1 apply "$WORLD_DIR/before"
is "$(vm_fact h1 $mac state)" prepared "it goes on"
xr_on h1 vm cancel $mac >/dev/null

# ---- full ----

ok "destroy" xr_on h1 destroy
cat >"$file" <<-EOT
	limits: { hosts: 3, vms: 8, vm_addresses: 4 }
	hosts:
	  - { name: h1, vxlan: 10.8.0.1, vni: 1000, local: true }
	  - { name: h2, vxlan: 10.8.0.2, vni: 1000 }
EOT
ok "small limits" xr_on h1 apply "$file"
ok "a third host" xr_on h1 host add h3 vxlan 10.8.0.2 vni 1003
refused 1 "limits.hosts" "a fourth: which limit to raise" \
	host add h4 vxlan 10.8.0.2 vni 1004
for i in 1 2 3 4 5 6 7 8; do
	words=()
	[ $i -gt 4 ] || words=(address "10.9.1.$i")
	xr_on h1 vm add 52:54:00:00:01:0$i "${words[@]}" at h1 >/dev/null ||
		fail "VM $i"
done
refused 1 "limits.vms" "a ninth VM: which limit to raise" \
	vm add 52:54:00:00:01:09 at h1
xr_on h1 vm leave 52:54:00:00:01:08 >/dev/null
refused 1 "limits.vm_addresses" "a fifth address: which limit to raise" \
	vm add 52:54:00:00:01:09 address 10.9.1.9 at h1
ok "one without an address has room" xr_on h1 vm add 52:54:00:00:01:09 at h1
is "$(xr_on h1 -j vm show | jq '[.. | objects | select(.mac?)] | length')" 8 \
	"eight there are"
ok "each of them moves" xr_on h1 vm move 52:54:00:00:01:09 to h2

for words in "vm move $mac to h2" "host show" "vm show"; do
	# shellcheck disable=SC2086
	refused 1 "no instance" "without an instance: $words" \
		-i "xrt-$$-none" $words
done
done_testing
