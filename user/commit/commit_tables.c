// SPDX-License-Identifier: GPL-2.0-only
/*
 * Maglev tables, one for each distinct list of (backend, weight). VIPs with equal
 * lists share one table.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "commit_priv.h"
#include "model/model_edit.h"
#include "lib/lut.h"
#include "plane/maglev_map.h"
#include "steer/maglev.h"

/* The part of a list that is one VIP's and takes new flows. */
struct slice {
	const struct member *item;
	size_t n;
	__u64 hash;
};

/* Removes members without weight, and divides the others: by_vip has a slice for each index. */
static int slice_members(struct members *m, struct slice *by_vip)
{
	size_t i, n = 0;

	for (i = 0; i < m->n; i++)
		if (m->item[i].weight)
			m->item[n++] = m->item[i];
	m->n = n;
	for (i = 0; i < n; i++) {
		struct slice *s = &by_vip[m->item[i].vip];

		if (!s->n++)
			s->item = &m->item[i];
		s->hash = xr_mix64(s->hash ^
				   ((__u64)m->item[i].weight << 16 | m->item[i].backend)) +
			s->n;
	}
	return 0;
}

static bool same_slice(const struct slice *a, const struct slice *b)
{
	size_t i;

	if (a->n != b->n || a->hash != b->hash)
		return false;
	for (i = 0; i < a->n; i++)
		if (a->item[i].backend != b->item[i].backend ||
		    a->item[i].weight != b->item[i].weight)
			return false;
	return true;
}

/*
 * BTF of a table, so that bpftool shows backends, not octets. Without it (NULL) the tables
 * work as well.
 */
static struct btf *table_types(__u32 slots, struct bpf_map_create_opts *opts)
{
	struct btf *btf = btf__new_empty();
	int u16, u32, table;

	if (!btf)
		return NULL;
	u16 = btf__add_int(btf, "__u16", 2, 0);
	u32 = btf__add_int(btf, "__u32", 4, 0);
	table = btf__add_array(btf, u32, u16, slots);
	opts->btf_key_type_id = u32;
	/*
	 * An array, as in bpf/maps.h, not a struct: before 6.2 the kernel notes
	 * "no timer" differently for the two, and then finds the tables unlike.
	 */
	opts->btf_value_type_id = table;
	if (table < 0 || btf__load_into_kernel(btf)) {
		opts->btf_key_type_id = opts->btf_value_type_id = 0;
		btf__free(btf);
		return NULL;
	}
	opts->btf_fd = btf__fd(btf);
	return btf;
}

static int new_table(struct commit *c, const struct slice *s,
		     const struct bpf_map_create_opts *opts)
{
	__u32 slots = c->have->limits.maglev;
	__u16 *slot = malloc(slots * sizeof(*slot));
	struct maglev_member *m = calloc(s->n + 1, sizeof(*m));
	int ret = -ENOMEM;
	size_t i;

	if (!slot || !m)
		goto out;
	for (i = 0; i < s->n; i++) {
		m[i].backend = s->item[i].backend;
		m[i].weight = s->item[i].weight;
		m[i].name = c->backend[m[i].backend].want->info.name;
	}
	ret = maglev_build(c->p->hash_keys, m, s->n, slot, slots);
	if (!ret)
		ret = maglev_map_new(slot, slots, opts);
out:
	free(slot);
	free(m);
	return ret;
}

/* The table that the VIP has now. */
static int running_table(struct commit *c, __u32 vip)
{
	__u32 id;

	if (bpf_map_lookup_elem(c->p->fd[PLANE_MAGLEV], &vip, &id))
		return -ENOENT;
	return bpf_map_get_fd_by_id(id);
}

struct tables {
	struct slice *have, *want;
	struct lut made; /* by hash: index into of[], of VIPs done */
	__u32 *of;       /* VIP numbers */
	int *fd;         /* and their tables */
	size_t n;
	struct bpf_map_create_opts opts;
};

static bool keeps_table(const struct commit *c, const struct tables *t, __u32 vip)
{
	return !c->force && c->vip[vip].have && c->vip[vip].want &&
		same_slice(&t->have[vip], &t->want[vip]);
}

static void note_table(struct tables *t, __u32 vip, int fd)
{
	t->of[t->n] = vip;
	t->fd[t->n] = fd;
	lut_add(&t->made, t->want[vip].hash, t->n++);
}

