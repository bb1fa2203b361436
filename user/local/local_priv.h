/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of this room need of each other; the door is local.h. */
#ifndef XR_LOCAL_LOCAL_PRIV_H
#define XR_LOCAL_LOCAL_PRIV_H

#include "attach/tc.h"
#include "local.h"
#include "net/links.h"
#include "plane/vm_state.h"

/* ---- local.c ---- */

/* A VM, and this machine as it is now. */
struct local {
	struct plane *p;
	__u32 vm_index;
	struct xr_vm *vm;
	struct xr_vm_info *info;
	struct xr_vm_now now;
	__u8 mac[6];
	__u16 vlan;
	struct netlink nl;
	struct links links; /* once local_read() was called */
	bool has_links;
	struct link port; /* what port_known() returns */
	bool by_fdb;      /* bridges' tables said where the VM is, and may have said more since */
	bool doubt;       /* its port is in doubt: a warning was given, none is taken */
	struct xr_err *warn;
	int back; /* the caller's network namespace, to return to; -1: this is it */
};

/*
 * Enters the network namespace where the VM's traces are, or stays in this one.
 * local_close() leaves it again, and is needed after an error, too. local_open() reads
 * the devices at once.
 */
int local_begin(struct local *l, struct plane *p, __u32 vm_index, struct xr_err *warn);
int local_open(struct local *l, struct plane *p, __u32 vm_index, struct xr_err *warn);
void local_close(struct local *l);

