// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instances: their pinned maps and programs. An instance is made in NAME.new
 * and renamed when it is complete, so that a kill leaves either all of it or
 * rubbish that the next command removes.
 */
#include <asm/byteorder.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/membarrier.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "plane.h"
#include "plane_priv.h"
#include "text.h"

#include <xroam.skel.h>

/* Not in any instance's name; bpffs refuses dots. */
#define UNFINISHED	"~new"
#define EMIT_PIN	"emit_event"

const struct xr_limits xr_default_limits = {
	.vips = 1024,
	.backends = 4096,
	.server_ids = 65536,
	.flows = 262144,
};

const struct xr_policy xr_default_policy = {
	.too_big = XR_TOO_BIG_REPLY,
	.down = XR_DOWN_DROP,
	.flow_idle = 300,
	.reply_rate = 100,
	.source_bits = 16,
	.source6_bits = 64,
	.source4 = __constant_htonl(0xac100000),	/* 172.16.0.0/16 */
	.source6 = { __constant_htonl(0x01000000) },	/* 100::/64, discard (RFC 6666) */
};

const char *const plane_map_word[PLANE_MAPS] = {
#define X(upper, lower) [PLANE_##upper] = #lower,
	XR_MAPS(X)
#undef X
};

/* What each map must be, and where in struct plane its mapping goes. */
struct map_kind {
	__u32 type, key, value;
	size_t mapped;		/* offset in struct plane; 0: not mapped */
};

#define MAPPED(field)                                                          \
	{ BPF_MAP_TYPE_ARRAY, 4, sizeof(*((struct plane *)0)->field),          \
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
	[PLANE_BACKEND_STATS] = PERCPU(struct xr_backend_counter),
	[PLANE_DEV_STATS] = PERCPU(struct xr_dev_counter),
	[PLANE_DEVICES] = MAPPED(devices),
	[PLANE_BACKEND_INFO] = MAPPED(backend_info),
	[PLANE_MEMBERS] = { BPF_MAP_TYPE_HASH, sizeof(struct xr_member), 4, 0 },
	[PLANE_CLOCK] = { BPF_MAP_TYPE_ARRAY, 4, sizeof(struct xr_clock), 0 },
	[PLANE_EVENTS] = { BPF_MAP_TYPE_RINGBUF, 0, 0, 0 },
};

/* The kernel rounds an element up to eight octets; a C array must agree. */
#define ROUND(type) _Static_assert(sizeof(type) % 8 == 0, #type)
ROUND(struct xr_meta);
ROUND(struct xr_vip_bucket);
ROUND(struct xr_vip);
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

/* ---- what the process and the machine must have ---- */

static bool has_cap(__u32 cap)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data))
		return true;	/* unknown: let the kernel refuse */
	return data[cap / 32].effective & (1U << cap % 32);
}

static bool has_bpf_cap(__u32 cap)
{
	return has_cap(cap) || has_cap(CAP_SYS_ADMIN);
}

static int check_caps(enum plane_how how, struct xr_err *err)
{
	char lack[64] = "";

	if (!has_bpf_cap(CAP_BPF))
		strcat(lack, " CAP_BPF");
	if (how != PLANE_READ) {
		if (!has_bpf_cap(CAP_PERFMON))
			strcat(lack, " CAP_PERFMON");
		if (!has_cap(CAP_NET_ADMIN))
			strcat(lack, " CAP_NET_ADMIN");
		/* To open attached programs by their id; other namespaces. */
		if (!has_cap(CAP_SYS_ADMIN))
			strcat(lack, " CAP_SYS_ADMIN");
	}
	if (!lack[0])
		return 0;
	return xr_fail(err, -EPERM,
		       "too little privilege: this process lacks%s; run as root",
		       lack);
}

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && (__u32)fs.f_type == BPF_FS_MAGIC;
}

