/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of this room share. From the bottom: queue.c has the guest's queue; view.c
 * is where the VM is, by the instance's tables, and posts notices; leave.c and arrive.c are
 * a move as seen where the VM comes from and where it goes to; move.c sorts the events.
 */
#ifndef XR_GUEST_GUEST_PRIV_H
#define XR_GUEST_GUEST_PRIV_H

#include "guest.h"

/* ---- queue.c ---- */

/* A move of its guest was prepared: samples its queue now and then. */
void guest_queue_watch(struct guest *g);
void guest_queue_stopped(struct guest *g);

/* ---- view.c ---- */

struct guest_view {
	bool known; /* the VM is; else all the rest is 0 */
	__u32 vm_index;
	struct xr_vm_now now;
	bool under_way; /* prepared or in blackout */
};

struct guest_view guest_view_of(const struct guest *g);
/* VM_NOWHERE: not known. */
__u32 guest_vm_index(const struct guest *g);
/* Whether that host is where this guest's events come from. */
bool guest_is_here(const struct guest *g, __u16 host);
/* The VM is here by the instance's tables; the word of others on it counts for nothing. */
bool guest_is_from_here(const struct guest *g, const struct guest_view *v);
/* The host that it is here, for this VM; 0: there is none. */
__u16 guest_host_here(const struct guest *g, const struct guest_view *v);
const char *guest_host_name(const struct guest *g, __u16 host);
/* host: a name, or NULL. A refusal is logged, and remembered where the lock was missing. */
void guest_post_notice(struct guest *g, enum xr_notice_kind kind, const char *host);

/* ---- leave.c: where the VM leaves ---- */

void guest_leave_prepare(struct guest *g);
/* QEMU says that it stopped the guest at that time; 0: it does not say. */
void guest_leave_stopped(struct guest *g, int64_t at);
/* The guest stands still, since whenever. */
void guest_leave_stands_still(struct guest *g);
/* g->migration is another now, and does not begin. */
void guest_leave_step(struct guest *g);
/* All is copied, or the rest follows: the new host may begin. */
void guest_leave_handed_over(struct guest *g);
/*
 * For how long the old host goes on copying frames once the VM is, or should be, elsewhere. The
 * blackout's deadline must not come before: a tick is up to a second.
 */
uint64_t guest_hand_over_us(const struct guest *g, const struct guest_view *v);
/* It does not come back any more. */
void guest_leave_moved(struct guest *g);
/* The move is cancelled, if one is under way. */
void guest_leave_stayed(struct guest *g);
void guest_leave_runs_again(struct guest *g);
/* It runs where the instance has it: a loop that was found while it did not is over. */
void guest_ends_loop(struct guest *g);

/* ---- arrive.c: where it comes to ---- */

void guest_arrive_prepare(struct guest *g);
/* The VM runs here. */
void guest_arrived(struct guest *g);
/* It will not come. */
void guest_arrive_failed(struct guest *g);

/* ---- move.c ---- */

/* g->migration is another now. */
void guest_follow_migration(struct guest *g);
/* A prepare that was put off, if there is one: before anything else that happens. */
void guest_prepare_now(struct guest *g);

#endif
