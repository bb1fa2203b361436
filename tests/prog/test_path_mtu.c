/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The MTU of the way to a backend or host: the route's, followed as it changes, and
 * less where ICMP says that a tunnel packet of ours was too large further on.
 */
#include "lib/vms.h"
#include "lib/worlds.h"
#include "user/host/hops.h"
#include "user/underlay/outer.h"

/* clang-format off */
#define TO(addr, method) VIPS "backends:\n" BACKEND("b", VIPS4)                \
			 "    address: " addr "\n    forward: " method "\n"
/* clang-format on */
#define NODE4 "10.1.0.254"
#define NODE6 "fd01::fe"

/* A client's packet of n octets. */
static struct result send_of(int n)
{
	return run_text("eth / ip4 df / udp dport=80 / fill %d", n - 28);
}

/* The largest that goes has n octets. */
static void check_limit(int n)
{
	struct result r = send_of(n);

	check_reasons(&r, "hash");
	r = send_of(n + 1);
	check_reasons(&r, "too-big-reply");
}

/* Of a packet with n octets outside, by method. */
#define IPIP_OF(n) "ip4 src=" NODE4 " dst=10.1.0.1 df len=" n " / ip4 / udp / fill 500"
#define GUE_OF(n)                                  \
	"ip4 src=" NODE4 " dst=10.1.0.1 df len=" n \
	" / udp sport=50000 dport=6080 / ip4 / udp / fill 500"
#define VXLAN_OF(n, vni)                                                                        \
	"ip4 src=" NODE4 " dst=10.1.0.1 df len=" n " / udp sport=50000 dport=4789 / vxlan " vni \
	" / eth / ip4 / udp / fill 500"
#define IPIP6_OF(n) "ip6 src=" NODE6 " dst=fd01::1 flow=9 len=" n " / ip4 / udp / fill 1000"
#define ERROR4(mtu, quoted) \
	"eth / ip4 src=10.1.0.8 dst=" NODE4 " / icmp4 type=3 code=4 mtu=" mtu " ( " quoted " )"
#define ERROR6(mtu, quoted) \
	"eth / ip6 src=fd01::8 dst=" NODE6 " / icmp6 type=2 mtu=" mtu " ( " quoted " )"

static void hear(const char *error)
{
	struct result r = run_text("%s", error);

	check_reasons(&r, "icmp-other path-mtu");
	world_set_tick(world_tick() + 1);
}

static void ignore(const char *error)
{
	struct result r = run_text("%s", error);

	check_reasons(&r, "icmp-other");
}

static void heeded(void **state)
{
	world(TO("10.1.0.1", "ipip"));
	check_limit(1480);
	hear(ERROR4("1400", IPIP_OF("1500")));
	check_limit(1380);
	/* Short quotes: of 8 octets behind the header (RFC 792). */
	hear(ERROR4("1350", IPIP_OF("1400") " / cut 28"));
	check_limit(1330);

	world(TO("10.1.0.1", "gue"));
	hear(ERROR4("1400", GUE_OF("1500")));
	check_limit(1372);
	hear(ERROR4("1350", GUE_OF("1400") " / cut 28"));
	check_limit(1322);

	world(TO("10.1.0.1", "vxlan\n    vni: 77\n    mac: \"02:aa:00:00:00:01\""));
	hear(ERROR4("1400", VXLAN_OF("1500", "77")));
	check_limit(1350);

	world(TO("\"fd01::1\"", "ipip"));
	hear(ERROR6("1400", IPIP6_OF("1460")));
	check_limit(1360);
	hear(ERROR6("1280", IPIP6_OF("1360")));
	check_limit(1240);
}

/*
 * With a tag, with IP options or extension headers round it, of any length: as
 * other ICMP errors.
 */
static void however_it_comes(void **state)
{
	char error[512];

	for (int n = 28; n < 620; n += 37) {
		world(TO("10.1.0.1", "ipip"));
		snprintf(error, sizeof(error),
			 ERROR4("1400", IPIP_OF("1500") " / fill 100 / cut %d"), n);
		hear(error);
	}
	world(TO("\"fd01::1\"", "ipip"));
	hear("eth / ip6 src=fd01::8 dst=" NODE6 " / dstopts / icmp6 type=2 "
	     "mtu=1400 ( " IPIP6_OF("1460") " / cut 1051 )");
	check_limit(1360);
	world(TO("10.1.0.1", "ipip"));
	hear("eth / vlan 5 / ip4 src=10.1.0.8 dst=" NODE4 " opts=01010101 / "
	     "icmp4 type=3 code=4 mtu=1400 ( " IPIP_OF("1500") " )");
	check_limit(1380);
}

