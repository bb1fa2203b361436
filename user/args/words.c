// SPDX-License-Identifier: GPL-2.0-only
/* Words that may be abbreviated: those of commands, and others. */
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "grammar.h"
#include "out.h"

static bool is_help(const char *s)
{
	return !strcmp(s, "help") || !strcmp(s, "-h") || !strcmp(s, "--help");
}

/* The index of the word that s is, or is a prefix of; -1: of none, -2: of several. */
static int match(const char *s, const char *(*nth)(const void *list, int i), const void *list)
{
	size_t len = strlen(s);
	const char *word;
	int i, found = -1;

	for (i = 0; (word = nth(list, i)); i++) {
		if (!strcmp(word, s))
			return i;
		if (!len || strncmp(word, s, len))
			continue;
		found = found == -1 ? i : -2;
	}
	return found;
}

static const char *nth_cmd(const void *list, int i)
{
	return ((const struct cmd *)list)[i].word;
}

static const char *nth_word(const void *list, int i)
{
	return ((const char *const *)list)[i];
}

static void print_no_match(const char *what, const char *s, int found,
			   const char *(*nth)(const void *, int), const void *list)
{
	char text[512] = "";
	const char *word;
	int i;

	for (i = 0; (word = nth(list, i)); i++) {
		if (found == -2 && strncmp(word, s, strlen(s)))
			continue;
		if (strlen(text) + strlen(word) + 3 > sizeof(text))
			break;
		if (text[0])
			strcat(text, ", ");
		strcat(text, word);
	}
	if (found == -2)
		cmd_usage("%s \"%s\" could be any of: %s", what, s, text);
	else
		cmd_usage("%s \"%s\" is unknown: write one of %s", what, s, text);
}

/* Words that destroy or stop something: a prefix of them is refused. */
static bool needs_full_word(const char *word)
{
	static const char *const words[] = { "destroy", "leave", "del", "down", "force", "drain" };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(word, words[i]))
			return true;
	return false;
}

static int find_word(const char *what, const char *s, const char *(*nth)(const void *, int),
		     const void *list)
{
	int found = match(s, nth, list);

	if (found < 0) {
		print_no_match(what, s, found, nth, list);
	} else if (strcmp(nth(list, found), s) && needs_full_word(nth(list, found))) {
		cmd_usage(
			"%s \"%s\": write \"%s\" in full; what takes something away is not abbreviated",
			what, s, nth(list, found));
		return -1;
	}
	return found;
}

const struct cmd *cmd_match(const struct cmd *cmds, const char *what, const char *s)
{
	int i = find_word(what, s, nth_cmd, cmds);

	return i < 0 ? NULL : &cmds[i];
}

int cmd_word_index(const char *const *words, const char *what, const char *s)
{
	return find_word(what, s, nth_word, words);
}

int cmd_index_of(const char *const *words, const char *s)
{
	return match(s, nth_word, words);
}

bool cmd_help(const char *notes, int argc, char **argv)
{
	if (argc < 2 || !is_help(argv[1]))
		return false;
	grammar_print_object(opt.object);
	putchar('\n');
	fputs(notes, stdout);
	return true;
}

int cmd_select(const struct cmd *cmds, const char *notes, int argc, char **argv)
{
	const struct cmd *cmd = cmds;

	if (cmd_help(notes, argc, argv) || cmd_help(notes, argc - 1, argv + 1))
		return EXIT_DONE;
	if (argc < 2) {
		while (cmd->word && strcmp(cmd->word, "show"))
			cmd++;
		if (!cmd->word)
			return cmd_usage("%s: a command is missing; see \"xroam %s help\"", argv[0],
					 argv[0]);
		return cmd->run(argc, argv);
	}
	cmd = cmd_match(cmds, "command", argv[1]);
	if (!cmd)
		return EXIT_USAGE;
	return cmd->run(argc - 1, argv + 1);
}
