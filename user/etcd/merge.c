// SPDX-License-Identifier: GPL-2.0-only
/*
 * What was read from etcd becomes a part of the running model. A list that is empty in etcd
 * is left as it runs: a wrong prefix, or an etcd that was made anew, deletes nothing.
 *
 * A VM that the instance knows stays where it is, unless etcd has said something new of it
 * since: where it went meanwhile, this node may know from its QEMU. While a move is under way
 * that a hypervisor tells of, such news wait for its end, as those of the watch do.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "etcd_priv.h"
#include "host/host.h"
#include "lib/lut.h"
#include "lib/vm_key.h"
#include "model/model_edit.h"
#include "plane/vm_state.h"
#include "vm/vm.h"

#define NO_HOST 0xffffffffU

void etcd_refuse(struct etcd_read *r, const char *below, const struct xr_err *why)
{
	r->refused++;
	r->on_refused(r->ctx, below, why);
}

int etcd_refuse_value(struct etcd_read *r, const char *below, const struct xr_err *why)
{
	__u64 *to;
	__u16 vlan;
	__u8 mac[6];

	etcd_refuse(r, below, why);
	if (!etcd_vm_key(below, &vlan, mac))
		return 0;
	to = model_grow(&r->unread, &r->n_unread, sizeof(*to));
	if (!to)
		return -ENOMEM;
	*to = vm_key(mac, vlan);
	return 0;
}

/* ---- lists ---- */

#define TAKE_LIST(to, from, list, n)       \
	do {                               \
		free((to)->list);          \
		(to)->list = (from)->list; \
		(to)->n = (from)->n;       \
		(from)->list = NULL;       \
		(from)->n = 0;             \
	} while (0)

static void free_backends(struct model *m)
{
	while (m->n_backends)
		model_drop_backend(m, &m->backends[m->n_backends - 1]);
}

/* The host of this machine is local here, and nowhere else. */
static void mark_local(const struct etcd_read *r, struct model *m)
{
	size_t i;

	for (i = 0; i < m->n_hosts; i++)
		m->hosts[i].info.local = !strcmp(m->hosts[i].info.name, r->conf->node);
}

/* It has something, or had, and has no longer. */
static bool is_etcds(const struct etcd_read *r, enum model_section_of_key list)
{
	return (r->now.lists | r->known.lists) >> list & 1;
}

static void take_lists(struct etcd_read *r, struct model *m)
{
	struct model *part = &r->part;

	if (is_etcds(r, MODEL_HOSTS)) {
		TAKE_LIST(m, part, hosts, n_hosts);
		if (r->conf->node[0])
			mark_local(r, m);
	}
	if (is_etcds(r, MODEL_CID))
		TAKE_LIST(m, part, cids, n_cids);
	if (is_etcds(r, MODEL_VIPS))
		TAKE_LIST(m, part, vips, n_vips);
	if (is_etcds(r, MODEL_BACKENDS)) {
		free_backends(m);
		TAKE_LIST(m, part, backends, n_backends);
	}
}

/* ---- VMs ---- */

/* Where each of from's hosts is in to; free() it. NULL: out of memory. */
static __u32 *map_hosts(const struct model_host *from, size_t n, const struct model *to)
{
	__u32 *map = malloc((n + 1) * sizeof(*map)), at, j;
	struct lut names = { NULL, 0 };
	const char *name;
	size_t i;

	if (!map || lut_init(&names, to->n_hosts)) {
		free(map);
		return NULL;
	}
	for (i = 0; i < to->n_hosts; i++) {
		name = to->hosts[i].info.name;
		lut_add(&names, lut_hash(name, strlen(name)), i);
	}
	for (i = 0; i < n; i++) {
		name = from[i].info.name;
		map[i] = NO_HOST;
		for (at = lut_first(&names, lut_hash(name, strlen(name)));
		     (j = lut_get(&names, at)) != LUT_END; at++)
			if (!strcmp(to->hosts[j].info.name, name))
				map[i] = j;
	}
	lut_free(&names);
	return map;
}

static int note_moving(void *ctx, __u32 index)
{
	struct etcd_read *r = ctx;
	struct xr_vm_now now = vm_now(r->plane, index);
	struct etcd_moving *at;

	if (!vm_under_way(now))
		return 0;
	at = model_grow(&r->moving, &r->n_moving, sizeof(*at));
	if (!at)
		return -ENOMEM;
	*at = (struct etcd_moving){ r->plane->vms[index].key, index, now.host };
	return 0;
}

static int compare_moving(const void *a, const void *b)
{
	const struct etcd_moving *x = a, *y = b;

	return x->index < y->index ? -1 : x->index > y->index;
}

