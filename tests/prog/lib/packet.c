/* SPDX-License-Identifier: GPL-2.0-only */
#include <stdlib.h>
#include <string.h>
#include "packet_priv.h"

#define TEXT_MAX 8192

static struct packet parse(const char *whole, char *text);

static size_t cut_length(struct build *b, size_t len)
{
	struct layer *l = &b->layer[b->layers - 1];
	long long n;

	if (!b->layers || strcmp(l->word, "cut"))
		return len;
	n = arg_to_number(b, l, arg_bare(b, l));
	if (n < 0)
		n += len;
	if (n < 0 || (size_t)n > len)
		build_fail(b->text, "cut: there are only %zu octets", len);
	return n;
}

static struct packet finish(struct build *b)
{
	struct packet p = { .len = b->end - b->at };

	memcpy(p.data, b->data + b->at, p.len);
	p.len = cut_length(b, p.len);
	for (int i = 0; i < b->layers; i++) {
		struct packet_layer *l = &p.layer[p.layers++];

		args_all_used(b, &b->layer[i]);
		snprintf(l->word, sizeof(l->word), "%s", b->layer[i].word);
		l->start = b->start[i] - b->at;
	}
	return p;
}

/* ---- the text ---- */

/* Up to the parenthesis that closes the one at *text; text goes behind it. */
static char *take_quote(const char *whole, char **text)
{
	char *from = *text + 1, *s = from;
	int depth = 1;

	for (; *s; s++) {
		depth += (*s == '(') - (*s == ')');
		if (!depth)
			break;
	}
	if (!*s)
		build_fail(whole, "a parenthesis is not closed");
	*s = 0;
	*text = s + 1;
	return from;
}

static void parse_word(const char *whole, struct layer *l, char *word)
{
	struct arg *a = &l->arg[l->args];
	char *eq = strchr(word, '=');

	if (!l->word) {
		l->word = word;
		return;
	}
	if (l->args++ == PACKET_ARGS)
		build_fail(whole, "%s: too many words", l->word);
	a->key = word;
	if (eq) {
		*eq = 0;
		a->value = eq + 1;
	}
}

static int parse_layers(const char *whole, char *text, struct layer *layer)
{
	struct layer *l = layer;
	char *end;
	char was;

	for (;;) {
		text += strspn(text, " \t\n");
		if (!*text)
			break;
		if (*text == '/') {
			if (!l->word)
				build_fail(whole, "an empty layer");
			if (++l == layer + PACKET_LAYERS)
				build_fail(whole, "more than %d layers", PACKET_LAYERS);
			text++;
			continue;
		}
		if (*text == '(') {
			if (!l->word || strncmp(l->word, "icmp", 4))
				build_fail(whole, "only ICMP errors quote a packet");
			l->quote = parse(whole, take_quote(whole, &text));
			l->has_quote = true;
			continue;
		}
		end = text + strcspn(text, " \t\n/(");
		was = *end;
		*end = 0;
		/* The separator is looked at again, so keep a copy of the word. */
		parse_word(whole, l, strdup(text));
		*end = was;
		text = end;
	}
	if (!l->word && l != layer)
		build_fail(whole, "an empty layer at the end");
	return l->word ? l - layer + 1 : 0;
}

static void free_layers(struct layer *layer, int n)
{
	for (int i = 0; i < n; i++) {
		free(layer[i].word);
		for (int k = 0; k < layer[i].args; k++)
			free(layer[i].arg[k].key);
	}
	free(layer);
}

static struct packet parse(const char *whole, char *text)
{
	struct layer *layer = calloc(PACKET_LAYERS, sizeof(*layer));
	struct build b = {
		.text = whole,
		.layer = layer,
		.at = PACKET_MAX,
		.end = PACKET_MAX,
	};
	struct packet p;

	if (!layer)
		abort();
	b.layers = parse_layers(whole, text, layer);
	for (int i = b.layers - 1; i >= 0; i--)
		build_layer(&b, i);
	p = finish(&b);
	free_layers(layer, b.layers);
	return p;
}

struct packet packet_v(const char *fmt, va_list ap)
{
	char text[TEXT_MAX], whole[TEXT_MAX];

	if (vsnprintf(text, sizeof(text), fmt, ap) >= TEXT_MAX)
		build_fail(fmt, "longer than %d characters", TEXT_MAX);
	memcpy(whole, text, sizeof(whole));
	return parse(whole, text);
}

struct packet packet(const char *fmt, ...)
{
	struct packet p;
	va_list ap;

	va_start(ap, fmt);
	p = packet_v(fmt, ap);
	va_end(ap);
	return p;
}

struct packet packet_raw(const void *data, size_t len)
{
	struct packet p = { .len = len };

	if (len > PACKET_MAX)
		build_fail("(raw)", "more than %d octets", PACKET_MAX);
	memcpy(p.data, data, len);
	return p;
}

size_t packet_find(const struct packet *p, const char *word, int nth)
{
	for (int i = 0; i < p->layers; i++)
		if (!strcmp(p->layer[i].word, word) && !nth--)
			return p->layer[i].start;
	build_fail(word, "the packet has no such layer");
}
