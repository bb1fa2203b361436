// SPDX-License-Identifier: GPL-2.0-only
/* Fills the maps directly, as scene.c does, and loads the program thrice. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <xroam/hash.h>
#include "maps.h"
#include "vm_scene.h"
#include "user/steer/tag_table.h"
#include <xroam.skel.h>

#define TTL 300

struct vm_scene {
	struct xroam_bpf *skel[VM_KNOBS];
	__u32 n, buckets;
	struct xr_tag_bucket *mac_index, *ip_index;
	struct xr_vm *vms;
	struct xr_vm_ip *vm_ips;
	struct xr_host *hosts;
	struct xr_path *paths;
	struct xr_port *ports;
	struct xr_vm_control *control;
	struct xr_hash_keys *hash_keys;
	__u32 *index; /* of VM i in vms */
};

/* ---- the maps ---- */

static void size_maps(struct vm_scene *s, struct xroam_bpf *k)
{
	bpf_map__set_max_entries(k->maps.mac_index, s->buckets);
	bpf_map__set_max_entries(k->maps.ip_index, s->buckets);
	bpf_map__set_max_entries(k->maps.vms, s->buckets * XR_TAG_LANES);
	bpf_map__set_max_entries(k->maps.vm_ips, s->buckets * XR_TAG_LANES);
	bpf_map__set_max_entries(k->maps.hosts, VM_WAYS + 1); /* and where it stayed */
	bpf_map__set_max_entries(k->maps.host_stats, VM_WAYS + 1);
	bpf_map__set_max_entries(k->maps.paths, VM_WAYS + 1);
	bpf_map__set_max_entries(k->maps.nexthops, VM_WAYS + 1);
	bpf_map__set_max_entries(k->maps.ready, VM_WAYS + 1);
	bpf_map__set_max_entries(k->maps.ports, XR_MAX_DEVICES);
}

static void set_knobs(struct vm_scene *s, struct xroam_bpf *k, enum vm_knobs which)
{
	struct xr_knobs *knobs = &k->rodata->knobs;

	knobs->ifindex = LOOPBACK;
	knobs->flow_idle = 600;
	knobs->hosts = 1;
	knobs->vips = which == VM_AND_VIPS;
	knobs->by_ip = which == VM_AND_IPS;
	knobs->local = which == VM_AND_LOCAL;
	knobs->mac_buckets = knobs->ip_buckets = s->buckets;
	knobs->flap_moves = 5;
	knobs->flap_seconds = 180;
	knobs->vxlan_port = htons(XR_PORT_VXLAN);
	knobs->gue_port = htons(XR_PORT_GUE);
}

static bool is_private(const struct bpf_map *map)
{
	/* OBJECT.rodata, OBJECT.bss; what is shared is called .data.NAME */
	return strchr(bpf_map__name(map) + 1, '.') && strncmp(bpf_map__name(map), ".data.", 6);
}

static int load(struct vm_scene *s, enum vm_knobs which)
{
	struct xroam_bpf *k = xroam_bpf__open();
	struct bpf_map *map, *same;
	struct bpf_program *prog;

	s->skel[which] = k;
	if (!k)
		return -ENOMEM;
	size_maps(s, k);
	set_knobs(s, k, which);
	bpf_object__for_each_program(prog, k->obj)
		bpf_program__set_autoload(prog, prog == k->progs.xroam_vm_node);
	if (which)
		bpf_object__for_each_map(map, k->obj) {
			same = bpf_object__find_map_by_name(s->skel[0]->obj, bpf_map__name(map));
			if (!is_private(map) && same && bpf_map__reuse_fd(map, bpf_map__fd(same)))
				return -errno;
		}
	return xroam_bpf__load(k);
}

/* Each of them, and the map it is. */
#define MAPPED(X) X(mac_index) X(ip_index) X(vms) X(vm_ips) X(hosts) X(paths) X(ports)

