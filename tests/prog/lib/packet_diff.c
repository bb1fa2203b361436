/* SPDX-License-Identifier: GPL-2.0-only */
#include <string.h>
#include "packet.h"

static const struct field {
	const char *word;
	__u16 at;
	const char *name;
} fields[] = {
	{ "eth", 0, "dst" },     { "eth", 6, "src" },    { "eth", 12, "type" },
	{ "ip4", 0, "ihl" },     { "ip4", 1, "tos" },    { "ip4", 2, "len" },
	{ "ip4", 4, "id" },      { "ip4", 6, "off" },    { "ip4", 8, "ttl" },
	{ "ip4", 9, "proto" },   { "ip4", 10, "csum" },  { "ip4", 12, "src" },
	{ "ip4", 16, "dst" },    { "ip4", 20, "opts" },  { "ip6", 0, "tc, flow" },
	{ "ip6", 4, "len" },     { "ip6", 6, "next" },   { "ip6", 7, "hlim" },
	{ "ip6", 8, "src" },     { "ip6", 24, "dst" },   { "udp", 0, "sport" },
	{ "udp", 2, "dport" },   { "udp", 4, "len" },    { "udp", 6, "csum" },
	{ "tcp", 0, "sport" },   { "tcp", 2, "dport" },  { "icmp4", 0, "type" },
	{ "icmp4", 1, "code" },  { "icmp4", 2, "csum" }, { "icmp4", 4, "rest" },
	{ "icmp4", 8, "quote" }, { "icmp6", 0, "type" }, { "icmp6", 1, "code" },
	{ "icmp6", 2, "csum" },  { "icmp6", 4, "rest" }, { "icmp6", 8, "quote" },
	{ "vxlan", 0, "flags" }, { "vxlan", 4, "vni" },  { "arp", 0, "htype" },
	{ "arp", 6, "op" },      { "arp", 8, "sha" },    { "arp", 14, "sip" },
	{ "arp", 18, "tha" },    { "arp", 24, "tip" },
};

static void name_octet(FILE *to, const struct packet *p, size_t at)
{
	const struct packet_layer *l = NULL;
	const char *name = NULL;

	for (int i = 0; i < p->layers; i++)
		if (p->layer[i].start <= at)
			l = &p->layer[i];
	if (!l) {
		fprintf(to, "octet %zu", at);
		return;
	}
	for (size_t k = 0; k < sizeof(fields) / sizeof(*fields); k++)
		if (!strcmp(fields[k].word, l->word) && fields[k].at <= at - l->start)
			name = fields[k].name;
	fprintf(to, "octet %zu, %s + %zu%s%s", at, l->word, at - l->start, name ? ": " : "",
		name ?: "");
}

bool packet_equal(const struct packet *a, const struct packet *b)
{
	return a->len == b->len && !memcmp(a->data, b->data, a->len);
}

static bool differs(const struct packet *a, const struct packet *b, size_t i)
{
	return i >= a->len || i >= b->len || a->data[i] != b->data[i];
}

static void dump_line(FILE *to, const char *lead, const struct packet *p,
		      const struct packet *other, size_t from)
{
	fprintf(to, "%s%4zu ", lead, from);
	for (size_t i = from; i < from + 16 && i < p->len; i++)
		fprintf(to, "%c%02x", other && differs(p, other, i) ? '*' : ' ', p->data[i]);
	fputc('\n', to);
}

void packet_dump(FILE *to, const char *lead, const struct packet *p)
{
	for (size_t i = 0; i < p->len; i += 16)
		dump_line(to, lead, p, NULL, i);
}

void packet_diff(FILE *to, const struct packet *want, const struct packet *got)
{
	size_t max = want->len > got->len ? want->len : got->len;
	size_t at = 0;

	if (packet_equal(want, got))
		return;
	if (want->len != got->len)
		fprintf(to, "# %zu octets wanted, %zu came\n", want->len, got->len);
	while (at < max && !differs(want, got, at))
		at++;
	fprintf(to, "# first difference: ");
	name_octet(to, want, at);
	fprintf(to, " (- wanted, + came)\n");
	for (size_t i = at & ~15UL; i < max; i += 16) {
		bool same = true;

		for (size_t k = i; k < i + 16 && k < max; k++)
			same &= !differs(want, got, k);
		if (same)
			continue;
		if (i < want->len)
			dump_line(to, "# -", want, got, i);
		if (i < got->len)
			dump_line(to, "# +", got, want, i);
	}
}
