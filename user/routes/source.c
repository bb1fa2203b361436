// SPDX-License-Identifier: GPL-2.0-only
/*
 * When the routes are looked at. Moves and what the kernel reports have it done at once, and
 * everything else is found by a look a second; what a look takes decides how long the pause
 * after it is. A look runs under the instance's lock.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/figures.h"
#include "routes_priv.h"
#include "underlay/host_routes.h"

#define SHARE      4  /* after a look: a pause of 4 times its time, ... */
#define SHARE_IDLE 50 /* ... where nothing happens of 50 times, and of a second at least */

/* ---- a look ---- */

/* Two that write the same routes would take away each other's. */
static bool is_claimed(struct vm_routes *v)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int len, fd;

	if (v->claim >= 0)
		return true;
	len = snprintf(at.sun_path + 1, sizeof(at.sun_path) - 1, "xroam/vm_routes/%u/%u",
		       v->in.table, v->in.metric);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	if (bind(fd, (void *)&at, offsetof(struct sockaddr_un, sun_path) + 1 + len)) {
		close(fd);
		return false;
	}
	v->claim = fd;
	return true;
}

/* Those of the key that was, by whichever daemon, go; then these are noted. */
static bool is_begun(struct vm_routes *v)
{
	struct xr_err err = { "" };
	struct host_routes had;
	bool noted = host_routes_noted(v->d->instance, &had);

	if (!is_claimed(v)) {
		problem_add(
			&v->lines,
			"vm_routes: table %u, metric %u: another daemon of this network namespace has them; give each a metric of its own",
			v->in.table, v->in.metric);
		return false;
	}
	if (noted && had.table == v->in.table && had.metric == v->in.metric)
		return true;
	host_routes_sweep(v->d->instance);
	if (!host_routes_note(v->d->instance, &v->in, &err))
		return true;
	problem_add(&v->lines, "vm_routes: %s", err.text);
	return false;
}

static void look(struct vm_routes *v)
{
	bool good = is_begun(v);

	if (good && v->again && v->again <= v->now) {
		v->again = v->searched = 0;
		v->links++;
	}
	if (good && v->stale)
		routes_read_kernel(v);
	if (good && !v->stale && routes_find_wanted(v))
		routes_make_equal(v);
	figures_set_source(v->d->figures, v->figure, good);
}

static void look_and_plan(struct vm_routes *v)
{
	uint64_t took, ended;

	v->now = daemon_clock_us();
	v->next = UINT64_MAX;
	v->unfinished = false;
	v->lines = (struct problem_lines){ .used = 0 };
	v->named = 0;
	look(v);
	if (!v->unfinished)
		daemon_set_problems(v->d, "vm_routes", v->lines.text);
	ended = daemon_clock_us();
	took = ended - v->now;
	v->not_before = ended + SHARE * took;
	took = SHARE_IDLE * took < US_PER_SECOND ? US_PER_SECOND : SHARE_IDLE * took;
	if (v->next > ended + took)
		v->next = ended + took;
	if (v->unfinished || v->next < v->not_before)
		v->next = v->not_before;
	timer_at_us(v->timer, v->next);
}

static void look_soon(struct vm_routes *v)
{
	uint64_t now = daemon_clock_us();

	if (v->conf.given)
		timer_at_us(v->timer, now > v->not_before ? now : v->not_before);
}

static int on_timer(sd_event_source *s, uint64_t usec, void *ctx)
{
	struct vm_routes *v = ctx;

	(void)usec;
	if (!v->conf.given)
		return 0;
	if (daemon_begin(v->d, NULL))
		return timer_in_us(s, US_PER_SECOND);
	look_and_plan(v);
	daemon_end(v->d);
	return 0;
}

/* ---- what has one made at once ---- */

static void moved(void *state, const struct xr_event *e, __u32 vm_index)
{
	(void)e;
	(void)vm_index;
	look_soon(state);
}

