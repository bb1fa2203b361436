// SPDX-License-Identifier: GPL-2.0-only
/* Single values of the file: numbers in their range, names, addresses. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "config_priv.h"
#include "lib/health_state.h"
#include "lib/text.h"

int config_number(struct reader *r, const char *path, const char *text, __u64 *value)
{
	const struct config_range *range = config_range(last_key(path));
	struct xr_err inner;

	if (!text_to_u64(text, range ? range->min : 0, range ? range->max : 0xffffffff, value,
			 &inner))
		return 0;
	return fail_at(r, path, "%s: %s", last_key(path), inner.text);
}

const char *config_at(char *buf, const char *list, size_t i, const char *key)
{
	snprintf(buf, PATH_LEN, "%s[%zu].%s", list, i, key);
	return buf;
}

__u32 config_line_of(const struct reader *r, const char *list, size_t i)
{
	char path[PATH_LEN];

	snprintf(path, sizeof(path), "%s[%zu]", list, i);
	return lines_find(r->text, r->len, path);
}

bool config_is_bad(const struct reader *r, const char *list, size_t i)
{
	return r->all && r->all->n && xr_errs_has_line(r->all, config_line_of(r, list, i));
}

int config_name(struct reader *r, const char *path, const char *what, const char *text, char *name)
{
	struct xr_err inner;

	if (text_check_name(what, text, &inner))
		return fail_at(r, path, "%s", inner.text);
	strcpy(name, text);
	return 0;
}

int config_addr(struct reader *r, const char *path, const char *text, __be32 *addr)
{
	struct xr_err inner;

	if (!text_to_addr(text, addr, &inner))
		return 0;
	return fail_at(r, path, "%s: %s", last_key(path), inner.text);
}

int config_mac(struct reader *r, const char *path, const char *text, __u8 *mac)
{
	struct xr_err inner;

	if (!text || !text_to_mac(text, mac, &inner))
		return 0;
	return fail_at(r, path, "%s: %s", last_key(path), inner.text);
}

int config_dev(struct reader *r, const char *path, const char *text, char *dev)
{
	struct xr_err inner;

	if (!text)
		return 0;
	if (text_check_dev(last_key(path), text, &inner))
		return fail_at(r, path, "%s", inner.text);
	strcpy(dev, text);
	return 0;
}

int config_ms(struct reader *r, const char *path, const char *text, __u32 *ms)
{
	if (!text || !health_to_ms(text, ms))
		return 0;
	return fail_at(
		r, path,
		"%s: \"%.40s\" is no time from 0.01 to 3600 seconds, such as 2, 0.5 or 500ms",
		last_key(path), text);
}

/* The daemon and the command do not stand in the same directory. */
int config_file(struct reader *r, const char *path, const char *text, char *file, size_t size)
{
	const char *key = last_key(path);

	if (!text)
		return 0;
	if (*text != '/')
		return fail_at(r, path, "%s: \"%.60s\" must be a path from the root", key, text);
	if (strlen(text) >= size)
		return fail_at(r, path, "%s: longer than %zu characters", key, size - 1);
	strcpy(file, text);
	return 0;
}
