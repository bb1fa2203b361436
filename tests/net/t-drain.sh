#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# drain: withdrawn, quiet, detached, and so it stays whatever is applied or restarted or
# killed; undrain: as it was.
# shellcheck source=tests/net/lib/world.sh disable=SC2317 # called by name
. "$(dirname "$0")/lib/world.sh"
world_up -s 2
A="$VIP4:80/tcp" B="$VIP4:80/udp"

prepare()
{
	cat >"$WORLD_DIR/$1.yaml" <<-EOT
	policy: {vip_table: $2, vip_hold: 0, vip_route: off}
	secret: $(printf '%064d' 7)
	devices: [{name: eth0}]
	cid: []
	vips:
	  - {address: $VIP4, port: 80, protocol: tcp, announce: true}
	  - {address: $VIP4, port: 80, protocol: udp}
	backends:
	  - {name: s1, address: $(addr4 s1), vips: ["$A", "$B"]}
	  - {name: s2, address: $(addr4 s2), vips: ["$A", "$B"]}
	EOT
	xr_on "$1" apply "$WORLD_DIR/$1.yaml"
}

routes() { ip -n "$WORLD-lb1" route show table all proto 140 | grep -c blackhole; }
drained() { xr -j status | pick .drain.state; }
dev_state() { xr -j dev show | pick '.[].device,state,mode'; }

# ---- alone ----

ok "lb1" prepare lb1 1977
is "$(routes)" 1 "it is announced"
is "$(xr undrain)" "the node was not drained" "undrain without drain"
refused 2 "drain.*in full" "a prefix does not drain" dra
before=$(xr export)
out=$(xr drain --quiet 1)
is $? 0 "drain"
like "$out" "eth0: detached.*drained; \"xroam undrain\"" "says what it did"
is "$(routes) / $(drained) / $(dev_state)" "0 / drained / eth0 drained native" "nothing is left"
is "$(in_ns lb1 ip -j link show eth0 | pick -d 0 '.[0].xdp.mode')" 0 "no program"
like "$(xr -j vip show "$A" | pick '.[0].not_announced')" "drained" "vip show says why"
is "$(xr status --check | grep -c announced)" 0 "which is not wrong"
like "$(xr status --check)" "the node is drained, no packet is seen; \"xroam undrain\"" \
	"but that no packet is seen, and the cure is undrain"
refused 1 "the node is drained.*\"xroam undrain\"" "nothing to capture" capture -c 1
like "$(xr status)" "drained since .* eth0 detached; \"xroam undrain\"" "but said"
is "$(xr export)" "$before" "export has the device still"
ok "drain again" xr drain
is "$(xr apply "$WORLD_DIR/lb1.yaml" | head -n 1)" "nothing to change" "apply leaves it so"
ok "a change" xr backend add s3 vip "$A" address "$(addr4 s2)"
ok "reload" xr reload
refused 1 "drained; \"xroam undrain\"" "dev attach does not" dev attach eth0
start d lb1 "$XROAM" -i "$(instance lb1)" run -c "$WORLD_DIR/lb1.yaml"
ok "a daemon that applies its file" wait_for 5 grep -q watching "$WORLD_DIR/d.err"
is "$(routes) / $(dev_state)" "0 / eth0 drained native" "neither"
stop d
is "$(xr undrain)" "the node serves again" "undrain"
start w lb1 "$XROAM" -i "$(instance lb1)" drain --wait 600 --quiet 600
is_begun() { [ "$(drained)" != no ]; }
ok "one that waits" wait_for 10 is_begun
ok "is undrained meanwhile" xr undrain
finish w
is "$? $(<"$WORLD_DIR/w.err")" "1 xroam: somebody has undrained the node meanwhile" \
	"it ends, and says that"
start w lb1 "$XROAM" -i "$(instance lb1)" drain --wait 600 --quiet 600
ok "another one waits" wait_for 10 is_begun
ok "a second one does not wait so long" xr drain --quiet 1
stop w
ok "undrain" xr undrain
is "$(routes) / $(drained) / $(dev_state)" "1 / no / eth0 attached native" "all is as it was"
is "$(xr export)" "$before" "export, too"
start d lb1 "$XROAM" -i "$(instance lb1)" run &&
	wait_for 5 grep -q watching "$WORLD_DIR/d.err" && stop d
is "$(routes) / $(drained)" "1 / no" "of the daemon drains nothing"

