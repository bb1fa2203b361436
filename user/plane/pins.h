/* SPDX-License-Identifier: GPL-2.0-only */
/* Beside plane.h, for those that load programs into an instance, or remove one. */
#ifndef XR_PLANE_PINS_H
#define XR_PLANE_PINS_H

#include <bpf/libbpf.h>
#include "plane.h"

/* At the end of a name: not complete. No instance's name has it. */
#define PLANE_UNFINISHED "~new"

/* A plane of which nothing is open yet. */
struct plane *plane_new(const char *name);

/* Says that there is no such instance: -ENOENT. */
int plane_missing(const char *name, struct xr_err *err);

/* dir/word, or -ENAMETOOLONG. */
int plane_pin_path(char *path, size_t size, const char *dir, const char *word);

/* Each file in dir; nothing where there is none. */
void pins_each(const char *dir, void (*each)(const char *path, const char *name));

/* Waits for the instance's lock: a descriptor, or the error. */
int plane_lock(const char *name, struct xr_err *err);

/*
 * errno, of a file of xroam's own: -errno, and what to do where its file system is
 * at fault. doing: "making ", or nothing.
 */
int plane_file_fail(struct xr_err *err, const char *doing, const char *path);

/* A load failed with code: says what this kernel or this process lacks. */
int plane_load_failed(int code, const char *what, struct xr_err *err);

/*
 * Makes the object's maps of the instance's names the instance's own. skip:
 * bit per enum plane_map that keeps a private map instead.
 */
int plane_reuse_maps(struct plane *p, struct bpf_object *obj, __u64 skip, struct xr_err *err);

/* Loads the helpers anew (reload). */
int plane_refresh(struct plane *p, struct xr_err *err);

/* With the files in it; no error where there is none. */
void plane_remove_dir(const char *dir);

#endif
