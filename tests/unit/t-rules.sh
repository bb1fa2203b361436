#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The alert rules fire when they should and not else; they and the dashboard ask for metrics
# that there are.
# shellcheck source-path=SCRIPTDIR source=../lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

cd "$(dirname "$0")/../.." || exit 1
command -v promtool >/dev/null || skip_all "needs promtool"
DIR=$(mktemp -d) || exit 1
trap 'rm -rf "$DIR"' EXIT
RULES=docs/prometheus/xroam.rules.yaml

ok "promtool reads the rules" promtool check rules "$RULES"
cp "$RULES" tests/unit/rules.test.yaml "$DIR"
printed=$(promtool test rules "$DIR/rules.test.yaml" 2>&1)
is "$?" 0 "each fires where it should, and none where all is well"
[[ $printed == *SUCCESS* ]] || diag "$printed"
is "$(sed -n 's/.*alertname="\(Xroam[A-Za-z]*\)".*/\1/p' tests/unit/rules.test.yaml | sort)" \
	"$(sed -n 's/^ *- alert: //p' "$RULES" | sort)" "each is tested"
is "$(grep -c '^        annotations:' "$RULES") $(grep -c '^          description: ' "$RULES")" \
	"$(grep -c -- '- alert:' "$RULES") $(grep -c -- '- alert:' "$RULES")" "each says what to do"

# used FILE: the metrics that it asks for, a histogram by its own name
used()
{
	grep -oE 'xroam_[a-z_]+' "$1" | sed -E 's/_(bucket|count|sum)$//' | sort -u
}
# shellcheck disable=SC2016 # sed's
documented=$(sed -n 's/^| `\(xroam_[a-z_]*\)` .*/\1/p' docs/metrics.md | sort -u)
for file in "$RULES" docs/prometheus/xroam.dashboard.json; do
	is "$(comm -23 <(used "$file") <(echo "$documented"))" "" "$file asks for metrics that there are"
done
ok "the dashboard is JSON with panels" jq -e '[.panels[] | select(.targets)] | length > 20' \
	docs/prometheus/xroam.dashboard.json
is "$(jq '[.panels[].id] | length - (unique | length)' docs/prometheus/xroam.dashboard.json)" 0 "no two of one number"
done_testing
