#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# What health checks cost: processor time of the daemon with BACKENDS backends, each probed
# every 2 s, by tcp and by quic. Its part is what it uses itself, "with the other side" has
# what the kernel does for the answering machine in the same turn, as both share a veth pair.
# shellcheck disable=SC2317,SC2119 # called by name
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/../net/lib/world.sh"
BACKENDS=${1-10000} SECONDS_EACH=${2-20}
world_up -s 1
ok "attach" attach_lb
ok "attach the backends' side" attach_servers
serve 80
start quic s1 "$WORLD_BUILD/tests/quic/xr_server" --name s1 "$VIP4" 443

# cpu PID: hundredths of a second so far
cpu()
{
	awk '{ print $14 + $15 }' "/proc/$1/stat"
}

# config PROTOCOL PORT TYPE
config()
{
	cat <<-EOT
		limits: {backends: $BACKENDS}
		policy: {health_rate: 100000}
		health_checks:
		  - {name: c, type: $3, interval: 2, timeout: 1}
		vips:
		  - {address: "$VIP4", port: $2, protocol: $1, health_check: c}
		backends:
	EOT
	seq "$BACKENDS" | sed "s|.*|  - {name: b&, address: $(addr4 s1), vips: [\"$VIP4:$2/$1\"]}|"
}

known()
{
	[ "$(xr -j health show | jq '.[0].up')" = "$BACKENDS" ]
}

measure()
{
	local before after up pid

	config "$1" "$2" "$3" >"$WORLD_DIR/$3.yaml"
	xr destroy >/dev/null 2>&1
	xr apply "$WORLD_DIR/$3.yaml" >/dev/null || return
	attach_lb || return
	start daemon lb1 "$XROAM" -i "$(instance lb1)" run
	ok "$3: all $BACKENDS are up" wait_for 20 known
	pid=$(pid daemon)
	before=$(cpu "$pid")
	sleep "$SECONDS_EACH"
	after=$(cpu "$pid")
	up=$(xr -j health show | jq '.[0].up')
	is "$up" "$BACKENDS" "$3: and still are"
	echo "# $3: $BACKENDS backends, every 2 s: $(((after - before) * 100 / SECONDS_EACH))/100 % of a core," \
		"$(((after - before) * 20000 / SECONDS_EACH / BACKENDS)) us a probe"
	[ -z "${VERBOSE-}" ] || cat "$WORLD_DIR/daemon.err"
	stop daemon
}

measure tcp 80 tcp
measure udp 443 quic
done_testing
