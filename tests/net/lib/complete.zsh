#!/usr/bin/zsh -f
# SPDX-License-Identifier: GPL-2.0-only
# complete.zsh FOLDER: for each line of input, on a line, what zsh would offer behind it
# with the completion functions in FOLDER; sorted. An interactive zsh on a terminal of its
# own gets the line and a TAB, and compadd prints what it is given.
zmodload zsh/zpty || exit 1
zpty shell zsh -f -i
zpty -w shell "fpath=(${(q)1} \$fpath)"
zpty -w shell '
PROMPT= RPROMPT=
autoload -Uz compinit; compinit -u -D
unsetopt zle_bracketed_paste 2>/dev/null
stty -echo
bindkey "^I" complete-word
setopt no_beep
# Both lists are emptied before each use.
begin() { compstate[insert]= compstate[list]= compprefuncs=(begin) }
finish() { print -r -- ">>>"; comppostfuncs=(finish) }
compprefuncs=(begin) comppostfuncs=(finish)
compadd()
{
	local -a hits
	[[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]] && { builtin compadd "$@"; return }
	builtin compadd -A hits "$@"
	(( $#hits )) || return 1
	print -rl -- "HIT ${^hits}"
}
print READY'
expect()
{
	local line

	while zpty -r shell line; do
		line=${line//[$'\r\n']/}
		[[ $line == *$1 ]] && return
		[[ $line == *HIT\ * ]] && hits+=("${line##*HIT }")
	done
	exit 1
}
hits=()
expect READY
while IFS= read -r line; do
	hits=()
	zpty -w -n shell $'\025'"$line"$'\t'
	expect '>>>'
	print -r -- "${(j: :)${(@oi)hits}}"
done
