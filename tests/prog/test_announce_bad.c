/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Announcements that are refused: malformed, of somebody else's addresses, cut
 * off, or with any bit of their fixed fields wrong.
 */
#include <stdio.h>
#include <bpf/bpf.h>
#include "lib/announced.h"

/* Octets: of a frame padded to Ethernet's least; with ARP; of an NA up to its options. */
#define PADDED_FRAME 60
#define ARP_FRAME    (sizeof(struct wire_eth) + sizeof(struct wire_arp))
#define NA_FIXED     (sizeof(struct wire_eth) + sizeof(struct wire_ip6) + sizeof(struct wire_nd))

#define FROM6 "ip6 src=fd09::10 dst=ff02::1 "

/* ---- what is refused ---- */

/*
 * Refused, counted and reported; under every policy, and where it would have been
 * believed: prepared to that place, or from a trusted port.
 */
static void refuse(const struct packet *p, const char *what)
{
	for (int prepared = 0; prepared < 2; prepared++) {
		struct result r;
		struct xr_vm was;
		struct events s;

		if (prepared)
			post_notice("prepare " VM " to new");
		was = *vm_live(VM, 0);
		take_events();
		r = run(p);
		if (r.count[XR_R_ANNOUNCEMENT_BAD] != 1 || r.count[XR_R_ANNOUNCEMENT] ||
		    r.count[XR_R_ACTIVATED])
			fail_msg("%s: not refused%s", what, prepared ? " where expected" : "");
		check_same(&was, VM, 0);
		s = take_events();
		if (s.n[XR_R_ANNOUNCEMENT_BAD] != 1)
			fail_msg("%s: %d events", what, s.n[XR_R_ANNOUNCEMENT_BAD]);
		assert_int_equal(s.vm_n[XR_R_ANNOUNCEMENT] + s.vm_n[XR_R_ACTIVATED], 0);
		if (prepared)
			post_notice("cancel " VM);
	}
}

static void refuse_text(const char *text)
{
	struct packet p = packet("%s", text);

	refuse(&p, text);
}

static void world_to_refuse(const char *more)
{
	world(POLICY("moves: any") GATEWAYS ANNOUNCE_HOSTS VMS(VM_AT(VM, "old",
	      "%s")), more);
	behind("new", true);
}

static void bad_arp(void **state)
{
	static const char *const texts[] = {
		/* the Ethernet source is not the sender, which Linux believes */
		BROADCAST "arp " GARP " sha=52:54:00:12:34:57",
		"eth src=52:54:00:12:34:57 dst=ff:ff:ff:ff:ff:ff / arp " GARP " sha=" VM,
		BROADCAST "arp " GARP " htype=6",
		BROADCAST "arp " GARP " htype=0",
		BROADCAST "arp " GARP " htype=256",
		BROADCAST "arp " GARP " ptype=0x86dd",
		BROADCAST "arp " GARP " ptype=0",
		BROADCAST "arp " GARP " hlen=0",
		BROADCAST "arp " GARP " hlen=8",
		BROADCAST "arp " GARP " plen=0",
		BROADCAST "arp " GARP " plen=16",
		BROADCAST "arp " GARP " op=0",
		BROADCAST "arp " GARP " op=3",
		BROADCAST "arp " GARP " op=4",
		BROADCAST "arp " GARP " op=8",
		BROADCAST "arp " GARP " op=256",
		BROADCAST "arp " GARP " op=65535",
		BROADCAST "rarp op=1",
		BROADCAST "rarp op=2",
		BROADCAST "rarp op=4",
		BROADCAST "rarp op=0",
		BROADCAST "rarp tha=52:54:00:12:34:57",
		BROADCAST "rarp sha=52:54:00:12:34:57",
		BROADCAST "rarp sha=52:54:00:12:34:57 tha=52:54:00:12:34:57",
		BROADCAST "rarp htype=6",
		BROADCAST "rarp ptype=1",
		BROADCAST "rarp hlen=7",
		BROADCAST "rarp plen=5",
		/* sender addresses that are nobody's */
		BROADCAST "arp sip=255.255.255.255 tip=255.255.255.255",
		BROADCAST "arp sip=224.0.0.5 tip=224.0.0.5",
		BROADCAST "arp sip=239.255.255.255 tip=10.9.0.1",
		BROADCAST "arp op=2 sip=224.0.0.5 tip=10.9.0.1",
		/* the gateway's */
		BROADCAST "arp sip=10.9.0.1 tip=10.9.0.1",
		BROADCAST "arp op=2 sip=10.9.0.1 tip=10.9.0.77",
		/* reserved destinations, which no bridge passes on */
		"eth src=" VM " dst=01:80:c2:00:00:00 / arp " GARP,
		"eth src=" VM " dst=01:80:c2:00:00:0e / rarp",
		"eth src=" VM " dst=01:80:c2:00:00:0f / arp op=2 " GARP,
	};

	world_to_refuse("");
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		refuse_text(texts[i]);
}

