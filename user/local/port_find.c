// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which device is a VM's port. The VM's MAC alone does not tell: VMs in two segments may
 * have the same one, libvirt derives the taps' own MACs from it, and each segment's bridge
 * has an entry for it. So a device in the bridge of the VM's own VNI counts more than any
 * other, and elsewhere only one that is the only candidate. Where there are two, none is
 * taken: what is put into another tenant's port is read by that tenant.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "attach/tc.h"
#include "host/host.h"
#include "host/vm_ip.h"
#include "lib/index.h"
#include "lib/netns.h"
#include "lib/text.h"
#include "local_priv.h"
#include "plane/vm_state.h"
#include "underlay/paths.h"

#define CHOICES 4 /* candidates that a warning names */

struct search {
	struct local *l;
	const struct xr_host_info *end; /* the host whose VNI is the VM's segment; or NULL */
	__u32 segment;                  /* ifindex of that VNI's bridge; or 0 */
	bool in_segment;                /* now only ports of that bridge count; or only others */
	bool in_vlan;                   /* now only entries of the VM's own VLAN count */
	const struct link *hit[CHOICES];
	int n;
};

/* ---- what can be a port ---- */

/* A host that packets are sent to by the device; 0: none. */
static __u16 leads_to(struct plane *p, const struct link *dev)
{
	const struct xr_host_info *h;
	__u32 i;

	for (i = 1; i <= p->meta->limits.hosts; i++) {
		h = &p->host_info[i];
		if (!h->name[0] || h->local)
			continue;
		if (h->dev[0] && !strcmp(h->dev, dev->name))
			return i;
		if (h->method != XR_FORWARD_PORT &&
		    paths_device(p, p->hosts[i].path) == dev->ifindex)
			return i;
	}
	return 0;
}

static bool is_fabric(struct plane *p, const struct link *dev, struct xr_err *err)
{
	__u16 host = leads_to(p, dev);
	const char *what = host ? NULL : port_of_fabric(p, dev);

	if (what)
		xr_fail(err, 0,
			"%s is %s: what is put into it leaves this machine; name the VM's tap or veth, or no dev at all",
			dev->name, what);
	else if (host)
		xr_fail(err, 0,
			"%s leads to host %s: what is put into it leaves this machine; name the VM's tap or veth, or no dev at all",
			dev->name, host_name(p, host));
	return what || host;
}

bool port_refused(struct plane *p, const struct link *dev, struct xr_err *err)
{
	char words[LINK_WORDS];
	const char *what = link_no_port(dev, words);

	if (tc_number_taken(p, dev->ifindex, dev->name, err))
		return true;
	if (dev->kind == LINK_TUN && !what)
		return false;
	if (!what)
		return is_fabric(p, dev, err);
	xr_fail(err, 0,
		"%s is %s: what is put into it does not go to the VM; name the VM's tap or veth, or no dev at all",
		dev->name, what);
	return true;
}

int port_check(struct plane *p, const char *name, struct xr_err *err)
{
	struct netlink nl = { 0 };
	struct link dev;
	bool refused;
	int ret;

	/* A device that is not there yet is looked at when it is. */
	if (!link_named(name, &dev))
		return 0;
	if (link_is_tap(&dev))
		return is_fabric(p, &dev, err) ? -EINVAL : 0;
	ret = netlink_open(&nl);
	if (ret)
		return xr_fail(err, ret, "%s: cannot ask the kernel what it is: %s", name,
			       strerror(-ret));
	refused = link_query(&nl, &dev) &&
		(port_refused(p, &dev, err) || (dev.kind == LINK_TUN && is_fabric(p, &dev, err)));
	netlink_close(&nl);
	return refused ? -EINVAL : 0;
}

bool port_is_attached(const struct plane *p, __u32 ifindex)
{
	__u64 here = netns_id();
	int i;

	for (i = 0; i < XR_MAX_DEVICES; i++)
		if (p->devices[i].ifindex == ifindex && p->devices[i].netns == here)
			return true;
	return false;
}

/* ---- the VM's segment ---- */

/* The VXLAN host whose VNI the VM's frames bear: of two the one elsewhere. 0: none. */
static __u16 end_of(const struct plane *p, struct xr_vm_now now)
{
	__u16 end = 0;

	if (now.host && p->host_info[now.host].method == XR_FORWARD_VXLAN)
		end = now.host;
	if (now.next && p->host_info[now.next].method == XR_FORWARD_VXLAN &&
	    (!end || !host_is_local(p, now.next)))
		end = now.next;
	return end;
}

static bool is_here(const struct plane *p, struct xr_vm_now now)
{
	return host_is_local(p, now.host) || host_is_local(p, now.next);
}

/*
 * A VM of the same MAC in another VLAN that is on this machine, too, or comes to it: the
 * candidate may be its port. One that is in a segment of its own, or whose port is known,
 * does not count. VM_NOWHERE: none.
 */