static int parent_of(int pid)
{
	char path[64], line[512], *end;
	int parent = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	/* The name in parentheses may hold anything. */
	end = fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	if (!end || sscanf(end + 1, " %*c %d", &parent) != 1)
		parent = 0;
	fclose(f);
	return parent;
}

/*
 * A mount made in a private namespace dies with it, and the pins with it,
 * while the program stays on the device. "ip netns exec" makes one. An
 * ancestor in another mount namespace tells.
 */
static bool private_mounts(void)
{
	struct stat self, other;
	char path[64];
	int pid;

	if (stat("/proc/self/ns/mnt", &self))
		return false;
	for (pid = getppid(); pid > 0; pid = parent_of(pid)) {
		snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
		if (!stat(path, &other) && other.st_ino != self.st_ino)
			return true;
	}
	return false;
}

static int need_bpffs(const char *name, enum plane_how how, struct xr_err *err)
{
	if (is_bpffs(XR_BPFFS))
		return 0;
	if (private_mounts())
		return xr_fail(err, -ENODEV,
			       "no bpffs at " XR_BPFFS " in this mount "
			       "namespace: \"ip netns exec\" hides it, enter "
			       "with \"nsenter --net=/run/netns/NAME\" (or "
			       "mount -t bpf bpf " XR_BPFFS ")");
	if (how != PLANE_CREATE)
		return xr_fail(err, -ENOENT, "no instance \"%s\": no bpffs is "
			       "mounted at " XR_BPFFS, name);
	if (mount("bpf", XR_BPFFS, "bpf", 0, "mode=0700"))
		return xr_fail(err, -ENODEV,
			       "no bpffs at " XR_BPFFS ", and mounting it "
			       "failed (%s): mount -t bpf bpf " XR_BPFFS,
			       errno == EPERM ? "CAP_SYS_ADMIN is needed" :
						strerror(errno));
	return 0;
}

int plane_load_failed(int code, const char *what, struct xr_err *err)
{
	static const struct {
		enum bpf_func_id helper;
		const char *what;
	} need[] = {
		{ BPF_FUNC_ringbuf_output, "BPF ring buffers (5.8)" },
		{ BPF_FUNC_timer_init, "BPF timers (5.15)" },
		{ BPF_FUNC_loop, "bpf_loop (5.17)" },
	};
	struct utsname u;
	size_t i;

	if (uname(&u))
		strcpy(u.release, "?");
	if (libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_SYSCALL, NULL) == 0)
		return xr_fail(err, -EOPNOTSUPP,
			       "kernel %s is too old for BPF system-call "
			       "programs (5.14): xroam needs 6.1 or newer",
			       u.release);
	for (i = 0; i < sizeof(need) / sizeof(need[0]); i++) {
		if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, need[i].helper,
					    NULL) == 0)
			return xr_fail(err, -EOPNOTSUPP,
				       "kernel %s is too old for %s: xroam "
				       "needs 6.1 or newer",
				       u.release, need[i].what);
	}
	if (code == -EPERM)
		return xr_fail(err, -EPERM,
			       "%s: the kernel refuses (%s); CAP_BPF, "
			       "CAP_PERFMON and CAP_NET_ADMIN are needed, and "
			       "no lockdown", what, strerror(-code));
	return xr_fail(err, code, "%s: %s (the kernel's words: -v)", what,
		       strerror(-code));
}

/* ---- keys ---- */

static __u64 load64(const __u8 *octet)
{
	__u64 v = 0;
	int i;

	for (i = 7; i >= 0; i--)
		v = v << 8 | octet[i];
	return v;
}

static __u64 rotate(__u64 v, int by)
{
	return v << by | v >> (64 - by);
}

static void sip_round(__u64 v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] = rotate(v[2], 32);
}

