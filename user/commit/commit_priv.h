/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of commit_models() have of each other, and nobody else. */
#ifndef XR_COMMIT_COMMIT_PRIV_H
#define XR_COMMIT_COMMIT_PRIV_H

#include "attach/attach.h"
#include "commit.h"
#include "net/path.h"
#include "steer/sid_store.h"

/* What stands in one slot of a table, and what shall. An index is the slot's number. */
struct vip_slot {
	const struct model_vip *have, *want;
	__u16 pool; /* as it shall be: the largest of those behind it; 0: none */
};

struct backend_slot {
	const struct model_backend *have, *want;
	__u32 path;   /* as it shall be */
	__u16 pool;   /* the index of the first backend behind the same VIPs */
	bool checked; /* its health shall be checked */
};

struct host_slot {
	const struct model_host *have, *want;
	__u32 path;                   /* as it shall be; 0: local */
	struct xr_backend_info facts; /* what path_resolve() is given */
};

/* One backend of one VIP, by index. */
struct member {
	__u16 vip, backend;
	__u32 weight; /* 0: takes no new flows */
};

struct members {
	struct member *item;
	size_t n;
};

struct commit {
	struct plane *p;
	struct xr_err *err;
	struct model *have, *want;
	bool force;         /* all is written: the maps may be half changed */
	bool preview;       /* nothing is written */
	__u32 had_features; /* XR_FEATURE_*: what the programs were loaded for */

	/* by index */
	struct vip_slot *vip;         /* limits.vips + 1 */
	struct backend_slot *backend; /* limits.backends + 1 */
	__u8 *had_health, *health;    /* enum xr_health of backends: as it is, as it shall be */
	struct host_slot *host;       /* limits.hosts + 1 */
	struct {
		const struct model_cid *have, *want;
	} cid[XR_CID_SLOTS];

	/* paths that are made anew, and their indices */
	struct path_job *jobs;
	__u32 *job_path;
	size_t n_jobs;

	/* by index of the backend: how many server IDs it gets, and loses */
	struct sid_change {
		__u32 come, go;
	} *sid_change;
	bool sids_differ;
	struct sid_store_plan *sids; /* NULL: they stay */
	struct members have_members, want_members;
	struct xr_member *add_members, *del_members;
	size_t n_add_members, n_del_members;

	/* Maglev tables: which VIPs get one, and its fd for each of them */
	__u32 *table_vip;
	__u32 *table_fd;
	size_t n_tables;
	int *fds; /* each once, to be closed */
	size_t n_fds;

	/* what was done to devices, one for each of want->devs */
	struct device_undo {
		bool attached;
		bool replaced; /* and this is what there was: */
		enum attach_want mode;
		enum xr_role role;
		struct xr_listed listed;
		struct xr_device *kept, kept_was; /* of a drained node: its record */
	} *devices;

	/* the lines that say what changes: see commit_add_line() */
	char **lines;
	size_t n_lines;
	size_t n_changes; /* those that are no warnings */
	bool devices_differ;

	/* VMs: what is to be done, found while it is described */
	struct vm_change *vm_changes;
	size_t n_vm_changes;
};

/*
 * commit_lines.c: keeps a line: "+ ", "- " or "~ " and a change, or "! " and a warning.
 * -ENOMEM.
 */
int commit_add_line(struct commit *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Where ret is an error about that line of the file (0: none), err gets "FILE:LINE: ". */
int commit_fault(struct commit *c, __u32 line, int ret);
/* Passes the lines on; what was changed becomes events. */
void commit_report(struct commit *c, void (*changed)(void *ctx, const char *line), void *ctx);

/* "cid off -> on, flow on -> off": parts of one line, with commas between them. */
struct phrase {
	char text[512];
	size_t n;
};
void add_part(struct phrase *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* commit_match.c: which slot everything has. -ENOSPC, -EBUSY, -EINVAL, -ENOMEM. */
int commit_match(struct commit *c);

/* commit_describe.c: what changes, in words. */
int commit_describe(struct commit *c);

/* commit_sids.c: which server IDs come and go; where none does, want->sids_stay is set. */
int commit_compare_sids(struct commit *c);

/* commit_stops.c: what a change takes away without a word, or from service. */
int commit_check_sections(struct commit *c);
int commit_describe_stops(struct commit *c);

/*
 * commit_health.c: health checks, and which backends serve by what they found. The members'
 * weights become 0 where one does not.
 */
int commit_plan_health(struct commit *c);
int commit_describe_health(struct commit *c);
bool commit_same_health(const struct commit *c);
void commit_store_health(struct commit *c);

/* commit_same.c: whether there is anything to change, said or not. */
bool commit_differs(const struct commit *c);

/* commit_members.c: who is behind which VIP, and the members map. */
int commit_list_members(struct commit *c);
int commit_members(struct commit *c);
int commit_add_members(struct commit *c);
void commit_undo_members(struct commit *c);
void commit_del_members(struct commit *c);

/* commit_tables.c: a Maglev table for each list of backends. */
int commit_make_tables(struct commit *c);
int commit_store_tables(struct commit *c);

/*
 * commit_prepare.c: what can fail: paths and next hops, server IDs, CID
 * configurations, into slots that nothing names yet.
 */
int commit_prepare(struct commit *c);

/* commit_store.c: what cannot fail; but memory may be short (-ENOMEM). */
int commit_store(struct commit *c);
/*
 * Every change is also a look at the routes; where backends and hosts are many, only
 * "xroam reload" looks at all of them.
 */
void commit_follow_routes(struct commit *c);

/* commit_hosts.c: hosts, gateways, what is protected; which features are on. */
int commit_match_hosts(struct commit *c);
int commit_describe_hosts(struct commit *c);
void commit_store_hosts(struct commit *c);
void commit_clear_hosts(struct commit *c);
__u32 commit_features(const struct model *m); /* XR_FEATURE_* that it needs */

/* commit_vms.c: where VMs are, and their bindings. */
int commit_describe_vms(struct commit *c);
int commit_store_vms(struct commit *c);

/* commit_devices.c: attaches what is new, detaches what is gone. */
int commit_attach(struct commit *c);
void commit_undo_attach(struct commit *c);
int commit_detach(struct commit *c);
int commit_describe_devices(struct commit *c);

#endif