/* What any link must carry is carried; a router that tells no MTU is guessed at. */
static void bounds(void **state)
{
	world(TO("10.1.0.1", "ipip"));
	hear(ERROR4("0", IPIP_OF("1500"))); /* RFC 1191 §7.1 */
	check_limit(1472);
	hear(ERROR4("0", IPIP_OF("1492")));
	check_limit(986);
	hear(ERROR4("68", IPIP_OF("1006")));
	check_limit(556);
	ignore(ERROR4("68", IPIP_OF("576")));
	ignore(ERROR4("0", IPIP_OF("576")));
	check_limit(556);

	world(TO("\"fd01::1\"", "ipip"));
	ignore(ERROR6("1279", IPIP6_OF("1460")));
	ignore(ERROR6("0", IPIP6_OF("1460")));
	check_limit(1460);
}

/* What each guess is shows in the longest packet that is believed next. */
static void guesses(void **state)
{
	shell("ip link set in mtu 9200");
	world(TO("10.1.0.1", "ipip"));
	ignore(ERROR4("0", IPIP_OF("9201")));
	hear(ERROR4("0", IPIP_OF("9200")));
	ignore(ERROR4("0", IPIP_OF("8167")));
	hear(ERROR4("0", IPIP_OF("8166")));
	ignore(ERROR4("0", IPIP_OF("4353")));
	hear(ERROR4("0", IPIP_OF("4352")));
	check_limit(1982);
	shell("ip link set in mtu 1500");
}

/* Never up by ICMP; once a second; and after ten minutes it is tried again. */
static void for_a_while(void **state)
{
	world(TO("10.1.0.1", "ipip"));
	hear(ERROR4("1400", IPIP_OF("1500")));
	ignore(ERROR4("1450", IPIP_OF("1500")));
	ignore(ERROR4("1450", IPIP_OF("1400")));
	check_limit(1380);
	run_text(ERROR4("1300", IPIP_OF("1400")));
	ignore(ERROR4("1200", IPIP_OF("1300"))); /* the same second */
	check_limit(1280);
	world_set_tick(world_tick() + XR_MTU_AGE - 10);
	check_limit(1280);
	world_set_tick(world_tick() + 20);
	check_limit(1480);
	hear(ERROR4("1400", IPIP_OF("1500")));
	check_limit(1380);
	/* What is configured anew is the same way. */
	world_apply(TO("10.1.0.1", "ipip") "    weight: 5\n");
	check_limit(1380);
	world_apply(TO("10.1.0.2", "ipip"));
	check_limit(1480);
}

/* Segmented on its way, so that IDs count up; out of a relay. */
static void other_ids(void **state)
{
	world(TO("10.1.0.1", "ipip"));
	hear(ERROR4("1400",
		    "ip4 src=" NODE4 " dst=10.1.0.1 df id=44 len=1500 / "
		    "ip4 / udp / fill 500"));
	check_limit(1380);
	hear(ERROR4("1300",
		    "ip4 src=" NODE4 " dst=10.1.0.1 df id=0x7803 len=1400 / "
		    "ip4 / udp / fill 500"));
	check_limit(1280);
}

static void check_stale_limit(int n)
{
	struct result r = send_of(n);

	check_reasons(&r, "hash fib-stale");
	r = send_of(n + 1);
	assert_int_equal(r.verdict, XR_R_TOO_BIG_REPLY);
	world_set_tick(world_tick() + 2);
}

/* Nor does it last for ever where nothing is forwarded, and the FIB says nothing. */
static void without_forwarding(void **state)
{
	world(TO("10.1.0.1", "ipip"));
	check_limit(1480);
	shell("echo 0 >/proc/sys/net/ipv4/ip_forward");
	world_set_tick(world_tick() + 5);
	check_stale_limit(1480);
	hear(ERROR4("1400", IPIP_OF("1500")));
	world_set_tick(world_tick() + 2);
	check_stale_limit(1380);
	world_set_tick(world_tick() + XR_MTU_AGE - 20);
	check_stale_limit(1380);
	world_set_tick(world_tick() + 30);
	check_stale_limit(1480);
	shell("echo 1 >/proc/sys/net/ipv4/ip_forward");
}

