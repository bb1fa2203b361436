/* SPDX-License-Identifier: GPL-2.0-only */
/* The packet builder against frames that tcpdump -vv calls sound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/announcements.h"
#include "lib/packet.h"

static const struct {
	const char *name;
	const char *text;
	const char *hex;
} frames[] = {
	{ "IPv4, UDP", "eth / ip4 df tos=2 / udp / fill 3",
	  "02000000000202000000000108004502001f0000400040116eca0a000001c000"
	  "020103e801bb000b2a31010203" },
	{ "IPv4 header of a well-known example",
	  "ip4 src=192.168.0.1 dst=192.168.0.199 df / udp csum=0 / fill 87"
	  " / cut 20",
	  "450000730000400040"
	  "11b861c0a80001c0a800c7" },
	{ "VLAN, TCP", "eth / vlan 5 pcp=3 / ip4 id=7 / tcp syn ack ack=9",
	  "02000000000202000000000181006005080045000028000700004006aec70a00"
	  "0001c000020103e801bb00000001000000095012ffffde230000" },
	{ "IPv6, extension headers",
	  "eth / ip6 tc=2 flow=0x12345 / hopopts / dstopts / udp / fill 3",
	  "02000000000202000000000186dd60212345001b0040fd000000000000000000"
	  "00000000000120010db80000000000000000000000013c000104000000001100"
	  "01040000000003e801bb000bcb77010203" },
	{ "ICMP fragmentation needed",
	  "eth / ip4 src=10.0.0.9 / icmp4 type=3 code=4 mtu=1400 ("
	  "  ip4 src=192.0.2.1 dst=10.0.0.1 /"
	  "  udp sport=443 dport=1000 / fill 5 )",
	  "02000000000202000000000108004500003d000000004001aeb60a000009c000"
	  "02010304c3a40000057845000021000000004011aecac00002010a00000101bb"
	  "03e8000d25290102030405" },
	{ "ICMPv6 packet too big",
	  "eth / ip6 src=fd00::9 / icmp6 type=2 mtu=1280 ("
	  "  ip6 src=2001:db8::1 dst=fd00::1 /"
	  "  udp sport=443 dport=1000 / fill 5 )",
	  "02000000000202000000000186dd60000000003d3a40fd000000000000000000"
	  "00000000000920010db800000000000000000000000102005c95000005006000"
	  "0000000d114020010db8000000000000000000000001fd000000000000000000"
	  "00000000000101bb03e8000dc66f0102030405" },
	{ "VXLAN", "eth / ip4 / udp dport=4789 csum=0 / vxlan 77 / eth / ip4 / udp",
	  "02000000000202000000000108004500004e000000004011ae9d0a000001c000"
	  "020103e812b5003a00000800000000004d000200000000020200000000010800"
	  "4500001c000000004011aecf0a000001c000020103e801bb00082e39" },
	{ "QUIC long header",
	  "eth / ip4 / udp / quic long dcid=0102030405060708 scid=aabb /"
	  " fill 4",
	  "020000000002020000000001080045000031000000004011aeba0a000001c000"
	  "020103e801bb001d9943c00000000108010203040506070802aabb01020304" },
	{ "QUIC v2 handshake, greased, and a short header",
	  "quic long type=handshake version=2 fixed=0 dcid=01", "b06b3343cf010100" },
	{ "QUIC short header", "quic short dcid=0720 low=0x21", "610720" },
	{ "IPv4 options, fragment", "ip4 opts=01010100 mf id=3 / udp / fill 24 / cut 24",
	  "460000380003200040118baf0a000001c000020101010100" },
	{ "IPv6 fragment", "ip6 / frag off=8 mf id=9 / udp / fill 4",
	  "6000000000142c40fd00000000000000000000000000000120010db800000000"
	  "0000000000000001110000090000000903e801bb000ccb7101020304" },
	{ "AH", "ip6 / ah / tcp syn opts=020405b4",
	  "6000000000283340fd00000000000000000000000000000120010db800000000"
	  "00000000000000010602000000000000000000000000000003e801bb00000001"
	  "000000006002ffff67c70000020405b4" },
	{ "padding is no part of any length", "ip4 / udp / fill 1 / pad 3",
	  "4500001d000000004011aece0a000001c000020103e801bb00092d3701000000" },
	{ "lengths and checksums that are wrong", "ip4 len=-1 csum=0 / udp len=+4 csum=bad",
	  "4500001b00000000401100000a000001c000020103e801bb000c7b60" },
	{ "GUE variant 0", "gue proto=4 flags=0x8000 data=00000001 / hex ff",
	  "0104800000000001ff" },
};

static void known_frames(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(frames) / sizeof(*frames); i++) {
		struct packet got = packet("%s", frames[i].text);
		struct packet want = packet("hex %s", frames[i].hex);

		if (packet_equal(&want, &got))
			continue;
		fprintf(stderr, "# %s\n", frames[i].name);
		packet_diff(stderr, &want, &got);
		fail_msg("%s differs", frames[i].name);
	}
}

#define VM     "eth src=52:54:00:12:34:56 "
#define TO_ALL VM "dst=ff:ff:ff:ff:ff:ff / "
#define NA(src, more)                                                                      \
	VM "dst=33:33:00:00:00:01 / ip6 src=" src " dst=ff02::1 hlim=255 / na target=" src \
	   " override" more

/* ARP, RARP and ND against the frames of announcements.h. */
static void announcements(void **state)
{
	static const char *const texts[] = {
		TO_ALL "arp sip=10.9.0.10 tip=10.9.0.10 / pad 18",
		TO_ALL "arp sip=10.9.0.10 tip=10.9.0.10 "
		       "tha=ff:ff:ff:ff:ff:ff / pad 18",
		TO_ALL "arp op=2 sip=10.9.0.10 tip=10.9.0.10 "
		       "tha=52:54:00:12:34:56 / pad 18",
		TO_ALL "arp op=2 sip=10.9.0.10 tip=10.9.0.10 "
		       "tha=ff:ff:ff:ff:ff:ff / pad 18",
		TO_ALL "rarp / pad 18",
		TO_ALL "arp sip=10.9.0.10 tip=10.9.0.1 / pad 18",
		TO_ALL "arp sip=10.9.0.10 tip=10.9.0.77 / pad 18",
		VM "dst=02:00:00:00:00:01 / arp op=2 sip=10.9.0.10 "
		   "tha=02:00:00:00:00:01 tip=10.9.0.1 / pad 18",
		VM "dst=02:00:00:00:00:77 / arp op=2 sip=10.9.0.10 "
		   "tha=02:00:00:00:00:77 tip=10.9.0.77 / pad 18",
		NA("fd09::10", ""),
		NA("fe80::5054:ff:fe12:3456", ""),
		NA("fd09::10", " bare"),
	};
#define K(kind, name, hex) hex,
	static const char *const want[] = { ANNOUNCEMENTS(K) };
#undef K

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++) {
		struct packet w = packet("hex %s", want[i]);
		struct packet got = packet("%s", texts[i]);

		packet_diff(stderr, &w, &got);
		assert_true(packet_equal(&w, &got));
	}
}

static void layers_are_found(void **state)
{
	struct packet p = packet("eth / vlan 1 / ip4 / ip4 / udp / fill 9");

	(void)state;
	assert_int_equal(packet_find(&p, "vlan", 0), 14);
	assert_int_equal(packet_find(&p, "ip4", 1), 38);
	assert_int_equal(packet_find(&p, "fill", 0), 66);
}

static void diff_names_the_field(void **state)
{
	struct packet want = packet("eth / ip4 ttl=63 / udp");
	struct packet got = packet("eth / ip4 ttl=64 / udp");
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	(void)state;
	packet_diff(to, &want, &got);
	fclose(to);
	assert_non_null(strstr(text, "octet 22, ip4 + 8: ttl"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_frames),
		cmocka_unit_test(announcements),
		cmocka_unit_test(layers_are_found),
		cmocka_unit_test(diff_names_the_field),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("packet", tests, NULL, NULL);
}
