#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Hostile clients of the metrics: what they send is refused, what they hold is bounded, and
# neither an honest client nor a notice waits for them.
# shellcheck disable=SC2034,SC2317 # NODE is lib/metrics.sh's; functions called by name
# shellcheck source-path=SCRIPTDIR source=lib/metrics.sh
NODE=n1
. "$(dirname "$0")/lib/metrics.sh"

world_begin
metrics_files
world_lone n1 10.8.0.1/24 eth1
ip -n "$WORLD-n1" neigh replace 10.8.0.2 lladdr 02:00:00:00:08:02 dev eth0 nud permanent
{
	echo 'metrics: {}'
	echo 'hosts: [{name: h1, vxlan: 10.8.0.1, vni: 100, local: true}, {name: h2, vxlan: 10.8.0.2, vni: 100}]'
	echo 'vms: [{mac: "52:54:00:00:00:01", at: h1}]'
	echo 'vips:'
	for ((i = 1; i <= 200; i++)); do
		echo "  - {address: 192.0.2.$i, port: 80, protocol: tcp}"
	done
	echo 'backends:'
	for ((i = 1; i <= 1500; i++)); do
		echo "  - {name: b$i, address: 10.8.0.2, vips: [\"192.0.2.$((i % 200 + 1)):80/tcp\"]}"
	done
} >"$CONFIG"
run_daemon -c "$CONFIG" || bail "no daemon"
wait_for 10 scrape || bail "no metrics"

http() { in_ns n1 "$PYTHON" "$LIB/http.py" "$@" 2>&1; }
# status EXPECTED DESCRIPTION TEXT
status() { is "$(http say "$3" | cut -d' ' -f2)" "$1" "$2"; }

H='Host: 127.0.0.1:9978\r\n'
status 200 "GET" "GET /metrics HTTP/1.1\\r\\n$H\\r\\n"
status 200 "HEAD" "HEAD / HTTP/1.1\\r\\n$H\\r\\n"
is "$(in_ns n1 curl -sI "$URL/metrics" | grep -ci '^content-length: [1-9]')" 1 "which has the length, and no more"
for method in POST PUT DELETE OPTIONS TRACE PATCH CONNECT "$(printf 'X%.0s' {1..300})"; do
	status 405 "${method:0:8}: only GET and HEAD" "$method / HTTP/1.1\\r\\n${H}Content-Length: 0\\r\\n\\r\\n"
done
status 405 "a body that never comes is not waited for" "POST / HTTP/1.1\\r\\n${H}Content-Length: 99999999\\r\\n\\r\\nx"
for host in evil.example evil.example:9978 127.0.0.1.evil.example 10.8.0.1 '127.0.0.1:9978@evil' '[::2]' localhostx 'localhost:9978x'; do
	status 421 "Host $host: a page from elsewhere" "GET / HTTP/1.1\\r\\nHost: $host\\r\\n\\r\\n"
done
for host in localhost LOCALHOST:1 127.0.0.1 '[::1]' '[::1]:80' 127.9.9.9; do
	status 200 "Host $host: this machine" "GET / HTTP/1.1\\r\\nHost: $host\\r\\n\\r\\n"
done
status 400 "no Host" "GET / HTTP/1.1\\r\\n\\r\\n"
status 404 "another path" "GET /../etc/passwd HTTP/1.1\\r\\n$H\\r\\n"
status 404 "an absolute one" "GET http://evil.example/metrics HTTP/1.1\\r\\n$H\\r\\n"
for what in '\0\0\0\0\r\n\r\n' '\r\n\r\n\r\n' 'GET\r\n\r\n' "GET / HTTP/1.1\\r\\n${H}X: $(printf 'y%.0s' {1..20000})\\r\\n\\r\\n" \
	"GET / HTTP/1.1\\r\\n${H}X: $(printf 'y%.0s' {1..100000})" "GET /$(printf 'y%.0s' {1..20000}) HTTP/1.1\\r\\n$H\\r\\n" "GET / HTTP/9.9\\r\\n$H\\r\\n"; do
	like "$(http say "$what" | cut -c 1-60)" "^(HTTP/1.[01] (4|5)|closed)" \
		"${what:0:12}...: refused or closed"
done
headers=$(in_ns n1 curl -s -D - -o /dev/null "$URL/")
for header in "Content-Security-Policy: default-src 'none'" "X-Content-Type-Options: nosniff" "Cache-Control: no-store" \
	"Cross-Origin-Resource-Policy: same-origin" "X-Frame-Options: DENY"; do
	like "$headers" "$header" "$header"
done
ok "nothing lets another origin read it" no grep -qi access-control <<<"$headers"

# ---- those that hold on ----

start drip n1 "$PYTHON" "$LIB/http.py" drip 60
start many n1 "$PYTHON" "$LIB/http.py" many 1000 'GET / HTTP/1.1\r\nHost: x'
held() { grep -q held "$WORLD_DIR/$1.out"; }
ok "a thousand requests that never end" wait_for 20 held many
ok "an honest client is answered all the same" scrape
cmp_ok "$(metric xroam_http_connections)" -le 64 "and connections are few"
cmp_ok "$(metric xroam_http_cut_off_total)" -ge 900 "the others were cut off, and counted"
stop many KILL
start deaf n1 "$PYTHON" "$LIB/http.py" deaf 60
ok "sixty that ask for all and read nothing" wait_for 20 held deaf
ok "an honest one is answered" scrape
child=$(pgrep -P "$(pid daemon)" -x xroam-metrics)
cmp_ok "$(awk '/^RssAnon/ { print $2 }' "/proc/$child/status")" -le 65536 "in less than 64 MB"

# A notice waits for none of them: the socket's answers, while all of it goes on.
http cut 50 >/dev/null &
ok "notices are obeyed meanwhile" xr_on n1 vm move 52:54:00:00:00:01 to h2
wait $!
stop deaf KILL
few() { scrape && [ "$(metric xroam_http_connections)" -le 5 ]; }
ok "when they are gone, their places are free" wait_for 20 few
wait_for 30 grep -q . "$WORLD_DIR/drip.out"
is "$(cat "$WORLD_DIR/drip.out")" "cut off" "an octet every half a second: cut off"
is "$(pgrep -P "$(pid daemon)" -x xroam-metrics)" "$child" "it is the same process as at first"
ok "and the daemon never said a word" no grep -q metrics: "$WORLD_DIR/daemon.err"
done_testing
