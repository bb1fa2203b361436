#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# What a reviewer should not have to look for: licence tags, and what is to be run. C and
# scripts are read by make check.
set -u
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
cd "$(dirname "$0")/../.." || exit 1

# clean DESCRIPTION FINDINGS: all is well where there are none
clean()
{
	is "$2" "" "$1"
}

sources()
{
	find .ci bpf include scripts tests user Makefile -type f \
		! -name '*.json' ! -name '*.yaml' ! -name '*.pcap' ! -name 'layout-*' "$@"
}

# The first line, or the one after "#!".
clean "every source has its SPDX tag" "$(
	sources -exec awk '
		FNR > 2 { nextfile }
		/SPDX-License-Identifier: / { tagged[FILENAME] }
		END { for (i = 1; i < ARGC; i++) if (!(ARGV[i] in tagged)) print ARGV[i] }' {} +)"
clean "what begins with #! can be run" "$(
	sources ! -perm -u+x -exec grep -lm1 '^#!' {} + | while read -r file; do
		head -n 1 "$file" | grep -q '^#!' && echo "$file"
	done)"
clean "what goes into the kernel is GPL-2.0-only" "$(
	grep -L 'SPDX-License-Identifier: GPL-2.0-only$' bpf/*.bpf.c)"

done_testing
