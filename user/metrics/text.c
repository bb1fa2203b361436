// SPDX-License-Identifier: GPL-2.0-only
/* Prometheus' text format, version 0.0.4. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "lib/clean.h"
#include "metrics_priv.h"

void text_family(FILE *to, const char *name, const char *type, const char *help)
{
	fprintf(to, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* What is not UTF-8 becomes U+FFFD; backslash, quote and line end are escaped. */
static void put_value(FILE *to, const char *value)
{
	char *clean = clean_utf8(value);
	const char *c;

	for (c = clean ? clean : "?"; *c; c++) {
		if (*c == '\n')
			fputs("\\n", to);
		else if (*c == '"' || *c == '\\')
			fprintf(to, "\\%c", *c);
		else
			fputc(*c, to);
	}
	free(clean);
}

static void put_labels(FILE *to, va_list ap)
{
	const char *label, *before = "{";

	while ((label = va_arg(ap, const char *))) {
		fprintf(to, "%s%s=\"", before, label);
		put_value(to, va_arg(ap, const char *));
		fputc('"', to);
		before = ",";
	}
	if (*before == ',')
		fputc('}', to);
}

void text_sample(FILE *to, const char *name, __u64 value, ...)
{
	va_list ap;

	fputs(name, to);
	va_start(ap, value);
	put_labels(to, ap);
	va_end(ap);
	fprintf(to, " %llu\n", (unsigned long long)value);
}

void text_sample_real(FILE *to, const char *name, double value, ...)
{
	va_list ap;

	fputs(name, to);
	va_start(ap, value);
	put_labels(to, ap);
	va_end(ap);
	fprintf(to, " %.9g\n", value);
}

void text_histogram(FILE *to, const char *name, const struct figures_histogram *h,
		    const __u32 *bounds, double unit, const char *label, const char *value)
{
	char series[96], le[32];
	__u64 count = 0;
	int i;

	snprintf(series, sizeof(series), "%s_bucket", name);
	for (i = 0;; i++) {
		count += __atomic_load_n(&h->bucket[i], __ATOMIC_RELAXED);
		if (bounds[i])
			snprintf(le, sizeof(le), "%.9g", bounds[i] / unit);
		if (label)
			text_sample(to, series, count, label, value, "le", bounds[i] ? le : "+Inf",
				    NULL);
		else
			text_sample(to, series, count, "le", bounds[i] ? le : "+Inf", NULL);
		if (!bounds[i])
			break;
	}
	snprintf(series, sizeof(series), "%s_sum", name);
	text_sample_real(to, series, __atomic_load_n(&h->sum, __ATOMIC_RELAXED) / unit, label,
			 value, NULL);
	/* The same number as the last bucket's: they must agree. */
	snprintf(series, sizeof(series), "%s_count", name);
	text_sample(to, series, count, label, value, NULL);
}
