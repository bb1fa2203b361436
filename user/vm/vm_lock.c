// SPDX-License-Identifier: GPL-2.0-only
/*
 * The map locked_macs (include/xroam/abi.h): which VMs of a MAC are locked. It goes by
 * the MAC alone, as a switch does that knows no VLANs; VMs in several VLANs may have
 * the same one.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include "host/ports.h"
#include "lib/index.h"
#include "vm_priv.h"

struct same_mac {
	struct plane *p;
	__u64 mac;
	__u32 except_no; /* vm_index + 1 of the one that is left out */
	struct xr_locked found;
};

static __u64 mac_at(const struct plane *p, __u32 vm_index)
{
	return p->vms[vm_index].key & 0xffffffffffffULL;
}

static void add_vm(struct xr_locked *l, __u32 vm_index)
{
	int i;

	for (i = 0; i < XR_LOCKED_SAME; i++)
		if (!l->place[i]) {
			l->place[i] = no_of_index(vm_index);
			return;
		}
	l->more = 1;
}

static int add_if_locked(void *ctx, __u32 vm_index)
{
	struct same_mac *s = ctx;

	if (no_of_index(vm_index) != s->except_no && mac_at(s->p, vm_index) == s->mac &&
	    s->p->vms[vm_index].now.flags & XR_VM_LOCK)
		add_vm(&s->found, vm_index);
	return 0;
}

/* Where an element has no room for all (more), all VMs are searched. */
static void find_same_mac(struct same_mac *s)
{
	struct xr_locked had;
	int i;

	if (bpf_map_lookup_elem(s->p->fd[PLANE_LOCKED_MACS], &s->mac, &had))
		return;
	for (i = 0; !had.more && i < XR_LOCKED_SAME; i++)
		if (had.place[i])
			add_if_locked(s, index_of_no(had.place[i]));
	if (had.more)
		vm_each(s->p, add_if_locked, s);
}

static int store_locked(struct plane *p, __u32 vm_index, bool lock)
{
	struct same_mac s = { .p = p,
			      .mac = mac_at(p, vm_index),
			      .except_no = no_of_index(vm_index) };
	int fd = p->fd[PLANE_LOCKED_MACS];

	find_same_mac(&s);
	if (lock)
		add_vm(&s.found, vm_index);
	if (!s.found.place[0]) {
		bpf_map_delete_elem(fd, &s.mac);
		return 0;
	}
	return bpf_map_update_elem(fd, &s.mac, &s.found, 0) ? -errno : 0;
}

/* In the map and in the count before the flag is set and until after it is cleared. */
int vm_set_lock(struct plane *p, __u32 vm_index, bool lock)
{
	struct xr_vm_now was = vm_now(p, vm_index), to;
	int ret;

	if (lock == !!(was.flags & XR_VM_LOCK))
		return 0;
	if (lock) {
		ret = store_locked(p, vm_index, true);
		if (ret)
			return ret;
		__atomic_fetch_add(&p->vm_control->locked, 1, __ATOMIC_RELEASE);
	}
	do {
		to = was;
		to.flags = lock ? to.flags | XR_VM_LOCK : to.flags & ~XR_VM_LOCK;
	} while (!vm_change(p, vm_index, &was, to));
	if (lock) {
		ports_set_own(p, vm_index, p->vms[vm_index].tap);
		return 0;
	}
	__atomic_fetch_sub(&p->vm_control->locked, 1, __ATOMIC_RELEASE);
	store_locked(p, vm_index, false);
	ports_find_others(p, vm_index);
	return 0;
}
