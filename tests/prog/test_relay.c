/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A frame that a host sends on to where its VM is now has somebody's source who is
 * not at that host. It is marked where a VXLAN end does not look, and whoever gets
 * it knows that it says nothing of its sender: nobody moves for it, no move is
 * completed, nothing is dropped, nobody is accused.
 */
#include <arpa/inet.h>
#include "lib/vms.h"
#include "lib/worlds.h"

#define OTHER  "52:54:00:12:34:57" /* whom the frames are for */
#define OTHER4 "10.9.0.11"

/* VM runs at far; what v sends on to here is from it. */
/* clang-format off */
#define WORLD(policy, more)                                                    \
	POLICY(policy)                                                         \
	HOSTS(HOST_VXLAN("here", "10.1.0.254", ", local: true")                \
	      HOST_VXLAN("here6", "fd01::fe", ", local: true")                 \
	      HOST_VXLAN("v", "10.1.0.1", "") HOST_VXLAN("v6", "fd01::1", "")  \
	      HOST_VXLAN("far", "10.1.0.3", ""))                               \
	VMS(VM_AT(VM, "far", more) VM_AT(OTHER, "here", ""))
/* clang-format on */

#define IP4          "eth src=02:00:00:00:01:01 / ip4 src=10.1.0.1 dst=10.1.0.254"
#define IP6          "eth src=02:00:00:00:01:01 / ip6 src=fd01::1 dst=fd01::fe"
#define VXLAN(sport) " / udp sport=" sport " dport=4789 csum=0 / vxlan 100 / "

#define FROM_VM "eth src=" VM " dst=" OTHER " / "

/* By each of which VM would be believed to be at v. */
static const char *const frames[] = {
	FROM_VM "ip4 src=" VM4 " dst=" OTHER4 " / udp",
	FROM_VM "ip6 src=" VM6 " / tcp ack",
	FROM_VM "fill 46",
	FROM_VM "arp op=2 sip=" VM4 " tip=" OTHER4,
	FROM_VM "arp op=1 sip=" VM4 " tip=" OTHER4,
	FROM_VM "rarp",
	FROM_VM "ip6 src=" VM6 " dst=" VM6 " hlim=255 / na target=" VM6 " override",
	/* Refused, were it no relay. */
	FROM_VM "arp op=2 sip=10.9.0.11 tip=10.9.0.1",
};

#define WORDS 3 /* of the frames: what moves a VM by policy "any" */

static const struct {
	const char *outer;
	bool six;
} marked[] = {
	{ IP4 " df id=0x7800" VXLAN("0xf000"), false },
	{ IP4 " df id=0x7800 tos=3" VXLAN("0xffff"), false },
	/* The last segment of one that was GSO. */
	{ IP4 " df id=0x7bff" VXLAN("61440"), false },
	{ IP6 " flow=0x78000" VXLAN("0xf000"), true },
	{ IP6 " flow=0x78fff tc=3" VXLAN("0xffff"), true },
};

/* What others' VXLAN ends may send, and what is but half a mark. */
static const struct {
	const char *outer;
	bool six;
} unmarked[] = {
	{ IP4 VXLAN("50000"), false },
	{ IP4 " df" VXLAN("0xf000"), false },
	{ IP4 " id=0x7800" VXLAN("0xf000"), false },
	{ IP4 " df id=0x7800" VXLAN("0xefff"), false },
	{ IP4 " df id=0x7c00" VXLAN("0xf000"), false },
	{ IP4 " df id=0x77ff" VXLAN("0xf000"), false },
	{ IP6 VXLAN("0xf000"), true },
	{ IP6 " flow=0x78000" VXLAN("0xefff"), true },
	{ IP6 " flow=0x79000" VXLAN("0xf000"), true },
};

static const char *join(const char *outer, const char *frame)
{
	static char text[1024];

	snprintf(text, sizeof(text), "%s%s", outer, frame);
	return text;
}

/* It goes on, and all is as it was. */
static void proves_nothing(const char *text)
{
	struct xr_vm was = *vm_live(VM, 0);
	__u64 spoofed = vm_info_of(VM, 0)->spoofed;
	struct events s;

	take_events();
	expect(text, "not-moved relayed", NULL);
	check_same(&was, VM, 0);
	assert_int_equal(vm_info_of(VM, 0)->spoofed, spoofed);
	s = take_events();
	for (int r = 1; r < XR_REASON_MAX; r++)
		assert_int_equal(s.n[r] + s.vm_n[r], 0);
}

