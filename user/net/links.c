// SPDX-License-Identifier: GPL-2.0-only
/* Devices: what there is, of what kind, and their counters. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/text.h"
#include "links.h"

#define TRIES 3 /* the list changed while it was read */

/* IFF_LOWER_UP, which <net/if.h> lacks, is the carrier; IFF_RUNNING comes a little later. */
#define RUNNING (IFF_UP | IFF_RUNNING | 1U << 16)

static enum link_kind kind_of(const char *word)
{
	static const struct {
		const char *word;
		enum link_kind kind;
	} kinds[] = {
		{ "bridge", LINK_BRIDGE }, { "vxlan", LINK_VXLAN },
		{ "tun", LINK_TUN },       { "ipip", LINK_TUNNEL },
		{ "sit", LINK_TUNNEL },    { "ip6tnl", LINK_TUNNEL },
		{ "gre", LINK_TUNNEL },    { "gretap", LINK_TUNNEL },
		{ "ip6gre", LINK_TUNNEL }, { "ip6gretap", LINK_TUNNEL },
		{ "erspan", LINK_TUNNEL }, { "ip6erspan", LINK_TUNNEL },
		{ "vti", LINK_TUNNEL },    { "vti6", LINK_TUNNEL },
		{ "geneve", LINK_TUNNEL }, { "veth", LINK_PAIR },
		{ "netkit", LINK_PAIR },   { "bond", LINK_BOND },
		{ "team", LINK_BOND },     { "vrf", LINK_VRF },
	};
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].word, word))
			return kinds[i].kind;
	return LINK_OTHER;
}

static void get_vxlan(const struct nlattr *a, struct link *l)
{
	switch (mnl_attr_get_type(a)) {
	case IFLA_VXLAN_ID:
		l->vni = mnl_attr_get_u32(a);
		break;
	case IFLA_VXLAN_PORT:
		l->port = mnl_attr_get_u16(a);
		break;
	case IFLA_VXLAN_COLLECT_METADATA:
		l->any_vni = mnl_attr_get_u8(a);
		break;
	case IFLA_VXLAN_UDP_ZERO_CSUM6_RX:
		l->zero6 = mnl_attr_get_u8(a);
		break;
	case IFLA_VXLAN_GROUP6:
		l->ipv6 = true;
		break;
	case IFLA_VXLAN_LOCAL6:
		l->ipv6 = true;
		/* fallthrough */
	case IFLA_VXLAN_LOCAL:
		netlink_get_addr(a, l->vtep);
		break;
	}
}

static void get_kind(const struct nlattr *info, struct link *l)
{
	const struct nlattr *a, *b, *data = NULL;

	mnl_attr_for_each_nested(a, info) {
		if (mnl_attr_get_type(a) == IFLA_INFO_DATA)
			data = a;
		if (mnl_attr_get_type(a) == IFLA_INFO_KIND)
			strncpy(l->type, mnl_attr_get_str(a), sizeof(l->type) - 1);
	}
	l->kind = kind_of(l->type);
	if (!data)
		return;
	mnl_attr_for_each_nested(b, data) {
		if (!strcmp(l->type, "vlan") && mnl_attr_get_type(b) == IFLA_VLAN_ID)
			l->vid = mnl_attr_get_u16(b);
		if (!strcmp(l->type, "vlan") && mnl_attr_get_type(b) == IFLA_VLAN_PROTOCOL)
			l->tpid = mnl_attr_get_u16(b);
		if (l->kind == LINK_VXLAN)
			get_vxlan(b, l);
		if (l->kind == LINK_BRIDGE && mnl_attr_get_type(b) == IFLA_BR_VLAN_FILTERING)
			l->filters = mnl_attr_get_u8(b);
		if (l->kind == LINK_BRIDGE && mnl_attr_get_type(b) == IFLA_BR_VLAN_PROTOCOL)
			l->tpid = mnl_attr_get_u16(b);
	}
}

/* "pf0vf3", "c1pf0sf7": a virtual function's; the card's own is "p0". */
static bool is_representor(const char *port)
{
	const char *pf = strstr(port, "pf");

	pf = pf ? pf + 2 + strspn(pf + 2, "0123456789") : "";
	return !strncmp(pf, "vf", 2) || !strncmp(pf, "sf", 2);
}

static void get_link(const struct nlmsghdr *nlh, struct link *l)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a;

	memset(l, 0, sizeof(*l));
	l->ifindex = ifi->ifi_index;
	l->ethernet = ifi->ifi_type == ARPHRD_ETHER;
	l->running = (ifi->ifi_flags & RUNNING) == RUNNING;
	mnl_attr_for_each(a, nlh, sizeof(*ifi)) {
		switch (mnl_attr_get_type(a)) {
		case IFLA_IFNAME:
			strncpy(l->name, mnl_attr_get_str(a), sizeof(l->name) - 1);
			break;
		case IFLA_ADDRESS:
			if (mnl_attr_get_payload_len(a) == sizeof(l->mac))
				memcpy(l->mac, mnl_attr_get_payload(a), sizeof(l->mac));
			break;
		case IFLA_MASTER:
			l->master = mnl_attr_get_u32(a);
			break;
		case IFLA_LINK:
			l->lower = mnl_attr_get_u32(a);
			break;
		case IFLA_TXQLEN:
			l->queue = mnl_attr_get_u32(a);
			break;
		case IFLA_LINKINFO:
			get_kind(a, l);
			break;
		case IFLA_PHYS_PORT_NAME:
			l->representor = is_representor(mnl_attr_get_str(a));
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
		ret = netlink_request(nl, on_link, l);
	}
	return ret;
}

