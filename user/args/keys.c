// SPDX-License-Identifier: GPL-2.0-only
/* Parses keywords and their values by a command's table of keys. */
#include <string.h>

#include "args.h"
#include "out.h"

static void store_number(void *to, size_t size, __u64 n)
{
	switch (size) {
	case sizeof(__u8):
		*(__u8 *)to = n;
		break;
	case sizeof(__u16):
		*(__u16 *)to = n;
		break;
	case sizeof(__u32):
		*(__u32 *)to = n;
		break;
	default:
		*(__u64 *)to = n;
	}
}

static int take_number(struct args *a, const struct args_key *key, void *to)
{
	__u64 n;
	int ret = args_u64(a, key->least, key->most, &n);

	if (!ret)
		store_number(to, key->size, n);
	return ret;
}

static int take_word(struct args *a, const struct args_key *key, void *to)
{
	int i, ret = args_word(a, key->words, &i);

	if (!ret)
		store_number(to, key->size, key->least + i);
	return ret;
}

static int take_text(struct args *a, const struct args_key *key, const char **to)
{
	*to = args_need(a, key->what);
	return *to ? EXIT_DONE : EXIT_USAGE;
}

static int take_value(struct args *a, const struct args_key *key, void *to)
{
	void *member = (char *)to + key->offset;

	switch (key->kind) {
	case ARGS_FLAG:
		store_number(member, key->size, 1);
		return EXIT_DONE;
	case ARGS_NUMBER:
		return take_number(a, key, member);
	case ARGS_WORD:
		return take_word(a, key, member);
	case ARGS_ADDR:
		return args_addr(a, member);
	case ARGS_MAC:
		return args_mac(a, member);
	case ARGS_DEV:
		return args_dev(a, member);
	case ARGS_TEXT:
		return take_text(a, key, member);
	case ARGS_OTHER:
		return key->take(a, to);
	}
	return EXIT_USAGE;
}

int args_take(struct args *a, const struct args_key *keys, void *to, struct args_given *g)
{
	const char *words[ARGS_KEYS + 1];
	int index[ARGS_KEYS], n = 0, i, found, ret;

	for (i = 0; i < ARGS_KEYS && keys[i].word; i++) {
		if (g->allowed && !(g->allowed & ARGS_BIT(i)))
			continue;
		index[n] = i;
		words[n++] = keys[i].word;
	}
	words[n] = NULL;
	while ((found = args_next_key(a, words)) != -1) {
		if (found < 0)
			return EXIT_USAGE;
		i = index[found];
		if (g->given & ARGS_BIT(i) & ~g->often)
			return cmd_usage("%s is given twice", keys[i].word);
		g->given |= ARGS_BIT(i);
		ret = take_value(a, &keys[i], to);
		if (ret)
			return ret;
	}
	return EXIT_DONE;
}

void args_copy(const struct args_key *keys, __u32 given, void *to, const void *from)
{
	int i;

	for (i = 0; i < ARGS_KEYS && keys[i].word; i++)
		if (given & ARGS_BIT(i))
			memcpy((char *)to + keys[i].offset, (const char *)from + keys[i].offset,
			       keys[i].size);
}
