# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# A guest that is live-migrated between the hosts of tests/net/lib/vmworld.sh,
# each with a tap "tap0" on its bridge (or, with -r, with routes to it), and a
# client that probes it a thousand times a second all the while, or as often as an
# emulated guest bears on a machine that has other work to do. The taps are
# QEMU's own, as is usual, and go when it ends; or, with OWN_TAPS empty, the
# host's, and lose their carrier.
#
#	guest_world [ARGS...]	vm_world_up ARGS, and the taps
#	guest_boot HOST [WORD...]	boot it there; words of its command line
#	guest_move HOST [OPTIONS...]	live migration, options of migrate.c; what
#				it printed is in $MOVED, where the guest is in $AT
#	moved KEY		a figure of $MOVED
#	probe [OPTIONS...] / probed	begin, end; $PROBED is what came of it
#	probed_of KEY		a figure of $PROBED; probed_any KEY...: one of them is not 0
#	bears WHAT PROBES	whether the guest bears so many, $RATE a second, at rest
#	fit_rate WHAT		$RATE is what it bears
#	run_once HOST [OPTIONS...]	probes, and a migration in their midst
#	proven COMMAND...	a run; again where the guest died of it, or was too far behind, or the
#				machine dropped frames, or kept all from the processor
#	run_of HOST [OPTIONS...]	both
#	result WHAT		a line of the table: $PROBED and $MOVED
#	xroam_hosts cli|daemon	xroam on every host, and who sends it the notices
#	xroam_off		and away again
#	in_state HOST STATE	whether its xroam knows the VM so
#	whole WHAT		none lost, none twice, all answered
#	world_test FABRIC	the test of a world: without xroam, and with it
#
# shellcheck source-path=SCRIPTDIR source=../../net/lib/vmworld.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../net/lib/vmworld.sh"

VM_TESTS=$WORLD_BUILD/tests/vm
KERNEL_VERSION=6.1
KERNEL=$WORLD_BUILD/kernels/$KERNEL_VERSION
INITRAMFS=$VM_TESTS/initramfs
GUEST_FILES=()		# of mkinitramfs: more than the probes need
GUEST_MEMORY=128
GUEST_WORDS=()		# on its kernel's command line
CLIENT=c1		# who probes
PROBE_OPTIONS=()
PROBE_TO=$VM_ADDR4
RATE=1000		# probes a second
AT=			# the host where the guest is
GUEST=''		# a second one has a name, a tap, a MAC and addresses of its own
TAP=tap0
CARD2=''			# its MAC, where the guest has a second card, at tap1
CARD2_ADDR4=10.9.0.12
OWN_TAPS=1
QUITS=(5 '' 15 30)	# ms after RESUME that the source ends, run by run; '': later
QUIT=''			# of this run
MOVED='{}' PROBED='{}'
FABRIC=learns		# world_of
MOVE_OPTIONS=()
XROAM_BY=''		# xroam_hosts
GATE=false		# the daemons' "gate": QEMU waits for them before it goes on
STEPS=()
VM_VNI=1000		# of the segment

# The gateway's address that hosts answer for in a routed world.
TAP_MAC=02:00:00:00:09:01

# ---- taps ----

