/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The configuration reader: whatever it takes, it must write again so that the
 * same comes out; whatever it refuses, it must say why, in one line, and in many
 * where all that is wrong is asked for.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "user/config/config.h"
#include "user/model/model.h"
#include "user/write/write.h"
#include <sys/mman.h>
#include <unistd.h>

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

/* All that is wrong with it: none where it is taken, and a line for each. */
static void read_to_the_end(const uint8_t *data, size_t size, int want)
{
	int fd = memfd_create("f", MFD_CLOEXEC), ret;
	struct xr_err err = { "" };
	struct xr_errs all = { 0 };
	char path[64];
	struct model m;
	size_t i;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	ret = config_read_all(path, &m, &all, &err);
	close(fd);
	if (!ret)
		model_free(&m);
	if (!all.n && !ret != !want)
		abort();
	if (ret && !all.n)
		refused(&err);
	for (i = 0; i < all.n; i++)
		refused(&all.item[i].err);
	xr_errs_free(&all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct xr_err err = { "" };
	size_t once_len, twice_len;
	char *once, *twice;
	struct model m;

	if (config_read_text((const char *)data, size, "f", &m, &err)) {
		refused(&err);
		read_to_the_end(data, size, -1);
		return 0;
	}
	read_to_the_end(data, size, 0);
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
