#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Metrics over HTTP: each number is the command's own, none is undocumented, a name's past
# is not another one's, and whatever ends or moves, the rest goes on.
# shellcheck disable=SC2016,SC2119,SC2317 # sed's programs; functions called by name
# shellcheck source-path=SCRIPTDIR source=lib/metrics.sh
. "$(dirname "$0")/lib/metrics.sh"

world_up -s 2
attach_lb
attach_servers
serve 80
balance "$VIP4:80/tcp"
(umask 077; echo 5f4dcc3b5aa765d61d8327deb882cf99 >"$WORLD_DIR/key")
xr cid add 1 format quic-lb server-id-length 3 nonce-length 5 key-file "$WORLD_DIR/key"
xr health add fine type command interval 1 timeout 1 fall 100 command /bin/true
xr vip set "$VIP4:80/tcp" health fine
metrics_files
cat >"$WORLD_DIR/more.yaml" <<EOT
hosts:
  - {name: h1, vxlan: $(addr4 lb1), vni: 100, local: true}
  - {name: h2, vxlan: $(addr4 s1), vni: 100}
  - {name: h3, vxlan: $(addr4 s2), vni: 100}
vms:
  - {mac: "52:54:00:00:00:01", at: h1}
  - {mac: "52:54:00:00:00:02", at: h1}
  - {mac: "52:54:00:00:00:03", at: h1, vlan: 7}
sources: {qmp: [{socket: /nonexistent/monitor, vm: {mac: "52:54:00:00:00:01"}}]}
EOT
# Without the empty lists of what follows.
xr export --keys | sed "/^hosts:/d; /^vms:/d; /^gateways:/d" >"$WORLD_DIR/base.yaml"
cat "$WORLD_DIR/more.yaml" >>"$WORLD_DIR/base.yaml"
# The same with metrics: metrics LINE
metrics() { { cat "$WORLD_DIR/base.yaml"; echo "metrics: $1"; } >"$CONFIG"; }
metrics '{per_vm: 2}'
VM=52:54:00:00:00:01

run_daemon -c "$CONFIG" || bail "no daemon"
ok "it answers" wait_for 10 scrape
like "$(in_ns lb1 curl -s -D - -o /dev/null "$URL/metrics")" \
	"Content-Type: text/plain; version=0.0.4" "as text, version 0.0.4"
like "$(in_ns lb1 curl -s -D - -o /dev/null -H 'Accept: application/openmetrics-text' "$URL/metrics")" \
	"Content-Type: text/plain; version=0.0.4" "whatever else is asked for"
ok "promtool finds nothing to say" promtool check metrics <"$METRICS"
has_wrong() { scrape && grep -q '^xroam_wrong ' "$METRICS"; }
ok "what is wrong is looked for" wait_for 10 has_wrong
like "$(xr status)" "metrics   $URL/metrics, and a page at $URL/" "status says where they are"
is "$(metric xroam_wrong)" "$(xr -j status | pick '.wrong[]' | wc -l)" "and is what status says"

# ---- the same as docs/metrics.md ----

documented=$(sed -n 's/^| `\(xroam_[a-z_]*\)` | \([a-z]*\) |.*/\1 \2/p' "$WORLD_TOP/docs/metrics.md" | sort)
is "$(sed -n 's/^# TYPE //p' "$METRICS" | sort)" "$documented" \
	"each metric is in docs/metrics.md, and each of those is there"
# name{labels} as documented, but for le
labels() { sed -n 's/^| `\(xroam_[a-z_]*\)` | [a-z]* |\([a-z, ]*\)|.*/\1 \2/p' "$WORLD_TOP/docs/metrics.md" |
	tr -d , | sed 's/  */ /g; s/ $//' | sort; }
seen=$(grep -v '^#' "$METRICS" | sed -E 's/_(bucket|sum|count)([{ ])/\2/; s/([{,])le="[^"]*"/\1/; s/ [^ ]*$//' |
	sed -E 's/="([^"\\]|\\.)*"//g' | tr '{,}' ' ' | sed 's/  */ /g; s/ $//' | sort -u)
lack=$(comm -23 <(echo "$seen") <(labels))
is "$lack" "" "with the labels that it has there"

# ---- numbers ----

