/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A prepared move completes in the kernel, at the very frame by which the VM
 * shows that it runs at its new place: an announcement or any other, by the
 * port or out of the tunnel of the host that is expected.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* sched_setaffinity() */
#endif
#include <pthread.h>
#include <sched.h>
#include "lib/vms.h"
#include "lib/worlds.h"

#define FROM_VM "eth src=" VM " dst=02:00:00:00:00:09 / "
#define TO_VM   "eth dst=" VM " / "
#define RARP    "eth src=" VM " dst=ff:ff:ff:ff:ff:ff / rarp"

/* clang-format off */
#define WORLD(more)                                                            \
	POLICY("vm_ttl: 77") HOSTS(HOST_PORT("old", "out")                     \
	HOST_PORT("new", "in") HOST_VXLAN("v", "10.1.0.1", "")                 \
	HOST_VXLAN("v6", "fd01::1", "") HOST_GUE("g", "10.1.0.2", "")          \
	HOST_IPIP("i", "10.1.0.3", "") HOST_MAC("m", "02:00:00:00:01:07", "in")\
	HOST_VXLAN("far", "10.2.0.1", "") HOST_GUE("farg", "10.2.0.2", "")     \
	HOST_MAC("farm", "02:00:00:00:02:07", "out"))                          \
	VMS(VM_AT(VM, "old", more))
/* clang-format on */

/* Everything a VM may say first. */
static const char *const data[] = {
	FROM_VM "ip4 src=" VM4 " / udp",
	FROM_VM "ip4 src=" VM4 " / tcp syn ack",
	FROM_VM "ip4 src=" VM4 " / icmp4 type=0 / fill 56",
	FROM_VM "ip4 src=" VM4 " mf / udp / fill 24",
	FROM_VM "ip4 src=" VM4 " off=1480 / fill 24",
	FROM_VM "ip6 src=" VM6 " / tcp ack",
	FROM_VM "ip6 src=" VM6 " / udp",
	FROM_VM "ip6 src=" VM6 " / frag off=1448 / fill 9",
	FROM_VM "fill 46",
	"eth src=" VM " dst=ff:ff:ff:ff:ff:ff / ip4 src=" VM4 " / udp dport=67",
	"eth src=" VM " dst=01:00:5e:00:00:fb / ip4 src=" VM4 " / udp",
};

static void check_activated(const char *host, const char *from)
{
	struct xr_vm_now now = vm_now(world_plane(), vm_index_of(VM, 0));
	struct xr_vm *vm = vm_live(VM, 0);
	const struct xr_event *e;
	struct events s = take_events();

	check_vm(VM, 0, XR_VM_MOVED, host, 0);
	assert_int_equal(now.next, 0);
	assert_int_equal(now.home, host_index(host));
	assert_int_equal(vm->ttl, 77);
	assert_in_range(vm->last, world_tick() - 3, world_tick());
	assert_int_equal(world_plane()->vm_control->watching, 0);
	assert_int_equal(s.n[XR_R_ACTIVATED], 1);
	assert_int_equal(s.vm_n[XR_R_ACTIVATED], 1);
	e = &s.last[XR_R_ACTIVATED];
	assert_int_equal(e->kind, XR_EVENT_VM);
	assert_int_equal(e->vm, vm_index_of(VM, 0) + 1);
	assert_int_equal(e->host, host_index(host));
	assert_int_equal(e->from, host_index(from));
	assert_int_equal(e->state, XR_VM_MOVED);
}

/* By each kind of place, in both states, whatever the frame. */
static void on_the_port(void **state)
{
	static const char *const hosts[] = { "new", "v", "v6", "g", "i", "m" };

	world(WORLD(""));
	for (size_t h = 0; h < ARRAY_LEN(hosts); h++)
		for (size_t i = 0; i < ARRAY_LEN(data); i++) {
			post_notice("leave " VM);
			post_notice("add " VM " at old");
			post_notice("prepare " VM " to %s", hosts[h]);
			if (i % 2)
				post_notice("pause " VM);
			take_events();
			expect(data[i], "not-moved activated", NULL);
			check_activated(hosts[h], "old");
		}
	/* By who lives behind the port. */
	post_notice("move " VM " to far");
	post_notice("prepare " VM " to old");
	behind("old", false);
	take_events();
	expect(data[0], "not-moved activated", NULL);
	check_activated("old", "far");
}

