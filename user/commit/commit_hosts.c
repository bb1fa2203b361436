// SPDX-License-Identifier: GPL-2.0-only
/* Hosts, gateways and protected addresses of a commit. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "commit_priv.h"
#include "model/model_edit.h"
#include "host/host.h"
#include "local/local.h"
#include "lib/lut.h"
#include "lib/text.h"
#include "lib/whole.h"
#include "plane/stats.h"
#include "underlay/ends.h"
#include "plane/vm_state.h"

/* ---- which features a model needs ---- */

static bool by_ip(const struct xr_host_info *h)
{
	return h->method == XR_FORWARD_IPIP || h->method == XR_FORWARD_GUE ||
		h->method == XR_FORWARD_L2;
}

__u32 commit_features(const struct model *m)
{
	__u32 features = 0;
	size_t i;

	for (i = 0; i < m->n_hosts; i++) {
		features |= XR_FEATURE_HOSTS;
		if (by_ip(&m->hosts[i].info))
			features |= XR_FEATURE_BY_IP;
		if (m->hosts[i].info.local)
			features |= XR_FEATURE_LOCAL;
	}
	/* Without hosts it is a load balancer, also before its first VIP. */
	if (m->n_vips || !m->n_hosts)
		features |= XR_FEATURE_VIPS;
	return features;
}

/* ---- slots ---- */

struct tenant {
	const struct commit *c;
	struct xr_err *err;
};

static bool is_gone(const struct commit *c, __u16 host)
{
	return host && c->host[host].have && !c->host[host].want;
}

static int on_tenant(void *ctx, __u32 place)
{
	struct tenant *t = ctx;
	struct xr_vm_now now = vm_now(t->c->p, place);
	__u16 host = is_gone(t->c, now.host) ? now.host
		: is_gone(t->c, now.next)    ? now.next
		: is_gone(t->c, now.home)    ? now.home
					     : 0;
	char name[VM_NAME];

	if (!host)
		return 0;
	return xr_fail(t->err, -EBUSY, "host %s: VM %s %s there; move it first, or let it leave",
		       t->c->host[host].have->info.name, vm_name_at(t->c->p, name, place),
		       host == now.host           ? "is"
			       : host == now.next ? "goes"
						  : "is at home");
}

/* No host goes that a VM needs; but if the file lists VMs, those change as well. */
static int check_tenants(struct commit *c)
{
	struct tenant t = { c, c->err };
	bool gone = false;
	__u32 i;

	for (i = 1; i <= c->have->limits.hosts; i++)
		gone |= is_gone(c, i);
	if (!gone || c->want->vms_given)
		return 0;
	return vm_each(c->p, on_tenant, &t);
}

int commit_match_hosts(struct commit *c)
{
	__u32 free_slot = 1, at, j, size = c->have->limits.hosts;
	struct model_host *h;
	struct lut l;
	__u64 hash;
	size_t i;

	if (lut_init(&l, c->have->n_hosts))
		return -ENOMEM;
	for (i = 0; i < c->have->n_hosts; i++) {
		h = &c->have->hosts[i];
		c->host[h->index].have = h;
		lut_add(&l, lut_hash(h->info.name, strlen(h->info.name)), i);
	}
	for (i = 0; i < c->want->n_hosts; i++) {
		h = &c->want->hosts[i];
		h->index = 0;
		hash = lut_hash(h->info.name, strlen(h->info.name));
		for (at = lut_first(&l, hash); (j = lut_get(&l, at)) != LUT_END; at++)
			if (!strcmp(h->info.name, c->have->hosts[j].info.name))
				h->index = c->have->hosts[j].index;
		for (; !h->index && free_slot <= size; free_slot++)
			if (!c->host[free_slot].have && !c->host[free_slot].want)
				h->index = free_slot;
		if (!h->index)
			break;
		c->host[h->index].want = h;
	}
	lut_free(&l);
	if (i < c->want->n_hosts)
		return commit_fault(
			c, c->want->hosts[i].line,
			xr_fail(c->err, -ENOSPC,
				"hosts: old and new together need more than limits.hosts (%u); apply in two steps, or make the instance anew with a larger limit",
				size));
	return check_tenants(c);
}

