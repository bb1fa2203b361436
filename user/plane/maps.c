// SPDX-License-Identifier: GPL-2.0-only
/*
 * An instance's maps: what each must be, how large, where it is pinned and
 * where it is mapped.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "plane_priv.h"

const char *const plane_map_word[PLANE_MAPS] = {
#define X(upper, lower) [PLANE_##upper] = #lower,
	XR_MAPS(X)
#undef X
};

/* What each map must be, and where in struct plane its mapping goes. */
struct map_kind {
	__u32 type, key, value;
	size_t mapped; /* offset in struct plane; 0: not mapped */
};

#define MAPPED(field)                                                 \
	{ BPF_MAP_TYPE_ARRAY, 4, sizeof(*((struct plane *)0)->field), \
	  offsetof(struct plane, field) }
#define PERCPU(type) { BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(type), 0 }

static const struct map_kind map_kind[PLANE_MAPS] = {
	[PLANE_META] = MAPPED(meta),
	[PLANE_VIP_INDEX] = MAPPED(vip_index),
	[PLANE_VIPS] = MAPPED(vips),
	[PLANE_MAGLEV] = { BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, 0 },
	[PLANE_BACKENDS] = MAPPED(backends),
	[PLANE_PATHS] = MAPPED(paths),
	[PLANE_NEXTHOPS] = PERCPU(struct xr_nexthop),
	[PLANE_INITIAL_RATE] = MAPPED(initial_rate),
	[PLANE_SERVER_IDS] = MAPPED(server_ids),
	[PLANE_SERVER_ID_NAMES] = MAPPED(server_id_names),
	[PLANE_CID_CONFIGS] = MAPPED(cid_configs),
	[PLANE_CID_INFO] = MAPPED(cid_info),
	[PLANE_FLOWS] = MAPPED(flows),
	[PLANE_HASH_KEYS] = MAPPED(hash_keys),
	[PLANE_REASON_STATS] = PERCPU(struct xr_counter),
	[PLANE_VIP_STATS] = PERCPU(struct xr_counter),
	[PLANE_CID_STATS] = PERCPU(struct xr_cid_counter),
	[PLANE_BACKEND_STATS] = PERCPU(struct xr_backend_counter),
	[PLANE_DEV_STATS] = PERCPU(struct xr_dev_counter),
	[PLANE_DEVICES] = MAPPED(devices),
	[PLANE_BACKEND_INFO] = MAPPED(backend_info),
	[PLANE_MEMBERS] = { BPF_MAP_TYPE_HASH, sizeof(struct xr_member), 4, 0 },
	[PLANE_CLOCK] = { BPF_MAP_TYPE_ARRAY, 4, sizeof(struct xr_clock), 0 },
	[PLANE_EVENTS] = { BPF_MAP_TYPE_RINGBUF, 0, 0, 0 },
	[PLANE_MAC_INDEX] = MAPPED(mac_index),
	[PLANE_VMS] = MAPPED(vms),
	[PLANE_VM_INFO] = MAPPED(vm_info),
	[PLANE_IP_INDEX] = MAPPED(ip_index),
	[PLANE_VM_IPS] = MAPPED(vm_ips),
	[PLANE_HOSTS] = MAPPED(hosts),
	[PLANE_HOST_INFO] = MAPPED(host_info),
	[PLANE_HOST_STATS] = PERCPU(struct xr_counter),
	[PLANE_PORTS] = MAPPED(ports),
	[PLANE_TUNNEL_HOSTS] = { BPF_MAP_TYPE_HASH, sizeof(struct xr_tunnel_key), 4, 0 },
	[PLANE_LOCKED_MACS] = { BPF_MAP_TYPE_HASH, 8, sizeof(struct xr_locked), 0 },
	[PLANE_VM_CONTROL] = MAPPED(vm_control),
	[PLANE_OUTERS] = { BPF_MAP_TYPE_HASH, sizeof(struct xr_outer_key), sizeof(struct xr_outer),
			   0 },
	[PLANE_PROTECTED] = { BPF_MAP_TYPE_HASH, sizeof(struct xr_protected), 4, 0 },
	[PLANE_GATEWAYS] = MAPPED(gateways),
	[PLANE_RINGS] = MAPPED(rings),
	[PLANE_RING_FRAMES] = MAPPED(ring_frames),
	[PLANE_TAPS] = { BPF_MAP_TYPE_HASH, 4, 4, 0 },
	[PLANE_TC_HOOKS] = MAPPED(tc_hooks),
	[PLANE_VM_EVENTS] = { BPF_MAP_TYPE_RINGBUF, 0, 0, 0 },
	[PLANE_TUNNEL_ENDS] = { BPF_MAP_TYPE_HASH, sizeof(struct xr_end), 8, 0 },
	[PLANE_VIP_ADDRESSES] = { BPF_MAP_TYPE_HASH, XR_ADDR_WORDS * sizeof(__be32), 4, 0 },
	[PLANE_VIP_FILTER] = MAPPED(vip_filter),
};

