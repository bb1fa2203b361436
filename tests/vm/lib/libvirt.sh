# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The guest of vm.sh as a libvirt's domain, one libvirtd a host. Beside libvirtd.sh:
#
#	virt_world [ARGS...]	vm_world_up ARGS, and the libvirtds
#	virt_uri HOST [FROM]	as that host's own, or as seen from another one
#	virt_boot HOST		the guest
#	virt_moves HOST [ARGS...]	virsh migrate begins, with ARGS; virt_moved: its end
#	virt_kill_guest HOST	its QEMU there dies
#	virt_dropped		frames that the guest's port at $AT had no room for
#	virt_late / virt_was_late	begins, ends: $LATE is what tests/vm/lib/late.py printed
#	virt_file HOST		an xroam's file, with the libvirts that it listens to
#
# shellcheck source-path=SCRIPTDIR source=vm.sh
. "$(dirname "${BASH_SOURCE[0]}")/vm.sh"
# shellcheck source-path=SCRIPTDIR source=../../net/lib/libvirtd.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../net/lib/libvirtd.sh"

DOMAIN=guest
VIRT_REMOTE=1		# each daemon listens to all libvirtds; empty: to its own alone

virt_world()
{
	local host

	command -v libvirtd >/dev/null || skip_all "needs libvirt-daemon"
	vm_world_up "$@"
	for host in "${VM_HOSTS[@]}"; do
		virt_begin "$host" "$(underlay4 "$host")"
	done
}

virt_uri()
{
	if [ "$1" = "${2-$1}" ]; then
		echo "qemu+unix:///system?socket=$(virt_socket "$1")"
	else
		echo "qemu+tcp://$(underlay4 "$1")/system"
	fi
}

# QEMU has left libvirtd, and is a child of its namespace's first process.
virt_kill_guest()
{
	kill -KILL "$(pgrep -x -P "$(pgrep -P "$(pid "libvirtd-$1")")" qemu-system-x86)"
}

virt_dropped()
{
	in_ns "$AT" ip -s -j link | jq '[.[] | select(.ifname | startswith("vnet")) | .stats64.tx.dropped] | add'
}

virt_late()
{
	start late "$AT" "$(dirname "${BASH_SOURCE[0]}")/late.py" "$VIRT_MONITORS" \
		"${XROAM%/*}/libexec/xroam-libvirt" "$(virt_uri "$AT")" "$(virt_uri "$(other "$AT")" "$AT")"
	wait_for 10 grep -qx ready "$WORLD_DIR/late.err" || bail "late.py: $(<"$WORLD_DIR/late.err")"
}

virt_was_late()
{
	kill -TERM "$(pid late)"
	finish late
	# shellcheck disable=SC2034 # the test's
	LATE=$(<"$WORLD_DIR/late.out")
}

# As of vm.sh, where the reasons are.
virt_xml()
{
	cat <<-EOT
		<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
		  <name>$DOMAIN</name>
		  <uuid>6b8c5c5e-0000-4000-8000-0000000000aa</uuid>
		  <memory unit='MiB'>$GUEST_MEMORY</memory>
		  <vcpu>1</vcpu>
		  <os>
		    <type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type>
		    <kernel>$KERNEL/vmlinuz</kernel>
		    <initrd>$INITRAMFS</initrd>
		    <cmdline>$KERNEL_WORDS ADDR=$VM_ADDR4 ADDR6=$VM_ADDR6 GATEWAY=$GW_ADDR4 GATEWAY6=$GW_ADDR6 ${GUEST_WORDS[*]}</cmdline>
		  </os>
		  <on_reboot>destroy</on_reboot>
		  <devices>
		    <emulator>/usr/bin/qemu-system-x86_64</emulator>
		    <controller type='usb' model='none'/>
		    <memballoon model='none'/>
		    <interface type='bridge'>
		      <mac address='$VM_MAC'/>
		      <source bridge='br0'/>
		      <model type='virtio'/>
		      <rom enabled='no'/>
		    </interface>
		    <serial type='file'><source path='$WORLD_DIR/guest.console' append='on'/></serial>
		  </devices>
		  <qemu:commandline>
		    <qemu:arg value='-cpu'/><qemu:arg value='$GUEST_CPU'/>
		    <qemu:arg value='-qmp'/><qemu:arg value='unix:$VIRT_MONITORS,server=on,wait=off'/>
		  </qemu:commandline>
		</domain>
	EOT
}

