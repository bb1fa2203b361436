/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What comes out is, octet for octet, what came out before: 100,000 packets, drawn from
 * every kind there is and spoiled at random, and the sum of all that left. A change that
 * is to make the program no more than faster leaves these sums as they are; one that
 * changes what is sent records its own.
 *
 * XROAM_OUTPUTS=FILE writes a line for each packet: with the programs of two builds, diff
 * shows the first that differs.
 * XROAM_TEST_PACKETS=N sends fewer of them, for slow machines.
 */
#include <stdio.h>
#include "user/plane/stats.h"
#include "lib/harness.h"
#include "lib/vms.h"
#include "lib/worlds.h"

#define BLOCK   2500 /* packets that have a sum */
#define BLOCKS  20   /* of each world */
#define CLIENTS 250
#define SERVERS 9

/* clang-format off */
#define QUOTE4 "ip4 src=192.0.2.1 dst=10.0.0.1 / "
#define QUOTE6 "ip6 src=2001:db8::1 dst=fd00::1 / "
#define BACK   "udp sport=443 dport=1000 / "
#define CID    "07020201aabbccdd"

static const char *const texts[] = {
	/* plain: half of all */
	"eth / ip4 / udp / quic short dcid=" CID " / fill 20",
	"eth / ip4 ttl=2 tos=184 / udp / quic short dcid=" CID " / fill 1200",
	"eth / ip4 / udp / quic short dcid=" CID " / fill 1400",
	"eth / ip4 df / udp / quic short dcid=" CID,
	"eth / ip4 / udp / quic long dcid=" CID " scid=0102 / fill 20",
	"eth / ip4 / udp dport=80 / fill 10",
	"eth / ip4 / tcp syn opts=020405b4",
	"eth / ip4 / tcp ack / fill 1380",
	"eth / ip4 / tcp fin ack",
	"eth / ip4 / udp / quic short dcid=2fcc381bc74cb4fbad2823a3d1f8fed2",
	"eth / ip4 / udp / quic short dcid=504dd2d05a7b0de9b2b9907afb5ecf8cc3",
	"eth / ip4 dst=192.0.2.7 / udp / fill 30",
	"eth / ip4 / udp / quic short dcid=" CID " / pad 20",
	/* and the others */
	"eth / ip4 / udp / quic long version=2 dcid=67 / fill 20",
	"eth / ip4 opts=0101010101010101 / udp / quic short dcid=" CID,
	"eth / vlan 5 / ip4 / udp / quic short dcid=" CID,
	"eth / vlan 5 tpid=0x88a8 / vlan 6 / ip6 / udp / quic short dcid=" CID,
	"eth / vlan 5 / vlan 6 / vlan 7 / ip4 / udp",
	"eth / ip4 mf / udp / fill 24",
	"eth / ip6 / udp / quic short dcid=" CID " / fill 20",
	"eth / ip6 tc=184 flow=77 / udp / quic long dcid=" CID " scid=0102 / fill 20",
	"eth / ip6 / tcp syn",
	"eth / ip6 / tcp ack / fill 1400",
	"eth / ip6 / hopopts / dstopts / routing / frag / ah / udp / quic short dcid=" CID,
	"eth / ip4 / icmp4 code=4 mtu=1280 ( " QUOTE4 BACK "fill 9 )",
	"eth / ip4 / icmp4 type=11 ( " QUOTE4 "tcp sport=443 dport=1000 ack )",
	"eth / ip6 / icmp6 ( " QUOTE6 BACK "quic long dcid=01 scid=" CID " )",
	"eth / ip4 / icmp4 type=8 / fill 8",
	"eth type=0x0806 / zero 28",
	"eth / ip4 ttl=1 / tcp syn",
	"eth dst=" VM " / ip4 src=10.0.0.1 dst=" VM4 " / udp / fill 40",
	"eth dst=" VM " / ip6 src=fd00::1 dst=" VM6 " / tcp ack / fill 40",
};

