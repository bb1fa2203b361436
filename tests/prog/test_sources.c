/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who may send something for a VIP: one host, to one host. What comes by
 * broadcast or multicast, or from where no host can be, is dropped, counted,
 * and leaves no flow behind; ICMP errors that are not the VIP's are the kernel's.
 */
#include "lib/harness.h"
#include "lib/worlds.h"

static void no_flows(void)
{
	struct plane *p = world_plane();

	for (__u32 b = 0; b < p->flow_buckets; b++)
		for (int i = 0; i < XR_FLOW_WAYS; i++)
			assert_int_equal(p->flows[b].way[i].backend, 0);
}

/* Plain, tagged, with options; what CIDs and flows bring, and a first packet. */
static void each_kind(const char *eth, const char *src4, const char *src6, const char *reasons)
{
	static const char *const what[] = {
		"tcp syn",
		"tcp ack",
		"udp / quic short dcid=07020202aabbccdd",
		"udp / quic long dcid=67",
		"udp dport=80 / fill 9",
	};
	static const char *const more[] = { "", " ttl=1", " opts=01010101" };
	char text[512];

	for (size_t i = 0; i < ARRAY_LEN(what); i++) {
		for (size_t k = 0; k < ARRAY_LEN(more); k++) {
			snprintf(text, sizeof(text), "%s / ip4 %s%s / %s", eth, src4, more[k],
				 what[i]);
			expect(text, reasons, NULL);
			snprintf(text, sizeof(text), "%s / vlan 5 / ip4 %s%s / %s", eth, src4,
				 more[k], what[i]);
			expect(text, reasons, NULL);
		}
		if (strstr(what[i], "dport=80"))
			continue;
		snprintf(text, sizeof(text), "%s / ip6 %s / %s", eth, src6, what[i]);
		expect(text, reasons, NULL);
		snprintf(text, sizeof(text), "%s / ip6 %s / dstopts / %s", eth, src6, what[i]);
		expect(text, reasons, NULL);
	}
}

static void link_groups(void **state)
{
	world(WORLD_SPREAD);
	each_kind("eth dst=ff:ff:ff:ff:ff:ff", "src=10.0.0.1", "src=fd00::1", "link-group");
	each_kind("eth dst=01:00:5e:00:02:01", "src=10.0.0.1", "src=fd00::1", "link-group");
	each_kind("eth dst=33:33:00:00:00:01", "src=10.0.0.1", "src=fd00::1", "link-group");
	expect("eth dst=ff:ff:ff:ff:ff:ff / ip4 src=10.0.0.77 / icmp4 ( ip4 "
	       "src=192.0.2.1 dst=10.0.0.1 / tcp sport=443 dport=1000 ack )",
	       "link-group", NULL);
	no_flows();
	/* Not ours, so nobody asks how it came. */
	expect("eth dst=ff:ff:ff:ff:ff:ff / ip4 dst=192.0.2.77 / tcp syn", "not-vip", NULL);
	expect("eth dst=ff:ff:ff:ff:ff:ff / ip4 dst=255.255.255.255 / udp", "not-vip", NULL);
	expect("eth / ip4 / tcp syn", "hash flow-new", NULL);
}

static void martians(void **state)
{
	static const char *const v4[] = {
		"0.0.0.0",         "0.0.0.1",         "0.255.255.255", "127.0.0.1",
		"127.255.255.255", "224.0.0.1",       "239.1.2.3",     "240.0.0.1",
		"255.255.255.254", "255.255.255.255", "192.0.2.1",
	};
	static const char *const v6[] = {
		"::",
		"::1",
		"ff02::1",
		"ff0e::1",
		"ffff::1",
		"::ffff:10.0.0.1",
		"::ffff:0.0.0.0",
		"2001:db8::1",
	};
	char a[64], b[64];

	world(WORLD_SPREAD);
	for (size_t i = 0; i < ARRAY_LEN(v4) || i < ARRAY_LEN(v6); i++) {
		snprintf(a, sizeof(a), "src=%s", v4[i < ARRAY_LEN(v4) ? i : 0]);
		snprintf(b, sizeof(b), "src=%s", v6[i < ARRAY_LEN(v6) ? i : 0]);
		each_kind("eth", a, b, "martian");
	}
	no_flows();
}