/* SipHash-2-4 of n whole words. */
static __u64 siphash(__u64 k0, __u64 k1, const __u64 *word, int n)
{
	__u64 v[4] = {
		k0 ^ 0x736f6d6570736575ULL, k1 ^ 0x646f72616e646f6dULL,
		k0 ^ 0x6c7967656e657261ULL, k1 ^ 0x7465646279746573ULL,
	};
	int i, r;

	for (i = 0; i <= n; i++) {
		/* The last word holds nothing but the length. */
		__u64 m = i < n ? word[i] : (__u64)(8 * n) << 56;

		v[3] ^= m;
		sip_round(v);
		sip_round(v);
		v[0] ^= m;
	}
	v[2] ^= 0xff;
	for (r = 0; r < 4; r++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/*
 * Every node of a tier with the same secret gets the same keys: a PRF keyed
 * by the first half over the second half and a counter.
 */
void plane_derive_keys(const __u8 secret[32], struct xr_hash_keys *keys)
{
	__u64 k0 = load64(secret), k1 = load64(secret + 8);
	__u64 word[3] = { load64(secret + 16), load64(secret + 24) };
	unsigned int i;

	memset(keys, 0, sizeof(*keys));
	for (i = 0; i < sizeof(keys->key) / sizeof(keys->key[0]); i++) {
		word[2] = i;
		keys->key[i] = siphash(k0, k1, word, 3);
	}
}

static int make_keys(const __u8 *secret, struct xr_hash_keys *keys)
{
	if (secret) {
		plane_derive_keys(secret, keys);
		return 0;
	}
	memset(keys, 0, sizeof(*keys));
	if (getrandom(keys->key, sizeof(keys->key), 0) != sizeof(keys->key))
		return -EIO;
	return 0;
}

/* ---- maps ---- */

static __u32 pow2(__u32 least, __u32 n)
{
	__u32 p = least;

	while (p < n)
		p <<= 1;
	return p;
}

static __u32 map_entries(enum plane_map m, const struct xr_limits *l)
{
	switch (m) {
	case PLANE_VIP_INDEX:
		return pow2(2, 2 * l->vips);
	case PLANE_VIPS:
	case PLANE_MAGLEV:
	case PLANE_VIP_STATS:
		return l->vips + 1;
	case PLANE_BACKENDS:
	case PLANE_INITIAL_RATE:
	case PLANE_BACKEND_STATS:
	case PLANE_BACKEND_INFO:
		return l->backends + 1;
	case PLANE_PATHS:
	case PLANE_NEXTHOPS:
		/* Room for every backend's path and for its replacement. */
		return 2 * (l->backends + 1);
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
	case PLANE_REASON_STATS:
		return XR_REASON_MAX;
	case PLANE_MEMBERS:
		return 16 * l->backends;
	case PLANE_META:
	case PLANE_HASH_KEYS:
	case PLANE_CLOCK:
		return 1;
	default:
		return 0;	/* as the object says */
	}
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

int plane_size_maps(const struct xr_limits *l, struct bpf_object *obj,
		    struct xr_err *err)
{
	struct bpf_map *map;
	int ret;

	bpf_object__for_each_map(map, obj) {
		int m = find_map(bpf_map__name(map));
		__u32 n = m < 0 ? 0 : map_entries(m, l);

		/* A map whose descriptor is set already has its size. */
		if (!n || bpf_map__fd(map) >= 0)
			continue;
		ret = bpf_map__set_max_entries(map, n);
		if (ret)
			return xr_fail(err, ret, "map %s: %s",
				       bpf_map__name(map), strerror(-ret));
	}
	return 0;
}

int plane_reuse_maps(struct plane *p, struct bpf_object *obj, __u32 skip,
		     struct xr_err *err)
{
	struct bpf_map *map;
	int ret;

	bpf_object__for_each_map(map, obj) {
		int m = find_map(bpf_map__name(map));

		if (m < 0 || (skip & (1U << m)))
			continue;
		ret = bpf_map__reuse_fd(map, p->fd[m]);
		if (ret)
			return xr_fail(err, ret, "map %s: %s",
				       bpf_map__name(map), strerror(-ret));
	}
	return plane_size_maps(&p->meta->limits, obj, err);
}

static int pin_path(char *path, size_t size, const char *dir, const char *word)
{
	return snprintf(path, size, "%s/%s", dir, word) < (int)size ?
		       0 : -ENAMETOOLONG;
}

static void remove_pins(const char *dir)
{
	char path[512];
	struct dirent *e;
	DIR *d = opendir(dir);

	if (!d)
		return;
	while ((e = readdir(d))) {
		if (e->d_name[0] != '.' &&
		    !pin_path(path, sizeof(path), dir, e->d_name))
			unlink(path);
	}
	closedir(d);
	rmdir(dir);
}

/* ---- making an instance ---- */

static int start_clock(struct xroam_bpf *skel)
{
	LIBBPF_OPTS(bpf_test_run_opts, run);
	int ret;

	ret = bpf_prog_test_run_opts(bpf_program__fd(skel->progs.start_clock),
				     &run);
	return ret ? ret : (int)run.retval;
}

/* Only the two programs that user space runs; the rest is loaded per device. */
static void load_only_helpers(struct xroam_bpf *skel)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, skel->obj)
		bpf_program__set_autoload(prog, false);
	bpf_program__set_autoload(skel->progs.start_clock, true);
	bpf_program__set_autoload(skel->progs.emit_event, true);
}

static int pin_emit(struct xroam_bpf *skel, const char *dir)
{
	char path[512], tmp[512];

	if (pin_path(path, sizeof(path), dir, EMIT_PIN) ||
	    pin_path(tmp, sizeof(tmp), dir, EMIT_PIN UNFINISHED))
		return -ENAMETOOLONG;
	unlink(tmp);
	if (bpf_obj_pin(bpf_program__fd(skel->progs.emit_event), tmp))
		return -errno;
	return rename(tmp, path) ? -errno : 0;
}

int plane_refresh(struct plane *p, struct xr_err *err)
{
	struct xroam_bpf *skel = xroam_bpf__open();
	int ret;

	if (!skel)
		return xr_fail(err, -errno, "BPF object: %s", strerror(errno));
	load_only_helpers(skel);
	ret = plane_reuse_maps(p, skel->obj, 0, err);
	if (ret)
		goto out;
	ret = xroam_bpf__load(skel);
	if (ret) {
		ret = plane_load_failed(ret, "loading the clock", err);
		goto out;
	}
	ret = start_clock(skel);
	if (ret) {
		ret = xr_fail(err, ret, "starting the clock: %s",
			      strerror(abs(ret)));
		goto out;
	}
	ret = pin_emit(skel, p->dir);
	if (ret)
		xr_fail(err, ret, "pinning " EMIT_PIN ": %s", strerror(-ret));
out:
	xroam_bpf__destroy(skel);
	return ret;
}

static int check_limits(const struct xr_limits *l, struct xr_err *err)
{
	const struct {
		const char *word;
		__u32 value, max;
	} limit[] = {
		{ "vips", l->vips, XR_MAX_VIPS },
		{ "backends", l->backends, XR_MAX_BACKENDS },
		{ "server_ids", l->server_ids, 1U << 24 },
		{ "flows", l->flows, 1U << 27 },
	};
	size_t i;

	for (i = 0; i < sizeof(limit) / sizeof(limit[0]); i++) {
		if (!limit[i].value || limit[i].value > limit[i].max)
			return xr_fail(err, -ERANGE,
				       "limit %s must be from 1 to %u",
				       limit[i].word, limit[i].max);
	}
	return 0;
}

static int write_meta(struct xroam_bpf *skel, const struct xr_limits *limits,
		      const __u8 *secret)
{
	struct xr_meta meta = {
		.abi = XR_ABI_VERSION,
		.limits = *limits,
		.policy = xr_default_policy,
		.created = time(NULL),
	};
	struct xr_hash_keys keys;
	__u32 zero = 0;

	if (secret) {
		meta.secret_set = 1;
		memcpy(meta.secret, secret, sizeof(meta.secret));
	}
	if (make_keys(secret, &keys) ||
	    bpf_map_update_elem(bpf_map__fd(skel->maps.hash_keys), &zero,
				&keys, 0) ||
	    bpf_map_update_elem(bpf_map__fd(skel->maps.meta), &zero, &meta, 0))
		return -errno;
	return 0;
}

static int pin_maps(struct xroam_bpf *skel, const char *dir,
		    struct xr_err *err)
{
	struct bpf_map *map;
	char path[512];

	bpf_object__for_each_map(map, skel->obj) {
		if (find_map(bpf_map__name(map)) < 0)
			continue;
		if (pin_path(path, sizeof(path), dir, bpf_map__name(map)) ||
		    bpf_obj_pin(bpf_map__fd(map), path))
			return xr_fail(err, -errno, "pinning %s/%s: %s", dir,
				       bpf_map__name(map), strerror(errno));
	}
	return 0;
}

static int create(struct plane *p, const struct xr_limits *limits,
		  const __u8 *secret, struct xr_err *err)
{
	struct xroam_bpf *skel;
	char dir[160];
	int ret;

	limits = limits ? limits : &xr_default_limits;
	ret = check_limits(limits, err);
	if (ret)
		return ret;
	snprintf(dir, sizeof(dir), "%s" UNFINISHED, p->dir);
	remove_pins(dir);
	if ((mkdir(XR_PIN_ROOT, 0700) && errno != EEXIST) || mkdir(dir, 0700))
		return xr_fail(err, -errno, "making %s: %s", dir,
			       strerror(errno));

	skel = xroam_bpf__open();
	if (!skel) {
		ret = xr_fail(err, -errno, "BPF object: %s", strerror(errno));
		goto out;
	}
	load_only_helpers(skel);
	ret = plane_size_maps(limits, skel->obj, err);
	if (ret)
		goto out;
	ret = xroam_bpf__load(skel);
	if (ret) {
		ret = plane_load_failed(ret, "making the instance's maps",
					err);
		goto out;
	}
	ret = write_meta(skel, limits, secret);
	if (ret) {
		xr_fail(err, ret, "writing meta: %s", strerror(-ret));
		goto out;
	}
	ret = start_clock(skel);
	if (ret) {
		ret = xr_fail(err, ret < 0 ? ret : -EIO,
			      "starting the clock: %s", strerror(abs(ret)));
		goto out;
	}
	ret = pin_maps(skel, dir, err);
	if (ret)
		goto out;
	ret = pin_emit(skel, dir);
	if (ret) {
		xr_fail(err, ret, "pinning " EMIT_PIN ": %s", strerror(-ret));
		goto out;
	}
	/* A directory without meta is nobody's (see open_pins). */
	rmdir(p->dir);
	if (rename(dir, p->dir))
		ret = xr_fail(err, -errno, "renaming %s: %s", dir,
			      strerror(errno));
out:
	xroam_bpf__destroy(skel);
	if (ret)
		remove_pins(dir);
	return ret;
}

/* ---- opening one ---- */

static int other_layout(struct plane *p, __u32 abi, struct xr_err *err)
{
	return xr_fail(err, -EPROTO,
		       "instance \"%s\" has map layout %u, this xroam %u: save "
		       "it with the old xroam (export), then \"xroam -i %s "
		       "destroy\" and apply", p->name, abi, XR_ABI_VERSION,
		       p->name);
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
	if (info.type != BPF_MAP_TYPE_ARRAY ||
	    bpf_map_lookup_elem(p->fd[PLANE_META], &zero, value))
		memset(value, 0, sizeof(abi));
	memcpy(&abi, value, sizeof(abi));
	free(value);
	return abi == XR_ABI_VERSION ? 0 : other_layout(p, abi, err);
}

static int check_map(struct plane *p, int m, struct bpf_map_info *info,
		     struct xr_err *err)
{
	const struct map_kind *k = &map_kind[m];

	if (info->type == k->type && info->key_size == k->key &&
	    info->value_size == k->value && info->max_entries)
		return 0;
	return xr_fail(err, -EPROTO,
		       "instance \"%s\": map %s has another layout (key %u, "
		       "value %u octets, not %u and %u): \"xroam -i %s "
		       "destroy\", then apply", p->name, plane_map_word[m],
		       info->key_size, info->value_size, k->key, k->value,
		       p->name);
}

static int map_memory(struct plane *p, int m, __u32 entries, bool writable,
		      struct xr_err *err)
{
	void **at = (void **)((char *)p + map_kind[m].mapped);
	int prot = PROT_READ | (writable ? PROT_WRITE : 0);
	void *mem;

	mem = mmap(NULL, (size_t)entries * map_kind[m].value, prot, MAP_SHARED,
		   p->fd[m], 0);
	if (mem == MAP_FAILED)
		return xr_fail(err, -errno, "mapping %s: %s",
			       plane_map_word[m], strerror(errno));
	*at = mem;
	return 0;
}

static int open_map(struct plane *p, int m, bool writable, struct xr_err *err)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	char path[512];
	int ret;

	ret = pin_path(path, sizeof(path), p->dir, plane_map_word[m]);
	if (ret)
		return ret;
	p->fd[m] = bpf_obj_get(path);
	if (p->fd[m] < 0 && errno == ENOENT)
		return xr_fail(err, -EPROTO,
			       "instance \"%s\": pin %s is missing: \"xroam -i "
			       "%s destroy\", then apply", p->name, path,
			       p->name);
	if (p->fd[m] < 0)
		return xr_fail(err, -errno, "%s: %s", path, strerror(errno));
	if (m == PLANE_META) {
		ret = check_abi(p, err);
		if (ret)
			return ret;
	}
	if (bpf_obj_get_info_by_fd(p->fd[m], &info, &len))
		return xr_fail(err, -errno, "%s: %s", path, strerror(errno));
	ret = check_map(p, m, &info, err);
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
	}
	if (!map_kind[m].mapped)
		return 0;
	return map_memory(p, m, info.max_entries, writable, err);
}

