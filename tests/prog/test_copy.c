/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tc programs at a VM's old place: what they copy to its next one while it
 * moves, take away when it has moved, and remember before. "out" is the VM's port
 * where one is needed; what leaves is caught on the device.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <netinet/in.h>
#include "lib/tc_frames.h"
#include "user/local/local_priv.h"

#define IP4 ETH_IN("1") " / ip4 src=10.1.0.254 dst=10.1.0.1 df"
#define IP6 ETH_IN("1") " / ip6 src=fd01::fe dst=fd01::1"

/* ---- copies ---- */

static const struct {
	const char *name, *host, *in, *out;
} ways[] = {
	{ "VXLAN, IPv4", THERE, PROBE,
	  IP4 " id=0x7800 tos=3 / udp sport=0 dport=4789 csum=0 / vxlan 100 / " PROBE },
	{ "VXLAN, IPv6 inside", THERE, PROBE6,
	  IP4 " id=0x7800 tos=2 / udp sport=0 dport=4789 csum=0 / vxlan 100 / " PROBE6 },
	{ "VXLAN, ARP", THERE, ARP,
	  IP4 " id=0x7800 / udp sport=0 dport=4789 csum=0 / vxlan 100 / " ARP },
	{ "VXLAN, an unknown EtherType", THERE, TO_VM " / fill 46",
	  IP4 " id=0x7800 / udp sport=0 dport=4789 csum=0 / vxlan 100 / " TO_VM " / fill 46" },
	{ "VXLAN over IPv6", HOST_VXLAN("there", "fd01::1", ""), PROBE,
	  IP6 " tc=3 / udp sport=0 dport=4789 csum=0 / vxlan 100 / " PROBE },
	{ "VXLAN over IPv6, ARP", HOST_VXLAN("there", "fd01::1", ""), ARP,
	  IP6 " / udp sport=0 dport=4789 csum=0 / vxlan 100 / " ARP },
	{ "IPIP", HOST_IPIP("there", "10.1.0.1", ""), PROBE,
	  IP4 " tos=3 / ip4 src=10.9.0.77 dst=" VM4 " tos=3 / udp / fill 30" },
	{ "IPv6 in IPv4", HOST_IPIP("there", "10.1.0.1", ""), PROBE6,
	  IP4 " tos=2 / ip6 src=fd09::77 dst=" VM6 " tc=2 / udp / fill 30" },
	{ "IPv4 in IPv6", HOST_IPIP("there", "fd01::1", ""), PROBE,
	  IP6 " tc=3 / ip4 src=10.9.0.77 dst=" VM4 " tos=3 / udp / fill 30" },
	{ "GUE", HOST_GUE("there", "10.1.0.1", ""), PROBE,
	  IP4 " tos=3 / udp sport=0 dport=6080 csum=0 / ip4 src=10.9.0.77 dst=" VM4
	      " tos=3 / udp / fill 30" },
	{ "GUE over IPv6", HOST_GUE("there", "fd01::1", ""), PROBE6,
	  IP6 " tc=2 / udp sport=0 dport=6080 csum=0 / ip6 src=fd09::77 dst=" VM6
	      " tc=2 / udp / fill 30" },
	{ "a router's MAC", HOST_MAC("there", "02:00:00:00:01:09", "in"), PROBE,
	  "eth src=" MAC_IN " dst=02:00:00:00:01:09 / ip4 src=10.9.0.77 dst=" VM4
	  " tos=3 / udp / fill 30" },
	{ "port", HOST_PORT("there", "in"), PROBE, PROBE },
};

static void copied(void **state)
{
	struct packet p;
	struct tc_result r;
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_LEN(ways); i++) {
		print_message("# %s\n", ways[i].name);
		world(HOSTS(HERE "%s") VMS(VM_AT(VM, "here", "")),
		      ways[i].host);
		tc_port_of_vm("out");
		tc_set_state("here", "there", XR_VM_BLACKOUT);
		fd = catcher("out");
		r = tc_run("tc_tap_out", "out", NULL, ways[i].in);
		assert_int_equal(r.action, TC_ACT_REDIRECT);
		tc_check_frame(ways[i].out, &r.out);
		assert_true(caught(fd, &p));
		tc_check_frame(ways[i].in, &p);
		assert_false(caught(fd, &p));
		close(fd);
		assert_int_equal(tc_counted(XR_R_COPIED), 1);
		assert_int_equal(vm_info_of(VM, 0)->copied, 1);
	}
}

