#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A backend that does not serve leaves the hash, by TCP and QUIC checks over every kind of
# tunnel; what is no backend's fault changes nothing.
# shellcheck disable=SC2317 # called by name
# shellcheck source=tests/net/lib/health.sh
. "$(dirname "$0")/lib/health.sh"
world_up -s 3

# state BACKEND: "down" or such by its probes, "kept" where it is kept all the same
state()
{
	local said

	said=$(xr -j backend show "$1" | pick '.[0].health.kept,state')
	[ "${said% *}" = true ] && echo kept || echo "${said#* }"
}

is_state()
{
	[ "$(state "$1")" = "$2" ]
}

all_are()
{
	local want=$1 name

	shift
	for name; do
		is_state "$name" "$want" || return
	done
}

# have_answered_since FAILED BACKEND...: later than FAILED was found down
have_answered_since()
{
	local failed name last

	failed=$(xr -j backend show "$1" | pick '.[0].health.since')
	shift
	for name; do
		last=$(xr -j backend show "$name" | pick '.[0].health.state,last_probe')
		[[ $last =~ ^up\ ([0-9]+)$ && ${BASH_REMATCH[1]} -gt $failed ]] || return
	done
}

failures()
{
	xr -j backend show | pick '.[].health.failures' | sum
}

failures_begin()
{
	before=$(failures)
	stall_begin
}

# no_more_failures DESCRIPTION: but the machine may keep who answers from the processor for as long
# as a check waits.
no_more_failures()
{
	stall_end
	[ $((STALLED / 10)) -lt 100 ] || before=$(failures)
	is "$(failures)" "$before" "$1"
}

# by_cid: a short header whose connection ID names s1's QUIC server
by_cid()
{
	in_ns c1 /usr/bin/python3 -c '
import socket, sys
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(
    bytes.fromhex("40" "08" "00000001" "1122334455") + bytes(30), (sys.argv[1], 443))' "$VIP4"
}

# policy KEY VALUE
policy()
{
	xr export | sed "s/^  $1: .*/  $1: $2/" >"$WORLD_DIR/policy.yaml"
	xr apply "$WORLD_DIR/policy.yaml" >/dev/null
}

ok "attach" attach_lb
ok "attach the backends' side" attach_servers
serve 80
for s in s1 s2 s3; do
	start "quic-$s" "$s" "$WORLD_BUILD/tests/quic/xr_server" --name "$s" "$VIP4" 443
done
xr health add tcp type tcp interval 0.4 timeout 0.35 rise 2 fall 3
xr health add quic type quic interval 0.4 timeout 0.35 rise 2 fall 3
ok "a VIP with a check" xr vip add "$VIP4:80/tcp" health tcp
for vip in "[$VIP6]:80/tcp" "$VIP4B:80/tcp"; do
	xr vip add "$vip"
done
xr vip add "$VIP4:443/udp" cid
xr cid add 0 format quic-lb server-id-length 4 nonce-length 5
xr vip set "[$VIP6]:80/tcp" health tcp
for s in s1 s2 s3; do
	xr backend add $s vip "$VIP4:80/tcp" address "$(addr4 $s)"
	xr backend add gue-$s vip "[$VIP6]:80/tcp" address "$(addr4 $s)" forward gue
	xr backend add quic-$s vip "$VIP4:443/udp" address "$(addr6 $s)" health quic \
		server-id "0000000${s#s}"
done
for s in s1 s2; do
	xr backend add vxlan-$s vip "$VIP4B:80/tcp" address "$(addr4 $s)" forward vxlan \
		vni 77 mac "$(mac $s eth0)" health tcp
done
l2=()
for s in s1 s2; do
	xr backend add l2-$s vip "[$VIP6]:80/tcp" address "$(addr6 $s)" forward l2 && l2+=("l2-$s")
done
is "$(state s1)" unknown "before a daemon runs nothing is known, and all serve"

ok "the daemon" run_daemon
ok "IPIP: all answer" wait_for 5 all_are up s1 s2 s3
ok "IPv6 in GUE over IPv4: all answer" wait_for 5 all_are up gue-s1 gue-s2 gue-s3
ok "VXLAN: all answer" wait_for 5 all_are up vxlan-s1 vxlan-s2
ok "l2: all answer" wait_for 5 all_are up "${l2[@]}"
ok "QUIC in IPIP over IPv6: all answer" wait_for 5 all_are up quic-s1 quic-s2 quic-s3
is "$(reason hash)" 0 \
	"no probe counts as a client's packet"

