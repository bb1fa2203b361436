// SPDX-License-Identifier: GPL-2.0-only
/* The table of grammar.h, and help as it comes from it. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <xroam/cid.h>

#include "grammar.h"

const struct grammar_object grammar_objects[] = {
#define X(word, summary) { #word, summary },
	XR_OBJECTS(X)
#undef X
		{ NULL, NULL },
};

#define VIP "ADDR:PORT/PROTO"

/* clang-format off */
const struct grammar_row grammar_rows[] = {
	{ "dev", "attach", "DEV... [mode native|generic|auto] [role node|backend|pass] [trusted] "
			   "[vni N]... [address ADDR]..." },
	{ "dev", "detach", "DEV@device... | all" },
	{ "dev", "show", "" },
	{ "apply", NULL, "FILE [--dry-run]" },
	{ "check", NULL, "FILE" },
	{ "export", NULL, "[--keys]" },
	{ "reload", NULL, "" },
	{ "status", NULL, "[--check] [--now] [-w [SECONDS]]" },
	{ "destroy", NULL, "" },
	{ "drain", NULL, "[--wait SECONDS] [--quiet SECONDS] [--state FILE] [--vms] [--force]" },
	{ "undrain", NULL, "" },
	{ "vip", "add", VIP " [cid] [flow on|off] [announce on|off] [min-up N] "
			"[health CHECK@check]" },
	{ "vip", "set", VIP "@vip [flow on|off] [announce on|off] [min-up N] "
			"[health CHECK@check|none]" },
	{ "vip", "del", VIP "@vip" },
	{ "vip", "show", "[" VIP "@vip]" },
	{ "backend", "add", "NAME vip " VIP "@vip... address ADDR [FACT]..." },
	{ "backend", "set", "NAME@backend FACT..." },
	{ "backend", "del", "NAME@backend" },
	{ "backend", "show", "[NAME@backend]" },
	{ "backend", "FACT", "address ADDR | vip@many " VIP "@vip | server-id@many HEX | weight N | "
			     "state up|draining|down | forward ipip|gue|vxlan|l2 | dev DEV | port N | "
			     "vni N | mac MAC | initial-rate N | vm MAC@vm [vlan N] | "
			     "health CHECK@check|none|inherit" },
	{ "cid", "add", "CONFIG-ID@free-cid format FORMAT [server-id-length N] [nonce-length N] "
			"[key-file FILE|-] [offset N]" },
	{ "cid", "del", "CONFIG-ID@cid [format FORMAT] [force]" },
	{ "cid", "show", "" },
	{ "cid", "encode", "CONFIG-ID@cid [format FORMAT] server-id HEX [nonce HEX]" },
	{ "cid", "decode", "HEX" },
	{ "cid", "FORMAT",
#define X(name, word, bits, first, last, offset, sid, nonce, key) " | " word
	  XR_CID_FORMATS(X)
#undef X
	},
	{ "health", "add", "NAME type tcp|quic|http|https|command [FACT]..." },
	{ "health", "set", "NAME@check FACT..." },
	{ "health", "del", "NAME@check" },
	{ "health", "show", "[NAME@check]" },
	{ "health", "FACT", "port N | interval SECONDS | timeout SECONDS | rise N | fall N | "
			    "jitter PERCENT | source ADDR | path PATH | host NAME | status RANGES | "
			    "verify | command PROGRAM [ARGUMENT]..." },
	{ "host", "add", "NAME WAY [local]" },
	{ "host", "del", "NAME@host" },
	{ "host", "show", "[NAME@host]" },
	{ "host", "WAY", "vxlan ADDR vni N [port N] | ipip ADDR | gue ADDR [port N] | dev DEV | "
			 "mac MAC dev DEV" },
	{ "vm", "add", "MAC [vlan N] [address ADDR]... at HOST [lock] [dev TAP] "
		       "[limit LIMIT]... [rule RULE]... [default allow|deny]" },
	{ "vm", "prepare", "MAC@vm [vlan N] to HOST [timeout SECONDS] [ttl SECONDS] [seq N] "
			   "[dev TAP]" },
	{ "vm", "pause", "MAC@vm [vlan N] [seq N]" },
	{ "vm", "move", "MAC@vm [vlan N] to HOST [seq N] [ttl SECONDS]" },
	{ "vm", "cancel", "MAC@vm [vlan N] [seq N]" },
	{ "vm", "leave", "MAC@vm [vlan N] [seq N]" },
	{ "vm", "show", "[MAC@vm [vlan N]]" },
	{ "state", "export", "[FILE|-] [only flows|vms]" },
	{ "state", "import", "FILE|- [only flows|vms] [any-age]" },
	{ "state", "sync", "SOCKET [every SECONDS] [rate OCTETS] [only flows|vms]" },
	{ "etcd", "push", "FILE" },
	{ "etcd", "diff", "FILE" },
	{ "etcd", "status", "" },
	{ "state", "listen", "SOCKET [only flows|vms]" },
	{ "stats", NULL, "[vip|backend|vm|host|dev|reason] [--watch SECONDS]" },
	{ "top", NULL, "[vip|backend|reason|dev|host|move] [-d SECONDS] [-n N]" },
	{ "monitor", NULL, "[kind packet|change|vm|audit]... [reason REASON]... "
			   "[vip " VIP "@vip] [backend NAME@backend] [vm MAC@vm [vlan N]] [dev DEV@device]" },
	{ "explain", NULL, "(-r FILE | HEX... | -) [dev DEV]" },
	{ "doctor", NULL, "[dev DEV]... [role node|backend|pass]" },
	{ "capture", NULL, "[FILTER...] [reason@many REASON] [vip " VIP "@vip] [vm MAC@vm] "
			   "[dev@many DEV@device] [before|after|both] [-w FILE] [-c N] [-s N] "
			   "[rate N] [seconds N]" },
	{ "run", NULL, "[-c FILE]" },
	{ NULL, NULL, NULL },
};
/* clang-format on */

