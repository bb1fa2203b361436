#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Proxmox VE's order of steps, by QEMU alone: the new QEMU waits with -S and is told to go
# on some time after all has been sent, nobody but the hookscript says where the VM goes,
# and its ssh is played here. Nothing is lost; a migration that comes to nothing is taken
# back. The guide's file and its monitor are as they stand there.
# shellcheck disable=SC2317 # functions that proven calls
# shellcheck source-path=SCRIPTDIR source=lib/vm.sh
. "$(dirname "$0")/lib/vm.sh"
# shellcheck source-path=SCRIPTDIR source=../net/lib/walk.sh
. "$(dirname "$0")/../net/lib/walk.sh"

VMID=100
CARD_TAGGED=bc:24:11:00:00:02

# Proxmox's own, as far as the script sees them
proxmox()
{
	local host

	NODES=$WORLD_DIR/nodes
	mkdir -p "$WORLD_DIR/bin"
	for host in "${VM_HOSTS[@]}"; do
		mkdir -p "$NODES/$host/qemu-server"
	done
	cat >"$NODES/$AT/qemu-server/$VMID.conf" <<-EOT
		name: guest
		net0: virtio=${VM_MAC^^},bridge=vmbr0,firewall=1

		[before]
		net0: virtio=BC:24:11:00:00:01,bridge=vmbr0,tag=7
	EOT
	cat >"$WORLD_DIR/bin/ssh" <<-EOT
		#!/bin/sh
		while [ "\${1#-}" != "\$1" ]; do [ "\$1" != -o ] || shift; shift; done
		node=\${1#root@} && shift 2
		[ "\$1" != -i ] || shift 2
		exec nsenter "--net=/run/netns/$WORLD-\$node" "$XROAM" -i "$WORLD-\$node" "\$@"
	EOT
	# shellcheck disable=SC2016
	printf '#!/bin/sh\necho $NODE\n' >"$WORLD_DIR/bin/hostname"
	printf '#!/bin/sh\nexec "%s" "$@"\n' "$XROAM" >"$WORLD_DIR/bin/xroam"
	chmod +x "$WORLD_DIR"/bin/*
}

# hook HOST PHASE
hook()
{
	in_ns "$1" env PATH="$WORLD_DIR/bin:$PATH" NODE="$1" XROAM_PVE_NODES="$NODES" \
		XROAM_INSTANCE="$(instance "$1")" "$WORLD_TOP/scripts/hooks/proxmox" $VMID "$2"
}

# goes_on HOST SECONDS: Proxmox's word to the new QEMU, by a monitor of its own
goes_on()
{
	cat <<-EOT
		sleep $2; /usr/bin/python3 -c '
		import socket
		s = socket.socket(socket.AF_UNIX)
		s.connect("$WORLD_DIR/$1.proxmox")
		f = s.makefile("rw")
		f.readline()
		for word in "qmp_capabilities", "cont":
		    f.write("{\\"execute\\": \\"%s\\"}\\n" % word)
		    f.flush()
		    f.readline()'
	EOT
}

begins()
{
	local to

	to=$(other "$AT")
	SAID=$(hook "$to" pre-start)
	qemu "$to" -incoming defer -S -qmp "unix:$WORLD_DIR/$to.proxmox,server=on,wait=off"
}

# A second later than it could is what a busy node takes.
moves()
{
	local from=$AT

	begins
	# shellcheck disable=SC2034 # of vm.sh
	MOVE_OPTIONS=(--on "completed=$(goes_on "$(other "$AT")" "$1")")
	PREPARED_QEMU=1 run_once "$(other "$AT")" || return
	mv "$NODES/$from/qemu-server/$VMID.conf" "$NODES/$AT/qemu-server/"
	SAID+=$(hook "$from" post-stop)
}

gives_up()
{
	local to

	to=$(other "$AT")
	begins
	ok "given up: $AT knows where it goes" in_state "$AT" prepared
	is "$(vm_fact "$AT" "$CARD_TAGGED" state 7)" prepared "  and where its card with a tag does"
	probe "${PROBE_OPTIONS[@]}"
	stop "qemu-$to" KILL
	SAID+=$(hook "$to" post-stop)
	sleep 0.3
	probed
}

eval "file_with_$(declare -f xroam_file)"
xroam_file()
{
	file_with_xroam_file "$@" | sed '/^ *to: /d'
}

world_of deaf
walk proxmox <"$GUIDES/proxmox.md" >"$WORLD_DIR/walk.sh"
ok "the guide's file" sh -c "cd '$WORLD_DIR' && sh walk.sh && '$XROAM' check proxmox.yaml"
is "$(section 'Proxmox VE' <"$GUIDES/proxmox.md" | sed -n "s/.*--args '-qmp unix:\(.*\),server=on.*/\1/p")" \
	"$(sed -n 's/.*socket: \([^,]*\),.*/\1/p' "$WORLD_DIR/proxmox.yaml")" "  names the monitor that QEMU has"

guest_boot h1
proxmox
xroam_hosts daemon
for seconds in 0 0.2 1.5; do
	fit_rate "$seconds s"
	proven moves $seconds || fail "it goes on after $seconds s: it ended as $(moved result)"
	remember "it goes on after $seconds s"
	is "$SAID" "" "  the script has nothing to say"
	for host in "${VM_HOSTS[@]}"; do
		is "$(vm_fact "$host" "$VM_MAC" host)" "$AT" "  $host knows where it is"
	done
done
summary "Proxmox's steps"
none_lost "Proxmox's steps"

# A second card, of which no QEMU tells
sed -i "s/^$/net1: virtio=${CARD_TAGGED^^},bridge=vmbr0,tag=7,mtu=1\n/" "$NODES/$AT/qemu-server/$VMID.conf"
for host in "${VM_HOSTS[@]}"; do
	ok "a card with a tag, on $host" xr_on "$host" vm add "$CARD_TAGGED" vlan 7 at "$AT"
done
proven gives_up
whole "given up"
is "$SAID" "" "  the script has nothing to say"
is "$(vm_fact "$AT" "$VM_MAC" host) $(vm_state "$AT" "$VM_MAC")" \
	"$AT moved" "  it is where it was"
is "$(vm_fact "$AT" "$CARD_TAGGED" state 7)" stable "  so is its card with a tag"
is "$(NODES=/nowhere hook "$AT" pre-start; hook "$AT" pre-start)" "" "one that only starts: not a word"
done_testing
