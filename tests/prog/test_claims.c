/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every way to claim a locked VM's name, behind every wrapping: tags, extension
 * headers, any length, a tunnel. Each is dropped where the switch would take it
 * for the VM's; what claims nothing passes behind the same wrappings, as long as it
 * can be read to its end.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include "lib/vms.h"
#include "lib/worlds.h"

#define THIEF "52:54:00:99:99:99"
#define VM_LL "fe80::5054:ff:fe12:3456"
#define TEXT  8192

/* The VM is here, behind "out"; frames come in at "in". */
/* clang-format off */
#define WORLD(more)                                                            \
	GATEWAYS HOSTS(HOST_VXLAN("here", "10.1.0.254", ", local: true")       \
	      HOST_VXLAN("far", "10.2.0.1", ""))                               \
	VMS(VM_AT(VM, "here", ", tap: out, lock: true, addresses: "            \
	      "[10.9.0.10, \"fd09::10\"]" more))
/* clang-format on */

/* ---- what is said ---- */

/* %s: the tags. */
static const char *const claims[] = {
	"eth src=" VM "%s / ip4 src=10.9.0.10 / udp",
	"eth src=" VM "%s / ip4 src=10.1.1.1 mf / fill 64",
	"eth src=" VM "%s / ip6 src=fd09::10 / tcp",
	"eth src=" VM "%s / fill 46",
	"eth src=" VM " dst=ff:ff:ff:ff:ff:ff%s / rarp",
	"eth src=" VM " dst=ff:ff:ff:ff:ff:ff%s / arp sip=10.9.0.10 tip=10.9.0.10",
	"eth src=" VM " dst=ff:ff:ff:ff:ff:ff%s / arp tip=10.9.0.10",
	"eth src=" THIEF " dst=ff:ff:ff:ff:ff:ff%s / arp sip=10.9.0.10 tip=10.9.0.1",
	"eth src=" THIEF "%s / arp op=2 sip=10.9.0.10 tip=10.9.0.1",
	"eth src=" THIEF " dst=ff:ff:ff:ff:ff:ff%s / arp tip=10.9.0.10",
	"eth src=" THIEF "%s / arp op=2 sha=" VM " sip=10.9.0.99 tip=10.9.0.1",
	"eth src=" THIEF "%s / arp htype=6 op=2 sip=10.9.0.10 tip=10.9.0.1",
};

static const char *const innocent[] = {
	"eth src=" THIEF "%s / ip4 src=10.9.0.99 / udp",
	"eth src=" THIEF "%s / ip4 src=10.9.0.10 / udp", /* a router's */
	"eth src=" THIEF "%s / ip4 src=10.9.0.99 mf / fill 64",
	"eth src=" THIEF "%s / ip6 src=fd09::99 / tcp",
	"eth src=" THIEF "%s / ip6 src=fd09::99 / frag off=64 next=58 / fill 64",
	/* A tunnel of its own. */
	"eth src=" THIEF "%s / ip4 dst=10.9.0.77 / udp dport=4789 / vxlan 42 / "
	"eth src=" VM " / ip4 src=10.9.0.10 / udp",
	"eth src=" THIEF "%s / fill 46",
	"eth src=" THIEF " dst=ff:ff:ff:ff:ff:ff%s / rarp",
	"eth src=" THIEF " dst=ff:ff:ff:ff:ff:ff%s / arp sip=10.9.0.99 tip=10.9.0.10",
	"eth src=" THIEF " dst=ff:ff:ff:ff:ff:ff%s / arp tip=10.9.0.99",
	"eth src=" THIEF "%s / arp op=2 sip=10.9.0.99 tip=10.9.0.10",
};

/* Neighbour discovery: an ICMPv6 message, its fixed part and options in hex. */
struct nd {
	const char *src, *ip;
	unsigned int type, rest;
	const char *body, *options;
};