/* A sender that can be no VM's: nothing is learned of it either. */
static void bad_senders(void **state)
{
	static const char *const macs[] = {
		"ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", "53:54:00:12:34:56",
		"01:00:5e:00:00:01", "33:33:00:00:00:01",
	};
	struct packet p;
	char what[32];

	world_to_refuse("");
	for (size_t i = 0; i < ARRAY_LEN(macs); i++)
		for (int rarp = 0; rarp < 2; rarp++) {
			p = packet("eth src=%s dst=ff:ff:ff:ff:ff:ff / %s", macs[i],
				   rarp ? "rarp" : "arp " GARP);
			snprintf(what, sizeof(what), "%s", macs[i]);
			refuse(&p, what);
			p = packet(BROADCAST "%s sha=%s", rarp ? "rarp" : "arp " GARP, macs[i]);
			refuse(&p, what);
		}
}

/* Every length that ends before the announcement does. */
static void truncated(void **state)
{
	world_to_refuse("");
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct packet p = announcement(&kinds[i], 0);
		size_t most = p.len == PADDED_FRAME ? ARP_FRAME : p.len;

		for (size_t len = sizeof(struct wire_eth); len < most; len++) {
			struct result r;

			p.len = len;
			/* Too short to be seen to be one. */
			if (most != ARP_FRAME && len < NA_FIXED) {
				struct xr_vm was = *vm_live(VM, 0);

				r = run(&p);
				assert_int_equal(r.count[XR_R_ANNOUNCEMENT], 0);
				check_same(&was, VM, 0);
				continue;
			}
			refuse(&p, kinds[i].name);
		}
	}
}

static void bad_na(void **state)
{
	static const char *const texts[] = {
		/* RFC 4861 §7.1.2 */
		MULTICAST6 FROM6 "hlim=254 / na target=fd09::10 override",
		MULTICAST6 FROM6 "hlim=1 / na target=fd09::10 override",
		MULTICAST6 FROM6 "hlim=255 / na target=fd09::10 csum=bad",
		MULTICAST6 FROM6 "hlim=255 / na target=fd09::10 csum=0",
		MULTICAST6 FROM6 "hlim=255 / na target=fd09::10 code=1",
		MULTICAST6 FROM6 "hlim=255 / na target=fd09::10 override olen=0",
		MULTICAST6 FROM6 "hlim=255 / na target=fd09::10 solicited",
		MULTICAST6 FROM6 "hlim=255 / na target=ff02::1 override",
		/* whose address is it? */
		MULTICAST6 FROM6 "hlim=255 / na target=fd09::10 override "
				 "lla=52:54:00:12:34:57",
		MULTICAST6 FROM6 "hlim=255 / na target=fd09::10 override "
				 "lla=00:00:00:00:00:00",
		"eth src=" VM " dst=01:80:c2:00:00:00 / " FROM6
		"hlim=255 / na target=fd09::10 override",
		/* longer than there is */
		MULTICAST6 FROM6 "hlim=255 / na target=fd09::10 override olen=2",
	};

	world_to_refuse("");
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		refuse_text(texts[i]);
}

/* Each bit (each step-th of an octet) of p's octets from first to before end, turned. */
static void every_bit_of(struct packet *p, __u8 *first, const __u8 *end, int step, const char *what)
{
	for (__u8 *octet = first; octet < end; octet++)
		for (int bit = 0; bit < 8; bit += step) {
			*octet ^= 1 << bit;
			refuse(p, what);
			*octet ^= 1 << bit;
		}
}

/* Each bit of ARP's fixed fields, but of the operation's second octet: any is one. */
static void every_bit(void **state)
{
	world_to_refuse("");
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct packet p = announcement(&kinds[i], 0);
		struct wire_arp *arp;

		if (p.len != PADDED_FRAME)
			continue;
		arp = arp_of(&p);
		every_bit_of(&p, (__u8 *)&arp->htype, (__u8 *)&arp->op + 1, 1, kinds[i].name);
		every_bit_of(&p, arp->sha, arp->sip, 1, kinds[i].name);
	}
}

/* Of a neighbour advertisement the checksum finds each. */
static void every_bit_of_na(void **state)
{
	struct packet p = announcement(&kinds[9], 0);
	struct wire_icmp *icmp = (void *)(ip6_of(&p) + 1);

	world_to_refuse("");
	assert_int_equal(kinds[9].kind, XR_UNSOLICITED_NA);
	every_bit_of(&p, &icmp->code, p.data + p.len, 3, "a bit of an NA");
}

/* ---- protected addresses ---- */

static void protect(enum xr_protected_kind kind, const void *octets, size_t n)
{
	struct xr_protected key = { .kind = kind };
	__u32 one = 1;

	memcpy(key.octet, octets, n);
	assert_int_equal(
		bpf_map_update_elem(world_plane()->fd[PLANE_PROTECTED], &key, &one, BPF_ANY), 0);
}

