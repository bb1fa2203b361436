// SPDX-License-Identifier: GPL-2.0-only
/*
 * The source: a timer in the daemon's own loop, without the instance's lock, since probes
 * are sent and answered whoever changes the instance. The lock is taken only to make a
 * change of a backend's health so.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "daemon/program.h"
#include "probe_priv.h"

#define LOOK_US      (500 * US_PER_MS)    /* how often the instance is looked at for changes */
#define MANY         1000                 /* targets: turns of more of them are further apart */
#define PACE_MOST_US (40 * US_PER_MS)     /* between turns */
#define DEAF_US      (10 * US_PER_SECOND) /* how long it is said that answers were lost */

static const struct probe_kind *const kinds[] = {
	[XR_CHECK_HTTP] = &probe_http,
	[XR_CHECK_HTTPS] = &probe_http,
	[XR_CHECK_TCP] = &probe_tcp,
	[XR_CHECK_QUIC] = &probe_quic,
	[XR_CHECK_COMMAND_RUN] = &probe_command,
};

/* ---- what is there to probe ---- */

static bool needs_way(const struct prober *pr)
{
	__u32 i;

	for (i = 0; i < pr->n_checks; i++)
		if (pr->checks[i].type != XR_CHECK_COMMAND_RUN)
			return pr->n_targets;
	return false;
}

static bool has_http(const struct prober *pr)
{
	__u32 i;

	for (i = 0; i < pr->n_targets; i++)
		if (check_of(pr, &pr->targets[i])->type == XR_CHECK_HTTP ||
		    check_of(pr, &pr->targets[i])->type == XR_CHECK_HTTPS)
			return true;
	return false;
}

static void set_trouble(struct prober *pr, const struct xr_err *err)
{
	if (strcmp(pr->trouble.text, err->text) && err->text[0])
		daemon_log_always("health checks stand still, all stays as it is: %s", err->text);
	else if (pr->trouble.text[0] && !err->text[0])
		daemon_log_always("health checks go on");
	pr->trouble = *err;
}

/* More than all may be together: each has to wait longer. */
static void set_stretch(struct prober *pr)
{
	__u32 most = pr->d->plane->meta->policy.health_rate;
	double wanted = 0;
	__u32 i;

	for (i = 0; i < pr->n_targets; i++)
		wanted += 1000.0 / check_of(pr, &pr->targets[i])->interval_ms;
	if (most && wanted > most && pr->stretch * most != wanted)
		daemon_log_always(
			"health checks want %.0f probes a second, policy.health_rate is %u: all intervals are %.2f times as long",
			wanted, most, wanted / most);
	pr->stretch = most && wanted > most ? wanted / most : 1;
}

/*
 * A turn has its price, however few go in it. Of many it is paid less often: but answers are
 * looked for in turns, too, and shall not seem to be much later than they are.
 */
static void set_pace(struct prober *pr)
{
	__u64 us = PACE_MOST_US, part;
	__u32 i;

	for (i = 0; i < pr->n_checks; i++) {
		part = pr->checks[i].timeout_ms * US_PER_MS / 20;
		us = part < us ? part : us;
	}
	pr->pace = pr->n_targets > MANY && us > WHEEL_SLOT_US ? us : WHEEL_SLOT_US;
}

static void look(struct prober *pr)
{
	__u32 changes = __atomic_load_n(&pr->d->plane->meta->changes, __ATOMIC_ACQUIRE);
	struct xr_err err = { "" };

	if (!pr->first || changes != pr->changes) {
		if (targets_read(pr, &err)) {
			set_trouble(pr, &err);
			return;
		}
		set_stretch(pr);
		set_pace(pr);
		judge_begin(pr);
	}
	if (!has_http(pr))
		http_close(pr);
	if (!needs_way(pr)) {
		way_close(pr);
	} else if (way_open(pr, &err) || way_refresh(pr, &err)) {
		set_trouble(pr, &err);
		return;
	}
	if (pr->way && pr->deaf_at && daemon_clock_us() - pr->deaf_at < DEAF_US)
		xr_fail(&err, 0,
			"answers are lost, as more comes to the ports of probes than can be read; who sends that? (tcpdump portrange %u-%u)",
			way_first_port(pr), way_first_port(pr) + WAY_PORTS - 1);
	set_trouble(pr, &err);
}

/* ---- a turn ---- */

static void fill_tokens(struct prober *pr, __u64 now)
{
	double most = pr->d->plane->meta->policy.health_rate;

	pr->tokens += (now - pr->filled) * most / US_PER_SECOND;
	/* What was not used in a moment is not sent in the next: but one, at any rate. */
	most = most / 20 + 1;
	if (pr->tokens > most)
		pr->tokens = most;
	pr->filled = now;
}

