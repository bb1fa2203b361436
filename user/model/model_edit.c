// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>
#include "lib/lut.h"
#include "model_edit.h"

void *model_grow(void *array, size_t *n, size_t size)
{
	void *old, *bigger;

	memcpy(&old, array, sizeof(old));
	/* Room is a power of two: doubled whenever the count reaches one. */
	bigger = old;
	if (!(*n & (*n - 1))) {
		bigger = realloc(old, (*n ? 2 * *n : 1) * size);
		if (!bigger)
			return NULL;
		memcpy(array, &bigger, sizeof(bigger));
	}
	bigger = (char *)bigger + (*n)++ * size;
	return memset(bigger, 0, size);
}

void model_drop(void *array, size_t *n, size_t size, size_t at)
{
	char *a = array;

	memmove(a + at * size, a + (at + 1) * size, (--*n - at) * size);
}

bool model_vip_is(const struct model_vip *v, const __be32 *addr, __be16 port, __u8 proto)
{
	return v->port == port && v->proto == proto && !memcmp(v->addr, addr, sizeof(v->addr));
}

__u64 model_vip_hash(const __be32 *addr, __be16 port, __u8 proto)
{
	__be32 word[XR_ADDR_WORDS + 1];

	memcpy(word, addr, XR_ADDR_WORDS * sizeof(*word));
	word[XR_ADDR_WORDS] = port | (__u32)proto << 16;
	return lut_hash(word, sizeof(word));
}

int model_index_vips(const struct model *m, struct lut *l)
{
	int ret = lut_init(l, m->n_vips);
	size_t i;

	for (i = 0; !ret && i < m->n_vips; i++)
		lut_add(l, model_vip_hash(m->vips[i].addr, m->vips[i].port, m->vips[i].proto), i);
	return ret;
}

struct model_vip *model_indexed_vip(const struct model *m, const struct lut *l, const __be32 *addr,
				    __be16 port, __u8 proto)
{
	__u32 at, i;

	for (at = lut_first(l, model_vip_hash(addr, port, proto)); (i = lut_get(l, at)) != LUT_END;
	     at++)
		if (model_vip_is(&m->vips[i], addr, port, proto))
			return &m->vips[i];
	return NULL;
}

struct model_vip *model_find_vip(const struct model *m, const __be32 *addr, __be16 port, __u8 proto)
{
	size_t i;

	for (i = 0; i < m->n_vips; i++)
		if (model_vip_is(&m->vips[i], addr, port, proto))
			return &m->vips[i];
	return NULL;
}

struct model_backend *model_find_backend(const struct model *m, const char *name)
{
	size_t i;

	for (i = 0; i < m->n_backends; i++)
		if (!strcmp(m->backends[i].info.name, name))
			return &m->backends[i];
	return NULL;
}

struct model_host *model_find_host(const struct model *m, const char *name)
{
	size_t i;

	for (i = 0; i < m->n_hosts; i++)
		if (!strcmp(m->hosts[i].info.name, name))
			return &m->hosts[i];
	return NULL;
}

struct model_health *model_find_health(const struct model *m, const char *name)
{
	size_t i;

	for (i = 0; i < m->n_health; i++)
		if (!strcmp(m->health[i].check.name, name))
			return &m->health[i];
	return NULL;
}

void model_drop_backend(struct model *m, struct model_backend *b)
{
	free(b->vips);
	free(b->sids);
	model_drop(m->backends, &m->n_backends, sizeof(*b), b - m->backends);
}

int model_compare_vip_keys(const void *a, const void *b)
{
	const struct model_vip_key *x = a, *y = b;
	int c = memcmp(x->addr, y->addr, sizeof(x->addr));

	if (!c)
		c = memcmp(&x->port, &y->port, sizeof(x->port));
	return c ? c : x->proto - y->proto;
}

int model_compare_sids(const void *a, const void *b)
{
	const struct model_sid *x = a, *y = b;

	if (x->len != y->len)
		return x->len - y->len;
	return memcmp(x->octet, y->octet, x->len);
}

const struct xr_vm_bounds *model_bounds(const struct model *m, const struct model_vm *v)
{
	return v->bounds ? &m->bounds[v->bounds - 1] : NULL;
}

struct xr_vm_bounds *model_bounds_of(struct model *m, struct model_vm *v)
{
	if (!v->bounds) {
		if (!model_grow(&m->bounds, &m->n_bounds, sizeof(*m->bounds)))
			return NULL;
		v->bounds = m->n_bounds;
	}
	return &m->bounds[v->bounds - 1];
}

int model_compare_vms(const void *a, const void *b)
{
	const struct model_vm *x = a, *y = b;

	if (x->vlan != y->vlan)
		return x->vlan < y->vlan ? -1 : 1;
	return memcmp(x->mac, y->mac, sizeof(x->mac));
}

static void sort(void *list, size_t n, size_t size, int (*compare)(const void *a, const void *b))
{
	const char *at = list;
	size_t i;

	/* Mostly they are sorted, and many. */
	for (i = 1; i < n && compare(at, at + size) <= 0; i++)
		at += size;
	if (i < n)
		qsort(list, n, size, compare);
}

/* Hash maps have no order of their own; what is printed shall have one. */
void model_sort_lists(struct model *m)
{
	size_t i;

	for (i = 0; i < m->n_backends; i++) {
		struct model_backend *b = &m->backends[i];

		sort(b->vips, b->n_vips, sizeof(*b->vips), model_compare_vip_keys);
		sort(b->sids, b->n_sids, sizeof(*b->sids), model_compare_sids);
	}
}