#define PLAIN  13
#define TO_VMS 2 /* the last ones */

#define KEY ", key: 8f95f09245765f80256934e50c66207f"
#define OF(vips, name, way, id) \
	BACKEND(name, vips) "    " way "\n    server_ids: [\"" id "\"]\n"
#define TO(name, way, id)  OF(ALL_VIPS, name, way, id)
#define TO4(name, way, id) OF(VIPS4, name, way, id)

/* A server of every kind. No neighbour is unknown: what is sent then is for the clock to say. */
#define SERVICES                                                                              \
	SECRET LIMIT_FLOWS("65536") RATE("65535") FLOW_VIPS                                   \
	"cid:\n"                                                                              \
	"  - {id: 0, format: quic-lb, server_id_length: 3, nonce_length: 4}\n"                \
	"  - {id: 1, format: quic-lb, server_id_length: 10, nonce_length: 5" KEY "}\n"        \
	"  - {id: 2, format: quic-lb, server_id_length: 8, nonce_length: 8" KEY "}\n"         \
	"backends:\n"                                                                         \
	TO4("a", "address: 10.1.0.1\n    forward: ipip", "020201")                             \
	TO4("b", "address: 10.2.0.2\n    forward: ipip", "020202")                             \
	TO("c", "address: \"fd02::2\"\n    forward: ipip", "020203")                          \
	TO("d", "address: 10.1.0.2\n    forward: gue", "020204")                              \
	TO("e", "address: 10.2.0.3\n    forward: vxlan\n    vni: 9\n    mac: \"02:aa:00:00:00:01\"", \
	   "020205")                                                                          \
	TO("f", "address: 10.1.0.4\n    forward: l2", "020206")                               \
	TO4("g", "address: 10.3.0.5\n    forward: ipip", "020207")                             \
	TO("h", "address: 10.1.0.6\n    forward: gue\n    state: draining", "020208")                           \
	TO("i", "address: 10.1.0.7\n    forward: gue\n    state: down", "020209")                               \
	TO("j", "address: \"fd01::3\"\n    forward: gue", "ed793a51d49b8f5fab65")             \
	TO("k", "address: 10.2.0.4\n    forward: gue", "ed793a51d49b8f5f")

/* clang-format on */

/* Of the first packets of each block: what came out, and what was counted. */
static const __u64 recorded[][BLOCKS] = {
#include "outputs.inc"
};

static __u64 seed;

/* xorshift64*: the same packets in every run. */
static __u32 draw(__u32 n)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (seed * 0x2545f4914f6cdd1dULL >> 32) % n;
}

/* FNV-1a. */
static __u64 add(__u64 sum, const void *octets, size_t n)
{
	const __u8 *o = octets;

	while (n--)
		sum = (sum ^ *o++) * 0x100000001b3ULL;
	return sum;
}

static struct packet frames[ARRAY_LEN(texts)];

/* Another client, another server, now and then an octet that is anything, or an end. */
static struct packet draw_packet(void)
{
	__u32 i = draw(2) ? draw(PLAIN) : draw(ARRAY_LEN(texts));
	struct packet p = frames[i];
	__u8 *cid;

	if (packet_is_ip4(&p))
		ip4_of(&p)->src[3] = 1 + draw(CLIENTS);
	cid = memmem(p.data, p.len, "\x07\x02\x02\x01", 4);
	if (cid)
		cid[3] = 1 + draw(SERVERS);
	if (i < PLAIN)
		p.data[35] = draw(64); /* of the source port */
	/* Such as are alike are taken for an echo, and numbered at random. */
	if (i >= ARRAY_LEN(texts) - TO_VMS)
		for (int n = 1; n <= 4; n++)
			p.data[p.len - n] = draw(256);
	if (draw(8))
		return p;
	for (__u32 n = 1 + draw(3); n; n--)
		p.data[draw(p.len < 90 ? p.len : 90)] = draw(256);
	if (!draw(4))
		p.len -= draw(p.len - 14);
	return p;
}

