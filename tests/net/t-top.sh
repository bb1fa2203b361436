#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# xroam top: its rates are the differences of stats; on a terminal it fits whatever size
# it has, obeys keys, and gives the terminal back however it ends; an instance that goes
# and comes back, or is made anew, is no negative rate and no end.
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
world_up -s 2
SCREEN=$WORLD_TOP/tests/net/lib/screen.py
ok "attach" attach_lb
attach_servers
serve 80
ok "a VIP" balance "$VIP4:80/tcp"
for i in $(seq 40); do
	echo "vip add 192.0.2.100:$((1000 + i))/udp"
	echo "backend add a-backend-with-a-name-that-is-longer-than-its-column-can-be-$i vip 192.0.2.100:$((1000 + i))/udp address $(addr4 s1)"
done >"$WORLD_DIR/many"
while read -r words; do
	# shellcheck disable=SC2086
	xr $words || bail "$words"
done <"$WORLD_DIR/many"

# screen SCRIPT [ENV...]: top on a terminal, in UTF-8
# shellcheck disable=SC2317 # called by name
screen()
{
	local script=$1

	shift
	PRINTED=$(in_ns lb1 env LC_ALL=C.UTF-8 TERM=xterm "$@" /usr/bin/python3 "$SCREEN" "$script" \
		sh -c "exec $XROAM -i $WORLD-lb1 top \${AFTER:+-d \$AFTER}" 2>&1)
	local status=$?

	[ "$status" = 0 ] || diag "$PRINTED"
	return "$status"
}

# Rates: what stats says before and after, and top between.
# shellcheck disable=SC2016 # sh expands it
start traffic c1 sh -c 'while "$1" ask -c 400 -u 3000 -d 3000 tcp "$2" 80; do :; done' sh "$PEER" "$VIP4"
xr -j stats >"$WORLD_DIR/before"
xr -j top -n 3 >"$WORLD_DIR/top"
xr -j stats >"$WORLD_DIR/after"
is "$(jq -s length "$WORLD_DIR/top")" 3 "three frames"
growth()
{
	local packets=".${1}[] | select(.$2 == \"$3\") | .packets"

	echo $(($(jq "$packets" "$WORLD_DIR/after") - $(jq "$packets" "$WORLD_DIR/before")))
}
# The sum of top's rates times seconds is what the counter grew by, first to last frame.
# shellcheck disable=SC2317 # called by name
agrees()
{
	jq -se --arg list "$1" --arg key "$2" --arg name "$3" '
		map({seconds, row: (.[$list][] | select(.[$key] == $name))}) |
		(.[2].row.packets - .[0].row.packets) as $grew |
		((.[1:] | map(.seconds * .row.packets_per_second) | add) - $grew) | fabs < 0.01' \
		"$WORLD_DIR/top" >/dev/null
}
ok "of the VIP what its counter grew by" agrees vips vip "$VIP4:80/tcp"
ok "of a backend, too" agrees backends backend s1
ok "and of a reason" agrees reasons reason flow
cmp_ok "$(jq -s '.[2].packets_per_second - (.[2].reasons | map(select(.kind != "note").packets_per_second) | add) | fabs | floor' \
	"$WORLD_DIR/top")" -eq 0 "all together is the sum of reasons"
cmp_ok "$(growth vips vip "$VIP4:80/tcp")" -gt 0 "there was traffic"
stop traffic

# A terminal.
ok "it is drawn, in columns; q ends it, and the terminal is as it was" screen "
	wait ^xroam.top..$WORLD-lb1
	wait ^VIP.*PKT/S
	wait ^BACKEND.*of.42
	aligned PKT/S
	aligned BIT/S
	wait a-backend.*~
	narrow
	keys q
	until ended
	status 0
	shell"
ok "before an interval is over, no rate is said to be 0" screen "
	wait ^VIP
	wait ^$VIP4:80/tcp.*\s-\s+-\s
	wait ^-.pkt/s
	narrow
	keys q
	until ended" AFTER=3600
