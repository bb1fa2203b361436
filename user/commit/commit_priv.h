/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of model_commit() tell each other, and nobody else. */
#ifndef XR_APPLY_COMMIT_PRIV_H
#define XR_APPLY_COMMIT_PRIV_H

#include "attach/attach.h"
#include "commit.h"
#include "net/path.h"
#include "steer/sid_table.h"

/* One VIP as it is and as it shall be; index in vips is the place here. */
struct vip_slot {
	const struct model_vip *have, *want;
	__u16 pool; /* the largest of those behind it */
};

struct backend_slot {
	const struct model_backend *have, *want;
	__u32 path; /* as it shall be */
	__u16 pool; /* the first backend behind the same VIPs */
};

struct host_slot {
	const struct model_host *have, *want;
	__u32 path;                   /* as it shall be; 0: local */
	struct xr_backend_info facts; /* what path_resolve() asks for */
};

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
	struct model have, want;
	bool force;      /* recovery: the maps may be half changed */
	size_t *preview; /* said, not done: how many changes there are */

	/* by index */
	struct vip_slot *vip;         /* limits.vips + 1 */
	struct backend_slot *backend; /* limits.backends + 1 */
	struct host_slot *host;       /* limits.hosts + 1 */
	struct {
		const struct model_cid *have, *want;
	} cid[XR_CID_SLOTS];

	/* paths that are made anew, and their indices */
	struct path_job *jobs;
	__u32 *job_path;
	size_t n_jobs;

	struct sid_plan *sids;
	struct members have_members, want_members;
	struct xr_member *add_members, *del_members;
	size_t n_add_members, n_del_members;

	/* Maglev tables: outer slots to set, and the tables' fds */
	__u32 *table_vip;
	__u32 *table_fd;
	size_t n_tables;
	int *fds; /* each once, to be closed */
	size_t n_fds;

	/* what was done to devices, by place in want.devs */
	struct device_undo {
		bool attached;
		bool replaced; /* and this is what there was: */
		enum attach_want mode;
		enum xr_role role;
		struct xr_listed listed;
	} *devices;

	/* what to tell */
	char **lines;
	size_t n_lines;
	bool warned;      /* some of them are but warnings */
	size_t n_changes; /* the others */
	bool devices_differ;

	/* VMs: what is to be done, found while it is described */
	struct vm_change *vm_changes;
	size_t n_vm_changes;
};

/* commit_diff.c: which slot everything has; what changes, in words. */
int commit_match(struct commit *c);
int commit_say(struct commit *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int commit_describe(struct commit *c);
/* Of an entry in that line of the file, if any: puts the place in front. Gives ret. */
int commit_fault(struct commit *c, __u32 line, int ret);

/*
 * commit.c: the change, as have and want are (ret: how that went); tells of it and
 * frees all.
 */
int commit_run(struct commit *c, int ret, void (*changed)(void *ctx, const char *line), void *ctx);

/* commit_stops.c: what a change takes away without a word, or from service. */
int commit_check_sections(struct commit *c);
int commit_describe_stops(struct commit *c); /* lists members, too */

/* commit_same.c: whether there is anything to change, said or not. */
bool commit_differs(const struct commit *c);

/* commit_tables.c: who is behind which VIP, and their Maglev tables. */
int commit_list_members(struct commit *c);
int commit_members(struct commit *c);
int commit_make_tables(struct commit *c);
int commit_store_tables(struct commit *c);
int commit_add_members(struct commit *c);
void commit_undo_members(struct commit *c);
void commit_del_members(struct commit *c);

/*
 * commit_prepare.c: what can fail: paths and next hops, server IDs, CID
 * configurations, into slots that nothing names yet.
 */
int commit_prepare(struct commit *c);

/* commit_hosts.c: hosts, gateways, what is protected; which features are on. */
int commit_match_hosts(struct commit *c);
int commit_describe_hosts(struct commit *c);
void commit_store_hosts(struct commit *c);
void commit_clear_hosts(struct commit *c);
__u32 commit_features(const struct model *m);

/* commit_vms.c: where VMs are, and their bindings. */
int commit_describe_vms(struct commit *c);
int commit_store_vms(struct commit *c);

/* commit_diff.c: "~ vip X: cid off -> on": parts are gathered, then said. */
struct phrase {
	char text[512];
	size_t n;
};
void add_part(struct phrase *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* commit_devices.c: attaches what is new, detaches what is gone. */
int commit_attach(struct commit *c);
void commit_undo_attach(struct commit *c);
int commit_detach(struct commit *c);
int commit_describe_devices(struct commit *c);

#endif