static int open_maps(struct plane *p, bool writable, struct xr_err *err)
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

static int lock(const char *name, struct xr_err *err)
{
	char dir[160], path[192];
	struct stat held, there;
	int fd;

	snprintf(dir, sizeof(dir), XR_RUN_ROOT "/%s", name);
	snprintf(path, sizeof(path), "%s/lock", dir);
	for (;;) {
		if ((mkdir(XR_RUN_ROOT, 0755) && errno != EEXIST) ||
		    (mkdir(dir, 0700) && errno != EEXIST))
			return xr_fail(err, -errno, "making %s: %s", dir,
				       strerror(errno));
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0 && errno == ENOENT)
			continue;	/* destroy removed the directory */
		if (fd < 0)
			return xr_fail(err, -errno, "%s: %s", path,
				       strerror(errno));
		while (flock(fd, LOCK_EX) && errno == EINTR)
			;
		/* destroy may have removed the file that we waited on. */
		if (!fstat(fd, &held) && !stat(path, &there) &&
		    held.st_ino == there.st_ino && held.st_dev == there.st_dev)
			return fd;
		close(fd);
	}
}

static int check_name(const char *name, struct xr_err *err)
{
	int ret = text_check_name("instance", name, err);

	if (!ret && strchr(name, '.'))
		ret = xr_fail(err, -EINVAL,
			      "instance \"%s\": no dots, bpffs refuses them",
			      name);
	return ret;
}