ok "they are counted" metric_above 'xroam_probes_total{check="tcp",result="good"}' 0
ok "and timed" metric_above 'xroam_probe_seconds_count{check="quic"}' 0
is "$(metric xroam_backends_failing)" 0 "none fails"
before=$(reason cid)
by_cid
cmp_ok "$(reason cid)" -gt "$before" "a CID of s1 is sent there"

# ---- a server that is gone ----

start monitor lb1 "$XROAM" -i "$(instance lb1)" monitor kind audit
wait_for 10 xr status >/dev/null
stop peer-s1
stop quic-s1
ok "its backends are down" wait_for 5 all_are down s1 gue-s1 vxlan-s1 l2-s1
ok "and the one of QUIC" wait_for 5 is_state quic-s1 down
ok "the audit has it: by what, from what to what, and why" wait_for 10 grep -Eq \
	"health (tcp|quic): backend .*s1: up -> down: (tcp|quic) .*: (connection refused|no answer)" \
	"$WORLD_DIR/monitor.out"
ok "metrics have it" wait_for 10 metric_is 'xroam_backend_health{backend="quic-s1",state="down"}' 1
is "$(metric 'xroam_backend_operator_state{backend="quic-s1",state="up"}')" 1 \
	"beside the operator's state"
is "$(metric 'xroam_backend_health_failures_total{backend="quic-s1"}')" 1 "it has failed once"
before=$(reason backend-down)
by_cid
cmp_ok "$(reason backend-down)" -gt "$before" "its CIDs are dropped, by policy down: drop"
policy down fallback
before=$(reason hash)
by_cid
cmp_ok "$(reason hash)" -gt "$before" "or go to another, by fallback"
policy down drop
failures_begin
forged=$(metric xroam_probes_forged_total)
ok "forged answers, for a second" in_ns c1 /usr/bin/python3 "$(dirname "$0")/lib/forge.py" \
	"$VIP4" "$VIP6" "$(addr4 lb1)" "$(addr6 lb1)" "$(probe_port)"
ok "arrive" wait_for 10 metric_above xroam_probes_forged_total "$((forged + 300))"
ok "and bring nothing back" all_are down s1 gue-s1 quic-s1
ok "nor anything down" all_are up s2 gue-s2 quic-s2
no_more_failures "not for a moment"
like "$(xr -j backend show s1 | pick '.[0].health.last_error')" "connection refused" \
	"TCP: refused, says its last error"
like "$(xr -j backend show quic-s1 | pick '.[0].health.last_error')" "no answer within 0.35 s" \
	"QUIC: no answer, says its last error"
is "$(xr -j backend show s1 | jq -r '.[0] | .state + " " + .serves_as')" "up down" \
	"the operator's state stays, what it serves as does not"
ok "clients go elsewhere" ask c1 -c 60 tcp "$VIP4" 80
is "$(share s1)" 0 "none to s1"
is "$(xr -j vip show "$VIP4:80/tcp" | pick '.[0].backends_up')" 2 "vip show counts two"
like "$(xr status)" "backend s1: health checks have failed for [0-9]+ s: tcp" "status says so"
xr status --check >/dev/null
is $? 1 "and so does status --check"
serves s1 80
ok "it is back" wait_for 5 all_are up s1 gue-s1 vxlan-s1
ok "and serves" ask c1 -c 60 tcp "$VIP4" 80
cmp_ok "$(share s1)" -gt 0 "s1 has a part"

# ---- the server is alive, the way is not ----

xr_on s2 dev detach eth0 >/dev/null
ok "without a tunnel's end its backends fail" wait_for 5 all_are down s2 gue-s2 vxlan-s2
ok "but for the one without a tunnel" is_state l2-s2 up
xr_on s2 dev attach eth0 role backend >/dev/null
ok "with one they are back" wait_for 5 all_are up s2 gue-s2 vxlan-s2

# ---- what is no backend's fault ----

failures_begin
kill -STOP "$(pid daemon)"
sleep 1.5
kill -CONT "$(pid daemon)"
sleep 0.5
no_more_failures "a daemon that was stopped takes no silence for an answer"
failures_begin
kill -KILL "$(pid daemon)"
finish daemon 2>/dev/null
is "$(state quic-s1)" down "without a daemon all stays: down"
is "$(state s2)" up "and up"
ok "another daemon" run_daemon
ok "asks" wait_for 10 metric_above 'xroam_probes_total{check="quic",result="good"}' 6
no_more_failures "which adopts what was found"
is "$(state quic-s1)" down "down stays down"

# ---- all fail ----

