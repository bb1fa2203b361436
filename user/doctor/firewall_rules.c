// SPDX-License-Identifier: GPL-2.0-only
/*
 * nftables' rules that drop a UDP port, as "nft add rule ... udp dport 4789 drop" makes them,
 * or all that no rule before accepts; and policies that do. What another chain does is not
 * weighed: a chain in which an earlier rule may let the port pass is left out, so that nothing
 * is called wrong that may be right.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "firewall_priv.h"
#include "model/model_edit.h"
#include "net/netlink.h"

#define NO_VERDICT INT32_MAX

/* A base chain that packets to this machine pass. */
struct chain {
	const char *family;
	char table[64], name[64];
	bool drops; /* its policy */
	/* A bit per end: a rule so far may let it pass; or drops it. */
	__u32 unclear, dropped;
};

struct search {
	const struct firewall_end *end;
	size_t ends;
	void (*each)(void *ctx, const struct firewall_drop *drop);
	void *ctx;
	struct chain *chain;
	size_t chains;
};

/* ---- a rule ---- */

enum looks { LOOKS_ELSEWHERE, LOOKS_PROTOCOL, LOOKS_DPORT, LOOKS_DEVICE };

struct facts {
	enum looks looks; /* of the last expression */
	bool proto_known, dport_known, lo, ct;
	bool narrower; /* it looks at more than protocol and port */
	__u8 proto;
	__u16 dport;
	__s32 verdict;
};

static const struct nlattr *nested(const struct nlattr *in, int type)
{
	const struct nlattr *a;

	if (!in)
		return NULL;
	mnl_attr_for_each_nested(a, in)
		if (mnl_attr_get_type(a) == type)
			return a;
	return NULL;
}

static __u32 number(const struct nlattr *in, int type)
{
	const struct nlattr *a = nested(in, type);

	return a ? ntohl(mnl_attr_get_u32(a)) : 0;
}

static enum looks payload_looks(const struct nlattr *e)
{
	return number(e, NFTA_PAYLOAD_BASE) == NFT_PAYLOAD_TRANSPORT_HEADER &&
			number(e, NFTA_PAYLOAD_OFFSET) == 2 && number(e, NFTA_PAYLOAD_LEN) == 2
		? LOOKS_DPORT
		: LOOKS_ELSEWHERE;
}

static enum looks meta_looks(const struct nlattr *e)
{
	switch (number(e, NFTA_META_KEY)) {
	case NFT_META_L4PROTO:
		return LOOKS_PROTOCOL;
	case NFT_META_IIFNAME:
		return LOOKS_DEVICE;
	default:
		return LOOKS_ELSEWHERE;
	}
}

static void compare(struct facts *f, const struct nlattr *e)
{
	const struct nlattr *value = nested(nested(e, NFTA_CMP_DATA), NFTA_DATA_VALUE);
	const __u8 *data = value ? mnl_attr_get_payload(value) : NULL;
	size_t len = value ? mnl_attr_get_payload_len(value) : 0;
	bool equal = number(e, NFTA_CMP_OP) == NFT_CMP_EQ;

	if (f->looks == LOOKS_PROTOCOL && equal && len) {
		f->proto_known = true;
		f->proto = *data;
	} else if (f->looks == LOOKS_DPORT && equal && len == 2) {
		f->dport_known = true;
		f->dport = data[0] << 8 | data[1];
	} else {
		f->narrower = true;
		f->lo |= f->looks == LOOKS_DEVICE && equal && len > 2 && !memcmp(data, "lo", 3);
	}
}

static void take_expression(struct facts *f, const char *name, const struct nlattr *e)
{
	const struct nlattr *verdict;

	if (!strcmp(name, "payload")) {
		f->looks = payload_looks(e);
	} else if (!strcmp(name, "meta")) {
		f->looks = meta_looks(e);
	} else if (!strcmp(name, "cmp")) {
		compare(f, e);
	} else if (!strcmp(name, "immediate")) {
		verdict = nested(nested(e, NFTA_IMMEDIATE_DATA), NFTA_DATA_VERDICT);
		if (verdict)
			f->verdict = number(verdict, NFTA_VERDICT_CODE);
	} else if (!strcmp(name, "reject")) {
		f->verdict = NF_DROP;
	} else if (strcmp(name, "counter") && strcmp(name, "log")) {
		f->ct |= !strcmp(name, "ct");
		f->looks = LOOKS_ELSEWHERE;
		f->narrower = true;
	}
}

static struct facts facts_of(const struct nlattr *expressions)
{
	struct facts f = { .verdict = NO_VERDICT };
	const struct nlattr *a, *name;

