// SPDX-License-Identifier: GPL-2.0-only
/*
 * The data plane's events. What it saw and did by itself is made true for the rest of
 * the instance, too. And where the policy says so each VM that moved is announced from
 * here, in the kinds of frames that gateways accept.
 *
 * A VM is announced in several rounds, with pauses. A queue for each round holds the
 * VMs that wait for it; the policy's rate limits how many begin.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/figures.h"
#include "host/host.h"
#include "lib/reason.h"
#include "lib/text.h"
#include "measure_priv.h"
#include "source_priv.h"
#include "vm/announce.h"

#define TURN   64 /* events, or announcements, before the others' turn */
#define ROUNDS 4

/* Before each round. As QEMU does it: the first frames may be lost. */
static const uint64_t pause_ms[ROUNDS] = { 0, 50, 150, 250 };

enum waiting {
	WAITS_NOT,
	WAITS,
	WAITS_AND_MOVED, /* in a queue, and moved again since: the rounds begin anew */
};

struct due {
	__u32 vm_index;
	uint64_t when;
};

/* VMs that wait for a round, the first to come due in front. */
struct queue {
	struct due *due;
	size_t first, n, size; /* a ring; size is a power of two */
};

struct announcements {
	struct daemon *d;
	struct ring_buffer *ring;
	sd_event_source *io, *timer;
	int left; /* events of this turn */
	struct queue queue[ROUNDS];
	__u8 *waiting;      /* enum waiting, by VM index; NULL: none has waited yet */
	uint64_t credit_at; /* when the next VM may begin its rounds */
	struct measure measure;
	int figure;
};

/* ---- queues ---- */

static bool queue_put(struct queue *q, __u32 vm_index, uint64_t when)
{
	size_t i, size = q->size ? 2 * q->size : 64;
	struct due *due;

	if (q->n == q->size) {
		due = malloc(size * sizeof(*due));
		if (!due)
			return false;
		for (i = 0; i < q->n; i++)
			due[i] = q->due[(q->first + i) & (q->size - 1)];
		free(q->due);
		*q = (struct queue){ due, 0, q->n, size };
	}
	q->due[(q->first + q->n++) & (q->size - 1)] = (struct due){ vm_index, when };
	return true;
}

static struct due *queue_first(const struct queue *q)
{
	return q->n ? &q->due[q->first] : NULL;
}

static struct due queue_take(struct queue *q)
{
	struct due due = q->due[q->first];

	q->first = (q->first + 1) & (q->size - 1);
	q->n--;
	return due;
}

/* ---- announcing ---- */

static uint64_t now_us(struct announcements *a)
{
	uint64_t now = 0;

	sd_event_now(a->d->chores, CLOCK_MONOTONIC, &now);
	return now;
}

static bool may_announce(struct plane *p, __u32 vm_index)
{
	struct xr_vm_now now = vm_now(p, vm_index);

	return p->meta->policy.announce && p->vm_info[vm_index].used && now.state == XR_VM_MOVED &&
		!(now.flags & (XR_VM_FROZEN | XR_VM_LOOP));
}

static void set_timer(struct announcements *a)
{
	uint64_t when = UINT64_MAX;
	const struct due *due;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		due = queue_first(&a->queue[i]);
		if (due && due->when < when)
			when = due->when;
	}
	due = queue_first(&a->queue[0]);
	if (due && when == due->when && a->credit_at > when)
		when = a->credit_at;
	if (when == UINT64_MAX)
		return;
	timer_at_us(a->timer, when);
}

static void begin_rounds(struct announcements *a, __u32 vm_index)
{
	struct plane *p = a->d->plane;

	if (!may_announce(p, vm_index))
		return;
	if (!a->waiting)
		a->waiting = calloc(p->mac_buckets, XR_TAG_LANES);
	if (!a->waiting)
		return;
	if (a->waiting[vm_index]) {
		a->waiting[vm_index] = WAITS_AND_MOVED;
		return;
	}
	if (queue_put(&a->queue[0], vm_index, now_us(a)))
		a->waiting[vm_index] = WAITS;
	set_timer(a);
}

/* One VM, one round. Then the VM waits for its next one, if there is one. */
static void send_round(struct announcements *a, int round, __u32 vm_index, uint64_t now)
{
	struct plane *p = a->d->plane;
	struct xr_err err = { "" };
	bool anew = a->waiting[vm_index] == WAITS_AND_MOVED;

	a->waiting[vm_index] = WAITS_NOT;
	if (!may_announce(p, vm_index))
		return;
	if (announce_vm(p, vm_index, &err))
		daemon_log(a->d, "%s", err.text);
	round = anew ? 1 : round + 1;
	if (round < ROUNDS &&
	    queue_put(&a->queue[round], vm_index, now + pause_ms[round] * US_PER_MS))
		a->waiting[vm_index] = WAITS;
}

/* The rate counts VMs, each with all its rounds; so only the first one needs it. */
static bool has_credit(struct announcements *a, uint64_t now)
{
	__u16 rate = a->d->plane->meta->policy.announce_rate;

	if (a->credit_at > now)
		return false;
	a->credit_at = now + US_PER_SECOND / (rate ? rate : 1);
	return true;
}

