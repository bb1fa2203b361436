// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tc programs: whole frames, in every state of a move. "out" is the VM's
 * port where one is needed; what leaves is caught on the device.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>
#include <net/ethernet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/vms.h"
#include "lib/worlds.h"
#include "user/attach/tc.h"
#include "user/local/local_priv.h"

#define TO_VM   "eth src=02:00:00:00:00:77 dst=" VM
#define FROM_VM "eth src=" VM " dst=02:00:00:00:00:77"
#define PROBE   TO_VM " / ip4 src=10.9.0.77 dst=" VM4 " tos=3 / udp / fill 30"
#define PROBE6  TO_VM " / ip6 src=fd09::77 dst=" VM6 " tc=2 / udp / fill 30"
#define ARP     TO_VM " / arp op=2 sip=10.9.0.1 tip=" VM4

#define HERE  HOST_VXLAN("here", "10.1.0.254", ", local: true")
#define THERE HOST_VXLAN("there", "10.1.0.1", "")

#define ETH_IN "eth src=" MAC_IN " dst=02:00:00:00:01:01"
#define IP4    ETH_IN " / ip4 src=10.1.0.254 dst=10.1.0.1 df"
#define IP6    ETH_IN " / ip6 src=fd01::fe dst=fd01::1"

static __u64 cause[XR_REASON_MAX];

static void reasons(__u64 *count)
{
	struct xr_counter *c = calloc(world_plane()->cpus, sizeof(*c));
	__u32 r;
	int i;

	for (r = 0; r < XR_REASON_MAX; r++) {
		count[r] = 0;
		bpf_map_lookup_elem(world_plane()->fd[PLANE_REASON_STATS], &r, c);
		for (i = 0; i < world_plane()->cpus; i++)
			count[r] += c[i].packets;
	}
	free(c);
}

/* How often since the last time it was asked. */
static __u64 counted(enum xr_reason r)
{
	__u64 now[XR_REASON_MAX], n;

	reasons(now);
	n = now[r] - cause[r];
	cause[r] = now[r];
	return n;
}

static int program(const char *word)
{
	struct xr_err err = { "" };
	char path[256];
	int fd = tc_replay_program(world_plane(), &err);

	if (fd < 0)
		fail_msg("%s", err.text);
	close(fd);
	snprintf(path, sizeof(path), "%s/%s", world_plane()->dir, word);
	fd = bpf_obj_get(path);
	if (fd < 0)
		fail_msg("%s: %s", path, strerror(errno));
	return fd;
}

/* ---- what leaves a device ---- */

static int catcher(const char *dev)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = ifindex_of(dev),
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (void *)&at, sizeof(at)))
		fail_msg("watching %s: %s", dev, strerror(errno));
	return fd;
}

/* The next frame that left, IPv6's own chatter left out. false: none. */
static bool caught(int fd, struct packet *p)
{
	struct sockaddr_ll from;
	socklen_t len = sizeof(from);
	__u8 frame[PACKET_MAX];
	ssize_t n;

	while ((n = recvfrom(fd, frame, sizeof(frame), 0, (void *)&from, &len)) > 0) {
		if (from.sll_pkttype != PACKET_OUTGOING || frame[0] & 1)
			continue;
		*p = packet_raw(frame, n);
		return true;
	}
	return false;
}

struct ran {
	int action;
	struct packet out;
};

static __u32 mark; /* of the frames that follow */

/* As if it passed dev, having come in by from. */
static struct ran pass(const char *word, const char *dev, const char *from, const char *text)
{
	struct packet in = packet("%s", text);
	struct __sk_buff ctx = {
		.mark = mark,
		.ifindex = ifindex_of(dev),
		.ingress_ifindex = from ? ifindex_of(from) : 0,
	};
	struct ran r = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = in.data, .data_size_in = in.len,
		    .data_out = r.out.data, .data_size_out = sizeof(r.out.data), .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx));
	int fd = program(word), ret = bpf_prog_test_run_opts(fd, &run);

	close(fd);
	if (ret)
		fail_msg("%s: %s", word, strerror(-ret));
	r.action = (int)run.retval;
	r.out.len = run.data_size_out;
	return r;
}

/* Source ports and flow labels are a hash, but for what marks a relay. */
static void check(const char *want, const struct packet *got)
{
	struct packet p = packet("%s", want);

	if (p.layers > 3 && !strcmp(p.layer[3].word, "vxlan")) {
		assert_in_range(got->data[p.layer[2].start], 0xf0, 0xff);
		if (!strcmp(p.layer[1].word, "ip6"))
			assert_int_equal((got->data[15] << 8 | got->data[16]) & 0xff0, 0x780);
	}
	if (p.layers > 2 && !strcmp(p.layer[2].word, "udp"))
		memcpy(p.data + p.layer[2].start, got->data + p.layer[2].start, 2);
	if (!strcmp(p.layer[1].word, "ip6")) {
		p.data[15] = (p.data[15] & 0xf0) | (got->data[15] & 15);
		memcpy(p.data + 16, got->data + 16, 2);
	}
	check_packet(&p, got);
}