static struct plane *plane_new(const char *name)
{
	struct plane *p = calloc(1, sizeof(*p));
	int m;

	if (!p)
		return NULL;
	strcpy(p->name, name);
	snprintf(p->dir, sizeof(p->dir), XR_PIN_ROOT "/%s", name);
	p->lock_fd = -1;
	for (m = 0; m < PLANE_MAPS; m++)
		p->fd[m] = -1;
	p->cpus = libbpf_num_possible_cpus();
	return p;
}

bool plane_exists(const struct plane *p)
{
	char meta[192];

	snprintf(meta, sizeof(meta), "%s/meta", p->dir);
	return !access(meta, F_OK);
}

static int no_instance(const char *name, struct xr_err *err)
{
	return xr_fail(err, -ENOENT,
		       "no instance \"%s\": \"xroam apply\" or \"xroam dev "
		       "attach\" makes it", name);
}

static int open_pins(struct plane *p, enum plane_how how,
		     const struct xr_limits *limits, const __u8 *secret,
		     struct xr_err *err)
{
	int ret;

	if (!plane_exists(p)) {
		if (errno == EACCES)
			return xr_fail(err, -EPERM,
				       "%s: permission denied: run as root, or "
				       "with CAP_DAC_OVERRIDE", p->dir);
		if (how != PLANE_CREATE)
			return no_instance(p->name, err);
		ret = create(p, limits, secret, err);
		if (ret)
			return ret;
		p->created = true;
	}
	return open_maps(p, how != PLANE_READ, err);
}

