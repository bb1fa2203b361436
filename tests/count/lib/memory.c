// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include "memory.h"

static __u64 start_of(const struct region *r)
{
	return (unsigned long)r->at;
}

/* Of a region that does not begin with a line, the first one is short. */
static size_t line_of(const struct region *r, __u64 address)
{
	return address / LINE - start_of(r) / LINE;
}

int memory_add(struct memory *m, const char *name, void *at, size_t len)
{
	struct region *r = &m->region[m->n];

	if (m->n == REGIONS_MAX)
		return -ENOSPC;
	*r = (struct region){ .name = name, .at = at, .len = len };
	r->touched = calloc(len / LINE + 2, 1);
	if (!r->touched)
		return -ENOMEM;
	m->n++;
	return 0;
}

void memory_free(struct memory *m)
{
	while (m->n)
		free(m->region[--m->n].touched);
}

struct region *memory_at(struct memory *m, __u64 address, size_t len)
{
	for (int i = 0; i < m->n; i++) {
		struct region *r = &m->region[i];
		__u64 offset = address - start_of(r);

		if (offset < r->len && len <= r->len - offset)
			return r;
	}
	return NULL;
}

__u32 region_touch(struct region *r, __u64 address, size_t len)
{
	__u32 fresh = 0;

	for (size_t i = line_of(r, address); i <= line_of(r, address + len - 1); i++) {
		fresh += !r->touched[i];
		r->touched[i] = 1;
	}
	r->lines += fresh;
	return fresh;
}
