// SPDX-License-Identifier: GPL-2.0-only
/* Until vm_local.c is there. */
#include "vm_local.h"

#define WEAK __attribute__((weak))

WEAK int vm_local_prepare(struct plane *p, __u32 place, struct xr_err *warn)
{
	return 0;
}

WEAK int vm_local_pause(struct plane *p, __u32 place, struct vm_residual *r,
			struct xr_err *warn)
{
	return 0;
}

WEAK int vm_local_moved(struct plane *p, __u32 place, __u16 from,
			struct xr_err *warn)
{
	return 0;
}

WEAK int vm_local_cancel(struct plane *p, __u32 place, struct xr_err *warn)
{
	return 0;
}

WEAK int vm_local_forget(struct plane *p, __u32 place, struct xr_err *warn)
{
	return 0;
}

WEAK int vm_local_hooks(struct plane *p, struct xr_err *warn)
{
	return 0;
}

WEAK void vm_local_destroy(struct plane *p)
{
}
