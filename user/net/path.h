/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How packets reach a backend: the outer header (struct xr_path) and the next
 * hop (struct xr_nexthop), worked out ahead with the kernel's routes and
 * neighbours over netlink.
 */
#ifndef XR_NET_PATH_H
#define XR_NET_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <xroam/abi.h>
#include "lib/error.h"

enum path_trouble {
	PATH_FINE,
	PATH_NO_ROUTE,     /* the data plane looks into the FIB again later */
	PATH_NO_NEIGHBOUR, /* the next hop was asked for its MAC; no answer yet */
	PATH_LOCAL,        /* the address is this machine's own */
	PATH_NOT_ON_LINK,  /* l2, but a gateway is in between */
};

struct path_job {
	const struct xr_backend_info *info; /* in */
	bool host;                          /* in: a VMs' host, not a backend */
	/* in: the outer source that it must have; NULL: as the route prefers */
	const __be32 *source;
	struct xr_path path;       /* out */
	struct xr_nexthop hop;     /* out; ifindex 0: unknown */
	enum path_trouble trouble; /* out */
	/* private */
	__u32 ifindex;
	bool by_bridge; /* the device is a bridge */
	__be32 gateway[XR_ADDR_WORDS];
};

/*
 * Fills all jobs; asks for unknown neighbours all at once and waits a moment
 * for the answers. -ENODEV: the device that was named does not exist. What the
 * machine cannot do now but may later is trouble, not an error. tick: now, of
 * the data plane's clock.
 */
int path_resolve(struct path_job *jobs, size_t n, const struct xr_policy *policy, __u32 tick,
		 struct xr_err *err);

/*
 * The same without waiting, one job after the other, for paths in use: the kernel may have
 * dropped the next hops' neighbour entries, and is asked to keep them resolved.
 */
void path_refresh(struct path_job *jobs, size_t n, const struct xr_policy *policy, __u32 tick);

/* Finds the trouble of one job as it is now, and changes nothing in the kernel. */
void path_check(struct path_job *job, const struct xr_policy *policy);

/*
 * After path_check(): the kernel keeps the next hop's neighbour entry, so that it is there when
 * a packet comes; or none is needed, or that cannot be found out.
 */
bool path_is_kept(const struct path_job *job);

/* True: both backends can use the same path. */
bool path_same_facts(const struct xr_backend_info *a, const struct xr_policy *pa,
		     const struct xr_backend_info *b, const struct xr_policy *pb);

/* 0, or -errno: no way to the address now. */
int path_has_route(const __be32 *addr);

/* It is an address of this machine, or that cannot be found out. */
bool path_is_local(const __be32 *addr);

/* A job's trouble in words for the operator; NULL for PATH_FINE. */
const char *path_trouble_text(const struct path_job *j);

#endif
