#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Replacing the program, and changing the configuration, under traffic: not one
# datagram is lost, none goes astray.
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
world_up
ok "attach" attach_lb
attach_servers
serve 80 81
ok "TCP" balance "$VIP4:80/tcp"
balance_gue "$VIP4:81/udp"

start udp c1 "$PEER" ask -c 20 -n 0 -i 1 udp "$VIP4" 81
start tcp c2 "$PEER" ask -c 10 -n 0 -d 20000 tcp "$VIP4" 80
sleep 0.3
reloads=0
for i in 1 2 3 4 5; do
	xr reload >/dev/null && reloads=$((reloads + 1))
done
is $reloads 5 "five reloads under load"
changes=0
for i in 1 2 3 4 5; do
	xr vip add "$VIP4B:$i/tcp" &&
		xr backend add "x$i" vip "$VIP4B:$i/tcp" address "$(addr4 s1)" &&
		xr backend set us1 weight $((i + 1)) &&
		xr backend set us2 address "$(addr4 s2)" &&
		changes=$((changes + 1))
done
xr export >"$WORLD_DIR/now" || fail "export"
for i in 1 2 3; do
	xr backend del "x$i" && xr apply "$WORLD_DIR/now" >/dev/null &&
		changes=$((changes + 1))
done
is $changes 8 "changes of VIPs, backends, weights, and apply"
ok "reload of the backends' side" xr_on s1 reload
sleep 0.3
client_end udp
is "$(figure lost) $(figure moved) $(figure broken)" "0 0 0" \
	"no datagram of $(figure asked) lost or astray"
cmp_ok "$(figure asked)" -gt 2000 "there was load"
client_end tcp
is "$(figure lost) $(figure moved) $(figure broken)" "0 0 0" "no connection hurt"
is "$(xr -j backend show | jq 'length')" \
	"$(xr -j backend show | jq '[.[].name] | unique | length')" \
	"every backend is there once"
done_testing
