// SPDX-License-Identifier: GPL-2.0-only
/* What health checks say of backends, and whether anybody still asks. */
#include <string.h>
#include <time.h>

#include "health_priv.h"

#define FAILING_MAX 8
#define GRACE       5 /* seconds */

/* So long no backend should be without a probe that ended. */
static __u64 longest_silence(const struct plane *p)
{
	__u32 most = 0, ms;
	int i;

	for (i = 0; i < XR_MAX_CHECKS && p->health_checks[i].name[0]; i++) {
		ms = 3 * p->health_checks[i].interval_ms + p->health_checks[i].timeout_ms;
		if (ms > most)
			most = ms;
	}
	return most / 1000 + GRACE;
}

static void report_failing(struct check *c, __u32 i, __u64 now)
{
	const struct xr_backend_health *h = &c->p->backend_health[i];

	health_wrong(c, "backend %s: health checks have failed for %llu s%s: %.*s",
		     c->p->backend_info[i].name,
		     (unsigned long long)(now > h->since ? now - h->since : 0),
		     h->applied == XR_HEALTH_KEPT ? ", it is kept since all others of a VIP fail"
						  : "",
		     (int)sizeof(h->error), h->error);
}

void check_probes(struct check *c)
{
	__u64 now = time(NULL), silence = longest_silence(c->p), oldest = now, last;
	__u32 i, failing = 0, silent = 0;

	for (i = 1; i <= c->p->meta->limits.backends; i++) {
		const struct xr_backend_health *h = &c->p->backend_health[i];

		if (c->p->backend_info[i].state == XR_BACKEND_NONE || !h->since)
			continue;
		last = h->seen > h->since ? h->seen : h->since;
		if (now > last + silence) {
			silent++;
			oldest = last < oldest ? last : oldest;
		}
		if (h->found == XR_HEALTH_DOWN && ++failing <= FAILING_MAX)
			report_failing(c, i, now);
	}
	if (failing > FAILING_MAX)
		health_wrong(c, "... and %u backends more whose health checks fail",
			     failing - FAILING_MAX);
	if (silent)
		health_wrong(
			c,
			"health checks: no probe of %u backends has ended for up to %llu s, and they stay as they were; does the daemon run (\"xroam run\"), and what does its log say?",
			silent, (unsigned long long)(now - oldest));
}
