// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bounds.h"
#include "text.h"

#define NS_PER_S  1000000000ULL
#define NS_PER_MS 1000000ULL

/* ---- words ---- */

struct words {
	const char *what, *text; /* for messages */
	char copy[BOUNDS_TEXT];
	char *save;
	struct xr_err *err;
};

static int words_begin(struct words *w, const char *what, const char *text, struct xr_err *err)
{
	*w = (struct words){ .what = what, .text = text, .err = err };
	if (strlen(text) >= sizeof(w->copy))
		return xr_fail(err, -EINVAL, "%s \"%.40s...\": at most %zu characters", what, text,
			       sizeof(w->copy) - 1);
	strcpy(w->copy, text);
	return 0;
}

/* The next word, or NULL; *at: NULL for the first. */
static char *next_word(struct words *w, bool first)
{
	return strtok_r(first ? w->copy : NULL, " \t", &w->save);
}

static int __attribute__((format(printf, 2, 3))) wrong(const struct words *w, const char *fmt, ...)
{
	struct xr_err why = { "" };
	va_list ap;

	va_start(ap, fmt);
	xr_format_line(why.text, sizeof(why.text), fmt, ap);
	va_end(ap);
	return xr_fail(w->err, -EINVAL, "%s \"%.100s\": %s", w->what, w->text, why.text);
}

/* The value of a keyword. */
static char *need(struct words *w, const char *key)
{
	char *value = next_word(w, false);

	if (!value)
		wrong(w, "%s needs a value", key);
	return value;
}

/* A bit for each way; 0: the word is none. */
static __u8 ways_of(const char *word)
{
	if (!strcmp(word, "in"))
		return 1 << XR_WAY_IN;
	return !strcmp(word, "out") ? 1 << XR_WAY_OUT : 0;
}

#define BOTH_WAYS (1 << XR_WAY_IN | 1 << XR_WAY_OUT)

static const char *way_text(__u8 ways)
{
	return ways == BOTH_WAYS ? "" : ways == 1 << XR_WAY_IN ? "in " : "out ";
}

/* ---- limits ---- */

static const struct {
	char letter;
	__u64 times;
} scales[] = { { 'G', 1000000000 }, { 'M', 1000000 }, { 'K', 1000 } };

#define SCALES (sizeof(scales) / sizeof(scales[0]))

static int read_rate(struct words *w, const char *key, __u64 min, __u64 max, __u64 *rate)
{
	char *value = need(w, key), last;
	__u64 times = 1;
	struct xr_err inner = { "" };
	size_t i;

	if (!value)
		return -EINVAL;
	last = value[strlen(value) - 1] & ~0x20;
	for (i = 0; i < SCALES; i++)
		if (last == scales[i].letter) {
			times = scales[i].times;
			value[strlen(value) - 1] = '\0';
			break;
		}
	if (!text_to_u64(value, 0, max / times, rate, &inner) && *rate * times >= min) {
		*rate *= times;
		return 0;
	}
	return wrong(
		w,
		"%s: write a number a second from %llu to %llu, with K, M or G behind it if you like",
		key, (unsigned long long)min, (unsigned long long)max);
}

static void put_rate(char *to, size_t size, const char *key, __u64 rate)
{
	size_t used = strlen(to), i;

	if (!rate)
		return;
	for (i = 0; i < SCALES; i++)
		if (!(rate % scales[i].times)) {
			snprintf(to + used, size - used, "%s %llu%c ", key,
				 (unsigned long long)(rate / scales[i].times), scales[i].letter);
			return;
		}
	snprintf(to + used, size - used, "%s %llu ", key, (unsigned long long)rate);
}

/* At least 1, for 0 stands for no limit. */
static __u64 time_of(__u64 per_second, __u64 rate)
{
	__u64 t = rate ? (per_second + rate / 2) / rate : 0;

	return rate && !t ? 1 : t;
}

static int read_limit(struct words *w, struct xr_vm_limit *l, __u8 *ways)
{
	__u64 burst = XR_BURST_MS;
	struct xr_err inner;
	bool first = true;
	char *word;

	*ways = BOTH_WAYS;
	for (; (word = next_word(w, first)); first = false) {
		int ret;

		if (first && ways_of(word)) {
			*ways = ways_of(word);
			continue;
		}
		if (!strcmp(word, "bits")) {
			ret = read_rate(w, "bits", XR_LIMIT_MIN, XR_LIMIT_MAX, &l->bits);
		} else if (!strcmp(word, "packets")) {
			ret = read_rate(w, "packets", 1, XR_LIMIT_PACKETS_MAX, &l->packets);
		} else if (!strcmp(word, "burst")) {
			word = need(w, "burst");
			ret = word ? text_to_u64(word, 1, XR_BURST_MS_MAX, &burst, &inner)
				   : -EINVAL;
			if (word && ret)
				wrong(w, "burst: milliseconds: %s", inner.text);
		} else {
			ret = wrong(
				w,
				"unknown word \"%.40s\"; write [in|out] [bits RATE] [packets RATE] [burst MS]",
				word);
		}
		if (ret)
			return ret;
	}
	if (!l->bits && !l->packets)
		return wrong(w, "neither bits nor packets is given");
	/* 2^-20 ns for an octet, which is 8 bits */
	l->octet_time = time_of(8 * NS_PER_S << 20, l->bits);
	l->packet_time = time_of(NS_PER_S * XR_LIMIT_NS, l->packets);
	l->burst = burst * NS_PER_MS * XR_LIMIT_NS;
	return 0;
}

