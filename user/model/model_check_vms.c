// SPDX-License-Identifier: GPL-2.0-only
/* Checks of hosts, VMs, gateways and sources. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "lib/host_words.h"
#include "lib/lut.h"
#include "lib/text.h"
#include "lib/vm_key.h"
#include "model_check_priv.h"

/* ---- hosts ---- */

static int check_host(const struct check *c, const struct model_host *m)
{
	const struct xr_host_info *h = &m->info;
	char addr[TEXT_ADDR];

	if (h->method > XR_FORWARD_PORT)
		return BAD(c, m->line,
			   "host %s: say how it is reached: vxlan, ipip, gue, dev or mac", h->name);
	if (host_has_tunnel(h) && vm_addr_fault(h->addr))
		return BAD(c, m->line, "host %s: %s is %s; write the host's own", h->name,
			   text_addr(addr, h->addr), vm_addr_fault(h->addr));
	if (h->method == XR_FORWARD_VXLAN && !h->vni)
		return BAD(c, m->line, "host %s: vxlan needs vni, from 1 to 16777215", h->name);
	if (h->vni > XR_MAX_VNI)
		return BAD(c, m->line, "host %s: the vni must be from 1 to 16777215", h->name);
	if (h->method != XR_FORWARD_VXLAN && h->vni)
		return BAD(c, m->line, "host %s: vni is for vxlan only", h->name);
	if (h->method != XR_FORWARD_VXLAN && h->method != XR_FORWARD_GUE && h->port)
		return BAD(c, m->line, "host %s: port is for vxlan and gue only", h->name);
	if (!host_has_tunnel(h) && !h->dev[0])
		return BAD(c, m->line, "host %s: the device is missing: write dev DEV", h->name);
	if (h->method == XR_FORWARD_L2 && vm_mac_fault(h->mac))
		return BAD(c, m->line, "host %s: its mac is %s; write the next router's", h->name,
			   vm_mac_fault(h->mac));
	return 0;
}

/* Both are reached in the same way: the data plane could not tell which one sent a frame. */
static bool same_way(const struct xr_host_info *a, const struct xr_host_info *b)
{
	if (host_has_tunnel(a) != host_has_tunnel(b))
		return false;
	if (host_has_tunnel(a))
		return a->vni == b->vni && !memcmp(a->addr, b->addr, sizeof(a->addr));
	return a->method == b->method && !strcmp(a->dev, b->dev) &&
		!memcmp(a->mac, b->mac, sizeof(a->mac));
}

static __u64 hash_way(const struct xr_host_info *h)
{
	struct {
		__be32 addr[XR_ADDR_WORDS];
		__u32 vni;
		char dev[16];
		__u8 mac[6], reserved[2];
	} key;

	memset(&key, 0, sizeof(key));
	if (host_has_tunnel(h)) {
		memcpy(key.addr, h->addr, sizeof(key.addr));
		key.vni = h->vni;
	} else {
		memcpy(key.dev, h->dev, sizeof(key.dev));
		memcpy(key.mac, h->mac, sizeof(key.mac));
	}
	return lut_hash(&key, sizeof(key));
}

static int check_twice(const struct check *c, struct lut *names, struct lut *places, size_t i)
{
	const struct model_host *h = &c->m->hosts[i], *o;
	__u64 hn = lut_hash(h->info.name, strlen(h->info.name));
	__u64 hp = hash_way(&h->info);
	char way[128];
	__u32 at, j;

	for (at = lut_first(names, hn); (j = lut_get(names, at)) != LUT_END; at++) {
		o = &c->m->hosts[j];
		if (strcmp(o->info.name, h->info.name))
			continue;
		if (o->line)
			return BAD(c, h->line, "host %s is already in line %u; names must differ",
				   h->info.name, o->line);
		return BAD(c, h->line, "host %s exists already", h->info.name);
	}
	for (at = lut_first(places, hp); (j = lut_get(places, at)) != LUT_END; at++) {
		o = &c->m->hosts[j];
		if (same_way(&o->info, &h->info))
			return BAD(
				c, h->line,
				"host %s: %s is host %s's already; hosts must differ in how they are reached",
				h->info.name, host_words(way, sizeof(way), &h->info), o->info.name);
	}
	lut_add(names, hn, i);
	lut_add(places, hp, i);
	return 0;
}