static const char *const forged_ipip[] = {
	/* other ends */
	ERROR4("1400", "ip4 src=10.1.0.253 dst=10.1.0.1 df len=1500 / ip4 / udp"),
	ERROR4("1400", "ip4 src=" NODE4 " dst=10.1.0.2 df len=1500 / ip4 / udp"),
	"eth / ip4 src=10.1.0.8 dst=10.1.0.253 / icmp4 type=3 code=4 mtu=1400 ( " IPIP_OF(
		"1500") " )",
	/* another protocol */
	ERROR4("1400", "ip4 src=" NODE4 " dst=10.1.0.1 df len=1500 / tcp"),
	ERROR4("1400", GUE_OF("1500")),
	ERROR4("1400", VXLAN_OF("1500", "77")),
	/* a header that we do not write */
	ERROR4("1400", "ip4 src=" NODE4 " dst=10.1.0.1 len=1500 / ip4 / udp"),
	ERROR4("1400", "ip4 src=" NODE4 " dst=10.1.0.1 df mf len=1500 / ip4 / udp"),
	ERROR4("1400", "ip4 src=" NODE4 " dst=10.1.0.1 df opts=01010101 len=1500 / ip4 / udp"),
	ERROR4("1400", "ip4 src=" NODE4 " dst=10.1.0.1 df id=0x1234 len=1500 / ip4 / udp"),
	/* quoted too shortly */
	ERROR4("1400", IPIP_OF("1500") " / cut 27"),
	ERROR4("1400", IPIP_OF("1500") " / cut 20"),
	ERROR4("1400", IPIP_OF("1500") " / cut 19"),
	/* from nobody, to many */
	"eth / ip4 src=224.0.0.5 dst=" NODE4
	" / icmp4 type=3 code=4 mtu=1400 ( " IPIP_OF("1500") " )",
	"eth / ip4 src=0.0.0.0 dst=" NODE4
	" / icmp4 type=3 code=4 mtu=1400 ( " IPIP_OF("1500") " )",
	"eth dst=ff:ff:ff:ff:ff:ff / ip4 src=10.1.0.8 dst=" NODE4
	" / icmp4 type=3 code=4 mtu=1400 ( " IPIP_OF("1500") " )",
	/* smaller than what it is said to be too large for; larger than any */
	ERROR4("1400", IPIP_OF("1400")),
	ERROR4("1400", IPIP_OF("1501")),
	/* another error */
	"eth / ip4 src=10.1.0.8 dst=" NODE4
	" / icmp4 type=3 code=3 mtu=1400 ( " IPIP_OF("1500") " )",
};

/* What we cannot have sent proves nothing. */
static void forged(void **state)
{
	world(TO("10.1.0.1", "ipip"));
	for (size_t i = 0; i < ARRAY_LEN(forged_ipip); i++) {
		struct result r = run_text("%s", forged_ipip[i]);

		assert_int_equal(r.count[XR_R_PATH_MTU], 0);
	}
	check_limit(1480);

	world(TO("10.1.0.1", "gue"));
	ignore(ERROR4("1400",
		      "ip4 src=" NODE4 " dst=10.1.0.1 df len=1500 / "
		      "udp sport=49151 dport=6080 / ip4 / udp"));
	ignore(ERROR4("1400",
		      "ip4 src=" NODE4 " dst=10.1.0.1 df len=1500 / "
		      "udp sport=50000 dport=6081 / ip4 / udp"));
	ignore(ERROR4("1400", IPIP_OF("1500")));
	check_limit(1472);

	world(TO("10.1.0.1", "vxlan\n    vni: 77\n    mac: \"02:aa:00:00:00:01\""));
	ignore(ERROR4("1400", VXLAN_OF("1500", "78")));
	ignore(ERROR4("1400", VXLAN_OF("1500", "77") " / cut 28"));
	check_limit(1450);

	world(TO("\"fd01::1\"", "ipip"));
	ignore("eth / ip6 src=ff02::1 dst=" NODE6
	       " / icmp6 type=2 mtu=1400 ( " IPIP6_OF("1460") " )");
	ignore("eth dst=33:33:00:00:00:01 / ip6 src=fd01::8 dst=" NODE6
	       " / icmp6 type=2 mtu=1400 ( " IPIP6_OF("1460") " )");
	check_limit(1460);

	/* Changed on its way. */
	ignore("eth / ip6 src=fd01::8 dst=" NODE6 " / icmp6 type=2 mtu=1400 "
	       "csum=bad ( " IPIP6_OF("1460") " )");
	world(TO("10.1.0.1", "ipip"));
	ignore("eth / ip4 src=10.1.0.8 dst=" NODE4 " / icmp4 type=3 code=4 "
	       "mtu=1400 csum=bad ( " IPIP_OF("1500") " )");

	/* A backend that is gone has no way. */
	world(TO("10.1.0.1", "ipip"));
	world_apply(TO("10.1.0.2", "ipip"));
	ignore(ERROR4("1400", IPIP_OF("1500")));
}

