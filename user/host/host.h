/* SPDX-License-Identifier: GPL-2.0-only */
/* Hosts: places where VMs live, and how each is reached. */
#ifndef XR_HOST_HOST_H
#define XR_HOST_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include "lib/host_words.h"
#include "plane/plane.h"

/* Index in hosts, 0: none of that name. */
__u16 host_find(struct plane *p, const char *name);
const char *host_name(struct plane *p, __u16 host); /* "?" for none */

/*
 * What tunnels to a host begin at: the address of the local host of its method,
 * VNI and family, by which the other end knows this machine. Given one local host
 * after the other, *near is the best so far.
 */
void host_nearer(const struct xr_host_info *to, const struct xr_host_info *local,
		 const struct xr_host_info **near);
/* Among all of the instance's, by index; NULL: none, the route's choice. */
const __be32 *host_source(const struct plane *p, const struct xr_host_info *to);

/* Whether it is this machine; 0 is not. */
bool host_is_local(const struct plane *p, __u16 host);
/* Whether this machine is one of the hosts. */
bool host_any_local(const struct plane *p);

/*
 * 0, or -EHOSTUNREACH and the line: no route to it, or its device is gone. The
 * kernel is asked at most once a second and host.
 */
int host_reachable(struct plane *p, __u16 host, struct xr_err *err);

/*
 * A VXLAN host's segment is a VLAN's: that of the VMs there. What comes out of
 * its tunnel has no tag to tell.
 */
void host_set_vlan(struct plane *p, __u16 host, __u16 vlan);

/* Two that this is equal for are reached the same way. */
bool host_same_facts(const struct xr_host_info *a, const struct xr_host_info *b);
/* What path_resolve() wants to know of it. */
void host_facts(const struct xr_host_info *h, struct xr_backend_info *facts);

/*
 * NULL, or what is wrong with a local host: its address is not this machine's, or
 * its VXLAN device, if there is one, takes nothing that is sent there. words: room.
 */
#define HOST_WRONG 160
const char *host_wrong(const struct xr_host_info *h, char words[HOST_WRONG]);

void host_store_word(struct plane *p, __u16 host, const struct xr_host *word);

/* Who is behind which attached device, and who is trusted: the map ports. */
void host_refresh_ports(struct plane *p);

/*
 * What no announcement may claim: this machine's own MACs, the gateways', and
 * the operator's list (kept in the map itself; list NULL: as it is). Called
 * when devices, gateways or the list change, and by the daemon when links do.
 */
#define PROTECT_LISTED  (1U << 0) /* the map's values */
#define PROTECT_GATEWAY (1U << 1)
#define PROTECT_OWN     (1U << 2)
int protect_refresh(struct plane *p, const struct xr_protected *list, size_t n, struct xr_err *err);
/* The operator's own; *list is to be freed. */
int protect_list(struct plane *p, struct xr_protected **list, size_t *n);

#endif
