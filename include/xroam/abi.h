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

/*
 * Raised once per release in which a map's layout or a reason's number changed. An
 * instance with the layout before is converted: user/plane/layout.c has how.
 */
#define XR_ABI_VERSION 4

#define XR_NAME_LEN     64 /* backend and device names, with the NUL */
#define XR_MAX_DEVICES  64
#define XR_MAX_BACKENDS 65535 /* a backend index is 16 bits */
#define XR_MAX_VIPS     65535 /* a VIP index is 16 bits */
#define XR_MAX_HOSTS    65534 /* a host index is 16 bits */
#define XR_MAX_VMS      (1U << 22)
#define XR_MAX_RINGS    254
#define XR_MAX_VLAN     4094 /* 4095 is reserved; 0 stands for untagged */
#define XR_MAX_VNI      0xffffff
#define XR_MAX_WEIGHT   65535

/* An IPv4 address is stored as ::ffff:a.b.c.d, so one compare serves both. */
#define XR_ADDR_WORDS 4

/* ---- VIPs (hot) ---- */

#define XR_VIP_WAYS 8

/*
 * vip_index: hash of (address, port, protocol) -> candidates.
 * way: tag << 16 | VIP index. The tag is 16 other bits of the hash. 0 is free, and so is
 * all behind it: what is taken away before others leaves a hole, which is no VIP's.
 */
#define XR_VIP_HOLE 0xffff0000U

struct xr_vip_bucket {
	__u32 way[XR_VIP_WAYS];
};

#define XR_VIP_FLOW     (1U << 0) /* keep a flow table entry per 4-tuple */
#define XR_VIP_CID      (1U << 1) /* UDP: steer by connection ID */
#define XR_VIP_ANNOUNCE (1U << 2) /* cold: its address has a route while it serves */

/* vips: a cache line each. */
struct xr_vip {
	__be32 addr[XR_ADDR_WORDS];
	__be16 port;
	__u8 proto;  /* IPPROTO_TCP or IPPROTO_UDP */
	__u8 used;   /* cold: the slot is taken */
	__u32 flags; /* XR_VIP_* */
	/*
	 * One octet per codepoint (the top three bits of a CID's first octet,
	 * codepoint 0 in the lowest octet): slot in cid_configs, 0 for none.
	 * Written as one word, so that a rotation is one store.
	 */
	__u64 cid_slots;
	__u16 pool;   /* see struct xr_backend; 0: none is equal to it */
	__u16 min_up; /* cold: it serves while so many backends are up; 0: one */
	__u16 reserved[14];
};

/*
 * vip_addresses: hash; every address that a VIP has. vip_filter: one element, a
 * bit per hash of an IPv4 one (hash.h); what is not in it is none.
 */
#define XR_VIP_ADDR_LOCAL (1U << 0) /* the machine has it, too: the kernel's */

#define XR_VIP_FILTER_WORDS 512

struct xr_vip_filter {
	__u64 word[XR_VIP_FILTER_WORDS];
};

/*
 * vip_announced (cold): hash; what was decided of an address with a VIP to be announced, in
 * a network namespace that packets come in by. The kernel's route follows it.
 */
struct xr_announced_key {
	__be32 addr[XR_ADDR_WORDS];
	__u64 netns; /* as in xr_device */
};

/* Why a VIP is not announced. */
enum xr_serve {
	XR_SERVES, /* it is */
	XR_SERVE_DRAINED,
	XR_SERVE_NO_PROGRAM, /* none runs on a device with role node */
	XR_SERVE_LINK_DOWN,  /* no device with one is up with carrier */
	XR_SERVE_BACKENDS,   /* fewer than min_up backends are up */
	XR_SERVE_HELD,       /* it serves again, but not for long enough yet */
	XR_SERVE_REFUSED,    /* the kernel refuses the route */
};

struct xr_announced {
	__u8 announced;
	__u8 why;    /* enum xr_serve */
	__u16 vip;   /* BACKENDS: the one that lacks them; others may have the address, too */
	__u32 error; /* REFUSED: errno */
	__u64 since; /* seconds since the epoch that announced is what it is */
	__u64 until; /* HELD: CLOCK_MONOTONIC, in milliseconds, when it is announced */
};

/*
 * maglev: array of maps, one inner array per VIP index, with one element: the backends
 * of all slots, limits.maglev of them. An empty outer slot: no backend is up.
 */
#define XR_MAGLEV_MOST 65537

/* ---- backends and how to reach them (hot) ---- */

enum xr_backend_state {
	XR_BACKEND_NONE, /* no such backend */
	XR_BACKEND_UP,
	XR_BACKEND_DRAINING,
	XR_BACKEND_DOWN,
};

/* backends: eight octets, read and written as one word. */
struct xr_backend {
	__u32 path; /* index in paths */
	__u8 state; /* enum xr_backend_state */
	__u8 flags; /* XR_BACKEND_* */
	/*
	 * The same for all backends that stand behind the same VIPs. Where it is
	 * a VIP's too, they stand behind that one; else members is asked.
	 */
	__u16 pool;
};

#define XR_BACKEND_VM      (1U << 0) /* it is a VM: what is built for it may be redirected */
#define XR_BACKEND_LIMITED (1U << 1) /* initial_rate has a limit for it */

enum xr_forward {
	XR_FORWARD_IPIP,  /* 4in4, 6in6 and 4in6; RFC 2003, RFC 2473 */
	XR_FORWARD_GUE,   /* draft-ietf-intarea-gue, variant 1 (IP directly in UDP) */
	XR_FORWARD_VXLAN, /* RFC 7348 */
	XR_FORWARD_L2,    /* rewrite the MAC addresses only */
	XR_FORWARD_PORT,  /* hosts only: the frame as it is, out of ifindex */
};

#define XR_PORT_GUE   6080
#define XR_PORT_VXLAN 4789

/*
 * paths: how packets travel to a backend; 64 octets. Never edited while a
 * backend names it: a change fills a free path and flips xr_backend.path.
 */
struct xr_path {
	__u8 method; /* enum xr_forward */
	__u8 ipv6;   /* 1: the outer header is IPv6 */
	/*
	 * How many low bits of the outer source are replaced by hash bits, so
	 * that ECMP sees many flows (IPIP only; 0: the source is fixed).
	 */
	__u8 source_bits;
	__u8 overhead; /* octets put between Ethernet and the client's IP header */
	__u32 ifindex; /* send out of this device only; 0: as routed */
	__be32 saddr[XR_ADDR_WORDS];
	__be32 daddr[XR_ADDR_WORDS];
	__be16 dport; /* GUE, VXLAN */
	/*
	 * Largest outer IP packet now: the least of what the FIB says, route_mtu and
	 * what was learned (outers); written by the program, too. 0: unknown.
	 */
	__u16 mtu;
	__u32 vni;          /* VXLAN, 24 bits */
	__u8 inner_dmac[6]; /* VXLAN: the backend's MAC in its segment */
	__u8 inner_smac[6];
	__u16 asked;     /* tick, its low bits plus one, of the last request for its neighbour */
	__u16 route_mtu; /* the route's own, which the FIB has only where it is locked; 0: none */
};