virt_boot()
{
	local host

	AT=$1
	VIRT_MONITORS=$WORLD_DIR/guest.qmp
	guest_image
	virt_xml >"$WORLD_DIR/guest.xml"
	# Where vm.sh looks when something is wrong.
	for host in "${VM_HOSTS[@]}"; do
		ln -sf guest.console "$WORLD_DIR/$host.console"
		: >"$WORLD_DIR/qemu-$host.err"
	done
	virt "$1" create "$WORLD_DIR/guest.xml" >&2 || bail "libvirt does not take the guest"
	wait_for 60 grep -q '^guest: ready' "$WORLD_DIR/guest.console" ||
		bail "the guest does not boot: $(tail -n 20 "$WORLD_DIR/guest.console")"
	fabric_for "$1"
}

virt_moves()
{
	local to=$1

	shift
	start migrate "$AT" virsh -q -c "$(virt_uri "$AT")" migrate --live --p2p "$@" \
		"$DOMAIN" "$(virt_uri "$to" "$AT")" --migrateuri "tcp://$(underlay4 "$to")"
	VIRT_TO=$to
}

virt_moved()
{
	local status

	finish migrate
	status=$?
	MOVED='{}'
	if [ $status = 0 ]; then
		AT=$VIRT_TO
	else
		diag "virsh: $(<"$WORLD_DIR/migrate.err")"
	fi
	return $status
}

# virt_run HOST [ARGS...]: probes, and a migration in their midst
virt_run()
{
	probe "${PROBE_OPTIONS[@]}"
	sleep 0.3
	virt_moves "$@"
	virt_moved
	sleep 0.5
	probed
}

# For proven() of runs.sh: the same with libvirt.
guest_move()
{
	virt_moves "$@"
	virt_moved
}

guest_again()
{
	local host

	for host in "${VM_HOSTS[@]}"; do
		virt "$host" destroy "$DOMAIN" >/dev/null 2>&1
	done
	: >"$WORLD_DIR/guest.console"
	virt_boot "$1"
}

# ---- xroam ----

virt_file()
{
	local host

	echo "policy: {flap_moves: 1000, blackout_timeout: 5}"
	echo "devices: [{name: up0, mode: native}]"
	echo "hosts:"
	for host in "${VM_HOSTS[@]}"; do
		echo "  - {name: $host, vxlan: $(underlay4 "$host"), vni: $VM_VNI$(
			[ "$host" != "$1" ] || echo ", local: true")}"
	done
	virt_sources "$1"
}

# Each host's libvirt, as NODE has them in its file
virt_sources()
{
	local host

	echo "sources:"
	echo "  libvirt:"
	for host in "${VM_HOSTS[@]}"; do
		if [ "$host" = "$1" ]; then
			echo "    - {uri: \"$(virt_uri "$host")\"${VIRT_TO_OTHER:+, to: $(other "$1")}${VIRT_MONITOR:+, monitor: $VIRT_MONITOR}}"
		elif [ -n "$VIRT_REMOTE" ]; then
			echo "    - {uri: \"$(virt_uri "$host" "$1")\", host: $host}"
		fi
	done
}

virt_hosts()
{
	local host

	XROAM_BY=daemon
	for host in "${VM_HOSTS[@]}"; do
		virt_file "$host" >"$WORLD_DIR/$host.yaml"
		start "xroam-$host" "$host" "$XROAM" -v -i "$(instance "$host")" run \
			-c "$WORLD_DIR/$host.yaml"
	done
	for host in "${VM_HOSTS[@]}"; do
		wait_for 10 in_state "$host" stable ||
			bail "xroam on $host does not know the guest: $(<"$WORLD_DIR/xroam-$host.err")"
	done
}