static int map_all(struct vm_scene *s)
{
	struct xroam_bpf *k = s->skel[0];

#define X(name)                             \
	s->name = map_memory(k->maps.name); \
	if (!s->name)                       \
		return -ENOMEM;
	MAPPED(X)
#undef X
	s->hash_keys = map_memory(k->maps.data_hash_keys);
	s->control = map_memory(k->maps.data_vm_control);
	return s->hash_keys && s->control ? 0 : -ENOMEM;
}

/* ---- what is in them ---- */

static int fill_host(struct vm_scene *s, enum vm_way way)
{
	struct xr_path *p = &s->paths[way];
	struct xr_host *h = &s->hosts[way];

	set_addr4(p->saddr, 0x0a000001);
	set_addr4(p->daddr, 0x0a010000 + way);
	switch (way) {
	case VM_PORT:
		p->method = XR_FORWARD_PORT;
		p->ifindex = ELSEWHERE;
		break;
	case VM_IPIP:
		p->method = XR_FORWARD_IPIP;
		p->overhead = 20;
		break;
	default:
		p->method = XR_FORWARD_VXLAN;
		p->overhead = 20 + 8 + 8 + 14;
		p->dport = htons(XR_PORT_VXLAN);
		p->vni = 7;
	}
	h->path = way;
	h->method = p->method;
	h->flags = XR_HOST_USED;
	return set_nexthop(s->skel[0]->maps.nexthops, way, LOOPBACK);
}

static __u64 key_of(__u32 i)
{
	return 0x1002 | (__u64)htonl(i) << 16;
}

static int fill_vm(struct vm_scene *s, __u32 i)
{
	struct tag_table macs = { .bucket = s->mac_index, .n = s->buckets };
	struct tag_table ips = { .bucket = s->ip_index, .n = s->buckets };
	__u64 h = xr_vm_hash(s->hash_keys, key_of(i));
	__u32 index = tag_room(&macs, h), at;
	__be32 addr[XR_ADDR_WORDS];

	if (index == TAG_NOWHERE)
		return -ENOSPC;
	s->index[i] = index;
	s->vms[index].key = key_of(i);
	s->vms[index].ttl = TTL;
	tag_publish(&macs, h, index);

	set_addr4(addr, VM4_BASE + i);
	h = xr_vm_ip_hash(s->hash_keys, addr, 0, 0);
	at = tag_room(&ips, h);
	if (at == TAG_NOWHERE)
		return -ENOSPC;
	memcpy(s->vm_ips[at].addr, addr, sizeof(addr));
	s->vm_ips[at].vm = index;
	tag_publish(&ips, h, at);
	return 0;
}

/* Nobody counts seconds here; but the first of an instance is like no other. */
static int set_tick(struct vm_scene *s, __u32 tick)
{
	struct xr_clock c = { .tick = tick };
	__u32 zero = 0;

	return bpf_map_update_elem(bpf_map__fd(s->skel[0]->maps.clock), &zero, &c, BPF_ANY) ? -errno
											    : 0;
}

static int fill(struct vm_scene *s)
{
	int err = set_tick(s, 1);

	set_hash_keys(s->hash_keys);
	for (int way = VM_STAYED; way < VM_WAYS && !err; way++)
		err = fill_host(s, way ?: VM_WAYS);
	for (__u32 i = 0; i < s->n && !err; i++)
		err = fill_vm(s, i);
	return err;
}

struct vm_scene *vm_scene_open(__u32 vms)
{
	struct vm_scene *s = calloc(1, sizeof(*s));
	int err = -ENOMEM;

	if (!s)
		return NULL;
	s->n = vms;
	s->buckets = vms / (XR_TAG_LANES / 2) + 16;
	s->index = calloc(vms, sizeof(*s->index));
	if (s->index)
		err = load(s, VM_ALONE) ?: load(s, VM_AND_VIPS) ?:
		      load(s, VM_AND_IPS) ?: load(s, VM_AND_LOCAL) ?: map_all(s) ?: fill(s);
	if (!err)
		return s;
	fprintf(stderr, "bench: cannot make the instance with VMs: %s\n", strerror(-err));
	vm_scene_close(s);
	return NULL;
}

