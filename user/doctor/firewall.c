// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "firewall_priv.h"
#include "net/netlink.h"

struct search {
	void (*each)(void *ctx, const struct firewall_chain *c);
	void *ctx;
};

const char *firewall_family(__u8 family)
{
	switch (family) {
	case NFPROTO_IPV4:
		return "ip";
	case NFPROTO_IPV6:
		return "ip6";
	case NFPROTO_INET:
		return "inet";
	default:
		return NULL;
	}
}

static int on_chain(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nfgenmsg *gen = mnl_nlmsg_get_payload(nlh);
	struct firewall_chain c = { .family = firewall_family(gen->nfgen_family) };
	__u32 hook = NF_INET_NUMHOOKS;
	const struct nlattr *a, *b;
	struct search *s = ctx;

	mnl_attr_for_each(a, nlh, sizeof(*gen)) {
		switch (mnl_attr_get_type(a)) {
		case NFTA_CHAIN_TABLE:
			c.table = mnl_attr_get_str(a);
			break;
		case NFTA_CHAIN_NAME:
			c.name = mnl_attr_get_str(a);
			break;
		case NFTA_CHAIN_POLICY:
			c.drops = ntohl(mnl_attr_get_u32(a)) == NF_DROP;
			break;
		case NFTA_CHAIN_HOOK:
			mnl_attr_for_each_nested(b, a)
				if (mnl_attr_get_type(b) == NFTA_HOOK_HOOKNUM)
					hook = ntohl(mnl_attr_get_u32(b));
			break;
		}
	}
	c.forwards = hook == NF_INET_FORWARD;
	c.receives = hook == NF_INET_PRE_ROUTING || hook == NF_INET_LOCAL_IN;
	if (c.family && c.table && c.name)
		s->each(s->ctx, &c);
	return MNL_CB_OK;
}

int firewall_dump(int message, mnl_cb_t cb, void *ctx)
{
	struct netlink nl = { 0 };
	struct nfgenmsg *gen;
	int ret;

	nl.sock = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!nl.sock)
		return errno == EPROTONOSUPPORT ? 0 : -errno; /* a kernel without netfilter */
	ret = mnl_socket_bind(nl.sock, 0, MNL_SOCKET_AUTOPID) < 0 ? -errno : 0;
	if (!ret) {
		gen = mnl_nlmsg_put_extra_header(
			netlink_message(&nl, NFNL_SUBSYS_NFTABLES << 8 | message, NLM_F_DUMP),
			sizeof(*gen));
		gen->nfgen_family = NFPROTO_UNSPEC;
		gen->version = NFNETLINK_V0;
		ret = netlink_request(&nl, cb, ctx);
	}
	netlink_close(&nl);
	/* A kernel without nftables has no chains. */
	return ret == -EINVAL || ret == -EOPNOTSUPP ? 0 : ret;
}

int firewall_each_chain(void (*each)(void *ctx, const struct firewall_chain *c), void *ctx)
{
	struct search s = { each, ctx };

	return firewall_dump(NFT_MSG_GETCHAIN, on_chain, &s);
}
