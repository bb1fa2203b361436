// SPDX-License-Identifier: GPL-2.0-only
/*
 * QEMU throws away what it reads between its decision to stop and the stop. None of the
 * kernel's counts shows how much that is; the virtqueue's own count does, for who can ask
 * QEMU for it (the daemon, by QMP). Here the two counts are compared; this is pure
 * arithmetic.
 */
#include <linux/if_ether.h>
#include <string.h>

#include "used_priv.h"

#define THROWN_AWAY  4    /* frames, at most: a greater difference has another cause */
#define PLAIN_OCTETS 1514 /* that fit one buffer of the virtqueue */
#define STRANGE      3    /* odd results in a row, after which they are believed */

/* One frame, one buffer: neither filtered by the card nor in pieces. */
static bool is_plain(const struct xr_ring_frame *f, __u64 number, const __u8 mac[ETH_ALEN])
{
	static const __u8 all[ETH_ALEN] = { 255, 255, 255, 255, 255, 255 };

	return f->number == number && f->len && f->len <= PLAIN_OCTETS &&
		(!memcmp(f->octet, mac, ETH_ALEN) || !memcmp(f->octet, all, ETH_ALEN));
}

/* Frames from + 1 to to: with plain ones alone the two counts go up together. */
static bool all_plain(const struct used *u, __u64 from, __u64 to)
{
	__u64 n;

	if (from > to || to - from > XR_RING_FRAMES)
		return false;
	for (n = from; n < to; n++)
		if (!is_plain(&u->frames[n % XR_RING_FRAMES], n + 1, u->mac))
			return false;
	return true;
}

__u64 used_first_missed(const struct used *u, __u16 used)
{
	const struct xr_ring *r = u->ring;
	__u64 from = r->used_read - r->read_base, first;

	first = from + (__u16)(used - r->used_low - (__u16)r->used_read);
	if (first >= r->first || r->first - first > THROWN_AWAY || !all_plain(u, from, r->first))
		return r->first;
	return first;
}

/*
 * Whether a difference that does not fit the known ones is not to be believed yet.
 *
 * A guest that is behind has no buffer for QEMU, which then holds a frame that it has read
 * already and leaves the next ones in the tap. As long as that lasts, one frame less is used
 * than read, and that means nothing. If nothing else was known before, the first greater
 * difference is the better one.
 */
static bool is_strange(struct xr_ring *r, __u16 low, __u16 high, bool behind)
{
	bool less = (__s16)(high - r->used_low) < 0;

	if (r->used_read && less)
		return behind || ++r->strange < STRANGE;
	r->strange = 0;
	if ((__s16)(r->used_high - low) < 0)
		r->used_read = 0;
	return false;
}

static void narrow(struct xr_ring *r, __u16 low, __u16 high)
{
	if (r->used_read && !r->strange) {
		if ((__s16)(r->used_low - low) > 0)
			low = r->used_low;
		if ((__s16)(high - r->used_high) > 0)
			high = r->used_high;
	}
	r->strange = 0;
	r->used_low = low;
	r->used_high = high;
}

bool used_compare(const struct used *u, __u16 used, __u64 before, __u64 after)
{
	__u16 low = used - after, high = used - before;
	struct xr_ring *r = u->ring;
	__u64 entered = __atomic_load_n(&r->entered, __ATOMIC_ACQUIRE);

	if (after - r->read_base > entered)
		r->read_base = after - entered; /* the queue was not empty when the ring began */
	if (!all_plain(u, (r->used_read ?: before) - r->read_base, after - r->read_base)) {
		r->used_read = 0;
		r->strange = 0;
		return false;
	}
	if (is_strange(r, low, high, after - r->read_base < entered))
		return false;
	narrow(r, low, high);
	r->used_read = before;
	return r->used_low == r->used_high;
}
