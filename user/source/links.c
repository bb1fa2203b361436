// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices and addresses that come and go, and routes and neighbours that change, in the
 * daemon's network namespace. Next hops follow within a moment; without the daemon the
 * data plane finds out after two seconds.
 *
 * Netlink messages only set bits (dirty) and touch next hops. A pass, some milliseconds
 * later, does what these ask for.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "devices/devices.h"
#include "apply/instance.h"
#include "host/hops.h"
#include "lib/netns.h"
#include "net/links.h"
#include "source_priv.h"
#include "underlay/ends.h"
#include "underlay/vip_own.h"

#define SOON         (20 * US_PER_MS) /* one change seldom comes alone */
#define SHARE        20               /* after a pass: a pause of 20 times its time */
#define HOPS_AT_ONCE 64

/* What a pass must do. */
#define DIRTY_HOPS      (1U << 0) /* the next hops that were touched */
#define DIRTY_LINKS     (1U << 1) /* tc programs, ports, own MACs, bridges */
#define DIRTY_ADDRESSES (1U << 2) /* tunnel ends */
#define DIRTY_VIPS      (1U << 3) /* VIPs' own addresses and routes */

struct watch {
	struct daemon *d;
	struct mnl_socket *nl;
	sd_event_source *io, *timer;
	struct hops *hops;
	unsigned int dirty;
	uint64_t not_before; /* the next pass */
	/* By slot of plane->devices: what the programs were loaded for. */
	__u32 ifindex[XR_MAX_DEVICES], master[XR_MAX_DEVICES];
};

/* A pass, soon. */
static void schedule_pass(struct watch *w)
{
	uint64_t now, when;

	sd_event_now(w->d->chores, CLOCK_MONOTONIC, &now);
	when = now + SOON > w->not_before ? now + SOON : w->not_before;
	timer_at_us(w->timer, when);
}

/* ---- what changed ---- */

static void on_neighbour(struct watch *w, const struct nlmsghdr *nlh)
{
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(nlh);
	__be32 addr[XR_ADDR_WORDS] = { 0, 0, htonl(0xffff), 0 };
	bool kept = nlh->nlmsg_type == RTM_NEWNEIGH && netlink_neigh_is_kept(nlh);
	const struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(*ndm)) {
		if (mnl_attr_get_type(a) != NDA_DST)
			continue;
		netlink_get_addr(a, addr);
		hops_touch(w->hops, ndm->ndm_ifindex, addr, kept ? netlink_neigh_mac(nlh) : NULL);
	}
}

static int on_message(const struct nlmsghdr *nlh, void *ctx)
{
	struct watch *w = ctx;

	switch (nlh->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		w->dirty |= DIRTY_LINKS;
		hops_touch_all(w->hops);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		w->dirty |= DIRTY_ADDRESSES | DIRTY_VIPS;
		break;
	case RTM_DELROUTE:
	case RTM_NEWROUTE:
		hops_touch_all(w->hops);
		break;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		on_neighbour(w, nlh);
		break;
	}
	return MNL_CB_OK;
}

static int on_netlink(sd_event_source *s, int fd, uint32_t revents, void *ctx)
{
	struct watch *w = ctx;
	unsigned int before = w->dirty;

	(void)s;
	(void)revents;
	if (netlink_reports(fd, on_message, w)) {
		w->dirty |= DIRTY_LINKS | DIRTY_VIPS;
		hops_touch_all(w->hops);
	}
	if (hops_touched(w->hops))
		w->dirty |= DIRTY_HOPS;
	/* A pass for the same reason is scheduled already. */
	if (w->dirty & ~before)
		schedule_pass(w);
	return 0;
}

/* ---- the pass: what follows from it ---- */

static bool is_node_here(const struct xr_device *d, __u64 here)
{
	return d->ifindex && d->role == XR_ROLE_NODE && d->netns == here;
}