static __u32 find_namesake(const struct search *s)
{
	struct plane *p = s->l->p;
	struct xr_vm_now now;
	__u32 vm_index, vlan;
	__u16 end;

	for (vlan = 0; vlan < 4095; vlan++) {
		if (vlan == s->l->vlan)
			continue;
		vm_index = vm_find(p, vm_key(s->l->mac, vlan));
		if (vm_index == VM_NOWHERE)
			continue;
		now = vm_now(p, vm_index);
		end = end_of(p, now);
		if (!strcmp(p->vm_info[vm_index].tap, s->hit[0]->name))
			return vm_index;
		if (!is_here(p, now) || p->vm_info[vm_index].tap[0] ||
		    (p->vms[vm_index].tap && p->vms[vm_index].tap != s->hit[0]->ifindex))
			continue;
		if (s->in_segment && end && p->host_info[end].vni != s->end->vni)
			continue;
		return vm_index;
	}
	return VM_NOWHERE;
}

/* ---- the candidates ---- */

/* Number of another VM whose port it is; 0: nobody's. */
static __u32 other_vm_no(const struct local *l, __u32 ifindex)
{
	__u32 no = tap_kind(l->p, ifindex), vm_index;

	if (!no || no >= XR_TAP_TUNNEL)
		return 0;
	vm_index = index_of_no(no);
	return vm_index != l->vm_index && l->p->vm_info[vm_index].used &&
			l->p->vms[vm_index].tap == ifindex && is_here(l->p, vm_now(l->p, vm_index))
		? no
		: 0;
}

/* It is the port of a VM of the same MAC in another VLAN. */
static bool is_namesakes(const struct local *l, __u32 ifindex)
{
	__u32 other_no = other_vm_no(l, ifindex);

	return other_no && vm_same_mac(l->p->vms[index_of_no(other_no)].key, l->vm->key);
}

/* It is in the bridge of another VNI. */
static bool is_foreign(const struct search *s, const struct link *dev)
{
	const struct links *links = &s->l->links;
	const struct link *k;
	size_t i;

	for (i = 0; s->end && dev->master && i < links->n; i++) {
		k = &links->link[i];
		if (k->kind == LINK_VXLAN && k->master == dev->master && k->vni &&
		    k->vni != s->end->vni)
			return true;
	}
	return false;
}

static void add_hit(struct search *s, const struct link *dev)
{
	struct xr_err err;
	int i;

	if (s->in_segment != (s->segment && dev->master == s->segment) ||
	    (!s->in_segment && is_foreign(s, dev)))
		return;
	if (port_is_attached(s->l->p, dev->ifindex) && dev->kind != LINK_TUN)
		return;
	if (port_refused(s->l->p, dev, &err) || is_namesakes(s->l, dev->ifindex))
		return;
	for (i = 0; i < s->n; i++)
		if (s->hit[i] == dev)
			return;
	if (s->n < CHOICES)
		s->hit[s->n++] = dev;
}

static void on_entry(void *ctx, const struct fdb_entry *e)
{
	struct search *s = ctx;
	const struct link *dev, *br;
	struct local *l = s->l;

	if (memcmp(e->mac, l->mac, sizeof(e->mac)))
		return;
	dev = links_by_index(&l->links, e->port);
	br = links_by_index(&l->links, e->bridge);
	if (!dev)
		return;
	if (br && br->filters && l->vlan && e->vlan && e->vlan != l->vlan)
		return;
	if (s->in_vlan && (!l->vlan || e->vlan != l->vlan))
		return;
	add_hit(s, dev);
}

/* libvirt gives a tap its VM's MAC with 0xfe in front (virnetdevtap.c). */
static void by_own_mac(struct search *s)
{
	const struct links *links = &s->l->links;
	const struct link *k;
	size_t i;

	for (i = 0; i < links->n; i++) {
		k = &links->link[i];
		if (k->kind == LINK_TUN && (k->mac[0] == 0xfe || k->mac[0] == s->l->mac[0]) &&
		    !memcmp(k->mac + 1, s->l->mac + 1, 5))
			add_hit(s, k);
	}
}

/* Only a tap counts what the VM reads: other ports count where there is no tap. */
static void prefer_taps(struct search *s)
{
	int i, n = 0;

	for (i = 0; i < s->n; i++)
		if (s->hit[i]->kind == LINK_TUN)
			s->hit[n++] = s->hit[i];
	if (n)
		s->n = n;
}

/* Looks in the VM's segment, or everywhere else. */
static void find_hits(struct search *s, bool in_segment)
{
	struct local *l = s->l;

	s->in_segment = in_segment;
	s->in_vlan = !in_segment;
	if (in_segment || !s->segment)
		fdb_each(&l->nl, on_entry, s);
	s->in_vlan = false;
	if (s->n && !in_segment)
		return; /* a bridge that knows VLANs has it in this very one */
	if (!in_segment && !s->segment)
		fdb_each(&l->nl, on_entry, s);
	/* No bridge can have learned a VM that only comes: what one has is out of date. */
	if (!s->n || !in_segment || local_is_coming(l))
		by_own_mac(s);
}

