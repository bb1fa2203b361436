// SPDX-License-Identifier: GPL-2.0-only
/*
 * The capturing copies of the programs: that the filter which runs in BPF says of every
 * packet what libpcap says of it, and that they do with packets what the plain ones do, put
 * into the ring what came and what left, count all, and do nothing once the lease is over.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/filter.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include "lib/harness.h"
#include "lib/oracle.h"
#include "lib/worlds.h"
#include "user/attach/attach.h"
#include "user/capture/filter.h"
#include "user/capture/maps.h"
#include "user/lib/reason.h"

/* ---- a capture without devices ---- */

static struct {
	struct capture_maps maps;
	struct xr_capture_control *control;
	struct ring_buffer *ring;
	struct capture_filter filter;
	int prog;
	struct xr_capture_packet last; /* from the ring */
	__u8 octets[2 * XR_CAPTURE_SNAP];
	int got; /* packets from the ring */
} c;

static int on_packet(void *ctx, void *data, size_t size)
{
	memcpy(&c.last, data, sizeof(c.last));
	assert_int_equal(size, sizeof(c.last) + c.last.cap_in + c.last.cap_out);
	memcpy(c.octets, (__u8 *)data + sizeof(c.last), size - sizeof(c.last));
	c.got++;
	return 0;
}

static void use_filter(const char *expression)
{
	struct xr_err err;

	if (filter_compile(expression, &c.filter, &err))
		fail_msg("%s", err.text);
	assert_int_equal(capture_maps_filter(&c.maps, &c.filter), 0);
	c.control->insns = c.filter.insns;
	c.control->reach = c.filter.reach;
}

static void begin(enum xr_role role)
{
	struct xr_err err;

	memset(&c, 0, sizeof(c));
	assert_int_equal(capture_maps_make(&c.maps, &c.filter, &err), 0);
	c.control = mmap(NULL, sizeof(*c.control), PROT_READ | PROT_WRITE, MAP_SHARED,
			 c.maps.control, 0);
	assert_ptr_not_equal(c.control, MAP_FAILED);
	c.ring = ring_buffer__new(c.maps.ring, on_packet, NULL, NULL);
	assert_non_null(c.ring);
	c.control->until = world_tick() + 1000;
	c.control->rate = 1U << 30;
	c.control->snap = XR_CAPTURE_SNAP;
	c.control->which = XR_CAPTURE_BEFORE | XR_CAPTURE_AFTER;
	c.control->any_vip = 1;
	c.prog = plane_load_capturing(world_plane(), "in", role, &c.maps, &err);
	if (c.prog < 0)
		fail_msg("%s", err.text);
}

static void end(void)
{
	close(c.prog);
	ring_buffer__free(c.ring);
	munmap(c.control, sizeof(*c.control));
	capture_maps_close(&c.maps);
}

static struct xr_capture_counts counts(void)
{
	struct xr_capture_counts sum;

	/* No device has a record: all are counted in the first slot. */
	capture_maps_count(&c.maps, world_plane()->cpus, 0, &sum);
	return sum;
}

/* How many packets came out of the ring for this one. */
static int shown(struct result *r, const char *text)
{
	struct packet p;

	p = packet("%s", text);
	c.got = 0;
	*r = run_prog(c.prog, &p);
	assert_true(ring_buffer__consume(c.ring) >= 0);
	return c.got;
}

/* ---- the filter ---- */