/* The frame after that one goes to where the VM is. */
static void next_frame(void **state)
{
	world(WORLD(""));
	post_notice("prepare " VM " to v");
	expect(TO_VM "ip4 / udp", "vm-here", NULL);
	expect(RARP, "not-moved announcement activated", NULL);
	expect(TO_VM "ip4 / udp", "moved",
	       "eth src=" MAC_IN " dst=02:00:00:00:01:01 / ip4 src=10.1.0.254 "
	       "dst=10.1.0.1 df id=0x7800 / udp sport=@ dport=4789 csum=0 / vxlan 100 / " TO_VM
	       "ip4 / udp");
	/* What it says then is nothing new. */
	take_events();
	expect(RARP, "not-moved announcement", NULL);
	expect(data[0], "not-moved", NULL);
	assert_int_equal(take_events().n[XR_R_ACTIVATED], 0);
}

/* Until it speaks there it is where it was, and may say so. */
static void elsewhere(void **state)
{
	static const char *const hosts[] = { "far", "farg", "farm" };
	struct xr_vm was;
	struct events s;

	world(WORLD(""));
	for (size_t h = 0; h < ARRAY_LEN(hosts); h++) {
		post_notice("prepare " VM " to %s", hosts[h]);
		take_events();
		was = *vm_live(VM, 0);
		for (size_t i = 0; i < ARRAY_LEN(data); i++) {
			expect(data[i], "not-moved", NULL);
			check_same(&was, VM, 0);
		}
		expect(RARP, "not-moved spoofed", NULL);
		check_same(&was, VM, 0);
		s = take_events();
		assert_int_equal(s.vm_n[XR_R_ACTIVATED], 0);
		assert_int_equal(world_plane()->vm_control->watching, 1);
		post_notice("cancel " VM);
	}
	/* Nobody prepared anything. */
	was = *vm_live(VM, 0);
	for (size_t i = 0; i < ARRAY_LEN(data); i++) {
		expect(data[i], "not-moved", NULL);
		check_same(&was, VM, 0);
	}
	/* Cancelled is not prepared. */
	post_notice("prepare " VM " to new");
	post_notice("cancel " VM);
	was = *vm_live(VM, 0);
	expect(data[0], "not-moved", NULL);
	check_same(&was, VM, 0);
	/* Nor is what ran out. */
	post_notice("prepare " VM " to new timeout 5");
	world_set_tick(vm_live(VM, 0)->deadline + 1);
	run_text("%s", data[0]);
	check_vm(VM, 0, XR_VM_STABLE, "old", 0);
}

/* An address being tried out is in use nowhere. */
static void probes(void **state)
{
	struct xr_vm was;

	world(WORLD(""));
	post_notice("prepare " VM " to new");
	was = *vm_live(VM, 0);
	expect("eth src=" VM " dst=ff:ff:ff:ff:ff:ff / arp tip=" VM4, "not-moved", NULL);
	expect("eth src=" VM " dst=33:33:ff:00:00:10 / ip6 src=:: "
	       "dst=ff02::1:ff00:10 hlim=255 / ns target=" VM6 " bare",
	       "not-moved", NULL);
	check_same(&was, VM, 0);
}

/* Others' moves are not touched. */
static void one_of_two(void **state)
{
	struct xr_vm was;

	world(HOSTS(HOST_PORT("old", "out") HOST_PORT("new", "in"))
	      VMS(VM_AT(VM, "old", "") VM_AT(VM, "old", ", vlan: 5")
		  VM_AT("52:54:00:12:34:57", "old", "")));
	post_notice("prepare " VM " to new");
	post_notice("prepare " VM " vlan 5 to new");
	post_notice("prepare 52:54:00:12:34:57 to new");
	assert_int_equal(world_plane()->vm_control->watching, 3);
	was = *vm_live(VM, 0);
	expect("eth src=" VM " / vlan 5 / ip4 / udp", "not-moved activated", NULL);
	check_same(&was, VM, 0);
	check_vm(VM, 5, XR_VM_MOVED, "new", 0);
	check_vm("52:54:00:12:34:57", 0, XR_VM_PREPARED, "old", 0);
	assert_int_equal(world_plane()->vm_control->watching, 2);
	expect("eth src=" VM " / vlan 0 / ip4 / udp", "not-moved activated", NULL);
	check_vm(VM, 0, XR_VM_MOVED, "new", 0);
	expect("eth src=" VM " / vlan 6 / ip4 / udp", "not-moved", NULL);
	expect("eth src=52:54:00:12:34:57 / vlan 5 / vlan 6 / ip4 / udp", "not-moved qinq", NULL);
	check_vm("52:54:00:12:34:57", 0, XR_VM_PREPARED, "old", 0);
	expect("eth src=52:54:00:12:34:57 / ip4 / udp", "not-moved activated", NULL);
	assert_int_equal(world_plane()->vm_control->watching, 0);
}