/* Their neighbours are hosts. */
static void no_martians(void **state)
{
	static const char *const v4[] = {
		"1.0.0.1",        "126.255.255.255", "128.0.0.1",   "223.255.255.255",
		"10.255.255.255", "100.64.0.1",      "169.254.1.1", "192.0.2.2",
	};
	static const char *const v6[] = {
		"::2",     "::1:0",   "::1:0:1",     "::fffe:10.0.0.1", "64:ff9b::1",
		"fe80::1", "fe00::1", "2001:db8::2", "0:0:1::1",        "0:0:0:1::",
	};
	char text[256];

	world(WORLD_TWO);
	for (size_t i = 0; i < ARRAY_LEN(v4); i++) {
		snprintf(text, sizeof(text), "eth / ip4 src=%s / tcp syn", v4[i]);
		expect(text, "hash", NULL);
		snprintf(text, sizeof(text), "eth / vlan 5 / ip4 src=%s / tcp", v4[i]);
		expect(text, "hash", NULL);
	}
	for (size_t i = 0; i < ARRAY_LEN(v6); i++) {
		snprintf(text, sizeof(text), "eth / ip6 src=%s / tcp syn", v6[i]);
		expect(text, "hash", NULL);
	}
}

/* RFC 2131 §4.1: who asks for an address has none. */
static void dhcp(void **state)
{
	world("vips:\n" VIP("192.0.2.1", "67", "udp", ", flow: false")
	      VIP("192.0.2.1", "68", "udp", ", flow: false")
	      "backends:\n  - name: a\n    address: 10.1.0.9\n    vips: "
	      "[\"192.0.2.1:67/udp\", \"192.0.2.1:68/udp\"]\n");
	expect("eth / ip4 src=0.0.0.0 / udp sport=68 dport=67 / fill 240", "hash", NULL);
	expect("eth / ip4 src=0.0.0.1 / udp sport=68 dport=67 / fill 240", "martian", NULL);
	expect("eth / ip4 src=0.0.0.0 / udp sport=67 dport=67 / fill 240", "martian", NULL);
	expect("eth / ip4 src=0.0.0.0 / udp sport=68 dport=68 / fill 240", "martian", NULL);
}

#define QUOTED4                                                       \
	"( ip4 src=192.0.2.1 dst=10.0.0.1 / tcp sport=443 dport=1000" \
	" ack )"
#define QUOTED6                                              \
	"( ip6 src=2001:db8::1 dst=fd00::1 / tcp sport=443 " \
	"dport=1000 ack )"

static void icmp_errors(void **state)
{
	world(WORLD_TWO);
	expect("eth / ip4 src=10.0.0.77 / icmp4 " QUOTED4, "icmp-hash", NULL);
	expect("eth / ip6 src=fd00::77 / icmp6 " QUOTED6, "icmp-hash", NULL);
	/* To somebody else, whatever they quote. */
	expect("eth / ip4 src=10.0.0.77 dst=10.1.0.254 / icmp4 " QUOTED4, "icmp-other", NULL);
	expect("eth / ip4 src=10.0.0.77 dst=192.0.2.2 / icmp4 " QUOTED4, "icmp-other", NULL);
	expect("eth / ip6 src=fd00::77 dst=fd01::fe / icmp6 " QUOTED6, "icmp-other", NULL);
	expect("eth / ip6 src=fd00::77 dst=2001:db8:0:1::1 / icmp6 " QUOTED6, "icmp-other", NULL);
	/* The router that complains, and the client that it is about, are hosts. */
	expect("eth / ip4 src=127.0.0.1 / icmp4 " QUOTED4, "martian", NULL);
	expect("eth / ip4 src=192.0.2.1 / icmp4 " QUOTED4, "martian", NULL);
	expect("eth / ip6 src=ff02::1 / icmp6 " QUOTED6, "martian", NULL);
	expect("eth / ip4 src=10.0.0.77 / icmp4 ( ip4 src=192.0.2.1 "
	       "dst=224.0.0.1 / tcp sport=443 dport=1000 ack )",
	       "martian", NULL);
	expect("eth / ip6 src=fd00::77 / icmp6 ( ip6 src=2001:db8::1 dst=::1 "
	       "/ tcp sport=443 dport=1000 ack )",
	       "martian", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(link_groups), TEST(martians), TEST(no_martians), TEST(dhcp), TEST(icmp_errors),
	};

	return harness_main("sources", tests, ARRAY_LEN(tests));
}
