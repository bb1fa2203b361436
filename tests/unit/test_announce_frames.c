// SPDX-License-Identifier: GPL-2.0-only
/* The frames that xroam announces a VM with, whole, beside those of VMs. */
#include <arpa/inet.h>
#include <stdio.h>
#include "lib/unit.h"
#include "tests/prog/lib/announcements.h"
#include "tests/prog/lib/wire.h"
#include "user/vm/announce.h"
#include "user/lib/text.h"

#define FRAMES 16

static const __u8 vm_mac[6] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };

static struct frame {
	__u8 octet[ANNOUNCE_FRAME];
	size_t len;
} got[FRAMES];
static int n_got;

static void keep(void *ctx, const void *frame, size_t len)
{
	assert_ptr_equal(ctx, got);
	assert_in_range(n_got, 0, FRAMES - 1);
	assert_in_range(len, 60, ANNOUNCE_FRAME);
	memcpy(got[n_got].octet, frame, len);
	got[n_got++].len = len;
}

/* The frame of this kind whose description begins so. */
static const char *frame_of(const char *what)
{
	static const struct {
		const char *what, *hex;
	} all[] = {
#define K(kind, what, hex) { what, hex },
		ANNOUNCEMENTS(K)
#undef K
	};
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!strncmp(all[i].what, what, strlen(what)))
			return all[i].hex;
	fail_msg("no frame \"%s\"", what);
	return NULL;
}

static void is_octets(int n, const __u8 *want, size_t len)
{
	char have_text[2 * ANNOUNCE_FRAME + 1], want_text[2 * ANNOUNCE_FRAME + 1];

	assert_in_range(n, 0, n_got - 1);
	text_hex(have_text, sizeof(have_text), got[n].octet, got[n].len);
	text_hex(want_text, sizeof(want_text), want, len);
	assert_string_equal(have_text, want_text);
}

static size_t octets_of(const char *hex, __u8 *octets)
{
	size_t len;

	assert_int_equal(text_to_hex(hex, octets, ANNOUNCE_FRAME, &len, NULL), 0);
	return len;
}

static void is_frame(int n, const char *what)
{
	__u8 octets[ANNOUNCE_FRAME];
	size_t len = octets_of(frame_of(what), octets);

	is_octets(n, octets, len);
}

/* The same with a tag, and padded no further than an untagged one. */
static void is_tagged(int n, const char *what, __u16 vlan)
{
	__u8 octets[ANNOUNCE_FRAME], tagged[ANNOUNCE_FRAME + sizeof(struct wire_vlan)] = { 0 };
	size_t len = octets_of(frame_of(what), octets);
	const struct wire_eth *was = (void *)octets;
	struct wire_eth *eth = (void *)tagged;
	struct wire_vlan *tag = (void *)(eth + 1);

	*eth = *was;
	eth->type = htons(ETHERTYPE_VLAN);
	tag->tci = htons(vlan);
	tag->type = was->type;
	memcpy(tag + 1, was + 1, len - sizeof(*was));
	is_octets(n, tagged, len == 60 ? 60 : len + sizeof(*tag));
}

static int announce(__u16 vlan, const char *addresses, const struct xr_gateway *gateways,
		    int n_gateways)
{
	__be32 addr[XR_VM_ADDRS][XR_ADDR_WORDS] = { { 0 } };
	char text[256], *word, *rest = text;
	int n = 0;

	strcpy(text, addresses);
	while ((word = strtok_r(rest, " ", &rest)))
		assert_int_equal(text_to_addr(word, addr[n++], NULL), 0);
	n_got = 0;
	return announce_frames(vm_mac, vlan, (const __be32(*)[XR_ADDR_WORDS])addr, XR_VM_ADDRS,
			       gateways, n_gateways, keep, got);
}

static struct xr_gateway gateway(const char *addr, const char *mac, __u16 vlan)
{
	struct xr_gateway g = { .used = 1, .vlan = vlan };

	assert_int_equal(text_to_addr(addr, g.addr, NULL), 0);
	if (mac) {
		assert_int_equal(text_to_mac(mac, g.mac, NULL), 0);
		g.has_mac = 1;
	}
	return g;
}

static void test_kinds(void **state)
{
	struct xr_gateway g = gateway("10.9.0.1", "02:00:00:00:00:01", 0);

	(void)state;
	assert_int_equal(announce(0, "10.9.0.10 fd09::10", &g, 1), 4);
	is_frame(0, "1 gratuitous ARP request");
	is_frame(1, "4 ");
	is_frame(2, "6 ");
	is_frame(3, "9 ");
}

static void test_tagged(void **state)
{
	struct xr_gateway g = gateway("10.9.0.1", "02:00:00:00:00:01", 100);

	(void)state;
	assert_int_equal(announce(100, "10.9.0.10 fd09::10", &g, 1), 4);
	is_tagged(0, "1 gratuitous ARP request", 100);
	is_tagged(1, "4 ", 100);
	is_tagged(2, "6 ", 100);
	is_tagged(3, "9 ", 100);
}

/* Without its MAC a gateway is asked for, but not answered. */
static void test_gateways(void **state)
{
	struct xr_gateway g[3] = {
		gateway("10.9.0.1", NULL, 0),
		gateway("10.9.0.1", "02:00:00:00:00:01", 7),
		gateway("fd09::1", "02:00:00:00:00:01", 0),
	};

	(void)state;
	assert_int_equal(announce(0, "10.9.0.10", g, 3), 2);
	is_frame(0, "1 gratuitous ARP request");
	is_frame(1, "4 ");
	g[0].used = 0;
	assert_int_equal(announce(0, "10.9.0.10", g, 3), 1);
	assert_int_equal(announce(0, "10.9.0.10", NULL, 0), 1);
}

static void test_addresses(void **state)
{
	(void)state;
	assert_int_equal(announce(0, "", NULL, 0), 0);
	assert_int_equal(announce(0, "fd09::10", NULL, 0), 1);
	is_frame(0, "9 ");
	assert_int_equal(announce(0, "fe80::5054:ff:fe12:3456", NULL, 0), 1);
	is_frame(0, "9 unsolicited NA, link-local");
	assert_int_equal(announce(0, "10.9.0.10 10.9.0.11 10.9.0.12 10.9.0.13", NULL, 0), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_tagged),
		cmocka_unit_test(test_gateways),
		cmocka_unit_test(test_addresses),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
