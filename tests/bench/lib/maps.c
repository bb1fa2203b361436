// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <bpf/bpf.h>
#include <xroam/hash.h>
#include "maps.h"

static size_t memory_of(const struct bpf_map *map)
{
	return (size_t)bpf_map__value_size(map) * bpf_map__max_entries(map);
}

void *map_memory(const struct bpf_map *map)
{
	void *m = mmap(NULL, memory_of(map), PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map),
		       0);

	return m == MAP_FAILED ? NULL : m;
}

void unmap_memory(const struct bpf_map *map, void *m)
{
	if (m)
		munmap(m, memory_of(map));
}

void set_addr4(__be32 *addr, __u32 host_order)
{
	addr[0] = addr[1] = 0;
	addr[2] = htonl(0xffff);
	addr[3] = htonl(host_order);
}

void set_hash_keys(struct xr_hash_keys *keys)
{
	for (int i = 0; i < 16; i++)
		keys->key[i] = xr_mix64(0x5eed + i);
}

int set_nexthop(const struct bpf_map *nexthops, __u32 index, __u32 ifindex)
{
	int cpus = libbpf_num_possible_cpus(), err;
	struct xr_nexthop *nh = calloc(cpus, sizeof(*nh));

	if (!nh)
		return -ENOMEM;
	for (int i = 0; i < cpus; i++) {
		memcpy(nh[i].dmac, "\x02\0\0\0\x01\x01", 6);
		memcpy(nh[i].smac, "\x02\0\0\0\x01\x02", 6);
		nh[i].ifindex = ifindex;
		nh[i].until = 0x7fffffff;
		nh[i].mtu = 1500;
	}
	err = bpf_map_update_elem(bpf_map__fd(nexthops), &index, nh, BPF_ANY) ? -errno : 0;
	free(nh);
	return err;
}

__u64 count_of(const struct bpf_map *reason_stats, const struct bpf_map *dev_reasons,
	       enum xr_reason reason)
{
	int cpus = libbpf_num_possible_cpus();
	struct xr_dev_reasons d[cpus];
	struct xr_counter c[cpus];
	__u32 key = reason, slot = 0;
	__u64 sum = 0;

	if (bpf_map_lookup_elem(bpf_map__fd(reason_stats), &key, c) ||
	    bpf_map_lookup_elem(bpf_map__fd(dev_reasons), &slot, d))
		return 0;
	for (int i = 0; i < cpus; i++)
		sum += c[i].packets + d[i].reason[reason].packets;
	return sum;
}
