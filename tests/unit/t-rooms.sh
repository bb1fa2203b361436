#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The rooms of user/: no arrow runs up, nobody includes another room's private header;
# and scripts/rooms would see it.
set -u
cd "$(dirname "$0")/../.." || exit 1
n=0 failed=0
copy=$(mktemp -d) || exit 1
trap 'rm -rf "$copy"' EXIT
mkdir "$copy/scripts"
cp scripts/rooms "$copy/scripts/"

# ok DESCRIPTION GOT WANTED
ok()
{
	n=$((n + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $n - $1"
		return
	fi
	failed=1
	echo "not ok $n - $1"
	printf '%s\n' "got: $2" "wanted: $3" | sed 's/^/# /'
}

# finds FILE TEXT: of a copy in which FILE has TEXT, too
finds()
{
	rm -rf "$copy/user"
	cp -r user "$copy/user"
	mkdir -p "$copy/$(dirname "$1")"
	echo "$2" >>"$copy/$1"
	"$copy/scripts/rooms" | sed 's/:[0-9]*:/:/'
}

ok "no arrow runs up, no private header is another room's" "$(scripts/rooms 2>&1)" ""
ok "an arrow that runs up is found" "$(finds user/net/path.c '#include "vm/vm.h"')" \
	"user/net/path.c: vm/vm.h is a room above net"
ok "a private header of a room below, too" \
	"$(finds user/cmd/vip.c '#include "vm/vm_priv.h"')" \
	"user/cmd/vip.c: vm/vm_priv.h is private to vm"
ok "and a room that has no place yet" "$(finds user/attic/box.c '#include "box.h"')" \
	"user/attic/box.c: attic is no room that scripts/rooms knows"
ok "the picture has each room" "$(scripts/rooms -p | wc -l)" "$(find user -mindepth 1 -type d | wc -l)"
echo "1..$n"
exit $failed