int bounds_add_limit(struct xr_vm_bounds *b, const char *text, struct xr_err *err)
{
	struct xr_vm_limit l = { 0 };
	struct words w;
	__u8 ways;
	int way, ret = words_begin(&w, "limit", text, err);

	if (!ret)
		ret = read_limit(&w, &l, &ways);
	for (way = 0; !ret && way < XR_WAYS; way++)
		if (ways >> way & 1)
			b->limit[way] = l;
	return ret;
}

static bool same_limits(const struct xr_vm_bounds *b)
{
	return !memcmp(&b->limit[XR_WAY_IN], &b->limit[XR_WAY_OUT], sizeof(b->limit[0]));
}

static bool is_limited(const struct xr_vm_bounds *b, int way)
{
	return b->limit[way].bits || b->limit[way].packets;
}

int bounds_limits(const struct xr_vm_bounds *b)
{
	return same_limits(b) ? is_limited(b, 0) : is_limited(b, 0) + is_limited(b, 1);
}

const char *bounds_limit_text(char buf[BOUNDS_TEXT], const struct xr_vm_bounds *b, int i)
{
	int way = i || !is_limited(b, XR_WAY_IN) ? XR_WAY_OUT : XR_WAY_IN;
	const struct xr_vm_limit *l = &b->limit[way];
	size_t used;

	strcpy(buf, way_text(same_limits(b) ? BOTH_WAYS : 1 << way));
	put_rate(buf, BOUNDS_TEXT, "bits", l->bits);
	put_rate(buf, BOUNDS_TEXT, "packets", l->packets);
	used = strlen(buf);
	snprintf(buf + used, BOUNDS_TEXT - used, "burst %llu",
		 (unsigned long long)(l->burst / XR_LIMIT_NS / NS_PER_MS));
	return buf;
}

/* ---- rules ---- */

static const struct {
	const char *name;
	__u8 number, ports;
} protocols[] = {
	{ "tcp", IPPROTO_TCP, 1 },   { "udp", IPPROTO_UDP, 1 },      { "sctp", IPPROTO_SCTP, 1 },
	{ "icmp", IPPROTO_ICMP, 0 }, { "icmp6", IPPROTO_ICMPV6, 0 }, { "gre", IPPROTO_GRE, 0 },
	{ "esp", IPPROTO_ESP, 0 },
};

#define PROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

static bool read_protocol(const char *word, struct xr_vm_rule *r)
{
	__u64 number;
	size_t i;

	for (i = 0; i < PROTOCOLS; i++)
		if (!strcmp(word, protocols[i].name)) {
			r->proto = protocols[i].number;
			return true;
		}
	if (text_to_u64(word, 1, 255, &number, NULL))
		return false;
	r->proto = number;
	return true;
}

static bool has_ports(const struct xr_vm_rule *r)
{
	size_t i;

	for (i = 0; r->has_proto && i < PROTOCOLS; i++)
		if (protocols[i].number == r->proto)
			return protocols[i].ports;
	return false;
}

static int read_ports(struct words *w, const char *key, __u16 ports[2])
{
	char *value = need(w, key), *dash;
	__u64 from, to;

	if (!value)
		return -EINVAL;
	dash = strchr(value, '-');
	if (dash)
		*dash = '\0';
	if (text_to_u64(value, 0, 65535, &from, NULL) ||
	    text_to_u64(dash ? dash + 1 : value, 0, 65535, &to, NULL) || from > to)
		return wrong(w, "%s: write a port, or two as FROM-TO", key);
	ports[0] = from;
	ports[1] = to;
	return 0;
}

static int read_prefix(struct words *w, struct xr_vm_rule *r)
{
	char *value = need(w, "peer"), *slash;
	struct xr_err inner;
	__u64 bits = 0;
	int i, most;

	if (!value)
		return -EINVAL;
	slash = strchr(value, '/');
	if (slash)
		*slash = '\0';
	if (text_to_addr(value, r->addr, &inner))
		return wrong(w, "peer: %s", inner.text);
	r->family = addr_is_ipv4(r->addr) ? 4 : 6;
	most = r->family == 4 ? 32 : 128;
	if (slash && text_to_u64(slash + 1, 0, most, &bits, NULL))
		return wrong(w, "peer: behind \"/\" write how many bits of the address count");
	bits = (slash ? bits : (__u64)most) + 128 - most;
	for (i = 0; i < XR_ADDR_WORDS; i++, bits -= bits < 32 ? bits : 32) {
		r->mask[i] = bits >= 32 ? 0xffffffff : bits ? htonl(0xffffffffU << (32 - bits)) : 0;
		if (r->addr[i] & ~r->mask[i])
			return wrong(w,
				     "peer: the address has bits behind its prefix; write 0 there");
	}
	return 0;
}

