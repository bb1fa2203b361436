#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Nothing is left behind: not at a test's end, not after a signal, and after
# SIGKILL only until the next test.
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
[ "$(id -u)" = 0 ] || skip_all "needs root"

# What of process $1's world there is
left()
{
	ls -d /run/netns/"xrt-$1"-* /sys/fs/bpf/xroam/"xrt-$1"-* \
		/sys/fs/bpf/"xrt-$1"-* /run/xroam/"xrt-$1"-* \
		"${TMPDIR:-/tmp}/xrt-$1".* 2>/dev/null
}

# A test in full swing, which then does "$1" to itself.
child()
{
	bash -c '
		. "$1"
		world_up
		attach_lb; attach_servers; serve 80
		balance "$VIP4:80/tcp"
		start ask c1 "$PEER" ask -n 0 tcp "$VIP4" 80
		eval "$2"' sh "${BASH_SOURCE[0]%/*}/lib/world.sh" "$1" \
		>/dev/null 2>&1 &
	victim=$!
	wait $victim 2>/dev/null
}

child 'exit 0'
is "$(left $victim)" "" "nothing after a normal end"
child 'kill -INT $$; sleep 1'
is "$(left $victim)" "" "nothing after SIGINT"
child 'kill -TERM $$; sleep 1'
is "$(left $victim)" "" "nothing after SIGTERM"
child 'kill -KILL $$'
cmp_ok "$(left $victim | wc -l)" -gt 5 "a killed test leaves something"
killed=$victim
child 'exit 0'
is "$(left $killed)" "" "the next one's start removes it"
done_testing
