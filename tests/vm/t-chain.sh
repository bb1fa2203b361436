#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# From h1 to h2 to h3 and back to h1 in one go, under one stream of probes; the
# fabric believes in h1 to the end. h1 is told each time, and nothing that came
# out of a tunnel goes into another one.
# shellcheck source-path=SCRIPTDIR source=lib/vm.sh
. "$(dirname "$0")/lib/vm.sh"

chain()
{
	probe
	sleep 0.2
	MOVE_IN_ONE_GO=1
	guest_move h2 && guest_move h3 && guest_move h1
	local status=$?
	sleep 0.3
	probed && return $status
}

FABRIC=stubborn
guest_world -n 3
guest_boot h1
fabric_believes h1
xroam_hosts daemon
ALL=
for i in 1 2 3; do
	ok "h1, h2, h3, h1" proven chain
	remember "chain $i"
done
summary "h1, h2, h3, h1"
none_lost "h1, h2, h3, h1"
done_testing
