/* SPDX-License-Identifier: GPL-2.0-only */
/* The files of an instance: for rooms that load programs into one, or remove it. */
#ifndef XR_PLANE_PINS_H
#define XR_PLANE_PINS_H

#include <bpf/libbpf.h>
#include "plane.h"

/* The end of the name of what is not complete. No instance can be called so. */
#define PLANE_UNFINISHED "~new"
/* And of what is to take an instance's place: see convert.h. */
#define PLANE_NEXT "~next"

/* A plane of which nothing is open yet. */
struct plane *plane_new(const char *name);

/* -ENOENT, with the error that there is no such instance. */
int plane_missing(const char *name, struct xr_err *err);

/* path becomes dir/name. 0 or -ENAMETOOLONG. */
int plane_pin_path(char *path, size_t size, const char *dir, const char *name);

/*
 * Pins fd as path, in place of what is pinned there, with no moment in which nothing is.
 * 0 or -errno.
 */
int pin_replace(const char *path, int fd);

/* Calls each() for each file in dir; a dir that is not there has none. */
void pins_each(const char *dir, void (*each)(const char *path, const char *name));

/* Takes the instance's lock: a descriptor, or as plane_relock(). */
int plane_lock(const char *name, struct xr_err *err);

/* The pid of the process that has the lock now; 0: none, or it cannot be found out. */
__u32 plane_lock_holder(const char *name);

/*
 * The error for a file of xroam's own, from errno: -errno, and in err what to do about
 * the file system. doing: what failed, as in "making ", or "".
 */
int plane_file_fail(struct xr_err *err, const char *doing, const char *path);

/* The error for a failed load: err names what this kernel or process lacks, if so. */
int plane_load_failed(int code, const char *what, struct xr_err *err);

/*
 * Gives the object the instance's maps in place of its own of the same names. skip: a
 * bit for each enum plane_map of which it keeps its own.
 */
int plane_reuse_maps(struct plane *p, struct bpf_object *obj, __u64 skip, struct xr_err *err);

/* Loads anew the programs that user space runs (see helpers.c), for "reload". */
int plane_reload_helpers(struct plane *p, struct xr_err *err);

/* Removes dir with the files in it, if it is there. */
void plane_remove_dir(const char *dir);

/* ---- run_dir.c: files in XR_RUN_ROOT/INSTANCE ---- */

#define RUN_PATH 192
void run_path(char path[RUN_PATH], const char *instance, const char *file);
/* Opens it for reading and writing, and makes it and its directory where there is none. */
int run_open(const char *instance, const char *file, mode_t mode, struct xr_err *err);
/* Whether what is open as fd still is the file of that name. */
bool run_is_current(int fd, const char *instance, const char *file);
/* Removes it, and the directory if nothing else is in it. */
void run_remove(const char *instance, const char *file);

#endif
