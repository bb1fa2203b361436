#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# What "make test" shows of tests that fail, seen on some that always do.
set -u
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
cd "$(dirname "$0")/../.." || exit 1

# has DESCRIPTION TEXT LINE...: TEXT has these lines, one after the other
has()
{
	local what=$1 text=$2

	shift 2
	if [[ $'\n'$text$'\n' == *$'\n'"$(printf '%s\n' "$@")"$'\n'* ]]; then
		pass "$what"
	else
		fail "$what" "wanted:" "$@" "got:" "$text"
	fi
}

# dummy NAME LINES: a test that says so
dummy()
{
	printf '%s\n' '#!/bin/sh' "$2" >"$dir/$1"
	chmod +x "$dir/$1"
	dummies+=" $dir/$1"
}

dir=$(mktemp -d "${TMPDIR:-/tmp}/xrr-$$.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
dummies=

dummy t-good.sh 'echo "# a word"; echo "ok 1 - fine"; echo 1..1'
dummy t-bad.sh '
echo "# before"
echo "ok 1 - fine"
echo "not ok 2 - the thing"
echo "# got:    1"
echo "# wanted: 2"
echo "ok 3 - fine"
echo "# after"
echo 1..3
exit 1'
dummy t-killed.sh '
echo "ok 1 - fine"
echo "a last word" >&2
kill -KILL $$'
dummy t-short.sh 'echo "ok 1 - fine"; echo 1..2'
dummy t-liar.sh 'echo "not ok 1 - and status 0"; echo "# so it is"; echo 1..1'
dummy t-still.sh 'echo "ok 1 - fine"; echo 1..1; exec sleep 4321.'$$
dummy t-leaves.sh 'echo "ok 1 - fine"; echo 1..1; sleep 4322.'"$$ &"
dummy t-escapes.sh 'echo "ok 1 - fine"; echo 1..1; setsid sleep 4323.'"$$ & echo \$! >$dir/escaped"

# "make test" with nothing to build, on these, as .ci/run runs it.
cat >"$dir/make" <<-EOT
	#!/bin/sh
	PATH=${PATH@Q}
	unset MAKEFLAGS MFLAGS MAKELEVEL BUILD
	[ "\$*" = test ] || exit 2
	export TEST_STILL=10 TEST_LEAVE=2
	make -s prove BUILD=$dir TESTS='$dummies'
EOT
chmod +x "$dir/make"
said=$(BUILD=$dir PATH=$dir:$PATH .ci/run 2>&1)
status=$?
closing=${said#*---- what failed:}

has "it fails" "status $status" "status 2"
has "a failure, with what was said of it" "$said" \
	"---- $dir/t-bad.sh: exit status 1" "not ok 2 - the thing" \
	"# got:    1" "# wanted: 2"
# Its two outputs come in either order.
killed="---- $dir/t-killed.sh: ended by signal 9, 0 plans"
has "one that was killed" "$said" "$killed"
is "$(grep -F -A 2 -x -e "$killed" <<<"$closing" | sed 1d | sort)" \
	"a last word"$'\n'"ok 1 - fine" "and its last lines"
has "one that fails with status 0" "$said" \
	"---- $dir/t-liar.sh: exit status 0" "not ok 1 - and status 0" "# so it is"
has "one that did not come to its end" "$said" \
	"---- $dir/t-short.sh: exit status 0, planned 2 ran 1" "ok 1 - fine" "1..2"
has "one that stands still is ended, and what it waits for is told" "$said" \
	"---- $dir/t-still.sh: ended by signal 15" "not ok - no line for 10 s, with these processes:"
like "$said" "# +[0-9]+ S.* sleep 4321.$$" "... by its command line"
has "one that leaves a process" "$said" \
	"---- $dir/t-leaves.sh: exit status 0" "not ok - processes are left:"
has "and none is left" "$(pgrep -fc "^sleep 432[12].$$") of them" "0 of them"
has "one that leaves a process in another session does not hold up the others" "$said" \
	"---- $dir/t-escapes.sh: exit status 0" "not ok - processes of another session are left:"
like "$said" "# +[0-9]+ +[0-9]+ sleep 4323.$$" "and is told"
kill "$(<"$dir/escaped")"
has "prove's closing lines" "$said" "Test Summary Report" "-------------------"
has "its last line" "$(grep -c '^Result: FAIL$' <<<"$said") of them" "2 of them"
has "each is repeated at the end" "$closing" \
	"---- $dir/t-bad.sh: exit status 1" "not ok 2 - the thing" \
	"# got:    1" "# wanted: 2"
has "so is who failed" "$closing" \
	"---- make test ended with status 2; its last lines:"
has "one that passes says nothing" "$(grep -c -e '^# a word' -e '^# before' \
	-e '^# after' <<<"$said") of them" "0 of them"
has "but what it said is kept" "$(cat "$dir/tests/log/$dir/t-good.sh")" "# a word" "ok 1 - fine" "1..1"

done_testing