/* Towards another VM that moved, or a VIP: both happen. */
static void and_sent_on(void **state)
{
	world(WORLD_TWO HOSTS(HOST_PORT("old", "out") HOST_PORT("new", "in"))
	      VMS(VM_AT(VM, "old", "") VM_AT("52:54:00:12:34:57", "new", "")
		  VM_AT("52:54:00:12:34:58", "old", "")));
	post_notice("prepare " VM " to new");
	post_notice("move 52:54:00:12:34:57 to old");
	expect("eth src=" VM " dst=52:54:00:12:34:57 / ip4 / udp", "moved activated",
	       "eth src=" VM " dst=52:54:00:12:34:57 / ip4 / udp");
	check_vm(VM, 0, XR_VM_MOVED, "new", 0);
	post_notice("prepare 52:54:00:12:34:58 to new");
	expect("eth src=52:54:00:12:34:58 / ip4 / tcp syn", "hash activated", NULL);
	check_vm("52:54:00:12:34:58", 0, XR_VM_MOVED, "new", 0);
}

/* ---- out of the tunnel ---- */

/* clang-format off */
#define LOCAL_WORLD                                                            \
	POLICY("vm_ttl: 77")                                                   \
	HOSTS(HOST_VXLAN("here", "10.1.0.254", ", local: true")                \
	      HOST_VXLAN("here6", "fd01::fe", ", local: true")                 \
	      HOST_VXLAN("v", "10.1.0.1", "") HOST_VXLAN("v6", "fd01::1", "")  \
	      HOST_VXLAN("far", "10.2.0.1", "")) VMS(VM_AT(VM, "here", ""))
/* clang-format on */

#define TUNNEL4(from)                                                    \
	"eth src=02:00:00:00:01:01 / ip4 src=" from " dst=10.1.0.254 / " \
	"udp sport=50000 dport=4789 csum=0 / vxlan 100 / "
#define TUNNEL6(from)                                                  \
	"eth src=02:00:00:00:01:01 / ip6 src=" from " dst=fd01::fe / " \
	"udp sport=50000 dport=4789 csum=0 / vxlan 100 / "

static void in_the_tunnel(void **state)
{
	struct xr_vm was;
	char in[512];

	world(LOCAL_WORLD);
	for (size_t i = 0; i < ARRAY_LEN(data); i++) {
		bool six = i % 2;

		post_notice("leave " VM);
		post_notice("add " VM " at here");
		post_notice("prepare " VM " to %s", six ? "v6" : "v");
		take_events();
		snprintf(in, sizeof(in), "%s%s", six ? TUNNEL6("fd01::1") : TUNNEL4("10.1.0.1"),
			 data[i]);
		expect(in, "not-moved activated", NULL);
		check_activated(six ? "v6" : "v", "here");
	}
	post_notice("leave " VM);
	post_notice("add " VM " at here");
	post_notice("prepare " VM " to v");
	expect(TUNNEL4("10.1.0.1") RARP, "not-moved announcement activated", NULL);

	/* A tunnel that comes by another way than it goes may be anybody's. */
	post_notice("leave " VM);
	post_notice("add " VM " at here");
	post_notice("prepare " VM " to far");
	was = *vm_live(VM, 0);
	snprintf(in, sizeof(in), "%s%s", TUNNEL4("10.2.0.1"), data[0]);
	expect(in, "not-moved", NULL);
	check_same(&was, VM, 0);
	expect(TUNNEL4("10.2.0.1") RARP, "not-moved spoofed", NULL);
	check_same(&was, VM, 0);
	behind("", true);
	take_events();
	expect(in, "not-moved activated", NULL);
	check_activated("far", "here");
}

