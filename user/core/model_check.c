// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <xroam/cid.h>
#include "lut.h"
#include "model_check.h"
#include "model_edit.h"
#include "text.h"
#include "vm_priv.h"

#define CHANCE_PERCENT 1	/* of random CIDs that may name a server */

int check_noted(const struct check *c, __u32 line)
{
	if (!c->all)
		return -EINVAL;
	return xr_errs_knows(c->all, line) || xr_errs_add(c->all, c->err, line, line) ?
		       0 : -EINVAL;
}

bool check_is_bad(const struct check *c, __u32 line)
{
	return c->all && xr_errs_knows(c->all, line);
}

const char *check_place(const struct check *c, __u32 line, char *buf, size_t n)
{
	if (!c->file || !line)
		return "";
	snprintf(buf, n, "%s:%u: ", c->file, line);
	return buf;
}

/* As a VM's, but one that crosses routers. */
static const char *unusable(const __be32 *addr)
{
	if (vm_bad_addr(addr))
		return vm_bad_addr(addr);
	if (!addr_is_ipv4(addr) && ntohl(addr[0]) >> 22 == 0xfe80 >> 6)
		return "a link-local address, which names no device";
	return NULL;
}

/* ---- VIPs ---- */

static __u64 hash_vip(const __be32 *addr, __be16 port, __u8 proto)
{
	__be32 word[XR_ADDR_WORDS + 1];

	memcpy(word, addr, XR_ADDR_WORDS * sizeof(*word));
	word[XR_ADDR_WORDS] = port | (__u32)proto << 16;
	return lut_hash(word, sizeof(word));
}

static const struct model_vip *find_vip(const struct check *c,
					const struct lut *l, const __be32 *addr,
					__be16 port, __u8 proto)
{
	const struct model_vip *v;
	__u32 at, i;

	for (at = lut_first(l, hash_vip(addr, port, proto));
	     (i = lut_get(l, at)) != LUT_END; at++) {
		v = &c->m->vips[i];
		if (v->port == port && v->proto == proto &&
		    !memcmp(v->addr, addr, sizeof(v->addr)))
			return v;
	}
	return NULL;
}

static int check_vip(const struct check *c, struct lut *l, size_t i)
{
	const struct model_vip *v = &c->m->vips[i], *other;
	char name[TEXT_VIP];

	text_vip(name, v->addr, v->port, v->proto);
	if (unusable(v->addr))
		return BAD(c, v->line,
			   "VIP %s: its address is %s; write one that clients send to",
			   name, unusable(v->addr));
	if (!v->port)
		return BAD(c, v->line, "VIP %s: the port must be from 1 to 65535",
			   name);
	if (v->proto != IPPROTO_UDP && v->proto != IPPROTO_TCP)
		return BAD(c, v->line, "VIP %s: the protocol must be tcp or udp",
			   name);
	if (v->cid && v->proto != IPPROTO_UDP)
		return BAD(c, v->line,
			   "VIP %s: only a udp VIP can steer by connection ID; leave cid out",
			   name);
	other = find_vip(c, l, v->addr, v->port, v->proto);
	if (other && other->line)
		return BAD(c, v->line,
			   "VIP %s is already in line %u; give each VIP once",
			   name, other->line);
	if (other)
		return BAD(c, v->line, "VIP %s exists already", name);
	lut_add(l, hash_vip(v->addr, v->port, v->proto), i);
	return 0;
}

