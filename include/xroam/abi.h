/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the BPF programs and user space share: limits and the layout of every
 * map value. No functions, no libc. Fields are in host byte order unless the
 * type says __be16/__be32. Index 0 means "none" for VIPs, backends, paths and
 * CID slots. docs/maps.md tells who writes what, and in which order.
 *
 * "hot" maps are read per packet; "cold" ones only by user space.
 */
#ifndef XROAM_ABI_H
#define XROAM_ABI_H

#include <linux/types.h>
#include <xroam/cid_core.h>
#include <xroam/reasons.h>

/* Raised whenever a map's layout or a reason's number changes. */
#define XR_ABI_VERSION		1

#define XR_NAME_LEN		64	/* backend and device names, with the NUL */
#define XR_MAX_DEVICES		64
#define XR_MAX_BACKENDS		65535	/* a backend index is 16 bits */
#define XR_MAX_VIPS		65535	/* a VIP index is 16 bits */

/* An IPv4 address is stored as ::ffff:a.b.c.d, so one compare serves both. */
#define XR_ADDR_WORDS		4

/* ---- VIPs (hot) ---- */

#define XR_VIP_WAYS		8

/*
 * vip_index: hash of (address, port, protocol) -> candidates.
 * way: tag << 16 | VIP index; 0 is free. The tag is 16 other bits of the hash.
 */
struct xr_vip_bucket {
	__u32 way[XR_VIP_WAYS];
};

#define XR_VIP_FLOW		(1U << 0)	/* keep a flow table entry per 4-tuple */
#define XR_VIP_CID		(1U << 1)	/* UDP: steer by connection ID */

/* vips: a cache line each. */
struct xr_vip {
	__be32 addr[XR_ADDR_WORDS];
	__be16 port;
	__u8 proto;		/* IPPROTO_TCP or IPPROTO_UDP */
	__u8 used;		/* cold: the slot is taken */
	__u32 flags;		/* XR_VIP_* */
	/*
	 * One octet per codepoint (the top three bits of a CID's first octet,
	 * codepoint 0 in the lowest octet): slot in cid_configs, 0 for none.
	 * Written as one word, so that a rotation is one store.
	 */
	__u64 cid_slots;
	__u64 reserved[4];
};

/*
 * maglev: array of maps, one inner array per VIP index, XR_MAGLEV_ROWS long.
 * Slot s of the table is backend[s % 4] of row s / 4. An empty outer slot:
 * no backend is up.
 */
#define XR_MAGLEV_SIZE		65537
#define XR_MAGLEV_ROW		4
#define XR_MAGLEV_ROWS		((XR_MAGLEV_SIZE + XR_MAGLEV_ROW - 1) / XR_MAGLEV_ROW)

struct xr_maglev_row {
	__u16 backend[XR_MAGLEV_ROW];
};

/* ---- backends and how to reach them (hot) ---- */

enum xr_backend_state {
	XR_BACKEND_NONE,	/* no such backend */
	XR_BACKEND_UP,
	XR_BACKEND_DRAINING,
	XR_BACKEND_DOWN,
};

/* backends: eight octets, read and written as one word. */
struct xr_backend {
	__u32 path;		/* index in paths */
	__u8 state;		/* enum xr_backend_state */
	__u8 limited;		/* 1: initial_rate has a limit for it */
	__u16 reserved;
};

enum xr_forward {
	XR_FORWARD_IPIP,	/* 4in4, 6in6 and 4in6; RFC 2003, RFC 2473 */
	XR_FORWARD_GUE,		/* draft-ietf-intarea-gue, variant 1 (IP directly in UDP) */
	XR_FORWARD_VXLAN,	/* RFC 7348 */
	XR_FORWARD_L2,		/* rewrite the MAC addresses only */
};

#define XR_PORT_GUE		6080
#define XR_PORT_VXLAN		4789

/*
 * paths: how packets travel to a backend; 64 octets. Never edited while a
 * backend names it: a change fills a free path and flips xr_backend.path.
 */
struct xr_path {
	__u8 method;		/* enum xr_forward */
	__u8 ipv6;		/* 1: the outer header is IPv6 */
	/*
	 * How many low bits of the outer source are replaced by hash bits, so
	 * that ECMP sees many flows (IPIP only; 0: the source is fixed).
	 */
	__u8 source_bits;
	__u8 overhead;		/* octets put between Ethernet and the client's IP header */
	__u32 ifindex;		/* send out of this device only; 0: as routed */
	__be32 saddr[XR_ADDR_WORDS];
	__be32 daddr[XR_ADDR_WORDS];
	__be16 dport;		/* GUE, VXLAN */
	__u16 mtu;		/* largest outer IP packet; 0: as routed */
	__u32 vni;		/* VXLAN, 24 bits */
	__u8 inner_dmac[6];	/* VXLAN: the backend's MAC in its segment */
	__u8 inner_smac[6];
	__u32 reserved2;
};

