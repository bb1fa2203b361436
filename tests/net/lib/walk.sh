# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Documents walked line by line as they stand. Beside world.sh:
#
#	$GUIDE, $GUIDES		docs/guide.md; the folder of its pages
#	walk NAME <FILE		a script of the blocks that are marked so
#				("walk: NAME"; a lab's may have no name), with the
#				files that are marked between ("file: F walk: NAME")
#	shown NAME <FILE	what those blocks show as printed
#	section REGEX <FILE	what is below the headings that are so
#	block REGEX <FILE	the indented lines of that
#	inline REGEX <FILE	what stands between backquotes and begins so
#	commands / printed	those of them that are typed, and the rest
#	script <BLOCK		a script of its commands; "cat FILE" makes the file
#	as_on NODE FILE		run_lines there, with its instance
#	run_lines FILE		by a shell, of which each line has to be done; what it
#				printed is in FILE.out
#	says FILE SHOWN		that has each line of the file SHOWN
#	alike FILE SHOWN	the same, but for numbers, random octets and spaces
#
# NAME is a regular expression: 'world|end' are the blocks of both, in order.
#
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "${BASH_SOURCE[0]}")/world.sh"
# shellcheck disable=SC2034
GUIDE=$WORLD_TOP/docs/guide.md GUIDES=$WORLD_TOP/docs/guides README=$WORLD_TOP/README.md

walk()
{
	awk -v name="${1:+: ($1)}" '
		BEGIN {
			mark = "^<!-- walk" name " -->$"
			file_mark = "^<!-- file: [^ ]+" (name ? " walk" name : "") " -->$"
		}
		file && /^    / { print substr($0, 5); next }
		file && /^$/ { print; next }
		file { print "END"; file = 0 }
		$0 ~ mark { on = 1; next }
		$0 ~ file_mark { print "cat >" $3 " <<\"END\""; file = 1; next }
		on && /^    # / { print substr($0, 7); next }
		!/^    / { on = 0 }'
}

shown()
{
	awk -v mark="^<!-- walk${1:+: ($1)} -->\$" '
		$0 ~ mark { on = 1; next }
		on && /^    [^#]/ { print substr($0, 5) }
		!/^    / { on = 0 }'
}

section()
{
	awk -v heading="$1" '/^#+ / { on = $0 ~ heading; next } on'
}

block()
{
	section "$1" | sed -n 's/^    //p'
}

# shellcheck disable=SC2016
inline()
{
	grep -oE '`[^`]+`' | tr -d '`' | grep -E "^($1)"
}

commands()
{
	sed -n 's/^# //p'
}

printed()
{
	grep -v "^# "
}

# What stands in brackets behind a command is a remark.
script()
{
	sed 's/   *([^()]*)$//' | awk '
		file && /^# / { print "END"; file = 0 }
		/^# cat / { print "cat >" $3 " <<\"END\""; file = 1; next }
		file { print; next }
		/^# / { print substr($0, 3) }
		END { if (file) print "END" }'
}

# What waits for an event that never comes is a failure in the end, and does not
# outlive this test.
run_lines()
{
	PATH=${XROAM%/*}:$PATH timeout 900 setpriv --pdeathsig KILL bash -e "$1" \
		>"$1.out" 2>&1 &
	WORLD_PID[walk]=$!
	finish walk || {
		cat "$1.out"
		return 1
	}
}

as_on()
{
	in_ns "$1" env XROAM_INSTANCE="$(instance "$1")" PATH="${XROAM%/*}:$PATH" \
		bash -e "$2" >"$2.out" 2>&1 || {
		cat "$2.out"
		return 1
	}
}

says()
{
	local line

	while read -r line; do
		grep -qF -e "$line" "$1.out" || { echo "no line: $line"; return 1; }
	done <"$2"
}

# A move that nothing came after for ten seconds is settled: it was a busy machine.
only_words()
{
	sed -E 's/\b[0-9a-f]{16,}\b/HEX/g; s/\b[0-9]+\b/N/g; s/settled/moved/; s/ +/ /g' "$1"
}

alike()
{
	local line

	only_words "$1.out" >"$1.words"
	only_words "$2" >"$2.words"
	while read -r line; do
		grep -qF -e "$line" "$1.words" || {
			echo "no line: $line"
			cat "$1.out"
			return 1
		}
	done <"$2.words"
}
