// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file's VMs: the changes are found while they are described, then made in bulk.
 * A file may have a million VMs: a hash look-up each, no system call unless a host is
 * this machine, one grace period for all that leave.
 *
 * A VM whose host in the file is another one than the running one has moved: the
 * operator says so. If the host is the same, a move that is under way goes on.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "commit_priv.h"
#include "model/model_edit.h"
#include "host/host.h"
#include "local/local.h"
#include "lib/text.h"
#include "plane/vm_event.h"
#include "vm/vm_bind.h"
#include "lib/progress.h"

enum change { STAYS, NEW, MOVES, BINDS, MOVES_AND_BINDS, LEAVES };

struct vm_change {
	const struct model_vm *want; /* NULL: LEAVES */
	__u32 vm_index;
	enum change change;
};

static __u16 host_of(const struct commit *c, const struct model_vm *v)
{
	return c->want->hosts[v->host].index;
}

static bool is_bound(const struct commit *c, const struct model_vm *v, __u32 vm_index)
{
	return vm_bound(c->p, vm_index, v->addr, v->n_addrs, v->lock, v->tap) &&
		vm_has_bounds(c->p, vm_index, model_bounds(c->want, v));
}

static enum change change_of(const struct commit *c, const struct model_vm *v, __u32 vm_index)
{
	bool moves, binds;

	if (vm_index == VM_NOWHERE)
		return NEW;
	moves = vm_now(c->p, vm_index).host != host_of(c, v);
	binds = !is_bound(c, v, vm_index);
	return moves && binds ? MOVES_AND_BINDS : moves ? MOVES : binds ? BINDS : STAYS;
}

/* ---- in words ---- */

static int describe_vm(struct commit *c, const struct vm_change *ch)
{
	const struct model_vm *v = ch->want;
	char name[VM_NAME];
	const char *at;

	if (ch->change == LEAVES)
		return commit_add_line(c, "- vm %s", vm_name_at(c->p, name, ch->vm_index));
	vm_name(name, vm_key(v->mac, v->vlan));
	at = c->want->hosts[v->host].info.name;
	switch (ch->change) {
	case NEW:
		return commit_add_line(c, "+ vm %s at %s%s", name, at, v->lock ? " lock" : "");
	case MOVES:
	case MOVES_AND_BINDS:
		return commit_add_line(c, "~ vm %s: at %s -> %s%s", name,
				       host_name(c->p, vm_now(c->p, ch->vm_index).host), at,
				       ch->change == MOVES ? "" : ", binding");
	default:
		return commit_add_line(c, "~ vm %s: binding", name);
	}
}

static int add_change(struct commit *c, const struct model_vm *v, __u32 vm_index,
		      enum change change)
{
	struct vm_change *ch = model_grow(&c->vm_changes, &c->n_vm_changes, sizeof(*ch));

	if (!ch)
		return -ENOMEM;
	*ch = (struct vm_change){ v, vm_index, change };
	return describe_vm(c, ch);
}

struct leavers {
	struct commit *c;
	const __u8 *kept; /* by vm_index */
};

static int on_vm(void *ctx, __u32 vm_index)
{
	struct leavers *l = ctx;

	return l->kept[vm_index] ? 0 : add_change(l->c, NULL, vm_index, LEAVES);
}

/* Once for each host: VMs move there, and there is no route to it. */
static int warn_unreachable(struct commit *c, const struct model_vm *v, bool *warned)
{
	__u16 host = host_of(c, v);
	struct xr_err err;

	if (warned[host] || !c->host[host].have)
		return 0;
	warned[host] = true;
	if (!host_reachable(c->p, host, &err))
		return 0;
	return commit_add_line(c, "! VMs move there, but %s", err.text);
}

/* Whether the port is still that VM's after this change. */
static bool keeps_port(const struct commit *c, __u32 vm_index, const char *tap)
{
	__u64 key = c->p->vms[vm_index].key;
	const struct model_vm *v;
	size_t i;

	for (i = 0; i < c->want->n_vms; i++) {
		v = &c->want->vms[i];
		if (vm_key(v->mac, v->vlan) == key)
			return !v->tap[0] || !strcmp(v->tap, tap);
	}
	return false;
}

/* The VM's port, where the file names one of this machine's. */
static int check_port(struct commit *c, const struct model_vm *v)
{
	unsigned int may_share = PORT_WITH_SAME_MAC | v->lock * PORT_WITH_LOCKED;
	__u64 key = vm_key(v->mac, v->vlan);
	char name[VM_NAME];
	struct xr_err err;
	__u32 holder;
	int ret;

	if (!v->tap[0] || !c->want->hosts[v->host].info.local)
		return 0;
	ret = port_check(c->p, v->tap, &err);
	holder = ret ? 0 : port_holder(c->p, key, v->tap, may_share);
	if (holder && keeps_port(c, holder - 1, v->tap))
		ret = port_check_holder(c->p, key, v->tap, may_share, &err);
	if (!ret)
		return 0;
	vm_count_reason(c->p, XR_R_PORT_REFUSED, 1);
	return commit_fault(c, v->line,
			    xr_fail(c->err, -EINVAL, "VM %s: %s",
				    vm_name(name, vm_key(v->mac, v->vlan)), err.text));
}

