/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The configuration reader: whatever it takes, it must write again so that the
 * same comes out; whatever it refuses, it must say why, in one line.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "user/core/model.h"

static void ignore(void *ctx, const char *line)
{
}

static char *write_model(const struct model *m, size_t *len)
{
	struct xr_err err = { "" };
	char *text;

	if (config_write(m, true, true, &text, len, &err))
		abort();
	return text;
}

static void refused(const struct xr_err *err)
{
	if (!err->text[0] || strchr(err->text, '\n'))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct xr_err err = { "" };
	size_t once_len, twice_len;
	char *once, *twice;
	struct model m;

	if (config_read_text((const char *)data, size, "f", &m, &err)) {
		refused(&err);
		return 0;
	}
	if (model_check(&m, "f", &err)) {
		/* What is refused is never written. */
		refused(&err);
		model_free(&m);
		return 0;
	}
	model_warn(&m, "f", ignore, NULL);
	once = write_model(&m, &once_len);
	model_free(&m);

	if (config_read_text(once, once_len, "once", &m, &err)) {
		fprintf(stderr, "%s\n%.*s", err.text, (int)once_len, once);
		abort();
	}
	twice = write_model(&m, &twice_len);
	model_free(&m);
	if (once_len != twice_len || memcmp(once, twice, once_len))
		abort();
	free(once);
	free(twice);
	return 0;
}