void vm_scene_close(struct vm_scene *s)
{
	if (!s)
		return;
	if (s->skel[0]) {
#define X(name) unmap_memory(s->skel[0]->maps.name, s->name);
		MAPPED(X)
#undef X
		unmap_memory(s->skel[0]->maps.data_hash_keys, s->hash_keys);
		unmap_memory(s->skel[0]->maps.data_vm_control, s->control);
	}
	for (int i = VM_KNOBS; i-- > 0;)
		xroam_bpf__destroy(s->skel[i]);
	free(s->index);
	free(s);
}

int vm_scene_prog(const struct vm_scene *s, enum vm_knobs knobs)
{
	return bpf_program__fd(s->skel[knobs]->progs.xroam_vm_node);
}

__u64 vm_scene_count(const struct vm_scene *s, enum xr_reason reason)
{
	return count_of(s->skel[0]->maps.reason_stats, s->skel[0]->maps.dev_reasons, reason);
}

static void set_all(struct vm_scene *s, struct xr_vm_now now)
{
	for (__u32 i = 0; i < s->n; i++) {
		struct xr_vm *vm = &s->vms[s->index[i]];

		vm->now = now;
		vm->ttl = now.state == XR_VM_MOVED ? TTL : 0;
		vm->next_ttl = TTL;
		vm->last = vm->deadline = 0;
		vm->flap_moves = 0;
	}
}

void vm_scene_move(struct vm_scene *s, enum vm_way way, bool locked)
{
	set_all(s,
		(struct xr_vm_now){ .host = way ?: VM_WAYS,
				    .home = way ?: VM_WAYS,
				    .state = way ? XR_VM_MOVED : XR_VM_STABLE,
				    .flags = locked ? XR_VM_LOCK : 0 });
	/* It comes in where it is. */
	s->ports[0].host = locked ? way ?: VM_WAYS : 0;
	vm_scene_control(s, 0, locked ? s->n : 0);
}

void vm_scene_prepare(struct vm_scene *s)
{
	set_all(s,
		(struct xr_vm_now){ .host = VM_PORT,
				    .home = VM_PORT,
				    .next = VM_VXLAN,
				    .state = XR_VM_PREPARED });
	s->ports[0].host = 0;
	vm_scene_control(s, s->n, 0);
}

int vm_scene_bind(struct vm_scene *s, bool bound)
{
	__u32 index = s->index[0], port = LOOPBACK, number = index + 1;
	struct xr_vm_bounds_used used = { .octets_due = { 0 } };
	struct xr_vm_bounds b = { .n_rules = XR_VM_RULES };
	struct xroam_bpf *k = s->skel[0];
	int way, i;

	s->control->bounded = bound;
	if (!bound)
		return 0;
	for (way = 0; way < XR_WAYS; way++)
		b.limit[way] = (struct xr_vm_limit){ .octet_time = 1,
						     .packet_time = 1,
						     .burst = ~0ULL >> 2 };
	for (i = 0; i < XR_VM_RULES; i++)
		b.rule[i] = (struct xr_vm_rule){ .ways = 1 << XR_WAY_OUT,
						 .family = 4,
						 .has_proto = 1,
						 .proto = IPPROTO_UDP,
						 .port = { 1, i < XR_VM_RULES - 1 ? 1 : 65535 },
						 .source_port = { 0, 65535 } };
	s->vms[index].now.flags |= XR_VM_BOUNDS;
	if (bpf_map_update_elem(bpf_map__fd(k->maps.taps), &port, &number, BPF_ANY) ||
	    bpf_map_update_elem(bpf_map__fd(k->maps.vm_bounds), &index, &b, BPF_ANY) ||
	    bpf_map_update_elem(bpf_map__fd(k->maps.vm_bounds_used), &index, &used, BPF_ANY))
		return -errno;
	return 0;
}

void vm_scene_control(struct vm_scene *s, __u32 watching, __u32 locked)
{
	s->control->watching = watching;
	s->control->locked = locked;
}
