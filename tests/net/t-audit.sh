#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Who changed what is in the journal, by fields, and in the event ring: of commands, the
# socket, a QEMU's monitor and the daemon's file; what was refused, too. A flood is bounded and
# counted, and nobody waits for a journal that stands still, is dead, or is not there.
# shellcheck source=tests/net/lib/daemonworld.sh
. "$(dirname "$0")/lib/daemonworld.sh"
daemon_world_up
if ! command -v journalctl >/dev/null || [ ! -x /lib/systemd/systemd-journald ]; then
	skip_all "needs systemd-journald"
fi
JOURNAL=$WORLD_DIR/journal
mkdir "$JOURNAL"
cp "$XROAM" "$WORLD_DIR/xroam"		# where another user may run it
mkdir -p "$WORLD_DIR/libexec" && cp "${XROAM%/*}/libexec/xroam" "$WORLD_DIR/libexec"
chmod 755 "$WORLD_DIR" "$WORLD_DIR/xroam"

start journald n1 unshare --mount --propagation private "$LIB/journald" "$JOURNAL"
# beside COMMAND...: where the journal is, or was
beside()
{
	in_ns n1 nsenter --mount="/proc/$(pid "$PLACE")/ns/mnt" "$@"
}
PLACE=journald

XROAM=$WORLD_DIR/xroam
xr()
{
	beside "$XROAM" -i "$WORLD-n1" "$@"
}

# entries [MATCH...]: of this instance, oldest first, a JSON object each
entries()
{
	journalctl -D "$JOURNAL/log/journal" --no-pager -o json --all \
		"XROAM_INSTANCE=$WORLD-n1" "$@" 2>/dev/null
}

# shellcheck disable=SC2317 # called by name
count()
{
	entries "$@" | wc -l
}

# shellcheck disable=SC2317 # called by name
has()
{
	local n=$1

	shift
	[ "$(count "$@")" -ge "$n" ]
}

# latest KEY: of the newest entry
latest()
{
	entries | tail -n 1 | pick ".$1"
}

# N: how many entries there have been; audited WHAT: one more has come
N=0
audited()
{
	N=$((N + 1))
	ok "$1: an entry" wait_for 10 has $N
}

wait_for 10 beside test -S /run/systemd/journal/socket || bail "no journald"
xr apply "$CONFIG" >"$WORLD_DIR/changes" || bail "apply"
audited apply
is "$(latest XROAM_CHANGE | pick '.[]')" "$(<"$WORLD_DIR/changes")" "its changes, line by line"
is "$(latest XROAM_CHANGES)" "$(wc -l <"$WORLD_DIR/changes")" "and their number"
is "$(latest XROAM_RESULT) $(latest XROAM_VIA) $(latest XROAM_UID) $(latest PRIORITY)" \
	"done command 0 5" "what, how, who"
is "$(latest XROAM_PID)" "$(latest _PID)" "the pid is as journald saw it"
is "$(latest XROAM_COMMAND)" "xroam -i $WORLD-n1 apply $CONFIG" "the command line"
is "$(latest MESSAGE)" \
	"instance $WORLD-n1: changed by uid 0, pid $(latest XROAM_PID), command: xroam -i $WORLD-n1 apply $CONFIG: $(head -n 1 "$WORLD_DIR/changes")" \
	"and a line for people"
is "$(latest MESSAGE_ID) $(latest SYSLOG_IDENTIFIER)" \
	"$(sed -n '/^\.Dq [0-9a-f]\{32\}/{s/^.Dq \([0-9a-f]*\).*/\1/p;q}' "$WORLD_TOP/docs/xroam.8") xroam" \
	"the message's ID is the page's"

# Every writer. What is there when a monitor starts it leaves out: the last is waited for.
start monitor n1 "$XROAM" -i "$WORLD-n1" monitor kind audit
# shellcheck disable=SC2317 # called by name
told() { grep -q "$@" "$WORLD_DIR/monitor.out"; }
openssl rand 16 >"$WORLD_DIR/key" && chmod 600 "$WORLD_DIR/key"
while read -r words; do
	# shellcheck disable=SC2086
	xr $words >/dev/null || fail "$words"
	audited "$words"
	is "$(latest XROAM_RESULT) $(latest XROAM_COMMAND)" "done xroam -i $WORLD-n1 $words" "it says which"
done <<-EOT
	dev attach eth0
	vip add 192.0.2.1:443/udp cid
	cid add 1 format quic-lb server-id-length 8 nonce-length 8 key-file $WORLD_DIR/key
	backend add s1 vip 192.0.2.1:443/udp address 10.8.0.2
	backend set s1 weight 3
	host add h4 vxlan 10.8.0.3 vni 7
	vm prepare $VM to h2
	vm cancel $VM
	reload
	backend del s1
	host del h4
	dev detach eth0