tap_bridged()
{
	cat <<-EOT
		link set $TAP address 02:00:00:00:1${TAP#tap}:0${1#h} mtu 1500
		link set $TAP master br0 up
		link set br0 mtu $VM_MTU
	EOT
}

# Each host answers as the VM's gateway, and routes the VM's address to the tap.
tap_routed()
{
	cat <<-EOT
		link set tap0 address $TAP_MAC mtu 1500 up
		addr add $GW_ADDR4/32 dev tap0
		addr add $GW_ADDR6/128 dev tap0 nodad
		route replace $VM_ADDR4/32 dev tap0
		route replace $VM_ADDR6/128 dev tap0
		neigh replace $VM_ADDR4 lladdr $VM_MAC dev tap0 nud permanent
		neigh replace $VM_ADDR6 lladdr $VM_MAC dev tap0 nud permanent
	EOT
}

# tap_script HOST: what QEMU runs once it has made its tap
tap_script()
{
	local script=$WORLD_DIR/up-$TAP-$1

	if [ -n "$VM_ROUTED" ]; then
		tap_routed "$1"
	else
		tap_bridged "$1"
	fi >"$script.ip"
	printf '#!/bin/sh\nexec ip -batch %s\n' "$script.ip" >"$script"
	chmod +x "$script"
}

# tap_of HOST
tap_of()
{
	tap_script "$1"
	[ -z "$OWN_TAPS" ] || return 0
	in_ns "$1" ip tuntap add "$TAP" mode tap vnet_hdr ||
		bail "no tap on $1"
	in_ns "$1" "$WORLD_DIR/up-$TAP-$1" || bail "no tap on $1"
}

# The distribution's kernel, and what is around it; kept, but where a test has
# files of its own in it.
guest_image()
{
	"$WORLD_TOP/tests/kernels/fetch" $KERNEL_VERSION >&2 ||
		bail "no kernel $KERNEL_VERSION"
	[ -n "${GUEST_FILES[*]}" ] || ! [ "$INITRAMFS" -nt "$VM_TESTS/guest" ] ||
		! [ "$INITRAMFS" -nt "$KERNEL" ] || return 0
	[ -z "${GUEST_FILES[*]}" ] || INITRAMFS=$WORLD_DIR/initramfs
	"$WORLD_TOP/tests/vm/mkinitramfs" "$KERNEL" "$VM_TESTS/guest" \
		"$INITRAMFS" "${GUEST_FILES[@]}" || bail "cannot pack the guest"
}

guest_world()
{
	local host

	vm_world_up "$@"
	for host in "${VM_HOSTS[@]}"; do
		tap_of "$host"
		[ -z "$CARD2" ] || TAP=tap1 tap_of "$host"
	done
}

# ---- the guest ----

qmp()
{
	echo "$WORLD_DIR/$GUEST$1.qmp"
}

# The daemon's monitor: one of its own, for a monitor has one client at a time.
qmp_of_daemon()
{
	echo "$WORLD_DIR/$GUEST$1.daemon.qmp"
}

# The kernel's own words in its command line.
#
# pti=on: the guest's every system call flushes the emulated TLB. Without it TCG may
# believe for long that a page is dirty already which a migration has just sent
# (notdirty_write() races with tlb_reset_dirty()), and the guest wakes up with old
# memory: the last probe that it has seen is then an older one.
#
# no_timer_check: where QEMU gets no processor while the kernel counts ten ticks, it
# would find that its timer does not work, and panic.
#
# cryptomgr.notests, initcall_blacklist: without self-tests, certificates and trace events, of
# which nothing here has need, it boots in four fifths of the time.
KERNEL_WORDS="console=ttyS0 panic=-1 quiet mitigations=off pti=on no_timer_check cryptomgr.notests"
KERNEL_WORDS+=" initcall_blacklist=load_system_certificate_list,load_revocation_certificate_list"
KERNEL_WORDS+=",event_trace_init,trace_eval_init"

# Its processor: cx16, erms and fsrm off for the reasons in tests/kernels/run.sh.
GUEST_CPU=max,-cx16,-erms,-fsrm

# qemu HOST [ARGS...]
qemu()
{
	local host=$1 script=no more=()

	shift
	[ -z "$OWN_TAPS" ] || script=$WORLD_DIR/up-$TAP-$host
	[ -z "$CARD2" ] || more=(
		-netdev "tap,id=n1,ifname=tap1,script=${script/up-$TAP-/up-tap1-},downscript=no"
		-device "virtio-net-pci,netdev=n1,mac=$CARD2,romfile="
		-qmp "unix:$(qmp_of_daemon "$host").2,server=on,wait=off")
	rm -f "$(qmp "$host")" "$(qmp_of_daemon "$host")"
	start "qemu-$GUEST$host" "$host" qemu-system-x86_64 \
		-accel tcg,thread=multi -cpu $GUEST_CPU -smp 1 \
		-m "$GUEST_MEMORY" -nodefaults -no-user-config -display none \
		-no-reboot -kernel "$KERNEL/vmlinuz" -initrd "$INITRAMFS" \
		-append "$KERNEL_WORDS ADDR=$VM_ADDR4 ADDR6=$VM_ADDR6 GATEWAY=$GW_ADDR4 GATEWAY6=$GW_ADDR6 ${GUEST_WORDS[*]}" \
		-serial "file:$WORLD_DIR/$GUEST$host.console" \
		-netdev "tap,id=n0,ifname=$TAP,script=$script,downscript=no" \
		-device "virtio-net-pci,netdev=n0,mac=$VM_MAC,romfile=" \
		-qmp "unix:$(qmp "$host"),server=on,wait=off" \
		-qmp "unix:$(qmp_of_daemon "$host"),server=on,wait=off" \
		"${more[@]}" "$@"
	wait_for 10 test -S "$(qmp_of_daemon "$host")" ||
		bail "no QEMU on $host: $(<"$WORLD_DIR/qemu-$GUEST$host.err")"
}

guest_boot()
{
	AT=$1
	shift
	guest_image
	GUEST_WORDS+=("$@" ${CARD2:+"ADDR_2=$CARD2_ADDR4"})
	qemu "$AT"
	wait_for 60 grep -q '^guest: ready' "$WORLD_DIR/$GUEST$AT.console" ||
		bail "the guest does not boot: $(tail -n 20 "$WORLD_DIR/$GUEST$AT.console")"
	fabric_for "$AT"
}

# Of the two QEMUs, the one that the guest does not run in is ended.
guest_move()
{
	local to=$1

	shift
	[ -n "${PREPARED_QEMU-}" ] || qemu "$to" -incoming defer
	guest_leaves "$to" "$@"
	guest_arrives "$to"
}

# The same in two halves: the second waits for the end.
guest_leaves()
{
	local to=$1

	shift
	steps "$AT" "$to"
	[ -z "$QUIT" ] || STEPS=(--on "resume=(sleep $(quit_after); kill $(
		pid "qemu-$GUEST$AT")) & :" "${STEPS[@]}")
	start "migrate$GUEST" "$to" "$VM_TESTS/migrate" "${MOVE_OPTIONS[@]}" \
		"${STEPS[@]}" "$@" "$(qmp "$AT")" "$(qmp "$to")" \
		"$WORLD_DIR/channel$GUEST"
}

