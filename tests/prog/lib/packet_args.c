/* SPDX-License-Identifier: GPL-2.0-only */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "packet_priv.h"

void build_fail(const char *text, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "packet text: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n  in: %s\n", text);
	abort();
}

const char *arg_value(struct layer *l, const char *key)
{
	for (int i = 0; i < l->args; i++)
		if (l->arg[i].value && !strcmp(l->arg[i].key, key)) {
			l->arg[i].used = true;
			return l->arg[i].value;
		}
	return NULL;
}

bool arg_flag(struct layer *l, const char *key)
{
	for (int i = 0; i < l->args; i++)
		if (!l->arg[i].value && !strcmp(l->arg[i].key, key)) {
			l->arg[i].used = true;
			return true;
		}
	return false;
}

/* The first bare word not taken yet. */
const char *arg_bare(struct build *b, struct layer *l)
{
	for (int i = 0; i < l->args; i++)
		if (!l->arg[i].value && !l->arg[i].used) {
			l->arg[i].used = true;
			return l->arg[i].key;
		}
	build_fail(b->text, "%s: something is missing after it", l->word);
}

long long arg_to_number(struct build *b, struct layer *l, const char *s)
{
	long long v;
	char *end;

	errno = 0;
	v = strtoll(s, &end, 0);
	if (errno || end == s || *end)
		build_fail(b->text, "%s: '%s' is not a number", l->word, s);
	return v;
}

__u32 arg_number(struct build *b, struct layer *l, const char *key, __u32 otherwise)
{
	const char *s = arg_value(l, key);

	return s ? (__u32)arg_to_number(b, l, s) : otherwise;
}

/* A length: as it should be, or +N or -N off that, or the number given. */
__u32 arg_length(struct build *b, struct layer *l, const char *key, __u32 right)
{
	const char *s = arg_value(l, key);

	if (!s)
		return right;
	if (*s == '+' || *s == '-')
		return right + arg_to_number(b, l, s);
	return arg_to_number(b, l, s);
}

size_t arg_to_octets(struct build *b, struct layer *l, const char *s, __u8 *to, size_t max)
{
	size_t n = strlen(s) / 2;

	if (strlen(s) % 2 || strspn(s, "0123456789abcdefABCDEF") != strlen(s))
		build_fail(b->text, "%s: '%s' is not pairs of hex digits", l->word, s);
	if (n > max)
		build_fail(b->text, "%s: '%s' is too long", l->word, s);
	for (size_t i = 0; i < n; i++) {
		char two[3] = { s[2 * i], s[2 * i + 1] };

		to[i] = strtoul(two, NULL, 16);
	}
	return n;
}

size_t arg_octets(struct build *b, struct layer *l, const char *key, __u8 *to, size_t max)
{
	const char *s = arg_value(l, key);

	return s ? arg_to_octets(b, l, s, to, max) : 0;
}

void arg_mac(struct build *b, struct layer *l, const char *key, const char *otherwise, __u8 *to)
{
	const char *s = arg_value(l, key) ?: otherwise;
	char extra;

	if (sscanf(s, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx%c", &to[0], &to[1], &to[2], &to[3], &to[4],
		   &to[5], &extra) != 6)
		build_fail(b->text, "%s: '%s' is not a MAC address", l->word, s);
}

void arg_address(struct build *b, struct layer *l, const char *key, const char *otherwise,
		 int family, __u8 *to)
{
	const char *s = arg_value(l, key) ?: otherwise;

	if (inet_pton(family, s, to) != 1)
		build_fail(b->text, "%s: '%s' is not an address", l->word, s);
}

void args_all_used(struct build *b, struct layer *l)
{
	for (int i = 0; i < l->args; i++)
		if (!l->arg[i].used)
			build_fail(b->text, "%s: what is '%s'?", l->word, l->arg[i].key);
}
