#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Status judges: VIPs that nobody serves, steering by CID that steers nothing, a
# veth whose other end loses what is sent, drops; and says what to do.
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
VIP=$VIP4:443/udp

# judged STATUS REGEX DESCRIPTION: status --check ends so and says so
judged()
{
	local said status

	said=$(xr status --check 2>&1)
	status=$?
	if [ $status = "$1" ] && [[ $said =~ $2 ]]; then
		pass "$3"
	else
		fail "$3" "status $status, wanted $1: /$2/" "$said"
	fi
}

# shorts N HEX: so many short headers of CIDs that begin so, then of random octets.
shorts()
{
	in_ns c1 python3 - "$VIP4" "$@" <<-'END'
		import os, socket, sys
		vip, n, cid = sys.argv[1], int(sys.argv[2]), bytes.fromhex(sys.argv[3])
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		for i in range(n):
		    s.sendto(b"\x40" + cid + os.urandom(40), (vip, 443))
	END
}

# flood HEX: a hundred a second of them, until stopped
flood()
{
	came		# what came before is none of its
	start flood c1 python3 -c '
import os, socket, sys, time
vip, cid = sys.argv[1], bytes.fromhex(sys.argv[2])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
while True:
    s.sendto(b"\x40" + cid + os.urandom(40), (vip, 443))
    time.sleep(0.01)
' "$VIP4" "$1"
	wait_for 5 came
}

# shellcheck disable=SC2317
came()
{
	local now

	now=$(xr -j stats vip | pick '.vips[].packets' | sum)
	[ "$now" -gt "${last:-0}" ] && last=$now
}

# Counts begin anew.
again()
{
	no_servers
	xr vip del "$VIP"
	xr vip add "$VIP" cid
	servers with-ids
	last=0
}

# servers [with-ids]
servers()
{
	local node

	for node in "${WORLD_SERVERS[@]}"; do
		xr backend add "$node" vip "$VIP" address "$(addr4 "$node")" \
			${1:+server-id "000000${node#s}1"} || return
	done
}

no_servers()
{
	local node

	for node in "${WORLD_SERVERS[@]}"; do
		xr backend del "$node"
	done
}

world_up -s 2
judged 1 "no instance" "where there is no instance"
xr vip add "$VIP" cid
judged 1 "no device is attached.*dev attach" "no device"
attach_lb mode native

# ---- servers ----

judged 1 "vip $VIP: no backend is behind it.*backend add NAME vip $VIP" \
	"a VIP without backends"
servers ''
judged 1 "vip $VIP: to be steered by CID, but there is no CID config; .xroam cid add" \
	"steered by CID without a config"
xr cid add 1 format quic-lb server-id-length 4 nonce-length 6
judged 1 "vip $VIP: .* no backend behind it has a server ID.*server-id HEX" \
	"nor any server ID"
no_servers
servers with-ids
judged 0 '^all is well$' "all is well"
is "$(xr -j status | pick .wrong)" "[]" "  in JSON, too"
is "$(xr status --check --now)" "nothing is wrong; drops and the clock were not looked at" \
	"  at once, as far as that shows"
xr vip add "$VIP4:80/tcp"
is "$(xr status --check --now | grep -o "vip .*: no backend is behind it")" \
	"vip $VIP4:80/tcp: no backend is behind it" "of two VIPs the one that has no backend"
xr backend add web vip "$VIP4:80/tcp" address "$(addr4 s1)"
is "$(xr -j status --now | pick .wrong)" "[]" "each has its own"
xr backend del web
xr vip del "$VIP4:80/tcp"
like "$(xr status --now)" "drop +[0-9]+ +[0-9]+ +- +-" "  without rates"
xr backend set s1 weight 0 && xr backend set s2 weight 0
judged 1 "vip $VIP: no backend that is up has a weight.*set NAME weight 1" \
	"no backend has a weight"
xr backend set s1 weight 1 && xr backend set s2 weight 1
xr backend set s1 state draining && xr backend set s2 state down
judged 1 "vip $VIP: no backend is up of 2.*set NAME state up" "none is up"
flood 4700000091
judged 1 "packets a second are dropped, no-backend: .*; set a backend" \
	"drops that rise, and what to do"
