// SPDX-License-Identifier: GPL-2.0-only
/* Settings of the IP layer: forwarding, filters by reverse path, ARP for addresses on lo. */
#include <linux/rtnetlink.h>
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>

#include "doctor_priv.h"
#include "lib/sockaddr.h"
#include "lib/text.h"
#include "net/links.h"
#include "plane/daemon_claim.h"

static void cure_sysctl(struct doctor_finding *f, const struct doctor_dev *dev, int v,
			const char *of, const char *name, int value)
{
	char key[96];

	/* With slashes, so that dots in a device's name stay its own. */
	snprintf(key, sizeof(key), "net/ipv%d/conf/%s/%s=%d", v, of, name, value);
	doctor_cure_in(f, dev->path);
	doctor_cure(f, "sysctl -w %s", QUOTE(key));
}

/* The device whose settings count for what comes in there: the bridge, of a port. */
static const char *settings_of(const struct doctor_dev *dev, char name[IF_NAMESIZE])
{
	if (dev->end.master && if_indextoname(dev->end.master, name))
		return name;
	return dev->name;
}

/* ---- forwarding ---- */

/* Whether ways of that family are there; before the first attach, the device's addresses tell. */
static bool has_family(const struct doctor *d, const struct doctor_dev *dev, bool ipv6)
{
	struct ifaddrs *list, *i;
	bool any = false;
	size_t k;

	for (k = 0; k < d->ways; k++)
		if (d->way[k].info.forward != XR_FORWARD_PORT &&
		    !addr_is_zero(d->way[k].info.addr) && addr_is_ipv4(d->way[k].info.addr) != ipv6)
			return true;
	if (dev->record || getifaddrs(&list))
		return false;
	for (i = list; i; i = i->ifa_next) {
		const struct sockaddr_in6 *six = (void *)i->ifa_addr;

		if (!six || strcmp(i->ifa_name, dev->name) ||
		    six->sin6_family != (ipv6 ? AF_INET6 : AF_INET))
			continue;
		any |= !ipv6 || !IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr);
	}
	freeifaddrs(list);
	return any;
}

/* false: it is on, or of no use there, or could not be read. */
static bool lacks_forwarding(struct doctor *d, const struct doctor_dev *dev, int v, const char *of)
{
	int on, ret;

	if (!has_family(d, dev, v == 6))
		return false;
	ret = machine_read_conf(v, of, "forwarding", false, &on);
	if (ret) {
		doctor_unseen(d, "%s: forwarding: %s", dev->shown, strerror(-ret));
		return false;
	}
	doctor_looked(d);
	return !on;
}

static void look_forwarding(struct doctor *d, const struct doctor_dev *dev)
{
	char master[IF_NAMESIZE], key[96];
	const char *of = settings_of(dev, master);
	struct doctor_finding *f;
	bool lacks[2];
	int i;

	if (dev->role != XR_ROLE_NODE)
		return;
	lacks[0] = lacks_forwarding(d, dev, 4, of);
	lacks[1] = lacks_forwarding(d, dev, 6, of);
	if ((!lacks[0] && !lacks[1]) || (d->p && daemon_pid(d->instance)))
		return;
	f = doctor_found(d, "%s", dev->shown);
	doctor_wrong(f, "%s forwarding is off on %s, and no daemon runs",
		     !lacks[1]           ? "IPv4"
			     : !lacks[0] ? "IPv6"
					 : "IPv4 and IPv6",
		     of);
	doctor_cure_in(f, dev->path);
	doctor_cure(f, "sysctl -w");
	for (i = 0; i < 2; i++) {
		if (!lacks[i])
			continue;
		snprintf(key, sizeof(key), "net/ipv%d/conf/%s/forwarding=1", i ? 6 : 4, of);
		doctor_cure(f, " %s", QUOTE(key));
	}
}

/* ---- filters by reverse path ---- */

/* The larger of two settings counts. */
static void cure_rp_filter(struct doctor_finding *f, const struct doctor_dev *dev, const char *of)
{
	char key[96];
	int all = 0;

	doctor_cure_in(f, dev->path);
	doctor_cure(f, "sysctl -w");
	if (!machine_read_conf(4, "all", "rp_filter", false, &all) && all)
		doctor_cure(f, " net/ipv4/conf/all/rp_filter=0");
	snprintf(key, sizeof(key), "net/ipv4/conf/%s/rp_filter=0", of);
	doctor_cure(f, " %s", QUOTE(key));
}

/* *dev: where a packet to anybody out there leaves; false: there is no default route. */
static bool default_device(__u32 *dev)
{
	/* TEST-NET-2 (RFC 5737): as far away as clients are. */
	const __be32 far[XR_ADDR_WORDS] = { 0, 0, htonl(0xffff), htonl(0xc6336401) };
	struct netlink nl = { 0 };
	bool found = !netlink_open(&nl) && route_kind(&nl, far, dev) == ROUTE_ELSEWHERE;

	netlink_close(&nl);
	return found;
}

static void look_rp_filter(struct doctor *d, const struct doctor_dev *dev)
{
	char master[IF_NAMESIZE], way[IF_NAMESIZE] = "?";
	const char *of = settings_of(dev, master);
	struct doctor_finding *f;
	__u32 out;
	int mode, ret;

	if (dev->role != XR_ROLE_BACKEND)
		return;
	ret = machine_read_conf(4, of, "rp_filter", true, &mode);
	if (ret) {
		doctor_unseen(d, "%s: rp_filter: %s", dev->shown, strerror(-ret));
		return;
	}
	doctor_looked(d);
	if (mode != 1 || !default_device(&out) || out == if_nametoindex(of))
		return;
	if_indextoname(out, way);
	f = doctor_found(d, "%s", dev->shown);
	doctor_wrong(f, "rp_filter is strict on %s, and clients are behind %s", of, way);
	cure_rp_filter(f, dev, of);
}

