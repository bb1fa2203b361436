/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events that strangers can cause, as often as they like: they are no flood, one
 * VM's hide no other's for ever, and what really happened is never lost behind
 * them.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include "lib/vms.h"
#include "lib/worlds.h"

#define VMS_MANY 64
#define SHARES   17 /* of a reason's events, a tick */
#define TICKS    2  /* of a flood: the clock goes on meanwhile */
#define RING     (256 * 1024 / (sizeof(struct xr_event) + 8))

/* Frames come in at the port of "here". */
static void many(const char *host, const char *more)
{
	char text[VMS_MANY * 100] = "", *end = text;

	for (int i = 0; i < VMS_MANY; i++)
		end += sprintf(end, "  - {mac: \"52:54:00:00:00:%02x\", at: %s%s}\n", i, host,
			       more);
	world(POLICY("moves: expected, vm_ttl: 100000")
	      HOSTS(HOST_PORT("here", "in") HOST_PORT("away", "out"))
	      "vms:\n%s", text);
}

static void claim(int vm, const char *addr)
{
	struct packet p = packet("eth src=52:54:00:00:00:%02x "
				 "dst=ff:ff:ff:ff:ff:ff / arp sip=%s tip=%s",
				 vm, addr, addr);

	run_prog(world_prog(), &p);
}

static void garp(int vm, int host)
{
	char addr[20];

	snprintf(addr, sizeof(addr), "10.9.%d.%d", host / 250, host % 250);
	claim(vm, addr);
}

static void move_all(const char *host)
{
	for (int i = 0; i < VMS_MANY; i++)
		post_notice("move 52:54:00:00:00:%02x to %s", i, host);
	take_events();
}

/* An address that nobody has learned yet is news; said again, it is no more so. */
static void news(void **state)
{
	struct events s;

	many("away", "");
	move_all("here");
	for (int i = 0; i < 3000; i++)
		garp(1, i % 7 ? 77 : i);
	s = take_events();
	assert_in_range(s.n[XR_R_ANNOUNCEMENT], 1, TICKS * XR_VM_ADDRS);
	/* The daemon hears of them: it is who learns. */
	assert_int_equal(s.vm_n[XR_R_ANNOUNCEMENT], s.n[XR_R_ANNOUNCEMENT]);
	assert_int_equal(s.last[XR_R_ANNOUNCEMENT].vm, vm_index_of("52:54:00:00:00:01", 0) + 1);
	assert_int_equal(s.last[XR_R_ANNOUNCEMENT].host, host_index("here"));

	for (int i = 0; i < 100; i++) {
		claim(2, "127.0.0.1");
		claim(2, "0.0.0.9");
	}
	assert_int_equal(take_events().n[XR_R_ANNOUNCEMENT], 0);
}

/* VMs by the dozen, each in alarm: a reason's events are bounded all the same. */
static void all_of_them(void **state)
{
	struct events s;

	many("away", "");
	take_events();
	for (int i = 0; i < 50 * VMS_MANY; i++)
		garp(i % VMS_MANY, i % 99);
	s = take_events();
	assert_in_range(s.n[XR_R_SPOOFED], 2, TICKS * SHARES);
	assert_int_equal(s.vm_n[XR_R_SPOOFED], 0);

	many("away", ", lock: true");
	take_events();
	for (int i = 0; i < 50 * VMS_MANY; i++)
		garp(i % VMS_MANY, i % 99);
	s = take_events();
	assert_in_range(s.n[XR_R_GUARD_MAC], 2, TICKS * SHARES);

	many("away", "");
	move_all("here");
	for (int i = 0; i < 50 * VMS_MANY; i++)
		garp(i % VMS_MANY, i % 99);
	s = take_events();
	assert_in_range(s.n[XR_R_ANNOUNCEMENT], 2, TICKS * SHARES * XR_VM_ADDRS);
}

/* Another one's flood comes first in each second; after a few it is heard. */
static void heard_beside(enum xr_reason reason)
{
	__u32 other = vm_index_of("52:54:00:00:00:02", 0) + 1;
	int heard = 0;

	take_events();
	for (int tick = 0; tick < 16; tick++) {
		for (int i = 0; i < 200; i++)
			garp(1, i);
		garp(2, 1);
		heard += take_events().last[reason].vm == other;
	}
	if (heard < 8)
		fail_msg("%s: heard in %d of 16 seconds", reason_word(reason), heard);
}

static void anothers_alarm(void **state)
{
	many("away", "");
	heard_beside(XR_R_SPOOFED);
	many("away", ", lock: true");
	heard_beside(XR_R_GUARD_MAC);
	many("away", "");
	move_all("here");
	heard_beside(XR_R_ANNOUNCEMENT);
}

/* VIPs share nothing either. */
static void anothers_vip(void **state)
{
	int heard = 0;

	world("vips:\n"
	      "  - {address: 192.0.2.1, port: 443, protocol: tcp}\n"
	      "  - {address: 192.0.2.2, port: 443, protocol: tcp}\n");
	take_events();
	for (int tick = 0; tick < 16; tick++) {
		struct events s;

		for (int i = 0; i < 20; i++)
			run_text("eth / ip4 dst=192.0.2.1 / tcp syn dport=443");
		run_text("eth / ip4 dst=192.0.2.2 / tcp syn dport=443");
		s = take_events();
		assert_in_range(s.n[XR_R_NO_BACKEND], 1, 2 * TICKS);
		heard += s.last[XR_R_NO_BACKEND].daddr[3] == htonl(0xc0000202);
	}
	assert_in_range(heard, 8, 16);
}

static int events_of(const struct events *s)
{
	int n = 0;

	for (int r = 0; r < XR_REASON_MAX; r++)
		n += s->n[r];
	return n;
}

/* Nobody reads, and strangers go on; then a VM moves. */
static void moves_have_room(void **state)
{
	struct events s;

	many("away", "");
	take_events();
	for (size_t i = 0; i < RING; i++) {
		world_set_tick(world_tick() + 1);
		garp(1, i);
		garp(2, i);
	}
	post_notice("prepare 52:54:00:00:00:03 to here");
	garp(3, 3);
	s = take_events();
	assert_in_range(s.n[XR_R_SPOOFED], RING / 4, RING / 2 + 1);
	assert_int_equal(s.n[XR_R_ACTIVATED], 1);
	assert_int_equal(s.vm_n[XR_R_ACTIVATED], 1);

	/* Those that the daemon hears of, too. */
	many("away", "");
	move_all("here");
	post_notice("move 52:54:00:00:00:03 to away");
	take_events();
	for (size_t i = 0; i < RING; i++) {
		world_set_tick(world_tick() + 1);
		for (int n = 0; n < XR_VM_ADDRS; n++)
			garp(1, XR_VM_ADDRS * i + n);
	}
	post_notice("prepare 52:54:00:00:00:03 to here");
	garp(3, 3);
	s = take_events();
	assert_in_range(events_of(&s), RING / 4, RING / 2 + 9);
	assert_int_equal(s.n[XR_R_ACTIVATED], 1);
	assert_int_equal(s.vm_n[XR_R_ACTIVATED], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(news),         TEST(all_of_them),     TEST(anothers_alarm),
		TEST(anothers_vip), TEST(moves_have_room),
	};

	return harness_main("events", tests, ARRAY_LEN(tests));
}
