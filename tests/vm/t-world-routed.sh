#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A routed fabric, where the VM's address still points to the old host.
# shellcheck source-path=SCRIPTDIR source=lib/vm.sh
. "$(dirname "$0")/lib/vm.sh"
world_test routed
done_testing
