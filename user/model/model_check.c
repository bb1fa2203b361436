// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xroam/cid.h>
#include "lib/defaults.h"
#include "lib/lut.h"
#include "lib/text.h"
#include "lib/vm_key.h"
#include "model_check_priv.h"
#include "model_edit.h"
#include "model_fact.h"
#include "steer/sid_store.h"

/* Why it cannot be the address of a VIP or a server: as a VM's, and it must cross routers. */
static const char *unusable(const __be32 *addr)
{
	if (vm_addr_fault(addr))
		return vm_addr_fault(addr);
	if (!addr_is_ipv4(addr) && ntohl(addr[0]) >> 22 == 0xfe80 >> 6)
		return "a link-local address, which names no device";
	return NULL;
}

/* ---- VIPs ---- */

/* The VIPs that are checked so far; files have tens of thousands. */
struct vips {
	struct lut by_key;  /* those that are good */
	struct lut by_addr; /* all: the first that has the address, whatever its port */
};

static __u64 hash_addr(const __be32 *addr)
{
	return lut_hash(addr, XR_ADDR_WORDS * sizeof(*addr));
}

static bool is_vip_addr(const struct check *c, const struct vips *l, const __be32 *addr)
{
	__u32 at, i;

	for (at = lut_first(&l->by_addr, hash_addr(addr));
	     (i = lut_get(&l->by_addr, at)) != LUT_END; at++)
		if (!memcmp(c->m->vips[i].addr, addr, sizeof(c->m->vips[i].addr)))
			return true;
	return false;
}

static int check_vip(const struct check *c, struct vips *l, size_t i)
{
	const struct model_vip *v = &c->m->vips[i], *other;
	char name[TEXT_VIP];

	if (!is_vip_addr(c, l, v->addr))
		lut_add(&l->by_addr, hash_addr(v->addr), i);
	text_vip(name, v->addr, v->port, v->proto);
	if (unusable(v->addr))
		return BAD(c, v->line, "VIP %s: its address is %s; write one that clients send to",
			   name, unusable(v->addr));
	if (!v->port)
		return BAD(c, v->line, "VIP %s: the port must be from 1 to 65535", name);
	if (v->proto != IPPROTO_UDP && v->proto != IPPROTO_TCP)
		return BAD(c, v->line, "VIP %s: the protocol must be tcp or udp", name);
	if (v->cid && v->proto != IPPROTO_UDP)
		return BAD(c, v->line,
			   "VIP %s: only a udp VIP can steer by connection ID; leave cid out",
			   name);
	other = model_indexed_vip(c->m, &l->by_key, v->addr, v->port, v->proto);
	if (other && other->line)
		return BAD(c, v->line, "VIP %s is already in line %u; give each VIP once", name,
			   other->line);
	if (other)
		return BAD(c, v->line, "VIP %s exists already", name);
	lut_add(&l->by_key, model_vip_hash(v->addr, v->port, v->proto), i);
	return 0;
}

/* ---- CID configurations ---- */

static const char *wrong_cid(const struct xr_cid_info *info, int e)
{
	if (e == XR_CID_E_SID_LEN && !info->sid_len)
		return "its server ID length is missing; give it, 1 to 15 octets";
	if (e == XR_CID_E_NONCE_LEN && !info->nonce_len)
		return "its nonce length is missing; give it, at least 4 octets";
	return xr_cid_error_text(e);
}

