// SPDX-License-Identifier: GPL-2.0-only
/*
 * xroam complete -- WORD...: what the last word could become, for the completion of bash,
 * zsh and fish (scripts/completion/). The other words are those that stand before it.
 *
 * Prints a line each: the word, and where something is to be said of it a tab and that.
 * ":files": names of files, too. All comes from args/grammar.c; what names there are is
 * asked of "xroam -j OBJECT show". Without words: the grammar as JSON, for tests.
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "args.h"
#include "grammar.h"
#include "lib/reason.h"
#include "out.h"
#include "plane/plane.h"

#define WORDS_MOST  256
#define ASK_SECONDS 2 /* an instance that somebody keeps locked must not stop the shell */

/* ---- what is offered ---- */

static const char *cursor; /* the word that is being written */

/* Names from elsewhere: a terminal obeys control characters, and a blank ends a word. */
static bool is_printable(const char *word)
{
	for (; *word; word++)
		if ((unsigned char)*word <= ' ' || (unsigned char)*word >= 0x7f)
			return false;
	return true;
}

static void offer(const char *word, const char *about)
{
	if (strncmp(word, cursor, strlen(cursor)) || !is_printable(word))
		return;
	printf("%s%s%s\n", word, about ? "\t" : "", about ?: "");
}

static void offer_options(void)
{
	static const char *const options[][2] = {
		{ "--instance", "the instance" },
		{ "--json", "JSON" },
		{ "--pretty", "JSON, indented" },
		{ "--verbose", "more detail" },
		{ "--version", "the version, and end" },
		{ "--help", "the objects and their commands" },
	};
	size_t i;

	for (i = 0; *cursor == '-' && i < sizeof(options) / sizeof(options[0]); i++)
		offer(options[i][0], options[i][1]);
}

/* ---- names that there are ---- */

struct asked {
	const char *kind, *object, *key;
};

/* Kinds of names, and where "xroam -j OBJECT show" has them. */
static const struct asked asked[] = {
	{ "vip", "vip", "vip" },       { "backend", "backend", "name" },
	{ "host", "host", "name" },    { "vm", "vm", "mac" },
	{ "cid", "cid", "config_id" }, { "device", "dev", "device" },
	{ "check", "health", "name" },
};

/* Runs "xroam -i INSTANCE -j OBJECT show"; its output, or NULL. */
static json_t *ask(const char *object)
{
	json_t *answer;
	int pipes[2], null;
	FILE *from;
	pid_t pid;

	if (pipe(pipes))
		return NULL;
	pid = fork();
	if (!pid) {
		null = open("/dev/null", O_RDWR);
		if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0 ||
		    dup2(pipes[1], STDOUT_FILENO) < 0)
			_exit(127);
		close(pipes[0]);
		close(pipes[1]);
		alarm(ASK_SECONDS);
		execl("/proc/self/exe", "xroam", "-i", opt.instance, "-j", object, "show", NULL);
		_exit(127);
	}
	close(pipes[1]);
	from = pid > 0 ? fdopen(pipes[0], "r") : NULL;
	answer = from ? json_loadf(from, 0, NULL) : NULL;
	if (from)
		fclose(from);
	else
		close(pipes[0]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return answer;
}

static void offer_asked(const struct asked *what)
{
	json_t *list = ask(what->object), *o, *value;
	char number[24];
	size_t i;

	json_array_foreach(list, i, o) {
		value = json_object_get(o, what->key);
		if (json_is_integer(value)) {
			snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT,
				 json_integer_value(value));
			offer(number, NULL);
		} else if (json_is_string(value)) {
			offer(json_string_value(value), NULL);
		}
	}
	json_decref(list);
}

static void offer_devices(void)
{
	struct if_nameindex *list = if_nameindex(), *dev;

	for (dev = list; dev && dev->if_index; dev++)
		offer(dev->if_name, NULL);
	if (list)
		if_freenameindex(list);
}

static void offer_instances(void)
{
	DIR *dir = opendir(XR_PIN_ROOT);
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			offer(e->d_name, NULL);
	if (dir)
		closedir(dir);
}

static void offer_reasons(void)
{
	unsigned int i;

	for (i = 0; i < XR_REASON_MAX; i++)
		offer(reason_word(i), reason_text(i));
}

static void offer_config_ids(void)
{
	char id[2] = "0";

	for (; *id < '0' + XR_CODEPOINTS - 1; ++*id)
		offer(id, NULL);
}

static bool is_named(const char *name, size_t len, const char *word)
{
	return strlen(word) == len && !memcmp(name, word, len);
}

/* What stands for something: a kind after "@", or a value that is always of one kind. */
static void offer_kind(const char *name, size_t len)
{
	static const struct {
		const char *name;
		void (*offer)(void);
	} kinds[] = {
		{ "DEV", offer_devices },        { "TAP", offer_devices },
		{ "REASON", offer_reasons },     { "free-cid", offer_config_ids },
		{ "INSTANCE", offer_instances },
	};
	size_t i;

	if (is_named(name, len, "FILE"))
		puts(":files");
	if (is_named(name, len, "HOST"))
		offer_kind("host", 4);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (is_named(name, len, kinds[i].name))
			kinds[i].offer();
	for (i = 0; i < sizeof(asked) / sizeof(asked[0]); i++)
		if (is_named(name, len, asked[i].kind))
			offer_asked(&asked[i]);
}

