#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The instance's lock: nobody keeps it while his output is read, and who waits for
# one that keeps it says who that is, and gives up.
# shellcheck source=tests/net/lib/daemonworld.sh
. "$(dirname "$0")/lib/daemonworld.sh"
daemon_world_up

cat >>"$CONFIG" <<-EOT
	vips: [{address: 192.0.2.10, port: 80, protocol: udp}]
	backends: [{name: b1, address: 10.8.0.2, vips: ["192.0.2.10:80/udp"]}]
EOT
ok "an instance" xr apply "$CONFIG"

# ---- a reader that does not read ----

# A pipe with no room for a single octet.
mkfifo "$WORLD_DIR/full"
exec {full}<>"$WORLD_DIR/full"
$PYTHON -c '
import os, sys
fd = int(sys.argv[1])
os.set_blocking(fd, False)
for piece in (4096, 1):
    try:
        while True:
            os.write(fd, b"x" * piece)
    except BlockingIOError:
        pass
os.set_blocking(fd, True)' "$full"

blocked()
{
	grep -q 'pipe.*write' "/proc/$1/wchan"
}

# unread ARGS...: what xroam says of it is not read
unread()
{
	local free=no

	nsenter --net="/run/netns/$WORLD-n1" "$XROAM" -i "$WORLD-n1" "$@" \
		>&"$full" 2>&1 &
	wait_for 20 blocked $!
	flock -n "$LOCK" true && free=yes
	is "$(blocked $! && echo unread) $free" "unread yes" \
		"unread: xroam $*: the lock is free"
	kill $!
	wait $! 2>/dev/null
}

sed 's/10.8.0.2, vips/10.8.0.3, vips/' "$CONFIG" >"$WORLD_DIR/other.yaml"
unread export
unread vip show
unread backend show
unread -j backend show
unread apply "$WORLD_DIR/other.yaml"
unread vm move "$VM" to nosuch
unread -v vm move "$VM" to h2
unread vm cancel "$VM"
unread -v backend set b1 weight 3
unread dev attach nosuch
is "$(fact host) $(xr -j backend show | pick '.[0].address')" "h2 10.8.0.3" \
	"what they said was done is"
exec {full}<&-

# ---- programs, which the kernel verifies before it is taken ----

# verified ARGS...: what others had of the lock while xroam loaded programs
verified()
{
	rm -f "$WORLD_DIR/loads"
	LOADS=$WORLD_DIR/loads LD_PRELOAD=$WORLD_BUILD/tests/net/loads.so xr "$@" >/dev/null
	sort -u "$WORLD_DIR/loads" 2>/dev/null
}

export LOCK
sed 's/^hosts:/policy: {vm_ttl: 299}\nhosts:/' "$WORLD_DIR/other.yaml" >"$WORLD_DIR/ttl.yaml"
sed '/^hosts:/,$d; s/299/298/' "$WORLD_DIR/ttl.yaml" >"$WORLD_DIR/none.yaml"
printf '%s: []\n' hosts vms vips backends >>"$WORLD_DIR/none.yaml"
ok "a device is attached" xr dev attach eth0
if [ "$(xr -j dev show | pick '.[0].how')" = dispatcher ]; then
	skip 9 "libxdp's dispatcher runs them, and loads them itself"
else
	is "$(verified dev attach eth1)" free "dev attach of another: the lock is free while its program is verified"
	is "$(verified reload)" free "reload"
	is "$(verified apply "$WORLD_DIR/ttl.yaml")" free "apply of another policy"
	is "$(verified backend del b1)" "" "where no others are needed none is loaded"
	is "$(verified vip del 192.0.2.10:80/udp)" free "the last VIP goes"
	is "$(verified vip add 192.0.2.10:80/udp)" free "the first one comes"
	is "$(verified apply "$WORLD_DIR/none.yaml")" free "all hosts and VIPs go, with another policy: two programs each"
	is "$(verified host add h1 vxlan 10.8.0.1 vni 100 local)" free "the first host comes"
	is "$(verified apply "$CONFIG")" free "and all others"
fi

# ---- a process that keeps it ----

keep_lock
holder=$(pid holder)
(
	xr vm cancel "$VM" >"$WORLD_DIR/waited" 2>&1
	echo $? >>"$WORLD_DIR/waited"
) &
waits=$!
ok "a look does without it" xr -j vm show "$VM"
wait $waits
like "$(<"$WORLD_DIR/waited")" \
	"instance \"$WORLD-n1\".* pid $holder \(sleep 1000\)" \
	"a command gives up, and says whose it is"
is "$(sed '/warning/d' "$WORLD_DIR/waited" | wc -l) $(tail -n 1 "$WORLD_DIR/waited")" \
	"2 1" "  in one line, and exits 1"
stop holder
ok "when it has ended nothing is left of it" xr vm cancel "$VM"

# ---- the daemon beside one who keeps it ----

mkfifo "$WORLD_DIR/orders"
start qemu n1 $PYTHON "$LIB/qemu.py" "$WORLD_DIR/vm.qmp" "$WORLD_DIR/orders"
cat >>"$CONFIG" <<-EOT
	sources: {qmp: [{socket: $WORLD_DIR/vm.qmp, vm: {mac: "$VM"}, to: h2, gate: true}]}
EOT

# shellcheck disable=SC2317 # called by name
heard() { grep -q "$1" "$WORLD_DIR/qemu.out"; }
# shellcheck disable=SC2317 # called by name
looks() { [ "$(fact state) $(fact host)" = "$1" ]; }
says() { timeout 5 tee "$WORLD_DIR/orders" >/dev/null <<<"$1"; }

# On the way back nothing is believed to have moved.
xr vm move "$VM" to h1 >/dev/null 2>&1
ok "a daemon, with a QEMU" run_daemon -c "$CONFIG"
wait_for 10 heard query-migrate
says "migration active"
ok "its migration begins" wait_for 10 looks "prepared h1"
keep_lock
says $'event STOP\nmigration pre-switchover'
notify say "{\"notice\":\"cancel\",\"mac\":\"$VM\"}"
like "$(pick .ok,error <<<"$PRINTED")" \
	"false .*\"$WORLD-n1\".* pid $(pid holder) \(sleep 1000\)" \
	"a notice is refused, and the client told whose it is"
ok "the QEMU at the gate is let through nevertheless" wait_for 10 \
	heard migrate-continue
is "$(fact state)" prepared "though nothing could be done for it"
stop holder
ok "what was missed is made up for" wait_for 10 looks "blackout h1"
says "migration completed"
ok "  and what comes then" wait_for 10 looks "moved h2"

keep_lock
kill -HUP "$(pid daemon)"
stall_begin
since=$(date +%s%N)
daemon_end
is $? 0 "SIGTERM ends a daemon that has no lock, and reads its file"
stall_end
cmp_ok $((($(date +%s%N) - since) / 1000000)) -lt $((3000 + 10 * STALLED)) \
	"  at once"
stop holder
ok "nothing is left of it" xr vm move "$VM" to h1
done_testing
