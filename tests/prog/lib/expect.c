/* SPDX-License-Identifier: GPL-2.0-only */
#include <arpa/inet.h>
#include <stdio.h>
#include "harness_priv.h"

/* What stands for "@" in a text: where the octets of got are, and how written. */
static const struct hole {
	const char *mark, *zero, *layer;
	size_t at;
	const char *fmt; /* of two 16-bit words */
	bool octets;     /* four 8-bit ones */
} holes[] = {
	{ "sport=@", "sport=0", "udp", 0, "sport=0x%04x", false },
	{ "flow=@", "flow=0", "ip6", 0, "flow=0x%x%04x", false },
	{ "src=172.16.@", "src=172.16.0.0", "ip4", 12, "src=%u.%u.%u.%u", true },
	{ "src=100::@", "src=100::", "ip6", 20, "src=100::%x:%x", false },
};

/* The text with the first mark replaced. */
static void fill_in(char *text, const char *mark, const char *with)
{
	char *at = strstr(text, mark), tail[4096];

	if (!at)
		return;
	strcpy(tail, at + strlen(mark));
	strcpy(at, with);
	strcat(at, tail);
}

/* The packet of the text; what "@" stands for is taken from got. */
static struct packet wanted(const char *text, const struct packet *got)
{
	char whole[4096], zero[4096], with[64];
	struct packet p;

	snprintf(whole, sizeof(whole), "%s", text);
	snprintf(zero, sizeof(zero), "%s", text);
	for (size_t i = 0; i < ARRAY_LEN(holes); i++)
		fill_in(zero, holes[i].mark, holes[i].zero);
	p = packet("%s", zero);
	for (size_t i = 0; i < ARRAY_LEN(holes); i++) {
		const struct hole *h = &holes[i];
		const __u8 *d;
		__u32 a, b;

		if (!strstr(text, h->mark))
			continue;
		d = got->data + packet_find(&p, h->layer, 0) + h->at;
		a = d[0] << 8 | d[1];
		b = d[2] << 8 | d[3];
		if (h->octets)
			snprintf(with, sizeof(with), h->fmt, d[0], d[1], d[2], d[3]);
		else if (!strcmp(h->layer, "ip6") && !h->at)
			snprintf(with, sizeof(with), h->fmt, a & 15, b);
		else
			snprintf(with, sizeof(with), h->fmt, a, b);
		if (h->octets && (d[0] != 172 || d[1] != 16))
			continue; /* the comparison will say so */
		if (!strcmp(h->layer, "udp") && a < 49152)
			continue; /* the comparison will say so */
		fill_in(whole, h->mark, with);
	}
	for (size_t i = 0; i < ARRAY_LEN(holes); i++)
		fill_in(whole, holes[i].mark, holes[i].zero);
	return packet("%s", whole);
}

void expect(const char *in, const char *reasons, const char *out)
{
	struct result r = run_text("%s", in);
	struct packet want;

	check_reasons(&r, reasons);
	if (!out)
		return;
	want = wanted(out, &r.out);
	if (!packet_equal(&want, &r.out)) {
		packet_diff(stderr, &want, &r.out);
		fail_result(&r, "expected: %s", out);
	}
}

const char *outer_dst(const struct result *r)
{
	static char text[INET6_ADDRSTRLEN];

	if (r->action != XDP_TX && r->action != XDP_REDIRECT)
		return "(not sent)";
	if (packet_is_ip4(&r->out))
		return inet_ntop(AF_INET, &ip4_of(&r->out)->daddr, text, sizeof(text));
	return inet_ntop(AF_INET6, &ip6_of(&r->out)->daddr, text, sizeof(text));
}