/* The kernel rounds an element up to eight octets; a C array must agree. */
#define ROUND(type) _Static_assert(sizeof(type) % 8 == 0, #type)
ROUND(struct xr_meta);
ROUND(struct xr_vip_bucket);
ROUND(struct xr_vip);
ROUND(struct xr_vip_filter);
ROUND(struct xr_backend);
ROUND(struct xr_path);
ROUND(struct xr_nexthop);
ROUND(struct xr_initial_rate);
ROUND(struct xr_sid_bucket);
ROUND(struct xr_sid_names);
ROUND(struct xr_cid_config);
ROUND(struct xr_cid_info);
ROUND(struct xr_flow_bucket);
ROUND(struct xr_device);
ROUND(struct xr_backend_info);
ROUND(struct xr_tag_bucket);
ROUND(struct xr_vm);
ROUND(struct xr_vm_info);
ROUND(struct xr_vm_ip);
ROUND(struct xr_host);
ROUND(struct xr_host_info);
ROUND(struct xr_port);
ROUND(struct xr_vm_control);
ROUND(struct xr_gateway);
ROUND(struct xr_ring);
ROUND(struct xr_ring_frame);
ROUND(struct xr_tc_hook);

/* ---- sizes ---- */

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

static __u32 map_entries(enum plane_map m, const struct xr_limits *l)
{
	switch (m) {
	case PLANE_VIP_INDEX:
		return pow2(2, 2 * l->vips);
	case PLANE_VIPS:
	case PLANE_MAGLEV:
	case PLANE_VIP_STATS:
	case PLANE_CID_STATS:
		return l->vips + 1;
	case PLANE_BACKENDS:
	case PLANE_INITIAL_RATE:
	case PLANE_BACKEND_STATS:
	case PLANE_BACKEND_INFO:
		return l->backends + 1;
	case PLANE_PATHS:
	case PLANE_NEXTHOPS:
	case PLANE_OUTERS:
		/* Room for every path and for its replacement. */
		return 2 * (l->backends + 1 + l->hosts + 1);
	case PLANE_SERVER_IDS:
	case PLANE_SERVER_ID_NAMES:
		return pow2(64, (l->server_ids + 3) / 4);
	case PLANE_FLOWS:
		return pow2(1, (l->flows + XR_FLOW_WAYS - 1) / XR_FLOW_WAYS);
	case PLANE_CID_CONFIGS:
	case PLANE_CID_INFO:
		return XR_CID_SLOTS;
	case PLANE_DEVICES:
	case PLANE_DEV_STATS:
		return XR_MAX_DEVICES;
	case PLANE_MAC_INDEX:
		return tag_buckets(l->vms);
	case PLANE_VMS:
	case PLANE_VM_INFO:
		return tag_buckets(l->vms) * XR_TAG_LANES;
	case PLANE_IP_INDEX:
		return tag_buckets(l->vm_addresses);
	case PLANE_VM_IPS:
		return tag_buckets(l->vm_addresses) * XR_TAG_LANES;
	case PLANE_HOSTS:
	case PLANE_HOST_INFO:
	case PLANE_HOST_STATS:
		return l->hosts + 1;
	case PLANE_TUNNEL_HOSTS:
		/* And one for each VNI. */
		return 2 * l->hosts;
	case PLANE_LOCKED_MACS:
		return tag_buckets(l->vms) * XR_TAG_LANES;
	case PLANE_PORTS:
		return XR_MAX_DEVICES;
	case PLANE_GATEWAYS:
		return XR_MAX_GATEWAYS;
	case PLANE_RINGS:
		return l->rings ?: 1;
	case PLANE_RING_FRAMES:
		return l->rings ? l->rings * XR_RING_FRAMES : 1;
	case PLANE_TC_HOOKS:
		return XR_MAX_TC_HOOKS;
	case PLANE_REASON_STATS:
		return XR_REASON_MAX;
	case PLANE_MEMBERS:
		return 16 * l->backends;
	case PLANE_VIP_ADDRESSES:
		/* The old and the new, while they change. */
		return 2 * l->vips;
	case PLANE_META:
	case PLANE_HASH_KEYS:
	case PLANE_CLOCK:
	case PLANE_VM_CONTROL:
	case PLANE_VIP_FILTER:
		return 1;
	default:
		return 0; /* as the object says */
	}
}

/* The word of an object's map; those that are sections of data have it behind. */
static const char *word_of(const struct bpf_map *map)
{
	const char *name = bpf_map__name(map);

	return strncmp(name, ".data.", 6) ? name : name + 6;
}