static int check_gateways(const struct check *c)
{
	const struct xr_gateway *g = c->m->gateways;
	const __u32 *line = c->m->gateway_line;
	char addr[TEXT_ADDR];
	size_t i;

	if (c->m->n_gateways > XR_MAX_GATEWAYS)
		return BAD(c, line[XR_MAX_GATEWAYS], "%zu gateways; at most %d are told of moves",
			   c->m->n_gateways, XR_MAX_GATEWAYS);
	for (i = 0; i < c->m->n_gateways; i++) {
		text_addr(addr, g[i].addr);
		if (c->all && (addr_is_zero(g[i].addr) || (g[i].has_mac && mac_is_zero(g[i].mac))))
			continue; /* reported when it was read */
		if (vm_addr_fault(g[i].addr) &&
		    BAD(c, line[i], "gateway %s: it is %s; write the gateway's own address", addr,
			vm_addr_fault(g[i].addr)))
			return -EINVAL;
		if (g[i].has_mac && vm_mac_fault(g[i].mac) &&
		    BAD(c, line[i],
			"gateway %s: its mac is %s; write the gateway's own, or leave it out", addr,
			vm_mac_fault(g[i].mac)))
			return -EINVAL;
	}
	return 0;
}

/* QEMU serves one client of a monitor; a second one waits without an error. */
static int check_socket(const struct check *c, struct lut *sockets, size_t i)
{
	const struct model_qmp *q = &c->m->qmp[i], *o;
	__u64 h = lut_hash(q->socket, strlen(q->socket));
	__u32 at, j;

	for (at = lut_first(sockets, h); (j = lut_get(sockets, at)) != LUT_END; at++) {
		o = &c->m->qmp[j];
		if (!strcmp(o->socket, q->socket))
			return BAD(
				c, q->line,
				"qmp %s: this socket is in line %u already, and a monitor has one client; give QEMU another -qmp for the VM's other card",
				q->socket, o->line);
	}
	lut_add(sockets, h, i);
	return 0;
}

static int check_qmp(const struct check *c)
{
	const struct model_qmp *q = c->m->qmp;
	struct lut sockets = { NULL, 0 };
	size_t i;
	int ret = 0;

	if (lut_init(&sockets, c->m->n_qmp))
		return -ENOMEM;
	for (i = 0; !ret && i < c->m->n_qmp; i++)
		ret = vm_mac_fault(q[i].mac)
			? BAD(c, q[i].line, "qmp %s: the VM's MAC is %s; write its own",
			      q[i].socket, vm_mac_fault(q[i].mac))
			: check_socket(c, &sockets, i);
	lut_free(&sockets);
	return ret;
}

/* Each is a process of its own: there are few. */
static int check_libvirt(const struct check *c)
{
	const struct model_libvirt *v = c->m->libvirt;
	size_t i, j;
	int ret = 0;

	for (i = 0; !ret && i < c->m->n_libvirt; i++)
		for (j = 0; !ret && j < i; j++)
			if (!strcmp(v[i].uri, v[j].uri))
				ret = BAD(c, v[i].line,
					  "libvirt %s: this uri is in line %u already", v[i].uri,
					  v[j].line);
	return ret;
}

/* One segment's VMs would be moved by two tables. */
static int check_fdb(const struct check *c)
{
	const struct model_fdb *b = c->m->fdb;
	size_t i, j;

	for (i = 0; i < c->m->n_fdb; i++)
		for (j = 0; j < i; j++)
			if (!strcmp(b[i].bridge, b[j].bridge) && b[i].vlan == b[j].vlan &&
			    BAD(c, b[i].line, "fdb %s: this bridge is in line %u already%s",
				b[i].bridge, b[j].line, b[i].vlan ? " with that VLAN" : ""))
				return -EINVAL;
	return 0;
}