static int check_cid(const struct check *c, size_t i)
{
	const struct model_cid *a = &c->m->cids[i], *b;
	const struct xr_cid_info *info = &a->info;
	const struct xr_cid_format_desc *f = xr_cid_format_get(info->format);
	struct xr_cid_layout layout;
	unsigned int mine = xr_cid_codepoints(info->format, info->config_id);
	size_t j;
	int e;

	if (!f)
		return BAD(c, a->line, "CID config %u: unknown format", info->config_id);
	if (!mine && f->config_first == f->config_last)
		return BAD(c, a->line, "CID config %u: format %s has config ID %u only",
			   info->config_id, f->word, f->config_first);
	if (!mine)
		return BAD(c, a->line, "CID config %u: format %s has config IDs %u to %u",
			   info->config_id, f->word, f->config_first, f->config_last);
	e = xr_cid_layout_init(&layout, info->format, info->sid_len, info->nonce_len, info->offset,
			       info->has_key || a->keep_key);
	if (e)
		return BAD(c, a->line, "CID config %u (%s): %s", info->config_id, f->word,
			   wrong_cid(info, e));
	for (j = 0; j < i; j++) {
		b = &c->m->cids[j];
		if (check_is_bad(c, b->line))
			continue;
		if (!(mine & xr_cid_codepoints(b->info.format, b->info.config_id)))
			continue;
		if (b->info.config_id == info->config_id && b->line)
			return BAD(c, a->line,
				   "CID config %u is already in line %u; config IDs must differ",
				   info->config_id, b->line);
		if (b->info.config_id == info->config_id)
			return BAD(
				c, a->line,
				"CID config %u exists already; delete it first or take another ID",
				info->config_id);
		return BAD(
			c, a->line,
			"CID config %u (%s) overlaps config %u (%s): both would claim the same first octets",
			info->config_id, f->word, b->info.config_id,
			xr_cid_format_get(b->info.format)->word);
	}
	return 0;
}

/* ---- backends ---- */

static int check_reach(const struct check *c, const struct model_backend *b,
		       const struct model_vip_key *k)
{
	char vip[TEXT_VIP], addr[TEXT_ADDR];

	if (b->info.forward != XR_FORWARD_IPIP || addr_is_ipv4(k->addr) ||
	    !addr_is_ipv4(b->info.addr))
		return 0;
	text_vip(vip, k->addr, k->port, k->proto);
	text_addr(addr, b->info.addr);
	return BAD(
		c, k->line ? k->line : b->line,
		"backend %s: ipip cannot carry the IPv6 VIP %s to the IPv4 address %s; use forward gue, or an IPv6 address",
		b->info.name, vip, addr);
}

/* Some VIP was not read, or none: the list's key is missing or wrong. */
static bool any_bad_vip(const struct check *c)
{
	size_t i;

	if (c->all && c->all->n && !(c->m->sections >> MODEL_VIPS & 1))
		return true;
	for (i = 0; c->all && i < c->m->n_vips; i++)
		if (check_is_bad(c, c->m->vips[i].line))
			return true;
	return false;
}

/* Adds b->vips[i]; false: one of those before is the same. */
static bool add_member(struct lut *seen, const struct model_backend *b, __u32 i)
{
	const struct model_vip_key *k = &b->vips[i];
	__u64 h = model_vip_hash(k->addr, k->port, k->proto);
	__u32 at, j;

	for (at = lut_first(seen, h); (j = lut_get(seen, at)) != LUT_END; at++)
		if (!model_compare_vip_keys(k, &b->vips[j]))
			return false;
	lut_add(seen, h, i);
	return true;
}

static int check_each_member(const struct check *c, const struct vips *vips, struct lut *seen,
			     const struct model_backend *b)
{
	const struct model_vip_key *k;
	char vip[TEXT_VIP];
	size_t i;
	int ret;

	for (i = 0; i < b->n_vips; i++) {
		k = &b->vips[i];
		if (!model_indexed_vip(c->m, &vips->by_key, k->addr, k->port, k->proto) &&
		    !any_bad_vip(c))
			return BAD(c, k->line ? k->line : b->line,
				   "backend %s: there is no VIP %s; add it, or name one there is",
				   b->info.name, text_vip(vip, k->addr, k->port, k->proto));
		if (!add_member(seen, b, i))
			return BAD(c, k->line ? k->line : b->line,
				   "backend %s: VIP %s is given twice", b->info.name,
				   text_vip(vip, k->addr, k->port, k->proto));
		ret = check_reach(c, b, k);
		if (ret)
			return ret;
	}
	return 0;
}

static int check_members(const struct check *c, const struct vips *vips,
			 const struct model_backend *b)
{
	struct lut seen;
	int ret;

	if (lut_init(&seen, b->n_vips))
		return -ENOMEM;
	ret = check_each_member(c, vips, &seen, b);
	lut_free(&seen);
	return ret;
}

