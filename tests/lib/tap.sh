# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Results as TAP, one numbered line each, for scripts of any kind.
#
#	ok DESCRIPTION CMD...	CMD succeeds
#	is GOT WANTED DESCRIPTION
#	like GOT REGEX DESCRIPTION
#	cmp_ok A OP B DESCRIPTION	OP as in test(1): -lt -le -eq -ne -ge -gt
#	pass DESCRIPTION, fail DESCRIPTION [LINE...]	known already; LINES say why
#	diag LINE...		a remark
#	skip N WHY, skip_all WHY	N tests, or all of this file, are not done
#	bail WHY		this test ends here, failed
#	done_testing		its last line: the plan, and the exit status

TAP_N=0 TAP_FAILED=0

diag()
{
	printf '%s\n' "$*" | sed 's/^/# /'
}

pass()
{
	TAP_N=$((TAP_N + 1))
	echo "ok $TAP_N - $1"
}

fail()
{
	TAP_N=$((TAP_N + 1))
	TAP_FAILED=$((TAP_FAILED + 1))
	echo "not ok $TAP_N - $1"
	shift
	local line
	for line; do
		diag "$line"
	done
	return 1
}

# ok DESCRIPTION CMD...: CMD succeeds; what it printed is shown where it does not.
# Not in a subshell, so what CMD sets or starts is there afterwards.
ok()
{
	local what=$1 out=${WORLD_DIR:-${TMPDIR:-/tmp}}/.ok.$$ status

	shift
	"$@" >"$out" 2>&1 </dev/null
	status=$?
	if [ $status = 0 ]; then
		pass "$what"
	else
		fail "$what" "status $status: $*" "$(<"$out")"
	fi
	[ -n "${WORLD_DIR-}" ] || rm -f "$out" # the world goes as a whole
	return $status
}

# is GOT WANTED DESCRIPTION
is()
{
	if [ "$1" = "$2" ]; then
		pass "$3"
	else
		fail "$3" "got:    $1" "wanted: $2"
	fi
}

# cmp_ok A OP B DESCRIPTION, OP as in test(1): -lt -le -eq -ne -ge -gt
cmp_ok()
{
	if test "$1" "$2" "$3" 2>/dev/null; then
		pass "$4"
	else
		fail "$4" "wanted: $1 $2 $3"
	fi
}

# like GOT REGEX DESCRIPTION
like()
{
	if [[ "$1" =~ $2 ]]; then
		pass "$3"
	else
		fail "$3" "got:    $1" "wanted: /$2/"
	fi
}

# skip N WHY: N tests are not done
skip()
{
	local i
	for ((i = 0; i < $1; i++)); do
		TAP_N=$((TAP_N + 1))
		echo "ok $TAP_N # SKIP $2"
	done
}

skip_all()
{
	echo "1..0 # SKIP $*"
	exit 0
}

# Ends this test only; TAP's own "Bail out!" would end all the others, too.
bail()
{
	fail "$*"
	echo "1..$TAP_N"
	exit 1
}

done_testing()
{
	echo "1..$TAP_N"
	exit $((TAP_FAILED > 0))
}
