// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clean.h"
#include "text.h"

/* Digits alone: "-1", " 1", "1_000", "0x1f" and "1.0" are slips of the pen. */
static bool is_decimal(const char *s)
{
	return *s && strspn(s, "0123456789") == strlen(s);
}

int text_to_u64(const char *s, __u64 min, __u64 max, __u64 *out, struct xr_err *err)
{
	bool decimal = is_decimal(s);
	unsigned long long v;

	/* Base 10, always: in "0443" the 0 is but a digit. */
	errno = 0;
	v = decimal ? strtoull(s, NULL, 10) : 0;
	if (!decimal || errno || v < min || v > max)
		return xr_fail(err, -EINVAL, "\"%.40s\" is not a number from %llu to %llu%s", s,
			       (unsigned long long)min, (unsigned long long)max,
			       decimal ? "" : ", written in decimal digits alone");
	*out = v;
	return 0;
}

/* What is written with addresses elsewhere, and not here. */
static const char *beside_addr(const char *s)
{
	const char *colon = strchr(s, ':');

	if (strchr(s, '/'))
		return "; leave the prefix length out";
	if (*s == '[')
		return "; leave the brackets out";
	if (strchr(s, '.') && colon && !strchr(colon + 1, ':'))
		return "; leave the port out";
	return "";
}

int text_to_addr(const char *s, __be32 addr[XR_ADDR_WORDS], struct xr_err *err)
{
	struct in6_addr v6;
	struct in_addr v4;

	if (inet_pton(AF_INET, s, &v4) == 1) {
		addr[0] = 0;
		addr[1] = 0;
		addr[2] = htonl(0xffff);
		addr[3] = v4.s_addr;
		return 0;
	}
	if (inet_pton(AF_INET6, s, &v6) == 1) {
		memcpy(addr, &v6, sizeof(v6));
		return 0;
	}
	return xr_fail(err, -EINVAL, "\"%s\" is not an IPv4 or IPv6 address%s", s, beside_addr(s));
}

static bool is_ipv6(const char *s)
{
	struct in6_addr v6;

	return inet_pton(AF_INET6, s, &v6) == 1;
}

static int bad_vip(const char *s, struct xr_err *err)
{
	return xr_fail(err, -EINVAL,
		       "\"%s\" is not a VIP: write ADDR:PORT/PROTO or "
		       "[ADDR6]:PORT/PROTO, PROTO tcp or udp",
		       s);
}

int text_to_vip(const char *s, __be32 addr[XR_ADDR_WORDS], __be16 *port, __u8 *proto,
		struct xr_err *err)
{
	char buf[TEXT_VIP], *host = buf, *colon, *slash;
	struct xr_err inner;
	bool bare;
	__u64 n;

	if (strlen(s) >= sizeof(buf))
		return bad_vip(s, err);
	strcpy(buf, s);
	slash = strrchr(buf, '/');
	colon = strrchr(buf, ':');
	if (!slash || !colon || colon > slash)
		return bad_vip(s, err);
	*slash++ = '\0';
	/* A bare IPv6 address would make the last group look like the port. */
	bare = is_ipv6(buf);
	*colon++ = '\0';
	if (bare || is_ipv6(buf))
		return xr_fail(err, -EINVAL, "VIP \"%s\": write an IPv6 address in brackets", s);

	if (!strcasecmp(slash, "udp"))
		*proto = IPPROTO_UDP;
	else if (!strcasecmp(slash, "tcp"))
		*proto = IPPROTO_TCP;
	else
		return bad_vip(s, err);
	if (text_to_u64(colon, 1, 65535, &n, &inner))
		return xr_fail(err, -EINVAL,
			       "VIP \"%s\": the port must be from 1 to 65535, in decimal digits",
			       s);
	*port = htons(n);

	if (*host == '[') {
		size_t len = strlen(host);

		if (host[len - 1] != ']')
			return bad_vip(s, err);
		host[len - 1] = '\0';
		host++;
		if (!strchr(host, ':'))
			return bad_vip(s, err);
	} else if (strchr(host, ':')) {
		return bad_vip(s, err);
	}
	if (text_to_addr(host, addr, &inner))
		return bad_vip(s, err);
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int text_to_hex(const char *s, void *out, size_t max, size_t *len, struct xr_err *err)
{
	__u8 *octet = out;
	size_t n = 0;

	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
		s += 2;
	for (;;) {
		int high, low;

		while (*s == ':' || isspace((unsigned char)*s))
			s++;
		if (!*s)
			break;
		high = hex_digit(s[0]);
		if (high < 0)
			return xr_fail(err, -EINVAL, "'%c' is not a hex digit", s[0]);
		low = s[1] ? hex_digit(s[1]) : -1;
		if (low < 0)
			return xr_fail(err, -EINVAL, "hex needs two digits an octet");
		if (n == max)
			return xr_fail(err, -EINVAL, "more than %zu octets of hex", max);
		octet[n++] = high << 4 | low;
		s += 2;
	}
	if (!n)
		return xr_fail(err, -EINVAL, "no hex digits given");
	*len = n;
	return 0;
}

int text_to_mac(const char *s, __u8 mac[6], struct xr_err *err)
{
	__u8 octet[6];
	size_t len;

	if (strlen(s) == 17) {
		bool good = true;
		int i;

		for (i = 2; i < 17; i += 3)
			good &= s[i] == ':';
		if (good && !text_to_hex(s, octet, 6, &len, NULL) && len == 6) {
			memcpy(mac, octet, 6);
			return 0;
		}
	}
	return xr_fail(err, -EINVAL, "\"%s\" is not a MAC address such as 02:00:00:00:00:01", s);
}

static int check_name(const char *what, const char *s, const char *others, const char *rule,
		      struct xr_err *err)
{
	const char *c;

