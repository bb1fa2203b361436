#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A fabric that does not believe what it hears: a black hole at the old host.
# shellcheck source-path=SCRIPTDIR source=lib/vm.sh
. "$(dirname "$0")/lib/vm.sh"
world_test deaf
done_testing
