/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the tc programs of tc.bpf.c are attached: the tc_hooks map tells, the
 * kernel keeps them when the process ends. A record is written before its hook is
 * made and dropped after it is gone; what is ours on a device is known by the
 * maps it uses, so that each step can be repeated after a kill.
 */
#ifndef XR_ATTACH_TC_H
#define XR_ATTACH_TC_H

#include <stdbool.h>
#include "plane/plane.h"

/*
 * Attaches the kind's program to the device of this network namespace, unless
 * it is there: as tcx, or as a filter where the kernel has none (before 6.6).
 * clsact is made for that where there is none, and then is ours to remove.
 */
int tc_attach(struct plane *p, __u32 ifindex, const char *name, enum xr_tc_kind kind,
	      struct xr_err *err);
/*
 * The same, but it need not be there on return: the plane's worker, where it has one
 * (see below), goes on with it. Before that, it calls first() of the VM at that place.
 */
typedef void tc_first(struct plane *p, __u32 place, const char *name);

int tc_attach_soon(struct plane *p, __u32 ifindex, const char *name, enum xr_tc_kind kind,
		   tc_first *first, __u32 place, struct xr_err *err);
void tc_detach(struct plane *p, __u32 ifindex, enum xr_tc_kind kind);
/* Attached, or about to be; by the record alone, nobody is asked. */
bool tc_recorded(struct plane *p, __u32 ifindex, enum xr_tc_kind kind);

/* One of them is not there yet: tc_attach_soon() goes on with it, or a kill came. */
bool tc_is_coming(struct plane *p, __u32 ifindex);

/* Everywhere; namespaces that are gone took theirs along. */
void tc_detach_all(struct plane *p);

/* Puts freshly loaded programs in the attached ones' places, with no gap. */
int tc_reload(struct plane *p, struct xr_err *err);

/*
 * Whether attaching to a device, or detaching, may stop it for some ms, in which
 * what is sent to it is lost: kernels without tcx.
 */
bool tc_stops_devices(void);

/*
 * Another device of this number, in another namespace, that has programs: they know
 * devices by their numbers (the map taps). NULL: none has.
 */
const struct xr_tc_hook *tc_elsewhere(struct plane *p, __u32 ifindex);
/* The same, said in err. */
bool tc_number_taken(struct plane *p, __u32 ifindex, const char *name, struct xr_err *err);

/* The next record at or after *at, or NULL; *at goes behind it. */
struct xr_tc_hook *tc_next(struct plane *p, int *at);

/* A program for replaying (see tc.bpf.c): an fd to close, or -errno. */
int tc_replay_program(struct plane *p, struct xr_err *err);

/* Detaches a program that is known by its pin alone (another map layout). */
void tc_sweep(const char *pin);

/*
 * The worker: a thread that attaches tc programs while the process goes on, for the
 * kernel waits for all CPUs before it returns, some ms. One for the process (the
 * daemon) and the plane that it keeps open; a process without it waits instead.
 * Each hook has its record before; one whose record has gone meanwhile is taken
 * away again when it is settled.
 */

/* An fd that is readable when something is to be settled, the worker's; or -errno. */
int tc_worker_start(struct plane *p);

/*
 * Writes down what is attached and what failed, each of which fail() is told of.
 * Under the instance's lock, or with p NULL: the instance is gone. Nothing is done
 * where there is no worker.
 */
typedef void tc_fail(void *ctx, const char *line);
void tc_worker_settle(struct plane *p, tc_fail *fail, void *ctx);

/* Waits until all is done, settles it in the same way, and closes the fd. */
void tc_worker_stop(struct plane *p, tc_fail *fail, void *ctx);

/* Whether something on that device is not settled yet. */
bool tc_worker_has(const struct plane *p, __u32 ifindex);
/* Until all that was to be attached to the device is. */
void tc_worker_wait(const struct plane *p, __u32 ifindex);

#endif