/*
 * nexthops: per CPU, same index as paths. Filled by user space before the path
 * is in use, refreshed by the program from the kernel's FIB.
 */
struct xr_nexthop {
	__u8 dmac[6];
	__u8 smac[6];
	__u32 ifindex;		/* 0: never resolved */
	__u32 until;		/* tick after which the FIB is asked again */
	__u16 mtu;		/* of the route; 0: unknown */
	__u16 reserved;
};

/* initial_rate: QUIC Initials per second and backend, over all CPUs. */
struct xr_initial_rate {
	__u32 limit;		/* per second; 0: none */
	__u32 tick;		/* the second being counted */
	__u32 count;
	__u32 reserved;
};

/* ---- server IDs (hot) ---- */

#define XR_SID_WAYS		6

/*
 * server_ids: buckets of one cache line. key 0 is free. A server ID sits in
 * one of two buckets (cid_core.h); spill counts those whose first bucket is
 * this one but that sit in their second. Write backend[] before key[]; a freed
 * way is reused only after a grace period.
 */
struct xr_sid_bucket {
	__u64 key[XR_SID_WAYS];
	__u16 backend[XR_SID_WAYS];
	__u32 spill;
};

/* server_id_names (cold): the server ID behind each key, same places. */
struct xr_sid_name {
	__u8 sid[XR_SID_MAX];
	__u8 len;		/* 0: free */
};

struct xr_sid_names {
	struct xr_sid_name way[XR_SID_WAYS];
};

/* ---- CID configurations ---- */

#define XR_CID_SLOTS		32	/* slot 0 is never used */

/* cid_configs (hot): complete before a VIP's cid_slots names it. */
struct xr_cid_config {
	struct xr_cid_layout layout;
	/*
	 * AES-128 round keys, placed as XR_RK_* say: for four pass the encryption
	 * schedule, for single pass that of the equivalent inverse cipher.
	 */
	__u64 round_key[44];
};

/* cid_info (cold): what the operator said, for show, export and decode. */
struct xr_cid_info {
	__u8 used;
	__u8 config_id;
	__u8 format;		/* enum xr_cid_format */
	__u8 sid_len;
	__u8 nonce_len;
	__u8 offset;
	__u8 has_key;
	__u8 reserved;
	__u8 key[16];
};

/* ---- flow table (hot) ---- */

#define XR_FLOW_WAYS		8
#define XR_FLOW_ESTABLISHED	0x8000	/* in seen: more than its first packet came */
#define XR_FLOW_SEEN		0x7fff	/* in seen: tick of the last packet, 15 bits */

/*
 * flows: an entry is eight octets, read and exchanged as one word. tag: 31 bits
 * of the keyed hash of the 4-tuple, other than those that choose the bucket,
 * and a 1. All zero: free.
 */
struct xr_flow {
	__u32 tag;
	__u16 backend;
	__u16 seen;
} __attribute__((aligned(8)));	/* or BPF reads it in two halves */

struct xr_flow_bucket {
	struct xr_flow way[XR_FLOW_WAYS];
};

/* hash_keys: one element, random unless the configuration has a secret. */
struct xr_hash_keys {
	__u64 key[16];
	__u64 zero;		/* always 0, which the verifier does not know */
};

/* ---- counters (per CPU) ---- */

struct xr_counter {
	__u64 packets;
	__u64 bytes;		/* from the Ethernet header on */
};

struct xr_backend_counter {
	__u64 packets;
	__u64 bytes;
	__u64 initials;		/* QUIC Initials, refused ones too */
	__u64 by_cid;		/* packets of these that a CID brought here */
};

/* dev_stats: by device slot, and within it by kind of verdict. */
struct xr_dev_counter {
	struct xr_counter kind[XR_KIND_NOTE];
};

/* reply_gate: per CPU. */
struct xr_reply_gate {
	__u32 tick;
	__u32 sent;		/* in that tick */
};

/* ---- devices and the instance (cold) ---- */

enum xr_attach_mode { XR_MODE_NATIVE = 1, XR_MODE_GENERIC };
enum xr_attach_how { XR_ATTACH_SINGLE = 1, XR_ATTACH_DISPATCHER };
enum xr_role { XR_ROLE_NODE = 1, XR_ROLE_BACKEND };

struct xr_device {
	__u32 ifindex;		/* 0: the slot is free */
	__u32 prog_id;
	__u8 mode;		/* enum xr_attach_mode */
	__u8 how;		/* enum xr_attach_how */
	__u8 role;		/* enum xr_role */
	__u8 reserved[5];
	__u64 netns;		/* inode of the network namespace the device is in */
	__u64 attached;		/* seconds since the epoch */
	char name[XR_NAME_LEN];
};

enum xr_too_big { XR_TOO_BIG_REPLY, XR_TOO_BIG_DROP };
enum xr_down { XR_DOWN_DROP, XR_DOWN_FALLBACK };

