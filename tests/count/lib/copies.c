// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "copies.h"

#define PAGE 4096

int copies_ask(const struct copies *c, const struct copy *of, const void *key, void *value)
{
	size_t each = by_eight(of->info.value_size);
	__u8 *all;
	int err;

	if (of->info.type != BPF_MAP_TYPE_PERCPU_ARRAY)
		return bpf_map_lookup_elem(of->fd, key, value) ? -errno : 0;
	all = malloc(each * libbpf_num_possible_cpus());
	if (!all)
		return -ENOMEM;
	err = bpf_map_lookup_elem(of->fd, key, all) ? -errno : 0;
	if (!err)
		memcpy(value, all + c->cpu * each, of->info.value_size);
	free(all);
	return err;
}

/* All 0, on a page; one page more, for what has to begin on the next one. */
static __u8 *make_room(struct copy *of, int which, size_t len)
{
	if (posix_memalign(&of->room[which], PAGE, len + PAGE))
		return NULL;
	return memset(of->room[which], 0, len + PAGE);
}

/* struct bpf_array: the values behind it; of a map that can be mapped, on a page. */
static int make_array(struct copies *c, struct copy *of, struct memory *m)
{
	size_t head = c->layout->array_values, each = by_eight(of->info.value_size);
	size_t first = of->info.map_flags & BPF_F_MMAPABLE ? PAGE - head : 0;
	__u8 *room;

	if (holds_pointers(of))
		each = sizeof(void *);
	room = make_room(of, 0, head + each * of->info.max_entries);
	if (!room)
		return -ENOMEM;
	of->map = room + first;
	of->element = of->map + head;
	of->stride = each;
	of->elements = of->info.max_entries;
	return memory_add(m, of->info.name, of->element, each * of->elements);
}

static int read_array(struct copies *c, struct copy *of)
{
	int err = 0;

	for (__u32 i = 0; i < of->elements && !err; i++)
		err = copies_ask(c, of, &i, of->element + i * of->stride);
	return err;
}

/* Pointers to this CPU's values; where the kernel has these, and in which lines, is not known. */
static int read_percpu(struct copies *c, struct copy *of, struct memory *m)
{
	size_t each = by_eight(of->info.value_size);
	__u8 *value = make_room(of, 1, each * of->elements);
	int err = value ? memory_add(m, of->info.name, value, each * of->elements) : -ENOMEM;

	for (__u32 i = 0; i < of->elements && !err; i++, value += each) {
		memcpy(of->element + i * of->stride, &value, sizeof(value));
		err = copies_ask(c, of, &i, value);
	}
	return err;
}

static const struct copy *add(struct copies *c, __u32 id, struct memory *m, int *err);

static int read_inner(struct copies *c, struct copy *of, struct memory *m)
{
	int err = 0;
	__u32 id;

	for (__u32 i = 0; i < of->elements && !err; i++) {
		const struct copy *inner;

		if (copies_ask(c, of, &i, &id))
			continue; /* there is none */
		inner = copies_by_id(c, id) ?: add(c, id, m, &err);
		if (inner)
			memcpy(of->element + i * of->stride, &inner->map, sizeof(inner->map));
	}
	return err;
}

static size_t hash_value_at(const struct copies *c, const struct copy *of)
{
	return c->layout->hash_key + by_eight(of->info.key_size);
}

static int read_hash(struct copies *c, struct copy *of, struct memory *m)
{
	size_t each = hash_value_at(c, of) + by_eight(of->info.value_size);
	void *last = NULL;
	int err = 0;

	of->stride = (each + LINE - 1) / LINE * LINE;
	of->element = make_room(of, 1, of->stride * of->info.max_entries);
	of->map = make_room(of, 0, LINE);
	if (!of->element || !of->map)
		return -ENOMEM;
	while (!err && of->elements < of->info.max_entries) {
		__u8 *e = of->element + of->elements * of->stride;
		void *key = e + c->layout->hash_key;

		if (bpf_map_get_next_key(of->fd, last, key))
			break;
		err = copies_ask(c, of, key, e + hash_value_at(c, of));
		last = key;
		of->elements++;
	}
	return err ?: memory_add(m, of->info.name, of->element, of->stride * of->info.max_entries);
}

static int read_one(struct copies *c, struct copy *of, struct memory *m)
{
	switch (of->info.type) {
	case BPF_MAP_TYPE_ARRAY:
		return make_array(c, of, m) ?: read_array(c, of);
	case BPF_MAP_TYPE_PERCPU_ARRAY:
		return make_array(c, of, m) ?: read_percpu(c, of, m);
	case BPF_MAP_TYPE_ARRAY_OF_MAPS:
		return make_array(c, of, m) ?: read_inner(c, of, m);
	case BPF_MAP_TYPE_HASH:
		return read_hash(c, of, m);
	default: /* a ring: helpers alone reach into it */
		of->map = make_room(of, 0, LINE);
		return of->map ? 0 : -ENOMEM;
	}
}

static const struct copy *add(struct copies *c, __u32 id, struct memory *m, int *err)
{
	struct copy *of = &c->copy[c->n];
	__u32 len = sizeof(of->info);

	if (c->n == REGIONS_MAX) {
		*err = -ENOSPC;
		return NULL;
	}
	memset(of, 0, sizeof(*of));
	of->fd = bpf_map_get_fd_by_id(id);
	if (of->fd < 0) {
		*err = -errno;
		return NULL;
	}
	c->n++;
	*err = bpf_obj_get_info_by_fd(of->fd, &of->info, &len) ? -errno : read_one(c, of, m);
	if (*err)
		fprintf(stderr, "count: cannot copy the map %s: %s\n", of->info.name,
			strerror(-*err));
	return *err ? NULL : of;
}

int copies_read(struct copies *c, const struct program *p, struct memory *m)
{
	int err = 0;

	c->n = 0;
	c->layout = &p->layout;
	for (__u32 i = 0; i < p->maps && !err; i++)
		if (!copies_by_id(c, p->map_id[i]))
			add(c, p->map_id[i], m, &err);
	c->began = copies_clock();
	return err;
}

void copies_free(struct copies *c)
{
	while (c->n) {
		struct copy *of = &c->copy[--c->n];

		free(of->room[0]);
		free(of->room[1]);
		close(of->fd);
	}
}

const struct copy *copies_by_id(const struct copies *c, __u32 id)
{
	for (int i = 0; i < c->n; i++)
		if (c->copy[i].info.id == id)
			return &c->copy[i];
	return NULL;
}

const struct copy *copies_by_map(const struct copies *c, __u64 map)
{
	for (int i = 0; i < c->n; i++)
		if ((unsigned long)c->copy[i].map == map)
			return &c->copy[i];
	return NULL;
}

void *copy_hash_element(const struct copies *c, const struct copy *of, const void *key)
{
	for (__u32 i = 0; i < of->elements; i++) {
		__u8 *e = of->element + i * of->stride;

		if (!memcmp(e + c->layout->hash_key, key, of->info.key_size))
			return e;
	}
	return NULL;
}
