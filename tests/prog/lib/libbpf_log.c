/* SPDX-License-Identifier: GPL-2.0-only */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/libbpf.h>
#include "harness_priv.h"

static char kept[3000]; /* the end of it: where the verifier says what it refuses */

static int keep(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	size_t n, have = strlen(kept), max = sizeof(kept) - 1;
	char *text;

	(void)level;
	if (vasprintf(&text, fmt, ap) < 0)
		return 0;
	n = strlen(text);
	if (n >= max) {
		strcpy(kept, text + n - max);
	} else {
		if (have + n > max) {
			memmove(kept, kept + have + n - max, max - n + 1);
			have = max - n;
		}
		strcpy(kept + have, text);
	}
	free(text);
	return 0;
}

void libbpf_log_print(void)
{
	for (char *line = strtok(kept, "\n"); line; line = strtok(NULL, "\n"))
		fprintf(stderr, "# | %s\n", line);
	kept[0] = 0;
}

void libbpf_log_keep(void)
{
	libbpf_set_print(keep);
}
