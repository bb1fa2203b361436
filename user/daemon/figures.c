// SPDX-License-Identifier: GPL-2.0-only
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

static void begin(struct figures_source *s)
{
	__atomic_store_n(&s->version, s->version + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

static void end(struct figures_source *s)
{
	__atomic_store_n(&s->version, s->version + 1, __ATOMIC_RELEASE);
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
	begin(s);
	snprintf(s->source, sizeof(s->source), "%s", source);
	snprintf(s->name, sizeof(s->name), "%s", name);
	s->up = false;
	s->used = true;
	end(s);
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
	begin(&f->sources[place]);
	f->sources[place].used = false;
	end(&f->sources[place]);
}

bool figures_read_source(const struct figures *f, int place, struct figures_source *to)
{
	const struct figures_source *s = &f->sources[place];
	__u32 version = __atomic_load_n(&s->version, __ATOMIC_ACQUIRE);

	memcpy(to, s, sizeof(*to));
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return !(version & 1) && to->used &&
		version == __atomic_load_n(&s->version, __ATOMIC_RELAXED);
}