static void end_waiting(struct prober *pr, struct target *t)
{
	struct xr_err err = { "" };

	pr->kinds[check_of(pr, t)->type]->give_up(pr, t, &err);
	if (t->began <= pr->deaf_at && check_of(pr, t)->type != XR_CHECK_COMMAND_RUN)
		probe_void(pr, t);
	else
		probe_done(pr, t, err.text);
}

static void begin(struct prober *pr, struct target *t, __u64 now)
{
	const struct xr_health_check *k = check_of(pr, t);
	struct xr_err err = { "" };
	int ret;

	if (pr->tokens < 1) {
		figures_count(&pr->d->figures->probes_late);
		wheel_set(&pr->wheel, t - pr->targets, now + WHEEL_SLOT_US);
		return;
	}
	pr->tokens--;
	t->began = now + pr->lost;
	wheel_set(&pr->wheel, t - pr->targets, now + k->timeout_ms * US_PER_MS);
	ret = pr->kinds[k->type]->start(pr, t, &err);
	if (!ret)
		return;
	/* As many run as may: it is next. */
	if (ret == -EBUSY) {
		figures_count(&pr->d->figures->probes_late);
		wheel_set(&pr->wheel, t - pr->targets, now + 5 * WHEEL_SLOT_US);
		return;
	}
	if (ret != -EAGAIN) {
		probe_done(pr, t, err.text);
		return;
	}
	probe_void(pr, t);
}

static void turn(struct prober *pr)
{
	__u64 now;
	__u32 n;

	pr->epoch = time(NULL);
	/* Before it is said that one did not come. */
	if (pr->way)
		wire_receive(pr);
	now = prober_now(pr);
	if (now >= pr->look_at) {
		if (pr->way)
			wire_flush(pr); /* by the program that there is, to those that are */
		look(pr);
		pr->look_at = now + LOOK_US;
	}
	fill_tokens(pr, now);
	while (pr->n_targets && wheel_take(&pr->wheel, now, &n)) {
		if (pr->targets[n].busy)
			end_waiting(pr, &pr->targets[n]);
		else
			begin(pr, &pr->targets[n], now);
	}
	if (pr->way)
		wire_flush(pr);
	judge_apply(pr);
}

static __u64 next_turn(const struct prober *pr)
{
	__u64 now = prober_now(pr), next = pr->look_at;

	if (pr->n_targets)
		next = wheel_next(&pr->wheel, now, next);
	/* Answers are not waited for by themselves: a hundred looks a second are cheaper. */
	if (pr->n_busy && next > now + pr->pace)
		next = now + pr->pace;
	if (pr->n_targets > MANY && next < now + pr->pace)
		next = now + pr->pace;
	if (judge_waits(pr) && next > now + 2 * WHEEL_SLOT_US)
		next = now + 2 * WHEEL_SLOT_US;
	return next;
}

static int on_timer(sd_event_source *s, uint64_t usec, void *ctx)
{
	struct prober *pr = ctx;

	(void)s;
	(void)usec;
	prober_woke(pr);
	turn(pr);
	prober_arm(pr, next_turn(pr));
	return 0;
}

/* ---- its life ---- */

static void stop(void *state)
{
	struct prober *pr = state;

	if (!pr)
		return;
	sd_event_source_disable_unref(pr->timer);
	targets_free(pr);
	http_close(pr);
	way_close(pr);
	programs_close(pr->programs);
	free(pr->changed);
	free(pr->was);
	free(pr);
}

static int start(struct daemon *d, void **state, struct xr_err *err)
{
	struct prober *pr = calloc(1, sizeof(*pr));
	int ret = -ENOMEM;

	if (!pr)
		return xr_fail(err, ret, "out of memory");
	pr->d = d;
	pr->kinds = kinds;
	pr->stretch = 1;
	/* What a daemon before this one found, and was killed before it made it so. */
	pr->settle = true;
	pr->changed = calloc(d->plane->meta->limits.backends + 1, sizeof(*pr->changed));
	pr->was = calloc(d->plane->meta->limits.backends + 1, sizeof(*pr->was));
	pr->programs = programs_open(d->top, COMMANDS_MOST);
	if (pr->changed && pr->was && pr->programs &&
	    getrandom(pr->key, sizeof(pr->key), 0) != sizeof(pr->key))
		ret = -errno;
	else if (pr->changed && pr->was && pr->programs)
		ret = sd_event_add_time_relative(d->top, &pr->timer, CLOCK_MONOTONIC,
						 10 * US_PER_MS, US_PER_MS, on_timer, pr);
	if (ret < 0) {
		stop(pr);
		return xr_fail(err, ret, "health checks: %s", strerror(-ret));
	}
	pr->filled = prober_now(pr);
	*state = pr;
	return 0;
}

/* The file was applied: look at once. */
static int reload(struct daemon *d, void *state, struct xr_err *err)
{
	struct prober *pr = state;

	(void)d;
	(void)err;
	pr->look_at = 0;
	return 0;
}

const struct source source_health = {
	.name = "health checks",
	.start = start,
	.stop = stop,
	.reload = reload,
};
