#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The documents say what the code says: pages parse, no command, reason, key,
# function or pin is left out, and the examples run.
# shellcheck source-path=SCRIPTDIR source=../net/lib/world.sh
. "$(dirname "$0")/../net/lib/world.sh"

cd "$WORLD_TOP" || bail "no source tree"
[ -x "$XROAM" ] || bail "no $XROAM: run make first"
PAGES=(docs/*.[358])

# missing WHERE WORD...: those words that do not stand in WHERE as a word
missing()
{
	local where=$1

	shift
	awk '
	function has(word,	at, from, before, after) {
		while ((at = index(substr(text, from + 1), word))) {
			at += from
			before = substr(text, at - 1, at > 1)
			after = substr(text, at + length(word), 1)
			if (word ~ /^`/ || (before after) !~ /[A-Za-z0-9_]/)
				return 1
			from = at
		}
		return 0
	}
	BEGIN	{ RS = "\001" }
	NR == 1	{ text = $0; RS = "\n"; next }
		{ if (!has($0)) print }' <(printf '%s\001' "$where") <(printf '%s\n' "$@")
}

# has_line TEXT LINE
has_line()
{
	[[ $'\n'$1$'\n' == *$'\n'"$2"$'\n'* ]]
}

# quoted WORD...: as Markdown writes them
quoted()
{
	# shellcheck disable=SC2016
	printf '`%s`\n' "$@"
}

# all_in DESCRIPTION TEXT WORD...
all_in()
{
	local what=$1 lack

	shift
	[ $# -gt 1 ] || { fail "$what" "nothing was found to look for"; return; }
	lack=$(missing "$@")
	if [ -z "$lack" ]; then
		pass "$what"
	else
		fail "$what" "left out: ${lack//$'\n'/ }"
	fi
}

# A page's source as an operator reads it: no escapes.
plain()
{
	sed "s/\\\\-/-/g; s/\\\\e/\\\\/g; s/\\\\&//g; s/\\\\(dq/\"/g; s/\\\\(aq/'/g" "$@"
}

# ---- the pages parse ----

if command -v man >/dev/null; then
	for page in "${PAGES[@]}"; do
		is "$(MANWIDTH=80 man --warnings -E UTF-8 -l "$page" 2>&1 \
			>/dev/null)" "" "$page: no warnings"
	done
else
	skip ${#PAGES[@]} "no man here"
fi

# ---- commands ----

# "dev attach|detach|show ..." -> "dev attach", "dev detach", "dev show"
commands()
{
	"$XROAM" help | sed -n 's/^  \([a-z].*\)/\1/p' | sed 's/   .*//' |
	while read -r object rest; do
		case $rest in
		[a-z]*\|*)
			for word in ${rest//|/ }; do
				case $word in
				[a-z]*) echo "$object $word" ;;
				esac
			done ;;
		*)	echo "$object" ;;
		esac
	done
}

