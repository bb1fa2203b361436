// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's tables: bridges' and VXLAN devices' FDBs, routes, neighbours.
 * Setting replaces an entry, but none that somebody else made; and only ours are
 * removed. It is no error to remove what is gone already.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/text.h"
#include "links.h"

#define FIRST_METRIC 1 /* IPv6: the lowest there is; a user's route has 1024 */

static int gone_is_fine(int ret)
{
	return ret == -ENOENT || ret == -ENODEV || ret == -ESRCH || ret == -EADDRNOTAVAIL ||
			ret == -EOPNOTSUPP
		? 0
		: ret;
}

/* ---- who made an entry ---- */

struct entry {
	bool there;
	__u32 port;
	__u16 state; /* NUD_* */
	__u8 flags;  /* NTF_* */
	__u8 protocol;
	__u8 mac[6];
	__be32 dst[4];
};

static int on_entry(const struct nlmsghdr *nlh, void *ctx)
{
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a;
	struct entry *e = ctx;

	e->there = true;
	e->port = ndm->ndm_ifindex;
	e->state = ndm->ndm_state;
	e->flags = ndm->ndm_flags;
	mnl_attr_for_each(a, nlh, sizeof(*ndm)) {
		if (mnl_attr_get_type(a) == NDA_LLADDR &&
		    mnl_attr_get_payload_len(a) == sizeof(e->mac))
			memcpy(e->mac, mnl_attr_get_payload(a), sizeof(e->mac));
		else if (mnl_attr_get_type(a) == NDA_DST)
			netlink_get_addr(a, e->dst);
		else if (mnl_attr_get_type(a) == NDA_PROTOCOL)
			e->protocol = mnl_attr_get_u8(a);
	}
	return MNL_CB_OK;
}

/* Sends the query that is in nl->buf. e->there: there is such an entry. */
static int query_entry(struct netlink *nl, struct entry *e)
{
	int ret;

	memset(e, 0, sizeof(*e));
	ret = netlink_request(nl, on_entry, e);
	return ret == -ENOENT ? 0 : ret;
}

/* Somebody made it; an entry that was only learned is nobody's. */
static bool is_written(const struct entry *e)
{
	return e->there && (e->state & (NUD_PERMANENT | NUD_NOARP) || e->flags & NTF_EXT_LEARNED);
}

/* ---- FDBs ---- */

struct fdb_walk {
	void (*each)(void *ctx, const struct fdb_entry *e);
	void *ctx;
};

bool fdb_read(const struct nlmsghdr *nlh, struct fdb_entry *e)
{
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a;
	bool mac = false;

	if (nlh->nlmsg_len < mnl_nlmsg_size(sizeof(*ndm)) || ndm->ndm_family != AF_BRIDGE)
		return false;
	*e = (struct fdb_entry){ .port = ndm->ndm_ifindex,
				 .state = ndm->ndm_state,
				 .flags = ndm->ndm_flags };
	mnl_attr_for_each(a, nlh, sizeof(*ndm)) {
		switch (mnl_attr_get_type(a)) {
		case NDA_LLADDR:
			mac = mnl_attr_get_payload_len(a) == sizeof(e->mac);
			if (mac)
				memcpy(e->mac, mnl_attr_get_payload(a), sizeof(e->mac));
			break;
		case NDA_VLAN:
			e->vlan = mnl_attr_get_u16(a);
			break;
		case NDA_MASTER:
			e->bridge = mnl_attr_get_u32(a);
			break;
		case NDA_DST:
			e->has_dst = true;
			netlink_get_addr(a, e->dst);
			break;
		}
	}
	return mac;
}

static int on_fdb(const struct nlmsghdr *nlh, void *ctx)
{
	const struct fdb_walk *w = ctx;
	struct fdb_entry e;

	/* Permanent ones are the bridge's own and its ports'. */
	if (fdb_read(nlh, &e) && e.bridge && !(e.state & NUD_PERMANENT))
		w->each(w->ctx, &e);
	return MNL_CB_OK;
}

int fdb_each(struct netlink *nl, void (*each)(void *ctx, const struct fdb_entry *e), void *ctx)
{
	struct fdb_walk w = { each, ctx };
	struct nlmsghdr *nlh = netlink_message(nl, RTM_GETNEIGH, NLM_F_DUMP);
	struct ndmsg *ndm = mnl_nlmsg_put_extra_header(nlh, sizeof(*ndm));

	ndm->ndm_family = AF_BRIDGE;
	return netlink_request(nl, on_fdb, &w);
}

