/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the tc programs of copy.bpf.c are attached: the tc_hooks map tells, the
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
 * The same, but it need not be there on return: a worker of the process, where it
 * has one (plane->tc_worker), goes on with it. Before, it calls first() of the VM
 * at that place.
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

/* A program for replaying (see copy.bpf.c): an fd to close, or -errno. */
int tc_replay_program(struct plane *p, struct xr_err *err);

/* Detaches a program that is known by its pin alone (another map layout). */
void tc_sweep(const char *pin);

#endif
