/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An instance for the bench: VIPs, 1000 backends and 2^20 server IDs of four
 * octets, each owned by one of the backends: 0..2^20-1, so that all are in pages; or
 * apart, those times SCENE_APART, so that none is.
 */
#ifndef BENCH_SCENE_H
#define BENCH_SCENE_H

#include <xroam/abi.h>
#include "harness.h"
#include "user/steer/sid_store.h"

#define SCENE_BACKENDS 1000
#define SCENE_SID_LEN  4
#define SCENE_APART    0x9e3779b1U

/* CID configurations: config IDs, and the octet 0 that carries each. */
enum scene_cid { SCENE_CLEAR, SCENE_SINGLE, SCENE_FOUR, SCENE_CIDS };
#define SCENE_UNROUTABLE 0xe0 /* octet 0 of a CID that names no config */

/* Server IDs beyond the walked ones: backends reached in other ways. */
enum scene_way {
	SCENE_IPIP,
	SCENE_REDIRECT,
	SCENE_6IN6,
	SCENE_4IN6,
	SCENE_GUE,
	SCENE_VXLAN,
	SCENE_L2,
	SCENE_WAYS
};
#define SCENE_WAY_SID(way) (0xf0000000U + (way))
#define SCENE_WAY_SIDS     SID_PAGE_BEGIN /* so many that these have a page, too */

struct scene;

struct scene *scene_open(__u32 vips, __u32 sids, __u32 flows, bool apart);
void scene_close(struct scene *s);

int scene_prog(const struct scene *s);
__u64 scene_count(const struct scene *s, enum xr_reason reason);
void scene_forget_flows(struct scene *s);

/* CIDs of server IDs 0..n-1: octet 0, which they share, and the rest. */
int scene_cids(enum scene_cid kind, __u8 *first, struct walk_cid *out, __u32 n);

#endif