static int check_numbers(const struct check *c, const struct model_backend *b)
{
	int f;

	for (f = 0; f < MODEL_FACTS; f++)
		if (model_facts[f].kind == FACT_NUMBER &&
		    model_fact_number(f, &b->info) > model_facts[f].most)
			return BAD(c, b->line, "backend %s: the %s must be from %u to %u",
				   b->info.name, model_facts[f].word, model_facts[f].least,
				   model_facts[f].most);
	return 0;
}

static int check_facts(const struct check *c, const struct vips *vips,
		       const struct model_backend *b)
{
	const struct xr_backend_info *i = &b->info;
	char addr[TEXT_ADDR];

	text_addr(addr, i->addr);
	if (unusable(i->addr))
		return BAD(c, b->line, "backend %s: %s is %s; write the server's own", i->name,
			   addr, unusable(i->addr));
	if (i->forward != XR_FORWARD_L2 && is_vip_addr(c, vips, i->addr))
		return BAD(c, b->line, "backend %s: %s is a VIP; write the server's own address",
			   i->name, addr);
	if (i->state == XR_BACKEND_NONE || i->state > XR_BACKEND_DOWN)
		return BAD(c, b->line, "backend %s: the state must be up, draining or down",
			   i->name);
	if (i->forward > XR_FORWARD_L2)
		return BAD(c, b->line, "backend %s: unknown forwarding method", i->name);
	if (i->forward == XR_FORWARD_VXLAN && mac_is_zero(i->mac))
		return BAD(c, b->line, "backend %s: vxlan needs mac, the server's in its segment",
			   i->name);
	if (i->forward != XR_FORWARD_VXLAN && i->vni)
		return BAD(c, b->line, "backend %s: vni is for forward vxlan only", i->name);
	if (i->forward != XR_FORWARD_VXLAN && i->forward != XR_FORWARD_L2 && !mac_is_zero(i->mac))
		return BAD(c, b->line, "backend %s: mac is for forward vxlan and l2 only", i->name);
	if (i->forward != XR_FORWARD_VXLAN && i->forward != XR_FORWARD_GUE && i->port)
		return BAD(c, b->line, "backend %s: port is for forward gue and vxlan only",
			   i->name);
	if (i->mac[0] & 1)
		return BAD(c, b->line,
			   "backend %s: mac is a multicast address; write the server's own",
			   i->name);
	if (!mac_is_zero(i->vm_mac) && vm_mac_fault(i->vm_mac))
		return BAD(c, b->line, "backend %s: the VM's MAC is %s; write its own", i->name,
			   vm_mac_fault(i->vm_mac));
	return 0;
}

static int check_backends(const struct check *c, const struct vips *vips)
{
	const struct model_backend *b, *other;
	struct xr_err inner;
	struct lut names;
	__u32 at, j;
	__u64 h;
	size_t i;
	int ret = 0;

	if (lut_init(&names, c->m->n_backends))
		return -ENOMEM;
	for (i = 0; !ret && i < c->m->n_backends; i++) {
		b = &c->m->backends[i];
		if (text_check_name("backend", b->info.name, &inner)) {
			ret = BAD(c, b->line, "%s", inner.text);
			continue;
		}
		h = lut_hash(b->info.name, strlen(b->info.name));
		for (at = lut_first(&names, h); (j = lut_get(&names, at)) != LUT_END; at++) {
			other = &c->m->backends[j];
			if (strcmp(other->info.name, b->info.name))
				continue;
			if (other->line)
				ret = BAD(c, b->line,
					  "backend %s is already in line %u; names must differ",
					  b->info.name, other->line);
			else
				ret = BAD(c, b->line, "backend %s exists already", b->info.name);
			break;
		}
		lut_add(&names, h, i);
		if (!ret)
			ret = check_numbers(c, b);
		if (!ret)
			ret = check_facts(c, vips, b);
		if (!ret)
			ret = check_members(c, vips, b);
	}
	lut_free(&names);
	return ret;
}

/* ---- server IDs ---- */

/* Which server ID of which backend. */
struct sid_ref {
	__u32 backend, sid;
	__u64 hash; /* where it differs, the lists, which are far apart, need not be looked at */
};

