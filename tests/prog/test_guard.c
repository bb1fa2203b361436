/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A redirect whose own frames come back disables itself and says so. Frames
 * that a sender repeats, however often, look the same but are no loop.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include "lib/vms.h"
#include "lib/worlds.h"

#define TO_VM "eth dst=" VM " / "

/* clang-format off */
#define WORLD                                                                  \
	HOSTS(HOST_PORT("old", "out") HOST_VXLAN("v", "10.1.0.1", "")          \
	      HOST_VXLAN("v6", "fd02::1", "") HOST_GUE("g", "10.2.0.2", ""))   \
	VMS(VM_AT(VM, "old", ", addresses: [10.9.0.10]"))
/* clang-format on */

#define MANY 100000

/* ---- what is no loop ---- */

/*
 * n frames alike. Each leaves, and the same; but for the ID of an IPv4 packet
 * that is whole, which nobody needs (RFC 6864 §4.1), and the flow label of an
 * IPv6 one. What may not be touched must stay as it is.
 */
static void repeat(const char *text, int n, bool may_be_touched, bool six)
{
	struct packet p = packet("%s", text), was, is, inner;
	__u64 hits = vm_live(VM, 0)->hits;
	int touched = 0;
	struct result r;

	was = run_prog(world_prog(), &p).out;
	for (int i = 1; i < n; i++) {
		r = run_prog(world_prog(), &p);
		if (r.action != XDP_TX && r.action != XDP_REDIRECT)
			fail_msg("%s: the %dth is not sent on", text, i);
		is = r.out;
		if (packet_equal(&was, &is))
			continue;
		touched++;
		assert_true(may_be_touched);
		inner = packet_in_vxlan(&is);
		if (six) {
			ip6_set_flow_label(ip6_of(&inner), 0);
		} else {
			const struct packet first = packet_in_vxlan(&was);
			struct wire_ip4 *ip = ip4_of(&inner);

			assert_int_equal(packet_sum16(0, ip, ip4_header_len(ip)), 0xffff);
			ip->id = ip4_of(&first)->id;
			ip->csum = ip4_of(&first)->csum;
		}
		memcpy(is.data + is.len - inner.len, inner.data, inner.len);
		check_packet(&was, &is);
	}
	if (touched > n / 50)
		fail_msg("%s: %d of %d touched", text, touched, n);
	assert_int_equal(vm_live(VM, 0)->hits, hits + n);
	check_vm(VM, 0, XR_VM_MOVED, "v", 0);
}

static void identical(void **state)
{
	struct events s;

	world(WORLD);
	post_notice("move " VM " to v");
	take_events();
	repeat(TO_VM "ip4 df / udp / fill 40", MANY, true, false);
	repeat(TO_VM "ip4 df / udp / fill 4", 20000, true, false);
	repeat(TO_VM "ip4 df / udp / pad 18", 20000, true, false);
	repeat(TO_VM "ip4 df / tcp ack", 20000, true, false);
	repeat(TO_VM "ip4 id=4711 / udp / fill 40", 20000, true, false);
	repeat(TO_VM "ip4 opts=01010101 / icmp4 type=8 / fill 56", 20000, true, false);
	repeat(TO_VM "ip6 / udp / fill 40", 20000, true, true);
	repeat(TO_VM "ip6 / udp", 20000, true, true);
	/* All pieces of a datagram have one ID. */
	repeat(TO_VM "ip4 id=9 mf / udp / fill 24", 20000, false, false);
	repeat(TO_VM "ip4 id=9 off=1480 / fill 24", 20000, false, false);
	/* A label that somebody chose is his (RFC 6437 §3). */
	repeat(TO_VM "ip6 flow=0x12345 / udp / fill 40", 20000, false, true);
	s = take_events();
	assert_int_equal(s.n[XR_R_VM_LOOP] + s.vm_n[XR_R_VM_LOOP], 0);
}

/* IDs that are counted, as old systems do, and a sender who would guess. */
static void every_id(void **state)
{
	struct packet p = packet(TO_VM "ip4 / udp / fill 40");
	struct events s;

	world(WORLD);
	post_notice("move " VM " to v");
	take_events();
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 100; i++)
			run_prog(world_prog(), &p);
		for (int id = 0; id < 65536; id++) {
			struct packet q = p;

			ip4_of(&q)->id = htons(id);
			ip4_fill_checksum(ip4_of(&q));
			run_prog(world_prog(), &q);
		}
	}
	check_vm(VM, 0, XR_VM_MOVED, "v", 0);
	s = take_events();
	assert_int_equal(s.n[XR_R_VM_LOOP] + s.vm_n[XR_R_VM_LOOP], 0);
}

