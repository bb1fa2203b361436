// SPDX-License-Identifier: GPL-2.0-only
/*
 * Making an instance: in NAME~new, renamed when it is complete, so that a
 * kill leaves either all of it or rubbish that the next command removes.
 */
#include <asm/byteorder.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/defaults.h"
#include "lib/hash.h"
#include "plane_priv.h"

#include <xroam.skel.h>

static int check_limits(const struct xr_limits *l, struct xr_err *err)
{
	const struct {
		const char *name;
		__u32 value, most;
	} limit[] = {
#define X(name, value, least, most) { #name, l->name, most },
		XR_LIMITS(X)
#undef X
	};
	size_t i;

	for (i = 0; i < sizeof(limit) / sizeof(limit[0]); i++) {
		if (!limit[i].value || limit[i].value > limit[i].most)
			return xr_fail(err, -ERANGE, "limit %s must be from 1 to %u", limit[i].name,
				       limit[i].most);
	}
	return 0;
}

/*
 * Every node of a tier with the same secret gets the same keys: a PRF keyed
 * by the first half over the second half and a counter.
 */
static void derive_keys(const __u8 secret[32], struct xr_hash_keys *keys)
{
	struct {
		__u8 half[16];
		__le64 counter;
	} input;
	__u64 half[2];
	unsigned int i;

	memcpy(half, secret, sizeof(half));
	memcpy(input.half, secret + sizeof(half), sizeof(input.half));
	memset(keys, 0, sizeof(*keys));
	for (i = 0; i < sizeof(keys->key) / sizeof(keys->key[0]); i++) {
		input.counter = htole64(i);
		keys->key[i] = hash_sip(le64toh(half[0]), le64toh(half[1]), &input, sizeof(input));
	}
}

static int make_keys(const __u8 *secret, struct xr_hash_keys *keys)
{
	if (secret) {
		derive_keys(secret, keys);
		return 0;
	}
	memset(keys, 0, sizeof(*keys));
	if (getrandom(keys->key, sizeof(keys->key), 0) != sizeof(keys->key))
		return -EIO;
	return 0;
}

static int write_meta(struct xroam_bpf *skel, const struct xr_limits *limits, const __u8 *secret)
{
	struct xr_meta meta = {
		.abi = XR_ABI_VERSION,
		.features = XR_FEATURE_VIPS | XR_FEATURE_SID_TABLE,
		.limits = *limits,
		.policy = xr_default_policy,
		.created = time(NULL),
	};
	struct xr_hash_keys keys;
	__u32 zero = 0;

	if (getrandom(&meta.id, sizeof(meta.id), 0) != sizeof(meta.id))
		return -EIO;
	if (secret) {
		meta.secret_set = 1;
		memcpy(meta.secret, secret, sizeof(meta.secret));
	}
	if (make_keys(secret, &keys) ||
	    bpf_map_update_elem(bpf_map__fd(skel->maps.data_hash_keys), &zero, &keys, 0) ||
	    bpf_map_update_elem(bpf_map__fd(skel->maps.meta), &zero, &meta, 0))
		return -errno;
	return 0;
}

/* Everything the instance consists of, in dir. */
static int fill(const char *dir, const struct xr_limits *limits, const __u8 *secret,
		struct xr_err *err)
{
	struct xroam_bpf *skel = xroam_bpf__open();
	int ret;

	if (!skel)
		return xr_fail(err, -errno, "BPF object: %s", strerror(errno));
	plane_only_helpers(skel);
	ret = plane_size_maps(limits, skel->obj, err);
	if (ret)
		goto out;
	ret = xroam_bpf__load(skel);
	if (ret) {
		ret = plane_load_failed(ret, "making the instance's maps", err);
		goto out;
	}
	ret = write_meta(skel, limits, secret);
	if (ret) {
		xr_fail(err, ret, "writing meta: %s", strerror(-ret));
		goto out;
	}
	ret = plane_pin_maps(skel->obj, dir, err);
	if (!ret)
		ret = plane_start_helpers(skel, dir, err);
out:
	xroam_bpf__destroy(skel);
	return ret;
}

int plane_create(struct plane *p, const struct xr_limits *limits, const __u8 *secret,
		 struct xr_err *err)
{
	char dir[160];
	int ret;

	limits = limits ? limits : &xr_default_limits;
	ret = check_limits(limits, err);
	if (ret)
		return ret;
	snprintf(dir, sizeof(dir), "%s" PLANE_UNFINISHED, p->dir);
	plane_remove_dir(dir);
	if ((mkdir(XR_PIN_ROOT, 0700) && errno != EEXIST) || mkdir(dir, 0700))
		return plane_file_fail(err, "making ", dir);
	ret = fill(dir, limits, secret, err);
	if (!ret) {
		/* A directory without meta is nobody's (plane_exists). */
		rmdir(p->dir);
		if (rename(dir, p->dir))
			ret = xr_fail(err, -errno,
				      "%s: %s: its pins have no map \"meta\" "
				      "among them: \"xroam -i %s destroy\" "
				      "first",
				      p->dir, strerror(errno), p->name);
	}
	if (ret)
		plane_remove_dir(dir);
	return ret;
}
