# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Nodes that have each other's flows and VMs. Beside world.sh:
#
#	state_config FLOWS [KEY]	a file for each of them, on standard output: limits.flows, and
#					which secret, 1 or another number
#
state_config()
{
	cat <<-EOT
	secret: $(printf '%064d' "${2-1}")
	limits: { flows: $1 }
	hosts:
	  - { name: h1, vxlan: $(addr4 s1), vni: 100 }
	  - { name: h2, vxlan: $(addr4 s2), vni: 100 }
	vips:
	  - { address: $VIP4, port: 80, protocol: tcp }
	backends:
	  - { name: s1, address: $(addr4 s1), vips: ["$VIP4:80/tcp"] }
	  - { name: s2, address: $(addr4 s2), vips: ["$VIP4:80/tcp"] }
	EOT
}