static int known_table(const struct tables *t, __u32 vip)
{
	__u32 at, i;

	for (at = lut_first(&t->made, t->want[vip].hash); (i = lut_get(&t->made, at)) != LUT_END;
	     at++)
		if (same_slice(&t->want[t->of[i]], &t->want[vip]))
			return t->fd[i];
	return -ENOENT;
}

static int own_table(struct commit *c, struct tables *t, __u32 vip, int fd)
{
	int *to;

	if (fd < 0)
		return fd;
	to = model_grow(&c->fds, &c->n_fds, sizeof(*to));
	if (!to) {
		close(fd);
		return -ENOMEM;
	}
	*to = fd;
	note_table(t, vip, fd);
	return 0;
}

/*
 * The table for that VIP's list: one made in this commit, that of a VIP which keeps its
 * own and has the same list, or a new one. An fd, or -errno.
 */
static int find_table(struct commit *c, struct tables *t, struct lut *kept, const __u32 *kept_vip,
		      __u32 vip)
{
	__u32 at, i;
	int fd = known_table(t, vip);

	if (fd >= 0)
		return fd;
	for (at = lut_first(kept, t->want[vip].hash); (i = lut_get(kept, at)) != LUT_END; at++)
		if (same_slice(&t->want[kept_vip[i]], &t->want[vip])) {
			fd = running_table(c, kept_vip[i]);
			if (fd >= 0)
				break;
		}
	if (fd < 0)
		fd = new_table(c, &t->want[vip], &t->opts);
	i = fd;
	fd = own_table(c, t, vip, fd);
	return fd ? fd : (int)i;
}

static int make_all(struct commit *c, struct tables *t, __u32 size)
{
	__u32 *kept_vip = malloc((size + 1) * sizeof(*kept_vip)), vip, n = 0;
	struct lut kept = { NULL, 0 };
	int fd = 0;

	if (!kept_vip || lut_init(&kept, size + 1)) {
		fd = -ENOMEM;
		goto out;
	}
	for (vip = 1; vip <= size; vip++) {
		if (!keeps_table(c, t, vip))
			continue;
		kept_vip[n] = vip;
		lut_add(&kept, t->want[vip].hash, n++);
	}
	/* A VIP that is deleted gets the empty table, so that its own is freed. */
	for (vip = 1; vip <= size && fd >= 0; vip++) {
		if (keeps_table(c, t, vip) || (!c->vip[vip].have && !c->vip[vip].want))
			continue;
		fd = find_table(c, t, &kept, kept_vip, vip);
		c->table_vip[c->n_tables] = vip;
		c->table_fd[c->n_tables++] = fd;
	}
out:
	lut_free(&kept);
	free(kept_vip);
	return fd < 0 ? fd : 0;
}

int commit_make_tables(struct commit *c)
{
	__u32 size = c->have->limits.vips;
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	struct tables t = { 0 };
	struct btf *btf = table_types(c->have->limits.maglev, &opts);
	int ret = -ENOMEM;

	t.opts = opts;
	t.have = calloc(size + 1, sizeof(*t.have));
	t.want = calloc(size + 1, sizeof(*t.want));
	t.of = calloc(size + 1, sizeof(*t.of));
	t.fd = calloc(size + 1, sizeof(*t.fd));
	c->table_vip = calloc(size + 1, sizeof(*c->table_vip));
	c->table_fd = calloc(size + 1, sizeof(*c->table_fd));
	if (t.have && t.want && t.of && t.fd && c->table_vip && c->table_fd &&
	    !lut_init(&t.made, size + 1)) {
		slice_members(&c->have_members, t.have);
		slice_members(&c->want_members, t.want);
		ret = make_all(c, &t, size);
	}
	if (ret)
		xr_fail(c->err, ret, "making Maglev tables: %s", strerror(-ret));
	btf__free(btf);
	lut_free(&t.made);
	free(t.have);
	free(t.want);
	free(t.of);
	free(t.fd);
	return ret;
}

/*
 * In one batch: the kernel waits for a grace period after each single update
 * of an array of maps. It is all there already, so what can fail is memory.
 */
int commit_store_tables(struct commit *c)
{
	int fd = c->p->fd[PLANE_MAGLEV], ret;
	__u32 n = c->n_tables;
	size_t i;

	if (!n)
		return 0;
	ret = bpf_map_update_batch(fd, c->table_vip, c->table_fd, &n, NULL);
	if (!ret)
		return 0;
	for (i = 0, ret = 0; !ret && i < c->n_tables; i++)
		ret = bpf_map_update_elem(fd, &c->table_vip[i], &c->table_fd[i], 0);
	return ret ? -errno : 0;
}
