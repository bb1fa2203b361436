/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tc programs at both ends of a move: what of the VM's frames shows the new
 * host that it runs there, what the old one holds back of its last words, and
 * what may come out of a tunnel or go back into the fabric.
 */
#include <stdio.h>
#include "lib/tc_frames.h"

/* What a machine says by itself is no proof behind a tag either. */
static void tagged_claims(void **state)
{
	world(HOSTS(HERE THERE) VMS(VM_AT(VM, "there", "")));
	tc_port_of_vm("out");
	tc_set_state("there", "here", XR_VM_PREPARED);
	tc_left_alone("tc_tap_in", "out", NULL,
		      FROM_VM " / vlan 0 / vlan 0 / arp op=1 sip=" VM4 " tip=" VM4);
	tc_left_alone("tc_tap_in", "out", NULL,
		      FROM_VM " / vlan 0 / ip6 src=fd09::"
			      "10 dst=ff02::1 hlim=255 / na target=fd09::10 override");
	check_vm(VM, 0, XR_VM_PREPARED, "there", 0);
	tc_left_alone("tc_tap_in", "out", NULL, FROM_VM " / vlan 0 / ip4 / udp");
	check_vm(VM, 0, XR_VM_MOVED, "here", 0);
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
	tc_port_of_vm("out");
	tc_device_is("in", XR_TAP_UPLINK);
	if (from && strcmp(from, "out"))
		tc_device_is(from, XR_TAP_TUNNEL);
}

static void premature(void **state)
{
	size_t i, s;

	for (s = 0; s < ARRAY_LEN(coming); s++) {
		new_host(NULL);
		tc_set_state("there", "here", coming[s]);
		for (i = 0; i < ARRAY_LEN(claims); i++) {
			char text[512];

			snprintf(text, sizeof(text), FROM_VM " / %s", claims[i]);
			print_message("# %s\n", text);
			tc_left_alone("tc_tap_in", "out", NULL, text);
			assert_int_equal(tc_run("tc_uplink_out", "in", "out", text).action,
					 TC_ACT_SHOT);
			assert_int_equal(tc_counted(XR_R_PREMATURE), 1);
			check_vm(VM, 0, coming[s], "there", 0);
			/* From the fabric: the VM itself, where it still is. */
			tc_left_alone("tc_uplink_out", "in", "in", text);
		}
		/* The host's own stack in its name, whatever it says. */
		assert_int_equal(tc_run("tc_uplink_out", "in", NULL, FROM_VM " / ip4 / udp").action,
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
			tc_set_state("there", "here", coming[s / 2]);
			moves = vm_info_of(VM, 0)->moves;
			tc_left_alone(s & 1 ? "tc_tap_in" : "tc_uplink_out", s & 1 ? "out" : "in",
				      s & 1 ? NULL : "out", text);
			check_vm(VM, 0, XR_VM_MOVED, "here", 0);
			assert_int_equal(vm_info_of(VM, 0)->moves, moves + 1);
			assert_int_equal(tc_counted(XR_R_ACTIVATED), 1);
			assert_int_equal(world_plane()->vm_control->watching, 0);
			assert_int_equal(take_events().vm_n[XR_R_ACTIVATED], 1);
		}
	}
	/* Another's, a stranger's port, and one that nobody expects. */
	new_host(NULL);
	tc_set_state("there", "here", XR_VM_BLACKOUT);
	tc_left_alone("tc_tap_in", "out", NULL, "eth src=52:54:00:12:34:57 / ip4 / udp");
	tc_left_alone("tc_tap_in", "in", NULL, FROM_VM " / ip4 / udp");
	check_vm(VM, 0, XR_VM_BLACKOUT, "there", 0);
	tc_set_state("there", "", XR_VM_MOVED);
	tc_left_alone("tc_tap_in", "out", NULL, FROM_VM " / ip4 / udp");
	check_vm(VM, 0, XR_VM_MOVED, "there", 0);
}

/* A frame with its MAC from another port of the new host is nobody's word. */
static void neighbours(void **state)
{
	static const char *const from[] = { "lo", NULL };
	size_t i, s, f;

	for (s = 0; s < ARRAY_LEN(coming); s++) {
		new_host(NULL);
		tc_set_state("there", "here", coming[s]);
		for (i = 0; i < ARRAY_LEN(data); i++) {
			char text[512];

			snprintf(text, sizeof(text), FROM_VM " / %s", data[i]);
			for (f = 0; f < ARRAY_LEN(from); f++)
				assert_int_equal(
					tc_run("tc_uplink_out", "in", from[f], text).action,
					TC_ACT_SHOT);
			assert_int_equal(tc_counted(XR_R_PREMATURE), 2);
			check_vm(VM, 0, coming[s], "there", 0);
		}
		/* A port that was its own, and is another's now. */
		vm_live(VM, 0)->tap = ifindex_of("lo");
		tc_left_alone("tc_tap_in", "out", NULL, FROM_VM " / ip4 / udp");
		check_vm(VM, 0, coming[s], "there", 0);
		/* Where nobody knows its port: no proof, but no black hole. */
		vm_live(VM, 0)->tap = 0;
		tc_left_alone("tc_uplink_out", "in", "out", FROM_VM " / ip4 / udp");
		assert_int_equal(tc_run("tc_uplink_out", "in", "out", FROM_VM " / rarp").action,
				 TC_ACT_SHOT);
		assert_int_equal(tc_run("tc_uplink_out", "in", NULL, FROM_VM " / ip4 / udp").action,
				 TC_ACT_SHOT);
		check_vm(VM, 0, coming[s], "there", 0);
		assert_int_equal(tc_counted(XR_R_ACTIVATED), 0);
		assert_int_equal(take_events().vm_n[XR_R_ACTIVATED], 0);
	}
}

