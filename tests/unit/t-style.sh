#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# What a reviewer should not have to look for: licence tags, shell scripts without
# a warning of shellcheck, C that the other compiler takes without a word.
#
# Without what each sources, and warnings alone: with it, it takes ten times as
# long; for what only that shows there is make check-shell.
set -u
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
cd "$(dirname "$0")/../.." || exit 1
build=${BUILD:-build}

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
	sources | while read -r file; do
		head -n 2 "$file" | grep -q 'SPDX-License-Identifier: ' ||
			echo "$file"
	done)"
clean "what begins with #! can be run" "$(
	sources ! -perm -u+x -exec grep -lm1 '^#!' {} + | while read -r file; do
		head -n 1 "$file" | grep -q '^#!' && echo "$file"
	done)"
clean "what goes into the kernel is GPL-2.0-only" "$(
	grep -L 'SPDX-License-Identifier: GPL-2.0-only$' bpf/*.bpf.c)"

mapfile -t scripts < <(sources -exec grep -lE '^(#!.*sh|# shellcheck shell=.*)$' {} +)
if command -v shellcheck >/dev/null; then
	clean "shellcheck: ${#scripts[@]} scripts" \
		"$(printf '%s\0' "${scripts[@]}" |
			xargs -0 -n 12 shellcheck -S warning -e SC2034,SC2154 2>&1)"
else
	skip 1 "no shellcheck"
fi

if command -v clang-19 >/dev/null && [ -d "$build/include" ]; then
	# What the fuzzers try has been compiled so for them.
	of_virt=$(pkg-config --cflags libvirt libxml-2.0)
	# shellcheck disable=SC2086 # a word each
	warnings=$(for file in user/*.c user/*/*.c; do
		[ ! -e "$build/fuzzed/${file%.c}.o" ] || continue
		clang-19 -fsyntax-only -std=gnu11 -D_GNU_SOURCE -Wall -Wextra \
			-Werror -Wno-unused-parameter -DXR_VERSION='"0"' \
			-Iinclude -I. -Iuser -I"$build/include" $of_virt "$file" 2>&1
	done)
	clean "clang, too, takes user/ without a warning" "$warnings"
else
	skip 1 "no clang-19, or nothing built yet"
fi
done_testing