/*
 * The VM quotes what it got, number and all, and so the sender knows it: he can
 * make what looks like frames that came back, as fast as the VM answers.
 */
static void quoted(void **state)
{
	struct packet p = packet(TO_VM "ip4 id=1 / udp / fill 40");
	struct events s;

	world(WORLD);
	post_notice("move " VM " to v");
	take_events();
	for (int second = 0; second < 20; second++) {
		int answers = 6; /* Linux: icmp_ratelimit */

		world_set_tick(world_tick() + 1);
		for (int i = 0; i < 64; i++) {
			struct result r = run(&p);
			struct packet got;

			assert_int_equal(reason_kind(r.verdict), XR_KIND_TX);
			got = packet_in_vxlan(&r.out);
			if (packet_equal(&got, &p) || !answers)
				continue;
			p = got;
			answers--;
		}
	}
	check_vm(VM, 0, XR_VM_MOVED, "v", 0);
	s = take_events();
	assert_int_equal(s.n[XR_R_VM_LOOP] + s.vm_n[XR_R_VM_LOOP], 0);
}

/* ---- what is one ---- */

enum way { BY_PORT, BY_VXLAN };

/* What leaves comes back, without its tunnel's headers; after how many rounds is it seen? */
static int loop(struct packet p, enum way way, int most)
{
	for (int i = 1; i <= most; i++) {
		struct result r = run(&p);

		if (r.verdict == XR_R_VM_LOOP)
			return i;
		assert_int_equal(reason_kind(r.verdict), XR_KIND_TX);
		p = way == BY_VXLAN ? packet_in_vxlan(&r.out) : r.out;
	}
	return 0;
}

static void check_disabled(const char *host)
{
	const struct xr_event *e;
	struct events s = take_events();

	check_vm(VM, 0, XR_VM_MOVED, host, XR_VM_LOOP);
	assert_int_equal(s.vm_n[XR_R_VM_LOOP], 1);
	assert_true(s.n[XR_R_VM_LOOP] >= 1);
	e = &s.vm_last[XR_R_VM_LOOP];
	assert_int_equal(e->vm, vm_index_of(VM, 0) + 1);
	assert_int_equal(e->host, host_index(host));
	/* What comes after that is the kernel's. */
	expect(TO_VM "ip4 / tcp syn", "vm-here", NULL);
}

static void loops(void **state)
{
	static const char *const texts[] = {
		TO_VM "ip4 df / udp / fill 40",
		TO_VM "ip4 id=5 / tcp syn",
		TO_VM "ip4 / icmp4 type=8 / fill 56",
		TO_VM "ip4 opts=01010101 / udp",
		TO_VM "ip6 / udp / fill 40",
		TO_VM "ip6 / tcp syn",
		TO_VM "ip6 / icmp6 type=128 / fill 56",
	};
	static const char *const hosts[] = { "v", "v6" };

	world(WORLD);
	for (size_t h = 0; h < ARRAY_LEN(hosts); h++)
		for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
			int n;

			post_notice("leave " VM);
			post_notice("add " VM " at old");
			post_notice("move " VM " to %s", hosts[h]);
			take_events();
			n = loop(packet("%s", texts[i]), BY_VXLAN, 500);
			if (!n)
				fail_msg("%s to %s: round and round", texts[i], hosts[h]);
			check_disabled(hosts[h]);
		}
}

/* Among other frames, while seconds pass. */
static void loop_in_traffic(void **state)
{
	struct packet p = packet(TO_VM "ip4 df / udp / fill 40");
	int i;

	world(WORLD);
	post_notice("move " VM " to v");
	take_events();
	for (i = 0; i < 100 * 60; i++) {
		struct result r;

		if (i % 100 == 0)
			world_set_tick(world_tick() + 1);
		if ((i + i / 100) % 3) {
			r = run_text(TO_VM "ip4 id=%d / udp / fill 30", i);
		} else {
			r = run(&p);
			if (reason_kind(r.verdict) == XR_KIND_TX)
				p = packet_in_vxlan(&r.out);
		}
		if (r.verdict == XR_R_VM_LOOP)
			break;
	}
	assert_true(i < 100 * 60);
	check_disabled("v");
}