int etcd_note_moving(struct etcd_read *r, struct plane *p)
{
	r->plane = p;
	return p->vm_control->watching ? vm_each(p, note_moving, r) : 0;
}

/*
 * Its move was completed since the reading began, and etcd says where it was before: that was
 * read too early, whatever its number is.
 */
static bool has_just_left(const struct etcd_read *r, __u32 index, const char *host)
{
	const struct etcd_moving *was = NULL, at = { .index = index };

	if (r->n_moving)
		was = bsearch(&at, r->moving, r->n_moving, sizeof(at), compare_moving);
	return was && was->key == r->plane->vms[index].key &&
		was->host != vm_now(r->plane, index).host &&
		!strcmp(host_name(r->plane, was->host), host);
}

/* Whether what etcd says of the VM is newer than what is known of it. */
static bool is_news(const struct etcd_read *r, const struct model_vm *vm, const char *host,
		    size_t i)
{
	const struct etcd_line *v = &r->vms.value[i];
	__u32 index;

	if (v->revision <= r->known.revision)
		return false;
	index = vm_find(r->plane, vm_key(vm->mac, vm->vlan));
	if (index == VM_NOWHERE)
		return true;
	return !has_just_left(r, index, host) && (!v->seq || v->seq > r->plane->vm_info[index].seq);
}

/*
 * By a word that counts more it runs elsewhere, or may: of what hypervisors said since the
 * reading began only the daemon knows.
 */
static bool is_outranked(const struct etcd_read *r, const struct model_vm *vm, const char *host)
{
	__u32 index = vm_find(r->plane, vm_key(vm->mac, vm->vlan));
	struct xr_vm_now now;

	if (index == VM_NOWHERE)
		return false;
	now = vm_now(r->plane, index);
	if (!strcmp(host_name(r->plane, now.host), host))
		return false;
	return vm_under_way(now) || vm_standing(r->plane, index) > XR_TRUST_OPERATOR ||
		(r->is_here && r->is_here(r->ctx, index));
}

static bool in_segment(const struct etcd_read *r, __u16 vlan)
{
	return (r->now.segments[vlan / 8] | r->known.segments[vlan / 8]) >> vlan % 8 & 1;
}

struct merge {
	struct etcd_read *r;
	struct model *m;
	struct model_vm *have; /* what runs, sorted; hosts as in m, or NO_HOST */
	size_t n_have;
	__u32 *map; /* of etcd's VMs' hosts */
	struct model_vm_check *check;
};

static const struct model_vm *find_known(const struct merge *g, const struct model_vm *vm)
{
	return g->n_have ? bsearch(vm, g->have, g->n_have, sizeof(*vm), model_compare_vms) : NULL;
}

/* -EINVAL and the line: it is not put there, for it is wrong beside those that are. */
static int put_vm(struct merge *g, const struct model_vm *vm, struct xr_err *why)
{
	struct model_vm *to = model_grow(&g->m->vms, &g->m->n_vms, sizeof(*to));
	int ret;

	if (!to)
		return xr_fail(why, -ENOMEM, "out of memory");
	*to = *vm;
	ret = model_vm_check_last(g->check, why);
	if (ret)
		g->m->n_vms--;
	return ret;
}

/* The same of one of etcd's, whose bounds are in its own model. */
static int put_etcds(struct merge *g, struct model_vm vm, struct xr_err *why)
{
	const struct xr_vm_bounds *from = g->r->vm_part.bounds;
	struct xr_vm_bounds *to;
	int ret;

	if (!vm.bounds)
		return put_vm(g, &vm, why);
	to = model_grow(&g->m->bounds, &g->m->n_bounds, sizeof(*to));
	if (!to)
		return xr_fail(why, -ENOMEM, "out of memory");
	*to = from[vm.bounds - 1];
	vm.bounds = g->m->n_bounds;
	ret = put_vm(g, &vm, why);
	if (ret)
		g->m->n_bounds--;
	return ret;
}

/* As it runs, where that can be; nothing is to be said if not. */
static int keep_known(struct merge *g, const struct model_vm *known)
{
	struct xr_err why;

	if (!known || known->host == NO_HOST)
		return 0;
	return put_vm(g, known, &why) == -ENOMEM ? -ENOMEM : 0;
}

