// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fills the maps directly, so that the bench measures the data plane and
 * nothing else, and no machine's routes or neighbours matter.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <xroam/cid.h>
#include <xroam/cid_config.h>
#include "frames.h"
#include "maps.h"
#include "scene.h"
#include "user/plane/maglev_map.h"
#include "user/steer/maglev.h"
#include "user/steer/vip_table.h"
#include <xroam.skel.h>

#define BACKENDS      (SCENE_BACKENDS + SCENE_WAYS)
#define VIPS_PER_UNIT 3 /* QUIC, QUIC with flows, TCP */

struct scene {
	struct xroam_bpf *skel;
	struct xr_vip_bucket *vip_index;
	struct xr_vip *vips;
	struct xr_backend *backends;
	struct xr_path *paths;
	struct xr_sid_bucket *server_ids;
	struct xr_sid_names *server_id_names;
	struct xr_sid_bucket *server_id_dir;
	struct xr_sid_page *server_id_pages;
	struct xr_cid_config *cid_configs;
	struct xr_flow_bucket *flows;
	struct xr_hash_keys *hash_keys;
	__u32 vip_mask, sid_mask, dir_mask, pages, flow_mask;
	bool apart;
};

static __u32 power_of_two(__u32 at_least)
{
	__u32 n = 1;

	while (n < at_least)
		n *= 2;
	return n;
}

/* ---- the maps ---- */

static void size_maps(struct scene *s, __u32 vips, __u32 sids, __u32 flows)
{
	struct xroam_bpf *k = s->skel;

	s->vip_mask = power_of_two(vips) - 1;
	s->sid_mask = power_of_two(sids / 4) - 1;
	s->pages = sids / XR_SID_PAGE + 1;
	s->dir_mask = sid_dir_buckets(s->pages) - 1;
	s->flow_mask = power_of_two(flows / XR_FLOW_WAYS) - 1;
	bpf_map__set_max_entries(k->maps.vip_index, s->vip_mask + 1);
	bpf_map__set_max_entries(k->maps.vips, vips + 1);
	bpf_map__set_max_entries(k->maps.vip_stats, vips + 1);
	bpf_map__set_max_entries(k->maps.maglev, vips + 1);
	bpf_map__set_max_entries(k->maps.backends, BACKENDS + 1);
	bpf_map__set_max_entries(k->maps.backend_stats, BACKENDS + 1);
	bpf_map__set_max_entries(k->maps.initial_rate, BACKENDS + 1);
	bpf_map__set_max_entries(k->maps.paths, BACKENDS + 1);
	bpf_map__set_max_entries(k->maps.nexthops, BACKENDS + 1);
	bpf_map__set_max_entries(k->maps.ready, BACKENDS + 1);
	bpf_map__set_max_entries(k->maps.server_ids, s->sid_mask + 1);
	bpf_map__set_max_entries(k->maps.server_id_names, s->sid_mask + 1);
	bpf_map__set_max_entries(k->maps.server_id_dir, s->dir_mask + 1);
	bpf_map__set_max_entries(k->maps.server_id_pages, s->pages + 1);
	bpf_map__set_max_entries(k->maps.flows, s->flow_mask + 1);

	k->rodata->knobs.vip_mask = s->vip_mask;
	k->rodata->knobs.sid_mask = s->sid_mask;
	k->rodata->knobs.sid_pages = !s->apart;
	k->rodata->knobs.sid_table = s->apart;
	k->rodata->knobs.sid_dir_mask = s->dir_mask;
	k->rodata->knobs.flow_mask = s->flow_mask;
	k->rodata->knobs.maglev = XR_MAGLEV_MOST;
	k->rodata->knobs.flow_idle = 600;
	k->rodata->knobs.reply_rate = 100;
	k->rodata->knobs.ifindex = LOOPBACK;
	k->rodata->knobs.vips = 1;
}

/* Each of them, and the map it is. */
#define MAPPED(X)    \
	X(vip_index) \
	X(vips)      \
	X(backends)  \
	X(paths) X(server_ids) X(server_id_names) X(server_id_dir) X(server_id_pages) X(flows)

static int map_all(struct scene *s)
{
	struct xroam_bpf *k = s->skel;

#define X(name)                             \
	s->name = map_memory(k->maps.name); \
	if (!s->name)                       \
		return -ENOMEM;
	MAPPED(X)
#undef X
	s->hash_keys = map_memory(k->maps.data_hash_keys);
	s->cid_configs = map_memory(k->maps.data_cid_configs);
	return s->hash_keys && s->cid_configs ? 0 : -ENOMEM;
}

/* ---- what is in them ---- */

static void set_addr6(__be32 *addr, __u32 net, __u32 host)
{
	addr[0] = htonl(0x20010db8);
	addr[1] = htonl(net);
	addr[2] = 0;
	addr[3] = htonl(host);
}

static __u8 overhead_of(const struct xr_path *p)
{
	static const __u8 inner[] = {
		[XR_FORWARD_GUE] = 8,
		[XR_FORWARD_VXLAN] = 8 + 8 + 14,
	};

	if (p->method == XR_FORWARD_L2)
		return 0;
	return (p->ipv6 ? 40 : 20) + (p->method == XR_FORWARD_IPIP ? 0 : inner[p->method]);
}

