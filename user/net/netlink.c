// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include "lib/text.h"
#include "netlink.h"

int netlink_open(struct netlink *nl)
{
	nl->seq = 0;
	nl->sock = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!nl->sock)
		return -errno;
	if (mnl_socket_bind(nl->sock, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	return 0;
}

void netlink_close(struct netlink *nl)
{
	if (nl->sock)
		mnl_socket_close(nl->sock);
	nl->sock = NULL;
}

struct nlmsghdr *netlink_message(struct netlink *nl, int type, int flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(nl->buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	nlh->nlmsg_seq = ++nl->seq;
	return nlh;
}

/*
 * What is listed changed meanwhile. libmnl would end at such a message, and leave the rest of the
 * list to whoever asks next.
 */
static bool take_interrupted(void *buf, int len)
{
	struct nlmsghdr *nlh;
	bool interrupted = false;

	for (nlh = buf; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len)) {
		interrupted |= nlh->nlmsg_flags & NLM_F_DUMP_INTR;
		nlh->nlmsg_flags &= ~NLM_F_DUMP_INTR;
	}
	return interrupted;
}

int netlink_request(struct netlink *nl, mnl_cb_t cb, void *ctx)
{
	struct nlmsghdr *nlh = (void *)nl->buf;
	bool interrupted = false;
	unsigned int port;
	ssize_t got;
	int ret;

	if (!nl->sock)
		return -ENOTCONN;
	port = mnl_socket_get_portid(nl->sock);
	if (mnl_socket_sendto(nl->sock, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	do {
		got = mnl_socket_recvfrom(nl->sock, nl->buf, sizeof(nl->buf));
		if (got < 0)
			return -errno;
		interrupted |= take_interrupted(nl->buf, got);
		ret = mnl_cb_run(nl->buf, got, nl->seq, port, cb, ctx);
	} while (ret > MNL_CB_STOP);
	if (ret < 0)
		return -errno;
	return interrupted ? -EINTR : 0;
}

struct mnl_socket *netlink_subscribe(const int *groups, size_t n)
{
	struct mnl_socket *sock = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int error;
	size_t i;

	if (!sock)
		return NULL;
	if (mnl_socket_bind(sock, 0, MNL_SOCKET_AUTOPID) < 0)
		goto fail;
	for (i = 0; i < n; i++)
		if (mnl_socket_setsockopt(sock, NETLINK_ADD_MEMBERSHIP, (void *)&groups[i],
					  sizeof(groups[i])) < 0)
			goto fail;
	return sock;
fail:
	error = errno;
	mnl_socket_close(sock);
	errno = error;
	return NULL;
}

/*
 * A socket that had no room once drops all that follows, without another word, until it has been
 * read to its end: so what was lost is told only then.
 */
#define READ_OUT 65536

bool netlink_reports(int fd, mnl_cb_t cb, void *ctx)
{
	bool lost = false;
	char buf[32768];
	ssize_t got;
	int i;

	for (i = 0; i < (lost ? READ_OUT : 16); i++) {
		got = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		lost |= got < 0 && errno == ENOBUFS;
		if (got > 0)
			mnl_cb_run(buf, got, 0, 0, cb, ctx);
		else if (!lost || (got < 0 && errno == EAGAIN))
			break;
	}
	return lost;
}

void netlink_put_addr(struct nlmsghdr *nlh, int type, const __be32 *addr)
{
	if (addr_is_ipv4(addr))
		mnl_attr_put(nlh, type, 4, &addr[3]);
	else
		mnl_attr_put(nlh, type, 16, addr);
}

void netlink_get_addr(const struct nlattr *a, __be32 *addr)
{
	const void *data = mnl_attr_get_payload(a);

	if (mnl_attr_get_payload_len(a) == 16) {
		memcpy(addr, data, 16);
	} else if (mnl_attr_get_payload_len(a) == 4) {
		addr[0] = addr[1] = 0;
		addr[2] = htonl(0xffff);
		memcpy(&addr[3], data, 4);
	}
}

static int on_link(const struct nlmsghdr *nlh, void *master)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(struct ifinfomsg))
		if (mnl_attr_get_type(a) == IFLA_MASTER)
			*(__u32 *)master = mnl_attr_get_u32(a);
	return MNL_CB_OK;
}

__u32 netlink_master_of(__u32 ifindex)
{
	struct netlink nl = { 0 };
	struct ifinfomsg *ifi;
	__u32 master = 0;

	if (!netlink_open(&nl)) {
		ifi = mnl_nlmsg_put_extra_header(netlink_message(&nl, RTM_GETLINK, 0),
						 sizeof(*ifi));
		ifi->ifi_index = ifindex;
		netlink_request(&nl, on_link, &master);
	}
	netlink_close(&nl);
	return master;
}

const __u8 *netlink_neigh_mac(const struct nlmsghdr *nlh)
{
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a;

	if (!(ndm->ndm_state & NEIGH_GOOD))
		return NULL;
	mnl_attr_for_each(a, nlh, sizeof(*ndm))
		if (mnl_attr_get_type(a) == NDA_LLADDR && mnl_attr_get_payload_len(a) == 6)
			return mnl_attr_get_payload(a);
	return NULL;
}

bool netlink_neigh_is_kept(const struct nlmsghdr *nlh)
{
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a;
	bool kept = ndm->ndm_state & (NUD_PERMANENT | NUD_NOARP);

	mnl_attr_for_each(a, nlh, sizeof(*ndm))
		if (mnl_attr_get_type(a) == XR_NDA_FLAGS_EXT)
			kept |= mnl_attr_get_u32(a) & NTF_EXT_MANAGED;
	return kept;
}