EOT
ok "the ring has it, too" wait_for 10 told "command: xroam .* dev detach eth0$"
key=$(od -An -tx1 "$WORLD_DIR/key" | tr -d ' \n')
is "$(entries | grep -c "$key")" 0 "no key is in it"
for words in status "vip show" "vm show" export "stats reason" "apply $CONFIG --dry-run"; do
	# shellcheck disable=SC2086
	xr $words >/dev/null
done
ok "a change after that" xr vip add 192.0.2.2:443/udp
audited "what only reads has none"
is "$(latest XROAM_CHANGE)" "+ vip 192.0.2.2:443/udp" "a single line is a string"

# What is refused.
xr vip del 192.0.2.9:443/udp 2>/dev/null
audited "what is not there"
is "$(latest XROAM_RESULT) $(latest PRIORITY) $(latest XROAM_CHANGES)" "refused 4 0" "is refused"
like "$(latest XROAM_ERROR)" 'no VIP 192.0.2.9:443/udp' "with the reason"
beside setpriv --reuid 65534 --clear-groups "$XROAM" -i "$WORLD-n1" vip add 192.0.2.3:443/udp 2>/dev/null
audited "somebody without the right"
is "$(latest XROAM_RESULT) $(latest XROAM_UID) $(latest _UID)" "refused 65534 65534" "is named"
beside setpriv --reuid 65534 --clear-groups "$XROAM" -i "$WORLD-n1" vm show 2>/dev/null
hostile=$'/nowhere\nXROAM_UID=7\nPRIORITY=0\e[2J\xff'
xr apply "$hostile" 2>/dev/null
audited "a file with a hostile name"
is "$(latest XROAM_UID) $(latest PRIORITY)" "0 4" "cannot forge a field"
is "$(latest XROAM_COMMAND)" "xroam -i $WORLD-n1 apply /nowhere XROAM_UID=7 PRIORITY=0 [2J?" \
	"and is made fit to print"

# The daemon: its file, a signal, its socket, a QEMU.
QEMU_VM=52:54:00:12:34:57 QMP=$WORLD_DIR/vm.qmp
mkfifo "$WORLD_DIR/orders"
cat >>"$CONFIG" <<-EOT
	  - {mac: "$QEMU_VM", at: h1}
	vips: []
	cid: []
	backends: []
	sources:
	  qmp: [{socket: $QMP, vm: {mac: "$QEMU_VM"}, role: source, to: h2}]
EOT
start daemon n1 nsenter --mount="/proc/$(pid journald)/ns/mnt" "$XROAM" -i "$WORLD-n1" run -c "$CONFIG"
wait_for 10 grep -q watching "$WORLD_DIR/daemon.err" || bail "no daemon"
audited "its start, which takes the VIPs away" # the file has none
is "$(latest XROAM_VIA) $(latest XROAM_COMMAND)" "file run -c $CONFIG" "by its file"
sed -i 's/name: h[23], vxlan: 10.8.0.[23], vni: 100/&1/' "$CONFIG"
kill -HUP "$(pid daemon)"
audited SIGHUP
is "$(latest XROAM_PID) $(latest XROAM_UID)" "$$ 0" "who sent it"
is "$(latest XROAM_CHANGE | pick '.[]')" "~ host h2: vxlan 10.8.0.2 vni 100 -> vxlan 10.8.0.2 vni 1001
~ host h3: vxlan 10.8.0.3 vni 100 -> vxlan 10.8.0.3 vni 1001" "and what it changed"
ok "the ring has the first of these, and how many more" wait_for 10 \
	told 'done by uid 0.* file: SIGHUP by .*~ host h2: .*vni 1001 (and 1 more)$'
echo "nonsense: [" >>"$CONFIG"
kill -HUP "$(pid daemon)"
audited "a file that is wrong"
is "$(latest XROAM_RESULT)" refused "is refused"
# By somebody who is not root, and may write there.
chmod 666 "$SOCKET"
like "$(/usr/bin/python3 -c 'import os, socket, sys
os.setresuid(65534, 65534, 65534)
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(sys.argv[2].encode() + b"\n")
print(s.recv(500).decode())' "$SOCKET" "{\"notice\":\"moved\",\"mac\":\"$VM\",\"to\":\"h2\",\"seq\":7}")" \
	'"ok"' "a notice"
audited "a notice by the socket"
is "$(latest XROAM_VIA) $(latest XROAM_UID) $(latest XROAM_CHANGE)" \
	"socket 65534 vm $VM move to h2 seq 7" "what and who"
like "$(latest XROAM_COMMAND)" '^client python3' "by the name of the process"
ok "the same again" notify say "{\"notice\":\"moved\",\"mac\":\"$VM\",\"to\":\"h2\",\"seq\":7}"
ok "an old one" notify say "{\"notice\":\"moved\",\"mac\":\"$VM\",\"to\":\"h1\",\"seq\":3}"
audited "an old notice, after one that changed nothing"
like "$(latest XROAM_ERROR)" 'seq' "is refused"

