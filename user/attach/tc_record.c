// SPDX-License-Identifier: GPL-2.0-only
/* The records of tc programs: which device of which namespace has which. */
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "lib/netns.h"
#include "tc_priv.h"

struct xr_tc_hook *tc_next(struct plane *p, int *at)
{
	while (*at < XR_MAX_TC_HOOKS) {
		struct xr_tc_hook *h = &p->tc_hooks[(*at)++];

		if (h->ifindex)
			return h;
	}
	return NULL;
}

struct xr_tc_hook *tc_record(struct plane *p, __u64 netns, __u32 ifindex, __u32 kind)
{
	struct xr_tc_hook *h;
	int at = 0;

	while ((h = tc_next(p, &at)))
		if (h->ifindex == ifindex && h->netns == netns && (!kind || h->kind == kind))
			return h;
	return NULL;
}

struct xr_tc_hook *tc_find(struct plane *p, __u32 ifindex, __u32 kind)
{
	return tc_record(p, netns_id(), ifindex, kind);
}

/* Its namespace or its device went, and took the program along. */
static bool is_gone(const struct xr_tc_hook *h)
{
	char name[IF_NAMESIZE];
	int back, ret = netns_enter(h->netns, &back);
	bool there;

	if (ret)
		return ret == -ENOENT;
	there = if_indextoname(h->ifindex, name);
	netns_leave(back);
	return !there;
}

const struct xr_tc_hook *tc_with_same_number(struct plane *p, __u32 ifindex)
{
	__u64 here = netns_id();
	struct xr_tc_hook *h;
	int at = 0;

	while ((h = tc_next(p, &at))) {
		if (h->ifindex != ifindex || h->netns == here)
			continue;
		if (!is_gone(h))
			return h;
		tc_record_drop(p, h);
	}
	return NULL;
}

bool tc_number_taken(struct plane *p, __u32 ifindex, const char *name, struct xr_err *err)
{
	const struct xr_tc_hook *other = tc_with_same_number(p, ifindex);

	if (other)
		xr_fail(err, -EEXIST,
			"%s has number %u here, and %s in another network namespace, which the programs cannot tell apart; make one of them with a number of its own (ip link add ... index N)",
			name, ifindex, other->name);
	return other;
}

static struct xr_tc_hook *free_record(struct plane *p)
{
	int i;

	for (i = 0; i < XR_MAX_TC_HOOKS; i++)
		if (!p->tc_hooks[i].ifindex)
			return &p->tc_hooks[i];
	return NULL;
}

/* Records of devices that are gone take no slot from one that is there. */
static void drop_gone(struct plane *p)
{
	struct xr_tc_hook *h;
	int at = 0;

	while ((h = tc_next(p, &at)))
		if (is_gone(h))
			tc_record_drop(p, h);
}

struct xr_tc_hook *tc_record_new(struct plane *p, __u32 ifindex, const char *name, __u32 kind)
{
	struct xr_tc_hook *h = tc_find(p, ifindex, kind);

	if (h)
		return h;
	h = free_record(p);
	if (!h) {
		drop_gone(p);
		h = free_record(p);
	}
	if (!h)
		return NULL;
	memset(h, 0, sizeof(*h));
	h->kind = kind;
	h->netns = netns_id();
	strncpy(h->name, name, sizeof(h->name) - 1);
	__atomic_store_n(&h->ifindex, ifindex, __ATOMIC_RELEASE);
	return h;
}

/* Another record of the device takes over that clsact is ours to remove. */
void tc_record_drop(struct plane *p, struct xr_tc_hook *h)
{
	__u32 ifindex = h->ifindex;
	__u8 made = h->made_clsact;
	struct xr_tc_hook *other;

	if (made) {
		h->made_clsact = 0;
		other = tc_record(p, h->netns, ifindex, 0);
		if (other == h) {
			h->ifindex = 0;
			other = tc_record(p, h->netns, ifindex, 0);
		}
		if (other)
			other->made_clsact = 1;
	}
	__atomic_store_n(&h->ifindex, 0, __ATOMIC_RELEASE);
	memset(h, 0, sizeof(*h));
}

bool tc_is_pending(struct plane *p, __u32 ifindex)
{
	const struct xr_tc_hook *h;
	int at = 0;

	while (ifindex && (h = tc_next(p, &at)))
		if (h->ifindex == ifindex && !h->attached)
			return true;
	return false;
}