static void replayed(void **state)
{
	struct packet p;
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_LEN(ways); i++) {
		struct packet in = packet("%s", ways[i].in);
		struct __sk_buff ctx = { 0 };
		LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = in.data, .data_size_in = in.len,
			    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx));
		int prog;

		print_message("# %s\n", ways[i].name);
		world(HOSTS(HERE "%s") VMS(VM_AT(VM, "here", "")),
		      ways[i].host);
		tc_count_anew();
		ctx.cb[0] = host_index("there");
		fd = catcher("in");
		prog = tc_pinned("tc_replay");
		assert_int_equal(bpf_prog_test_run_opts(prog, &run), 0);
		close(prog);
		assert_int_equal(run.retval, 0);
		assert_true(caught(fd, &p));
		tc_check_frame(ways[i].out, &p);
		close(fd);
		assert_int_equal(tc_counted(XR_R_REPLAYED), 1);
	}
}

/*
 * A tag without a VLAN is none, and goes no further; two of them neither. With
 * one, it is another VM's.
 */
static void priority_tags(void **state)
{
	static const char *const tags[] = { "vlan 0 pcp=5", "vlan 0 / vlan 0" };
	char text[256];

	world(HOSTS(HERE THERE) VMS(VM_AT(VM, "here", "")));
	tc_port_of_vm("out");
	tc_set_state("here", "there", XR_VM_BLACKOUT);
	for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
		struct packet p;
		int fd = catcher("out");
		struct tc_result r;

		snprintf(text, sizeof(text), TO_VM " / %s / ip4 / udp / fill 30", tags[i]);
		r = tc_run("tc_tap_out", "out", NULL, text);
		assert_int_equal(r.action, TC_ACT_REDIRECT);
		tc_check_frame(IP4 " id=0x7800 / udp sport=0 dport=4789 csum=0 / vxlan 100 / " TO_VM
				   " / ip4 / udp / fill 30",
			       &r.out);
		assert_true(caught(fd, &p));
		tc_check_frame(text, &p);
		close(fd);
	}
	tc_left_alone("tc_tap_out", "out", NULL, TO_VM " / vlan 0 / vlan 5 / ip4 / udp / fill 30");
	tc_left_alone("tc_tap_out", "out", NULL, TO_VM " / vlan 5 / ip4 / udp / fill 30");
}

static void not_copied(void **state)
{
	world(HOSTS(HERE THERE) VMS(VM_AT(VM, "here", "")));
	tc_port_of_vm("out");
	tc_left_alone("tc_tap_out", "out", NULL, PROBE); /* stands still */
	tc_set_state("here", "there", XR_VM_BLACKOUT);
	tc_left_alone("tc_tap_out", "out", NULL,
		      "eth dst=ff:ff:ff:ff:ff:ff / arp op=1 sip=10.9.0.1 tip=" VM4);
	tc_left_alone("tc_tap_out", "out", NULL, "eth dst=33:33:00:00:00:01 / ip6 / udp");
	tc_left_alone("tc_tap_out", "out", NULL, "eth dst=52:54:00:12:34:57 / ip4 / udp");
	tc_left_alone("tc_tap_out", "out", NULL,
		      "eth src=02:78:72:00:00:02 dst=" VM
		      " type=0x88b5 / fill 46");        /* local/tap.c's */
	tc_left_alone("tc_tap_out", "in", NULL, PROBE); /* not its port */
	assert_int_equal(tc_counted(XR_R_COPY_FAILED), 0);
	vm_live(VM, 0)->deadline = world_tick() + 1;
	assert_int_equal(tc_run("tc_tap_out", "out", NULL, PROBE).action, TC_ACT_REDIRECT);
	world_set_tick(world_tick() + 1);
	tc_left_alone("tc_tap_out", "out", NULL, PROBE); /* too late */
	check_vm(VM, 0, XR_VM_MOVED, "here", 0);         /* ttl: as tc_set_state() set it */
	assert_int_equal(tc_counted(XR_R_MOVE_EXPIRED), 1);
}