static int take_vm(struct merge *g, size_t i)
{
	struct model_vm vm = g->r->vm_part.vms[i];
	const struct model_vm *known = find_known(g, &vm);
	const char *host = g->r->vm_part.hosts[vm.host].info.name;
	const char *key = g->r->vms.value[i].key;
	bool runs = known && known->host != NO_HOST;
	bool news = !runs || is_news(g->r, &vm, host, i);
	struct xr_err inner, why;
	int ret;

	if (runs && news && is_outranked(g->r, &vm, host)) {
		g->r->on_outranked(g->r->ctx, &g->r->vms.value[i]);
		return keep_known(g, known);
	}
	vm.host = news ? g->map[vm.host] : known->host;
	vm.line = 0;
	ret = vm.host == NO_HOST
		? xr_fail(&inner, -ENOENT, "at: there is no host \"%.60s\" in hosts", host)
		: put_etcds(g, vm, &inner);
	if (!ret || ret == -ENOMEM)
		return ret;
	xr_fail(&why, 0, "%s: %s", key, inner.text);
	etcd_refuse(g->r, key, &why);
	return keep_known(g, known);
}

/* Those of other segments, which have nothing to do with etcd. */
static int keep_others(struct merge *g, struct xr_err *err)
{
	char name[VM_NAME];
	size_t i;
	int ret = 0;

	for (i = 0; !ret && i < g->n_have; i++) {
		if (in_segment(g->r, g->have[i].vlan))
			continue;
		if (g->have[i].host == NO_HOST)
			return xr_fail(
				err, -EBUSY,
				"VM %s, of a segment that is not read from etcd, is at a host that is no longer there; move it, or put the host back",
				vm_name(name, vm_key(g->have[i].mac, g->have[i].vlan)));
		ret = put_vm(g, &g->have[i], err);
	}
	return ret;
}

static int keep_unread(struct merge *g)
{
	struct model_vm vm;
	size_t i;
	int ret = 0;

	for (i = 0; !ret && i < g->r->n_unread; i++) {
		memset(&vm, 0, sizeof(vm));
		vm_mac_of(g->r->unread[i], vm.mac);
		vm.vlan = vm_vlan_of(g->r->unread[i]);
		ret = keep_known(g, find_known(g, &vm));
	}
	return ret;
}

/* What is new and wrong takes nothing away from what runs: that comes first. */
static int merge_vms(struct merge *g, struct xr_err *err)
{
	const struct model *part = &g->r->vm_part;
	int ret = keep_others(g, err), fresh;
	size_t i;

	if (ret)
		return ret;
	ret = keep_unread(g);
	for (fresh = 0; fresh <= 1; fresh++)
		for (i = 0; !ret && i < part->n_vms; i++)
			if (fresh == !find_known(g, &part->vms[i]))
				ret = take_vm(g, i);
	return ret ? xr_fail(err, ret, "out of memory") : 0;
}

/* had: the hosts before, which m->vms' are indices of. */
static int take_vms(struct etcd_read *r, struct model *m, const struct model_host *had,
		    size_t n_had, struct xr_err *err)
{
	struct merge g = { .r = r, .m = m, .have = m->vms, .n_have = m->n_vms };
	__u32 *map = map_hosts(had, n_had, m);
	int ret = map ? 0 : xr_fail(err, -ENOMEM, "out of memory");
	size_t i;

	g.map = map_hosts(r->vm_part.hosts, r->vm_part.n_hosts, m);
	if (!ret && !g.map)
		ret = xr_fail(err, -ENOMEM, "out of memory");
	for (i = 0; !ret && i < g.n_have; i++)
		g.have[i].host = map[g.have[i].host];
	m->vms = NULL;
	m->n_vms = 0;
	m->vms_given = true;
	m->vms_source = XR_SOURCE_ETCD;
	/* A value that is refused may be followed by what runs in its place. */
	g.check = model_vm_check_new(m, g.n_have + 2 * r->vm_part.n_vms);
	if (!ret && !g.check)
		ret = xr_fail(err, -ENOMEM, "out of memory");
	if (!ret)
		ret = merge_vms(&g, err);
	model_vm_check_free(g.check);
	free(g.have);
	free(g.map);
	free(map);
	return ret;
}

int etcd_merge(struct model *m, void *ctx, struct xr_err *err)
{
	struct etcd_read *r = ctx;
	struct model_host *had = NULL;
	size_t n_had = m->n_hosts, i;
	int ret = 0;

	if (r->with_vms) {
		had = malloc((n_had + 1) * sizeof(*had));
		if (!had)
			return xr_fail(err, -ENOMEM, "out of memory");
		for (i = 0; i < n_had; i++)
			had[i] = m->hosts[i];
	}
	if (!r->lists_are_bad)
		take_lists(r, m);
	if (r->with_vms)
		ret = take_vms(r, m, had, n_had, err);
	free(had);
	return ret ? ret : model_check(m, NULL, err);
}
