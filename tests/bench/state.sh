#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# How long a node takes to write its state, and another one to merge it: of FLOWS flows, and of
# VMS VMs.
# shellcheck source=tests/net/lib/daemonworld.sh
. "$(dirname "$0")/../net/lib/daemonworld.sh"
FLOWS=${1-1048576} VMS=${2-10000}
daemon_world_up
cat >"$WORLD_DIR/file" <<-EOT
	limits: {flows: $((4 * FLOWS)), vms: $((2 * VMS))}
	hosts: [{name: h1, vxlan: 10.8.0.2, vni: 100}]
	vips: [{address: 192.0.2.1, port: 80, protocol: tcp}]
	backends: [{name: b1, address: 10.8.0.2, vips: ["192.0.2.1:80/tcp"]}]
EOT
ok "an instance" xr apply "$WORLD_DIR/file"
xr state export - | $PYTHON "$WORLD_TOP/tests/net/lib/stream.py" "$FLOWS" "$VMS" >"$WORLD_DIR/in"

# timed WHAT ARGS...: $SAID is what it printed
timed()
{
	local what=$1 begin

	shift
	begin=$(date +%s%N)
	SAID=$(xr -j "$@")
	echo "# $what: $((($(date +%s%N) - begin) / 1000000)) ms"
}

timed "import of $FLOWS flows" state import "$WORLD_DIR/in" only flows
is "$(jq .flows.new <<<"$SAID")" "$FLOWS" "all flows are new"
timed "import of $VMS VMs" state import "$WORLD_DIR/in" only vms
is "$(jq .vms.new <<<"$SAID")" "$VMS" "all VMs are new"
timed "export of both" state export "$WORLD_DIR/out"
is "$(jq -c '[.flows, .vms]' <<<"$SAID")" "[$FLOWS,$VMS]" "which are all"
timed "import of both, where all is known" state import "$WORLD_DIR/out"
done_testing
