/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a VM may send and get at its own port: the first rule that fits decides, limits let
 * the burst pass and no more, and each frame is judged once: by tc, or by XDP where tc does
 * not see it. If it failed, a VM would get what its rules forbid, or lose what they allow.
 */
#include <unistd.h>
#include <bpf/bpf.h>
#include "lib/tc_frames.h"
#include "user/lib/bounds.h"
#include "user/vm/vm_bind.h"

#define WORLD     HOSTS(HERE THERE HOST_PORT("away", "out")) VMS(VM_AT(VM, "here", ""))
#define OTHER     "52:54:00:12:34:57"
#define IN(more)  TO_VM " / ip4 src=10.9.0.77 dst=" VM4 " " more
#define IN6(more) TO_VM " / ip6 src=fd09::77 dst=" VM6 " " more
#define OUT(more) FROM_VM " / ip4 src=" VM4 " dst=10.9.0.77 " more

/* Lines parted by ";": "limit ...", "rule ...", "default ..."; NULL: none. */
static void bind_vm(const char *lines)
{
	struct xr_vm_bounds b = { 0 };
	char copy[1024], *save, *line;
	struct xr_err err = { "" };
	int ret = 0;

	snprintf(copy, sizeof(copy), "%s", lines ? lines : "");
	for (line = strtok_r(copy, ";", &save); line && !ret; line = strtok_r(NULL, ";", &save)) {
		if (*line == 'l')
			ret = bounds_add_limit(&b, line + 6, &err);
		else if (*line == 'r')
			ret = bounds_add_rule(&b, line + 5, &err);
		else
			ret = bounds_set_default(&b, line + 8, &err);
	}
	if (ret)
		fail_msg("%s", err.text);
	assert_int_equal(vm_set_bounds(world_plane(), vm_index_of(VM, 0), &b), 0);
}

static struct xr_vm_bounds_used used(void)
{
	struct xr_vm_bounds_used u = { 0 };

	assert_true(vm_get_bounds_used(world_plane(), vm_index_of(VM, 0), &u));
	return u;
}

/* ---- rules ---- */

