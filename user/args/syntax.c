// SPDX-License-Identifier: GPL-2.0-only
/* A row of the grammar, read: words with their values, and values that stand alone. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "grammar.h"

#define DEPTH 8

struct bracket {
	char kind;         /* '[' or '('; 0: the row itself */
	int begin;         /* its first item */
	int group, choice; /* group 0: no " | " so far */
	int choice_begin;  /* the first item of this choice */
};

struct reader {
	const char *object;
	struct grammar_item *item;
	int n, groups;
	struct bracket at[DEPTH];
	int depth;
	bool wants_value; /* the last item is a word without a value */
};

static bool is_value(const char *token, size_t len)
{
	return isupper((unsigned char)*token) || memchr(token, '|', len);
}

static void copy(char *to, size_t size, const char *from, size_t len)
{
	snprintf(to, size, "%.*s", (int)len, from);
}

static struct grammar_item *new_item(struct reader *r)
{
	static struct grammar_item spare;
	struct grammar_item *item = r->n < GRAMMAR_ITEMS ? &r->item[r->n++] : &spare;
	int i;

	memset(item, 0, sizeof(*item));
	for (i = 0; i <= r->depth; i++)
		item->optional |= r->at[i].kind == '[';
	return item;
}

static void read_text(struct reader *r, const char *text);

static void read_token(struct reader *r, const char *token, size_t len)
{
	const struct grammar_row *definition;
	const char *mark = memchr(token, '@', len);
	struct grammar_item *item;
	bool wanted = r->wants_value;

	r->wants_value = false;
	if (wanted && is_value(token, len)) {
		item = &r->item[r->n - 1];
		copy(item->value, sizeof(item->value), token, len);
		return;
	}
	if (is_value(token, len)) {
		definition = grammar_definition(r->object, token, len);
		if (definition && r->depth + 1 < DEPTH) {
			r->at[++r->depth] = (struct bracket){ .kind = '(',
							      .begin = r->n,
							      .choice_begin = r->n };
			read_text(r, definition->arguments);
			return;
		}
		item = new_item(r);
		copy(item->value, sizeof(item->value), token, len);
		return;
	}
	item = new_item(r);
	copy(item->word, sizeof(item->word), token, mark ? (size_t)(mark - token) : len);
	item->many = mark;
	r->wants_value = r->n < GRAMMAR_ITEMS;
}

/* " | ": what stood before it in this bracket is a choice; the next one begins. */
static void next_choice(struct reader *r, bool ends)
{
	struct bracket *b = &r->at[r->depth];
	int i;

	if (!ends && b->choice_begin == r->n)
		return; /* one that begins a list */
	if (!ends && !b->group)
		b->group = ++r->groups;
	for (i = b->choice_begin; b->group && i < r->n; i++)
		if (!r->item[i].group) {
			r->item[i].group = b->group;
			r->item[i].choice = b->choice;
			r->item[i].first = i == b->choice_begin;
		}
	b->choice++;
	b->choice_begin = r->n;
	r->wants_value = false;
}

/* After what may be given again, any of its choices may follow any other. */
static void repeat(struct reader *r, int begin)
{
	bool choices = false;
	int i;

	for (i = begin; i < r->n; i++) {
		choices |= r->item[i].group;
		r->item[i].group = 0;
	}
	for (i = begin; i < r->n && !choices; i++)
		r->item[i].many = true;
}

static int close_bracket(struct reader *r)
{
	int begin = r->at[r->depth].begin;

	next_choice(r, true);
	if (r->depth)
		r->depth--;
	return begin;
}

/* Reads the text in a bracket of its own, which the caller opened. */
static void read_text(struct reader *r, const char *text)
{
	int last = r->n; /* the first item of what "..." refers to */
	size_t len;

	for (; *text; text += len) {
		len = 1;
		if (*text == ' ')
			continue;
		if (*text == '[' || *text == '(') {
			if (*text == '[' && r->wants_value && isupper((unsigned char)text[1])) {
				r->item[r->n - 1].value_optional = true;
				len = 1 + strcspn(text + 1, "]");
				read_token(r, text + 1, len - 1);
				len += text[len] == ']';
			} else if (r->depth + 1 < DEPTH) {
				r->at[++r->depth] = (struct bracket){ .kind = *text,
								      .begin = r->n,
								      .choice_begin = r->n };
				r->wants_value = false;
			}
		} else if (*text == ']' || *text == ')') {
			last = close_bracket(r);
			r->wants_value = false;
		} else if (!strncmp(text, "...", 3)) {
			len = 3;
			repeat(r, last);
		} else if (*text == '|' && (text[1] == ' ' || !text[1])) {
			next_choice(r, false);
		} else {
			len = strcspn(text, " []()");
			if (len > 3 && !strncmp(text + len - 3, "...", 3))
				len -= 3;
			if (!r->wants_value || !is_value(text, len))
				last = r->n;
			read_token(r, text, len);
		}
	}
	close_bracket(r);
}

int grammar_items(const struct grammar_row *row, struct grammar_item *item)
{
	struct reader r = { .object = row->object, .item = item };

	read_text(&r, row->arguments);
	return r.n;
}
