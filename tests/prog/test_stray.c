/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What comes for a VIP's address and no VIP: pings are answered, the rest is
 * dropped or, by policy, the kernel's; all of it is where the machine has the
 * address itself.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <stdio.h>
#include <xroam/hash.h>
#include "lib/harness.h"
#include "lib/worlds.h"

#define FROM_US "eth src=02:00:00:00:00:02 dst=02:00:00:00:00:01 / "

/* As the command would, where a device is attached. */
static void owned(void)
{
	shell("ip route replace blackhole 192.0.2.1");
	shell("ip route replace blackhole 2001:db8::1");
}

static void let_go(void)
{
	shell("ip route del blackhole 192.0.2.1");
	shell("ip route del blackhole 2001:db8::1");
}

static void pings(void **state)
{
	world(WORLD_TWO);
	owned();
	expect("eth / ip4 / icmp4 type=8 rest=0x12340001 / fill 56", "vip-echo",
	       FROM_US "ip4 src=192.0.2.1 dst=10.0.0.1 / icmp4 type=0 "
		       "rest=0x12340001 / fill 56");
	expect("eth / vlan 5 pcp=3 / ip4 ttl=1 tos=0xb8 id=77 df / "
	       "icmp4 type=8 rest=1 / zero 3",
	       "vip-echo",
	       FROM_US "vlan 5 pcp=3 / ip4 src=192.0.2.1 dst=10.0.0.1 tos=0xb8 "
		       "id=77 df / icmp4 type=0 rest=1 / zero 3");
	expect("eth / ip4 / icmp4 type=8 rest=0xfffffffe / pad 18", "vip-echo",
	       FROM_US "ip4 src=192.0.2.1 dst=10.0.0.1 / icmp4 type=0 "
		       "rest=0xfffffffe / pad 18");
	expect("eth / ip6 hlim=255 flow=5 / icmp6 type=128 rest=0x12340001 / "
	       "fill 56",
	       "vip-echo",
	       FROM_US "ip6 src=2001:db8::1 dst=fd00::1 hlim=64 flow=5 / "
		       "icmp6 type=129 rest=0x12340001 / fill 56");
	expect("eth / vlan 5 / ip6 / icmp6 type=128 rest=1 / fill 1", "vip-echo",
	       FROM_US "vlan 5 / ip6 src=2001:db8::1 dst=fd00::1 / "
		       "icmp6 type=129 rest=1 / fill 1");
	let_go();
}

/* Each sum comes out right, those at the carry, too. */
static void sums(void **state)
{
	char in[128], out[160];

	world(WORLD_TWO RATE("65535"));
	owned();
	for (unsigned int i = 0; i < 0x10000; i += 0xff) {
		snprintf(in, sizeof(in), "eth / ip4 / icmp4 type=8 rest=%u", i);
		/* 0xffff is the other 0 (RFC 1624 §3). */
		snprintf(out, sizeof(out),
			 FROM_US "ip4 src=192.0.2.1 "
				 "dst=10.0.0.1 / icmp4 type=0 rest=%u%s",
			 i, i == 0xffff ? " csum=0xffff" : "");
		expect(in, "vip-echo", out);
		snprintf(in, sizeof(in), "eth / ip6 / icmp6 type=128 rest=%u", i);
		snprintf(out, sizeof(out),
			 FROM_US "ip6 src=2001:db8::1 "
				 "dst=fd00::1 / icmp6 type=129 rest=%u",
			 i);
		expect(in, "vip-echo", out);
	}
	let_go();
}