/* ---- its old place, after it left ---- */

static const char *const ways_out[] = { "tc_uplink_out", "tc_tunnel_out" };

/* Not sent, and an event once a second. */
static void held_back(const char *prog, const char *from, const char *text, enum xr_reason reason)
{
	struct xr_vm was = *vm_live(VM, 0);
	struct events s;

	take_events();
	if (tc_run(prog, "in", from, text).action != TC_ACT_SHOT)
		fail_msg("%s from %s: %s", prog, from ? from : "here", text);
	assert_int_equal(tc_counted(reason), 1);
	s = take_events();
	assert_int_equal(s.n[reason], 1);
	assert_int_equal(s.last[reason].vm, vm_index_of(VM, 0) + 1);
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
		tc_port_of_vm("out");
		tc_device_is("in", XR_TAP_UPLINK);
		for (i = 0; i < ARRAY_LEN(claims); i++) {
			char text[512];

			snprintf(text, sizeof(text), FROM_VM " / %s", claims[i]);
			for (f = 0; f < ARRAY_LEN(from); f++) {
				tc_set_state("here", "", XR_VM_MOVED);
				tc_left_alone(ways_out[w], "in", from[f], text);
				tc_set_state("there", "", XR_VM_MOVED);
				held_back(ways_out[w], from[f], text, XR_R_OUTDATED);
				/* On its way from there to a third host. */
				tc_set_state("there", "third", XR_VM_BLACKOUT);
				held_back(ways_out[w], from[f], text, XR_R_OUTDATED);
				/* Back to here: then it is too early. */
				tc_set_state("there", "here", XR_VM_PREPARED);
				held_back(ways_out[w], from[f], text, XR_R_PREMATURE);
			}
			/* From the fabric: the VM itself. */
			tc_set_state("there", "", XR_VM_MOVED);
			tc_left_alone(ways_out[w], "in", "in", text);
		}
	}
	/* Its old port may be gone. */
	vm_live(VM, 0)->tap = 0;
	held_back(ways_out[0], "lo", FROM_VM " / rarp", XR_R_OUTDATED);
	/* When the redirect is over nobody knows better than it. */
	world_set_tick(vm_live(VM, 0)->last + 301);
	tc_left_alone(ways_out[0], "in", "out", FROM_VM " / rarp");
}

/* What is no such word is not held back. */
static void not_outdated(void **state)
{
	size_t i, w;

	for (w = 0; w < ARRAY_LEN(ways_out); w++) {
		world(HOSTS(HERE HOST_PORT("there", "out"))
		      VMS(VM_AT(VM, "here", "")));
		tc_count_anew();
		tc_device_is("in", XR_TAP_UPLINK);
		tc_set_state("there", "", XR_VM_MOVED);
		/* Its data: what runs here after all is not cut off. */
		for (i = 0; i < ARRAY_LEN(data); i++) {
			char text[512];

			snprintf(text, sizeof(text), FROM_VM " / %s", data[i]);
			tc_left_alone(ways_out[w], "in", "lo", text);
		}
		/* Its new host's port; another's word. */
		tc_left_alone(ways_out[w], "in", "out", FROM_VM " / rarp");
		tc_left_alone(ways_out[w], "in", "lo",
			      "eth src=52:54:00:12:34:57 "
			      "dst=ff:ff:ff:ff:ff:ff / rarp");
		/* What the daemon says of it, and nobody else by that mark. */
		tc_mark = XR_MARK_ANNOUNCED;
		tc_left_alone(ways_out[w], "in", NULL, FROM_VM " / rarp");
		held_back(ways_out[w], "lo", FROM_VM " / rarp", XR_R_OUTDATED);
		tc_mark++;
		held_back(ways_out[w], NULL, FROM_VM " / rarp", XR_R_OUTDATED);
		tc_mark = 0;
		check_vm(VM, 0, XR_VM_MOVED, "there", 0);
	}
}