/* A switch has one VLAN, a chassis is one host. */
static int check_ovn(const struct check *c)
{
	const struct model_ovn_switch *s = c->m->ovn_switches;
	const struct model_ovn_chassis *h = c->m->ovn_chassis;
	size_t i, j;

	for (i = 0; i < c->m->n_ovn_switches; i++)
		for (j = 0; j < i; j++)
			if (!strcmp(s[i].name, s[j].name) &&
			    BAD(c, s[i].line, "ovn: switch %s is in line %u already", s[i].name,
				s[j].line))
				return -EINVAL;
	for (i = 0; i < c->m->n_ovn_chassis; i++)
		for (j = 0; j < i; j++)
			if (!strcmp(h[i].name, h[j].name) &&
			    BAD(c, h[i].line, "ovn: chassis %s is in line %u already", h[i].name,
				h[j].line))
				return -EINVAL;
	return 0;
}

int check_hosts(const struct check *c)
{
	struct lut names = { NULL, 0 }, places = { NULL, 0 };
	struct xr_err inner;
	int ret = 0;
	size_t i;

	if (lut_init(&names, c->m->n_hosts) || lut_init(&places, c->m->n_hosts))
		ret = -ENOMEM;
	for (i = 0; !ret && i < c->m->n_hosts; i++) {
		if (text_check_name("host", c->m->hosts[i].info.name, &inner))
			ret = BAD(c, c->m->hosts[i].line, "%s", inner.text);
		if (!ret)
			ret = check_host(c, &c->m->hosts[i]);
		if (!ret)
			ret = check_twice(c, &names, &places, i);
	}
	lut_free(&names);
	lut_free(&places);
	if (!ret)
		ret = check_gateways(c);
	if (!ret)
		ret = check_qmp(c);
	if (!ret)
		ret = check_libvirt(c);
	if (!ret)
		ret = check_fdb(c);
	return ret ? ret : check_ovn(c);
}

/* ---- VMs: there may be a million of them ---- */

struct vm_check {
	const struct check *c;
	/* Whatever was looked at, also where it was found wrong: there another may be by now. */
	struct lut macs, addrs, taps;
	struct lut protect; /* of m->protect, then m->gateways */
	__u32 *owner;       /* by index of an address: VM * XR_VM_ADDRS + which of its own */
	size_t n_addrs;
};

/* "" where it was read from no file's line. */
static const char *in_line(char buf[24], __u32 line)
{
	buf[0] = '\0';
	if (line)
		snprintf(buf, 24, " (line %u)", line);
	return buf;
}

/* In a VLAN an address is one VM's; in others, other tenants may use it. */
static __u64 hash_addr(const __be32 *addr, __u16 vlan)
{
	__be32 key[XR_ADDR_WORDS + 1];

	memcpy(key, addr, XR_ADDR_WORDS * sizeof(*addr));
	key[XR_ADDR_WORDS] = vlan;
	return lut_hash(key, sizeof(key));
}

static __u64 hash_protected(__u32 kind, const void *octets)
{
	struct xr_protected x = { .kind = kind };

	memcpy(x.octet, octets, kind == XR_PROTECTED_MAC ? 6 : 16);
	return lut_hash(&x, sizeof(x));
}

static int list_protected(struct vm_check *k)
{
	const struct model *m = k->c->m;
	size_t i;

	if (lut_init(&k->protect, m->n_protect + 2 * m->n_gateways))
		return -ENOMEM;
	for (i = 0; i < m->n_protect; i++)
		lut_add(&k->protect, lut_hash(&m->protect[i], sizeof(m->protect[i])), i);
	for (i = 0; i < m->n_gateways; i++) {
		lut_add(&k->protect, hash_protected(XR_PROTECTED_IP, m->gateways[i].addr),
			m->n_protect + i);
		lut_add(&k->protect, hash_protected(XR_PROTECTED_MAC, m->gateways[i].mac),
			m->n_protect + i);
	}
	return 0;
}

