/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every map, one line of purpose each. Sizes here are placeholders: user space
 * sets them from the instance's limits before it creates the maps. Layouts and
 * the order of writes: include/xroam/abi.h and docs/maps.md.
 */
#ifndef XROAM_BPF_MAPS_H
#define XROAM_BPF_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <xroam/abi.h>

#define XR_ARRAY(name, value_type, flags)         \
	struct {                                  \
		__uint(type, BPF_MAP_TYPE_ARRAY); \
		__uint(max_entries, 1);           \
		__uint(map_flags, flags);         \
		__type(key, __u32);               \
		__type(value, value_type);        \
	} name SEC(".maps")

#define XR_PERCPU(name, value_type, entries)             \
	struct {                                         \
		__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); \
		__uint(max_entries, entries);            \
		__type(key, __u32);                      \
		__type(value, value_type);               \
	} name SEC(".maps")

/* Written by user space through a shared mapping, read per packet. */
XR_ARRAY(vip_index, struct xr_vip_bucket, BPF_F_MMAPABLE);  /* (address, port, protocol) -> VIP */
XR_ARRAY(vips, struct xr_vip, BPF_F_MMAPABLE);              /* a VIP: its key, flags, CID slots */
XR_ARRAY(backends, struct xr_backend, BPF_F_MMAPABLE);      /* a backend: state and path */
XR_ARRAY(paths, struct xr_path, BPF_F_MMAPABLE);            /* how packets travel to a backend */
XR_ARRAY(server_ids, struct xr_sid_bucket, BPF_F_MMAPABLE); /* server ID -> backend */
XR_ARRAY(server_id_dir, struct xr_sid_bucket, BPF_F_MMAPABLE); /* the same: dense ones -> page */
XR_ARRAY(server_id_pages, struct xr_sid_page, BPF_F_MMAPABLE); /* last octet -> backend */

XR_ARRAY(mac_index, struct xr_tag_bucket, BPF_F_MMAPABLE); /* (VLAN, MAC) -> vm_index in vms */
XR_ARRAY(ip_index, struct xr_tag_bucket, BPF_F_MMAPABLE);  /* address -> vm_index in vm_ips */
XR_ARRAY(vm_ips, struct xr_vm_ip, BPF_F_MMAPABLE);         /* a VM's address */
XR_ARRAY(hosts, struct xr_host, BPF_F_MMAPABLE);           /* a host: how it is reached */
XR_ARRAY(ports, struct xr_port, BPF_F_MMAPABLE); /* a device: who lives behind it, is it trusted */

/*
 * The same, but named sections of data: what every packet reads is found at an
 * address known at load, not by a lookup. Their maps lose the ".data." (plane).
 */
struct xr_hash_keys hash_keys SEC(".data.hash_keys");    /* the secret behind every hash */
struct xr_vm_control vm_control SEC(".data.vm_control"); /* whether source addresses matter now */
struct xr_vip_filter vip_filter SEC(".data.vip_filter"); /* which addresses may be a VIP's */
struct xr_cid_config cid_configs[XR_CID_SLOTS] SEC(
	".data.cid_configs");                /* how to find the server ID in a CID */
struct xr_second second SEC(".data.second"); /* the clock's tick */

/* Written by the program too. */
XR_ARRAY(vms, struct xr_vm, BPF_F_MMAPABLE);          /* a VM: where it is, and its move */
XR_ARRAY(vm_info, struct xr_vm_info, BPF_F_MMAPABLE); /* its binding, sequence number, counts */
XR_ARRAY(rings, struct xr_ring, BPF_F_MMAPABLE);      /* what went into a prepared VM's tap */
XR_ARRAY(ring_frames, struct xr_ring_frame, BPF_F_MMAPABLE); /* the frames themselves */
XR_ARRAY(flows, struct xr_flow_bucket, BPF_F_MMAPABLE);      /* 4-tuple -> backend */
XR_ARRAY(initial_rate, struct xr_initial_rate,
	 BPF_F_MMAPABLE);                  /* QUIC Initials per second, where limited */
XR_PERCPU(nexthops, struct xr_nexthop, 1); /* MACs and device per path */
XR_PERCPU(ready, struct xr_ready, 1);      /* what is in front of a packet, per path */

/* Counters. */
XR_PERCPU(reason_stats, struct xr_counter, XR_REASON_MAX); /* per reason, but no verdict of XDP */
XR_PERCPU(vip_stats, struct xr_counter, 1);                /* per VIP */
XR_PERCPU(cid_stats, struct xr_cid_counter, 1);            /* per VIP: not steered by CID */
XR_PERCPU(backend_stats, struct xr_backend_counter, 1);    /* per backend */
XR_PERCPU(host_stats, struct xr_counter, 1);               /* per host: redirected to it */
XR_PERCPU(dev_reasons, struct xr_dev_reasons, XR_MAX_DEVICES); /* verdicts per device */