/* Delivered, counted, and no more. */
static void cannot_be_copied(void **state)
{
	world(HOSTS(HERE HOST_VXLAN("there", "10.3.0.1", "")
	      HOST_IPIP("routed", "10.1.0.1", "") HOST_VXLAN("lost",
	      "10.1.0.99", "")) VMS(VM_AT(VM, "here", "")));
	tc_port_of_vm("out");
	tc_set_state("here", "there", XR_VM_BLACKOUT);
	/* MTU 1400, of which 50 are the outer header's; 14 + 20 + 8 inside */
	assert_int_equal(tc_run("tc_tap_out", "out", NULL, TO_VM " / ip4 / udp / fill 1322").action,
			 TC_ACT_REDIRECT);
	tc_left_alone("tc_tap_out", "out", NULL, TO_VM " / ip4 / udp / fill 1323");
	assert_int_equal(tc_counted(XR_R_COPY_FAILED), 1);
	tc_set_state("here", "routed", XR_VM_BLACKOUT);
	tc_left_alone("tc_tap_out", "out", NULL, ARP);
	assert_int_equal(tc_counted(XR_R_COPY_FAILED), 1);
	/* The kernel asks for a neighbour that it sends to; it can send packets. */
	tc_set_state("here", "lost", XR_VM_BLACKOUT);
	tc_counted(XR_R_COPIED);
	assert_int_equal(tc_run("tc_tap_out", "out", NULL, PROBE).action, TC_ACT_REDIRECT);
	assert_int_equal(tc_counted(XR_R_COPIED), 1);
	tc_left_alone("tc_tap_out", "out", NULL, ARP);
	assert_int_equal(tc_counted(XR_R_COPY_FAILED), 1);
}

/* From the fabric, whatever becomes of its port: the clone goes in there again. */
static void by_uplink(void **state)
{
	static const char *const progs[] = { "tc_uplink_in", "tc_tunnel_in" };
	struct tc_result r;
	size_t i;
	int tap;

	for (i = 0; i < ARRAY_LEN(progs); i++) {
		for (tap = 0; tap < 3; tap++) {
			print_message("# %s, %s\n", progs[i],
				      tap == 2      ? "port gone"
					      : tap ? "port known"
						    : "port not known");
			world(HOSTS(HERE THERE) VMS(VM_AT(VM, "here", "")));
			tc_count_anew();
			tc_set_state("here", "there", XR_VM_BLACKOUT);
			if (tap)
				tc_port_of_vm("out");
			if (tap == 2)
				vm_live(VM, 0)->tap = 0x7fffffff;
			r = tc_run(progs[i], "in", NULL, PROBE);
			assert_int_equal(r.action, TC_ACT_REDIRECT);
			tc_check_frame(ways[0].out, &r.out);
			assert_int_equal(tc_counted(XR_R_COPIED), 1);
			tc_left_alone(progs[i], "in", NULL,
				      "eth dst=52:54:00:12:34:57 / ip4 / udp");
			assert_int_equal(tc_counted(XR_R_COPIED), 0);
		}
	}
	/* By a port that it came in by: it would come again. */
	world(HOSTS(HERE HOST_PORT("there", "in"))
	      VMS(VM_AT(VM, "here", "")));
	tc_count_anew();
	tc_set_state("here", "there", XR_VM_BLACKOUT);
	tc_left_alone("tc_uplink_in", "in", NULL, PROBE);
	assert_int_equal(tc_counted(XR_R_COPY_FAILED), 1);
}

