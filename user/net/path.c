// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xroam/hash.h>
#include "lib/text.h"
#include "netlink.h"
#include "path.h"

#define WAIT_MS     300 /* for neighbours to answer, all together */
#define POLL_MS     20
#define HOP_TICKS   2           /* after which the data plane looks into the FIB */
#define HOP_FOREVER 0x70000000U /* a MAC the operator gave */

/* ---- routes ---- */

struct route {
	__u32 ifindex;
	__u32 mtu;
	__u8 type;
	bool has_gateway, has_source;
	__be32 gateway[XR_ADDR_WORDS];
	__be32 source[XR_ADDR_WORDS];
};

static void get_via(const struct nlattr *a, struct route *r)
{
	const struct rtvia *via = mnl_attr_get_payload(a);
	size_t len = mnl_attr_get_payload_len(a);

	if (len < sizeof(*via) + 16 || via->rtvia_family != AF_INET6)
		return;
	memcpy(r->gateway, via->rtvia_addr, 16);
	r->has_gateway = true;
}

static int on_route(const struct nlmsghdr *nlh, void *ctx)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a, *m;
	struct route *r = ctx;

	r->type = rtm->rtm_type;
	mnl_attr_for_each(a, nlh, sizeof(*rtm)) {
		switch (mnl_attr_get_type(a)) {
		case RTA_OIF:
			r->ifindex = mnl_attr_get_u32(a);
			break;
		case RTA_GATEWAY:
			netlink_get_addr(a, r->gateway);
			r->has_gateway = true;
			break;
		case RTA_VIA:
			get_via(a, r);
			break;
		case RTA_PREFSRC:
			netlink_get_addr(a, r->source);
			r->has_source = true;
			break;
		case RTA_METRICS:
			mnl_attr_for_each_nested(m, a)
				if (mnl_attr_get_type(m) == RTAX_MTU)
					r->mtu = mnl_attr_get_u32(m);
			break;
		}
	}
	return MNL_CB_OK;
}

static int query_route_from(struct netlink *nl, const __be32 *addr, const __be32 *source, __u32 oif,
			    struct route *r)
{
	bool v4 = addr_is_ipv4(addr);
	struct nlmsghdr *nlh = netlink_message(nl, RTM_GETROUTE, 0);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));

	memset(r, 0, sizeof(*r));
	rtm->rtm_family = v4 ? AF_INET : AF_INET6;
	rtm->rtm_dst_len = v4 ? 32 : 128;
	netlink_put_addr(nlh, RTA_DST, addr);
	if (source) {
		rtm->rtm_src_len = rtm->rtm_dst_len;
		netlink_put_addr(nlh, RTA_SRC, source);
	}
	if (oif)
		mnl_attr_put_u32(nlh, RTA_OIF, oif);
	return netlink_request(nl, on_route, r);
}

/*
 * Routing rules may depend on the source. The kernel refuses a source that is no address
 * of this machine; the data plane's own look-up in the FIB uses it all the same.
 */
static int query_route(struct netlink *nl, const __be32 *addr, const __be32 *source, __u32 oif,
		       struct route *r)
{
	int ret = query_route_from(nl, addr, source, oif, r);

	return ret == -EINVAL && source ? query_route_from(nl, addr, NULL, oif, r) : ret;
}

/* ---- devices ---- */

struct device {
	__u8 mac[6];
	__u32 mtu;
	bool bridge;
};

static bool is_bridge(const struct nlattr *info)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, info)
		if (mnl_attr_get_type(a) == IFLA_INFO_KIND)
			return !strcmp(mnl_attr_get_str(a), "bridge");
	return false;
}

static int on_link(const struct nlmsghdr *nlh, void *ctx)
{
	struct device *l = ctx;
	const struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(struct ifinfomsg)) {
		if (mnl_attr_get_type(a) == IFLA_MTU)
			l->mtu = mnl_attr_get_u32(a);
		else if (mnl_attr_get_type(a) == IFLA_LINKINFO)
			l->bridge = is_bridge(a);
		else if (mnl_attr_get_type(a) == IFLA_ADDRESS &&
			 mnl_attr_get_payload_len(a) == sizeof(l->mac))
			memcpy(l->mac, mnl_attr_get_payload(a), sizeof(l->mac));
	}
	return MNL_CB_OK;
}