/*
 * nexthops: per CPU, same index as paths. Filled by user space before the path
 * is in use, refreshed by the program from the kernel's FIB.
 */
struct xr_nexthop {
	__u8 dmac[6];
	__u8 smac[6];
	__u32 ifindex; /* 0: never resolved */
	__u32 until;   /* tick after which the FIB is queried again */
	__u16 mtu;     /* as the FIB last had it; 0: unknown */
	__u16 unsure;  /* tick, its low bits, since when the FIB confirms it no more; 0: it does */
	/*
	 * Which the route names, ifindex being the port of it that leads there; 0:
	 * none. Where ifindex is 0: the device that smac is of.
	 */
	__u32 bridge;
	__u32 gateway; /* xr_address_print() of the neighbour that dmac is of */
};

/*
 * ready: per CPU, same index as paths: what is put in front of a packet, of paths with IPIP.
 * Made by the program from path and next hop, for a second at most. Before a path is filled,
 * and where its next hop or MTU changes, user space makes mtu and mtu6 0 on all CPUs.
 */
struct xr_ready {
	__u16 mtu;   /* as in xr_path, or 65535, where the tunnel is over IPv4; else 0 */
	__u16 mtu6;  /* likewise over IPv6; both 0: nothing is ready */
	__u32 until; /* tick after which it has to be made anew */
	__u8 macs[12];
	__u32 ifindex;
	union {
		__be32 word[5]; /* the IPv4 header, but for TOS, length and checksum */
		__be32 saddr[4];
	};
	__be32 source_mask; /* bits of the source that the flow chooses */
	union {
		__u32 sum; /* of word[] but the first, not complemented, in 16 bits */
		__be32 daddr[4];
	};
};

/*
 * outers: hash, what an outer header begins with -> one of the paths that make such
 * ones, and how narrow the way turned out to be: for all of them. Entries are user
 * space's, what was learned is the program's.
 */
#define XR_MTU_AGE 600 /* ticks that it is believed (RFC 1191 §6.3, RFC 8201 §4) */

struct xr_outer_key {
	__be32 addr[XR_ADDR_WORDS]; /* destination */
	__u32 vni;                  /* VXLAN */
	__be16 dport;               /* GUE, VXLAN; 0: IPIP */
	__u16 reserved;
};

/* Read and written as one word. */
struct xr_outer_mtu {
	__u16 mtu; /* 0: nothing was learned */
	__u16 reserved;
	__u32 until; /* tick after which it is not believed */
} __attribute__((aligned(8)));

struct xr_outer {
	struct xr_outer_mtu now;
	__be32 from[XR_ADDR_WORDS]; /* who sent the ICMP error */
	__u32 path;
	__u32 reserved;
};

/* initial_rate: QUIC Initials per second and backend, over all CPUs. */
struct xr_initial_rate {
	__u32 limit; /* per second; 0: none */
	__u32 tick;  /* the second being counted */
	__u32 count;
	__u32 reserved;
};

/* ---- server IDs (hot) ---- */

#define XR_SID_WAYS 6

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

/* server_id_names (cold): the server ID behind each key, same way of the same bucket. */
struct xr_sid_name {
	__u8 sid[XR_SID_MAX];
	__u8 len; /* 0: free */
};

struct xr_sid_names {
	struct xr_sid_name way[XR_SID_WAYS];
};

/*
 * Where server IDs are dense they are not in server_ids, but in pages: those that differ in
 * their last octet only share one. server_id_dir has buckets as above: the key of all other
 * octets (cid_core.h), and in backend[] the page's number. A page is complete before its key
 * is written, and is used again a grace period after that was cleared.
 *
 * server_id_pages: by the last octet. Page 0 is all zero: who has no page has no backend.
 */
#define XR_SID_PAGE 256

struct xr_sid_page {
	__u16 backend[XR_SID_PAGE];
};

/* ---- CID configurations ---- */

#define XR_CID_SLOTS 32 /* slot 0 is never used */

/* cid_configs (hot): one element, all slots; complete before a VIP's cid_slots names it. */
struct xr_cid_config {
	struct xr_cid_layout layout;
	/*
	 * AES-128 round keys, placed as XR_RK_* say: for four pass the encryption
	 * schedule, for single pass that of the equivalent inverse cipher.
	 */
	__u64 round_key[44];
};

/* cid_info (cold): as configured, for show, export and decode. */
struct xr_cid_info {
	__u8 used;
	__u8 config_id;
	__u8 format; /* enum xr_cid_format */
	__u8 sid_len;
	__u8 nonce_len;
	__u8 offset;
	__u8 has_key;
	__u8 reserved;
	__u8 key[16];
};

/* ---- flow table (hot) ---- */

#define XR_FLOW_WAYS        8
#define XR_FLOW_ESTABLISHED 0x8000 /* in seen: more than its first packet came */
#define XR_FLOW_CLOSING     0x4000 /* in seen: FIN or RST came, and no data since */
#define XR_FLOW_SEEN        0x3fff /* in seen: tick of the last packet, 14 bits */

/*
 * flows: an entry is eight octets, read and exchanged as one word. tag: 31 bits
 * of the keyed hash of the 4-tuple, other than those that choose the bucket,
 * and a 1. All zero: free.
 */
struct xr_flow {
	__u32 tag;
	__u16 backend;
	__u16 seen;
} __attribute__((aligned(8))); /* or BPF reads it in two halves */

struct xr_flow_bucket {
	struct xr_flow way[XR_FLOW_WAYS];
};

/* hash_keys: one element, random unless the configuration has a secret. */
struct xr_hash_keys {
	__u64 key[16];
	__u64 zero; /* always 0, which the verifier does not know */
};

/* ---- VMs and hosts ---- */

/*
 * Two indexes of one kind: mac_index finds a VM in vms, ip_index an address in
 * vm_ips. A bucket is eight tags; lane l of bucket b stands for index
 * 8 * b + l of the table behind it. A tag is 15 bits of the keyed hash, never
 * 0; 0 is free. Its top bit belongs to the bucket, not to the lane: set in lane
 * 0, some keys of this first bucket sit in their second one (hash.h). Small, so
 * that a miss is answered by the cache: 4 octets per VM the limit allows.
 *
 * Write the entry before its tag; clear the tag before the entry; use an index
 * again after a grace period.
 */
#define XR_TAG_LANES 8
#define XR_TAG_SPILL 0x8000