static void port_of_vm(const char *dev)
{
	__u32 ifindex = ifindex_of(dev), kind = vm_place(VM, 0) + 1;

	vm_live(VM, 0)->tap = ifindex;
	bpf_map_update_elem(world_plane()->fd[PLANE_TAPS], &ifindex, &kind, 0);
	reasons(cause);
}

static void kind_of_dev(const char *dev, __u32 kind)
{
	__u32 ifindex = ifindex_of(dev);

	bpf_map_update_elem(world_plane()->fd[PLANE_TAPS], &ifindex, &kind, 0);
}

/* The word as vm_notice() leaves it, without what the machine would need. */
static void word(const char *host, const char *next, enum xr_vm_state state)
{
	struct plane *p = world_plane();
	__u32 place = vm_place(VM, 0);
	struct xr_vm_now was = vm_now(p, place), to = was;

	to.host = host_index(host);
	to.next = *next ? host_index(next) : 0;
	to.state = state;
	p->vms[place].last = world_tick();
	p->vms[place].ttl = p->vms[place].next_ttl = 300;
	p->vm_control->watching = 1;
	assert_true(vm_change(p, place, &was, to));
}

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
	struct ran r;
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_LEN(ways); i++) {
		print_message("# %s\n", ways[i].name);
		world(HOSTS(HERE "%s") VMS(VM_AT(VM, "here", "")),
		      ways[i].host);
		port_of_vm("out");
		word("here", "there", XR_VM_BLACKOUT);
		fd = catcher("out");
		r = pass("tc_tap_out", "out", NULL, ways[i].in);
		assert_int_equal(r.action, TC_ACT_REDIRECT);
		check(ways[i].out, &r.out);
		assert_true(caught(fd, &p));
		check(ways[i].in, &p);
		assert_false(caught(fd, &p));
		close(fd);
		assert_int_equal(counted(XR_R_COPIED), 1);
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
		reasons(cause);
		ctx.cb[0] = host_index("there");
		fd = catcher("in");
		prog = program("tc_replay");
		assert_int_equal(bpf_prog_test_run_opts(prog, &run), 0);
		close(prog);
		assert_int_equal(run.retval, 0);
		assert_true(caught(fd, &p));
		check(ways[i].out, &p);
		close(fd);
		assert_int_equal(counted(XR_R_REPLAYED), 1);
	}
}

/* Nothing of it is touched, and no other device sees it. */
static void left_alone(const char *prog, const char *dev, const char *from, const char *text)
{
	struct packet in = packet("%s", text), p;
	int a = catcher("in"), b = catcher("out");
	struct ran r = pass(prog, dev, from, text);

	assert_int_equal(r.action, TC_ACT_UNSPEC);
	check_packet(&in, &r.out);
	assert_false(caught(a, &p));
	assert_false(caught(b, &p));
	close(a);
	close(b);
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
	port_of_vm("out");
	word("here", "there", XR_VM_BLACKOUT);
	for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
		struct packet p;
		int fd = catcher("out");
		struct ran r;

		snprintf(text, sizeof(text), TO_VM " / %s / ip4 / udp / fill 30", tags[i]);
		r = pass("tc_tap_out", "out", NULL, text);
		assert_int_equal(r.action, TC_ACT_REDIRECT);
		check(IP4 " id=0x7800 / udp sport=0 dport=4789 csum=0 / vxlan 100 / " TO_VM
			  " / ip4 / udp / fill 30",
		      &r.out);
		assert_true(caught(fd, &p));
		check(text, &p);
		close(fd);
	}
	left_alone("tc_tap_out", "out", NULL, TO_VM " / vlan 0 / vlan 5 / ip4 / udp / fill 30");
	left_alone("tc_tap_out", "out", NULL, TO_VM " / vlan 5 / ip4 / udp / fill 30");
}

/* What a machine says by itself is no proof behind a tag either. */
static void tagged_claims(void **state)
{
	world(HOSTS(HERE THERE) VMS(VM_AT(VM, "there", "")));
	port_of_vm("out");
	word("there", "here", XR_VM_PREPARED);
	left_alone("tc_tap_in", "out", NULL,
		   FROM_VM " / vlan 0 / vlan 0 / arp op=1 sip=" VM4 " tip=" VM4);
	left_alone("tc_tap_in", "out", NULL,
		   FROM_VM " / vlan 0 / ip6 src=fd09::"
			   "10 dst=ff02::1 hlim=255 / na target=fd09::10 override");
	check_vm(VM, 0, XR_VM_PREPARED, "there", 0);
	left_alone("tc_tap_in", "out", NULL, FROM_VM " / vlan 0 / ip4 / udp");
	check_vm(VM, 0, XR_VM_MOVED, "here", 0);
}

