// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach/attach.h"
#include "health_priv.h"
#include "host/host.h"
#include "lib/netns.h"
#include "lib/text.h"
#include "net/path.h"
#include "underlay/ends.h"
#include "underlay/outer.h"
#include "underlay/paths.h"
#include "underlay/vip_own.h"
#include "vm/vm.h"

struct vm_counting {
	struct plane *p;
	struct health *h;
	__u32 tick;
};

static int count_vm(void *ctx, __u32 index)
{
	struct vm_counting *c = ctx;
	const struct {
		const char *state;
		__u32 *count;
	} counts[] = {
		{ "prepared", &c->h->under_way }, { "blackout", &c->h->under_way },
		{ "moved", &c->h->moved },        { "settled", &c->h->moved },
		{ "frozen", &c->h->frozen },      { "disabled", &c->h->disabled },
	};
	const char *state = vm_state_name(c->p, index, c->tick);
	size_t i;

	c->h->vms++;
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		if (!strcmp(counts[i].state, state))
			++*counts[i].count;
	return 0;
}

static void count_vms(struct plane *p, struct health *h)
{
	struct vm_counting c = { p, h, plane_tick(p) };
	__u32 i;

	for (i = 1; i <= p->meta->limits.hosts; i++)
		h->hosts += p->host_info[i].name[0] != '\0';
	vm_each(p, count_vm, &c);
}

struct sid_use health_server_ids(const struct plane *p)
{
	const struct sid_store s = plane_server_ids(p);

	return sid_store_use(&s);
}

void health_count(struct plane *p, struct health *h)
{
	const struct xr_limits *l = &p->meta->limits;
	__u32 i;

	memset(h, 0, sizeof(*h));
	for (i = 1; i <= l->vips; i++)
		h->vips += p->vips[i].used;
	for (i = 1; i <= l->backends; i++) {
		__u8 state = p->backends[i].state;

		if (state <= XR_BACKEND_DOWN)
			h->backends[state]++;
	}
	for (i = 1; i < XR_CID_SLOTS; i++)
		h->cids += p->cid_info[i].used;
	h->sids = health_server_ids(p);
	for (i = 0; i < XR_MAX_DEVICES; i++)
		h->devices += p->devices[i].ifindex != 0;
	count_vms(p, h);
}

/* Another device has the same name, and "dev detach NAME" would take that one. */
static bool has_namesake(struct plane *p, const struct xr_device *d)
{
	const struct xr_device *o = p->devices;
	int i;

	for (i = 0; i < XR_MAX_DEVICES; i++, o++)
		if (o != d && o->ifindex && !strncmp(o->name, d->name, sizeof(o->name)) &&
		    plane_device_state(p, o) != DEVICE_GONE)
			return true;
	return false;
}

static void report_gone(struct check *c, const struct xr_device *d,
			const struct device_location *at, const char *name)
{
	if (!at->no_netns)
		health_wrong(
			c,
			"dev %s: the device is gone: %s\"xroam dev detach %s\" or apply forgets it",
			name, health_there(at), d->name);
	else if (has_namesake(c->p, d))
		health_wrong(
			c,
			"dev %s: its network namespace is gone, or nobody leads there, and \"dev detach\" would take another %s: apply of what \"xroam export\" prints forgets it",
			name, d->name);
	else
		health_wrong(
			c,
			"dev %s: its network namespace is gone, or nobody leads there: \"xroam dev detach %s\" or apply forgets it",
			name, d->name);
}

static void check_devices(struct check *c)
{
	char text[XR_NAME_LEN + NETNS_SUFFIX];
	struct plane *p = c->p;
	struct device_location at;
	bool any = false;
	int i;

	for (i = 0; i < XR_MAX_DEVICES; i++) {
		const struct xr_device *d = &p->devices[i];

		if (!d->ifindex)
			continue;
		any = true;
		switch (plane_device_location(p, d, &at)) {
		case DEVICE_GONE:
			report_gone(c, d, &at, health_name(d, &at, text));
			break;
		case DEVICE_NO_PROGRAM:
			health_wrong(
				c,
				"dev %s: the program is no longer attached: %s\"xroam dev attach %s\" or apply brings it back",
				health_name(d, &at, text), health_there(&at), d->name);
			break;
		case DEVICE_ATTACHED:
			check_link(c, d, &at);
			break;
		}
	}
	if (plane_capture_is_dead(p))
		health_wrong(
			c,
			"a capture was killed, and its programs are still on the devices: \"xroam reload\", or any change, puts the plain ones back");
	if (!any)
		health_wrong(c, "%s", plane_unattached(p));
}