struct xr_tag_bucket {
	__u16 tag[XR_TAG_LANES];
} __attribute__((aligned(8)));

enum xr_vm_state {
	XR_VM_NONE,
	XR_VM_STABLE,   /* nothing to do: the network knows where it is */
	XR_VM_PREPARED, /* at host; next is believed when it speaks */
	XR_VM_BLACKOUT, /* stands still: copied to next, delivered at host */
	XR_VM_MOVED,    /* at host; redirected until ttl after the last hit */
};

#define XR_VM_LOCK   (1U << 0) /* the binding is enforced at the ports */
#define XR_VM_FROZEN (1U << 1) /* flapped: at home until the operator's word */
#define XR_VM_LOOP   (1U << 2) /* its own frames came back: not redirected */
#define XR_VM_BOUNDS (1U << 3) /* it has an element in vm_bounds */
/* A move changes none of these. */
#define XR_VM_KEPT (XR_VM_LOCK | XR_VM_BOUNDS)

/* Read, stored and compare-and-exchanged as one word, by both sides. */
struct xr_vm_now {
	__u16 host; /* where it is; index in hosts */
	__u16 next; /* where it goes; 0: nowhere */
	__u16 home; /* the last authoritative word (not a sniffed one) */
	__u8 state; /* enum xr_vm_state */
	__u8 flags; /* XR_VM_* */
} __attribute__((aligned(8)));

/* vms: a cache line each. A VM keeps its index as long as it is known. */
struct xr_vm {
	__u64 key; /* VLAN << 48 | MAC, its first octet lowest */
	struct xr_vm_now now;
	__u64 hits;        /* frames redirected */
	__u32 last;        /* tick of the last hit, or of the move */
	__u32 ttl;         /* ticks a redirect lives without a hit */
	__u32 deadline;    /* PREPARED, BLACKOUT: over at this tick; 0: never */
	__u32 tap;         /* ifindex of its port on this machine; 0: none known */
	__u32 flap_since;  /* tick of the first move of the window (RFC 7432 §15.1) */
	__u16 flap_moves;  /* moves in it */
	__u8 ring;         /* its ring in rings, plus one; 0: none */
	__u8 echoes;       /* frames like the sample within a tick */
	__u32 sample;      /* word of a redirected frame, once a tick; see echo.h */
	__u16 sample_tick; /* low bits of the tick plus one; 0: none yet */
	__u16 mark;        /* low bits of hits when the sample was taken */
	__u32 next_ttl;    /* PREPARED, BLACKOUT: ttl once it has moved */
	__u32 print;       /* the sample's fingerprint */
};

/*
 * vm_ips: address and segment -> VM. All zero: free. By the address's hash alone are
 * found the VM without a VLAN and one other that have it; more of them, in other
 * VLANs, by the hash of address and VLAN. All of them are marked as shared then, and
 * are for who knows the segment.
 */
struct xr_vm_ip {
	__be32 addr[XR_ADDR_WORDS];
	__u32 vm;     /* index in vms */
	__u16 vlan;   /* the VM's */
	__u16 shared; /* 1: others have the address, too */
};

#define XR_HOST_USED  (1U << 0)
#define XR_HOST_LOCAL (1U << 1) /* this machine */

/* hosts (hot): read and written as one word. Index 0: none. */
struct xr_host {
	__u32 path;  /* index in paths; 0 for a local host */
	__u8 method; /* enum xr_forward */
	__u8 flags;  /* XR_HOST_* */
	__u16 vlan;  /* VXLAN: of the VMs in its segment */
} __attribute__((aligned(8)));

/*
 * locked_macs: hash, MAC -> the VMs with a lock that have it, whatever VLAN they
 * are in. Replaced whole; one that has no lock (any more) does not count.
 */
#define XR_LOCKED_SAME 15

struct xr_locked {
	__u32 place[XR_LOCKED_SAME]; /* numbers: index in vms plus one; 0: none */
	__u32 more;                  /* 1: there are more than these */
};

/*
 * tunnel_hosts: hash; whose tunnel an inner frame or packet came out of. With no
 * address: any host that the VNI's segment is at, this machine before others.
 */
struct xr_tunnel_key {
	__be32 addr[XR_ADDR_WORDS]; /* outer source */
	__u32 vni;                  /* VXLAN; 0 for IPIP and GUE */
};

/* What looks at the source of a frame that comes in, and by which key. */
enum xr_switch {
	XR_SWITCH_NONE,  /* no switch: a tag's VLAN is a device of its own */
	XR_SWITCH_MACS,  /* a bridge that knows no VLANs: the MAC alone */
	XR_SWITCH_VLANS, /* one that does: the tag's VLAN, or the port's */
	XR_SWITCH_OTHER, /* another one: which VLAN is an untagged frame's? */
};

/*
 * ports: by device slot (knobs.dev_slot). Words are stored as such; own is
 * good as long as that VM's tap is this device.
 */
struct xr_port {
	__u16 host;   /* `host add NAME dev DEV`: who lives behind it; 0: many */
	__u8 trusted; /* `policy moves: ports` believes what comes in here */
	__u8 sw;      /* enum xr_switch */
	__u16 pvid;   /* XR_SWITCH_VLANS: VLAN of untagged frames; XR_SWITCH_MACS: */
		      /* the one that the bridge is of, by its VLAN or VXLAN device; 0: none */
	__be16 tpid;  /* and the tags that it knows */
	__u64 mac;    /* the device's own, its first octet lowest; 0: not known */
	__u32 own;    /* a VM's own port: its index plus one; 0: not known */
	__u32 reserved;
};

#define XR_REPLY_GROUPS 256

/* vm_control (hot): one element; what makes source addresses worth a look. */
struct xr_vm_control {
	__u32 watching;  /* VMs that are PREPARED or in BLACKOUT */
	__u32 locked;    /* VMs with XR_VM_LOCK */
	__u32 vms;       /* cold: how many are known */
	__u32 addresses; /* cold: of theirs, in vm_ips */
	__u32 bounded;   /* VMs with XR_VM_BOUNDS */
	__u32 reserved[11];
};

/* ---- what a VM may send and get at its own port ---- */

enum xr_way { XR_WAY_IN, XR_WAY_OUT, XR_WAYS }; /* to the VM, from it */

#define XR_VM_RULES 16

/* One line of a VM's list; the first that fits a packet decides. */
struct xr_vm_rule {
	__be32 addr[XR_ADDR_WORDS]; /* the other side's, as in struct xr_vip */
	__be32 mask[XR_ADDR_WORDS]; /* its prefix; addr has no bit beside it */
	__u16 port[2];              /* destination: from, to */
	__u16 source_port[2];       /* 0, 65535: any, and such need not be known */
	__u8 ways;                  /* a bit per enum xr_way */
	__u8 family;                /* 4, 6; 0: both */
	__u8 proto;                 /* where has_proto */
	__u8 has_proto;
	__u8 deny;
	__u8 reserved[3];
};

