/* SPDX-License-Identifier: GPL-2.0-only */
/* What both instances of the bench write into maps, and read out of them. */
#ifndef BENCH_MAPS_H
#define BENCH_MAPS_H

#include <bpf/libbpf.h>
#include <xroam/abi.h>

#define LOOPBACK  1 /* where a test run's packets come from */
#define ELSEWHERE 2

void *map_memory(const struct bpf_map *map); /* NULL: none */
void unmap_memory(const struct bpf_map *map, void *m);

void set_addr4(__be32 *addr, __u32 host_order);
void set_hash_keys(struct xr_hash_keys *keys);

/* A neighbour behind that device, on every CPU, for ever. 0 or -errno. */
int set_nexthop(const struct bpf_map *nexthops, __u32 index, __u32 ifindex);

/* Packets of that verdict or note, of the device in slot 0. */
__u64 count_of(const struct bpf_map *reason_stats, const struct bpf_map *dev_reasons,
	       enum xr_reason reason);

#endif