/* Where it goes by, when its port did not get it. */
static void astray(void **state)
{
	struct packet p;
	struct tc_result r;
	int fd;

	world(HOSTS(HERE THERE) VMS(VM_AT(VM, "here", "")));
	tc_port_of_vm("out");
	tc_device_is("in", XR_TAP_UPLINK);
	tc_left_alone("tc_uplink_out", "in", NULL, PROBE);
	tc_set_state("here", "there", XR_VM_PREPARED);
	tc_left_alone("tc_uplink_out", "in", NULL, PROBE);
	tc_set_state("here", "there", XR_VM_BLACKOUT);
	fd = catcher("in");
	r = tc_run("tc_uplink_out", "in", NULL, PROBE);
	assert_int_equal(r.action, TC_ACT_REDIRECT);
	tc_check_frame(ways[0].out, &r.out);
	assert_false(caught(fd, &p));
	close(fd);
	assert_int_equal(tc_counted(XR_R_COPIED), 1);
	tc_left_alone("tc_uplink_out", "in", NULL,
		      "eth dst=ff:ff:ff:ff:ff:ff / arp op=1 sip=10.9.0.1 tip=" VM4);
	/* A bridge that floods: the port had it, or has it next. */
	assert_int_equal(tc_run("tc_tap_out", "out", NULL, PROBE6).action, TC_ACT_REDIRECT);
	assert_int_equal(tc_run("tc_uplink_out", "in", NULL, PROBE6).action, TC_ACT_SHOT);
	assert_int_equal(tc_run("tc_uplink_out", "in", NULL, ARP).action, TC_ACT_REDIRECT);
	tc_left_alone("tc_tap_out", "out", NULL, ARP);
	assert_int_equal(tc_counted(XR_R_COPIED), 2);
	/* The same frame by the same port is another one. */
	assert_int_equal(tc_run("tc_uplink_out", "in", NULL, PROBE).action, TC_ACT_REDIRECT);
	assert_int_equal(tc_run("tc_uplink_out", "in", NULL, PROBE).action, TC_ACT_REDIRECT);
	assert_int_equal(tc_run("tc_tap_out", "out", NULL, PROBE6).action, TC_ACT_REDIRECT);
	assert_int_equal(tc_run("tc_tap_out", "out", NULL, PROBE6).action, TC_ACT_REDIRECT);
	assert_int_equal(tc_counted(XR_R_COPIED), 4);
	/* It has left, and the kernel's tables are not told yet. */
	tc_set_state("there", "", XR_VM_MOVED);
	r = tc_run("tc_uplink_out", "in", "out", PROBE);
	assert_int_equal(r.action, TC_ACT_REDIRECT);
	tc_check_frame(ways[0].out, &r.out);
	tc_left_alone("tc_tap_out", "out", NULL, PROBE);
	assert_int_equal(tc_counted(XR_R_MOVED), 1);
	vm_info_of(VM, 0)->host = host_index("there");
	tc_left_alone("tc_uplink_out", "in", "out", PROBE6);
}

