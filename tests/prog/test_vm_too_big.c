/* SPDX-License-Identifier: GPL-2.0-only */
/* Frames for a VM that moved that are too large for the way to it, and to whom an error is sent. */
#include <stdio.h>
#include "lib/vms.h"
#include "lib/worlds.h"

#define TO_VM "eth dst=" VM

/* ---- too large ---- */

/* n octets of IP packet for the VM, whose way carries 1400. */
static struct result send4(int n)
{
	return run_text(TO_VM " / ip4 df id=7 / udp dport=80 / fill %d", n - 28);
}

static struct result send6(int n)
{
	return run_text(TO_VM " / ip6 flow=5 / tcp ack / fill %d", n - 60);
}

static void check_limit(struct result (*send)(int n), int most, const char *beyond)
{
	struct result r = send(most);

	check_reasons(&r, "moved");
	r = send(most + 1);
	check_reasons(&r, beyond);
}

/* From the node, for the fabric shall not learn the VM here. */
#define BACK "eth src=" MAC_IN " dst=02:00:00:00:00:01 / "

static void too_large(void **state)
{
	struct packet want;
	struct result r;

	world(RATE("65535") MOVED_TO(HOST_VXLAN("v4", "10.3.0.1", "")
				     HOST_VXLAN("v6", "fd03::1", "")
				     HOST_IPIP("i", "10.3.0.2", "")
				     HOST_GUE("g", "fd03::2", "")));
	move_to("v4");
	check_limit(send4, 1350, "too-big-reply");
	check_limit(send6, 1350, "too-big-reply");
	move_to("v6");
	check_limit(send4, 1330, "too-big-reply");
	check_limit(send6, 1330, "too-big-reply");
	move_to("i");
	check_limit(send4, 1380, "too-big-reply");
	move_to("g");
	check_limit(send4, 1352, "too-big-reply");
	check_limit(send6, 1352, "too-big-reply");

	/* To the sender, in the VM's name, with what fits. */
	move_to("v4");
	r = send4(1400);
	want = packet(BACK "ip4 src=192.0.2.1 dst=10.0.0.1 / icmp4 type=3 "
			   "code=4 mtu=1350 ( ip4 df id=7 / udp dport=80 / "
			   "fill 1372 / cut 548 )");
	check_packet(&want, &r.out);
	r = send6(1400);
	want = packet(BACK "ip6 src=2001:db8::1 dst=fd00::1 / icmp6 type=2 "
			   "mtu=1350 ( ip6 flow=5 / tcp ack / fill 1340 / "
			   "cut 1232 )");
	check_packet(&want, &r.out);

	/* A tag is no part of what the tunnel carries, but comes back. */
	post_notice("add " VM " vlan 5 at old");
	post_notice("move " VM " vlan 5 to v4");
	r = run_text(TO_VM " / vlan 5 / ip4 df id=7 / udp dport=80 / fill %d", 1350 - 28);
	check_reasons(&r, "moved");
	r = run_text(TO_VM " / vlan 5 / ip4 df id=7 / udp dport=80 / fill %d", 1351 - 28);
	check_reasons(&r, "too-big-reply");
	want = packet(BACK "vlan 5 / ip4 "
			   "src=192.0.2.1 dst=10.0.0.1 / icmp4 type=3 code=4 "
			   "mtu=1350 ( ip4 df id=7 / udp dport=80 / fill 1323 / "
			   "cut 548 )");
	check_packet(&want, &r.out);
	/* What has no sender to answer. */
	r = run_text(TO_VM " / fill 1351");
	check_reasons(&r, "too-big");
	r = run_text(TO_VM " / fill 1350");
	check_reasons(&r, "moved");
}

/*
 * Of what no error may be sent about, by MAC and by address (RFC 1122 §3.2.2, RFC
 * 4443 §2.4 (e)); and what is like it, but may be answered. Of 1500 octets and more.
 */
#define BIG      " / fill 1460"
#define ICMP4(t) "ip4 dst=" VM4 " / icmp4 type=" t BIG
#define ICMP6(t) "ip6 dst=" VM6 " / icmp6 type=" t BIG

