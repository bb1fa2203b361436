// SPDX-License-Identifier: GPL-2.0-only
/* The lines that checks write, and which of the file's are wrong already. */
#include <errno.h>
#include <stdio.h>
#include "model_check_priv.h"

int check_note(const struct check *c, __u32 line)
{
	if (!c->all)
		return -EINVAL;
	return xr_errs_has_line(c->all, line) || xr_errs_add(c->all, c->err, line, line) ? 0
											 : -EINVAL;
}

bool check_is_bad(const struct check *c, __u32 line)
{
	return c->all && xr_errs_has_line(c->all, line);
}

const char *check_prefix(const struct check *c, __u32 line, char *buf, size_t n)
{
	if (!c->file || !line)
		return "";
	snprintf(buf, n, "%s:%u: ", c->file, line);
	return buf;
}

int check_too_many(const struct check *c, __u32 line, size_t n, const char *what, const char *key,
		   __u32 limit)
{
	return BAD(c, line, "%zu %s, but limits.%s is %u: a larger limit needs a new instance", n,
		   what, key, limit);
}
