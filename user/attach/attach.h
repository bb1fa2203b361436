/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs on devices. What else depends on which devices there are is looked after
 * by whoever calls (commit/devices.h): it is told after each that came, went or
 * moved. left: the network namespace that one left, or 0.
 */
#ifndef XR_ATTACH_ATTACH_H
#define XR_ATTACH_ATTACH_H

#include "lib/text.h"
#include "plane/plane.h"

typedef void devices_changed_fn(struct plane *p, __u64 left);

/*
 * Loads a program for the device and attaches it. -EEXIST, -ENODEV,
 * -EOPNOTSUPP, -EBUSY with the line saying why. On success err may hold a
 * note: why auto did not get native mode.
 */
int plane_attach(struct plane *p, const char *dev, enum attach_want want, enum xr_role role,
		 devices_changed_fn *changed, struct xr_err *err);
int plane_detach(struct plane *p, const char *dev, devices_changed_fn *changed, struct xr_err *err);
int plane_detach_all(struct plane *p, devices_changed_fn *changed, struct xr_err *err);

/* Another mode is asked for, but what runs is as good: see struct xr_device. */
void plane_want(struct plane *p, const char *dev, enum attach_want want);

/* `policy moves: ports` believes what comes in there; the device is attached. */
void plane_trust(struct plane *p, const char *dev, bool trusted);

/* What ends there beside what is for the machine's addresses; the same. */
void plane_list_ends(struct plane *p, const char *dev, const struct xr_listed *listed);

/* The same for one that is known by its record, wherever it is. */
int plane_detach_device(struct plane *p, const struct xr_device *d, devices_changed_fn *changed,
			struct xr_err *err);

/* The device's record (in this network namespace), or NULL. */
const struct xr_device *plane_device(struct plane *p, const char *dev);

enum device_state { DEVICE_ATTACHED, DEVICE_GONE, DEVICE_NO_PROGRAM };
enum device_state plane_device_state(struct plane *p, const struct xr_device *d);

/* Devices of this network namespace that were renamed; under the lock. */
void plane_follow_names(struct plane *p, devices_changed_fn *changed);

/*
 * Where the record's device is now, which may have been renamed or moved since;
 * the record learns of it when the instance is next opened for a change.
 */
struct device_place {
	__u64 netns;
	__u32 ifindex;
	char name[16];
	bool no_netns; /* its namespace is gone, or nobody leads there */
};
enum device_state plane_device_place(struct plane *p, const struct xr_device *d,
				     struct device_place *at);

/*
 * Puts a freshly loaded program in each attached one's place, with no gap; *done:
 * in how many. -ENOENT where one had none: the others have theirs.
 */
int plane_reload(struct plane *p, int *done, struct xr_err *err);

/* Puts right what a kill left, and what was renamed or moved; under the lock. */
void attach_recover(struct plane *p, devices_changed_fn *changed);

/* Detaches a program that is known by its pin alone (another map layout). */
void attach_sweep(const char *pin);

/*
 * Loads the node program with the instance's maps and knobs and gives its fd
 * (close it). trace: with counters, flows and next hops replaced by private
 * copies and the trace map filled; *trace_fd then names that map.
 */
int plane_load(struct plane *p, const char *dev, bool trace, int *prog_fd, int *trace_fd,
	       struct xr_err *err);

#endif
