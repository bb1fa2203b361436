// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <unistd.h>
#include "maglev_map.h"

int maglev_map_new(const __u16 *slot, __u32 slots, const struct bpf_map_create_opts *opts)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "maglev_table", sizeof(__u32),
				slots * sizeof(*slot), 1, opts);
	__u32 whole = 0;
	int ret;

	if (fd < 0)
		return -errno;
	if (!bpf_map_update_elem(fd, &whole, slot, 0))
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}
