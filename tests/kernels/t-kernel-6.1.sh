#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The oldest kernel that is supported; "make kernels" runs the others, too.
exec "$(dirname "$0")/run.sh" 6.1