static bool is_protected(const struct vm_check *k, __u32 kind, const void *octets)
{
	const struct model *m = k->c->m;
	size_t size = kind == XR_PROTECTED_MAC ? 6 : 16;
	const struct xr_gateway *g;
	__u32 at, i;

	for (at = lut_first(&k->protect, hash_protected(kind, octets));
	     (i = lut_get(&k->protect, at)) != LUT_END; at++) {
		if (i < m->n_protect) {
			if (m->protect[i].kind == kind &&
			    !memcmp(m->protect[i].octet, octets, size))
				return true;
			continue;
		}
		g = &m->gateways[i - m->n_protect];
		if (!memcmp(kind == XR_PROTECTED_MAC ? (const void *)g->mac : g->addr, octets,
			    size))
			return true;
	}
	return false;
}

static int vm_given_twice(struct vm_check *k, size_t i)
{
	const struct model_vm *v = &k->c->m->vms[i], *o;
	__u64 key = vm_key(v->mac, v->vlan), h = xr_mix64(key + 1);
	char name[VM_NAME];
	__u32 at, j;

	for (at = lut_first(&k->macs, h); (j = lut_get(&k->macs, at)) != LUT_END; at++) {
		o = &k->c->m->vms[j];
		if (o == v || vm_key(o->mac, o->vlan) != key)
			continue;
		if (!o->line)
			return BAD(k->c, v->line, "VM %s is there already; give each VM once",
				   vm_name(name, key));
		return BAD(k->c, v->line, "VM %s is already in line %u; give each VM once",
			   vm_name(name, key), o->line);
	}
	lut_add(&k->macs, h, i);
	return 0;
}

static int check_addr(struct vm_check *k, size_t i, int a)
{
	const struct model_vm *v = &k->c->m->vms[i], *o;
	const __be32 *addr = v->addr[a];
	char text[TEXT_ADDR], name[VM_NAME], other[VM_NAME], line[24];
	__u64 h = hash_addr(addr, v->vlan);
	__u32 at, j;
	int which;

	vm_name(name, vm_key(v->mac, v->vlan));
	if (vm_addr_fault(addr))
		return BAD(k->c, v->line, "VM %s: address %s is %s; write the VM's own", name,
			   text_addr(text, addr), vm_addr_fault(addr));
	if (is_protected(k, XR_PROTECTED_IP, addr))
		return BAD(k->c, v->line,
			   "VM %s: address %s is protected; it is a gateway's or in the list", name,
			   text_addr(text, addr));
	for (at = lut_first(&k->addrs, h); (j = lut_get(&k->addrs, at)) != LUT_END; at++) {
		o = &k->c->m->vms[k->owner[j] / XR_VM_ADDRS];
		which = k->owner[j] % XR_VM_ADDRS;
		if (o == v && which >= a)
			continue;
		if (o->vlan == v->vlan && !memcmp(o->addr[which], addr, sizeof(o->addr[which])))
			return BAD(k->c, v->line, "VM %s: address %s is VM %s's already%s", name,
				   text_addr(text, addr), vm_name(other, vm_key(o->mac, o->vlan)),
				   in_line(line, o->line));
	}
	k->owner[k->n_addrs] = i * XR_VM_ADDRS + a;
	lut_add(&k->addrs, h, k->n_addrs++);
	return 0;
}

/* On this machine a port is one VM's; of one MAC, several VLANs'; or all are locked to it. */
static int check_tap(struct vm_check *k, size_t i)
{
	const struct model *m = k->c->m;
	const struct model_vm *v = &m->vms[i], *o;
	char name[VM_NAME], other[VM_NAME], line[24];
	__u32 at, j;
	__u64 h;

	/* Its host may be wrong, which was reported. */
	if (!v->tap[0] || v->host >= m->n_hosts || !m->hosts[v->host].info.local)
		return 0;
	h = lut_hash(v->tap, strlen(v->tap));
	for (at = lut_first(&k->taps, h); (j = lut_get(&k->taps, at)) != LUT_END; at++) {
		o = &m->vms[j];
		if (!strcmp(o->tap, v->tap) && !(o->lock && v->lock) &&
		    memcmp(o->mac, v->mac, sizeof(o->mac)))
			return BAD(k->c, v->line, "VM %s: %s is VM %s's port already%s",
				   vm_name(name, vm_key(v->mac, v->vlan)), v->tap,
				   vm_name(other, vm_key(o->mac, o->vlan)), in_line(line, o->line));
	}
	lut_add(&k->taps, h, i);
	return 0;
}

