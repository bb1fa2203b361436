/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Claims of a locked VM's addresses in disguise: what cannot be read is dropped,
 * and what is about in a network and claims nothing is not.
 */
#include "lib/locks.h"

/* ---- what cannot be read ---- */

/* The cheapest lies: a receiver, or a card on the way, sees more than we do. */
static void unread(void **state)
{
#define NA              MULTICAST_OTHER "ip6 src=fd09::99 dst=ff02::1 hlim=255 / "
#define MULTICAST_OTHER "eth src=" OTHER " dst=33:33:00:00:00:01 / "
	static const char *const lies[] = {
		/* A checksum that the card will put right. */
		NA "na target=fd09::10 override csum=bad",
		MULTICAST_OTHER "ip6 src=fd09::10 dst=ff02::1 hlim=255 / ns "
		"target=fd09::1 csum=bad",
		/* No length: it goes on to the frame's end. */
		MULTICAST_OTHER "ip6 src=fd09::99 dst=ff02::1 hlim=255 len=0 / "
		"hopopts / na target=fd09::10 override",
	}, *const hidden[] = {
		NA "frag mf / na target=fd09::99 override",
		NA "frag mf / dstopts next=60", NA "cut 50", NA "na / cut 60",
		NA "na target=fd09::99 olen=0", NA "na target=fd09::99 olen=9",
		NA "na target=fd09::99 / hex 0f",
		NA "na target=fd09::99 lla=02:00:00:00:00:71 / hex "
		"02010200000000720201020000000073",
		"eth src=" OTHER " dst=ff:ff:ff:ff:ff:ff / arp / cut 38",
	}, *const none[] = {
		/* RFC 4861 §7.1: nobody takes it. */
		NA "na target=fd09::99 override csum=bad",
		MULTICAST_OTHER "ip6 src=fd09::99 dst=ff02::1 hlim=254 / na "
		"target=fd09::10 override",
		NA "frag off=8 next=58 / fill 40",
		NA "frag mf / icmp6 type=128 / fill 40",
		NA "icmp6 type=128 / fill 1200",
	};

	world(LOCK_WORLD("here", BOUND));
	for (size_t i = 0; i < ARRAY_LEN(lies); i++)
		dropped(lies[i], "guard-ip");
	for (size_t i = 0; i < ARRAY_LEN(hidden); i++)
		dropped(hidden[i], "guard-unread");
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		passes(none[i], "no claim");
	/* It is nobody's business where nobody is locked. */
	world(LOCK_WORLD("here", ""));
	for (size_t i = 0; i < ARRAY_LEN(hidden); i++)
		passes(hidden[i], "no lock");
}

/* ---- disguises ---- */

#define ND_OTHER                                                      \
	"eth src=" OTHER " dst=33:33:00:00:00:01 / ip6 src=fd09::99 " \
	"dst=ff02::1 hlim=255 "
#define SNAP(oui, type) "type=36 / hex aaaa03" oui type " / "
#define UDP(more)       "udp sport=50000 dport=4789 csum=0" more
#define INTO(dst)       "ip4 src=10.2.0.1 dst=" dst " / " UDP(" / vxlan 100 / ")
#define TUNNEL          "eth / " INTO("10.1.0.254")