static int query_link(struct netlink *nl, __u32 ifindex, struct device *l)
{
	struct nlmsghdr *nlh = netlink_message(nl, RTM_GETLINK, 0);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	memset(l, 0, sizeof(*l));
	ifi->ifi_index = ifindex;
	return netlink_request(nl, on_link, l);
}

/* ---- neighbours ---- */

static struct nlmsghdr *neigh_message(struct netlink *nl, int type, int flags,
				      const struct path_job *j)
{
	struct nlmsghdr *nlh = netlink_message(nl, type, flags);
	struct ndmsg *ndm = mnl_nlmsg_put_extra_header(nlh, sizeof(*ndm));

	ndm->ndm_family = addr_is_ipv4(j->gateway) ? AF_INET : AF_INET6;
	ndm->ndm_ifindex = j->ifindex;
	netlink_put_addr(nlh, NDA_DST, j->gateway);
	return nlh;
}

static int on_neigh(const struct nlmsghdr *nlh, void *ctx)
{
	const __u8 *mac = netlink_neigh_mac(nlh);

	if (mac)
		memcpy(ctx, mac, 6);
	return MNL_CB_OK;
}

static int on_state(const struct nlmsghdr *nlh, void *ctx)
{
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(nlh);

	*(__u16 *)ctx = ndm->ndm_state;
	return MNL_CB_OK;
}

/* An entry that the operator made: to have it managed would undo that. */
static bool neigh_is_static(struct netlink *nl, const struct path_job *j)
{
	__u16 state = 0;

	neigh_message(nl, RTM_GETNEIGH, 0, j);
	return !netlink_request(nl, on_state, &state) && state & (NUD_PERMANENT | NUD_NOARP);
}

static int on_fdb(const struct nlmsghdr *nlh, void *ctx)
{
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(nlh);

	*(__u32 *)ctx = ndm->ndm_ifindex;
	return MNL_CB_OK;
}

/* The port of the bridge that leads to the next hop, whose MAC is known. */
static void query_bridge(struct netlink *nl, struct path_job *j)
{
	struct nlmsghdr *nlh = netlink_message(nl, RTM_GETNEIGH, 0);
	struct ndmsg *ndm = mnl_nlmsg_put_extra_header(nlh, sizeof(*ndm));
	__u32 port = 0;

	ndm->ndm_family = AF_BRIDGE;
	mnl_attr_put(nlh, NDA_LLADDR, sizeof(j->hop.dmac), j->hop.dmac);
	mnl_attr_put_u32(nlh, NDA_MASTER, j->ifindex);
	/* No port: the program sends out of the one that the frame came in by. */
	if (netlink_request(nl, on_fdb, &port) || !port || port == j->ifindex)
		return;
	j->hop.bridge = j->ifindex;
	j->hop.ifindex = port;
}

static bool query_neigh(struct netlink *nl, struct path_job *j)
{
	__u8 mac[6] = { 0 };

	neigh_message(nl, RTM_GETNEIGH, 0, j);
	if (netlink_request(nl, on_neigh, mac) || mac_is_zero(mac))
		return false;
	memcpy(j->hop.dmac, mac, 6);
	j->hop.ifindex = j->ifindex;
	j->hop.bridge = 0;
	if (j->by_bridge)
		query_bridge(nl, j);
	return true;
}

/*
 * Without use by the kernel itself an entry would go stale and be collected:
 * from 5.16 on the kernel keeps a managed one resolved; before, this resolves it once.
 */
static void keep_neigh(struct netlink *nl, const struct path_job *j)
{
	struct nlmsghdr *nlh;
	struct ndmsg *ndm;

	nlh = neigh_message(nl, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, j);
	mnl_attr_put_u32(nlh, XR_NDA_FLAGS_EXT, NTF_EXT_MANAGED);
	if (!netlink_request(nl, NULL, NULL))
		return;
	nlh = neigh_message(nl, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, j);
	ndm = mnl_nlmsg_get_payload(nlh);
	ndm->ndm_flags = NTF_USE;
	netlink_request(nl, NULL, NULL);
}

