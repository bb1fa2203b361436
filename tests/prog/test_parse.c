/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What lies before the ports: VLAN tags, IPv4 options, IPv6 extension headers,
 * fragments, lengths that disagree; and what is left to the kernel.
 */
#include "lib/harness.h"
#include "lib/worlds.h"

#define SHORT "quic short dcid=07020202aabbccdd"

struct one {
	const char *packet;
	const char *reasons;
};

static void expect_all(const struct one *each, size_t n)
{
	world(WORLD_TWO);
	for (size_t i = 0; i < n; i++)
		expect(each[i].packet, each[i].reasons, NULL);
}

static void ethernet_and_vlans(void **state)
{
	static const struct one each[] = {
		{ "eth / ip4 / udp / " SHORT, "cid" },
		{ "eth / vlan 5 / ip4 / udp / " SHORT, "cid" },
		{ "eth / vlan 4095 pcp=7 / ip6 / udp / " SHORT, "cid" },
		{ "eth / vlan 5 tpid=0x88a8 / vlan 6 / ip4 / udp / " SHORT, "cid" },
		{ "eth / vlan 5 / vlan 6 / ip6 / udp / " SHORT, "cid" },
		{ "eth / vlan 5 / vlan 6 / vlan 7 / ip4 / udp / " SHORT, "not-ip" },
		{ "eth / vlan 5 tpid=0x9100 / ip4 / udp / " SHORT, "not-ip" },
		{ "eth type=0x0806 / hex 0001080006040001 / zero 20", "not-ip" },
		{ "eth type=0x88cc / zero 46", "not-ip" },
		{ "eth type=0x0800 / zero 0", "malformed-ip" },
		{ "eth type=0x86dd / zero 0", "malformed-ip" },
		{ "eth type=0x8100 / zero 0", "malformed-l2" },
		{ "eth type=46 / zero 46", "not-ip" }, /* IEEE 802.3 */
		/* A type that belongs to the other version. */
		{ "eth type=0x86dd / ip4 / udp / zero 60", "malformed-ip" },
		{ "eth type=0x0800 / ip6 / udp / zero 60", "malformed-ip" },
		/* Frames that are padded to the minimum. */
		{ "eth / ip4 / udp / " SHORT " / pad 9", "cid" },
		{ "eth / ip4 / tcp syn / pad 6", "hash" },
		{ "eth / ip6 / udp / " SHORT " / pad 1", "cid" },
	};

	expect_all(each, ARRAY_LEN(each));
}

static void ipv4_options(void **state)
{
	char text[256], opts[81];

	world(WORLD_TWO);
	for (int words = 0; words <= 10; words++) {
		memset(opts, '0', sizeof(opts));
		for (int i = 1; i < 8 * words; i += 2)
			opts[i] = '1'; /* no-operation */
		snprintf(text, sizeof(text), "eth / ip4 opts=%.*s / udp / " SHORT, 8 * words, opts);
		expect(text, "cid", NULL);
		snprintf(text, sizeof(text), "eth / ip4 opts=%.*s / tcp syn", 8 * words, opts);
		expect(text, "hash", NULL);
	}
}

