#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# To and fro, and the fabric believes all the while that the VM is on h1: on its
# way back, what it is sent comes by way of the host that it comes to.
# shellcheck source-path=SCRIPTDIR source=lib/vm.sh
. "$(dirname "$0")/lib/vm.sh"

OWN_TAPS=
world_of stubborn
guest_boot h1
fabric_believes h1
xroam_hosts daemon
runs 6 "to and fro"
summary "to and fro"
none_lost "to and fro"
is "$AT" h1 "it is back"
done_testing
