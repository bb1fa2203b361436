#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A bounded minute of each fuzzer; make fuzz runs them for longer.
exec "$(dirname "${BASH_SOURCE[0]}")/run.sh" "${FUZZ_TEST_SECONDS:-60}"
