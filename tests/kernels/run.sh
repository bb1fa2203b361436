#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
#	run.sh all | VERSION...
#
# Boots the distribution's kernels in QEMU and runs in each: the prog tests, and
# xroam beside another program under libxdp's dispatcher. Emulated throughout,
# so it needs no virtualization, and says nothing about speed. The guest talks
# over its second serial port; here that becomes TAP.
set -u -o pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=${here%/tests/kernels}
build=${BUILD:-$top/build}
TESTS=${KERNEL_TESTS:-*}	# only these, as in test_$TESTS
WORDS=${KERNEL_WORDS-}		# and of these, only such parts: PROGRAM:TEST ...
# How long a guest may be silent: seconds of processor time, as any other limit
# says nothing but how busy the machine is; or of time with hardly any.
SILENT=${KERNEL_SILENT:-1800}
IDLE=${KERNEL_IDLE:-600}

skip_all()
{
	echo "1..0 # SKIP $*"
	exit 0
}

fail()
{
	printf '%s\n' "not ok 1 - $*" "1..1"
	exit 1
}

# add PROGRAM [DIRECTORY]: into the guest, with the libraries it asks for
add()
{
	local file lib

	file=$(command -v "$1") || return
	cp -L "$file" "$root/${2-bin}" || return
	for lib in $(ldd "$file" 2>/dev/null | grep -o '/[^ ]*'); do
		case $lib in
		# Ours is in a folder that may be hidden there; see LD_LIBRARY_PATH in init.
		"$(realpath "$build")"/*) [ -e "$root/tests/lib/${lib##*/}" ] || cp -Lt "$root/tests/lib" "$lib" ;;
		*) [ -e "$root$lib" ] || cp -L --parents "$lib" "$root" ;;
		esac
	done
}

make_root()
{
	local applet prog

	mkdir -p "$root"/{bin,dev,proc,sys,run,tmp,etc,tests/lib,lib/modules}
	for prog in busybox dash ip bridge jq bpftool xdp-loader "$build/xroam"; do
		add "$prog" || return
	done
	# busybox's shell would prefer its own ip.
	ln -s dash "$root/bin/sh"
	for applet in $(busybox --list); do
		[ -e "$root/bin/$applet" ] || ln -s busybox "$root/bin/$applet"
	done

	# libxdp reads its dispatcher from the path it was built with.
	cp --parents /usr/lib/*/bpf/xdp-dispatcher.o "$root" || return
	cp "$build/tests/net/count.bpf.o" "$root/tests" || return
	cp "$here/init" "$root/init"
	cp "$here/dispatcher.sh" "$root/tests/test_dispatcher"
	for prog in "$build"/tests/prog/test_*; do
		case $prog in
		*.o|*.d|*"*") continue ;;
		esac
		add "$prog" tests || return
	done
	# shellcheck disable=SC2295 # a pattern
	for prog in "$root"/tests/test_*; do
		[[ ${prog##*/} != test_$TESTS ]] || continue
		left_out+=" ${prog##*/test_}"
		rm "$prog"
	done
	# With a space around each word.
	# shellcheck disable=SC2086
	[ -z "$WORDS" ] || echo "" $WORDS "" >"$root/tests/words"
}

pack()
{
	(cd "$root" && find . | cpio --quiet -o -H newc) | gzip -1 >"$1"
}

# Processor time that a process had, in seconds.
used_by()
{
	awk -v hz="$(getconf CLK_TCK)" \
		'{ sub(/.*\) /, ""); print int(($12 + $13) / hz) }' \
		"/proc/$1/stat" 2>/dev/null
}

# watch PID: ends a guest that hangs.
watch()
{
	local pid=$1 size=-1 is used at=0 since=$SECONDS

	while sleep 2 && kill -0 "$pid" 2>/dev/null; do
		used=$(used_by "$pid") || return 0
		is=$(stat -c %s "$work/results")
		if [ "$is" != "$size" ]; then
			size=$is at=$used since=$SECONDS
			# What it says becomes TAP at its end; meanwhile, that it lives.
			echo "# kernel: $size octets of results" >&3
		elif [ $((used - at)) -gt "$SILENT" ] ||
		     { [ $((SECONDS - since)) -gt "$IDLE" ] &&
		       [ $(((used - at) * 20)) -lt $((SECONDS - since)) ]; }; then
			echo "silent for $((SECONDS - since)) s, with" \
				"$((used - at)) s of processor time" \
				>>"$work/qemu"
			kill -KILL "$pid"
			return
		fi
	done
}