static const char *const expressions[] = {
	"",
	"ip",
	"ip6",
	"arp",
	"tcp",
	"udp",
	"icmp or icmp6",
	"tcp port 80",
	"udp dst port 443",
	"portrange 80-443",
	"not portrange 80-443",
	"host 192.0.2.1",
	"src host 10.0.0.1 and dst net 192.0.2.0/24",
	"ip6 host 2001:db8::1",
	"dst net 2001:db8::/32",
	"ether host 02:00:00:00:00:02",
	"ether dst 02:00:00:00:00:02 or ether src 02:00:00:00:00:02",
	"ether multicast",
	"ether broadcast",
	"vlan",
	"vlan 7",
	"vlan 7 and ip and tcp port 80",
	"vlan and vlan",
	"not vlan",
	"tcp[13] & 2 != 0",
	"tcp[tcpflags] & (tcp-syn|tcp-fin) != 0 and not tcp[tcpflags] & tcp-ack != 0",
	"tcp[((tcp[12] & 0xf0) >> 2):4] = 0x47455420",
	"udp[8] & 0x80 = 0",
	"udp[8:4] = 0x40000000 or udp[12:2] > 5",
	"ip[8] < 10",
	"ip[0] & 0xf != 5",
	"ip[6:2] & 0x1fff != 0",
	"ip6[6] = 17",
	"ip proto 47 or ip proto 4",
	"ip6 protochain 6",
	"greater 100",
	"less 64",
	"len > 80 and len <= 200",
	"ether[100] = 0",
	"ether[0] & 1 = 1",
	"ether[len - 1] = 0",
	"ether[ether[14]] = 69",
	"ether[12:2] + 1 = 0x0801",
	"ether[14] * 4 - 3 > 100 or ether[15] / 3 = 2 or ether[16] % 7 = 5",
	"ether[14] << 3 = 8 or ether[15] >> ether[16] = 1",
	"ether[14] ^ ether[15] = 0",
	"(tcp or udp) and (port 53 or port 443) and not src net 10.0.0.0/8",
	"icmp[icmptype] = icmp-echo",
	"host 192.0.2.1 and not (port 80 or port 443)",
	"ip multicast or ip6 multicast",
};

static __u32 seed = 1;

static __u32 any(__u32 n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

/* What decides is often what an expression asks for; the rest is anything. */
static __u32 random_packet(__u8 *o)
{
	static const __u16 ports[] = { 80, 443, 53, 81, 442, 444, 4789 };
	static const __u8 protos[] = { 6, 17, 1, 58, 4, 47, 0, 44 };
	__u32 len = 14 + any(any(4) ? 150 : 1400), at = 14, i;

	for (i = 0; i < len + 100; i++)
		o[i] = any(3) ? any(256) : 0;
	if (any(2))
		memcpy(o + any(2) * 6, "\x02\0\0\0\0\x02", 6);
	if (!any(8))
		memset(o, 0xff, 6);
	for (i = any(4); i > 1; i--, at += 4)
		memcpy(o + at - 2, any(2) ? "\x81\0\0\x07" : "\x88\xa8\0\x08", 4);
	switch (any(4)) {
	case 0:
		memcpy(o + at - 2, "\x08\x06", 2);
		return len;
	case 1:
		memcpy(o + at - 2, "\x86\xdd\x60", 3);
		o[at + 6] = protos[any(8)];
		if (any(2))
			memcpy(o + at + (any(2) ? 8 : 24),
			       "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
		at += 40;
		break;
	default:
		memcpy(o + at - 2, "\x08\0", 2);
		o[at] = 0x45 + (any(4) ? 0 : any(8));
		o[at + 6] = any(4) ? 0 : o[at + 6];
		o[at + 7] = any(4) ? 0 : o[at + 7];
		o[at + 9] = protos[any(8)];
		if (any(2))
			memcpy(o + at + 12, "\x0a\0\0\x01", 4);
		if (any(2))
			memcpy(o + at + 16, "\xc0\0\x02\x01", 4);
		at += 4 * (o[at] & 15);
	}
	for (i = 0; i < 2; i++, at += 2) {
		__u16 port = ports[any(7)];

		o[at] = port >> 8;
		o[at + 1] = port;
	}
	return len;
}

static void pass_through(const __u8 *o, __u32 len)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = o, .data_size_in = len, .repeat = 1);

	assert_int_equal(bpf_prog_test_run_opts(c.prog, &opts), 0);
}

/* Whether the filter in BPF matches, by what it counts: the rate is 0 then. */
static bool matches(const __u8 *o, __u32 len)
{
	__u64 before = counts().over;

	pass_through(o, len);
	return counts().over != before;
}

