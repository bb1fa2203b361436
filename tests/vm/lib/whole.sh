# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# All of it at once: a guest that is a QUIC server, on one of two libvirt's hosts, behind a
# node that balances. These three have hosts, VIP, backend and VM from etcd, and hear of
# moves from the two libvirts. The fabric learns nothing: it sends the guest's frames to h1.
#
#	whole_world		all of that; the guest runs on h1
#	whole_client [OPTIONS...]	c2's begins
#	whole_run		virsh migrate to the other host, under probes of c1's and a QUIC
#				client of c2's, which changes its address meanwhile: $PRINTED
#
# shellcheck source-path=SCRIPTDIR source=libvirt.sh
. "$(dirname "${BASH_SOURCE[0]}")/libvirt.sh"

WHOLE_NODES=(gw h1 h2)
WHOLE_VIP=192.0.2.10
WHOLE_CONNECTIONS=4
WHOLE_SECONDS=8		# that the client sends for
QUIC=$WORLD_BUILD/tests/quic
ETCD=http://10.8.0.9:2379

whole_etcd()
{
	start etcd gw etcd --name m1 --data-dir "$WORLD_DIR/etcd" --unsafe-no-fsync \
		--listen-client-urls "$ETCD" --advertise-client-urls "$ETCD" \
		--listen-peer-urls http://10.8.0.9:2380 --initial-advertise-peer-urls http://10.8.0.9:2380 \
		--initial-cluster m1=http://10.8.0.9:2380
	cat >"$WORLD_DIR/cluster.yaml" <<-EOT
		etcd: {endpoints: ["$ETCD"], prefix: cluster}
		hosts:
		  - {name: h1, vxlan: $(underlay4 h1), vni: $VM_VNI}
		  - {name: h2, vxlan: $(underlay4 h2), vni: $VM_VNI}
		cid:
		  - {id: 1, format: quic-lb, server_id_length: 3, nonce_length: 5}
		vips:
		  - {address: $WHOLE_VIP, port: 443, protocol: udp, cid: true}
		backends:
		  - name: vm
		    address: $VM_ADDR4
		    vips: ["$WHOLE_VIP:443/udp"]
		    server_ids: [c0de01]
		    forward: l2
		    dev: eth0
		    vm: {mac: "$VM_MAC"}
		vms:
		  - {mac: "$VM_MAC", at: h1, addresses: [$VM_ADDR4]}
	EOT
	wait_for 20 xr_on gw etcd push "$WORLD_DIR/cluster.yaml" >/dev/null ||
		bail "etcd is not filled: $(tail -n 3 "$WORLD_DIR/etcd.err")"
}

# whole_file NODE: what a node knows by itself. Hosts do not balance.
whole_file()
{
	case $1 in
	gw)
		echo "devices: [{name: eth0, mode: native}, {name: dsl, mode: native}]"
		echo "etcd: {endpoints: [\"$ETCD\"], prefix: cluster, segments: [0]}"
		;;
	*)
		echo "devices: [{name: up0, mode: native}]"
		echo "etcd: {endpoints: [\"$ETCD\"], prefix: cluster, node: $1, segments: [0]}"
		printf '%s\n' "vips: []" "backends: []" "cid: []"
		;;
	esac
	echo "policy: {flap_moves: 1000}"
	virt_sources "$1"
}

whole_nodes()
{
	local node

	XROAM_BY=daemon
	for node in "${WHOLE_NODES[@]}"; do
		whole_file "$node" >"$WORLD_DIR/$node.yaml"
		start "xroam-$node" "$node" "$XROAM" -i "$(instance "$node")" run -c "$WORLD_DIR/$node.yaml"
	done
	for node in "${WHOLE_NODES[@]}"; do
		wait_for 20 whole_follows "$node" ||
			bail "$node does not follow: $(<"$WORLD_DIR/xroam-$node.err")"
	done
}

# whole_is_at NODE HOST: it has the guest there, and no move is under way
whole_is_at()
{
	[ "$(vm_fact "$1" "$VM_MAC" host) $(vm_fact "$1" "$VM_MAC" to)" = "$2 null" ]
}

# It has the guest, and hears both libvirts.
# shellcheck disable=SC2317 # called by name
whole_follows()
{
	whole_is_at "$1" h1 && ! xr_on "$1" status | grep -q "libvirt"
}

whole_world()
{
	type etcd >/dev/null 2>&1 || skip_all "needs etcd"
	# shellcheck disable=SC2034 # of vm.sh
	FABRIC=stubborn
	virt_world -n 2
	echo "id=1 format=quic-lb sid=c0de01 nonce=5 peers=c0de02" >"$WORLD_DIR/cids"
	GUEST_FILES=("$QUIC/xr_server" "$WORLD_DIR/cids=/etc/cids")
	GUEST_WORDS=("VIP=$WHOLE_VIP" RUN=/bin/xr_server
		"RUN_ARGS=--name,vm,--config,/etc/cids,$WHOLE_VIP,443")
	ip -n "$(ns c2)" addr add 10.11.0.3/24 dev eth0
	whole_etcd
	virt_boot h1
	fabric_believes h1
	whole_nodes
}

whole_client()
{
	start client c2 "$QUIC/xr_client" --local 10.11.0.2 --rate 60K \
		--connections $WHOLE_CONNECTIONS --seconds "$WHOLE_SECONDS" --timeout 120 \
		"$@" "$WHOLE_VIP" 443
}

# Pre-copy takes seconds in the field; here it is held back, so that QEMU can be asked about the
# guest's queue as often as there. Where the client ended before the guest had gone, on a busy machine, it takes longer the
# next time.
whole_run()
{
	local status

	probe "${PROBE_OPTIONS[@]}"
	whole_client --migrate-at 1800=10.11.0.3
	sleep 0.9
	virt_moves "$(other "$AT")" --bandwidth 16
	virt_moved
	status=$?
	kill -0 "$(pid client)" 2>/dev/null || WHOLE_SECONDS=$((WHOLE_SECONDS * 2))
	finish client
	# shellcheck disable=SC2034 # the test's
	PRINTED=$(<"$WORLD_DIR/client.out")
	probed && return $status
}
