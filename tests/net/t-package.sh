#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The Debian packages: built without a network, nothing for lintian to find; installed they
# start nothing; upgraded the daemons adopt what is attached; removed packets go on; purged
# nothing is left.
# shellcheck disable=SC2317 # functions that wait_for calls
# shellcheck source=tests/net/lib/container.sh
. "$(dirname "$0")/lib/container.sh" "$@"

prepare()
{
	command -v dpkg-buildpackage dh lintian || return
	make -s --no-print-directory BUILD="${BUILD:-build}" DEB="$ROOT/test/deb" deb-tree
	# What a whole machine's pages take.
	rm -f "$ROOT/var/lib/man-db/auto-update"
	# Where this machine is itself a container, it may forbid packages to start anything.
	rm -f "$ROOT/usr/sbin/policy-rc.d"
}

[ "${1-}" = --inside ] || command -v lintian >/dev/null || skip_all "no lintian here"
container_up prepare

# ---- built ----

cd /test/deb/xroam || bail "no source tree"
version=$(sed -n 's/^VERSION := //p' Makefile)
is "$(dpkg-parsechangelog -S Version)" "$version" "the changelog has the Makefile's version"
is "$(ip -o link | grep -c -v ' lo:')" 0 "there is no network here"
# As they are given away, but packed in less time.
export DPKG_DEB_COMPRESSOR_LEVEL=1
ok "the packages are built" dpkg-buildpackage -us -uc -b -nc
cd ..
arch=$(dpkg --print-architecture)
deb() { echo "$1_${2:-$version}_${3:-$arch}.deb"; }
is "$(printf '%s\n' *.deb | sort | paste -sd' ')" \
	"$(printf '%s\n' "$(deb libxroam-cid-dev)" "$(deb libxroam-cid0)" "$(deb libxroam-cid0-dbgsym)" \
		"$(deb xroam)" "$(deb xroam-dbgsym)" "$(deb xroam-doc "$version" all)" \
		"$(deb xroam-libvirt)" "$(deb xroam-libvirt-dbgsym)" | sort | paste -sd' ')" \
	"eight of them"
is "$(lintian --profile debian --fail-on error,warning ./*.changes 2>&1 | grep -v 'root privileges')" "" \
	"lintian finds nothing"
is "$(find . -name '*lintian-overrides*')" "" "and nothing was kept from it"
dpkg-deb -x "$(deb xroam)" x
like "$(readelf -hd x/usr/sbin/xroam)" "DYN .*BIND_NOW|BIND_NOW" "the command is hardened"
is "$(readelf -lW x/usr/sbin/xroam | grep -c 'GNU_RELRO')" 1 "its tables are read-only"

# ---- an older one, installed ----

# The release before has another number; the rest of it is of no account here.
dpkg-deb -R "$(deb xroam)" old
sed -i 's/^Version: .*/Version: 0.0.9/' old/DEBIAN/control
dpkg-deb -b old "$(deb xroam 0.0.9)" >/dev/null || bail "no older package"
rm -rf x old

# left: the files that are there and were not, without what belongs to dpkg and the journal
left()
{
	(cd /upper && find . -mindepth 1 \( -path ./test -o -path ./var/lib/dpkg -o -path ./var/log \
		-o -path ./var/cache -o -path ./run -o -path ./tmp -o -path ./var/tmp -o -path ./etc/systemd \
		-o -path ./var/lib/systemd -o -path ./root -o -path ./etc/ld.so.cache \) -prune -o ! -type d -print | sort)
}

ok "the user is made before" systemd-sysusers /test/deb/xroam/scripts/xroam.sysusers
before=$(left)
ok "all are installed" dpkg -i "$(deb xroam 0.0.9)" "$(deb libxroam-cid0)" "$(deb libxroam-cid-dev)" \
	"$(deb xroam-doc "$version" all)"
is "$(systemctl is-enabled xroam xroam@ 2>&1 | paste -sd' ')" "disabled disabled" "nothing is enabled"
is "$(systemctl is-active xroam; ls -A /sys/fs/bpf /etc/xroam)" "inactive
/etc/xroam:

/sys/fs/bpf:
maps.debug
progs.debug" "nothing runs"
like "$(man -w xroam xroam.yaml libxroam-cid | paste -sd' ')" "/xroam.8.*/xroam.yaml.5.*/libxroam-cid.3" \
	"its pages are there"
is "$(bash -c '. /usr/share/bash-completion/completions/xroam; COMP_WORDS=(xroam vip s) COMP_CWORD=2
	_xroam; echo "${COMPREPLY[*]}"')" "set show" "bash completes"
cat >try.c <<'END'
#include <xroam/cid.h>
int main(void) { return !xr_cid_strerror(0); }
END
# shellcheck disable=SC2046
ok "a program is built with the library" gcc -o try try.c $(pkg-config --cflags --libs libxroam-cid)
ok "and runs with it" ./try

# ---- upgraded ----

for name in default a; do
	ip link add "lb$name" type veth peer name "to$name"
	ip link set "lb$name" up
	cat >"/etc/xroam/$name.yaml" <<-END
		devices: [{name: lb$name, mode: generic}]
		vips: [{address: 192.0.2.1, port: 80, protocol: tcp}]
	END
	chmod 600 "/etc/xroam/$name.yaml"
done
ok "two daemons are started" systemctl start xroam xroam@a
mains() { systemctl show -P MainPID xroam xroam@a | sed '/^$/d'; }
facts()
{
	for name in default a; do
		xroam -i $name -j dev show | jq -r '.[] | "\(.device) \(.state) \(.program_id)"'
	done
}
was=$(facts) files=$(cat /etc/xroam/*) pids=$(mains)
like "$was" "lbdefault attached.*lba attached" "programs are attached"
ok "a newer package" dpkg -i "$(deb xroam)"
is "$(dpkg-query -f '${Version}' -W xroam)" "$version" "is installed"
runs() { [ "$(systemctl is-active xroam xroam@a | uniq)" = active ] && ! mains | grep -qxF "$pids"; }
ok "its daemons run in the old ones' place" wait_for 20 runs
is "$(facts)" "$was" "and have adopted what was attached"
is "$(cat /etc/xroam/*)" "$files" "the operator's files are as they were"
ok "installed again, nothing changes" dpkg -i "$(deb xroam)"
ok "they run" wait_for 20 runs

# ---- removed, purged ----

attached() { ip -j link show | jq -r '.[] | select(.xdp) | .ifname' | sort | paste -sd' '; }
like "$(dpkg -r xroam 2>&1)" "packets go on" "removing it says what stays"
is "$(systemctl is-active xroam xroam@a | paste -sd' ')" "inactive inactive" "the daemons have stopped"
is "$(attached)" "lba lbdefault" "packets go on"
is "$(cat /etc/xroam/*)" "$files" "the files stay"
ok "installed once more" dpkg -i "$(deb xroam)"
is "$(facts)" "$was" "all is as it was"
ok "all are purged" dpkg -P xroam libxroam-cid-dev libxroam-cid0 xroam-doc
is "$(attached)" "" "nothing is attached"
# xdp is libxdp's own folder.
is "$(find /sys/fs/bpf -mindepth 1 -maxdepth 1 ! -name xdp ! -name '*.debug'); $(ls -d /run/xroam /etc/xroam /var/lib/xroam 2>/dev/null)" \
	"; " "no pin, no file of an instance is left"
is "$(diff <(echo "$before") <(left))" "" "nor anything else"
done_testing
