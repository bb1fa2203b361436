#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# An OVN of very many ports, of which one is a VM's here: the daemon does not spend its time on
# the others, a reading that lasts is no silence, and a VM that takes another one's place is seen.
# shellcheck source=tests/net/lib/daemonworld.sh disable=SC2317 # called by name
. "$(dirname "$0")/lib/daemonworld.sh"
daemon_world_up
ip -n "$WORLD-n1" link set lo up
A=52:54:01:00:00:00 B=52:54:01:00:00:01
N=60000

# config MAC: the file, with this VM
config()
{
	cat <<-EOT
		hosts:
		- {name: h1, vxlan: 10.8.0.1, vni: 1000, local: true}
		- {name: h2, vxlan: 10.8.0.2, vni: 1000}
		vms: [{mac: "$1", at: h1}]
		sources:
		  ovn:
		    remotes: ["tcp:127.0.0.1:6642"]
	EOT
}
logged() { grep -q "$1" "$WORLD_DIR/daemon.err"; }
vm_at() { [ "$(xr -j vm show "$1" | pick -w mac .host)" = "$2" ]; }
# Of the daemon, in hundredths of a second
spent() { awk '{ print $14 + $15 }' "/proc/$(pid daemon)/stat"; }

start southbound n1 "$PYTHON" "$LIB/southbound.py" 6642 $N 1
ok "a southbound database" wait_for 60 grep -q listening "$WORLD_DIR/southbound.out"
config $A >"$CONFIG"
ok "a daemon that follows it" run_daemon -c "$CONFIG"
ok "  it asks for all ports" wait_for 20 grep -q asked "$WORLD_DIR/southbound.out"
# What the process has read it cannot hand on, as on a machine that is very busy.
kill -STOP "$(pid daemon)"
sleep 12
before=$(spent)
kill -CONT "$(pid daemon)"

ok "  it has them" wait_for 30 logged "ovn: following tcp:127.0.0.1:6642: $N MACs at 2 chassis"
ok "  and the VM is where OVN has it" wait_for 20 vm_at $A h2
cmp_ok $(($(spent) - before)) -le 120 "  for which it did not look at all of them again and again"
sleep 1
ok "that it took its time was no silence" eval '! logged "does not answer"'

config $B >"$WORLD_DIR/other.yaml"
ok "another VM in its place" xr apply "$WORLD_DIR/other.yaml"
ok "  is where OVN has it, too" wait_for 10 vm_at $B h2

# There is no route any more to where two hundred VMs are: nobody asks again and again.
ip -n "$WORLD-n1" route add 10.99.0.3 via 10.8.0.2
{
	config $A | sed '/^vms:/,$d'
	echo "- {name: h3, vxlan: 10.99.0.3, vni: 1000}"
	echo "vms:"
	for ((i = 0; i < 200; i++)); do
		printf -- '- {mac: "52:54:01:00:00:%02x", at: h1}\n' $i
	done
	config $A | sed '1,/^vms:/d'
	echo '    chassis: [{name: h2, host: h3}]'
} >"$CONFIG"
# shellcheck disable=SC2317 # called by name
refused() { [ "$(grep -c "refused: host h3 .*no route" "$WORLD_DIR/daemon.err")" -ge "$1" ]; }
ok "two hundred VMs" xr apply "$CONFIG"
ip -n "$WORLD-n1" route del 10.99.0.3
ok "  whose host is out of reach" kill -HUP "$(pid daemon)"
ok "  each is tried" wait_for 20 refused 200
before=$(spent)
sleep 3
cmp_ok $(($(spent) - before)) -le 120 "  and tried again once in a while"
ok "the daemon ends" daemon_end
done_testing
