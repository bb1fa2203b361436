/* SPDX-License-Identifier: GPL-2.0-only */
#include <string.h>
#include "packet.h"

#define FIELD(word, header, field) { word, offsetof(struct header, field), #field }

static const struct field {
	const char *word;
	__u16 at;
	const char *name;
} fields[] = {
	FIELD("eth", wire_eth, dst),
	FIELD("eth", wire_eth, src),
	FIELD("eth", wire_eth, type),
	FIELD("vlan", wire_vlan, tci),
	FIELD("vlan", wire_vlan, type),
	FIELD("ip4", wire_ip4, version_ihl),
	FIELD("ip4", wire_ip4, tos),
	FIELD("ip4", wire_ip4, len),
	FIELD("ip4", wire_ip4, id),
	FIELD("ip4", wire_ip4, off),
	FIELD("ip4", wire_ip4, ttl),
	FIELD("ip4", wire_ip4, proto),
	FIELD("ip4", wire_ip4, csum),
	FIELD("ip4", wire_ip4, src),
	FIELD("ip4", wire_ip4, dst),
	FIELD("ip4", wire_ip4, opts),
	FIELD("ip6", wire_ip6, version_tc_flow),
	FIELD("ip6", wire_ip6, len),
	FIELD("ip6", wire_ip6, next),
	FIELD("ip6", wire_ip6, hlim),
	FIELD("ip6", wire_ip6, src),
	FIELD("ip6", wire_ip6, dst),
	FIELD("udp", wire_udp, sport),
	FIELD("udp", wire_udp, dport),
	FIELD("udp", wire_udp, len),
	FIELD("udp", wire_udp, csum),
	FIELD("tcp", wire_tcp, sport),
	FIELD("tcp", wire_tcp, dport),
	FIELD("tcp", wire_tcp, seq),
	FIELD("tcp", wire_tcp, ack),
	FIELD("tcp", wire_tcp, off),
	FIELD("tcp", wire_tcp, flags),
	FIELD("tcp", wire_tcp, win),
	FIELD("tcp", wire_tcp, csum),
	FIELD("tcp", wire_tcp, urgent),
	FIELD("tcp", wire_tcp, opts),
	FIELD("icmp4", wire_icmp, type),
	FIELD("icmp4", wire_icmp, code),
	FIELD("icmp4", wire_icmp, csum),
	FIELD("icmp4", wire_icmp, rest),
	FIELD("icmp4", wire_icmp, quote),
	FIELD("icmp6", wire_icmp, type),
	FIELD("icmp6", wire_icmp, code),
	FIELD("icmp6", wire_icmp, csum),
	FIELD("icmp6", wire_icmp, rest),
	FIELD("icmp6", wire_icmp, quote),
	FIELD("vxlan", wire_vxlan, flags),
	FIELD("vxlan", wire_vxlan, vni),
	FIELD("arp", wire_arp, htype),
	FIELD("arp", wire_arp, ptype),
	FIELD("arp", wire_arp, hlen),
	FIELD("arp", wire_arp, plen),
	FIELD("arp", wire_arp, op),
	FIELD("arp", wire_arp, sha),
	FIELD("arp", wire_arp, sip),
	FIELD("arp", wire_arp, tha),
	FIELD("arp", wire_arp, tip),
	FIELD("rarp", wire_arp, htype),
	FIELD("rarp", wire_arp, ptype),
	FIELD("rarp", wire_arp, hlen),
	FIELD("rarp", wire_arp, plen),
	FIELD("rarp", wire_arp, op),
	FIELD("rarp", wire_arp, sha),
	FIELD("rarp", wire_arp, sip),
	FIELD("rarp", wire_arp, tha),
	FIELD("rarp", wire_arp, tip),
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