/* Routed to this host: known by its address, not by a MAC that is the host's. */
static void by_address(void **state)
{
#define ROUTED "eth src=02:00:00:00:00:77 dst=02:00:00:00:00:99"
	static const struct {
		const char *host, *in, *out;
	} routed[] = {
		{ HOST_IPIP("there", "10.1.0.1", ""),
		  ROUTED " / ip4 src=10.9.0.77 dst=" VM4 " tos=3 / udp / fill 30",
		  IP4 " tos=3 / ip4 src=10.9.0.77 dst=" VM4 " tos=3 / udp / fill 30" },
		{ HOST_GUE("there", "fd01::1", ""),
		  ROUTED " / ip6 src=fd09::77 dst=" VM6 " tc=2 / udp / fill 30",
		  IP6 " tc=2 / udp sport=0 dport=6080 csum=0 / ip6 src=fd09::77 "
		      "dst=" VM6 " tc=2 / udp / fill 30" },
		{ THERE, ROUTED " / ip4 src=10.9.0.77 dst=" VM4 " / udp", NULL },
	};
	struct packet p;
	struct tc_result r;
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_LEN(routed); i++) {
		world(HOSTS(HERE "%s") VMS(VM_AT(VM, "here", ", addresses: ["
		      VM4 ", \"" VM6 "\", \"fe80::1\"]")), routed[i].host);
		tc_port_of_vm("out");
		tc_left_alone("tc_uplink_in", "in", NULL, routed[i].in);
		tc_set_state("here", "there", XR_VM_BLACKOUT);
		if (!routed[i].out) { /* there, its frames are looked for */
			tc_left_alone("tc_uplink_in", "in", NULL, routed[i].in);
			continue;
		}
		r = tc_run("tc_uplink_in", "in", NULL, routed[i].in);
		assert_int_equal(r.action, TC_ACT_REDIRECT);
		tc_check_frame(routed[i].out, &r.out);
		assert_int_equal(tc_counted(XR_R_COPIED), 1);
		tc_left_alone("tc_uplink_in", "in", NULL,
			      ROUTED " / ip4 src=10.9.0.77 dst=10.9.0.78 / udp");
		/* This machine's own, perhaps: each link has one. */
		tc_left_alone("tc_uplink_in", "in", NULL,
			      ROUTED " / ip6 src=fe80::77 dst=fe80::1 / udp");
		/* No port: no route to it either, and the clone would go back. */
		vm_live(VM, 0)->tap = 0x7fffffff;
		fd = catcher("in");
		r = tc_run("tc_uplink_in", "in", NULL, routed[i].in);
		assert_int_equal(r.action, TC_ACT_REDIRECT);
		tc_check_frame(routed[i].out, &r.out);
		assert_false(caught(fd, &p));
		close(fd);
		assert_int_equal(tc_counted(XR_R_COPIED), 1);
		/* XDP let it pass just before. */
		tc_set_state("there", "", XR_VM_MOVED);
		world_plane()->vm_control->watching = 1;
		r = tc_run("tc_uplink_in", "in", NULL, routed[i].in);
		assert_int_equal(r.action, TC_ACT_REDIRECT);
		tc_check_frame(routed[i].out, &r.out);
		assert_int_equal(tc_counted(XR_R_MOVED), 1);
	}
}

/* ---- after it has moved ---- */

static void taken_away(void **state)
{
	struct packet p;
	struct tc_result r;
	int fd;

	world(HOSTS(HERE THERE) VMS(VM_AT(VM, "here", "")));
	tc_port_of_vm("out");
	tc_set_state("there", "", XR_VM_MOVED);
	fd = catcher("out");
	r = tc_run("tc_tap_out", "out", NULL, PROBE);
	assert_int_equal(r.action, TC_ACT_REDIRECT);
	tc_check_frame(ways[0].out, &r.out);
	assert_false(caught(fd, &p));
	close(fd);
	assert_int_equal(tc_counted(XR_R_MOVED), 1);
	assert_int_equal(vm_live(VM, 0)->hits, 1);
	assert_int_equal(host_count("there").packets, 1);
	tc_left_alone("tc_tap_out", "out", NULL,
		      "eth dst=ff:ff:ff:ff:ff:ff / arp op=1 sip=10.9.0.1 tip=" VM4);
	/* XDP let it pass just before; its port is gone. */
	vm_live(VM, 0)->tap = 0x7fffffff;
	r = tc_run("tc_uplink_in", "in", NULL, PROBE);
	assert_int_equal(r.action, TC_ACT_REDIRECT);
	tc_check_frame(ways[0].out, &r.out);
	assert_int_equal(tc_counted(XR_R_MOVED), 1);
	vm_live(VM, 0)->tap = ifindex_of("out");
	/* Its redirect is over. */
	vm_live(VM, 0)->last = world_tick();
	world_set_tick(world_tick() + 301);
	tc_left_alone("tc_tap_out", "out", NULL, PROBE);
	tc_left_alone("tc_uplink_in", "in", NULL, PROBE);
}

/* ---- the ring ---- */