/* Only user space reads these. */
XR_PERCPU(dev_stats, struct xr_dev_counter,
	  XR_MAX_DEVICES);                           /* what its device's kinds begin from */
XR_ARRAY(meta, struct xr_meta, BPF_F_MMAPABLE);      /* ABI version, limits, policy */
XR_ARRAY(devices, struct xr_device, BPF_F_MMAPABLE); /* where programs are attached */
XR_ARRAY(drain, struct xr_drain, BPF_F_MMAPABLE);    /* whether the node is out of service */
XR_ARRAY(drained, struct xr_device, BPF_F_MMAPABLE); /* what was attached before */
XR_ARRAY(backend_info, struct xr_backend_info,
	 BPF_F_MMAPABLE); /* as the operator configured a backend */
XR_ARRAY(health_checks, struct xr_health_check, BPF_F_MMAPABLE); /* as the operator wants them */
XR_ARRAY(vip_checks, struct xr_vip_check, BPF_F_MMAPABLE);       /* a VIP's health check */
XR_ARRAY(backend_health, struct xr_backend_health,
	 BPF_F_MMAPABLE); /* a backend's health check, and what came of it */
XR_ARRAY(host_info, struct xr_host_info, BPF_F_MMAPABLE); /* as the operator configured a host */
XR_ARRAY(gateways, struct xr_gateway, BPF_F_MMAPABLE); /* whom announcements are translated for */
XR_ARRAY(tc_hooks, struct xr_tc_hook, BPF_F_MMAPABLE); /* where tc programs are attached */
XR_ARRAY(cid_info, struct xr_cid_info,
	 BPF_F_MMAPABLE); /* as the operator configured a CID configuration */
XR_ARRAY(server_id_names, struct xr_sid_names, BPF_F_MMAPABLE); /* the server ID behind each key */

struct { /* (VIP, backend) pairs */
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct xr_member);
	__type(value, __u32);
} members SEC(".maps");

#define XR_HASH(name, key_type, value_type, entries)  \
	struct {                                      \
		__uint(type, BPF_MAP_TYPE_HASH);      \
		__uint(max_entries, entries);         \
		__uint(map_flags, BPF_F_NO_PREALLOC); \
		__type(key, key_type);                \
		__type(value, value_type);            \
	} name SEC(".maps")

XR_HASH(vip_addresses, __be32[XR_ADDR_WORDS], __u32, 1); /* VIPs' addresses -> XR_VIP_ADDR_* */
XR_HASH(vip_announced, struct xr_announced_key, struct xr_announced, 1); /* who is announced */
XR_HASH(tunnel_hosts, struct xr_tunnel_key, __u32, 1); /* tunnel's far end -> host */
XR_HASH(outers, struct xr_outer_key, struct xr_outer,
	1);                                        /* outer header -> path, and its learned MTU */
XR_HASH(locked_macs, __u64, struct xr_locked, 1);  /* a MAC -> VMs that have it, locked */
XR_HASH(vm_bounds, __u32, struct xr_vm_bounds, 1); /* VM -> its limits and rules */
XR_HASH(vm_bounds_used, __u32, struct xr_vm_bounds_used, 1); /* and what it has used of them */
XR_HASH(protected, struct xr_protected, __u32, 4096);        /* what no announcement may claim */
XR_HASH(tunnel_ends, struct xr_end, __u64, 8192); /* role backend: whose tunnels end here */
XR_HASH(taps, __u32, __u32, XR_MAX_TC_HOOKS);     /* a VM's port -> its vm_index, plus one */

struct maglev_table {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u16[XR_MAGLEV_MOST]);
};

struct { /* VIP -> its Maglev table */
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct maglev_table);
} maglev SEC(".maps");

#define EVENT_ROOM (256 * 1024)

struct { /* events for xroam monitor */
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, EVENT_ROOM);
} events SEC(".maps");

struct { /* the same of VMs, for the daemon */
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, EVENT_ROOM);
} vm_events SEC(".maps");

/* Not pinned: private to one loaded program. */
#define EVENT_SHARES 16 /* and one for what is nobody's */

struct event_gate {
	__u32 tick, posted;
};

XR_PERCPU(event_gate, struct event_gate,
	  XR_REASON_MAX *(EVENT_SHARES + 1)); /* a reason's events in this tick */
XR_PERCPU(reply_gate, struct xr_reply_gate,
	  2 * XR_REPLY_GROUPS);                   /* ICMP replies in this tick: errors, pings */
XR_ARRAY(trace, struct xr_trace, BPF_F_MMAPABLE); /* what xroam explain and probes read */

/* struct xr_clock with its timer's real type, which only BPF may name. */
struct clock_value {
	struct bpf_timer timer;
	__u32 tick;
	__u32 events_lost;
};

_Static_assert(sizeof(struct clock_value) == sizeof(struct xr_clock),
	       "xr_clock mirrors clock_value");

struct { /* seconds, kept by a BPF timer */
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct clock_value);
} clock SEC(".maps");

#endif