static void not_copied(void **state)
{
	world(HOSTS(HERE THERE) VMS(VM_AT(VM, "here", "")));
	port_of_vm("out");
	left_alone("tc_tap_out", "out", NULL, PROBE); /* stands still */
	word("here", "there", XR_VM_BLACKOUT);
	left_alone("tc_tap_out", "out", NULL,
		   "eth dst=ff:ff:ff:ff:ff:ff / arp op=1 sip=10.9.0.1 tip=" VM4);
	left_alone("tc_tap_out", "out", NULL, "eth dst=33:33:00:00:00:01 / ip6 / udp");
	left_alone("tc_tap_out", "out", NULL, "eth dst=52:54:00:12:34:57 / ip4 / udp");
	left_alone("tc_tap_out", "out", NULL,
		   "eth src=02:78:72:00:00:02 dst=" VM
		   " type=0x88b5 / fill 46");        /* local/tap.c's */
	left_alone("tc_tap_out", "in", NULL, PROBE); /* not its port */
	assert_int_equal(counted(XR_R_COPY_FAILED), 0);
	vm_live(VM, 0)->deadline = world_tick() + 1;
	assert_int_equal(pass("tc_tap_out", "out", NULL, PROBE).action, TC_ACT_REDIRECT);
	world_set_tick(world_tick() + 1);
	left_alone("tc_tap_out", "out", NULL, PROBE); /* too late */
	check_vm(VM, 0, XR_VM_MOVED, "here", 0);      /* ttl: as word() set it */
	assert_int_equal(counted(XR_R_MOVE_EXPIRED), 1);
}

/* Delivered, counted, and no more. */
static void cannot_be_copied(void **state)
{
	world(HOSTS(HERE HOST_VXLAN("there", "10.3.0.1", "")
	      HOST_IPIP("routed", "10.1.0.1", "") HOST_VXLAN("lost",
	      "10.1.0.99", "")) VMS(VM_AT(VM, "here", "")));
	port_of_vm("out");
	word("here", "there", XR_VM_BLACKOUT);
	/* MTU 1400, of which 50 are the outer header's; 14 + 20 + 8 inside */
	assert_int_equal(pass("tc_tap_out", "out", NULL, TO_VM " / ip4 / udp / fill 1322").action,
			 TC_ACT_REDIRECT);
	left_alone("tc_tap_out", "out", NULL, TO_VM " / ip4 / udp / fill 1323");
	assert_int_equal(counted(XR_R_COPY_FAILED), 1);
	word("here", "routed", XR_VM_BLACKOUT);
	left_alone("tc_tap_out", "out", NULL, ARP);
	assert_int_equal(counted(XR_R_COPY_FAILED), 1);
	/* The kernel asks for a neighbour that it sends to; it can send packets. */
	word("here", "lost", XR_VM_BLACKOUT);
	counted(XR_R_COPIED);
	assert_int_equal(pass("tc_tap_out", "out", NULL, PROBE).action, TC_ACT_REDIRECT);
	assert_int_equal(counted(XR_R_COPIED), 1);
	left_alone("tc_tap_out", "out", NULL, ARP);
	assert_int_equal(counted(XR_R_COPY_FAILED), 1);
}

/* From the fabric, whatever becomes of its port: the clone goes in there again. */
static void by_uplink(void **state)
{
	static const char *const progs[] = { "tc_uplink_in", "tc_tunnel_in" };
	struct ran r;
	size_t i;
	int tap;

	for (i = 0; i < ARRAY_LEN(progs); i++) {
		for (tap = 0; tap < 3; tap++) {
			print_message("# %s, %s\n", progs[i],
				      tap == 2      ? "port gone"
					      : tap ? "port known"
						    : "port not known");
			world(HOSTS(HERE THERE) VMS(VM_AT(VM, "here", "")));
			reasons(cause);
			word("here", "there", XR_VM_BLACKOUT);
			if (tap)
				port_of_vm("out");
			if (tap == 2)
				vm_live(VM, 0)->tap = 0x7fffffff;
			r = pass(progs[i], "in", NULL, PROBE);
			assert_int_equal(r.action, TC_ACT_REDIRECT);
			check(ways[0].out, &r.out);
			assert_int_equal(counted(XR_R_COPIED), 1);
			left_alone(progs[i], "in", NULL, "eth dst=52:54:00:12:34:57 / ip4 / udp");
			assert_int_equal(counted(XR_R_COPIED), 0);
		}
	}
	/* By a port that it came in by: it would come again. */
	world(HOSTS(HERE HOST_PORT("there", "in"))
	      VMS(VM_AT(VM, "here", "")));
	reasons(cause);
	word("here", "there", XR_VM_BLACKOUT);
	left_alone("tc_uplink_in", "in", NULL, PROBE);
	assert_int_equal(counted(XR_R_COPY_FAILED), 1);
}

