#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A backend's states, with connections open all the while.
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
world_up
ok "attach" attach_lb
attach_servers
serve 80 81

xr vip add "$VIP4:80/tcp"
xr vip add "$VIP4:81/udp"
for s in s1 s2 s3; do
	xr backend add $s vip "$VIP4:80/tcp" address "$(addr4 $s)"
	xr backend add u$s vip "$VIP4:81/udp" address "$(addr4 $s)"
done

start tcp c1 "$PEER" ask -c 60 -n 0 -i 50 tcp "$VIP4" 80
start udp c1 "$PEER" ask -c 60 -n 0 -i 50 udp "$VIP4" 81
sleep 0.5

ok "s1 drains" xr backend set s1 state draining
ok "also for UDP" xr backend set us1 state draining
ok "new TCP connections" ask c2 -c 100 tcp "$VIP4" 80
is "$(share s1)" 0 "none of them goes to s1"
ok "new UDP flows" ask c2 -c 100 udp "$VIP4" 81
is "$(share s1)" 0 "none of them goes to s1, either"
sleep 0.5
client_end tcp
is "$(figure lost) $(figure moved) $(figure broken)" "0 0 0" \
	"TCP connections stay where they were"
cmp_ok "$(share s1)" -gt 5 "s1 had some of them"
client_end udp
is "$(figure lost) $(figure moved) $(figure broken)" "0 0 0" \
	"UDP flows stay where they were"
cmp_ok "$(share s1)" -gt 5 "s1 had some of these"

ok "s1 is up again" xr backend set s1 state up
xr backend set us1 state up
ok "new connections find it" ask c2 -c 100 tcp "$VIP4" 80
cmp_ok "$(share s1)" -gt 10 "s1 has its part again"

start udp c1 "$PEER" ask -c 90 -n 0 -i 20 udp "$VIP4" 81
sleep 0.5
ok "s2 goes down" xr backend set us2 state down
sleep 0.5
client_end udp
is "$(figure lost)" 0 "UDP flows of a down server are answered by others at once"
is "$(figure moved)" "$(share s2)" "exactly those moved"
ok "new flows" ask c2 -c 60 udp "$VIP4" 81
is "$(share s2)" 0 "none goes to s2"
cmp_ok "$(reason flow-moved)" -gt 0 "counted as flow-moved"

for s in us1 us3; do
	ok "$s goes down, too" xr backend set $s state down
done
in_ns c2 "$PEER" ask -t 200 udp "$VIP4" 81 >/dev/null
cmp_ok "$(reason no-backend)" -gt 0 "then packets drop as no-backend"
done_testing
