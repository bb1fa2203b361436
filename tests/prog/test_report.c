/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is counted beside the reasons: per VIP, per backend, per device; the
 * events of drops; and tables that are full, where every entry must be found.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "user/plane/stats.h"
#include "lib/harness.h"
#include "lib/worlds.h"

static __u32 vip_index(const char *addr, int port, __u8 proto)
{
	struct plane *p = world_plane();
	__be32 want[4] = { 0, 0, htonl(0xffff), 0 };

	if (strchr(addr, ':'))
		inet_pton(AF_INET6, addr, want);
	else
		inet_pton(AF_INET, addr, &want[3]);
	for (__u32 i = 1; i <= p->meta->limits.vips; i++)
		if (p->vips[i].used && p->vips[i].port == htons(port) &&
		    p->vips[i].proto == proto && !memcmp(p->vips[i].addr, want, sizeof(want)))
			return i;
	fail_msg("no such VIP");
	return 0;
}

static __u32 backend_index(const char *name)
{
	struct plane *p = world_plane();

	for (__u32 i = 1; i <= p->meta->limits.backends; i++)
		if (p->backend_info[i].state && !strcmp(p->backend_info[i].name, name))
			return i;
	fail_msg("no such backend");
	return 0;
}

/* n 64-bit counters, summed over CPUs. */
static void read_sum(enum plane_map map, __u32 key, __u64 *sum, size_t n)
{
	struct plane *p = world_plane();
	__u64 each[p->cpus][n];

	assert_int_equal(bpf_map_lookup_elem(p->fd[map], &key, each), 0);
	memset(sum, 0, n * sizeof(*sum));
	for (int c = 0; c < p->cpus; c++)
		for (size_t i = 0; i < n; i++)
			sum[i] += each[c][i];
}

static void check_vip(__u32 index, __u64 packets, __u64 bytes)
{
	struct xr_counter c;

	read_sum(PLANE_VIP_STATS, index, (__u64 *)&c, 2);
	assert_int_equal(c.packets, packets);
	assert_int_equal(c.bytes, bytes);
}

static void check_backend(const char *name, __u64 packets, __u64 bytes, __u64 initials,
			  __u64 by_cid)
{
	struct xr_backend_counter c;

	read_sum(PLANE_BACKEND_STATS, backend_index(name), (__u64 *)&c, sizeof(c) / 8);
	assert_int_equal(c.packets, packets);
	assert_int_equal(c.bytes, bytes);
	assert_int_equal(c.initials, initials);
	/* CIDs of octet 0 0x07, and so of codepoint 0. */
	assert_int_equal(c.by_cid[0], by_cid);
	for (int i = 1; i < XR_CODEPOINTS; i++)
		assert_int_equal(c.by_cid[i], 0);
}

#define BY_CID  "eth / ip4 / udp / quic short dcid=07020202aabbccdd"
#define INITIAL "eth / ip4 / udp / quic long dcid=07020202aabbccdd / fill 50"

static void per_vip_and_backend(void **state)
{
	size_t cid = packet(BY_CID).len, initial = packet(INITIAL).len;
	size_t tcp = packet("eth / ip6 / tcp syn / fill 7").len;

	world(WORLD_TWO);
	expect(BY_CID, "cid", NULL);
	expect(BY_CID, "cid", NULL);
	expect(INITIAL, "cid initial", NULL);
	expect("eth / ip6 / tcp syn / fill 7", "hash", NULL);
	expect("eth / ip4 dst=192.0.2.2 / tcp syn", "not-vip", NULL);
	expect("eth / ip4 / udp len=0 / fill 20", "malformed-l4", NULL);

	check_vip(vip_index("192.0.2.1", 443, IPPROTO_UDP), 3, 2 * cid + initial);
	check_vip(vip_index("2001:db8::1", 443, IPPROTO_TCP), 1, tcp);
	check_vip(vip_index("192.0.2.1", 443, IPPROTO_TCP), 0, 0);
	check_backend("two", 3, 2 * cid + initial, 1, 3);
	check_backend("rest", 1, tcp, 0, 0);
}

/* clang-format off */
#define CID_WORLD(policy)                                                       \
	policy VIPS "cid:\n"                                                   \
	"  - {id: 0, format: quic-lb, server_id_length: 3, nonce_length: 4}\n"  \
	"  - {id: 2, format: quic-lb, server_id_length: 3, nonce_length: 4}\n"  \
	"backends:\n" BACKEND("rest", ALL_VIPS)                                \
	"    address: 10.1.0.9\n    forward: gue\n"                            \
	BACKEND("two", ALL_VIPS)                                               \
	"    address: 10.2.0.2\n    forward: gue\n    state: draining\n"       \
	"    server_ids: [\"020202\"]\n"                                        \
	BACKEND("off", ALL_VIPS)                                               \
	"    address: 10.2.0.3\n    forward: gue\n    state: down\n"           \
	"    server_ids: [\"030303\"]\n"