/* The source may be of a range, and of several backends behind one address. */
static void others(void **state)
{
	world("policy: {source: 172.16.0.0/16}\n" TO("10.1.0.1", "ipip"));
	hear("eth / ip4 src=10.1.0.8 dst=172.16.3.4 / icmp4 type=3 code=4 mtu=1400 "
	     "( ip4 src=172.16.3.4 dst=10.1.0.1 df len=1500 / ip4 / udp )");
	check_limit(1380);
	ignore("eth / ip4 src=10.1.0.8 dst=172.17.3.4 / icmp4 type=3 code=4 mtu=1300 "
	       "( ip4 src=172.17.3.4 dst=10.1.0.1 df len=1400 / ip4 / udp )");

	world(VIPS "backends:\n"
	      BACKEND("one", "[\"192.0.2.1:80/udp\"]") "    address: 10.1.0.1\n"
	      BACKEND("two", "[\"192.0.2.1:443/udp\"]") "    address: 10.1.0.1\n");
	hear(ERROR4("1400", IPIP_OF("1500")));
	world_set_tick(world_tick() + 2);
	check_limit(1380);
	assert_int_equal(run_text("eth / ip4 df / udp dport=443 / fill 1353").verdict,
			 XR_R_TOO_BIG_REPLY);
	/* One of them goes: the other one's is still known. */
	world_apply(VIPS "backends:\n" BACKEND("two", "[\"192.0.2.1:80/udp\"]")
		    "    address: 10.1.0.1\n");
	check_limit(1380);
	world_set_tick(world_tick() + 2);
	check_limit(1380);
	hear(ERROR4("1300", IPIP_OF("1400")));
	check_limit(1280);
}

#define PROBE(n) \
	"eth src=02:00:00:00:00:77 dst=" VM " / ip4 df src=10.9.0.77 dst=" VM4 " / udp / fill " n

/* On the other half: a node without VIPs, and a moved VM's host. */
static void hosts(void **state)
{
	struct result r;

	world(HOSTS(HOST_VXLAN("a", "10.1.0.2", "") HOST_VXLAN("b", "10.1.0.1", ""))
	      VMS(VM_AT(VM, "a", "")));
	post_notice("move %s to b", VM);
	check_reasons(&(struct result[]){ run_text(PROBE("1422")) }[0], "moved");
	r = run_text(ERROR4("1400", VXLAN_OF("1500", "101")));
	check_reasons(&r, "not-moved");
	r = run_text(ERROR4("1400", VXLAN_OF("1500", "100")));
	check_reasons(&r, "not-moved path-mtu");
	world_set_tick(world_tick() + 1);
	r = run_text(PROBE("1322"));
	check_reasons(&r, "moved");
	r = run_text(PROBE("1323"));
	check_reasons(&r, "too-big-reply");

	world(HOSTS(HOST_IPIP("a", "10.1.0.2", "") HOST_IPIP("b", "10.1.0.1", ""))
	      VMS(VM_AT(VM, "a", "")));
	post_notice("move %s to b", VM);
	r = run_text("eth / vlan 7 / ip4 src=10.1.0.8 dst=" NODE4
		     " / icmp4 type=3 code=4 mtu=1400 ( " IPIP_OF("1500") " )");
	r = run_text(ERROR4("1400", IPIP_OF("1500")));
	world_set_tick(world_tick() + 1);
	r = run_text(PROBE("1352"));
	check_reasons(&r, "moved");
	r = run_text(PROBE("1353"));
	check_reasons(&r, "too-big-reply");
}

/* As the daemon and each command do. */
static void follow(void)
{
	hops_follow(world_plane());
}

/* The route's, whoever is told of its change. */
static void routes(void **state)
{
	world(TO("10.3.0.1", "ipip"));
	check_limit(1380);
	shell("ip route change 10.3.0.0/16 via 10.1.0.9 mtu 1300");
	follow();
	check_limit(1280);
	shell("ip route change 10.3.0.0/16 via 10.1.0.9");
	world_apply(TO("10.3.0.1", "ipip") "    weight: 3\n");
	check_limit(1480);
	/* Where it is locked, or of the device, the FIB tells. */
	shell("ip route change 10.3.0.0/16 via 10.1.0.9 mtu lock 1200");
	world_set_tick(world_tick() + 100);
	check_limit(1180);
	shell("ip route change 10.3.0.0/16 via 10.1.0.9");
	shell("ip link set in mtu 1350");
	world_set_tick(world_tick() + 100);
	check_limit(1330);
	follow();
	check_limit(1330);
	shell("ip link set in mtu 1500");
	world_set_tick(world_tick() + 100);
	check_limit(1480);
	shell("ip route change 10.3.0.0/16 via 10.1.0.9 mtu 1400");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(heeded),
		TEST(however_it_comes),
		TEST(bounds),
		TEST(guesses),
		TEST(for_a_while),
		TEST(other_ids),
		TEST(without_forwarding),
		TEST(forged),
		TEST(others),
		TEST(hosts),
		TEST(routes),
	};

	return harness_main("path MTU", tests, ARRAY_LEN(tests));
}