# One kernel; writes what the guest says.
boot()
{
	local version=$1 dir=$build/kernels/$1 status release slabs=

	rm -f "$root"/lib/modules/*
	find "$dir" -name '*.ko' ! -name '*virtio*' ! -name '*failover*' \
		-exec cp -t "$root/lib/modules" {} +
	pack "$work/initramfs" || return
	: >"$work/results"
	# cx16 off: newer kernels crash at random with it under emulation. From
	# 6.18 on they need it, or slab_debug, for memory without locks: timers.
	# erms, fsrm off: the kernel copies and clears memory by words; "rep movsb" is emulated
	# octet by octet, which took more than half of its time.
	# no_timer_check: a guest that gets no processor while it counts ten
	# ticks would find that its timer does not work, and panic.
	release=$(<"$dir/release")
	[ "$(printf '%s\n' 6.18 "$release" | sort -V | head -n 1)" != 6.18 ] ||
		slabs="slab_debug=F,kmalloc-*"
	nice -n 10 qemu-system-x86_64 \
		-accel tcg,thread=multi -cpu max,-cx16,-erms,-fsrm -smp 1 -m 1536 \
		-nodefaults -no-user-config -display none -no-reboot \
		-kernel "$dir/vmlinuz" -initrd "$work/initramfs" \
		-append "console=ttyS0 panic=-1 mitigations=off quiet no_timer_check cryptomgr.notests $slabs" \
		-serial "file:$work/console" -serial "file:$work/results" \
		</dev/null >"$work/qemu" 2>&1 &
	watch $!
	wait $!
	status=$?
	echo "@ kernel $version $release"
	[ -z "$left_out" ] || echo "@ left out:$left_out"
	tr -d '\r' <"$work/results"
	if ! grep -q '^@ done' "$work/results"; then
		echo "@ fail guest did not finish (status $status)"
		tail -n 30 "$work/qemu" "$work/console" | tr -d '\r'
	fi
}

all_kernels()
{
	local version status

	for version; do
		"$here/fetch" "$version" 2>"$work/fetch"
		status=$?
		sed 's/^/# /' "$work/fetch"
		case $status in
		0) boot "$version" ;;
		3) echo "@ skip kernel $version: the mirror has none" ;;
		*) echo "@ fail kernel $version could not be fetched" ;;
		esac
	done
}

# The guests' tests as one TAP stream.
tap()
{
	awk '
	function result(word, what) {
		n++
		if (word == "not ok")
			failed++
		print word, n, "-", what
		fflush()
	}
	/^@ kernel / { kernel = $3; print "# kernel", $4; next }
	/^@ left out:/ { print "#", kernel, substr($0, 3); next }
	/^@ fail /   { result("not ok", kernel " " substr($0, 8)); next }
	/^@ skip /   { n++; print "ok", n, "# SKIP", substr($0, 8); next }
	/^@ begin /  { test = $3; seen = bad = 0; planned = -1; next }
	/^@ end / {
		if (planned > 0 && planned != seen) {
			result("not ok", kernel " " test ": planned " planned ", ran " seen)
		} else if ($4 != 0 && !bad) {
			result("not ok", kernel " " test ": exit status " $4)
		} else if ($4 == 0 && !seen) {
			result("ok", kernel " " test)
		}
		test = ""
		next
	}
	/^@/ { next }
	# cmocka says "not ok" of what was skipped, too.
	test != "" && /^(1\.\.0|not ok [0-9]+ # SKIP)/ {
		sub(/^[^#]*# *SKIP */, "")
		seen++
		n++
		print "ok", n, "# SKIP", kernel, test ": " $0
		next
	}
	test != "" && /^1\.\.[0-9]+/ { planned = substr($1, 4) + 0; next }
	test != "" && /^(not )?ok / {
		word = /^not/ ? "not ok" : "ok"
		bad += /^not/
		seen++
		sub(/^(not )?ok *[0-9]* *-? */, "")
		result(word, kernel " " test ": " $0)
		next
	}
	{ sub(/^#? ?/, "# "); print; fflush() }
	END { print "1.." n + 0; exit failed > 0 }'
}

[ $# -gt 0 ] || { echo "usage: run.sh all | VERSION..." >&2; exit 2; }
[ "$*" != all ] || set -- 6.1 6.12 newest
[ "$(uname -m)" = x86_64 ] || skip_all "the guests are x86-64"
command -v qemu-system-x86_64 >/dev/null || skip_all "no qemu-system-x86_64"
[ -x "$build/xroam" ] || fail "no $build/xroam: run make first"

# What a run left that was killed without a chance to clean up.
for left in "${TMPDIR:-/tmp}"/xrk-*; do
	pid=${left##*/xrk-}
	pid=${pid%%.*}
	[[ ! $pid =~ ^[0-9]+$ ]] || kill -0 "$pid" 2>/dev/null || rm -rf "$left"
done
work=$(mktemp -d "${TMPDIR:-/tmp}/xrk-$$.XXXXXX") || exit 1
root=$work/root
left_out=
# shellcheck disable=SC2046
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

make_root || fail "cannot make the guest's file system"
exec 3>&1
all_kernels "$@" | tap