static void print_one(FILE *f, const char *name, int n, const struct result *r)
{
	if (!f)
		return;
	fprintf(f, "%s %d action %u:", name, n, r->action);
	for (size_t i = 0; i < r->out.len; i++)
		fprintf(f, "%s%02x", i % 2 ? "" : " ", r->out.data[i]);
	fprintf(f, "\n");
}

static __u64 run_block(const char *name, int block, FILE *f)
{
	__u64 sum = 0xcbf29ce484222325ULL;

	for (int n = 0; n < BLOCK; n++) {
		struct packet p = draw_packet();
		struct result r = run_prog(world_prog(), &p);

		print_one(f, name, block * BLOCK + n, &r);
		sum = add(sum, &r.action, sizeof(r.action));
		sum = add(sum, r.out.data, r.out.len);
	}
	return sum;
}

/* All but how often a next hop was looked up, which depends on the clock. */
static __u64 add_counts(__u64 sum, FILE *f)
{
	struct xr_counter reason[XR_REASON_MAX], vip;
	struct xr_backend_counter backend;

	assert_int_equal(stats_reasons(world_plane(), reason), 0);
	for (int i = 1; i < XR_REASON_MAX; i++) {
		if (i == XR_R_FIB || i == XR_R_FIB_STALE || !reason[i].packets)
			continue;
		sum = add(sum, &reason[i], sizeof(reason[i]));
		if (f)
			fprintf(f, "%s %llu %llu\n", reason_word(i), reason[i].packets,
				reason[i].bytes);
	}
	for (int i = 1; i <= 16; i++) {
		assert_int_equal(stats_vip(world_plane(), i, &vip), 0);
		assert_int_equal(stats_backend(world_plane(), i, &backend), 0);
		sum = add(add(sum, &vip, sizeof(vip)), &backend, sizeof(backend));
	}
	return sum;
}

static int blocks_wanted(void)
{
	const char *s = getenv("XROAM_TEST_PACKETS");
	int n = s ? atoi(s) / ((int)ARRAY_LEN(recorded) * BLOCK) : BLOCKS;

	return n < 1 ? 1 : n < BLOCKS ? n : BLOCKS;
}

static void same_as_recorded(int which, const char *name)
{
	const char *path = getenv("XROAM_OUTPUTS");
	FILE *f = path ? fopen(path, "a") : NULL;
	int blocks = blocks_wanted(), other = -1;
	__u64 sum[BLOCKS] = { 0 };

	seed = 0x9e3779b97f4a7c15ULL;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		frames[i] = packet("%s", texts[i]);
	for (int b = 0; b < blocks; b++) {
		sum[b] = add_counts(run_block(name, b, f), f);
		if (other < 0 && sum[b] != recorded[which][b])
			other = b;
	}
	if (f)
		fclose(f);
	if (other < 0)
		return;
	fprintf(stderr, "# %s: otherwise from packet %d on. In outputs.inc it would be:\n\t{", name,
		other * BLOCK);
	for (int b = 0; b < blocks; b++)
		fprintf(stderr, "%s0x%016llx,", b % 4 ? " " : "\n\t\t", sum[b]);
	fprintf(stderr, "\n\t},\n");
	fail();
}

static void backends(void **state)
{
	world(SERVICES);
	same_as_recorded(0, "backends");
}

static void and_vms(void **state)
{
	world(SERVICES "%s",
	      HOSTS(HOST_VXLAN("old", "10.2.0.9", "") HOST_VXLAN("a", "10.1.0.8", ""))
		      VMS(VM_AT(VM, "old", ", addresses: [" VM4 ", \"" VM6 "\"]")));
	move_to("a");
	same_as_recorded(1, "backends and VMs");
}

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(backends), TEST(and_vms) };

	return harness_main("outputs", tests, ARRAY_LEN(tests));
}