start qemu n1 $PYTHON "$LIB/qemu.py" "$QMP" "$WORLD_DIR/orders"
wait_for 10 grep -q query-migrate "$WORLD_DIR/qemu.out" || bail "no QEMU"
echo "migration setup" >"$WORLD_DIR/orders"
audited "what a QEMU's monitor says"
is "$(latest XROAM_VIA) $(latest XROAM_UID) $(latest XROAM_PID)" "qmp 0 $(pid qemu)" \
	"how, and who is at the other end"
like "$(latest XROAM_COMMAND)" "^$QMP python3" "the socket, and the process's name"
is "$(latest XROAM_CHANGE)" "vm $QEMU_VM prepare to h2" "what"
stop qemu

# Health. There is one backend only: it fails, and is kept.
for words in "health add bad type command interval 1 timeout 1 fall 1 command /bin/false" \
	"vip add 192.0.2.5:443/udp health bad" "backend add s5 vip 192.0.2.5:443/udp address 10.8.0.2"; do
	# shellcheck disable=SC2086
	xr $words >/dev/null || fail "$words"
	audited "$words"
done
audited "a backend that fails"
is "$(latest XROAM_VIA) $(latest XROAM_COMMAND) $(latest XROAM_CHANGES)" "daemon health checks 1" "by the daemon itself"
like "$(latest XROAM_CHANGE)" '^health bad: backend s5: up -> kept: exit status 1' \
	"the check, the backend, from what to what, and why"
for words in "backend del s5" "vip del 192.0.2.5:443/udp"; do
	# shellcheck disable=SC2086
	xr $words >/dev/null || fail "$words"
	audited "$words"
done

# A flood is bounded, and nothing is lost of the count.
ok "2000 notices" notify adds 0 2000 h2
# shellcheck disable=SC2317 # called by name
flood()
{
	entries | tail -n +$((N + 1)) | pick -d 0 .XROAM_VIA,XROAM_LEFT_OUT |
		awk '{ n += ($1 == "socket") + $2 } END { print n + 0 }'
}
# shellcheck disable=SC2317 # called by name
all_told()
{
	[ "$(flood)" = 2000 ]
}
ok "each is an entry, or counted" wait_for 10 all_told
cmp_ok "$(entries | tail -n +$((N + 1)) | wc -l)" -lt 500 "the entries are few"

# Nobody waits for a journal that stands still.
kill -STOP "$(pid journald)"
beside $PYTHON -c '
import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.setblocking(False)
s.connect("/run/systemd/journal/socket")
try:
    while True:
        s.send(b"MESSAGE=full\n")
except BlockingIOError:
    pass'
ok "a command ends" timeout 60 nsenter --net="/run/netns/$WORLD-n1" \
	nsenter --mount="/proc/$(pid journald)/ns/mnt" "$XROAM" -i "$WORLD-n1" vip add 192.0.2.4:443/udp
ok "the daemon goes on" notify adds 3000 100 h2
kill -CONT "$(pid journald)"
# shellcheck disable=SC2317 # called by name
counted() { entries | jq -r '.XROAM_CHANGE | .[]?, strings' | grep -q "$1"; }
ok "what the journal did not take is counted by that name" \
	wait_for 10 counted '^[0-9]* entries were not taken by the journal$'
ok "and what was not recorded, by its own" \
	wait_for 10 counted '^[0-9]* notices were not recorded one by one$'
sleep 1.1	# the second in which the flood used up what is recorded one by one

# A dead one, and none: the daemon and commands go on at once, and the ring has it all.
start place n1 nsenter --mount="/proc/$(pid journald)/ns/mnt" sleep 86400
wait_for 10 sh -c "tr '\\0' ' ' </proc/$(pid place)/cmdline | grep -q ^sleep"
PLACE=place
# goes_on WHAT N HOST: five commands and a notice
goes_on()
{
	local from i

	from=$(date +%s%N)
	stall_begin
	for i in 1 2 3 4 5; do
		ok "$1: a command" xr host add "a$2$i" vxlan 10.8.0.2 vni "$2$i"
	done
	stall_end
	cmp_ok $((($(date +%s%N) - from) / 1000000)) -lt $((5000 + STALLED)) "none waits a second"
	ok "a notice" notify say "{\"notice\":\"moved\",\"mac\":\"$VM\",\"to\":\"$3\",\"seq\":9$2}"
	for i in 1 2 3 4 5; do
		ok "the ring has the command" wait_for 10 told "command: xroam .* vni $2$i\$"
	done
	ok "and the notice" wait_for 10 told "socket: client .* to $3 seq 9$2\$"
}
stop journald KILL
ok "its socket is there still" beside test -S /run/systemd/journal/socket
goes_on "a journal that was killed" 2 h1
beside rm /run/systemd/journal/socket
goes_on "no journal" 3 h2
like "$(xr -v status)" "audit +to the event ring alone" "status says so"
ok "the daemon ends" daemon_end
ok destroy xr destroy

# Without a journal.
like "$("$XROAM" -i "$WORLD-none" destroy 2>&1)" 'no instance' "no journal, no other error"
done_testing
