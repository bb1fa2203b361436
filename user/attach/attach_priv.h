/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts that put programs on devices tell each other. */
#ifndef XR_ATTACH_ATTACH_PRIV_H
#define XR_ATTACH_ATTACH_PRIV_H

#include <bpf/libbpf.h>
#include "attach.h"

struct xroam_bpf;
struct decap_bpf;

/* ---- attach_query.c ---- */

#define PROGS_MAX 16

struct attached {
	bool exists;   /* the device does */
	char name[16]; /* then: as it is called now */
	bool single;   /* no dispatcher */
	__u8 mode;     /* enum xr_attach_mode */
	int n;         /* programs, in the order they run in */
	__u32 id[PROGS_MAX];
};

void attach_look(int ifindex, struct attached *at);
bool attach_is_ours(struct plane *p, __u32 prog);

/*
 * Names the program's owner: 'instance "x"' (true), or what can be said of a
 * program that is no instance's.
 */
bool attach_whose(__u32 prog, char *text, size_t size);

/* ---- attach_record.c: the devices map ---- */

/* The device's record, or NULL; names are of this network namespace. */
struct xr_device *record_find(struct plane *p, const char *dev);

/* The one of this namespace's device with that number, or NULL. */
struct xr_device *record_at(struct plane *p, __u32 ifindex);

/* Takes a slot for the device; what an older record says is gone. */
int record_new(struct plane *p, const char *dev, int ifindex, enum xr_role role,
	       struct xr_device **out, struct xr_err *err);

/* Notes which program runs and how, and pins it. */
void record_complete(struct plane *p, struct xr_device *d, const struct attached *at, __u32 prog);
void record_drop(struct plane *p, struct xr_device *d);

/* The device is another namespace's now, or has another number or name. */
void record_move(struct plane *p, struct xr_device *d, __u64 netns, __u32 ifindex,
		 const char *name);

/* Its place in the map: what the program counts under. */
__u32 record_slot(struct plane *p, const struct xr_device *d);

/* ---- attach_program.c ---- */

/* A program opened for a device; program_close() in the end. */
struct loaded {
	struct xroam_bpf *node;
	struct decap_bpf *decap;
	struct bpf_object *obj;
	struct bpf_program *prog;
	const char *name;
};

/*
 * program_open: everything but the kernel's load; the message is written on
 * failure. private_maps: see plane_reuse_maps.
 */
int program_open(struct plane *p, struct loaded *l, __u32 slot, enum xr_role role, bool trace,
		 __u64 private_maps, struct xr_err *err);
int program_load(struct plane *p, struct loaded *l, __u32 slot, enum xr_role role, bool trace,
		 __u64 private_maps, struct xr_err *err);
void program_close(struct loaded *l);

/* ---- attach_message.c: what the kernel said between the two calls ---- */

void words_listen(void);
void words_stop(void);
const char *words_heard(void);  /* "" for nothing */
const char *words_or(int code); /* else what -errno means */

/* ---- attach_mode.c ---- */

int attach_mode(struct plane *p, struct xr_device *d, __u8 mode, __u32 *prog_id,
		struct xr_err *err);

/* Puts a freshly loaded program in the place of old. */
int attach_replace(struct plane *p, struct xr_device *d, const struct attached *at, __u32 old,
		   struct xr_err *err);
int attach_remove(int ifindex, const struct attached *at, __u32 id);

/* ---- attach_find.c ---- */

/* The device that the program with that id is on, or was a second ago, anywhere. */
bool attach_find(__u32 prog, struct device_place *at);

/* Looks now: attach_find() finds what is there, not what was there a second ago. */
void attach_look_everywhere(void);

/* ---- attach_recover.c ---- */

/* The id (__u32) of that program to each(), in each network namespace. */
void attach_each_netns(const char *pin, void (*each)(void *id));

#endif
