/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of tc.h tell each other, and nobody else. */
#ifndef XR_ATTACH_TC_PRIV_H
#define XR_ATTACH_TC_PRIV_H

#include <linux/bpf.h>
#include "tc.h"

/* The pin of the kind's program; 0: for replaying. */
const char *tc_word(__u32 kind);

/* An fd to close, of the pinned program; loads all of them if there is none. */
int tc_program(struct plane *p, __u32 kind, struct xr_err *err);

/* The device's own list that programs of this kind are in (tcx). */
enum bpf_attach_type tc_list(__u32 kind);

/* NULL: there is none. */
struct xr_tc_hook *tc_record(struct plane *p, __u64 netns, __u32 ifindex, __u32 kind);
/* The same in this namespace; kind 0: of any. */
struct xr_tc_hook *tc_find(struct plane *p, __u32 ifindex, __u32 kind);
/* Takes a slot, or the one it has. NULL: all are taken. */
struct xr_tc_hook *tc_record_new(struct plane *p, __u32 ifindex, const char *name, __u32 kind);
void tc_record_drop(struct plane *p, struct xr_tc_hook *h);

/* Loads all anew and puts them in the pins' places. */
int tc_load(struct plane *p, struct xr_err *err);

#endif