static const char *const others[] = {
	"eth / ip4 / tcp dport=22 syn",
	"eth / ip4 / udp dport=53 / fill 9",
	"eth / ip4 proto=132 / fill 40",
	"eth / ip4 proto=47 / fill 40",
	"eth / vlan 5 / ip4 / tcp dport=22 syn",
	"eth / ip4 opts=01010101 / tcp dport=22 syn",
	"eth / ip6 / tcp dport=22 syn",
	"eth / ip6 / udp dport=53 / fill 9",
	"eth / ip6 / dstopts / udp dport=53 / fill 9",
	/* More than is followed, or not to be followed. */
	"eth / ip6 next=135 / fill 40",
	/* For a VIP, but broken where no router looks. */
	"eth / ip4 / tcp off=4 syn",
	"eth / ip4 / udp len=+9 / fill 9",
	"eth / ip6 / udp len=+9 / fill 9",
	/* Pings that nobody sends, and what else ICMP has. */
	"eth / ip4 opts=01010101 / icmp4 type=8 rest=1",
	"eth / ip4 / icmp4 type=8 code=1 rest=1",
	"eth / ip4 / icmp4 type=0 rest=1",
	"eth / ip4 / icmp4 type=13 rest=1",
	"eth / ip4 proto=1 / fill 4",
	"eth / ip6 / dstopts / icmp6 type=128 rest=1",
	"eth / ip6 / icmp6 type=129 rest=1",
	"eth / ip6 / icmp6 type=135 rest=1",
	"eth / ip4 / icmp4 ( ip4 src=192.0.2.1 dst=10.0.0.1 / tcp sport=22 "
	"dport=1000 ack )",
	"eth / ip4 / icmp4 ( ip4 src=192.0.2.2 dst=10.0.0.1 / tcp sport=443 "
	"dport=1000 ack )",
};

static const char *const fragments[] = {
	"eth / ip4 mf / udp / fill 24",
	"eth / ip4 off=64 / fill 24",
	"eth / vlan 5 / ip4 mf / tcp syn / fill 24",
	"eth / ip4 mf / icmp4 type=8 rest=1",
	"eth / ip6 / frag mf / udp / fill 24",
	"eth / ip6 / frag off=64 / fill 24",
	"eth / ip6 / hopopts / frag mf / icmp6 type=128 rest=1",
};

static void all(const char *const *each, size_t n, const char *reason)
{
	for (size_t i = 0; i < n; i++)
		expect(each[i], reason, NULL);
}

/* Each as it was before there was a question; none is touched. */
static void all_pass(const char *const *each, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct result r = run_text("%s", each[i]);

		if (r.action == XDP_PASS && r.verdict >= XR_R_NOT_VIP &&
		    r.verdict <= XR_R_ICMP_OTHER)
			continue;
		fprintf(stderr, "# %s\n", each[i]);
		fail();
	}
}

static const char *const pings_only[] = {
	"eth / ip4 / icmp4 type=8 rest=1",
	"eth / ip6 / icmp6 type=128 rest=1",
};

#define ALL(list) list, ARRAY_LEN(list)

static void others_are_dropped(void **state)
{
	world(WORLD_TWO);
	owned();
	all(ALL(others), "vip-other");
	all(ALL(fragments), "vip-fragment");
	/* The VIPs themselves are not concerned. */
	expect("eth / ip4 / tcp syn", "hash", NULL);
	expect("eth / ip6 / tcp syn", "hash", NULL);
	expect("eth / ip4 / udp / quic short dcid=07020202aabbccdd", "cid", NULL);
	let_go();
}

static void by_policy(void **state)
{
	world(WORLD_TWO POLICY("vip_other: pass"));
	owned();
	all_pass(ALL(others));
	all_pass(ALL(fragments));
	all(ALL(pings_only), "vip-echo");
	world(WORLD_TWO POLICY("vip_echo: off"));
	all(ALL(others), "vip-other");
	all(ALL(fragments), "vip-fragment");
	all(ALL(pings_only), "vip-other");
	world(WORLD_TWO POLICY("vip_other: pass, vip_echo: off"));
	all_pass(ALL(others));
	all_pass(ALL(fragments));
	all_pass(ALL(pings_only));
	let_go();
}

