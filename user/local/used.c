// SPDX-License-Identifier: GPL-2.0-only
/*
 * What QEMU reads between deciding to stop and having stopped, it throws away. No
 * count of the kernel's tells; its virtqueue's own does, for who can ask it (the
 * daemon, by QMP). Here the two counts are set against each other, and nobody is
 * asked for anything.
 */
#include <linux/if_ether.h>
#include <string.h>

#include "used_priv.h"

#define THROWN_AWAY  4    /* frames, at most: else the counts do not mean that */
#define PLAIN_OCTETS 1514 /* that fit one buffer of the virtqueue */
#define STRANGE      3    /* comparisons in a row: the difference is another */

/* One frame, one buffer: neither filtered by the card nor in pieces. */
static bool is_plain(const struct xr_ring_frame *f, __u64 number, const __u8 mac[ETH_ALEN])
{
	static const __u8 all[ETH_ALEN] = { 255, 255, 255, 255, 255, 255 };

	return f->number == number && f->len && f->len <= PLAIN_OCTETS &&
		(!memcmp(f->octet, mac, ETH_ALEN) || !memcmp(f->octet, all, ETH_ALEN));
}

/* While that many frames were read, from this one on, the two counts kept step. */
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
 * Another difference than the known ones was seen, and is not to be believed yet.
 *
 * A guest that is behind has given QEMU no buffer: that holds a frame which it has
 * read already, and leaves the next ones where they are. So long one less is used
 * than read, which means nothing; and if that was all that was known, the first
 * greater difference tells better.
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
		r->read_base = after - entered; /* so many were unread at first */
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
