// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "faults.h"
#include "health.h"
#include "lib/reason.h"
#include "plane/daemon_claim.h"
#include "plane/stats.h"

#define MANY 100 /* packets a second: as many from strangers are a flood */

struct faults_since {
	struct timespec at;
	__u32 tick;
	struct xr_counter reason[XR_REASON_MAX];
	struct health_baseline *health;
};

struct faults {
	struct plane *p;
	void (*wrong)(void *ctx, const char *line);
	void (*refused)(void *ctx, const char *line);
	void *wrong_ctx, *refused_ctx;
};

struct faults_since *faults_since(struct plane *p)
{
	struct faults_since *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->health = health_baseline(p);
	if (!s->health || stats_reasons(p, s->reason)) {
		faults_since_free(s);
		return NULL;
	}
	s->tick = plane_tick(p);
	clock_gettime(CLOCK_MONOTONIC, &s->at);
	return s;
}

void faults_since_free(struct faults_since *s)
{
	if (!s)
		return;
	health_baseline_free(s->health);
	free(s);
}

static void __attribute__((format(printf, 3, 4))) put(struct faults *f, bool wrong, const char *fmt,
						      ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (wrong)
		f->wrong(f->wrong_ctx, line);
	else
		f->refused(f->refused_ctx, line);
}

/*
 * Drops since then; older ones are for "xroam stats". Drops with no cure, which strangers
 * cause, are wrong only where they are many.
 */
static void check_drops(struct faults *f, const struct faults_since *since, double seconds)
{
	struct xr_counter now[XR_REASON_MAX];
	const char *cure;
	double rate;
	int i;

	if (stats_reasons(f->p, now))
		return;
	for (i = 1; i < XR_REASON_MAX; i++) {
		if (reason_kind(i) != XR_KIND_DROP || now[i].packets <= since->reason[i].packets)
			continue;
		rate = (now[i].packets - since->reason[i].packets) / seconds;
		cure = reason_cure(i);
		put(f, cure || rate >= MANY, "%.0f packets a second are dropped, %s: %s; %s", rate,
		    reason_word(i), reason_text(i),
		    cure ? cure : "\"xroam monitor\" tells whose they are");
	}
}

static void check_daemon(struct faults *f)
{
	char lines[DAEMON_CLAIM_TEXT], *line, *rest = lines;
	pid_t lost = daemon_lost_pid(f->p->name);

	if (lost)
		put(f, true,
		    "the daemon, pid %d, was killed: no socket, no QMP, nothing is announced; \"xroam run\" or its unit starts it again; if none is meant to run, remove /run/xroam/%s/daemon",
		    (int)lost, f->p->name);
	daemon_read_problems(f->p->name, lines);
	while ((line = strsep(&rest, "\n")))
		if (line[0])
			put(f, true, "%s", line);
}

/* What shows only by what came since then. */
static void check_since(struct faults *f, const struct faults_since *since)
{
	struct timespec now;
	double seconds;

	clock_gettime(CLOCK_MONOTONIC, &now);
	seconds = now.tv_sec - since->at.tv_sec + (now.tv_nsec - since->at.tv_nsec) / 1e9;
	check_drops(f, since, seconds > 0 ? seconds : 1);
	if (!plane_ticks(f->p, since->tick)) /* last: it may wait */
		put(f, true, "the clock has stopped, flows do not age; \"xroam reload\"");
}

void faults_check(struct plane *p, const struct faults_since *since,
		  void (*wrong)(void *ctx, const char *line),
		  void (*refused)(void *ctx, const char *line), void *wrong_ctx, void *refused_ctx)
{
	struct faults f = { p, wrong, refused, wrong_ctx, refused_ctx };

	health_check(p, since ? since->health : NULL, wrong, wrong_ctx);
	if (since)
		check_since(&f, since);
	check_daemon(&f);
}
