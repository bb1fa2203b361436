// SPDX-License-Identifier: GPL-2.0-only
/*
 * An instance's maps: what each must be, how large, where it is pinned and
 * where it is mapped.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "layout.h"
#include "plane_priv.h"
#include "steer/sid_store.h"

const char *const plane_map_name[PLANE_MAPS] = {
#define X(upper, lower) [PLANE_##upper] = #lower,
	XR_MAPS(X)
#undef X
};

/* ---- what each map must be ---- */

static __u32 pow2(__u32 least, __u32 n)
{
	__u32 p = least;

	while (p < n && p < 1U << 31)
		p <<= 1;
	return p;
}

/*
 * Half full at the limit, and a few more: each key then finds room in one of
 * its two buckets, also after many came and went (tests/unit/test_tag_table).
 */
static __u32 tag_buckets(__u32 keys)
{
	return keys / (XR_TAG_LANES / 2) + 16;
}

/* How many entries a map has. */
enum entries {
	AS_BUILT, /* as the object has it */
	ONE,
	VIPS, /* index 0 is none's, here and where BACKENDS and HOSTS have it */
	VIP_BUCKETS,
	VIP_ADDRESSES,
	BACKENDS,
	MEMBERS,
	PATHS,
	SERVER_ID_BUCKETS,
	SERVER_ID_DIR_BUCKETS,
	SERVER_ID_PAGES,
	FLOW_BUCKETS,
	CID_SLOTS,
	DEVICES,
	REASONS,
	HOSTS,
	TUNNEL_HOSTS,
	GATEWAYS,
	MAC_BUCKETS,
	VMS,
	IP_BUCKETS,
	BOUNDED_VMS,
	VM_IPS,
	RINGS,
	RING_FRAMES,
	TC_HOOKS,
	CHECKS,
};

static __u32 entries_for(enum entries e, const struct xr_limits *l)
{
	const __u32 n[] = {
		[ONE] = 1,
		[VIPS] = l->vips + 1,
		[VIP_BUCKETS] = pow2(2, 2 * l->vips),
		[VIP_ADDRESSES] = 2 * l->vips, /* the old and the new, while they change */
		[BACKENDS] = l->backends + 1,
		[MEMBERS] = XR_PAIRS_PER_BACKEND * l->backends,
		[PATHS] = 2 * (l->backends + 1 + l->hosts + 1), /* each, and its replacement */
		[SERVER_ID_BUCKETS] = pow2(64, (l->server_ids + 3) / 4),
		[SERVER_ID_DIR_BUCKETS] = sid_dir_buckets(l->server_id_pages),
		[SERVER_ID_PAGES] = l->server_id_pages + 1, /* page 0 is nobody's */
		[FLOW_BUCKETS] = pow2(1, (l->flows + XR_FLOW_WAYS - 1) / XR_FLOW_WAYS),
		[CID_SLOTS] = XR_CID_SLOTS,
		[DEVICES] = XR_MAX_DEVICES,
		[REASONS] = XR_REASON_MAX,
		[HOSTS] = l->hosts + 1,
		[TUNNEL_HOSTS] = 2 * l->hosts, /* and one for each VNI */
		[GATEWAYS] = XR_MAX_GATEWAYS,
		[MAC_BUCKETS] = tag_buckets(l->vms),
		[VMS] = tag_buckets(l->vms) * XR_TAG_LANES,
		[BOUNDED_VMS] = l->vms,
		[IP_BUCKETS] = tag_buckets(l->vm_addresses),
		[VM_IPS] = tag_buckets(l->vm_addresses) * XR_TAG_LANES,
		[RINGS] = l->rings ?: 1,
		[RING_FRAMES] = l->rings ? l->rings * XR_RING_FRAMES : 1,
		[TC_HOOKS] = XR_MAX_TC_HOOKS,
		[CHECKS] = XR_MAX_CHECKS,
	};

	return n[e];
}

struct map_kind {
	__u32 type, key, value;
	enum entries entries;
	size_t mapped; /* where in struct plane the mapping goes; 0: not mapped */
};

/* The kernel rounds an element up to eight octets; a C array must agree. */
#define ELEMENT(type)                                                                         \
	(sizeof(type) + 0 * sizeof(struct {                                                   \
				int any;                                                      \
				_Static_assert(sizeof(type) % 8 == 0, "an element of a map"); \
			}))

#define MAPPED(entries, field)                                                  \
	{ BPF_MAP_TYPE_ARRAY, 4, ELEMENT(*((struct plane *)0)->field), entries, \
	  offsetof(struct plane, field) }
