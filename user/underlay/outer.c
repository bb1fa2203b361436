// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "outer.h"
#include "paths.h"

/* false: the path is no tunnel, so that no error quotes its header. */
static bool key_of(const struct xr_path *path, struct xr_outer_key *key)
{
	memset(key, 0, sizeof(*key));
	memcpy(key->addr, path->daddr, sizeof(key->addr));
	key->vni = path->vni;
	key->dport = path->dport;
	return path->overhead != 0;
}

/* The entry's path is taken, and still has that header. */
static bool is_right(struct plane *p, const bool *taken, const struct xr_outer_key *key,
		     const struct xr_outer *o)
{
	struct xr_outer_key now;

	return o->path < p->paths_max && taken[o->path] && key_of(&p->paths[o->path], &now) &&
		!memcmp(&now, key, sizeof(now));
}

static void drop_wrong(struct plane *p, const bool *taken)
{
	int fd = p->fd[PLANE_OUTERS];
	struct xr_outer_key key, next;
	struct xr_outer o;
	bool more = !bpf_map_get_next_key(fd, NULL, &key);

	while (more) {
		more = !bpf_map_get_next_key(fd, &key, &next);
		if (!bpf_map_lookup_elem(fd, &key, &o) && !is_right(p, taken, &key, &o))
			bpf_map_delete_elem(fd, &key);
		key = next;
	}
}

/* What was learned is about the far end, and stays when another path leads there. */
static void note_outer(struct plane *p, const bool *taken, __u32 path)
{
	int fd = p->fd[PLANE_OUTERS];
	struct xr_outer o = { 0 };
	struct xr_outer_key key;

	if (!key_of(&p->paths[path], &key) ||
	    (!bpf_map_lookup_elem(fd, &key, &o) && is_right(p, taken, &key, &o)))
		return;
	o.path = path;
	bpf_map_update_elem(fd, &key, &o, 0);
}

void outers_sync(struct plane *p)
{
	bool *taken = paths_taken(p);
	__u32 i;

	if (!taken)
		return;
	for (i = 1; i < p->paths_max; i++)
		if (taken[i])
			note_outer(p, taken, i);
	drop_wrong(p, taken);
	free(taken);
}

bool outer_learned(struct plane *p, __u32 path, struct outer_mtu *m)
{
	struct xr_outer_key key;
	struct xr_outer o;
	__s32 left;

	if (!path || path >= p->paths_max || !key_of(&p->paths[path], &key) ||
	    bpf_map_lookup_elem(p->fd[PLANE_OUTERS], &key, &o) || !o.now.mtu)
		return false;
	left = o.now.until - plane_tick(p);
	if (left < 0)
		return false;
	m->mtu = o.now.mtu;
	m->seconds = left;
	memcpy(m->from, o.from, sizeof(m->from));
	return true;
}

void outer_store_mtu(struct plane *p, __u32 path, __u16 mtu, __u16 route_mtu)
{
	struct xr_path *to = &p->paths[path];
	struct outer_mtu learned;

	if (outer_learned(p, path, &learned) && (!mtu || learned.mtu < mtu))
		mtu = learned.mtu;
	__atomic_store_n(&to->route_mtu, route_mtu, __ATOMIC_RELEASE);
	if (to->mtu == mtu)
		return;
	__atomic_store_n(&to->mtu, mtu, __ATOMIC_RELEASE);
	paths_unready(p, path);
}
