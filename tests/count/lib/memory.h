/* SPDX-License-Identifier: GPL-2.0-only */
/* What a program may touch, and which cache lines of it it has touched. */
#ifndef COUNT_MEMORY_H
#define COUNT_MEMORY_H

#include <linux/types.h>
#include <stddef.h>

#define LINE         64
#define REGIONS_MAX  128
#define REGION_STACK "the stack" /* of which lines are not counted */
#define REGION_CTX   "the context"
#define REGION_FRAME "the packet"
#define REGION_RINGS "records of rings" /* of which they are */

struct region {
	const char *name; /* a map's, or one of the above; several may have one name */
	__u8 *at;
	size_t len;
	__u8 *touched; /* of each line, whether it was */
	__u32 lines;   /* that were */
};

struct memory {
	struct region region[REGIONS_MAX];
	int n;
};

/* at: not copied, and stays the caller's. 0 or -errno. */
int memory_add(struct memory *m, const char *name, void *at, size_t len);
void memory_free(struct memory *m);

/* The region that has all len octets at that address; NULL: none. */
struct region *memory_at(struct memory *m, __u64 address, size_t len);
/* How many of the lines there had not been touched. */
__u32 region_touch(struct region *r, __u64 address, size_t len);

#endif