int plane_open(struct plane **out, const char *name, enum plane_how how,
	       const struct xr_limits *limits, const __u8 *secret,
	       struct xr_err *err)
{
	struct plane *p;
	int ret;

	*out = NULL;
	ret = check_name(name, err);
	if (ret)
		return ret;
	ret = check_caps(how, err);
	if (ret)
		return ret;
	ret = need_bpffs(name, how, err);
	if (ret)
		return ret;
	p = plane_new(name);
	if (!p)
		return xr_fail(err, -ENOMEM, "out of memory");
	if (p->cpus < 0) {
		ret = xr_fail(err, p->cpus, "cannot count the CPUs: %s",
			      strerror(-p->cpus));
		goto fail;
	}
	if (how != PLANE_READ) {
		/* Asked again under the lock; this saves making a lock file. */
		if (how == PLANE_CHANGE && !plane_exists(p)) {
			ret = no_instance(name, err);
			goto fail;
		}
		ret = lock(name, err);
		if (ret < 0)
			goto fail;
		p->lock_fd = ret;
	}
	ret = open_pins(p, how, limits, secret, err);
	if (ret)
		goto fail;
	if (how != PLANE_READ)
		attach_recover(p);
	*out = p;
	return 0;
fail:
	plane_close(p);
	return ret;
}