/* Nobody's but the VIPs': not even where the filter cannot tell them apart. */
static void addresses_beside(void **state)
{
	world(WORLD_TWO);
	owned();
	for (int i = 2; i < 256; i++) {
		struct result r = run_text("eth / ip4 dst=192.0.2.%d / tcp "
					   "dport=22 syn",
					   i);

		check_reasons(&r, "not-vip");
	}
	/* 192.0.2.1's bit in the filter is 203.x's as well. */
	for (unsigned int i = 0, met = 0; met < 4; i++) {
		__be32 addr = htonl(0xcb000000 + i);
		struct result r;

		if (xr_vip_filter_bit(addr) != xr_vip_filter_bit(htonl(0xc0000201)))
			continue;
		met++;
		r = run_text("eth / ip4 dst=203.%u.%u.%u / tcp dport=22 syn", i >> 16 & 255,
			     i >> 8 & 255, i & 255);
		check_reasons(&r, "not-vip");
	}
	expect("eth / ip4 dst=192.0.2.2 / icmp4 type=8 rest=1", "not-l4", NULL);
	expect("eth / ip6 dst=2001:db8::2 / icmp6 type=128 rest=1", "not-l4", NULL);
	/* Nor where the kernel would send it on. */
	shell("ip -6 route add ::ffff:0:0/96 via fd01::8");
	expect("eth / ip6 dst=::ffff:192.0.2.1 / tcp dport=22 syn", "not-vip", NULL);
	shell("ip -6 route del ::ffff:0:0/96");
	/* VIPs come and go. */
	world_apply("vips:\n" VIP("192.0.2.7", "443", "tcp", "") "backends: []\n");
	shell("ip route add blackhole 192.0.2.7");
	expect("eth / ip4 dst=192.0.2.7 / tcp dport=22 syn", "vip-other", NULL);
	expect("eth / ip4 / tcp dport=22 syn", "not-vip", NULL);
	expect("eth / ip6 / tcp dport=22 syn", "not-vip", NULL);
	shell("ip route del blackhole 192.0.2.7");
	let_go();
}

/* A VIP on lo: its other ports are other programs'. */
static void the_machines_own(void **state)
{
	world(WORLD_TWO);
	owned();
	shell("ip addr add 192.0.2.1/32 dev lo");
	own_address6("2001:db8::1");
	all_pass(ALL(others));
	all_pass(ALL(fragments));
	all_pass(ALL(pings_only));
	expect("eth / ip4 / tcp syn", "hash", NULL);
	shell("ip addr del 192.0.2.1/32 dev lo");
	shell("ip addr del 2001:db8::1/128 dev lo");
	all(ALL(others), "vip-other");
	let_go();
}

/* As the command does for 192.0.2.1. */
static void note_of_command(__u32 what)
{
	const __be32 addr[XR_ADDR_WORDS] = { 0, 0, htonl(0xffff), htonl(0xc0000201) };

	assert_int_equal(
		bpf_map_update_elem(world_plane()->fd[PLANE_VIP_ADDRESSES], addr, &what, 0), 0);
}

/*
 * What the command noted is of then: the FIB says what is now. Only where nothing
 * is forwarded, so that nothing goes back, there is nothing else to go by.
 */
static void no_more_the_machines(void **state)
{
	world(WORLD_TWO);
	owned();
	note_of_command(XR_VIP_ADDR_LOCAL);
	expect("eth / ip4 / tcp dport=22 syn", "vip-other", NULL);
	expect("eth / ip4 / icmp4 type=8 rest=1", "vip-echo", NULL);
	shell("echo 0 >/proc/sys/net/ipv4/ip_forward");
	expect("eth / ip4 / tcp dport=22 syn", "not-vip", NULL);
	note_of_command(0);
	expect("eth / ip4 / tcp dport=22 syn", "vip-other", NULL);
	shell("echo 1 >/proc/sys/net/ipv4/ip_forward");
	let_go();
}

/* A header that was broken on its way is not made sound. */
static void broken_headers(void **state)
{
	struct result r;
	struct packet want;

	world(WORLD_TWO);
	owned();
	r = run_text("eth / ip4 csum=0x1234 / icmp4 type=8 rest=1");
	check_reasons(&r, "vip-echo");
	want = packet(FROM_US "ip4 src=192.0.2.1 dst=10.0.0.1 csum=0x1234 / "
			      "icmp4 type=0 rest=1");
	check_packet(&want, &r.out);
	r = run_text("eth / ip4 / icmp4 type=8 rest=1 csum=0x1111");
	want = packet(FROM_US "ip4 src=192.0.2.1 dst=10.0.0.1 / "
			      "icmp4 type=0 rest=1 csum=0x1911");
	check_packet(&want, &r.out);
	let_go();
}