struct xr_vm_limit {
	__u64 bits;        /* as configured, per second; 0: no such limit */
	__u64 packets;     /* the same */
	__u64 octet_time;  /* of one octet, in 2^-20 ns */
	__u64 packet_time; /* of one packet, in units of XR_LIMIT_NS */
	__u64 burst;       /* how far it may be ahead, in the same units */
};

#define XR_LIMIT_NS          16      /* so many units of time are a nanosecond */
#define XR_LIMIT_MIN         8000ULL /* bits a second */
#define XR_LIMIT_MAX         10000000000000ULL
#define XR_LIMIT_PACKETS_MAX 1000000000ULL
#define XR_BURST_MS          100 /* unless configured */
#define XR_BURST_MS_MAX      10000

/* vm_bounds (hot): hash, index in vms -> what is configured; replaced whole. */
struct xr_vm_bounds {
	__u32 n_rules;
	__u8 deny; /* what no rule fits */
	__u8 reserved[3];
	struct xr_vm_limit limit[XR_WAYS];
	struct xr_vm_rule rule[XR_VM_RULES];
};

/* vm_bounds_used (hot): the same key; written by the programs. */
struct xr_vm_bounds_used {
	__u64 octets_due[XR_WAYS];  /* when what was sent would have been, at the limit's pace */
	__u64 packets_due[XR_WAYS]; /* both in units of XR_LIMIT_NS */
	__u64 denied[XR_WAYS];      /* packets that a rule refused */
	__u64 limited[XR_WAYS];     /* those that a limit did */
};

/* protected: hash; addresses no announcement may claim. */
enum xr_protected_kind { XR_PROTECTED_MAC = 1, XR_PROTECTED_IP };

struct xr_protected {
	__u32 kind;     /* enum xr_protected_kind */
	__u8 octet[16]; /* MAC, then zeros; or address as in struct xr_vip */
};

/* rings: what went into a prepared VM's tap, for the residual. */
#define XR_RING_FRAMES 1024 /* as many as a tap holds, unless told otherwise */
#define XR_RING_OCTETS 2036

struct xr_ring {
	__u64 entered;   /* frames that went into the tap since the base */
	__u64 too_large; /* of these, not kept: over XR_RING_OCTETS */
	__u64 read_base; /* the tap's tx_packets when the ring began */
	__u64 drop_base; /* and its tx_dropped */
	__u64 done;      /* of the entered, so many were replayed or given up */
	__u32 vm;        /* index in vms plus one; 0: the ring is free */
	__u32 flags;     /* XR_RING_* */
	__u32 reader;    /* the process that has the tap open; 0: not known */
	/* Its virtqueue's count of frames minus tx_packets: no less, no more. */
	__u16 used_low, used_high;
	__u64 used_read; /* tx_packets when last compared; 0: never */
	__u64 first;     /* the frame that replays began with */
	__u64 missed;    /* and so many before it that the reader threw away */
	__u32 strange;   /* comparisons in a row that did not fit the others */
	__u32 pad;
};

#define XR_RING_SEGMENTS (1U << 0) /* the tap takes no GSO frame: each segment counts */
#define XR_RING_HELD     (1U << 1) /* its reader takes one frame more than it delivers */

/* ring_frames: frame n of ring r is element r * XR_RING_FRAMES + n % XR_RING_FRAMES. */
struct xr_ring_frame {
	__u64 number; /* n + 1, written last */
	__u32 len;    /* 0: too large to keep */
	__u8 octet[XR_RING_OCTETS];
};

/* ---- counters (per CPU) ---- */

struct xr_counter {
	__u64 packets;
	__u64 bytes; /* from the Ethernet header on */
};

struct xr_backend_counter {
	__u64 packets;
	__u64 bytes;
	__u64 initials; /* QUIC Initials, refused ones too */
	/* packets of these that a CID brought here, by the top three bits of its octet 0 */
	__u64 by_cid[XR_CODEPOINTS];
};

/*
 * cid_stats: per VIP; what was no CID's to steer. With vip_stats that tells what
 * was: the way of a packet that is steered by CID passes here no counter.
 */
struct xr_cid_counter {
	__u64 astray[XR_CODEPOINTS]; /* short headers that name no server, as in by_cid */
	/* packets that name one which is down; policy down: fallback: short headers alone */
	__u64 down[XR_CODEPOINTS];
	__u64 longs; /* long headers sent on by no CID: as a rule the client chose it */
	__u64 icmp;  /* errors */
};

/* More than there are reasons: a power of two, so that a mask bounds the index. */
#define XR_REASON_ROOM 128

/* dev_reasons: by device slot, and within it by reason: every verdict of its program. */
struct xr_dev_reasons {
	struct xr_counter reason[XR_REASON_ROOM];
};

/*
 * dev_stats: by device slot, and within it by kind of verdict: what is to be added to the
 * sum of dev_reasons. Minus what was counted there for the devices that had the slot before,
 * and what the programs of layout 3 counted here.
 */
struct xr_dev_counter {
	struct xr_counter kind[XR_KIND_NOTE];
};

/* reply_gate: per CPU and group of sources; errors, then answers to pings. */
struct xr_reply_gate {
	__u32 tick;
	__u32 sent; /* in that tick */
};

/* ---- devices and the instance (cold) ---- */

enum xr_attach_mode { XR_MODE_NATIVE = 1, XR_MODE_GENERIC };
enum xr_attach_how { XR_ATTACH_SINGLE = 1, XR_ATTACH_DISPATCHER };
enum xr_role { XR_ROLE_NODE = 1, XR_ROLE_BACKEND, XR_ROLE_PASS };

#define XR_DEV_VNIS  16
#define XR_DEV_ADDRS 32

/* Role backend: what ends here beside what is for the machine's own addresses. */
struct xr_listed {
	__u32 vnis, addrs; /* how many */
	__u32 vni[XR_DEV_VNIS];
	__be32 addr[XR_DEV_ADDRS][XR_ADDR_WORDS];
};

struct xr_device {
	__u32 ifindex; /* 0: the slot is free */
	__u32 prog_id;
	__u8 mode;    /* enum xr_attach_mode */
	__u8 how;     /* enum xr_attach_how */
	__u8 role;    /* enum xr_role */
	__u8 trusted; /* see struct xr_port */
	__u8 want;    /* the mode that was asked for: enum attach_want */
	__u8 reserved[3];
	__u64 netns;    /* the namespace it is in: inode number | its count << 32 */
	__u64 attached; /* seconds since the epoch */
	char name[XR_NAME_LEN];
	struct xr_listed listed;
};

