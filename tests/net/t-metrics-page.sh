#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The page in a real browser: its numbers are those of stats, names from elsewhere are text,
# it works with nothing and with a thousand backends, and on a phone.
# shellcheck disable=SC2119,SC2317 # functions called by name
# shellcheck source-path=SCRIPTDIR source=lib/metrics.sh
. "$(dirname "$0")/lib/metrics.sh"

CHROMIUM=$(command -v chromium) || skip_all "no chromium"
world_up -s 2
metrics_files
attach_servers
serve 80

# browse OUT ARGS...: a new browser, for as long as the page takes to have asked twice
browse()
{
	local out=$1

	shift
	rm -rf "$WORLD_DIR/profile"
	mkdir "$WORLD_DIR/profile"
	HOME=$WORLD_DIR/profile in_ns lb1 timeout 120 "$CHROMIUM" --headless --no-sandbox \
		--disable-gpu --disable-dev-shm-usage --no-first-run --disable-background-networking \
		--disable-component-update --disable-sync --user-data-dir="$WORLD_DIR/profile" \
		--enable-logging=stderr --virtual-time-budget=4500 --window-size=1100,1500 "$@" "$URL/" \
		>"$out" 2>"$WORLD_DIR/browser.err"
}

# shown SELECTOR-ATTRIBUTE VALUE: the text of the first .packets in what has data-ATTRIBUTE="VALUE"
shown()
{
	"$PYTHON" "$LIB/page.py" "$WORLD_DIR/dom.html" "$1" "$2"
}

# ---- with nothing ----

echo 'metrics: {}' >"$CONFIG"
run_daemon -c "$CONFIG" || bail "no daemon"
# The daemon looks at what is wrong a second after its start, the page's clock runs ahead of it.
has_looked()
{
	scrape && [ -n "$(metric xroam_wrong)" ]
}
ok "the daemon has looked at what is wrong" wait_for 10 has_looked
browse "$WORLD_DIR/dom.html" --dump-dom
like "$(cat "$WORLD_DIR/dom.html")" "none: xroam vip add" "an empty instance: what to do first"
like "$(cat "$WORLD_DIR/dom.html")" "no device is attached, no packet is seen" "and what is wrong"
is "$(grep -c 'CONSOLE' "$WORLD_DIR/browser.err")" 0 "the browser has no complaint: policy, scripts, anything"
diag "$(grep CONSOLE "$WORLD_DIR/browser.err")"
daemon_end

# ---- with a thousand backends, and names that are no names ----

HOSTILE='<h6>x' # what fits a device's name
in_ns lb1 ip link add "$HOSTILE" type veth peer name peer >/dev/null
{
	echo "metrics: {}"
	echo "devices: [{name: eth0}, {name: '$HOSTILE', mode: generic}]"
	echo "vips: [{address: $VIP4, port: 80, protocol: tcp}]"
	echo "hosts:"
	echo "  - {name: h1, vxlan: $(addr4 lb1), vni: 100, local: true}"
	echo "  - {name: h2, vxlan: $(addr4 s1), vni: 100}"
	echo "vms: [{mac: \"52:54:00:00:00:01\", at: h1}]"
	echo "backends:"
	for i in 1 2; do
		echo "  - {name: s$i, address: $(addr4 s$i), vips: [\"$VIP4:80/tcp\"]}"
	done
	for ((i = 1; i < 1000; i++)); do
		echo "  - {name: b$i, address: 10.1.0.21, vips: [\"$VIP4:80/tcp\"], weight: 0}"
	done
} >"$CONFIG"
run_daemon -c "$CONFIG" || bail "no daemon"
# A backend's name that no command would take, straight into the map.
"$PYTHON" "$LIB/page.py" rename "/sys/fs/bpf/xroam/$WORLD-lb1/backend_info" b1 '<script>document.title="run"</script>'
wait_for 10 scrape
ask c1 -c 30 -n 3 tcp "$VIP4" 80
xr vm prepare 52:54:00:00:00:01 to h2 >/dev/null 2>&1
sleep 0.5
browse "$WORLD_DIR/dom.html" --dump-dom
stats=$(xr -j stats)
cmp_ok "$(pick '.vips[0].packets' <<<"$stats")" -ge 90 "there was traffic"
is "$(shown vip "$VIP4:80/tcp")" "$(pick '.vips[0].packets' <<<"$stats")" "the VIP's packets are those of stats"
for s in s1 s2; do
	is "$(shown backend $s)" "$(pick -w backend="$s" .packets <<<"$stats")" "and $s's"
done
is "$(shown reason hash)" "$(pick -w reason=hash .packets <<<"$stats")" "and those by hash"
device=$(shown device eth0)
cmp_ok "$device" -ge 90 "and the device's"
cmp_ok "$(pick -w device=eth0 .packets <<<"$stats")" -ge "$device" "which stats had a moment later"
dom=$(cat "$WORLD_DIR/dom.html")
like "$dom" "1,001" "it has all backends counted"
like "$dom" "981 more: search for them" "and shows 20 of them"
like "$dom" "data-move=\"52:54:00:00:00:01\"" "the move under way is there"
like "$dom" "2 of 1001 backends" "the VIP has two usable ones"
like "$dom" "&lt;script&gt;document.title=\"run\"&lt;/script&gt;" "a name that is a script is text"
like "$dom" "<title>xroam $WORLD-lb1</title>" "and does not run"
like "$dom" "&lt;h6&gt;x" "a device's name that is a tag, too"
ok "and is none" no grep -q '<h6' "$WORLD_DIR/dom.html"
is "$(grep -c CONSOLE "$WORLD_DIR/browser.err")" 0 "the browser has no complaint"
diag "$(grep CONSOLE "$WORLD_DIR/browser.err")"

# ---- what it looks like ----

browse /dev/null --screenshot="$WORLD_DIR/page.png"
cmp_ok "$(stat -c %s "$WORLD_DIR/page.png")" -gt 20000 "it can be drawn"
browse /dev/null --window-size=390,900 --screenshot="$WORLD_DIR/phone.png"
cmp_ok "$(stat -c %s "$WORLD_DIR/phone.png")" -gt 10000 "on a phone, too"
is "$(grep -oE '(src|href)="[^"]*"' "$WORLD_TOP/user/metrics/page.html" | sort -u | paste -sd ' ')" \
	'href="data:," href="metrics"' "nothing of it comes from elsewhere"
done_testing