quit_after()
{
	printf '0.%03d' "$QUIT"
}

guest_arrives()
{
	local from=$AT to=$1 status

	finish "migrate$GUEST"
	status=$?
	MOVED=$(<"$WORLD_DIR/migrate$GUEST.out")
	[ ! -s "$WORLD_DIR/migrate$GUEST.err" ] ||
		diag "$(<"$WORLD_DIR/migrate$GUEST.err")"
	if [ "$(moved result)" = completed ]; then
		AT=$to
		# Whoever manages VMs looks at the new one before that.
		[ -n "${MOVE_IN_ONE_GO-}" ] || sleep 0.5
		stop "qemu-$GUEST$from"
	else
		stop "qemu-$GUEST$to" KILL
		sleep 0.3
	fi
	return $status
}

moved()
{
	pick -d "" ".$1" <<<"$MOVED"
}

# ---- what the fabric believes ----

# world_of learns|deaf|silent|routed|...: the fabric learns where the VM is; it does
# not learn from announcements; the VM makes none; it routes the VM's address.
# Anything else: as the test makes it.
world_of()
{
	FABRIC=$1
	case $1 in
	routed)
		CLIENT=c2
		guest_world -n 2 -r
		;;
	silent)
		MOVE_OPTIONS=(--announce 0)
		guest_world -n 2
		;;
	*)	guest_world -n 2 ;;
	esac
}

# fabric_for HOST: after a run, so that the guest there can be reached, and the next
# run begins as the first did.
fabric_for()
{
	case $FABRIC in
	deaf)	fabric_believes "$1"
		[ -z "$CARD2" ] || fabric_believes "$1" "$CARD2"
		;;
	silent)	in_ns fab bridge fdb replace "$VM_MAC" dev "$1" \
			master dynamic
		# Its host's bridge may know it from elsewhere.
		in_ns "$1" bridge fdb replace "$VM_MAC" dev "$TAP" \
			master dynamic
		;;
	routed)	ip -n "$(ns gw)" -batch - <<-EOT
			route replace $VM_ADDR4/32 via $(underlay4 "$1") dev eth0
			route replace $VM_ADDR6/128 via $(underlay6 "$1") dev eth0
		EOT
		;;
	esac
}

