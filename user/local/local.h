/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a move needs of this machine when the VM leaves it or comes to it: the VM's tap,
 * the tc programs, the frames that were never read, the kernel's own tables.
 *
 * Each vm_local_ function is called after the VM's state was changed, does nothing where
 * neither host is local, and can be repeated. vm_index is the VM's in vms. What cannot be
 * had here (no tap found, no VXLAN device, no ring free) is a line in warn, not an error:
 * the redirect by XDP does not depend on it. The functions return 0 or -errno; warn may
 * be NULL.
 */
#ifndef XR_LOCAL_LOCAL_H
#define XR_LOCAL_LOCAL_H

#include "plane/plane.h"

/* ---- before a move ---- */

/*
 * A VM is new, or its addresses or port changed. Where attaching a tc program stops the
 * tap for a moment (see tc_stops_devices()), it is attached now, and not when the VM
 * begins to move. Gives no warning: a port that is not found is looked for again then.
 */
int vm_local_added(struct plane *p, __u32 vm_index);

/*
 * Whether a device that is named as a VM's port can be one. 0 also where no device has
 * that name yet; or -EINVAL and the line.
 */
int port_check(struct plane *p, const char *name, struct xr_err *err);

/*
 * Whose port the device is: number (index + 1) of another VM than key's that is on this
 * machine, or comes to it; 0: nobody's. may_share: which VMs do not count.
 * port_check_holder() gives -EEXIST and the line where there is one.
 */
#define PORT_WITH_SAME_MAC 1U /* those of the same MAC, in another VLAN */
#define PORT_WITH_LOCKED   2U /* those that are locked to it by name, as key's VM is */
__u32 port_holder(struct plane *p, __u64 key, const char *name, unsigned int may_share);
int port_check_holder(struct plane *p, __u64 key, const char *name, unsigned int may_share,
		      struct xr_err *err);

/* ---- the VM prepares to move ---- */

/* What the caller knows of the VM here. */
struct vm_prepare_hints {
	const char *tap; /* its port; NULL: unknown */
	__u32 reader;    /* the process that should have the tap open; 0: unknown */
	bool soon;       /* programs may be attached after the return: tc_attach_soon() */
	bool again;      /* prepared before: do only what changed since */
};

/*
 * Old host: finds the tap, attaches the program that counts and copies, begins a ring.
 * New host: attaches a program to the tap that waits there.
 */
int vm_local_prepare(struct plane *p, __u32 vm_index, const struct vm_prepare_hints *hints,
		     struct xr_err *warn);

/*
 * Old host: whether the tap's queue was empty just now, as far as is known. Only an empty
 * queue shows how many frames it held when the ring began. So this is to be called again
 * and again after vm_local_prepare(), until it returned true SAMPLES_EMPTY times in a row,
 * or was called SAMPLES_MOST times: the more often, the more exact is the count of unread
 * frames.
 */
#define SAMPLES_EMPTY 6
#define SAMPLES_MOST  24
bool vm_local_sample(struct plane *p, __u32 vm_index);
/* Microseconds until the n-th call: uneven, so that frames at even times cannot hide it. */
__u32 vm_local_sample_wait(int n);

/* ---- the VM stands still ---- */

/* Frames. */
struct vm_residual {
	__u64 unread;   /* that went into the tap and were not read */
	__u64 replayed; /* that were sent to the new host */
	__u64 lost;     /* that the ring did not have any more */
};

/*
 * Old host, the state is BLACKOUT and copies are being made: sends the frames to the new
 * host that went into the tap before and were never read.
 */
int vm_local_pause(struct plane *p, __u32 vm_index, struct vm_residual *r, struct xr_err *warn);

/*
 * Frames that QEMU read and threw away as it stopped. The tap's count of frames that were
 * read does not show them; the virtqueue's count of used buffers (used: 16 bits) does, for
 * who can ask QEMU for it.
 *
 * While the guest runs, the caller reads the tap's count with vm_local_read_count(), asks QEMU,
 * and reads the tap's count again; vm_local_compare() is given all three, and is true once
 * the difference of the two counts is known exactly. When the guest stands still,
 * vm_local_delivered() is given QEMU's last count and sends what is missing to the new host.
 */
int vm_local_read_count(struct plane *p, __u32 vm_index, __u64 *reads);
bool vm_local_compare(struct plane *p, __u32 vm_index, __u16 used, __u64 before, __u64 after);
int vm_local_delivered(struct plane *p, __u32 vm_index, __u16 used, struct vm_residual *r);

/* ---- the VM has moved, or not ---- */

/*
 * New host, the VM runs here, and its state does not say so yet. What the bridge knew of
 * it would send its frames back to the fabric, and after the state has changed that is a
 * loop. source: enum xr_source, who says so.
 */
int vm_local_arrive(struct plane *p, __u32 vm_index, __u16 host, __u8 source, struct xr_err *warn);
/*
 * The state is MOVED. from: the host where the VM was. arrived: vm_local_arrive() was
 * called before.
 */
int vm_local_moved(struct plane *p, __u32 vm_index, __u16 from, bool arrived, __u8 source,
		   struct xr_err *warn);
/* The move is given up: the VM stays where it was. */
int vm_local_cancel(struct plane *p, __u32 vm_index, struct xr_err *warn);
/* The fabric knows where the VM is: the redirect ends. What its host needs remains. */
int vm_local_expire(struct plane *p, __u32 vm_index, struct xr_err *warn);
/* The VM is to be forgotten: removes every trace. */
int vm_local_forget(struct plane *p, __u32 vm_index, struct xr_err *warn);

/* ---- this machine ---- */

/*
 * Once a second and VM where a daemon runs: forgets a tap that is gone, ends a ring that
 * nobody needs, samples the others.
 */
void vm_local_age(struct plane *p, __u32 vm_index);

/*
 * Attaches tc programs to uplinks (attached devices of role node that are no VM's port)
 * and to VXLAN devices, and removes them where they are not needed: all of them where no
 * host is local. Called after devices or hosts changed, and by the daemon when links do.
 */
int vm_local_refresh_hooks(struct plane *p, struct xr_err *warn);

/* Replaces the attached tc programs by freshly loaded ones. */
int vm_local_reload(struct plane *p, struct xr_err *err);

/* Detaches every tc program and removes what was written into the kernel. */
void vm_local_destroy(struct plane *p);

struct vm_reach {
	__u32 dev;       /* 0: none leads there */
	__u32 master;    /* then, what its port is a port of; 0: its port is not known */
	bool lacks_vlan; /* that is a bridge which has no device of the VM's VLAN */
};

/*
 * The device by which this machine's own kernel gets to the VM that is here: its port's bridge
 * (of a bridge that knows VLANs the device of the VM's), else its port.
 */
struct vm_reach vm_local_reach(struct plane *p, __u32 vm_index);

/*
 * Whether that process, a QEMU, has that tap of this namespace open. UNSEEN: it is no
 * QEMU, or its descriptors cannot be looked at.
 */
enum tap_held { TAP_UNSEEN, TAP_HELD, TAP_NOT_HELD };
enum tap_held tap_held_by(const char *tap, __u32 pid);

#endif