/* The VNI stands for VLAN 5: the VM there, not its namesake. */
static void outdated_in_a_segment(void **state)
{
	world(HOSTS(HERE THERE) VMS(VM_AT(VM, "here", "")
	      VM_AT(VM, "here", ", vlan: 5")));
	tc_count_anew();
	tc_device_is("in", XR_TAP_TUNNEL | 5);
	tc_set_state("there", "", XR_VM_MOVED);
	tc_left_alone("tc_tunnel_out", "in", "out", FROM_VM " / rarp");
	tc_set_state("here", "", XR_VM_MOVED);
	post_notice("move " VM " vlan 5 to there");
	assert_int_equal(tc_run("tc_tunnel_out", "in", "out", FROM_VM " / rarp").action,
			 TC_ACT_SHOT);
	assert_int_equal(tc_counted(XR_R_OUTDATED), 1);
}

static int tunnel_in(const char *text)
{
	return tc_run("tc_tunnel_in", "in", NULL, text).action;
}

static void out_of_the_tunnel(void **state)
{
	world(HOSTS(HERE THERE) VMS(VM_AT(VM, "there", "")));
	tc_port_of_vm("out");
	tc_device_is("in", XR_TAP_TUNNEL);
	tc_left_alone("tc_tunnel_in", "in", NULL, PROBE);
	tc_set_state("there", "here", XR_VM_PREPARED);
	assert_int_equal(tunnel_in(PROBE), TC_ACT_REDIRECT);
	assert_int_equal(tunnel_in(ARP), TC_ACT_REDIRECT);
	tc_left_alone("tc_tunnel_in", "in", NULL, FROM_VM " / ip4 / udp");
	tc_set_state("there", "here", XR_VM_BLACKOUT);
	assert_int_equal(tunnel_in(PROBE), TC_ACT_REDIRECT);
	tc_set_state("here", "", XR_VM_MOVED);
	assert_int_equal(tunnel_in(PROBE), TC_ACT_REDIRECT);
	/* Its QEMU crashed, and is there again with another port: the bridge knows it. */
	vm_live(VM, 0)->tap = 0x7fffffff;
	tc_left_alone("tc_tunnel_in", "in", NULL, PROBE);
	/* It went on: never tunnelled again, nor given to the bridge. */
	tc_set_state("there", "", XR_VM_MOVED);
	assert_int_equal(tunnel_in(PROBE), TC_ACT_SHOT);
	assert_int_equal(tc_counted(XR_R_VM_CHAIN), 1);
}

/* The VNI is VLAN 5's segment: the VM of VLAN 5, not its namesake. */
static void vlan_of_the_tunnel(void **state)
{
	world(HOSTS(HERE THERE) VMS(VM_AT(VM, "there", "")
	      VM_AT(VM, "there", ", vlan: 5")));
	vm_live(VM, 5)->tap = ifindex_of("out");
	tc_device_is("in", XR_TAP_TUNNEL | 5);
	tc_set_state("there", "here", XR_VM_BLACKOUT);
	tc_left_alone("tc_tunnel_in", "in", NULL, PROBE);
	post_notice("prepare " VM " vlan 5 to here");
	vm_live(VM, 5)->tap = ifindex_of("out");
	tc_device_is("in", XR_TAP_TUNNEL | 5);
	assert_int_equal(tunnel_in(PROBE), TC_ACT_REDIRECT);
}

static void split_horizon(void **state)
{
	world(HOSTS(HERE THERE) VMS(VM_AT(VM, "here", "")));
	tc_count_anew();
	tc_device_is("in", XR_TAP_UPLINK);
	assert_int_equal(tc_run("tc_uplink_out", "in", "in", PROBE).action, TC_ACT_SHOT);
	assert_int_equal(tc_counted(XR_R_VM_LOOP), 1);
	/* This host's own senders may know better. */
	tc_left_alone("tc_uplink_out", "in", "out", PROBE);
	tc_left_alone("tc_uplink_out", "in", NULL, PROBE);
	tc_left_alone("tc_uplink_out", "in", "in", "eth dst=ff:ff:ff:ff:ff:ff / arp op=1");
	tc_left_alone("tc_uplink_out", "in", "in", "eth dst=52:54:00:12:34:57 / ip4 / udp");
	/* On its way here: what came for it by the tunnel does not go back. */
	tc_set_state("there", "here", XR_VM_BLACKOUT);
	tc_left_alone("tc_uplink_out", "in", "in", PROBE);
	tc_device_is("out", XR_TAP_TUNNEL);
	assert_int_equal(tc_run("tc_uplink_out", "in", "out", PROBE).action, TC_ACT_SHOT);
	assert_int_equal(tc_counted(XR_R_VM_LOOP), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tagged_claims),
		TEST(premature),
		TEST(it_speaks),
		TEST(neighbours),
		TEST(outdated),
		TEST(not_outdated),
		TEST(outdated_in_a_segment),
		TEST(out_of_the_tunnel),
		TEST(vlan_of_the_tunnel),
		TEST(split_horizon),
	};

	return harness_main("tc programs at both ends of a move", tests, ARRAY_LEN(tests));
}
