/* SPDX-License-Identifier: GPL-2.0-only */
/* What plane.c and attach.c tell each other, and nobody else. */
#ifndef XR_CORE_PLANE_PRIV_H
#define XR_CORE_PLANE_PRIV_H

#include <bpf/libbpf.h>
#include "plane.h"

/* The pin's name of each map. */
extern const char *const plane_map_word[PLANE_MAPS];

/*
 * Makes the object's maps of the instance's names the instance's own. skip:
 * bit per enum plane_map that keeps a private map instead.
 */
int plane_reuse_maps(struct plane *p, struct bpf_object *obj, __u32 skip,
		     struct xr_err *err);

/* Gives the object's maps the sizes that the instance's maps have. */
int plane_size_maps(const struct xr_limits *l, struct bpf_object *obj,
		    struct xr_err *err);

/* Loads the clock's and the events' programs anew (create, reload). */
int plane_refresh(struct plane *p, struct xr_err *err);

/* A load failed with code: says what this kernel or this process lacks. */
int plane_load_failed(int code, const char *what, struct xr_err *err);

/* Makes the device records true after a command was killed; under the lock. */
void attach_recover(struct plane *p);

/* Detaches a program that is known by its pin alone (another map layout). */
void attach_sweep(const char *pin);

#endif
