#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The oldest kernel that is supported; "make kernels" runs the others, too, and
# the tests left out here: the longest, whose kernel side the rest loads as well.
export KERNEL_TESTS=${KERNEL_TESTS-'!(announce|guard|random)'}
exec "$(dirname "$0")/run.sh" 6.1
