#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Who changed what is in the journal, by fields, and in the event ring: of commands, the
# socket and the daemon's file; what was refused, too. A flood is bounded and counted, and
# nobody waits for a journal that stands still.
# shellcheck source=tests/net/lib/daemonworld.sh
. "$(dirname "$0")/lib/daemonworld.sh"
daemon_world_up
if ! command -v journalctl >/dev/null || [ ! -x /lib/systemd/systemd-journald ]; then
	skip_all "needs systemd-journald"
fi
JOURNAL=$WORLD_DIR/journal
mkdir "$JOURNAL"
cp "$XROAM" "$WORLD_DIR/xroam"		# where another user may run it
chmod 755 "$WORLD_DIR" "$WORLD_DIR/xroam"

start journald n1 unshare --mount --propagation private "$LIB/journald" "$JOURNAL"
# beside COMMAND...: where the journal is
beside()
{
	in_ns n1 nsenter --mount="/proc/$(pid journald)/ns/mnt" "$@"
}

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
	entries | tail -n 1 | jq -r --arg key "$1" '.[$key]'
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
is "$(latest XROAM_CHANGE | jq -r '.[]')" "$(<"$WORLD_DIR/changes")" "its changes, line by line"
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

# Every writer.
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

# The daemon: its file, a signal, its socket.
printf 'vips: []\ncid: []\nbackends: []\n' >>"$CONFIG"
start daemon n1 nsenter --mount="/proc/$(pid journald)/ns/mnt" "$XROAM" -i "$WORLD-n1" run -c "$CONFIG"
wait_for 10 grep -q watching "$WORLD_DIR/daemon.err" || bail "no daemon"
audited "its start, which takes the VIPs away" # the file has none
is "$(latest XROAM_VIA) $(latest XROAM_COMMAND)" "file run -c $CONFIG" "by its file"
sed -i 's/name: h3, vxlan: 10.8.0.3, vni: 100/name: h3, vxlan: 10.8.0.3, vni: 101/' "$CONFIG"
kill -HUP "$(pid daemon)"
audited SIGHUP
is "$(latest XROAM_PID) $(latest XROAM_UID)" "$$ 0" "who sent it"
like "$(latest XROAM_CHANGE)" '^~ host h3: ' "and what it changed"
echo "nonsense: [" >>"$CONFIG"
kill -HUP "$(pid daemon)"
audited "a file that is wrong"
is "$(latest XROAM_RESULT)" refused "is refused"
ok "a notice" notify say "{\"notice\":\"moved\",\"mac\":\"$VM\",\"to\":\"h2\",\"seq\":7}"
audited "a notice by the socket"
is "$(latest XROAM_VIA) $(latest XROAM_UID) $(latest XROAM_CHANGE)" \
	"socket 0 vm $VM move to h2 seq 7" "what and who"
like "$(latest XROAM_COMMAND)" '^client python3' "by the name of the process"
ok "the same again" notify say "{\"notice\":\"moved\",\"mac\":\"$VM\",\"to\":\"h2\",\"seq\":7}"
ok "an old one" notify say "{\"notice\":\"moved\",\"mac\":\"$VM\",\"to\":\"h1\",\"seq\":3}"
audited "an old notice, after one that changed nothing"
like "$(latest XROAM_ERROR)" 'seq' "is refused"

# Health. There is one backend only: it fails, and is kept.
for words in "health add bad type command interval 0.1 timeout 0.1 fall 1 command /bin/false" \
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
	entries | tail -n +$((N + 1)) |
		jq -s '(map(select(.XROAM_VIA == "socket")) | length) +
		       (map(.XROAM_LEFT_OUT // "0" | tonumber) | add // 0)'
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
N=$(count)
ok "and away with it all" daemon_end
N=$(count)
ok destroy xr destroy
audited destroy
like "$(latest XROAM_CHANGE)" "instance $WORLD-n1" "the last entry"

# Without a journal.
like "$("$XROAM" -i "$WORLD-none" destroy 2>&1)" 'no instance' "no journal, no other error"
done_testing