static struct nlmsghdr *fdb_message(struct netlink *nl, int type, __u32 dev, const __u8 mac[6],
				    __u16 state, __u8 ntf)
{
	int flags = type == RTM_NEWNEIGH ? NLM_F_CREATE | NLM_F_REPLACE : 0;
	struct nlmsghdr *nlh = netlink_message(nl, type, flags);
	struct ndmsg *ndm = mnl_nlmsg_put_extra_header(nlh, sizeof(*ndm));

	ndm->ndm_family = AF_BRIDGE;
	ndm->ndm_ifindex = dev;
	ndm->ndm_state = state;
	ndm->ndm_flags = ntf;
	mnl_attr_put(nlh, NDA_LLADDR, 6, mac);
	return nlh;
}

/* Ours have one of these flags; an operator's have neither. */
static bool is_ours(const struct entry *e)
{
	return e->flags & (NTF_STICKY | NTF_EXT_LEARNED);
}

static int query_fdb(struct netlink *nl, __u32 dev, const __u8 mac[6], __u16 vlan, __u8 ntf,
		     struct entry *e)
{
	struct nlmsghdr *nlh = fdb_message(nl, RTM_GETNEIGH, dev, mac, 0, ntf);

	if (vlan)
		mnl_attr_put_u16(nlh, NDA_VLAN, vlan);
	return query_entry(nl, e);
}

int fdb_set(struct netlink *nl, __u32 port, const __u8 mac[6], __u16 vlan, enum fdb_kind how,
	    bool told)
{
	struct nlmsghdr *nlh;
	struct entry e;

	if (query_fdb(nl, port, mac, vlan, NTF_MASTER, &e))
		e.there = false;
	if (told && e.there && (e.port != port || e.flags & NTF_EXT_LEARNED))
		return 1;
	/* An entry of somebody else for the same port is enough. */
	if (is_written(&e) && e.port == port && !is_ours(&e))
		return 0;
	if (how == FDB_STICKY)
		nlh = fdb_message(nl, RTM_NEWNEIGH, port, mac, NUD_NOARP, NTF_MASTER | NTF_STICKY);
	else if (how == FDB_DYNAMIC)
		nlh = fdb_message(nl, RTM_NEWNEIGH, port, mac, NUD_REACHABLE, NTF_MASTER);
	else
		nlh = fdb_message(nl, RTM_NEWNEIGH, port, mac, NUD_REACHABLE,
				  NTF_MASTER | NTF_EXT_LEARNED);
	if (vlan)
		mnl_attr_put_u16(nlh, NDA_VLAN, vlan);
	return netlink_request(nl, NULL, NULL);
}

int fdb_del(struct netlink *nl, __u32 port, const __u8 mac[6], __u16 vlan)
{
	struct nlmsghdr *nlh;
	struct entry e;

	int ret = query_fdb(nl, port, mac, vlan, NTF_MASTER, &e);

	if (ret || !e.there || (e.port == port && is_written(&e) && !is_ours(&e)))
		return gone_is_fine(ret);
	nlh = fdb_message(nl, RTM_DELNEIGH, port, mac, 0, NTF_MASTER);
	if (vlan)
		mnl_attr_put_u16(nlh, NDA_VLAN, vlan);
	return gone_is_fine(netlink_request(nl, NULL, NULL));
}

/* Learning may move it: the VM's own frames show best where it is. */
int vtep_set(struct netlink *nl, __u32 vxlan, const __u8 mac[6], const __be32 *addr, bool told)
{
	struct nlmsghdr *nlh;
	struct entry e;
	bool same;

	if (query_fdb(nl, vxlan, mac, 0, NTF_SELF, &e))
		e.there = false;
	same = !memcmp(e.dst, addr, sizeof(e.dst));
	if (told && e.there && (!same || e.flags & NTF_EXT_LEARNED))
		return 1;
	if (is_written(&e) && !is_ours(&e))
		return same ? 0 : -EEXIST;
	nlh = fdb_message(nl, RTM_NEWNEIGH, vxlan, mac, NUD_REACHABLE, NTF_SELF | NTF_EXT_LEARNED);
	netlink_put_addr(nlh, NDA_DST, addr);
	return netlink_request(nl, NULL, NULL);
}

int vtep_del(struct netlink *nl, __u32 vxlan, const __u8 mac[6])
{
	struct entry e;

	if (!query_fdb(nl, vxlan, mac, 0, NTF_SELF, &e) && is_written(&e) && !is_ours(&e))
		return 0;
	fdb_message(nl, RTM_DELNEIGH, vxlan, mac, 0, NTF_SELF);
	return gone_is_fine(netlink_request(nl, NULL, NULL));
}

/* ---- routes ---- */

