#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What make install puts somewhere, make uninstall takes away, and nothing else; the
# example files are good; one version everywhere.
# shellcheck source-path=SCRIPTDIR source=../net/lib/world.sh
. "$(dirname "$0")/../net/lib/world.sh"

cd "$WORLD_TOP" || bail "no source tree"
[ -x "$XROAM" ] || bail "no $XROAM: run make first"
build=$(dirname "$XROAM")
WORLD_DIR=$(mktemp -d "${TMPDIR:-/tmp}/$WORLD.XXXXXX") || bail "no folder"
trap 'rm -rf "$WORLD_DIR"' EXIT
trap 'exit 143' HUP INT TERM
root=$WORLD_DIR/root

# shellcheck disable=SC2317 # called by ok
# made TARGET [VARIABLE=VALUE...]: of what is built, into a folder of our own
made()
{
	make -s --no-print-directory BUILD="$build" DESTDIR="$root" "$@" >"$WORLD_DIR/make.out" 2>&1
}

# What stands under root, without what make install finds there
installed()
{
	(cd "$root" && find . -mindepth 1 ! -type d | LC_ALL=C sort)
}

# ---- install, uninstall ----

mkdir -p "$root/usr/include/xroam" "$root/etc/xroam"
echo mine >"$root/usr/include/xroam/other.h"
echo mine >"$root/etc/xroam/default.yaml"
before=$(installed)
ok "make install" made install PREFIX=/usr
multiarch=$(${CC:-gcc} -print-multiarch)
lib=usr/lib${multiarch:+/$multiarch}
for file in usr/sbin/xroam "$lib/libxroam-cid.a" "$lib/libxroam-cid.so.0" \
	"$lib/pkgconfig/libxroam-cid.pc" usr/include/xroam/cid.h \
	usr/share/man/man8/xroam.8 usr/share/man/man5/xroam.yaml.5 \
	usr/share/man/man3/libxroam-cid.3 usr/lib/systemd/system/xroam@.service usr/lib/sysusers.d/xroam.conf \
	usr/share/bash-completion/completions/xroam usr/share/zsh/vendor-completions/_xroam \
	usr/share/fish/vendor_completions.d/xroam.fish \
	usr/share/doc/xroam/examples/prometheus/xroam.rules.yaml \
	usr/share/doc/xroam/examples/hypervisor.yaml; do
	ok "it brings $file" test -s "$root/$file"
done
is "$(grep -rl '@[A-Z]*@' "$root" 2>/dev/null | grep -v '/sbin/\|/libexec/\|/lib.*\.a$\|\.so')" "" \
	"nothing is left to be filled in"
is "$(readlink -e "$root/$lib/libxroam-cid.so")" \
	"$(readlink -e "$root/$lib/libxroam-cid.so.0")" "both names are the same library"
is "$(PKG_CONFIG_PATH=$root/$lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root \
	pkg-config --libs-only-L libxroam-cid)" "-L$root/$lib " \
	"pkg-config knows where the library is"
like "$("$root/usr/sbin/xroam" run help 2>&1 | head -n 1)" "^Usage: xroam run" \
	"the command becomes the program that is the daemon"
rm "$root/usr/libexec/xroam/xroam"
is "$("$root/usr/sbin/xroam" run 2>&1; echo "status $?")" \
	'xroam: run: the program that does it is missing; install PREFIX/libexec/xroam/xroam beside PREFIX/sbin/xroam, as "make install" does
status 1' \
	"where that is missing it says so"
ok "make uninstall" made uninstall PREFIX=/usr
is "$(installed)" "$before" "all is gone that came, and nothing else"
ok "make uninstall of what is not there" made uninstall PREFIX=/usr

# ---- where else ----

ok "make install LIBDIR" made install PREFIX=/opt/x LIBDIR=/opt/x/lib64
ok "the library is there" test -s "$root/opt/x/lib64/libxroam-cid.so.0"
ok "make uninstall LIBDIR" made uninstall PREFIX=/opt/x LIBDIR=/opt/x/lib64
is "$(installed)" "$before" "and is gone"

# ---- the examples ----

cp -r docs/examples "$WORLD_DIR/examples"
cd "$WORLD_DIR/examples" || bail "no examples"
(
	umask 077
	od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n' >secret
	od -An -v -tx1 -N16 /dev/urandom | tr -d ' \n' >cid1.key
)
for file in *.yaml; do
	ok "$file is good" "$XROAM" check "$file"
done
cd "$WORLD_TOP" || bail "no source tree"

# ---- one version ----

version=$(sed -n 's/^VERSION := //p' Makefile)
is "$("$XROAM" -V | sed 's/ (.*//')" "xroam $version" "the command says the Makefile's version"
is "$(sed -n 's/^## \([0-9.]*\).*/\1/p' CHANGELOG.md | head -n 1)" "$version" \
	"the newest in CHANGELOG.md is this version"
is "$(grep -rlE "(^|[^0-9.])${version//./\\.}([^0-9.]|\$)" Makefile bpf include user scripts docs)" \
	Makefile "the version stands in one place"
done_testing
