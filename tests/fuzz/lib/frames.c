/* SPDX-License-Identifier: GPL-2.0-only */
#include <stdio.h>
#include "frames.h"
#include "user/lib/reason.h"

void fuzz_start(const char *config)
{
	const char *why = harness_start();

	if (why) {
		fprintf(stderr, "skipped: %s\n", why);
		exit(0);
	}
	world("%s", config);
}

bool fuzz_frame(struct packet *p, const struct packet *frames, size_t n, const __u8 *data,
		size_t size)
{
	if (size < 2)
		return false;
	if (data[0] >= 0xf0) {
		if (size < 15 || size > 1515)
			return false;
		*p = packet_raw(data + 1, size - 1);
		return true;
	}
	*p = frames[data[0] % n];
	if (data[1] < 0x80 && p->len > sizeof(struct wire_eth) + data[1])
		p->len -= data[1];
	for (size_t i = 2; i + 3 <= size; i += 3)
		p->data[get16(data + i) % p->len] = data[i + 2];
	return true;
}

static bool same(const void *a, const void *b, const void *end)
{
	return !memcmp(a, b, (const __u8 *)end - (const __u8 *)a);
}

bool forwarded(const __u8 *was, const __u8 *is, size_t n, bool whole)
{
	const struct wire_ip4 *was4 = (void *)was, *is4 = (void *)is;
	const struct wire_ip6 *was6 = (void *)was, *is6 = (void *)is;
	const __u8 *end = was + n;

	if (n < sizeof(*was4))
		return false;
	if (was4->version_ihl >> 4 != 6)
		return was4->ttl == is4->ttl + 1 && was4->proto == is4->proto &&
			(!whole || same(was4, is4, &was4->ttl)) && same(was4->src, is4->src, end);
	return n >= sizeof(*was6) && was6->hlim == is6->hlim + 1 &&
		(!whole || same(was6, is6, &was6->hlim)) && same(was6->src, is6->src, end);
}

void wrong(const struct result *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\naction %u; counted:", r->action);
	for (int i = 1; i < XR_REASON_MAX; i++)
		if (r->count[i])
			fprintf(stderr, " %s", reason_word(i));
	fprintf(stderr, "\n");
	packet_dump(stderr, "in  ", &r->in);
	packet_dump(stderr, "out ", &r->out);
	abort();
}
