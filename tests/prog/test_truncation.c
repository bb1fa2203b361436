/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets that end early, at every octet, in three ways:
 *
 *   cut      the frame ends; all lengths say otherwise
 *   short IP the IP length is that of what is there; UDP's says otherwise
 *   short    IP's and UDP's lengths are right; what UDP carries ends early
 *
 * Nothing may be steered by a CID that is not whole, nothing that is malformed
 * may be steered at all. The kernel gives XDP no frame below 14 octets.
 */
#include <arpa/inet.h>
#include "lib/harness.h"
#include "lib/worlds.h"

#define CID   "07020202aabbccdd"
#define FIRST sizeof(struct wire_eth)

static const char *const v4[] = {
	"eth / ip4 / udp / quic short dcid=" CID " / fill 12",
	"eth / ip4 / udp / quic long dcid=" CID " scid=0102 / fill 12",
	"eth / ip4 opts=0101010101010101 / udp / quic short dcid=" CID,
	"eth / vlan 5 / ip4 / udp / quic short dcid=" CID " / fill 12",
	"eth / vlan 5 tpid=0x88a8 / vlan 6 / ip4 / udp / quic short dcid=" CID,
	"eth / ip4 / tcp syn opts=020405b401010101",
	"eth / ip4 / tcp ack / fill 9",
};

static const char *const v6[] = {
	"eth / ip6 / udp / quic short dcid=" CID " / fill 12",
	"eth / ip6 / udp / quic long dcid=" CID " scid=0102 / fill 12",
	"eth / ip6 / hopopts / dstopts / udp / quic short dcid=" CID,
	"eth / ip6 / routing data=0000000000000000000000000000 / ah / udp /"
	" quic long type=handshake dcid=" CID,
	"eth / ip6 / frag / udp / quic short dcid=" CID,
	"eth / vlan 5 / vlan 6 / ip6 / tcp syn opts=020405b401010101",
};

static bool has(const struct packet *p, const char *word)
{
	for (int i = 0; i < p->layers; i++)
		if (!strcmp(p->layer[i].word, word))
			return true;
	return false;
}

static struct packet cut_to(const struct packet *p, size_t n)
{
	struct packet s = *p;

	s.len = n;
	return s;
}

/* Cut, with IP's length made right. */
static struct packet short_ip(const struct packet *p, size_t n)
{
	struct packet s = cut_to(p, n);

	if (has(p, "ip6")) {
		struct wire_ip6 *ip = ip6_of(&s);

		ip->len = htons(s.data + n - (__u8 *)(ip + 1));
	} else {
		struct wire_ip4 *ip = ip4_of(&s);

		ip->len = htons(s.data + n - (__u8 *)ip);
		ip4_fill_checksum(ip);
	}
	return s;
}

/* Makes UDP's length that of a datagram that ends before octet n. */
static void shorten_udp(struct packet *p, size_t n)
{
	size_t at = packet_find(p, "udp", 0);
	struct wire_udp *udp = (void *)(p->data + at);

	udp->len = htons(n - at);
}

/* Where the IP header with its options, but without extension headers, ends. */
static size_t ip_end(const struct packet *p)
{
	if (has(p, "ip6"))
		return packet_find(p, "ip6", 0) + sizeof(struct wire_ip6);
	return packet_find(p, "ip4", 0) + ip4_header_len(ip4_of(p));
}

static size_t l4_start(const struct packet *p)
{
	return packet_find(p, has(p, "udp") ? "udp" : "tcp", 0);
}

/* Where TCP's header ends, or UDP's. */
static size_t l4_end(const struct packet *p)
{
	size_t at = l4_start(p);
	const struct wire_tcp *tcp = (void *)(p->data + at);

	return at + (has(p, "udp") ? sizeof(struct wire_udp) : (tcp->off >> 4) * 4U);
}

/* The last VLAN tag is what has to be there before the type is known. */
static size_t l2_end(const struct packet *p)
{
	return packet_find(p, has(p, "ip6") ? "ip6" : "ip4", 0);
}

