// SPDX-License-Identifier: GPL-2.0-only
/* Layout 3 had a Maglev table in rows of four slots, which the kernel takes an age to fill. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include "layout.h"
#include "lib/lut.h"
#include "maglev_map.h"

#define ROWS_3 16385 /* of four slots of 16 bits each */

struct copy {
	int from;
	__u32 *vip, n; /* VIPs that have a table */
	int *fd;       /* and the new ones: VIPs with the same one share it */
	__u32 *old_id; /* of tables */
	int *made;     /* and what stands for them */
	__u32 n_made;
	struct lut by_id;
};

static int read_rows(__u32 id, __u16 *slot)
{
	__u32 *key = malloc(ROWS_3 * sizeof(*key)), n = ROWS_3, batch;
	int fd = bpf_map_get_fd_by_id(id), ret = fd < 0 || !key ? -ENOMEM : 0;

	/* It says -ENOENT at the end, where it has given all. */
	if (!ret && bpf_map_lookup_batch(fd, NULL, &batch, key, slot, &n, NULL) && errno != ENOENT)
		ret = -errno;
	if (!ret && n != ROWS_3)
		ret = -EPROTO;
	if (fd >= 0)
		close(fd);
	free(key);
	return ret;
}

/* The new table of an old one's id. */
static int table_of(struct copy *c, __u32 id, __u16 *slot)
{
	__u32 at, i;
	int ret;

	for (at = lut_first(&c->by_id, xr_mix64(id)); (i = lut_get(&c->by_id, at)) != LUT_END; at++)
		if (c->old_id[i] == id)
			return c->made[i];
	ret = read_rows(id, slot);
	if (!ret)
		ret = maglev_map_new(slot, XR_MAGLEV_MOST, NULL);
	if (ret < 0)
		return ret;
	c->old_id[c->n_made] = id;
	c->made[c->n_made] = ret;
	lut_add(&c->by_id, xr_mix64(id), c->n_made++);
	return ret;
}

static int copy_tables(struct copy *c, __u32 entries, __u16 *slot)
{
	__u32 vip, id;

	for (vip = 0; vip < entries; vip++) {
		if (bpf_map_lookup_elem(c->from, &vip, &id))
			continue;
		c->vip[c->n] = vip;
		c->fd[c->n] = table_of(c, id, slot);
		if (c->fd[c->n] < 0)
			return c->fd[c->n];
		c->n++;
	}
	return 0;
}

int layout_copy_maglev(const struct layout_map *from, const struct layout_map *to)
{
	struct copy c = {
		.from = from->fd,
		.vip = calloc(from->entries, sizeof(*c.vip)),
		.fd = calloc(from->entries, sizeof(*c.fd)),
		.old_id = calloc(from->entries, sizeof(*c.old_id)),
		.made = calloc(from->entries, sizeof(*c.made)),
	};
	__u16 *slot = calloc(4 * ROWS_3, sizeof(*slot));
	int ret = -ENOMEM;

	if (c.vip && c.fd && c.old_id && c.made && slot && !lut_init(&c.by_id, from->entries))
		ret = copy_tables(&c, from->entries, slot);
	/* In one batch: after each single update the kernel waits for a grace period. */
	if (!ret && c.n && bpf_map_update_batch(to->fd, c.vip, c.fd, &c.n, NULL))
		ret = -errno;
	while (c.n_made)
		close(c.made[--c.n_made]);
	lut_free(&c.by_id);
	free(c.vip);
	free(c.fd);
	free(c.old_id);
	free(c.made);
	free(slot);
	return ret;
}