/* As who would not be looked for: and as whom he would be taken by somebody. */
static const struct {
	const char *frame, *reason;
} disguised[] = {
	/* Behind a length, as bridges of other networks wrote it. */
	{ ALL_OTHER SNAP("000000", "0806") "arp sip=10.9.0.10 "
					   "tip=10.9.0.1",
	  "guard-ip" },
	{ ALL_OTHER SNAP("0000f8", "0806") "arp sip=10.9.0.10 "
					   "tip=10.9.0.1",
	  "guard-ip" },
	{ ALL_OTHER "/ vlan 0 " SNAP("000000", "0806") "arp "
						       "tip=10.9.0.10",
	  "guard-ip" },
	{ ALL_OTHER SNAP("000000", "8100") "hex 00000806 / fill 28", "guard-unread" },
	{ ALL_OTHER SNAP("000000", "0806") "arp sip=10.9.0.99 "
					   "tip=10.9.0.1",
	  NULL },
	{ ALL_OTHER SNAP("00000c", "2000") "fill 60", NULL },
	{ "eth src=" OTHER " dst=01:80:c2:00:00:00 type=38 / hex "
	  "424203 / zero 43",
	  NULL }, /* STP */
	/* IEEE 802's hardware type: Linux answers it. */
	{ ALL_OTHER "/ arp htype=6 tip=10.9.0.10", "guard-ip announcement-bad" },
	/* What pads a fragment is not what follows it. */
	{ ND_OTHER "len=16 / frag mf next=60 / hex 3a00010400000000"
		   "8000000000000000",
	  "guard-unread" },
	{ ND_OTHER "len=16 / frag mf next=44 / hex 3a00000100000000"
		   "8000000000000000",
	  "guard-unread" },
	{ "eth src=" OTHER " dst=" VM " / ip6 src=fd09::99 hlim=255 "
	  "len=16 / frag mf next=60 / hex 3a00010400000000"
	  "8000000000000000",
	  "guard-unread" },
	{ ND_OTHER "/ frag mf / icmp6 type=128 / fill 8", NULL },
	{ "eth / ip4 src=10.2.0.1 dst=10.1.0.254 mf len=28 / " UDP(" / zero 40"), "guard-unread" },
	{ "eth / ip4 src=10.2.0.1 dst=10.1.0.254 mf len=36 / " UDP(" / vxlan 100 / ") ALL_OTHER
	  "/ fill 46",
	  "guard-unread" },
	{ "eth / ip6 dst=fd01::fe len=24 / frag mf / " UDP(" / vxlan 100 / ") ALL_OTHER "/ fill 46",
	  "guard-unread" },
	/* A tunnel in a tunnel ends at any address of this machine. */
	{ TUNNEL ALL_OTHER "/ " INTO("10.1.0.253") FROM_VM "fill 46", "guard-unread" },
	{ TUNNEL "eth src=" OTHER " dst=02:77:00:00:00:01 / " INTO("10.1.0.253") FROM_VM "fill 46",
	  NULL },
	{ TUNNEL ALL_OTHER "/ ip4 src=10.2.0.1 dst=10.1.0.254 mf / " UDP(" / zero 24"),
	  "guard-unread" },
	{ TUNNEL ALL_OTHER "/ ip4 src=10.2.0.1 dst=10.1.0.254 off=64 / " UDP(" / zero 24"), NULL },
	{ "eth / ip4 src=10.2.0.1 dst=10.1.0.254 mf / " UDP(" / vxlan 100 / ") ALL_OTHER
	  "/ ip4 src=10.2.0.1 "
	  "dst=10.1.0.254 / " UDP(" / cut 92"),
	  "guard-unread" },
};
static const char long_na[] = MULTICAST6
	"ip6 src=fd09::10 dst=ff02::1 "
	"hlim=255 / icmp6 type=136 rest=0x20000000 / hex "
	"fd0900000000000000000000000000100201525400123456fd1f0000 / "
	"zero 244";

static void disguises(void **state)
{
	world(HOSTS(HOST_VXLAN("here", "10.1.0.254", ", local: true")
	      HOST_VXLAN("far", "10.2.0.1", "")
	      HOST_VXLAN("a", "10.1.0.1", ""))
	      VMS(VM_AT(VM, "here", ", tap: out" BOUND)));
	for (size_t i = 0; i < ARRAY_LEN(disguised); i++)
		if (disguised[i].reason)
			expect(disguised[i].frame, disguised[i].reason, NULL);
		else
			passes(disguised[i].frame, "no claim");
	/* RFC 3971 makes a VM's own as long. */
	world(LOCK_WORLD("here", BOUND));
	passes(long_na, "its own");
	/* Behind a length it moves nobody, what else it says. */
	world(POLICY("moves: any") LOCK_WORLD("away", ""));
	behind("here", false);
	passes("eth src=" VM
	       " dst=ff:ff:ff:ff:ff:ff " SNAP("000000", "0806") "arp sip=10.9.0.10 tip=10.9.0.10",
	       "not locked");
	check_vm(VM, 0, XR_VM_STABLE, "away", 0);
	passes(BROADCAST "arp sip=10.9.0.10 tip=10.9.0.10", "not locked");
	check_vm(VM, 0, XR_VM_MOVED, "here", 0);
}

/* What is about in a network, and claims nothing: at a switch of either kind. */
#define BY(dst, type) "eth src=" OTHER " dst=" dst " type=" type " / "
#define BY6(dst)                                                      \
	"eth src=" OTHER " dst=33:33:00:00:00:16 / ip6 src=fe80::99 " \
	"dst=" dst

