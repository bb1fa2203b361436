/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The programs of tc.bpf.c on devices. The map tc_hooks has a record of each; the
 * kernel keeps them attached when the process ends. A record is written before its
 * program is attached and dropped after it is detached, and a program on a device is
 * known as the instance's by the maps it uses: so each step can be repeated after a
 * kill.
 */
#ifndef XR_ATTACH_TC_H
#define XR_ATTACH_TC_H

#include <stdbool.h>
#include "plane/plane.h"

/*
 * Attaches the program of that kind to the device of this network namespace, unless it
 * is there: as tcx, or before kernel 6.6 as a filter (tc_filter.c).
 */
int tc_attach(struct plane *p, __u32 ifindex, const char *name, enum xr_tc_kind kind,
	      struct xr_err *err);
/*
 * The same, but it need not be attached on return: the plane's worker, where it has one
 * (see below), does that, and calls first() with the VM's index before.
 */
typedef void tc_before_attach(struct plane *p, __u32 vm_index, const char *name);

int tc_attach_soon(struct plane *p, __u32 ifindex, const char *name, enum xr_tc_kind kind,
		   tc_before_attach *first, __u32 vm_index, struct xr_err *err);
void tc_detach(struct plane *p, __u32 ifindex, enum xr_tc_kind kind);
/* Whether its record has it attached, or the worker has it to attach. */
bool tc_recorded(struct plane *p, __u32 ifindex, enum xr_tc_kind kind);

/* Whether a record has one there as not attached yet: the worker will, or was killed. */
bool tc_is_pending(struct plane *p, __u32 ifindex);

/* In every network namespace; those that are gone took their devices' along. */
void tc_detach_all(struct plane *p);

/* Replaces all that are attached by freshly loaded ones, with no gap. */
int tc_reload(struct plane *p, struct xr_err *err);

/*
 * Whether attaching to a device, or detaching, may stop it for some ms, in which
 * what is sent to it is lost: kernels without tcx.
 */
bool tc_stops_devices(void);

/*
 * The record of a device with the same number in another network namespace, or NULL. Such
 * two cannot both have programs: those know devices by number (the map taps).
 */
const struct xr_tc_hook *tc_with_same_number(struct plane *p, __u32 ifindex);
/* Whether there is one; err then names it. */
bool tc_number_taken(struct plane *p, __u32 ifindex, const char *name, struct xr_err *err);

/* The next record from index *at on, or NULL; *at becomes the index after it. */
struct xr_tc_hook *tc_next(struct plane *p, int *at);

/* The program that replays copied frames (see tc.bpf.c): an fd to close, or -errno. */
int tc_replay_program(struct plane *p, struct xr_err *err);

/* Detaches the pinned program from all devices: for pins of another map layout. */
void tc_sweep(const char *pin);

/*
 * The worker: a thread that attaches tc programs while its process goes on, for the
 * kernel takes some ms, in which it waits for all CPUs. There is one in the daemon, for
 * the plane that it keeps open; a process without it waits itself. A program has its
 * record before it is handed to the worker; if that is gone when the result is settled,
 * the program is detached again.
 */

/* An fd that is readable when something is to be settled (not to be closed); or -errno. */
int tc_worker_start(struct plane *p);

/*
 * Writes what is attached to its record, and drops the records of what failed, after
 * a call of fail() for each. p: under the instance's lock, or NULL: the lock cannot be
 * had, or the instance is gone, and all is detached. Without a worker nothing is done.
 */
typedef void tc_fail(void *ctx, const char *line);
void tc_worker_settle(struct plane *p, tc_fail *fail, void *ctx);

/* Waits for what it still has to attach, and ends its thread: without the lock. */
void tc_worker_finish(void);
/* Waits until all is done, settles it in the same way, and ends the worker. */
void tc_worker_stop(struct plane *p, tc_fail *fail, void *ctx);

/* Whether something on that device is not settled yet. */
bool tc_worker_has(const struct plane *p, __u32 ifindex);
/* Waits until all that was to be attached to the device is, or failed. */
void tc_worker_wait(const struct plane *p, __u32 ifindex);

#endif