/* ---- CID configurations ---- */

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
		return BAD(c, a->line, "CID config %u: unknown format",
			   info->config_id);
	if (!mine && f->config_first == f->config_last)
		return BAD(c, a->line,
			   "CID config %u: format %s has config ID %u only",
			   info->config_id, f->word, f->config_first);
	if (!mine)
		return BAD(c, a->line,
			   "CID config %u: format %s has config IDs %u to %u",
			   info->config_id, f->word, f->config_first,
			   f->config_last);
	e = xr_cid_layout_init(&layout, info->format, info->sid_len,
			       info->nonce_len, info->offset,
			       info->has_key || a->keep_key);
	if (e)
		return BAD(c, a->line, "CID config %u (%s): %s",
			   info->config_id, f->word, xr_cid_error_text(e));
	for (j = 0; j < i; j++) {
		b = &c->m->cids[j];
		if (check_is_bad(c, b->line))
			continue;
		if (!(mine & xr_cid_codepoints(b->info.format,
					       b->info.config_id)))
			continue;
		if (b->info.config_id == info->config_id && b->line)
			return BAD(c, a->line,
				   "CID config %u is already in line %u; config IDs must differ",
				   info->config_id, b->line);
		if (b->info.config_id == info->config_id)
			return BAD(c, a->line,
				   "CID config %u exists already; delete it first or take another ID",
				   info->config_id);
		return BAD(c, a->line,
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
	return BAD(c, k->line ? k->line : b->line,
		   "backend %s: ipip cannot carry the IPv6 VIP %s to the IPv4 address %s; use forward gue, or an IPv6 address",
		   b->info.name, vip, addr);
}

/* Or all of them: the key of the list was not read. */
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

static int check_members(const struct check *c, const struct lut *vips,
			 const struct model_backend *b)
{
	const struct model_vip_key *k;
	char vip[TEXT_VIP];
	size_t i, j;
	int ret;

	for (i = 0; i < b->n_vips; i++) {
		k = &b->vips[i];
		text_vip(vip, k->addr, k->port, k->proto);
		if (!find_vip(c, vips, k->addr, k->port, k->proto) &&
		    !any_bad_vip(c))
			return BAD(c, k->line ? k->line : b->line,
				   "backend %s: there is no VIP %s; add it, or name one there is",
				   b->info.name, vip);
		for (j = 0; j < i; j++)
			if (!memcmp(k->addr, b->vips[j].addr,
				    sizeof(k->addr)) &&
			    k->port == b->vips[j].port &&
			    k->proto == b->vips[j].proto)
				return BAD(c, k->line ? k->line : b->line,
					   "backend %s: VIP %s is given twice",
					   b->info.name, vip);
		ret = check_reach(c, b, k);
		if (ret)
			return ret;
	}
	return 0;
}

static int check_facts(const struct check *c, const struct model_backend *b)
{
	const struct xr_backend_info *i = &b->info;
	char addr[TEXT_ADDR];
	size_t v;

	text_addr(addr, i->addr);
	if (unusable(i->addr))
		return BAD(c, b->line, "backend %s: %s is %s; write the server's own",
			   i->name, addr, unusable(i->addr));
	for (v = 0; v < c->m->n_vips && i->forward != XR_FORWARD_L2; v++)
		if (!memcmp(c->m->vips[v].addr, i->addr, sizeof(i->addr)))
			return BAD(c, b->line,
				   "backend %s: %s is a VIP; write the server's own address",
				   i->name, addr);
	if (i->weight > 65535)
		return BAD(c, b->line, "backend %s: the weight must be from 0 to 65535",
			   i->name);
	if (i->state == XR_BACKEND_NONE || i->state > XR_BACKEND_DOWN)
		return BAD(c, b->line, "backend %s: the state must be up, draining or down",
			   i->name);
	if (i->forward > XR_FORWARD_L2)
		return BAD(c, b->line, "backend %s: unknown forwarding method",
			   i->name);
	if (i->vni > 0xffffff)
		return BAD(c, b->line, "backend %s: the vni must be from 0 to 16777215",
			   i->name);
	if (i->forward == XR_FORWARD_VXLAN && mac_is_zero(i->mac))
		return BAD(c, b->line,
			   "backend %s: vxlan needs mac, the server's in its segment",
			   i->name);
	if (i->forward != XR_FORWARD_VXLAN && i->vni)
		return BAD(c, b->line, "backend %s: vni is for forward vxlan only",
			   i->name);
	if (i->forward != XR_FORWARD_VXLAN && i->forward != XR_FORWARD_L2 &&
	    !mac_is_zero(i->mac))
		return BAD(c, b->line,
			   "backend %s: mac is for forward vxlan and l2 only",
			   i->name);
	if (i->forward != XR_FORWARD_VXLAN && i->forward != XR_FORWARD_GUE &&
	    i->port)
		return BAD(c, b->line,
			   "backend %s: port is for forward gue and vxlan only",
			   i->name);
	if (i->mac[0] & 1)
		return BAD(c, b->line, "backend %s: mac is a multicast address; write the server's own",
			   i->name);
	if (i->vm_vlan > 4094)
		return BAD(c, b->line, "backend %s: the vlan must be from 1 to 4094",
			   i->name);
	if (!mac_is_zero(i->vm_mac) && vm_bad_mac(i->vm_mac))
		return BAD(c, b->line, "backend %s: the VM's MAC is %s; write its own",
			   i->name, vm_bad_mac(i->vm_mac));
	return 0;
}

static int check_backends(const struct check *c, const struct lut *vips)
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
			break;
		}
		h = lut_hash(b->info.name, strlen(b->info.name));
		for (at = lut_first(&names, h);
		     (j = lut_get(&names, at)) != LUT_END; at++) {
			other = &c->m->backends[j];
			if (strcmp(other->info.name, b->info.name))
				continue;
			if (other->line)
				ret = BAD(c, b->line,
					  "backend %s is already in line %u; names must differ",
					  b->info.name, other->line);
			else
				ret = BAD(c, b->line, "backend %s exists already",
					  b->info.name);
			break;
		}
		lut_add(&names, h, i);
		if (!ret)
			ret = check_facts(c, b);
		if (!ret)
			ret = check_members(c, vips, b);
	}
	lut_free(&names);
	return ret;
}

