// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VM of a stream becomes the notices by which this instance would have come to the same
 * state: so all that a notice does is done, and where it is newer here the VM stays as it is.
 * Its binding comes with a VM that is new here, and is otherwise the operator's.
 */
#include <string.h>

#include "host/host.h"
#include "stream_priv.h"
#include "vm/vm.h"

struct vm_import {
	struct plane *p;
	const struct stream_vm *vm;
	const struct xr_vm_bounds *bounds; /* or NULL */
	const struct stream_name *hosts;
	__u32 vm_index; /* VM_NOWHERE: it is not known here */
	struct xr_err err;
};

static const char *host_of(const struct vm_import *v, __le16 index)
{
	return v->hosts[le16toh(index)].name;
}

/* As vm_check_order() has it: within a number a move begins, the VM stands still, it ends. */
static int rank_of(__u8 step)
{
	switch (step) {
	case XR_NOTICE_PREPARE + 1:
		return 1;
	case XR_NOTICE_PAUSE + 1:
		return 2;
	case XR_NOTICE_MOVED + 1:
	case XR_NOTICE_CANCEL + 1:
		return 3;
	default:
		return 0;
	}
}

static bool is_newer(const struct vm_import *v)
{
	const struct xr_vm_info *info = &v->p->vm_info[v->vm_index];
	__u64 seq = le64toh(v->vm->seq);

	return seq > info->seq || (seq == info->seq && rank_of(v->vm->step) > rank_of(info->step));
}

static int post(struct vm_import *v, enum xr_notice_kind kind, const char *host)
{
	struct xr_notice n = {
		.kind = kind,
		.source = v->vm->source >= XR_SOURCE_CLI && v->vm->source < XR_SOURCE_MAX
			? v->vm->source
			: XR_SOURCE_CLI,
		.vlan = vm_vlan_of(le64toh(v->vm->key)),
		.host = host,
		.seq = le64toh(v->vm->seq),
		.lock = v->vm->flags & XR_VM_LOCK,
	};
	int i;

	vm_mac_of(le64toh(v->vm->key), n.mac);
	if (kind == XR_NOTICE_PREPARE) {
		n.timeout = le32toh(v->vm->deadline);
		n.ttl = le32toh(v->vm->next_ttl);
	} else if (kind == XR_NOTICE_MOVED) {
		n.ttl = le32toh(v->vm->ttl);
	}
	if (kind == XR_NOTICE_ADD && v->bounds)
		n.bounds = *v->bounds;
	for (i = 0; kind == XR_NOTICE_ADD && i < XR_VM_ADDRS; i++)
		if (!addr_is_zero(v->vm->addr[i]) && !(v->vm->learned >> i & 1))
			memcpy(n.addr[n.n_addrs++], v->vm->addr[i], sizeof(n.addr[0]));
	return vm_notice(v->p, &n, NULL, &v->err);
}

/* Any other host, not this machine where that can be: whence a move to "to" may come. */
static const char *other_host(const struct plane *p, const char *to)
{
	const char *found = NULL;
	__u32 i;

	for (i = 1; i <= p->meta->limits.hosts; i++) {
		const struct xr_host_info *h = &p->host_info[i];

		if (!h->name[0] || !strcmp(h->name, to))
			continue;
		if (!found || !h->local)
			found = h->name;
		if (!h->local)
			break;
	}
	return found;
}

/* A redirect is what a move leaves: the VM comes from somewhere. */
static int add(struct vm_import *v)
{
	const char *host = host_of(v, v->vm->host);
	const char *from = v->vm->state == XR_VM_MOVED ? other_host(v->p, host) : NULL;
	int ret = post(v, XR_NOTICE_ADD, from ? from : host), i;

	v->vm_index = vm_find(v->p, le64toh(v->vm->key));
	if (ret || v->vm_index == VM_NOWHERE)
		return ret;
	v->p->vm_info[v->vm_index].moves = le64toh(v->vm->moves);
	for (i = 0; i < XR_VM_ADDRS; i++)
		if (v->vm->learned >> i & 1 && !addr_is_zero(v->vm->addr[i]))
			vm_learn(v->p, v->vm_index, v->vm->addr[i]);
	return 0;
}

/* To the state that it has there, from the one that it has here. */
static int follow(struct vm_import *v)
{
	const char *host = host_of(v, v->vm->host);
	struct xr_vm_now now = vm_now(v->p, v->vm_index);
	bool elsewhere = now.host != host_find(v->p, host);
	int ret;

	switch (v->vm->state) {
	case XR_VM_PREPARED:
	case XR_VM_BLACKOUT:
		ret = post(v, XR_NOTICE_PREPARE, host_of(v, v->vm->next));
		if (!ret && v->vm->state == XR_VM_BLACKOUT)
			ret = post(v, XR_NOTICE_PAUSE, NULL);
		return ret;
	case XR_VM_MOVED:
		return elsewhere ? post(v, XR_NOTICE_MOVED, host) : 0;
	default:
		if (elsewhere)
			return post(v, XR_NOTICE_MOVED, host);
		return vm_under_way(now) ? post(v, XR_NOTICE_CANCEL, NULL) : 0;
	}
}

static void take_number(struct vm_import *v)
{
	struct xr_vm_info *info = &v->p->vm_info[v->vm_index];

	if (le64toh(v->vm->seq) > info->seq)
		info->seq = le64toh(v->vm->seq);
	if (le64toh(v->vm->moves) > info->moves)
		info->moves = le64toh(v->vm->moves);
}

void import_vm(struct plane *p, const struct stream_vm *vm, const struct xr_vm_bounds *bounds,
	       const struct stream_name *hosts, const bool *known, struct state_taken *taken)
{
	struct vm_import v = {
		.p = p,
		.vm = vm,
		.bounds = bounds,
		.hosts = hosts,
		.vm_index = vm_find(p, le64toh(vm->key)),
		.err = { "" },
	};
	bool is_new = v.vm_index == VM_NOWHERE;
	int ret;

	if (!known[le16toh(vm->host)] ||
	    (le16toh(vm->next) != STREAM_NO_HOST && !known[le16toh(vm->next)])) {
		taken->vms_unknown++;
		return;
	}
	if (!is_new)
		vm_follow_up(p, v.vm_index, NULL);
	if (!is_new && !is_newer(&v)) {
		taken->vms_kept++;
		return;
	}
	ret = is_new ? add(&v) : 0;
	if (!ret && v.vm_index != VM_NOWHERE)
		ret = follow(&v);
	if (ret) {
		if (!taken->vms_refused++)
			taken->refusal = v.err;
		return;
	}
	take_number(&v);
	if (is_new)
		taken->vms_new++;
	else
		taken->vms_changed++;
}