static void all_prove_nothing(void)
{
	for (size_t m = 0; m < ARRAY_LEN(marked); m++)
		for (size_t f = 0; f < ARRAY_LEN(frames); f++)
			proves_nothing(join(marked[m].outer, frames[f]));
}

static void no_move_is_completed(void **state)
{
	static const char *const to[] = { "v", "v6" };

	for (size_t i = 0; i < ARRAY_LEN(to); i++) {
		world(WORLD("moves: expected", ""));
		post_notice("prepare " VM " to %s", to[i]);
		all_prove_nothing();
		post_notice("pause " VM);
		all_prove_nothing();
	}
	/* What is no relay completes it, as ever. */
	for (size_t u = 0; u < ARRAY_LEN(unmarked); u++) {
		world(WORLD("moves: expected", ""));
		post_notice("prepare " VM " to %s", to[unmarked[u].six]);
		expect(join(unmarked[u].outer, frames[0]), "not-moved activated", NULL);
		check_vm(VM, 0, XR_VM_MOVED, to[unmarked[u].six], 0);
	}
}

static void nobody_moves(void **state)
{
	static const char *const to[] = { "v", "v6" };

	world(WORLD("moves: any", ""));
	all_prove_nothing();
	for (size_t u = 0; u < ARRAY_LEN(unmarked); u++)
		for (size_t f = 0; f < WORDS; f++) {
			world(WORLD("moves: any", ""));
			expect(join(unmarked[u].outer, frames[3 + f]), "not-moved announcement",
			       NULL);
			check_vm(VM, 0, XR_VM_MOVED, to[unmarked[u].six], 0);
		}
}

static void nothing_is_dropped(void **state)
{
	struct packet p;

	world(WORLD("moves: expected", ", lock: true, addresses: [" VM4 "]"));
	all_prove_nothing();
	for (size_t u = 0; u < ARRAY_LEN(unmarked); u++) {
		p = packet("%s", join(unmarked[u].outer, frames[0]));
		expect_verdict(&p, "guard-mac");
	}
}

/* Nor accused, where its policy would not move it. */
static void nobody_is_accused(void **state)
{
	world(WORLD("moves: expected", ""));
	all_prove_nothing();
	expect(join(unmarked[0].outer, frames[3]), "not-moved spoofed", NULL);
}

/*
 * The mark by itself is no pass: for many, for nobody known, or from a tunnel of
 * no host, it is judged as a stranger's, which proves nothing either.
 */
static void not_for_a_vm(void **state)
{
	static const char *const others[] = {
		IP4 " df id=0x7800" VXLAN("0xf000") "eth src=" VM
						    " dst=ff:ff:ff:ff:ff:ff / arp op=1 sip=" VM4
						    " tip=" VM4,
		IP4 " df id=0x7800" VXLAN("0xf000") "eth src=" VM " dst=02:00:00:00:00:09 / rarp",
		IP6 " flow=0x78000" VXLAN("0xf000") "eth src=" VM
						    " dst=33:33:00:00:00:01 / ip6 src=" VM6
						    " dst=ff02::1 hlim=255"
						    " / na target=" VM6 " override",
		"eth / ip4 src=10.1.0.7 dst=10.1.0.254 df id=0x7800" VXLAN("0xf000") FROM_VM "rarp",
	};
	struct xr_vm was;
	struct packet p;

	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		world(WORLD("moves: any", ""));
		was = *vm_live(VM, 0);
		expect(others[i], "not-moved spoofed", NULL);
		check_same(&was, VM, 0);
		post_notice("prepare " VM " to v");
		was = *vm_live(VM, 0);
		expect(others[i], "not-moved spoofed", NULL);
		check_same(&was, VM, 0);
		world(WORLD("moves: any", ", lock: true"));
		p = packet("%s", others[i]);
		expect_verdict(&p, "guard-mac");
	}
}

/* Nor for a node that it only passes by. */
static void passing_by(void **state)
{
	struct xr_vm was;

	world(POLICY("moves: any")
	      HOSTS(HOST_VXLAN("h2", "10.2.0.2", "")
		    HOST_VXLAN("v", "10.1.0.1", "")
		    HOST_VXLAN("far", "10.1.0.3", ""))
	      VMS(VM_AT(VM, "far", "") VM_AT(OTHER, "h2", "")));
	was = *vm_live(VM, 0);
	expect("eth / ip4 src=10.1.0.1 dst=10.2.0.2 df id=0x7805" VXLAN("0xf00f") FROM_VM "rarp",
	       "not-moved relayed", NULL);
	check_same(&was, VM, 0);
	expect("eth / ip4 src=10.1.0.1 dst=10.2.0.2 df" VXLAN("0xf00f") FROM_VM "rarp",
	       "not-moved announcement", NULL);
	check_vm(VM, 0, XR_VM_MOVED, "v", 0);
}

