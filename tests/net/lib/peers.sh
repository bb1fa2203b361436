# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Who talks in a world: servers, clients, hand-made frames; the VIPs that they talk
# to, and what xroam counts of it. A part of world.sh, which has the list.

PEER=$WORLD_BUILD/tests/net/peer
FRAME=$WORLD_BUILD/tests/net/frame
PRINTED='' SEEN=''

serves()
{
	local node=$1

	shift
	start "peer-$node" "$node" "$PEER" serve "$node" "$@"
	wait_for 5 grep -q ready "$WORLD_DIR/peer-$node.out" ||
		bail "no peer on $node: $(cat "$WORLD_DIR/peer-$node.err")"
}

serve()
{
	local node

	for node in "${WORLD_SERVERS[@]}"; do
		serves "$node" "$@"
	done
}

ask()
{
	local node=$1 status

	shift
	PRINTED=$(in_ns "$node" "$PEER" ask "$@" 2>&1)
	status=$?
	diag "$PRINTED"
	return $status
}

# client_end NAME [SIGNAL]: ends a client that was started; $PRINTED is what it printed.
client_end()
{
	stop "$1" "${2-TERM}"
	PRINTED=$(cat "$WORLD_DIR/$1.out" "$WORLD_DIR/$1.err")
	diag "$PRINTED"
}

figure()
{
	sed -n "s/.*\b$1 \([0-9]*\).*/\1/p" <<<"$PRINTED"
}

share()
{
	local n

	n=$(sed -n "s/^servers.* $1=\([0-9]*\).*/\1/p" <<<"$PRINTED")
	echo "${n:-0}"
}

frame()
{
	"$FRAME" "$@"
}

play()
{
	# shellcheck disable=SC2034
	SEEN=$("$FRAME" play -p "$WORLD-" "$@" 2>"$WORLD_DIR/play.err") ||
		diag "$(<"$WORLD_DIR/play.err")"
}

watch_begin()
{
	rm -f "$WORLD_DIR/watch.err"
	start watch c1 "$FRAME" play -p "$WORLD-" "${@/#/-w}" +600000
	wait_for 30 grep -q ready "$WORLD_DIR/watch.err"
}

watch_end()
{
	stop watch
	# shellcheck disable=SC2034
	SEEN=$(<"$WORLD_DIR/watch.out")
}

# ADDRESS PORT/PROTO -> as the command writes it
at()
{
	case $1 in
	*:*)	echo "[$1]:$2" ;;
	*)	echo "$1:$2" ;;
	esac
}

# balance VIP [4|6] [ARGS...]: the backends, named as the servers are, have
# addresses of that family, or else of the VIP's. VXLAN: their inner MACs are
# those of $VXLAN_DEV, or eth0.
balance()
{
	local vip=$1 node family=4 more=()

	shift
	[ "${vip#[}" = "$vip" ] || family=6
	case ${1-} in
	4|6)	family=$1; shift ;;
	esac
	xr vip add "$vip" || return
	for node in "${WORLD_SERVERS[@]}"; do
		[[ "$*" != *vxlan* ]] ||
			more=(vni 77 mac "$(mac "$node" "${VXLAN_DEV-eth0}")")
		xr backend add "$node" vip "$vip" \
			address "$("addr$family" "$node")" "$@" "${more[@]}" ||
			return
	done
}

# balance_gue VIP: beside that, by GUE to backends that are called us1, us2 ...
balance_gue()
{
	local node

	xr vip add "$1" || return
	for node in "${WORLD_SERVERS[@]}"; do
		xr backend add "u$node" vip "$1" address "$(addr4 "$node")" forward gue || return
	done
}

# And away again.
unbalance()
{
	local node

	for node in "${WORLD_SERVERS[@]}"; do
		xr backend del "$node" || return
	done
	xr vip del "$1"
}

# refused STATUS REGEX DESCRIPTION ARGS...: xr ARGS ends with that status and prints
# one line, on stderr, that fits; nothing else.
refused()
{
	local want=$1 regex=$2 what=$3 out err status

	shift 3
	out=$(xr "$@" 2>"$WORLD_DIR/err" </dev/null)
	status=$?
	err=$(<"$WORLD_DIR/err")
	if [ $status = "$want" ] && [ -z "$out" ] &&
	   [ "$(wc -l <"$WORLD_DIR/err")" = 1 ] && [[ $err =~ $regex ]]; then
		pass "$what"
		diag "$err"
	else
		fail "$what" "xroam $*" "status $status, wanted $want" \
			"stdout: $out" "stderr: $err" "wanted: /$regex/"
	fi
}

# Of the numbers that it reads, a line each
sum()
{
	awk '{ n += $1 } END { print n + 0 }'
}

reason()
{
	xr_on "${2-lb1}" -j stats reason | pick -w reason="$1" -d 0 .packets
}
