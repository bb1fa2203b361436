/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Taking a node out of service and back: its VIPs are withdrawn, and when nothing comes for
 * them any more the programs are taken off. The map "drain" remembers it, so that no daemon,
 * file or command attaches or announces before undrain. Each function needs the lock; between
 * them a process may be killed, and the next one goes on.
 */
#ifndef XR_APPLY_DRAIN_H
#define XR_APPLY_DRAIN_H

#include "plane/plane.h"

/* Withdraws what is announced. false: the node was drained already, or being drained. */
bool drain_begin(struct plane *p);

/*
 * Why the programs must stay for the VMs that the node redirects; NULL: they need not.
 * vms: also where it has hosts, if no move is under way and nothing is redirected.
 */
const char *drain_keeps_programs(struct plane *p, bool vms);

/*
 * Takes the programs of devices with role node off, and keeps their records. The node is
 * drained then. -errno of the first that could not be detached; the others are.
 */
int drain_detach(struct plane *p, struct xr_err *err);
/* The node is drained, but its programs stay. */
void drain_finish(struct plane *p);

/*
 * Attaches again what was taken off, in the same modes, and announces what serves. gone() for
 * each device that there is no more, which is forgotten. -errno: a device could not be
 * attached, and the node stays drained.
 */
int drain_undo(struct plane *p, void (*gone)(void *ctx, const char *dev), void *ctx,
	       struct xr_err *err);

#endif