/* The first VIP of IPv4 that has a blackhole route in this namespace. */
static void on_blackhole(void *ctx, const __be32 *addr, __u32 table)
{
	__be32 *first = ctx;

	if (table == RT_TABLE_MAIN && addr_is_ipv4(addr) && addr_is_zero(first))
		memcpy(first, addr, XR_ADDR_WORDS * sizeof(*first));
}

static void look_rp_vip(struct doctor *d, const struct doctor_dev *dev)
{
	__be32 vip[XR_ADDR_WORDS] = { 0 };
	struct netlink nl = { 0 };
	char master[IF_NAMESIZE], addr[TEXT_ADDR];
	const char *of = settings_of(dev, master);
	struct doctor_finding *f;
	int mode, forwards;

	if (dev->role != XR_ROLE_NODE)
		return;
	if (!netlink_open(&nl))
		blackhole_each(&nl, on_blackhole, vip);
	netlink_close(&nl);
	if (addr_is_zero(vip) || machine_read_conf(4, of, "rp_filter", true, &mode) ||
	    machine_read_conf(4, of, "forwarding", false, &forwards))
		return;
	doctor_looked(d);
	if (!mode)
		return;
	f = doctor_found(d, "%s", dev->shown);
	doctor_wrong(
		f,
		"rp_filter is %d on %s: what servers send from %s, which has a blackhole route, is dropped here",
		mode, of, text_addr(addr, vip));
	cure_rp_filter(f, dev, of);
}

/* ---- ARP for VIPs on lo ---- */

/* The address is in a subnet of that device's. */
static bool is_on_link(const struct ifaddrs *list, const char *dev, struct in_addr a)
{
	const struct ifaddrs *i;

	for (i = list; i; i = i->ifa_next) {
		const struct sockaddr_in *own = (void *)i->ifa_addr, *mask = (void *)i->ifa_netmask;

		if (!own || !mask || own->sin_family != AF_INET || strcmp(i->ifa_name, dev))
			continue;
		if (!((own->sin_addr.s_addr ^ a.s_addr) & mask->sin_addr.s_addr))
			return true;
	}
	return false;
}

/* An address on lo that machines on the device's link ask ARP for. */
static bool vip_on_lo(const char *dev, char text[TEXT_ADDR])
{
	struct ifaddrs *list, *i;
	bool found = false;

	if (getifaddrs(&list))
		return false;
	for (i = list; i && !found; i = i->ifa_next) {
		const struct sockaddr_in *a = (void *)i->ifa_addr;

		if (!a || a->sin_family != AF_INET || strcmp(i->ifa_name, "lo") ||
		    ntohl(a->sin_addr.s_addr) >> 24 == 127)
			continue;
		found = is_on_link(list, dev, a->sin_addr);
		if (found)
			inet_ntop(AF_INET, &a->sin_addr, text, TEXT_ADDR);
	}
	freeifaddrs(list);
	return found;
}

static void look_arp(struct doctor *d, const struct doctor_dev *dev, const char *name, int least,
		     const char *does)
{
	char master[IF_NAMESIZE], addr[TEXT_ADDR];
	const char *of = settings_of(dev, master);
	struct doctor_finding *f;
	int is;

	if (dev->role != XR_ROLE_BACKEND)
		return;
	doctor_looked(d);
	if (!vip_on_lo(of, addr) || machine_read_conf(4, of, name, true, &is) || is >= least)
		return;
	f = doctor_found(d, "%s", dev->shown);
	doctor_wrong(f, "%s is on lo, and %s is %d on %s: %s", addr, name, is, of, does);
	cure_sysctl(f, dev, 4, of, name, least);
}

static void look_arp_ignore(struct doctor *d, const struct doctor_dev *dev)
{
	look_arp(d, dev, "arp_ignore", 1, "this server answers ARP for it");
}

static void look_arp_announce(struct doctor *d, const struct doctor_dev *dev)
{
	look_arp(d, dev, "arp_announce", 2, "it asks ARP in the name of that address");
}

const struct doctor_check doctor_sysctl_checks[] = {
	{ "forwarding", DOCTOR_WARNING, "the kernel's FIB answers on devices with role node",
	  "next hops that change are followed only by commands, and no neighbour is asked for",
	  .look_inside = look_forwarding },
	{ "rp-filter", DOCTOR_ERROR, "no filter by reverse path is in clients' way to servers",
	  "clients' packets are dropped when their tunnel header is off",
	  .look_inside = look_rp_filter },
	{ "rp-filter-vip", DOCTOR_WARNING,
	  "no filter by reverse path is in the way of VIPs' answers",
	  "answers to health checks end here, and all answers where the node is their router",
	  .look_inside = look_rp_vip },
	{ "arp-ignore", DOCTOR_ERROR, "a server answers no ARP for a VIP on its lo",
	  "the segment sends the VIP's packets to this server alone, past the nodes",
	  .look_inside = look_arp_ignore },
	{ "arp-announce", DOCTOR_ERROR, "a server asks no ARP in a VIP's name",
	  "the segment learns this server's MAC for the VIP, and goes past the nodes",
	  .look_inside = look_arp_announce },
	{ .id = NULL },
};