#define PACKETS 2200 /* of each expression: more than 10^5 in all */

static void same_as_libpcap(void **state)
{
	static __u8 o[2048];
	size_t e, found = 0, all = 0;

	world(WORLD_TWO);
	begin(XR_ROLE_NODE);
	c.control->rate = 0;
	/* So that nothing but what the filter may look at is at hand. */
	c.control->snap = 1;
	for (e = 0; e < ARRAY_LEN(expressions); e++) {
		struct oracle *oracle = oracle_new(expressions[e]);
		int i;

		assert_non_null(oracle);
		use_filter(expressions[e]);
		for (i = 0; i < PACKETS; i++) {
			__u32 len = random_packet(o);
			bool want = oracle_matches(oracle, o, len);

			found += want;
			all++;
			if (matches(o, len) != want)
				fail_msg("\"%s\", packet %d, %u octets: libpcap says %d",
					 expressions[e], i, len, want);
		}
		oracle_free(oracle);
	}
	printf("# %zu of %zu match\n", found, all);
	assert_in_range(found, all / 20, all * 19 / 20);
	end();
}

/* Any program that the machine takes, not only those that libpcap makes. */
static __u32 random_program(struct xr_capture_insn *i)
{
	static const __u16 codes[] = {
		BPF_LD | BPF_W | BPF_ABS,
		BPF_LD | BPF_H | BPF_ABS,
		BPF_LD | BPF_B | BPF_ABS,
		BPF_LD | BPF_W | BPF_IND,
		BPF_LD | BPF_H | BPF_IND,
		BPF_LD | BPF_B | BPF_IND,
		BPF_LD | BPF_IMM,
		BPF_LD | BPF_MEM,
		BPF_LD | BPF_W | BPF_LEN,
		BPF_LDX | BPF_IMM,
		BPF_LDX | BPF_MEM,
		BPF_LDX | BPF_W | BPF_LEN,
		BPF_LDX | BPF_MSH | BPF_B,
		BPF_ST,
		BPF_STX,
		BPF_ALU | BPF_ADD | BPF_K,
		BPF_ALU | BPF_SUB | BPF_X,
		BPF_ALU | BPF_MUL | BPF_K,
		BPF_ALU | BPF_DIV | BPF_X,
		BPF_ALU | BPF_MOD | BPF_X,
		BPF_ALU | BPF_DIV | BPF_K,
		BPF_ALU | BPF_AND | BPF_K,
		BPF_ALU | BPF_OR | BPF_X,
		BPF_ALU | BPF_XOR | BPF_K,
		BPF_ALU | BPF_LSH | BPF_X,
		BPF_ALU | BPF_RSH | BPF_X,
		BPF_ALU | BPF_NEG,
		BPF_JMP | BPF_JA,
		BPF_JMP | BPF_JEQ | BPF_K,
		BPF_JMP | BPF_JGT | BPF_X,
		BPF_JMP | BPF_JGE | BPF_K,
		BPF_JMP | BPF_JSET | BPF_X,
		BPF_MISC | BPF_TAX,
		BPF_MISC | BPF_TXA,
		BPF_RET | BPF_A,
		BPF_RET | BPF_K,
	};
	__u32 n = 17 + any(40), at;

	/* libpcap's memory has anything in it at first. */
	i[0] = (struct xr_capture_insn)BPF_STMT(BPF_LD | BPF_IMM, any(100));
	for (at = 1; at < 17; at++)
		i[at] = (struct xr_capture_insn)BPF_STMT(BPF_ST, at - 1);
	for (; at < n; at++) {
		__u32 left = n - at;

		i[at] = (struct xr_capture_insn){ codes[any(any(8) ? 34 : 36)], any(left),
						  any(left),
						  any(3)           ? any(64)
							  : any(9) ? any(2000)
								   : -any(99) };
		if (BPF_CLASS(i[at].code) == BPF_ST || BPF_CLASS(i[at].code) == BPF_STX ||
		    (BPF_CLASS(i[at].code) <= BPF_LDX && BPF_MODE(i[at].code) == BPF_MEM))
			i[at].k &= 15;
		if (i[at].code == (BPF_JMP | BPF_JA))
			i[at].k = any(left);
	}
	i[n] = (struct xr_capture_insn)BPF_STMT(any(2) ? BPF_RET | BPF_A : BPF_RET | BPF_K, any(2));
	return n + 1;
}

