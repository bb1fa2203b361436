/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets too large once encapsulated. The way to 10.3.0.1 and fd03::1 carries
 * 1400 octets: over IPv4 by GUE the client may send 1372, over IPv6 1352.
 */
#include <bpf/bpf.h>
#include "lib/harness.h"
#include "lib/worlds.h"

/* clang-format off */
#define GUE4	VIPS "%sbackends:\n" BACKEND("b", ALL_VIPS)                    \
		"    address: 10.3.0.1\n    forward: gue\n"
#define GUE6	VIPS "%sbackends:\n" BACKEND("b", ALL_VIPS)                    \
		"    address: \"fd03::1\"\n    forward: gue\n"
#define IPIP4	VIPS "%sbackends:\n" BACKEND("b", VIPS4)                       \
		"    address: 10.3.0.1\n    forward: ipip\n"
/* clang-format on */

/* n octets of IP packet. */
#define UDP4 "ip4 df id=7 / udp dport=80 / fill %d"
#define TCP6 "ip6 flow=5 / tcp ack / fill %d"

static struct result send4(int n)
{
	return run_text("eth / " UDP4, n - 28);
}

static struct result send6(int n)
{
	return run_text("eth / " TCP6, n - 60);
}

/* most octets go through, one more does not. */
static void check_limit(struct result (*send)(int n), int most)
{
	struct result r = send(most);

	check_reasons(&r, "hash");
	r = send(most + 1);
	check_reasons(&r, "too-big-reply");
}

static void boundaries(void **state)
{
	world(GUE4, "");
	check_limit(send4, 1372);
	check_limit(send6, 1372);

	world(GUE6, "");
	check_limit(send4, 1352);
	check_limit(send6, 1352);

	world(IPIP4, "");
	check_limit(send4, 1380);
}

/* The route's MTU is not forgotten when the program asks the FIB itself. */
static void after_the_fib_was_asked(void **state)
{
	world(GUE4, "");
	for (int i = 0; i < 3; i++) {
		struct result r;

		world_set_tick(world_tick() + 100);
		r = send4(1372);
		check_reasons(&r, "hash fib");
		r = send4(1373);
		check_reasons(&r, "too-big-reply");
	}
	world(GUE6, "");
	world_set_tick(world_tick() + 100);
	assert_int_equal(send6(1352).verdict, XR_R_HASH);
	assert_int_equal(send6(1353).verdict, XR_R_TOO_BIG_REPLY);
}

/* The reply goes where the packet came from, in the VIP's name. */
#define BACK "eth src=02:00:00:00:00:02 dst=02:00:00:00:00:01 / "
#define ERROR4                              \
	"ip4 src=192.0.2.1 dst=10.0.0.1 / " \
	"icmp4 type=3 code=4 mtu=1372 ( " UDP4 " / cut 548 )"
#define ERROR6                               \
	"ip6 src=2001:db8::1 dst=fd00::1 / " \
	"icmp6 type=2 mtu=1372 ( " TCP6 " / cut 1232 )"

static void whole_replies(void **state)
{
	struct packet want;
	struct result r;

	world(GUE4, "");
	r = send4(1400);
	check_reasons(&r, "too-big-reply");
	want = packet(BACK ERROR4, 1400 - 28);
	check_packet(&want, &r.out);

	r = send6(1400);
	check_reasons(&r, "too-big-reply");
	want = packet(BACK ERROR6, 1400 - 60);
	check_packet(&want, &r.out);

	/* Tags come back with it. */
	r = run_text("eth / vlan 5 pcp=1 / " UDP4, 1472);
	want = packet(BACK "vlan 5 pcp=1 / " ERROR4, 1472);
	check_packet(&want, &r.out);
	r = run_text("eth / vlan 5 tpid=0x88a8 / vlan 6 / " UDP4, 1472);
	want = packet(BACK "vlan 5 tpid=0x88a8 / vlan 6 / " ERROR4, 1472);
	check_packet(&want, &r.out);
	r = run_text("eth / vlan 5 / " TCP6, 1400);
	want = packet(BACK "vlan 5 / " ERROR6, 1400);
	check_packet(&want, &r.out);
	r = run_text("eth / vlan 5 / vlan 6 / " TCP6, 1400);
	want = packet(BACK "vlan 5 / vlan 6 / " ERROR6, 1400);
	check_packet(&want, &r.out);

	/* Padding is not quoted. */
	r = run_text("eth / " UDP4 " / pad 30", 1400);
	want = packet(BACK ERROR4, 1400);
	check_packet(&want, &r.out);
}