/* Remembers the bridges that node devices are ports of; true: others than before. */
static bool masters_changed(struct watch *w)
{
	struct plane *p = w->d->plane;
	__u64 here = netns_id();
	struct links links = { 0 };
	struct netlink nl = { 0 };
	bool changed = false;
	int i;

	if (netlink_open(&nl) || links_read(&nl, &links))
		goto out;
	for (i = 0; i < XR_MAX_DEVICES; i++) {
		__u32 ifindex = p->devices[i].ifindex;
		const struct link *l;

		if (!is_node_here(&p->devices[i], here))
			continue;
		l = links_by_index(&links, ifindex);
		if (!l)
			continue;
		/* A device that was attached since was attached for its bridge of now. */
		changed |= ifindex == w->ifindex[i] && l->master != w->master[i];
		w->ifindex[i] = ifindex;
		w->master[i] = l->master;
	}
out:
	links_free(&links);
	netlink_close(&nl);
	return changed;
}

static void log_failure(void *ctx, const char *line)
{
	daemon_log(ctx, "%s", line);
}

static void addresses_changed(struct watch *w)
{
	struct xr_err err = { "" };

	if (ends_refresh(w->d->plane, &err))
		daemon_log(w->d, "%s", err.text);
}

static void links_changed(struct watch *w)
{
	struct plane *p = w->d->plane;
	struct xr_err err = { "" };

	if (masters_changed(w) && p->meta->features & XR_FEATURE_HOSTS) {
		daemon_log(w->d, "a device changed its bridge: reloading the programs");
		if (devices_reload(p, &err))
			daemon_log(w->d, "%s", err.text);
	}
	plane_follow_names(p, devices_changed);
	hops_touch_named(w->hops);
	devices_refresh(p, log_failure, w->d);
}

static void pass(struct watch *w)
{
	unsigned int dirty = w->dirty;

	w->dirty = 0;
	if (dirty & DIRTY_LINKS)
		links_changed(w);
	else if (dirty & DIRTY_ADDRESSES)
		addresses_changed(w);
	if (dirty & DIRTY_VIPS)
		vip_own_refresh(w->d->plane, 0);
	if (hops_refresh(w->hops, HOPS_AT_ONCE))
		w->dirty |= DIRTY_HOPS;
}

static int on_timer(sd_event_source *s, uint64_t usec, void *ctx)
{
	struct watch *w = ctx;
	uint64_t began = daemon_clock_us(), ended;

	(void)s;
	(void)usec;
	if (daemon_begin(w->d, NULL))
		return 0;
	pass(w);
	daemon_end(w->d);
	ended = daemon_clock_us();
	w->not_before = ended + (ended - began) * SHARE;
	if (w->dirty)
		schedule_pass(w);
	return 0;
}

/* ---- its life ---- */

static int subscribe(struct watch *w)
{
	static const int groups[] = {
		RTNLGRP_LINK,       RTNLGRP_NEIGH,       RTNLGRP_IPV4_ROUTE,
		RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR
	};

	w->nl = netlink_subscribe(groups, sizeof(groups) / sizeof(groups[0]));
	return w->nl ? 0 : -errno;
}

static void stop(void *state)
{
	struct watch *w = state;

	sd_event_source_disable_unref(w->io);
	sd_event_source_disable_unref(w->timer);
	if (w->nl)
		mnl_socket_close(w->nl);
	hops_free(w->hops);
	free(w);
}

static int start(struct daemon *d, void **state, struct xr_err *err)
{
	struct watch *w = calloc(1, sizeof(*w));
	int ret;

	if (!w)
		return xr_fail(err, -ENOMEM, "out of memory");
	w->d = d;
	w->hops = hops_new(d->plane);
	ret = w->hops ? subscribe(w) : -ENOMEM;
	if (!ret)
		ret = sd_event_add_io(d->chores, &w->io, mnl_socket_get_fd(w->nl), EPOLLIN,
				      on_netlink, w);
	if (ret >= 0)
		ret = sd_event_add_time(d->chores, &w->timer, CLOCK_MONOTONIC, 0, US_PER_MS,
					on_timer, w);
	if (ret >= 0)
		ret = sd_event_source_set_enabled(w->timer, SD_EVENT_OFF);
	if (ret < 0) {
		xr_fail(err, ret, "watching devices: %s", strerror(-ret));
		stop(w);
		return ret;
	}
	masters_changed(w);
	/* What changed while nobody watched; at VIPs' routes looks source_serving. */
	hops_touch_all(w->hops);
	w->dirty = DIRTY_LINKS | DIRTY_HOPS;
	schedule_pass(w);
	*state = w;
	return 0;
}

const struct source source_links = {
	.name = "links",
	.start = start,
	.stop = stop,
};
