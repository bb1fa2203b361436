// SPDX-License-Identifier: GPL-2.0-only
/*
 * What probes mean. A target is bad after "fall" bad probes in a row and good after "rise"
 * good ones; a backend is bad while one of its targets is. What changes is collected for a
 * moment, and then made so by one commit: however many fail at once, each VIP's table is
 * made once.
 *
 * A backend that fails again and again is damped: it then has to answer for
 * policy.health_flap_seconds without a bad probe before it is good again.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "apply/model_load.h"
#include "commit/commit.h"
#include "lib/health_state.h"
#include "probe_priv.h"

#define COLLECT_US      (100 * US_PER_MS)
#define COLLECT_MOST_US (2 * US_PER_SECOND)

/* ---- a backend ---- */

/* Of all its targets: one bad makes it bad; all must be good for it to be known as good. */
static __u8 health_of(const struct prober *pr, __u16 backend)
{
	__u8 health = XR_HEALTH_UP;
	__u32 i;

	for (i = pr->first[backend]; i != TARGET_NONE; i = pr->targets[i].next) {
		if (pr->targets[i].health == XR_HEALTH_DOWN)
			return XR_HEALTH_DOWN;
		if (pr->targets[i].health == XR_HEALTH_NONE)
			health = XR_HEALTH_NONE;
	}
	return health;
}

static bool is_damped(const struct prober *pr, __u16 backend)
{
	__u32 i;

	for (i = pr->first[backend]; i != TARGET_NONE; i = pr->targets[i].next)
		if (pr->targets[i].damped)
			return true;
	return false;
}

static void note_change(struct prober *pr, __u16 backend)
{
	const struct xr_backend_health *h = &pr->d->plane->backend_health[backend];
	bool differs = h->found != health_of(pr, backend) || h->damped != is_damped(pr, backend);

	if (differs == pr->changed[backend])
		return;
	pr->changed[backend] = differs;
	if (!differs) {
		pr->n_changed--;
		return;
	}
	if (!pr->n_changed++)
		pr->changed_at = prober_now(pr);
}

/* ---- a target ---- */

static void count_flap(struct prober *pr, struct target *t)
{
	const struct xr_policy *policy = &pr->d->plane->meta->policy;
	__u64 now = prober_now(pr);

	if (!t->flaps || now - t->flap_since > policy->health_flap_seconds * US_PER_SECOND) {
		t->flaps = 0;
		t->flap_since = now;
	}
	if (t->flaps < 255)
		t->flaps++;
	if (t->flaps >= policy->health_flaps)
		t->damped = true;
}

static void was_bad(struct prober *pr, struct target *t, const char *error)
{
	const struct xr_health_check *k = check_of(pr, t);

	snprintf(t->error, sizeof(t->error), "%s", error);
	t->good = 0;
	t->good_since = 0;
	/* Another address of this machine may be the right one by now. */
	t->has_source = false;
	if (!t->bad && t->health != XR_HEALTH_DOWN)
		t->failing = daemon_clock_us();
	if (t->bad < 255)
		t->bad++;
	if (t->health == XR_HEALTH_DOWN || t->bad < k->fall)
		return;
	t->health = XR_HEALTH_DOWN;
	count_flap(pr, t);
}

static bool may_return(const struct prober *pr, const struct target *t)
{
	__u64 calm = pr->d->plane->meta->policy.health_flap_seconds * US_PER_SECOND;

	return !t->damped || prober_now(pr) - t->good_since >= calm;
}

static void was_good(struct prober *pr, struct target *t)
{
	t->bad = 0;
	t->served = t->began;
	if (t->good < 255)
		t->good++;
	if (!t->good_since)
		t->good_since = prober_now(pr);
	if (t->health == XR_HEALTH_UP || !may_return(pr, t) ||
	    (t->health == XR_HEALTH_DOWN && t->good < check_of(pr, t)->rise))
		return;
	t->health = XR_HEALTH_UP;
	if (t->damped)
		t->flaps = 0;
	t->damped = false;
}

static void set_next(struct prober *pr, struct target *t)
{
	const struct xr_health_check *k = check_of(pr, t);
	__u64 interval = interval_of(pr, t), now = prober_now(pr);
	__u64 spread = interval * k->jitter / 100, number = t - pr->targets;

	set_busy(pr, t, false);
	t->round++;
	t->due += interval;
	if (t->due < now || t->due > now + interval)
		t->due = now + (t->due < now ? 0 : interval);
	if (spread)
		wheel_set(&pr->wheel, number,
			  t->due - spread +
				  xr_mix64(pr->key[1] ^ number << 32 ^ t->round) % (2 * spread));
	else
		wheel_set(&pr->wheel, number, t->due);
}

static struct figures_check *figure_of(const struct prober *pr, const struct target *t)
{
	return &pr->d->figures->checks[pr->figure[t->check]];
}

static void count_time(struct prober *pr, const struct target *t)
{
	struct timespec now;
	__u64 us;

	if (t->answered_ns) {
		us = (t->answered_ns - t->sent_ns) / 1000;
	} else {
		clock_gettime(CLOCK_REALTIME, &now);
		us = (now.tv_sec * 1000000000ULL + now.tv_nsec - t->sent_ns) / 1000;
	}
	/* Somebody set the clock. */
	if (us > 2 * HEALTH_INTERVAL_MOST * US_PER_MS)
		return;
	figures_observe(&figure_of(pr, t)->time, figures_probe_bounds, us);
}

