# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# QUIC servers and clients in the world of tests/net/lib/world.sh, and what
# every QUIC test asserts.
#
#	quic_world		world_up with QUIC_LBS nodes; the servers' decapsulation
#	quic_cid ID MODE	a CID configuration: clear, single, four, odd, long,
#				or the name of a format in the field
#	quic_lb on|off		the LBs made anew; off: not steered by CID
#	quic_servers [OPTIONS]	start all of them, with fresh counters
#	quic_rotate ID...	what the servers mint (the first) and know
#	quic_run NAME NODE OPTIONS...	a client, until it is done
#	quic_start, quic_finish NAME	the same in the background
#				A client that was rebound migrates 1.5 s later:
#				its server has looked for the old address till
#				then, and has connection IDs to spare (ngtcp2's
#				CONNECTION_ID_LIMIT, where the machine is busy)
#	quic_both WHAT SCENARIO [MS]	SCENARIO with steering on: all is well, no
#				stray packet, no gap longer than MS; then with
#				steering off: there are strays
#
# SCENARIO is a function that runs clients. It may look at $STEERING.

# shellcheck source-path=SCRIPTDIR source=../../net/lib/world.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../net/lib/world.sh"

QUIC=$WORLD_BUILD/tests/quic
QUIC_VIP=$VIP4		# a test may set another before quic_world
QUIC_PORT=443
QUIC_LBS=1
QUIC_OFF_TIMEOUT=4
QUIC_FLOWS=		# entries of the flow table
QUIC_CLIENTS=()
# By config ID: lengths (empty: the format's own) and format
declare -A QUIC_S=() QUIC_N=() QUIC_FORMAT=()
QUIC_IDS=()		# the first is what the servers mint
QUIC_LENGTH=		# --cid-length
STEERING=on

quic_vip()
{
	case $QUIC_VIP in
	*:*) echo "[$QUIC_VIP]:$QUIC_PORT/udp" ;;
	*) echo "$QUIC_VIP:$QUIC_PORT/udp" ;;
	esac
}

# The address of a node in the VIP's family.
quic_addr()
{
	case $QUIC_VIP in
	*:*) addr6 "$@" ;;
	*) addr4 "$@" ;;
	esac
}

quic_world()
{
	world_up -l "$QUIC_LBS"
	attach_servers || bail "cannot attach to the servers"
	head -c 32 /dev/urandom >"$WORLD_DIR/secret"
	[ ${#QUIC_IDS[@]} != 0 ] || quic_cid 1 four
}

quic_cid()
{
	local id=$1 s n format=quic-lb key=yes

	case $2 in
	plain | msquic | mvfst-v3) s=4 n='' format=$2 key=no ;;
	aws-nlb) s=8 n='' format=$2 key=no ;;
	nghttpx) s=4 n='' format=$2 ;;
	mvfst-v1) s=2 n='' format=$2 key=no ;;
	mvfst-v2) s=3 n='' format=$2 key=no ;;
	quic-lb-2bit) s=5 n=11 format=$2 ;;
	clear) s=3 n=5 key=no ;;
	single) s=8 n=8 ;;
	four) s=3 n=5 ;;
	odd) s=4 n=5 ;;
	long) s=7 n=4 ;;
	*) bail "quic_cid: no mode $2" ;;
	esac
	QUIC_S[$id]=$s QUIC_N[$id]=$n QUIC_FORMAT[$id]=$format
	QUIC_IDS+=("$id")
	rm -f "$WORLD_DIR/key.$id"
	# As hex digits or as they are: both sides take both.
	[ $key = no ] || (
		umask 077
		if [ $((id % 2)) = 1 ]; then
			od -An -v -tx1 -N16 /dev/urandom | tr -d ' '
		else
			head -c 16 /dev/urandom
		fi >"$WORLD_DIR/key.$id"
	)
}

