#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# What does not get out, to a full disk or a closed descriptor, is a failure that is
# told: of every command, as text and as JSON, short or long.
# shellcheck source=tests/net/lib/daemonworld.sh
. "$(dirname "$0")/lib/daemonworld.sh"
daemon_world_up
ok "apply" xr apply "$CONFIG"
for i in $(seq 60); do
	echo "  - {mac: \"52:54:00:00:01:$(printf %02x "$i")\", at: h1}"
done >>"$CONFIG"
ok "many VMs" xr apply "$CONFIG"
ok "and something of each kind" sh -c "
	x() { nsenter --net=/run/netns/$WORLD-n1 $XROAM -i $WORLD-n1 \"\$@\"; }
	x dev attach eth0 && x vip add 192.0.2.1:443/udp cid &&
	x cid add 1 format quic-lb server-id-length 8 nonce-length 8 &&
	x backend add a vip 192.0.2.1:443/udp address 10.8.0.2 server-id 0102030405060708"
xr export >"$CONFIG" || bail "no export"	# a file says all that there is

# full WHERE ARGS...: one line on stderr, status 1
full()
{
	local where=$1 out status

	shift
	if [ "$where" = closed ]; then
		out=$(xr "$@" 2>&1 >&-)
	else
		out=$(xr "$@" 2>&1 >"$where")
	fi
	status=$?
	if [ $status = 1 ] && [ "$(wc -l <<<"$out")" = 1 ] &&
	   [[ $out =~ "cannot write the output" ]]; then
		pass "$where: $*"
	else
		fail "$where: $*" "status $status: $out"
	fi
}

for words in help -V "help vm" "vm help" "dev show" "vip show" "backend show" "cid show" \
	     "host show" "vm show" stats "stats reason" status export \
	     "check $CONFIG" \
	     "cid encode 1 server-id 0102030405060708" \
	     "cid decode 10aabbccddeeff00112233445566778899" \
	     "explain 020000000801020000000802080045000014000000004011000a0a0800020a080001" \
	     reload "stats --watch 1" "apply $CONFIG"; do
	# shellcheck disable=SC2086
	full /dev/full $words
	# shellcheck disable=SC2086
	full /dev/full -j $words
done
full /dev/full dev attach eth1
full closed -j vm show
full closed vm show
full closed help
# monitor ends, too, as soon as there is something to say
xr -j monitor >/dev/full 2>"$WORLD_DIR/out" &
monitor=$!
until ! kill -0 $monitor 2>/dev/null; do
	xr vip add 192.0.2.9:80/udp
	xr vip del 192.0.2.9:80/udp
done
wait $monitor
is $? 1 "monitor ends with 1"
like "$(<"$WORLD_DIR/out")" '^\{"error":"cannot write the output: ' "and says why"
full /dev/full destroy
done_testing