# What a terminal would obey, or show the other way round, in a name.
in_ns lb1 ip link add $'x\e[2J\xe2\x80\xaey' type veth peer name $'\xe6\xbc\xa2' >/dev/null
for dev in $'x\e[2J\xe2\x80\xaey' $'\xe6\xbc\xa2'; do
	xr dev attach "$dev" mode generic >/dev/null 2>&1
done
ok "names that are commands are none" screen "
	wait ^VIP
	keys d
	wait ^x\?\[2J\?y
	wait ^\u6f22\s
	narrow
	keys q
	until ended"
in_ns lb1 ip link del $'\xe6\xbc\xa2'
for size in "40 10" "20 5" "1 1" "200 60" "80 3"; do
	ok "$size" screen "
		wait xroam
		size $size
		wait ^.
		narrow
		signal TERM
		until ended
		shell"
done
ok "keys: a section, its order, help, pause, all again" screen "
	wait ^VIP
	keys b
	gone ^VIP
	wait ^BACKEND
	keys s
	wait by.bits
	keys s
	keys s
	wait by.name
	wait ^a-backend.*1.*0
	keys ?
	wait quit
	keys ?
	gone quit
	keys p
	wait PAUSED
	keys p
	gone PAUSED
	keys a
	wait ^VIP
	keys \t
	gone ^BACKEND
	keys q
	until ended
	shell"
for signal in INT TERM HUP QUIT ABRT; do
	ok "SIG$signal: the terminal is as it was" screen "
		wait ^VIP
		signal $signal
		until ended
		shell"
done
ok "^Z gives it back, fg takes it again" screen "
	wait ^VIP
	signal TSTP
	until stopped
	shell
	signal CONT
	wait ^VIP
	keys b
	gone ^VIP
	keys q
	until ended
	shell"
ok "no UTF-8: sparklines of ASCII, no color wanted: none" screen "
	wait ^VIP
	keys q
	until ended
	print" LC_ALL=C NO_COLOR=1
is "$(grep -cP '[^\x00-\x7f]' <<<"$PRINTED")" 0 "plain ASCII"

# No terminal, or one that can nothing: frames.
ok "into a pipe" sh -c "nsenter --net=/run/netns/$WORLD-lb1 $XROAM -i $WORLD-lb1 top -n 1 | cat >$WORLD_DIR/frame"
is "$(grep -c "$(printf '\033')" "$WORLD_DIR/frame")" 0 "no sequence in it"
like "$(<"$WORLD_DIR/frame")" "xroam top  $WORLD-lb1 " "the same"
cmp_ok "$(awk '{ if (length > n) n = length } END { print n }' "$WORLD_DIR/frame")" -le 80 "80 columns"
is "$(grep -c '^a-backend' "$WORLD_DIR/frame")" 40 "every backend"
ok "TERM=dumb: no sequence either" screen "
	wait ^VIP
	signal INT
	until ended" TERM=dumb

# The instance goes, comes back, and is another one.
start frames lb1 "$XROAM" -i "$WORLD-lb1" -j top
# frame_with REGEX: of "THERE SECONDS VIPS"
# shellcheck disable=SC2317 # called by name
frame_with()
{
	tail -n "+$((FROM + 1))" "$WORLD_DIR/frames.out" | pick .there,seconds,vips 2>/dev/null |
		grep -Eq "$1"
}
FROM=0
ok "frames" wait_for 10 frame_with '^true [^ ]*[1-9]'
xr destroy >/dev/null
ok "it is gone" wait_for 10 frame_with ^false
FROM=$(wc -l <"$WORLD_DIR/frames.out")
ok "it is made anew" xr vip add 192.0.2.9:80/tcp
ok "and seen" wait_for 10 frame_with '^true .*"192\.0\.2\.9:80/tcp"'
stop frames
is "$(jq -s '[.[] | .. | .packets_per_second? // 0] | min >= 0' "$WORLD_DIR/frames.out")" true \
	"no rate was negative"
refused 1 "no instance" "no such instance" -i "$WORLD-none" top -n 1
refused 2 'is unknown' "an unknown section" top cid
done_testing
