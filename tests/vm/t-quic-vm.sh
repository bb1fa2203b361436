#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A QUIC server in the guest, behind a load balancer that reads connection IDs.
# A client changes its address while the guest is on its way: one notification
# moves the server's backend, the client's CID says where it is, the connection
# lives, and every octet arrives.
# shellcheck source-path=SCRIPTDIR source=lib/vm.sh
. "$(dirname "$0")/lib/vm.sh"

QUIC=$WORLD_BUILD/tests/quic
VIP=192.0.2.10
CONNECTIONS=4

server_words()
{
	local words=--name,vm,--config,/etc/cids,$VIP,443

	echo "VIP=$VIP RUN=/bin/xr_server RUN_ARGS=$words"
}

# balancer tied|untied: the gateway is the LB node. Its backend is wherever the VM
# is, or it does not know that there are VMs.
balancer()
{
	local hosts=$'hosts: []\nvms: []' vm=''

	if [ "$1" = tied ]; then
		hosts="hosts:
  - {name: h1, vxlan: $(underlay4 h1), vni: $VM_VNI}
  - {name: h2, vxlan: $(underlay4 h2), vni: $VM_VNI}
vms:
  - {mac: \"$VM_MAC\", at: $AT, addresses: [$VM_ADDR4]}"
		vm="vm: {mac: \"$VM_MAC\"}"
	fi
	cat >"$WORLD_DIR/gw.yaml" <<-EOT
		$hosts
		devices: [{name: eth0, mode: native}, {name: dsl, mode: native}]
		cid:
		  - {id: 1, format: quic-lb, server_id_length: 3, nonce_length: 5}
		vips:
		  - {address: $VIP, port: 443, protocol: udp, cid: true}
		backends:
		  - name: vm
		    address: $VM_ADDR4
		    vips: ["$VIP:443/udp"]
		    server_ids: [c0de01]
		    forward: l2
		    dev: eth0
		    $vm
	EOT
	xr_on gw apply "$WORLD_DIR/gw.yaml" >/dev/null ||
		bail "the LB node refuses its file"
}

# told HOST: the steps at which the LB node is
told()
{
	[ -z "$TIED" ] || printf '%s\n' --on "resume=$(line_of gw vm move "$VM_MAC" to "$1")"
}

# A transfer; the guest leaves, standing still for a while, and the client
# changes its address in the midst of that. How long QEMU takes to start is no
# part of it. Where the client ended before the guest had gone, on a busy machine,
# a longer one.
transfer()
{
	local from=$AT seconds=3 to steps

	to=$(other "$AT")
	while true; do
		mapfile -t steps < <(told "$to")
		qemu "$to" -incoming defer
		start client c2 "$QUIC/xr_client" --local 10.11.0.2 --rate 60K \
			--connections $CONNECTIONS --seconds $seconds --timeout 120 \
			--migrate-at 1800=10.11.0.3 "$VIP" 443
		sleep 0.9
		PREPARED_QEMU=1 guest_move "$to" --gate 500 "${steps[@]}"
		kill -0 "$(pid client)" 2>/dev/null && break
		diag "the client was done in $seconds s, before the guest had gone"
		seconds=$((seconds * 2))
		finish client
		mapfile -t steps < <(told "$from")
		guest_move "$from" "${steps[@]}"
	done
	finish client
	PRINTED=$(<"$WORLD_DIR/client.out")
}

whole_transfer()
{
	diag "$1: $(jq -c '{verified, connections, up, down, longest_gap_ms}' \
		<<<"$PRINTED"), blackout $(moved blackout_ms) ms"
	is "$(pick .ok <<<"$PRINTED")" true "$1: each connection has every octet" ||
		diag "$(pick '.errors[]' <<<"$PRINTED")"
	is "$(jq -r '[.each[] | select(.server == "vm")] | length' <<<"$PRINTED")" \
		$CONNECTIONS "$1: all of the one server"
}

world_of stubborn
echo "id=1 format=quic-lb sid=c0de01 nonce=5 peers=c0de02" >"$WORLD_DIR/cids"
GUEST_FILES=("$QUIC/xr_server" "$WORLD_DIR/cids=/etc/cids")
ip -n "$(ns c2)" addr add 10.11.0.3/24 dev eth0
# shellcheck disable=SC2046
guest_boot h1 $(server_words)
fabric_believes h1
balancer tied
xroam_hosts daemon

TIED=1
transfer
whole_transfer "the LB node is told"
before=$(reason moved h1)
transfer
whole_transfer "and back"

# The fabric believes that it is still on h1, and the LB node knows of no VM: the
# old host sends its packets on.
balancer untied
TIED=''
transfer
whole_transfer "the LB node is not told"
cmp_ok "$(reason moved h1)" -gt "$before" "the old host sent it on"
done_testing