/* Backends 1..SCENE_BACKENDS, then one for each other way. */
static int fill_backend(struct scene *s, __u32 i, enum scene_way way)
{
	struct xr_path *p = &s->paths[i];

	set_addr4(p->saddr, 0x0a000001);
	set_addr4(p->daddr, 0x0a010000 + i);
	p->method = XR_FORWARD_IPIP;
	switch (way) {
	case SCENE_6IN6:
	case SCENE_4IN6:
		p->ipv6 = 1;
		set_addr6(p->saddr, 1, 1);
		set_addr6(p->daddr, 2, i);
		break;
	case SCENE_GUE:
		p->method = XR_FORWARD_GUE;
		p->dport = htons(XR_PORT_GUE);
		break;
	case SCENE_VXLAN:
		p->method = XR_FORWARD_VXLAN;
		p->dport = htons(XR_PORT_VXLAN);
		p->vni = 7;
		break;
	case SCENE_L2:
		p->method = XR_FORWARD_L2;
		break;
	default:
		break;
	}
	p->overhead = overhead_of(p);
	s->backends[i].path = i;
	s->backends[i].state = XR_BACKEND_UP;
	return set_nexthop(s->skel->maps.nexthops, i, way == SCENE_REDIRECT ? ELSEWHERE : LOOPBACK);
}

static struct sid_entry sid_entry(__u32 sid, __u16 backend)
{
	struct sid_entry e = { .len = SCENE_SID_LEN, .backend = backend };

	sid = htonl(sid);
	memcpy(e.sid, &sid, sizeof(sid));
	return e;
}

static void no_grace(void *unused)
{
}

/* The walked server IDs, and one for each way. */
static int fill_sids(struct scene *s, __u32 sids)
{
	const struct sid_store to = {
		.table = { s->server_ids, s->server_id_names, s->sid_mask },
		.dir = s->server_id_dir,
		.page = s->server_id_pages,
		.dir_mask = s->dir_mask,
		.pages = s->apart ? 0 : s->pages,
	};
	__u32 n = sids + SCENE_WAY_SIDS, factor = s->apart ? SCENE_APART : 1;
	struct sid_entry *want = calloc(n, sizeof(*want));
	struct sid_store_plan *plan = NULL;
	struct xr_err why = {};
	int err;

	if (!want)
		return -ENOMEM;
	for (__u32 i = 0; i < sids; i++)
		want[i] = sid_entry(i * factor, i % SCENE_BACKENDS + 1);
	for (__u32 way = 0; way < SCENE_WAY_SIDS; way++)
		want[sids + way] = sid_entry(SCENE_WAY_SID(way),
					     SCENE_BACKENDS + 1 + way % SCENE_WAYS);
	err = sid_store_plan_make(&to, want, n, &plan, &why);
	if (err)
		fprintf(stderr, "bench: server IDs: %s\n", why.text);
	else
		sid_store_plan_apply(plan, &to, no_grace, NULL);
	sid_store_plan_free(plan);
	free(want);
	return err;
}

static const struct {
	__u8 nonce_len;
	bool encrypted;
} cid_kind[SCENE_CIDS] = {
	[SCENE_CLEAR] = { 4, false },
	[SCENE_SINGLE] = { 12, true },
	[SCENE_FOUR] = { 4, true },
};

static const __u8 cid_key[XR_CID_KEY_LEN] = { 0xbe, 0x9c, 1, 2, 3 };

static int fill_cid_config(struct scene *s, enum scene_cid kind)
{
	struct xr_cid_info info = {
		.used = 1,
		.config_id = kind,
		.format = XR_CID_QUIC_LB,
		.sid_len = SCENE_SID_LEN,
		.nonce_len = cid_kind[kind].nonce_len,
		.has_key = cid_kind[kind].encrypted,
	};

	memcpy(info.key, cid_key, sizeof(cid_key));
	return xr_cid_config_fill(&s->cid_configs[kind + 1], &info) ? -EINVAL : 0;
}

/* One table of all backends, as VIPs with the same backends share it. */
static int make_maglev(struct scene *s)
{
	static __u16 slot[XR_MAGLEV_MOST];
	static struct maglev_member member[SCENE_BACKENDS];
	static char name[SCENE_BACKENDS][8];

	for (int i = 0; i < SCENE_BACKENDS; i++) {
		snprintf(name[i], sizeof(name[i]), "b%d", i + 1);
		member[i] = (struct maglev_member){ .name = name[i],
						    .weight = 1,
						    .backend = i + 1 };
	}
	if (maglev_build(s->hash_keys, member, SCENE_BACKENDS, slot, XR_MAGLEV_MOST))
		return -ENOMEM;
	return maglev_map_new(slot, XR_MAGLEV_MOST, NULL);
}