/* clang-format on */

#define SHORT "eth / ip4 / udp / quic short dcid="

static struct xr_cid_counter cid_counts(void)
{
	struct xr_cid_counter c;

	read_sum(PLANE_CID_STATS, vip_index("192.0.2.1", 443, IPPROTO_UDP), (__u64 *)&c,
		 sizeof(c) / 8);
	return c;
}

static void check_cid(const struct xr_cid_counter want)
{
	struct xr_cid_counter got = cid_counts();

	assert_memory_equal(&got, &want, sizeof(want));
}

/* What no CID steers is counted by what its CID begins with. */
static void per_codepoint(void **state)
{
	struct xr_backend_counter b;

	world(CID_WORLD(""));
	expect(SHORT "07020202aabbccdd", "cid", NULL);
	expect(SHORT "47020202aabbccdd", "cid", NULL);
	expect(SHORT "5f020202aabbccdd", "cid", NULL);
	check_cid((struct xr_cid_counter){ .icmp = 0 });
	read_sum(PLANE_BACKEND_STATS, backend_index("two"), (__u64 *)&b, sizeof(b) / 8);
	assert_int_equal(b.by_cid[0], 1);
	assert_int_equal(b.by_cid[2], 2);

	/* No server, no config, too short; a header that the client chose. */
	expect(SHORT "07090909aabbccdd", "hash cid-no-server", NULL);
	expect(SHORT "e7020202aabbccdd", "hash cid-no-config", NULL);
	expect(SHORT "470202", "hash cid-short", NULL);
	expect("eth / ip4 / udp / quic long dcid=47090909aabbccdd / fill 50",
	       "hash cid-no-server initial", NULL);
	check_cid((struct xr_cid_counter){ .astray = { 1, 0, 1, [7] = 1 }, .longs = 1 });

	/* A server that is down was named all the same. */
	expect(SHORT "47030303aabbccdd", "backend-down", NULL);
	check_cid((struct xr_cid_counter){
		.astray = { 1, 0, 1, [7] = 1 }, .down = { [2] = 1 }, .longs = 1 });

	/* And what is not QUIC's at all says nothing. */
	expect("eth / ip4 / tcp syn", "hash", NULL);
	check_cid((struct xr_cid_counter){
		.astray = { 1, 0, 1, [7] = 1 }, .down = { [2] = 1 }, .longs = 1 });

	world(CID_WORLD(POLICY("down: fallback")));
	expect(SHORT "47030303aabbccdd", "hash", NULL);
	check_cid((struct xr_cid_counter){ .down = { [2] = 1 } });
}

/* Errors pass the VIP's counter, and are no CID's to steer. */
static void icmp_is_apart(void **state)
{
	static const char *const flows[] = { "false", "true" };
	char text[1024];

	for (int i = 0; i < 2; i++) {
		/* clang-format off */
		snprintf(text, sizeof(text), "vips:\n"
			 "  - {address: 192.0.2.1, port: 443, protocol: udp, cid: true, flow: %s}\n"
			 CIDS "backends:\n"
			 BACKEND("rest", "[\"192.0.2.1:443/udp\"]")
			 "    address: 10.1.0.9\n    forward: gue\n", flows[i]);
		/* clang-format on */
		world(text);
		expect("eth / ip4 src=203.0.113.99 dst=192.0.2.1 / icmp4 ( ip4 src=192.0.2.1 dst=198.51.100.7 / udp sport=443 dport=5000 / quic short dcid=07090909aabbccdd )",
		       "icmp-hash", NULL);
		check_cid((struct xr_cid_counter){ .icmp = 1 });
	}
}

/* What is dropped was the VIP's packet, and no backend's. */
static void drops(void **state)
{
	size_t len = packet("eth / ip4 ttl=1 / tcp syn").len;

	world(WORLD_TWO);
	expect("eth / ip4 ttl=1 / tcp syn", "ttl-expired", NULL);
	check_vip(vip_index("192.0.2.1", 443, IPPROTO_TCP), 1, len);
	check_backend("rest", 0, 0, 0, 0);

	/* An Initial that is refused is an Initial all the same. */
	world(VIPS "backends:\n" BACKEND("b", ALL_VIPS)
	      "    address: 10.1.0.1\n    forward: gue\n    initial_rate: 1\n");
	for (int i = 0; i < 5; i++)
		run_text("eth / ip4 / udp / quic long dcid=00");
	{
		struct xr_backend_counter c;

		read_sum(PLANE_BACKEND_STATS, backend_index("b"), (__u64 *)&c, sizeof(c) / 8);
		assert_int_equal(c.initials, 5);
		assert_in_range(c.packets, 1, 3); /* a tick may pass */
	}
}

