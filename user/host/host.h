/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hosts: machines where VMs live, and how each is reached. A host is known by its index in
 * hosts, from 1; 0: none.
 */
#ifndef XR_HOST_HOST_H
#define XR_HOST_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include "lib/host_words.h"
#include "plane/plane.h"

/* 0: none of that name. */
__u16 host_find(struct plane *p, const char *name);
const char *host_name(struct plane *p, __u16 host); /* "?" for none */

/*
 * Where tunnels to a host begin: at the address of the local host of its method, VNI and
 * family, for the other end knows this machine by that. host_better_source() is given one local host
 * after the other; *near is the best so far, NULL at first.
 */
void host_better_source(const struct xr_host_info *to, const struct xr_host_info *local,
			const struct xr_host_info **near);
/* The best of all hosts of the instance; NULL: none, and the route chooses the address. */
const __be32 *host_source(const struct plane *p, const struct xr_host_info *to);

/* Whether the host is this machine; host 0 is not. */
bool host_is_local(const struct plane *p, __u16 host);
/* Whether this machine is one of the hosts. */
bool host_any_local(const struct plane *p);

/*
 * Whether packets can be sent to the host: 0, or -EHOSTUNREACH and the line where there is no
 * route to it or its device is gone. Once it was 0, the kernel is not asked again before the
 * next tick.
 */
int host_reachable(struct plane *p, __u16 host, struct xr_err *err);

/*
 * All VMs at a VXLAN host are in one VLAN: sets which. A frame out of its tunnel has no tag that
 * would tell.
 */
void host_set_vlan(struct plane *p, __u16 host, __u16 vlan);

/* Whether both are reached in the same way, so that they can use the same path. */
bool host_same_way(const struct xr_host_info *a, const struct xr_host_info *b);
/* The host as path_resolve() takes it: in the form of a backend. */
void host_as_backend(const struct xr_host_info *h, struct xr_backend_info *facts);

/*
 * What is wrong with a local host, or NULL: its address is not this machine's, or its VXLAN
 * device, if there is one, takes nothing that is sent there. The text may be in words.
 */
#define HOST_FAULT 160
const char *host_fault(const struct xr_host_info *h, char words[HOST_FAULT]);
/* The first of the two alone. */
bool host_lacks_address(const struct xr_host_info *h);

/*
 * Fills the map ports: which host is behind an attached device, whether it is trusted, and how
 * the switch there works.
 */
void host_refresh_ports(struct plane *p);

/*
 * Fills the map protected, of what no VM's announcement may claim: this machine's own MACs, the
 * gateways' MACs and addresses, and the operator's list. That list is kept in the map itself:
 * list NULL leaves it as it is. Called when devices, gateways or the list change, and by the
 * daemon when links do. The map's values tell why an entry is there: PROTECT_*.
 */
#define PROTECT_LISTED  (1U << 0) /* by the operator */
#define PROTECT_GATEWAY (1U << 1)
#define PROTECT_OWN     (1U << 2)
int protect_refresh(struct plane *p, const struct xr_protected *list, size_t n, struct xr_err *err);
/* The operator's list; *list is to be freed. 0, or -ENOMEM. */
int protect_list(struct plane *p, struct xr_protected **list, size_t *n);

#endif
