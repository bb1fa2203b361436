// SPDX-License-Identifier: GPL-2.0-only
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "figures.h"

/* A blackout is shorter than a second as a rule, and must be: TCP repeats after one. */
const __u32 figures_blackout_bounds[FIGURES_BUCKETS + 1] = {
	1000,   2500,   5000,    10000,   20000,   50000,    100000,
	200000, 500000, 1000000, 2000000, 5000000, 10000000, 30000000,
};

const __u32 figures_effect_bounds[FIGURES_BUCKETS + 1] = {
	25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 100000, 500000, 1000000, 5000000,
};

const __u32 figures_residual_bounds[FIGURES_BUCKETS + 1] = {
	/* 0 ends the list: the first bucket is of no frame or one. */
	1, 2, 5, 10, 20, 50, 100, 200, 500, 1000,
};

/* In one rack less than a millisecond; a timeout is seldom above a second. */
const __u32 figures_probe_bounds[FIGURES_BUCKETS + 1] = {
	100,   250,   500,    1000,   2500,    5000,    10000,
	25000, 50000, 100000, 250000, 1000000, 5000000, 10000000,
};

struct figures *figures_new(void)
{
	struct figures *f = mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (f == MAP_FAILED)
		return NULL;
	f->started = time(NULL);
	return f;
}

void figures_free(struct figures *f)
{
	if (f)
		munmap(f, sizeof(*f));
}

static void add(__u64 *to, __u64 n)
{
	__atomic_store_n(to, *to + n, __ATOMIC_RELAXED);
}

void figures_observe(struct figures_histogram *h, const __u32 *bounds, __u64 value)
{
	int i = 0;

	while (bounds[i] && value > bounds[i])
		i++;
	add(&h->bucket[i], 1);
	add(&h->sum, value);
}

static enum figures_notice result_of(int ret, const struct xr_answer *a)
{
	if (ret)
		return FIGURES_REFUSED;
	return a->outcome == XR_DONE       ? FIGURES_DONE
		: a->outcome == XR_ALREADY ? FIGURES_ALREADY
					   : FIGURES_IGNORED;
}

void figures_of_notice(struct figures *f, const struct xr_notice *n, int ret,
		       const struct xr_answer *a, __u64 us)
{
	enum figures_notice result = result_of(ret, a);

	if (n->source >= FIGURES_OF_SOURCES)
		return;
	figures_count(&f->notices[n->source][result]);
	if (result == FIGURES_DONE)
		figures_observe(&f->effect[n->source], figures_effect_bounds, us);
}

/* ---- sources ---- */

/* Around what a reader must not see half of. */
static void begin(__u32 *version)
{
	__atomic_store_n(version, *version + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

static void end(__u32 *version)
{
	__atomic_store_n(version, *version + 1, __ATOMIC_RELEASE);
}

/* Whether the copy, made in between, is of one time. */
static bool copy(void *to, const void *from, size_t size, const __u32 *at)
{
	__u32 version = __atomic_load_n(at, __ATOMIC_ACQUIRE);

	memcpy(to, from, size);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return !(version & 1) && version == __atomic_load_n(at, __ATOMIC_RELAXED);
}

int figures_add_source(struct figures *f, const char *source, const char *name)
{
	struct figures_source *s;
	int i;

	for (i = 0; i < FIGURES_SOURCES && f->sources[i].used; i++)
		;
	if (i == FIGURES_SOURCES) {
		figures_count(&f->sources_left_out);
		return -1;
	}
	s = &f->sources[i];
	begin(&s->version);
	snprintf(s->source, sizeof(s->source), "%s", source);
	snprintf(s->name, sizeof(s->name), "%s", name);
	s->up = false;
	s->used = true;
	end(&s->version);
	return i;
}

void figures_set_source(struct figures *f, int place, bool up)
{
	if (place >= 0)
		__atomic_store_n(&f->sources[place].up, up, __ATOMIC_RELAXED);
}

void figures_drop_source(struct figures *f, int place)
{
	if (place < 0)
		return;
	begin(&f->sources[place].version);
	f->sources[place].used = false;
	end(&f->sources[place].version);
}

bool figures_read_source(const struct figures *f, int place, struct figures_source *to)
{
	const struct figures_source *s = &f->sources[place];

	return copy(to, s, sizeof(*to), &s->version) && to->used;
}

/* ---- health checks ---- */

/* Place of that name; XR_MAX_CHECKS: none has it. */
static int find_check(const struct figures *f, const char *name)
{
	int i;

	for (i = 0; i < XR_MAX_CHECKS; i++)
		if (!strncmp(f->checks[i].name, name, XR_CHECK_NAME))
			break;
	return i;
}

static void set_check(struct figures_check *c, const char *name)
{
	begin(&c->version);
	memset(c->name, 0, sizeof(*c) - offsetof(struct figures_check, name));
	snprintf(c->name, sizeof(c->name), "%s", name);
	end(&c->version);
}

void figures_set_checks(struct figures *f, const struct xr_health_check *checks, __u32 n,
			__u8 *places)
{
	int place;
	__u32 i;

	for (place = 0; place < XR_MAX_CHECKS; place++) {
		for (i = 0; i < n && strcmp(checks[i].name, f->checks[place].name); i++)
			;
		if (i == n && f->checks[place].name[0])
			set_check(&f->checks[place], "");
	}
	for (i = 0; i < n; i++) {
		place = find_check(f, checks[i].name);
		if (place == XR_MAX_CHECKS) {
			place = find_check(f, "");
			set_check(&f->checks[place], checks[i].name);
		}
		places[i] = place;
	}
}

bool figures_read_check(const struct figures *f, int place, struct figures_check *to)
{
	const struct figures_check *c = &f->checks[place];

	return copy(to, c, sizeof(*to), &c->version) && to->name[0];
}