/* Appends one more thing that could not be had to l->warn. */
void local_warn(struct local *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * Reads the devices, if they are not known yet. The kernel answers only when nobody
 * else on this machine is making or removing one.
 */
int local_read(struct local *l);

bool local_is_leaving(const struct local *l);
bool local_is_coming(const struct local *l);

/* Something was done for it on this machine that is not undone yet. */
bool local_has_traces(const struct plane *p, __u32 vm_index);

/* ---- hooks.c ---- */

/* What a device is to the tc programs: see the map taps in abi.h. 0: nothing. */
__u32 tap_kind(struct plane *p, __u32 ifindex);
void tap_set_kind(struct plane *p, __u32 ifindex, __u32 kind);

/* ---- port_find.c ---- */

/* The VM's port on this machine, or NULL: there is none, or it is in doubt. */
const struct link *port_find(struct local *l);
/* The port that is known already; only index, name and queue of its link are filled. */
const struct link *port_known(struct local *l);

/* true, and the line in err: what the device transmits does not go to a VM. */
bool port_refused(struct plane *p, const struct link *dev, struct xr_err *err);
/* One of this instance's programs is attached to it, here. */
bool port_is_attached(const struct plane *p, __u32 ifindex);

/* ---- port_holder.c ---- */

/* Why the device is no VM's port but the fabric's, in words; NULL: it is not. */
const char *port_of_fabric(struct plane *p, const struct link *dev);

/* ---- port_take.c ---- */

/*
 * Finds the port and makes the maps know it as this VM's: NULL and a warning where
 * there is none. Another port that it had before is left.
 */
const struct link *port_claim(struct local *l);
/*
 * Attaches the kind's tc program to the claimed port. soon: that may happen after the
 * return, see tc_attach_soon(); first is called before in any case. false: it cannot be
 * attached, and the port is not claimed any more.
 */
bool port_hook(struct local *l, const struct link *tap, enum xr_tc_kind kind,
	       tc_before_attach *first, bool soon);
/* Both. */
void port_take(struct local *l, enum xr_tc_kind kind);
/*
 * A VM with bounds keeps both programs at its port: takes it so, and soon as in port_hook().
 * Does nothing for other VMs. false: the port has not got both.
 */
bool port_bound(struct local *l, bool soon);
bool vm_is_bounded(const struct plane *p, __u32 vm_index);
/* The port as an earlier port_take() left it; NULL: something is another now. */
const struct link *port_taken(struct local *l, enum xr_tc_kind kind);

/* Removes programs and the maps' entry from the device, if it is still this VM's. */
void port_unhook(struct plane *p, __u32 vm_index, __u32 ifindex);
/* The same of the VM's port, which is not known from then on. */
void port_leave(struct local *l);
/* The same, unless removing programs would stop the port of a running VM. */
void port_ease(struct local *l);

/* Makes the port's queue long enough for what comes in a blackout; and undoes it. */
void port_raise_queue(struct local *l, const struct link *tap);
void port_restore_queue(struct local *l);

/* ---- tap.c ---- */

struct link_counts {
	__u64 read;    /* tx_packets: what its reader took */
	__u64 dropped; /* tx_dropped: what did not fit */
};

/* Not by netlink: that waits for whoever changes a device just now. */
int tap_counts(__u32 ifindex, struct link_counts *c);

/* Whether it takes frames that are to be segmented as they are. */
bool tap_takes_gso(const char *tap);

/* Sends a frame into the VM's tap, as if it had come for the VM. */
void tap_put(const struct local *l, const void *frame, size_t len);
/* Sends a frame that no guest uses, to see what the tap's reader does with it. */
void tap_probe(const struct local *l);

/* ---- reader.c ---- */

enum tap_reader {
	TAP_READER_OTHER,
	TAP_READER_QEMU, /* in user space: holds one frame more than it delivers */
	TAP_READER_VHOST,
};

/*
 * Who has the tap open. likely: the process to look at first, 0: none. *pid: the
 * reader's process, 0 where nobody is found.
 */
enum tap_reader tap_reader(const char *tap, __u32 likely, __u32 *pid);

/*
 * Where the process' first thread sleeps. A QEMU that sleeps in poll though there is a
 * frame in its tap has taken its one frame; one that sleeps elsewhere waits for a lock.
 */
enum reader_state { READER_AWAKE, READER_POLLS, READER_WAITS };
enum reader_state reader_state(__u32 pid);

/* ---- ring.c: which ring a VM has, and the frames in it ---- */

/* The VM's ring, or NULL. */
struct xr_ring *ring_at(struct plane *p, __u32 vm_index);
struct xr_ring *ring_of(const struct local *l);
/* Where frame number (from 1) was stored; a later one may have overwritten it. */
const struct xr_ring_frame *ring_frame(const struct local *l, __u64 number);
/* vm_local_delivered() may still come for it. */
bool ring_awaits(const struct local *l);
/* The VM has none from here on. */
void ring_end(struct plane *p, __u32 vm_index);

/* ---- unread.c: what went into the tap, and what of it was not read ---- */

/*
 * Begins a ring, if the VM has none. reader: the process that has the tap open, as far
 * as the caller knows, or 0. ring_ask() is to follow.
 */
void ring_begin(struct local *l, const struct link *tap, __u32 reader);
/*
 * Finds out who reads the tap, and whether segments have to be counted one by one. That
 * is needed only when the VM stops, and it waits for whoever makes or removes a device
 * just now: so it may be called from another thread.
 */
void ring_ask(struct plane *p, __u32 vm_index, const char *tap);
/*
 * Compares what went in with what was read. Whenever the queue is empty, this shows
 * what it held when the ring began. true: it is empty, as far as is known.
 */
bool ring_sample(struct plane *p, __u32 vm_index);
/*
 * Waits until nothing is read and nothing goes in any more: a program that saw the
 * state before may still be at it on another CPU. *left of the *entered frames are
 * unread.
 */
int ring_unread(struct local *l, struct xr_ring *r, __u64 *entered, __u64 *left);

/* ---- replay.c ---- */

/* Sends what is unread to that host; called again, it sends nothing twice. */
int ring_replay(struct local *l, __u16 to, struct vm_residual *r);
/* Sends the frames with numbers from + 1 to to. */
int ring_send(struct local *l, struct xr_ring *r, __u16 host, __u64 from, __u64 to,
	      struct vm_residual *out);

/* Fills in a checksum that the sender left to its device. Exported for the tests. */
void frame_fill_checksum(__u8 *frame, __u32 len);

/* ---- delivered.c: the frames that QEMU read but threw away ---- */

/* See vm_local_delivered(). */
int ring_delivered(struct local *l, __u16 to, __u16 used, struct vm_residual *r);
/* The VM goes on here: puts them into its tap again. */
void ring_give_back(struct local *l);

/* ---- kernel.c: the kernel's own tables ---- */

/* The VM is at now.host: this machine's own senders are led there. */
void kernel_depart(struct local *l);
/* The same where vm_local_pause() may have undone it: what stands is not written again. */
void kernel_depart_again(struct local *l);
/*
 * It is at this local host, or about to be: packets and frames for it go to its tap.
 * sticky: it is here, and the bridge must not learn otherwise.
 */
void kernel_arrive(struct local *l, __u16 host, bool sticky);
/* Removes what the two wrote. */
void kernel_clear(struct local *l);

#endif
