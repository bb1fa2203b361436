# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# etcd in n1, and the daemon that follows it; beside daemonworld.sh, or in a node of
# whatever world is there already, by an address of it: ETCD_NODE, ETCD_HOST:
#
#	etcd_up [N]		N members (1), m1 ..., on 127.0.0.1; ENDPOINTS for the file
#	etcd_member I		starts member I, again after it was stopped
#	etcd_stop I [SIGNAL]
#	etcd_secure		before etcd_up: certificates, and tokens that are over after 3 s
#	etcd_auth		after it: users are asked for; "node" may use what is below cluster/
#	ctl ARGS...		etcdctl there
#	put KEY VALUE, del KEY	below the prefix "cluster"
#	faster KEY VALUE	an endpoint, http://127.0.0.1:2009, of the first member; before the
#				first transaction by it somebody else puts that
#	etcd_config [KEYS]	$CONFIG: an etcd section with these keys, too
#	says REGEX		a line of status about etcd; heard: it has none
#	vm_at MAC		the VM's host; empty: it is not known
#	has_vm MAC [HOST]
#
# shellcheck source=tests/net/lib/daemonworld.sh
declare -F vm_world_up >/dev/null || . "$(dirname "${BASH_SOURCE[0]}")/daemonworld.sh"

ETCD_NODE=n1 ETCD_HOST=127.0.0.1
ETCD_N=0 ENDPOINTS='' CTL_ENDPOINTS='' ETCD_SCHEME=http
# A busy machine must not look to it like a leader that is lost.
ETCD_BEAT=500
ETCD_ARGS=() CTL_ARGS=()

# World's own loopback: ports are those of every other test, too.
etcd_port()
{
	echo $((2000 + 10 * $1 + ${2-0}))
}

etcd_member()
{
	local i=$1 all='' j

	for ((j = 1; j <= ETCD_N; j++)); do
		all+="${all:+,}m$j=http://$ETCD_HOST:$(etcd_port "$j" 1)"
	done
	start "etcd$i" "$ETCD_NODE" etcd --name "m$i" --data-dir "$WORLD_DIR/etcd$i" \
		--listen-client-urls "$ETCD_SCHEME://$ETCD_HOST:$(etcd_port "$i")" \
		--advertise-client-urls "$ETCD_SCHEME://$ETCD_HOST:$(etcd_port "$i")" \
		--listen-peer-urls "http://$ETCD_HOST:$(etcd_port "$i" 1)" \
		--initial-advertise-peer-urls "http://$ETCD_HOST:$(etcd_port "$i" 1)" \
		--initial-cluster "$all" --unsafe-no-fsync \
		--heartbeat-interval "$ETCD_BEAT" --election-timeout $((10 * ETCD_BEAT)) "${ETCD_ARGS[@]}"
}

# No common name: with users, etcd refuses such a client, and its own gateway is one.
etcd_secure()
{
	local name

	type openssl >/dev/null 2>&1 || skip_all "needs openssl"
	(
		cd "$WORLD_DIR" || exit 1
		openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 30 -subj /O=ca
		for name in member client; do
			openssl req -newkey rsa:2048 -nodes -keyout $name.key -out $name.csr -subj /O=xroam
			openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 \
				-extfile <(echo subjectAltName=IP:127.0.0.1) -out $name.pem
		done
	) >"$WORLD_DIR/openssl.log" 2>&1 || bail "no certificates: $(tail -3 "$WORLD_DIR/openssl.log")"
	ETCD_SCHEME=https
	ETCD_ARGS=(--cert-file "$WORLD_DIR/member.pem" --key-file "$WORLD_DIR/member.key"
		--trusted-ca-file "$WORLD_DIR/ca.pem" --client-cert-auth --auth-token simple
		--auth-token-ttl 3 --bcrypt-cost 4)
	CTL_ARGS=(--cacert "$WORLD_DIR/ca.pem" --cert "$WORLD_DIR/client.pem" --key "$WORLD_DIR/client.key")
}

etcd_auth()
{
	{
		ctl user add root:rootword && ctl user grant-role root root &&
			ctl user add node:nodeword && ctl role add node &&
			ctl role grant-permission node readwrite --prefix=true cluster/ &&
			ctl user grant-role node node && ctl auth enable
	} >/dev/null || bail "no users"
	CTL_ARGS+=(--user root:rootword)
	(umask 077 && echo nodeword >"$WORLD_DIR/password")
}

etcd_stop()
{
	stop "etcd$1" "${2-KILL}"
}

ctl()
{
	ETCDCTL_API=3 in_ns "$ETCD_NODE" etcdctl --command-timeout=60s --endpoints "$CTL_ENDPOINTS" \
		"${CTL_ARGS[@]}" "$@"
}

etcd_up()
{
	local i

	type etcd etcdctl >/dev/null 2>&1 ||
		skip_all "needs etcd and etcdctl"
	ip -n "$WORLD-$ETCD_NODE" link set lo up
	ETCD_N=${1-1} ENDPOINTS='' CTL_ENDPOINTS=''
	for ((i = 1; i <= ETCD_N; i++)); do
		ENDPOINTS+="${ENDPOINTS:+, }$ETCD_SCHEME://$ETCD_HOST:$(etcd_port "$i")"
		etcd_member "$i"
	done
	CTL_ENDPOINTS=${ENDPOINTS//, /,}
	wait_for 20 ctl endpoint health || bail "etcd does not start: $(tail -3 "$WORLD_DIR/etcd1.err")"
}

put()
{
	wait_for 20 ctl put "cluster/$1" "$2"
}

faster()
{
	stop faster
	start faster "$ETCD_NODE" env ETCDCTL_API=3 "$PYTHON" "$LIB/faster.py" 2009 "$(etcd_port 1)" \
		etcdctl --endpoints "$CTL_ENDPOINTS" "${CTL_ARGS[@]}" put "cluster/$1" "$2"
	wait_for 10 grep -q listening "$WORLD_DIR/faster.out"
}

del()
{
	wait_for 20 ctl del "cluster/$1"
}

etcd_config()
{
	cat >"$CONFIG" <<-EOT
		etcd:
		  endpoints: [$ENDPOINTS]
		  prefix: cluster
	EOT
	printf '  %s\n' "$@" >>"$CONFIG"
}

# To ask again and again costs more than to wait.
says()
{
	sleep 0.2
	xr status | grep -qE "etcd: .*$1"
}

heard()
{
	! says .
}

vm_at()
{
	xr -j vm show "$1" 2>/dev/null | pick -w mac -d "" .host
}

# has_vm MAC HOST: it is there; without HOST: it is nowhere
has_vm()
{
	[ "$(vm_at "$1")" = "${2-}" ]
}