/* ---- paths ---- */

static __u16 tunnel_port(const struct xr_backend_info *b)
{
	if (b->port)
		return b->port;
	if (b->forward == XR_FORWARD_VXLAN)
		return XR_PORT_VXLAN;
	return b->forward == XR_FORWARD_GUE ? XR_PORT_GUE : 0;
}

/* The data plane replaces at most 31 bits. */
static __u8 clamp_bits(__u8 bits)
{
	return bits > 31 ? 31 : bits;
}

static void outer_source(struct path_job *j, const struct xr_policy *policy, const struct route *r)
{
	const struct xr_backend_info *b = j->info;
	struct xr_path *p = &j->path;
	bool v4 = addr_is_ipv4(b->addr);
	bool given = v4 ? policy->source4 != 0 : !addr_is_zero(policy->source6);

	if (j->source) {
		memcpy(p->saddr, j->source, sizeof(p->saddr));
		return;
	}
	/*
	 * IPIP has no ports: ECMP and a server's receive queues see the two
	 * addresses alone, so the source must vary. Between hosts it must not:
	 * it tells whose tunnel a packet came out of.
	 */
	if (r->has_source && (j->host || b->forward != XR_FORWARD_IPIP || !given)) {
		memcpy(p->saddr, r->source, sizeof(p->saddr));
		return;
	}
	if (!given) {
		/* Until there is a route; source_bits > 0 shows that it is not a route's address. */
		p->saddr[0] = v4 ? 0 : htonl(0x01000000); /* RFC 6666 */
		p->saddr[2] = v4 ? htonl(0xffff) : 0;
		p->saddr[3] = v4 ? htonl(0xac100000) : 0; /* 172.16.0.0 */
		p->source_bits = 16;
	} else if (v4) {
		p->saddr[2] = htonl(0xffff);
		p->saddr[3] = policy->source4;
		p->source_bits = clamp_bits(policy->source_bits);
	} else {
		memcpy(p->saddr, policy->source6, sizeof(p->saddr));
		p->source_bits = clamp_bits(policy->source6_bits);
	}
}

/* Octets between the Ethernet header and the client's IP header. */
static __u8 overhead_of(const struct xr_path *p)
{
	__u8 ip = p->ipv6 ? 40 : 20;

	switch (p->method) {
	case XR_FORWARD_IPIP:
		return ip;
	case XR_FORWARD_GUE:
		return ip + 8;
	case XR_FORWARD_VXLAN:
		return ip + 8 + 8 + 14;
	default:
		return 0;
	}
}

static void outer_header(struct path_job *j, const struct xr_policy *policy, const struct route *r)
{
	/* Locally administered; the segment's switches learn it, no more. */
	static const __u8 inner_source[6] = { 0x02, 0x78, 0x72, 0, 0, 1 };
	const struct xr_backend_info *b = j->info;
	struct xr_path *p = &j->path;

	p->method = b->forward;
	p->ipv6 = !addr_is_ipv4(b->addr);
	p->overhead = overhead_of(p);
	p->dport = htons(tunnel_port(b));
	memcpy(p->daddr, b->addr, sizeof(p->daddr));
	if (b->forward != XR_FORWARD_L2)
		outer_source(j, policy, r);
	if (b->forward == XR_FORWARD_VXLAN) {
		p->vni = b->vni;
		memcpy(p->inner_dmac, b->mac, 6);
		memcpy(p->inner_smac, inner_source, 6);
	}
}

static bool mac_given(const struct path_job *j)
{
	return j->info->forward == XR_FORWARD_L2 && !mac_is_zero(j->info->mac);
}

/* A host behind a device of its own: only the device matters. */
static int find_device(struct netlink *nl, struct path_job *j)
{
	struct device l = { 0 };

	j->path.method = j->info->forward;
	j->hop.ifindex = j->path.ifindex;
	j->hop.until = HOP_FOREVER;
	memcpy(j->hop.dmac, j->info->mac, sizeof(j->hop.dmac));
	if (query_link(nl, j->path.ifindex, &l))
		return 0;
	memcpy(j->hop.smac, l.mac, sizeof(j->hop.smac));
	j->hop.mtu = l.mtu > 0xffff ? 0 : l.mtu;
	j->path.mtu = j->hop.mtu;
	return 0;
}

