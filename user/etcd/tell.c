// SPDX-License-Identifier: GPL-2.0-only
/* What the source knows: told in status and metrics, and kept for the next daemon. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "daemon/figures.h"
#include "etcd_priv.h"

static void time_text(char *text, size_t size, time_t when)
{
	struct tm tm;

	localtime_r(&when, &tm);
	strftime(text, size, "%Y-%m-%d %H:%M:%S", &tm);
}

static size_t not_taken(const struct etcd *e)
{
	return e->n_refused + e->n_left_out + e->n_more;
}

static void add_left_out(const struct etcd *e, struct problem_lines *l)
{
	const struct etcd_change *one = e->refused ?: e->left_out;
	size_t n = not_taken(e);
	const char *why = one && one->why ? one->why : "see the log";

	if (n == 1)
		problem_add(l, "etcd: %s", why);
	else if (n)
		problem_add(l, "etcd: %zu VMs are not taken; one: %s", n, why);
}

static void set_problems(struct etcd *e)
{
	struct problem_lines l = { .used = 0 };
	char since[32];

	if (e->lost_at) {
		time_text(since, sizeof(since), e->lost_at);
		problem_add(&l, "etcd: not heard since %s, all stays as it was: %.300s", since,
			    e->why.text);
	}
	if (e->progress.total)
		problem_add(&l, "etcd: reading VMs of segment %x: %zu of %zu", e->progress.vlan,
			    e->progress.so_far, e->progress.total);
	if (e->lists.text[0])
		problem_add(&l, "etcd: %.500s", e->lists.text);
	if (e->unwritten.text[0])
		problem_add(&l, "etcd: where VMs of this host are is not written: %.300s",
			    e->unwritten.text);
	add_left_out(e, &l);
	daemon_set_problems(e->d, "etcd", l.text);
}

/* All that was heard is in the instance, too. */
static bool is_quiet(const struct etcd *e)
{
	return !e->pid && !etcd_changes_due(e) && !e->list_news && !e->all_news;
}

int etcd_save(sd_event_source *s, uint64_t usec, void *ctx)
{
	json_t *segments = json_array(), *state;
	struct etcd *e = ctx;
	unsigned int vlan;

	(void)s;
	(void)usec;
	if (is_quiet(e) && e->known.cluster && e->seen > e->known.revision)
		e->known.revision = e->seen;
	for (vlan = 0; vlan <= XR_MAX_VLAN; vlan++)
		if (e->known.segments[vlan / 8] >> vlan % 8 & 1)
			json_array_append_new(segments, json_integer(vlan));
	state = json_pack("{s:o, s:s, s:s, s:b, s:I, s:I, s:o, s:I, s:I, s:s, s:I, s:o}", "conf",
			  etcd_conf_json(&e->conf), "prefix", e->conf.prefix, "endpoint",
			  e->conf.endpoint[e->endpoint], "connected",
			  !e->lost_at && e->stage == ETCD_WATCHES, "lost_at",
			  (json_int_t)e->lost_at, "revision", (json_int_t)e->known.revision,
			  "cluster", json_sprintf("%" PRIx64, (uint64_t)e->known.cluster), "vms",
			  (json_int_t)e->n_vms, "refused", (json_int_t)not_taken(e), "why",
			  e->why.text, "lists", (json_int_t)e->known.lists, "segments", segments);
	etcd_state_write(e->d->instance, state);
	json_decref(state);
	return 0;
}

void etcd_tell(struct etcd *e)
{
	int on = SD_EVENT_OFF;

	set_problems(e);
	figures_set_source(e->d->figures, e->figure, !e->lost_at && e->stage == ETCD_WATCHES);
	/* Once a second, not for each change. */
	if (sd_event_source_get_enabled(e->saver, &on) >= 0 && on == SD_EVENT_OFF)
		timer_in_us(e->saver, US_PER_SECOND);
}

void etcd_heard(struct etcd *e)
{
	bool again = e->lost_at;

	e->lost_at = 0;
	e->token_is_new = false;
	e->why.text[0] = '\0';
	e->wait_us = ETCD_FIRST_WAIT;
	daemon_log_always("etcd: %s %s from revision %lld at %s",
			  again ? "watching again" : "watching", e->conf.prefix,
			  (long long)e->known.revision, e->conf.endpoint[e->endpoint]);
	sd_event_source_set_enabled(e->timer, SD_EVENT_OFF);
	if (e->lists.text[0])
		etcd_read_soon(e, e->all_failed);
	etcd_lease_begin(e);
	etcd_publish_go(e);
	etcd_tell(e);
}

void etcd_read_soon(struct etcd *e, bool all)
{
	e->list_news = true;
	e->all_news |= all;
	if (!e->pid)
		sd_event_source_set_enabled(e->soon, SD_EVENT_ONESHOT);
}
