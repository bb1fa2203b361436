/* SPDX-License-Identifier: GPL-2.0-only */
/* A state stream in which octets were changed. */
#ifndef XR_TESTS_MEND_STREAM_H
#define XR_TESTS_MEND_STREAM_H

#include <string.h>
#include <zlib.h>
#include "user/state/stream_priv.h"

/* Sections as they stand get the sums that they should have: or nothing behind these is tried. */
static inline void mend_stream(__u8 *t, size_t size)
{
	struct stream_section s;
	size_t at = sizeof(struct stream_head);

	while (at + sizeof(s) <= size) {
		memcpy(&s, t + at, sizeof(s));
		at += sizeof(s);
		if (s.length > size - at)
			return;
		s.crc = crc32(0, t + at, s.length);
		memcpy(t + at - sizeof(s), &s, sizeof(s));
		at += (s.length + 7) & ~7UL;
	}
}

#endif