static int find_way(struct netlink *nl, struct path_job *j, const struct xr_policy *policy,
		    struct xr_err *err)
{
	const struct xr_backend_info *b = j->info;
	struct route r = { 0 };
	struct device l = { 0 };
	int ret;

	if (b->dev[0]) {
		j->path.ifindex = if_nametoindex(b->dev);
		if (!j->path.ifindex)
			return xr_fail(err, -ENODEV, "%s %s: there is no device %s here",
				       j->host ? "host" : "backend", b->name, b->dev);
	}
	if (j->host && b->dev[0])
		return find_device(nl, j);
	ret = query_route(nl, b->addr, j->source, j->path.ifindex, &r);
	if (ret || (r.type != RTN_UNICAST && r.type != RTN_LOCAL))
		j->trouble = PATH_NO_ROUTE;
	else if (r.type == RTN_LOCAL)
		j->trouble = PATH_LOCAL;
	outer_header(j, policy, &r);
	if (j->trouble == PATH_NO_ROUTE && mac_given(j) && b->dev[0]) {
		j->trouble = PATH_FINE; /* device and MAC are known: no route is needed */
		r.ifindex = j->path.ifindex;
	}
	if (j->trouble)
		return 0;
	if (b->forward == XR_FORWARD_L2 && r.has_gateway && !mac_given(j))
		j->trouble = PATH_NOT_ON_LINK;

	j->ifindex = r.ifindex;
	memcpy(j->gateway, r.has_gateway ? r.gateway : b->addr, sizeof(j->gateway));
	j->hop.gateway = xr_address_print(j->gateway);
	j->path.route_mtu = r.mtu > 0xffff ? 0 : r.mtu;
	if (query_link(nl, r.ifindex, &l))
		return 0;
	memcpy(j->hop.smac, l.mac, 6);
	j->hop.bridge = r.ifindex; /* as long as there is no neighbour */
	j->by_bridge = l.bridge;
	if (!r.mtu || r.mtu > l.mtu)
		r.mtu = l.mtu;
	j->hop.mtu = r.mtu > 0xffff ? 0 : r.mtu;
	j->path.mtu = j->hop.mtu;
	return 0;
}

static void first_try(struct netlink *nl, struct path_job *j, __u32 tick)
{
	if (j->trouble || !j->ifindex)
		return;
	if (mac_given(j)) {
		memcpy(j->hop.dmac, j->info->mac, 6);
		j->hop.ifindex = j->ifindex;
		j->hop.bridge = 0;
		j->hop.until = tick + HOP_FOREVER;
		return;
	}
	j->hop.until = tick + HOP_TICKS;
	if (!neigh_is_static(nl, j))
		keep_neigh(nl, j);
	if (!query_neigh(nl, j))
		j->trouble = PATH_NO_NEIGHBOUR;
}

static size_t try_again(struct netlink *nl, struct path_job *jobs, size_t n)
{
	size_t i, open = 0;

	for (i = 0; i < n; i++) {
		if (jobs[i].trouble != PATH_NO_NEIGHBOUR)
			continue;
		if (query_neigh(nl, &jobs[i]))
			jobs[i].trouble = PATH_FINE;
		else
			open++;
	}
	return open;
}

static int resolve(struct path_job *jobs, size_t n, const struct xr_policy *policy, __u32 tick,
		   int wait, struct xr_err *err)
{
	struct netlink nl = { 0 };
	size_t i;
	int ret, waited;

	if (!n)
		return 0;
	ret = netlink_open(&nl);
	if (ret) {
		xr_fail(err, ret, "cannot ask the kernel for routes: %s", strerror(-ret));
		goto out;
	}
	for (i = 0; !ret && i < n; i++) {
		const struct path_job in = { .info = jobs[i].info,
					     .host = jobs[i].host,
					     .source = jobs[i].source };

		jobs[i] = in;
		ret = find_way(&nl, &jobs[i], policy, err);
	}
	if (ret)
		goto out;
	for (i = 0; i < n; i++)
		first_try(&nl, &jobs[i], tick);
	for (waited = 0; waited < wait && try_again(&nl, jobs, n); waited += POLL_MS)
		poll(NULL, 0, POLL_MS);
out:
	netlink_close(&nl);
	return ret;
}

