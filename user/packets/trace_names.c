// SPDX-License-Identifier: GPL-2.0-only
/* What a trace's indices refer to, and its words: for explain and capture. */
#include <linux/bpf.h>
#include <net/if.h>
#include <string.h>

#include "host/host.h"
#include "packets_priv.h"
#include "vm/vm.h"

const char *action_word(__u32 action)
{
	static const char *const words[] = {
		[XDP_ABORTED] = "aborted", [XDP_DROP] = "drop",         [XDP_PASS] = "pass",
		[XDP_TX] = "tx",           [XDP_REDIRECT] = "redirect",
	};

	return action <= XDP_REDIRECT ? words[action] : "?";
}

void trace_names(struct plane *p, const struct xr_trace *t, struct trace_names *n)
{
	const struct xr_limits *l = &p->meta->limits;

	memset(n, 0, sizeof(*n));
	n->t = t;
	if (t->vip && t->vip <= l->vips)
		text_vip(n->vip, p->vips[t->vip].addr, p->vips[t->vip].port, p->vips[t->vip].proto);
	if (t->cid_slot && t->cid_slot < XR_CID_SLOTS)
		n->cid = &p->cid_info[t->cid_slot];
	if (t->backend && t->backend <= l->backends)
		n->backend = &p->backend_info[t->backend];
	if (t->path && t->path < p->paths_max)
		n->path = &p->paths[t->path];
	if (t->ifindex)
		if_indextoname(t->ifindex, n->device);
	if (!t->vm || t->vm > p->mac_buckets * XR_TAG_LANES || !p->vms[t->vm - 1].key)
		return;
	vm_name_at(p, n->vm, t->vm - 1);
	n->vm_host = host_name(p, vm_now(p, t->vm - 1).host);
	n->vm_state = vm_state_name(p, t->vm - 1, plane_tick(p));
}

bool trace_noted(const struct xr_trace *t, unsigned int reason)
{
	return t->notes[((reason - 1) / 32) & 3] >> (reason - 1) % 32 & 1;
}

bool trace_has_addresses(const struct xr_trace *t)
{
	return !addr_is_zero(t->saddr) || !addr_is_zero(t->daddr);
}