static const struct {
	const char *packet, *reason;
} answered[] = {
	{ "ip4 dst=" VM4 " / udp" BIG, "too-big-reply" },
	{ "ip4 dst=" VM4 " proto=132" BIG, "too-big-reply" },
	{ "ip4 dst=" VM4 " opts=01010101 / icmp4 type=8" BIG, "too-big-reply" },
	{ ICMP4("8"), "too-big-reply" },
	{ ICMP4("0"), "too-big-reply" },
	{ ICMP4("13"), "too-big-reply" },
	{ ICMP4("3"), "too-big" },
	{ ICMP4("4"), "too-big" },
	{ ICMP4("5"), "too-big" },
	{ ICMP4("11"), "too-big" },
	{ ICMP4("12"), "too-big" },
	{ "ip4 dst=" VM4 " opts=01010101 / icmp4 type=3" BIG, "too-big" },
	/* A first fragment; a first one of an error; later ones. */
	{ "ip4 dst=" VM4 " mf id=9 / udp" BIG, "too-big-reply" },
	{ "ip4 dst=" VM4 " mf id=9 / icmp4 type=3" BIG, "too-big" },
	{ "ip4 dst=" VM4 " mf off=1480 id=9" BIG, "too-big" },
	{ "ip4 dst=" VM4 " off=2960 id=9" BIG, "too-big" },
	{ "ip4 dst=" VM4 " off=8 id=9 / udp" BIG, "too-big" },

	{ "ip6 dst=" VM6 " / udp" BIG, "too-big-reply" },
	{ "ip6 dst=" VM6 " / hopopts / dstopts / tcp" BIG, "too-big-reply" },
	{ "ip6 dst=" VM6 " next=59" BIG, "too-big-reply" },
	{ ICMP6("128"), "too-big-reply" },
	{ ICMP6("129"), "too-big-reply" },
	{ ICMP6("1"), "too-big" },
	{ ICMP6("2"), "too-big" },
	{ ICMP6("3"), "too-big" },
	{ ICMP6("4"), "too-big" },
	{ ICMP6("127"), "too-big" },
	{ ICMP6("137"), "too-big" },
	{ "ip6 dst=" VM6 " / dstopts / icmp6 type=2" BIG, "too-big" },
	{ "ip6 dst=" VM6 " / frag mf id=9 / udp" BIG, "too-big-reply" },
	{ "ip6 dst=" VM6 " / hopopts / frag mf id=9 / dstopts / udp" BIG, "too-big-reply" },
	{ "ip6 dst=" VM6 " / frag mf id=9 / icmp6 type=1" BIG, "too-big" },
	{ "ip6 dst=" VM6 " / frag mf off=1448 id=9" BIG, "too-big" },
	{ "ip6 dst=" VM6 " / frag off=1448 id=9" BIG, "too-big" },
};

/* Nobody's: not routed on, where they are found by the address. */
static const char *const from_nobody[] = {
	"ip4 src=0.0.0.0 dst=" VM4 " / udp" BIG,   "ip4 src=0.1.2.3 dst=" VM4 " / udp" BIG,
	"ip4 src=127.0.0.1 dst=" VM4 " / udp" BIG, "ip4 src=224.0.0.5 dst=" VM4 " / udp" BIG,
	"ip4 src=239.1.2.3 dst=" VM4 " / udp" BIG, "ip4 src=255.255.255.255 dst=" VM4 " / udp" BIG,
	"ip6 src=:: dst=" VM6 " / udp" BIG,        "ip6 src=::1 dst=" VM6 " / udp" BIG,
	"ip6 src=ff02::1 dst=" VM6 " / udp" BIG,
};

/* The same where only the frame says whom it is for. */
static const char *const to_many[] = {
	"ip4 dst=224.0.0.9 / udp" BIG,       "ip4 dst=239.1.1.1 / udp" BIG,
	"ip4 dst=255.255.255.255 / udp" BIG, "ip6 dst=ff02::1 / udp" BIG,
	"ip6 dst=ff0e::9 / udp" BIG,
};

static void whom_errors_are_sent(void **state)
{
	static const char *const ways[] = { "v4", "v6", "i", "g", "p" };
	char in[256];

	shell("ip link set out mtu 1400");
	world(RATE("65535")
	      HOSTS(HOST_VXLAN("old", "10.1.0.9", "")
		    HOST_VXLAN("v4", "10.3.0.1", "")
		    HOST_VXLAN("v6", "fd03::1", "")
		    HOST_IPIP("i", "fd03::3", "") HOST_GUE("g", "10.3.0.2", "")
		    HOST_PORT("p", "out"))
	      VMS(VM_AT(VM, "old", ", addresses: [" VM4 ", \"" VM6 "\"]")));
	for (size_t w = 0; w < ARRAY_LEN(ways); w++) {
		post_notice("move " VM " to %s", ways[w]);
		for (size_t i = 0; i < ARRAY_LEN(answered); i++) {
			snprintf(in, sizeof(in), TO_VM " / %s", answered[i].packet);
			expect(in, answered[i].reason, NULL);
			snprintf(in, sizeof(in),
				 "eth src=03:00:00:00:00:01 "
				 "dst=" VM " / %s",
				 answered[i].packet);
			expect(in, "too-big", NULL);
			if (*ways[w] != 'i' && *ways[w] != 'g')
				continue;
			/* By its address, to whatever MAC. */
			snprintf(in, sizeof(in), "eth / %s", answered[i].packet);
			expect(in, answered[i].reason, NULL);
		}
		for (size_t i = 0; i < ARRAY_LEN(from_nobody); i++) {
			snprintf(in, sizeof(in), TO_VM " / %s", from_nobody[i]);
			expect(in, "too-big", NULL);
			if (*ways[w] != 'i' && *ways[w] != 'g')
				continue;
			snprintf(in, sizeof(in), "eth / %s", from_nobody[i]);
			expect(in, "martian", NULL);
		}
		for (size_t i = 0; i < ARRAY_LEN(to_many); i++) {
			snprintf(in, sizeof(in), TO_VM " / %s", to_many[i]);
			expect(in, "too-big", NULL);
		}
	}
	shell("ip link set out mtu 1500");
}

static void too_large_dropped(void **state)
{
	world(POLICY("too_big: drop")
	      MOVED_TO(HOST_VXLAN("v4", "10.3.0.1", "")));
	move_to("v4");
	check_limit(send4, 1350, "too-big");
	check_limit(send6, 1350, "too-big");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(too_large),
		TEST(whom_errors_are_sent),
		TEST(too_large_dropped),
	};

	return harness_main("frames of a moved VM that are too large", tests, ARRAY_LEN(tests));
}
