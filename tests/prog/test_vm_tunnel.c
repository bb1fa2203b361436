/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames for VMs out of tunnels and into them: never back where they came from,
 * never on by a second tunnel, and opened for those that live here.
 */
#include <stdio.h>
#include "lib/vms.h"
#include "lib/worlds.h"

#define TO_VM "eth dst=" VM

/* ---- never back, never on ---- */

/*
 * Out of the port it came in by no switch would send it: where it is somebody
 * did not know. That is no proof of a loop.
 */
static void same_port(void **state)
{
	struct events s;

	world(MOVED_TO(HOST_PORT("p", "in") HOST_VXLAN("a", "10.1.0.1", "")));
	move_to("p");
	take_events();
	for (int i = 0; i < 100; i++)
		expect(TO_VM " / ip4 / udp", "vm-loop", NULL);
	check_vm(VM, 0, XR_VM_MOVED, "p", 0);
	s = take_events();
	assert_true(s.n[XR_R_VM_LOOP] >= 1);
	assert_int_equal(s.vm_n[XR_R_VM_LOOP], 0);
	assert_int_equal(vm_live(VM, 0)->hits, 0);
	move_to("a");
	expect(TO_VM " / ip4 / udp / fill 9", "moved", NULL);
}

/* clang-format off */
#define LOCAL_WORLD                                                            \
	HOSTS(HOST_VXLAN("here", "10.1.0.254", ", local: true")                \
	      HOST_IPIP("iphere", "10.1.0.254", ", local: true")               \
	      HOST_GUE("guehere", "fd01::fe", ", local: true")                 \
	      HOST_VXLAN("a", "10.1.0.1", "") HOST_VXLAN("b", "10.2.0.2", "")  \
	      HOST_GUE("g", "10.2.0.3", "") HOST_PORT("p", "out"))
/* clang-format on */

#define OUT_OF(from)                                \
	"eth src=02:00:00:00:01:02 / ip4 src=" from \
	" dst=10.1.0.254 / udp sport=50000 dport=4789 csum=0 / "

/* What came out of a tunnel is never tunnelled again. */
static void chain(void **state)
{
	static const char *const to[] = { "a", "b", "g", "p" };

	world(LOCAL_WORLD VMS(VM_AT(VM, "here", ", addresses: [10.9.0.10, "
				    "\"fd09::10\"]")));
	expect(OUT_OF("10.1.0.2") "vxlan 100 / " TO_VM " / ip4 / udp", "not-moved", NULL);
	for (size_t i = 0; i < ARRAY_LEN(to); i++) {
		move_to(to[i]);
		expect(OUT_OF("10.1.0.2") "vxlan 100 / " TO_VM " / ip4 / udp", "vm-chain", NULL);
		expect(OUT_OF("10.1.0.9") "vxlan 100 / " TO_VM " / arp", "vm-chain", NULL);
		/* Another segment, another machine, another VM. */
		expect(OUT_OF("10.1.0.2") "vxlan 101 / " TO_VM " / ip4 / udp", "not-moved", NULL);
		expect("eth / ip4 src=10.1.0.2 dst=10.1.0.7 / udp dport=4789 "
		       "csum=0 / vxlan 100 / " TO_VM " / ip4 / udp",
		       "not-moved", NULL);
		expect(OUT_OF("10.1.0.2") "vxlan 100 / "
					  "eth dst=52:54:00:12:34:57 / ip4 / udp",
		       "not-moved", NULL);
	}
	/* On its way here: what the old place copies is for its tap. */
	post_notice("prepare " VM " to here");
	expect(OUT_OF("10.1.0.2") "vxlan 100 / " TO_VM " / ip4 / udp", "not-moved", NULL);
	post_notice("pause " VM);
	expect(OUT_OF("10.1.0.2") "vxlan 100 / " TO_VM " / ip4 / udp", "not-moved", NULL);
	post_notice("move " VM " to here");
	expect(OUT_OF("10.1.0.2") "vxlan 100 / " TO_VM " / ip4 / udp", "not-moved", NULL);
}