static const struct {
	const char *lines, *frame;
	bool denied;
} cases[] = {
	/* the first that fits, and the rest */
	{ "rule deny", IN("/ udp"), true },
	{ "rule deny", OUT("/ udp"), true },
	{ "rule allow;rule deny", IN("/ udp"), false },
	{ "rule deny in", IN("/ udp"), true },
	{ "rule deny in", OUT("/ udp"), false },
	{ "rule deny out", OUT("/ udp"), true },
	{ "rule deny out", IN("/ udp"), false },
	{ "default deny", IN("/ udp"), true },
	{ "default deny;rule allow in", IN("/ udp"), false },
	{ "default deny;rule allow in", OUT("/ udp"), true },
	/* protocols */
	{ "rule deny tcp", IN("/ tcp"), true },
	{ "rule deny tcp", IN("/ udp"), false },
	{ "rule deny icmp", IN("/ icmp4 type=8"), true },
	{ "rule deny icmp6", IN6("/ icmp6 type=128"), true },
	{ "rule deny 47", IN("proto=47 / fill 30"), true },
	{ "rule deny gre", IN("proto=46 / fill 30"), false },
	/* the other side's prefix */
	{ "rule deny peer 10.9.0.0/24", IN("/ udp"), true },
	{ "rule deny peer 10.9.0.0/24", OUT("/ udp"), true },
	{ "rule deny peer 10.9.0.76/31", IN("/ udp"), true },
	{ "rule deny peer 10.9.0.78/31", IN("/ udp"), false },
	{ "rule deny peer 10.9.0.77", IN("/ udp"), true },
	{ "rule deny peer " VM4, IN("/ udp"), false },
	{ "rule deny peer 0.0.0.0/0", IN("/ udp"), true },
	{ "rule deny peer 0.0.0.0/0", IN6("/ udp"), false },
	{ "rule deny peer ::/0", IN6("/ udp"), true },
	{ "rule deny peer ::/0", IN("/ udp"), false },
	{ "rule deny peer fd09::/64", IN6("/ udp"), true },
	{ "rule deny peer fd09::76/127", IN6("/ udp"), true },
	{ "rule deny peer fd09::78/127", IN6("/ udp"), false },
	/* ports */
	{ "rule deny tcp port 22", IN("/ tcp dport=22"), true },
	{ "rule deny tcp port 22", IN("/ tcp dport=23"), false },
	{ "rule deny tcp port 22", IN("/ udp dport=22"), false },
	{ "rule deny tcp port 22", IN("/ tcp sport=22 dport=23"), false },
	{ "rule deny udp port 20-22", IN("/ udp dport=20"), true },
	{ "rule deny udp port 20-22", IN("/ udp dport=22"), true },
	{ "rule deny udp port 20-22", IN("/ udp dport=23"), false },
	{ "rule deny udp source-port 53", IN("/ udp sport=53"), true },
	{ "rule deny udp source-port 53", IN("/ udp dport=53"), false },
	{ "rule deny udp port 1 source-port 2", IN("/ udp sport=2 dport=1"), true },
	{ "rule deny udp port 1 source-port 2", IN("/ udp sport=3 dport=1"), false },
	{ "rule deny tcp port 22", IN6("/ dstopts / tcp dport=22"), true },
	{ "rule deny tcp port 22", IN("opts=01010101 / tcp dport=22"), true },
	{ "rule deny tcp port 22", TO_VM " / vlan 0 / ip4 src=10.9.0.77 / tcp dport=22", true },
	/* a later fragment has no ports: it could be any */
	{ "rule deny tcp port 22", IN("off=8 proto=6 / fill 30"), true },
	{ "rule deny tcp port 22", IN("off=8 proto=17 / fill 30"), false },
	{ "rule allow tcp port 22;default deny", IN("off=8 proto=6 / fill 30"), true },
	{ "rule allow tcp;default deny", IN("off=8 proto=6 / fill 30"), false },
	{ "rule deny tcp port 22", IN("mf / tcp dport=22"), true },
	{ "rule deny tcp port 22", IN("mf / tcp dport=23"), false },
	{ "rule deny udp port 5", IN6("/ frag off=8 next=17 / fill 30"), true },
	{ "rule allow udp port 5;default deny", IN6("/ frag off=8 next=17 / fill 30"), true },
	{ "rule deny udp port 5", IN6("/ frag off=0 mf / udp dport=5"), true },
	{ "rule deny udp port 5", IN6("/ frag off=0 mf / udp dport=6"), false },
	{ "rule deny udp port 5", IN("proto=17 / fill 3"), true },
	/* more headers than are followed: it could be any protocol */
	{ "rule deny tcp",
	  IN6("/ dstopts / dstopts / dstopts / dstopts / dstopts / dstopts / dstopts / udp"),
	  true },
	{ "rule allow udp;default deny",
	  IN6("/ dstopts / dstopts / dstopts / dstopts / dstopts / dstopts / dstopts / udp"),
	  true },
	/* what makes a VM reachable passes; what is not IP has no rule */
	{ "rule deny;default deny", ARP, false },
	{ "rule deny;default deny", TO_VM " / rarp", false },
	{ "rule deny;default deny", IN6("hlim=255 / ns target=" VM6), false },
	{ "rule deny;default deny", IN6("hlim=255 / na target=fd09::77"), false },
	{ "rule deny;default deny", IN6("/ icmp6 type=143"), false },
	{ "rule deny;default deny", IN6("/ icmp6 type=128"), true },
	{ "rule deny", TO_VM " type=0x88cc / fill 46", false },
	{ "default deny", TO_VM " type=0x88cc / fill 46", true },
};

static void rules(void **state)
{
	__u64 denied = 0;
	size_t i;

	world(WORLD);
	tc_port_of_vm("out");
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		bool out = !strncmp(cases[i].frame, FROM_VM, strlen(FROM_VM));
		struct tc_result r;

		bind_vm(cases[i].lines);
		r = tc_run(out ? "tc_tap_in" : "tc_tap_out", "out", NULL, cases[i].frame);
		if (r.action != (cases[i].denied ? TC_ACT_SHOT : TC_ACT_UNSPEC))
			fail_msg("%s: %s: action %d", cases[i].lines, cases[i].frame, r.action);
		denied += cases[i].denied;
		assert_int_equal(tc_counted(XR_R_RULE_DENIED), cases[i].denied);
	}
	assert_int_equal(used().denied[XR_WAY_IN] + used().denied[XR_WAY_OUT], denied);
	/* Without bounds there is nothing left of them. */
	bind_vm(NULL);
	tc_left_alone("tc_tap_out", "out", NULL, PROBE);
	assert_int_equal(world_plane()->vm_control->bounded, 0);
}