void probe_done(struct prober *pr, struct target *t, const char *error)
{
	struct xr_backend_health *h = &pr->d->plane->backend_health[t->backend];

	if (error) {
		figures_count(&figure_of(pr, t)->bad);
		was_bad(pr, t, error);
		if (strncmp(h->error, t->error, sizeof(h->error)))
			memcpy(h->error, t->error, sizeof(h->error));
	} else {
		figures_count(&figure_of(pr, t)->good);
		count_time(pr, t);
		was_good(pr, t);
		if (h->found != XR_HEALTH_DOWN)
			h->served = t->served;
	}
	t->answered_ns = 0;
	h->seen = pr->epoch;
	note_change(pr, t->backend);
	set_next(pr, t);
}

void probe_void(struct prober *pr, struct target *t)
{
	figures_count(&pr->d->figures->probes_unsent);
	set_next(pr, t);
}

/* ---- all of them ---- */

bool judge_waits(const struct prober *pr)
{
	return pr->n_changed || pr->settle;
}

/* Of the target that failed first: what is wrong with the backend began there. */
static void store_failing(const struct prober *pr, __u16 backend, struct xr_backend_health *h)
{
	const struct target *t;
	__u32 i;

	h->failing = 0;
	for (i = pr->first[backend]; i != TARGET_NONE; i = t->next) {
		t = &pr->targets[i];
		if (t->health != XR_HEALTH_DOWN || (h->failing && h->failing <= t->failing))
			continue;
		h->failing = t->failing;
		h->served = t->served;
	}
}

/* Whether the tables have to change for it. */
static bool store(struct prober *pr, __u16 backend)
{
	struct xr_backend_health *h = &pr->d->plane->backend_health[backend];
	__u8 health = health_of(pr, backend);

	if (is_damped(pr, backend) && !h->damped)
		plane_event(
			pr->d->plane,
			"! backend %s: its health flaps: good again after %u s without a bad probe",
			pr->d->plane->backend_info[backend].name,
			pr->d->plane->meta->policy.health_flap_seconds);
	h->damped = is_damped(pr, backend);
	if (h->found == health)
		return false;
	if (health == XR_HEALTH_DOWN) {
		h->failures++;
		store_failing(pr, backend, h);
	}
	h->since = time(NULL);
	__atomic_store_n(&h->found, health, __ATOMIC_RELEASE);
	return (health == XR_HEALTH_DOWN) != (h->applied != XR_HEALTH_NONE);
}

static void log_change(void *ctx, const char *line)
{
	daemon_log(ctx, "%s", line);
}

static void commit(struct prober *pr)
{
	struct plane *p = pr->d->plane;
	struct xr_err err = { "" };
	__u64 begin = prober_now(pr);
	struct model have, want;
	int ret = model_load_without_sids(p, &have, &err);

	if (!ret) {
		ret = model_copy(&want, &have);
		if (!ret) {
			ret = commit_models(p, &have, &want, COMMIT_DIFFERENCE, log_change, pr->d,
					    &err);
			model_free(&want);
		}
		model_free(&have);
	}
	if (ret)
		daemon_log(pr->d, "health checks: %s", err.text[0] ? err.text : strerror(-ret));
	pr->settle = ret != 0;
	pr->settle_at = prober_now(pr) + US_PER_SECOND;
	pr->took = prober_now(pr) - begin;
}

void judge_begin(struct prober *pr)
{
	__u32 i, size = pr->d->plane->meta->limits.backends;

	memset(pr->changed, 0, (size + 1) * sizeof(*pr->changed));
	pr->n_changed = 0;
	for (i = 1; i <= size; i++)
		if (pr->first[i] != TARGET_NONE)
			note_change(pr, i);
}

/* Twice what the last commit took, for nothing is probed in one. */
static __u64 collects_for(const struct prober *pr)
{
	__u64 us = 2 * pr->took;

	return us < COLLECT_US ? COLLECT_US : us > COLLECT_MOST_US ? COLLECT_MOST_US : us;
}

void judge_apply(struct prober *pr)
{
	struct plane *p = pr->d->plane;
	struct record *record = NULL;
	bool mine;
	__u32 i;

	if (!(pr->settle && prober_now(pr) >= pr->settle_at) &&
	    !(pr->n_changed && prober_now(pr) >= pr->changed_at + collects_for(pr)))
		return;
	/* Somebody else has the lock: in the next turn. */
	if (daemon_begin(pr->d, NULL))
		return;
	mine = pr->changes == __atomic_load_n(&p->meta->changes, __ATOMIC_ACQUIRE);
	/* Else the slots may be others' by now: the targets are read again first. */
	if (mine) {
		for (i = 1; pr->n_changed && i <= p->meta->limits.backends; i++)
			if (pr->changed[i]) {
				pr->changed[i] = false;
				pr->n_changed--;
				pr->settle |= store(pr, i);
			}
		if (pr->settle) {
			record_begin(pr);
			commit(pr);
			record = record_end(pr);
		}
		pr->changes = __atomic_load_n(&p->meta->changes, __ATOMIC_ACQUIRE);
	}
	daemon_end(pr->d);
	record_post(pr, record);
}