/* "up|draining|down", "FILE|-", "NAME@backend". */
static void offer_value(const char *object, const char *value)
{
	const struct grammar_row *definition;
	const char *mark;
	char word[64];
	size_t len;

	for (; *value; value += len) {
		value += strspn(value, " |");
		len = strcspn(value, " |");
		mark = memchr(value, '@', len);
		definition = grammar_definition(object, value, len);
		if (mark) {
			offer_kind(mark + 1, len - (mark + 1 - value));
		} else if (definition) {
			offer_value(object, definition->arguments);
		} else if (isupper((unsigned char)*value)) {
			offer_kind(value, len);
		} else if (len) {
			snprintf(word, sizeof(word), "%.*s", (int)len, value);
			offer(word, NULL);
		}
	}
}

/* ---- the words before ---- */

/* A command as far as it is written. */
struct line {
	const char *object;
	struct grammar_item item[GRAMMAR_ITEMS];
	int items;
	int given[GRAMMAR_ITEMS];            /* how often */
	unsigned int out[GRAMMAR_ITEMS + 1]; /* choices of a group that are ruled out */
	bool used[GRAMMAR_ITEMS + 1];        /* something of the group was given */
	int wants;                           /* the item whose value comes next; -1: none */
};

static bool is_word(const struct grammar_item *item)
{
	return item->word[0];
}

/* Whether the item may (still) be written. */
static bool may_come(const struct line *l, int i)
{
	const struct grammar_item *item = &l->item[i];

	if (l->given[i] && !item->many)
		return false;
	if (!item->group)
		return true;
	if (l->used[item->group])
		return !(l->out[item->group] >> item->choice & 1);
	return item->first;
}

/* The value that has to come first; -1: there is none (any more). */
static int leading(const struct line *l)
{
	int i;

	for (i = 0; i < l->items && !is_word(&l->item[i]); i++)
		if (!l->given[i] && may_come(l, i))
			return i;
	return -1;
}

/* Item i was written; of its group remain the choices that have such an item, too. */
static void give(struct line *l, int i)
{
	unsigned int stays = 0;
	int j, group = l->item[i].group;

	l->given[i]++;
	if (l->item[i].value[0] && is_word(&l->item[i]))
		l->wants = i;
	if (!group)
		return;
	for (j = 0; j < l->items; j++)
		if (l->item[j].group == group && !strcmp(l->item[j].word, l->item[i].word) &&
		    !(l->out[group] >> l->item[j].choice & 1))
			stays |= 1U << l->item[j].choice;
	l->out[group] = ~stays;
	l->used[group] = true;
}

/* The item of the word s, in full or as a prefix of one only; -1: there is none. */
static int find_word(const struct line *l, const char *s)
{
	const char *words[GRAMMAR_ITEMS + 1];
	int index[GRAMMAR_ITEMS], i, j, n = 0;

	for (i = 0; i < l->items; i++) {
		for (j = 0; j < n && strcmp(words[j], l->item[i].word); j++)
			;
		if (!is_word(&l->item[i]) || (j < n && !may_come(l, i)))
			continue;
		if (j == n)
			n++;
		index[j] = i;
		words[j] = l->item[i].word;
	}
	words[n] = NULL;
	i = cmd_index_of(words, s);
	return i < 0 ? -1 : index[i];
}

static void take_word(struct line *l, const char *s)
{
	int lead = leading(l), word = find_word(l, s), i = l->wants;

	l->wants = -1;
	if (i >= 0 && !(l->item[i].value_optional && word >= 0))
		return;
	/* What comes first may be called as a word is; not as an option. */
	if (lead >= 0 && (word < 0 || *s != '-') &&
	    !(word >= 0 && l->item[word].group && l->item[word].group == l->item[lead].group)) {
		give(l, lead);
		return;
	}
	if (word >= 0) {
		give(l, word);
		return;
	}
	for (i = 0; i < l->items; i++)
		if (!is_word(&l->item[i]) && may_come(l, i)) {
			give(l, i);
			return;
		}
}

/* A value that must come first keeps back all but options, and what may stand in its place. */
static bool waits_for(const struct line *l, int i, int lead)
{
	const struct grammar_item *item = &l->item[i];

	if (lead < 0 || i == lead || l->item[lead].optional || item->word[0] == '-')
		return false;
	return !item->group || item->group != l->item[lead].group;
}

/* Whether an item before has the same word. */
static bool is_repeated(const struct line *l, int i)
{
	int j;

	for (j = 0; j < i; j++)
		if (is_word(&l->item[i]) && may_come(l, j) &&
		    !strcmp(l->item[j].word, l->item[i].word))
			return true;
	return false;
}

