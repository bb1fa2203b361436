#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# What a packet of each of the bench's cases takes, in BPF instructions: within two in a
# hundred of what was recorded. A case beyond that has become dearer, for each packet; one
# below it leaves a record behind that would let it become so again.
#
# Kernels differ in what they inline, so each has a record of its own, by the name of its
# version; where there is none, the figures say nothing.
set -u
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
cd "$(dirname "$0")/../.." || exit 1

count=${BUILD:-build}/tests/count/count
kernel=$(uname -r | cut -d . -f 1,2)
record=tests/prog/counts/$kernel

[ "$(id -u)" = 0 ] || skip_all "needs root"
[ -e "$record" ] || skip_all "no record of $kernel: make bench-count COUNT_ARGS='--record $record'"

is "$("$count" --check "$record" 2>&1)" "" "each case takes as many instructions as are recorded"
dearer=$("$count" --only not-ours --check <(echo not-ours 100) 2>&1)
like "$dearer" "not-ours: [0-9]+ instructions, [0-9.]+ % more than the 100 recorded" \
	"a case that takes more is found"
cheaper=$("$count" --only not-ours --check <(echo not-ours 1000) 2>&1)
like "$cheaper" "not-ours: [0-9]+ instructions, [0-9.]+ % fewer than the 1000 recorded" \
	"and one that takes fewer"
like "$("$count" --only not-ours --check <(echo other 1) 2>&1)" "not-ours: .*, and no record" \
	"and one that nobody recorded"
done_testing
