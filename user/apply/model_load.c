// SPDX-License-Identifier: GPL-2.0-only
/* The model of what runs, from the pinned maps. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "attach/attach.h"
#include "attach/drained.h"
#include "plane/members.h"
#include "plane/server_ids.h"
#include "model/model_edit.h"
#include "host/host.h"
#include "lib/clean.h"
#include "lib/index.h"
#include "lib/netns.h"
#include "lib/text.h"
#include "model_load.h"
#include "plane/vm_state.h"
#include "vm/vm.h"

static int load_vips(struct plane *p, struct model *m)
{
	struct model_vip *v;
	__u32 i;

	for (i = 1; i <= p->meta->limits.vips; i++) {
		if (!p->vips[i].used)
			continue;
		v = model_grow(&m->vips, &m->n_vips, sizeof(*v));
		if (!v)
			return -ENOMEM;
		memcpy(v->addr, p->vips[i].addr, sizeof(v->addr));
		v->port = p->vips[i].port;
		v->proto = p->vips[i].proto;
		v->cid = p->vips[i].flags & XR_VIP_CID;
		v->flow = p->vips[i].flags & XR_VIP_FLOW;
		v->announce = p->vips[i].flags & XR_VIP_ANNOUNCE;
		v->min_up = p->vips[i].min_up ?: 1;
		memcpy(v->check, p->vip_checks[i].name, sizeof(v->check));
		v->index = i;
	}
	return 0;
}

static int load_cids(struct plane *p, struct model *m)
{
	struct model_cid *c;
	int i;

	for (i = 1; i < XR_CID_SLOTS; i++) {
		if (!p->cid_info[i].used)
			continue;
		c = model_grow(&m->cids, &m->n_cids, sizeof(*c));
		if (!c)
			return -ENOMEM;
		c->info = p->cid_info[i];
		c->slot = i;
	}
	return 0;
}

static int load_health(struct plane *p, struct model *m)
{
	struct model_health *h;
	int i;

	for (i = 0; i < XR_MAX_CHECKS && p->health_checks[i].name[0]; i++) {
		h = model_grow(&m->health, &m->n_health, sizeof(*h));
		if (!h)
			return -ENOMEM;
		h->check = p->health_checks[i];
	}
	return 0;
}

/* backend_no: by slot, index in m->backends + 1; 0: none. */
static int load_backends(struct plane *p, struct model *m, __u32 *backend_no)
{
	struct model_backend *b;
	__u32 i;

	for (i = 1; i <= p->meta->limits.backends; i++) {
		if (p->backend_info[i].state == XR_BACKEND_NONE)
			continue;
		b = model_grow(&m->backends, &m->n_backends, sizeof(*b));
		if (!b)
			return -ENOMEM;
		b->info = p->backend_info[i];
		memcpy(b->check, p->backend_health[i].check, sizeof(b->check));
		b->index = i;
		backend_no[i] = no_of_index(m->n_backends - 1);
	}
	return 0;
}

struct sid_load {
	struct plane *p;
	struct model *m;
	const __u32 *backend_no;
};

