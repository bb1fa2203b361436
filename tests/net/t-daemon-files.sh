#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# What becomes of the daemon's files: of its socket when it was killed, and of what it
# says when it can open no more.
# shellcheck source=tests/net/lib/daemonworld.sh
. "$(dirname "$0")/lib/daemonworld.sh"
daemon_world_up
command -v prlimit >/dev/null || skip_all "needs prlimit (util-linux)"

limit() { prlimit --pid "$(pid daemon)" --nofile="$1:"; }
files() { find "/proc/$(pid daemon)/fd" -mindepth 1 -maxdepth 1 | wc -l; }

# ---- out of descriptors ----

# asks LIMIT NOTICE: of a client that was there before
asks()
{
	$PYTHON - "$SOCKET" "$(pid daemon)" "$@" <<-'EOF'
	import socket, subprocess, sys
	s = socket.socket(socket.AF_UNIX)
	s.settimeout(20)
	s.connect(sys.argv[1])
	f = s.makefile("rw")
	def ask(line):
	    print(line, file=f, flush=True)
	    return f.readline().strip()
	ask('{"notice":"nothing"}')
	subprocess.check_call(["prlimit", "--pid", sys.argv[2], "--nofile=" + sys.argv[3] + ":"])
	print(ask(sys.argv[4]))
	EOF
}

prepare="{\"notice\":\"prepare\",\"mac\":\"$VM\",\"to\":\"h2\"}"
ok "a daemon" run_daemon -c "$CONFIG"
said=$(asks 8 "$prepare")
like "$(pick .error <<<"$said")" "host h2 .*cannot ask.*Too many open files" \
	"out of descriptors: said as what it is"
is "$(fact state)" stable "and nothing was done"
notify say "$prepare" &
waits=$!
sleep 0.3
before=$(awk '{ print $14 + $15 }' "/proc/$(pid daemon)/stat")
sleep 1
cmp_ok $(($(awk '{ print $14 + $15 }' "/proc/$(pid daemon)/stat") - before)) -lt 50 \
	"a client that cannot be accepted does not make it run in circles"
limit 4096
wait $waits
is $? 0 "  and is served when there are some again"
is "$(fact state)" prepared "  as it wanted"
daemon_end

# Clients do not get the last ones.
ok "a daemon with few" run_daemon -c "$CONFIG"
used=$(files)
limit $((used + 100))
start many n1 $PYTHON -c '
import socket, sys, time
clients = []
for i in range(200):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    s.connect(sys.argv[1])
    clients.append(s)
print(clients[-1].recv(1000).decode(), flush=True)
time.sleep(1000)' "$SOCKET"
wait_for 10 grep -q . "$WORLD_DIR/many.out"
like "$(<"$WORLD_DIR/many.out")" "there are [0-9]+ clients already" \
	"too many clients are told so"
cmp_ok "$(files)" -lt $((used + 60)) "  and some descriptors are left for moves"
stop many

# ---- killed ----

daemon_end KILL
ok "a killed daemon leaves its socket" test -S "$SOCKET"
ok "destroy" xr destroy
ok "  takes it along" test ! -e "$SOCKET"
xr apply "$CONFIG" >/dev/null
start stranger n1 $PYTHON "$LIB/notify.py" "$SOCKET" stranger
# shellcheck disable=SC2317 # called by name
listens() { in_ns n1 ss -lx | grep -q "$SOCKET"; }
wait_for 10 listens
ok "destroy" xr destroy
ok "  leaves somebody else's, who listens there" test -S "$SOCKET"
stop stranger
rm -f "$SOCKET"
done_testing