static int on_message(const struct nlmsghdr *nlh, void *ctx)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct vm_routes *v = ctx;

	if (nlh->nlmsg_type == RTM_NEWLINK || nlh->nlmsg_type == RTM_DELLINK) {
		/* With a device the kernel takes away routes, and does not report those. */
		v->stale = true;
		v->links++;
	} else if (nlh->nlmsg_type == RTM_DELROUTE && rtm->rtm_protocol == XR_RTPROT_VM) {
		v->stale |= nlh->nlmsg_pid != mnl_socket_get_portid(v->nl.sock);
	}
	return MNL_CB_OK;
}

static int on_report(sd_event_source *s, int fd, uint32_t revents, void *ctx)
{
	struct vm_routes *v = ctx;

	(void)s;
	(void)revents;
	if (netlink_reports(fd, on_message, v)) {
		v->stale = true;
		v->links++;
	}
	if (v->stale)
		look_soon(v);
	return 0;
}

/* ---- its life ---- */

static void end_watch(struct vm_routes *v)
{
	v->io = sd_event_source_disable_unref(v->io);
	if (v->reports)
		mnl_socket_close(v->reports);
	v->reports = NULL;
	netlink_close(&v->nl);
	v->nl.sock = NULL;
	if (v->claim >= 0)
		close(v->claim);
	v->claim = -1;
	figures_drop_source(v->d->figures, v->figure);
	v->figure = -1;
	free(v->list.route);
	v->list = (struct list){ 0 };
	daemon_set_problems(v->d, "vm_routes", "");
}

static int begin_watch(struct vm_routes *v)
{
	static const int groups[] = { RTNLGRP_LINK, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE };
	char name[32];
	int ret = netlink_open(&v->nl);

	if (ret)
		return ret;
	v->reports = netlink_subscribe(groups, sizeof(groups) / sizeof(groups[0]));
	if (!v->reports)
		return -errno;
	ret = sd_event_add_io(v->d->top, &v->io, mnl_socket_get_fd(v->reports), EPOLLIN, on_report,
			      v);
	if (ret < 0)
		return ret;
	snprintf(name, sizeof(name), "table %u metric %u", v->in.table, v->in.metric);
	v->figure = figures_add_source(v->d->figures, "vm_routes", name);
	v->stale = true;
	v->links++;
	look_soon(v);
	return 0;
}

static int follow_key(struct vm_routes *v, struct xr_err *err)
{
	int ret = 0;

	v->conf = v->d->model.vm_routes;
	v->in = (struct host_routes){ v->conf.table, v->conf.metric };
	if (v->conf.given)
		ret = begin_watch(v);
	else
		host_routes_sweep(v->d->instance);
	return ret < 0 ? xr_fail(err, ret, "vm_routes: %s", strerror(-ret)) : 0;
}

static int reload(struct daemon *d, void *state, struct xr_err *err)
{
	struct vm_routes *v = state;

	(void)d;
	end_watch(v);
	return follow_key(v, err);
}

/* The routes stay: VMs are here as before, whether a daemon runs or not. */
static void stop(void *state)
{
	struct vm_routes *v = state;

	end_watch(v);
	sd_event_source_disable_unref(v->timer);
	free(v);
}

static int start(struct daemon *d, void **state, struct xr_err *err)
{
	struct vm_routes *v = calloc(1, sizeof(*v));
	int ret;

	if (!v)
		return xr_fail(err, -ENOMEM, "out of memory");
	v->d = d;
	v->claim = v->figure = -1;
	ret = sd_event_add_time(d->chores, &v->timer, CLOCK_MONOTONIC, 0, US_PER_MS, on_timer, v);
	if (ret >= 0)
		ret = sd_event_source_set_enabled(v->timer, SD_EVENT_OFF);
	if (ret < 0)
		xr_fail(err, ret, "vm_routes: %s", strerror(-ret));
	else
		ret = follow_key(v, err);
	if (ret < 0) {
		stop(v);
		return ret;
	}
	/* A move that was done is to be announced before chores that can wait. */
	sd_event_source_set_priority(v->timer, SD_EVENT_PRIORITY_IMPORTANT);
	*state = v;
	return 0;
}

const struct source source_vm_routes = {
	.name = "vm_routes",
	.start = start,
	.stop = stop,
	.reload = reload,
	.moved = moved,
};