/* No answer to many, nor one that would go to many or to nobody. */
static void strange_sources(void **state)
{
	world(WORLD_TWO);
	owned();
	expect("eth dst=ff:ff:ff:ff:ff:ff / ip4 / icmp4 type=8 rest=1", "link-group", NULL);
	expect("eth dst=33:33:00:00:00:01 / ip6 / icmp6 type=128 rest=1", "link-group", NULL);
	expect("eth src=ff:ff:ff:ff:ff:ff / ip4 / icmp4 type=8 rest=1", "vip-other", NULL);
	expect("eth src=33:33:00:00:00:01 / ip6 / icmp6 type=128 rest=1", "vip-other", NULL);
	expect("eth / ip4 src=224.0.0.1 / icmp4 type=8 rest=1", "martian", NULL);
	expect("eth / ip4 src=255.255.255.255 / icmp4 type=8 rest=1", "martian", NULL);
	expect("eth / ip4 src=192.0.2.1 / icmp4 type=8 rest=1", "martian", NULL);
	expect("eth / ip6 src=ff02::1 / icmp6 type=128 rest=1", "martian", NULL);
	expect("eth / ip6 src=:: / icmp6 type=128 rest=1", "martian", NULL);
	expect("eth / ip4 src=127.0.0.1 mf / udp / fill 24", "martian", NULL);
	let_go();
}

/* So many a second; errors have a number of their own. */
static void rate(void **state)
{
	int answered, limited;
	__u32 tick;

	world(WORLD_TWO RATE("5"));
	owned();
	do {
		struct result r;

		world_set_tick(world_tick() + 2);
		tick = world_tick();
		answered = limited = 0;
		for (int i = 0; i < 12; i++) {
			r = run_text("eth / ip4 / icmp4 type=8 rest=%d", i);
			answered += r.verdict == XR_R_VIP_ECHO;
			limited += r.verdict == XR_R_VIP_OTHER && r.count[XR_R_REPLY_LIMIT] == 1;
		}
		r = run_text("eth / ip4 / udp dport=80 / fill 1460");
		check_reasons(&r, "too-big-reply");
	} while (world_tick() != tick);
	assert_int_equal(answered, 5);
	assert_int_equal(limited, 7);
	let_go();
}

static unsigned int group_of(__u32 ports)
{
	const __be32 saddr[XR_ADDR_WORDS] = { 0, 0, htonl(0xffff), htonl(0x0a000001) };

	return xr_reply_group(world_plane()->hash_keys, saddr, ports);
}

/* An error to a flow of the pings' own group leaves them theirs. */
static void rate_beside_errors(void **state)
{
	struct result error, more, ping;
	__u16 sport = 1;
	__u32 tick;

	world(WORLD_TWO RATE("1"));
	owned();
	while (group_of(htons(sport) | (__u32)htons(80) << 16) != group_of(0))
		sport++;
	do {
		world_set_tick(world_tick() + 2);
		tick = world_tick();
		error = run_text("eth / ip4 / udp sport=%u dport=80 / fill 1460", sport);
		more = run_text("eth / ip4 / udp sport=%u dport=80 / fill 1460", sport);
		ping = run_text("eth / ip4 / icmp4 type=8 rest=1");
	} while (world_tick() != tick);
	check_reasons(&error, "too-big-reply");
	check_reasons(&more, "too-big reply-limit");
	check_reasons(&ping, "vip-echo");
	let_go();
}

/* Without forwarding nothing goes back; but nothing tells whose it is, either. */
static void without_forwarding(void **state)
{
	world(WORLD_TWO);
	owned();
	shell("echo 0 >/proc/sys/net/ipv4/ip_forward");
	expect("eth / ip4 / tcp dport=22 syn", "vip-other", NULL);
	expect("eth / ip4 / icmp4 type=8 rest=1", "vip-echo", NULL);
	shell("echo 1 >/proc/sys/net/ipv4/ip_forward");
	let_go();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pings),
		TEST(sums),
		TEST(others_are_dropped),
		TEST(by_policy),
		TEST(addresses_beside),
		TEST(the_machines_own),
		TEST(no_more_the_machines),
		TEST(broken_headers),
		TEST(strange_sources),
		TEST(rate),
		TEST(rate_beside_errors),
		TEST(without_forwarding),
	};

	return harness_main("strays", tests, ARRAY_LEN(tests));
}
