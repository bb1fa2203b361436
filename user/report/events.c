// SPDX-License-Identifier: GPL-2.0-only
/*
 * Several readers of one BPF ring buffer, which is made for one.
 *
 * The kernel knows one consumer's position, and writes no further than a ring's length
 * beyond it. Each reader here has a position of its own, and reads without taking
 * anything away. Whoever comes first moves the kernel's position on, so that there is
 * room for the next event; what others have not read yet stays where it is until it is
 * written over, a whole ring's length later. A reader that finds itself that far behind
 * has missed events, and knows how many: all are of one size.
 *
 * A position counts the octets since the ring was made. A record is complete before its
 * busy bit goes; the head of the next one, eight octets, is written before the producer's
 * position says so. So a copy is good where afterwards the producer is less than a
 * ring's length ahead of it.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "events.h"

#define RECORD (BPF_RINGBUF_HDR_SZ + sizeof(struct xr_event))
_Static_assert(RECORD % 8 == 0, "records begin at multiples of eight");

/*
 * The kernel wakes all who wait for an event, but who wakes up when the first of them has
 * moved the position on sleeps again. So the first leaves the others a moment (ns); and
 * each looks by itself now and then (ms).
 */
#define MOMENT    1000000L
#define LOOK_EACH 50

struct events {
	struct plane *p;
	void (*each)(void *ctx, const struct xr_event *e);
	void *ctx;
	int fd;
	size_t page, size; /* of the ring */
	void *consumer_page;
	const void *ring;
	__u64 *consumer;
	const __u64 *producer;
	const char *data;
	__u64 at; /* the next record to read */
	__u64 missed;
	__u32 lost; /* the clock's events_lost, as it was read last */
};

static __u64 written(const struct events *ev)
{
	return __atomic_load_n(ev->producer, __ATOMIC_ACQUIRE);
}

/* Up to at there may be written again, unless others have said so already. */
static void leave_room(struct events *ev)
{
	__u64 now = __atomic_load_n(ev->consumer, __ATOMIC_RELAXED);

	while ((__s64)(ev->at - now) > 0 &&
	       !__atomic_compare_exchange_n(ev->consumer, &now, ev->at, false, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED))
		;
}

static __u32 lost_so_far(struct plane *p)
{
	struct xr_clock clock = {};
	__u32 zero = 0;

	bpf_map_lookup_elem(p->fd[PLANE_CLOCK], &zero, &clock);
	return clock.events_lost;
}

/* ---- reading ---- */

static bool is_overwritten(const struct events *ev)
{
	return written(ev) - ev->at >= ev->size;
}

/* To the middle of what is there, as the producer goes on. */
static void skip_overwritten(struct events *ev)
{
	__u64 behind = written(ev) - ev->at, records = (behind - ev->size / 2) / RECORD;

	ev->missed += records;
	ev->at += records * RECORD;
}

/* The next event, if there is one: 1. 0: not yet. */
static int next_event(struct events *ev, struct xr_event *e)
{
	const char *head;
	__u32 len;

	for (;;) {
		if (ev->at == written(ev))
			return 0;
		head = ev->data + (ev->at & (ev->size - 1));
		len = __atomic_load_n((const __u32 *)head, __ATOMIC_ACQUIRE);
		memcpy(e, head + BPF_RINGBUF_HDR_SZ, sizeof(*e));
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (is_overwritten(ev)) {
			skip_overwritten(ev);
			continue;
		}
		if (len & BPF_RINGBUF_BUSY_BIT)
			return 0;
		/* Another xroam's, of which only the kernel knows the length. */
		if ((len & ~BPF_RINGBUF_DISCARD_BIT) != sizeof(*e)) {
			ev->at = written(ev);
			continue;
		}
		ev->at += RECORD;
		if (!(len & BPF_RINGBUF_DISCARD_BIT))
			return 1;
	}
}

static bool keeps_room(const struct events *ev)
{
	return ev->at != __atomic_load_n(ev->consumer, __ATOMIC_RELAXED);
}

/* each() may wait for whoever reads what it prints: a quarter of the ring at most is kept. */
static int read_events(struct events *ev)
{
	struct xr_event e;
	int n = 0;

	while (n < 4096 && next_event(ev, &e)) {
		if (ev->at - __atomic_load_n(ev->consumer, __ATOMIC_RELAXED) > ev->size / 4)
			leave_room(ev);
		ev->each(ev->ctx, &e);
		n++;
	}
	return n;
}

/* All was read. Whether there is something new. */
static int let_others_read(struct events *ev)
{
	const struct timespec moment = { .tv_nsec = MOMENT };
	int n;

	if (!keeps_room(ev))
		return 0;
	nanosleep(&moment, NULL);
	n = read_events(ev);
	leave_room(ev);
	return n;
}

int events_wait(struct events *ev, int timeout)
{
	struct pollfd fd = { .fd = ev->fd, .events = POLLIN };
	int n = read_events(ev), slice;

	if (!n)
		n = let_others_read(ev);
	while (!n && timeout > 0) {
		slice = timeout < LOOK_EACH ? timeout : LOOK_EACH;
		if (poll(&fd, 1, slice) < 0)
			return -errno;
		timeout -= slice;
		n = read_events(ev);
	}
	return n;
}

__u64 events_missed(struct events *ev)
{
	__u32 lost = lost_so_far(ev->p);
	__u64 missed = ev->missed + (__u32)(lost - ev->lost);

	ev->missed = 0;
	ev->lost = lost;
	return missed;
}

/* ---- opening ---- */

static int map_ring(struct events *ev, struct xr_err *err)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(ev->fd, &info, &len))
		return xr_fail(err, -errno, "the event ring: %s", strerror(errno));
	ev->page = sysconf(_SC_PAGESIZE);
	ev->size = info.max_entries;
	ev->consumer_page = mmap(NULL, ev->page, PROT_READ | PROT_WRITE, MAP_SHARED, ev->fd, 0);
	if (ev->consumer_page == MAP_FAILED)
		return xr_fail(err, -errno, "the event ring: %s", strerror(errno));
	/* The data follow twice, so that no record is in two pieces. */
	ev->ring = mmap(NULL, ev->page + 2 * ev->size, PROT_READ, MAP_SHARED, ev->fd, ev->page);
	if (ev->ring == MAP_FAILED)
		return xr_fail(err, -errno, "the event ring: %s", strerror(errno));
	ev->consumer = ev->consumer_page;
	ev->producer = ev->ring;
	ev->data = (const char *)ev->ring + ev->page;
	return 0;
}

int events_open(struct plane *p, void (*each)(void *ctx, const struct xr_event *e), void *ctx,
		struct events **out, struct xr_err *err)
{
	struct events *ev = calloc(1, sizeof(*ev));
	int ret;

	if (!ev)
		return xr_fail(err, -ENOMEM, "out of memory");
	*ev = (struct events){
		.p = p,
		.each = each,
		.ctx = ctx,
		.fd = p->fd[PLANE_EVENTS],
		.consumer_page = MAP_FAILED,
		.ring = MAP_FAILED,
	};
	ret = map_ring(ev, err);
	if (ret) {
		events_close(ev);
		return ret;
	}
	ev->lost = lost_so_far(p);
	ev->at = written(ev);
	leave_room(ev);
	*out = ev;
	return 0;
}

void events_close(struct events *ev)
{
	if (!ev)
		return;
	if (ev->consumer_page != MAP_FAILED)
		munmap(ev->consumer_page, ev->page);
	if (ev->ring != MAP_FAILED)
		munmap((void *)ev->ring, ev->page + 2 * ev->size);
	free(ev);
}
