# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# OVN on nodes of vmworld.sh: its databases and ovn-northd at $OVN_NODE, real chassis at hosts.
# Their data plane is OVS's own in user space, which needs no kernel module; nothing is
# sent through it here. Beside world.sh:
#
#	ovn_begin		skips where OVN is not installed
#	ovn_secure		before ovn_central: certificates as ovs-pki makes them, with no
#				address in them
#	ovn_central REMOTE...	northbound and southbound databases, and ovn-northd; the
#				southbound one listens there, too
#	ovn_southbound REMOTE...	it alone, again after "stop ovn-sb"
#	ovn_remote add|remove REMOTE	it listens there, too, or no longer: then its clients go
#	ovn_chassis HOST...	vSwitch and ovn-controller; the chassis' name is HOST
#	ovn_port HOST PORT	HOST has a device for the logical port, of its name
#	nb WORD..., sb WORD...	ovn-nbctl, ovn-sbctl
#	port_at PORT HOST	as the southbound database has it

OVN_SCHEMAS=/usr/share/ovn OVS_SCHEMAS=/usr/share/openvswitch
OVN_TLS=()
OVN_NODE=gw		# where its databases are

ovn_begin()
{
	local tool

	for tool in ovn-northd ovn-controller ovs-vswitchd; do
		command -v $tool >/dev/null ||
			skip_all "needs openvswitch-switch, ovn-central and ovn-host"
	done
}

nb() { ovn-nbctl --timeout=60 --db="unix:$WORLD_DIR/central/nb.sock" "$@"; }
sb() { ovn-sbctl --timeout=60 --db="unix:$WORLD_DIR/central/sb.sock" "$@"; }

# ovn_start NAME NODE DIR COMMAND...: in a directory of its own, for what they make there
# has the same names
ovn_start()
{
	local name=$1 node=$2 dir=$WORLD_DIR/$3

	shift 3
	start "$name" "$node" env -C "$dir" OVS_RUNDIR="$dir" OVN_RUNDIR="$dir" OVS_DBDIR="$dir" \
		OVS_LOGDIR="$dir" OVN_LOGDIR="$dir" "$@" --no-chdir -vconsole:warn -vsyslog:off
}

ovn_secure()
{
	local name

	type openssl >/dev/null 2>&1 || skip_all "needs openssl"
	(
		cd "$WORLD_DIR" || exit 1
		for name in ca other; do
			openssl req -x509 -newkey rsa:2048 -nodes -keyout $name.key -out $name.pem \
				-days 30 -subj "/CN=$name"
		done
		for name in server xroam; do
			openssl req -newkey rsa:2048 -nodes -keyout $name.key -out $name.csr \
				-subj "/CN=$name id:1"
			openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial \
				-days 30 -out $name.pem
		done
	) >"$WORLD_DIR/openssl.log" 2>&1 || bail "no certificates: $(tail -3 "$WORLD_DIR/openssl.log")"
	OVN_TLS=(--private-key="$WORLD_DIR/server.key" --certificate="$WORLD_DIR/server.pem"
		--ca-cert="$WORLD_DIR/ca.pem")
}

# ovn_db nb|sb REMOTE...
ovn_db()
{
	local which=$1 dir=$WORLD_DIR/central

	shift
	mkdir -p "$dir"
	[ -e "$dir/$which.db" ] ||
		ovsdb-tool create "$dir/$which.db" $OVN_SCHEMAS/ovn-"$which".ovsschema || return
	ovn_start "ovn-$which" "$OVN_NODE" central ovsdb-server --remote="punix:$dir/$which.sock" \
		"${@/#/--remote=}" "${OVN_TLS[@]}" --unixctl="$dir/$which.ctl" "$dir/$which.db"
	wait_for 10 ovs-appctl -t "$dir/$which.ctl" version
}

ovn_southbound()
{
	ovn_db sb "$@"
}

ovn_remote()
{
	ovs-appctl -t "$WORLD_DIR/central/sb.ctl" "ovsdb-server/$1-remote" "$2"
}

ovn_central()
{
	ovn_db nb && ovn_db sb "$@" || return
	ovn_start ovn-northd "$OVN_NODE" central ovn-northd --ovnnb-db="unix:$WORLD_DIR/central/nb.sock" \
		--ovnsb-db="unix:$WORLD_DIR/central/sb.sock" --unixctl="$WORLD_DIR/central/northd.ctl"
	nb init && sb init
}

vs()
{
	local host=$1

	shift
	in_ns "$host" ovs-vsctl --timeout=60 --db="unix:$WORLD_DIR/ovs-$host/db.sock" "$@"
}

# Chassis reach the database by its Unix socket: they go on where a test stops its remotes.
ovn_chassis()
{
	local host dir

	for host; do
		dir=$WORLD_DIR/ovs-$host
		mkdir -p "$dir"
		ovsdb-tool create "$dir/conf.db" $OVS_SCHEMAS/vswitch.ovsschema || return
		ovn_start "ovs-db-$host" "$host" "ovs-$host" ovsdb-server \
			--remote="punix:$dir/db.sock" --unixctl="$dir/db.ctl" "$dir/conf.db"
		wait_for 10 test -S "$dir/db.sock" || return
		vs "$host" --no-wait init -- set open . external-ids:system-id="$host" \
			external-ids:hostname="$host" \
			external-ids:ovn-remote="unix:$WORLD_DIR/central/sb.sock" \
			external-ids:ovn-encap-type=geneve \
			external-ids:ovn-encap-ip="$(underlay4 "$host")" \
			external-ids:ovn-bridge-datapath-type=netdev || return
		ovn_start "ovs-$host" "$host" "ovs-$host" ovs-vswitchd --disable-system \
			--unixctl="$dir/vs.ctl" "unix:$dir/db.sock"
		ovn_start "ovn-$host" "$host" "ovs-$host" ovn-controller "unix:$dir/db.sock"
	done
	for host; do
		wait_for 20 sb get chassis "$host" name || return
	done
}

ovn_port()
{
	vs "$1" --may-exist add-br br-int -- add-port br-int "$2" -- \
		set interface "$2" type=internal external-ids:iface-id="$2"
}

port_at()
{
	local chassis

	chassis=$(sb --bare --columns=chassis find port_binding logical_port="$1")
	[ -n "$chassis" ] && [ "$(sb --bare --columns=name list chassis "$chassis")" = "$2" ]
}
