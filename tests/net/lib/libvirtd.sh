# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# A libvirtd in a node, in a namespace of its own for mounts and processes, so that its QEMUs
# end with it; others reach it by TCP. Beside world.sh:
#
#	virt_begin NODE ADDRESS	a libvirtd there; one that is killed comes again, but not
#				while there is $WORLD_DIR/virt-NODE/down
#	virt_end NODE		it ends, with all its QEMUs
#	virt NODE ARGS...	virsh there
#	virt_socket NODE	its socket
#	virt_signal NODE SIGNAL	to the libvirtd itself

# virt_conf NODE ADDRESS DIR
virt_conf()
{
	mkdir -p "$3"/{etc,log,cache,lib,run}
	cat >"$3/etc/libvirtd.conf" <<-EOT
		listen_tls = 0
		listen_tcp = 1
		listen_addr = "$2"
		auth_tcp = "none"
		auth_unix_rw = "none"
		unix_sock_rw_perms = "0700"
		host_uuid = "00000000-0000-4000-8000-00000000000${1#?}"
	EOT
	cat >"$3/etc/qemu.conf" <<-EOT
		security_driver = "none"
		cgroup_controllers = []
		namespaces = []
		user = "root"
		group = "root"
		dynamic_ownership = 0
		remember_owner = 0
		stdio_handler = "file"
	EOT
	# The package's user, which libvirtd wants to know even where it is not used.
	{ cat /etc/passwd; echo "libvirt-qemu:x:64055:64055::/:/bin/false"; } >"$3/passwd"
	{ cat /etc/group; echo "libvirt-qemu:x:64055:"; } >"$3/group"
	cat >"$3/init" <<-EOT
		mount --bind "$3/passwd" /etc/passwd && mount --bind "$3/group" /etc/group || exit
		for dir in etc:/etc/libvirt log:/var/log/libvirt cache:/var/cache/libvirt lib:/var/lib/libvirt run:/run/libvirt; do
			mkdir -p "\${dir#*:}" && mount --bind "$3/\${dir%%:*}" "\${dir#*:}" || exit
		done
		while :; do
			while [ -e "$3/down" ]; do sleep 0.05; done
			libvirtd -f "$3/etc/libvirtd.conf" -p "$3/run/pid" -l &
			wait \$!
		done
	EOT
}

virt_begin()
{
	local dir=$WORLD_DIR/virt-$1

	virt_conf "$1" "$2" "$dir"
	start "libvirtd-$1" "$1" unshare -m -p -f --kill-child --mount-proc sh "$dir/init"
	wait_for 20 virt "$1" list ||
		bail "no libvirtd on $1: $(<"$WORLD_DIR/libvirtd-$1.err")"
}

virt_end()
{
	stop "libvirtd-$1" KILL
}

virt_socket()
{
	echo "$WORLD_DIR/virt-$1/run/libvirt-sock"
}

virt()
{
	local node=$1

	shift
	in_ns "$node" virsh -q -c "qemu+unix:///system?socket=$(virt_socket "$node")" "$@"
}

# The shell that starts it has it as a child.
virt_signal()
{
	kill -"$2" "$(pgrep -x -P "$(pgrep -P "$(pid "libvirtd-$1")")" libvirtd)"
}
