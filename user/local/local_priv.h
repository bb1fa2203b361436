/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of local.h tell each other, and nobody else. */
#ifndef XR_LOCAL_LOCAL_PRIV_H
#define XR_LOCAL_LOCAL_PRIV_H

#include "local.h"
#include "net/links.h"
#include "plane/vm_state.h"

/* A VM, and this machine as it is now. */
struct local {
	struct plane *p;
	__u32 place;
	struct xr_vm *vm;
	struct xr_vm_info *info;
	struct xr_vm_now now;
	__u8 mac[6];
	__u16 vlan;
	struct netlink nl;
	struct links links; /* once local_read() was called */
	bool has_links;
	struct link port; /* tap_known()'s */
	bool doubt;       /* about its port: it was told, none is taken */
	struct xr_err *warn;
	int back; /* to the caller's network namespace */
};

/* One more thing that could not be had. */
void local_warn(struct local *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * Reads the devices, if they are not known yet: that waits for whoever else on
 * this machine makes or removes one.
 */
int local_read(struct local *l);

bool local_is_leaving(const struct local *l);
bool local_is_coming(const struct local *l);

/* ---- hooks.c ---- */

/* What a device is to the tc programs: see the map taps in abi.h. 0: nothing. */
__u32 tap_kind(struct plane *p, __u32 ifindex);
void tap_set_kind(struct plane *p, __u32 ifindex, __u32 kind);

/* ---- port.c ---- */

/* Its port on this machine, or NULL: there is none, or it is in doubt. */
const struct link *tap_find(struct local *l);
/* The same, but not looked for: of its link the index, name and queue alone. */
const struct link *tap_known(struct local *l);

/* What it transmits does not go to a VM; said in err. */
bool port_refused(struct plane *p, const struct link *dev, struct xr_err *err);

/* ---- holder.c ---- */

/* What it is that no VM's port is; or NULL. */
const char *port_of_fabric(struct plane *p, const struct link *dev);

/* ---- tap.c ---- */

struct link_counts {
	__u64 read;    /* tx_packets: what its reader took */
	__u64 dropped; /* tx_dropped: what did not fit */
};

/* Not by netlink: that waits for whoever changes a device just now. */
int tap_counts(__u32 ifindex, struct link_counts *c);

/* Whether it takes frames that are to be segmented as they are. */
bool tap_takes_gso(const char *tap);

/* Into it, as if it had come for the VM. */
void tap_put(const struct local *l, const void *frame, size_t len);
/* A frame for nobody, to see what its reader does with it. */
void tap_probe(const struct local *l);

/* ---- reader.c ---- */

enum tap_reader {
	TAP_READER_OTHER,
	TAP_READER_QEMU, /* in user space: holds one frame more than it delivers */
	TAP_READER_VHOST,
};

/*
 * pid: its process, 0 where no QEMU has it open; likely: who is looked at first,
 * 0: nobody.
 */
enum tap_reader tap_reader(const char *tap, __u32 likely, __u32 *pid);

/*
 * Where its first thread sleeps: asleep in poll though there is a frame in the tap,
 * it has its one frame; asleep elsewhere, it waits for a lock.
 */
enum sleep { AWAKE, POLLS, WAITS };
enum sleep reader_sleeps(__u32 pid);
/* How long its first thread has run, in ns; 0: not known. */

/* ---- ring.c: what went in, and what of it was not read ---- */

/* reader: as told, or 0. ring_ask() is to follow. */
void ring_begin(struct local *l, const struct link *tap, __u32 reader);
/*
 * Who reads there, and whether segments have to be counted one by one: only of use
 * at the end, and waits for whoever makes or removes a device just now. From any
 * thread.
 */
void ring_ask(struct plane *p, __u32 place, const char *tap);
void ring_end(struct plane *p, __u32 place);
/*
 * What was unread when the ring began shows now and then: the queue is empty.
 * true: so it was, as far as is known.
 */
bool ring_sample(struct plane *p, __u32 place);

/* The VM's, or NULL. */
struct xr_ring *ring_at(struct plane *p, __u32 place);
struct xr_ring *ring_of(const struct local *l);
/* number: from 1; the place where it was, whoever is there now. */
const struct xr_ring_frame *ring_frame(const struct local *l, __u64 number);
/* QEMU's word on it is still to come. */
bool ring_awaits(const struct local *l);
/*
 * Waits until nothing is read and nothing goes in any more: a program that saw
 * the state before may still be at it on another CPU.
 */
int ring_unread(struct local *l, struct xr_ring *r, __u64 *entered, __u64 *left);

/* ---- replay.c ---- */

/* To that host; again, it does nothing. */
int ring_replay(struct local *l, __u16 to, struct vm_residual *r);
/* Frames from + 1 to to. */
int ring_send(struct local *l, struct xr_ring *r, __u16 host, __u64 from, __u64 to,
	      struct vm_residual *out);

/* Checksums that the sender left to its device. Exported for the tests. */
void frame_fill_checksum(__u8 *frame, __u32 len);

/* ---- delivered.c: QEMU's own count ---- */

/* See vm_local_delivered(). */
int ring_delivered(struct local *l, __u16 to, __u16 used, struct vm_residual *r);
/* Here it goes on without what was thrown away: into its tap with it again. */
void ring_give_back(struct local *l);

/* ---- kernel.c: the kernel's own tables ---- */

/* The VM is at now.host: senders of this machine reach it there. */
void kernel_depart(struct local *l);
/* It is at this local host, or about to be: packets and frames for it go to its tap. */
void kernel_arrive(struct local *l, __u16 host, bool sticky);
void kernel_clear(struct local *l);

#endif
