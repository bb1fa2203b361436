// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "journal/journal.h"
#include "model/model_edit.h"
#include "model_load.h"
#include "narrow.h"
#include "vm/vm_bind.h"

/* ---- VMs that move on while their file stays the same ---- */

#define NO_HOST 0xffffffffU

/* By index in now->hosts: that of the same host in m, or NO_HOST. */
static __u32 *same_hosts(const struct model *now, const struct model *m)
{
	__u32 *to = calloc(now->n_hosts + 1, sizeof(*to));
	const struct model_host *h;
	size_t i;

	for (i = 0; to && i < now->n_hosts; i++) {
		h = model_find_host(m, now->hosts[i].info.name);
		to[i] = h ? h - m->hosts : NO_HOST;
	}
	return to;
}

static int keep_vm(const struct model *now, const struct model_vm *vm, __u32 host, struct model *m)
{
	struct model_vm *kept = model_grow(&m->vms, &m->n_vms, sizeof(*kept));
	struct xr_vm_bounds *bounds;

	if (!kept)
		return -ENOMEM;
	*kept = *vm;
	kept->host = host;
	kept->bounds = 0;
	if (!vm->bounds)
		return 0;
	bounds = model_bounds_of(m, kept);
	if (!bounds)
		return -ENOMEM;
	*bounds = *model_bounds(now, vm);
	return 0;
}

int narrow_keep_hosts(const struct model *now, struct model *m)
{
	bool *named = calloc(now->n_vms + 1, sizeof(*named));
	__u32 *host = same_hosts(now, m);
	int ret = named && host ? 0 : -ENOMEM;
	struct model_vm *known;
	size_t i;

	for (i = 0; !ret && i < m->n_vms && now->n_vms; i++) {
		known = bsearch(&m->vms[i], now->vms, now->n_vms, sizeof(*known),
				model_compare_vms);
		if (!known)
			continue;
		if (host[known->host] != NO_HOST)
			m->vms[i].host = host[known->host];
		named[known - now->vms] = true;
	}
	for (i = 0; !ret && i < now->n_vms; i++)
		if (!named[i] && host[now->vms[i].host] != NO_HOST)
			ret = keep_vm(now, &now->vms[i], host[now->vms[i].host], m);
	m->sections |= 1U << MODEL_VMS; /* they stay */
	free(named);
	free(host);
	return ret;
}

/* ---- which of them need anything ---- */

static bool is_so(struct plane *p, const struct model *want, const struct model_vm *v)
{
	__u32 vm_index = vm_find(p, vm_key(v->mac, v->vlan));

	return vm_index != VM_NOWHERE &&
		vm_bound(p, vm_index, v->addr, v->n_addrs, v->lock, v->tap) &&
		vm_has_bounds(p, vm_index, model_bounds(want, v));
}

static int list_others(struct narrow *n, struct plane *p, const struct model *want)
{
	struct model_vm *to;
	size_t i;

	for (i = 0; i < want->n_vms; i++) {
		if (is_so(p, want, &want->vms[i]))
			continue;
		to = model_grow(&n->vms, &n->n_vms, sizeof(*to));
		if (!to)
			return -ENOMEM;
		*to = want->vms[i];
	}
	return 0;
}

/* A host that goes takes its VMs along. */
static bool keeps_all_hosts(const struct model *now, const struct model *want)
{
	size_t i;

	for (i = 0; i < now->n_hosts; i++)
		if (!model_find_host(want, now->hosts[i].info.name))
			return false;
	return true;
}

/* What is new must go together with VMs that the file does not have. */
static int check_together(struct plane *p, struct model *now, const struct model *want)
{
	struct model whole;
	int ret = model_load_vms(p, now, NULL);

	if (ret || model_copy(&whole, want))
		return -ENOMEM;
	ret = narrow_keep_hosts(now, &whole);
	if (!ret)
		ret = model_check(&whole, NULL, NULL);
	model_free(&whole);
	return ret;
}

static int look(struct narrow *n, struct plane *p, const struct model *want)
{
	struct model now;
	int ret = model_load_without_sids(p, &now, NULL);

	if (ret)
		return ret;
	ret = keeps_all_hosts(&now, want) ? list_others(n, p, want) : -ENOENT;
	if (!ret && n->n_vms)
		ret = check_together(p, &now, want);
	model_free(&now);
	return ret;
}

void narrow_begin(struct narrow *n, const char *instance, const struct model *want)
{
	struct plane *p;

	*n = (struct narrow){ .id = 0 };
	if (!want->vms_given || plane_open(&p, instance, PLANE_READ, NULL, NULL, NULL))
		return;
	n->changes = __atomic_load_n(&p->meta->changes, __ATOMIC_ACQUIRE);
	/* Where anything is not as it should be, all is compared under the lock. */
	if (!journal_exists(instance) && !look(n, p, want))
		n->id = p->meta->id;
	plane_close(p);
}

/* They have moved on since, perhaps: VMs stay where they are. */
static bool keep_few_hosts(struct narrow *n, struct plane *p, const struct model *want)
{
	const struct model_host *h;
	__u32 vm_index;
	size_t i;

	for (i = 0; i < n->n_vms; i++) {
		vm_index = vm_find(p, vm_key(n->vms[i].mac, n->vms[i].vlan));
		if (vm_index == VM_NOWHERE)
			continue;
		h = model_find_host(want, p->host_info[vm_now(p, vm_index).host].name);
		if (!h)
			return false;
		n->vms[i].host = h - want->hosts;
	}
	return true;
}

bool narrow_use(struct narrow *n, struct plane *p, struct model *want)
{
	struct narrow all = { n->id, n->changes, want->vms, want->n_vms };

	if (!n->id || n->id != p->meta->id || n->changes != p->meta->changes ||
	    !keep_few_hosts(n, p, want))
		return false;
	want->vms = n->vms;
	want->n_vms = n->n_vms;
	want->vms_given = want->n_vms;
	want->other_vms_stay = true;
	want->sections |= 1U << MODEL_VMS;
	*n = all;
	return true;
}

void narrow_end(struct narrow *n)
{
	free(n->vms);
}
