/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the daemon measures and counts beside what the maps have: how long moves take,
 * what became of notices, which sources there are. The memory is shared with the process
 * that serves metrics, which only reads. One thread writes, so that a relaxed store of each
 * word is enough; a reader may see one observation in the count and not yet in the sum.
 */
#ifndef XR_DAEMON_FIGURES_H
#define XR_DAEMON_FIGURES_H

#include <stdbool.h>
#include "vm/vm.h"

#define FIGURES_BUCKETS    14
#define FIGURES_OF_SOURCES XR_SOURCE_MAX
#define FIGURES_SOURCES    1024 /* as many have their state shown */
#define FIGURES_WORD       16
#define FIGURES_NAME       112

/* Counts of values up to a bound each, and of those above all bounds. */
struct figures_histogram {
	__u64 bucket[FIGURES_BUCKETS + 1];
	__u64 sum; /* of the values, in the unit of the bounds */
};

/* Upper bounds: microseconds, or frames; ascending, up to a 0. */
extern const __u32 figures_blackout_bounds[FIGURES_BUCKETS + 1];
extern const __u32 figures_effect_bounds[FIGURES_BUCKETS + 1];
extern const __u32 figures_residual_bounds[FIGURES_BUCKETS + 1];
extern const __u32 figures_probe_bounds[FIGURES_BUCKETS + 1];

enum figures_move { FIGURES_MOVED, FIGURES_CANCELLED, FIGURES_EXPIRED, FIGURES_MOVES };
enum figures_notice {
	FIGURES_DONE,
	FIGURES_ALREADY,
	FIGURES_IGNORED,
	FIGURES_REFUSED,
	FIGURES_NOTICES
};

/* One thing that notices come from, such as a QEMU's monitor. */
struct figures_source {
	__u32 version; /* odd while it is written */
	__u8 used, up;
	char source[FIGURES_WORD];
	char name[FIGURES_NAME];
};

/* A health check's probes, since the daemon began or the check was added. */
struct figures_check {
	__u32 version;            /* odd while it is given to another check */
	char name[XR_CHECK_NAME]; /* empty: nobody's */
	__u64 good, bad;
	struct figures_histogram time; /* microseconds until the answer, of good ones */
};

struct figures {
	__u64 started;                     /* seconds since the epoch */
	struct figures_histogram blackout; /* microseconds a VM stood still */
	struct figures_histogram residual; /* frames a VM had not read when it stood still */
	struct figures_histogram effect[FIGURES_OF_SOURCES]; /* microseconds */
	__u64 moves[FIGURES_OF_SOURCES][FIGURES_MOVES];
	__u64 notices[FIGURES_OF_SOURCES][FIGURES_NOTICES];
	struct figures_source sources[FIGURES_SOURCES];
	__u64 sources_left_out; /* had no room */
	struct figures_check checks[XR_MAX_CHECKS];
	__u64 probes_late;   /* sent later than due, as health_rate was reached */
	__u64 probes_forged; /* answers to probes' ports that answer no probe */
	__u64 probes_unsent; /* not sent, or not heard, for reasons of this machine */
};

/* NULL: out of memory. */
struct figures *figures_new(void);
void figures_free(struct figures *f);

void figures_observe(struct figures_histogram *h, const __u32 *bounds, __u64 value);
static inline void figures_count(__u64 *counter)
{
	__atomic_store_n(counter, *counter + 1, __ATOMIC_RELAXED);
}

/* ret, a: what vm_notice() returned; us: since the turn that heard of it began. */
void figures_of_notice(struct figures *f, const struct xr_notice *n, int ret,
		       const struct xr_answer *a, __u64 us);

/* A place for the source, not up yet; its number, or -1: there is no room, it is not shown. */
int figures_add_source(struct figures *f, const char *source, const char *name);
void figures_set_source(struct figures *f, int place, bool up); /* place -1: nothing */
void figures_drop_source(struct figures *f, int place);
/* For the reader: a copy of a place; false: nothing is there, or it changes just now. */
bool figures_read_source(const struct figures *f, int place, struct figures_source *to);

/*
 * These are the checks now: those that stay keep their counts, the others' are gone. The
 * place of checks[i] is places[i].
 */
void figures_set_checks(struct figures *f, const struct xr_health_check *checks, __u32 n,
			__u8 *places);
/* As figures_read_source(). */
bool figures_read_check(const struct figures *f, int place, struct figures_check *to);

#endif