#define A_VM      "fd090000000000000000000000000010"
#define A_VM_LL   "fe80000000000000505400fffe123456"
#define A_OTHER   "fd090000000000000000000000000099"
#define A_NEXT    "fd090000000000000000000000000001"
#define SLL_VM    "0101525400123456"
#define TLL_VM    "0201525400123456"
#define SLL_OTHER "0101525400999999"
#define TLL_OTHER "0201525400999999"
#define RA        "0000000000000000"

static const struct nd nd_claims[] = {
	{ THIEF, "fd09::99", 136, 0x20000000, A_VM, TLL_OTHER },
	{ THIEF, "fd09::99", 136, 0x60000000, A_VM, TLL_OTHER },
	{ THIEF, "fd09::99", 136, 0x20000000, A_VM, "" },
	{ THIEF, "fd09::99", 136, 0x20000000, A_VM_LL, TLL_OTHER },
	{ THIEF, "fd09::10", 136, 0x20000000, A_OTHER, TLL_OTHER },
	{ THIEF, "fd09::99", 136, 0x20000000, A_OTHER, TLL_VM },
	{ THIEF, "fd09::99", 136, 0x20000000, A_OTHER, TLL_VM TLL_OTHER },
	{ THIEF, "fd09::99", 136, 0x20000000, A_OTHER, TLL_OTHER TLL_VM },
	{ VM, "fd09::10", 136, 0x20000000, A_VM, TLL_VM },
	{ THIEF, "fd09::10", 135, 0, A_NEXT, SLL_OTHER },
	{ THIEF, VM_LL, 135, 0, A_NEXT, SLL_OTHER },
	{ THIEF, "fd09::99", 135, 0, A_NEXT, SLL_VM },
	{ THIEF, "::", 135, 0, A_VM, "" },
	{ THIEF, "fd09::10", 133, 0, "", SLL_OTHER },
	{ THIEF, "fe80::99", 133, 0, "", SLL_VM },
	{ THIEF, VM_LL, 134, 0x40000708, RA, SLL_OTHER },
	{ THIEF, "fe80::99", 134, 0x40000708, RA, SLL_VM },
	{ THIEF, "fe80::99", 137, 0, A_VM A_VM, TLL_OTHER },
	{ THIEF, "fe80::99", 137, 0, A_OTHER A_NEXT, TLL_VM },
};

static const struct nd nd_innocent[] = {
	{ THIEF, "fd09::99", 136, 0x20000000, A_OTHER, TLL_OTHER },
	{ THIEF, "fd09::99", 136, 0x60000000, A_OTHER, TLL_OTHER TLL_OTHER },
	{ THIEF, "fd09::99", 136, 0x60000000, A_OTHER, "0201020000000077" },
	{ THIEF, "fd09::99", 135, 0, A_VM, SLL_OTHER },
	{ THIEF, "::", 135, 0, A_OTHER, "" },
	{ THIEF, "fd09::99", 133, 0, "", SLL_OTHER },
	{ THIEF, "fe80::99", 134, 0x40000708, RA, SLL_OTHER },
	{ THIEF, "fe80::99", 137, 0, A_OTHER A_NEXT, TLL_OTHER },
	{ THIEF, "fd09::99", 128, 0x10001, "", "" }, /* ping */
	{ THIEF, "fe80::99", 143, 0, "", "" },       /* MLD */
};

/* ---- wrappings ---- */

static const struct tags {
	const char *text;
	bool vlan; /* there is one */
	bool deep; /* too many to be read */
} tags[] = {
	{ "", false, false },
	{ " / vlan 0 pcp=5", false, false },
	{ " / vlan 0 / vlan 0", false, false },
	{ " / vlan 0 tpid=0x88a8 / vlan 0", false, false },
	{ " / vlan 7", true, false },
	{ " / vlan 7 tpid=0x88a8", true, false },
	{ " / vlan 0 / vlan 7", true, false },
	{ " / vlan 7 / vlan 8", true, false },
	{ " / vlan 0 / vlan 0 / vlan 0", false, true },
	{ " / vlan 7 / vlan 8 / vlan 9", true, true },
	{ " / vlan 0 / vlan 0 / vlan 0 / vlan 0 / vlan 0", false, true },
	{ " / vlan 1 / vlan 2 / vlan 3 / vlan 4 / vlan 5 / vlan 6", true, true },
};