static void cut_one(const char *text)
{
	struct packet p = packet("%s", text);

	for (size_t n = FIRST; n < p.len; n++) {
		struct packet s = cut_to(&p, n);

		expect_verdict(&s, n < l2_end(&p) ? "malformed-l2" : "malformed-ip");
	}
}

static void short_ip_one(const char *text)
{
	struct packet p = packet("%s", text);

	for (size_t n = ip_end(&p); n < p.len; n++) {
		struct packet s = short_ip(&p, n);

		if (n < l4_start(&p))
			expect_verdict(&s, "malformed-ip");
		else if (has(&p, "tcp"))
			expect_verdict(&s, n < l4_end(&p) ? "malformed-l4" : "hash");
		else
			expect_verdict(&s, "malformed-l4");
	}
}

/* The octet after the CID, without which it is not whole. */
static size_t cid_end(const struct packet *p)
{
	size_t quic = packet_find(p, "quic", 0);

	return quic + strlen(CID) / 2 +
		(p->data[quic] & 0x80 ? sizeof(struct wire_quic_long)
				      : sizeof(struct wire_quic_short));
}

static void short_one(const char *text)
{
	struct packet p = packet("%s", text);

	if (has(&p, "tcp"))
		return;
	for (size_t n = l4_end(&p); n <= p.len; n++) {
		struct packet s = short_ip(&p, n);
		struct result r;

		shorten_udp(&s, n);
		r = run(&s);
		if (n < cid_end(&p)) {
			if (r.verdict != XR_R_HASH)
				check_reasons(&r, "hash");
			assert_string_equal(outer_dst(&r), "10.1.0.9");
		} else {
			if (r.verdict != XR_R_CID)
				check_reasons(&r, "cid");
			assert_string_equal(outer_dst(&r), "10.2.0.2");
		}
	}
}

static void each(void (*one)(const char *text))
{
	world(WORLD_TWO);
	for (size_t i = 0; i < ARRAY_LEN(v4); i++)
		one(v4[i]);
	for (size_t i = 0; i < ARRAY_LEN(v6); i++)
		one(v6[i]);
}

static void frames_cut(void **state)
{
	each(cut_one);
}

static void frames_cut_with_ip_length(void **state)
{
	each(short_ip_one);
}

static void datagrams_cut(void **state)
{
	each(short_one);
}

/*
 * Padding behind the packet is no part of it: a datagram that ends early is no
 * better for octets behind it that look like the rest.
 */
static void padding_is_not_read(void **state)
{
	struct packet p, whole;

	world(WORLD_TWO);
	/* All that follows the lengths is there, and must not count. */
	for (size_t i = 0; i < ARRAY_LEN(v4); i++) {
		whole = packet("%s", v4[i]);
		for (size_t n = ip_end(&whole); n < l4_end(&whole); n++) {
			p = short_ip(&whole, n);
			p.len = whole.len;
			expect_verdict(&p, "malformed-l4");
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(v6); i++) {
		whole = packet("%s", v6[i]);
		for (size_t n = ip_end(&whole); n < l4_end(&whole); n++) {
			p = short_ip(&whole, n);
			p.len = whole.len;
			expect_verdict(&p, n < l4_start(&whole) ? "malformed-ip" : "malformed-l4");
		}
	}
}

/* Of the CID, too, only what the datagram holds. */
static void padding_completes_no_cid(void **state)
{
	world(WORLD_TWO);
	for (size_t i = 0; i < 3; i++) {
		struct packet whole = packet("%s", v4[i]);

		for (size_t n = l4_end(&whole); n < cid_end(&whole); n++) {
			struct packet p = short_ip(&whole, n);
			struct result r;

			shorten_udp(&p, n);
			p.len = whole.len;
			r = run(&p);
			assert_int_equal(r.verdict, XR_R_HASH);

			/* The same with an IP length that is whole. */
			p = whole;
			shorten_udp(&p, n);
			r = run(&p);
			assert_int_equal(r.verdict, XR_R_HASH);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(frames_cut),          TEST(frames_cut_with_ip_length), TEST(datagrams_cut),
		TEST(padding_is_not_read), TEST(padding_completes_no_cid),
	};

	return harness_main("truncation", tests, ARRAY_LEN(tests));
}