/* Where it goes by, when its port did not get it. */
static void astray(void **state)
{
	struct packet p;
	struct ran r;
	int fd;

	world(HOSTS(HERE THERE) VMS(VM_AT(VM, "here", "")));
	port_of_vm("out");
	kind_of_dev("in", XR_TAP_UPLINK);
	left_alone("tc_uplink_out", "in", NULL, PROBE);
	word("here", "there", XR_VM_PREPARED);
	left_alone("tc_uplink_out", "in", NULL, PROBE);
	word("here", "there", XR_VM_BLACKOUT);
	fd = catcher("in");
	r = pass("tc_uplink_out", "in", NULL, PROBE);
	assert_int_equal(r.action, TC_ACT_REDIRECT);
	check(ways[0].out, &r.out);
	assert_false(caught(fd, &p));
	close(fd);
	assert_int_equal(counted(XR_R_COPIED), 1);
	left_alone("tc_uplink_out", "in", NULL,
		   "eth dst=ff:ff:ff:ff:ff:ff / arp op=1 sip=10.9.0.1 tip=" VM4);
	/* A bridge that floods: the port had it, or has it next. */
	assert_int_equal(pass("tc_tap_out", "out", NULL, PROBE6).action, TC_ACT_REDIRECT);
	assert_int_equal(pass("tc_uplink_out", "in", NULL, PROBE6).action, TC_ACT_SHOT);
	assert_int_equal(pass("tc_uplink_out", "in", NULL, ARP).action, TC_ACT_REDIRECT);
	left_alone("tc_tap_out", "out", NULL, ARP);
	assert_int_equal(counted(XR_R_COPIED), 2);
	/* The same frame by the same port is another one. */
	assert_int_equal(pass("tc_uplink_out", "in", NULL, PROBE).action, TC_ACT_REDIRECT);
	assert_int_equal(pass("tc_uplink_out", "in", NULL, PROBE).action, TC_ACT_REDIRECT);
	assert_int_equal(pass("tc_tap_out", "out", NULL, PROBE6).action, TC_ACT_REDIRECT);
	assert_int_equal(pass("tc_tap_out", "out", NULL, PROBE6).action, TC_ACT_REDIRECT);
	assert_int_equal(counted(XR_R_COPIED), 4);
	/* It has left, and the kernel's tables are not told yet. */
	word("there", "", XR_VM_MOVED);
	r = pass("tc_uplink_out", "in", "out", PROBE);
	assert_int_equal(r.action, TC_ACT_REDIRECT);
	check(ways[0].out, &r.out);
	left_alone("tc_tap_out", "out", NULL, PROBE);
	assert_int_equal(counted(XR_R_MOVED), 1);
	vm_info_of(VM, 0)->host = host_index("there");
	left_alone("tc_uplink_out", "in", "out", PROBE6);
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
	struct ran r;
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_LEN(routed); i++) {
		world(HOSTS(HERE "%s") VMS(VM_AT(VM, "here", ", addresses: ["
		      VM4 ", \"" VM6 "\", \"fe80::1\"]")), routed[i].host);
		port_of_vm("out");
		left_alone("tc_uplink_in", "in", NULL, routed[i].in);
		word("here", "there", XR_VM_BLACKOUT);
		if (!routed[i].out) { /* there, its frames are looked for */
			left_alone("tc_uplink_in", "in", NULL, routed[i].in);
			continue;
		}
		r = pass("tc_uplink_in", "in", NULL, routed[i].in);
		assert_int_equal(r.action, TC_ACT_REDIRECT);
		check(routed[i].out, &r.out);
		assert_int_equal(counted(XR_R_COPIED), 1);
		left_alone("tc_uplink_in", "in", NULL,
			   ROUTED " / ip4 src=10.9.0.77 dst=10.9.0.78 / udp");
		/* This machine's own, perhaps: each link has one. */
		left_alone("tc_uplink_in", "in", NULL,
			   ROUTED " / ip6 src=fe80::77 dst=fe80::1 / udp");
		/* No port: no route to it either, and the clone would go back. */
		vm_live(VM, 0)->tap = 0x7fffffff;
		fd = catcher("in");
		r = pass("tc_uplink_in", "in", NULL, routed[i].in);
		assert_int_equal(r.action, TC_ACT_REDIRECT);
		check(routed[i].out, &r.out);
		assert_false(caught(fd, &p));
		close(fd);
		assert_int_equal(counted(XR_R_COPIED), 1);
		/* XDP let it pass just before. */
		word("there", "", XR_VM_MOVED);
		world_plane()->vm_control->watching = 1;
		r = pass("tc_uplink_in", "in", NULL, routed[i].in);
		assert_int_equal(r.action, TC_ACT_REDIRECT);
		check(routed[i].out, &r.out);
		assert_int_equal(counted(XR_R_MOVED), 1);
	}
}

/* ---- after it has moved ---- */

