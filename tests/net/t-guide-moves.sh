#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The guide's lab in which a VM moves, and the README's tour of servers, line by
# line as they stand, in fresh namespaces; what they say is printed is printed.
# shellcheck source=tests/net/lib/walk.sh disable=SC2317 # called by ok
. "$(dirname "$0")/lib/walk.sh"

world_begin
cd "$WORLD_DIR" || bail "no directory"
[ -c /dev/net/tun ] || skip_all "needs /dev/net/tun"

# in_world: its names are this test's
in_world()
{
	sed "s/lab-/$WORLD-/g"
}

# ---- the lab ----

walk 'world|without|with|end' <"$GUIDE" | in_world >lab.sh
shown 'world|without|with|end' <"$GUIDE" >lab.shown
cmp_ok "$(wc -l <lab.sh)" -gt 100 "the guide has a lab where a VM moves"
cmp_ok "$(wc -l <lab.shown)" -ge 16 "and what it prints"
ok "each of its lines is done" run_lines lab.sh
ok "and prints what it says, but for numbers" alike lab.sh lab.shown
is "$(grep "^asked 20 " lab.sh.out)" \
	"$(grep "^asked 20 " lab.shown)" "without: all lost; and with: none"
is "$(find /run/netns /run/xroam -name "$WORLD-*")" "" \
	"and nothing is left"
is "$(ls)" "$(printf '%s\n' lab.sh{,.out,.words} lab.shown{,.words} | sort)" \
	"nor in its directory"
done_testing