static struct nlmsghdr *route_message(struct netlink *nl, int type, int flags, const __be32 *addr)
{
	struct nlmsghdr *nlh = netlink_message(nl, type, flags);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	bool v4 = addr_is_ipv4(addr);

	rtm->rtm_family = v4 ? AF_INET : AF_INET6;
	rtm->rtm_dst_len = v4 ? 32 : 128;
	if (type != RTM_GETROUTE) {
		rtm->rtm_table = RT_TABLE_MAIN;
		rtm->rtm_protocol = XR_RTPROT;
	}
	netlink_put_addr(nlh, RTA_DST, addr);
	return nlh;
}

static int on_route(const struct nlmsghdr *nlh, void *ctx)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct way_out *w = ctx;
	const struct nlattr *a;

	if (rtm->rtm_type != RTN_UNICAST)
		return MNL_CB_OK;
	mnl_attr_for_each(a, nlh, sizeof(*rtm)) {
		if (mnl_attr_get_type(a) == RTA_OIF)
			w->ifindex = mnl_attr_get_u32(a);
		else if (mnl_attr_get_type(a) == RTA_GATEWAY)
			netlink_get_addr(a, w->gateway);
	}
	return MNL_CB_OK;
}

int route_query(struct netlink *nl, const __be32 *addr, struct way_out *w)
{
	int ret;

	memset(w, 0, sizeof(*w));
	memcpy(w->gateway, addr, sizeof(w->gateway));
	route_message(nl, RTM_GETROUTE, 0, addr);
	ret = netlink_request(nl, on_route, w);
	return ret ? ret : w->ifindex ? 0 : -ENETUNREACH;
}

/* IPv4 goes by an IPv6 neighbour, too; not the other way round. */
static void put_via(struct nlmsghdr *nlh, const __be32 *addr, const __be32 *via)
{
	struct { /* struct rtvia, with its address */
		__u16 family;
		__u8 addr[16];
	} v6 = { .family = AF_INET6 };

	if (addr_is_ipv4(via) == addr_is_ipv4(addr)) {
		netlink_put_addr(nlh, RTA_GATEWAY, via);
		return;
	}
	memcpy(v6.addr, via, sizeof(v6.addr));
	mnl_attr_put(nlh, RTA_VIA, sizeof(v6), &v6);
}

/*
 * Before others of the same address: of IPv4 a route that is created and neither
 * excludes nor appends goes in front of its equals.
 */
int route_set(struct netlink *nl, const __be32 *addr, __u32 ifindex, const __be32 *via)
{
	struct nlmsghdr *nlh;
	struct rtmsg *rtm;
	int ret;

	if (via && addr_is_ipv4(via) && !addr_is_ipv4(addr))
		return -EAFNOSUPPORT;
	ret = route_del(nl, addr);
	if (ret)
		return ret;
	nlh = route_message(nl, RTM_NEWROUTE, NLM_F_CREATE, addr);
	rtm = mnl_nlmsg_get_payload(nlh);
	rtm->rtm_type = RTN_UNICAST;
	rtm->rtm_scope = via || !addr_is_ipv4(addr) ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
	if (!addr_is_ipv4(addr))
		mnl_attr_put_u32(nlh, RTA_PRIORITY, FIRST_METRIC);
	mnl_attr_put_u32(nlh, RTA_OIF, ifindex);
	if (via)
		put_via(nlh, addr, via);
	return netlink_request(nl, NULL, NULL);
}

/* Only ours: the protocol must be the same. */
int route_del(struct netlink *nl, const __be32 *addr)
{
	struct nlmsghdr *nlh = route_message(nl, RTM_DELROUTE, 0, addr);
	struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);

	rtm->rtm_scope = RT_SCOPE_NOWHERE;
	return gone_is_fine(netlink_request(nl, NULL, NULL));
}

struct destination {
	enum route_kind kind;
	__u32 dev;
};

static int on_destination(const struct nlmsghdr *nlh, void *ctx)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct destination *w = ctx;
	const struct nlattr *a;

	if (rtm->rtm_type == RTN_LOCAL)
		w->kind = ROUTE_LOCAL;
	if (rtm->rtm_type != RTN_UNICAST)
		return MNL_CB_OK;
	w->kind = ROUTE_ELSEWHERE;
	mnl_attr_for_each(a, nlh, sizeof(*rtm))
		if (mnl_attr_get_type(a) == RTA_OIF)
			w->dev = mnl_attr_get_u32(a);
	return MNL_CB_OK;
}

enum route_kind route_kind(struct netlink *nl, const __be32 *addr, __u32 *dev)
{
	struct destination w = { ROUTE_NONE, 0 };