static int same_sid(const struct check *c, struct sid_ref a, struct sid_ref b)
{
	const struct model_backend *x = &c->m->backends[a.backend];
	const struct model_backend *y = &c->m->backends[b.backend];
	char hex[2 * XR_SID_MAX + 1];
	__u32 line = y->sids[b.sid].line;

	text_hex(hex, sizeof(hex), y->sids[b.sid].octet, y->sids[b.sid].len);
	if (!line)
		line = y->line;
	if (x == y)
		return BAD(c, line, "backend %s: server ID %s is given twice", y->info.name, hex);
	return BAD(
		c, line,
		"backend %s: server ID %s is backend %s's already; a server ID names one backend",
		y->info.name, hex, x->info.name);
}

/* Whether each is behind the one before it, so that none is there twice: as most files have them. */
static bool sids_ascend(const struct model *m)
{
	const struct model_sid *s, *before = NULL;
	size_t i, j;

	for (i = 0; i < m->n_backends; i++)
		for (j = 0; j < m->backends[i].n_sids; j++, before = s) {
			s = &m->backends[i].sids[j];
			if (!s->len || s->len > XR_SID_MAX ||
			    (before && model_compare_sids(before, s) >= 0))
				return false;
		}
	return true;
}

static int check_sids(const struct check *c)
{
	const struct model_sid *s, *t;
	struct sid_ref *seen, me;
	size_t total = 0, n = 0;
	struct lut l;
	__u32 at, j;
	int ret = 0;

	if (sids_ascend(c->m))
		return 0;
	for (at = 0; at < c->m->n_backends; at++)
		total += c->m->backends[at].n_sids;
	seen = malloc(total * sizeof(*seen) + 1);
	if (!seen || lut_init(&l, total)) {
		free(seen);
		return -ENOMEM;
	}
	for (me.backend = 0; me.backend < c->m->n_backends; me.backend++) {
		const struct model_backend *b = &c->m->backends[me.backend];

		for (me.sid = 0; !ret && me.sid < b->n_sids; me.sid++) {
			s = &b->sids[me.sid];
			if (!s->len || s->len > XR_SID_MAX) {
				ret = BAD(c, s->line ? s->line : b->line,
					  "backend %s: a server ID has 1 to %d octets",
					  b->info.name, XR_SID_MAX);
				break;
			}
			me.hash = lut_hash(s->octet, s->len);
			for (at = lut_first(&l, me.hash); !ret && (j = lut_get(&l, at)) != LUT_END;
			     at++) {
				t = &c->m->backends[seen[j].backend].sids[seen[j].sid];
				if (seen[j].hash == me.hash && !model_compare_sids(t, s))
					ret = same_sid(c, seen[j], me);
			}
			seen[n] = me;
			lut_add(&l, me.hash, n++);
		}
	}
	free(seen);
	lut_free(&l);
	return ret;
}

/* ---- limits ---- */

/* The line of the server ID with index n, counted over all backends. */
static __u32 line_of_sid(const struct model *m, size_t n)
{
	const struct model_backend *b = m->backends;
	size_t i;

	for (i = 0; i < m->n_backends && n >= b->n_sids; i++, b++)
		n -= b->n_sids;
	if (i == m->n_backends)
		return 0;
	return b->sids[n].line ? b->sids[n].line : b->line;
}

/* The same of a pair of VIP and backend. */
static __u32 line_of_pair(const struct model *m, size_t n)
{
	const struct model_backend *b = m->backends;

	for (; n >= b->n_vips; b++)
		n -= b->n_vips;
	return b->vips[n].line ? b->vips[n].line : b->line;
}

static int check_pairs(const struct check *c)
{
	__u32 backends = c->m->limits.backends, most = XR_PAIRS_PER_BACKEND * backends;
	size_t i, n = 0;

	for (i = 0; i < c->m->n_backends; i++)
		n += c->m->backends[i].n_vips;
	if (!most || n <= most)
		return 0;
	return BAD(
		c, line_of_pair(c->m, most),
		"%zu pairs of VIP and backend, but limits.backends is %u, which has room for %u, %d for each: a larger limit needs a new instance",
		n, backends, most, XR_PAIRS_PER_BACKEND);
}