/* All devices are in other namespaces: addresses and routes here are not theirs. */
static bool is_elsewhere(const struct plane *p)
{
	__u64 here = netns_id();
	bool any = false;
	int i;

	for (i = 0; i < XR_MAX_DEVICES; i++) {
		if (!p->devices[i].ifindex || p->devices[i].role == XR_ROLE_PASS)
			continue;
		if (p->devices[i].netns == here)
			return false;
		any = true;
	}
	return any;
}

static void check_hosts(struct check *c)
{
	const struct plane *p = c->p;
	char words[HOST_FAULT];
	const char *what;
	__u32 i;

	if (!host_any_local(p) || is_elsewhere(p))
		return;
	for (i = 1; i <= p->meta->limits.hosts; i++) {
		const struct xr_host_info *h = &p->host_info[i];

		if (!h->name[0])
			continue;
		what = host_fault(h, words);
		if (what)
			health_wrong(c, "host %s: %s", h->name, what);
	}
}

/* Whether the device that a host or backend names is gone, or made anew since. */
static void check_named(struct check *c, const char *what, const char *name, const char *dev,
			__u32 path)
{
	enum paths_dev state = paths_check_device(c->p, path, dev);

	if (state == PATHS_DEV_GONE)
		health_wrong(
			c,
			"%s %s: there is no device %s here now: bring it back, or name another one",
			what, name, dev);
	if (state == PATHS_DEV_ANEW)
		health_wrong(
			c,
			"%s %s: device %s was made anew, and packets still go to the number it had: \"xroam reload\", or run the daemon",
			what, name, dev);
}

static void check_named_devices(struct check *c)
{
	const struct plane *p = c->p;
	__u32 i;

	if (is_elsewhere(p))
		return;
	for (i = 1; i <= p->meta->limits.hosts; i++)
		if (p->host_info[i].name[0] && !p->host_info[i].local)
			check_named(c, "host", p->host_info[i].name, p->host_info[i].dev,
				    p->hosts[i].path);
	for (i = 1; i <= p->meta->limits.backends; i++)
		if (p->backend_info[i].state != XR_BACKEND_NONE)
			check_named(c, "backend", p->backend_info[i].name, p->backend_info[i].dev,
				    p->backends[i].path);
}

/* Addresses the program does not know: it does not open tunnels that end there. */
static void check_ends(struct check *c)
{
	__be32 first[XR_ADDR_WORDS];
	__u32 n = ends_missing(c->p, first);
	char buf[TEXT_ADDR], more[32] = "";

	if (n > 1)
		snprintf(more, sizeof(more), " and %u more", n - 1);
	if (n)
		health_wrong(
			c,
			"role backend: %s%s came after the program, which does not know of it: \"xroam reload\", or run the daemon",
			text_addr(buf, first), more);
}

#define TROUBLE_MAX 10 /* lines of each kind: a million VMs may be in trouble */

struct vm_trouble {
	struct check *c;
	__u32 tick, n;
};

static int check_vm(void *ctx, __u32 index)
{
	struct vm_trouble *t = ctx;
	struct plane *p = t->c->p;
	const char *state = vm_state_name(p, index, t->tick);
	const char *host = host_name(p, vm_now(p, index).host);
	char name[VM_NAME];

	if (*state != 'f' && *state != 'd')
		return 0;
	vm_name_at(p, name, index);
	if (++t->n > TROUBLE_MAX)
		return 0;
	if (*state == 'f')
		health_wrong(
			t->c,
			"vm %s: moved too often, frozen at %s until the next \"xroam vm move\"",
			name, host);
	else
		health_wrong(
			t->c,
			"vm %s: its own frames came back from %s, so it is not redirected; see why, then \"xroam vm move\" again",
			name, host);
	return 0;
}

static void check_vms(struct check *c)
{
	struct vm_trouble t = { c, plane_tick(c->p), 0 };

	vm_each(c->p, check_vm, &t);
	if (t.n > TROUBLE_MAX)
		health_wrong(c, "... and %u VMs more", t.n - TROUBLE_MAX);
}

/* ---- next hops ---- */

#define UNSURE_LONG 3 /* ticks; what lasts less the kernel may still be resolving */

struct hop_trouble {
	struct check *c;
	struct xr_nexthop *hop; /* per CPU */
	__u32 tick, n;
	bool here; /* packets go by this namespace's routes, so these are looked up */
};

/*
 * For a way that no CPU has a next hop of, because no packet came: repeats the warning
 * of the command that added the host or backend, where it still holds. A host that does
 * not answer is no trouble while no VM goes there.
 */