static void chain_by_ip(void **state)
{
	world(LOCAL_WORLD VMS(VM_AT(VM, "iphere", ", addresses: [10.9.0.10, "
				    "\"fd09::10\"]")));
	/* For a VM that is here the tunnel ends here. */
	expect("eth / ip4 src=10.2.0.3 dst=10.1.0.254 / ip4 dst=" VM4 " / udp", "decap-ipip",
	       "eth / ip4 dst=" VM4 " / udp");
	/* Others' tunnels, for which the kernel may have a device. */
	expect("eth / ip4 src=10.2.0.3 dst=10.1.0.254 / ip4 dst=10.9.0.11 / "
	       "udp",
	       "not-moved", NULL);
	move_to("g");
	expect("eth / ip4 src=10.1.0.2 dst=10.1.0.254 / ip4 dst=" VM4 " / udp", "vm-chain", NULL);
	expect("eth / ip6 src=fd01::2 dst=fd01::fe / udp dport=6080 csum=0 / "
	       "ip6 dst=" VM6 " / udp",
	       "vm-chain", NULL);
}

#define INTO "eth / ip4 src=10.2.0.3 dst=10.1.0.254%s / "
/* clang-format off */
#define AT_HERE	VMS(VM_AT(VM, "iphere", ", addresses: [10.9.0.10, "             \
				    "\"fd09::10\"]"))
/* clang-format on */

/* IPIP and GUE for VMs are opened where a host sent them, or by policy any. */
static void strangers(void **state)
{
	static const char *const each[] = {
		"eth / ip4 src=203.0.113.66 dst=10.1.0.254 / ip4 dst=" VM4 " / udp",
		"eth / ip6 src=fd01::99 dst=fd01::fe / udp dport=6080 csum=0 / "
		"ip6 dst=" VM6 " / udp",
		/* A host, but for VXLAN only. */
		"eth / ip4 src=10.1.0.1 dst=10.1.0.254 / ip4 dst=" VM4 " / udp",
	};

	world(LOCAL_WORLD AT_HERE);
	for (size_t i = 0; i < ARRAY_LEN(each); i++)
		expect(each[i], "other-tunnel", NULL);
	world(POLICY("tunnels: any") LOCAL_WORLD AT_HERE);
	expect(each[0], "decap-ipip", "eth / ip4 dst=" VM4 " / udp");
	expect(each[1], "decap-gue", "eth / ip6 dst=" VM6 " / udp");
	expect(each[2], "decap-ipip", "eth / ip4 dst=" VM4 " / udp");
}

/* As with role backend: what is opened is whole, marked, and in its segment. */
static void ip_tunnels(void **state)
{
	static const char *const bad[] = {
		" / udp dport=6080 csum=0 / gue flags=1",
		" / udp dport=6080 csum=0 / gue data=01020304",
		" / udp dport=6080 len=12 csum=0",
		" / udp dport=6080 csum=1",
	};
	static const struct {
		int outer, inner, marked;
	} ecn[] = { { 1, 2, 1 }, { 1, 1, 1 }, { 1, 0, 0 }, { 1, 3, 3 }, { 2, 1, 1 },
		    { 2, 3, 3 }, { 3, 1, 3 }, { 3, 2, 3 }, { 3, 3, 3 } };
	char in[256], out[128], tos[16];

	world(LOCAL_WORLD AT_HERE);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		snprintf(in, sizeof(in), INTO "ip4 dst=" VM4 " / udp", bad[i]);
		expect(in, "bad-tunnel", NULL);
	}
	expect("eth / ip4 src=10.2.0.3 dst=10.1.0.254 / udp dport=6080 / "
	       "ip4 dst=" VM4 " / udp",
	       "decap-gue", "eth / ip4 dst=" VM4 " / udp");
	for (size_t i = 0; i < ARRAY_LEN(ecn); i++) {
		snprintf(tos, sizeof(tos), " tos=%d", ecn[i].outer);
		snprintf(in, sizeof(in), INTO "ip4 dst=" VM4 " tos=%d / udp", tos, ecn[i].inner);
		snprintf(out, sizeof(out), "eth / ip4 dst=" VM4 " tos=%d / udp", ecn[i].marked);
		expect(in, "decap-ipip", out);
	}
	expect("eth / ip4 src=10.2.0.3 dst=10.1.0.254 tos=3 / ip4 dst=" VM4 " / udp", "bad-ecn",
	       NULL);
	expect("eth / vlan 200 / ip4 src=10.2.0.3 dst=10.1.0.254 / ip4 dst=" VM4 " / udp",
	       "decap-ipip", "eth / vlan 200 / ip4 dst=" VM4 " / udp");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(same_port), TEST(chain), TEST(chain_by_ip), TEST(strangers), TEST(ip_tunnels),
	};

	return harness_main("frames for VMs out of tunnels", tests, ARRAY_LEN(tests));
}
