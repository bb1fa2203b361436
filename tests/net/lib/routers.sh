# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Routing daemons on nodes of world.sh, from the guide's own text. Beside walk.sh:
#
#	routers_begin		what they need; skips where they are not installed
#	bird_on NODE WALK	BIRD with the file that the guide has under that name
#	birdc_on NODE WORD...	its client
#	frr_on NODE WALK	the same with FRR's zebra and bgpd
#	frr_with NODE FILE	with that file
#	way_to ADDRESS [NODE]	the router's next hops to it, sorted
#	ways_are WAYS ADDRESS	whether they are these
#	routers_end		ends FRR's daemons, which detach
#
# shellcheck source=tests/net/lib/walk.sh
. "$(dirname "${BASH_SOURCE[0]}")/walk.sh"

FRR=/usr/lib/frr

routers_begin()
{
	if ! command -v bird >/dev/null || ! [ -x $FRR/bgpd ]; then
		skip_all "needs bird2 and frr"
	fi
}

# The files between the marks: walk() makes a script that writes them.
guide_file()
{
	(cd "$WORLD_DIR" && sh -c "$(cat "$GUIDES"/*.md | walk "$1")")
}

bird_on()
{
	guide_file "$2" || return
	start "bird-$1" "$1" bird -f -c "$WORLD_DIR/$2.conf" -s "$WORLD_DIR/bird-$1.ctl" \
		-P "$WORLD_DIR/bird-$1.pid"
}

birdc_on()
{
	local node=$1

	shift
	in_ns "$node" birdc -s "$WORLD_DIR/bird-$node.ctl" "$@"
}

frr_on()
{
	guide_file "$2" && frr_with "$1" "$WORLD_DIR/$2.conf"
}

# They want a directory of their own user's, which others may enter.
frr_with()
{
	local dir=$WORLD_DIR/frr-$1

	chmod 711 "$WORLD_DIR"
	mkdir "$dir" && cp "$2" "$dir/bgpd.conf" && : >"$dir/zebra.conf"
	chown -R frr:frr "$dir"
	start "zebra-$1" "$1" $FRR/zebra -f "$dir/zebra.conf" -i "$dir/zebra.pid" \
		-z "$dir/zserv" --vty_socket "$dir" -A 127.0.0.1 -P 0
	wait_for 5 test -S "$dir/zserv" || return
	start "bgpd-$1" "$1" $FRR/bgpd -f "$dir/bgpd.conf" -i "$dir/bgpd.pid" \
		-z "$dir/zserv" --vty_socket "$dir" -p 179
}

way_to()
{
	local family=-4

	[ "${1#*:}" = "$1" ] || family=-6
	ip -n "$WORLD-${2-r}" $family route show "$1" | grep -oP ' via \K\S+' | LC_ALL=C sort | paste -sd' '
}

# shellcheck disable=SC2317 # called by name
ways_are() { [ "$(way_to "$2")" = "$1" ]; }