/* ---- in words ---- */

static int describe_host(struct commit *c, const struct host_slot *s)
{
	char was[128], is[128], words[HOST_FAULT];
	const char *wrong;
	int ret = 0;

	if (s->have)
		host_words(was, sizeof(was), &s->have->info);
	if (s->want)
		host_words(is, sizeof(is), &s->want->info);
	if (!s->want)
		return commit_add_line(c, "- host %s", s->have->info.name);
	if (!s->have)
		ret = commit_add_line(c, "+ host %s %s", s->want->info.name, is);
	else if (strcmp(was, is))
		ret = commit_add_line(c, "~ host %s: %s -> %s", s->want->info.name, was, is);
	else
		return 0;
	wrong = ret ? NULL : host_fault(&s->want->info, words);
	if (wrong)
		ret = commit_add_line(c, "! host %s: %s", s->want->info.name, wrong);
	return ret;
}

static bool has_gateway(const struct model *m, const struct xr_gateway *g)
{
	size_t i;

	for (i = 0; i < m->n_gateways; i++)
		if (!memcmp(&m->gateways[i], g, sizeof(*g)))
			return true;
	return false;
}

static int describe_gateways(struct commit *c, const struct model *of, const struct model *other,
			     char sign)
{
	char addr[TEXT_ADDR];
	size_t i;
	int ret = 0;

	for (i = 0; !ret && i < of->n_gateways; i++)
		if (!has_gateway(other, &of->gateways[i]))
			ret = commit_add_line(c, "%c gateway %s", sign,
					      text_addr(addr, of->gateways[i].addr));
	return ret;
}

static bool has_protected(const struct model *m, const struct xr_protected *x)
{
	size_t i;

	for (i = 0; i < m->n_protect; i++)
		if (!memcmp(&m->protect[i], x, sizeof(*x)))
			return true;
	return false;
}

static int describe_protected(struct commit *c, const struct model *of, const struct model *other,
			      char sign)
{
	const struct xr_protected *x;
	char text[TEXT_ADDR];
	size_t i;
	int ret = 0;

	for (i = 0; !ret && i < of->n_protect; i++) {
		x = &of->protect[i];
		if (has_protected(other, x))
			continue;
		if (x->kind == XR_PROTECTED_MAC)
			text_mac(text, x->octet);
		else
			text_addr(text, (const void *)x->octet);
		ret = commit_add_line(c, "%c protected %s", sign, text);
	}
	return ret;
}

int commit_describe_hosts(struct commit *c)
{
	int ret = 0;
	__u32 i;

	for (i = 1; !ret && i <= c->have->limits.hosts; i++)
		if (c->host[i].have || c->host[i].want)
			ret = describe_host(c, &c->host[i]);
	if (!ret)
		ret = describe_gateways(c, c->have, c->want, '-');
	if (!ret)
		ret = describe_gateways(c, c->want, c->have, '+');
	if (!ret)
		ret = describe_protected(c, c->have, c->want, '-');
	if (!ret)
		ret = describe_protected(c, c->want, c->have, '+');
	return ret;
}

/* ---- storing ---- */

static struct xr_tunnel_key tunnel_of(const struct xr_host_info *h)
{
	struct xr_tunnel_key key = { .vni = h->vni };

	memcpy(key.addr, h->addr, sizeof(key.addr));
	return key;
}

/* Deleted before others are added: the map has room for limits.hosts. */
static void store_tunnels(struct commit *c)
{
	int fd = c->p->fd[PLANE_TUNNEL_HOSTS];
	struct xr_tunnel_key key;
	__u32 i;

	for (i = 1; i <= c->have->limits.hosts; i++) {
		const struct host_slot *s = &c->host[i];

		if (!s->have || !host_has_tunnel(&s->have->info) ||
		    (s->want && host_same_way(&s->have->info, &s->want->info)))
			continue;
		key = tunnel_of(&s->have->info);
		bpf_map_delete_elem(fd, &key);
	}
	for (i = 1; i <= c->have->limits.hosts; i++) {
		const struct host_slot *s = &c->host[i];

		if (!s->want || !host_has_tunnel(&s->want->info) ||
		    (s->have && !c->force && host_same_way(&s->have->info, &s->want->info)))
			continue;
		key = tunnel_of(&s->want->info);
		bpf_map_update_elem(fd, &key, &i, 0);
	}
}

