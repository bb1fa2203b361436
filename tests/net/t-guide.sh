#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The guide's lab and set-ups, and the README's first steps, line by line as they
# stand, in fresh namespaces; what they say is printed is printed.
# shellcheck source=tests/net/lib/walk.sh disable=SC2317 # called by ok
. "$(dirname "$0")/lib/walk.sh"

world_begin
cd "$WORLD_DIR" || bail "no directory"

# ---- the lab ----

walk "" <"$GUIDE" | sed "s/lab-/$WORLD-/g" >lab.sh
shown "" <"$GUIDE" >lab.shown
cmp_ok "$(wc -l <lab.sh)" -gt 50 "the guide has a lab"
cmp_ok "$(wc -l <lab.shown)" -ge 7 "and what it prints"
ok "each of its lines is done" run_lines lab.sh
ok "and prints what it says" says lab.sh lab.shown
is "$(find /run/netns -name "$WORLD-*")" "" "and nothing is left"

# ---- a hypervisor ----

world_node h1
ip -n "$WORLD-h1" link add eth0 mtu 1600 type veth peer name fabric
ip -n "$WORLD-h1" addr add 10.8.0.1/24 dev eth0
ip -n "$WORLD-h1" link set fabric up
ip -n "$WORLD-h1" link set eth0 up
walk hypervisor <"$GUIDE" >hypervisor.sh
cmp_ok "$(wc -l <hypervisor.sh)" -ge 7 "the guide prepares a hypervisor"
hypervisor()
{
	in_ns h1 env XROAM_INSTANCE="$(instance h1)" PATH="${XROAM%/*}:$PATH" \
		bash -e hypervisor.sh
}
ok "each line is done" hypervisor
# Its uplink is a veth here: its other end is no fabric that takes frames.
is "$(xr_on h1 status --check | grep -cv "role pass")" 0 \
	"and status finds nothing wrong with it"

# ---- the README's first steps ----

world_node lb1
ip -n "$WORLD-lb1" link add eth0 mtu 1600 type veth peer name fabric
ip -n "$WORLD-lb1" addr add 10.1.0.11/24 dev eth0
ip -n "$WORLD-lb1" link set fabric up
ip -n "$WORLD-lb1" link set eth0 up
sed -n '/^### Build, attach, configure/,/^### /p' "$README" |
	sed -n 's/^    //p' >readme
awk '/^# cat web.yaml/ { file = 1; print "cat >web.yaml <<\"END\""; next }
	/^# / && file { print "END"; file = 0 }
	/^# scripts/ { next }
	file { print; next }
	/^# / { print substr($0, 3) }' readme >readme.sh
sed -n '/^# xroam apply/,$p' readme | sed 1d >readme.shown
cmp_ok "$(wc -l <readme.shown)" -ge 5 "the README shows what apply prints"
first_steps()
{
	in_ns lb1 env XROAM_INSTANCE="$(instance lb1)" PATH="${XROAM%/*}:$PATH" \
		bash -e readme.sh >readme.sh.out 2>&1
}
ok "each line is done" first_steps
is "$(grep -v "^!\|warning" readme.sh.out)" "$(<readme.shown)" "and it prints just that"
done_testing