#define PROGRAMS 1500

static void any_program(void **state)
{
	static __u8 o[2048];
	int n, k, want, run = 0;
	__u32 len;

	world(WORLD_TWO);
	begin(XR_ROLE_NODE);
	c.control->rate = 0;
	c.control->reach = XR_CAPTURE_SNAP;
	for (n = 0; n < PROGRAMS; n++) {
		c.filter.insns = random_program(c.filter.insn);
		assert_int_equal(capture_maps_filter(&c.maps, &c.filter), 0);
		c.control->insns = c.filter.insns;
		for (k = 0; k < 8; k++) {
			len = random_packet(o);
			want = oracle_runs(c.filter.insn, c.filter.insns, o, len);
			if (want < 0)
				break;
			if (matches(o, len) != want)
				fail_msg("program %d, packet %d: libpcap says %d", n, k, want);
		}
		run += k == 8;
	}
	printf("# %d programs\n", run);
	assert_true(run > PROGRAMS / 4);
	end();
}

/* ---- packets ---- */

#define CLIENT     "eth / ip4 ttl=9 / tcp syn dport=443 / fill 40"
#define FOR_KERNEL "eth / ip4 dst=10.1.0.254 / tcp syn dport=22"

/* Before and after, whole, with the trace; the same verdict as the plain program's. */
static void before_and_after(void **state)
{
	struct result plain, r;

	world(WORLD_SPREAD);
	plain = run_text(CLIENT);
	begin(XR_ROLE_NODE);
	assert_int_equal(shown(&r, CLIENT), 1);
	assert_int_equal(r.action, plain.action);
	assert_int_equal(c.last.len_in, r.in.len);
	assert_int_equal(c.last.cap_in, r.in.len);
	assert_memory_equal(c.octets, r.in.data, r.in.len);
	assert_int_equal(c.last.len_out, r.out.len);
	assert_memory_equal(c.octets + c.last.cap_in, r.out.data, r.out.len);
	assert_int_equal(c.last.trace.action, r.action);
	assert_string_equal(reason_word(c.last.trace.reason), "flow");
	assert_true(c.last.trace.vip && c.last.trace.backend && c.last.trace.path);
	/* To the kernel, as it came: once. */
	assert_int_equal(shown(&r, FOR_KERNEL), 1);
	assert_int_equal(c.last.len_out, 0);
	assert_string_equal(reason_word(c.last.trace.reason), "not-vip");
	assert_int_equal(c.last.trace.vip, 0); /* nothing is left of the one before */
	/* Snapped, each by itself. */
	c.control->snap = 60;
	assert_int_equal(shown(&r, CLIENT), 1);
	assert_int_equal(c.last.cap_in, 60);
	assert_int_equal(c.last.cap_out, 60);
	assert_memory_equal(c.octets + 60, r.out.data, 60);
	end();
}

static void choose(void (*change)(void), const char *packet, int want)
{
	struct xr_capture_control was = *c.control;
	struct xr_capture_counts a = counts(), b;
	struct result r;

	change();
	assert_int_equal(shown(&r, packet), want);
	b = counts();
	assert_int_equal(b.seen - a.seen, 1);
	assert_int_equal(b.captured - a.captured, want);
	assert_int_equal((b.filtered - a.filtered) + (b.over - a.over), !want);
	*c.control = was;
}

static void reason_is(enum xr_reason reason)
{
	c.control->reasons[(reason - 1) / 32] |= 1U << (reason - 1) % 32;
}

static void only_hash(void)
{
	reason_is(XR_R_HASH);
}

static void only_flow(void)
{
	reason_is(XR_R_FLOW);
	reason_is(XR_R_PASSED); /* the last: its bit is there */
}