static int on_due(sd_event_source *s, uint64_t usec, void *ctx)
{
	struct announcements *a = ctx;
	uint64_t now = now_us(a);
	const struct due *due;
	int i, n = TURN;

	(void)s;
	(void)usec;
	for (i = ROUNDS - 1; i >= 0; i--) {
		struct queue *q = &a->queue[i];

		while (n && (due = queue_first(q)) && due->when <= now &&
		       (i || has_credit(a, now))) {
			send_round(a, i, queue_take(q).vm_index, now);
			n--;
		}
	}
	set_timer(a);
	return 0;
}

/* ---- events ---- */

static void log_event(struct announcements *a, const struct xr_event *e)
{
	struct plane *p = a->d->plane;
	char mac[TEXT_MAC], vlan[16] = "";

	if (e->vlan)
		snprintf(vlan, sizeof(vlan), " vlan %u", e->vlan);
	if (e->text[0])
		daemon_log(a->d, "%.*s", (int)sizeof(e->text), e->text);
	else if (e->reason == XR_R_ACTIVATED || e->reason == XR_R_ANNOUNCEMENT)
		daemon_log(a->d, "VM %s%s: %s, at %s", text_mac(mac, e->mac), vlan,
			   reason_word(e->reason), host_name(p, e->host));
	else
		daemon_log(a->d, "VM %s%s: %s: %s", text_mac(mac, e->mac), vlan,
			   reason_word(e->reason), reason_text(e->reason));
}

static bool is_moved_by_notice(const struct xr_event *e)
{
	return !e->reason && e->state == XR_VM_MOVED && e->from != e->host;
}

static void take_event(struct announcements *a, const struct xr_event *e)
{
	struct plane *p = a->d->plane;
	__u32 vm_index = e->vm - 1; /* e->vm 0: no VM that is known; the index is too large then */
	struct xr_err err = { "" };
	bool believed = e->reason == XR_R_ACTIVATED || e->reason == XR_R_ANNOUNCEMENT;

	if (e->kind != XR_EVENT_VM)
		return;
	if (e->reason)
		log_event(a, e);
	/* The index may be another VM's by now. */
	if (vm_index >= p->mac_buckets * XR_TAG_LANES ||
	    p->vms[vm_index].key != vm_key(e->mac, e->vlan))
		return;
	measure_event(&a->measure, e, vm_index);
	if (e->reason && vm_follow_up(p, vm_index, &err))
		daemon_log(a->d, "%s", err.text);
	if (believed)
		vm_learn(p, vm_index, e->saddr);
	if (believed || is_moved_by_notice(e))
		begin_rounds(a, vm_index);
	if ((believed || is_moved_by_notice(e)) && e->from != e->host)
		daemon_moved(a->d, e, vm_index);
}

static int on_sample(void *ctx, void *data, size_t size)
{
	struct announcements *a = ctx;

	if (size >= sizeof(struct xr_event))
		take_event(a, data);
	return --a->left > 0 ? 0 : -EAGAIN;
}

static int on_ring(sd_event_source *s, int fd, uint32_t revents, void *ctx)
{
	struct announcements *a = ctx;

	(void)s;
	(void)fd;
	(void)revents;
	if (daemon_begin_logged(a->d))
		return 0;
	a->left = TURN;
	ring_buffer__consume(a->ring);
	daemon_end(a->d);
	return 0;
}

/* ---- its life ---- */

static void stop(void *state)
{
	struct announcements *a = state;
	int i;

	sd_event_source_disable_unref(a->io);
	sd_event_source_disable_unref(a->timer);
	ring_buffer__free(a->ring);
	for (i = 0; i < ROUNDS; i++)
		free(a->queue[i].due);
	free(a->waiting);
	measure_free(&a->measure);
	figures_drop_source(a->d->figures, a->figure);
	free(a);
}

static int start(struct daemon *d, void **state, struct xr_err *err)
{
	struct announcements *a = calloc(1, sizeof(*a));
	int ret;

	if (!a)
		return xr_fail(err, -ENOMEM, "out of memory");
	a->d = d;
	measure_begin(&a->measure, d);
	a->figure = figures_add_source(d->figures, "announcement", "vm_events");
	a->ring = ring_buffer__new(d->plane->fd[PLANE_VM_EVENTS], on_sample, a, NULL);
	if (!a->ring) {
		ret = -errno;
		goto fail;
	}
	ret = sd_event_add_io(d->chores, &a->io, ring_buffer__epoll_fd(a->ring), EPOLLIN, on_ring,
			      a);
	if (ret >= 0)
		ret = sd_event_add_time(d->chores, &a->timer, CLOCK_MONOTONIC, 0, US_PER_MS, on_due,
					a);
	if (ret >= 0)
		ret = sd_event_source_set_enabled(a->timer, SD_EVENT_OFF);
	if (ret < 0)
		goto fail;
	/* Before other chores. */
	sd_event_source_set_priority(a->io, SD_EVENT_PRIORITY_IMPORTANT);
	figures_set_source(d->figures, a->figure, true);
	*state = a;
	return 0;
fail:
	xr_fail(err, ret, "the data plane's events: %s", strerror(-ret));
	stop(a);
	return ret;
}

const struct source source_announcements = {
	.name = "announcements",
	.start = start,
	.stop = stop,
};