/*
 * drain (cold): one element; the node is out of service by an operator's word: nothing is
 * announced. detached: devices with role node have no program; drained (cold) has their records,
 * as devices had them, and takes what would be attached meanwhile.
 */
enum xr_drain_state {
	XR_DRAIN_NONE,
	XR_DRAINING, /* withdrawn; packets may come still */
	XR_DRAINED,
};

struct xr_drain {
	__u8 state; /* enum xr_drain_state */
	__u8 detached;
	__u8 reserved[6];
	__u64 since; /* seconds since the epoch */
};

/*
 * tunnel_ends: hash; where role backend opens tunnels. The value has a bit for
 * each device slot that the key holds for.
 */
enum xr_end_kind {
	XR_END_ADDR = 1, /* of this machine, or listed */
	XR_END_VNI,      /* listed */
	XR_END_KERNEL,   /* a VXLAN device of the kernel has this VNI */
};

#define XR_ANY_VNI 0xffffffffU /* that device has every VNI */

struct xr_end {
	__u32 kind; /* enum xr_end_kind */
	union {
		__be32 addr[XR_ADDR_WORDS]; /* as in struct xr_vip */
		__u32 vni;                  /* zeros behind */
	};
};

enum xr_too_big { XR_TOO_BIG_REPLY, XR_TOO_BIG_DROP };
enum xr_down { XR_DOWN_DROP, XR_DOWN_FALLBACK };
enum xr_tunnels { XR_TUNNELS_HOSTS, XR_TUNNELS_ANY };
enum xr_vip_other { XR_VIP_OTHER_DROP, XR_VIP_OTHER_PASS };
enum xr_moves { XR_MOVES_EXPECTED, XR_MOVES_PORTS, XR_MOVES_ANY };
/* What a VIP has when all its backends fail: the last that served; or none. */
enum xr_health_failed { XR_HEALTH_FAILED_KEEP, XR_HEALTH_FAILED_NONE };

struct xr_policy {
	__u8 too_big;     /* enum xr_too_big */
	__u8 down;        /* enum xr_down: a routable CID whose server is down */
	__u16 flow_idle;  /* seconds, 1..16000 */
	__u16 reply_rate; /* ICMP replies per second and CPU */
	__u8 source_bits; /* host bits of source4 (see xr_path) */
	__u8 source6_bits;
	__be32 source4; /* IPIP outer source, network part */
	__be32 source6[XR_ADDR_WORDS];
	__u8 moves;             /* enum xr_moves: whose announcements move a VM */
	__u8 announce;          /* 1: announce VMs to the segment in kinds that gateways accept */
	__u16 announce_rate;    /* VMs announced per second */
	__u16 flap_moves;       /* more than so many moves ... */
	__u16 flap_seconds;     /* ... within so long freeze a VM */
	__u32 vm_ttl;           /* seconds a redirect lives without a hit */
	__u32 prepare_timeout;  /* seconds until a prepared move is forgotten */
	__u32 blackout_timeout; /* seconds until a blackout falls back */
	__u8 tunnels;           /* enum xr_tunnels: whose IPIP and GUE a VM host opens */
	__u8 vip_other;         /* enum xr_vip_other: for a VIP's address, but no VIP */
	__u8 vip_echo;          /* 1: pings of a VIP's address are answered */
	__u8 vip_route;         /* 1: the kernel gets a blackhole route per VIP's address */
	__u32 vip_table;        /* the kernel's routing table for addresses that are announced */
	__u32 vip_hold;         /* seconds that a VIP serves again before it is announced again */
	__u32 health_rate;      /* probes per second, all checks together */
	__u16 health_flaps;     /* failures within health_flap_seconds that damp a backend */
	__u16 health_flap_seconds;
	__u8 health_failed; /* enum xr_health_failed */
	__u8 reserved[3];
};

/*
 * What an instance has room for, fixed when it is made. X(name, default, least, most):
 * fields of struct xr_limits, and keys of "limits" in the file. flows is rounded up to a
 * power of two; rings: VMs prepared at a time whose residual can be replayed; maglev: slots
 * of a VIP's table, one of XR_MAGLEV_SIZES, which are primes; server_ids: those that no page
 * has; server_id_pages: where it is not given, a 256th of that.
 */
#define XR_LIMITS(X)                                   \
	X(vips, 1024, 1, XR_MAX_VIPS)                  \
	X(backends, 4096, 1, XR_MAX_BACKENDS)          \
	X(server_ids, 65536, 1, (1U << 24))            \
	X(flows, 262144, XR_FLOW_WAYS, (1U << 27))     \
	X(hosts, 1024, 1, XR_MAX_HOSTS)                \
	X(vms, 16384, 1, XR_MAX_VMS)                   \
	X(vm_addresses, 16384, 1, XR_MAX_VMS)          \
	X(rings, 8, 1, XR_MAX_RINGS)                   \
	X(maglev, XR_MAGLEV_MOST, 251, XR_MAGLEV_MOST) \
	X(server_id_pages, 256, 1, 65535)

/* Pairs of VIP and backend behind it that there is room for, for each of limits.backends. */
#define XR_PAIRS_PER_BACKEND 16

#define XR_MAGLEV_SIZES(X) X(251) X(4099) X(65537)

struct xr_limits {
#define X(name, value, least, most) __u32 name;
	XR_LIMITS(X)
#undef X
};

#define XR_FEATURE_VIPS      (1U << 0) /* there are VIPs */
#define XR_FEATURE_HOSTS     (1U << 1) /* there are hosts */
#define XR_FEATURE_BY_IP     (1U << 2) /* one that is reached by IPIP, GUE or L2 */
#define XR_FEATURE_LOCAL     (1U << 3) /* one that is this machine */
#define XR_FEATURE_SID_PAGES (1U << 4) /* some server IDs are in pages */
#define XR_FEATURE_SID_TABLE (1U << 5) /* and not all */

/* meta: one element. */
struct xr_meta {
	__u32 abi;      /* XR_ABI_VERSION */
	__u32 features; /* XR_FEATURE_*: what the programs are loaded for */
	struct xr_limits limits;
	struct xr_policy policy;
	__u64 created;   /* seconds since the epoch */
	__u64 id;        /* random: tells it from another of its name */
	__u8 secret_set; /* 1: hash_keys come from the configuration's secret */
	__u8 reserved2[3];
	__u32 changes; /* how often the configuration was changed */
	__u8 secret[32];
};

/* backend_info: a backend as configured. */
struct xr_backend_info {
	char name[XR_NAME_LEN];
	__be32 addr[XR_ADDR_WORDS];
	__u32 weight;
	__u32 initial_rate;
	__u32 vni;
	__u16 port;     /* tunnel port, 0: the method's own */
	__u8 forward;   /* enum xr_forward */
	__u8 state;     /* enum xr_backend_state, NONE: free */
	__u8 mac[6];    /* VXLAN: inner MAC; L2: server's MAC; zero: ask the kernel */
	__u8 vm_mac[6]; /* zero: not tied to a VM */
	__u16 vm_vlan;
	__u16 reserved;
	char dev[16]; /* empty: as routed */
};

