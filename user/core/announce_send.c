// SPDX-License-Identifier: GPL-2.0-only
/* Announcements out of the devices that do not lead to the VM itself. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "announce.h"
#include "netns.h"
#include "text.h"
#include "vm.h"

#define ASK_AGAIN 10	/* seconds that what the neighbour table said is good for */
#define NEIGH_GOOD (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE |        \
		    NUD_PERMANENT | NUD_NOARP)

/* ---- what the kernel knows ---- */

static int ask(int type, int flags, int family, __u32 ifindex, mnl_cb_t each,
	       void *ctx)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	char buf[16384];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	ssize_t got = -1;
	int ret = -1;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = 1;
	if (type == RTM_GETLINK) {
		struct ifinfomsg *m =
			mnl_nlmsg_put_extra_header(nlh, sizeof(*m));
		m->ifi_index = ifindex;
	} else {
		struct ndmsg *m = mnl_nlmsg_put_extra_header(nlh, sizeof(*m));

		m->ndm_family = family;
	}
	if (nl && mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) >= 0 &&
	    mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) >= 0)
		do {
			got = mnl_socket_recvfrom(nl, buf, sizeof(buf));
			ret = got < 0 ? -1 :
				mnl_cb_run(buf, got, 1,
					   mnl_socket_get_portid(nl), each,
					   ctx);
		} while (ret > MNL_CB_STOP && flags & NLM_F_DUMP);
	if (nl)
		mnl_socket_close(nl);
	return ret < 0 ? -1 : 0;
}

static int on_link(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(struct ifinfomsg))
		if (mnl_attr_get_type(a) == IFLA_MASTER)
			*(__u32 *)ctx = mnl_attr_get_u32(a);
	return MNL_CB_OK;
}

/* The bridge that a device is a port of; 0: none. */
static __u32 master_of(__u32 ifindex)
{
	__u32 master = 0;

	ask(RTM_GETLINK, 0, 0, ifindex, on_link, &master);
	return master;
}

static int on_neigh(const struct nlmsghdr *nlh, void *ctx)
{
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a, *dst = NULL, *mac = NULL;
	struct xr_gateway *g = ctx;
	int i;

	mnl_attr_for_each(a, nlh, sizeof(*ndm)) {
		if (mnl_attr_get_type(a) == NDA_DST)
			dst = a;
		else if (mnl_attr_get_type(a) == NDA_LLADDR)
			mac = a;
	}
	if (!(ndm->ndm_state & NEIGH_GOOD) || !dst || !mac ||
	    mnl_attr_get_payload_len(dst) != 4 ||
	    mnl_attr_get_payload_len(mac) != 6)
		return MNL_CB_OK;
	for (i = 0; i < XR_MAX_GATEWAYS; i++) {
		if (!g[i].used || g[i].has_mac || !addr_is_ipv4(g[i].addr) ||
		    memcmp(&g[i].addr[3], mnl_attr_get_payload(dst), 4))
			continue;
		memcpy(g[i].mac, mnl_attr_get_payload(mac), 6);
		g[i].has_mac = 1;
	}
	return MNL_CB_OK;
}

/* Those without a MAC of the operator's get the kernel's, where it has one. */
static void complete(const struct xr_gateway *from, struct xr_gateway *to)
{
	static struct xr_gateway asked[XR_MAX_GATEWAYS], answered[XR_MAX_GATEWAYS];
	static time_t when;
	struct timespec now;
	bool lacking = false;
	int i;

	memcpy(to, from, sizeof(asked));
	for (i = 0; i < XR_MAX_GATEWAYS; i++)
		lacking |= to[i].used && !to[i].has_mac &&
			   addr_is_ipv4(to[i].addr);
	if (!lacking)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!when || now.tv_sec - when >= ASK_AGAIN ||
	    memcmp(asked, from, sizeof(asked))) {
		memcpy(asked, from, sizeof(asked));
		memcpy(answered, from, sizeof(answered));
		ask(RTM_GETNEIGH, NLM_F_DUMP, AF_INET, 0, on_neigh, answered);
		when = now.tv_sec;
	}
	memcpy(to, answered, sizeof(answered));
}

/* ---- sending ---- */

#define UNKNOWN_WAY	0xffffffffU

/* The device that leads to the host; 0: it is this machine. */
static __u32 way_to(struct plane *p, __u16 host)
{
	const struct xr_host *h = &p->hosts[host];
	__u32 path = h->path, way = UNKNOWN_WAY;
	struct xr_nexthop *hop;
	int cpu;

	if (h->flags & XR_HOST_LOCAL)
		return 0;
	if (path >= p->paths_max)
		return UNKNOWN_WAY;
	if (p->paths[path].ifindex)
		return p->paths[path].ifindex;
	hop = calloc(p->cpus, sizeof(*hop));
	if (hop && !bpf_map_lookup_elem(p->fd[PLANE_NEXTHOPS], &path, hop))
		for (cpu = 0; cpu < p->cpus && way == UNKNOWN_WAY; cpu++)
			if (hop[cpu].ifindex)
				way = hop[cpu].ifindex;
	free(hop);
	return way;
}

struct sender {
	int fd;
	int failed;		/* errno */
	__u32 ifindex[XR_MAX_DEVICES];
	int n;
};

static void send_frame(void *ctx, const void *frame, size_t len)
{
	struct sender *s = ctx;
	int i;

	for (i = 0; i < s->n; i++) {
		struct sockaddr_ll to = {
			.sll_family = AF_PACKET,
			.sll_ifindex = s->ifindex[i],
			.sll_protocol = ((const struct ethhdr *)frame)->h_proto,
			.sll_halen = ETH_ALEN,
		};

		memcpy(to.sll_addr, frame, ETH_ALEN);
		if (sendto(s->fd, frame, len, MSG_DONTWAIT, (void *)&to,
			   sizeof(to)) < 0)
			s->failed = errno;
	}
}

/*
 * Not out of the device that leads to the VM: the segment there would learn
 * that the VM is on this side of it, and hears the VM itself anyway.
 */
static void choose_devices(struct plane *p, __u16 host, struct sender *s)
{
	__u32 way = way_to(p, host);
	__u64 here = netns_inode();
	int i;

	for (i = 0; way != UNKNOWN_WAY && i < XR_MAX_DEVICES; i++) {
		const struct xr_device *d = &p->devices[i];

		if (!d->ifindex || d->role != XR_ROLE_NODE || d->netns != here)
			continue;
		if (way && (d->ifindex == way || master_of(d->ifindex) == way))
			continue;
		s->ifindex[s->n++] = d->ifindex;
	}
}

int announce_vm(struct plane *p, __u32 place, struct xr_err *err)
{
	struct xr_gateway gateways[XR_MAX_GATEWAYS];
	__u64 key = p->vms[place].key;
	struct sender s = { .n = 0 };
	__u8 mac[6];

	choose_devices(p, vm_now(p, place).host, &s);
	if (!s.n)
		return 0;
	/* Protocol 0: it sends, and receives nothing. */
	s.fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (s.fd < 0)
		return xr_fail(err, -errno, "announcing: a packet socket: %s",
			       strerror(errno));
	complete(p->gateways, gateways);
	vm_mac_of(key, mac);
	announce_frames(mac, vm_vlan_of(key),
			(const __be32(*)[XR_ADDR_WORDS])p->vm_info[place].addr,
			XR_VM_ADDRS, gateways, XR_MAX_GATEWAYS, send_frame, &s);
	close(s.fd);
	return s.failed ? xr_fail(err, -s.failed, "announcing: %s",
				  strerror(s.failed)) : 0;
}
