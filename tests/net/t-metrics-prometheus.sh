#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A real Prometheus that scrapes a daemon with traffic: it takes all of it, the rules load,
# and no query of the dashboard is without an answer.
# shellcheck disable=SC2119,SC2317 # functions called by name
# shellcheck source-path=SCRIPTDIR source=lib/metrics.sh
. "$(dirname "$0")/lib/metrics.sh"

command -v prometheus >/dev/null || skip_all "needs prometheus"
world_up -s 1
metrics_files
attach_lb
attach_servers
serve 80
cat >"$CONFIG" <<EOT
metrics: {per_vm: 2}
devices: [{name: eth0}]
cid: [{id: 0, format: quic-lb, server_id_length: 4, nonce_length: 6}]
health_checks: [{name: web, type: tcp, interval: 0.5, timeout: 0.4}]
vips:
  - {address: $VIP4, port: 80, protocol: tcp, health_check: web}
  - {address: $VIP4, port: 80, protocol: udp, cid: true}
backends:
  - {name: s1, address: $(addr4 s1), vips: ["$VIP4:80/tcp", "$VIP4:80/udp"], server_ids: ["00000001"]}
hosts:
  - {name: h1, vxlan: $(addr4 lb1), vni: 100, local: true}
  - {name: h2, vxlan: $(addr4 s1), vni: 100}
vms: [{mac: "52:54:00:00:00:01", at: h1}]
sources: {qmp: [{socket: /nonexistent/monitor, vm: {mac: "52:54:00:00:00:01"}}]}
EOT
run_daemon -c "$CONFIG" || bail "no daemon"

# Prometheus begins to scrape five seconds after its start.
cat >"$WORLD_DIR/prometheus.yml" <<EOT
global: {scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 1s}
rule_files: [$WORLD_TOP/docs/prometheus/xroam.rules.yaml]
scrape_configs:
  - job_name: xroam
    static_configs: [{targets: ["127.0.0.1:9978"]}]
EOT
start prometheus lb1 prometheus --config.file="$WORLD_DIR/prometheus.yml" --storage.tsdb.path="$WORLD_DIR/tsdb" \
	--web.listen-address=127.0.0.1:9090 --log.level=warn

# api PATH [ARGS...]
api()
{
	local path=$1

	shift
	in_ns lb1 curl -sG --max-time 20 "http://127.0.0.1:9090/api/v1/$path" "$@"
}

move()
{
	xr vm prepare 52:54:00:00:00:01 to "$1" >/dev/null 2>&1
	xr vm pause 52:54:00:00:00:01 >/dev/null 2>&1
	"$PYTHON" "$LIB/notify.py" "$SOCKET" say \
		'{"notice":"moved","mac":"52:54:00:00:00:01","to":"'"$1"'"}' >/dev/null
}

scraped() { [ "$(api query --data-urlencode "query=count_over_time(up{job=\"xroam\"}[1m])" | pick -d 0 '.data.result[0].value[1]')" -ge "$1" ]; }
up() { [ "$(api query --data-urlencode 'query=up{job="xroam"}' | pick '.data.result[0].value[1]')" = 1 ]; }
ask c1 -c 5 -n 2 tcp "$VIP4" 80
ok "Prometheus takes what it scrapes" wait_for 30 up
move h2
ask c1 -c 20 -n 5 tcp "$VIP4" 80
move h1
ok "again and again" wait_for 20 scraped 6
is "$(api targets | pick '.data.activeTargets[0].lastError')" "" "without a complaint"
is "$(api metadata | jq '[.data | to_entries[] | select(.key | startswith("xroam_"))] | length')" \
	"$(scrape; grep -c '^# TYPE' "$METRICS")" "with the type of each metric"
rules_fine() { api rules | jq -e '[.data.groups[].rules[].health] | length > 10 and all(. == "ok")'; }
ok "each alert rule is evaluated" wait_for 10 rules_fine
in_it() { api query --data-urlencode 'query=sum(xroam_vip_packets_total)' | pick '.data.result[0].value[1]'; }
in_stats() { xr -j stats vip | pick '.vips[].packets' | sum; }
same() { [ "$(in_it)" = "$(in_stats)" ]; }
wait_for 30 same
is "$(in_it)" "$(in_stats)" "what it has is what stats says"

# ---- the dashboard ----

n=0 empty='' silent=''
while IFS= read -r query; do
	n=$((n + 1))
	# shellcheck disable=SC2016 # the dashboard's variables
	answer=$(api query --data-urlencode "query=$(sed 's/\$__rate_interval/30s/g; s/\$instance/.*/g' <<<"$query")")
	values=$(pick '.data.result[].value[1]' <<<"$answer" 2>/dev/null)
	[ -n "$values" ] || empty+="$query: $(pick .error <<<"$answer")"$'\n'
	grep -q '^[0-9.]*[1-9]' <<<"$values" || silent+="$query"$'\n'
done < <(jq -r '.panels[].targets[]?.expr' "$WORLD_TOP/docs/prometheus/xroam.dashboard.json")
is "$empty" "" "each of the dashboard's $n queries has an answer"
cmp_ok "$n" -ge 30 "and there are many"
# Nothing was dropped, nor came by a connection ID, nor was redirected, nor cut off; no probe
# was late, unsent or forged.
cmp_ok "$(grep -c . <<<"$silent")" -le 13 "most of them more than 0"
diag "only zeros: $silent"
variable=$(jq -r '.templating.list[] | select(.name == "instance").query.query' \
	"$WORLD_TOP/docs/prometheus/xroam.dashboard.json")
is "$variable" "label_values(xroam_build_info, instance)" "its list of nodes asks for a metric"
is "$(api label/instance/values --data-urlencode 'match[]=xroam_build_info' | pick '.data[]')" "127.0.0.1:9978" \
	"and has this node"
done_testing