/* ---- health checks (cold) ---- */

#define XR_MAX_CHECKS    255
#define XR_CHECK_NAME    32
#define XR_CHECK_RANGES  8
#define XR_CHECK_TEXT    256 /* a path or a host's name, with the NUL */
#define XR_CHECK_COMMAND 512 /* all words of a command, each with its NUL */

enum xr_check_type {
	XR_CHECK_TCP = 1,
	XR_CHECK_QUIC,
	XR_CHECK_HTTP,
	XR_CHECK_HTTPS,
	XR_CHECK_COMMAND_RUN,
};

/* health_checks: as configured, in this order; the first without a name ends the list. */
struct xr_health_check {
	char name[XR_CHECK_NAME];
	__u8 type;   /* enum xr_check_type */
	__u8 rise;   /* good probes in a row that make a backend good */
	__u8 fall;   /* and bad ones that make it bad */
	__u8 jitter; /* per cent of interval by which it is longer or shorter */
	__u8 verify; /* HTTPS: the certificate must be good for host */
	__u8 words;  /* of command */
	__u16 port;  /* 0: the VIP's */
	__u32 interval_ms;
	__u32 timeout_ms;
	__be32 source[XR_ADDR_WORDS]; /* that probes come from; zero: as routed */
	struct xr_status_range {
		__u16 first, last;
	} status[XR_CHECK_RANGES]; /* of HTTP, that are good; zeros end the list */
	char path[XR_CHECK_TEXT];
	char host[XR_CHECK_TEXT]; /* empty: the VIP's address */
	char command[XR_CHECK_COMMAND];
};

/* vip_checks: the check of a VIP's backends; empty: none. */
struct xr_vip_check {
	char name[XR_CHECK_NAME];
};

enum xr_health {
	XR_HEALTH_NONE, /* not checked, or nothing is known yet: it counts as good */
	XR_HEALTH_UP,
	XR_HEALTH_DOWN,
	XR_HEALTH_KEPT, /* applied only: bad, but all others of a VIP are bad, too */
};

#define XR_CHECK_NONE "none" /* a backend's: not checked, whatever its VIPs have */

/*
 * backend_health: what the operator wants checked, what the daemon found, and what the
 * tables were made for. "found" becomes "applied" in a commit.
 */
struct xr_backend_health {
	char check[XR_CHECK_NAME]; /* empty: those of its VIPs */
	__u8 found;                /* enum xr_health */
	__u8 applied;              /* XR_HEALTH_DOWN, XR_HEALTH_KEPT, or XR_HEALTH_NONE: good */
	__u8 damped;               /* it has failed too often: good only after a while without */
	__u8 reserved;
	__u32 failures; /* how often found became XR_HEALTH_DOWN */
	__u64 since;    /* seconds since the epoch: when found became what it is */
	__u64 seen;     /* the same: when a probe last ended, good or bad */
	/*
	 * What is wrong with one that fails began between these two, in microseconds of
	 * CLOCK_MONOTONIC: when the last good probe was sent, and when the first bad one ended.
	 */
	__u64 served, failing;
	char error[96]; /* of the last probe that was bad; stays when it is good again */
};

/* host_info: a host as configured. */
struct xr_host_info {
	char name[XR_NAME_LEN];     /* empty: free */
	__be32 addr[XR_ADDR_WORDS]; /* VXLAN, IPIP, GUE */
	__u32 vni;
	__u16 port;  /* tunnel port, 0: the method's own */
	__u8 method; /* enum xr_forward */
	__u8 local;
	__u8 mac[6]; /* L2: of the next router */
	__u16 reserved;
	char dev[16]; /* PORT, L2 */
};

#define XR_VM_ADDRS 4

enum xr_source {
	XR_SOURCE_CLI = 1,
	XR_SOURCE_FILE, /* xroam apply */
	XR_SOURCE_SOCKET,
	XR_SOURCE_QMP,
	XR_SOURCE_ANNOUNCEMENT,
	XR_SOURCE_LIBVIRT,
	XR_SOURCE_ETCD,
	XR_SOURCE_FDB, /* the kernel's bridges: what they learned, and what EVPN told them */
	XR_SOURCE_OVN, /* its southbound database */
	XR_SOURCE_MAX
};

/*
 * Whom is believed where sources contradict each other, the highest last: see
 * user/vm/vm_trust.c.
 */
enum xr_trust {
	XR_TRUST_SEEN,     /* announcements */
	XR_TRUST_FABRIC,   /* what the network itself has learned: FDB, EVPN; a file's places */
	XR_TRUST_OPERATOR, /* command, socket, etcd */
	XR_TRUST_MACHINE,  /* who runs the VM: QMP, libvirt */
};

#define XR_KERNEL_FDB    (1U << 0) /* VXLAN device: MAC -> new host's VTEP */
#define XR_KERNEL_BRIDGE (1U << 1) /* bridge: MAC -> the VXLAN device's port */
#define XR_KERNEL_STICKY (1U << 2) /* bridge: MAC -> its tap, sticky */
#define XR_KERNEL_ROUTE  (1U << 3) /* host routes for its addresses */
#define XR_KERNEL_NEIGH  (1U << 4) /* permanent neighbours on its tap */
#define XR_KERNEL_TOLD   (1U << 5) /* FDB and BRIDGE are as others wrote them, and stay */

/* vm_info: the binding, and what is known beside vms; same index. */
struct xr_vm_info {
	__be32 addr[XR_VM_ADDRS][XR_ADDR_WORDS]; /* zero: none */
	/* Bit per address: from an announcement; and XR_VM_TRUST, XR_LEARNED_TAP, XR_PORT_NO_TAP */
	__u8 learned;
	__u8 source; /* enum xr_source of the last notice obeyed */
	__u8 kernel; /* XR_KERNEL_*: what was written into the kernel's tables */
	__u8 used;
	__u32 kernel_dev; /* the VXLAN device it was written to */
	__u64 seq;        /* of the last notice obeyed */
	__u64 old;        /* notices ignored: older, or the same again */
	__u64 moves;
	__u64 copied; /* frames, in blackouts */
	__u64 replayed;
	__u64 lost;      /* residual frames that the ring no longer had */
	__u64 spoofed;   /* announcements not believed */
	char tap[16];    /* as configured; empty: found by itself */
	__u32 tap_queue; /* its txqueuelen before it was raised; 0: untouched */
	__u16 host;      /* vms' now.host that user space has acted upon */
	__u8 step;       /* 1 + enum xr_notice_kind that seq belongs to */
	__u8 under_way;  /* XR_MOVE_*; 0: no move, or user space has ended it */
	__u64 netns;     /* as in xr_device: where kernel, kernel_dev and tap_queue are of */
};