#define D  "dstopts / "
#define D8 D D D D D D D D

static const struct headers {
	const char *text;
	bool hidden; /* what is behind cannot be read to its end */
} headers[] = {
	{ "", false },
	{ "hopopts / ", false },
	{ D, false },
	{ "routing / ", false },
	{ "ah / ", false },
	{ "frag / ", false },
	{ "hopopts / dstopts / routing / frag / ah / dstopts / ", false },
	{ D8, false },
	{ "dstopts data="
	  "01140000000000000000000000000000000000000000 / ",
	  false },
	{ D8 D, true },
	{ D8 D D D D, true },
	{ "hopopts / " D8, true },
};

/* Octets of further options, of a kind that nobody knows. */
static const int lengths[] = { 0, 8, 216, 224, 232, 240, 504, 1024, 1400 };

#define UDP "udp sport=50000 dport=4789 csum=0 / vxlan 100 / "

static const struct tunnel_text {
	const char *text;
	bool hidden;
} tunnels[] = {
	{ "", false },
	{ "eth / ip4 src=10.9.9.9 dst=10.1.0.254 / " UDP, false },
	{ "eth / ip4 src=10.2.0.1 dst=10.1.0.254 / " UDP, false },
	{ "eth / ip4 src=10.2.0.1 dst=10.1.0.254 opts=01010101 / " UDP, false },
	{ "eth / ip4 src=10.2.0.1 dst=10.1.0.254 mf / " UDP, false },
	{ "eth / vlan 0 / vlan 0 / ip4 src=10.2.0.1 dst=10.1.0.254 / " UDP, false },
	{ "eth / vlan 3 / vlan 4 / ip4 src=10.2.0.1 dst=10.1.0.254 / " UDP, false },
	{ "eth / vlan 0 / vlan 0 / vlan 0 / ip4 src=10.2.0.1 dst=10.1.0.254 / " UDP, true },
	/* One in another. */
	{ "eth / ip4 src=10.2.0.1 dst=10.1.0.254 / " UDP
	  "eth / ip4 src=10.2.0.1 dst=10.1.0.254 opts=01010101 / " UDP,
	  true },
	/* At another of its addresses, to a group, to everybody. */
	{ "eth / ip4 src=10.9.9.9 dst=10.1.0.253 / " UDP, false },
	{ "eth dst=01:00:5e:01:01:01 / ip4 src=10.9.9.9 dst=239.1.1.1 / " UDP, false },
	{ "eth dst=ff:ff:ff:ff:ff:ff / ip4 src=10.9.9.9 dst=10.1.0.254 / " UDP, false },
	{ "eth / ip6 dst=fd01::fe / " UDP, false },
	{ "eth / ip6 dst=fd01::fe / " D UDP, false },
	{ "eth / ip6 dst=fd01::fe / hopopts / routing / " UDP, false },
	{ "eth / ip6 dst=fd01::fe / frag mf / " UDP, false },
	{ "eth / ip6 dst=fd01::fe / " D8 UDP, false },
	{ "eth / ip6 dst=fd01::fe / " D8 D UDP, true },
};

static const enum xr_switch switches[] = {
	XR_SWITCH_NONE,
	XR_SWITCH_MACS,
	XR_SWITCH_VLANS,
	XR_SWITCH_OTHER,
};

/* ---- running ---- */

static long ran;

static void check(const char *text, bool drop, const char *why)
{
	struct packet p = packet("%s", text);
	struct result r = run_prog(world_prog(), &p);

	ran++;
	if (r.action != (drop ? XDP_DROP : XDP_PASS))
		fail_msg("%s (%s): action %u", text, why, r.action);
}

/*
 * Whether a frame of these tags may be in the VM's segment, which has none: in a
 * tunnel it is, and where the switch does not look at tags.
 */
static bool may_be(enum xr_switch sw, const struct tags *t, bool tunnelled)
{
	return tunnelled || sw == XR_SWITCH_MACS || sw == XR_SWITCH_VLANS || !t->vlan;
}

