/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Many VMs, and as many as there is room for: each is found, by its MAC address
 * and VLAN and by its IP addresses, and no other in its place.
 */
#include <errno.h>
#include <stdio.h>
#include "lib/vms.h"
#include "lib/worlds.h"

#define N 400

/* clang-format off */
#define NINE_HOSTS                                                             \
	HOSTS(HOST_GUE("h1", "10.2.0.1", "") HOST_GUE("h2", "10.2.0.2", "")    \
	      HOST_GUE("h3", "10.2.0.3", "") HOST_GUE("h4", "10.2.0.4", "")    \
	      HOST_GUE("h5", "10.2.0.5", "") HOST_GUE("h6", "10.2.0.6", "")    \
	      HOST_GUE("h7", "10.2.0.7", "") HOST_GUE("h8", "10.2.0.8", "")    \
	      HOST_GUE("h9", "10.2.0.9", "") HOST_PORT("old", "out"))
/* clang-format on */

#define LIMITS(text) "limits: {" text "}\n"

/* VM i, in VLAN i % 4; two of each have the same MAC address. */
static const char *mac(int i)
{
	static char text[32];

	snprintf(text, sizeof(text), "52:54:00:00:%02x:%02x", i / 512, i / 2 % 256);
	return text;
}

static int vlan(int i)
{
	return i % 4;
}

static struct result frame(int i)
{
	return run_text("eth dst=%s / vlan %d / ip4 / udp", mac(i), vlan(i));
}

static void check_found(int i, int host)
{
	struct result r = frame(i);
	char want[32];

	check_reasons(&r, "moved");
	snprintf(want, sizeof(want), "10.2.0.%d", host);
	assert_string_equal(outer_dst(&r), want);
}

static void check_gone(int i)
{
	struct result r = frame(i);

	check_reasons(&r, "not-moved");
}

static void add(int i)
{
	if (vlan(i))
		post_notice("add %s vlan %d address 10.8.%d.%d address fd08::%x:1 at "
			    "old",
			    mac(i), vlan(i), i / 256, i % 256, i);
	else
		post_notice("add %s address 10.8.%d.%d address fd08::%x:1 at old", mac(i), i / 256,
			    i % 256, i);
}

static void move(int i, int host)
{
	if (vlan(i))
		post_notice("move %s vlan %d to h%d", mac(i), vlan(i), host);
	else
		post_notice("move %s to h%d", mac(i), host);
}

static void leave(int i)
{
	if (vlan(i))
		post_notice("leave %s vlan %d", mac(i), vlan(i));
	else
		post_notice("leave %s", mac(i));
}

static void check_addresses(int i, int host)
{
	char want[32];
	struct result r;

	snprintf(want, sizeof(want), "10.2.0.%d", host);
	r = run_text("eth / ip4 dst=10.8.%d.%d / udp", i / 256, i % 256);
	check_reasons(&r, "moved-ip");
	assert_string_equal(outer_dst(&r), want);
	r = run_text("eth / ip6 dst=fd08::%x:1 / udp", i);
	check_reasons(&r, "moved-ip");
	assert_string_equal(outer_dst(&r), want);
}

/* As many as the limits allow; then every third goes, and comes back. */
static void many(void **state)
{
	world(LIMITS("vms: 400, vm_addresses: 800") NINE_HOSTS);
	for (int i = 0; i < N; i++) {
		add(i);
		move(i, 1 + i % 9);
	}
	assert_int_equal(vm_count(world_plane()), N);
	for (int i = 0; i < N; i++) {
		check_found(i, 1 + i % 9);
		check_addresses(i, 1 + i % 9);
	}
	/* Neighbours of those that are known. */
	for (int i = 0; i < N; i++) {
		struct result r = run_text("eth dst=%s / vlan %d / ip4 / udp", mac(i), vlan(i) + 4);

		check_reasons(&r, "not-moved");
		r = run_text("eth / ip6 dst=fd08::%x:2 / udp", i);
		check_reasons(&r, "not-moved");
	}
	for (int i = 0; i < N; i += 3)
		leave(i);
	for (int i = 0; i < N; i++)
		if (i % 3) {
			check_found(i, 1 + i % 9);
			check_addresses(i, 1 + i % 9);
		} else {
			check_gone(i);
		}
	for (int i = 0; i < N; i += 3) {
		add(i);
		move(i, 1 + (i + 1) % 9);
	}
	for (int i = 0; i < N; i++) {
		int host = 1 + (i % 3 ? i : i + 1) % 9;

		check_found(i, host);
		check_addresses(i, host);
	}
}

/* One more is refused, in a line that says what to raise. */
static void full(void **state)
{
	struct xr_answer a;
	struct xr_err err;
	int i;

	world(LIMITS("vms: 16, vm_addresses: 64") NINE_HOSTS);
	for (i = 0; i < 16; i++)
		add(i);
	assert_int_equal(post_any_notice(&a, &err, "add %s vlan 9 at old", mac(i)), -ENOSPC);
	assert_non_null(strstr(err.text, "vms"));
	assert_int_equal(vm_count(world_plane()), 16);
	check_gone(i);
	/* Those that are there go on living. */
	for (i = 0; i < 16; i++) {
		move(i, 1 + i % 9);
		check_found(i, 1 + i % 9);
	}
	leave(0);
	add(0);
	move(0, 5);
	check_found(0, 5);

	world(LIMITS("vms: 16, vm_addresses: 8") NINE_HOSTS);
	for (i = 0; i < 4; i++)
		add(i);
	assert_int_equal(post_any_notice(&a, &err,
					 "add %s vlan 9 address 10.8.9.9 at "
					 "old",
					 mac(i)),
			 -ENOSPC);
	assert_non_null(strstr(err.text, "vm_addresses"));
	check_gone(i);
	post_notice("add %s vlan 9 at old", mac(i));
}

/* Added by the file, all at once. */
static void from_the_file(void **state)
{
	char *text = malloc(200000), *s = text;

	s += sprintf(s, NINE_HOSTS "vms:\n");
	for (int i = 0; i < N; i++)
		s += sprintf(s,
			     "  - {mac: \"%s\"%s%.*d, at: h%d, addresses: "
			     "[10.8.%d.%d]}\n",
			     mac(i), vlan(i) ? ", vlan: " : "", !!vlan(i), vlan(i), 1 + i % 9,
			     i / 256, i % 256);
	world("%s", text);
	for (int i = 0; i < N; i++) {
		struct result r = frame(i);

		check_reasons(&r, "vm-here");
	}
	/* Moved by the file: redirected at once. */
	s = text + strlen(NINE_HOSTS "vms:\n");
	for (int i = 0; i < N; i++)
		s += sprintf(s,
			     "  - {mac: \"%s\"%s%.*d, at: h%d, addresses: "
			     "[10.8.%d.%d]}\n",
			     mac(i), vlan(i) ? ", vlan: " : "", !!vlan(i), vlan(i), 1 + (i + 1) % 9,
			     i / 256, i % 256);
	world_apply("%s", text);
	for (int i = 0; i < N; i++)
		check_found(i, 1 + (i + 1) % 9);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(many),
		TEST(full),
		TEST(from_the_file),
	};

	return harness_main("many VMs", tests, ARRAY_LEN(tests));
}
