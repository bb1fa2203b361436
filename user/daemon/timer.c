// SPDX-License-Identifier: GPL-2.0-only
#include <time.h>

#include "daemon.h"

uint64_t daemon_clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * US_PER_SECOND + now.tv_nsec / 1000;
}

int timer_in_us(sd_event_source *timer, uint64_t us)
{
	int ret = sd_event_source_set_time_relative(timer, us);

	return ret < 0 ? ret : sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

int timer_at_us(sd_event_source *timer, uint64_t when)
{
	int ret = sd_event_source_set_time(timer, when);

	return ret < 0 ? ret : sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}