	/* A blackhole is an error. */
	route_message(nl, RTM_GETROUTE, 0, addr);
	netlink_request(nl, on_destination, &w);
	*dev = w.dev;
	return w.kind;
}

/* ---- blackholes ---- */

#define LAST_METRIC 0xfffffeU /* zebra takes the top octet for a distance */

static void put_table(struct nlmsghdr *nlh, __u32 table)
{
	((struct rtmsg *)mnl_nlmsg_get_payload(nlh))->rtm_table = table < 256 ? table
									      : RT_TABLE_UNSPEC;
	mnl_attr_put_u32(nlh, RTA_TABLE, table);
}

static struct nlmsghdr *blackhole_message(struct netlink *nl, int type, int flags,
					  const __be32 *addr, __u32 table)
{
	struct nlmsghdr *nlh = route_message(nl, type, flags, addr);
	struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);

	rtm->rtm_protocol = XR_RTPROT_VIP;
	rtm->rtm_type = RTN_BLACKHOLE;
	put_table(nlh, table);
	mnl_attr_put_u32(nlh, RTA_PRIORITY, LAST_METRIC);
	return nlh;
}

int blackhole_add(struct netlink *nl, const __be32 *addr, __u32 table)
{
	blackhole_message(nl, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, addr, table);
	return netlink_request(nl, NULL, NULL);
}

int blackhole_del(struct netlink *nl, const __be32 *addr, __u32 table)
{
	blackhole_message(nl, RTM_DELROUTE, 0, addr, table);
	return gone_is_fine(netlink_request(nl, NULL, NULL));
}

/* ---- those that there are ---- */

/* To a single address, with a protocol number of ours. */
struct our_route {
	__be32 addr[4];
	__u32 table, metric;
	__u32 dev; /* 0: it is a blackhole */
};

static bool read_our_route(const struct nlmsghdr *nlh, __u8 protocol, struct our_route *r)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a;

	*r = (struct our_route){ .table = rtm->rtm_table };
	if (rtm->rtm_protocol != protocol ||
	    rtm->rtm_dst_len != (rtm->rtm_family == AF_INET ? 32 : 128))
		return false;
	mnl_attr_for_each(a, nlh, sizeof(*rtm)) {
		if (mnl_attr_get_type(a) == RTA_DST)
			netlink_get_addr(a, r->addr);
		else if (mnl_attr_get_type(a) == RTA_PRIORITY)
			r->metric = mnl_attr_get_u32(a);
		else if (mnl_attr_get_type(a) == RTA_TABLE)
			r->table = mnl_attr_get_u32(a);
		else if (mnl_attr_get_type(a) == RTA_OIF)
			r->dev = mnl_attr_get_u32(a);
	}
	/* Of IPv6 the kernel names a blackhole's device, too: lo. */
	if (rtm->rtm_type == RTN_BLACKHOLE)
		r->dev = 0;
	return rtm->rtm_type == RTN_BLACKHOLE || rtm->rtm_type == RTN_UNICAST;
}

/* Those of all tables, by each family. */
static int each_route(struct netlink *nl, __u8 protocol, mnl_cb_t cb, void *ctx)
{
	static const int families[] = { AF_INET, AF_INET6 };
	struct nlmsghdr *nlh;
	struct rtmsg *rtm;
	int on = 1, ret = 0;
	size_t i;

	/* The kernel then sends only such routes; without it, it sends all there are. */
	mnl_socket_setsockopt(nl->sock, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	for (i = 0; !ret && i < sizeof(families) / sizeof(families[0]); i++) {
		nlh = netlink_message(nl, RTM_GETROUTE, NLM_F_DUMP);
		rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
		rtm->rtm_family = families[i];
		rtm->rtm_protocol = protocol;
		ret = netlink_request(nl, cb, ctx);
	}
	return ret;
}

struct blackhole_walk {
	void (*each)(void *ctx, const __be32 *addr, __u32 table);
	void *ctx;
};

static int on_blackhole(const struct nlmsghdr *nlh, void *ctx)
{
	const struct blackhole_walk *w = ctx;
	struct our_route r;

	if (read_our_route(nlh, XR_RTPROT_VIP, &r) && !r.dev && r.metric == LAST_METRIC)
		w->each(w->ctx, r.addr, r.table);
	return MNL_CB_OK;
}

int blackhole_each(struct netlink *nl, void (*each)(void *ctx, const __be32 *addr, __u32 table),
		   void *ctx)
{
	struct blackhole_walk w = { each, ctx };

	return each_route(nl, XR_RTPROT_VIP, on_blackhole, &w);
}

/* ---- to VMs ---- */

static struct nlmsghdr *host_route_message(struct netlink *nl, int type, int flags,
					   const struct host_routes *in, const __be32 *addr)
{
	struct nlmsghdr *nlh = route_message(nl, type, flags, addr);

	((struct rtmsg *)mnl_nlmsg_get_payload(nlh))->rtm_protocol = XR_RTPROT_VM;
	put_table(nlh, in->table);
	mnl_attr_put_u32(nlh, RTA_PRIORITY, in->metric);
	return nlh;
}

int host_route_set(struct netlink *nl, const struct host_routes *in, const __be32 *addr,
		   __u32 ifindex, bool replace)
{
	struct nlmsghdr *nlh = host_route_message(
		nl, RTM_NEWROUTE, NLM_F_CREATE | (replace ? NLM_F_REPLACE : NLM_F_EXCL), in, addr);
	struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);

	rtm->rtm_type = ifindex ? RTN_UNICAST : RTN_BLACKHOLE;
	rtm->rtm_scope = ifindex && addr_is_ipv4(addr) ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	if (ifindex)
		mnl_attr_put_u32(nlh, RTA_OIF, ifindex);
	return netlink_request(nl, NULL, NULL);
}

