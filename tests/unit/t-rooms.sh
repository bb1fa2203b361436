#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The rooms of user/: no arrow runs up, nobody includes another room's private header;
# and scripts/rooms would see it.
set -u
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
cd "$(dirname "$0")/../.." || exit 1
copy=$(mktemp -d) || exit 1
trap 'rm -rf "$copy"' EXIT
mkdir "$copy/scripts"
cp scripts/rooms "$copy/scripts/"

# finds FILE TEXT: of a copy in which FILE has TEXT, too
finds()
{
	rm -rf "$copy/user"
	cp -r user "$copy/user"
	mkdir -p "$copy/$(dirname "$1")"
	echo "$2" >>"$copy/$1"
	"$copy/scripts/rooms" | sed 's/:[0-9]*:/:/'
}

# A tree with a long file, a long room and a long function
long()
{
	local n

	rm -rf "$copy/user" "$copy/bpf" "$copy/include" "$copy/tests"
	mkdir -p "$copy/user/lib" "$copy/bpf" "$copy/include" "$copy/tests"
	printf '%s\n' 'int f(void)' '{' >"$copy/bpf/f.h"
	printf '%s\n' '/* Long: a table. */' 'int f(void)' '{' >"$copy/bpf/g.h"
	for ((n = 0; n < 61; n++)); do
		printf '\tf();\n' >>"$copy/bpf/f.h"
		printf '\tf();\n' >>"$copy/bpf/g.h"
	done
	echo '}' >>"$copy/bpf/f.h"
	echo '}' >>"$copy/bpf/g.h"
	seq 601 >"$copy/tests/a.c"
	for n in 1 2 3 4 5 6 7; do
		seq 600 >"$copy/user/lib/$n.c"
	done
	"$copy/scripts/rooms"
}

# What two files make of each other's names, in objects of their own
circle()
{
	rm -rf "$copy/user" "$copy/build"
	mkdir -p "$copy/user/lib" "$copy/build/user/lib"
	echo 'int a(void), b(void); int a(void) { return b(); }' >"$copy/user/lib/a.c"
	echo "int a(void), b(void); int b(void) { return $1; }" >"$copy/user/lib/b.c"
	for file in main lib/a lib/b; do
		[ -e "$copy/user/$file.c" ] || echo >"$copy/user/$file.c"
		${CC:-gcc} -c -o "$copy/build/user/$file.o" "$copy/user/$file.c" || return
	done
	rm -rf "$copy/bpf" "$copy/include" "$copy/tests"
	mkdir -p "$copy/bpf" "$copy/include" "$copy/tests"
	"$copy/scripts/rooms" -f "$copy/build" | sort | xargs
}

is "$(scripts/rooms -f "${BUILD:-build}" 2>&1)" "" \
	"no arrow runs up, nothing private is used, nothing is too long, no circle"
mkdir "$copy/bpf" "$copy/include" "$copy/tests"
is "$(finds user/net/path.c '#include "vm/vm.h"')" \
	"user/net/path.c: vm/vm.h is a room above net" "an arrow that runs up is found"
is "$(finds user/cmd/vip.c '#include "vm/vm_priv.h"')" \
	"user/cmd/vip.c: vm/vm_priv.h is private to vm" "a private header of a room below, too"
is "$(finds user/attic/box.c '#include "box.h"')" \
	"user/attic/box.c: attic is no room that scripts/rooms knows" \
	"and a room that has no place yet"
is "$(long)" "user/lib: a room of 4200 lines; 4000 at most
bpf/f.h:2: a function of 61 lines; 60 at most
tests/a.c: more than 600 lines" "and what is too long"
is "$(circle 'a()')" "user/lib/a.c user/lib/b.c a circle of files:" "and a circle of files"
is "$(circle 0)" "" "but no arrow that has no way back"
is "$(sed -n '/^<!-- scripts\/rooms -p -->/,/^$/ { /^    / s/^    //p; }' docs/architecture.md)" \
	"$(scripts/rooms -p)" "docs/architecture.md has the picture as it is"
is "$(scripts/rooms -p | wc -l)" "$(find user -mindepth 1 -type d | wc -l)" \
	"the picture has each room"
done_testing
