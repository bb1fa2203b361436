// SPDX-License-Identifier: GPL-2.0-only
/* Which backends are probed, by which checks and at which addresses: from the maps. */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plane/members.h"
#include "lib/health_state.h"
#include "lib/sockaddr.h"
#include "model/model_edit.h"
#include "probe_priv.h"
#include "underlay/paths.h"

const char *target_text(const struct prober *pr, const struct target *t, char buf[TARGET_TEXT])
{
	char addr[TEXT_ADDR];

	snprintf(buf, TARGET_TEXT, addr_is_ipv4(t->addr) ? "%s %s:%u" : "%s [%s]:%u",
		 health_type_word(check_of(pr, t)->type), text_addr(addr, t->addr), ntohs(t->port));
	return buf;
}

/* ---- the list ---- */

struct reading {
	struct prober *pr;
	struct target *targets;
	size_t n;
	__u32 *first;
};

/* The check of that name; TARGET_NONE: there is none. */
static __u32 find_check(const struct prober *pr, const char *name)
{
	__u32 i;

	for (i = 0; i < pr->n_checks; i++)
		if (!strncmp(pr->checks[i].name, name, XR_CHECK_NAME))
			return i;
	return TARGET_NONE;
}

static bool same_target(const struct target *a, const struct target *b)
{
	return a->port == b->port && !memcmp(a->addr, b->addr, sizeof(a->addr));
}

/* What an earlier reading knew of it, by the check's name. */
static const struct target *find_old(const struct prober *pr, const struct target *t,
				     const struct xr_health_check *old_checks)
{
	__u32 i;

	for (i = pr->targets ? pr->first[t->backend] : TARGET_NONE; i != TARGET_NONE;
	     i = pr->targets[i].next)
		if (same_target(&pr->targets[i], t) &&
		    !strcmp(old_checks[pr->targets[i].check].name, check_of(pr, t)->name))
			return &pr->targets[i];
	return NULL;
}

static int add_target(struct reading *r, __u16 backend, __u32 check, const struct xr_vip *v)
{
	const struct xr_health_check *k = &r->pr->checks[check];
	struct target new = { .backend = backend, .check = check }, *to;
	__u32 i;

	new.port = k->port ? htons(k->port) : v->port;
	memcpy(new.addr, v->addr, sizeof(new.addr));
	for (i = r->first[backend]; i != TARGET_NONE; i = r->targets[i].next)
		if (r->targets[i].check == check && same_target(&r->targets[i], &new))
			return 0;
	to = model_grow(&r->targets, &r->n, sizeof(*to));
	if (!to)
		return -ENOMEM;
	new.next = r->first[backend];
	*to = new;
	r->first[backend] = r->n - 1;
	return 0;
}

static int on_member(void *ctx, const struct xr_member *m)
{
	struct reading *r = ctx;
	struct plane *p = r->pr->d->plane;
	const char *name;
	__u32 check;

	if (!m->vip || m->vip > p->meta->limits.vips || !m->backend ||
	    m->backend > p->meta->limits.backends || !p->vips[m->vip].used ||
	    p->backend_info[m->backend].state == XR_BACKEND_NONE)
		return 0;
	name = p->backend_health[m->backend].check;
	if (!*name)
		name = p->vip_checks[m->vip].name;
	if (!*name || !strcmp(name, XR_CHECK_NONE))
		return 0;
	check = find_check(r->pr, name);
	return check == TARGET_NONE ? 0 : add_target(r, m->backend, check, &p->vips[m->vip]);
}

/* A new one begins with what the maps say of its backend, so that a restart changes nothing. */
static void begin(struct prober *pr, struct target *t)
{
	const struct xr_backend_health *h = &pr->d->plane->backend_health[t->backend];

	t->health = h->found == XR_HEALTH_DOWN ? XR_HEALTH_DOWN
		: h->found == XR_HEALTH_UP     ? XR_HEALTH_UP
					       : XR_HEALTH_NONE;
	t->damped = h->damped;
	t->served = h->served;
	t->failing = h->failing;
	memcpy(t->error, h->error, sizeof(t->error));
}

static void carry_over(struct prober *pr, struct reading *r,
		       const struct xr_health_check *old_checks)
{
	__u64 now = prober_now(pr), interval;
	const struct target *old;
	struct target *t;
	__u32 i;

	for (i = 0; i < r->n; i++) {
		t = &r->targets[i];
		interval = interval_of(pr, t);
		old = find_old(pr, t, old_checks);
		if (old) {
			t->health = old->health;
			t->damped = old->damped;
			t->good = old->good;
			t->bad = old->bad;
			t->flaps = old->flaps;
			t->round = old->round;
			t->served = old->served;
			t->failing = old->failing;
			t->flap_since = old->flap_since;
			t->good_since = old->good_since;
			memcpy(t->error, old->error, sizeof(t->error));
		} else {
			begin(pr, t);
		}
		/* Spread over the interval, so that they never come all at once. */
		t->due = now + xr_mix64(pr->key[0] ^ t->backend ^ (__u64)i << 32) % interval;
		if (old && !old->busy && old->due > now && old->due < now + interval)
			t->due = old->due;
	}
}

static void cancel_all(struct prober *pr)
{
	struct target *t;
	__u32 i;

	for (i = 0; i < pr->n_targets; i++) {
		t = &pr->targets[i];
		if (t->busy && pr->kinds[check_of(pr, t)->type]->cancel)
			pr->kinds[check_of(pr, t)->type]->cancel(pr, t);
	}
	memset(pr->cookies, 0, sizeof(pr->cookies));
}