int commit_describe_vms(struct commit *c)
{
	struct leavers l = { c, NULL };
	const struct model_vm *v;
	enum change change;
	__u8 *kept;
	bool *warned;
	__u32 vm_index;
	size_t i;
	int ret = 0;

	if (!c->want->vms_given)
		return 0;
	l.kept = kept = calloc((size_t)c->p->mac_buckets * XR_TAG_LANES, 1);
	warned = calloc(c->have->limits.hosts + 1, sizeof(*warned));
	if (!kept || !warned)
		ret = -ENOMEM;
	progress_doing("comparing VMs", c->want->n_vms);
	for (i = 0; !ret && i < c->want->n_vms; i++) {
		progress_at(i);
		v = &c->want->vms[i];
		vm_index = vm_find(c->p, vm_key(v->mac, v->vlan));
		if (vm_index != VM_NOWHERE)
			kept[vm_index] = 1;
		change = change_of(c, v, vm_index);
		if (change == MOVES || change == MOVES_AND_BINDS)
			ret = warn_unreachable(c, v, warned);
		if (!ret && change != STAYS)
			ret = check_port(c, v) ?: add_change(c, v, vm_index, change);
	}
	if (!ret && !c->want->other_vms_stay)
		ret = vm_each(c->p, on_vm, &l);
	free(kept);
	free(warned);
	return ret;
}

/* ---- doing it ---- */

/* VMs and addresses that leave go first: others may need the room. */
static void remove_first(struct commit *c)
{
	struct vm_loose loose = { .n_vm = 0 };
	const struct vm_change *ch;
	size_t i;

	for (i = 0; i < c->n_vm_changes; i++) {
		ch = &c->vm_changes[i];
		if (ch->change == LEAVES)
			vm_drop(c->p, ch->vm_index, &loose);
		else if (ch->change == BINDS || ch->change == MOVES_AND_BINDS)
			vm_unbind(c->p, ch->vm_index, ch->want->addr, ch->want->n_addrs, &loose);
	}
	vm_loose_end(c->p, &loose);
}

static void move(struct commit *c, const struct vm_change *ch, __u32 tick)
{
	struct xr_vm_info *info = &c->p->vm_info[ch->vm_index];
	__u16 host = host_of(c, ch->want);

	vm_set_moved(c->p, ch->vm_index, host, 0, tick, c->want->vms_source, NULL);
	info->seq = vm_next_seq(info->seq);
	info->step = XR_NOTICE_MOVED + 1;
	vm_note_source(c->p, ch->vm_index, c->want->vms_source);
	info->moves++;
	info->host = host;
	info->under_way = 0;
}

static int full(struct commit *c, const char *what, const char *limit)
{
	return xr_fail(c->err, -ENOSPC,
		       "no place for a %s is free: make the instance anew with a larger limits.%s",
		       what, limit);
}

static int make_change(struct commit *c, struct vm_change *ch, __u32 tick)
{
	const struct model_vm *v = ch->want;
	int ret;

	/* It may speak at the new host at once. */
	if (ch->change == MOVES_AND_BINDS)
		vm_set_bounds(c->p, ch->vm_index, model_bounds(c->want, v));
	if (ch->change == MOVES || ch->change == MOVES_AND_BINDS)
		move(c, ch, tick);
	if (ch->change == NEW)
		ch->vm_index = vm_new(c->p, vm_key(v->mac, v->vlan), host_of(c, v),
				      c->want->vms_source);
	if (ch->vm_index == VM_NOWHERE)
		return commit_fault(c, v->line, full(c, "VM", "vms"));
	if (ch->change == LEAVES || ch->change == MOVES)
		return 0;
	ret = vm_set_bounds(c->p, ch->vm_index, model_bounds(c->want, v));
	if (ret)
		return commit_fault(c, v->line,
				    xr_fail(c->err, ret,
					    "the VM's limits and rules cannot be stored: %s",
					    strerror(-ret)));
	if (vm_bind(c->p, ch->vm_index, v->addr, v->n_addrs, v->lock, v->tap))
		return commit_fault(c, v->line, full(c, "VM's address", "vm_addresses"));
	if (host_any_local(c->p))
		vm_local_added(c->p, ch->vm_index);
	return 0;
}

/* A host goes: a move that was prepared to it is off, and it is nobody's home. */
static int forget_host(void *ctx, __u32 vm_index)
{
	struct commit *c = ctx;
	struct xr_vm_now now = vm_now(c->p, vm_index), to;

	if (now.next && !c->host[now.next].want && vm_set_back(c->p, vm_index)) {
		vm_local_cancel(c->p, vm_index, NULL);
		c->p->vm_info[vm_index].under_way = 0;
	}
	now = vm_now(c->p, vm_index);
	while (now.home && !c->host[now.home].want) {
		to = now;
		to.home = now.host;
		if (vm_change(c->p, vm_index, &now, to))
			break;
	}
	return 0;
}

int commit_store_vms(struct commit *c)
{
	__u32 tick = plane_tick(c->p);
	size_t i;
	int ret = 0;

	if (!c->want->vms_given)
		return 0;
	remove_first(c);
	progress_doing("VMs", c->n_vm_changes);
	for (i = 0; !ret && i < c->n_vm_changes; i++) {
		ret = make_change(c, &c->vm_changes[i], tick);
		progress_at(i);
	}
	for (i = 1; i <= c->have->limits.hosts; i++)
		if (c->host[i].have && !c->host[i].want)
			break;
	if (i <= c->have->limits.hosts)
		vm_each(c->p, forget_host, c);
	return ret;
}