static void protected_addresses(void **state)
{
	static const __u8 mac[] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };
	static const __u8 four[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 9, 0, 10 };
	static const __u8 six[] = { 0xfd, 9, [15] = 0x10 };

	world_to_refuse("");
	protect(XR_PROTECTED_IP, four, 16);
	refuse_text(BROADCAST "arp " GARP);
	refuse_text(BROADCAST "arp op=2 sip=10.9.0.10 tip=10.9.0.1");
	protect(XR_PROTECTED_IP, six, 16);
	refuse_text(MULTICAST6 FROM6 "hlim=255 / na target=fd09::10 override");
	/* What it does not claim is no matter. */
	expect(BROADCAST "arp sip=10.9.0.11 tip=10.9.0.10", "not-moved announcement", NULL);
	at_old(0);
	expect(BROADCAST "rarp", "not-moved announcement", NULL);
	at_old(0);
	protect(XR_PROTECTED_MAC, mac, 6);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct packet p = announcement(&kinds[i], 0);

		refuse(&p, kinds[i].name);
	}
}

/* The file's list, and the virtual MAC addresses of routers. */
static void protected_by_name(void **state)
{
	world("protected: [10.9.0.10, \"fd09::10\"]\n"
	      POLICY("moves: any") ANNOUNCE_HOSTS VMS(VM_AT(VM, "old", "")));
	behind("new", true);
	refuse_text(BROADCAST "arp " GARP);
	refuse_text(MULTICAST6 FROM6 "hlim=255 / na target=fd09::10 override");
	/* The gateways are protected without more words. */
	world("gateways:\n  - {address: 10.9.0.10}\n"
	      POLICY("moves: any") ANNOUNCE_HOSTS VMS(VM_AT(VM, "old", "")));
	behind("new", true);
	refuse_text(BROADCAST "arp " GARP);
}

/* A gateway may say where it is. */
static void the_gateway_itself(void **state)
{
	struct xr_vm was;
	struct events s;

	world(ANNOUNCE_WORLD("any"));
	behind("new", true);
	was = *vm_live(VM, 0);
	expect("eth src=" GATEWAY " dst=ff:ff:ff:ff:ff:ff / arp sip=10.9.0.1 "
	       "tip=10.9.0.10",
	       "not-moved", NULL);
	expect("eth src=" GATEWAY " dst=ff:ff:ff:ff:ff:ff / arp op=2 "
	       "sip=10.9.0.1 tip=10.9.0.1",
	       "not-moved", NULL);
	expect("eth src=00:00:5e:00:01:07 dst=ff:ff:ff:ff:ff:ff / arp "
	       "sip=10.9.0.1 tip=10.9.0.1",
	       "not-moved", NULL);
	check_same(&was, VM, 0);
	s = take_events();
	assert_int_equal(s.n[XR_R_SPOOFED] + s.n[XR_R_ANNOUNCEMENT_BAD], 0);
}

/* ---- the binding ---- */

static void binding(void **state)
{
	static const char *const good[] = {
		BROADCAST "arp " GARP,
		BROADCAST "rarp",
		BROADCAST "arp op=2 sip=10.9.0.10 tip=10.9.0.77",
		MULTICAST6 FROM6 "hlim=255 / na target=fd09::10 override",
		/* Link-local addresses are in no operator's list. */
		MULTICAST6 "ip6 src=fe80::5054:ff:fe12:3456 dst=ff02::1 "
			   "hlim=255 / na target=fe80::5054:ff:fe12:3456 override",
	};

	world_to_refuse(", addresses: [10.9.0.10, \"fd09::10\"]");
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		expect(good[i], "not-moved announcement", NULL);
		check_vm(VM, 0, XR_VM_MOVED, "new", 0);
		post_notice("move " VM " to old");
		world_set_tick(world_tick() + 200);
	}
	refuse_text(BROADCAST "arp sip=10.9.0.11 tip=10.9.0.11");
	refuse_text(BROADCAST "arp sip=10.9.0.11 tip=10.9.0.10");
	refuse_text(BROADCAST "arp op=2 sip=10.9.0.11 tip=10.9.0.1");
	refuse_text(MULTICAST6 "ip6 src=fd09::11 dst=ff02::1 hlim=255 / "
			       "na target=fd09::11 override");
	/* Of one family it says nothing about the other. */
	world_to_refuse(", addresses: [\"fd09::10\"]");
	refuse_text(MULTICAST6 "ip6 src=fd09::11 dst=ff02::1 hlim=255 / "
			       "na target=fd09::11 override");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bad_arp),
		TEST(bad_senders),
		TEST(truncated),
		TEST(bad_na),
		TEST(every_bit),
		TEST(every_bit_of_na),
		TEST(protected_addresses),
		TEST(protected_by_name),
		TEST(the_gateway_itself),
		TEST(binding),
	};

	return harness_main("announcements that are refused", tests, ARRAY_LEN(tests));
}
