/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of plane/ share, and nobody else uses. */
#ifndef XR_PLANE_PLANE_PRIV_H
#define XR_PLANE_PLANE_PRIV_H

#include <bpf/libbpf.h>
#include <sys/types.h>
#include "needs.h"
#include "pins.h"

struct xroam_bpf;

/* ---- needs.c ---- */

/* Whether this process can open as many more files as a change needs. */
int plane_need_files(struct xr_err *err);
/* Checks for a bpffs, and for PLANE_CREATE mounts one where there is none. */
int plane_need_bpffs(const char *name, enum plane_access how, struct xr_err *err);

/* ---- pins.c ---- */

/* The error after plane_exists() was false, by the errno that it left. */
int plane_not_opened(const struct plane *p, struct xr_err *err);

/* ---- lock.c ---- */

/*
 * Puts a new file in the place of the one by which the lock is held, and holds it: so
 * that whoever waits for the old one, or has it open (a daemon), opens the instance anew.
 */
int plane_renew_lock(struct plane *p, struct xr_err *err);

/* Of an instance that was not made. A process that waits for it makes the file anew. */
void plane_remove_lock(const char *name);

/* ---- maps.c ---- */

/* The name of each map, and of its pin. */
extern const char *const plane_map_name[PLANE_MAPS];

/* The enum plane_map that the object's map is, or -1: it is none of the instance's. */
int plane_map_of(const struct bpf_map *map);

/* Whether an existing map is of the kind and size that m has under these limits. */
bool plane_map_fits(int m, const struct bpf_map_info *info, const struct xr_limits *l);

/* The layout that meta has. */
int plane_read_abi(int meta, __u32 *abi, struct xr_err *err);

/* -EPROTO: that the instance has another layout than this xroam's, and the cure. */
int plane_other_layout(const char *name, __u32 abi, struct xr_err *err);

/* Gives the object's maps the sizes that the instance's maps have. */
int plane_size_maps(const struct xr_limits *l, struct bpf_object *obj, struct xr_err *err);

int plane_pin_maps(struct bpf_object *obj, const char *dir, struct xr_err *err);

/* Opens and maps the pins in p->dir, if their layout is this xroam's. */
int plane_open_maps(struct plane *p, bool writable, struct xr_err *err);
void plane_close_maps(struct plane *p);

/* ---- helpers.c ---- */

/* Leaves only the helpers to load; the others are loaded per device. */
void plane_only_helpers(struct xroam_bpf *skel);

/* Starts the clock, pins the events' program in dir. */
int plane_start_helpers(struct xroam_bpf *skel, const char *dir, struct xr_err *err);

/* ---- create.c ---- */

int plane_create(struct plane *p, const struct xr_limits *limits, const __u8 *secret,
		 struct xr_err *err);

#endif
