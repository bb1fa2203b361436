// SPDX-License-Identifier: GPL-2.0-only
/*
 * The residual: frames that went into a VM's tap before its blackout and were never read
 * by it. The tap counts what its reader takes (tx_packets) and what did not fit
 * (tx_dropped), the tc program tap_out counts what goes in: the difference is unread, and
 * the ring still has the last of these frames.
 *
 * Two things stand between that difference and an exact count:
 *
 * - Frames that were in the queue when the ring began are in no count. But whenever the
 *   queue is empty, more was read than went in, by just their number: ring_sample().
 *
 * - Once its guest stands still, QEMU's own virtio-net (not vhost-net) reads one frame
 *   more, finds that nobody wants it, and keeps it; it does not poll the descriptor any
 *   more. That frame is read, but never delivered. A probe that is put into the tap makes
 *   it certain that there is one to read; a guest that goes on here ignores its EtherType.
 *   Yet QEMU's main loop may be shut out from the stop to the end: it waits for the lock
 *   that the migration holds, unless that pauses before the switchover. Then it reads none.
 *
 * So it is not enough that the tap is quiet, for a QEMU that gets no processor is quiet,
 * too, and has read nothing: to count one frame more would bring it to the guest twice.
 * What QEMU reads later than this look is among the unread frames, which are replayed
 * anyway.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "lib/index.h"
#include "lib/process.h"
#include "local_priv.h"
#include "plane/vm_state.h"

#define STILL       3       /* looks in a row that saw nothing read and nothing come */
#define AWAKE_LOOKS 2500    /* looks at a QEMU that wants a processor and gets none */
#define RAN_NS      5000000 /* of processor time, in which QEMU's main loop has come round */
#define SETTLES_US  12000   /* before the first look at a QEMU that has just stopped */
#define LOOK_US     100
#define LOOKS       20
#define WAITS_FOR   8 /* looks in a row that saw QEMU wait for a lock: it will not get it */

/* ---- a ring begins ---- */

/* A killed process may have left it with a VM that has another ring or moves no more. */
static bool is_free(const struct plane *p, __u32 r)
{
	__u32 vm_no = p->rings[r].vm;
	struct xr_vm_now now;

	if (!vm_no)
		return true;
	now = vm_now(p, index_of_no(vm_no));
	return p->vms[index_of_no(vm_no)].ring != no_of_index(r) ||
		(now.state != XR_VM_PREPARED && now.state != XR_VM_BLACKOUT);
}

static int free_ring(struct plane *p)
{
	__u32 r;

	for (r = 0; r < p->meta->limits.rings; r++) {
		if (!is_free(p, r))
			continue;
		if (p->rings[r].vm)
			ring_end(p, index_of_no(p->rings[r].vm));
		return r;
	}
	return -ENOSPC;
}

/* Frames that are unread. Negative: so many were in the queue when the ring began. */
static __s64 count_unread(const struct xr_ring *r, const struct link_counts *c)
{
	__u64 in = __atomic_load_n(&r->entered, __ATOMIC_ACQUIRE);

	return in - (c->read - r->read_base) - (c->dropped - r->drop_base);
}

/*
 * The tap's counts are read before the ring's: a frame that goes in between makes the
 * number of unread frames too high, never too low.
 */
bool ring_sample(struct plane *p, __u32 vm_index)
{
	struct xr_ring *r = ring_at(p, vm_index);
	struct link_counts c;
	__s64 n;

	if (!r || tap_counts(p->vms[vm_index].tap, &c))
		return false;
	n = count_unread(r, &c);
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

void ring_ask(struct plane *p, __u32 vm_index, const char *tap)
{
	struct xr_ring *r = ring_at(p, vm_index);

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

/* Numbers begin anew: an earlier VM's frames would be taken for this one's. */
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

	if (r) { /* it has begun before */
		if (is_gone(r->reader))
			find_reader(r, tap->name);
		return;
	}
	i = free_ring(l->p);
	if (i < 0 || tap_counts(tap->ifindex, &c)) {
		local_warn(l, "no ring is free for frames that it leaves unread: limits rings: %u",
			   l->p->meta->limits.rings);
		return;
	}
	r = &l->p->rings[i];
	reader = reader ? reader : r->reader;
	memset(r, 0, sizeof(*r));
	clear_frames(l->p, i);
	r->read_base = c.read;
	r->drop_base = c.dropped;
	r->reader = reader; /* a guess, until ring_ask() has found out */
	__atomic_store_n(&r->vm, no_of_index(l->vm_index), __ATOMIC_RELEASE);
	__atomic_store_n(&l->vm->ring, no_of_index(i), __ATOMIC_RELEASE);
	ring_sample(l->p, l->vm_index);
}

/* ---- how many are unread in the end ---- */

int ring_unread(struct local *l, struct xr_ring *r, __u64 *entered, __u64 *left)
{
	bool held = r->flags & XR_RING_HELD;
	struct link_counts c = { 0 }, was, first = { 0 };
	enum reader_state asleep = held ? READER_AWAKE : READER_POLLS;
	int looks, awake = 0, still = 0, waits = 0, ret;
	__u64 in, ran = 0;
	__s64 n;

	if (held) {
		ran = process_cpu_time(r->reader);
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
	/* Never seen asleep, nothing read, and it did not run long enough to read. */
	if (asleep == READER_AWAKE && was.read == first.read &&
	    process_cpu_time(r->reader) - ran < RAN_NS)
		held = false;
	n = count_unread(r, &was) + (held && asleep != READER_WAITS);
	*left = n < 0 ? 0 : (__u64)n > *entered ? *entered : (__u64)n;
	return 0;
}
