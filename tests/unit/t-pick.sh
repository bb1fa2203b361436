#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The tests' own program for one value of a JSON document says what jq does.
set -u
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
cd "$(dirname "$0")/../.." || exit 1
pick=${BUILD:-build}/tests/net/pick
documents='[{"a": {"b": 1.5, "c": "x \"y\" é"}, "w": ["p", {"q": -7}], "z": null, "f": false}, {"a": 3000000000, "w": []}]
{"a": [[1, 2], [3]], "name": "second"}'

# same PATH DOCUMENT
same()
{
	is "$("$pick" "$1" <<<"$2" 2>/dev/null)" "$(jq -rc "$1" <<<"$2" 2>/dev/null)" "$1"
}

first=${documents%%$'\n'*} second=${documents##*$'\n'}
for path in . '.[0]' '.[0].a' '.[0].a.b' '.[0].a.c' '.[0].w[]' '.[0].w[1].q' '.[].a' '.[0].z' '.[0].f' \
	'.[7].a.b' '.[0].nothing' '.[0].z.deeper' '.[1].w[]' '.[0].a.b.c' '.[0].a[0]' .a; do
	same "$path" "$first"
done
for path in .a '.a[0][1]' '.a[][0]' .name '.name[]'; do
	same "$path" "$second"
done
same '.[1]' '[1, 2, 18446744073709551615]'
like "$("$pick" .n <<<'{"n": 14550354745182750502}')" '^1\.45503547451827[0-9]*e\+19$' "more than 63 bits"
same . "$documents"
same . ""
is "$("$pick" '.[].a,w,z' <<<"$first")" "$(jq -r '.[] | "\(.a) \(.w) \(.z)"' <<<"$first")" "several keys"
is "$("$pick" -d none '.[1].z,a' <<<"$first")" "none 3000000000" "  -d of each"
is "$("$pick" -d none '.[0].z' <<<"$first")" none "-d for null"
is "$("$pick" -d none '.[0].f' <<<"$first")" none "  and false"
is "$("$pick" -d none .a <<<"")" none "  and nothing at all"
is "$("$pick" -w q .q <<<"$first")" -7 "-w: at any depth"
is "$("$pick" -w a=3000000000 -w w .w <<<"$first")" "[]" "  by a value, and two keys"
is "$("$pick" -w z -d none .a <<<"$first")" none "  null is none"
is "$("$pick" .name <(echo "$second") <(echo "$second"))" $'second\nsecond' "of several files"
for bad in '[{"a": ' '}'; do
	! "$pick" . <<<"$bad" >/dev/null 2>&1
	is $? 0 "no JSON: $bad"
done
"$pick" 2>/dev/null
is $? 64 "without a path"
done_testing
