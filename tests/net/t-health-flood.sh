#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Somebody floods the ports that answers to probes come to, with more than this machine can
# read. An answer may be among what is lost, so silence brings no backend down meanwhile.
# shellcheck disable=SC2317 # called by name
# shellcheck source=tests/net/lib/health.sh
. "$(dirname "$0")/lib/health.sh"
world_up -s 1

is_state()
{
	[ "$(xr -j backend show s1 | pick '.[0].health.state')" = "$1" ]
}

# More than the sockets have room for, while nobody reads them.
flood()
{
	kill -STOP "$(pid daemon)"
	in_ns c1 "$WORLD_BUILD/tests/net/flood" -n 90000 short "$(addr4 lb1)" "$(probe_port)"
	kill -CONT "$(pid daemon)"
}

# ended UNSENT: a probe has, after so many that count as not sent
ended()
{
	flood
	! is_state unknown || metric_above xroam_probes_unsent_total "$1"
}

# is_flooded TYPE: what becomes of a backend that never answers
is_flooded()
{
	local unsent

	xr health add "$1" type "$1" interval 6 timeout 5 fall 2 jitter 0
	unsent=$(metric xroam_probes_unsent_total)
	xr vip set "$VIP4:80/tcp" health "$1"
	ok "$1: a probe ends" wait_for 30 ended "$unsent"
	ok "and counts as not sent" metric_above xroam_probes_unsent_total "$unsent"
	ok "its backend is not down" is_state unknown
	ok "when it is over silence says something again" wait_for 30 is_state down
	xr vip set "$VIP4:80/tcp" health none
}

ok "attach" attach_lb
xr vip add "$VIP4:80/tcp"
# Nothing opens the tunnel there.
xr backend add s1 vip "$VIP4:80/tcp" address "$(addr4 s1)"
ok "the daemon" run_daemon
is_flooded tcp
is_flooded http
ok "and the log says why nothing was learned" grep -q "health checks stand still.*lost" "$WORLD_DIR/daemon.err"
done_testing