int host_route_del(struct netlink *nl, const struct host_routes *in, const __be32 *addr)
{
	struct nlmsghdr *nlh = host_route_message(nl, RTM_DELROUTE, 0, in, addr);

	((struct rtmsg *)mnl_nlmsg_get_payload(nlh))->rtm_scope = RT_SCOPE_NOWHERE;
	return gone_is_fine(netlink_request(nl, NULL, NULL));
}

struct host_route_walk {
	const struct host_routes *in;
	void (*each)(void *ctx, const __be32 *addr, __u32 ifindex);
	void *ctx;
};

static int on_host_route(const struct nlmsghdr *nlh, void *ctx)
{
	const struct host_route_walk *w = ctx;
	struct our_route r;

	if (read_our_route(nlh, XR_RTPROT_VM, &r) && r.table == w->in->table &&
	    r.metric == w->in->metric)
		w->each(w->ctx, r.addr, r.dev);
	return MNL_CB_OK;
}

int host_route_each(struct netlink *nl, const struct host_routes *in,
		    void (*each)(void *ctx, const __be32 *addr, __u32 ifindex), void *ctx)
{
	struct host_route_walk w = { in, each, ctx };

	return each_route(nl, XR_RTPROT_VM, on_host_route, &w);
}

/* ---- neighbours ---- */

static struct nlmsghdr *neigh_message(struct netlink *nl, int type, int flags, __u32 ifindex,
				      const __be32 *addr)
{
	struct nlmsghdr *nlh = netlink_message(nl, type, flags);
	struct ndmsg *ndm = mnl_nlmsg_put_extra_header(nlh, sizeof(*ndm));

	ndm->ndm_family = addr_is_ipv4(addr) ? AF_INET : AF_INET6;
	ndm->ndm_ifindex = ifindex;
	ndm->ndm_state = NUD_PERMANENT;
	netlink_put_addr(nlh, NDA_DST, addr);
	return nlh;
}

static int query_neigh(struct netlink *nl, __u32 ifindex, const __be32 *addr, struct entry *e)
{
	struct nlmsghdr *nlh = neigh_message(nl, RTM_GETNEIGH, 0, ifindex, addr);

	((struct ndmsg *)mnl_nlmsg_get_payload(nlh))->ndm_state = 0;
	return query_entry(nl, e);
}

int neigh_set(struct netlink *nl, __u32 ifindex, const __be32 *addr, const __u8 mac[6])
{
	struct nlmsghdr *nlh;
	struct entry e;

	if (!query_neigh(nl, ifindex, addr, &e) && is_written(&e) && e.protocol != XR_RTPROT)
		return memcmp(e.mac, mac, sizeof(e.mac)) ? -EEXIST : 0;
	nlh = neigh_message(nl, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, ifindex, addr);
	mnl_attr_put(nlh, NDA_LLADDR, 6, mac);
	mnl_attr_put_u8(nlh, NDA_PROTOCOL, XR_RTPROT);
	return netlink_request(nl, NULL, NULL);
}

int neigh_del(struct netlink *nl, __u32 ifindex, const __be32 *addr)
{
	struct entry e;
	int ret = query_neigh(nl, ifindex, addr, &e);

	if (ret || !e.there || e.protocol != XR_RTPROT)
		return gone_is_fine(ret);
	neigh_message(nl, RTM_DELNEIGH, 0, ifindex, addr);
	return gone_is_fine(netlink_request(nl, NULL, NULL));
}