static void extension_headers(void **state)
{
	static const struct one each[] = {
		{ "eth / ip6 / hopopts / udp / " SHORT, "cid" },
		{ "eth / ip6 / dstopts / udp / " SHORT, "cid" },
		{ "eth / ip6 / routing / udp / " SHORT, "cid" },
		{ "eth / ip6 / ah / udp / " SHORT, "cid" },
		{ "eth / ip6 / ah data=0000000000000000 / udp / " SHORT, "cid" },
		{ "eth / ip6 / ah data=00000000000000000000000000000000"
		  "0000000000000000 / udp / " SHORT,
		  "cid" },
		{ "eth / ip6 / hopopts data=010c000000000000000000000000 / udp"
		  " / " SHORT,
		  "cid" },
		{ "eth / ip6 / hopopts / dstopts / routing / ah / dstopts /"
		  " udp / " SHORT,
		  "cid" },
		{ "eth / ip6 / hopopts / dstopts / routing / tcp syn", "hash" },
		{ "eth / vlan 1 / vlan 2 / ip6 / hopopts / udp / " SHORT, "cid" },
		/* RFC 6946: a fragment header, and yet no fragment. */
		{ "eth / ip6 / frag id=7 / udp / " SHORT, "cid" },
		{ "eth / ip6 / hopopts / frag / udp / " SHORT, "cid" },
		{ "eth / ip6 / frag res=3 / udp / " SHORT, "cid" },
		/* A length field that goes beyond the packet. */
		{ "eth / ip6 / hopopts len=255 / udp / " SHORT, "malformed-ip" },
		{ "eth / ip6 / ah len=255 / udp / " SHORT, "malformed-ip" },
		/* It stops just before the end: no room for ports. */
		{ "eth / ip6 / hopopts len=2 / udp / " SHORT, "malformed-l4" },
		/* It hides UDP's header: what is read as ports is nobody's. */
		{ "eth / ip6 / hopopts len=1 / udp / " SHORT, "not-vip" },
		/* More than are followed. */
		{ "eth / ip6 / dstopts / dstopts / dstopts / dstopts / dstopts"
		  " / dstopts / dstopts / dstopts / dstopts / dstopts / udp / " SHORT,
		  "ext-headers" },
		{ "eth / ip6 next=59 / zero 30", "not-l4" },
		{ "eth / ip6 next=50 / zero 30", "not-l4" }, /* ESP */
		{ "eth / ip6 / dstopts next=59 / zero 30", "not-l4" },
		{ "eth / ip6 next=135 / zero 30", "ext-headers" },
		{ "eth / ip6 next=253 / zero 30", "not-l4" },
		{ "eth / ip6 next=1 / zero 30", "not-l4" },
		{ "eth / ip6 / hopopts / ip6 / udp / " SHORT, "not-l4" },
		/* ICMPv6 over IPv4, ICMP over IPv6: neither means anything. */
		{ "eth / ip4 proto=58 / zero 30", "not-l4" },
	};

	expect_all(each, ARRAY_LEN(each));
}

static void fragments(void **state)
{
	static const struct one each[] = {
		{ "eth / ip4 mf / udp / " SHORT, "fragment" },
		{ "eth / ip4 off=8 / udp / " SHORT, "fragment" },
		{ "eth / ip4 off=65528 mf / fill 40", "fragment" },
		{ "eth / ip4 mf / tcp syn", "fragment" },
		{ "eth / ip4 df / udp / " SHORT, "cid" },
		{ "eth / ip6 / frag mf / udp / " SHORT, "fragment" },
		{ "eth / ip6 / frag off=8 / udp / " SHORT, "fragment" },
		{ "eth / ip6 / hopopts / frag off=1280 mf id=1 / fill 40", "fragment" },
		{ "eth / vlan 9 / ip4 mf / udp / " SHORT, "fragment" },
	};

	expect_all(each, ARRAY_LEN(each));
}