static const char *const sw_name[] = { "no switch", "MACs", "VLANs", "other" };

static void set_switch(enum xr_switch sw)
{
	world_plane()->ports[0].sw = sw;
	world_plane()->ports[0].pvid = 1;
	world_plane()->ports[0].tpid = htons(0x8100);
}

static void put(const struct tunnel_text *u, const char *frame, const struct tags *t,
		enum xr_switch sw, bool claim, bool hidden)
{
	bool drop = u->hidden || t->deep || hidden || (claim && may_be(sw, t, *u->text));
	char inner[TEXT], text[TEXT];

	snprintf(inner, sizeof(inner), frame, t->text);
	snprintf(text, sizeof(text), "%s%s", u->text, inner);
	check(text, drop, sw_name[sw]);
}

static void frames(void **state)
{
	world(WORLD(""));
	for (size_t s = 0; s < ARRAY_LEN(switches); s++) {
		set_switch(switches[s]);
		for (size_t u = 0; u < ARRAY_LEN(tunnels); u++)
			for (size_t t = 0; t < ARRAY_LEN(tags); t++) {
				for (size_t i = 0; i < ARRAY_LEN(claims); i++)
					put(&tunnels[u], claims[i], &tags[t], switches[s], true,
					    false);
				for (size_t i = 0; i < ARRAY_LEN(innocent); i++)
					put(&tunnels[u], innocent[i], &tags[t], switches[s], false,
					    false);
			}
	}
}

/* Between tags (%s) and the message: the packet; behind, as many octets. */
static void nd_frame(char *to, const struct nd *n, const struct headers *h, int octets)
{
	int at = snprintf(to, TEXT,
			  "eth src=%s dst=33:33:00:00:00:01%%s / "
			  "ip6 src=%s dst=ff02::1 hlim=255 / %sicmp6 type=%u "
			  "rest=%u",
			  n->src, n->ip, h->text, n->type, n->rest);

	if (*n->body || *n->options || octets)
		at += snprintf(to + at, TEXT - at, " / hex %s%s", n->body, n->options);
	if (octets)
		at += snprintf(to + at, TEXT - at, "fd%02x%0*x", octets / 8, 2 * octets - 4, 0);
}

static void nd(const struct nd *n, const struct headers *h, int octets, size_t t, size_t u,
	       enum xr_switch sw, bool claim)
{
	char frame[TEXT];

	nd_frame(frame, n, h, octets);
	put(&tunnels[u], frame, &tags[t], sw, claim, h->hidden);
}

static void all_nd(const struct nd *n, enum xr_switch sw, bool claim)
{
	for (size_t h = 0; h < ARRAY_LEN(headers); h++)
		for (size_t l = 0; l < ARRAY_LEN(lengths); l++)
			nd(n, &headers[h], lengths[l], 0, 0, sw, claim);
	/* Every wrapping with every other; of headers and lengths, some. */
	for (size_t u = 0; u < ARRAY_LEN(tunnels); u++)
		for (size_t t = 0; t < ARRAY_LEN(tags); t++) {
			nd(n, &headers[0], 0, t, u, sw, claim);
			nd(n, &headers[(u + t) % ARRAY_LEN(headers)],
			   lengths[(u * 5 + t) % ARRAY_LEN(lengths)], t, u, sw, claim);
		}
}

static void neighbour_discovery(void **state)
{
	world(WORLD(""));
	for (size_t s = 0; s < ARRAY_LEN(switches); s++) {
		set_switch(switches[s]);
		for (size_t i = 0; i < ARRAY_LEN(nd_claims); i++)
			all_nd(&nd_claims[i], switches[s], true);
		for (size_t i = 0; i < ARRAY_LEN(nd_innocent); i++)
			all_nd(&nd_innocent[i], switches[s], false);
	}
	print_message("# %ld frames\n", ran);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(frames),
		TEST(neighbour_discovery),
	};

	return harness_main("claims", tests, ARRAY_LEN(tests));
}
