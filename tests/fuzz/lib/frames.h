/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the fuzzers of the loaded program share: an input is a frame of a list
 * and changes to it (octets, a cut), or a frame of its own.
 */
#ifndef XR_FUZZ_FRAMES_H
#define XR_FUZZ_FRAMES_H

#include "tests/prog/lib/harness.h"

/* Makes the world of that text; ends the process where it may not be made. */
void fuzz_start(const char *config);

/*
 * First octet: which of the n frames, or from 0xf0 on: the rest is one. Second:
 * how many octets are cut off its end. Then changes of three octets: where (two
 * of them) and to what. False: an input of no use.
 */
bool fuzz_frame(struct packet *p, const struct packet *frames, size_t n, const __u8 *data,
		size_t size);

/*
 * An IP packet of n octets as it came and as it went on: the same but for TTL and
 * checksum, and unless whole for the fields before these (a number, a flow label).
 */
bool forwarded(const __u8 *was, const __u8 *is, size_t n, bool whole);

/* Tells what came of the packet, and aborts. */
__attribute__((noreturn, format(printf, 2, 3))) void wrong(const struct result *r, const char *fmt,
							   ...);

static inline __u32 get16(const __u8 *p)
{
	return p[0] << 8 | p[1];
}

#endif
