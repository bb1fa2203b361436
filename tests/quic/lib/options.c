// SPDX-License-Identifier: GPL-2.0-only
/* Command lines: a table of options, then ADDRESS PORT. */
#include "quic.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 40

static void refuse(const char *usage)
{
	fputs(usage, stderr);
	exit(2);
}

static void set(const struct xq_option *o)
{
	char what[64];

	snprintf(what, sizeof(what), "--%s", o->name);
	switch (o->kind) {
	case XQ_ON:
	case XQ_OFF:
		*(bool *)o->to = o->kind == XQ_ON;
		break;
	case XQ_TEXT:
		*(const char **)o->to = optarg;
		break;
	case XQ_NUMBER:
		*(uint64_t *)o->to = xq_number(optarg, what);
		break;
	case XQ_REAL:
		*(double *)o->to = strtod(optarg, NULL);
		break;
	case XQ_CALL:
	case XQ_CALL_WITH:
		o->call(optarg);
		break;
	}
}

/* getopt's own value for each: its letter, or a number that is none. */
static int code(const struct xq_option *list, int i)
{
	return list[i].name[1] ? 256 + i : list[i].name[0];
}

static bool takes_value(const struct xq_option *o)
{
	return o->kind != XQ_ON && o->kind != XQ_OFF && o->kind != XQ_CALL;
}

char **xq_options(const struct xq_option *list, const char *usage, int argc, char **argv)
{
	struct option longs[MOST + 2] = { { "help", no_argument, NULL, 'h' } };
	char shorts[MOST + 2] = "h";
	int n, i, c;

	for (n = 0; list[n].name; n++) {
		if (n == MOST)
			abort();
		longs[n + 1].name = list[n].name;
		longs[n + 1].has_arg = takes_value(&list[n]) ? required_argument : no_argument;
		longs[n + 1].val = code(list, n);
		if (!list[n].name[1])
			strcat(shorts, list[n].name);
	}
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			exit(0);
		}
		for (i = 0; i < n && code(list, i) != c; i++)
			;
		if (i == n)
			refuse(usage);
		set(&list[i]);
	}
	if (argc - optind != 2)
		refuse(usage);
	return argv + optind;
}
