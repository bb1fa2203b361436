/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files behind attach.h share, and nobody else uses. */
#ifndef XR_ATTACH_ATTACH_PRIV_H
#define XR_ATTACH_ATTACH_PRIV_H

#include <bpf/libbpf.h>
#include "attach.h"

struct xroam_bpf;
struct explain_bpf;
struct decap_bpf;
struct capture_bpf;

/* ---- attach_query.c ---- */

#define PROGS_MAX 16

/* What is on a device. */
struct attached {
	bool exists;   /* the device does */
	char name[16]; /* if so: its name now */
	bool single;   /* no dispatcher */
	__u8 mode;     /* enum xr_attach_mode */
	int n;         /* programs, in the order they run in */
	__u32 id[PROGS_MAX];
};

/*
 * Of a device of this network namespace. 0, also where no program or no device is
 * there; -errno: it cannot be known, and then n is 0.
 */
int attach_query(int ifindex, struct attached *on);

/* Each program on each device of this network namespace. */
typedef void attach_program_fn(void *ctx, __u32 ifindex, const struct attached *on, __u32 prog);
void attach_each_program(attach_program_fn *each, void *ctx);

bool attach_is_ours(struct plane *p, __u32 prog);
/* The id of the instance's program there: likely, if it is one. 0: none is. */
__u32 attach_ours(struct plane *p, const struct attached *on, __u32 likely);

/*
 * Writes who the program belongs to: 'instance "x"' (true), or else the program's own
 * name and id (false).
 */
bool attach_owner(__u32 prog, char *text, size_t size);

/* ---- attach_record.c: the devices map ---- */

/* The device's record, or NULL; names are of this network namespace. */
struct xr_device *record_find(struct plane *p, const char *dev);

/* That of this namespace's device with that number, or NULL. */
struct xr_device *record_at(struct plane *p, __u32 ifindex);

/* Room for another one, or NULL. */
struct xr_device *record_free(struct plane *p);

/* Takes a slot for the device; older records of its name or number are dropped. */
int record_new(struct plane *p, const char *dev, int ifindex, enum xr_role role,
	       struct xr_device **out, struct xr_err *err);

/* Records which program runs and how, and pins it. */
void record_complete(struct plane *p, struct xr_device *d, const struct attached *on, __u32 prog);
void record_drop(struct plane *p, struct xr_device *d);

/* Records that the device is in another namespace, or has another number or name. */
void record_move(struct plane *p, struct xr_device *d, __u64 netns, __u32 ifindex,
		 const char *name);

/* Its index in the map, under which the program counts. */
__u32 record_slot(struct plane *p, const struct xr_device *d);

/* ---- attach_program.c ---- */

/* A program opened for a device; program_close() in the end. */
struct loaded {
	struct xroam_bpf *node;
	struct explain_bpf *explaining;
	struct decap_bpf *decap;
	struct capture_bpf *capturing;
	struct bpf_object *obj;
	struct bpf_program *prog;
	const char *name;
};

/* How it differs from the one that runs on the device as a rule; NULL: not at all. */
struct program_use {
	bool trace;                         /* it fills the trace: explain's */
	__u64 private_maps;                 /* see plane_reuse_maps() */
	const struct capture_maps *capture; /* its copy that captures into them; or NULL */
};

/* xroam_probe, which is no device's: beside the roles that a record has. */
#define ROLE_PROBE ((enum xr_role)(XR_ROLE_PASS + 1))

/* What the program of that device slot is loaded with. */
struct xr_knobs program_knobs(struct plane *p, __u32 slot);

/*
 * program_open: everything but the kernel's load; the message is written on
 * failure.
 */
int program_open(struct plane *p, struct loaded *l, __u32 slot, enum xr_role role,
		 const struct program_use *use, struct xr_err *err);
int program_load(struct plane *p, struct loaded *l, __u32 slot, enum xr_role role,
		 const struct program_use *use, struct xr_err *err);
void program_close(struct loaded *l);

/* Which instance's maps the programs of the plane have: an id. */
__u32 program_maps(const struct plane *p);

/* ---- program_ready.c: programs that were loaded ahead ---- */

/* As program_load(), but an fd of it, to be closed; a ready one is not loaded again. */
int program_get(struct plane *p, __u32 slot, enum xr_role role, const struct program_use *use,
		struct xr_err *err);
bool program_is_ready(struct plane *p, __u32 slot, enum xr_role role);

/* ---- attach_message.c: the kernel's message beside an error number ---- */

/* What is printed between these two calls, which do not nest, is kept. */
void kernel_message_begin(void);
void kernel_message_end(void);
const char *kernel_message(void);        /* "": there was none */
const char *kernel_message_or(int code); /* else what -errno means */

/* ---- attach_mode.c ---- */

int attach_mode(struct plane *p, struct xr_device *d, __u8 mode, const struct program_use *use,
		__u32 *prog_id, struct xr_err *err);

/* Replaces the program with the id old by a freshly loaded one. */
int attach_replace(struct plane *p, struct xr_device *d, const struct attached *on, __u32 old,
		   const struct program_use *use, struct xr_err *err);
int attach_remove(int ifindex, const struct attached *on, __u32 id);

/* ---- attach_find.c ---- */

/* The device that the program with that id is on, or was a second ago, anywhere. */
bool attach_find(__u32 prog, struct device_location *at);

/* From now on attach_find() knows what is there now, not what was there before. */
void attach_collect(void);

/* ---- attach_recover.c ---- */

/* The id (__u32) of that program to each(), in each network namespace. */
void attach_each_netns(const char *pin, void (*each)(void *id));

#endif