void targets_free(struct prober *pr)
{
	cancel_all(pr);
	wheel_free(&pr->wheel);
	free(pr->targets);
	free(pr->first);
	pr->targets = NULL;
	pr->first = NULL;
	pr->n_targets = 0;
}

static void read_checks(struct prober *pr)
{
	const struct xr_health_check *from = pr->d->plane->health_checks;
	struct xr_health_check *to = pr->checks;
	__u32 n;

	memset(to, 0, sizeof(pr->checks));
	for (n = 0; n < XR_MAX_CHECKS && from[n].name[0]; n++, to++) {
		*to = from[n];
		to->name[sizeof(to->name) - 1] = '\0';
		to->path[sizeof(to->path) - 1] = to->host[sizeof(to->host) - 1] = '\0';
		if (!to->type || to->type > XR_CHECK_COMMAND_RUN || !to->interval_ms)
			break;
	}
	pr->n_checks = n;
}

int targets_read(struct prober *pr, struct xr_err *err)
{
	__u32 size = pr->d->plane->meta->limits.backends + 1, i;
	struct xr_health_check *old = malloc(sizeof(pr->checks));
	struct reading r = { .pr = pr, .first = malloc(size * sizeof(*r.first)) };
	struct wheel wheel = { .link = NULL };
	int ret = -ENOMEM;

	if (!old || !r.first)
		goto out;
	cancel_all(pr);
	memcpy(old, pr->checks, sizeof(pr->checks));
	pr->changes = __atomic_load_n(&pr->d->plane->meta->changes, __ATOMIC_ACQUIRE);
	read_checks(pr);
	memset(r.first, 0xff, size * sizeof(*r.first));
	ret = pr->n_checks ? members_each(pr->d->plane, on_member, &r) : 0;
	if (!ret)
		ret = wheel_init(&wheel, r.n, prober_now(pr));
	if (ret) {
		memcpy(pr->checks, old, sizeof(pr->checks));
		goto out;
	}
	carry_over(pr, &r, old);
	figures_set_checks(pr->d->figures, pr->checks, pr->n_checks, pr->figure);
	wheel_free(&pr->wheel);
	free(pr->targets);
	free(pr->first);
	pr->targets = r.targets;
	pr->n_targets = r.n;
	pr->first = r.first;
	pr->wheel = wheel;
	r.targets = NULL;
	r.first = NULL;
	for (i = 0; i < pr->n_targets; i++)
		wheel_set(&pr->wheel, i, pr->targets[i].due);
out:
	free(old);
	free(r.targets);
	free(r.first);
	return ret ? xr_fail(err, ret, "health checks: %s", strerror(-ret)) : 0;
}

/* ---- where probes come from ---- */

/* What the kernel would send from to the backend: that is where the backend finds this node. */
static bool routed_source(const __be32 *to, __be32 *from)
{
	struct sockaddr_storage sa;
	socklen_t len = sockaddr_from_addr(&sa, to, htons(9));
	bool good;
	int fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return false;
	good = !connect(fd, (void *)&sa, len) && !getsockname(fd, (void *)&sa, &len);
	close(fd);
	return good && sockaddr_to_addr((void *)&sa, from);
}

static bool is_vip(const struct plane *p, const __be32 *addr)
{
	__u32 i;

	for (i = 1; i <= p->meta->limits.vips; i++)
		if (p->vips[i].used && !memcmp(p->vips[i].addr, addr, sizeof(p->vips[i].addr)))
			return true;
	return false;
}

/* Any global address of the other family: of the device that leads there, if it has one. */
static bool other_source(const struct plane *p, const struct target *t, __be32 *from)
{
	__u32 dev = paths_device(p, p->backends[t->backend].path);
	int family = addr_is_ipv4(t->addr) ? AF_INET : AF_INET6;
	struct ifaddrs *all, *a;
	__be32 addr[XR_ADDR_WORDS];
	bool found = false;

	if (getifaddrs(&all))
		return false;
	for (a = all; a; a = a->ifa_next) {
		if (!a->ifa_addr || a->ifa_addr->sa_family != family ||
		    a->ifa_flags & IFF_LOOPBACK || !(a->ifa_flags & IFF_UP))
			continue;
		sockaddr_to_addr(a->ifa_addr, addr);
		if ((family == AF_INET6 && ntohl(addr[0]) >> 22 == 0xfe80 >> 6) || is_vip(p, addr))
			continue;
		if (found && if_nametoindex(a->ifa_name) != dev)
			continue;
		memcpy(from, addr, sizeof(addr));
		found = true;
		if (if_nametoindex(a->ifa_name) == dev)
			break;
	}
	freeifaddrs(all);
	return found;
}

int target_source(struct prober *pr, struct target *t, struct xr_err *err)
{
	const struct plane *p = pr->d->plane;
	const __be32 *to = p->backend_info[t->backend].addr, *given = check_of(pr, t)->source;
	bool v4 = addr_is_ipv4(t->addr);

	if (t->has_source)
		return 0;
	if (!addr_is_zero(given) && addr_is_ipv4(given) == v4) {
		memcpy(t->source, given, sizeof(t->source));
		t->has_source = true;
	} else {
		t->has_source = (addr_is_ipv4(to) == v4 && routed_source(to, t->source) &&
				 !is_vip(p, t->source)) ||
			other_source(p, t, t->source);
	}
	if (t->has_source)
		return 0;
	return xr_fail(
		err, -EADDRNOTAVAIL,
		"this machine has no IPv%d address to probe from; \"xroam health set %s source ADDR\"",
		v4 ? 4 : 6, check_of(pr, t)->name);
}