static void all_sixteen(void **state)
{
	char lines[1024] = "";
	int i;

	world(WORLD);
	tc_port_of_vm("out");
	for (i = 1; i < XR_VM_RULES; i++)
		sprintf(lines + strlen(lines), "rule allow udp port %d;", i);
	strcat(lines, "rule deny udp port 100");
	bind_vm(lines);
	assert_int_equal(tc_run("tc_tap_out", "out", NULL, IN("/ udp dport=100")).action,
			 TC_ACT_SHOT);
	tc_left_alone("tc_tap_out", "out", NULL, IN("/ udp dport=15"));
	tc_left_alone("tc_tap_out", "out", NULL, IN("/ udp dport=101"));
}

/* ---- limits ---- */

/* How many of so many frames pass. */
static int passes_of(const char *pin, const char *frame, int n)
{
	int i, passed = 0;

	for (i = 0; i < n; i++)
		passed += tc_run(pin, "out", NULL, frame).action == TC_ACT_UNSPEC;
	return passed;
}

/*
 * A packet a second, and three seconds of it at once: so four pass, and more only if the
 * test takes a second or longer, which it is asked.
 */
static void packets_a_second(void **state)
{
	__u32 began, took;
	int passed;

	world(WORLD);
	tc_port_of_vm("out");
	bind_vm("limit packets 1 burst 3000");
	began = world_tick();
	passed = passes_of("tc_tap_out", PROBE, 12);
	took = world_tick() - began + 1;
	assert_in_range(passed, 4, 4 + took);
	assert_int_equal(tc_counted(XR_R_RATE_LIMITED), 12 - passed);
	assert_int_equal(used().limited[XR_WAY_IN], 12 - passed);
	/* The other way has a limit of its own. */
	assert_int_equal(used().limited[XR_WAY_OUT], 0);
	assert_int_equal(passes_of("tc_tap_in", OUT("/ udp"), 4), 4);
	/* Another limit does not forget what was used. */
	bind_vm("limit packets 1 burst 2999");
	assert_in_range(passes_of("tc_tap_out", PROBE, 12), 0, took + 2);
}

static void bits_a_second(void **state)
{
	int passed;

	world(WORLD);
	tc_port_of_vm("out");
	/* 1000 octets a second, ten seconds at once: ten frames of 1000, and the last one */
	bind_vm("limit out bits 8K burst 10000");
	passed = passes_of("tc_tap_in", OUT("/ udp / fill 958"), 20);
	assert_in_range(passed, 11, 16);
	assert_int_equal(used().limited[XR_WAY_OUT], 20 - passed);
	assert_int_equal(passes_of("tc_tap_out", PROBE, 20), 20);
}

/* One that the limit of bits refuses is not charged to that of packets. */
static void charged_once(void **state)
{
	struct xr_vm_bounds_used a, b;

	world(WORLD);
	tc_port_of_vm("out");
	bind_vm("limit in bits 8K packets 1K burst 1");
	assert_in_range(passes_of("tc_tap_out", IN("/ udp / fill 1000"), 1), 1, 1);
	a = used();
	assert_int_equal(passes_of("tc_tap_out", IN("/ udp / fill 1000"), 1), 0);
	b = used();
	/* It may have gone on with the clock, but by no packet's time. */
	assert_true(b.packets_due[XR_WAY_IN] >= a.packets_due[XR_WAY_IN]);
	assert_int_equal(b.octets_due[XR_WAY_IN], a.octets_due[XR_WAY_IN]);
	assert_int_equal(b.limited[XR_WAY_IN], 1);
	/* What a rule refuses is charged to neither. */
	bind_vm("limit in bits 8K packets 1K burst 1;rule deny");
	assert_int_equal(passes_of("tc_tap_out", PROBE, 1), 0);
	assert_int_equal(used().octets_due[XR_WAY_IN], a.octets_due[XR_WAY_IN]);
	assert_int_equal(used().denied[XR_WAY_IN], 1);
}

/* ---- a move ---- */