struct xr_policy {
	__u8 too_big;		/* enum xr_too_big */
	__u8 down;		/* enum xr_down: a routable CID whose server is down */
	__u16 flow_idle;	/* seconds, 1..16000 */
	__u16 reply_rate;	/* ICMP replies per second and CPU */
	__u8 source_bits;	/* host bits of source4 (see xr_path) */
	__u8 source6_bits;
	__be32 source4;		/* IPIP outer source, network part */
	__be32 source6[XR_ADDR_WORDS];
};

struct xr_limits {
	__u32 vips;
	__u32 backends;
	__u32 server_ids;
	__u32 flows;
};

/* meta: one element. */
struct xr_meta {
	__u32 abi;		/* XR_ABI_VERSION */
	__u32 reserved;
	struct xr_limits limits;
	struct xr_policy policy;
	__u64 created;		/* seconds since the epoch */
	__u8 secret_set;	/* 1: hash_keys come from the configuration's secret */
	__u8 reserved2[7];
	__u8 secret[32];
};

/* backend_info: what the operator said of a backend. */
struct xr_backend_info {
	char name[XR_NAME_LEN];
	__be32 addr[XR_ADDR_WORDS];
	__u32 weight;
	__u32 initial_rate;
	__u32 vni;
	__u16 port;		/* tunnel port, 0: the method's own */
	__u8 forward;		/* enum xr_forward */
	__u8 state;		/* enum xr_backend_state, NONE: free */
	__u8 mac[6];		/* VXLAN: inner MAC; L2: server's MAC; zero: ask the kernel */
	__u8 vm_mac[6];		/* zero: not tied to a VM */
	__u16 vm_vlan;
	__u16 reserved;
	char dev[16];		/* empty: as routed */
};

/* members: which backends stand behind which VIP. Hash; the value is unused. */
struct xr_member {
	__u16 vip;
	__u16 backend;
};

/* clock: one element; a BPF timer adds to it once a second. */
struct xr_clock {
	__u64 timer[2];		/* struct bpf_timer */
	__u32 tick;
	__u32 reserved;
};

/*
 * Set in the program's read-only data before load; a change means a reload.
 * The verifier folds them, so what is off costs nothing.
 */
struct xr_knobs {
	__u32 dev_slot;		/* index in dev_stats and devices */
	__u32 ifindex;		/* the device itself; 0: take the packet's */
	__u32 vip_mask;		/* buckets - 1 */
	__u32 sid_mask;
	__u32 flow_mask;
	__u16 flow_idle;
	__u16 reply_rate;
	__u8 too_big;
	__u8 down;
	__u8 trace;		/* 1: fill the trace map (xroam explain) */
	__u8 reserved;
};

/* ---- events and traces ---- */

enum xr_event_kind {
	XR_EVENT_PACKET = 1,	/* a drop, at most one a second, reason and CPU */
	XR_EVENT_CHANGE,	/* a command changed something */
};

/* events: ring buffer. */
struct xr_event {
	__u64 when_ns;		/* CLOCK_MONOTONIC */
	__u32 kind;		/* enum xr_event_kind */
	__u32 reason;		/* PACKET: enum xr_reason */
	__u16 vip;		/* indices, 0: none */
	__u16 backend;
	__be16 sport;
	__be16 dport;
	__be32 saddr[XR_ADDR_WORDS];
	__be32 daddr[XR_ADDR_WORDS];
	char text[128];		/* CHANGE: one line, NUL-terminated */
};

#define XR_TRACE_CID		(1U << 0)	/* a CID was looked at */
#define XR_TRACE_SID		(1U << 1)	/* it decoded to sid */
#define XR_TRACE_CACHED		(1U << 2)	/* the next hop came from the cache */
#define XR_TRACE_INITIAL	(1U << 3)
#define XR_TRACE_LONG		(1U << 4)	/* QUIC long header */
#define XR_TRACE_ICMP		(1U << 5)	/* addresses are the quoted packet's, reversed */

/* trace: one element; what explain prints. */
struct xr_trace {
	__u32 flags;		/* XR_TRACE_* */
	__u32 reason;		/* the verdict's */
	__u32 action;		/* enum xdp_action */
	__u32 vlans;		/* number of tags */
	__be32 saddr[XR_ADDR_WORDS];
	__be32 daddr[XR_ADDR_WORDS];
	__be16 sport;
	__be16 dport;
	__u8 proto;
	__u8 ipv6;
	__u8 cid_slot;
	__u8 cid_len;		/* octets there are for the CID (short header: at most) */
	__u8 cid[20];
	__u8 sid[16];
	__u8 sid_len;
	__u8 reserved[3];
	__u16 vip;
	__u16 backend;
	__u32 path;
	__u32 ifindex;		/* egress */
	__u32 notes[2];		/* bit (reason - 1) % 32 of word (reason - 1) / 32 */
};

#endif