#define XR_MOVE_BEGUN 1 /* a move was begun here */
#define XR_MOVE_READY 2 /* and what this machine has to do for it was done */

#define XR_VM_TRUST    (3U << 4) /* enum xr_trust of the word that put it where it is */
#define XR_PORT_NO_TAP (1U << 6) /* its port is no tap: how much was read is not known */
#define XR_LEARNED_TAP (1U << 7) /* tap: of a prepare, until another one has another */

/* gateways: whom translated announcements are addressed to; protected, too. */
#define XR_MAX_GATEWAYS 16

struct xr_gateway {
	__be32 addr[XR_ADDR_WORDS];
	__u16 vlan;
	__u8 used;
	__u8 has_mac; /* else it is the one in the kernel's neighbour table */
	__u8 mac[6];
	__u16 reserved;
	__u32 reserved2;
};

/* tc_hooks: where the tc programs of tc.bpf.c are attached. */
#define XR_MAX_TC_HOOKS 1024

enum xr_tc_kind {
	XR_TC_TAP_OUT = 1, /* egress of a VM's port: ring, copy, redirect */
	XR_TC_UPLINK_IN,   /* ingress of a node device: copies where no tap is known */
	XR_TC_UPLINK_OUT,  /* egress of it: premature and outdated frames, split horizon */
	XR_TC_TUNNEL_IN,   /* ingress of the VXLAN device: to the tap at once */
	XR_TC_TAP_IN,      /* ingress of a VM's port: it speaks, so it runs here */
	XR_TC_TUNNEL_OUT,  /* egress of the VXLAN device: premature and outdated frames */
};

struct xr_tc_hook {
	__u32 ifindex;          /* 0: free */
	__u32 kind;             /* enum xr_tc_kind */
	__u32 handle, priority; /* of the filter */
	__u64 netns;
	__u8 made_clsact; /* the qdisc is ours, too */
	__u8 attached;    /* 0: not yet, or a kill came before it */
	__u8 reserved[6];
	char name[16];
};

/*
 * taps: hash, ifindex -> index in vms plus one; or one of these, which tell a
 * frame's way by the device it came in by.
 */
#define XR_TAP_UPLINK 0xffff0000U /* a node device */
#define XR_TAP_TUNNEL 0xfffe0000U /* a VXLAN device, | the VLAN of its VMs */
#define XR_TAP_KIND   0xffff0000U

/* Socket mark of the frames by which the daemon announces a VM. */
#define XR_MARK_ANNOUNCED 0x7872616eU /* "xran" */

/* members (hot where pools differ): which backends stand behind which VIP; hash, value unused. */
struct xr_member {
	__u16 vip;
	__u16 backend;
};

/* second: one element; clock's tick once more, where it costs the programs one load. */
struct xr_second {
	__u32 tick;
	__u32 reserved;
};

/* clock: one element; a BPF timer adds to it once a second. */
struct xr_clock {
	__u64 timer[2]; /* struct bpf_timer */
	__u32 tick;
	__u32 events_lost; /* that the events ring had no room for; wraps */
};

/*
 * Set in the program's read-only data before load; a change means a reload.
 * The verifier folds them, so what is off costs nothing.
 */
struct xr_knobs {
	__u32 dev_slot; /* index in dev_stats and devices */
	__u32 ifindex;  /* the device itself; 0: take the packet's */
	__u32 master;   /* the bridge it is a port of; 0: none */
	__u32 vip_mask; /* buckets - 1 */
	__u32 sid_mask;
	__u32 flow_mask;
	__u16 flow_idle;
	__u16 reply_rate;
	__u8 too_big;
	__u8 down;
	__u8 vips;      /* 1: there are VIPs */
	__u8 hosts;     /* 1: there are hosts: look for moved VMs, by MAC */
	__u8 by_ip;     /* 1: and by IP address: some host is reached so */
	__u8 local;     /* 1: one of the hosts is this machine */
	__u8 vip_other; /* enum xr_vip_other */
	__u8 vip_echo;
	__u8 moves; /* enum xr_moves */
	__u8 padding[3];
	__u32 mac_buckets; /* of mac_index */
	__u32 ip_buckets;  /* of ip_index */
	__u16 flap_moves;
	__u16 flap_seconds;
	__be16 vxlan_port; /* of local hosts, or else of any */
	__be16 gue_port;
	__u32 vm_ttl;
	__u32 maglev;   /* slots of a table */
	__u8 tunnels;   /* enum xr_tunnels */
	__u8 sid_pages; /* 1: look for server IDs in pages */
	__u8 sid_table; /* 1: look for them in server_ids */
	__u8 reserved;
	__u32 sid_dir_mask; /* of server_id_dir */
};

/* ---- events and traces ---- */

enum xr_event_kind {
	XR_EVENT_PACKET = 1, /* a drop, at most one a second, reason and CPU */
	XR_EVENT_CHANGE,     /* a command changed something */
	XR_EVENT_VM,         /* reason: what happened to a VM's move */
	XR_EVENT_AUDIT,      /* who asked for changes, and what came of it */
};

/* How a VM says where it is; numbered as in tests/net/lib/announcements.json. */
enum xr_announcement {
	XR_ANNOUNCED_NOT,  /* a data frame */
	XR_GARP_REQUEST,   /* 1 standard gratuitous ARP */
	XR_GARP_REPLY,     /* 2 broadcast ARP reply */
	XR_RARP,           /* 3 */
	XR_ARP_GATEWAY,    /* 4 ARP request for the gateway */
	XR_ARP_OTHER,      /* 5 ARP request for another host */
	XR_REPLY_GATEWAY,  /* 6 unicast ARP reply to the gateway */
	XR_REPLY_OTHER,    /* 7 unicast ARP reply to another host */
	XR_UNSOLICITED_NA, /* 9 unsolicited neighbour advertisement */
};

/* Who made an event: CHANGE, AUDIT. All 0: not known. */
struct xr_event_maker {
	__u32 pid;
	__u32 uid;
	__u32 login_uid; /* who logged in (/proc/PID/loginuid); all ones: nobody */
	__u8 via;        /* AUDIT: enum audit_via */
	__u8 refused;    /* AUDIT: it was refused or failed */
	__u16 reserved;
	__u32 left_out; /* AUDIT: such ones before it that were not recorded one by one */
	__u32 reserved2[3];
};