/* For its receiver it is what it was: never sent on a second time. */
static void still_chained(void **state)
{
	world(WORLD("moves: expected", ""));
	post_notice("move " OTHER " to v");
	expect(join(marked[0].outer, frames[0]), "vm-chain relayed", NULL);
	expect(join(marked[3].outer, frames[0]), "vm-chain relayed", NULL);
}

/* ---- what is sent ---- */

/* The mark is in what leaves, and spreads over the ways as before. */
static void as_it_leaves(const char *host, bool six)
{
	__u8 ports[0x1000] = { 0 };
	int spread = 0;

	world(HOSTS(HOST_VXLAN("old", "10.2.0.9", "") "%s")
	      VMS(VM_AT(OTHER, "old", "")), host);
	post_notice("move " OTHER " to new");
	for (int i = 0; i < 256; i++) {
		struct result r = run_text("eth dst=" OTHER " / ip4 df id=%d "
					   "src=10.9.1.%d / udp sport=%d / "
					   "fill %d",
					   i, i, 1000 + i * 7, i);
		__u32 port = ntohs(udp_of(&r.out)->sport);

		assert_int_equal(r.verdict, XR_R_MOVED);
		assert_in_range(port, 0xf000, 0xffff);
		if (six)
			assert_int_equal(ip6_flow_label(ip6_of(&r.out)) & 0xff000, 0x78000);
		else
			assert_int_equal(ntohs(ip4_of(&r.out)->id) << 16 |
						 ntohs(ip4_of(&r.out)->off),
					 0x78004000);
		spread += !ports[port - 0xf000]++;
	}
	assert_in_range(spread, 200, 256);
}

static void leaves_marked(void **state)
{
	as_it_leaves(HOST_VXLAN("new", "10.1.0.2", ""), false);
	as_it_leaves(HOST_VXLAN("new", "fd01::2", ""), true);
}

/* As one xroam sends it and another gets it. */
static void both_ends(void **state)
{
	static const __u8 from[] = { 10, 1, 0, 1 }, to[] = { 10, 1, 0, 254 };
	struct packet sent[2][ARRAY_LEN(frames)];
	struct result r;

	for (int six = 0; six < 2; six++) {
		/* Their addresses are the other world's: written in below. */
		world(HOSTS("  - {name: old, vxlan: \"%s\", vni: 100}\n"
			    "  - {name: new, vxlan: \"%s\", vni: 100}\n")
		      VMS(VM_AT(OTHER, "old", "")),
		      six ? "fd01::3" : "10.1.0.3",
		      six ? "fd01::2" : "10.1.0.2");
		post_notice("move " OTHER " to new");
		for (size_t f = 0; f < ARRAY_LEN(frames); f++) {
			r = run_text("%s", frames[f]);
			assert_int_equal(r.verdict, XR_R_MOVED);
			sent[six][f] = r.out;
			if (six) {
				ip6_of(&sent[six][f])->src[15] = 1;
				ip6_of(&sent[six][f])->dst[15] = 0xfe;
			} else {
				memcpy(ip4_of(&sent[six][f])->src, from, sizeof(from));
				memcpy(ip4_of(&sent[six][f])->dst, to, sizeof(to));
			}
		}
	}
	world(WORLD("moves: any", ", lock: true"));
	post_notice("prepare " VM " to v");
	for (int six = 0; six < 2; six++)
		for (size_t f = 0; f < ARRAY_LEN(frames); f++) {
			struct xr_vm was = *vm_live(VM, 0);

			r = run_prog(world_prog(), &sent[six][f]);
			assert_int_equal(r.action, XDP_PASS);
			check_same(&was, VM, 0);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_move_is_completed), TEST(nobody_moves),  TEST(nothing_is_dropped),
		TEST(nobody_is_accused),    TEST(not_for_a_vm),  TEST(passing_by),
		TEST(still_chained),        TEST(leaves_marked), TEST(both_ends),
	};

	return harness_main("relays", tests, ARRAY_LEN(tests));
}