	if (!expressions)
		return f;
	mnl_attr_for_each_nested(a, expressions) {
		name = nested(a, NFTA_EXPR_NAME);
		if (name)
			take_expression(&f, mnl_attr_get_str(name), nested(a, NFTA_EXPR_DATA));
	}
	return f;
}

/* It is for UDP to that port, and for more, or not. */
static bool is_for(const struct facts *f, __u16 port)
{
	return (!f->proto_known || f->proto == IPPROTO_UDP) &&
		(!f->dport_known || f->dport == port);
}

/* Replies and what comes by lo are no packets of other nodes. */
static bool may_pass(const struct facts *f)
{
	return f->verdict != NF_DROP && !f->lo && !(f->ct && !f->dport_known) &&
		(f->verdict != NO_VERDICT || f->narrower);
}

/* ---- the kernel's lists ---- */

static struct chain *find(struct search *s, const char *family, const char *table, const char *name)
{
	struct chain *c;

	for (c = s->chain; family && table && name && c < s->chain + s->chains; c++)
		if (c->family == family && !strcmp(c->table, table) && !strcmp(c->name, name))
			return c;
	return NULL;
}

static void on_chain(void *ctx, const struct firewall_chain *c)
{
	struct search *s = ctx;
	struct chain *to;

	if (!c->receives)
		return;
	to = model_grow(&s->chain, &s->chains, sizeof(*to));
	if (!to)
		return;
	*to = (struct chain){ .family = c->family, .drops = c->drops };
	strncpy(to->table, c->table, sizeof(to->table) - 1);
	strncpy(to->name, c->name, sizeof(to->name) - 1);
}

static bool is_of(const struct chain *c, const struct firewall_end *end)
{
	return !strcmp(c->family, "inet") || !strcmp(c->family, end->v6 ? "ip6" : "ip");
}

static void tell(const struct search *s, const struct chain *c, size_t end, __u64 handle, bool all)
{
	s->each(s->ctx,
		&(struct firewall_drop){
			.chain = { .family = c->family, .table = c->table, .name = c->name },
			.handle = handle,
			.port = s->end[end].port,
			.all = all });
}

static void judge_rule(const struct search *s, struct chain *c, const struct facts *f, __u64 handle)
{
	size_t i;

	for (i = 0; i < s->ends; i++) {
		if (!is_of(c, &s->end[i]) || c->unclear >> i & 1 || !is_for(f, s->end[i].port))
			continue;
		if (may_pass(f)) {
			c->unclear |= 1U << i;
		} else if (f->verdict == NF_DROP && !f->narrower) {
			c->dropped |= 1U << i;
			tell(s, c, i, handle, !f->dport_known);
		}
	}
}

static int on_rule(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nfgenmsg *gen = mnl_nlmsg_get_payload(nlh);
	const char *table = NULL, *name = NULL;
	const struct nlattr *a, *expressions = NULL;
	struct search *s = ctx;
	struct chain *c;
	struct facts f;
	__u64 handle = 0;

	mnl_attr_for_each(a, nlh, sizeof(*gen)) {
		switch (mnl_attr_get_type(a)) {
		case NFTA_RULE_TABLE:
			table = mnl_attr_get_str(a);
			break;
		case NFTA_RULE_CHAIN:
			name = mnl_attr_get_str(a);
			break;
		case NFTA_RULE_HANDLE:
			handle = be64toh(mnl_attr_get_u64(a));
			break;
		case NFTA_RULE_EXPRESSIONS:
			expressions = a;
			break;
		}
	}
	c = find(s, firewall_family(gen->nfgen_family), table, name);
	if (c) {
		f = facts_of(expressions);
		judge_rule(s, c, &f, handle);
	}
	return MNL_CB_OK;
}

/* Behind all of its rules. */
static void judge_policy(const struct search *s, const struct chain *c)
{
	size_t i;

	for (i = 0; c->drops && i < s->ends; i++)
		if (is_of(c, &s->end[i]) && !((c->unclear | c->dropped) >> i & 1))
			tell(s, c, i, 0, true);
}

int firewall_each_drop(const struct firewall_end *ends, size_t n,
		       void (*each)(void *ctx, const struct firewall_drop *drop), void *ctx)
{
	struct search s = {
		.end = ends, .ends = n < FIREWALL_ENDS ? n : FIREWALL_ENDS, .each = each, .ctx = ctx
	};
	int ret = firewall_each_chain(on_chain, &s);
	size_t i;

	if (!ret && s.chains)
		ret = firewall_dump(NFT_MSG_GETRULE, on_rule, &s);
	for (i = 0; !ret && i < s.chains; i++)
		judge_policy(&s, &s.chain[i]);
	free(s.chain);
	return ret;
}
