// SPDX-License-Identifier: GPL-2.0-only
/* From the file's structs to the model: health checks. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "config_priv.h"
#include "lib/health_state.h"
#include "model/model_edit.h"

int config_check_name(struct reader *r, const char *path, const char *text, char *name)
{
	char full[XR_NAME_LEN] = "";

	if (!text)
		return 0;
	if (config_name(r, path, "health check", text, full))
		return -EINVAL;
	if (strlen(full) >= XR_CHECK_NAME)
		return fail_at(r, path, "health check \"%.40s\": a name has at most %d characters",
			       text, XR_CHECK_NAME - 1);
	strcpy(name, full);
	return 0;
}

static int take_text(struct reader *r, const char *path, const char *text, char *to)
{
	if (!text)
		return 0;
	if (strlen(text) >= XR_CHECK_TEXT)
		return fail_at(r, path, "%s: at most %d octets", last_key(path), XR_CHECK_TEXT - 1);
	memset(to, 0, XR_CHECK_TEXT);
	strcpy(to, text);
	return 0;
}

static int take_command(struct reader *r, const struct raw_health *from, size_t i,
			struct xr_health_check *to)
{
	char path[PATH_LEN];
	__u32 n;

	for (n = 0; n < from->n_command; n++)
		if (health_add_word(to, from->command[n]))
			return fail_at(r, config_at(path, "health_checks", i, "command"),
				       "command: at most 255 words and %d octets in all",
				       XR_CHECK_COMMAND - 1);
	return 0;
}

static int take_status(struct reader *r, const struct raw_health *from, size_t i,
		       struct xr_health_check *to)
{
	char path[PATH_LEN];

	if (!from->status || !health_to_ranges(from->status, to->status))
		return 0;
	return fail_at(
		r, config_at(path, "health_checks", i, "status"),
		"status: \"%.40s\" is no list of up to %d ranges from 100 to 599, such as 200-399,404",
		from->status, XR_CHECK_RANGES);
}

static int take_one(struct reader *r, const struct raw_health *from, size_t i,
		    struct xr_health_check *to)
{
	char path[PATH_LEN];

	*to = health_check_default;
	to->type = from->type;
	to->verify = from->verify && *from->verify;
#define AT(key) config_at(path, "health_checks", i, key)
	return config_check_name(r, AT("name"), from->name, to->name) ||
		TAKE(r, AT("port"), from->port, to->port) ||
		config_ms(r, AT("interval"), from->interval, &to->interval_ms) ||
		config_ms(r, AT("timeout"), from->timeout, &to->timeout_ms) ||
		TAKE(r, AT("rise"), from->rise, to->rise) ||
		TAKE(r, AT("fall"), from->fall, to->fall) ||
		TAKE(r, AT("jitter"), from->jitter, to->jitter) ||
		(from->source && config_addr(r, AT("source"), from->source, to->source)) ||
		take_text(r, AT("path"), from->path, to->path) ||
		take_text(r, AT("host"), from->host, to->host) || take_status(r, from, i, to) ||
		take_command(r, from, i, to);
#undef AT
}

int config_take_health(struct reader *r, const struct raw *raw, struct model *m)
{
	struct model_health *to;
	size_t i;
	int ret = 0;

	for (i = 0; !ret && i < raw->n_health_checks; i++) {
		to = model_grow(&m->health, &m->n_health, sizeof(*to));
		if (!to)
			return -ENOMEM;
		ret = take_one(r, &raw->health_checks[i], i, &to->check);
		to->line = config_line_of(r, "health_checks", i);
	}
	return ret;
}
