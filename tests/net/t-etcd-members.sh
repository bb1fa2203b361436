#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Three members of etcd with certificates and users: a token that is over, a member that is
# killed or frozen, most of them gone, what was missed compacted. Nothing is deleted that
# etcd has not said is gone, all goes on, and what came meanwhile comes.
# shellcheck source=tests/net/lib/etcd.sh
. "$(dirname "$0")/lib/etcd.sh"
daemon_world_up
ETCD_BEAT=200
etcd_secure
etcd_up 3
etcd_auth
A=52:54:00:00:00:01 B=52:54:00:00:00:02 C=52:54:00:00:00:03

# vm MAC HOST: etcd says so
vm()
{
	put segments/0/vms/"$1" "{\"mac\": \"$1\", \"at\": \"$2\"}"
}

# The member that the daemon listens to.
watched()
{
	daemon_says | sed -n 's/.*etcd: watching.* at .*:20\(.\)0$/\1/p' | tail -1
}

# With its lease the key goes; it is made anew.
node_made()
{
	ctl get cluster/nodes/h1 -w json | pick '.kvs[].create_revision'
}

node_made_anew()
{
	local now

	now=$(node_made)
	[ -n "$now" ] && [ "$now" != "$made" ]
}

for i in 1 2 3; do
	put hosts/h$i "{\"name\": \"h$i\", \"vxlan\": \"10.8.0.$i\", \"vni\": 100}"
done
vm $A h2
vm $B h2
etcd_config "node: h1" "segments: [0]" "ca: $WORLD_DIR/ca.pem" "cert: $WORLD_DIR/client.pem" \
	"key: $WORLD_DIR/client.key" "user: node" "password_file: $WORLD_DIR/password"
ok "a daemon with three members, a certificate and a user" run_daemon -c "$CONFIG"
ok "  follows" wait_for 20 has_vm $A h2
ok "  and says that it is there" wait_for 20 eval 'ctl get cluster/nodes/h1 | grep -q instance'
ok "status has the members" wait_for 20 eval "xr -j etcd status | pick '.members[].up' | paste -sd, | grep -qxF 'true,true,true'"

# A token that nobody uses is over after 3 s.
sleep 4
vm $A h3
ok "the token is over: the stream goes on" wait_for 20 has_vm $A h3
put hosts/h4 '{"name": "h4", "vxlan": "10.8.0.4", "vni": 100}'
ok "  and lists are read with another one" wait_for 20 eval 'xr host show | grep -q h4'
sleep 4
made=$(node_made)
ctl lease revoke "$(ctl lease list | tail -1)" >/dev/null
ok "the lease is revoked, the token is over: the node says again that it is there" \
	wait_for 30 node_made_anew
is "$(vm_at $A) $(vm_at $B)" "h3 h2" "  no VM went with the lease"

# Killed: the next one is asked.
was=$(watched)
etcd_stop "$was"
vm $A h2
ok "the member is killed: another one tells" wait_for 20 has_vm $A h2
ok "  and nothing is wrong" wait_for 20 heard
etcd_member "$was"

# The password is another one: tokens are void at once.
ctl user passwd node --interactive=false <<<otherword >/dev/null
stop_at=$(watched)
etcd_stop "$stop_at"
ok "the password is wrong: status says so" wait_for 30 says "not heard since 20.*authentication failed"
is "$(vm_at $A) $(vm_at $B)" "h2 h2" "  and all stays"
etcd_member "$stop_at"
echo otherword >"$WORLD_DIR/password"
ok "  until it is right" wait_for 30 heard
ctl role revoke-permission node cluster/ cluster0 >/dev/null
stop_at=$(watched)
etcd_stop "$stop_at"
ok "the right is gone: status says so" wait_for 30 says "not heard since 20.*permission denied"
is "$(vm_at $A) $(vm_at $B)" "h2 h2" "  and all stays"
etcd_member "$stop_at"
ctl role grant-permission node readwrite --prefix=true cluster/ >/dev/null
ok "  until it is given" wait_for 30 heard

# Frozen: it takes connections and answers nothing.
was=$(watched)
kill -STOP "$(pid "etcd$was")"
vm $A h3
ok "the member is frozen: another one tells" wait_for 30 has_vm $A h3
ok "  and nothing is wrong" wait_for 20 heard
xr etcd diff "$CONFIG" >"$WORLD_DIR/out"
is "$? $(cat "$WORLD_DIR/out")" "0 nothing to change" "the command, too, asks another one"
kill -CONT "$(pid "etcd$was")"

# The others are gone: one that is left knows nothing new, and must not be believed. So it is by a
# node that writes nothing to etcd, too, who hears only from the stream that it has ended.
was=$(watched)
sed "/node: h1/d; s/endpoints: .*/endpoints: [https:\/\/127.0.0.1:$(etcd_port "$was")]/" "$CONFIG" >"$WORLD_DIR/silent.yaml"
silent() { in_ns n1 "$XROAM" -i "$WORLD-s" "$@"; }
silent_says() { silent status | grep -qE "etcd: .*$1"; }
start silent n1 "$XROAM" -i "$WORLD-s" -v run -c "$WORLD_DIR/silent.yaml"
ok "one that only listens" wait_for 20 grep -q "etcd: watching" "$WORLD_DIR/silent.err"
for i in 1 2 3; do
	[ $i = "$was" ] || etcd_stop $i
done
ok "most members are gone: status says since when" wait_for 40 says "not heard since 20.*all stays as it was"
ok "  also where one only listens" wait_for 40 silent_says "not heard since 20.*all stays as it was"
stop silent
silent destroy >/dev/null
is "$(vm_at $A) $(vm_at $B)" "h3 h2" "  the VMs are there"
ok "  and can be moved" xr vm move $B to h3
for i in 1 2 3; do
	[ $i = "$was" ] || etcd_member $i
done
ok "they are back" wait_for 60 heard
is "$(vm_at $A) $(vm_at $B)" "h3 h3" "  what etcd has said nothing new of stays"
vm $B h1
ok "  until it has" wait_for 20 has_vm $B h1

# What was missed is compacted.
was=$(watched)
kill -STOP "$(pid daemon)"
etcd_stop "$was"
del segments/0/vms/$A
vm $C h2
revision=$(ctl get cluster/hosts/h1 -w json | pick .header.revision)
ctl compact "$revision" >/dev/null
kill -CONT "$(pid daemon)"
ok "missed and compacted: all is read again" wait_for 30 has_vm $C h2
is "$(vm_at $A) $(vm_at $B)" " h1" "  what is gone is deleted, the rest is there"
like "$(daemon_says)" "etcd: what came since revision [0-9]* is not to be had .*compacted.*: reading all" "  and the log says it"
etcd_member "$was"
ok "the daemon ends" daemon_end
done_testing
