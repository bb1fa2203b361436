// SPDX-License-Identifier: GPL-2.0-only
/*
 * Locks, as the guard finds them: by MAC alone, for a switch that knows no VLANs
 * goes by nothing else. (locked_macs in include/xroam/abi.h)
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include "host/ports.h"
#include "vm_priv.h"

struct same {
	struct plane *p;
	__u64 mac;
	__u32 but; /* plus one: not this one */
	struct xr_locked found;
};

static __u64 mac_at(const struct plane *p, __u32 place)
{
	return p->vms[place].key & 0xffffffffffffULL;
}

static void add(struct xr_locked *l, __u32 place)
{
	int i;

	for (i = 0; i < XR_LOCKED_SAME; i++)
		if (!l->place[i]) {
			l->place[i] = place + 1;
			return;
		}
	l->more = 1;
}

static int look_at(void *ctx, __u32 place)
{
	struct same *s = ctx;

	if (place + 1 != s->but && mac_at(s->p, place) == s->mac &&
	    s->p->vms[place].now.flags & XR_VM_LOCK)
		add(&s->found, place);
	return 0;
}

/* All but this one; more than an element holds are looked for one by one. */
static void find_same(struct same *s)
{
	struct xr_locked had;
	int i;

	if (bpf_map_lookup_elem(s->p->fd[PLANE_LOCKED_MACS], &s->mac, &had))
		return;
	for (i = 0; !had.more && i < XR_LOCKED_SAME; i++)
		if (had.place[i])
			look_at(s, had.place[i] - 1);
	if (had.more)
		vm_each(s->p, look_at, s);
}

static int index_lock(struct plane *p, __u32 place, bool lock)
{
	struct same s = { .p = p, .mac = mac_at(p, place), .but = place + 1 };
	int fd = p->fd[PLANE_LOCKED_MACS];

	find_same(&s);
	if (lock)
		add(&s.found, place);
	if (!s.found.place[0]) {
		bpf_map_delete_elem(fd, &s.mac);
		return 0;
	}
	return bpf_map_update_elem(fd, &s.mac, &s.found, 0) ? -errno : 0;
}

/* Found and counted before it is set and after it is cleared: never unseen. */
int vm_set_lock(struct plane *p, __u32 place, bool lock)
{
	struct xr_vm_now was = vm_now(p, place), to;
	int ret;

	if (lock == !!(was.flags & XR_VM_LOCK))
		return 0;
	if (lock) {
		ret = index_lock(p, place, true);
		if (ret)
			return ret;
		__atomic_fetch_add(&p->vm_control->locked, 1, __ATOMIC_RELEASE);
	}
	do {
		to = was;
		to.flags = lock ? to.flags | XR_VM_LOCK : to.flags & ~XR_VM_LOCK;
	} while (!vm_change(p, place, &was, to));
	if (lock) {
		ports_own(p, place, p->vms[place].tap);
		return 0;
	}
	__atomic_fetch_sub(&p->vm_control->locked, 1, __ATOMIC_RELEASE);
	index_lock(p, place, false);
	ports_find_others(p, place);
	return 0;
}