static bool has_vni(const struct host_slot *s, __u32 vni)
{
	return s->want && s->want->info.method == XR_FORWARD_VXLAN && s->want->info.vni == vni;
}

/* Which host stands for a VNI where the sender is not known: a local one, if it has one. */
static void store_segments(struct commit *c)
{
	int fd = c->p->fd[PLANE_TUNNEL_HOSTS], local;
	__u32 i, k, n = c->have->limits.hosts;

	for (local = 0; local < 2; local++)
		for (i = n; i; i--) {
			const struct host_slot *s = &c->host[i];
			struct xr_tunnel_key key = { .vni = 0 };

			if (!s->want || s->want->info.local != local ||
			    s->want->info.method != XR_FORWARD_VXLAN)
				continue;
			key.vni = s->want->info.vni;
			bpf_map_update_elem(fd, &key, &i, 0);
		}
	for (i = 1; i <= n; i++) {
		struct xr_tunnel_key key = { .vni = 0 };

		if (!c->host[i].have || c->host[i].have->info.method != XR_FORWARD_VXLAN)
			continue;
		key.vni = c->host[i].have->info.vni;
		for (k = 1; k <= n && !has_vni(&c->host[k], key.vni); k++)
			;
		if (k > n)
			bpf_map_delete_elem(fd, &key);
	}
}

static void store_host(struct commit *c, __u32 i)
{
	const struct host_slot *s = &c->host[i];
	const struct xr_host_info *info = &s->want->info;
	const struct xr_host word = {
		.path = info->local ? 0 : s->path,
		.method = info->method,
		.flags = XR_HOST_USED | (info->local ? XR_HOST_LOCAL : 0),
		.vlan = s->have ? c->p->hosts[i].vlan : 0,
	};

	if (!s->have)
		stats_clear(c->p, PLANE_HOST_STATS, i);
	/* The name last: a reader that finds it finds the rest. */
	if (s->have) {
		c->p->host_info[i] = *info;
	} else {
		memcpy((char *)&c->p->host_info[i] + 1, (const char *)info + 1, sizeof(*info) - 1);
		__atomic_store_n(&c->p->host_info[i].name[0], info->name[0], __ATOMIC_RELEASE);
	}
	whole_store(&c->p->hosts[i], word);
}

static void store_gateways(struct commit *c)
{
	size_t i;

	for (i = 0; i < XR_MAX_GATEWAYS; i++) {
		if (i < c->want->n_gateways)
			c->p->gateways[i] = c->want->gateways[i];
		else
			memset(&c->p->gateways[i], 0, sizeof(c->p->gateways[i]));
	}
}

static const struct xr_protected nothing;

void commit_store_hosts(struct commit *c)
{
	__u32 i;

	for (i = 1; i <= c->have->limits.hosts; i++)
		if (c->host[i].want)
			store_host(c, i);
	store_tunnels(c);
	store_segments(c);
	host_refresh_ports(c->p);
	store_gateways(c);
	protect_refresh(c->p, c->want->n_protect ? c->want->protect : &nothing, c->want->n_protect,
			NULL);
	ends_refresh(c->p, NULL);
}

/* No VM names them any more, and a grace period is over. */
void commit_clear_hosts(struct commit *c)
{
	const struct xr_host none = { 0 };
	bool local = (c->p->meta->features | commit_features(c->have)) & XR_FEATURE_LOCAL;
	__u32 i;

	for (i = 1; i <= c->have->limits.hosts; i++) {
		if (!c->host[i].have || c->host[i].want)
			continue;
		whole_store(&c->p->hosts[i], none);
		memset(&c->p->host_info[i], 0, sizeof(c->p->host_info[i]));
	}
	host_refresh_ports(c->p);
	if (local)
		vm_local_refresh_hooks(c->p, NULL);
}
