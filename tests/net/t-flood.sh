#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Floods must not take the flow table from those who use it: an entry that has
# seen one packet only gives way first, an established one does not.
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
world_up -s 4
cat >"$WORLD_DIR/file" <<-EOT
	limits:
	  flows: 2048
	vips:
	  - { address: $VIP4, port: 80, protocol: tcp }
	  - { address: $VIP4, port: 443, protocol: udp, cid: on }
	backends:
	  - { name: s1, address: $(addr4 s1), vips: ["$VIP4:80/tcp", "$VIP4:443/udp"] }
	  - { name: s2, address: $(addr4 s2), vips: ["$VIP4:80/tcp", "$VIP4:443/udp"] }
	  - { name: s3, address: $(addr4 s3), vips: ["$VIP4:80/tcp", "$VIP4:443/udp"] }
EOT
ok "a small flow table" xr apply "$WORLD_DIR/file"
ok "attach" attach_lb
attach_servers
serve 80
ip -n "$(ns r)" route add blackhole 10.200.0.0/16

# rounds N: all connections have been answered N times more
rounds()
{
	local wanted=$(($(told) + $1))

	wait_for 20 eval "[ \$(told) -ge $wanted ]" || diag "no round $wanted"
}

told()
{
	grep -c ^round "$WORLD_DIR/flow.out"
}

# What is lost on the way is sent again later each time: time enough for an answer.
flood()
{
	start flow c1 "$PEER" ask -r -c 200 -n 0 -i 300 -t 60000 tcp "$VIP4" 80
	rounds 2
	ok "a flood: $1" in_ns c2 "$WORLD_BUILD/tests/net/flood" \
		-n 100000 -s 10.200.0.0/16 "$@"
	# Whoever lost the entry may land elsewhere now.
	xr backend add s4 vip "$VIP4:80/tcp" address "$(addr4 s4)" ||
		fail "add s4"
	rounds 2
	client_end flow
	is "$(figure lost) $(figure moved) $(figure broken)" "0 0 0" \
		"$1: all established connections are where they were"
	cmp_ok "$(figure answered)" -ge 600 "$1: and were in use"
	xr backend del s4
}

flood syn "$VIP4" 80
cmp_ok "$(reason flow-evict)" -gt 10000 "unestablished entries gave way"
flood initial "$VIP4" 443
# Not all get through a busy machine: many times the table is enough.
cmp_ok "$(reason initial)" -gt 20000 "they were Initials"
ok "a new connection works" ask c1 -c 20 -n 2 tcp "$VIP4" 80
done_testing