announced() { ip -n "$(ns lb1)" route show proto 140 | grep -q "$VIP4"; }
withdrawn() { ! announced; }
ok "the VIP is to be announced" xr vip set "$VIP4:80/tcp" announce on
ok "and is" wait_for 10 announced
stop peer-s1
ok "one fails" wait_for 5 is_state s1 down
ok "and the others answer after that" wait_for 5 have_answered_since s1 s2 s3
stop peer-s2
stop peer-s3
ok "the last two fail together: they are kept" wait_for 5 all_are kept s2 s3
is "$(state s1)" down "the one that had failed before is not"
ok "the VIP is withdrawn: other nodes may serve" wait_for 10 withdrawn
ok "metrics: it is not announced" wait_for 10 metric_is "xroam_vip_announced{vip=\"$VIP4:80/tcp\"}" 0
ok "it does not serve" metric_is "xroam_vip_serving{vip=\"$VIP4:80/tcp\"}" 0
ok "another one does" metric_is "xroam_vip_serving{vip=\"$VIP4:443/udp\"}" 1
like "$(xr status)" "vip $VIP4:80/tcp: health checks fail for all backends that are up" "status says so"
policy health_failed none
ok "by policy none is kept" all_are down s1 s2 s3
is "$(xr -j vip show "$VIP4:80/tcp" | pick '.[0].backends_up')" 0 "no backend serves"
policy health_failed keep
serve 80
ok "all are back" wait_for 5 all_are up s1 s2 s3
ok "and the VIP is announced again" wait_for 10 announced
ok "no longer" xr vip set "$VIP4:80/tcp" announce off

# ---- all together not more than so many a second ----

probes()
{
	in_ns lb1 curl -sf --unix-socket "$WORLD_DIR/metrics.sock" http://localhost/metrics |
		awk '/^xroam_probes_total/ { n += $NF } END { print n }'
}
policy health_rate 5
ok "the log says that they have to wait" wait_for 5 \
	grep -q "want [0-9]* probes a second, policy.health_rate is 5" "$WORLD_DIR/daemon.err"
from=$(date +%s%N)
before=$(probes)
sleep 1.5
n=$(($(probes) - before))
# Some were on their way, and one may be early.
cmp_ok $n -le $((5 * ($(date +%s%N) - from) / 1000000000 + 14)) "and they do"
policy health_rate 10000

# ---- flaps ----

policy health_flaps 2
policy health_flap_seconds 600
for i in 1 2; do
	stop peer-s1
	ok "failure $i" wait_for 5 is_state s1 down
	serves s1 80
	[ $i = 2 ] || wait_for 5 is_state s1 up
done
answers_but_is_damped()
{
	[ "$(metric "$GOOD")" -gt "$good" ] &&
		[ "$(xr -j backend show s1 | jq -c '.[0].health | [.state, .damped]')" = '["down",true]' ]
}
GOOD='xroam_probes_total{check="tcp",result="good"}'
good=$(metric "$GOOD")
ok "twice in ten minutes: it answers, but is damped" wait_for 10 answers_but_is_damped
policy health_flap_seconds 4
ok "it is back after a while without a failure" wait_for 10 is_state s1 up

# ---- the configuration ----

ok "another port" xr health set tcp port 81
ok "where nobody listens: kept" wait_for 5 all_are kept s1 s2 s3
ok "no check" xr vip set "$VIP4:80/tcp" health none
is "$(xr -j backend show s1 | jq -c '.[0] | [.serves_as, .health]')" '["up",null]' \
	"what the check found is gone with it"
xr export >"$WORLD_DIR/export.yaml"
like "$(xr apply "$WORLD_DIR/export.yaml" --dry-run)" '^$|nothing|no change' "export gives what is there"
like "$(sed '/^health_checks:/,/^vips:/{/^vips:/!d}' "$WORLD_DIR/export.yaml" >"$WORLD_DIR/left.yaml"
	xr check "$WORLD_DIR/left.yaml" 2>&1)" "there is no health check tcp" "a name without its check is refused"
refused 1 "path, host and status are for types http and https" "a path that no probe asks for" \
	health add path type tcp path /ready
refused 1 "path, host and status are for types http and https" "nor may one get it" \
	health set quic status 200
refused 1 "health check quic is that of quic-s1" "a check in use stays" health del quic
xr backend set s1 state down
xr vip set "$VIP4:80/tcp" health tcp
xr health set tcp port 80
ok "down by the operator is down, whatever its probes say" wait_for 5 is_state s1 up
is "$(xr -j backend show s1 | pick '.[0].serves_as')" down "as before"
done_testing
