#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A VM that does not announce itself: the fabric learns when it speaks, if ever.
# shellcheck source-path=SCRIPTDIR source=lib/vm.sh
. "$(dirname "$0")/lib/vm.sh"
world_test silent
done_testing
