# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Completion of xroam(8) for bash, with and without the bash-completion package. What
# fits is what "xroam complete" says: the command knows its own words, and the names that
# there are now.

# _xroam_offer: takes the lines of "xroam complete". Nothing is expanded: a device may have
# the name $(reboot). Nor is such a word to be run from the line that it is put into.
_xroam_offer()
{
	local word

	while IFS=$'\t' read -r word _; do
		if [ "$word" = :files ]; then
			compopt -o filenames 2>/dev/null
			mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$cur")
			continue
		fi
		[[ $word != *[^][a-zA-Z0-9_.,:/@%+=-]* ]] ||
			printf -v word %q "$word"
		COMPREPLY+=("$word")
	done
}

_xroam()
{
	local cur words cword

	COMPREPLY=()
	# A VIP and a MAC have colons, which bash takes for the end of a word.
	if declare -F _get_comp_words_by_ref >/dev/null; then
		_get_comp_words_by_ref -n : cur words cword
	else
		words=("${COMP_WORDS[@]}") cword=$COMP_CWORD
		cur=${words[cword]}
	fi
	_xroam_offer < <("${words[0]}" complete -- "${words[@]:1:cword}" 2>/dev/null)
	! declare -F __ltrim_colon_completions >/dev/null ||
		__ltrim_colon_completions "$cur"
}

complete -F _xroam xroam
