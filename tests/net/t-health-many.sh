#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# More targets than are looked after one by one: their probes go in batches, several in one
# turn, and turns are further apart. All are probed again and again, none is found to be down
# while its server answers, and all are found to be when it does not.
# shellcheck disable=SC2317 # called by name
# shellcheck source=tests/net/lib/health.sh
. "$(dirname "$0")/lib/health.sh"
BACKENDS=1200
world_up -s 1

cat >"$WORLD_DIR/many.yaml" <<-EOT
	limits: {backends: $BACKENDS}
	policy: {health_rate: 100000}
	health_checks: [{name: c, type: tcp, interval: 0.4, timeout: 0.4, fall: 8, rise: 1}]
	vips:
	  - {address: "$VIP4", port: 80, protocol: tcp, health_check: c}
	backends:
	$(seq "$BACKENDS" | sed "s|.*|  - {name: b&, address: $(addr4 s1), vips: [\"$VIP4:80/tcp\"]}|")
EOT

is_up()
{
	[ "$(xr -j health show | pick '.[0].up')" = "$1" ]
}

probed()
{
	metric 'xroam_probes_total{check="c",result="good"}'
}

# Each again, and again.
goes_on()
{
	local before

	before=$(probed)
	wait_for 5 metric_above 'xroam_probes_total{check="c",result="good"}' $((before + 3 * BACKENDS))
}

ok "$BACKENDS backends" xr apply "$WORLD_DIR/many.yaml"
ok "attach" attach_lb
answerer_way
ok "a server that answers all" answerer
ok "the daemon" run_daemon
ok "all are up" wait_for 5 is_up "$BACKENDS"
ok "and are probed again" goes_on
is "$(metric xroam_backends_failing)" 0 "none fails meanwhile"
in_ns s1 bpftool net detach xdpdrv dev eth0
ok "a server that does not answer: all are down" wait_for 5 is_up 0
is "$(xr -j backend show b1200 | pick '.[0].health.last_error')" "tcp $VIP4:80: no answer within 0.4 s" "and why"
ok "and it answers again" answerer
ok "all are up again" wait_for 5 is_up "$BACKENDS"
done_testing
