// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include "members.h"

#define BATCH 4096

int members_each(struct plane *p, int (*each)(void *ctx, const struct xr_member *pair), void *ctx)
{
	struct xr_member *key = malloc(BATCH * sizeof(*key));
	__u32 *value = malloc(BATCH * sizeof(*value));
	__u32 in, out, n, i;
	bool first = true;
	int ret = -ENOMEM, err = 0;

	if (!key || !value)
		goto out;
	do {
		n = BATCH;
		err = bpf_map_lookup_batch(p->fd[PLANE_MEMBERS], first ? NULL : &in, &out, key,
					   value, &n, NULL);
		first = false;
		in = out;
		if (err && err != -ENOENT) {
			ret = err;
			goto out;
		}
		for (i = 0, ret = 0; !ret && i < n; i++)
			ret = each(ctx, &key[i]);
	} while (!ret && !err);
out:
	free(key);
	free(value);
	return ret;
}

int members_change(struct plane *p, const struct xr_member *pair, size_t n, bool add, size_t *done)
{
	int fd = p->fd[PLANE_MEMBERS], ret;
	__u32 *zero = calloc(BATCH, sizeof(*zero)), count;

	*done = 0;
	if (!zero)
		return -ENOMEM;
	for (ret = 0; !ret && *done < n; *done += count) {
		count = n - *done < BATCH ? n - *done : BATCH;
		if (add)
			ret = bpf_map_update_batch(fd, pair + *done, zero, &count, NULL);
		else
			ret = bpf_map_delete_batch(fd, pair + *done, &count, NULL);
	}
	free(zero);
	return ret;
}