/* events: ring buffer. vm_events: the same for the daemon, kind VM only. */
struct xr_event {
	__u64 when_ns; /* CLOCK_MONOTONIC */
	__u32 kind;    /* enum xr_event_kind */
	__u32 reason;  /* PACKET: enum xr_reason */
	__u16 vip;     /* indices, 0: none */
	__u16 backend;
	__be16 sport;
	__be16 dport;
	union {
		struct {
			__be32 saddr[XR_ADDR_WORDS];
			__be32 daddr[XR_ADDR_WORDS];
		};
		struct xr_event_maker maker; /* CHANGE, AUDIT */
	};
	/* VM, and PACKET with a VM's reason: */
	__u32 vm;       /* index in vms plus one; 0: no VM that is known */
	__u32 dev_slot; /* where the frame came in */
	__u8 mac[6];
	__u16 vlan;
	__u16 host;        /* where it is now */
	__u16 from;        /* where it was */
	__u8 state;        /* enum xr_vm_state, now */
	__u8 announcement; /* enum xr_announcement */
	__u16 source;      /* user space's: whose notice the VM obeyed last, enum xr_source */
	char text[128];    /* CHANGE, AUDIT: one line, NUL-terminated */
};

#define XR_TRACE_CID     (1U << 0) /* a CID was looked at */
#define XR_TRACE_SID     (1U << 1) /* it decoded to sid */
#define XR_TRACE_CACHED  (1U << 2) /* the next hop came from the cache */
#define XR_TRACE_INITIAL (1U << 3)
#define XR_TRACE_LONG    (1U << 4) /* QUIC long header */
#define XR_TRACE_ICMP    (1U << 5) /* addresses are the quoted packet's, reversed */

/* trace: one element; what explain prints. */
struct xr_trace {
	__u32 flags;  /* XR_TRACE_* */
	__u32 reason; /* the verdict's */
	__u32 action; /* enum xdp_action */
	__u32 vlans;  /* number of tags */
	__be32 saddr[XR_ADDR_WORDS];
	__be32 daddr[XR_ADDR_WORDS];
	__be16 sport;
	__be16 dport;
	__u8 proto;
	__u8 ipv6;
	__u8 cid_slot;
	__u8 cid_len; /* octets there are for the CID (short header: at most) */
	__u8 cid[20];
	__u8 sid[16];
	__u8 sid_len;
	__u8 reserved[3];
	__u16 vip;
	__u16 backend;
	__u32 path;
	__u32 ifindex;  /* egress */
	__u32 notes[4]; /* bit (reason - 1) % 32 of word (reason - 1) / 32 */
	__u32 vm;       /* index in vms plus one */
	__u16 host;
	__u8 announcement; /* enum xr_announcement */
	__u8 reserved2;
};

/* ---- sizes, as both compilers see them ---- */

/* A change is another XR_ABI_VERSION, and a line in user/plane/layout.c. */
#define XR_SIZE_IS(name, octets) \
	_Static_assert(sizeof(struct name) == (octets), "the ABI: struct " #name)

/* clang-format off */
XR_SIZE_IS(xr_vip_bucket, 32);
XR_SIZE_IS(xr_vip, 64);               /* a cache line */
XR_SIZE_IS(xr_vip_filter, 4096);
XR_SIZE_IS(xr_announced_key, 24);
XR_SIZE_IS(xr_announced, 24);
XR_SIZE_IS(xr_backend, 8);            /* one word */
XR_SIZE_IS(xr_path, 64);              /* a cache line */
XR_SIZE_IS(xr_nexthop, 32);
XR_SIZE_IS(xr_ready, 64);             /* a cache line */
XR_SIZE_IS(xr_outer_key, 24);
XR_SIZE_IS(xr_outer_mtu, 8);          /* one word */
XR_SIZE_IS(xr_outer, 32);
XR_SIZE_IS(xr_initial_rate, 16);
XR_SIZE_IS(xr_sid_bucket, 64);        /* a cache line */
XR_SIZE_IS(xr_sid_name, 16);
XR_SIZE_IS(xr_sid_names, 96);
XR_SIZE_IS(xr_sid_page, 512);
XR_SIZE_IS(xr_cid_config, 416);
XR_SIZE_IS(xr_cid_info, 24);
XR_SIZE_IS(xr_flow, 8);               /* one word */
XR_SIZE_IS(xr_flow_bucket, 64);       /* a cache line */
XR_SIZE_IS(xr_hash_keys, 136);
XR_SIZE_IS(xr_tag_bucket, 16);
XR_SIZE_IS(xr_vm_now, 8);             /* one word */
XR_SIZE_IS(xr_vm, 64);                /* a cache line */
XR_SIZE_IS(xr_vm_ip, 24);
XR_SIZE_IS(xr_host, 8);               /* one word */
XR_SIZE_IS(xr_locked, 64);            /* a cache line */
XR_SIZE_IS(xr_tunnel_key, 20);
XR_SIZE_IS(xr_port, 24);
XR_SIZE_IS(xr_vm_control, 64);        /* a cache line */
XR_SIZE_IS(xr_vm_rule, 48);
XR_SIZE_IS(xr_vm_limit, 40);
XR_SIZE_IS(xr_vm_bounds, 856);
XR_SIZE_IS(xr_vm_bounds_used, 64);    /* a cache line */
XR_SIZE_IS(xr_protected, 20);
XR_SIZE_IS(xr_ring, 88);
XR_SIZE_IS(xr_ring_frame, 2048);
XR_SIZE_IS(xr_counter, 16);
XR_SIZE_IS(xr_backend_counter, 88);
XR_SIZE_IS(xr_cid_counter, 144);
XR_SIZE_IS(xr_dev_reasons, 2048);
XR_SIZE_IS(xr_dev_counter, 80);
XR_SIZE_IS(xr_reply_gate, 8);
XR_SIZE_IS(xr_listed, 584);
XR_SIZE_IS(xr_device, 680);
XR_SIZE_IS(xr_drain, 16);
XR_SIZE_IS(xr_end, 20);
XR_SIZE_IS(xr_policy, 72);
XR_SIZE_IS(xr_limits, 40);
XR_SIZE_IS(xr_meta, 176);
XR_SIZE_IS(xr_backend_info, 128);
XR_SIZE_IS(xr_health_check, 1120);
XR_SIZE_IS(xr_vip_check, 32);
XR_SIZE_IS(xr_backend_health, 168);
XR_SIZE_IS(xr_host_info, 112);
XR_SIZE_IS(xr_vm_info, 160);
XR_SIZE_IS(xr_gateway, 32);
XR_SIZE_IS(xr_tc_hook, 48);
XR_SIZE_IS(xr_member, 4);
XR_SIZE_IS(xr_second, 8);
XR_SIZE_IS(xr_clock, 24);
XR_SIZE_IS(xr_knobs, 72);
XR_SIZE_IS(xr_event_maker, 32);
XR_SIZE_IS(xr_event, 208);
XR_SIZE_IS(xr_trace, 132);
/* clang-format on */

#undef XR_SIZE_IS

#endif