# sid SERVER ID: its server ID under that configuration
quic_sid()
{
	local len=${QUIC_S[$2]}
	local id=$((0xc0de00 + ${1#s}))

	[ "$len" -gt 2 ] || id=$((id & 0xffff))
	printf "%0$((2 * len))x\n" $id
}

# On one LB node: a CID configuration.
quic_cid_add()
{
	local node=$1 id=$2
	local -a key=()

	[ ! -e "$WORLD_DIR/key.$id" ] || key=(key-file "$WORLD_DIR/key.$id")
	xr_on "$node" cid add "$id" format "${QUIC_FORMAT[$id]}" \
		server-id-length "${QUIC_S[$id]}" \
		${QUIC_N[$id]:+nonce-length "${QUIC_N[$id]}"} \
		"${key[@]}" >/dev/null
}

quic_lb_one()
{
	local node=$1 id server
	local -a sids cid=()

	for id in "${QUIC_IDS[@]}"; do
		quic_cid_add "$node" "$id" || return
	done
	[ "$STEERING" = off ] || cid=(cid)
	xr_on "$node" vip add "$(quic_vip)" "${cid[@]}" >/dev/null || return
	for server in "${WORLD_SERVERS[@]}"; do
		sids=()
		for id in "${!QUIC_S[@]}"; do
			sids+=(server-id "$(quic_sid "$server" "$id")")
		done
		xr_on "$node" backend add "$server" vip "$(quic_vip)" \
			address "$(quic_addr "$server")" "${sids[@]}" \
			>/dev/null || return
	done
}

# Several nodes get one file, with one secret: the same hash in all of them. A
# file, too, where the table's size is to be another.
quic_lb()
{
	local first=${WORLD_LBS[0]} node

	STEERING=$1
	for node in "${WORLD_LBS[@]}"; do
		xr_on "$node" destroy >/dev/null 2>&1
	done
	attach_lb mode native || bail "cannot attach to the LB nodes"
	quic_lb_one "$first" || bail "cannot set up $first"
	[ ${#WORLD_LBS[@]} -gt 1 ] || [ -n "$QUIC_FLOWS" ] || return 0

	(
		umask 077
		echo "secret: $(od -An -v -tx1 -N32 "$WORLD_DIR/secret" |
			tr -d ' \n')"
		xr_on "$first" export --keys |
			sed "s/^  flows: .*/  flows: ${QUIC_FLOWS:-262144}/"
	) >"$WORLD_DIR/lb.yaml"
	for node in "${WORLD_LBS[@]}"; do
		xr_on "$node" destroy >/dev/null
		xr_on "$node" apply "$WORLD_DIR/lb.yaml" >"$WORLD_DIR/apply" \
			2>&1 || bail "$node: $(cat "$WORLD_DIR/apply")"
	done
}

quic_rotate_file()
{
	local server=$1 id other peers key

	shift
	for id; do
		peers=
		for other in "${WORLD_SERVERS[@]}"; do
			[ "$other" = "$server" ] ||
				peers+=,$(quic_sid "$other" "$id")
		done
		key=
		[ ! -e "$WORLD_DIR/key.$id" ] || key="key=$WORLD_DIR/key.$id"
		echo "id=$id format=${QUIC_FORMAT[$id]}" \
			"sid=$(quic_sid "$server" "$id")" \
			"nonce=${QUIC_N[$id]:-0} peers=${peers#,} $key"
	done >"$WORLD_DIR/$server.new"
	mv "$WORLD_DIR/$server.new" "$WORLD_DIR/$server.cids"
}

quic_rotate()
{
	local server

	for server in "${WORLD_SERVERS[@]}"; do
		quic_rotate_file "$server" "$@"
		kill -HUP "$(pid "$server")"
	done
}

quic_server()
{
	local server=$1

	shift
	rm -f "$WORLD_DIR/$server.json"
	start "$server" "$server" "$QUIC/xr_server" -v --name "$server" \
		--config "$WORLD_DIR/$server.cids" \
		--stats "$WORLD_DIR/$server.json" \
		${QUIC_LENGTH:+--cid-length "$QUIC_LENGTH"} \
		"$@" "$QUIC_VIP" "$QUIC_PORT"
	wait_for 5 test -e "$WORLD_DIR/$server.json" ||
		bail "$server does not start: $(cat "$WORLD_DIR/$server.err")"
}

quic_servers()
{
	local server

	for server in "${WORLD_SERVERS[@]}"; do
		quic_rotate_file "$server" "${QUIC_IDS[@]}"
		quic_server "$server" "$@"
	done
}

quic_servers_stop()
{
	local server

	for server in "${WORLD_SERVERS[@]}"; do
		stop "$server"
	done
}

quic_written()
{
	[ "$(pick .written "$WORLD_DIR/$1.json")" -gt "$2" ]
}

# Fresh numbers from the servers that still run.
quic_snapshot()
{
	local server before

	for server in "${WORLD_SERVERS[@]}"; do
		[ -n "$(pid "$server")" ] || continue
		before=$(pick .written "$WORLD_DIR/$server.json")
		kill -USR1 "$(pid "$server")" || continue
		wait_for 5 quic_written "$server" "$before"
	done
}

# quic_fold add|max "PATH..." NAME...: over these figures of the statistics of these
quic_fold()
{
	local how=$1 paths=$2 path files

	shift 2
	files=("${@/#/$WORLD_DIR/}")
	for path in $paths; do
		pick -d 0 "$path" "${files[@]/%/.json}"
	done | awk -v how="$how" '
		{ n = how == "add" ? n + $1 : $1 > n ? $1 : n }
		END { printf "%.0f\n", int(n) }'
}

# Over the servers.
quic_sum()
{
	quic_fold add "$1" "${WORLD_SERVERS[@]}"
}

quic_max()
{
	quic_fold max "$1" "${WORLD_SERVERS[@]}"
}

quic_get()
{
	pick "${@:2}" "$WORLD_DIR/$1.json"
}

# How long a client may take: one whose server is lost would wait for long.
quic_timeout()
{
	[ "$STEERING" = on ] && echo 120 || echo "$QUIC_OFF_TIMEOUT"
}

quic_start()
{
	local name=$1 node=$2

	shift 2
	QUIC_CLIENTS+=("$name")
	start "$name" "$node" "$QUIC/xr_client" \
		--timeout "$(quic_timeout)" "$@" "$QUIC_VIP" "$QUIC_PORT"
}

quic_finish()
{
	local status

	finish "$1"
	status=$?
	mv "$WORLD_DIR/$1.out" "$WORLD_DIR/$1.json"
	return $status
}

quic_run()
{
	quic_start "$@"
	quic_finish "$1"
}

# ---- what is asserted ----

quic_clients_sum()
{
	quic_fold add "$1" "${QUIC_CLIENTS[@]}"
}

quic_report()
{
	local total gap

	total=$(quic_clients_sum ".up .down")
	gap=$(quic_fold max .longest_gap_ms "${QUIC_CLIENTS[@]}")
	diag "$1: $total octets verified," \
		"$(quic_clients_sum .verified) of" \
		"$(quic_clients_sum .connections) connections whole," \
		"longest gap $gap ms, $(quic_sum .strays) strays of" \
		"$(quic_sum .packets) packets"
	diag "$1: $(jq -c '{name, packets, stray, late, moves}' \
		"$WORLD_DIR/s1.json")"
}

quic_good()
{
	local what=$1 name

	quic_servers_stop
	quic_report "$what"
	for name in "${QUIC_CLIENTS[@]}"; do
		is "$(quic_get "$name" .ok)" true \
			"$what: $name has every octet, both ways" ||
			diag "$(quic_get "$name" '.errors[]')"
	done
	is "$(quic_sum .strays)" 0 "$what: no stray packet"
	is "$(quic_sum .connections)" \
		"$(quic_clients_sum .connections)" \
		"$what: each connection began at one server only"
}

quic_bad()
{
	quic_servers_stop
	quic_report "$1, steering off"
	cmp_ok "$(quic_sum .strays)" -gt 0 \
		"$1: with steering off, packets go astray"
}

# quic_played SCENARIO [OPTIONS...]: it, with servers of these options; again, four times at most,
# where ngtcp2 0.12 closed a connection with CONNECTION_ID_LIMIT_ERROR: on a busy machine its
# servers do so now and then when a client changes its path while they still look at the last
# one. Nobody on the way can bring that about.
quic_played()
{
	local left=5 scenario=$1

	shift
	while true; do
		quic_servers "$@"
		QUIC_CLIENTS=()
		$scenario
		{ ((--left)) && quic_cut_off; } || return 0
		diag "a server counted its client's CIDs wrongly: again"
		quic_servers_stop
		quic_lb on
	done
}

quic_cut_off()
{
	local name

	for name in "${QUIC_CLIENTS[@]}"; do
		quic_get "$name" '.errors[]' | grep -q 'closed by the peer: code 0x9 ' && return
	done
	return 1
}

quic_both()
{
	local what=$1 scenario=$2
	local -a options=("${QUIC_SERVER_OPTIONS[@]}")

	quic_lb on
	quic_played "$scenario" "${options[@]}"
	quic_good "$what"

	quic_lb off
	quic_servers "${options[@]}"
	QUIC_CLIENTS=()
	$scenario
	quic_bad "$what"
	quic_lb on
}
QUIC_SERVER_OPTIONS=()