is "$(xr status --check --now | grep -o -e "no backend is up" -e "a second are dropped")" \
	"no backend is up" "--now sees what is wrong, but not the drops"
is "$(xr -j status --now | jq -c '[.clock_running, .packets.drop.packets_per_second,
	.packets.drop.bytes_per_second, .packets.drop.packets > 0]')" \
	"[null,null,null,true]" "  for it has no rates"
stop flood
xr backend set s1 state up && xr backend set s2 state up

# ---- steering by CID; counts begin with the VIP ----

again
shorts 60 2f00000011
judged 0 '^all is well$' "CIDs that name a server"
is "$(xr -j cid show | jq -c '.[0] | [.by_cid, .astray]')" "[60,0]" "  counted"
conf=$WORLD_DIR/conf.yaml
xr export | sed 's/nonce_length: 6/nonce_length: 7/' >"$conf"
like "$(xr apply --dry-run "$conf" 2>&1)" \
	"warning: cid 1 quic-lb changes, and 60 packets came by it so far: .*lose their server" \
	"a file that changes what they came by"
xr export | sed '/^cid:/,/^[a-z]/{/^[ -]/d;s/^cid:.*/cid: []/}' >"$conf"
would=$(xr apply --dry-run "$conf" 2>&1)
like "$would" "warning: cid 1 quic-lb is taken away, and 60 packets came by it" "or takes it away"
is "$(xr apply "$conf" 2>&1)" "$would" "  as it does"
xr export | sed 's/^cid:.*/cid: [{id: 2, format: quic-lb, server_id_length: 4, nonce_length: 6}]/' >"$conf"
xr apply "$conf" >/dev/null
xr export | sed 's/id: 2/id: 1/' >"$conf"
like "$(xr apply "$conf" 2>&1 | grep -c 'came by it')" "^0$" "one that nothing came by: nothing is said"

again
shorts 400 ""
judged 1 "vip $VIP: of 400 packets with a server's CID 0 were.*random ones.*formats.md" \
	"servers that mint random CIDs, after it is over"

again
shorts 30 4f00000011
judged 1 "of 30 packets .* 0 were .*of config ID 2, which is not configured.*cid add" \
	"under a config that is not there"

again
shorts 30 2f0badf00d
judged 1 "of 30 packets .*of config 1, with no server's ID.*cid decode" \
	"with server IDs that nobody has"
judged 1 "cid 1: of [0-9]* packets with a CID of it " "  per config, too" ||
	diag "$(xr cid show)"

# What comes now counts more than what came.
flood 2f00000011
judged 0 '^all is well$' "mended: now they name one"
stop flood
again
shorts 1000 2f00000011
flood 2f0badf00d
judged 1 "of [0-9]* packets with a server's CID 0 were" "it stops to work: at once"
stop flood

# ---- a veth's other end; options ----

again
judged 0 '^all is well$' "nothing came yet: nothing is judged"
is "$(xr status --chec -w 1x 2>&1 | wc -l)" 1 "wrong seconds: one line"
start watch lb1 "$XROAM" -i "$(instance lb1)" -j status -w 1
ok "-w goes on" wait_for 10 sh -c "[ \$(grep -c '\"wrong\":\[\]' '$WORLD_DIR/watch.out') -ge 2 ]"
stop watch INT
is $? 0 "  until it is interrupted, which is no failure"
# On a terminal each one takes the place of the one before.
ok "-w on a terminal" in_ns lb1 env LC_ALL=C.UTF-8 TERM=xterm /usr/bin/python3 "$WORLD_TOP/tests/net/lib/screen.py" "
	wait ^instance
	cleared 3
	wait ^instance
	wait ^all.is.well
	keys \\x03
	until ended
	status 0" "$XROAM" -i "$(instance lb1)" status -w 1
