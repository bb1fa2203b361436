/* SPDX-License-Identifier: GPL-2.0-only */
#include <arpa/inet.h>
#include <stdio.h>
#include "harness_priv.h"

#define EPHEMERAL 49152 /* the first source port that a tunnel takes */

/*
 * What stands for "@": the field as it came, written as it is in a text. They return
 * false where it is none that may stand there, which the comparison says then.
 */
static bool write_sport(char *to, size_t room, const void *header)
{
	const struct wire_udp *udp = header;

	snprintf(to, room, "sport=%u", ntohs(udp->sport));
	return ntohs(udp->sport) >= EPHEMERAL;
}

static bool write_flow(char *to, size_t room, const void *header)
{
	snprintf(to, room, "flow=0x%x", ip6_flow_label(header));
	return true;
}

static bool write_source4(char *to, size_t room, const void *header)
{
	const __u8 *src = ((const struct wire_ip4 *)header)->src;

	snprintf(to, room, "src=%u.%u.%u.%u", src[0], src[1], src[2], src[3]);
	return src[0] == 172 && src[1] == 16;
}

static bool write_source6(char *to, size_t room, const void *header)
{
	const __u8 *src = ((const struct wire_ip6 *)header)->src;

	snprintf(to, room, "src=100::%x:%x", src[12] << 8 | src[13], src[14] << 8 | src[15]);
	return true;
}

static const struct hole {
	const char *mark, *zero, *layer;
	bool (*write)(char *to, size_t room, const void *header);
} holes[] = {
	{ "sport=@", "sport=0", "udp", write_sport },
	{ "flow=@", "flow=0", "ip6", write_flow },
	{ "src=172.16.@", "src=172.16.0.0", "ip4", write_source4 },
	{ "src=100::@", "src=100::", "ip6", write_source6 },
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
		size_t at;

		if (!strstr(text, h->mark))
			continue;
		at = packet_find(&p, h->layer, 0);
		if (h->write(with, sizeof(with), got->data + at))
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
		return inet_ntop(AF_INET, ip4_of(&r->out)->dst, text, sizeof(text));
	return inet_ntop(AF_INET6, ip6_of(&r->out)->dst, text, sizeof(text));
}
