/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An instance: its maps, pinned under /sys/fs/bpf/xroam/NAME. They are the truth, and
 * outlive every process; a struct plane is one process's view of them, with those that
 * can be mapped into its memory.
 */
#ifndef XR_PLANE_PLANE_H
#define XR_PLANE_PLANE_H

#include <stdbool.h>
#include <stddef.h>
#include <xroam/abi.h>
#include "lib/error.h"

#define XR_BPFFS    "/sys/fs/bpf"
#define XR_PIN_ROOT XR_BPFFS "/xroam"
#define XR_RUN_ROOT "/run/xroam"

/* Every pinned map. The pin has the lower-case name. */
/* clang-format off */
#define XR_MAPS(X)                                                             \
	X(META, meta) X(VIP_INDEX, vip_index) X(VIPS, vips) X(MAGLEV, maglev)  \
	X(BACKENDS, backends) X(PATHS, paths) X(NEXTHOPS, nexthops)            \
	X(INITIAL_RATE, initial_rate) X(SERVER_IDS, server_ids)                \
	X(SERVER_ID_NAMES, server_id_names) X(CID_CONFIGS, cid_configs)        \
	X(CID_INFO, cid_info) X(FLOWS, flows) X(HASH_KEYS, hash_keys)          \
	X(REASON_STATS, reason_stats) X(VIP_STATS, vip_stats)                  \
	X(DEV_REASONS, dev_reasons) X(SECOND, second) X(READY, ready)          \
	X(CID_STATS, cid_stats)                                                \
	X(BACKEND_STATS, backend_stats) X(DEV_STATS, dev_stats)                \
	X(DEVICES, devices) X(BACKEND_INFO, backend_info) X(MEMBERS, members)  \
	X(CLOCK, clock) X(EVENTS, events)                                      \
	X(MAC_INDEX, mac_index) X(VMS, vms) X(VM_INFO, vm_info)                \
	X(IP_INDEX, ip_index) X(VM_IPS, vm_ips) X(HOSTS, hosts)                \
	X(HOST_INFO, host_info) X(HOST_STATS, host_stats) X(PORTS, ports)      \
	X(TUNNEL_HOSTS, tunnel_hosts) X(VM_CONTROL, vm_control)                \
	X(PROTECTED, protected) X(GATEWAYS, gateways) X(RINGS, rings)          \
	X(RING_FRAMES, ring_frames) X(TAPS, taps) X(TC_HOOKS, tc_hooks)        \
	X(VM_EVENTS, vm_events) X(TUNNEL_ENDS, tunnel_ends) X(OUTERS, outers)  \
	X(VIP_ADDRESSES, vip_addresses) X(VIP_FILTER, vip_filter)              \
	X(LOCKED_MACS, locked_macs) X(VIP_ANNOUNCED, vip_announced) \
	X(DRAIN, drain) X(DRAINED, drained)                                       \
	X(HEALTH_CHECKS, health_checks) X(VIP_CHECKS, vip_checks)              \
	X(BACKEND_HEALTH, backend_health) X(VM_BOUNDS, vm_bounds)              \
	X(VM_BOUNDS_USED, vm_bounds_used)                                      \
	X(SERVER_ID_DIR, server_id_dir) X(SERVER_ID_PAGES, server_id_pages)
/* clang-format on */

enum plane_map {
#define X(upper, lower) PLANE_##upper,
	XR_MAPS(X)
#undef X
		PLANE_MAPS
};

struct plane {
	char name[XR_NAME_LEN];
	char dir[128]; /* XR_PIN_ROOT/name */
	int lock_fd;   /* -1: not opened */
	bool locked;
	bool created; /* by this plane_open() */
	int fd[PLANE_MAPS];
	int cpus;    /* possible: values per-CPU maps give */
	int emit_fd; /* plane_emit()'s program; -1: not opened */
	/*
	 * While an instance of an older layout is converted (convert.h): the ids of other
	 * reason_stats that its programs may count in. 0: none.
	 */
	__u32 former_stats[2];
	__u64 serial; /* from 1: no other plane of this process has it, or had it */

	/* Mapped shared and writable; the kernel reads what is stored here. */
	struct xr_meta *meta;
	struct xr_vip_bucket *vip_index; /* vip_buckets of them */
	struct xr_vip *vips;             /* limits.vips + 1 */
	struct xr_vip_filter *vip_filter;
	struct xr_backend *backends;          /* limits.backends + 1 */
	struct xr_path *paths;                /* paths_max */
	struct xr_initial_rate *initial_rate; /* limits.backends + 1 */
	struct xr_sid_bucket *server_ids;     /* sid_buckets */
	struct xr_sid_names *server_id_names; /* sid_buckets */
	struct xr_sid_bucket *server_id_dir;  /* sid_dir_buckets */
	struct xr_sid_page *server_id_pages;  /* limits.server_id_pages + 1 */
	struct xr_cid_config *cid_configs;    /* XR_CID_SLOTS */
	struct xr_cid_info *cid_info;         /* XR_CID_SLOTS */
	struct xr_flow_bucket *flows;         /* flow_buckets */
	struct xr_hash_keys *hash_keys;
	struct xr_second *second;
	struct xr_device *devices; /* XR_MAX_DEVICES */
	struct xr_drain *drain;
	struct xr_device *drained;                /* XR_MAX_DEVICES */
	struct xr_backend_info *backend_info;     /* limits.backends + 1 */
	struct xr_health_check *health_checks;    /* XR_MAX_CHECKS */
	struct xr_vip_check *vip_checks;          /* limits.vips + 1 */
	struct xr_backend_health *backend_health; /* limits.backends + 1 */
	struct xr_tag_bucket *mac_index;          /* mac_buckets of them */
	struct xr_vm *vms;                        /* mac_buckets * XR_TAG_LANES; by VM index */
	struct xr_vm_info *vm_info;               /* the same */
	struct xr_tag_bucket *ip_index;           /* ip_buckets */
	struct xr_vm_ip *vm_ips;                  /* 8 * ip_buckets */
	struct xr_host *hosts;                    /* limits.hosts + 1 */
	struct xr_host_info *host_info;           /* limits.hosts + 1 */
	struct xr_port *ports;                    /* XR_MAX_DEVICES */
	struct xr_vm_control *vm_control;
	struct xr_gateway *gateways; /* XR_MAX_GATEWAYS */
	struct xr_ring *rings;       /* limits.rings */
	struct xr_ring_frame
		*ring_frames;        /* limits.rings * XR_RING_FRAMES; NULL: only to be read */
	struct xr_tc_hook *tc_hooks; /* XR_MAX_TC_HOOKS */
	__u32 mac_buckets, ip_buckets;
	__u32 vip_buckets, sid_buckets, sid_dir_buckets, flow_buckets; /* powers of two */
	__u32 paths_max;
};