	if (!*s)
		return xr_fail(err, -EINVAL, "%s: the name is empty", what);
	if (strlen(s) >= XR_NAME_LEN)
		return xr_fail(err, -EINVAL, "%s \"%s\": at most %d characters", what, s,
			       XR_NAME_LEN - 1);
	for (c = s; *c; c++) {
		if (!isalnum((unsigned char)*c) && !strchr(others, *c))
			return xr_fail(err, -EINVAL, "%s \"%s\": only letters, digits, %s", what, s,
				       rule);
	}
	/* Names become file names and command words. */
	if (*s == '.' || *s == '-')
		return xr_fail(err, -EINVAL, "%s \"%s\": must not begin with '%c'", what, s, *s);
	return 0;
}

int text_check_name(const char *what, const char *s, struct xr_err *err)
{
	return check_name(what, s, "-_.", "'-', '_' and '.'", err);
}

int text_check_instance(const char *s, struct xr_err *err)
{
	return check_name("instance", s, "-_", "'-' and '_' (bpffs refuses dots)", err);
}

int text_check_dev(const char *what, const char *s, struct xr_err *err)
{
	/* dev_valid_name() of the kernel. */
	size_t len = strcspn(s, "/: \t\r\n\v\f");
	const char *sep = what ? ": " : "";

	if (!what)
		what = "";
	if (!len || len >= IFNAMSIZ || s[len] || !strcmp(s, ".") || !strcmp(s, ".."))
		return xr_fail(
			err, -EINVAL,
			"%s%s\"%.40s\" is not a device name: 1 to 15 characters, no blank, '/' or ':'",
			what, sep, s);
	if (!clean_is_utf8(s))
		return xr_fail(
			err, -EINVAL,
			"%s%s\"%s\" is not UTF-8, so no file can name this device: \"ip link set ... name\" gives it another name",
			what, sep, s);
	return 0;
}

const char *text_addr(char buf[TEXT_ADDR], const __be32 addr[XR_ADDR_WORDS])
{
	if (addr_is_ipv4(addr))
		inet_ntop(AF_INET, &addr[3], buf, TEXT_ADDR);
	else
		inet_ntop(AF_INET6, addr, buf, TEXT_ADDR);
	return buf;
}

const char *text_vip(char buf[TEXT_VIP], const __be32 addr[XR_ADDR_WORDS], __be16 port, __u8 proto)
{
	bool v4 = addr_is_ipv4(addr);
	char host[TEXT_ADDR];

	text_addr(host, addr);
	snprintf(buf, TEXT_VIP, "%s%s%s:%u/%s", v4 ? "" : "[", host, v4 ? "" : "]", ntohs(port),
		 text_proto(proto));
	return buf;
}

const char *text_mac(char buf[TEXT_MAC], const __u8 mac[6])
{
	snprintf(buf, TEXT_MAC, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		 mac[4], mac[5]);
	return buf;
}

const char *text_hex(char *buf, size_t size, const void *octets, size_t len)
{
	static const char digit[] = "0123456789abcdef";
	const __u8 *o = octets;
	size_t i;

	for (i = 0; i < len && 2 * i + 2 < size; i++) {
		buf[2 * i] = digit[o[i] >> 4];
		buf[2 * i + 1] = digit[o[i] & 15];
	}
	if (size)
		buf[2 * i] = '\0';
	return buf;
}

/* ---- words ---- */

static const char *const states[] = { "none", "up", "draining", "down" };
static const char *const forwards[] = { "ipip", "gue", "vxlan", "l2", "dev" };
static const char *const roles[] = { NULL, "node", "backend", "pass" };
static const char *const modes[] = { NULL, "native", "generic" };
static const char *const hows[] = { NULL, "single", "dispatcher" };

#define WORDS(a) (sizeof(a) / sizeof((a)[0]))

static const char *word(const char *const *words, size_t n, unsigned int i)
{
	return i < n && words[i] ? words[i] : "?";
}

const char *text_state(unsigned int state)
{
	return word(states, WORDS(states), state);
}

const char *text_forward(unsigned int forward)
{
	return word(forwards, WORDS(forwards), forward);
}

const char *text_proto(unsigned int proto)
{
	return proto == IPPROTO_UDP ? "udp" : proto == IPPROTO_TCP ? "tcp" : "?";
}

const char *text_role(unsigned int role)
{
	return word(roles, WORDS(roles), role);
}

const char *text_mode(unsigned int mode)
{
	return word(modes, WORDS(modes), mode);
}

const char *text_how(unsigned int how)
{
	return word(hows, WORDS(hows), how);
}
