// SPDX-License-Identifier: GPL-2.0-only
/* The maps vm_bounds and vm_bounds_used: what a VM may send and get at its own port. */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include "lib/bounds.h"
#include "vm_bind.h"

static bool has_flag(const struct plane *p, __u32 vm_index)
{
	return vm_now(p, vm_index).flags & XR_VM_BOUNDS;
}

static void set_flag(struct plane *p, __u32 vm_index, bool on)
{
	struct xr_vm_now was = vm_now(p, vm_index), to;

	do {
		to = was;
		to.flags = on ? to.flags | XR_VM_BOUNDS : to.flags & ~XR_VM_BOUNDS;
	} while (!vm_change(p, vm_index, &was, to));
}

/* In the maps and in the count before the flag is set and until after it is cleared. */
static void remove_bounds(struct plane *p, __u32 vm_index)
{
	if (has_flag(p, vm_index)) {
		set_flag(p, vm_index, false);
		__atomic_fetch_sub(&p->vm_control->bounded, 1, __ATOMIC_RELEASE);
	}
	bpf_map_delete_elem(p->fd[PLANE_VM_BOUNDS], &vm_index);
	bpf_map_delete_elem(p->fd[PLANE_VM_BOUNDS_USED], &vm_index);
}

int vm_set_bounds(struct plane *p, __u32 vm_index, const struct xr_vm_bounds *b)
{
	const struct xr_vm_bounds_used none = { 0 };

	if (!bounds_any(b)) {
		if (has_flag(p, vm_index))
			remove_bounds(p, vm_index);
		return 0;
	}
	/* What was used of the bounds before counts on. */
	if (bpf_map_update_elem(p->fd[PLANE_VM_BOUNDS_USED], &vm_index, &none, BPF_NOEXIST) &&
	    errno != EEXIST)
		return -errno;
	if (bpf_map_update_elem(p->fd[PLANE_VM_BOUNDS], &vm_index, b, BPF_ANY))
		return -errno;
	if (has_flag(p, vm_index))
		return 0;
	__atomic_fetch_add(&p->vm_control->bounded, 1, __ATOMIC_RELEASE);
	set_flag(p, vm_index, true);
	return 0;
}

bool vm_get_bounds(const struct plane *p, __u32 vm_index, struct xr_vm_bounds *b)
{
	return has_flag(p, vm_index) && !bpf_map_lookup_elem(p->fd[PLANE_VM_BOUNDS], &vm_index, b);
}

bool vm_has_bounds(const struct plane *p, __u32 vm_index, const struct xr_vm_bounds *b)
{
	struct xr_vm_bounds now;

	return bounds_equal(vm_get_bounds(p, vm_index, &now) ? &now : NULL, b);
}

bool vm_get_bounds_used(const struct plane *p, __u32 vm_index, struct xr_vm_bounds_used *u)
{
	return has_flag(p, vm_index) &&
		!bpf_map_lookup_elem(p->fd[PLANE_VM_BOUNDS_USED], &vm_index, u);
}