#define PERCPU(entries, type)     { BPF_MAP_TYPE_PERCPU_ARRAY, 4, ELEMENT(type), entries, 0 }
#define HASH(entries, key, value) { BPF_MAP_TYPE_HASH, key, value, entries, 0 }
#define RINGBUF                   { BPF_MAP_TYPE_RINGBUF, 0, 0, AS_BUILT, 0 }

/* clang-format off */
static const struct map_kind map_kind[PLANE_MAPS] = {
	[PLANE_META]		= MAPPED(ONE, meta),
	[PLANE_VIP_INDEX]	= MAPPED(VIP_BUCKETS, vip_index),
	[PLANE_VIPS]		= MAPPED(VIPS, vips),
	[PLANE_MAGLEV]		= { BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, VIPS, 0 },
	[PLANE_BACKENDS]	= MAPPED(BACKENDS, backends),
	[PLANE_PATHS]		= MAPPED(PATHS, paths),
	[PLANE_NEXTHOPS]	= PERCPU(PATHS, struct xr_nexthop),
	[PLANE_READY]		= PERCPU(PATHS, struct xr_ready),
	[PLANE_INITIAL_RATE]	= MAPPED(BACKENDS, initial_rate),
	[PLANE_SERVER_IDS]	= MAPPED(SERVER_ID_BUCKETS, server_ids),
	[PLANE_SERVER_ID_NAMES]	= MAPPED(SERVER_ID_BUCKETS, server_id_names),
	[PLANE_CID_CONFIGS]	= { BPF_MAP_TYPE_ARRAY, 4,
				    XR_CID_SLOTS * ELEMENT(struct xr_cid_config), ONE,
				    offsetof(struct plane, cid_configs) },
	[PLANE_CID_INFO]	= MAPPED(CID_SLOTS, cid_info),
	[PLANE_FLOWS]		= MAPPED(FLOW_BUCKETS, flows),
	[PLANE_HASH_KEYS]	= MAPPED(ONE, hash_keys),
	[PLANE_REASON_STATS]	= PERCPU(REASONS, struct xr_counter),
	[PLANE_VIP_STATS]	= PERCPU(VIPS, struct xr_counter),
	[PLANE_CID_STATS]	= PERCPU(VIPS, struct xr_cid_counter),
	[PLANE_BACKEND_STATS]	= PERCPU(BACKENDS, struct xr_backend_counter),
	[PLANE_DEV_REASONS]	= PERCPU(DEVICES, struct xr_dev_reasons),
	[PLANE_DEV_STATS]	= PERCPU(DEVICES, struct xr_dev_counter),
	[PLANE_DEVICES]		= MAPPED(DEVICES, devices),
	[PLANE_DRAIN]		= MAPPED(ONE, drain),
	[PLANE_DRAINED]		= MAPPED(DEVICES, drained),
	[PLANE_BACKEND_INFO]	= MAPPED(BACKENDS, backend_info),
	[PLANE_MEMBERS]		= HASH(MEMBERS, sizeof(struct xr_member), 4),
	[PLANE_SECOND]		= MAPPED(ONE, second),
	[PLANE_CLOCK]		= { BPF_MAP_TYPE_ARRAY, 4, sizeof(struct xr_clock), ONE, 0 },
	[PLANE_EVENTS]		= RINGBUF,
	[PLANE_MAC_INDEX]	= MAPPED(MAC_BUCKETS, mac_index),
	[PLANE_VMS]		= MAPPED(VMS, vms),
	[PLANE_VM_INFO]		= MAPPED(VMS, vm_info),
	[PLANE_IP_INDEX]	= MAPPED(IP_BUCKETS, ip_index),
	[PLANE_VM_IPS]		= MAPPED(VM_IPS, vm_ips),
	[PLANE_HOSTS]		= MAPPED(HOSTS, hosts),
	[PLANE_HOST_INFO]	= MAPPED(HOSTS, host_info),
	[PLANE_HOST_STATS]	= PERCPU(HOSTS, struct xr_counter),
	[PLANE_PORTS]		= MAPPED(DEVICES, ports),
	[PLANE_TUNNEL_HOSTS]	= HASH(TUNNEL_HOSTS, sizeof(struct xr_tunnel_key), 4),
	[PLANE_VM_CONTROL]	= MAPPED(ONE, vm_control),
	[PLANE_PROTECTED]	= HASH(AS_BUILT, sizeof(struct xr_protected), 4),
	[PLANE_GATEWAYS]	= MAPPED(GATEWAYS, gateways),
	[PLANE_RINGS]		= MAPPED(RINGS, rings),
	[PLANE_RING_FRAMES]	= MAPPED(RING_FRAMES, ring_frames),
	[PLANE_TAPS]		= HASH(AS_BUILT, 4, 4),
	[PLANE_TC_HOOKS]	= MAPPED(TC_HOOKS, tc_hooks),
	[PLANE_VM_EVENTS]	= RINGBUF,
	[PLANE_TUNNEL_ENDS]	= HASH(AS_BUILT, sizeof(struct xr_end), 8),
	[PLANE_OUTERS]		= HASH(PATHS, sizeof(struct xr_outer_key), sizeof(struct xr_outer)),
	[PLANE_VIP_ADDRESSES]	= HASH(VIP_ADDRESSES, XR_ADDR_WORDS * sizeof(__be32), 4),
	[PLANE_VIP_FILTER]	= MAPPED(ONE, vip_filter),
	[PLANE_LOCKED_MACS]	= HASH(VMS, 8, sizeof(struct xr_locked)),
	[PLANE_VM_BOUNDS]	= HASH(BOUNDED_VMS, 4, sizeof(struct xr_vm_bounds)),
	[PLANE_SERVER_ID_DIR]	= MAPPED(SERVER_ID_DIR_BUCKETS, server_id_dir),
	[PLANE_SERVER_ID_PAGES]	= MAPPED(SERVER_ID_PAGES, server_id_pages),
	[PLANE_VM_BOUNDS_USED]	= HASH(BOUNDED_VMS, 4, sizeof(struct xr_vm_bounds_used)),
	[PLANE_VIP_ANNOUNCED]	= HASH(VIP_ADDRESSES, sizeof(struct xr_announced_key),
				       sizeof(struct xr_announced)),
	[PLANE_HEALTH_CHECKS]	= MAPPED(CHECKS, health_checks),
	[PLANE_VIP_CHECKS]	= MAPPED(VIPS, vip_checks),
	[PLANE_BACKEND_HEALTH]	= MAPPED(BACKENDS, backend_health),
};
/* clang-format on */

