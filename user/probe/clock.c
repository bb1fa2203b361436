// SPDX-License-Identifier: GPL-2.0-only
/*
 * The prober's clock. A daemon that was stopped, or had no processor, has waited for
 * nothing in that time: a probe that was under way gets the rest of its timeout after it.
 */
#include "probe_priv.h"

#define LATE_MOST (100 * US_PER_MS) /* that counts as time all the same */

__u64 prober_now(const struct prober *pr)
{
	return daemon_clock_us() - pr->lost;
}

void prober_arm(struct prober *pr, __u64 at)
{
	pr->armed = at + pr->lost;
	timer_at_us(pr->timer, pr->armed);
}

void prober_woke(struct prober *pr)
{
	__u64 now = daemon_clock_us();

	if (pr->armed && now > pr->armed + LATE_MOST)
		pr->lost += now - pr->armed - LATE_MOST;
	pr->armed = 0;
}
