#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Health checks by HTTP and by a command: what servers and programs may do wrong, and that
# nothing but the status decides.
# shellcheck disable=SC2317,SC2016 # called by name; by eval
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
world_up -s 3

state()
{
	xr -j backend show "$1" | pick '.[0].health.state'
}

last_error()
{
	xr -j backend show "$1" | pick '.[0].health.last_error'
}

all_are()
{
	local want=$1 name

	shift
	for name; do
		[ "$(state "$name")" = "$want" ] || return
	done
}

# It answers as the path says.
cat >"$WORLD_DIR/server.py" <<'E2'
import http.server, socketserver, ssl, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *args):
        pass
    def do_GET(self):
        if self.path == "/slow":
            time.sleep(30)
        status = {"/redirect": 302, "/fault": 503, "/gone": 404}.get(self.path, 200)
        self.send_response(status)
        if self.path == "/redirect":
            self.send_header("Location", "http://127.0.0.1/never")
        if self.path == "/endless":
            self.end_headers()
            while True:
                self.wfile.write(b"x" * 65536)
        if self.path == "/header":
            while True:
                self.wfile.write(b"X-Long: " + b"x" * 65536 + b"\r\n")
        self.send_header("Content-Length", "0")
        self.send_header("X-Host", self.headers.get("Host", ""))
        self.end_headers()
class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True
server = Server(("0.0.0.0", int(sys.argv[1])), Handler)
if len(sys.argv) > 2:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2])
    server.socket = context.wrap_socket(server.socket, server_side=True)
print("ready", flush=True)
server.serve_forever()
E2
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$WORLD_DIR/key.pem" -days 30 \
	-subj /CN=web.example -out "$WORLD_DIR/cert.pem" 2>/dev/null
cat "$WORLD_DIR/key.pem" >>"$WORLD_DIR/cert.pem"
start http s1 /usr/bin/python3 "$WORLD_DIR/server.py" 8080
start https s1 /usr/bin/python3 "$WORLD_DIR/server.py" 8443 "$WORLD_DIR/cert.pem"
ok "servers" wait_for 5 eval 'cat "$WORLD_DIR"/http.out "$WORLD_DIR"/https.out | grep -c ready | grep -q 2'

ok "attach" attach_lb
ok "attach the backends' side" attach_servers
# What was found last: on a busy machine that there was no time, now and then.
found()
{
	[[ $(last_error "$1") =~ $2 ]]
}

add()
{
	local name=$1 type=${TYPE-http} port=${PORT-8080}

	shift
	xr health add "$name" type "$type" port "$port" interval 1 timeout 0.9 rise 1 fall 3 "$@"
	xr backend add "$name" vip "$VIP4:80/tcp" address "$(addr4 s1)" health "$name"
}
xr vip add "$VIP4:80/tcp"
add good path /ok
add endless path /endless
add redirect path /redirect
add no-redirect path /redirect status 200-299
add fault path /fault
add wanted path /gone status 200,404
add slow path /slow
add header path /header
PORT=8443 add plain
TYPE=https PORT=8443 add tls host web.example
TYPE=https PORT=8443 add verified host web.example verify
cat >"$WORLD_DIR/check" <<'E2'
#!/bin/sh
echo "$XROAM_BACKEND at $XROAM_ADDRESS for $XROAM_VIP port $XROAM_PORT: $1"
echo "second line"
case $XROAM_BACKEND in
c-good)	exit 0 ;;
c-hangs) sleep 999 & sleep 999 ;;
c-killed) kill -9 $$ ;;
esac
exit 3
E2
chmod +x "$WORLD_DIR/check"
xr health add cmd type command interval 1 timeout 0.9 rise 1 fall 3 command "$WORLD_DIR/check" 'a;b $c'
xr health add lost type command interval 1 timeout 0.9 fall 2 command /no/such/program
for name in c-good c-bad c-hangs c-killed; do
	xr backend add $name vip "$VIP4:80/tcp" address "$(addr4 s1)" health cmd
done
xr backend add c-lost vip "$VIP4:80/tcp" address "$(addr4 s1)" health lost

start daemon lb1 "$XROAM" -i "$(instance lb1)" run
ok "200 is good; so is an endless body" wait_for 5 all_are up good endless
ok "302 is good by default, and not followed" wait_for 5 all_are up redirect
ok "404 is good where it is wanted" wait_for 5 all_are up wanted
ok "HTTPS with a certificate that nobody signed is good" wait_for 5 all_are up tls
ok "all others are bad" wait_for 5 all_are down no-redirect fault slow header verified plain
ok "302 where 200 is wanted" wait_for 10 found no-redirect "status 302, not 200-299"
ok "503" wait_for 10 found fault "http $VIP4:8080: status 503, not 200-399"
ok "a server that says nothing" wait_for 10 found slow "no status within 0.9 s"
ok "verify: the certificate is the reason" wait_for 10 found verified "[Cc]ertificate"
ok "a command that ends well" wait_for 5 all_are up c-good
ok "those that do not" wait_for 5 all_are down c-bad c-hangs c-killed c-lost
ok "its first line is the error; no shell saw its argument" wait_for 10 found c-bad \
	"^exit status 3: c-bad at $(addr4 s1) for $VIP4 port 80: a;b [$]c\$"
ok "one that hangs" wait_for 10 found c-hangs "^no end within 0.9 s\$"
ok "one that a signal ends" wait_for 10 found c-killed "ended by signal 9"
ok "one that there is not" wait_for 10 found c-lost "No such file"
stop http
ok "without the server its backends are down" wait_for 5 all_are down good endless redirect
ok "connection refused" wait_for 10 found good "refused"
is "$(in_ns lb1 ip -j rule show | jq length)" 3 "no rule was added to the node"
is "$(in_ns lb1 ip -j link show | jq '[.[] | select(.ifname | test("probe|tun"))] | length')" 0 "nor a device"
stop daemon
no_child()
{
	! pgrep -f "$WORLD_DIR/check" >/dev/null
}
ok "no program outlives the daemon" wait_for 5 no_child

# ---- a program that begins slowly has sockets that were closed long ago ----

# The server says nothing until the check's time is over: libcurl closes the socket, which the
# slow child still has. Then it answers what the kernel sends once more.
says_nothing()
{
	in_ns s1 nft -f - <<-EOT
		table inet deaf {
			chain in {
				type filter hook input priority 0
				tcp dport 8080 drop
			}
		}
	EOT
}

says_it_again()
{
	in_ns s1 nft delete table inet deaf
}

LD_PRELOAD=$WORLD_BUILD/tests/net/slowfork.so start daemon lb1 "$XROAM" -i "$(instance lb1)" run
ok "HTTP where nobody listens, beside commands" wait_for 10 found good "refused"
for _ in $(seq 8); do
	says_nothing
	sleep 0.85
	says_it_again
	sleep 0.75
done
ok "it goes on" wait_for 10 found good "refused"
ok "the daemon lives" kill -0 "$(pid daemon)"
stop daemon
done_testing