static __u32 map_entries(enum plane_map m, const struct xr_limits *l)
{
	return entries_for(map_kind[m].entries, l);
}

/* Where in struct plane the number of its entries goes; NULL: nowhere. */
static __u32 *count_of(struct plane *p, enum plane_map m)
{
	switch (m) {
	case PLANE_VIP_INDEX:
		return &p->vip_buckets;
	case PLANE_SERVER_IDS:
		return &p->sid_buckets;
	case PLANE_SERVER_ID_DIR:
		return &p->sid_dir_buckets;
	case PLANE_FLOWS:
		return &p->flow_buckets;
	case PLANE_PATHS:
		return &p->paths_max;
	case PLANE_MAC_INDEX:
		return &p->mac_buckets;
	case PLANE_IP_INDEX:
		return &p->ip_buckets;
	default:
		return NULL;
	}
}

/* ---- sizes ---- */

/* Our name of an object's map; that of a section of data has it after ".data.". */
static const char *name_of(const struct bpf_map *map)
{
	const char *name = bpf_map__name(map);

	return strncmp(name, ".data.", 6) ? name : name + 6;
}

int plane_map_of(const struct bpf_map *map)
{
	const char *name = name_of(map);
	int i;

	for (i = 0; i < PLANE_MAPS; i++) {
		if (!strcmp(name, plane_map_name[i]))
			return i;
	}
	return -1;
}

int plane_size_maps(const struct xr_limits *l, struct bpf_object *obj, struct xr_err *err)
{
	struct bpf_map *map;
	int ret;

	bpf_object__for_each_map(map, obj) {
		int m = plane_map_of(map);
		__u32 n = m < 0 ? 0 : map_entries(m, l);

		/* A map whose descriptor is set already has its size. */
		if (!n || bpf_map__fd(map) >= 0)
			continue;
		ret = bpf_map__set_max_entries(map, n);
		if (!ret && m == PLANE_MAGLEV)
			ret = bpf_map__set_value_size(bpf_map__inner_map(map),
						      l->maglev * sizeof(__u16));
		if (ret)
			return xr_fail(err, ret, "map %s: %s", bpf_map__name(map), strerror(-ret));
	}
	return 0;
}