all_commands=$(plain docs/*.8)
lack=
mapfile -t list < <(commands)
for command in "${list[@]}"; do
	has_line "$all_commands" ".Cm $command" || lack+=" \"$command\""
done
is "$lack" "" "each of ${#list[@]} commands has a synopsis"
cmp_ok ${#list[@]} -ge 20 "commands were found in the help"

# The words of each object's own help, up to the prose.
words_of_help()
{
	"$XROAM" "$1" help | sed -n '/^Usage\|:=\|^  *|\|^  *\[\|^       /p' |
		sed 's/^Usage: xroam//; s/ xroam / /' |
		grep -oE '(^|[^A-Za-z0-9-])[a-z][a-z0-9-]+' |
		grep -oE '[a-z][a-z0-9-]+' | sort -u
}

for object in dev vip backend cid health host vm state etcd top explain doctor capture; do
	mapfile -t list < <(words_of_help $object)
	all_in "xroam-$object(8) has every word of \"xroam $object help\"" \
		"$(plain "docs/xroam-$object.8")" "${list[@]}"
done

mapfile -t list < <("$XROAM" help | sed -n '/^Options/,$p' |
	grep -oE -- '--[a-z]+' | sort -u)
all_in "xroam(8) has every option" \
	"$(sed 's/Fl -/Fl --/g; s/Fl --\([a-z]\)/--\1/g' docs/xroam.8)" \
	"${list[@]}"

# A command in a document begins with an object that there is.
mapfile -t list < <(commands | sed 's/ .*//' | sort -u)
lack=
while read -r word; do
	[[ " ${list[*]} help " == *" $word "* ]] || lack+=" $word"
done < <(grep -ohE '(`|# |\| )xroam (-[jpv] |-i [a-zA-Z0-9-]+ )*[a-z]+' README.md CONTRIBUTING.md \
	SECURITY.md docs/*.md docs/guides/*.md | sed 's/.* //' | sort -u)
is "$lack" "" "README and docs name no object that there is not"

# ---- lists that have one source ----

reasons=$(sed -n 's/^\tX([A-Z0-9_]*, *"\([^"]*\)", *[A-Z]*, *"\([^"]*\)").*/\1 \2/p' \
	include/xroam/reasons.h)
mapfile -t list < <(cut -d' ' -f1 <<<"$reasons")
text=$(plain docs/xroam-stats.8)
lack=
while read -r word means; do
	means=${means^}
	has_line "$text" ".It Cm $word" || lack+=" $word"
	has_line "$text" "${means%.}." || lack+=" \"$means\""
done <<<"$reasons"
is "$lack" "" "xroam-stats(8) has all ${#list[@]} reasons, in the code's words"
mapfile -t list < <(quoted "${list[@]}")
all_in "the guide tells of every reason" "$(<docs/guide.md)" "${list[@]}"

# What doctor looks at, with its words.
text=$(plain docs/xroam-doctor.8)
lack=
while IFS=$'\t' read -r id looks severity why; do
	has_line "$text" ".It Cm $id" || lack+=" $id"
	has_line "$text" "${looks^}." || lack+=" \"$looks\""
	has_line "$text" "${severity^}: $why." || lack+=" \"$why\""
done < <("$XROAM" -j -v doctor | jq -r '.checks[] | [.id, .looks_at, .severity, .why] | @tsv')
is "$lack" "" "xroam-doctor(8) has all checks, in the code's words"
is "$("$XROAM" -j -v doctor | jq '.checks | length')" "$(grep -c '^\.It Cm [a-z0-9-]*$' docs/xroam-doctor.8)" \
	"... and no others"

# Keys and words are the quoted strings of the schema's tables.
tables()
{
	sed -n "/^\(static \)\?const $1.*\[\] = {/,/^};/p" user/config/config*.c |
		grep -oE '"[a-z0-9_-]+"' | tr -d '"' | sort -u
}

# name default least most, of each limit, as numbers
limits()
{
	local name value least most

	printf '%s\n' '#include <xroam/abi.h>' '#define X(n, v, l, m) limit n v (l) (m);' \
		'XR_LIMITS(X)' | "${CC:-gcc}" -E -P -Iinclude - |
		tr ';' '\n' | sed -n 's/^ *limit //p' | tr -d 'U' |
		while IFS=' ' read -r name value least most; do
			echo "$name $value $((least)) $((most))"
		done
}

# Those of the top level are in a macro, the limits in the ABI, a VM's in a table of their own.
keys()
{
	tables cyaml_schema_field_t
	limits | cut -d' ' -f1
	sed -n '/^#define FILE_FIELDS/,/^$/p; /const key_words\[KEYS\] = {/,/^};/p' \
		user/config/config_schema.c user/config/config_vms.c |
		grep -oE '"[a-z0-9_]+"' | tr -d '"'
}
mapfile -t list < <(keys | sort -u)
text=$(plain docs/xroam.yaml.5)
all_in "xroam.yaml(5) has every key" "$text" "${list[@]}"
lack=
for key in $(sed -n 's/^\.It Cm \([a-z0-9_ ,]*\).*/\1/p' docs/xroam.yaml.5 |
	tr -d ,); do
	[[ " ${list[*]} " == *" $key "* ]] || lack+=" $key"
done
is "$lack" "" "xroam.yaml(5) has no key that the code has not"
lack=$(limits | while read -r name value least most; do
	[[ $text == *".It Cm $name Ta $value Ta $least to $most Ta"* ]] || echo "$name"
done)
is "$lack" "" "xroam.yaml(5) has every limit's default and range"
mapfile -t list < <(tables cyaml_strval_t)
all_in "xroam.yaml(5) has every word that a key may have" "$text" "${list[@]}"

# quoted_in FILE PATTERN: the quoted words from that line on, up to a "}"
quoted_in()
{
	sed -n "/$2/,/^}/p" "$1" | grep -oE '"[a-z][a-z0-9_-]*"' | tr -d '"' |
		sort -u
}
text=$(plain docs/xroam-run.8)
mapfile -t list < <(quoted_in user/source/notice_json.c \
	'^static const char \*const kinds')
all_in "xroam-run(8) has every notice of the socket" "$text" "${list[@]}"
mapfile -t list < <(quoted_in user/source/notice_json.c \
	'^static const struct key keys\[\] = {')
all_in "xroam-run(8) has every key of a notice" "$text" "${list[@]}"
mapfile -t list < <(quoted_in user/vm/vm_age.c '^const char \*vm_state_name'
	quoted_in user/plane/vm_event.c '^static const char \*const sources')
all_in "xroam-vm(8) has every state and source of a VM" \
	"$(plain docs/xroam-vm.8)" "${list[@]}"
mapfile -t list < <(quoted_in user/audit/audit.c '^const char \*audit_via_word')
all_in "xroam(8) has every way by which a change comes" \
	"$(plain docs/xroam.8 | sed -n '/^\.It Ev XROAM_VIA/,/^\.It Ev XROAM_UID/p')" "${list[@]}"
mapfile -t list < <(quoted_in user/lib/reason.c 'XR_GARP_REQUEST')
all_in "xroam-stats(8) has every kind of announcement" \
	"$(plain docs/xroam-stats.8)" "${list[@]}"

mapfile -t list < <(sed -n '/define XR_CID_FORMATS/,/^$/p' \
	include/xroam/cid_core.h | grep -oE '"[a-z0-9-]+"' | tr -d '"')
all_in "xroam-cid(8) has every format" "$(plain docs/xroam-cid.8)" "${list[@]}"

mapfile -t list < <(grep -oE 'xr_cid_[a-z_]+\(' include/xroam/cid.h |
	tr -d '(' | sort -u)
text=$(plain docs/libxroam-cid.3)
all_in "libxroam-cid(3) has every function" \
	"$(grep -E '^\.(Fn|Fo) ' <<<"$text")" "${list[@]}"
mapfile -t list < <(sed -n '/define XR_CID_ERRORS/,/^$/p' \
	include/xroam/cid_core.h | grep -oE 'X\([A-Z_]+, ' |
	sed 's/X(\(.*\), /XR_CID_E_\1/')
all_in "libxroam-cid(3) has every error" "$text" "${list[@]}"

mapfile -t list < <(sed -n '/define XR_MAPS/,/^$/p' user/plane/plane.h |
	grep -oE ', [a-z0-9_]+\)' | tr -d ', )')
mapfile -t list < <(quoted "${list[@]}")
all_in "docs/maps.md has every pin" "$(<docs/maps.md)" "${list[@]}"

# ---- files that the documents name are there ----

lack=
while read -r file; do
	[ -e "$file" ] || lack+=" $file"
done < <(grep -ohP '(?<![\w/])(docs|scripts|bpf|include|user|tests)/[\w./-]+' \
	README.md CONTRIBUTING.md SECURITY.md docs/*.md | sed 's/[.,:]*$//' | sort -u)
is "$lack" "" "files that README and docs name are in the tree"

# ---- the library's example is a program ----

SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/$WORLD.XXXXXX")
trap 'rm -rf "$SCRATCH"' EXIT

plain docs/libxroam-cid.3 |
	awk '/^\.\\" program: mint/ { on = 1; next }
	     on && /^\.Bd/ { in_it = 1; next }
	     in_it && /^\.Ed/ { exit } in_it' >"$SCRATCH/mint.c"
ok "the example of libxroam-cid(3) compiles" \
	"${CC:-gcc}" -Wall -Wextra -Werror -Iinclude -o "$SCRATCH/mint" \
	"$SCRATCH/mint.c" -L"$WORLD_BUILD" -Wl,-rpath,"$WORLD_BUILD" -lxroam-cid
like "$("$SCRATCH/mint" 2>&1)" '^[23][0-9a-f]{21}$' "and mints a CID"

# What a program is linked with says by its version what it fits.
exported()
{
	nm -D --defined-only "$WORLD_BUILD/libxroam-cid.so" |
		sed -n 's/.* T //p' | sort
}
mapfile -t list < <(grep -oE 'xr_cid_[a-z_]+\(' include/xroam/cid.h |
	sed 's/($/@@XROAM_CID_1/' | sort -u)
abi=$(sed -n 's/^#define XR_ABI_VERSION[ \t]*//p' include/xroam/abi.h)
list+=("xr_cid_config_fill@@XROAM_CID_MAPS_$abi")
is "$(exported)" "$(printf '%s\n' "${list[@]}" | sort)" \
	"the shared library has all functions of its header, and no other"

# ---- the examples run ----

# What a page's EXAMPLES come to as a script, see the marks in the pages:
#   setup: CMD       run before
#   file: NAME       the next block is written to NAME
#   example          the next block's "# " lines are run
#   example: endless each of them is interrupted after two seconds
# Other lines of an example are what it prints.
# shellcheck disable=SC2317
script_of()
{
	plain "$1" | awk '
		function flush() {
			if (cmd == "")
				return
			if (endless)
				cmd = "timeout -s INT 2 " cmd " || [ $? = 124 ]"
			print cmd
			cmd = ""
		}
		/^\.\\" setup: / { sub(/^\.\\" setup: /, ""); print; next }
		/^\.\\" file: / { file = $3; next }
		/^\.\\" example/ { run = 1; endless = /endless/; next }
		/^\.Bd/ && file { print "cat >" file " <<\"END\""; block = 2
			file = ""; next }
		/^\.Bd/ && run { block = 1; run = 0; next }
		/^\.Ed/ { flush(); if (block == 2) print "END"; block = 0; next }
		block == 2 { print; next }
		block == 1 && /^# / { flush(); cmd = substr($0, 3); next }
		block == 1 && /^>/ { cmd = cmd "\n" substr($0, 2); next }
		block == 1 { flush() }'
}

# The lines between the commands; with "example: varies" they may be others.
# shellcheck disable=SC2317
expected_of()
{
	plain "$1" | awk '
		/^\.\\" example$/ { run = 1; next }
		/^\.Bd/ && run { block = 1; run = 0; next }
		/^\.Ed/ { block = 0 }
		block && !/^[#>]/'
}

# shellcheck disable=SC2317
run_page()
{
	local page=$1 dir=$WORLD_DIR/${1##*/} output

	mkdir -p "$dir"
	script_of "$page" >"$dir/script"
	grep -q xroam "$dir/script" || { echo "no example"; return 1; }
	cd "$dir" || return
	in_ns lb1 env PATH="${XROAM%/*}:$PATH" \
		XROAM_INSTANCE="$(instance lb1)" bash -e script >output 2>&1 || {
		cat output
		return 1
	}
	# What the page says it prints, it prints.
	expected_of "$page" >expected
	output=$(<output)
	while read -r line; do
		[[ $output == *"$line"* ]] || { echo "no line: $line"; return 1; }
	done <expected
}

if [ "$(id -u)" = 0 ]; then
	rm -rf "$SCRATCH"
	world_up
	for page in docs/*.[58]; do
		xr destroy >/dev/null 2>&1
		ok "the examples of $page run" run_page "$page"
		cd "$WORLD_TOP" || exit
	done

	# A map's value is as long as the table says.
	xr dev attach eth0 >/dev/null
	lack=
	# shellcheck disable=SC2016
	while read -r pin octets; do
		is=$(bpftool -j map show pinned \
			"/sys/fs/bpf/xroam/$(instance lb1)/$pin" | jq .bytes_value)
		[ "$is" = "$octets" ] || lack+=" $pin ($is, not $octets)"
	done < <(sed -n 's/^| `\([a-z_]*\)` | [a-zA-Z -]*array, \([0-9]*\).*/\1 \2/p' \
		docs/maps.md)
	is "$lack" "" "docs/maps.md has the sizes of the maps' values"
	xr destroy >/dev/null

	# What JSON has, its page has.
	cd "$WORLD_DIR/xroam.yaml.5" || bail "no examples of xroam.yaml(5)"
	xr destroy >/dev/null 2>&1
	ok "a file with every key is applied" xr apply all.yaml
	cd "$WORLD_TOP" || exit
	cid=$(xr cid encode 1 server-id 01000001 2>/dev/null ||
		xr cid encode 1 server-id 00000001)
	while read -r page command; do
		# shellcheck disable=SC2086
		mapfile -t list < <(xr -j ${command/CID/$cid} 2>/dev/null |
			jq -r '.. | objects | keys[]' | sort -u)
		all_in "$page has every JSON key of \"xroam $command\"" \
			"$(plain "docs/$page")" "${list[@]}"
	done <<-'END'
		xroam-dev.8 dev show
		xroam-vip.8 vip show
		xroam-backend.8 backend show
		xroam-cid.8 cid show
		xroam-cid.8 cid decode CID
		xroam-host.8 host show
		xroam-vm.8 vm show
		xroam-vm.8 vm prepare 02:00:00:00:00:22 vlan 5 to h1 seq 7
		xroam-vm.8 vm show
		xroam-vm.8 vm move 02:00:00:00:00:22 vlan 5 to h1 seq 7
		xroam-vm.8 vm show
		xroam-stats.8 stats
		xroam-apply.8 status
		xroam-doctor.8 doctor -v
		xroam-explain.8 explain 0200000000010200000000020800
		xroam-explain.8 explain 020000000022020000000002810000050800
		xroam-explain.8 explain ffffffffffff0200000000230806000108000604000102000000002300000000000000000000000a090517
	END
else
	skip 1 "needs root: the examples are not run"
fi

done_testing
