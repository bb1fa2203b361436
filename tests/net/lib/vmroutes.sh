# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Hosts of vmworld.sh that announce the VM to the router "gw". Beside routers.sh:
#
#	with_routes NODE [KEYS]	a daemon with what NODE runs, and vm_routes with these
#				keys; what has left is held for an hour
#	end_hold NODE		what has left NODE is held no longer
#	ways_lead HOST...	whether the router's ways to both addresses are these
#	reached			c2 reaches the VM by both
#	watch_ways		from here on the router's ways are written down
#	router_follows FROM TO CMD...	the VM moves by CMD: the router has both hosts'
#				ways, then TO's alone, and never none; $TOOK gets how long
#				after TO's own route its first way came
#
# shellcheck source=tests/net/lib/routers.sh
. "$(dirname "${BASH_SOURCE[0]}")/routers.sh"
# shellcheck source=tests/net/lib/vmworld.sh
. "$(dirname "${BASH_SOURCE[0]}")/vmworld.sh"
TOOK=''

with_routes()
{
	xr_on "$1" export >"$WORLD_DIR/$1.yaml" || return
	echo "vm_routes: {hold: 3600${2+, $2}}" >>"$WORLD_DIR/$1.yaml"
	start "daemon-$1" "$1" "$XROAM" -i "$WORLD-$1" run -c "$WORLD_DIR/$1.yaml"
	wait_for 10 grep -q watching "$WORLD_DIR/daemon-$1.err"
}

# read_again NODE N: the daemon has read its file so often
# shellcheck disable=SC2317
read_again() { [ "$(grep -c "read again" "$WORLD_DIR/daemon-$1.err")" -ge "$2" ]; }

# hold NODE SECONDS
hold()
{
	local before

	before=$(grep -c "read again" "$WORLD_DIR/daemon-$1.err")
	sed -i "s/hold: [0-9]*/hold: $2/" "$WORLD_DIR/$1.yaml"
	kill -HUP "$(pid "daemon-$1")"
	wait_for 10 read_again "$1" $((before + 1))
}

end_hold()
{
	hold "$1" 0
}

# shellcheck disable=SC2317
ways_lead()
{
	local host four='' six=''

	for host; do
		four+=" $(underlay4 "$host")"
		six+=" $(underlay6 "$host")"
	done
	[ "$(way_to "$VM_ADDR4" gw)" = "${four# }" ] && [ "$(way_to "$VM_ADDR6" gw)" = "${six# }" ]
}

# shellcheck disable=SC2317
reached()
{
	in_ns c2 ping -qc1 -W1 "$VM_ADDR4" >/dev/null && in_ns c2 ping -qc1 -W1 "$VM_ADDR6" >/dev/null
}

watch_ways()
{
	local node

	for node in gw h1 h2; do
		start "ways-$node" "$node" stdbuf -oL ip -ts monitor route
	done
	wait_for 5 watches
}

# Its socket is there.
# shellcheck disable=SC2317
watches()
{
	local node

	for node in gw h1 h2; do
		grep -q "$(pid "ways-$node")" <(in_ns "$node" cat /proc/net/netlink | awk '$2 == 0 && $4 != "00000000" { print $3 }') || return
	done
}

# at_ms NODE REGEX: of the first line like that
at_ms()
{
	local at

	at=$(sed -n "s/^\[\([^]]*\)\] .*$2.*/\1/p" "$WORLD_DIR/ways-$1.out" | head -n 1)
	[ -z "$at" ] || echo $(($(date -d "$at" +%s%N) / 1000000))
}

router_follows()
{
	local from=$1 to=$2 node addr own way

	shift 2
	for node in gw h1 h2; do
		: >"$WORLD_DIR/ways-$node.out"
	done
	hold h1 3600
	hold h2 3600
	ok "from $from to $to" "$@"
	ok "the router has both ways" wait_for 30 ways_lead h1 h2
	ok "and reaches the VM" wait_for 10 reached
	ok "the old one is held no longer" end_hold "$from"
	ok "it has the new one alone" wait_for 30 ways_lead "$to"
	ok "and reaches the VM" wait_for 10 reached
	is "$(grep -c "Deleted \(${VM_ADDR4//./\\.}\|$VM_ADDR6\) proto bird" "$WORLD_DIR/ways-gw.out")" 0 \
		"it was never without"
	for addr in "$VM_ADDR4" "$VM_ADDR6"; do
		own=$(at_ms "$to" "${addr//./\\.} dev.*proto 141") way=$(at_ms gw "${addr//./\\.} proto bird")
		ok "the host's route and the router's were seen" test -n "$own" -a -n "$way"
		TOOK+=" $((way - own))"
	done
}