static void remembered(void **state)
{
	struct plane *p;
	struct packet in;
	__u32 i;

	world(HOSTS(HERE THERE) VMS(VM_AT(VM, "here", "")));
	p = world_plane();
	tc_port_of_vm("out");
	vm_live(VM, 0)->ring = 2;
	p->rings[1] = (struct xr_ring){ .vm = vm_index_of(VM, 0) + 1 };
	tc_set_state("here", "there", XR_VM_PREPARED);
	for (i = 0; i < XR_RING_FRAMES + 5; i++) {
		char text[256];

		snprintf(text, sizeof(text), TO_VM " / ip4 id=%u / udp", i);
		tc_left_alone("tc_tap_out", "out", NULL, text);
	}
	assert_int_equal(p->rings[1].entered, XR_RING_FRAMES + 5);
	for (i = 5; i < XR_RING_FRAMES + 5; i++) {
		const struct xr_ring_frame *f =
			&p->ring_frames[XR_RING_FRAMES + i % XR_RING_FRAMES];

		in = packet(TO_VM " / ip4 id=%u / udp", i);
		assert_int_equal(f->number, i + 1);
		assert_int_equal(f->len, in.len);
		assert_memory_equal(f->octet, in.data, in.len);
	}
	in = packet(TO_VM " / fill %zu", XR_RING_OCTETS - sizeof(struct wire_eth));
	tc_left_alone("tc_tap_out", "out", NULL, TO_VM " / fill 2022");
	assert_int_equal(in.len, XR_RING_OCTETS);
	assert_memory_equal(p->ring_frames[XR_RING_FRAMES + 5].octet, in.data, in.len);
	tc_left_alone("tc_tap_out", "out", NULL, TO_VM " / fill 2023");
	assert_int_equal(p->rings[1].too_large, 1);
	assert_int_equal(p->ring_frames[XR_RING_FRAMES + 6].len, 0);
	assert_int_equal(p->ring_frames[XR_RING_FRAMES + 6].number, XR_RING_FRAMES + 7);
	/* A copy is none of the residual. */
	tc_set_state("here", "there", XR_VM_BLACKOUT);
	tc_run("tc_tap_out", "out", NULL, PROBE);
	assert_int_equal(p->rings[1].entered, XR_RING_FRAMES + 7);
}

/* ---- checksums ---- */

static void checksums(void **state)
{
	static const struct {
		const char *text;
		__u8 proto;
		size_t csum; /* octets from the header's beginning */
	} of[] = {
		{ TO_VM " / ip4 src=1.2.3.4 dst=5.6.7.8 / udp / fill 31", IPPROTO_UDP,
		  offsetof(struct wire_udp, csum) },
		{ TO_VM " / ip4 opts=01010101 / tcp ack / fill 8", IPPROTO_TCP,
		  offsetof(struct wire_tcp, csum) },
		{ TO_VM " / ip6 src=fd09::77 / tcp syn / fill 9", IPPROTO_TCP,
		  offsetof(struct wire_tcp, csum) },
		{ TO_VM " / ip6 src=fd09::77 / icmp6 type=128 / fill 9", IPPROTO_ICMPV6,
		  offsetof(struct wire_icmp, csum) },
	};

	for (size_t i = 0; i < ARRAY_LEN(of); i++) {
		struct packet right = packet("%s", of[i].text), p = right;
		bool four = packet_is_ip4(&p);
		/* The destination follows the source. */
		const __u8 *addrs = four ? ip4_of(&p)->src : ip6_of(&p)->src;
		size_t l4 = packet_find(&p, p.layer[2].word, 0);
		__be16 partial;

		frame_fill_checksum(p.data, p.len);
		check_packet(&right, &p); /* complete: left alone */
		partial = htons(packet_sum16(of[i].proto + p.len - l4, addrs, four ? 8 : 32));
		memcpy(p.data + l4 + of[i].csum, &partial, sizeof(partial));
		frame_fill_checksum(p.data, p.len);
		check_packet(&right, &p);
		for (size_t n = 0; n < right.len; n++) /* stays inside */
			frame_fill_checksum(p.data, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(copied),           TEST(replayed),   TEST(priority_tags), TEST(not_copied),
		TEST(cannot_be_copied), TEST(by_uplink),  TEST(astray),        TEST(by_address),
		TEST(taken_away),       TEST(remembered), TEST(checksums),
	};

	return harness_main("tc programs", tests, ARRAY_LEN(tests));
}