static void lengths_that_disagree(void **state)
{
	static const struct one each[] = {
		{ "eth / ip4 len=+1 / udp / " SHORT, "malformed-ip" },
		{ "eth / ip4 len=0 / udp / " SHORT, "malformed-ip" },
		{ "eth / ip4 len=19 / udp / " SHORT, "malformed-ip" },
		{ "eth / ip4 len=20 / udp / " SHORT, "malformed-l4" },
		{ "eth / ip4 len=65535 / udp / " SHORT, "malformed-ip" },
		{ "eth / ip4 len=-1 / udp / " SHORT, "malformed-l4" },
		{ "eth / ip4 ihl=4 / udp / " SHORT, "malformed-ip" },
		{ "eth / ip4 ihl=0 / udp / " SHORT, "malformed-ip" },
		{ "eth / ip4 ihl=15 / udp / " SHORT, "malformed-ip" },
		{ "eth / ip4 version=6 / udp / " SHORT, "malformed-ip" },
		{ "eth / ip4 version=5 / udp / " SHORT, "malformed-ip" },
		{ "eth / ip6 version=4 / udp / " SHORT, "malformed-ip" },
		{ "eth / ip6 len=+1 / udp / " SHORT, "malformed-ip" },
		{ "eth / ip6 len=65535 / udp / " SHORT, "malformed-ip" },
		{ "eth / ip6 len=0 / udp / " SHORT, "malformed-l4" },
		{ "eth / ip6 len=7 / udp / " SHORT, "malformed-l4" },
		{ "eth / ip6 len=-1 / udp / " SHORT, "malformed-l4" },
		{ "eth / ip4 / udp len=+1 / " SHORT, "malformed-l4" },
		{ "eth / ip4 / udp len=7 / " SHORT, "malformed-l4" },
		{ "eth / ip4 / udp len=0 / " SHORT, "malformed-l4" },
		{ "eth / ip4 / udp len=65535 / " SHORT, "malformed-l4" },
		{ "eth / ip6 / udp len=0 / " SHORT, "malformed-l4" },
		/* UDP options lie between UDP's length and IP's (RFC 9868). */
		{ "eth / ip4 / udp len=-4 / " SHORT " / zero 4", "cid" },
		{ "eth / ip4 / udp len=-5 / " SHORT " / zero 4", "hash cid-short" },
		{ "eth / ip4 / udp len=8 / " SHORT, "hash" },
		{ "eth / ip4 / tcp syn off=4", "malformed-l4" },
		{ "eth / ip4 / tcp syn off=0", "malformed-l4" },
		{ "eth / ip4 / tcp syn off=6", "malformed-l4" },
		{ "eth / ip4 / tcp syn off=15 / fill 39", "malformed-l4" },
		{ "eth / ip4 / tcp syn off=15 / fill 40", "hash" },
		/* Checksums are the server's business. */
		{ "eth / ip4 / udp csum=bad / " SHORT, "cid" },
		{ "eth / ip4 / udp csum=0 / " SHORT, "cid" },
	};

	expect_all(each, ARRAY_LEN(each));
}

static void not_ours(void **state)
{
	static const struct one each[] = {
		{ "eth / ip4 dst=192.0.2.2 / udp / " SHORT, "not-vip" },
		{ "eth / ip4 / udp dport=444 / " SHORT, "not-vip" },
		{ "eth / ip4 / tcp dport=80 syn", "not-vip" },
		{ "eth / ip6 dst=2001:db8::2 / udp / " SHORT, "not-vip" },
		{ "eth / ip6 dst=::ffff:192.0.2.1 / udp / " SHORT, "not-vip" },
		{ "eth / ip4 proto=47 / zero 30", "not-l4" },
		{ "eth / ip4 / ip4 / udp / " SHORT, "not-l4" },
		{ "eth / ip4 / icmp4 type=8 / zero 8", "not-l4" },
		{ "eth / ip6 / icmp6 type=128 / zero 8", "not-l4" },
		{ "eth / ip6 / icmp6 type=135 / zero 24", "not-l4" },
		/* Reversed: what a server sends is not for a VIP. */
		{ "eth / ip4 src=192.0.2.1 dst=10.0.0.1 / udp sport=443"
		  " dport=1000 / " SHORT,
		  "not-vip" },
	};

	expect_all(each, ARRAY_LEN(each));
}

/* A TTL that would reach zero is dropped, not sent on. */
static void ttl(void **state)
{
	static const struct one each[] = {
		{ "eth / ip4 ttl=2 / udp / " SHORT, "cid" },
		{ "eth / ip4 ttl=1 / udp / " SHORT, "ttl-expired" },
		{ "eth / ip4 ttl=0 / udp / " SHORT, "ttl-expired" },
		{ "eth / ip6 hlim=2 / udp / " SHORT, "cid" },
		{ "eth / ip6 hlim=1 / udp / " SHORT, "ttl-expired" },
		{ "eth / ip6 hlim=0 / udp / " SHORT, "ttl-expired" },
		{ "eth / ip4 ttl=1 dst=192.0.2.9 / udp / " SHORT, "not-vip" },
	};

	expect_all(each, ARRAY_LEN(each));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ethernet_and_vlans),
		TEST(ipv4_options),
		TEST(extension_headers),
		TEST(fragments),
		TEST(lengths_that_disagree),
		TEST(not_ours),
		TEST(ttl),
	};

	return harness_main("parse", tests, ARRAY_LEN(tests));
}
