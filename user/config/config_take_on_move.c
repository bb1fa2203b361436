// SPDX-License-Identifier: GPL-2.0-only
/* From the file's structs to the model: who is told of each VM that moved. */
#include <errno.h>
#include <string.h>
#include <linux/rtnetlink.h>
#include "config_priv.h"

#define DEFAULT_MS     10000
#define DEFAULT_METRIC 10 /* before those that BIRD (32) and zebra (20) write themselves */
#define DEFAULT_HOLD   3

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

int config_take_vm_routes(struct reader *r, const struct raw_vm_routes *from,
			  struct model_vm_routes *to)
{
	int ret;

	if (!from)
		return 0;
	*to = (struct model_vm_routes){ true, RT_TABLE_MAIN, DEFAULT_METRIC, DEFAULT_HOLD };
	ret = TAKE(r, "vm_routes.table", from->table, to->table);
	if (!ret)
		ret = TAKE(r, "vm_routes.metric", from->metric, to->metric);
	if (!ret)
		ret = TAKE(r, "vm_routes.hold", from->hold, to->hold);
	if (!ret && (to->table == RT_TABLE_LOCAL || to->table == RT_TABLE_DEFAULT))
		return fail_at(
			r, "vm_routes.table",
			"table: %u is the kernel's own; write 254, the main one, or a number that nothing else has",
			to->table);
	return ret;
}