/* ---- server IDs ---- */

/* An entry of the table is backend << 32 | its place, kept beside it. */
struct sid_place {
	__u32 backend, sid;
};

static int same_sid(const struct check *c, struct sid_place a,
		    struct sid_place b)
{
	const struct model_backend *x = &c->m->backends[a.backend];
	const struct model_backend *y = &c->m->backends[b.backend];
	char hex[2 * XR_SID_MAX + 1];
	__u32 line = y->sids[b.sid].line;

	text_hex(hex, sizeof(hex), y->sids[b.sid].octet, y->sids[b.sid].len);
	if (!line)
		line = y->line;
	if (x == y)
		return BAD(c, line, "backend %s: server ID %s is given twice",
			   y->info.name, hex);
	return BAD(c, line,
		   "backend %s: server ID %s is backend %s's already; a server ID names one backend",
		   y->info.name, hex, x->info.name);
}

static int check_sids(const struct check *c)
{
	const struct model_sid *s, *t;
	struct sid_place *seen, me;
	size_t total = 0, n = 0;
	struct lut l;
	__u32 at, j;
	__u64 h;
	int ret = 0;

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
			h = lut_hash(s->octet, s->len);
			for (at = lut_first(&l, h);
			     !ret && (j = lut_get(&l, at)) != LUT_END; at++) {
				t = &c->m->backends[seen[j].backend]
					     .sids[seen[j].sid];
				if (t->len == s->len &&
				    !memcmp(t->octet, s->octet, s->len))
					ret = same_sid(c, seen[j], me);
			}
			seen[n] = me;
			lut_add(&l, h, n++);
		}
	}
	free(seen);
	lut_free(&l);
	return ret;
}

/* ---- limits ---- */

static int check_limits(const struct check *c)
{
	const struct xr_limits *l = &c->m->limits;
	size_t i, sids = 0;

	for (i = 0; i < c->m->n_backends; i++)
		sids += c->m->backends[i].n_sids;
	if (l->vips && c->m->n_vips > l->vips)
		return BAD(c, 0, "%zu VIPs, but limits.vips is %u: a larger limit needs a new instance",
			   c->m->n_vips, l->vips);
	if (l->backends && c->m->n_backends > l->backends)
		return BAD(c, 0, "%zu backends, but limits.backends is %u: a larger limit needs a new instance",
			   c->m->n_backends, l->backends);
	if (l->server_ids && sids > l->server_ids)
		return BAD(c, 0, "%zu server IDs, but limits.server_ids is %u: a larger limit needs a new instance",
			   sids, l->server_ids);
	if (l->hosts && c->m->n_hosts > l->hosts)
		return BAD(c, 0, "%zu hosts, but limits.hosts is %u: a larger limit needs a new instance",
			   c->m->n_hosts, l->hosts);
	return 0;
}