/* By its port a frame comes back as it left; the tag with it. */
static void loop_by_port(void **state)
{
	world(WORLD);
	post_notice("leave " VM);
	post_notice("add " VM " vlan 5 at v");
	post_notice("move " VM " vlan 5 to old");
	take_events();
	assert_true(loop(packet(TO_VM "vlan 5 / ip4 / udp / fill 40"), BY_PORT, 500));
	check_vm(VM, 5, XR_VM_MOVED, "old", XR_VM_LOOP);
	assert_int_equal(take_events().vm_n[XR_R_VM_LOOP], 1);
}

/* The operator's next word makes it good again. */
static void made_good(void **state)
{
	world(WORLD);
	later();
	post_notice("move " VM " to v");
	assert_true(loop(packet(TO_VM "ip4 / udp / fill 40"), BY_VXLAN, 500));
	check_vm(VM, 0, XR_VM_MOVED, "v", XR_VM_LOOP);
	post_notice("move " VM " to v6");
	check_vm(VM, 0, XR_VM_MOVED, "v6", 0);
	expect(TO_VM "ip4 / tcp syn", "moved", NULL);
}

/*
 * A frame that is no IP packet cannot be marked: a loop and a sender who repeats
 * himself look the same. So too many are dropped, and nothing is disabled.
 */
static void not_ip(void **state)
{
	struct packet p = packet(TO_VM "arp sip=10.9.0.1 tip=10.9.0.10");
	int n;

	world(WORLD);
	post_notice("move " VM " to v");
	take_events();
	n = loop(p, BY_VXLAN, 500);
	assert_in_range(n, 32, 200);
	check_vm(VM, 0, XR_VM_MOVED, "v", 0);
	expect(TO_VM "ip4 / udp", "moved", NULL);
	expect(TO_VM "arp sip=10.9.0.2 tip=10.9.0.10", "moved", NULL);
	world_set_tick(world_tick() + 2);
	assert_int_equal(run(&p).verdict, XR_R_MOVED);
}

/* n frames that differ in one octet, or (at 0) in none: how many were dropped? */
static int cycle(struct packet p, size_t at, int n)
{
	int dropped = 0;

	world_set_tick(world_tick() + 1); /* the first is the sample */
	for (int i = 0; i < n; i++) {
		struct packet q = p;
		struct result r;

		if (at)
			q.data[at] ^= i + 1;
		r = run_prog(world_prog(), &q);
		if (r.action == XDP_DROP) {
			dropped++;
			continue;
		}
		assert_true(r.action == XDP_TX || r.action == XDP_REDIRECT);
		assert_memory_equal(r.out.data + r.out.len - q.len, q.data, q.len);
	}
	return dropped;
}

/* Fieldbuses: the same again, a thousand times a second, but for a counter. */
static void cyclic(void **state)
{
	static const char *const texts[] = {
		TO_VM "ip4 id=9 mf / udp csum=0 / fill 600",
		TO_VM "ip4 id=9 off=1480 / fill 600",
	};
	static const size_t lens[] = { 60, 61, 64, 105, 106, 107, 129, 600, 1400 };

	world(WORLD);
	/* Keys are random: so be it with the worst, by which top bits would be lost. */
	for (int k = 8; k < 12; k++)
		world_plane()->hash_keys->key[k] &= ~0xffULL;
	post_notice("move " VM " to v");
	take_events();
	for (size_t l = 0; l < ARRAY_LEN(lens); l++) {
		struct packet p = packet(TO_VM "fill %zu", lens[l] - sizeof(struct wire_eth));

		eth_of(&p)->type = htons(0x8892); /* PROFINET */
		for (size_t at = sizeof(struct wire_eth); at < p.len; at += at < 60 ? 1 : 37)
			if (cycle(p, at, 200))
				fail_msg("%zu octets, the counter at %zu: "
					 "dropped",
					 p.len, at);
		assert_int_equal(cycle(p, p.len - 1, 3000), 0);
		/* The counter stands still, too: hardly any is lost. */
		assert_in_range(cycle(p, 0, 3000), 1, 3000 / 50);
	}
	for (size_t t = 0; t < ARRAY_LEN(texts); t++) {
		struct packet p = packet("%s", texts[t]);

		for (size_t at = p.len - 500; at < p.len; at += 83)
			if (cycle(p, at, 1000))
				fail_msg("%s: dropped", texts[t]);
	}
	check_vm(VM, 0, XR_VM_MOVED, "v", 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(identical), TEST(every_id),        TEST(quoted),
		TEST(loops),     TEST(loop_in_traffic), TEST(loop_by_port),
		TEST(made_good), TEST(not_ip),          TEST(cyclic),
	};

	return harness_main("echo guard", tests, ARRAY_LEN(tests));
}