static void taken_away(void **state)
{
	struct packet p;
	struct ran r;
	int fd;

	world(HOSTS(HERE THERE) VMS(VM_AT(VM, "here", "")));
	port_of_vm("out");
	word("there", "", XR_VM_MOVED);
	fd = catcher("out");
	r = pass("tc_tap_out", "out", NULL, PROBE);
	assert_int_equal(r.action, TC_ACT_REDIRECT);
	check(ways[0].out, &r.out);
	assert_false(caught(fd, &p));
	close(fd);
	assert_int_equal(counted(XR_R_MOVED), 1);
	assert_int_equal(vm_live(VM, 0)->hits, 1);
	assert_int_equal(host_count("there").packets, 1);
	left_alone("tc_tap_out", "out", NULL,
		   "eth dst=ff:ff:ff:ff:ff:ff / arp op=1 sip=10.9.0.1 tip=" VM4);
	/* XDP let it pass just before; its port is gone. */
	vm_live(VM, 0)->tap = 0x7fffffff;
	r = pass("tc_uplink_in", "in", NULL, PROBE);
	assert_int_equal(r.action, TC_ACT_REDIRECT);
	check(ways[0].out, &r.out);
	assert_int_equal(counted(XR_R_MOVED), 1);
	vm_live(VM, 0)->tap = ifindex_of("out");
	/* Its redirect is over. */
	vm_live(VM, 0)->last = world_tick();
	world_set_tick(world_tick() + 301);
	left_alone("tc_tap_out", "out", NULL, PROBE);
	left_alone("tc_uplink_in", "in", NULL, PROBE);
}

/* ---- the ring ---- */