/* The program counts for its device's slot, by kind of verdict. */
static void per_device(void **state)
{
	struct xr_dev_counter d;

	world(WORLD_TWO);
	expect(BY_CID, "cid", NULL);
	expect("eth / ip4 dst=192.0.2.2 / tcp syn", "not-vip", NULL);
	expect("eth / ip4 dst=192.0.2.2 / tcp syn", "not-vip", NULL);
	expect("eth / ip4 ttl=1 / tcp syn", "ttl-expired", NULL);
	assert_int_equal(stats_dev(world_plane(), 0, &d), 0);
	assert_int_equal(d.kind[XR_KIND_TX].packets, 1);
	assert_int_equal(d.kind[XR_KIND_TX].bytes, packet(BY_CID).len);
	assert_int_equal(d.kind[XR_KIND_PASS].packets, 2);
	assert_int_equal(d.kind[XR_KIND_DROP].packets, 1);
	assert_int_equal(d.kind[XR_KIND_REPLY].packets, 0);
	assert_int_equal(d.kind[XR_KIND_DECAP].packets, 0);

	world(WORLD_TWO);
	world_use_decap();
	expect("eth / ip4 dst=10.1.0.254 / ip4 dst=10.1.0.254 / udp", "decap-ipip", NULL);
	assert_int_equal(stats_dev(world_plane(), 0, &d), 0);
	assert_int_equal(d.kind[XR_KIND_DECAP].packets, 1);
}

/* ---- events ---- */

struct events {
	struct xr_event last;
	int of[XR_REASON_MAX];
};

static int on_event(void *ctx, void *data, size_t len)
{
	struct events *e = ctx;

	memcpy(&e->last, data, sizeof(e->last));
	if (len >= sizeof(e->last) && e->last.kind == XR_EVENT_PACKET &&
	    e->last.reason < XR_REASON_MAX)
		e->of[e->last.reason]++;
	return 0;
}

/* A drop is told, but not each one. */
static void drop_events(void **state)
{
	struct ring_buffer *ring;
	struct events e = { 0 };
	__u32 tick;

	world(WORLD_TWO);
	ring = ring_buffer__new(world_plane()->fd[PLANE_EVENTS], on_event, &e, NULL);
	assert_non_null(ring);
	do {
		world_set_tick(world_tick() + 10);
		tick = world_tick();
		memset(&e, 0, sizeof(e));
		for (int i = 0; i < 20; i++)
			expect("eth / ip4 ttl=1 / tcp sport=77 syn", "ttl-expired", NULL);
		ring_buffer__consume(ring);
	} while (world_tick() != tick);
	assert_int_equal(e.of[XR_R_TTL_EXPIRED], 1);
	assert_int_equal(e.last.vip, vip_index("192.0.2.1", 443, IPPROTO_TCP));
	assert_int_equal(e.last.sport, htons(77));
	assert_int_equal(e.last.dport, htons(443));
	assert_int_equal(e.last.saddr[3], htonl(0x0a000001));
	assert_int_equal(e.last.daddr[3], htonl(0xc0000201));

	/* The next second another one. What is passed is no event. */
	world_set_tick(world_tick() + 10);
	memset(&e, 0, sizeof(e));
	expect("eth / ip4 ttl=1 / tcp syn", "ttl-expired", NULL);
	expect("eth / ip4 dst=192.0.2.2 / tcp syn", "not-vip", NULL);
	ring_buffer__consume(ring);
	assert_int_equal(e.of[XR_R_TTL_EXPIRED], 1);
	assert_int_equal(e.of[XR_R_NOT_VIP], 0);
	ring_buffer__free(ring);
}

/* ---- full tables ---- */