static void offer_item(const struct line *l, const struct grammar_item *item)
{
	if (is_word(item))
		offer(item->word, NULL);
	else
		offer_value(l->object, item->value);
}

static void offer_next(struct line *l)
{
	int lead = leading(l), i;

	if (l->wants >= 0) {
		offer_value(l->object, l->item[l->wants].value);
		if (!l->item[l->wants].value_optional)
			return;
	}
	for (i = 0; i < l->items; i++)
		if (may_come(l, i) && !waits_for(l, i, lead) && !is_repeated(l, i))
			offer_item(l, &l->item[i]);
}

/* Takes options out of the n words, as the command does; their number then. -1: -i waits for its value. */
static int take_options(char **words, int n)
{
	int i, to = 0;

	for (i = 0; i < n; i++) {
		if (!strncmp(words[i], "--instance=", 11)) {
			opt.instance = words[i] + 11;
		} else if (!strcmp(words[i], "-i") || !strcmp(words[i], "--instance")) {
			if (++i < n)
				opt.instance = words[i];
			else
				return -1;
		} else if (!strcmp(words[i], "--json") || !strcmp(words[i], "--pretty") ||
			   !strcmp(words[i], "--verbose") ||
			   (*words[i] == '-' && words[i][1] &&
			    strspn(words[i] + 1, "jpvVh") == strlen(words[i] + 1))) {
			continue;
		} else {
			words[to++] = words[i];
		}
	}
	return to;
}

/* The rows of the object; *only: the one without a command. NULL-terminated words. */
static int commands_of(const char *object, const char *words[WORDS_MOST],
		       const struct grammar_row *rows[WORDS_MOST], const struct grammar_row **only)
{
	const struct grammar_row *row;
	int n = 0;

	*only = NULL;
	for (row = grammar_rows; row->object && n + 1 < WORDS_MOST; row++) {
		if (strcmp(row->object, object))
			continue;
		if (!row->command) {
			*only = row;
		} else if (islower((unsigned char)*row->command)) {
			rows[n] = row;
			words[n++] = row->command;
		}
	}
	words[n] = NULL;
	return n;
}

static void complete_arguments(const struct grammar_row *row, char **words, int n)
{
	struct line l = { .object = row->object, .wants = -1 };

	l.items = grammar_items(row, l.item);
	while (n--)
		take_word(&l, *words++);
	offer_next(&l);
	if (l.wants < 0)
		offer_options();
}

static void complete_command(const char *object, char **words, int n)
{
	const struct grammar_row *rows[WORDS_MOST], *only;
	const char *names[WORDS_MOST];
	int i, count = commands_of(object, names, rows, &only);

	if (only) {
		complete_arguments(only, words, n);
	} else if (!n) {
		for (i = 0; i < count; i++)
			offer(names[i], NULL);
		offer("help", NULL);
		offer_options();
	} else {
		i = cmd_index_of(names, words[0]);
		if (i >= 0)
			complete_arguments(rows[i], words + 1, n - 1);
	}
}

static void complete(char **words, int n)
{
	const struct grammar_object *object;
	const char *names[WORDS_MOST];
	int i, count = 0;

	n = take_options(words, n);
	if (n < 0) {
		offer_instances();
		return;
	}
	for (object = grammar_objects; object->word; object++)
		names[count++] = object->word;
	names[count] = NULL;
	if (!n || (n == 1 && !strcmp(words[0], "help"))) {
		for (object = grammar_objects; object->word; object++)
			offer(object->word, object->summary);
		if (!n)
			offer("help", "what there is, and how it is written");
		offer_options();
		return;
	}
	i = cmd_index_of(names, words[0]);
	if (i >= 0)
		complete_command(names[i], words + 1, n - 1);
}

/* ---- the grammar, for tests ---- */

static json_t *json_row(const struct grammar_row *row)
{
	struct grammar_item item[GRAMMAR_ITEMS];
	json_t *items = json_array();
	char text[1024];
	int i, n = grammar_items(row, item);

	for (i = 0; i < n; i++)
		json_array_append_new(items,
				      json_pack("{s:s, s:s, s:b, s:b}", "word", item[i].word,
						"value", item[i].value, "optional",
						item[i].optional, "many", item[i].many));
	return json_pack("{s:s, s:s*, s:s, s:o}", "object", row->object, "command", row->command,
			 "arguments", grammar_text(text, sizeof(text), row->arguments), "items",
			 items);
}

static int print_grammar(void)
{
	const struct grammar_row *row;
	json_t *list = json_array();

	for (row = grammar_rows; row->object; row++)
		json_array_append_new(list, json_row(row));
	return out_json(list);
}

int do_complete(int argc, char **argv)
{
	static char nothing[] = "";

	argc--;
	argv++;
	if (argc && !strcmp(*argv, "--")) {
		argc--;
		argv++;
	} else if (!argc) {
		return print_grammar();
	}
	cursor = argc ? argv[argc - 1] : nothing;
	if (argc <= WORDS_MOST)
		complete(argv, argc ? argc - 1 : 0);
	return EXIT_DONE;
}