static void remembered(void **state)
{
	struct plane *p;
	struct packet in;
	__u32 i;

	world(HOSTS(HERE THERE) VMS(VM_AT(VM, "here", "")));
	p = world_plane();
	port_of_vm("out");
	vm_live(VM, 0)->ring = 2;
	p->rings[1] = (struct xr_ring){ .vm = vm_place(VM, 0) + 1 };
	word("here", "there", XR_VM_PREPARED);
	for (i = 0; i < XR_RING_FRAMES + 5; i++) {
		char text[256];

		snprintf(text, sizeof(text), TO_VM " / ip4 id=%u / udp", i);
		left_alone("tc_tap_out", "out", NULL, text);
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
	in = packet(TO_VM " / fill %d", XR_RING_OCTETS - 14);
	left_alone("tc_tap_out", "out", NULL, TO_VM " / fill 2022");
	assert_int_equal(in.len, XR_RING_OCTETS);
	assert_memory_equal(p->ring_frames[XR_RING_FRAMES + 5].octet, in.data, in.len);
	left_alone("tc_tap_out", "out", NULL, TO_VM " / fill 2023");
	assert_int_equal(p->rings[1].too_large, 1);
	assert_int_equal(p->ring_frames[XR_RING_FRAMES + 6].len, 0);
	assert_int_equal(p->ring_frames[XR_RING_FRAMES + 6].number, XR_RING_FRAMES + 7);
	/* A copy is none of the residual. */
	word("here", "there", XR_VM_BLACKOUT);
	pass("tc_tap_out", "out", NULL, PROBE);
	assert_int_equal(p->rings[1].entered, XR_RING_FRAMES + 7);
}

/* ---- the new host ---- */

/* What is no proof that the VM runs. */
static const char *const claims[] = {
	"arp op=1 sip=" VM4 " tip=" VM4,
	"arp op=2 sip=" VM4 " tip=10.9.0.1",
	"rarp",
	"ip6 src=" VM6 " dst=ff02::1 hlim=255 / na target=" VM6 " override",
	"ip6 src=:: dst=ff02::1:ff00:10 hlim=255 / ns target=" VM6 " bare",
	"ip6 src=fe80::1 dst=ff02::2 hlim=255 / icmp6 type=133",
	"ip6 src=:: dst=ff02::16 hlim=1 / hopopts / icmp6 type=143",
	"ip6 src=fe80::1 dst=ff02::16 / icmp6 type=131",
	"ip4 src=0.0.0.0 dst=224.0.0.22 ttl=1 proto=2 / fill 16",
};

static const char *const data[] = {
	"ip4 src=" VM4 " / udp",
	"ip4 src=" VM4 " / tcp ack",
	"ip6 src=" VM6 " / udp",
	"ip6 src=" VM6 " hlim=255 / ns target=fd09::1",
	"ip6 src=" VM6 " / icmp6 type=129 / fill 9",
	"fill 46",
};

static const enum xr_vm_state coming[] = { XR_VM_PREPARED, XR_VM_BLACKOUT };

static void new_host(const char *from)
{
	world(HOSTS(HERE THERE) VMS(VM_AT(VM, "there", "")));
	port_of_vm("out");
	kind_of_dev("in", XR_TAP_UPLINK);
	if (from && strcmp(from, "out"))
		kind_of_dev(from, XR_TAP_TUNNEL);
}

static void premature(void **state)
{
	size_t i, s;

	for (s = 0; s < ARRAY_LEN(coming); s++) {
		new_host(NULL);
		word("there", "here", coming[s]);
		for (i = 0; i < ARRAY_LEN(claims); i++) {
			char text[512];

			snprintf(text, sizeof(text), FROM_VM " / %s", claims[i]);
			print_message("# %s\n", text);
			left_alone("tc_tap_in", "out", NULL, text);
			assert_int_equal(pass("tc_uplink_out", "in", "out", text).action,
					 TC_ACT_SHOT);
			assert_int_equal(counted(XR_R_PREMATURE), 1);
			check_vm(VM, 0, coming[s], "there", 0);
			/* From the fabric: the VM itself, where it still is. */
			left_alone("tc_uplink_out", "in", "in", text);
		}
		/* The host's own stack in its name, whatever it says. */
		assert_int_equal(pass("tc_uplink_out", "in", NULL, FROM_VM " / ip4 / udp").action,
				 TC_ACT_SHOT);
		check_vm(VM, 0, coming[s], "there", 0);
	}
}

static void it_speaks(void **state)
{
	size_t i, s;

	for (i = 0; i < ARRAY_LEN(data); i++) {
		for (s = 0; s < 2 * ARRAY_LEN(coming); s++) {
			char text[512];
			__u64 moves;

			snprintf(text, sizeof(text), FROM_VM " / %s", data[i]);
			new_host(NULL);
			word("there", "here", coming[s / 2]);
			moves = vm_info_of(VM, 0)->moves;
			left_alone(s & 1 ? "tc_tap_in" : "tc_uplink_out", s & 1 ? "out" : "in",
				   s & 1 ? NULL : "out", text);
			check_vm(VM, 0, XR_VM_MOVED, "here", 0);
			assert_int_equal(vm_info_of(VM, 0)->moves, moves + 1);
			assert_int_equal(counted(XR_R_ACTIVATED), 1);
			assert_int_equal(world_plane()->vm_control->watching, 0);
			assert_int_equal(said().vm_n[XR_R_ACTIVATED], 1);
		}
	}
	/* Another's, a stranger's port, and one that nobody expects. */
	new_host(NULL);
	word("there", "here", XR_VM_BLACKOUT);
	left_alone("tc_tap_in", "out", NULL, "eth src=52:54:00:12:34:57 / ip4 / udp");
	left_alone("tc_tap_in", "in", NULL, FROM_VM " / ip4 / udp");
	check_vm(VM, 0, XR_VM_BLACKOUT, "there", 0);
	word("there", "", XR_VM_MOVED);
	left_alone("tc_tap_in", "out", NULL, FROM_VM " / ip4 / udp");
	check_vm(VM, 0, XR_VM_MOVED, "there", 0);
}

/* A frame with its MAC from another port of the new host is nobody's word. */
static void neighbours(void **state)
{
	static const char *const from[] = { "lo", NULL };
	size_t i, s, f;

	for (s = 0; s < ARRAY_LEN(coming); s++) {
		new_host(NULL);
		word("there", "here", coming[s]);
		for (i = 0; i < ARRAY_LEN(data); i++) {
			char text[512];

			snprintf(text, sizeof(text), FROM_VM " / %s", data[i]);
			for (f = 0; f < ARRAY_LEN(from); f++)
				assert_int_equal(pass("tc_uplink_out", "in", from[f], text).action,
						 TC_ACT_SHOT);
			assert_int_equal(counted(XR_R_PREMATURE), 2);
			check_vm(VM, 0, coming[s], "there", 0);
		}
		/* A port that was its own, and is another's now. */
		vm_live(VM, 0)->tap = ifindex_of("lo");
		left_alone("tc_tap_in", "out", NULL, FROM_VM " / ip4 / udp");
		check_vm(VM, 0, coming[s], "there", 0);
		/* Where nobody knows its port: no proof, but no black hole. */
		vm_live(VM, 0)->tap = 0;
		left_alone("tc_uplink_out", "in", "out", FROM_VM " / ip4 / udp");
		assert_int_equal(pass("tc_uplink_out", "in", "out", FROM_VM " / rarp").action,
				 TC_ACT_SHOT);
		assert_int_equal(pass("tc_uplink_out", "in", NULL, FROM_VM " / ip4 / udp").action,
				 TC_ACT_SHOT);
		check_vm(VM, 0, coming[s], "there", 0);
		assert_int_equal(counted(XR_R_ACTIVATED), 0);
		assert_int_equal(said().vm_n[XR_R_ACTIVATED], 0);
	}
}

/* ---- its old place, after it left ---- */

static const char *const ways_out[] = { "tc_uplink_out", "tc_tunnel_out" };

/* Not sent, and told once a second. */
static void not_said(const char *prog, const char *from, const char *text, enum xr_reason reason)
{
	struct xr_vm was = *vm_live(VM, 0);
	struct said s;

	said();
	if (pass(prog, "in", from, text).action != TC_ACT_SHOT)
		fail_msg("%s from %s: %s", prog, from ? from : "here", text);
	assert_int_equal(counted(reason), 1);
	s = said();
	assert_int_equal(s.n[reason], 1);
	assert_int_equal(s.last[reason].vm, vm_place(VM, 0) + 1);
	check_same(&was, VM, 0);
}

/* QEMU's last words, a stack's at its port: by that, another's, or the host's. */
static void outdated(void **state)
{
	static const char *const from[] = { "out", "lo", NULL };
	size_t i, f, w;

	for (w = 0; w < ARRAY_LEN(ways_out); w++) {
		world(HOSTS(HERE THERE HOST_VXLAN("third", "10.1.0.2", ""))
		      VMS(VM_AT(VM, "here", "")));
		port_of_vm("out");
		kind_of_dev("in", XR_TAP_UPLINK);
		for (i = 0; i < ARRAY_LEN(claims); i++) {
			char text[512];

			snprintf(text, sizeof(text), FROM_VM " / %s", claims[i]);
			for (f = 0; f < ARRAY_LEN(from); f++) {
				word("here", "", XR_VM_MOVED);
				left_alone(ways_out[w], "in", from[f], text);
				word("there", "", XR_VM_MOVED);
				not_said(ways_out[w], from[f], text, XR_R_OUTDATED);
				/* On its way from there to a third host. */
				word("there", "third", XR_VM_BLACKOUT);
				not_said(ways_out[w], from[f], text, XR_R_OUTDATED);
				/* Back to here: then it is too early. */
				word("there", "here", XR_VM_PREPARED);
				not_said(ways_out[w], from[f], text, XR_R_PREMATURE);
			}
			/* From the fabric: the VM itself. */
			word("there", "", XR_VM_MOVED);
			left_alone(ways_out[w], "in", "in", text);
		}
	}
	/* Its old port may be gone. */
	vm_live(VM, 0)->tap = 0;
	not_said(ways_out[0], "lo", FROM_VM " / rarp", XR_R_OUTDATED);
	/* When the redirect is over nobody knows better than it. */
	world_set_tick(vm_live(VM, 0)->last + 301);
	left_alone(ways_out[0], "in", "out", FROM_VM " / rarp");
}

/* What is no such word is not held back. */
static void not_outdated(void **state)
{
	size_t i, w;

	for (w = 0; w < ARRAY_LEN(ways_out); w++) {
		world(HOSTS(HERE HOST_PORT("there", "out"))
		      VMS(VM_AT(VM, "here", "")));
		reasons(cause);
		kind_of_dev("in", XR_TAP_UPLINK);
		word("there", "", XR_VM_MOVED);
		/* Its data: what runs here after all is not cut off. */
		for (i = 0; i < ARRAY_LEN(data); i++) {
			char text[512];

			snprintf(text, sizeof(text), FROM_VM " / %s", data[i]);
			left_alone(ways_out[w], "in", "lo", text);
		}
		/* Its new host's port; another's word. */
		left_alone(ways_out[w], "in", "out", FROM_VM " / rarp");
		left_alone(ways_out[w], "in", "lo",
			   "eth src=52:54:00:12:34:57 "
			   "dst=ff:ff:ff:ff:ff:ff / rarp");
		/* What the daemon says of it, and nobody else by that mark. */
		mark = XR_MARK_ANNOUNCED;
		left_alone(ways_out[w], "in", NULL, FROM_VM " / rarp");
		not_said(ways_out[w], "lo", FROM_VM " / rarp", XR_R_OUTDATED);
		mark++;
		not_said(ways_out[w], NULL, FROM_VM " / rarp", XR_R_OUTDATED);
		mark = 0;
		check_vm(VM, 0, XR_VM_MOVED, "there", 0);
	}
}

/* The VNI stands for VLAN 5: the VM there, not its namesake. */
static void outdated_in_a_segment(void **state)
{
	world(HOSTS(HERE THERE) VMS(VM_AT(VM, "here", "")
	      VM_AT(VM, "here", ", vlan: 5")));
	reasons(cause);
	kind_of_dev("in", XR_TAP_TUNNEL | 5);
	word("there", "", XR_VM_MOVED);
	left_alone("tc_tunnel_out", "in", "out", FROM_VM " / rarp");
	word("here", "", XR_VM_MOVED);
	say("move " VM " vlan 5 to there");
	assert_int_equal(pass("tc_tunnel_out", "in", "out", FROM_VM " / rarp").action, TC_ACT_SHOT);
	assert_int_equal(counted(XR_R_OUTDATED), 1);
}

static int tunnel_in(const char *text)
{
	return pass("tc_tunnel_in", "in", NULL, text).action;
}

static void out_of_the_tunnel(void **state)
{
	world(HOSTS(HERE THERE) VMS(VM_AT(VM, "there", "")));
	port_of_vm("out");
	kind_of_dev("in", XR_TAP_TUNNEL);
	left_alone("tc_tunnel_in", "in", NULL, PROBE);
	word("there", "here", XR_VM_PREPARED);
	assert_int_equal(tunnel_in(PROBE), TC_ACT_REDIRECT);
	assert_int_equal(tunnel_in(ARP), TC_ACT_REDIRECT);
	left_alone("tc_tunnel_in", "in", NULL, FROM_VM " / ip4 / udp");
	word("there", "here", XR_VM_BLACKOUT);
	assert_int_equal(tunnel_in(PROBE), TC_ACT_REDIRECT);
	word("here", "", XR_VM_MOVED);
	assert_int_equal(tunnel_in(PROBE), TC_ACT_REDIRECT);
	/* It went on: never tunnelled again, nor given to the bridge. */
	word("there", "", XR_VM_MOVED);
	assert_int_equal(tunnel_in(PROBE), TC_ACT_SHOT);
	assert_int_equal(counted(XR_R_VM_CHAIN), 1);
}

/* The VNI is VLAN 5's segment: the VM of VLAN 5, not its namesake. */
static void vlan_of_the_tunnel(void **state)
{
	world(HOSTS(HERE THERE) VMS(VM_AT(VM, "there", "")
	      VM_AT(VM, "there", ", vlan: 5")));
	vm_live(VM, 5)->tap = ifindex_of("out");
	kind_of_dev("in", XR_TAP_TUNNEL | 5);
	word("there", "here", XR_VM_BLACKOUT);
	left_alone("tc_tunnel_in", "in", NULL, PROBE);
	say("prepare " VM " vlan 5 to here");
	vm_live(VM, 5)->tap = ifindex_of("out");
	kind_of_dev("in", XR_TAP_TUNNEL | 5);
	assert_int_equal(tunnel_in(PROBE), TC_ACT_REDIRECT);
}

static void split_horizon(void **state)
{
	world(HOSTS(HERE THERE) VMS(VM_AT(VM, "here", "")));
	reasons(cause);
	kind_of_dev("in", XR_TAP_UPLINK);
	assert_int_equal(pass("tc_uplink_out", "in", "in", PROBE).action, TC_ACT_SHOT);
	assert_int_equal(counted(XR_R_VM_LOOP), 1);
	/* This host's own senders may know better. */
	left_alone("tc_uplink_out", "in", "out", PROBE);
	left_alone("tc_uplink_out", "in", NULL, PROBE);
	left_alone("tc_uplink_out", "in", "in", "eth dst=ff:ff:ff:ff:ff:ff / arp op=1");
	left_alone("tc_uplink_out", "in", "in", "eth dst=52:54:00:12:34:57 / ip4 / udp");
	/* On its way here: what came for it by the tunnel does not go back. */
	word("there", "here", XR_VM_BLACKOUT);
	left_alone("tc_uplink_out", "in", "in", PROBE);
	kind_of_dev("out", XR_TAP_TUNNEL);
	assert_int_equal(pass("tc_uplink_out", "in", "out", PROBE).action, TC_ACT_SHOT);
	assert_int_equal(counted(XR_R_VM_LOOP), 1);
}

/* ---- checksums ---- */

static void checksums(void **state)
{
	static const char *const texts[] = {
		TO_VM " / ip4 src=1.2.3.4 dst=5.6.7.8 / udp / fill 31",
		TO_VM " / ip4 opts=01010101 / tcp ack / fill 8",
		TO_VM " / ip6 src=fd09::77 / tcp syn / fill 9",
		TO_VM " / ip6 src=fd09::77 / icmp6 type=128 / fill 9",
	};
	static const __u32 field[] = { 34 + 6, 38 + 16, 54 + 16, 54 + 2 };
	size_t i;

	for (i = 0; i < ARRAY_LEN(texts); i++) {
		struct packet right = packet("%s", texts[i]), p = right;
		const __u8 *addr = p.data + (i < 2 ? 26 : 22);
		__u32 l4 = field[i] - (i == 0 ? 6 : i == 3 ? 2 : 16), n, sum;

		frame_fill_checksum(p.data, p.len);
		check_packet(&right, &p); /* complete: left alone */
		sum = (i == 0 ? IPPROTO_UDP : i == 3 ? IPPROTO_ICMPV6 : IPPROTO_TCP) + p.len - l4;
		for (n = 0; n < (i < 2 ? 8 : 32); n += 2)
			sum += addr[n] << 8 | addr[n + 1];
		sum = (sum & 0xffff) + (sum >> 16);
		sum = (sum & 0xffff) + (sum >> 16);
		p.data[field[i]] = sum >> 8;
		p.data[field[i] + 1] = sum;
		frame_fill_checksum(p.data, p.len);
		check_packet(&right, &p);
		for (n = 0; n < right.len; n++) /* stays inside */
			frame_fill_checksum(p.data, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(copied),
		TEST(replayed),
		TEST(priority_tags),
		TEST(tagged_claims),
		TEST(not_copied),
		TEST(cannot_be_copied),
		TEST(by_uplink),
		TEST(astray),
		TEST(by_address),
		TEST(taken_away),
		TEST(remembered),
		TEST(premature),
		TEST(it_speaks),
		TEST(neighbours),
		TEST(outdated),
		TEST(not_outdated),
		TEST(outdated_in_a_segment),
		TEST(out_of_the_tunnel),
		TEST(vlan_of_the_tunnel),
		TEST(split_horizon),
		TEST(checksums),
	};

	return harness_main("tc programs", tests, ARRAY_LEN(tests));
}
