#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The unit as systemd runs it: ready, reloading and failed when it says so, started again
# when it is killed or hangs, adopting what there is; two instances side by side; all with
# no packet lost, in its sandbox, as its own user.
# shellcheck disable=SC2317 # functions that wait_for calls
# shellcheck source=tests/net/lib/container.sh
. "$(dirname "$0")/lib/container.sh" "$@"

prepare()
{
	make -s --no-print-directory BUILD="${BUILD:-build}" DESTDIR="$ROOT" PREFIX=/usr install
}

container_up prepare

# ---- the machine ----

# c --- lb0 [here] be0 --- s: the VIP is on s, too, and its packets go there by their MAC.
ip netns add c || bail "no namespaces"
ip netns add s || bail "no namespaces"
ip link set lo up
link()
{
	ip link add "$1" address "02:00:00:00:0$4:fe" type veth peer name eth0 \
		address "02:00:00:00:0$4:02" netns "$2"
	ip addr add "$3.254/24" dev "$1"
	ip link set "$1" up
	ip -n "$2" link set lo up
	ip -n "$2" addr add "$3.2/24" dev eth0
	ip -n "$2" link set eth0 up
	ip -n "$2" route add default via "$3.254"
	ip neigh replace "$3.2" lladdr "02:00:00:00:0$4:02" dev "$1" nud permanent
	ip -n "$2" neigh replace "$3.254" lladdr "02:00:00:00:0$4:fe" dev eth0 nud permanent
}
link lb0 c 10.1.0 1
link be0 s 10.2.0 2
ip -n s addr add 192.0.2.1/32 dev lo
ip netns exec s sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0

# config NAME DEV [MORE]: /etc/xroam/NAME.yaml
config()
{
	mkdir -p /etc/xroam
	cat >"/etc/xroam/$1.yaml" <<-END
		devices: [{name: $2, mode: generic}]
		vips: [{address: 192.0.2.1, port: 7000, protocol: udp}${3+, $3}]
		backends: [{name: s1, address: 10.2.0.2, forward: l2, vips: ["192.0.2.1:7000/udp"]}]
	END
	chmod 600 "/etc/xroam/$1.yaml"
}

fact() { systemctl show -P "$2" "xroam@$1"; }
is_fact() { [ "$(fact "$1" "$2")" = "$3" ]; }
pid() { fact a MainPID; }
program() { xroam -i a -j dev show | jq -r '.[].program_id'; }

systemd-sysusers || bail "no users"
config a lb0

# ---- ready, as whom, and with what ----

ok "the unit starts" systemctl start xroam@a
is "$(fact a ActiveState) $(fact a SubState) $(fact a StatusText)" "active running watching" \
	"it was ready when the start was over, and says what it does"
is "$(ps -o user= -p "$(pid)")" xroam "it runs as its own user"
is "$(sed -n 's/^Cap\(Inh\|Amb\):[[:space:]]*//p' "/proc/$(pid)/status" | paste -sd' ')" \
	"0000000000000000 0000000000000000" "and what it starts has no right of it"
is "$(xroam -i a -j dev show | jq -r '.[] | .device, .state' | paste -sd' ')" "lb0 attached" \
	"its program is attached"
is "$(stat -c '%U:%G %a' /run/xroam/a.sock)" "xroam:xroam 660" "its socket is its group's"
is "$(journalctl -q -u xroam@a -o json | jq -r 'select(.MESSAGE | test("watching")) |
	"\(.SYSLOG_IDENTIFIER) \(._SYSTEMD_UNIT) \(._COMM)"' | head -n 1)" \
	"xroam xroam@a.service xroam" "its log is the journal's, by its name"
ok "its sandbox is 4.2 or better" \
	systemd-analyze security --threshold=42 xroam@a

# ---- packets, from here on to the end ----

cat >/test/sink.py <<'END'
import signal, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)  # SO_RCVBUFFORCE
s.bind(("192.0.2.1", 7000))
s.settimeout(0.5)
seen, ends = set(), []
signal.signal(signal.SIGTERM, lambda *_: ends.append(1))
print("ready", flush=True)
while True:
    try:
        seen.add(s.recv(64))
    except TimeoutError:
        if ends:
            break
print(len(seen), flush=True)
END
cat >/test/source.py <<'END'
import signal, socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
ends, n = [], 0
signal.signal(signal.SIGTERM, lambda *_: ends.append(1))
while not ends:
    s.sendto(b"%d" % n, ("192.0.2.1", 7000))
    n += 1
    time.sleep(0.001)