ask c1 -c 20 -n 2 tcp "$VIP4" 80
same_as_stats()
{
	local stats

	stats=$(xr -j stats) && scrape || return
	[ "$(metric "xroam_vip_packets_total{vip=\"$VIP4:80/tcp\"}")" = "$(pick '.vips[0].packets' <<<"$stats")" ] &&
	[ "$(series xroam_backend_packets_total)" = "$(pick '.backends[].backend,packets' <<<"$stats" | sort)" ] &&
	[ "$(series xroam_backend_bytes_total)" = "$(pick '.backends[].backend,bytes' <<<"$stats" | sort)" ] &&
	[ "$(series xroam_packets_total)" = "$(pick '.reasons[].reason,kind,packets' <<<"$stats" | sort)" ] &&
	[ "$(series xroam_bytes_total)" = "$(pick '.reasons[].reason,kind,bytes' <<<"$stats" | sort)" ] &&
	[ "$(series xroam_device_packets_total | awk '{ n += $NF } END { print n }')" = "$(pick '.devices[0].packets' <<<"$stats")" ]
}
ok "VIPs, backends, reasons and devices have the numbers of stats" wait_for 10 same_as_stats
cmp_ok "$(metric "xroam_vip_packets_total{vip=\"$VIP4:80/tcp\"}")" -ge 20 "and they are not 0"
is "$(metric 'xroam_vip_backends_usable{vip="'"$VIP4:80/tcp"'"}')" 2 "two backends are usable"
is "$(metric 'xroam_source_up{source="qmp",name="/nonexistent/monitor"}')" 0 "a monitor that is not there is down"
is "$(metric "xroam_source_up{source=\"socket\",name=\"$SOCKET\"}")" 1 "the socket is up"


# ---- health checks ----

found() { scrape && [ "$(metric 'xroam_backend_health{backend="s1",state="up"}')" = 1 ]; }
ok "what a health check finds" wait_for 20 found
cmp_ok "$(metric 'xroam_probes_total{check="fine",result="good"}')" -gt 0 "its probes are counted"
is "$(metric 'xroam_probes_total{check="fine",result="bad"}') $(metric xroam_backends_failing)" "0 0" "none is bad"
is "$(metric 'xroam_probe_seconds_count{check="fine"}')" \
	"$(metric 'xroam_probes_total{check="fine",result="good"}')" "each good one is timed"
is "$(metric "xroam_vip_serving{vip=\"$VIP4:80/tcp\"}")" 1 "its VIP serves"
ok "and is not to be announced" no grep -q ^xroam_vip_announced "$METRICS"

# ---- per VM: as many as asked for ----

is "$(grep -c ^xroam_vm_moves_total "$METRICS")" 2 "two of three VMs have series"
is "$(metric xroam_vms_left_out)" 1 "and one is counted as left out"

# ---- moves ----

counted() { scrape && [ "$(metric "$1")" = "$2" ]; }
# The daemon stands still, and not with the lock.
daemon_waits()
{
	kill -STOP "$(pid daemon)"
	flock -n "/run/xroam/$(instance lb1)/lock" true && return
	kill -CONT "$(pid daemon)"
	return 1
}
ok "a daemon that is late:" wait_for 10 daemon_waits
xr vm prepare $VM to h2 2>/dev/null >&2
xr vm pause $VM 2>/dev/null >&2
kill -CONT "$(pid daemon)"
ok "what a VM had not read is measured all the same: no frame" \
	wait_for 10 counted xroam_move_residual_frames_count 1
sleep 0.02
xr vm move $VM to h2 2>/dev/null >&2
xr vm prepare 52:54:00:00:00:02 to h2 2>/dev/null >&2
xr vm cancel 52:54:00:00:00:02 >/dev/null 2>&1
xr vm prepare 52:54:00:00:00:03 vlan 7 to h2 timeout 1 >/dev/null 2>&1
"$PYTHON" "$LIB/notify.py" "$SOCKET" say '{"notice":"moved","mac":"'$VM'","to":"h3"}' \
	'{"notice":"moved","mac":"'$VM'","to":"nowhere"}' >/dev/null 2>&1
ok "a move by command is counted" wait_for 10 counted 'xroam_moves_total{source="cli",result="moved"}' 1
ok "one by the socket" wait_for 10 counted 'xroam_moves_total{source="socket",result="moved"}' 1
ok "one that was called off" wait_for 10 counted 'xroam_moves_total{source="cli",result="cancelled"}' 1
is "$(metric 'xroam_notices_total{source="socket",result="done"}') $(metric 'xroam_notices_total{source="socket",result="refused"}')" \
	"1 1" "notices: one done, one refused"
# The move ends by itself, later than it is counted.
ok "one blackout" wait_for 10 counted xroam_move_blackout_seconds_count 1
is "$(metric 'xroam_move_blackout_seconds_bucket{le="0.01"}')" 0 "of more than 10 ms"
is "$(metric xroam_move_residual_frames_sum)" 0 "its residual is of no frame"
ok "from notice to effect: the one that had one" \
	wait_for 10 counted 'xroam_notice_effect_seconds_count{source="socket"}' 1
metrics '{per_vm: 10}'
kill -HUP "$(pid daemon)"
ok "with room for all, the VM has moved twice" wait_for 10 counted "xroam_vm_moves_total{mac=\"$VM\",vlan=\"0\"}" 2
ok "and none is left out" wait_for 10 counted xroam_vms_left_out 0
ok "one that nobody ended" wait_for 10 counted 'xroam_moves_total{source="cli",result="expired"}' 1

# ---- what begins at 0, and what does not ----

before=$(metric 'xroam_backend_packets_total{backend="s1"}')
vip=$(metric "xroam_vip_packets_total{vip=\"$VIP4:80/tcp\"}")
xr reload >/dev/null
kill -HUP "$(pid daemon)"
wait_for 10 grep -q "read again" "$WORLD_DIR/daemon.err"
scrape
cmp_ok "$(metric 'xroam_backend_packets_total{backend="s1"}')" -ge "$before" "reload and SIGHUP take no count away"
xr backend del s1 >/dev/null
xr backend add other vip "$VIP4:80/tcp" address "$(addr4 s1)" weight 0 >/dev/null
sleep 0.2
scrape
is "$(metric 'xroam_backend_packets_total{backend="other"}')" 0 "another backend in its place has not its past"
ok "and s1 is gone" test -z "$(metric 'xroam_backend_packets_total{backend="s1"}')"
xr backend del other >/dev/null
xr backend add s1 vip "$VIP4:80/tcp" address "$(addr4 s1)" >/dev/null
sleep 0.2
scrape
is "$(metric 'xroam_backend_packets_total{backend="s1"}')" 0 "s1, added again, begins at 0"
cmp_ok "$(metric "xroam_vip_packets_total{vip=\"$VIP4:80/tcp\"}")" -ge "$vip" "its VIP does not"

# ---- names from elsewhere ----

in_ns lb1 ip link add 'q"\x' type veth peer name $'\xff\xc3' >/dev/null
xr dev attach 'q"\x' mode generic >/dev/null 2>&1
xr dev attach $'\xff\xc3' mode generic >/dev/null 2>&1
sleep 0.2
scrape
ok "names of any octets: promtool reads them" promtool check metrics <"$METRICS"
ok "a quote and a backslash are escaped" grep -qF 'xroam_device_info{device="q\"\\x",' "$METRICS"
in_ns lb1 ip link del 'q"\x'

# ---- it moves, with the file ----

UNIX=$WORLD_DIR/m.sock
metrics "{listen: $UNIX}"
kill -HUP "$(pid daemon)"
at_path() { in_ns lb1 curl -sf --unix-socket "$UNIX" http://any.host/metrics >"$METRICS"; }
ok "SIGHUP moves it to a Unix socket" wait_for 10 at_path
is "$(stat -c %a "$UNIX")" 660 "which is not for everybody"
is "$(xr -j status | pick .metrics)" "$UNIX" "and status says so"
ok "the port is closed" no in_ns lb1 curl -sf "$URL/metrics" -o /dev/null
ok "no VM has series now" no grep -q ^xroam_vm_ "$METRICS"
start taker lb1 "$PYTHON" -c 'import socket, time
s = socket.create_server(("127.0.0.1", 9978)); time.sleep(600)'
listens() { in_ns lb1 ss -Hltn "sport = :9978" | grep -q .; }
wait_for 10 listens
metrics '{}'
kill -HUP "$(pid daemon)"
taken() { xr -j status | pick '.wrong[]' | grep -q "127\.0\.0\.1:9978: another process listens there"; }
ok "where its port is taken, status says so" wait_for 10 taken
ok "and the Unix socket is gone" no test -e "$UNIX"
is "$(xr -j status | pick .metrics)" null "they are served nowhere"
ok "the daemon goes on" xr vm move $VM to h2
stop taker KILL
ok "it is there as soon as the port is free" wait_for 20 scrape
ok "and nothing is wrong with it any more" no taken

# As often as it tries somebody connects there.
start taker lb1 "$PYTHON" -c 'import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
for i in range(4): s.accept()
os.unlink(sys.argv[1])' "$UNIX"
ok "somebody has its path" wait_for 10 test -S "$UNIX"
metrics "{listen: $UNIX}"
kill -HUP "$(pid daemon)"
ok "four times it tries, then the path is free" wait_for 20 at_path
is "$(grep -c "$UNIX: another process" "$WORLD_DIR/daemon.err")" 1 "which the log has once"
metrics '{}'
kill -HUP "$(pid daemon)"
ok "back to the port" wait_for 10 scrape

# ---- ends ----

child() { pgrep -P "$(pid daemon)" -x xroam-metrics; }
first=$(child)
ok "the server is a child" test -n "$first"
is "$(awk '/^CapEff|^CapPrm|^NoNewPrivs/ { print $2 }' "/proc/$first/status" | tr '\n' ' ')" \
	"0000000000280002 0000000000280002 1 " "it may look at programs and namespaces, and no more"
# has_key PID: whether the key is anywhere in the process's memory
has_key()
{
	"$PYTHON" - "$1" <<-'END'
		import sys
		key, found = bytes.fromhex("5f4dcc3b5aa765d61d8327deb882cf99"), False
		with open("/proc/%s/maps" % sys.argv[1]) as maps, open("/proc/%s/mem" % sys.argv[1], "rb") as mem:
		    for line in maps:
		        start, end = (int(n, 16) for n in line.split()[0].split("-"))
		        try:
		            mem.seek(start)
		            text = mem.read(end - start)
		            found = found or key in text or key.hex().encode() in text
		        except (OSError, ValueError, OverflowError):
		            pass
		sys.exit(not found)
	END
}
ok "the daemon has the keys of CIDs" has_key "$(pid daemon)"
ok "its child has none" no has_key "$first"
kill -KILL "$first"
back() { [ "$(child)" != "$first" ] && scrape; }
ok "killed, it is started again" wait_for 20 back
second=$(child)
daemon_end KILL
gone() { ! kill -0 "$second"; }
ok "the daemon killed, its child goes" wait_for 10 gone
ok "and the next daemon serves" run_daemon -c "$CONFIG"
ok "at once" wait_for 10 scrape
cmp_ok "$(metric "xroam_vip_packets_total{vip=\"$VIP4:80/tcp\"}")" -ge "$vip" "the maps' counters are whole"
is "$(metric 'xroam_moves_total{source="cli",result="moved"}')" 0 "its own begin at 0"
sed -i '/^metrics/d' "$CONFIG"
kill -HUP "$(pid daemon)"
off() { ! scrape && ! child; }
ok "without metrics in its file it serves none" wait_for 10 off

# ---- what is refused ----

# refuses LISTEN REGEX
refuses()
{
	printf 'metrics: {listen: "%s"}\n' "$1" >"$WORLD_DIR/bad.yaml"
	refused 1 "bad.yaml:1: listen: .*$2" "$1 is refused" check "$WORLD_DIR/bad.yaml"
}
refuses 0.0.0.0:9978 "neither TLS nor a password.*listen on 127.0.0.1:9978 and put a reverse proxy"
refuses "[::]:9978" "reached from elsewhere"
refuses 192.0.2.1:80 "reached from elsewhere"
refuses localhost:9978 "names are not looked up"
refuses 9978 "no place to listen"
refuses 127.0.0.1:0 "the port of"
refuses "::1:9978" "no address"
refuses "/$(printf 'x%.0s' {1..120})" "at most 107 octets"
done_testing
