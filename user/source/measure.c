// SPDX-License-Identifier: GPL-2.0-only
/*
 * How moves went, by the events about VMs: those of each command, of this daemon and of
 * the data plane. A blackout is timed by the clock of its two events; what began before
 * the daemon did is not measured.
 */
#include <stdlib.h>

#include "daemon/figures.h"
#include "measure_priv.h"

/* All 0: of a VM of which nothing was heard, and which has lost nothing yet. */
struct measured {
	__u64 key;         /* the VM's that it is of */
	__u64 stood_still; /* ns, since when; 0: it does not */
	__u64 residual;    /* frames replayed or lost, of all its moves up to now */
	bool under_way;
	bool unknown; /* residual is */
};

static __u64 residual_of(const struct plane *p, __u32 vm_index)
{
	const struct xr_vm_info *info = &p->vm_info[vm_index];

	return info->replayed + info->lost;
}

static struct measured *measured_of(struct measure *m, __u32 vm_index)
{
	struct plane *p = m->d->plane;
	struct measured *vm;

	if (!m->vm)
		m->vm = calloc(p->mac_buckets, XR_TAG_LANES * sizeof(*m->vm));
	if (!m->vm)
		return NULL;
	vm = &m->vm[vm_index];
	if (vm->key != p->vms[vm_index].key)
		*vm = (struct measured){ .key = p->vms[vm_index].key };
	return vm;
}

/* Events may be read late, when the VM is moves further: what it had before is taken now. */
static int begin_with(void *ctx, __u32 vm_index)
{
	struct measure *m = ctx;
	/* Before the state: frames are counted when that is BLACKOUT already. */
	__u64 residual = residual_of(m->d->plane, vm_index);
	struct xr_vm_now now = vm_now(m->d->plane, vm_index);
	struct measured *vm;

	if (!residual && !vm_under_way(now))
		return 0;
	vm = measured_of(m, vm_index);
	if (!vm)
		return 0;
	vm->residual = residual;
	vm->under_way = vm_under_way(now);
	vm->unknown = now.state == XR_VM_BLACKOUT;
	return 0;
}

void measure_begin(struct measure *m, struct daemon *d)
{
	*m = (struct measure){ .d = d, .began_ns = daemon_clock_us() * 1000 };
	vm_each(d->plane, begin_with, m);
}

void measure_free(struct measure *m)
{
	free(m->vm);
}

static void count_move(struct measure *m, unsigned int source, enum figures_move how)
{
	if (source < FIGURES_OF_SOURCES)
		figures_count(&m->d->figures->moves[source][how]);
}

static void moved(struct measure *m, struct measured *vm, const struct xr_event *e,
		  unsigned int source)
{
	count_move(m, source, FIGURES_MOVED);
	if (vm->stood_still && e->when_ns >= vm->stood_still)
		figures_observe(&m->d->figures->blackout, figures_blackout_bounds,
				(e->when_ns - vm->stood_still) / 1000);
}

/* What was replayed at this pause: all of it is done when its event is read. */
static void stands_still(struct measure *m, struct measured *vm, const struct xr_event *e,
			 __u64 residual)
{
	vm->stood_still = e->when_ns;
	if (!vm->unknown && residual >= vm->residual)
		figures_observe(&m->d->figures->residual, figures_residual_bounds,
				residual - vm->residual);
}

void measure_event(struct measure *m, const struct xr_event *e, __u32 vm_index)
{
	struct measured *vm = e->when_ns < m->began_ns ? NULL : measured_of(m, vm_index);
	__u64 residual = residual_of(m->d->plane, vm_index);
	bool by_itself = e->reason == XR_R_ACTIVATED || e->reason == XR_R_ANNOUNCEMENT;
	bool under_way = e->state == XR_VM_PREPARED || e->state == XR_VM_BLACKOUT;

	if (!vm)
		return;
	if (e->reason && !by_itself && e->reason != XR_R_MOVE_EXPIRED)
		return;
	if (e->state == XR_VM_BLACKOUT) {
		if (!vm->stood_still)
			stands_still(m, vm, e, residual);
	} else if (e->state == XR_VM_MOVED && e->from && e->from != e->host) {
		moved(m, vm, e, by_itself ? XR_SOURCE_ANNOUNCEMENT : e->source);
	} else if (vm->under_way && !under_way) {
		count_move(m, e->source,
			   e->reason == XR_R_MOVE_EXPIRED ? FIGURES_EXPIRED : FIGURES_CANCELLED);
	}
	vm->under_way = under_way;
	if (e->state != XR_VM_BLACKOUT)
		vm->stood_still = 0;
	/* What is read late must not take a later pause's frames for what was there before. */
	if (e->state == XR_VM_BLACKOUT ||
	    (!under_way && vm_now(m->d->plane, vm_index).state != XR_VM_BLACKOUT)) {
		vm->unknown = false;
		vm->residual = residual;
	}
}