/* Warns that no port is taken, and which ones it could be. */
static void warn_of_doubt(struct search *s, __u32 other)
{
	char names[CHOICES * 24] = "", name[VM_NAME], also[VM_NAME] = "";
	const struct link *br;
	size_t used = 0;
	int i;

	for (i = 0; i < s->n; i++) {
		br = links_by_index(&s->l->links, s->hit[i]->master);
		used += snprintf(names + used, sizeof(names) - used, "%s%s%s%s", i ? ", " : "",
				 s->hit[i]->name, br ? " in " : "", br ? br->name : "");
	}
	vm_name_at(s->l->p, name, s->l->vm_index);
	if (other != VM_NOWHERE)
		vm_name_at(s->l->p, also, other);
	local_warn(
		s->l,
		"which port is VM %s's: %s%s%s? None is taken: \"xroam vm add ... dev DEV\" names it",
		name, names, other != VM_NOWHERE ? ", or is that of VM " : "", also);
	s->l->doubt = true;
}

/* This machine's own address in the host's VNI. */
static const __be32 *vtep_of(const struct plane *p, __u16 host)
{
	const struct xr_host_info *h = &p->host_info[host];

	return h->local ? h->addr : host_source(p, h);
}

static const struct link *by_tables(struct local *l)
{
	struct search s = { .l = l };
	__u16 end = end_of(l->p, l->now);
	const struct link *vxlan;
	__u32 other;

	if (end) {
		s.end = &l->p->host_info[end];
		vxlan = links_by_vni(&l->links, s.end->vni, vtep_of(l->p, end));
		s.segment = vxlan ? vxlan->master : 0;
	}
	if (s.segment)
		find_hits(&s, true);
	if (!s.n)
		find_hits(&s, false);
	prefer_taps(&s);
	if (!s.n)
		return NULL;
	other = find_namesake(&s);
	if (s.n == 1 && other == VM_NOWHERE)
		return s.hit[0];
	warn_of_doubt(&s, other);
	return NULL;
}

/*
 * Without a bridge the VM's addresses are routed to its port. Link-local addresses tell
 * nothing, for each device has such a network; and what a route to a whole network leads
 * to may be the port of another VM in it.
 */
static const struct link *by_route(struct local *l)
{
	const struct link *dev = NULL;
	struct way_out way;
	struct xr_err err;
	int i;

	for (i = 0; !dev && i < XR_VM_ADDRS; i++) {
		if (addr_is_zero(l->info->addr[i]) || addr_is_link_local(l->info->addr[i]) ||
		    vm_ip_shared(l->p, l->info->addr[i]) ||
		    route_query(&l->nl, l->info->addr[i], &way) ||
		    memcmp(way.gateway, l->info->addr[i], sizeof(way.gateway)))
			continue;
		dev = links_by_index(&l->links, way.ifindex);
		if (dev &&
		    (port_is_attached(l->p, dev->ifindex) || port_refused(l->p, dev, &err) ||
		     other_vm_no(l, dev->ifindex)))
			dev = NULL;
	}
	return dev;
}

/* ---- finding it ---- */

/* By its name; or, where that was only learned or there is none, the port that was taken. */
const struct link *port_known(struct local *l)
{
	const struct xr_vm_info *info = l->info;
	bool found = info->tap[0] && link_named(info->tap, &l->port);

	if (!found && (!info->tap[0] || info->learned & XR_LEARNED_TAP))
		found = link_indexed(l->vm->tap, &l->port);
	return found ? &l->port : NULL;
}

/*
 * A device may have been named before it was there, or be another one now of that name: so
 * it is checked again. NULL, with l->doubt, where it cannot be the VM's.
 */
static const struct link *known_and_fit(struct local *l)
{
	bool learned = l->info->learned & XR_LEARNED_TAP;
	bool locked = l->now.flags & XR_VM_LOCK;
	struct xr_err err = { "" };
	const struct link *dev = NULL;

	if (!l->info->tap[0] ||
	    !port_check_holder(l->p, l->vm->key, l->info->tap,
			       learned ? 0 : PORT_WITH_SAME_MAC | locked * PORT_WITH_LOCKED, &err))
		dev = port_known(l);
	else if (learned) /* learned long ago; the name is another VM's port now */
		l->info->tap[0] = '\0';
	else
		goto refused;
	if (!dev || link_is_tap(&l->port) || !link_query(&l->nl, &l->port) ||
	    !port_refused(l->p, &l->port, &err))
		return dev;
refused:
	local_warn(l, "%s", err.text);
	l->doubt = true;
	return NULL;
}

const struct link *port_find(struct local *l)
{
	const struct link *found = known_and_fit(l);

	if (found || l->doubt || (l->info->tap[0] && !(l->info->learned & XR_LEARNED_TAP)) ||
	    local_read(l))
		return found;
	found = by_tables(l);
	/* A route to a VM that is elsewhere leads there, and not to its port. */
	return found || l->doubt || !host_is_local(l->p, l->now.host) ? found : by_route(l);
}
