#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# One grammar: what bash, zsh and fish complete is the same, help says what the commands
# take, and the pages' synopses have the same words.
# shellcheck disable=SC2016 # variables of jq
# shellcheck source=tests/net/lib/daemonworld.sh
. "$(dirname "$0")/lib/daemonworld.sh"

daemon_world_up
cd "$WORLD_TOP" || bail "no source tree"
ok "apply" xr apply "$CONFIG"
ok "and something of each kind" sh -c "
	x() { nsenter --net=/run/netns/$WORLD-n1 $XROAM -i $WORLD-n1 \"\$@\"; }
	x dev attach eth0 && x vip add 192.0.2.1:443/udp cid && x vip add '[2001:db8::1]:80/tcp' &&
	x cid add 3 format quic-lb server-id-length 8 nonce-length 8 &&
	x backend add a.1 vip 192.0.2.1:443/udp address 10.8.0.2 server-id 0102030405060708"
# What it is called is not to be run, nor to be obeyed.
ok "a device with a name that a shell would run" \
	ip -n "$WORLD-n1" link add "\$(reboot)" type veth peer name $'e\e[1m'

LC_ALL=C
here=$WORLD_DIR/here
mkdir "$here"
touch "$here/one.yaml" "$here/only.key"

# ---- the lines, and what each of them offers ----

lines=$WORLD_DIR/lines wanted=$WORLD_DIR/wanted
# A line up to its "|", and the words.
while IFS='=' read -r line words; do
	printf '%s\n' "${line%|}" >&3
	printf '%s\n' "$words" >&4
done 3>"$lines" 4>"$wanted" <<'END'
xroam ex|=explain export
xroam vi|=vip
xroam help ex|=explain export
xroam vip s|=set show
xroam -i INSTANCE cid d|=decode del
xroam cid d|=decode del
xroam vip del |=192.0.2.1:443/udp [2001:db8::1]:80/tcp
xroam vip show 1|=192.0.2.1:443/udp
xroam vip add x flow |=off on
xroam vip add x flow on |=announce cid health min-up
xroam backend set |=a.1
xroam backend set a.1 state d|=down draining
xroam back se a.1 v|=vip vlan vm vni
xroam backend add n vip |=192.0.2.1:443/udp [2001:db8::1]:80/tcp
xroam backend add n vm |=52:54:00:12:34:56
xroam cid add |=0 1 2 3 4 5 6
xroam cid add 1 format m|=msquic mvfst-v1 mvfst-v2 mvfst-v3
xroam cid add 1 format plain key-file on|=one.yaml only.key
xroam cid del |=3
xroam cid del 3 |=force format
xroam cid del 3 format plain |=force
xroam host add h |=dev gue ipip local mac vxlan
xroam host add h gue 10.0.0.1 |=local port
xroam host add h mac 02:00:00:00:00:01 |=dev local
xroam host del |=h1 h2 h3
xroam vm p|=pause prepare
xroam vm leave |=52:54:00:12:34:56
xroam vm move MAC vlan 5 t|=to ttl
xroam vm move MAC to |=h1 h2 h3
xroam vm -j move MAC t|=to ttl
xroam dev attach e|=eth0 eth1
xroam dev attach eth0 mode |=auto generic native
xroam dev attach eth0 role node vni 5 v|=vni
xroam dev detach |=all eth0
xroam apply o|=one.yaml only.key
xroam apply one.yaml |=--dry-run
xroam apply --dry-run one|=one.yaml
xroam export |=--keys
xroam status |=--check --now -w
xroam stats vip |=--watch
xroam explain -r on|=one.yaml only.key
xroam explain dev e|=eth0 eth1
xroam run |=-c
xroam run -c onl|=only.key
xroam --j|=--json
xroam nosuch |=
xroam vip nosuch |=
END
sed -i "s/INSTANCE/$WORLD-n1/" "$lines"

cat >"$WORLD_DIR/complete.bash" <<'END'
. "$1"
while IFS= read -r line; do
	# Words as readline parts them where bash-completion has put colons together.
	read -r -a COMP_WORDS <<<"$line"
	[[ $line != *' ' ]] || COMP_WORDS+=("")
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMPREPLY=()
	_xroam
	printf '%s\n' "${COMPREPLY[@]}" | LC_ALL=C sort | paste -sd' '
done
END
cat >"$WORLD_DIR/complete.fish" <<'END'
source $argv[1]
while read -l line
	echo (complete -C "$line" | cut -f1 | LC_ALL=C sort | string join ' ')
end
END

# sorted WORD...: REPLY
sorted()
{
	local -a words=()
	local word i

	for word; do
		for ((i = ${#words[@]}; i > 0; i--)); do
			[[ ${words[i - 1]} > $word ]] || break
			words[i]=${words[i - 1]}
		done
		words[i]=$word
	done
	REPLY=${words[*]}
}

# offered SHELL...: what that shell makes of $lines, in $here and n1
offered()
{
	(cd "$here" && in_ns n1 env PATH="${XROAM%/*}:$PATH" LC_ALL=C HOME="$here" \
		XROAM_INSTANCE="$WORLD-n1" "$@" <"$lines" 2>"$WORLD_DIR/shell.err")
}

top=$WORLD_TOP/scripts/completion
offered bash --norc "$WORLD_DIR/complete.bash" "$top/xroam.bash" >"$WORLD_DIR/bash"
offered fish --no-config "$WORLD_DIR/complete.fish" "$top/xroam.fish" >"$WORLD_DIR/fish"
offered zsh -f "$WORLD_TOP/tests/net/lib/complete.zsh" "$top" | sed 's,[\],,g' |
	while read -r -a words; do # compadd quotes what a shell would take apart
		sorted "${words[@]}"
		echo "$REPLY"
	done >"$WORLD_DIR/zsh"
for shell in bash zsh fish; do
	is "$(paste -d= "$lines" "$WORLD_DIR/$shell")" "$(paste -d= "$lines" "$wanted")" \
		"$shell completes $(wc -l <"$lines") lines"
done

is "$(offered bash --norc -c ". $top/xroam.bash; COMP_WORDS=(xroam dev attach '\$') COMP_CWORD=3
	_xroam; printf '%s\n' \"\${COMPREPLY[@]}\"")" '\$\(reboot\)' \
	"bash puts in a name so that the line does not run it"
like "$(in_ns n1 "$XROAM" complete -- dev attach '' | cat -v)" 'eth0' "devices are offered"
is "$(in_ns n1 "$XROAM" complete -- dev attach '' | grep -c $'\e')" 0 \
	"but none that a terminal would obey"

# ---- help is the table ----

in_ns n1 "$XROAM" complete >"$WORLD_DIR/grammar"
rows()
{
	jq -r "$@" "$WORLD_DIR/grammar"
}

cmp_ok "$(rows length)" -ge 35 "the grammar has rows"
# "OBJECT COMMAND ARGUMENTS" of each row, from its object's help
lack=
while IFS= read -r row; do
	object=${row%% *}
	grep -qF -- "xroam $row" <<<"$(xr help "$object" | tr -s ' \n' ' ')" || lack+="; $row"
done < <(rows '.[] | select((.command // "x") | test("^[a-z]")) |
	[.object, .command // empty, .arguments] | map(select(. != "")) | join(" ")')
is "$lack" "" "each object's help has each of its rows"
is "$(xr help | sed -n 's/^  \([a-z][a-z]*\).*/\1/p')" "$(rows '.[].object' | awk '!seen[$0]++')" \
	"help has the objects, and no other"

# ---- and so is what commands take ----

# taken WORDS...: REPLY has the words of "write one of a, b, c", sorted
taken()
{
	local said

	said=$(xr "$@" 2>&1)
	said=${said##*write one of }
	# shellcheck disable=SC2086
	sorted ${said//,/}
}

taken nosuch
is "$REPLY" "$( (rows '.[].object'; echo help) | sort -u | paste -sd' ')" \
	"the command has these objects"
wrong=
while read -r object; do
	taken "$object" nosuch
	[ "$REPLY" = "$(rows --arg o "$object" \
		'.[] | select(.object == $o) | .command | select(test("^[a-z]"))' | sort |
		paste -sd' ')" ] || wrong+=" $object"
done < <(rows '.[] | select(.command) | .object' | uniq)
is "$wrong" "" "and these commands"

# first OBJECT COMMAND: words for the values that come first
first()
{
	case $1 in
	vip)	echo 192.0.2.1:443/udp ;;
	cid)	echo 3 ;;
	vm)	echo "$VM" ;;
	dev)	echo eth0 mode auto ;;
	backend|host|health) echo a ;;
	state)	echo - ;;
	esac
}

wrong=
while IFS=$'\t' read -r object command words; do
	# shellcheck disable=SC2046,SC2086
	taken $object $command $(first "$object") nosuch
	[ "$REPLY" = "$words" ] ||
		wrong+=" $object $command: $words;"
done < <(rows '.[] | select(.command and (.command | test("^[a-z]"))) |
	([.items[].word | select(. != "")] | unique | join(" ")) as $w |
	select($w != "" and .command != "detach") | "\(.object)\t\(.command)\t\($w)"')
is "$wrong" "" "each command takes the words that its row has"
wrong=
while IFS=$'\t' read -r object command word words; do
	# shellcheck disable=SC2046,SC2086
	taken $object $command $(first "$object" | sed 's/ mode auto//') $word nosuch
	[ "$REPLY" = "$words" ] ||
		wrong+=" $object $command $word: $words;"
done < <(rows '[.[] | select(.command == "FORMAT") | .arguments | split(" | ")] as $formats |
	.[] | select(.command and (.command | test("^[a-z]"))) | . as $row | .items[] |
	select(.word != "") |
	(if .value == "FORMAT" then $formats[0] else .value | split("|") end) as $w |
	select($w | all(test("^[a-z0-9-]+$"))) | select(.value != "") |
	"\($row.object)\t\($row.command)\t\(.word)\t\($w | sort | join(" "))"')
is "$wrong" "" "and of a word the values"

# ---- and the pages ----

# The words of each synopsis of a page, a line each: "vip add [cid flow off on]"
synopses()
{
	sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/p' docs/xroam-*.8 docs/xroam.8 |
		sed "s/\\\\-/-/g" | awk '
		/^\.Nm/ || /^\.Pp/ || /^\.Sh/ { if (line != "") print line; line = "" }
		/^\.Pp/ || /^\.Sh/ { on = 0 }
		/^\.Nm/ { on = 1; next }
		on {
			literal = 0
			for (i = 1; i <= NF; i++) {
				word = $i
				sub(/^\./, "", word)
				if (word == "Cm" || word == "Fl") literal = word
				else if (word ~ /^(Ar|Op|Oo|Oc|Ns)$/) literal = 0
				else if (literal == "Cm" && word ~ /^[a-z0-9-]+$/) line = line " " word
				else if (literal == "Fl" && word ~ /^-?[a-z-]+$/) line = line " -" word
			}
		}' | sorted_lines
}

# "OBJECT WORDS": its words sorted, each once
sorted_lines()
{
	local object words word
	local -A once

	while read -r object words; do
		once=()
		for word in $words; do
			once[$word]=
		done
		sorted "${!once[@]}"
		echo "$object $REPLY"
	done
}

synopses >"$WORLD_DIR/synopses"
lack=$(rows '.[] | select((.command // "x") | test("^[a-z]")) |
	select(.object != "explain") |
	([.arguments | gsub("\\.\\.\\."; "") | splits("[][ ()|]+") |
	  select(test("^-*[a-z][a-z0-9-]*$"))]) as $w |
	"\(.object) \(.command // "") \($w | join(" "))"' | sorted_lines |
	grep -vxF -f "$WORLD_DIR/synopses")
is "$lack" "" "each row has a synopsis with the same words in a page"
cmp_ok "$(wc -l <"$WORLD_DIR/synopses")" -ge 35 "  of which there are many"
done_testing