static void only_new_flows(void)
{
	reason_is(XR_R_FLOW_NEW);
}

static void other_vip(void)
{
	c.control->any_vip = 0;
	c.control->vip = 77;
}

static void no_vip(void)
{
	c.control->any_vip = 0;
	c.control->vip = ~0U;
}

static void its_mac(void)
{
	c.control->mac = 0;
	memcpy(&c.control->mac, "\x02\0\0\0\0\x02", 6);
}

static void another_mac(void)
{
	c.control->mac = 42;
}

static void after_alone(void)
{
	c.control->which = XR_CAPTURE_AFTER;
}

static void none_a_second(void)
{
	c.control->rate = 0;
}

static void what_is_chosen(void **state)
{
	struct result r;

	world(WORLD_SPREAD);
	begin(XR_ROLE_NODE);
	choose(only_hash, CLIENT, 1);
	choose(only_hash, CLIENT, 0);
	choose(only_flow, CLIENT, 1);
	choose(only_new_flows, CLIENT, 0);
	choose(only_new_flows, "eth / ip4 / tcp syn sport=77 dport=443", 1);
	choose(other_vip, CLIENT, 0);
	choose(no_vip, FOR_KERNEL, 0);
	choose(its_mac, CLIENT, 1);
	choose(another_mac, CLIENT, 0);
	choose(after_alone, CLIENT, 1);
	choose(after_alone, FOR_KERNEL, 0);
	choose(none_a_second, CLIENT, 0);
	/* Later than the lease: neither captured nor counted. */
	c.control->until = world_tick() - 1;
	assert_int_equal(shown(&r, CLIENT), 0);
	assert_int_equal(r.action, XDP_TX);
	end();
}

static void above_the_rate(void **state)
{
	struct xr_capture_counts n;
	struct result r;
	int i, got = 0;

	world(WORLD_SPREAD);
	begin(XR_ROLE_NODE);
	c.control->rate = 3;
	world_set_tick(100);
	c.control->until = 1000;
	for (i = 0; i < 10; i++)
		got += shown(&r, CLIENT);
	n = counts();
	/* The clock may go on by a second meanwhile. */
	assert_in_range(got, 3, 6);
	assert_int_equal(n.captured, got);
	assert_int_equal(n.over, 10 - got);
	end();
}

static void full_ring(void **state)
{
	struct xr_capture_counts n;
	__u8 o[1400] = { 0 };
	int i;

	world(WORLD_SPREAD);
	begin(XR_ROLE_NODE);
	for (i = 0; i < 15000; i++)
		pass_through(o, sizeof(o));
	n = counts();
	assert_true(n.lost > 0 && n.captured > 0);
	assert_int_equal(n.seen, 15000);
	assert_int_equal(n.lost + n.captured, 15000);
	c.got = 0;
	ring_buffer__consume(c.ring);
	assert_int_equal(c.got, n.captured);
	end();
}

/* Role backend: what comes out of the tunnel goes to the kernel. */
static void role_backend(void **state)
{
	struct result r;

	world(WORLD_SPREAD);
	world_use_decap();
	begin(XR_ROLE_BACKEND);
	assert_int_equal(
		shown(&r, "eth / ip4 src=10.2.0.9 dst=10.1.0.254 / ip4 dst=10.1.0.254 / udp"), 1);
	assert_int_equal(r.action, XDP_PASS);
	assert_string_equal(reason_word(c.last.trace.reason), "decap-ipip");
	assert_int_equal(c.last.len_out, c.last.len_in - 20);
	assert_int_equal(shown(&r, "eth / ip4 dst=10.1.0.254 / udp"), 1);
	assert_int_equal(c.last.len_out, 0);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(same_as_libpcap), TEST(any_program),    TEST(before_and_after),
		TEST(what_is_chosen),  TEST(above_the_rate), TEST(full_ring),
		TEST(role_backend),
	};

	return harness_main("capture", tests, ARRAY_LEN(tests));
}