int path_resolve(struct path_job *jobs, size_t n, const struct xr_policy *policy, __u32 tick,
		 struct xr_err *err)
{
	return resolve(jobs, n, policy, tick, WAIT_MS, err);
}

void path_refresh(struct path_job *jobs, size_t n, const struct xr_policy *policy, __u32 tick)
{
	size_t i;

	/* One by one: a device that is gone is one job's trouble. */
	for (i = 0; i < n; i++)
		resolve(&jobs[i], 1, policy, tick, 0, NULL);
}

void path_check(struct path_job *j, const struct xr_policy *policy)
{
	struct netlink nl = { 0 };

	if (!netlink_open(&nl) && !find_way(&nl, j, policy, NULL) && !j->trouble && j->ifindex &&
	    !mac_given(j) && !query_neigh(&nl, j))
		j->trouble = PATH_NO_NEIGHBOUR;
	netlink_close(&nl);
}

static int on_kept(const struct nlmsghdr *nlh, void *ctx)
{
	*(bool *)ctx = netlink_neigh_is_kept(nlh);
	return MNL_CB_OK;
}

bool path_is_kept(const struct path_job *j)
{
	struct netlink nl = { 0 };
	bool kept = true;

	if (!j->ifindex || mac_given(j))
		return true;
	if (!netlink_open(&nl)) {
		neigh_message(&nl, RTM_GETNEIGH, 0, j);
		netlink_request(&nl, on_kept, &kept);
	}
	netlink_close(&nl);
	return kept;
}

int path_has_route(const __be32 *addr)
{
	struct netlink nl = { 0 };
	struct route r = { 0 };
	int ret = netlink_open(&nl);

	if (!ret)
		ret = query_route(&nl, addr, NULL, 0, &r);
	if (!ret && r.type != RTN_UNICAST && r.type != RTN_LOCAL)
		ret = -EHOSTUNREACH;
	netlink_close(&nl);
	return ret;
}

bool path_is_local(const __be32 *addr)
{
	struct netlink nl = { 0 };
	struct route r = { 0 };
	int ret = netlink_open(&nl);

	if (!ret)
		ret = query_route(&nl, addr, NULL, 0, &r);
	netlink_close(&nl);
	return ret ? ret != -ENETUNREACH && ret != -EHOSTUNREACH : r.type == RTN_LOCAL;
}

bool path_same_facts(const struct xr_backend_info *a, const struct xr_policy *pa,
		     const struct xr_backend_info *b, const struct xr_policy *pb)
{
	if (memcmp(a->addr, b->addr, sizeof(a->addr)) || a->forward != b->forward ||
	    tunnel_port(a) != tunnel_port(b) || a->vni != b->vni || memcmp(a->mac, b->mac, 6) ||
	    strcmp(a->dev, b->dev))
		return false;
	if (a->forward == XR_FORWARD_L2)
		return true;
	if (addr_is_ipv4(a->addr))
		return pa->source4 == pb->source4 && pa->source_bits == pb->source_bits;
	return pa->source6_bits == pb->source6_bits &&
		!memcmp(pa->source6, pb->source6, sizeof(pa->source6));
}

const char *path_trouble_text(const struct path_job *j)
{
	switch (j->trouble) {
	case PATH_NO_ROUTE:
		return "there is no route to its address now; packets are dropped until there is one";
	case PATH_NO_NEIGHBOUR:
		return "its next hop does not answer now; packets are dropped until it does";
	case PATH_LOCAL:
		if (j->host)
			return "its address is this machine's own; if it is this machine, say so: local";
		return "its address is this machine's own; no packet can be sent to it";
	case PATH_NOT_ON_LINK:
		return "l2 wants a server on the segment, but a gateway is in between; use ipip or gue";
	default:
		return NULL;
	}
}