void plane_close(struct plane *p)
{
	int m;

	if (!p)
		return;
	for (m = 0; m < PLANE_MAPS; m++) {
		void **at = (void **)((char *)p + map_kind[m].mapped);

		if (p->fd[m] < 0)
			continue;
		if (map_kind[m].mapped && *at)
			munmap(*at, map_length(p, m));
		close(p->fd[m]);
	}
	if (p->lock_fd >= 0)
		close(p->lock_fd);
	free(p);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int plane_list(char ***names, struct xr_err *err)
{
	struct xr_err ignored;
	struct dirent *e;
	char **list, **more;
	size_t n = 0;
	DIR *d;

	list = calloc(1, sizeof(*list));
	if (!list)
		return xr_fail(err, -ENOMEM, "out of memory");
	d = is_bpffs(XR_BPFFS) ? opendir(XR_PIN_ROOT) : NULL;
	while (d && (e = readdir(d))) {
		if (check_name(e->d_name, &ignored))
			continue;
		more = realloc(list, (n + 2) * sizeof(*list));
		if (!more)
			break;
		list = more;
		list[n] = strdup(e->d_name);
		if (!list[n])
			break;
		list[++n] = NULL;
	}
	if (d)
		closedir(d);
	qsort(list, n, sizeof(*list), by_name);
	*names = list;
	return 0;
}

/* ---- using one ---- */

int plane_grace(struct plane *p)
{
	int fd, ret = 0;
	__u32 zero = 0;

	/* XDP programs run under RCU; this waits for all who were in it. */
	if (!syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		return 0;
	/*
	 * Refused with nohz_full. The kernel waits the same way when the slot
	 * of an array of maps changes; slot 0 is no VIP's.
	 */
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, NULL, sizeof(zero),
			    sizeof(struct xr_maglev_row), XR_MAGLEV_ROWS, NULL);
	if (fd < 0)
		return -errno;
	if (bpf_map_update_elem(p->fd[PLANE_MAGLEV], &zero, &fd, 0) ||
	    bpf_map_delete_elem(p->fd[PLANE_MAGLEV], &zero))
		ret = -errno;
	close(fd);
	return ret;
}

void plane_event(struct plane *p, const char *fmt, ...)
{
	struct xr_event e = { .kind = XR_EVENT_CHANGE };
	LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = &e,
		    .ctx_size_in = sizeof(e));
	struct timespec now;
	char path[512];
	va_list ap;
	int fd;

	va_start(ap, fmt);
	vsnprintf(e.text, sizeof(e.text), fmt, ap);
	va_end(ap);
	clock_gettime(CLOCK_MONOTONIC, &now);
	e.when_ns = now.tv_sec * 1000000000ULL + now.tv_nsec;
	if (pin_path(path, sizeof(path), p->dir, EMIT_PIN))
		return;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return;
	bpf_prog_test_run_opts(fd, &run);
	close(fd);
}