static const char *const bystander[] = {
	BY("01:80:c2:00:00:0e", "0x88cc") "fill 46",          /* LLDP */
	BY("01:80:c2:00:00:00", "38") "hex 424203 / zero 43", /* STP */
	/* Cisco's, tagged: PVST+; CDP; IPX; a length and nothing else. */
	"eth src=" OTHER " dst=01:00:0c:cc:cc:cd / vlan 7 type=50 / "
	"hex aaaa0300000c010b / zero 42",
	BY("01:00:0c:cc:cc:cc", "60") "hex aaaa0300000c2000 / fill 52",
	BY("02:00:00:00:00:09", "60") "hex aaaa030000008137 / fill 52",
	BY("02:00:00:00:00:09", "3") "hex e0e003 / zero 43",
	BY("01:80:c2:00:00:03", "0x888e") "fill 46", /* EAPOL */
	BY("02:00:00:00:00:09", "0x8863") "fill 46", /* PPPoE */
	BY("02:00:00:00:00:09", "0x8864") "fill 46",
	BY("01:0e:cf:00:00:00", "0x8892") "fill 46",  /* PROFINET */
	BY("01:1b:19:00:00:00", "0x88f7") "fill 46",  /* PTP */
	BY("02:00:00:00:00:09", "0x8847") "fill 60",  /* MPLS */
	BY("02:00:00:00:00:09", "0x88e5") "fill 60",  /* MACsec */
	BY("ff:ff:ff:ff:ff:ff", "0x0842") "fill 102", /* wake on LAN */
	BY("ff:ff:ff:ff:ff:ff", "0x88b5") "fill 46",
	BY("02:00:00:00:00:09", "0x9000") "fill 46",
	"eth src=" OTHER " / vlan 7 tpid=0x88a8 / vlan 8 / ip4 / udp",
	/* Routers: VRRP and CARP, their ARP and advertisements; HSRP. */
	"eth src=00:00:5e:00:01:07 dst=01:00:5e:00:00:12 / ip4 "
	"src=10.9.0.2 dst=224.0.0.18 ttl=255 proto=112 / fill 20",
	"eth src=00:00:5e:00:01:07 dst=ff:ff:ff:ff:ff:ff / arp "
	"sip=10.9.0.3 tip=10.9.0.3",
	"eth src=00:00:5e:00:02:07 dst=33:33:00:00:00:01 / ip6 "
	"src=fe80::7 dst=ff02::1 hlim=255 / na target=fe80::7 router "
	"override",
	"eth src=00:00:0c:07:ac:01 dst=01:00:5e:00:00:02 / ip4 "
	"src=10.9.0.2 dst=224.0.0.2 ttl=1 / udp sport=1985 dport=1985 / "
	"fill 20",
	/* Groups. */
	"eth src=" OTHER " dst=01:00:5e:00:00:16 / ip4 src=10.9.0.99 "
	"dst=224.0.0.22 ttl=1 opts=94040000 proto=2 / fill 16",
	BY6("ff02::16") " hlim=1 / hopopts data=050200000100 / icmp6 "
			"type=143 / fill 20",
	"eth src=" OTHER " dst=33:33:00:00:00:16 / ip6 src=:: "
	"dst=ff02::16 hlim=1 / hopopts data=050200000100 / icmp6 "
	"type=143 / fill 20",
	BY6("ff02::1") " hlim=1 / hopopts data=050200000000 / icmp6 "
		       "type=130 / fill 16",
	/* Who asks for an address, and for the VM. */
	"eth src=" OTHER " dst=ff:ff:ff:ff:ff:ff / ip4 src=0.0.0.0 "
	"dst=255.255.255.255 / udp sport=68 dport=67 / fill 240",
	BY6("ff02::1:2") " / udp sport=546 dport=547 / fill 60",
	BY6("ff02::1:ff00:10") " hlim=255 / ns target=fd09::10",
	BY6("ff02::2") " hlim=255 / icmp6 type=133",
	/* In pieces, behind headers, in tunnels of their own. */
	BY6("fd09::77") " / frag mf / udp / fill 1200",
	BY6("fd09::77") " / frag off=1208 next=17 / fill 600",
	BY6("fd09::77") " / frag off=1208 next=58 / fill 40",
	BY6("fd09::77") " / frag / icmp6 type=128 / fill 40",
	BY6("fd09::77") " next=50 / fill 80",
	BY6("fd09::77") " / routing / ah / tcp",
	BY6("fd09::77") " next=59",
	BY6("fd09::77") " next=139 / hex 3b00000000000000",
	BY6("fd09::77") " next=4 / fill 60",
	"eth src=" OTHER " / ip4 mf / udp dport=53 / fill 24 / pad 2",
	"eth src=" OTHER " / ip4 proto=47 / fill 60",
	"eth src=" OTHER
	" / ip4 dst=10.1.0.254 / " UDP(" / vxlan 7 / "
				       "eth src=" VM " / arp sip=10.9.0.10 tip=10.9.0.10"),
	"eth src=" OTHER " / ip4 dst=10.1.0.254 / udp dport=4789 / "
	"fill 4",
};

static void bystanders(void **state)
{
	world(HOSTS(HOST_VXLAN("here", "10.1.0.254", ", local: true")
	      HOST_VXLAN("far", "10.2.0.1", ""))
	      VMS(VM_AT(VM, "here", ", tap: out" BOUND)));
	for (int sw = XR_SWITCH_NONE; sw <= XR_SWITCH_OTHER; sw++) {
		world_plane()->ports[0].sw = sw;
		for (size_t i = 0; i < ARRAY_LEN(bystander); i++)
			passes(bystander[i], "a bystander");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(unread),
		TEST(disguises),
		TEST(bystanders),
	};

	return harness_main("lock: what hides, and what claims nothing", tests, ARRAY_LEN(tests));
}
