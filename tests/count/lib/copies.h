/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Copies of a program's maps, laid out as the kernel has them, so that what its
 * translated instructions reckon with addresses is right of them, too. Of a map per
 * CPU it is the CPU's on which this runs.
 */
#ifndef COUNT_COPIES_H
#define COUNT_COPIES_H

#include <time.h>
#include "memory.h"
#include "program.h"

struct copy {
	struct bpf_map_info info;
	int fd;
	__u8 *map;      /* what stands for the struct bpf_map */
	__u8 *element;  /* an array's first value; a hash's first element, head and key first */
	size_t stride;  /* from one to the next */
	__u32 elements; /* of a hash: that there are */
	void *room[2];  /* what was allocated for both */
};

struct copies {
	struct copy copy[REGIONS_MAX];
	int n, cpu;
	const struct kernel_layout *layout;
	__u64 began; /* when all were read: ns, of the clock that programs ask */
};

/* Every map as it is now, as regions of m. 0 or -errno. */
int copies_read(struct copies *c, const struct program *p, struct memory *m);
void copies_free(struct copies *c);

const struct copy *copies_by_id(const struct copies *c, __u32 id);
const struct copy *copies_by_map(const struct copies *c, __u64 map);
/* A hash's element with that key, as its own look-up finds it; NULL: none. */
void *copy_hash_element(const struct copies *c, const struct copy *of, const void *key);

/*
 * copies_compare.c: whether the kernel's maps are now as the copies are, but for times,
 * which are later in the copies. Else says in why where they differ.
 */
bool copies_are_as_maps(const struct copies *c, char *why, size_t room);
/* One value as it is in the kernel now, of this CPU. 0 or -errno. */
int copies_ask(const struct copies *c, const struct copy *of, const void *key, void *value);

/* The clock that programs ask, in ns. */
static inline __u64 copies_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* Which kinds of maps have memory that the program reaches into. */
static inline bool is_hash(const struct copy *of)
{
	return of->info.type == BPF_MAP_TYPE_HASH;
}

static inline bool holds_pointers(const struct copy *of)
{
	return of->info.type == BPF_MAP_TYPE_PERCPU_ARRAY ||
		of->info.type == BPF_MAP_TYPE_ARRAY_OF_MAPS;
}

static inline size_t by_eight(size_t len)
{
	return (len + 7) & ~(size_t)7;
}

#endif