/* ---- help ---- */

#define WIDTH  79 /* of a line */
#define COLUMN 31 /* where "xroam help" says what an object is */
#define TEXT   1024

char *grammar_text(char *to, size_t size, const char *arguments)
{
	size_t n = 0;
	const char *s;

	for (s = arguments; *s && n + 1 < size; s++) {
		/* A list that a macro made has a " | " before its first. */
		if (!n && (*s == ' ' || *s == '|'))
			continue;
		if (*s == '@')
			s += 1 + strspn(s + 1, "abcdefghijklmnopqrstuvwxyz-");
		if (!*s)
			break;
		to[n++] = *s;
	}
	to[n] = '\0';
	return to;
}

/* Whether a line may end at the blank text[at], behind which a word began at "word". */
static bool may_break(const char *text, size_t word, size_t at)
{
	const char *next = text + at + 1;
	size_t len = strcspn(next, " ");

	if (text[at - 1] == '|')
		return false;
	/* A word and its value stay together. */
	return !islower((unsigned char)text[word]) ||
		!(isupper((unsigned char)*next) || (len > 1 && memchr(next, '|', len)));
}

/* Up to where text fits in room columns: a blank that parts arguments, or the end. */
static size_t line_of(const char *text, size_t room)
{
	size_t i, word = 0, fits = 0;
	int depth = 0;

	for (i = 0; text[i]; i++) {
		depth += (text[i] == '[' || text[i] == '(') - (text[i] == ']' || text[i] == ')');
		if (text[i] != ' ')
			continue;
		if (!depth && may_break(text, word, i)) {
			if (i > room)
				return fits ? fits : i;
			fits = i;
		}
		word = i + 1;
	}
	return i > room && fits ? fits : i;
}

/* Prints "START TEXT", further lines below TEXT. */
static void print_wrapped(const char *start, const char *text)
{
	size_t indent = strlen(start) + 1, len;

	printf("%s", start);
	while (*text) {
		len = line_of(text, WIDTH - indent);
		printf(" %.*s\n", (int)len, text);
		text += len + (text[len] == ' ');
		if (*text)
			printf("%*s", (int)indent - 1, "");
	}
}

static void print_row(const struct grammar_row *row, bool first)
{
	char text[TEXT], start[64];

	snprintf(start, sizeof(start), "%s xroam %s%s%s", first ? "Usage:" : "      ", row->object,
		 row->command ? " " : "", row->command ?: "");
	if (*row->arguments)
		print_wrapped(start, grammar_text(text, sizeof(text), row->arguments));
	else
		puts(start);
}

static bool is_definition(const struct grammar_row *row)
{
	return row->command && isupper((unsigned char)*row->command);
}

void grammar_print_object(const char *object)
{
	const struct grammar_row *row;
	char text[TEXT], start[64];
	bool first = true;

	for (row = grammar_rows; row->object; row++)
		if (!strcmp(row->object, object) && !is_definition(row)) {
			print_row(row, first);
			first = false;
		}
	first = true;
	for (row = grammar_rows; row->object; row++)
		if (!strcmp(row->object, object) && is_definition(row)) {
			if (first)
				putchar('\n');
			first = false;
			snprintf(start, sizeof(start), "%s :=", row->command);
			print_wrapped(start, grammar_text(text, sizeof(text), row->arguments));
		}
}

/* "vip add|del|show", or "apply FILE [--dry-run]"; what is too long is left to its own help. */
static void object_words(char to[TEXT], const char *object)
{
	const struct grammar_row *row;
	size_t n = snprintf(to, TEXT, "%s", object);
	char text[TEXT];

	for (row = grammar_rows; row->object; row++) {
		if (strcmp(row->object, object) || is_definition(row))
			continue;
		if (row->command) {
			n += snprintf(to + n, TEXT - n, "%s%s", strchr(to, ' ') ? "|" : " ",
				      row->command);
		} else if (*row->arguments) {
			grammar_text(text, sizeof(text), row->arguments);
			snprintf(to + n, TEXT - n, " %s",
				 n + strlen(text) + 3 < WIDTH ? text : "[ARGUMENTS]");
		}
	}
}

void grammar_print(FILE *to)
{
	const struct grammar_object *object;
	char words[TEXT];

	fputs("Usage: xroam [OPTIONS] OBJECT COMMAND [ARGUMENTS]\n\n", to);
	for (object = grammar_objects; object->word; object++) {
		object_words(words, object->word);
		if (strlen(words) + 4 <= COLUMN)
			fprintf(to, "  %-*s%s\n", COLUMN - 2, words, object->summary);
		else
			fprintf(to, "  %s\n%*s%s\n", words, COLUMN, "", object->summary);
	}
}

const struct grammar_row *grammar_definition(const char *object, const char *name, size_t len)
{
	const struct grammar_row *row;

	for (row = grammar_rows; row->object; row++)
		if (is_definition(row) && !strcmp(row->object, object) &&
		    strlen(row->command) == len && !memcmp(row->command, name, len))
			return row;
	return NULL;
}