# ---- probes ----

probe()
{
	start "prober$GUEST" "$CLIENT" "$VM_TESTS/prober" \
		-i $((1000000 / RATE)) "$@" "$PROBE_TO"
}

probed()
{
	local status

	kill -TERM "$(pid "prober$GUEST")" 2>/dev/null
	wait_for 5 grep -qx sent "$WORLD_DIR/prober$GUEST.err"
	[ -z "$AT" ] || fabric_for "$AT"
	finish "prober$GUEST"
	status=$?
	PROBED=$(<"$WORLD_DIR/prober$GUEST.out")
	[ $status = 0 ] || diag "prober: $(<"$WORLD_DIR/prober$GUEST.err")" \
		"the guest: $(tail -n 5 "$WORLD_DIR/$GUEST$AT.console")" \
		"its QEMU: $(<"$WORLD_DIR/qemu-$GUEST$AT.err")"
	return $status
}

probed_of()
{
	pick -d "" ".$1" <<<"$PROBED"
}

probed_any()
{
	local key is

	for key; do
		is=$(probed_of "$key")
		[ "${is:-0}" = 0 ] || return 0
	done
	return 1
}

at_rest()
{
	rm -f "$WORLD_DIR/prober$GUEST.err"
	probe "$@"
	wait_for 5 grep -qx sent "$WORLD_DIR/prober$GUEST.err"
	probed
}

# Nothing is lost, and no answer is late: a tap holds a thousand frames, no more.
keeps_up()
{
	[ "$(jq '.lost == 0 and .max_ms <= 150' <<<"$PROBED")" = true ]
}

bears()
{
	local option options=(-n "$2")

	for option in "${PROBE_OPTIONS[@]}"; do
		[ "$option" = -o ] || options+=("$option")
	done
	at_rest "${options[@]}"
	! guest_died || {
		guest_again "$AT"
		at_rest "${options[@]}"
	}
	keeps_up && return
	MOVED='{}'
	result "$1, $RATE/s at rest"
	return 1
}

fit_rate()
{
	for RATE in 1000 500 250 125; do
		! bears "$1" $((RATE / 4)) || return 0
	done
}

# ---- xroam on the hosts ----

# xroam_hosts cli|daemon [LINES]: who sends the notices of the move: the command,
# called at the migration's steps; or the daemon on each host, which listens to its
# QEMU.
# LINES are added to the daemons' files.
xroam_hosts()
{
	local host method=vxlan

	XROAM_BY=$1
	[ -z "$VM_ROUTED" ] || method=ipip
	for host in "${VM_HOSTS[@]}"; do
		# shellcheck disable=SC2046
		xroam_file "$host" $method "${2-}" >"$WORLD_DIR/$host.yaml"
		# A warning says that the file's sources are the daemon's.
		xr_on "$host" apply "$WORLD_DIR/$host.yaml" >/dev/null 2>"$WORLD_DIR/$host.apply" ||
			bail "xroam on $host refuses its file: $(<"$WORLD_DIR/$host.apply")"
		[ "$XROAM_BY" = cli ] || xroam_daemon "$host"
	done
}

xroam_file()
{
	local node=$1 host

	# A test moves its guest more often than any operator would.
	echo "policy: {flap_moves: 1000, blackout_timeout: 5}"
	echo "devices: [{name: up0, mode: native}]"
	echo "hosts:"
	for host in "${VM_HOSTS[@]}"; do
		echo "  - {name: $host, $2: $(underlay4 "$host")$(
			[ "$2" != vxlan ] || echo ", vni: $VM_VNI")$(
			[ "$host" != "$node" ] || echo ", local: true")}"
	done
	cat <<-EOT
		vms:
		  - mac: $VM_MAC
		    at: $AT
		    addresses: [$VM_ADDR4, "$VM_ADDR6"]
		    tap: $TAP
		  ${CARD2:+- {mac: "$CARD2", at: $AT, addresses: [$CARD2_ADDR4], tap: tap1\}}
		sources:
		  qmp:
		    - socket: $(qmp_of_daemon "$node")
		      vm: {mac: "$VM_MAC"}
		      to: $(other "$node")
		      gate: $GATE
		    ${CARD2:+- {socket: $(qmp_of_daemon "$node").2, vm: {mac: "$CARD2"\}, to: $(other "$node")\}}
		${3-}
	EOT
}