start watch lb1 "$XROAM" -i "$(instance lb1)" status --check -w
wait_for 10 grep -q "all is well" "$WORLD_DIR/watch.out"
in_ns r bpftool net detach xdpdrv dev lb1-eth0
finish watch
is $? 1 "--check -w goes on until something is wrong"
judged 1 "dev eth0: its other end, the veth lb1-eth0, has no native XDP program" \
	"a veth whose other end has no program"
xr dev detach eth0 && xr dev attach eth0 mode generic >/dev/null
judged 0 '^all is well$' "in generic mode it needs none"

# ---- a device that is attached, but sees nothing ----

ok "the other end goes down" ip -n "$(ns r)" link set lb1-eth0 down
judged 1 "dev eth0: it has no carrier" "no carrier"
ok "the device, too" ip -n "$(ns lb1)" link set eth0 down
judged 1 "dev eth0: it is down, .*ip link set eth0 up" "down"
ok "both up" sh -c "ip -n $(ns lb1) link set eth0 up && ip -n $(ns r) link set lb1-eth0 up"
judged 0 '^all is well$' "cured"

# ---- servers that no packet gets to, told before one is lost ----

ok "a backend without a route" xr backend add away vip "$VIP" address fd00:9::1
judged 1 "backend away: there is no route to its address now; packets are dropped" \
	"status goes on saying so"
ok "taken down" xr backend set away state down
judged 0 '^all is well$' "is not missed"
xr backend del away
ok "one that does not answer" xr backend add away vip "$VIP" address 10.1.0.99
judged 1 "backend away: its next hop does not answer now; packets are dropped" \
	"told, too"
ip -n "$(ns lb1)" neigh replace 10.1.0.99 lladdr 02:00:00:00:01:99 dev eth0
judged 0 '^all is well$' "until it does"
xr backend del away
ip -n "$(ns lb1)" neigh del 10.1.0.99 dev eth0
ip -n "$(ns lb1)" route add 10.77.0.0/24 via 10.1.0.98
ok "a host behind a router that is not there" xr host add h9 vxlan 10.77.0.9 vni 9
judged 0 '^all is well$' "need not be up while no VM goes there"
ip -n "$(ns lb1)" route replace unreachable 10.77.0.0/24
judged 1 "host h9: there is no route to its address now" "but wants a route"
ip -n "$(ns lb1)" route del unreachable 10.77.0.0/24
xr host del h9

# ---- a daemon that is gone ----

# shellcheck disable=SC2317
daemon()
{
	start daemon lb1 "$XROAM" -i "$(instance lb1)" run
	wait_for 10 grep -q watching "$WORLD_DIR/daemon.err"
}
ok "a daemon" daemon
judged 0 '^all is well$' "runs"
lost=$(pid daemon)
stop daemon KILL
judged 1 "the daemon, pid $lost, was killed: .*xroam run" "and was killed"
like "$(xr -j status | pick '.wrong[]')" "pid $lost, was killed" "  in JSON, too"
ok "another" daemon
judged 0 '^all is well$' "cures it"
stop daemon
judged 0 '^all is well$' "one that ended by itself is not missed"

# ---- the clock; the kernel takes the timer of a value away that is stored ----

# shellcheck disable=SC2317
tick()
{
	local clock=/sys/fs/bpf/xroam/$(instance lb1)/clock

	# shellcheck disable=SC2046
	bpftool map update pinned "$clock" key 0 0 0 0 value $(bpftool -j map lookup pinned "$clock" key 0 0 0 0 |
		jq -r --arg n "$1" '.value | .[16] = $n | join(" ")')
}
# shellcheck disable=SC2317
late()
{
	local i

	for ((i = 2; ; i++)); do
		sleep 2.5
		tick $((i % 200))
	done
}
ok "a clock that stands" tick 1
judged 1 "the clock has stopped, flows do not age; .xroam reload" "is told"
is "$(xr -j status | pick .clock_running)" false "  in JSON, too"
late &
late=$!
judged 0 '^all is well$' "one whose ticks come late, on a machine that is kept busy, is not"
is "$(xr -j status | pick .clock_running)" true "  nor in JSON"
kill "$late"
wait "$late"
ok "reload" xr reload
judged 0 '^all is well$' "makes it run"
done_testing