static int check_device(const struct check *c, size_t i)
{
	const struct model_dev *d = c->m->devs;
	size_t j;

	if (!d[i].name[0])
		return BAD(c, d[i].line, "%s", "a device needs a name");
	if (d[i].role == XR_ROLE_PASS && d[i].want == ATTACH_GENERIC)
		return BAD(c, d[i].line,
			   "device %s: role pass is of use in native mode only",
			   d[i].name);
	if (d[i].role != XR_ROLE_BACKEND &&
	    (d[i].listed.vnis || d[i].listed.addrs))
		return BAD(c, d[i].line,
			   "device %s: vnis and addresses are for role backend only",
			   d[i].name);
	for (j = 0; j < i; j++)
		if (!strcmp(d[i].name, d[j].name) &&
		    !strcmp(d[i].netns, d[j].netns) &&
		    d[i].space == d[j].space)
			return BAD(c, d[i].line, "device %s is given twice",
				   d[i].name);
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

int model_check_all(const struct model *m, const char *file,
		    struct xr_errs *all, struct xr_err *err)
{
	struct check c = { m, file, err, all };
	struct lut vips;
	int ret = 0;
	size_t i;

	if (lut_init(&vips, m->n_vips))
		return xr_fail(err, -ENOMEM, "out of memory");
	for (i = 0; !ret && i < m->n_vips; i++)
		ret = check_vip(&c, &vips, i);
	for (i = 0; !ret && i < m->n_cids; i++)
		ret = check_cid(&c, i);
	if (!ret)
		ret = check_devices(&c);
	if (!ret)
		ret = check_backends(&c, &vips);
	if (!ret)
		ret = check_sids(&c);
	if (!ret)
		ret = check_hosts(&c);
	if (!ret)
		ret = check_vms(&c);
	if (!ret)
		ret = check_limits(&c);
	lut_free(&vips);
	if (ret == -ENOMEM)
		xr_fail(err, ret, "out of memory");
	return ret;
}

/* ---- warnings ---- */

struct warner {
	struct check c;
	void (*warn)(void *ctx, const char *line);
	void *ctx;
};

static void say(const struct warner *w, __u32 line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void say(const struct warner *w, __u32 line, const char *fmt, ...)
{
	char buf[512], where[256];
	va_list ap;
	int n;

	n = snprintf(buf, sizeof(buf), "%s",
		     check_place(&w->c, line, where, sizeof(where)));
	va_start(ap, fmt);
	vsnprintf(buf + n, sizeof(buf) - n, fmt, ap);
	va_end(ap);
	w->warn(w->ctx, buf);
}

static void warn_chance(const struct warner *w, size_t *by_len)
{
	const struct model *m = w->c.m;
	double percent;
	__u8 len;
	size_t i;

	for (i = 0; i < m->n_cids; i++) {
		len = m->cids[i].info.sid_len;
		percent = 100 * xr_cid_chance(by_len[len], len);
		if (percent > CHANCE_PERCENT)
			say(w, m->cids[i].line,
			    "CID config %u: %.1f %% of the CIDs that clients choose will name a server by chance; use longer server IDs",
			    m->cids[i].info.config_id, percent);
	}
}

static void warn_sids(const struct warner *w, size_t *by_len)
{
	const struct model *m = w->c.m;
	bool carried[XR_SID_MAX + 1] = { false };
	size_t i, j;

	for (i = 0; i < m->n_cids; i++)
		carried[m->cids[i].info.sid_len] = true;
	for (i = 0; i < m->n_backends; i++) {
		const struct model_backend *b = &m->backends[i];

		for (j = 0; j < b->n_sids; j++) {
			by_len[b->sids[j].len]++;
			if (carried[b->sids[j].len])
				continue;
			carried[b->sids[j].len] = true;	/* say it once */
			say(w, b->sids[j].line ? b->sids[j].line : b->line,
			    "backend %s: no CID config has server IDs of %u octets; its server ID cannot be found in a CID",
			    b->info.name, b->sids[j].len);
		}
	}
}

static bool knows_vm(const struct model *m, const struct xr_backend_info *b)
{
	size_t i;

	for (i = 0; i < m->n_vms; i++)
		if (m->vms[i].vlan == b->vm_vlan &&
		    !memcmp(m->vms[i].mac, b->vm_mac, 6))
			return true;
	return false;
}

static void warn_ties(const struct warner *w)
{
	const struct model *m = w->c.m;
	char mac[TEXT_MAC];
	size_t i;

	for (i = 0; m->vms_given && i < m->n_backends; i++) {
		const struct xr_backend_info *b = &m->backends[i].info;

		if (!mac_is_zero(b->vm_mac) && !knows_vm(m, b))
			say(w, m->backends[i].line,
			    "backend %s: VM %s is not in vms; its packets follow the VM once it is known",
			    b->name, text_mac(mac, b->vm_mac));
	}
}

void model_warn(const struct model *m, const char *file,
		void (*warn)(void *ctx, const char *line), void *ctx)
{
	struct warner w = { { m, file, NULL, NULL }, warn, ctx };
	size_t by_len[XR_SID_MAX + 1] = { 0 }, i;
	bool cid = false;

	warn_sids(&w, by_len);
	warn_chance(&w, by_len);
	warn_ties(&w);
	for (i = 0; i < m->n_vips; i++)
		cid |= m->vips[i].cid;
	if (cid && !m->n_cids)
		say(&w, 0, "VIPs steer by connection ID, but there is no CID config; CIDs are not routable until there is one");
	if (!cid && m->n_cids && m->n_vips)
		say(&w, 0, "there are CID configs, but no VIP has cid; they are not used");
}