/* ---- removing one ---- */

static void remove_run_files(const char *name)
{
	char dir[160], path[512];
	struct dirent *e;
	DIR *d;

	snprintf(dir, sizeof(dir), XR_RUN_ROOT "/%s", name);
	d = opendir(dir);
	if (!d)
		return;
	while ((e = readdir(d))) {
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..") &&
		    !pin_path(path, sizeof(path), dir, e->d_name))
			unlink(path);
	}
	closedir(d);
	rmdir(dir);
}

static int remove_instance(const char *name, const char *dir,
			   struct xr_err *err)
{
	char gone[160];

	/* Renamed first: a half-removed instance must not look like one. */
	snprintf(gone, sizeof(gone), "%s" UNFINISHED, dir);
	remove_pins(gone);
	if (rename(dir, gone) && errno != ENOENT)
		return xr_fail(err, -errno, "removing %s: %s", dir,
			       strerror(errno));
	remove_pins(gone);
	remove_run_files(name);
	return 0;
}

int plane_destroy(struct plane *p, struct xr_err *err)
{
	int ret = plane_detach_all(p, err);

	return ret ? ret : remove_instance(p->name, p->dir, err);
}

/* What can be said of pins that this xroam cannot read. */
static void detach_pinned(const char *dir)
{
	char path[512];
	struct dirent *e;
	DIR *d = opendir(dir);

	if (!d)
		return;
	while ((e = readdir(d))) {
		if (!strncmp(e->d_name, "dev_", 4) &&
		    !pin_path(path, sizeof(path), dir, e->d_name))
			attach_sweep(path);
	}
	closedir(d);
}

/* Pins of another layout, or the rubbish of a kill; the lock is held. */
static int remove_unreadable(struct plane *p, struct xr_err *err)
{
	detach_pinned(p->dir);
	return remove_instance(p->name, p->dir, err);
}

int plane_remove(const char *name, struct xr_err *err)
{
	struct plane *p;
	int ret, opened;

	opened = plane_open(&p, name, PLANE_CHANGE, NULL, NULL, err);
	if (!opened) {
		ret = plane_destroy(p, err);
		plane_close(p);
		return ret;
	}
	if (opened != -EPROTO && opened != -ENOENT)
		return opened;
	p = plane_new(name);
	if (!p)
		return xr_fail(err, -ENOMEM, "out of memory");
	ret = p->lock_fd = lock(name, err);
	/* Somebody may have made the instance meanwhile: then it is theirs. */
	if (ret >= 0 && (opened == -EPROTO || !plane_exists(p)))
		ret = remove_unreadable(p, err);
	plane_close(p);
	if (ret < 0)
		return ret;
	return opened == -ENOENT ? no_instance(name, err) : 0;
}