/* Sizes on both sides of every step of the checksum, odd ones too. */
static void many_sizes(void **state)
{
	struct packet want;
	struct result r;

	world(GUE4, RATE("16000"));
	for (int n = 1373; n < 1500; n++) {
		r = send4(n);
		check_reasons(&r, "too-big-reply");
		want = packet(BACK ERROR4, n - 28);
		check_packet(&want, &r.out);
		r = send6(n);
		check_reasons(&r, "too-big-reply");
		want = packet(BACK ERROR6, n - 60);
		check_packet(&want, &r.out);
	}
}

/* Larger than one buffer, too: the reply is cut from the first. */
static void jumbo(void **state)
{
	struct packet want;
	struct result r;

	world(GUE4, "");
	r = run_text("eth / " UDP4, 4000);
	check_reasons(&r, "too-big-reply");
	want = packet(BACK ERROR4, 4000);
	check_packet(&want, &r.out);
	r = run_text("eth / " TCP6, 3900);
	check_reasons(&r, "too-big-reply");
	want = packet(BACK ERROR6, 3900);
	check_packet(&want, &r.out);
	r = run_text("eth / " UDP4, 3400);
	check_reasons(&r, "too-big-reply");
	want = packet(BACK ERROR4, 3400);
	check_packet(&want, &r.out);
}

static void dropped_where_so_configured(void **state)
{
	struct result r;

	world(GUE4, POLICY("too_big: drop"));
	r = send4(1400);
	check_reasons(&r, "too-big");
	r = send6(1400);
	check_reasons(&r, "too-big");
	r = send4(1372);
	check_reasons(&r, "hash");
}

/* No error is sent about an error (RFC 1122, 3.2.2; RFC 4443, 2.4 e). */
static void no_error_about_errors(void **state)
{
	struct result r;

	world(GUE4, "");
	r = run_text("eth / ip4 src=10.0.0.77 / icmp4 ( ip4 src=192.0.2.1 "
		     "dst=10.0.0.1 / udp sport=443 dport=1000 / fill 1400 )");
	check_reasons(&r, "too-big");
	r = run_text("eth / ip6 src=fd00::77 / icmp6 ( ip6 src=2001:db8::1 "
		     "dst=fd00::1 / tcp sport=443 dport=1000 / fill 1400 )");
	check_reasons(&r, "too-big");
}

/* Nor to who is no single host, or about what everyone on the link got. */
static void no_error_to_many(void **state)
{
	static const char *const each[] = {
		"eth / ip4 src=0.0.0.1",
		"eth / ip4 src=127.0.0.1",
		"eth / ip4 src=224.0.0.1",
		"eth / ip4 src=255.255.255.255",
		"eth dst=ff:ff:ff:ff:ff:ff / ip4",
		"eth dst=01:00:5e:00:00:01 / vlan 5 / ip4",
		"eth / ip6 src=::",
		"eth / ip6 src=::1",
		"eth / ip6 src=ff02::1",
		"eth dst=33:33:00:00:00:01 / ip6",
	};

	world(GUE4, "");
	for (size_t i = 0; i < ARRAY_LEN(each); i++) {
		struct result r = run_text("%s / tcp ack / fill 1400", each[i]);

		check_reasons(&r, strstr(each[i], "dst=") ? "link-group" : "martian");
	}
}

/* To another machine's MAC, if the switch floods: the answer is this one's. */
static void in_its_own_name(void **state)
{
	struct packet want;
	struct result r;

	world(GUE4, "");
	r = run_text("eth dst=02:00:00:00:00:77 / " UDP4, 1400 - 28);
	check_reasons(&r, "too-big-reply");
	want = packet(BACK ERROR4, 1400 - 28);
	check_packet(&want, &r.out);
	r = run_text("eth dst=02:00:00:00:00:77 / vlan 5 / " TCP6, 1400 - 60);
	check_reasons(&r, "too-big-reply");
	want = packet(BACK "vlan 5 / " ERROR6, 1400 - 60);
	check_packet(&want, &r.out);
}