static int check_vm(struct vm_check *k, size_t i)
{
	const struct model_vm *v = &k->c->m->vms[i];
	char mac[TEXT_MAC];
	int a, ret;

	if (vm_mac_fault(v->mac))
		return BAD(k->c, v->line, "VM %s: its MAC is %s; write the VM's own",
			   text_mac(mac, v->mac), vm_mac_fault(v->mac));
	if (is_protected(k, XR_PROTECTED_MAC, v->mac))
		return BAD(k->c, v->line,
			   "VM %s: its MAC is protected; it is a gateway's or in the list",
			   text_mac(mac, v->mac));
	ret = vm_given_twice(k, i);
	if (!ret)
		ret = check_tap(k, i);
	for (a = 0; !ret && a < v->n_addrs; a++)
		ret = check_addr(k, i, a);
	return ret;
}

/* The line of the VM that has the address with index n, counted over all VMs. */
static __u32 line_of_addr(const struct model *m, size_t n)
{
	size_t i;

	for (i = 0; i < m->n_vms && n >= m->vms[i].n_addrs; i++)
		n -= m->vms[i].n_addrs;
	return i < m->n_vms ? m->vms[i].line : 0;
}

static int check_vm_limits(const struct check *c, size_t addresses)
{
	const struct model *m = c->m;
	const struct xr_limits *l = &m->limits;
	int ret = 0;

	if (l->vms && m->n_vms > l->vms)
		ret = check_too_many(c, m->vms[l->vms].line, m->n_vms, "VMs", "vms", l->vms);
	if (!ret && l->vm_addresses && addresses > l->vm_addresses)
		ret = check_too_many(c, line_of_addr(m, l->vm_addresses), addresses, "VM addresses",
				     "vm_addresses", l->vm_addresses);
	return ret;
}

static void check_end(struct vm_check *k)
{
	lut_free(&k->macs);
	lut_free(&k->taps);
	lut_free(&k->addrs);
	lut_free(&k->protect);
	free(k->owner);
}

/* -ENOMEM: check_end(), even so. */
static int check_begin(struct vm_check *k, const struct check *c, size_t vms, size_t addresses)
{
	*k = (struct vm_check){ .c = c };
	k->owner = malloc((addresses + 1) * sizeof(*k->owner));
	return !k->owner || lut_init(&k->macs, vms) || lut_init(&k->taps, vms) ||
			lut_init(&k->addrs, addresses) || list_protected(k)
		? -ENOMEM
		: 0;
}

int check_vms(const struct check *c)
{
	size_t i, addresses = 0;
	struct vm_check k;
	int ret;

	if (!c->m->vms_given)
		return 0;
	for (i = 0; i < c->m->n_vms; i++)
		addresses += c->m->vms[i].n_addrs;
	ret = check_vm_limits(c, addresses);
	if (ret)
		return ret;
	ret = check_begin(&k, c, c->m->n_vms, addresses);
	for (i = 0; !ret && i < c->m->n_vms; i++)
		ret = check_vm(&k, i);
	check_end(&k);
	return ret;
}

/* ---- one after another, as they are taken ---- */

struct model_vm_check {
	struct check check;
	struct vm_check vms;
};

struct model_vm_check *model_vm_check_new(const struct model *m, size_t vms)
{
	struct model_vm_check *k = malloc(sizeof(*k));

	if (!k)
		return NULL;
	k->check = (struct check){ .m = m };
	if (!check_begin(&k->vms, &k->check, vms, vms * XR_VM_ADDRS))
		return k;
	model_vm_check_free(k);
	return NULL;
}

int model_vm_check_last(struct model_vm_check *k, struct xr_err *err)
{
	k->check.err = err;
	return check_vm(&k->vms, k->check.m->n_vms - 1);
}

void model_vm_check_free(struct model_vm_check *k)
{
	if (!k)
		return;
	check_end(&k->vms);
	free(k);
}