static void in_another_tunnel(void **state)
{
	const size_t end = packet(TUNNEL4("10.1.0.1") "eth").len;
	static const char *const tunnels[] = {
		TUNNEL4("10.1.0.2"),
		TUNNEL6("fd01::2"),
		"eth / ip4 src=10.1.0.1 dst=10.1.0.254 / udp dport=4789 csum=0"
		" / vxlan 101 / ",
		"eth / ip4 src=10.1.0.1 dst=10.1.0.254 / udp dport=4788 csum=0"
		" / vxlan 100 / ",
		"eth / ip4 src=10.1.0.1 dst=10.1.0.254 / udp dport=4789 csum=0"
		" / vxlan 100 flags=0 / ",
		"eth / ip4 src=10.1.0.1 dst=10.1.0.254 mf / udp dport=4789 "
		"csum=0 / vxlan 100 / ",
	};
	struct xr_vm was;
	char in[512];

	world(LOCAL_WORLD);
	post_notice("prepare " VM " to v");
	was = *vm_live(VM, 0);
	for (size_t t = 0; t < ARRAY_LEN(tunnels); t++) {
		for (size_t i = 0; i < ARRAY_LEN(data); i++) {
			struct result r;

			snprintf(in, sizeof(in), "%s%s", tunnels[t], data[i]);
			r = run_text("%s", in);
			assert_int_equal(r.action, XDP_PASS);
			check_same(&was, VM, 0);
		}
		snprintf(in, sizeof(in), "%s%s", tunnels[t], RARP);
		run_text("%s", in);
		check_same(&was, VM, 0);
	}
	/* Cut off before the end of the Ethernet header in the tunnel. */
	for (size_t n = sizeof(struct wire_eth); n < end; n++) {
		snprintf(in, sizeof(in), TUNNEL4("10.1.0.1") "%s / cut %zu", data[0], n);
		assert_int_equal(run_text("%s", in).action, XDP_PASS);
		check_same(&was, VM, 0);
	}
}

/*
 * The expected host's address as the outer source is no proof: a neighbour's frames
 * come from its MAC address. Behind a router nobody can tell.
 */
static void forged(void **state)
{
	static const struct {
		const char *to, *tunnel;
		bool routed;
	} ways[] = {
		{ "v",
		  " / ip4 src=10.1.0.1 dst=10.1.0.254 / udp sport=50000 "
		  "dport=4789 csum=0 / vxlan 100 / ",
		  false },
		{ "v6",
		  " / ip6 src=fd01::1 dst=fd01::fe / udp sport=50000 "
		  "dport=4789 csum=0 / vxlan 100 / ",
		  false },
		{ "routed",
		  " / ip4 src=10.3.0.1 dst=10.1.0.254 / udp "
		  "sport=50000 dport=4789 csum=0 / vxlan 100 / ",
		  true },
	};
	static const char *const macs[] = { "02:00:00:00:01:02", "02:00:00:00:01:01" };
	char in[512];

	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		for (int paused = 0; paused < 2; paused++) {
			world(HOSTS(HOST_VXLAN("here", "10.1.0.254",
					       ", local: true")
				    HOST_VXLAN("here6", "fd01::fe",
					       ", local: true")
				    HOST_VXLAN("v", "10.1.0.1", "")
				    HOST_VXLAN("v6", "fd01::1", "")
				    HOST_VXLAN("routed", "10.3.0.1", ""))
			      VMS(VM_AT(VM, "here", "")));
			post_notice("prepare " VM " to %s", ways[i].to);
			if (paused)
				post_notice("pause " VM);
			for (int right = 0; right < 2; right++) {
				bool believed = right || ways[i].routed;
				struct xr_vm was = *vm_live(VM, 0);

				snprintf(in, sizeof(in), "eth src=%s%s%s", macs[right],
					 ways[i].tunnel, data[0]);
				if (!believed) {
					expect(in, "not-moved", NULL);
					check_same(&was, VM, 0);
					continue;
				}
				expect(in, "not-moved activated", NULL);
				check_vm(VM, 0, XR_VM_MOVED, ways[i].to, 0);
				break;
			}
		}
	}
	/* Where the operator trusts the port he said so. */
	world(LOCAL_WORLD);
	post_notice("prepare " VM " to v");
	behind("", true);
	snprintf(in, sizeof(in), "eth src=%s%s%s", macs[0], ways[0].tunnel, data[0]);
	expect(in, "not-moved activated", NULL);
}

/* ---- what another CPU sees ---- */

#define ROUNDS 20000

static struct other {
	int round, seen; /* begun by the test; looked at by the other */
	__u32 tick;      /* when it was begun */
	int wrong;       /* redirects that were none when the state was that of one */
	int won;         /* moves that it took back */
	bool cancels, over;
} other;

static union whole_state {
	struct xr_vm_now now;
	__u64 whole;
} state_of(struct xr_vm *vm)
{
	return (union whole_state){ .whole = __atomic_load_n((__u64 *)&vm->now, __ATOMIC_ACQUIRE) };
}

