// SPDX-License-Identifier: GPL-2.0-only
/* From the file's struct to the model: the program for each VM that moved. */
#include <errno.h>
#include <string.h>
#include "config_priv.h"

#define DEFAULT_MS 10000

static int take_words(struct reader *r, const struct raw_on_move *from, struct model_on_move *to)
{
	size_t used = 0, len;
	__u32 i;

	for (i = 0; i < from->n_command; i++, used += len) {
		len = strlen(from->command[i]) + 1;
		if (i == MODEL_WORDS || used + len > sizeof(to->command))
			return fail_at(r, "on_move.command",
				       "command: at most %d words and %d octets in all",
				       MODEL_WORDS, MODEL_COMMAND - 1);
		memcpy(to->command + used, from->command[i], len);
	}
	to->words = from->n_command;
	return 0;
}

int config_take_on_move(struct reader *r, const struct raw_on_move *from, struct model_on_move *to)
{
	int ret;

	if (!from)
		return 0;
	to->timeout_ms = DEFAULT_MS;
	to->everywhere = from->everywhere && *from->everywhere;
	to->at_start = from->at_start && *from->at_start;
	ret = config_ms(r, "on_move.timeout", from->timeout, &to->timeout_ms);
	if (ret)
		return ret;
	if (!from->n_command || *from->command[0] != '/')
		return fail_at(
			r, "on_move.command",
			"command: a program by its path from the root, and its arguments, each a word of its own; no shell reads it");
	return take_words(r, from, to);
}
