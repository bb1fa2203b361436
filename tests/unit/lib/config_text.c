/* SPDX-License-Identifier: GPL-2.0-only */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "config_text.h"
#include "user/config/config.h"
#include "user/write/write.h"

static const char *error_of(const char *text)
{
	static struct xr_err err;
	struct model m;

	err.text[0] = '\0';
	if (config_read_text(text, strlen(text), "f", &m, &err))
		return err.text;
	model_check(&m, "f", &err);
	model_free(&m);
	return err.text;
}

void check_errors(const struct config_case *cases, size_t n)
{
	size_t i;
	int bad = 0;

	for (i = 0; i < n; i++) {
		const char *got = error_of(cases[i].text);

		if (!strcmp(got, cases[i].error))
			continue;
		bad++;
		printf("# case %zu:\n#   want %s\n#   got  %s\n", i, cases[i].error, got);
	}
	assert_int_equal(bad, 0);
}

/* By way of a copy of the model, which must be as good. */
char *written(const char *text, bool keys)
{
	struct xr_err err = { "" };
	struct model m, copy;
	char *out = NULL;
	size_t len = 0;

	if (config_read_text(text, strlen(text), "f", &m, &err) || model_check(&m, "f", &err) ||
	    model_copy(&copy, &m) || config_write(&copy, keys, true, &out, &len, &err))
		fail_msg("%s", err.text);
	model_free(&m);
	model_free(&copy);
	out = realloc(out, len + 1);
	out[len] = '\0';
	return out;
}