int plane_reuse_maps(struct plane *p, struct bpf_object *obj, __u64 skip, struct xr_err *err)
{
	struct bpf_map *map;
	int ret;

	bpf_object__for_each_map(map, obj) {
		int m = plane_map_of(map);

		if (m < 0 || (skip & (1ULL << m)))
			continue;
		ret = bpf_map__reuse_fd(map, p->fd[m]);
		if (ret)
			return xr_fail(err, ret, "map %s: %s", bpf_map__name(map), strerror(-ret));
	}
	return plane_size_maps(&p->meta->limits, obj, err);
}

/* ---- pins ---- */

int plane_pin_maps(struct bpf_object *obj, const char *dir, struct xr_err *err)
{
	struct bpf_map *map;
	char path[512];

	bpf_object__for_each_map(map, obj) {
		if (plane_map_of(map) < 0)
			continue;
		if (plane_pin_path(path, sizeof(path), dir, name_of(map)) ||
		    bpf_obj_pin(bpf_map__fd(map), path))
			return xr_fail(err, -errno, "pinning %s/%s: %s", dir, name_of(map),
				       strerror(errno));
	}
	return 0;
}

int plane_other_layout(const char *name, __u32 abi, struct xr_err *err)
{
	if (abi > XR_ABI_VERSION)
		return xr_fail(err, -EPROTO,
			       "instance \"%s\" has map layout %u, of a newer xroam than this one, "
			       "which knows %u and does not go back: use the newer one, or save it "
			       "with that (export), then \"xroam -i %s destroy\" and apply",
			       name, abi, XR_ABI_VERSION, name);
	if (abi < LAYOUT_OLDEST)
		return xr_fail(err, -EPROTO,
			       "instance \"%s\" has map layout %u, this xroam %u, and it converts "
			       "none older than %u: save it with the old xroam (export), then "
			       "\"xroam -i %s destroy\" and apply",
			       name, abi, XR_ABI_VERSION, LAYOUT_OLDEST, name);
	return xr_fail(err, -EPROTO,
		       "instance \"%s\" has map layout %u, of an older xroam; this one has %u: "
		       "\"xroam -i %s reload\" converts it under traffic, nothing is lost",
		       name, abi, XR_ABI_VERSION, name);
}

/* The ABI version at the start of meta can be read in any layout. */
int plane_read_abi(int meta, __u32 *abi, struct xr_err *err)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info), zero = 0;
	void *value;

	if (bpf_obj_get_info_by_fd(meta, &info, &len))
		return xr_fail(err, -errno, "map meta: %s", strerror(errno));
	value = calloc(1, info.value_size + sizeof(*abi));
	if (!value)
		return xr_fail(err, -ENOMEM, "out of memory");
	if (info.type != BPF_MAP_TYPE_ARRAY || bpf_map_lookup_elem(meta, &zero, value))
		memset(value, 0, sizeof(*abi));
	memcpy(abi, value, sizeof(*abi));
	explicit_bzero(value, info.value_size); /* the secret is in it */
	free(value);
	return 0;
}

int plane_pinned_abi(const char *dir, __u32 *abi, struct xr_err *err)
{
	char path[192];
	int fd, ret;

	snprintf(path, sizeof(path), "%s/meta", dir);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return errno == ENOENT ? -ENOENT : plane_file_fail(err, "", path);
	ret = plane_read_abi(fd, abi, err);
	close(fd);
	return ret;
}

/* meta comes first. */
static int check_abi(struct plane *p, struct xr_err *err)
{
	__u32 abi;
	int ret = plane_read_abi(p->fd[PLANE_META], &abi, err);

	if (ret)
		return ret;
	return abi == XR_ABI_VERSION ? 0 : plane_other_layout(p->name, abi, err);
}

/*
 * reason_stats may be of a layout that has fewer reasons: what was added since, and is no
 * verdict, is not counted until the instance is made anew.
 */
#define REASONS_LEAST 78 /* of layout 3 */

static bool is_size(int m, __u32 wanted, __u32 entries)
{
	return !wanted || wanted == entries ||
		(m == PLANE_REASON_STATS && entries >= REASONS_LEAST && entries < wanted);
}

bool plane_map_fits(int m, const struct bpf_map_info *info, const struct xr_limits *l)
{
	const struct map_kind *k = &map_kind[m];
	return info->type == k->type && info->key_size == k->key && info->value_size == k->value &&
		is_size(m, map_entries(m, l), info->max_entries);
}

