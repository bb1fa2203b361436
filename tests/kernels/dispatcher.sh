#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# In a guest whose kernel has freplace: xroam and somebody else's program on one
# device, under libxdp's dispatcher, whichever came first. Speaks TAP.

# shellcheck disable=SC2317 # functions are called through ok
n=0 failed=0

ok()
{
	what=$1
	shift
	n=$((n + 1))
	if said=$("$@" 2>&1); then
		echo "ok $n - $what"
	else
		echo "not ok $n - $what"
		echo "$said" | sed 's/^/# /'
		failed=1
	fi
}

# bpftool gives up where another map goes while it looks for the name.
counted()
{
	until bpftool -j map dump name counted | jq -e '.[0].formatted.value' 2>/dev/null; do
		sleep 0.1
	done
}

# Packets that xroam saw and left to the kernel.
passed()
{
	xroam -j stats reason |
	jq '[.. | objects | select(.kind? == "pass") | .packets] | add // 0'
}

# shows WORD CMD...: CMD succeeds and says WORD; hides: does not say it
shows()
{
	want=$1
	shift
	"$@" >/tmp/said 2>&1 || return
	cat /tmp/said
	grep -q "$want" /tmp/said
}

hides()
{
	want=$1
	shift
	"$@" >/tmp/said 2>&1 || return
	cat /tmp/said
	! grep -q "$want" /tmp/said
}

# refuses WORDS CMD...: CMD fails and says WORDS, in one line
refuses()
{
	want=$1
	shift
	! "$@" >/tmp/said 2>&1 || return
	cat /tmp/said
	[ "$(wc -l </tmp/said)" = 1 ] && grep -q "$want" /tmp/said
}

both_see_a_ping()
{
	c=$(counted) p=$(passed)
	ip netns exec peer ping -c 3 -W 2 10.0.0.1 || return
	echo "counted $c -> $(counted), passed $p -> $(passed)"
	[ "$(counted)" -ge $((c + 3)) ] && [ "$(passed)" -ge $((p + 3)) ]
}

ip netns add peer
ip link add v0 type veth peer name v1 netns peer
ip addr add 10.0.0.1/24 dev v0
ip link set v0 up
ip -n peer addr add 10.0.0.2/24 dev v1
ip -n peer link set v1 up

# Newer kernels let a program replace one of the dispatcher's places only where
# both or neither change packets, and libxdp 1.3's places do not.
xroam -v dev attach v0 mode native >/tmp/said 2>&1
if grep -q "changes packet data, while original does not" /tmp/said; then
	echo "# this kernel refuses libxdp's dispatcher for what changes packets"
	ok "so xroam is the only program" shows single xroam dev show
	ok "destroy" xroam destroy
	ok "another program is loaded first" \
		xdp-loader load -m native v0 /tests/count.bpf.o
	ok "xroam is refused" refuses "has another XDP program" \
		xroam dev attach v0 mode native
	ok "the other one stays" shows count xdp-loader status v0
	echo "1..$n"
	exit $failed
fi
xroam destroy

ok "another program is loaded first" \
	xdp-loader load -m native v0 /tests/count.bpf.o
# From 6.13 on, and in stable kernels before it, the verifier keeps programs that
# change packets out of dispatchers older than that rule.
xroam dev attach v0 mode native >/tmp/attach 2>&1
if grep -q "does not let libxdp's dispatcher" /tmp/attach; then
	ok "this kernel's dispatcher is closed to xroam, which says so" true
	ok "the other program stays" shows count xdp-loader status v0
	ok "the other program unloads" xdp-loader unload -a v0
	ok "then xroam attaches" xroam dev attach v0 mode native
	ok "and says how" shows single xroam dev show
	ok "reload" xroam reload
	ok "destroy" xroam destroy
	echo "1..$n"
	exit $failed
fi
ok "xroam attaches beside it" shows "v0: native" cat /tmp/attach
ok "dev show says dispatcher" shows dispatcher xroam dev show
ok "both are on the device" shows count xdp-loader status v0
ok "both see each packet" both_see_a_ping
ok "reload beside it" xroam reload
ok "both still see each packet" both_see_a_ping
ok "xroam detaches" xroam dev detach v0
ok "the other program stays" shows count xdp-loader status v0
ok "and xroam's is gone" hides xroam xdp-loader status v0
ok "the other program unloads" xdp-loader unload -a v0

ok "xroam attaches first" xroam dev attach v0 mode native
ok "dev show says dispatcher again" shows dispatcher xroam dev show
ok "another program joins" \
	xdp-loader load -m native v0 /tests/count.bpf.o
ok "both see each packet again" both_see_a_ping
ok "destroy takes xroam away" xroam destroy
ok "and leaves the other one" shows count xdp-loader status v0

echo "1..$n"
exit $failed
