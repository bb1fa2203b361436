#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A standby with a live copy takes over from a node that is gone of a sudden: no connection
# notices that was there at the last pass. The two ends find each other again, and nobody
# waits for a peer that says nothing.
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
# shellcheck source=tests/net/lib/state.sh
. "$(dirname "$0")/lib/state.sh"
world_up -l 2
SOCKET=$WORLD_DIR/standby

umask 077
state_config 4096 >"$WORLD_DIR/file"
for lb in lb1 lb2; do
	xr_on $lb apply "$WORLD_DIR/file" >/dev/null || bail "cannot apply"
done
ok "attach" attach_lb
attach_servers
serve 80
lb_route lb1

# passes N: lines of the sending end
# shellcheck disable=SC2317 # called by name
passes()
{
	[ "$(grep -c octets "$WORLD_DIR/sync.out")" -ge "$1" ]
}

# shellcheck disable=SC2317 # called by name
established()
{
	[ "$(xr_on "$1" -j status | pick .flows.established)" -ge "$2" ]
}

start sync lb1 "$XROAM" -i "$(instance lb1)" state sync "$SOCKET" every 1
ok "without the other end it says so" wait_for 30 grep -q "standby: No such file.*xroam state listen" "$WORLD_DIR/sync.err"
start listen lb2 "$XROAM" -i "$(instance lb2)" state listen "$SOCKET"
ok "and goes on when that is there" wait_for 30 passes 1
is "$(wc -l <"$WORLD_DIR/sync.err")" 1 "having said it once"
is "$(stat -c %a "$SOCKET")" 600 "the socket is root's alone"
refused 1 "another process listens there" "a second one on it" state listen "$SOCKET"

echo mine >"$WORLD_DIR/mine"
refused 1 "is there, and no socket: give another path" "a file at the path" state listen "$WORLD_DIR/mine"
is "$(cat "$WORLD_DIR/mine")" mine "which stays"
start datagrams lb1 /usr/bin/python3 -c 'import socket, sys, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
time.sleep(600)' "$WORLD_DIR/datagrams"
wait_for 10 test -S "$WORLD_DIR/datagrams"
refused 1 "datagrams is there, and no socket of this kind: give another path" \
	"somebody's socket for datagrams" state listen "$WORLD_DIR/datagrams"
stop datagrams KILL
refused 2 "SOCKET is empty" "no path" state listen ""

start tcp c1 "$PEER" ask -c 200 -n 0 -i 50 tcp "$VIP4" 80
ok "200 connections by lb1" wait_for 30 established lb1 200
xr vm add 52:54:00:00:00:02 at h1 >/dev/null
xr vm move 52:54:00:00:00:02 to h2 seq 7 >/dev/null
for lb in lb1 lb2; do
	xr_on $lb backend add s3 vip "$VIP4:80/tcp" address "$(addr4 s3)" >/dev/null
done

# Who connects and says nothing, or nothing sensible, keeps nobody.
start silent lb2 /usr/bin/python3 -c 'import socket, sys, time
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); time.sleep(600)' "$SOCKET"
in_ns lb2 /usr/bin/python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.send(b"nonsense" * 20)
print(s.recv(500).decode())' "$SOCKET" >"$WORLD_DIR/answer"
like "$(cat "$WORLD_DIR/answer")" "no state of xroam" "nonsense is answered"
ok "the standby has the flows" wait_for 30 established lb2 200

# Nor who goes on for ever: with what is no stream, or with one that hardly gets on.
# floods OCTET SECONDS <BEGINNING: it, and then that octet, with a pause behind each; the answer
floods()
{
	in_ns lb2 /usr/bin/python3 -c 'import socket, sys, time
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
s.settimeout(600)
try:
	s.sendall(sys.stdin.buffer.read())
	while True:
		s.sendall(sys.argv[2].encode() * (1 if float(sys.argv[3]) else 65536))
		time.sleep(float(sys.argv[3]))
except OSError:
	pass
print(s.recv(500).decode())' "$SOCKET" "$1" "$2"
}
like "$(floods x 0 </dev/null)" "no state of xroam" "garbage without end is answered, and ends"
xr state export - | head -c 200 >"$WORLD_DIR/beginning"
now=$(grep -c octets "$WORLD_DIR/sync.out")
like "$(floods x 0.5 <"$WORLD_DIR/beginning")" "Connection timed out" \
	"a stream that comes octet by octet is, too"
cmp_ok "$(grep -c octets "$WORLD_DIR/sync.out")" -ge $((now + 4)) "for which no other sender waits"
start sync2 lb1 "$XROAM" -i "$(instance lb1)" state sync "$SOCKET" every 1
ok "a second sender is heard" wait_for 30 grep -q octets "$WORLD_DIR/sync2.out"
stop sync2
now=$(grep -c octets "$WORLD_DIR/sync.out")
ok "and the first one goes on" wait_for 30 passes $((now + 2))

# The standby's end starts anew: all is sent again.
stop listen KILL
start listen lb2 "$XROAM" -i "$(instance lb2)" state listen "$SOCKET"
ok "a killed listener's socket is taken over" wait_for 30 grep -q "flows:" "$WORLD_DIR/listen.out"
now=$(grep -c octets "$WORLD_DIR/sync.out")
ok "and passes go on" wait_for 30 passes $((now + 2))

# lb1 dies.
stop sync KILL
in_ns lb1 ip link set eth0 down
lb_route lb2
sleep 1
client_end tcp
is "$(figure lost) $(figure moved) $(figure broken)" "0 0 0" "no connection of 200 noticed"
# Called settled where nothing has hit the redirect for ten seconds.
like "$(xr_on lb2 -j vm show | jq -c 'map([.state, .host, .seq])')" \
	'^\[\["(moved|settled)","h2",7\]\]$' "and the VM is where it was"

# No faster than it is told to.
xr_on lb2 state export - | /usr/bin/python3 "$WORLD_TOP/tests/net/lib/stream.py" 0 400 |
	xr_on lb2 state import - any-age >/dev/null
from=$(date +%s%N)
start slow lb2 "$XROAM" -i "$(instance lb2)" state sync "$SOCKET" every 1 rate 10000
ok "400 VMs are sent" wait_for 30 grep -q octets "$WORLD_DIR/slow.out"
took=$((($(date +%s%N) - from) / 1000000))
octets=$(sed -n '1s/.*, \([0-9]*\) octets.*/\1/p' "$WORLD_DIR/slow.out")
cmp_ok "$octets" -gt 40000 "which are many octets"
cmp_ok $took -ge $((octets / 10)) "at 10000 a second"
stop slow KILL
stop silent
stop listen
is "$?" 0 "SIGTERM ends the listener"
ok "which leaves no socket" test ! -e "$SOCKET"
done_testing