static int load_sid(void *ctx, const struct sid_entry *e)
{
	const struct sid_load *l = ctx;
	struct model_backend *b;
	struct model_sid *s;

	if (e->backend > l->p->meta->limits.backends || !l->backend_no[e->backend])
		return 0;
	b = &l->m->backends[index_of_no(l->backend_no[e->backend])];
	s = model_grow(&b->sids, &b->n_sids, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->len = e->len;
	memcpy(s->octet, e->sid, sizeof(s->octet));
	return 0;
}

static int load_sids(struct plane *p, struct model *m, const __u32 *backend_no)
{
	const struct sid_store s = plane_server_ids(p);
	struct sid_load l = { p, m, backend_no };

	return sid_store_each(&s, load_sid, &l);
}

void model_who_has_sids(struct plane *p, bool *has)
{
	const struct sid_store s = plane_server_ids(p);

	sid_store_backends(&s, has, p->meta->limits.backends);
}

static int load_member(struct plane *p, struct model *m, const __u32 *backend_no,
		       const struct xr_member *k)
{
	struct model_vip_key *key;
	struct model_backend *b;
	const struct xr_vip *v;

	if (k->vip > p->meta->limits.vips || k->backend > p->meta->limits.backends)
		return 0;
	v = &p->vips[k->vip];
	if (!v->used || !backend_no[k->backend])
		return 0;
	b = &m->backends[index_of_no(backend_no[k->backend])];
	key = model_grow(&b->vips, &b->n_vips, sizeof(*key));
	if (!key)
		return -ENOMEM;
	memcpy(key->addr, v->addr, sizeof(key->addr));
	key->port = v->port;
	key->proto = v->proto;
	return 0;
}

struct member_load {
	struct plane *p;
	struct model *m;
	const __u32 *backend_no;
};

static int on_member(void *ctx, const struct xr_member *k)
{
	struct member_load *l = ctx;

	return load_member(l->p, l->m, l->backend_no, k);
}

static int load_device(struct model *m, const struct xr_device *d)
{
	struct model_dev *dev = model_grow(&m->devs, &m->n_devs, sizeof(*dev));

	if (!dev)
		return -ENOMEM;
	memcpy(dev->name, d->name, strnlen(d->name, sizeof(dev->name) - 1));
	dev->space = d->netns;
	dev->role = d->role;
	dev->want = d->want;
	dev->trusted = d->trusted;
	dev->listed = d->listed;
	return 0;
}

/* Those that were drained, too, behind the others: they are wanted. */
static const struct xr_device *next_recorded(const struct plane *p, const struct xr_device *d)
{
	bool kept = d && d >= p->drained && d < p->drained + XR_MAX_DEVICES;
	const struct xr_device *next = kept ? NULL : plane_next_device(p, d);

	return next ?: drained_next(p, kept ? d : NULL);
}

static int load_devices(struct plane *p, struct model *m)
{
	const struct xr_device *d = NULL;
	int ret = 0;

	while (!ret && (d = next_recorded(p, d)))
		ret = load_device(m, d);
	return ret;
}

static int load_hosts(struct plane *p, struct model *m)
{
	struct model_host *h;
	__u32 i;

	for (i = 1; i <= p->meta->limits.hosts; i++) {
		if (!p->host_info[i].name[0])
			continue;
		h = model_grow(&m->hosts, &m->n_hosts, sizeof(*h));
		if (!h)
			return -ENOMEM;
		h->info = p->host_info[i];
		h->index = i;
	}
	return 0;
}

static int load_gateways(struct plane *p, struct model *m)
{
	struct xr_gateway *g;
	int i;

	for (i = 0; i < XR_MAX_GATEWAYS; i++) {
		if (!p->gateways[i].used)
			continue;
		g = model_grow(&m->gateways, &m->n_gateways, sizeof(*g));
		if (!g)
			return -ENOMEM;
		*g = p->gateways[i];
	}
	return protect_list(p, &m->protect, &m->n_protect);
}

/* ---- VMs, only for who asks ---- */

struct vm_load {
	struct plane *p;
	struct model *m;
	__u32 *host_index; /* by slot: index in m->hosts */
};

static int load_vm(void *ctx, __u32 host_index)
{
	struct vm_load *l = ctx;
	const struct xr_vm_info *info = &l->p->vm_info[host_index];
	struct xr_vm_now now = vm_now(l->p, host_index);
	struct model_vm *v = model_grow(&l->m->vms, &l->m->n_vms, sizeof(*v));
	struct xr_vm_bounds bounds, *to;
	int i;

	if (!v)
		return -ENOMEM;
	vm_mac_of(l->p->vms[host_index].key, v->mac);
	v->vlan = vm_vlan_of(l->p->vms[host_index].key);
	v->host = l->host_index[now.host];
	v->lock = now.flags & XR_VM_LOCK;
	if (vm_get_bounds(l->p, host_index, &bounds)) {
		to = model_bounds_of(l->m, v);
		if (!to)
			return -ENOMEM;
		*to = bounds;
	}
	if (!(info->learned & XR_LEARNED_TAP))
		memcpy(v->tap, info->tap, sizeof(v->tap));
	for (i = 0; i < XR_VM_ADDRS; i++)
		if (!addr_is_zero(info->addr[i]) && !(info->learned >> i & 1))
			memcpy(v->addr[v->n_addrs++], info->addr[i], sizeof(v->addr[0]));
	return 0;
}

int model_load_vms(struct plane *p, struct model *m, struct xr_err *err)
{
	struct vm_load l = { p, m, calloc(65536, sizeof(*l.host_index)) };
	int ret = -ENOMEM;
	size_t i;

	for (i = 0; l.host_index && i < m->n_hosts; i++)
		l.host_index[m->hosts[i].index] = i;
	if (l.host_index)
		ret = vm_each(p, load_vm, &l);
	free(l.host_index);
	if (ret)
		return xr_fail(err, ret, "out of memory");
	if (m->n_vms)
		qsort(m->vms, m->n_vms, sizeof(*m->vms), model_compare_vms);
	m->vms_given = true;
	return 0;
}

static int load(struct plane *p, struct model *m, bool sids, struct xr_err *err)
{
	__u32 *backend_no = calloc(XR_MAX_BACKENDS + 1, sizeof(*backend_no));
	struct member_load l = { p, m, backend_no };
	int ret = -ENOMEM;

	model_init(m);
	m->sids_stay = !sids;
	m->limits = p->meta->limits;
	m->policy = p->meta->policy;
	m->has_secret = p->meta->secret_set;
	memcpy(m->secret, p->meta->secret, sizeof(m->secret));
	if (!backend_no)
		goto out;
	ret = load_vips(p, m);
	if (!ret)
		ret = load_health(p, m);
	if (!ret)
		ret = load_cids(p, m);
	if (!ret)
		ret = load_backends(p, m, backend_no);
	if (!ret && sids)
		ret = load_sids(p, m, backend_no);
	if (!ret)
		ret = members_each(p, on_member, &l);
	if (!ret)
		ret = load_devices(p, m);
	if (!ret)
		ret = load_hosts(p, m);
	if (!ret)
		ret = load_gateways(p, m);
	model_sort_lists(m);
out:
	free(backend_no);
	if (ret) {
		model_free(m);
		xr_fail(err, ret, "instance %s: cannot read its state: %s", p->name,
			strerror(-ret));
	}
	return ret;
}

int model_load(struct plane *p, struct model *m, struct xr_err *err)
{
	return load(p, m, true, err);
}

int model_load_without_sids(struct plane *p, struct model *m, struct xr_err *err)
{
	return load(p, m, false, err);
}

/* ---- for a file ---- */

static const char *not_for_file(struct plane *p, struct model_dev *dev, const struct xr_device *d)
{
	struct device_location at;
	enum device_state state = plane_device_location(p, d, &at);

	if (state == DEVICE_GONE)
		return at.no_netns ? "its network namespace is gone" : "it is gone";
	if (text_check_dev(NULL, at.name, NULL))
		return "no file can name it";
	memcpy(dev->name, at.name, sizeof(dev->name));
	if (at.netns == netns_id() ||
	    (netns_name(at.netns, dev->netns, sizeof(dev->netns)) && clean_is_utf8(dev->netns)))
		return NULL;
	return "it is in a network namespace that has no name: \"ip netns attach NAME PID\" gives it one";
}

void model_name_devices(struct plane *p, struct model *m,
			void (*left_out)(void *ctx, const char *line), void *ctx)
{
	const struct xr_device *d = NULL;
	struct xr_err line;
	const char *why;
	size_t n = 0, at = 0;

	/* In the order of the records, as model_load() found them. */
	while (at < m->n_devs && (d = next_recorded(p, d))) {
		why = not_for_file(p, &m->devs[at], d);
		if (why) {
			xr_fail(&line, 0, "device %s is left out: %s", d->name, why);
			left_out(ctx, line.text);
		} else {
			m->devs[n++] = m->devs[at];
		}
		at++;
	}
	m->n_devs = n;
}