/* More than limits.server_ids are not too many where enough of them may be in pages. */
static int check_sids_fit(const struct check *c, size_t n)
{
	const struct xr_limits *l = &c->m->limits;
	__u32 pages = l->server_id_pages ? l->server_id_pages : xr_default_sid_pages(l->server_ids);
	__u64 *key = malloc(n * sizeof(*key) + 1);
	const struct model_backend *b;
	size_t i, j, at = 0, left;

	if (!key)
		return -ENOMEM;
	for (i = 0; i < c->m->n_backends; i++) {
		b = &c->m->backends[i];
		for (j = 0; j < b->n_sids; j++)
			key[at++] = sid_group_key(b->sids[j].octet, b->sids[j].len);
	}
	left = sid_least_in_table(key, n, pages);
	free(key);
	if (left <= l->server_ids)
		return 0;
	if (left == n)
		return check_too_many(c, line_of_sid(c->m, l->server_ids), n, "server IDs",
				      "server_ids", l->server_ids);
	return check_too_many(c, c->m->limits_line, left, "server IDs that no page has",
			      "server_ids", l->server_ids);
}

/* Each is reported in the line of the first that is too many. */
static int check_limits(const struct check *c)
{
	const struct model *m = c->m;
	const struct xr_limits *l = &m->limits;
	size_t i, sids = 0;
	int ret = 0;

	for (i = 0; i < m->n_backends; i++)
		sids += m->backends[i].n_sids;
	if (l->vips && m->n_vips > l->vips)
		ret = check_too_many(c, m->vips[l->vips].line, m->n_vips, "VIPs", "vips", l->vips);
	if (!ret && l->backends && m->n_backends > l->backends)
		ret = check_too_many(c, m->backends[l->backends].line, m->n_backends, "backends",
				     "backends", l->backends);
	if (!ret)
		ret = check_pairs(c);
	if (!ret && l->server_ids && sids > l->server_ids)
		ret = check_sids_fit(c, sids);
	if (!ret && l->hosts && m->n_hosts > l->hosts)
		ret = check_too_many(c, m->hosts[l->hosts].line, m->n_hosts, "hosts", "hosts",
				     l->hosts);
	return ret;
}

static int check_device(const struct check *c, size_t i)
{
	const struct model_dev *d = c->m->devs;
	size_t j;

	if (!d[i].name[0])
		return BAD(c, d[i].line, "%s", "a device needs a name");
	if (d[i].role == XR_ROLE_PASS && d[i].want == ATTACH_GENERIC)
		return BAD(c, d[i].line, "device %s: role pass is of use in native mode only",
			   d[i].name);
	if (d[i].role != XR_ROLE_BACKEND && (d[i].listed.vnis || d[i].listed.addrs))
		return BAD(c, d[i].line, "device %s: vnis and addresses are for role backend only",
			   d[i].name);
	for (j = 0; j < i; j++)
		if (!strcmp(d[i].name, d[j].name) && !strcmp(d[i].netns, d[j].netns) &&
		    d[i].space == d[j].space)
			return BAD(c, d[i].line, "device %s is given twice", d[i].name);
	return 0;
}

static int check_devices(const struct check *c)
{
	size_t i;
	int ret = 0;

	for (i = 0; !ret && i < c->m->n_devs; i++)
		ret = check_device(c, i);
	return ret;
}

int model_check(const struct model *m, const char *file, struct xr_err *err)
{
	return model_check_all(m, file, NULL, err);
}

int model_check_all(const struct model *m, const char *file, struct xr_errs *all,
		    struct xr_err *err)
{
	struct check c = { m, file, err, all };
	struct vips vips = { 0 };
	int ret = 0;
	size_t i;

	if (lut_init(&vips.by_key, m->n_vips) || lut_init(&vips.by_addr, m->n_vips))
		ret = -ENOMEM;
	for (i = 0; !ret && i < m->n_vips; i++)
		ret = check_vip(&c, &vips, i);
	for (i = 0; !ret && i < m->n_cids; i++)
		ret = check_cid(&c, i);
	if (!ret)
		ret = check_devices(&c);
	if (!ret)
		ret = check_backends(&c, &vips);
	if (!ret)
		ret = check_health(&c);
	if (!ret)
		ret = check_sids(&c);
	if (!ret)
		ret = check_hosts(&c);
	if (!ret)
		ret = check_vms(&c);
	if (!ret)
		ret = check_limits(&c);
	lut_free(&vips.by_key);
	lut_free(&vips.by_addr);
	if (ret == -ENOMEM)
		xr_fail(err, ret, "out of memory");
	return ret;
}