static int check_map(struct plane *p, int m, struct bpf_map_info *info, struct xr_err *err)
{
	const struct map_kind *k = &map_kind[m];

	if (info->type == k->type && info->key_size == k->key && info->value_size == k->value &&
	    info->max_entries)
		return 0;
	return xr_fail(err, -EPROTO,
		       "instance \"%s\": map %s has another layout (key %u, "
		       "value %u octets, not %u and %u): \"xroam -i %s "
		       "destroy\", then apply",
		       p->name, plane_map_name[m], info->key_size, info->value_size, k->key,
		       k->value, p->name);
}

/* Tables are indexed by what the limits allow; meta itself is open by now. */
static int check_size(struct plane *p, int m, const struct bpf_map_info *info, struct xr_err *err)
{
	__u32 n = m == PLANE_META ? 1 : map_entries(m, &p->meta->limits);

	if (is_size(m, n, info->max_entries))
		return 0;
	return xr_fail(err, -EPROTO,
		       "instance \"%s\": map %s has room for %u, its limits in "
		       "meta say %u: \"xroam -i %s destroy\", then apply",
		       p->name, plane_map_name[m], info->max_entries, n, p->name);
}

/* The outer map does not tell how long its tables are, and programs divide by that. */
static int check_maglev(struct plane *p, struct xr_err *err)
{
	__u32 size = p->meta->limits.maglev;

#define X(slots) || size == (slots)
	if (false XR_MAGLEV_SIZES(X))
		return 0;
#undef X
	return xr_fail(err, -EPROTO,
		       "instance \"%s\": no Maglev tables have %u slots, as its limits in meta "
		       "say: \"xroam -i %s destroy\", then apply",
		       p->name, size, p->name);
}

static int map_memory(struct plane *p, int m, __u32 entries, bool writable, struct xr_err *err)
{
	void **at = (void **)((char *)p + map_kind[m].mapped);
	int prot = PROT_READ | (writable ? PROT_WRITE : 0);
	void *mem;

	mem = mmap(NULL, (size_t)entries * map_kind[m].value, prot, MAP_SHARED, p->fd[m], 0);
	if (mem == MAP_FAILED)
		return xr_fail(err, -errno, "mapping %s: %s", plane_map_name[m], strerror(errno));
	/* Keys are in some of them. */
	madvise(mem, (size_t)entries * map_kind[m].value, MADV_DONTDUMP);
	*at = mem;
	return 0;
}

static int open_map(struct plane *p, int m, bool writable, struct xr_err *err)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info), *count;
	char path[512];
	int ret;

	ret = plane_pin_path(path, sizeof(path), p->dir, plane_map_name[m]);
	if (ret)
		return ret;
	p->fd[m] = bpf_obj_get(path);
	if (p->fd[m] < 0 && errno == ENOENT)
		return xr_fail(err, -EPROTO,
			       "instance \"%s\": pin %s is missing: \"xroam -i "
			       "%s destroy\", then apply",
			       p->name, path, p->name);
	if (p->fd[m] < 0)
		return plane_file_fail(err, "", path);
	if (m == PLANE_META) {
		ret = check_abi(p, err);
		if (ret)
			return ret;
	}
	if (bpf_obj_get_info_by_fd(p->fd[m], &info, &len))
		return plane_file_fail(err, "", path);
	ret = check_map(p, m, &info, err);
	if (!ret)
		ret = check_size(p, m, &info, err);
	if (!ret && m == PLANE_MAGLEV)
		ret = check_maglev(p, err);
	if (ret)
		return ret;
	count = count_of(p, m);
	if (count)
		*count = info.max_entries;
	/* Half of what there is to map, and nothing for who only looks. */
	if (!map_kind[m].mapped || (m == PLANE_RING_FRAMES && !writable))
		return 0;
	return map_memory(p, m, info.max_entries, writable, err);
}

int plane_open_maps(struct plane *p, bool writable, struct xr_err *err)
{
	int m, ret;

	/* PLANE_META is the first. */
	for (m = 0; m < PLANE_MAPS; m++) {
		ret = open_map(p, m, writable, err);
		if (ret)
			return ret;
	}
	return 0;
}

static size_t map_length(const struct plane *p, int m)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(p->fd[m], &info, &len))
		return 0;
	return (size_t)info.max_entries * map_kind[m].value;
}

void plane_close_maps(struct plane *p)
{
	int m;

	for (m = 0; m < PLANE_MAPS; m++) {
		void **at = (void **)((char *)p + map_kind[m].mapped);

		if (p->fd[m] < 0)
			continue;
		if (map_kind[m].mapped && *at)
			munmap(*at, map_length(p, m));
		close(p->fd[m]);
	}
}