/* As vm_set_back() does. */
static bool set_back(struct xr_vm *vm, union whole_state w)
{
	union whole_state to = w;

	to.now.next = 0;
	to.now.state = __atomic_load_n(&vm->ttl, __ATOMIC_ACQUIRE) ? XR_VM_MOVED : XR_VM_STABLE;
	return __atomic_compare_exchange_n((__u64 *)&vm->now, &w.whole, to.whole, false,
					   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/* Waits for the state to change, or changes it itself. */
static void look(struct xr_vm *vm, __u32 wait)
{
	union whole_state w;

	while (wait-- && state_of(vm).now.state == XR_VM_PREPARED)
		;
	w = state_of(vm);
	while (w.now.state == XR_VM_PREPARED) {
		if (other.cancels && set_back(vm, w)) {
			other.won++;
			return;
		}
		w = state_of(vm);
	}
	/* Whatever time it took. */
	if (__atomic_load_n(&vm->last, __ATOMIC_ACQUIRE) - other.tick > world_tick() - other.tick ||
	    __atomic_load_n(&vm->ttl, __ATOMIC_ACQUIRE) != 77)
		other.wrong++;
}

static void *other_cpu(void *arg)
{
	struct xr_vm *vm = arg;
	cpu_set_t others;
	int round = 0;

	/* The test itself runs on the first. */
	CPU_ZERO(&others);
	for (int cpu = 1; cpu < CPU_SETSIZE; cpu++)
		CPU_SET(cpu, &others);
	sched_setaffinity(0, sizeof(others), &others);
	while (!__atomic_load_n(&other.over, __ATOMIC_ACQUIRE)) {
		if (__atomic_load_n(&other.round, __ATOMIC_ACQUIRE) == round) {
			sched_yield();
			continue;
		}
		round++;
		look(vm, other.cancels ? round * 37U % 4000 : ~0U);
		__atomic_store_n(&other.seen, round, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* A move that is prepared, over and over; ttl, age: of the redirect before. */
static void each_round(__u32 ttl, __u32 age, bool cancels)
{
	struct packet p = packet("%s", data[0]);
	struct xr_vm *vm = vm_live(VM, 0);
	union whole_state old, prepared;
	pthread_t thread;

	post_notice("prepare " VM " to new");
	prepared = state_of(vm);
	old = prepared;
	old.now.next = 0;
	old.now.state = ttl ? XR_VM_MOVED : XR_VM_STABLE;
	other = (struct other){ .cancels = cancels };
	assert_int_equal(pthread_create(&thread, NULL, other_cpu, vm), 0);
	for (int i = 1; i <= ROUNDS; i++) {
		__u32 last = world_tick() - age;

		other.tick = last + age;
		vm->ttl = ttl;
		vm->last = last;
		world_plane()->vm_control->watching = 1;
		__atomic_store_n((__u64 *)&vm->now, prepared.whole, __ATOMIC_RELEASE);
		__atomic_store_n(&other.round, i, __ATOMIC_RELEASE);
		run_prog(world_prog(), &p);
		while (__atomic_load_n(&other.seen, __ATOMIC_ACQUIRE) != i)
			sched_yield();
		if (state_of(vm).now.host == host_index("new"))
			continue;
		assert_true(cancels);
		assert_int_equal(state_of(vm).whole, old.whole);
		assert_int_equal(vm->ttl, ttl);
		assert_int_equal(vm->last, last);
	}
	__atomic_store_n(&other.over, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
}

/*
 * Who sees the state sees a redirect that lives: one that is over would be ended
 * by whoever meets it first.
 */
static void state_comes_last(void **state)
{
	static const __u32 before[] = { 0, 5 };

	for (size_t i = 0; i < ARRAY_LEN(before); i++) {
		world(WORLD(""));
		each_round(before[i], 1000, false);
		print_message("# ttl %u before: %d of %d wrong\n", before[i], other.wrong, ROUNDS);
		assert_int_equal(other.wrong, 0);
	}
}

/* Cancelled in the very moment: what was there before comes back whole. */
static void taken_back(void **state)
{
	static const __u32 before[] = { 0, 50 };

	for (size_t i = 0; i < ARRAY_LEN(before); i++) {
		world(WORLD(""));
		each_round(before[i], 2, true);
		print_message("# ttl %u before: %d of %d taken back\n", before[i], other.won,
			      ROUNDS);
		assert_int_equal(other.wrong, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(on_the_port),      TEST(next_frame),        TEST(elsewhere),
		TEST(probes),           TEST(one_of_two),        TEST(and_sent_on),
		TEST(in_the_tunnel),    TEST(in_another_tunnel), TEST(forged),
		TEST(state_comes_last), TEST(taken_back),
	};

	return harness_main("activation", tests, ARRAY_LEN(tests));
}