/* In the blackout the copy goes to the new host unjudged, and the clone is judged here. */
static void blackout(void **state)
{
	struct packet p;
	int fd;

	world(WORLD);
	tc_port_of_vm("out");
	bind_vm("rule deny udp");
	tc_set_state("here", "there", XR_VM_BLACKOUT);
	fd = catcher("out");
	assert_int_equal(tc_run("tc_tap_out", "out", NULL, PROBE).action, TC_ACT_REDIRECT);
	assert_int_equal(tc_counted(XR_R_COPIED), 1);
	/* No hook is on the device: the clone went out, with the mark that tap_out knows. */
	assert_true(caught(fd, &p));
	close(fd);
	/* Remembered is what was let in alone. */
	tc_set_state("here", "there", XR_VM_PREPARED);
	vm_live(VM, 0)->ring = 1;
	assert_int_equal(tc_run("tc_tap_out", "out", NULL, PROBE).action, TC_ACT_SHOT);
	assert_int_equal(world_plane()->rings[0].entered, 0);
	assert_int_equal(tc_run("tc_tap_out", "out", NULL, IN("/ tcp")).action, TC_ACT_UNSPEC);
	assert_int_equal(world_plane()->rings[0].entered, 1);
	/* At its new place before it is there; and not at the old one, once it has gone. */
	tc_set_state("there", "here", XR_VM_PREPARED);
	assert_int_equal(tc_run("tc_tap_out", "out", NULL, PROBE).action, TC_ACT_SHOT);
	tc_count_anew();
	tc_set_state("there", "", XR_VM_MOVED);
	assert_int_equal(tc_run("tc_tap_out", "out", NULL, PROBE).action, TC_ACT_REDIRECT);
	assert_int_equal(tc_counted(XR_R_MOVED), 1);
	assert_int_equal(tc_counted(XR_R_RULE_DENIED), 0);
}

/* Its bounds stay through a move. */
static void kept(void **state)
{
	world(WORLD);
	bind_vm("rule deny");
	post_notice("prepare %s to there", VM);
	post_notice("move %s to there", VM);
	assert_true(vm_now(world_plane(), vm_index_of(VM, 0)).flags & XR_VM_BOUNDS);
	post_notice("leave %s", VM);
	assert_int_equal(world_plane()->vm_control->bounded, 0);
}

/* ---- XDP ---- */

#define TO_OTHER(more) "eth src=" VM " dst=" OTHER " / ip4 src=" VM4 " dst=10.9.0.77 / " more

static void two_vms(void)
{
	world(HOSTS(HERE THERE HOST_PORT("away", "out")) VMS(
		VM_AT(VM, "here", "") VM_AT(OTHER, "here", "")));
}

/* What the VM sends and XDP sends on itself, to another VM that has moved. */
static void sent_by_xdp(void **state)
{
	two_vms();
	post_notice("move " OTHER " to there");
	tc_port_of_vm("in");
	bind_vm("rule deny out udp port 7");
	expect(TO_OTHER("udp dport=7"), "rule-denied", NULL);
	expect(TO_OTHER("udp dport=8"), "moved", NULL);
	assert_int_equal(used().denied[XR_WAY_OUT], 1);
	/* What it passes on is tc's to judge. */
	expect("eth src=" VM " dst=02:00:00:00:00:77 / ip4 / udp dport=7", "not-moved", NULL);
	assert_int_equal(used().denied[XR_WAY_OUT], 1);
	bind_vm("limit out packets 1 burst 1");
	expect(TO_OTHER("udp dport=7"), "moved", NULL);
	expect(TO_OTHER("udp dport=7"), "rate-limited", NULL);
	assert_int_equal(used().limited[XR_WAY_OUT], 1);
	/* Another port's frames are nobody's. */
	tc_device_is("in", XR_TAP_UPLINK);
	bind_vm("rule deny");
	expect(TO_OTHER("udp dport=7"), "moved", NULL);
}

/* What XDP puts into the VM's port, out of which "away" is reached here. */
static void put_by_xdp(void **state)
{
	two_vms();
	post_notice("move " OTHER " to away");
	tc_port_of_vm("out");
	bind_vm("rule deny in udp port 7;rule deny out");
	expect(TO_OTHER("udp dport=7"), "rule-denied", NULL);
	expect(TO_OTHER("udp dport=8"), "moved", TO_OTHER("udp dport=8"));
	assert_int_equal(used().denied[XR_WAY_IN], 1);
	assert_int_equal(used().denied[XR_WAY_OUT], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rules),         TEST(all_sixteen),  TEST(packets_a_second),
		TEST(bits_a_second), TEST(charged_once), TEST(blackout),
		TEST(kept),          TEST(sent_by_xdp),  TEST(put_by_xdp),
	};

	return harness_main("bounds", tests, ARRAY_LEN(tests));
}
