// SPDX-License-Identifier: GPL-2.0-only
/*
 * Withdraws and announces VIPs as what they serve by comes and goes: a device's program, its
 * carrier, a route of ours that somebody deletes. The kernel's report of it is acted on where
 * it is read. Changes by command are the command's own to act on; once a second this looks
 * all the same, for what the kernel does not report.
 *
 * A pass runs in the daemon's own loop, under the instance's lock. While somebody else has
 * that, what can be done without it is: withdrawing, where no device takes packets.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "net/links.h"
#include "serve/serve.h"
#include "source_priv.h"
#include "underlay/vip_announced.h"
#include "underlay/vip_own.h"

#define LOCK_PAUSE (10 * US_PER_MS) /* before the lock is tried again */
#define SHARE      4                /* after a pass: a pause of 4 times its time, ... */
#define REST_MOST  (40 * US_PER_MS) /* ... or so long */

struct serving {
	struct daemon *d;
	struct mnl_socket *nl;
	sd_event_source *io, *timer;
	bool link_changed;   /* a device of ours */
	bool routes_lost;    /* a route of ours was deleted */
	uint64_t due;        /* the next pass */
	uint64_t not_before; /* it must not come earlier */
};

static void pass_at(struct serving *s, uint64_t when)
{
	s->due = when > s->not_before ? when : s->not_before;
	timer_at_us(s->timer, s->due);
}

/* ---- what changed ---- */

static bool is_ours(const struct serving *s, const struct ifinfomsg *ifi)
{
	const struct xr_device *d = NULL;

	while ((d = plane_next_device(s->d->plane, d)))
		if (d->ifindex == (__u32)ifi->ifi_index)
			return true;
	return false;
}

static int on_message(const struct nlmsghdr *nlh, void *ctx)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct serving *s = ctx;

	if (nlh->nlmsg_type == RTM_DELROUTE)
		s->routes_lost |= rtm->rtm_protocol == XR_RTPROT_VIP;
	else if (nlh->nlmsg_type == RTM_NEWLINK || nlh->nlmsg_type == RTM_DELLINK)
		s->link_changed |= is_ours(s, mnl_nlmsg_get_payload(nlh));
	return MNL_CB_OK;
}

/* ---- the pass ---- */

static void pass(struct serving *s)
{
	if (s->routes_lost)
		vip_own_refresh(s->d->plane, 0);
	else
		vip_own_follow(s->d->plane);
	s->routes_lost = false;
}

/* When what waits is due, but in a second at most. */
static uint64_t next_pass(const struct serving *s, uint64_t now)
{
	uint64_t next = vip_announced_next(s->d->plane) * US_PER_MS;

	return next && next < now + US_PER_SECOND ? next : now + US_PER_SECOND;
}

static void look(struct serving *s)
{
	uint64_t began = daemon_clock_us(), ended, rest;
	int ret;

	s->link_changed = false;
	if (!s->routes_lost && !serve_is_asked(s->d->plane)) {
		pass_at(s, began + US_PER_SECOND);
		return;
	}
	ret = daemon_begin(s->d, NULL);
	if (!ret) {
		pass(s);
		daemon_end(s->d);
	} else if (ret == -ENODEV) {
		vip_own_sweep(); /* the instance is gone */
		return;
	} else {
		vip_own_withdraw(s->d->plane);
	}
	ended = daemon_clock_us();
	rest = (ended - began) * SHARE;
	s->not_before = ended + (rest < REST_MOST ? rest : REST_MOST);
	pass_at(s, ret ? ended + LOCK_PAUSE : next_pass(s, ended));
}

static int on_timer(sd_event_source *source, uint64_t usec, void *ctx)
{
	(void)source;
	(void)usec;
	look(ctx);
	return 0;
}

static int on_netlink(sd_event_source *source, int fd, uint32_t revents, void *ctx)
{
	struct serving *s = ctx;

	(void)source;
	(void)revents;
	s->routes_lost |= netlink_reports(fd, on_message, s);
	if (!s->link_changed && !s->routes_lost)
		return 0;
	if (daemon_clock_us() < s->not_before)
		pass_at(s, s->not_before);
	else
		look(s);
	return 0;
}

/* ---- its life ---- */

static int subscribe(struct serving *s)
{
	static const int groups[] = { RTNLGRP_LINK, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE };

	s->nl = netlink_subscribe(groups, sizeof(groups) / sizeof(groups[0]));
	return s->nl ? 0 : -errno;
}

static void stop(void *state)
{
	struct serving *s = state;

	sd_event_source_disable_unref(s->io);
	sd_event_source_disable_unref(s->timer);
	if (s->nl)
		mnl_socket_close(s->nl);
	free(s);
}

static int start(struct daemon *d, void **state, struct xr_err *err)
{
	struct serving *s = calloc(1, sizeof(*s));
	int ret;

	if (!s)
		return xr_fail(err, -ENOMEM, "out of memory");
	s->d = d;
	ret = subscribe(s);
	if (!ret)
		ret = sd_event_add_io(d->top, &s->io, mnl_socket_get_fd(s->nl), EPOLLIN, on_netlink,
				      s);
	if (ret >= 0)
		ret = sd_event_add_time(d->top, &s->timer, CLOCK_MONOTONIC, 0, US_PER_MS, on_timer,
					s);
	if (ret < 0) {
		xr_fail(err, ret, "watching what VIPs serve by: %s", strerror(-ret));
		stop(s);
		return ret;
	}
	/* Before chores, one of which may take long. */
	sd_event_source_set_priority(s->io, SD_EVENT_PRIORITY_IMPORTANT);
	sd_event_source_set_priority(s->timer, SD_EVENT_PRIORITY_IMPORTANT);
	/* What happened while nobody watched, and routes that somebody deleted meanwhile. */
	s->routes_lost = true;
	pass_at(s, daemon_clock_us());
	*state = s;
	return 0;
}

const struct source source_serving = {
	.name = "serving",
	.start = start,
	.stop = stop,
};
