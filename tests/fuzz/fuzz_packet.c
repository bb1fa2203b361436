/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The loaded program under frames that nobody would send. Of every packet:
 *
 *   exactly one verdict is counted, and the action is one that fits it
 *   what is passed is as it came
 *   what is sent on was for a VIP (a second, plain parser says so) and carries
 *   the client's packet whole
 *
 * The program runs in the kernel, where libFuzzer sees no branches: the reasons
 * counted serve as its coverage.
 */
#include <arpa/inet.h>
#include <xroam/abi.h>
#include "lib/frames.h"
#include "tests/prog/lib/worlds.h"
#include "user/lib/reason.h"

#define CID    "07020202aabbccdd"
#define QUOTE4 "ip4 src=192.0.2.1 dst=10.0.0.1 / "
#define QUOTE6 "ip6 src=2001:db8::1 dst=fd00::1 / "
#define BACK   "udp sport=443 dport=1000 / "

static const char *const texts[] = {
	"eth / ip4 / udp / quic short dcid=" CID " / fill 20",
	"eth / ip4 / udp / quic short dcid=2fcc381bc74cb4fbad2823a3d1f8fed2",
	"eth / ip4 / udp / quic short dcid=504dd2d05a7b0de9b2b9907afb5ecf8cc3",
	"eth / ip4 / udp / quic long dcid=" CID " scid=0102 / fill 20",
	"eth / ip4 / udp / quic long version=2 dcid=67 / fill 20",
	"eth / ip4 / udp / fill 1200",
	"eth / ip4 / udp dport=80 / fill 10",
	"eth / ip4 / tcp syn opts=020405b4",
	"eth / ip4 / tcp ack / fill 1400",
	"eth / ip4 opts=0101010101010101 / udp / quic short dcid=" CID,
	"eth / vlan 5 / ip4 / udp / quic short dcid=" CID,
	"eth / vlan 5 tpid=0x88a8 / vlan 6 / ip6 / udp / quic short dcid=" CID,
	"eth / vlan 5 / vlan 6 / vlan 7 / ip4 / udp",
	"eth / ip4 mf / udp / fill 24",
	"eth / ip4 off=8 / fill 24",
	"eth / ip6 / udp / quic short dcid=" CID " / fill 20",
	"eth / ip6 / udp / quic long dcid=" CID " scid=0102 / fill 20",
	"eth / ip6 / tcp syn",
	"eth / ip6 / tcp ack / fill 1400",
	"eth / ip6 / hopopts / dstopts / routing / frag / ah / udp / "
	"quic short dcid=" CID,
	"eth / ip6 / ah data=0000000000000000 / tcp ack / fill 9",
	"eth / ip6 / frag mf / udp / fill 24",
	"eth / ip4 / icmp4 ( " QUOTE4 BACK "quic long dcid=01 scid=" CID " )",
	"eth / ip4 / icmp4 code=4 mtu=1280 ( " QUOTE4 BACK "fill 9 )",
	"eth / ip4 / icmp4 type=11 ( " QUOTE4 "tcp sport=443 dport=1000 ack )",
	"eth / ip4 / icmp4 ( ip4 opts=01010101 src=192.0.2.1 dst=10.0.0.1 / " BACK "fill 9 )",
	"eth / ip6 / icmp6 ( " QUOTE6 BACK "quic long dcid=01 scid=" CID " )",
	"eth / ip6 / icmp6 type=2 mtu=1280 ( " QUOTE6 "tcp sport=443 dport=1000 ack )",
	"eth / ip4 / icmp4 type=8 / fill 8",
	"eth / ip6 / icmp6 type=135",
	"eth / ip4 / ip4 / udp",
	"eth type=0x0806 / zero 28",
	"eth / ip4 ttl=1 / tcp syn",
	"eth / ip4 / udp len=-2 / fill 9",
};

static struct packet frames[ARRAY_LEN(texts)];

__attribute__((section("__libfuzzer_extra_counters"))) static __u8 seen[XR_REASON_MAX * 16];

#define KEY ", key: 8f95f09245765f80256934e50c66207f"

/* clang-format off */
static const char config[] =
	LIMIT_FLOWS("256") RATE("65535") FLOW_VIPS
	"cid:\n"
	"  - {id: 0, format: quic-lb, server_id_length: 3, nonce_length: 4}\n"
	"  - {id: 1, format: quic-lb, server_id_length: 10, nonce_length: 5"
	KEY "}\n"
	"  - {id: 2, format: quic-lb, server_id_length: 8, nonce_length: 8"
	KEY "}\n"
	"backends:\n"
	BACKEND("a", ALL_VIPS) "    address: 10.1.0.1\n    forward: gue\n"
	"    server_ids: [\"ed793a51d49b8f5fab65\"]\n"
	BACKEND("b", ALL_VIPS) "    address: \"fd02::2\"\n    forward: ipip\n"
	"    server_ids: [\"020202\"]\n"
	BACKEND("c", ALL_VIPS) "    address: 10.2.0.3\n    forward: vxlan\n"
	"    vni: 9\n    mac: \"02:aa:00:00:00:01\"\n"
	BACKEND("d", ALL_VIPS) "    address: 10.1.0.4\n    forward: l2\n"
	"    server_ids: [\"ed793a51d49b8f5f\"]\n"
	BACKEND("e", ALL_VIPS) "    address: 10.3.0.5\n    forward: gue\n";
