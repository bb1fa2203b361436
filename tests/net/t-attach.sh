#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# On to devices and off again, in each mode, and what stands in the way.
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
world_up
serve 80

field()
{
	xr -j dev show | pick -w device="$1" ".$2"
}

programs()
{
	in_ns lb1 ip -d link show "$1" | grep -c 'prog/xdp'
}

like "$(xr dev attach eth0)" "eth0: native mode" \
	"auto says what it got: native"
is "$(field eth0 mode)" native "dev show says so, too"
is "$(field eth0 state)" attached "attached"
refused 1 "eth0.* attached already" "not twice" dev attach eth0
refused 1 "eth0.* attached already.*detach eth0\" first" "not twice in another mode" \
	dev attach eth0 mode generic
attach_servers
ok "balance" balance "$VIP4:80/tcp"
ok "traffic in native mode" ask c1 -c 20 -d 3000 tcp "$VIP4" 80
ok "detach" xr dev detach eth0
is "$(programs eth0)" 0 "no program left"
refused 1 "eth0" "detach what is not attached" dev detach eth0

ok "generic" xr dev attach eth0 mode generic
is "$(field eth0 mode)" generic "dev show says generic"
ok "traffic in generic mode" ask c1 -c 20 -d 3000 tcp "$VIP4" 80
ok "reload in generic mode" xr reload
is "$(field eth0 mode)" generic "stays generic"
ok "traffic after it" ask c1 -c 20 tcp "$VIP4" 80
ok "detach all" xr dev detach all
is "$(xr -j dev show | jq length)" 0 "none is left"

# A bridge has no native mode.
in_ns lb1 ip link add br9 type bridge
in_ns lb1 ip link set br9 up
refused 1 "br9 cannot do native mode.*generic" "native where there is none" \
	dev attach br9 mode native
like "$(xr dev attach br9)" "br9: generic mode" "auto falls back and says so"
is "$(programs br9)" 1 "and is there"
refused 1 "nosuch" "a device that does not exist" dev attach nosuch
refused 1 "nosuch" "all or nothing" dev attach eth0 nosuch
is "$(programs eth0)" 0 "nothing"
ok "a device goes away" in_ns lb1 ip link del br9
is "$(field br9 state)" device-gone "dev show knows"
ok "status, too" xr status
ok "detach of what is gone" xr dev detach br9

# Somebody else's program.
world_pass_load
world_pass lb1 eth0
refused 1 "eth0 has .*pass.*remove it" "another program, no dispatcher" \
	dev attach eth0
is "$(programs eth0)" 1 "it stays"
in_ns lb1 bpftool net detach xdpdrv dev eth0

# Another instance.
ok "attach again" xr dev attach eth0
said=$(in_ns lb1 "$XROAM" -i "$(instance other)" dev attach eth0 2>&1)
is $? 1 "a second instance on one device is refused"
like "$said" "eth0 .*$(instance lb1)" "and told which one has it"
in_ns lb1 "$XROAM" -i "$(instance other)" destroy 2>/dev/null
ok "traffic all the same" ask c1 -c 20 tcp "$VIP4" 80

# Another namespace's device of that name: see t-devices.sh, too.
# shellcheck disable=SC2317 # called by name
gone_up()
{
	ip netns add "$(ns gone)" &&
		ip -n "$(ns gone)" link add eth0 type veth peer name peer &&
		ip -n "$(ns gone)" link set eth0 up
}
gone()
{
	in_ns gone "$XROAM" -i "$(instance lb1)" "$@" 2>&1
}
ok "another namespace has an eth0, too" gone_up
like "$(gone dev attach eth0)" "eth0: .* mode" "it may be attached, too"
ok "this one's configuration goes on" xr vip add "$VIP4B:80/tcp"
ok "detached here, it stays there" xr dev detach eth0
like "$(gone dev attach eth0)" "attached already" "so it does"
# The namespaces' numbers are given out anew: the old one's is taken.
ip netns del "$(ns gone)"
ip netns add "$(ns gone)"
ip netns add "$(ns gone2)"
ok "that namespace went: the name is free" xr dev attach eth0
is "$(xr -j dev show | jq length)" 1 "one device is known"
ok "and the configuration goes on" xr vip del "$VIP4B:80/tcp"
ok "by its own export, too" eval "xr export | xr apply -"
ip netns del "$(ns gone)"
ip netns del "$(ns gone2)"

# From a place where the pins or the rights are missing.
said=$(unshare --mount sh -c \
	'while umount /sys/fs/bpf 2>/dev/null; do :; done; exec "$@"' sh \
	nsenter --net="/run/netns/$(ns lb1)" \
	"$XROAM" -i "$(instance lb1)" vip show 2>&1)
is $? 1 "without bpffs"
like "$said" "bpffs" "says what is missing: $said"
cp "$XROAM" "$WORLD_DIR/xroam" # where the user nobody can reach it
chmod 755 "$WORLD_DIR" "$WORLD_DIR/xroam"
said=$(in_ns lb1 setpriv --reuid 65534 --regid 65534 --clear-groups \
	"$WORLD_DIR/xroam" -i "$(instance lb1)" vip add "$VIP4:81/tcp" 2>&1)
is $? 1 "without privilege"
like "$said" "^xroam: .*CAP_" "says which capability: $said"

# Pins of another layout version.
meta=/sys/fs/bpf/xroam/$(instance lb1)/meta
value=$(bpftool -j map lookup pinned "$meta" key 0 0 0 0 |
	jq -r '.value | .[0] = "0x63" | join(" ")')
# shellcheck disable=SC2086
bpftool map update pinned "$meta" key 0 0 0 0 value $value ||
	fail "change the layout version"
refused 1 "layout 99.*destroy" "pins of another layout version" vip show
refused 1 "layout 99.*destroy" "nor are they changed" vip add "$VIP4:82/tcp"
ok "traffic goes on" ask c1 -c 20 tcp "$VIP4" 80
ok "destroy works" xr destroy
is "$(programs eth0)" 0 "and detaches"
done_testing
