// SPDX-License-Identifier: GPL-2.0-only
/* Announcements out of the devices that do not lead to the VM itself. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "announce.h"
#include "lib/netns.h"
#include "lib/text.h"
#include "net/netlink.h"
#include "vm.h"

#define QUERY_AGAIN 10 /* seconds for which a look at the neighbour table is good */

/* ---- gateways' MACs, as the kernel knows them ---- */

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
	if (!(ndm->ndm_state & NEIGH_GOOD) || !dst || !mac || mnl_attr_get_payload_len(dst) != 4 ||
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

static void query_neighbours(struct xr_gateway *gateways)
{
	struct netlink nl = { 0 };
	struct ndmsg *ndm;

	if (!netlink_open(&nl)) {
		ndm = mnl_nlmsg_put_extra_header(netlink_message(&nl, RTM_GETNEIGH, NLM_F_DUMP),
						 sizeof(*ndm));
		ndm->ndm_family = AF_INET;
		netlink_request(&nl, on_neigh, gateways);
	}
	netlink_close(&nl);
}

/* Gateways for which the operator gave no MAC get the kernel's, where it has one. */
static void complete_macs(const struct xr_gateway *from, struct xr_gateway *to)
{
	static struct xr_gateway queried[XR_MAX_GATEWAYS], answered[XR_MAX_GATEWAYS];
	static time_t when;
	struct timespec now;
	bool lacking = false;
	int i;

	memcpy(to, from, sizeof(queried));
	for (i = 0; i < XR_MAX_GATEWAYS; i++)
		lacking |= to[i].used && !to[i].has_mac && addr_is_ipv4(to[i].addr);
	if (!lacking)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!when || now.tv_sec - when >= QUERY_AGAIN || memcmp(queried, from, sizeof(queried))) {
		memcpy(queried, from, sizeof(queried));
		memcpy(answered, from, sizeof(answered));
		query_neighbours(answered);
		when = now.tv_sec;
	}
	memcpy(to, answered, sizeof(answered));
}

/* ---- sending ---- */

#define UNKNOWN_DEVICE 0xffffffffU

/* The device that leads to the host; 0: it is this machine. */
static __u32 device_to(struct plane *p, __u16 host)
{
	const struct xr_host *h = &p->hosts[host];
	__u32 path = h->path, device = UNKNOWN_DEVICE;
	struct xr_nexthop *hop;
	int cpu;

	if (h->flags & XR_HOST_LOCAL)
		return 0;
	if (path >= p->paths_max)
		return UNKNOWN_DEVICE;
	if (p->paths[path].ifindex)
		return p->paths[path].ifindex;
	hop = calloc(p->cpus, sizeof(*hop));
	if (hop && !bpf_map_lookup_elem(p->fd[PLANE_NEXTHOPS], &path, hop))
		for (cpu = 0; cpu < p->cpus && device == UNKNOWN_DEVICE; cpu++)
			if (hop[cpu].ifindex)
				device = hop[cpu].ifindex;
	free(hop);
	return device;
}

struct sender {
	int fd;
	int failed; /* errno */
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
		if (sendto(s->fd, frame, len, MSG_DONTWAIT, (void *)&to, sizeof(to)) < 0)
			s->failed = errno;
	}
}

/*
 * Not out of the device that leads to the VM: the segment there would learn
 * that the VM is on this side of it, and hears the VM itself anyway.
 */
static void choose_devices(struct plane *p, __u16 host, struct sender *s)
{
	__u32 device = device_to(p, host);
	__u64 here = netns_id();
	int i;

	for (i = 0; device != UNKNOWN_DEVICE && i < XR_MAX_DEVICES; i++) {
		const struct xr_device *d = &p->devices[i];

		if (!d->ifindex || d->role != XR_ROLE_NODE || d->netns != here)
			continue;
		if (device && (d->ifindex == device || netlink_master_of(d->ifindex) == device))
			continue;
		s->ifindex[s->n++] = d->ifindex;
	}
}

int announce_vm(struct plane *p, __u32 vm_index, struct xr_err *err)
{
	struct xr_gateway gateways[XR_MAX_GATEWAYS];
	__u64 key = p->vms[vm_index].key;
	__u32 mark = XR_MARK_ANNOUNCED;
	struct sender s = { .n = 0 };
	__u8 mac[6];

	choose_devices(p, vm_now(p, vm_index).host, &s);
	if (!s.n)
		return 0;
	/* Protocol 0: it sends, and receives nothing. */
	s.fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (s.fd < 0)
		return xr_fail(err, -errno, "announcing: a packet socket: %s", strerror(errno));
	/* By the mark our own programs know that it is not the old host's announcement. */
	setsockopt(s.fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark));
	complete_macs(p->gateways, gateways);
	vm_mac_of(key, mac);
	announce_frames(mac, vm_vlan_of(key),
			(const __be32(*)[XR_ADDR_WORDS])p->vm_info[vm_index].addr, XR_VM_ADDRS,
			gateways, XR_MAX_GATEWAYS, send_frame, &s);
	close(s.fd);
	return s.failed ? xr_fail(err, -s.failed, "announcing: %s", strerror(s.failed)) : 0;
}