/* As many server IDs as there is room for, of two lengths; some buckets spill. */
static void many_server_ids(void **state)
{
	const int each = 100, long_ones = 20;
	char *text = malloc(200000), *s = text;

	/* clang-format off */
	s += sprintf(s, "limits: {server_ids: 1000}\n" VIPS "cid:\n"
		     "  - {id: 0, format: quic-lb, server_id_length: 3, "
		     "nonce_length: 4}\n"
		     "  - {id: 1, format: quic-lb, server_id_length: 12, "
		     "nonce_length: 4}\nbackends:\n"
		     BACKEND("rest", ALL_VIPS)
		     "    address: 10.1.0.9\n    forward: gue\n");
	/* clang-format on */
	for (int b = 1; b <= 8; b++) {
		/* clang-format off */
		s += sprintf(s, BACKEND("b%d", VIPS4)
			     "    address: 10.2.0.%d\n    state: draining\n"
			     "    server_ids: [", b, b);
		/* clang-format on */
		for (int i = 0; i < each; i++)
			s += sprintf(s, "\"%06x\", ", b << 16 | i);
		for (int i = 0; i < long_ones; i++)
			s += sprintf(s, "\"%024x\"%s", b << 16 | i,
				     i + 1 < long_ones ? ", " : "]\n");
	}
	world("%s", text);
	free(text);

	for (int b = 1; b <= 8; b++) {
		struct result r;
		char want[16];

		snprintf(want, sizeof(want), "10.2.0.%d", b);
		for (int i = 0; i < each; i++) {
			r = run_text("eth / ip4 / udp / quic short "
				     "dcid=00%06xaabbccdd",
				     b << 16 | i);
			check_reasons(&r, "cid");
			assert_string_equal(outer_dst(&r), want);
		}
		for (int i = 0; i < long_ones; i++) {
			r = run_text("eth / ip4 / udp / quic short "
				     "dcid=20%024xaabbccdd",
				     b << 16 | i);
			check_reasons(&r, "cid");
			assert_string_equal(outer_dst(&r), want);
		}
		/* One beyond is nobody's; one of the other length, too. */
		r = run_text("eth / ip4 / udp / quic short "
			     "dcid=00%06xaabbccdd",
			     b << 16 | each);
		check_reasons(&r, "hash cid-no-server");
		r = run_text("eth / ip4 / udp / quic short "
			     "dcid=20%024xaabbccdd",
			     b << 16 | long_ones);
		check_reasons(&r, "hash cid-no-server");
	}
}

/* Each VIP is found, and by its address, port and protocol together. */
static void many_vips(void **state)
{
	char *text = malloc(100000), *s = text;

	s += sprintf(s, "limits: {vips: 120}\nvips:\n");
	for (int i = 1; i <= 30; i++) {
		s += sprintf(s,
			     VIP("192.0.2.%d", "443", "udp", "") VIP("192.0.2.1", "%d", "tcp", "")
				     VIP("2001:db8::%x", "443", "udp", "")
					     VIP("2001:db8::1", "%d", "tcp", ""),
			     i, 1000 + i, i, 2000 + i);
	}
	s += sprintf(s, "backends:\n");
	for (int i = 1; i <= 30; i++)
		s += sprintf(s,
			     "  - {name: b%d, address: 10.1.%d.1, forward: "
			     "gue, vips: [\"192.0.2.%d:443/udp\", "
			     "\"192.0.2.1:%d/tcp\", "
			     "\"[2001:db8::%x]:443/udp\", "
			     "\"[2001:db8::1]:%d/tcp\"]}\n",
			     i, i, i, 1000 + i, i, 2000 + i);
	for (int i = 1; i <= 30; i++)
		shell("ip route add 10.1.%d.1/32 via 10.1.0.%d", i, 1 + i % 9);
	world("%s", text);
	free(text);

	for (int i = 1; i <= 30; i++) {
		char want[32];
		struct result r;

		snprintf(want, sizeof(want), "10.1.%d.1", i);
		r = run_text("eth / ip4 dst=192.0.2.%d / udp", i);
		assert_string_equal(outer_dst(&r), want);
		r = run_text("eth / ip4 / tcp dport=%d syn", 1000 + i);
		assert_string_equal(outer_dst(&r), want);
		r = run_text("eth / ip6 dst=2001:db8::%x / udp", i);
		assert_string_equal(outer_dst(&r), want);
		r = run_text("eth / ip6 / tcp dport=%d syn", 2000 + i);
		assert_string_equal(outer_dst(&r), want);

		r = run_text("eth / ip4 dst=192.0.2.%d / tcp syn", i);
		check_reasons(&r, "not-vip");
		r = run_text("eth / ip4 / tcp dport=%d syn", 2000 + i);
		check_reasons(&r, "not-vip");
		r = run_text("eth / ip6 / tcp dport=%d syn", 1000 + i);
		check_reasons(&r, "not-vip");
		r = run_text("eth / ip6 dst=2001:db8:1::%x / udp", i);
		check_reasons(&r, "not-vip");
	}
	for (int i = 1; i <= 30; i++)
		shell("ip route del 10.1.%d.1/32 via 10.1.0.%d", i, 1 + i % 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(per_vip_and_backend), TEST(per_codepoint),
		TEST(icmp_is_apart),       TEST(drops),
		TEST(per_device),          TEST(drop_events),
		TEST(many_server_ids),     TEST(many_vips),
	};

	return harness_main("report", tests, ARRAY_LEN(tests));
}
