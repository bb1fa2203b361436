// SPDX-License-Identifier: GPL-2.0-only
/* What is in the pages and the table: looked up, counted, listed. */
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include "sid_store_priv.h"

__u32 sid_dir_buckets(__u32 pages)
{
	__u32 n = 2;

	while (n < pages / 2)
		n *= 2;
	return n;
}

/* As the program has it: of IDs that may be in pages, all octets. */
static __u64 word_of(const __u8 *sid, __u8 len)
{
	__u64 w = 0;

	memcpy(&w, sid, len < sizeof(w) ? len : sizeof(w));
	return le64toh(w);
}

__u64 sid_group_key(const __u8 *sid, __u8 len)
{
	return len && len <= XR_SID_PAGED ? xr_sid_page_key(word_of(sid, len), len) : 0;
}

/* Where in its page it is. */
__u32 sid_page_slot(const __u8 *sid, __u8 len)
{
	return xr_sid_page_slot(word_of(sid, len), len);
}

/* The page of that key; 0: it has none. */
static __u16 page_of(const struct sid_store *s, __u64 key)
{
	__u32 b = xr_sid_bucket1(key) & s->dir_mask;
	int pass, w;

	for (pass = 0; pass < 2; pass++, b = xr_sid_bucket2(key) & s->dir_mask)
		for (w = 0; w < XR_SID_WAYS; w++)
			if (s->dir[b].key[w] == key && s->dir[b].backend[w] <= s->pages)
				return s->dir[b].backend[w];
	return 0;
}

static __u16 find_in_page(const struct sid_store *s, const __u8 *sid, __u8 len)
{
	__u64 key = sid_group_key(sid, len);

	return key ? s->page[page_of(s, key)].backend[sid_page_slot(sid, len)] : 0;
}

__u16 sid_store_find(const struct sid_store *s, const __u8 *sid, __u8 len)
{
	__u16 backend = find_in_page(s, sid, len);

	return backend ? backend : sid_table_find(&s->table, sid, len);
}

/* ---- all of them ---- */

static __u32 dir_spots(const struct sid_store *s)
{
	return (s->dir_mask + 1) * XR_SID_WAYS;
}

/* The page that the directory names there, or NULL. */
static const struct xr_sid_page *page_at(const struct sid_store *s, __u32 spot)
{
	const struct xr_sid_bucket *b = &s->dir[spot / XR_SID_WAYS];
	__u32 w = spot % XR_SID_WAYS;

	return b->key[w] && b->backend[w] && b->backend[w] <= s->pages ? &s->page[b->backend[w]]
								       : NULL;
}

static int each_of_page(const struct xr_sid_page *page, __u64 key,
			int (*visit)(void *ctx, const struct sid_entry *e), void *ctx)
{
	__u64 word = htole64(key >> 8);
	struct sid_entry e = { .len = key & 0xff };
	int i, ret = 0;

	/* Who only looks has no lock: it may have been cleared just now. */
	if (!e.len || e.len > XR_SID_PAGED)
		return 0;
	memcpy(e.sid, &word, e.len - 1);
	for (i = 0; !ret && i < XR_SID_PAGE; i++) {
		e.sid[e.len - 1] = i;
		e.backend = page->backend[i];
		if (e.backend)
			ret = visit(ctx, &e);
	}
	return ret;
}

static int each_in_pages(const struct sid_store *s,
			 int (*visit)(void *ctx, const struct sid_entry *e), void *ctx)
{
	const struct xr_sid_page *page;
	__u32 spot;
	int ret = 0;

	for (spot = 0; !ret && spot < dir_spots(s); spot++) {
		page = page_at(s, spot);
		if (page)
			ret = each_of_page(page, s->dir[spot / XR_SID_WAYS].key[spot % XR_SID_WAYS],
					   visit, ctx);
	}
	return ret;
}

/* One that is on its way into a page, or out of it, is in both. */
static int each_in_table(const struct sid_store *s,
			 int (*visit)(void *ctx, const struct sid_entry *e), void *ctx)
{
	const struct xr_sid_name *name;
	struct sid_entry e;
	__u32 b, w;
	int ret = 0;

	for (b = 0; b <= s->table.mask; b++) {
		for (w = 0; !ret && w < XR_SID_WAYS; w++) {
			name = &s->table.names[b].way[w];
			if (!s->table.bucket[b].key[w] || !name->len ||
			    find_in_page(s, name->sid, name->len))
				continue;
			memset(&e, 0, sizeof(e));
			memcpy(e.sid, name->sid, sizeof(e.sid));
			e.len = name->len;
			e.backend = s->table.bucket[b].backend[w];
			ret = visit(ctx, &e);
		}
	}
	return ret;
}

int sid_store_each(const struct sid_store *s, int (*visit)(void *ctx, const struct sid_entry *e),
		   void *ctx)
{
	int ret = each_in_pages(s, visit, ctx);

	return ret ? ret : each_in_table(s, visit, ctx);
}

/* Names are not looked at: there may be a million. */
void sid_store_backends(const struct sid_store *s, bool *has, __u32 most)
{
	const struct xr_sid_page *page;
	__u32 b, w, i, spot;

	for (b = 0; b <= s->table.mask; b++)
		for (w = 0; w < XR_SID_WAYS; w++)
			if (s->table.bucket[b].key[w] && s->table.bucket[b].backend[w] <= most)
				has[s->table.bucket[b].backend[w]] = true;
	for (spot = 0; spot < dir_spots(s); spot++) {
		page = page_at(s, spot);
		for (i = 0; page && i < XR_SID_PAGE; i++)
			if (page->backend[i] && page->backend[i] <= most)
				has[page->backend[i]] = true;
	}
}

struct sid_use sid_store_use(const struct sid_store *s)
{
	const struct xr_sid_page *page;
	struct sid_use use = { 0 };
	__u32 b, w, i, spot;

	for (b = 0; b <= s->table.mask; b++)
		for (w = 0; w < XR_SID_WAYS; w++)
			use.in_table += s->table.bucket[b].key[w] != 0;
	for (spot = 0; spot < dir_spots(s); spot++) {
		page = page_at(s, spot);
		use.pages += page != NULL;
		for (i = 0; page && i < XR_SID_PAGE; i++)
			use.in_pages += page->backend[i] != 0;
	}
	return use;
}

/* ---- what would fit ---- */

static int by_key(const void *a, const void *b)
{
	const __u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return x < y ? -1 : x > y;
}

static int by_size(const void *a, const void *b)
{
	const __u32 x = *(const __u32 *)a, y = *(const __u32 *)b;

	return x > y ? -1 : x < y;
}

size_t sid_least_in_table(__u64 *key, size_t n, __u32 pages)
{
	__u32 *size = malloc((n / SID_PAGE_BEGIN + 1) * sizeof(*size));
	size_t i, begin, groups = 0, left = n;

	if (!size)
		return n;
	qsort(key, n, sizeof(*key), by_key);
	for (i = begin = 0; i < n; begin = i) {
		while (i < n && key[i] == key[begin])
			i++;
		if (key[begin] && i - begin >= SID_PAGE_BEGIN)
			size[groups++] = i - begin;
	}
	qsort(size, groups, sizeof(*size), by_size);
	for (i = 0; i < groups && i < pages; i++)
		left -= size[i];
	free(size);
	return left;
}
