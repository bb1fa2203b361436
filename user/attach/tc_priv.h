/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files behind tc.h share, and nobody else uses. */
#ifndef XR_ATTACH_TC_PRIV_H
#define XR_ATTACH_TC_PRIV_H

#include <bpf/libbpf.h>
#include "tc.h"

struct netlink;

#define TCX_INGRESS ((enum bpf_attach_type)46) /* newer than our headers */
#define TCX_EGRESS  ((enum bpf_attach_type)47)

/* ---- tc_program.c: the kinds of programs ---- */

/* The pin of the kind's program; 0: for replaying. */
const char *tc_kind_name(__u32 kind);

/* An fd to close, of the pinned program; loads all of them if there is none. */
int tc_program(struct plane *p, __u32 kind, struct xr_err *err);

/* The direction in which programs of this kind see frames. */
enum bpf_tc_attach_point tc_point(__u32 kind);
/* The device's own list of programs for that direction (tcx). */
enum bpf_attach_type tc_list(enum bpf_tc_attach_point point);

/* Loads all anew and puts them in the pins' places. */
int tc_load(struct plane *p, struct xr_err *err);

/* Whether this process has done that before: a change may replace programs twice. */
bool tc_is_loaded(const struct plane *p);

/*
 * Loads them for the next tc_load(), if there will be one, which has nothing more to do than
 * to pin them. anew: programs that are attached will be replaced.
 */
void tc_make_ready(struct plane *p, bool anew);
void tc_drop_ready(void);

/* ---- tc_record.c: the map tc_hooks ---- */

/* NULL: there is none. */
struct xr_tc_hook *tc_record(struct plane *p, __u64 netns, __u32 ifindex, __u32 kind);
/* The same in this namespace; kind 0: of any. */
struct xr_tc_hook *tc_find(struct plane *p, __u32 ifindex, __u32 kind);
/* Takes a slot, or the one it has. NULL: all are taken. */
struct xr_tc_hook *tc_record_new(struct plane *p, __u32 ifindex, const char *name, __u32 kind);
void tc_record_drop(struct plane *p, struct xr_tc_hook *h);

/* ---- tc_tcx.c, tc_filter.c: the two ways of attaching ---- */

/* anew: takes the vm_index of the instance's program that is there. */
bool tcx_is_supported(__u32 ifindex);
int tcx_attach(struct plane *p, const struct xr_tc_hook *h, int fd, bool anew);
int tc_filter_attach(struct plane *p, struct netlink *nl, struct xr_tc_hook *h, int fd, bool anew);

/* The instance's program there, or (prog not 0) the one with that id. */
void tcx_detach(struct plane *p, __u32 ifindex, enum bpf_tc_attach_point point, __u32 prog);
/* The instance's there; and clsact, if it is ours and nothing else is on it. */
void tc_filter_detach(struct plane *p, struct netlink *nl, const struct xr_tc_hook *h);
/* The one with that id. */
void tc_filter_remove(struct netlink *nl, __u32 ifindex, enum bpf_tc_attach_point point,
		      __u32 prog);

/* ---- tc_worker.c ---- */

/* What the thread is to do, in the network namespace of the caller. */
struct tc_task {
	struct plane *p;
	int prog; /* the worker's to close, also where tc_worker_attach() fails */
	__u32 ifindex, kind;
	char name[16];
	tc_before_attach *first; /* or NULL; see tc_attach_soon() */
	__u32 vm_index;
};

/* Whether the plane has a worker: tc_worker_start(). */
bool tc_has_worker(const struct plane *p);
/* Hands the task over; its hook has a record. -ENOENT: there is no worker. */
int tc_worker_attach(const struct tc_task *t);

#endif