print(n, flush=True)
END
ip netns exec s python3 /test/sink.py >/test/got &
sink=$!
wait_for 10 grep -q ready /test/got
ip netns exec c python3 /test/source.py >/test/sent &
source=$!
packets() { xroam -i a -j vip show | jq '.[0].packets'; }
moved() { [ "$(packets)" -gt "$1" ]; }
ok "packets of the VIP come" wait_for 10 moved 50

# ---- killed ----

was=$(program) first=$(pid)
kill -KILL "$first"
ok "killed, it is started again" wait_for 10 is_fact a NRestarts 1
ok "and is ready again" wait_for 10 is_fact a ActiveState active
is "$(program)" "$was" "it adopted the attached program"

# ---- hangs ----

mkdir -p /run/systemd/system/xroam@a.service.d
printf '[Service]\nWatchdogSec=1\n' >/run/systemd/system/xroam@a.service.d/test.conf
# Of the drop-ins that xroam-run(8) has, those that take something away.
printf '[Service]\nAmbientCapabilities=~CAP_SYS_PTRACE\nCapabilityBoundingSet=~CAP_SYS_PTRACE\n' \
	>/run/systemd/system/xroam@a.service.d/less.conf
systemctl daemon-reload
systemctl restart xroam@a
is "$(program)" "$was" "a restart adopts it, too"
kill -STOP "$(pid)"
ok "one that hangs is ended by the watchdog" wait_for 10 is_fact a NRestarts 1
ok "and started again" wait_for 10 is_fact a ActiveState active
like "$(journalctl -q -u xroam@a -o cat)" "Watchdog timeout" "the journal says why"
printf '[Service]\nWatchdogSec=10\n' >/run/systemd/system/xroam@a.service.d/test.conf
systemctl daemon-reload

# ---- its file again ----

config a lb0 '{address: 192.0.2.1, port: 7001, protocol: udp}'
has_vip() { xroam -i a -j vip show | jq -e --arg v "192.0.2.1:$1/udp" 'any(.vip == $v)'; }
# While somebody has the instance's lock, its file cannot be taken over.
exec 8</run/xroam/a/lock
flock 8
systemctl reload --no-block xroam@a
ok "it is reloading while it cannot take its file over" wait_for 10 is_fact a ActiveState reloading
flock -u 8
exec 8<&-
ok "and active when it has" wait_for 10 is_fact a ActiveState active
ok "the file's new VIP is there then" has_vip 7001
echo "colour: red" >>/etc/xroam/a.yaml
ok "a reload with a wrong file is refused" sh -c '! systemctl reload xroam@a'
is "$(fact a ActiveState)" active "the daemon goes on"
like "$(journalctl -q -u xroam@a -o cat)" "a.yaml:4: .*colour" "the journal says what is wrong"
ok "with what it had" has_vip 7001

# ---- late, wrong, and two at once ----

config b late0
ok "an instance whose device is not there" systemctl start --no-block xroam@b
ok "waits" wait_for 10 is_fact b ActiveState activating
waits_for_device() { [[ $(fact b StatusText) == *late0* ]]; }
ok "and says for what" wait_for 10 waits_for_device
printf 'colour: red\n' >/etc/xroam/wrong.yaml
systemctl start --no-block xroam@wrong
says() { journalctl -q -u xroam@wrong -o cat | grep -q "wrong.yaml:1: "; }
ok "a wrong file is named with its line" wait_for 10 says
is "$(fact wrong ActiveState) $(ls /sys/fs/bpf/xroam)" "activating a" \
	"it is not given up, and nothing is made of it"
config wrong lb1
ok "put right, it is taken at once" systemctl restart --no-block xroam@wrong
ip link add lb1 type veth peer name lb1p
ok "and is ready" wait_for 10 is_fact wrong ActiveState active
ip link add late0 type veth peer name late1
ok "the late device comes, and is taken" wait_for 10 is_fact b ActiveState active
ok "one of them stops" systemctl stop xroam@b
is "$(fact a ActiveState) $(fact wrong ActiveState)" "active active" "the others do not"
ok "nor lose their sockets" test -S /run/xroam/a.sock

# ---- stopped ----

before=$(packets)
ok "the daemon stops" systemctl stop xroam@a
is "$(xroam -i a -j dev show | jq -r '.[] | "\(.state) \(.program_id)"')" "attached $was" \
	"its program stays"
is "$(fact a Result) $(fact a ActiveState)" "success inactive" "with success"
ok "and packets go on" wait_for 10 moved $((before + 200))

kill -TERM $source
wait $source
kill -TERM $sink
wait $sink
cmp_ok "$(</test/sent)" -gt 1000 "packets were sent all the time"
is "$(tail -n 1 /test/got)" "$(</test/sent)" "and all came"
is "$(journalctl -q -o cat _COMM=xroam | grep -iE 'not permitted|denied' | head -n 3)" "" \
	"the sandbox was in nobody's way"
done_testing