static int on_vlans(const struct nlmsghdr *nlh, void *ctx)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct bridge_vlan_info *v;
	const struct nlattr *a, *b;
	struct links *l = ctx;
	size_t i;

	for (i = 0; i < l->n; i++)
		if (l->link[i].ifindex == (__u32)ifi->ifi_index)
			break;
	mnl_attr_for_each(a, nlh, sizeof(*ifi)) {
		if (i == l->n || (mnl_attr_get_type(a) & NLA_TYPE_MASK) != IFLA_AF_SPEC)
			continue;
		mnl_attr_for_each_nested(b, a) {
			v = mnl_attr_get_payload(b);
			if (mnl_attr_get_type(b) == IFLA_BRIDGE_VLAN_INFO &&
			    mnl_attr_get_payload_len(b) >= sizeof(*v) &&
			    v->flags & BRIDGE_VLAN_INFO_PVID)
				l->link[i].pvid = v->vid;
		}
	}
	return MNL_CB_OK;
}

int links_pvids(struct netlink *nl, struct links *l)
{
	struct nlmsghdr *nlh = netlink_message(nl, RTM_GETLINK, NLM_F_DUMP);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	size_t i;

	for (i = 0; i < l->n; i++)
		l->link[i].pvid = 0;
	ifi->ifi_family = AF_BRIDGE;
	mnl_attr_put_u32(nlh, IFLA_EXT_MASK, RTEXT_FILTER_BRVLAN);
	return netlink_request(nl, on_vlans, l);
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

static int rank_of(const struct link *k, const __be32 *vtep)
{
	static const __be32 none[4];
	int rank = 1;

	if (vtep && !memcmp(k->vtep, vtep, sizeof(k->vtep)))
		rank = 5;
	else if (!vtep || !memcmp(k->vtep, none, sizeof(none)))
		rank = 3;
	return rank + !!k->master;
}

const struct link *links_by_vni(const struct links *l, __u32 vni, const __be32 *vtep)
{
	const struct link *found = NULL, *k;
	size_t i;

	for (i = 0; i < l->n; i++) {
		k = &l->link[i];
		if (k->kind == LINK_VXLAN && k->vni == vni &&
		    (!found || rank_of(k, vtep) > rank_of(found, vtep)))
			found = k;
	}
	return found;
}

const char *link_deaf(const struct link *vxlan, const __be32 *addr, __u16 port,
		      char words[LINK_DEAF])
{
	const char *why = NULL;

	if (ntohs(vxlan->port) != port) {
		snprintf(words, LINK_DEAF, "%s listens at UDP port %u, not %u (dstport)",
			 vxlan->name, ntohs(vxlan->port), port);
		return words;
	}
	if (vxlan->ipv6 && addr_is_ipv4(addr))
		why = "listens for IPv6 only";
	else if (!vxlan->ipv6 && !addr_is_ipv4(addr))
		why = "listens for IPv4 only: give it an IPv6 \"local\", and udp6zerocsumrx";
	else if (vxlan->ipv6 && !vxlan->zero6)
		why = "drops what has no UDP checksum: make it with udp6zerocsumrx";
	if (why)
		snprintf(words, LINK_DEAF, "%s %s", vxlan->name, why);
	return why ? words : NULL;
}

const char *link_no_port(const struct link *l, char words[LINK_WORDS])
{
	if (!l->ethernet)
		return "no Ethernet device";
	/* A dummy's frames go nowhere. */
	if (l->kind == LINK_TUN || l->kind == LINK_PAIR || !strcmp(l->type, "dummy") ||
	    (!l->type[0] && l->representor))
		return NULL;
	if (!l->type[0])
		return "a network card";
	snprintf(words, LINK_WORDS, "of kind %s", l->type);
	return words;
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
	if (l->ifindex && !ioctl(fd, SIOCGIFHWADDR, &req) &&
	    req.ifr_hwaddr.sa_family == ARPHRD_ETHER)
		memcpy(l->mac, req.ifr_hwaddr.sa_data, sizeof(l->mac));
	if (fd >= 0)
		close(fd);
	return l->ifindex;
}

bool link_indexed(__u32 ifindex, struct link *l)
{
	char name[IF_NAMESIZE];

	return ifindex && if_indextoname(ifindex, name) && link_named(name, l) &&
		l->ifindex == ifindex;
}

bool link_is_tap(struct link *l)
{
	char path[64];
	int index = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/net/%s/ifindex", l->name);
	f = fopen(path, "re");
	if (f && fscanf(f, "%d", &index) != 1)
		index = 0;
	if (f)
		fclose(f);
	snprintf(path, sizeof(path), "/sys/class/net/%s/tun_flags", l->name);
	/* What is mounted there may be another namespace's. */
	if (index != (int)l->ifindex || access(path, F_OK))
		return false;
	l->kind = LINK_TUN;
	return true;
}

static int on_one(const struct nlmsghdr *nlh, void *ctx)
{
	get_link(nlh, ctx);
	return MNL_CB_OK;
}

bool link_query(struct netlink *nl, struct link *l)
{
	struct nlmsghdr *nlh = netlink_message(nl, RTM_GETLINK, 0);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_index = l->ifindex;
	return !netlink_request(nl, on_one, l);
}

int link_set_queue(struct netlink *nl, __u32 ifindex, __u32 queue)
{
	struct nlmsghdr *nlh = netlink_message(nl, RTM_NEWLINK, 0);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_index = ifindex;
	mnl_attr_put_u32(nlh, IFLA_TXQLEN, queue);
	return netlink_request(nl, NULL, NULL);
}
