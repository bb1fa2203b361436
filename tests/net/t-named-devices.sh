#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A device that hosts and backends name may be deleted and made anew, with another
# number, or be renamed: status says so, and what looks again finds it.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
world_begin
world_lone lb1 10.8.0.1/24 peer0
ip()
{
	command ip -n "$(ns lb1)" "$@"
}
# Each with a number that no other had.
number=100
port() # NAME
{
	number=$((number + 1))
	ip link add "$1" index "$number" type veth peer name "far$number" &&
		ip link set "$1" up && ip link set "far$number" up
}

# The numbers that packets to the three go to.
ways()
{
	bpftool -j map dump pinned "/sys/fs/bpf/xroam/$(instance lb1)/paths" |
		jq -r '[.[].formatted.value | select(.ifindex > 0).ifindex] |
			sort | join(" ")'
}

wrong()
{
	xr -j status | jq -r '.wrong[] | select(test("device p[12]")) |
		sub(":.* device"; ": device") | sub(" (here )?now.*|,.*"; "")' | sort
}

ok "ports" eval 'port p1 && port p2'
cat >"$WORLD_DIR/file" <<EOT
devices: [{name: eth0}]
hosts:
- {name: h1, dev: p1}
- {name: h2, dev: p2, mac: "02:00:00:00:00:02"}
vips: [{address: 192.0.2.1, port: 80, protocol: udp}]
backends:
- {name: a, address: 10.8.0.2, vips: ["192.0.2.1:80/udp"], forward: l2,
   mac: "02:00:00:00:00:03", dev: p1}
EOT
ok "hosts and a backend by them" xr apply "$WORLD_DIR/file"
is "$(ways)" "101 101 102" "packets go there"
is "$(wrong)" "" "nothing is wrong with that"

gone="backend a: device p1
host h1: device p1
host h2: device p2"
ok "both are deleted" eval 'ip link del p1 && ip link del p2'
is "$(wrong)" "$gone" "status says that they are gone"
ok "an edit all the same" xr vip add 192.0.2.1:81/udp
is "$(wrong)" "$gone" "it still does"
xr vip del 192.0.2.1:81/udp
ok "both are made anew" eval 'port p1 && port p2'
is "$(wrong)" "backend a: device p1 was made anew
host h1: device p1 was made anew
host h2: device p2 was made anew" "status says that, too"
is "$(xr apply "$WORLD_DIR/file")" "nothing to change" "the file is what it was"
is "$(ways)" "103 103 104" "but apply has looked again"
is "$(wrong)" "" "nothing is wrong any more"

ok "anew once more" eval 'ip link del p1 && ip link del p2 && port p1 && port p2'
ok "reload" xr reload
is "$(ways)" "105 105 106" "looks again, too"

start daemon lb1 "$XROAM" -i "$(instance lb1)" run
wait_for 5 grep -q watching "$WORLD_DIR/daemon.err" || bail "no daemon"
ok "with a daemon" eval 'ip link del p1 && ip link del p2 && port p1 && port p2'
# shellcheck disable=SC2317 # called by name
followed()
{
	[ "$(ways)" = "107 107 108" ]
}
ok "it needs nobody" wait_for 5 followed
ok "renamed" eval 'ip link set p1 down && ip link set p1 name q1 &&
	ip link set q1 up'
ok "reload" xr reload
is "$(ways)" "107 107 108" "it goes on where it went"
is "$(wrong)" "backend a: device p1
host h1: device p1" "but the name is nobody's"
stop daemon
is $? 0 "the daemon ends"
done_testing