static int fill_vip(struct scene *s, __u32 index, bool ipv6, __u32 addr, __u16 port, __u8 proto,
		    __u32 flags, int maglev)
{
	struct xr_vip *v = &s->vips[index];
	struct vip_table t = {
		.bucket = s->vip_index, .mask = s->vip_mask, .keys = s->hash_keys, .vips = s->vips
	};

	if (ipv6) {
		set_addr6(v->addr, 0, addr);
		v->addr[1] = htonl(0x99000000);
	} else {
		set_addr4(v->addr, addr);
	}
	v->port = htons(port);
	v->proto = proto;
	v->used = 1;
	v->flags = flags;
	if (flags & XR_VIP_CID)
		for (int i = 0; i < SCENE_CIDS; i++)
			v->cid_slots |= (__u64)(i + 1) << 8 * i;
	if (bpf_map_update_elem(bpf_map__fd(s->skel->maps.maglev), &index, &maglev, BPF_ANY))
		return -errno;
	return vip_table_add(&t, v->addr, v->port, proto, index);
}

/* Address i has the three VIPs; the last one is IPv6. */
static int fill_vips(struct scene *s, __u32 vips)
{
	int maglev = make_maglev(s), err = 0;
	__u32 index = 1;

	if (maglev < 0)
		return maglev;
	for (__u32 i = 0; i < vips && !err; i++) {
		err = fill_vip(s, index++, false, VIP4_BASE + i, PORT_QUIC,
			       IPPROTO_UDP, XR_VIP_CID, maglev) ?:
		      fill_vip(s, index++, false, VIP4_BASE + i, PORT_TCP,
			       IPPROTO_TCP, XR_VIP_FLOW, maglev) ?:
		      fill_vip(s, index++, false, VIP4_BASE + i,
			       PORT_QUIC_FLOW, IPPROTO_UDP,
			       XR_VIP_CID | XR_VIP_FLOW, maglev);
	}
	err = err
		?: fill_vip(s, index, true, VIP4_BASE, PORT_QUIC, IPPROTO_UDP, XR_VIP_CID, maglev);
	close(maglev);
	return err;
}

static int fill(struct scene *s, __u32 vips, __u32 sids)
{
	int err = 0;

	set_hash_keys(s->hash_keys);
	for (__u32 i = 1; i <= BACKENDS && !err; i++)
		err = fill_backend(s, i,
				   i <= SCENE_BACKENDS ? SCENE_IPIP
						       : (enum scene_way)(i - SCENE_BACKENDS - 1));
	for (int i = 0; i < SCENE_CIDS && !err; i++)
		err = fill_cid_config(s, i);
	return err ?: fill_sids(s, sids) ?: fill_vips(s, vips);
}

struct scene *scene_open(__u32 vips, __u32 sids, __u32 flows, bool apart)
{
	struct scene *s = calloc(1, sizeof(*s));
	int err = -ENOMEM;

	if (!s)
		return NULL;
	s->skel = xroam_bpf__open();
	if (!s->skel)
		goto fail;
	s->apart = apart;
	size_maps(s, vips * VIPS_PER_UNIT + 1, sids, flows);
	err = xroam_bpf__load(s->skel);
	if (!err)
		err = map_all(s) ?: fill(s, vips, sids);
	if (!err)
		return s;
fail:
	fprintf(stderr, "bench: cannot make the instance: %s\n", strerror(-err));
	scene_close(s);
	return NULL;
}

void scene_close(struct scene *s)
{
	if (!s)
		return;
	if (s->skel) {
#define X(name) unmap_memory(s->skel->maps.name, s->name);
		MAPPED(X)
#undef X
		unmap_memory(s->skel->maps.data_hash_keys, s->hash_keys);
	}
	xroam_bpf__destroy(s->skel);
	free(s);
}

int scene_prog(const struct scene *s)
{
	return bpf_program__fd(s->skel->progs.xroam_node);
}

__u64 scene_count(const struct scene *s, enum xr_reason reason)
{
	return count_of(s->skel->maps.reason_stats, s->skel->maps.dev_reasons, reason);
}

void scene_forget_flows(struct scene *s)
{
	memset(s->flows, 0, (s->flow_mask + 1) * sizeof(*s->flows));
}

int scene_cids(enum scene_cid kind, __u8 *first, struct walk_cid *out, __u32 n)
{
	struct xr_cid_params params = {
		.format = XR_CID_QUIC_LB,
		.config_id = kind,
		.sid_len = SCENE_SID_LEN,
		.nonce_len = cid_kind[kind].nonce_len,
		.flags = XR_CID_F_LENGTH,
		.key = cid_kind[kind].encrypted ? cid_key : NULL,
	};
	__u8 cid[1 + sizeof(*out)] = {}, nonce[16] = {};
	size_t len = 1 + SCENE_SID_LEN + params.nonce_len;
	struct xr_cid *c;
	int err = xr_cid_new(&c, &params);

	for (__u32 i = 0; i < n && !err; i++) {
		__be32 sid = htonl(i);

		memcpy(nonce, &i, sizeof(i));
		err = xr_cid_encode(c, (__u8 *)&sid, nonce, cid, len);
		memcpy(&out[i], cid + 1, sizeof(*out));
	}
	*first = cid[0];
	if (!err)
		xr_cid_free(c);
	return err ? -EINVAL : 0;
}
