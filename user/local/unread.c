// SPDX-License-Identifier: GPL-2.0-only
/*
 * The residual: what went into a VM's tap before its blackout and was never read
 * by it. A tap counts what its reader takes (tx_packets) and what did not fit
 * (tx_dropped), tap_out counts what goes in; the difference is unread, and the
 * ring still has the last of it.
 *
 * Two facts stand between that and an exact count. What was unread when the ring
 * began is in no count: but whenever the queue runs empty, more was read than
 * went in, by just that number. And QEMU's own virtio-net, once its guest stands
 * still, takes one frame more, finds that nobody wants it, and keeps it, with
 * the descriptor no longer polled: read, but never delivered. A probe put into
 * the tap makes it certain that there is one to take; the guest, should it go on
 * here, ignores its EtherType. But QEMU's main loop can be shut out from STOP to
 * the end (it waits for the lock that the migration has, unless that pauses
 * before the switchover): then it takes none. vhost-net never does.
 *
 * So it is not enough that the tap is quiet. A QEMU that gets no processor is quiet,
 * too, and has taken nothing: one more would come to its guest twice. What it takes
 * after that is of the unread, which are replayed anyway.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "lib/process.h"
#include "local_priv.h"
#include "plane/vm_state.h"

#define STILL       3       /* looks in a row that saw no more read */
#define AWAKE_LOOKS 2500    /* a QEMU that gets no processor just now */
#define RAN_NS      5000000 /* enough for its main loop to come round */
#define SETTLES_US  12000   /* a QEMU that has just stopped, on a busy machine */
#define LOOK_US     100
#define LOOKS       20
#define WAITS_FOR   8 /* looks that it may wait for a lock, and get it */

/* ---- a ring begins ---- */

/* A VM that names it no longer, or stands still, lost it to a kill. */
static bool is_free(const struct plane *p, __u32 r)
{
	__u32 vm = p->rings[r].vm;
	struct xr_vm_now now;

	if (!vm)
		return true;
	now = vm_now(p, vm - 1);
	return p->vms[vm - 1].ring != r + 1 ||
		(now.state != XR_VM_PREPARED && now.state != XR_VM_BLACKOUT);
}

static int free_ring(struct plane *p)
{
	__u32 r;

	for (r = 0; r < p->meta->limits.rings; r++) {
		if (!is_free(p, r))
			continue;
		if (p->rings[r].vm)
			ring_end(p, p->rings[r].vm - 1);
		return r;
	}
	return -ENOSPC;
}

/* 0 where more than nothing is unread; negative: that much was when it began. */
static __s64 unread(const struct xr_ring *r, const struct link_counts *c)
{
	__u64 in = __atomic_load_n(&r->entered, __ATOMIC_ACQUIRE);

	return in - (c->read - r->read_base) - (c->dropped - r->drop_base);
}

/*
 * The tap is asked first: what goes in meanwhile makes it seem more that is unread,
 * never less.
 */
bool ring_sample(struct plane *p, __u32 place)
{
	struct xr_ring *r = ring_at(p, place);
	struct link_counts c;
	__s64 n;

	if (!r || tap_counts(p->vms[place].tap, &c))
		return false;
	n = unread(r, &c);
	if (n < 0)
		r->read_base -= n;
	return !n;
}

static void find_reader(struct xr_ring *r, const char *tap)
{
	__u32 pid;

	if (tap_reader(tap, r->reader, &pid) == TAP_READER_QEMU)
		__atomic_fetch_or(&r->flags, XR_RING_HELD, __ATOMIC_RELEASE);
	else
		__atomic_fetch_and(&r->flags, ~XR_RING_HELD, __ATOMIC_RELEASE);
	r->reader = pid;
}

void ring_ask(struct plane *p, __u32 place, const char *tap)
{
	struct xr_ring *r = ring_at(p, place);

	if (!r)
		return;
	if (!tap_takes_gso(tap))
		__atomic_fetch_or(&r->flags, XR_RING_SEGMENTS, __ATOMIC_RELEASE);
	find_reader(r, tap);
}

static bool is_gone(__u32 pid)
{
	return pid && kill(pid, 0) && errno == ESRCH;
}

/* Its numbers begin anew: what an earlier VM's frames left would be taken for its own. */
static void clear_frames(struct plane *p, __u32 ring)
{
	struct xr_ring_frame *f = &p->ring_frames[ring * XR_RING_FRAMES];
	int n;

	for (n = 0; n < XR_RING_FRAMES; n++)
		f[n].number = 0;
}

void ring_begin(struct local *l, const struct link *tap, __u32 reader)
{
	struct xr_ring *r = ring_of(l);
	struct link_counts c;
	int i;

	if (r) { /* it has begun */
		if (is_gone(r->reader))
			find_reader(r, tap->name);
		return;
	}
	i = free_ring(l->p);
	if (i < 0 || tap_counts(tap->ifindex, &c)) {
		local_warn(l,
			   "no ring is free for frames that it leaves unread: "
			   "limits rings: %u",
			   l->p->meta->limits.rings);
		return;
	}
	r = &l->p->rings[i];
	reader = reader ? reader : r->reader;
	memset(r, 0, sizeof(*r));
	clear_frames(l->p, i);
	r->read_base = c.read;
	r->drop_base = c.dropped;
	r->reader = reader; /* likely: see ring_ask() */
	__atomic_store_n(&r->vm, l->place + 1, __ATOMIC_RELEASE);
	__atomic_store_n(&l->vm->ring, i + 1, __ATOMIC_RELEASE);
	ring_sample(l->p, l->place);
}

/* ---- how much is unread ---- */

int ring_unread(struct local *l, struct xr_ring *r, __u64 *entered, __u64 *left)
{
	bool held = r->flags & XR_RING_HELD;
	struct link_counts c = { 0 }, was, first = { 0 };
	enum reader_state asleep = held ? READER_AWAKE : READER_POLLS;
	int looks, awake = 0, still = 0, waits = 0, ret;
	__u64 in, ran = 0;
	__s64 n;

	if (held) {
		ran = process_ran(r->reader);
		tap_counts(l->vm->tap, &first);
		tap_probe(l);
		usleep(SETTLES_US);
	}
	ret = tap_counts(l->vm->tap, &was);
	*entered = __atomic_load_n(&r->entered, __ATOMIC_ACQUIRE);
	for (looks = 0; !ret && looks < LOOKS && awake < AWAKE_LOOKS &&
	     (still < STILL || (asleep != READER_POLLS && waits < WAITS_FOR));
	     looks++) {
		usleep(LOOK_US);
		if (asleep != READER_POLLS)
			asleep = reader_state(r->reader);
		if (asleep == READER_AWAKE) {
			looks--;
			awake++;
		}
		waits = asleep == READER_WAITS ? waits + 1 : 0;
		ret = tap_counts(l->vm->tap, &c);
		in = __atomic_load_n(&r->entered, __ATOMIC_ACQUIRE);
		still = c.read == was.read && in == *entered ? still + 1 : 0;
		was = c;
		*entered = in;
	}
	if (ret)
		return ret;
	/* Never seen asleep: it has taken one, or had the time to. */
	if (asleep == READER_AWAKE && was.read == first.read &&
	    process_ran(r->reader) - ran < RAN_NS)
		held = false;
	n = unread(r, &was) + (held && asleep != READER_WAITS);
	*left = n < 0 ? 0 : (__u64)n > *entered ? *entered : (__u64)n;
	return 0;
}