static void check_way(struct hop_trouble *t, struct path_job *j)
{
	if (!t->here || (!j->host && j->info->state == XR_BACKEND_DOWN))
		return;
	path_check(j, &t->c->p->meta->policy);
	if (!path_trouble_text(j) || (j->host && j->trouble != PATH_NO_ROUTE) ||
	    ++t->n > TROUBLE_MAX)
		return;
	health_wrong(t->c, "%s %s: %s", j->host ? "host" : "backend", j->info->name,
		     path_trouble_text(j));
}

/* The longest time that a CPU, which sent by this way lately, has waited for a next hop. */
static void check_hop(struct hop_trouble *t, __u32 path, struct path_job *j)
{
	struct plane *p = t->c->p;
	const struct xr_nexthop *h;
	bool known = false, any = false;
	__u32 longest = 0;
	int cpu;

	if (!path || bpf_map_lookup_elem(p->fd[PLANE_NEXTHOPS], &path, t->hop))
		return;
	for (cpu = 0; cpu < p->cpus; cpu++) {
		h = &t->hop[cpu];
		any |= h->ifindex != 0;
		if (!h->unsure || (__s32)(t->tick - h->until) > UNSURE_LONG ||
		    (__u16)(t->tick - h->unsure) <= longest)
			continue;
		longest = (__u16)(t->tick - h->unsure);
		known = h->ifindex;
	}
	if (longest < UNSURE_LONG && !any)
		check_way(t, j);
	if (longest < UNSURE_LONG || ++t->n > TROUBLE_MAX)
		return;
	health_wrong(
		t->c,
		known ? "%s %s: for %u s the kernel has not confirmed its next hop, the last known one is used; is forwarding on, does the neighbour answer?"
		      : "%s %s: for %u s the kernel has known no next hop for it; is there a route, is forwarding on, does the neighbour answer?",
		j->host ? "host" : "backend", j->info->name, longest);
}

static void check_hops(struct check *c)
{
	struct plane *p = c->p;
	struct hop_trouble t = { c, calloc(p->cpus, sizeof(*t.hop)), plane_tick(p), 0,
				 !is_elsewhere(p) };
	struct xr_backend_info facts;
	struct path_job j;
	__u32 i;

	for (i = 1; t.hop && i <= p->meta->limits.backends; i++)
		if (p->backend_info[i].state != XR_BACKEND_NONE) {
			j = (struct path_job){ .info = &p->backend_info[i] };
			check_hop(&t, p->backends[i].path, &j);
		}
	for (i = 1; t.hop && i <= p->meta->limits.hosts; i++)
		if (p->host_info[i].name[0]) {
			host_as_backend(&p->host_info[i], &facts);
			j = (struct path_job){ .info = &facts, .host = true };
			j.source = host_source(p, &p->host_info[i]);
			check_hop(&t, p->hosts[i].path, &j);
		}
	if (t.n > TROUBLE_MAX)
		health_wrong(c, "... and %u next hops more", t.n - TROUBLE_MAX);
	free(t.hop);
}

/* ---- narrow ways ---- */

struct narrow {
	struct check *c;
	__u32 n;
};

static void report_narrow(struct narrow *w, __u32 path, const char *what, const char *name)
{
	char addr[TEXT_ADDR];
	struct outer_mtu m;

	if (!outer_learned(w->c->p, path, &m) || ++w->n > TROUBLE_MAX)
		return;
	health_wrong(
		w->c,
		"%s %s: the way there takes %u octets, says %s by ICMP; believed for %u s more",
		what, name, m.mtu, text_addr(addr, m.from), m.seconds);
}

void health_narrow(struct plane *p, void (*each)(void *ctx, const char *line), void *ctx)
{
	struct check c = { p, NULL, each, ctx };
	struct narrow w = { &c, 0 };
	__u32 i;

	for (i = 1; i <= p->meta->limits.backends; i++)
		if (p->backend_info[i].state != XR_BACKEND_NONE)
			report_narrow(&w, p->backends[i].path, "backend", p->backend_info[i].name);
	for (i = 1; i <= p->meta->limits.hosts; i++)
		if (p->host_info[i].name[0])
			report_narrow(&w, p->hosts[i].path, "host", p->host_info[i].name);
	if (w.n > TROUBLE_MAX)
		health_wrong(&c, "... and %u ways more", w.n - TROUBLE_MAX);
}

void health_check(struct plane *p, const struct health_baseline *since,
		  void (*each)(void *ctx, const char *line), void *ctx)
{
	struct check c = { p, since, each, ctx };

	check_devices(&c);
	check_ends(&c);
	check_vips(&c);
	check_probes(&c);
	check_steering(&c);
	check_hosts(&c);
	check_named_devices(&c);
	vip_own_check(p, each, ctx);
	check_announced(&c);
	check_vms(&c);
	check_hops(&c);
}