/* clang-format on */

/* ---- the plain parser: is it for a VIP, and where is its IP header? ---- */

/* Where what is not of Ethernet begins, behind two tags at the most. */
static size_t ip_offset(const struct packet *p)
{
	size_t at = sizeof(struct wire_eth);

	for (int tags = 0; tags < 2 && at + sizeof(struct wire_vlan) <= p->len; tags++) {
		/* The type is the last field of either header. */
		__u16 type = get16(p->data + at - 2);

		if (type != ETHERTYPE_VLAN && type != ETHERTYPE_VLANS)
			break;
		at += sizeof(struct wire_vlan);
	}
	return at;
}

/* The header behind ip's and its extension headers; its protocol goes to *proto. */
static const __u8 *transport(const __u8 *ip, const __u8 *end, int *proto)
{
	const struct wire_ip4 *ip4 = (void *)ip;
	const struct wire_ip6 *ip6 = (void *)ip;
	const __u8 *h;

	if (ip4->version_ihl >> 4 == 4) {
		*proto = ip4->proto;
		return ip + ip4_header_len(ip4);
	}
	*proto = ip6->next;
	for (h = (__u8 *)(ip6 + 1); h + 8 <= end;) {
		const struct wire_ext *ext = (void *)h;

		switch (*proto) {
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
			h += (ext->len + 1) * 8;
			break;
		case IPPROTO_FRAGMENT:
			h += sizeof(struct wire_frag);
			break;
		case IPPROTO_AH:
			h += (ext->len + 2) * 4;
			break;
		default:
			return h;
		}
		*proto = ext->next;
	}
	return h;
}

static bool is_vip(bool six, const __u8 *addr, int proto, __be16 port)
{
	static const __u8 vip4[4] = { 192, 0, 2, 1 };
	static const __u8 vip6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 };
	bool udp = proto == IPPROTO_UDP, tcp = proto == IPPROTO_TCP;

	if (memcmp(addr, six ? vip6 : vip4, six ? sizeof(vip6) : sizeof(vip4)))
		return false;
	return (port == htons(443) && (udp || tcp)) || (port == htons(80) && udp && !six);
}

static bool for_a_vip(const struct packet *p)
{
	const __u8 *ip = p->data + ip_offset(p), *end = p->data + p->len, *l4;
	bool six = ip + 1 < end && ip[0] >> 4 == 6;
	size_t ip_len = six ? sizeof(struct wire_ip6) : sizeof(struct wire_ip4);
	const struct wire_ip6 *ip6 = (void *)ip;
	const struct wire_ip4 *ip4 = (void *)ip;
	const struct wire_icmp *icmp;
	const struct wire_udp *ports; /* TCP's stand at the same place */
	int proto;

	if (ip + ip_len > end)
		return false;
	l4 = transport(ip, end, &proto);
	ports = (void *)l4;
	icmp = (void *)l4;
	if (l4 + sizeof(*ports) > end)
		return false;
	if (proto != (six ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		return is_vip(six, six ? ip6->dst : ip4->dst, proto, ports->dport);

	/* An ICMP error: the VIP is the source of what it quotes. */
	if (icmp->quote + ip_len > end)
		return false;
	ip4 = (void *)icmp->quote;
	ip6 = (void *)icmp->quote;
	proto = six ? ip6->next : ip4->proto;
	ports = (void *)(icmp->quote + (six ? ip_len : ip4_header_len(ip4)));
	return (__u8 *)(ports + 1) <= end &&
		is_vip(six, six ? ip6->src : ip4->src, proto, ports->sport);
}

/* What was sent on ends with the packet as it came, but for TTL and checksum. */
static bool carries(const struct result *r)
{
	size_t ip = ip_offset(&r->in), n = r->in.len - ip;

	if (r->out.len < n + sizeof(struct wire_eth))
		return false;
	return forwarded(r->in.data + ip, r->out.data + r->out.len - n, n, true);
}

/* ---- one input ---- */

static void check(const struct packet *p)
{
	struct result r;
	const char *trouble = run_any(p, &r);

	if (trouble)
		wrong(&r, "%s", trouble);
	switch (reason_kind(r.verdict)) {
	case XR_KIND_TX:
		if (!carries(&r))
			wrong(&r, "the client's packet is not whole");
		/* fall through */
	case XR_KIND_REPLY:
	case XR_KIND_DROP:
		if (!for_a_vip(p))
			wrong(&r, "it is not for a VIP");
		break;
	case XR_KIND_PASS:
		break;
	default:
		wrong(&r, "a verdict this program does not have");
	}
	for (int i = 1; i < XR_REASON_MAX; i++)
		if (r.count[i])
			seen[i * 16 + r.verdict % 16] = 1;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	fuzz_start(config);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		frames[i] = packet("%s", texts[i]);
		check(&frames[i]);
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const __u8 *data, size_t size)
{
	struct packet p;

	if (!fuzz_frame(&p, frames, ARRAY_LEN(frames), data, size))
		return -1;
	check(&p);
	return 0;
}
