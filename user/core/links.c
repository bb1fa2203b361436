// SPDX-License-Identifier: GPL-2.0-only
/* Devices: what there is, of what kind, and their counters. */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "links.h"

#define TRIES 3		/* the list changed while it was read */

static void get_kind(const struct nlattr *info, struct link *l)
{
	const struct nlattr *a, *b, *data = NULL;

	mnl_attr_for_each_nested(a, info) {
		if (mnl_attr_get_type(a) == IFLA_INFO_DATA)
			data = a;
		if (mnl_attr_get_type(a) != IFLA_INFO_KIND)
			continue;
		if (!strcmp(mnl_attr_get_str(a), "bridge"))
			l->kind = LINK_BRIDGE;
		else if (!strcmp(mnl_attr_get_str(a), "vxlan"))
			l->kind = LINK_VXLAN;
		else if (!strcmp(mnl_attr_get_str(a), "tun"))
			l->kind = LINK_TUN;
	}
	if (!data)
		return;
	mnl_attr_for_each_nested(b, data) {
		if (l->kind == LINK_VXLAN && mnl_attr_get_type(b) == IFLA_VXLAN_ID)
			l->vni = mnl_attr_get_u32(b);
		if (l->kind == LINK_BRIDGE &&
		    mnl_attr_get_type(b) == IFLA_BR_VLAN_FILTERING)
			l->filters = mnl_attr_get_u8(b);
	}
}

static void get_link(const struct nlmsghdr *nlh, struct link *l)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a;

	memset(l, 0, sizeof(*l));
	l->ifindex = ifi->ifi_index;
	mnl_attr_for_each(a, nlh, sizeof(*ifi)) {
		switch (mnl_attr_get_type(a)) {
		case IFLA_IFNAME:
			strncpy(l->name, mnl_attr_get_str(a),
				sizeof(l->name) - 1);
			break;
		case IFLA_ADDRESS:
			if (mnl_attr_get_payload_len(a) == sizeof(l->mac))
				memcpy(l->mac, mnl_attr_get_payload(a),
				       sizeof(l->mac));
			break;
		case IFLA_MASTER:
			l->master = mnl_attr_get_u32(a);
			break;
		case IFLA_TXQLEN:
			l->queue = mnl_attr_get_u32(a);
			break;
		case IFLA_LINKINFO:
			get_kind(a, l);
			break;
		}
	}
}

static int on_link(const struct nlmsghdr *nlh, void *ctx)
{
	struct links *l = ctx;
	struct link *more;

	more = realloc(l->link, (l->n + 1) * sizeof(*more));
	if (!more) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	l->link = more;
	get_link(nlh, &l->link[l->n++]);
	return MNL_CB_OK;
}

int links_read(struct netlink *nl, struct links *l)
{
	struct nlmsghdr *nlh;
	int tries, ret = -EINTR;

	memset(l, 0, sizeof(*l));
	for (tries = 0; tries < TRIES && ret == -EINTR; tries++) {
		links_free(l);
		nlh = netlink_message(nl, RTM_GETLINK, NLM_F_DUMP);
		mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
		ret = netlink_talk(nl, on_link, l);
	}
	return ret;
}

void links_free(struct links *l)
{
	free(l->link);
	memset(l, 0, sizeof(*l));
}

const struct link *links_by_index(const struct links *l, __u32 ifindex)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		if (l->link[i].ifindex == ifindex)
			return &l->link[i];
	return NULL;
}

const struct link *links_by_name(const struct links *l, const char *name)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		if (!strcmp(l->link[i].name, name))
			return &l->link[i];
	return NULL;
}

const struct link *links_by_vni(const struct links *l, __u32 vni)
{
	const struct link *found = NULL, *k;
	size_t i;

	for (i = 0; i < l->n; i++) {
		k = &l->link[i];
		if (k->kind == LINK_VXLAN && k->vni == vni &&
		    (!found || (!found->master && k->master)))
			found = k;
	}
	return found;
}

/* ---- one device ---- */

bool link_named(const char *name, struct link *l)
{
	struct ifreq req = { .ifr_ifindex = 0 };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memset(l, 0, sizeof(*l));
	strncpy(l->name, name, sizeof(l->name) - 1);
	memcpy(req.ifr_name, l->name, sizeof(l->name));
	if (fd >= 0 && !ioctl(fd, SIOCGIFINDEX, &req))
		l->ifindex = req.ifr_ifindex;
	if (l->ifindex && !ioctl(fd, SIOCGIFTXQLEN, &req))
		l->queue = req.ifr_qlen;
	if (fd >= 0)
		close(fd);
	return l->ifindex;
}

bool link_indexed(__u32 ifindex, struct link *l)
{
	char name[IF_NAMESIZE];

	return ifindex && if_indextoname(ifindex, name) &&
	       link_named(name, l) && l->ifindex == ifindex;
}

int link_set_queue(struct netlink *nl, __u32 ifindex, __u32 queue)
{
	struct nlmsghdr *nlh = netlink_message(nl, RTM_NEWLINK, 0);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_index = ifindex;
	mnl_attr_put_u32(nlh, IFLA_TXQLEN, queue);
	return netlink_talk(nl, NULL, NULL);
}
