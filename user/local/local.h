/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a move needs of this machine when the VM leaves it or comes to it: its
 * tap, the tc programs, the residual, the kernel's own tables. Each is called
 * after the VM's word was changed, does nothing where neither host is local, and
 * can be repeated. What cannot be had here (no tap found, no
 * VXLAN device, no ring free) is a line in warn, not an error: the redirect by
 * XDP does not depend on it.
 */
#ifndef XR_LOCAL_LOCAL_H
#define XR_LOCAL_LOCAL_H

#include "plane/plane.h"

/*
 * A new VM, or its binding changed. Where making a hook stops the tap for a
 * moment (see tc.h), that is now, and not when the VM begins to move.
 */
int vm_local_added(struct plane *p, __u32 place, struct xr_err *warn);

/*
 * Whether a device that is named as a VM's port can be one, if it is there yet: 0,
 * or -EINVAL and the line.
 */
int port_check(struct plane *p, const char *name, struct xr_err *err);

/*
 * The place, plus one, of another VM that is here, or comes, and whose port it is; or
 * 0. key: whom it is to be. port_refused_to(): -EEXIST and the line where there is
 * one.
 */
#define PORT_WITH_SAME_MAC 1U /* but for one of its MAC, in another VLAN */
#define PORT_WITH_LOCKED   2U /* but for one that is locked to it, as this is */
__u32 port_holder(struct plane *p, __u64 key, const char *name, unsigned int may_share);
int port_refused_to(struct plane *p, __u64 key, const char *name, unsigned int may_share,
		    struct xr_err *err);

/*
 * Old host: finds the tap, hooks it, begins a ring. New host: hooks the tap that
 * waits there.
 */
struct vm_told {
	const char *tap; /* its port here, by who knows; NULL: unknown */
	__u32 reader;    /* the process that should have it open; or 0 */
	bool soon;       /* hooks may come later: tc_attach_soon() */
	bool again;      /* prepared before: only what is another now */
};
int vm_local_prepare(struct plane *p, __u32 place, const struct vm_told *told, struct xr_err *warn);

/*
 * Old host: whether its port's queue was empty just now, as far as is known; what
 * it held when the ring began comes to light when it is. To be asked at odd times
 * after vm_local_prepare(), until it was so SAMPLES_EMPTY times in a row, or
 * SAMPLES_MOST times: the more, the more exact is the residual.
 */
#define SAMPLES_EMPTY 6
#define SAMPLES_MOST  24
bool vm_local_sample(struct plane *p, __u32 place);
/* Microseconds until the n-th: frames that come at even ones must not hide it. */
__u32 vm_local_sample_wait(int n);

/*
 * Old host, the word says BLACKOUT and copies are being made: replays the frames
 * that went into the tap before and were never read.
 */
struct vm_residual {
	__u64 unread, replayed, lost;
};
int vm_local_pause(struct plane *p, __u32 place, struct vm_residual *r, struct xr_err *warn);

/*
 * New host, the VM runs here: before the word says so. What the bridge knew of it
 * would send its frames back to the fabric, and after the word that is a loop.
 */
int vm_local_arrive(struct plane *p, __u32 place, __u16 host, struct xr_err *warn);
/* The word says MOVED. from: where it was. arrived: vm_local_arrive() was done. */
int vm_local_moved(struct plane *p, __u32 place, __u16 from, bool arrived, struct xr_err *warn);
/*
 * QEMU's own word on the residual: how many frames its guest got, as its virtqueue
 * counts (16 bits). While the guest runs, vm_local_compare() sets against it what
 * the tap says (vm_local_reads()), before it was asked and after; true where that
 * made their difference known exactly. Once the guest stands still it tells of
 * what QEMU took from the tap in the moment of stopping and threw away:
 * vm_local_delivered() replays that, too.
 */
int vm_local_reads(struct plane *p, __u32 place, __u64 *reads);
bool vm_local_compare(struct plane *p, __u32 place, __u16 used, __u64 before, __u64 after);
int vm_local_delivered(struct plane *p, __u32 place, __u16 used, struct vm_residual *r);

int vm_local_cancel(struct plane *p, __u32 place, struct xr_err *warn);
/* The redirect is over: where it is, is known. What its host needs remains. */
int vm_local_expire(struct plane *p, __u32 place, struct xr_err *warn);
/* The VM is forgotten: removes every trace. */
int vm_local_forget(struct plane *p, __u32 place, struct xr_err *warn);

/*
 * Once a second where a daemon runs: devices that are gone, rings that nobody
 * needs, how much is unread.
 */
void vm_local_age(struct plane *p, __u32 place);

/*
 * Makes the tc programs stand where they should: uplinks (attached devices of
 * role node, but VMs' ports) and VXLAN devices while some host is local, nowhere
 * otherwise.
 * Called after devices or hosts changed, and by the daemon when links do.
 */
int vm_local_hooks(struct plane *p, struct xr_err *warn);

/* Freshly loaded tc programs in the place of those that are attached. */
int vm_local_reload(struct plane *p, struct xr_err *err);

/* Detaches every tc program and removes what was written into the kernel. */
void vm_local_destroy(struct plane *p);

/*
 * Whether that process, a QEMU, has that tap of this namespace open. UNSEEN: it is
 * none, or is not to be looked at.
 */
enum tap_held { TAP_UNSEEN, TAP_HELD, TAP_NOT_HELD };
enum tap_held tap_held_by(const char *tap, __u32 pid);

#endif