# Where a VM goes from that host.
other()
{
	echo "h$((${1#h} % ${#VM_HOSTS[@]} + 1))"
}

xroam_daemon()
{
	start "xroam-$1" "$1" "$XROAM" -i "$(instance "$1")" run \
		-c "$WORLD_DIR/$1.yaml"
	wait_for 5 test -S "/run/xroam/$(instance "$1").sock" ||
		bail "no daemon on $1: $(<"$WORLD_DIR/xroam-$1.err")"
}

xroam_off()
{
	local host

	for host in "${VM_HOSTS[@]}"; do
		stop "xroam-$host"
		xr_on "$host" destroy
	done
	XROAM_BY=
}

in_state()
{
	[ "$(vm_fact "$1" "$VM_MAC" state)" = "$2" ]
}

# line_of "NODE..." ARGS...: a line for sh, xroam ARGS on each node, in that order
line_of()
{
	local node nodes=$1 line=:

	shift
	for node in $nodes; do
		line+="; nsenter --net=/run/netns/$(ns "$node") $XROAM"
		line+=" -i $(instance "$node") $* >/dev/null"
	done
	echo "$line"
}

# Pre-copy takes seconds in the field, and a prepare milliseconds; not so where a guest
# of a few pages moves on a busy machine. So it waits, for the limits' sake (a VM that
# stops before its move is prepared loses what its port holds); but behind the gate,
# which needs no such thing. An xroam that never gets there is the test's to judge.
until_ready()
{
	local host

	[ "$GATE$GUEST" = false ] || return 0
	for host in "$@"; do
		echo "for i in \$(seq 200); do"
		echo "	nsenter --net=/run/netns/$(ns "$host") $XROAM -i $(instance "$host") -j vm show $VM_MAC |"
		echo "		grep -q '\"ready\":true' && break"
		echo "	sleep 0.05"
		echo "done"
	done >"$WORLD_DIR/prepared"
	STEPS=(--on "active=sh $WORLD_DIR/prepared")
}

# steps FROM TO: the notices at each step of the migration. The new host gets them
# first, the old one last. Daemons know of it by themselves, but for those of third
# hosts: these get theirs once the guest stands still, before it may go on. Later is
# too late: the host that it leaves sends on nothing that comes out of their tunnels.
steps()
{
	local from=$1 to=$2 host others=

	STEPS=()
	for host in "${VM_HOSTS[@]}"; do
		case $host in
		"$from"|"$to") ;;
		*) others+=" $host" ;;
		esac
	done
	case $XROAM_BY in
	cli)	STEPS=(--gate 0
		       --on "start=$(line_of "$to$others $from" vm prepare "$VM_MAC" to "$to")"
		       --on "stop=$(line_of "$from $to" vm pause "$VM_MAC")"
		       --on "resume=$(line_of "$to$others $from" vm move "$VM_MAC" to "$to")"
		       --on "back=$(line_of "$from$others $to" vm cancel "$VM_MAC")")
		;;
	daemon)	until_ready "$from" "$to"
		[ -z "$others" ] ||
		STEPS+=(--gate 0
		       --on "start=$(line_of "$others" vm prepare "$VM_MAC" to "$to")"
		       --on "stop=$(line_of "$others" vm move "$VM_MAC" to "$to")"
		       --on "back=$(line_of "$others" vm move "$VM_MAC" to "$from")")
		;;
	esac
}

# shellcheck source=tests/vm/lib/runs.sh
. "$(dirname "${BASH_SOURCE[0]}")/runs.sh"
