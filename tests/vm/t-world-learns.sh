#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A fabric that learns at once where the VM speaks: what is lost is the blackout.
# shellcheck source-path=SCRIPTDIR source=lib/vm.sh
. "$(dirname "$0")/lib/vm.sh"
world_test learns
done_testing