static int read_words(struct words *w, struct xr_vm_rule *r)
{
	char *word = next_word(w, true);
	bool ports = false;
	int ret = 0;

	if (!word || (strcmp(word, "allow") && strcmp(word, "deny")))
		return wrong(w, "it must begin with allow or deny");
	r->deny = *word == 'd';
	while (!ret && (word = next_word(w, false))) {
		if (ways_of(word)) {
			r->ways = ways_of(word);
		} else if (!strcmp(word, "peer")) {
			ret = read_prefix(w, r);
		} else if (!strcmp(word, "port")) {
			ports = true;
			ret = read_ports(w, word, r->port);
		} else if (!strcmp(word, "source-port")) {
			ports = true;
			ret = read_ports(w, word, r->source_port);
		} else if (!r->has_proto && read_protocol(word, r)) {
			r->has_proto = 1;
		} else {
			ret = wrong(
				w,
				"unknown word \"%.40s\"; write allow|deny [in|out] [PROTOCOL] [peer PREFIX] [port PORTS] [source-port PORTS]",
				word);
		}
	}
	if (!ret && ports && !has_ports(r))
		ret = wrong(w, "ports are those of tcp, udp or sctp; name one of them");
	return ret;
}

int bounds_add_rule(struct xr_vm_bounds *b, const char *text, struct xr_err *err)
{
	struct xr_vm_rule r = {
		.ways = BOTH_WAYS,
		.port = { 0, 65535 },
		.source_port = { 0, 65535 },
	};
	struct words w;
	int ret = words_begin(&w, "rule", text, err);

	if (!ret && b->n_rules == XR_VM_RULES)
		ret = xr_fail(err, -EINVAL, "a VM has at most %d rules", XR_VM_RULES);
	if (!ret)
		ret = read_words(&w, &r);
	if (!ret)
		b->rule[b->n_rules++] = r;
	return ret;
}

static void put_ports(char *to, size_t size, const char *key, const __u16 ports[2])
{
	size_t used = strlen(to);

	if (!ports[0] && ports[1] == 65535)
		return;
	if (ports[0] == ports[1])
		snprintf(to + used, size - used, " %s %u", key, ports[0]);
	else
		snprintf(to + used, size - used, " %s %u-%u", key, ports[0], ports[1]);
}

static int prefix_bits(const struct xr_vm_rule *r)
{
	int i, bits = 0;

	for (i = 0; i < XR_ADDR_WORDS; i++)
		bits += __builtin_popcount(r->mask[i]);
	return r->family == 4 ? bits - 96 : bits;
}

const char *bounds_rule_text(char buf[BOUNDS_TEXT], const struct xr_vm_rule *r)
{
	char addr[TEXT_ADDR];
	size_t i, used;

	used = snprintf(buf, BOUNDS_TEXT, "%s %s", r->deny ? "deny" : "allow", way_text(r->ways));
	for (i = 0; i < PROTOCOLS && protocols[i].number != r->proto; i++)
		;
	if (r->has_proto && i < PROTOCOLS)
		used += snprintf(buf + used, BOUNDS_TEXT - used, "%s ", protocols[i].name);
	else if (r->has_proto)
		used += snprintf(buf + used, BOUNDS_TEXT - used, "%u ", r->proto);
	if (r->family)
		used += snprintf(buf + used, BOUNDS_TEXT - used, "peer %s/%d ",
				 text_addr(addr, r->addr), prefix_bits(r));
	buf[used - 1] = '\0';
	put_ports(buf, BOUNDS_TEXT, "port", r->port);
	put_ports(buf, BOUNDS_TEXT, "source-port", r->source_port);
	return buf;
}

/* ---- the rest ---- */

int bounds_set_default(struct xr_vm_bounds *b, const char *text, struct xr_err *err)
{
	if (strcmp(text, "allow") && strcmp(text, "deny"))
		return xr_fail(err, -EINVAL, "default: \"%.40s\" is not known; write allow or deny",
			       text);
	b->deny = *text == 'd';
	return 0;
}

const char *bounds_default_text(const struct xr_vm_bounds *b)
{
	return b->deny ? "deny" : "allow";
}

bool bounds_any(const struct xr_vm_bounds *b)
{
	return b && (b->n_rules || b->deny || bounds_limits(b));
}

bool bounds_equal(const struct xr_vm_bounds *a, const struct xr_vm_bounds *b)
{
	if (!bounds_any(a) || !bounds_any(b))
		return bounds_any(a) == bounds_any(b);
	return !memcmp(a, b, sizeof(*a));
}
