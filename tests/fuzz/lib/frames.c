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
	if (data[1] < 0x80 && p->len > 14U + data[1])
		p->len -= data[1];
	for (size_t i = 2; i + 3 <= size; i += 3)
		p->data[get16(data + i) % p->len] = data[i + 2];
	return true;
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