# Killed at any moment: what is half done is gone on with, or taken back.
for ms in 5 10 20 40 80 160; do
	start k lb1 "$XROAM" -i "$(instance lb1)" drain --wait 0 --force
	sleep "$(printf '0.%03d' "$ms")"
	stop k KILL
	xr drain --wait 0 --force >/dev/null
	is "$(routes) / $(drained) / $(dev_state)" "0 / drained / eth0 drained native" \
		"drained though killed after $ms ms"
	start k lb1 "$XROAM" -i "$(instance lb1)" undrain
	sleep "$(printf '0.%03d' "$ms")"
	stop k KILL
	xr undrain >/dev/null
	is "$(routes) / $(drained) / $(dev_state)" "1 / no / eth0 attached native" "and back"
done

ok "drained" xr drain --wait 0 --force
ok "another mode in the file" sed -i 's/{name: eth0}/{name: eth0, mode: generic}/' "$WORLD_DIR/lb1.yaml"
ok "apply" xr apply "$WORLD_DIR/lb1.yaml"
ok "undrain" xr undrain
is "$(dev_state)" "eth0 attached generic" "attaches as the file has it now"
ok "native" sed -i 's/, mode: generic//' "$WORLD_DIR/lb1.yaml"
xr dev detach eth0
ok "apply" xr apply "$WORLD_DIR/lb1.yaml"
ok "with hosts" xr host add h1 vxlan 10.1.0.99 vni 5
like "$(xr drain --wait 0 --force)" "the programs stay: .*VMs" "the programs stay"
is "$(routes) / $(drained) / $(dev_state)" "0 / drained / eth0 attached native" "withdrawn"
ok "--vms" xr drain --vms --wait 0 --force
is "$(dev_state)" "eth0 drained native" "takes them off"
ok "undrain" xr undrain
ok "no host" xr host del h1

# ---- packets that go on coming ----

start noise c1 /usr/bin/python3 -c 'import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
while True:
	s.sendto(b"x", (sys.argv[1], 80))
	time.sleep(0.01)' "$VIP4"
noisy() { [ "$(xr -j stats vip | pick '.vips[].packets' | sum)" -gt "$1" ]; }
ok "packets come" wait_for 10 noisy 100
refused 1 "not drained: after 2 seconds packets still come for $B \([0-9]+ a second\); \"xroam drain\" again waits on, --force" \
	"drain does not wait for ever" drain --wait 2 --quiet 1 --state "$WORLD_DIR/none"
is "$(routes) / $(drained) / $(dev_state)" "0 / draining / eth0 attached native" \
	"the VIPs stay withdrawn, the programs stay"
ok "no state is written" test ! -e "$WORLD_DIR/none"
like "$(xr -j drain --wait 0 --quiet 1 2>&1)" '^\{"error": ?"withdrawn, but not' "in JSON, too"
stop noise
ok "drain again, when it is quiet" xr drain --quiet 1
is "$(drained) / $(dev_state)" "drained / eth0 drained native" "goes on from there"
ok "undrain" xr undrain

# ---- with its state ----

xr host add h1 vxlan 10.1.0.99 vni 5
xr vm add 52:54:00:00:00:01 at h1
refused 1 "none/state.part: No such file or directory" "a file that cannot be made" \
	drain --vms --wait 0 --force --state "$WORLD_DIR/none/state"
is "$(routes) / $(dev_state)" "0 / eth0 attached native" "withdrawn, and the programs stay"
ok "drain --state" xr drain --vms --wait 0 --force --state "$WORLD_DIR/state"
is "$(dev_state)" "eth0 drained native" "takes them off"
is "$(stat -c %a "$WORLD_DIR/state")" 600 "a file for its owner alone"
xr export --keys | sed 's/eth0/none0/' >"$WORLD_DIR/other.yaml"
chmod 600 "$WORLD_DIR/other.yaml"
other() { in_ns c2 "$XROAM" -i "$(instance other)" "$@"; }
sed -i '/^vms:/,$d' "$WORLD_DIR/other.yaml"
sed -i '/^devices:/,/^[^ -]/{/^devices:/d;/^[- ]/d}' "$WORLD_DIR/other.yaml"
ok "another node's instance" other apply "$WORLD_DIR/other.yaml"
is "$(other -j state import "$WORLD_DIR/state" | pick .vms.new,no_host)" "1 0" "takes it"
ok "undrain" xr undrain

done_testing
