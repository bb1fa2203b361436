// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is wrong, for the metric and the page. Looking costs more than all counters
 * together where there are many VIPs and backends, so it is done now and then: at most
 * every two seconds, and in no more than a twentieth of the time.
 */
#include <stdlib.h>

#include "lib/clean.h"
#include "metrics_priv.h"
#include "report/faults.h"

#define SHARE    20
#define SOONEST  (2 * US_PER_SECOND)
#define LONG_AGO (11 * US_PER_SECOND / 10) /* by then a clock that ticks has ticked */

struct wrong {
	struct plane *p;
	struct faults_since *since;
	uint64_t since_at, next;
	json_t *wrong, *refused; /* NULL: not looked yet */
};

struct wrong *wrong_new(struct plane *p)
{
	struct wrong *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->p = p;
	w->since = faults_since(p);
	w->since_at = daemon_clock_us();
	return w;
}

static void add_line(void *ctx, const char *line)
{
	char *clean = clean_utf8(line);

	if (clean)
		json_array_append_new(ctx, json_string(clean));
	free(clean);
}

static void look(struct wrong *w)
{
	uint64_t began = daemon_clock_us(), ended;

	if (began < w->next || began < w->since_at + LONG_AGO)
		return;
	if (w->since) {
		json_decref(w->wrong);
		json_decref(w->refused);
		w->wrong = json_array();
		w->refused = json_array();
		faults_check(w->p, w->since, add_line, add_line, w->wrong, w->refused);
	}
	faults_since_free(w->since);
	w->since = faults_since(w->p);
	w->since_at = ended = daemon_clock_us();
	w->next = ended + (SHARE * (ended - began) > SOONEST ? SHARE * (ended - began) : SOONEST);
}

const json_t *wrong_lines(struct wrong *w)
{
	look(w);
	return w->wrong;
}

const json_t *wrong_refused(struct wrong *w)
{
	look(w);
	return w->refused;
}
