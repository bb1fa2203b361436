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

is "$(scripts/rooms 2>&1)" "" "no arrow runs up, no private header is another room's"
is "$(finds user/net/path.c '#include "vm/vm.h"')" \
	"user/net/path.c: vm/vm.h is a room above net" "an arrow that runs up is found"
is "$(finds user/cmd/vip.c '#include "vm/vm_priv.h"')" \
	"user/cmd/vip.c: vm/vm_priv.h is private to vm" "a private header of a room below, too"
is "$(finds user/attic/box.c '#include "box.h"')" \
	"user/attic/box.c: attic is no room that scripts/rooms knows" \
	"and a room that has no place yet"
is "$(scripts/rooms -p | wc -l)" "$(find user -mindepth 1 -type d | wc -l)" \
	"the picture has each room"
done_testing