enum plane_access {
	PLANE_READ,   /* must exist; no lock */
	PLANE_CHANGE, /* must exist; takes the instance's lock */
	PLANE_CREATE, /* made where it does not exist; locked */
};

/*
 * Opens the instance; plane_close() it. limits and secret are for PLANE_CREATE where
 * there is none: limits NULL for the defaults; secret: 32 octets, the same on every
 * node, which hash_keys are derived from, or NULL for random keys.
 *
 * Errors: -ENOENT no such instance, -EPROTO pins of another layout (err names the cure;
 * instance_upgrade() converts those of an older xroam), -EPERM without
 * CAP_BPF or CAP_NET_ADMIN (err names what lacks), -ENODEV no bpffs and it cannot be
 * mounted, -EOPNOTSUPP kernel too old, -EBUSY and -EAGAIN as plane_relock().
 */
int plane_open(struct plane **out, const char *name, enum plane_access how,
	       const struct xr_limits *limits, const __u8 *secret, struct xr_err *err);
void plane_close(struct plane *p); /* NULL is fine; drops the lock */

/*
 * For a process that keeps a plane open (the daemon): takes the lock, and drops it.
 * -ESTALE: the instance was destroyed or made anew since plane_open(): open it again.
 * -EPROTO: another xroam has converted it to its own layout meanwhile.
 *
 * While another process has the lock, plane_relock() and plane_open() wait, as long as
 * that process makes progress, but a minute at most: then -EBUSY, and err names it.
 */
int plane_relock(struct plane *p, struct xr_err *err);
void plane_unlock(struct plane *p);

/* From now on they fail with -EAGAIN at once: this process has more to do than wait. */
void plane_never_wait(bool never);

/*
 * The same wait for a process with a loop of its own, which tries again now and then
 * and calls this after each time; *w is { 0 } at first. true: it was too long, and err
 * names the process that has the lock. idle_most: seconds in which that one made no
 * progress; most: seconds in all.
 */
struct lock_wait {
	double since, idle_since, check_at; /* seconds, CLOCK_MONOTONIC */
	__u32 pid;                          /* of the one that has it; 0: not known */
	__u64 ran;                          /* how much it has run: process_cpu_time() */
};
bool plane_lock_waited(struct lock_wait *w, const char *name, double idle_most, double most,
		       struct xr_err *err);

/* Whether this process has any instance's lock, for which others may wait. */
bool plane_any_locked(void);

/* Whether an instance of that name is there now; if not, errno tells why. */
bool plane_exists(const struct plane *p);

/* Names of all instances, NULL-terminated; each and the list are to be freed. */
int plane_list(char ***names, struct xr_err *err);

/* The programs' clock, in seconds; 0 where it cannot be read. */
__u32 plane_tick(struct plane *p);

/*
 * Whether that clock has gone on since it said tick. It ticks once a second, later where the
 * machine is kept busy, so one that has not is given five seconds more.
 */
bool plane_ticks(struct plane *p, __u32 tick);

/* Returns when no CPU runs a program any more that may have read the maps before now. */
void plane_grace(struct plane *p);

/* Puts an event, or a line as XR_EVENT_CHANGE, into the ring; failures are ignored. */
void plane_emit(struct plane *p, struct xr_event *e);
void plane_emit_by_name(const char *instance, struct xr_event *e); /* that is not open */
void plane_event(struct plane *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * From now on each() gets, whole, the line of each change that this process makes: of
 * plane_event(), vm_post_event(), and those that are too many for the ring
 * (plane_change_line()). NULL: nobody does.
 */
void plane_on_change(void (*each)(const char *line));
void plane_change_line(const char *line);

/* Whether this process has opened an instance to change it. */
bool plane_was_to_change(void);

/* The next record of a device that is attached, after d (NULL: the first), or NULL. */
struct xr_device *plane_next_device(const struct plane *p, const struct xr_device *d);

/* Calls visit() in every network namespace that a device is in, and in this one. */
void plane_each_netns(struct plane *p, void (*visit)(void *ctx), void *ctx);

/*
 * write(2) until all is written: a disk that gets full takes a part without an error.
 * 0 or -errno, which is in errno, too.
 */
int plane_write(int fd, const char *text, size_t len);

#endif
