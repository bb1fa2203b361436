// SPDX-License-Identifier: GPL-2.0-only
#include <time.h>

#include "budget.h"

#define MOST_NS 500000000LL
#define SHARE   10

int64_t budget_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

void budget_charge(struct budget *b, sd_event *loop, int64_t ns)
{
	uint64_t now;

	sd_event_now(loop, CLOCK_MONOTONIC, &now);
	b->left += (now - b->at) * 1000 / SHARE;
	if (b->left > MOST_NS || !b->at)
		b->left = MOST_NS;
	b->at = now;
	b->left -= 2 * ns;
}

bool budget_is_low(const struct budget *b)
{
	return b->at && b->left < MOST_NS / 2;
}

bool budget_is_over(const struct budget *b)
{
	return b->at && b->left < 0;
}
