# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Frames of VMs and their clients: made, and looked for. A part of vmworld.sh, which
# has the list.

arrived()
{
	grep -cE "^$1 .*(${2-})" <<<"$SEEN"
}

numbers()
{
	sed -n "s/^$1 .*\b$2 \([0-9]*\).*/\1/p" <<<"$SEEN"
}

vector()
{
	local frame

	frame=$(pick -d "" ".frames.$1" "$VECTORS")
	[ -n "$frame" ] && echo "$frame"
}

tagged()
{
	printf '%s8100%04x%s\n' "${2:0:24}" "$1" "${2:24}"
}

no_colons()
{
	echo "${1//:/}"
}

# shellcheck disable=SC2120
vm_probe()
{
	local tag=()

	if [ "${1-}" = -v ]; then
		tag=(-v "$2")
		shift 2
	fi
	frame make "${tag[@]}" udp "$C1_MAC" "$VM_MAC" "$C1_ADDR4" \
		"$VM_ADDR4" 9 "${1-what the client says}"
}

# The same from n1.
# shellcheck disable=SC2120
neighbour_probe()
{
	frame make udp "$N1_MAC" "$VM_MAC" "$N1_ADDR4" "$VM_ADDR4" 9 "${1-what its neighbour says}"
}

# reaches DESCRIPTION H1 H2: how often the client's frame gets to v1 there
reaches()
{
	local probe

	probe=$(vm_probe)
	play -q 10 -w v1:h1 -w v1:h2 "c1:eth0=$probe"
	is "$(arrived v1:h1 "$probe") $(arrived v1:h2 "$probe")" "$2 $3" "$1"
}

# vxlan_of VNI: what a frame in that segment's tunnel holds between its outer
# UDP header and the inner frame.
vxlan_of()
{
	printf '08000000%06x00' "$1"
}

# What the fabric believes, whatever it hears: sticky, or it would move.
fabric_believes()
{
	in_ns fab bridge fdb replace "${2-$VM_MAC}" dev "$1" master static \
		sticky
}