static int find_map(const char *word)
{
	int i;

	for (i = 0; i < PLANE_MAPS; i++) {
		if (!strcmp(word, plane_map_word[i]))
			return i;
	}
	return -1;
}

int plane_size_maps(const struct xr_limits *l, struct bpf_object *obj, struct xr_err *err)
{
	struct bpf_map *map;
	int ret;

	bpf_object__for_each_map(map, obj) {
		int m = find_map(word_of(map));
		__u32 n = m < 0 ? 0 : map_entries(m, l);

		/* A map whose descriptor is set already has its size. */
		if (!n || bpf_map__fd(map) >= 0)
			continue;
		ret = bpf_map__set_max_entries(map, n);
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
		int m = find_map(word_of(map));

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
		if (find_map(word_of(map)) < 0)
			continue;
		if (plane_pin_path(path, sizeof(path), dir, word_of(map)) ||
		    bpf_obj_pin(bpf_map__fd(map), path))
			return xr_fail(err, -errno, "pinning %s/%s: %s", dir, word_of(map),
				       strerror(errno));
	}
	return 0;
}

static int other_layout(struct plane *p, __u32 abi, struct xr_err *err)
{
	return xr_fail(err, -EPROTO,
		       "instance \"%s\" has map layout %u, this xroam %u: save "
		       "it with the old xroam (export), then \"xroam -i %s "
		       "destroy\" and apply",
		       p->name, abi, XR_ABI_VERSION, p->name);
}

/* meta comes first: only it can be read whatever the layout is. */
static int check_abi(struct plane *p, struct xr_err *err)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info), zero = 0, abi;
	void *value;

	if (bpf_obj_get_info_by_fd(p->fd[PLANE_META], &info, &len))
		return xr_fail(err, -errno, "map meta: %s", strerror(errno));
	value = calloc(1, info.value_size + sizeof(abi));
	if (!value)
		return xr_fail(err, -ENOMEM, "out of memory");
	if (info.type != BPF_MAP_TYPE_ARRAY || bpf_map_lookup_elem(p->fd[PLANE_META], &zero, value))
		memset(value, 0, sizeof(abi));
	memcpy(&abi, value, sizeof(abi));
	explicit_bzero(value, info.value_size); /* the secret is in it */
	free(value);
	return abi == XR_ABI_VERSION ? 0 : other_layout(p, abi, err);
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
		       p->name, plane_map_word[m], info->key_size, info->value_size, k->key,
		       k->value, p->name);
}

/* Tables are indexed by what the limits allow; meta itself is open by now. */
static int check_size(struct plane *p, int m, const struct bpf_map_info *info, struct xr_err *err)
{
	__u32 n = m == PLANE_META ? 1 : map_entries(m, &p->meta->limits);

	if (!n || n == info->max_entries)
		return 0;
	return xr_fail(err, -EPROTO,
		       "instance \"%s\": map %s has room for %u, its limits in "
		       "meta say %u: \"xroam -i %s destroy\", then apply",
		       p->name, plane_map_word[m], info->max_entries, n, p->name);
}

static int map_memory(struct plane *p, int m, __u32 entries, bool writable, struct xr_err *err)
{
	void **at = (void **)((char *)p + map_kind[m].mapped);
	int prot = PROT_READ | (writable ? PROT_WRITE : 0);
	void *mem;

	mem = mmap(NULL, (size_t)entries * map_kind[m].value, prot, MAP_SHARED, p->fd[m], 0);
	if (mem == MAP_FAILED)
		return xr_fail(err, -errno, "mapping %s: %s", plane_map_word[m], strerror(errno));
	/* Keys are in some of them. */
	madvise(mem, (size_t)entries * map_kind[m].value, MADV_DONTDUMP);
	*at = mem;
	return 0;
}

static int open_map(struct plane *p, int m, bool writable, struct xr_err *err)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	char path[512];
	int ret;

	ret = plane_pin_path(path, sizeof(path), p->dir, plane_map_word[m]);
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
	if (ret)
		return ret;
	switch (m) {
	case PLANE_VIP_INDEX:
		p->vip_buckets = info.max_entries;
		break;
	case PLANE_SERVER_IDS:
		p->sid_buckets = info.max_entries;
		break;
	case PLANE_FLOWS:
		p->flow_buckets = info.max_entries;
		break;
	case PLANE_PATHS:
		p->paths_max = info.max_entries;
		break;
	case PLANE_MAC_INDEX:
		p->mac_buckets = info.max_entries;
		break;
	case PLANE_IP_INDEX:
		p->ip_buckets = info.max_entries;
		break;
	}
	if (!map_kind[m].mapped)
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