/* A VIP's packets with a source that is a group below. */
static void no_error_to_groups(void **state)
{
	struct result r;

	world(GUE4, "");
	r = run_text("eth src=01:00:5e:00:00:01 / " UDP4, 1472);
	check_reasons(&r, "too-big");
}

/* A secret as chance may draw it: neighbours' addresses must not fall together. */
static void poor_secret(void)
{
	int fd = world_plane()->fd[PLANE_HASH_KEYS];
	struct xr_hash_keys keys;
	__u32 zero = 0;

	assert_int_equal(bpf_map_lookup_elem(fd, &zero, &keys), 0);
	for (int i = 12; i < 16; i++)
		keys.key[i] = 1;
	assert_int_equal(bpf_map_update_elem(fd, &zero, &keys, 0), 0);
}

/* Who asks for more than that leaves the others theirs: forged, too. */
static void floods_starve_nobody(void **state)
{
	int answered = 0, honest = 0, tried = 0;
	__u32 tick;

	world(GUE4, RATE("2"));
	poor_secret();
	do {
		world_set_tick(world_tick() + 2);
		tick = world_tick();
		answered = honest = tried = 0;
		/* One source, and all in its name. */
		for (int i = 0; i < 200; i++)
			answered += run_text("eth / ip4 src=198.51.100.66 df / udp "
					     "dport=80 / fill 1400")
					    .verdict == XR_R_TOO_BIG_REPLY;
		for (int i = 0; i < 40; i++, tried++)
			honest += run_text("eth / ip4 src=10.0.0.%d df / udp "
					   "dport=80 / fill 1400",
					   i + 1)
					  .verdict == XR_R_TOO_BIG_REPLY;
	} while (world_tick() != tick);
	assert_int_equal(answered, 2);
	/* But for those that a secret puts beside it. */
	assert_true(honest >= tried - 5);

	/* Many sources that do not exist, as many as the rate lets through. */
	do {
		world_set_tick(world_tick() + 2);
		tick = world_tick();
		honest = 0;
		for (int i = 0; i < 100; i++)
			run_text("eth / ip4 src=203.0.%d.%d df / udp dport=80 / "
				 "fill 1400",
				 i, i + 1);
		for (int i = 0; i < 40; i++)
			honest += run_text("eth / ip4 src=10.0.0.%d df / udp "
					   "dport=80 / fill 1400",
					   i + 1)
					  .verdict == XR_R_TOO_BIG_REPLY;
	} while (world_tick() != tick);
	assert_true(honest >= 25);
}

/* As many a second as configured; the clock may tick in between: try again. */
static void rate_limit(void **state)
{
	int replies, drops;
	__u32 tick;

	world(GUE4, RATE("5"));
	do {
		world_set_tick(world_tick() + 2);
		tick = world_tick();
		replies = drops = 0;
		for (int i = 0; i < 12; i++) {
			struct result r = send4(1400);

			if (r.verdict == XR_R_TOO_BIG_REPLY) {
				replies++;
				continue;
			}
			assert_int_equal(r.verdict, XR_R_TOO_BIG);
			assert_int_equal(r.count[XR_R_REPLY_LIMIT], 1);
			drops++;
		}
	} while (world_tick() != tick);
	assert_int_equal(replies, 5);
	assert_int_equal(drops, 7);

	/* The next second brings new ones. */
	world_set_tick(world_tick() + 2);
	assert_int_equal(send4(1400).verdict, XR_R_TOO_BIG_REPLY);
}

/* Nothing of it when the route's MTU is larger or there is no overhead. */
static void l2_has_no_overhead(void **state)
{
	struct result r;

	world(VIPS "backends:\n" BACKEND("b", ALL_VIPS)
	      "    address: 10.1.0.1\n    forward: l2\n");
	r = send4(1500);
	check_reasons(&r, "hash");
	r = send4(1501);
	check_reasons(&r, "too-big-reply");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(boundaries),
		TEST(after_the_fib_was_asked),
		TEST(whole_replies),
		TEST(many_sizes),
		TEST(jumbo),
		TEST(dropped_where_so_configured),
		TEST(no_error_about_errors),
		TEST(no_error_to_many),
		TEST(in_its_own_name),
		TEST(no_error_to_groups),
		TEST(floods_starve_nobody),
		TEST(rate_limit),
		TEST(l2_has_no_overhead),
	};

	return harness_main("too big", tests, ARRAY_LEN(tests));
}
