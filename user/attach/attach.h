/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * XDP programs on devices. What depends on which devices are attached is up to the
 * caller (devices/devices.h): changed() is called after each that was attached, detached
 * or moved.
 */
#ifndef XR_ATTACH_ATTACH_H
#define XR_ATTACH_ATTACH_H

#include "lib/text.h"
#include "plane/plane.h"

/* left: the id of the network namespace that a device left, or 0. */
typedef void devices_changed_fn(struct plane *p, __u64 left);

/*
 * Loads a program for the device and attaches it. -EEXIST: the instance's is there
 * already; -EBUSY: another one, beside which it cannot run; -ENODEV; -EOPNOTSUPP: not in
 * that mode. On success err may have a note: why ATTACH_AUTO came to generic mode.
 */
int plane_attach(struct plane *p, const char *dev, enum attach_want want, enum xr_role role,
		 devices_changed_fn *changed, struct xr_err *err);
int plane_detach(struct plane *p, const char *dev, devices_changed_fn *changed, struct xr_err *err);
int plane_detach_all(struct plane *p, devices_changed_fn *changed, struct xr_err *err);

/* Records that another mode is wanted; the program that runs is in it already. */
void plane_record_mode(struct plane *p, const char *dev, enum attach_want want);

/* Records that `policy moves: ports` trusts what comes in there, or does not. */
void plane_record_trusted(struct plane *p, const char *dev, bool trusted);

/* Records which tunnels end there beside those to the machine's own addresses. */
void plane_record_ends(struct plane *p, const char *dev, const struct xr_listed *listed);

/* plane_detach() of a device by its record, in whichever network namespace it is. */
int plane_detach_device(struct plane *p, const struct xr_device *d, devices_changed_fn *changed,
			struct xr_err *err);

/* The device's record (in this network namespace), or NULL. */
const struct xr_device *plane_device(struct plane *p, const char *dev);

enum device_state { DEVICE_ATTACHED, DEVICE_GONE, DEVICE_NO_PROGRAM };
enum device_state plane_device_state(struct plane *p, const struct xr_device *d);
/* Whether the program runs on the record's device of this network namespace, and only there. */
bool plane_device_runs(struct plane *p, const struct xr_device *d);
/* Where no device is attached: why no packet is seen, and the cure. */
const char *plane_unattached(const struct plane *p);

/* Corrects the records of renamed devices of this network namespace; under the lock. */
void plane_follow_names(struct plane *p, devices_changed_fn *changed);

/*
 * Where the record's device is now: it may have been renamed or moved since. The record
 * is corrected when the instance is next opened for a change (attach_recover()).
 */
struct device_location {
	__u64 netns;
	__u32 ifindex;
	char name[16];
	bool no_netns; /* its namespace is gone, or not to be entered by any name or process */
};
enum device_state plane_device_location(struct plane *p, const struct xr_device *d,
					struct device_location *at);

/* An XDP program on a device, whosever it is. */
struct device_program {
	__u32 id;
	char name[16];
	__u8 tag[8];
	bool ours;                  /* of the instance that was asked for */
	bool native;                /* in native mode */
	bool single;                /* without a dispatcher: there is room for no other */
	bool orphan;                /* of an instance whose pins are gone */
	char instance[XR_NAME_LEN]; /* whose it is; empty: none's */
};

/*
 * Fills the list with the programs on a device of this network namespace, at most max. p:
 * whose are "ours"; NULL: none are. How many, or -errno.
 */
int plane_device_programs(struct plane *p, __u32 ifindex, struct device_program *list, int max);

/*
 * Replaces each attached program by a freshly loaded one, with no gap; *done: how many.
 * -ENOENT: a device had none to replace; those of the others were replaced.
 */
int plane_reload(struct plane *p, int *done, struct xr_err *err);

/* Corrects what a killed command left, and what was renamed or moved; under the lock. */
void attach_recover(struct plane *p, devices_changed_fn *changed);

/*
 * Without the lock, for which the daemon need not wait then: loads what plane_reload() and
 * tc_reload() will put on the instance's devices under it, if its policy and features are
 * those then. What cannot be loaded now is tried again, and told of, then.
 */
void plane_ready_programs(struct plane *p, const struct xr_policy *policy, __u32 features);
/* The same where both stay as they are. */
void plane_ready_reload(const char *instance);
/* For devices that plane_attach() will attach. */
void plane_ready_attach(const char *instance, char **dev, int n, enum xr_role role);
/* Drops those that nobody has needed. */
void plane_drop_ready(void);

/*
 * Loads each kind of program that the devices need, and attaches none: so that what the
 * kernel refuses is known before the first is replaced.
 */
int plane_try_programs(struct plane *p, struct xr_err *err);

/* Detaches the pinned program from all devices: for pins of another map layout. */
void attach_sweep(const char *pin);

/*
 * Loads the node program with the instance's maps and knobs and gives its fd
 * (close it). trace: with counters, flows and next hops replaced by private
 * copies and the trace map filled; *trace_fd then names that map.
 */
int plane_load_program(struct plane *p, const char *dev, bool trace, int *prog_fd, int *trace_fd,
		       struct xr_err *err);

/* ---- capturing: attach_capture.c ---- */

/* The maps of a capture, which its programs share (bpf/capture.h): descriptors. */
struct capture_maps {
	int control, filter, packet, counts, ring;
};

/*
 * One process at a time captures of an instance. The descriptor by which it has the claim
 * is to be given to capture_unclaim(); -EBUSY: err names the process that has it.
 */
int capture_claim(const char *instance, struct xr_err *err);
void capture_unclaim(const char *instance, int fd);

/*
 * Puts a copy that captures in the place of the device's program, under the lock.
 * -ENODEV: the device is gone, or has no program.
 */
int plane_capture(struct plane *p, const struct xr_device *d, const struct capture_maps *maps,
		  struct xr_err *err);

/*
 * Puts the plain programs back wherever a copy captures; under the lock. All are tried;
 * the first error.
 */
int plane_capture_end(struct plane *p, struct xr_err *err);

/* The same where the process that captured was killed: cheap where there was none. */
void plane_capture_recover(struct plane *p);
bool plane_capture_is_dead(const struct plane *p);

/*
 * A capturing program without a device, as "xroam dev attach" would load the plain one for
 * the device: an fd to close.
 */
int plane_load_capturing(struct plane *p, const char *dev, enum xr_role role,
			 const struct capture_maps *maps, struct xr_err *err);

/*
 * ---- program_probe.c: the program that health checks' packets go through. It has the
 * instance's paths and next hops, and counters of its own ----
 */
struct probe_program {
	int fd;                /* for test runs; -1: not loaded */
	struct xr_probes *all; /* what it takes frames from; mapped */
	struct xr_knobs knobs; /* that it was loaded with */
	__u32 slot;            /* of the device that packets seem to come in by */
};

#define PROBE_PROGRAM_NONE ((struct probe_program){ .fd = -1 })

/* -ENODEV: no device of role node is attached in this network namespace. */
int plane_load_probe(struct plane *p, struct probe_program *to, struct xr_err *err);
void plane_close_probe(struct probe_program *g);
/* Sets of each of g->all what became of it. -errno: of those whose reason is 0 nothing. */
int plane_run_probes(struct probe_program *g);
/* Loaded now, it would be the same. */
bool plane_probe_is_current(struct plane *p, const struct probe_program *g);

#endif
