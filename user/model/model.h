/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an operator wants, as plain data: the one model behind the file, the
 * commands, export and the journal. Every change is: read the running model,
 * make a changed copy, hand both to commit_models() in commit/commit.h.
 */
#ifndef XR_MODEL_MODEL_H
#define XR_MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include "lib/netns.h"
#include "lib/error.h"
#include "lib/text.h"

struct model_sid {
	__u8 len; /* 1..XR_SID_MAX */
	__u8 octet[XR_SID_MAX];
	__u32 line;
};

struct model_vip {
	__be32 addr[XR_ADDR_WORDS];
	__be16 port;
	__u8 proto;
	bool cid, flow;
	__u32 line;  /* in the file; 0: not from one */
	__u16 index; /* in vips; 0: not placed yet */
};

struct model_cid {
	struct xr_cid_info info; /* key included */
	__u32 line;
	__u8 slot;     /* 0: not placed yet */
	bool keep_key; /* "key: hidden": the running one's */
};

struct model_backend {
	struct xr_backend_info info;
	struct model_vip_key {
		__be32 addr[XR_ADDR_WORDS];
		__be16 port;
		__u8 proto;
		__u32 line;
	} *vips; /* it stands behind these */
	size_t n_vips;
	struct model_sid *sids;
	size_t n_sids;
	__u32 line;
	__u16 index; /* 0: not placed yet */
};

struct model_host {
	struct xr_host_info info;
	__u32 line;
	__u16 index; /* 0: not placed yet */
};

/* A VM's binding and place; a move under way is no part of the model. */
struct model_vm {
	__u8 mac[6];
	__u16 vlan;
	__be32 addr[XR_VM_ADDRS][XR_ADDR_WORDS];
	__u8 n_addrs;
	bool lock;
	__u32 line;
	__u32 host;   /* place in hosts[] */
	char tap[16]; /* empty: found by itself */
};

/* What only the daemon reads; from the file, never from the maps. */
struct model_qmp {
	char *socket;
	__u8 mac[6];
	__u16 vlan;
	bool destination;     /* role: of the migration's two QEMUs */
	bool role_given;      /* else the QEMU is asked which it is */
	bool gate;            /* pause-before-switchover is used */
	char to[XR_NAME_LEN]; /* source: the host it goes to; empty: told otherwise */
	__u32 line;
};

/* The lists at the top of a file, but for devices: see devs_given. */
enum model_section {
	MODEL_HOSTS,
	MODEL_VMS,
	MODEL_GATEWAYS,
	MODEL_PROTECTED,
	MODEL_CID,
	MODEL_VIPS,
	MODEL_BACKENDS,
	MODEL_SECTIONS
};

struct model {
	struct xr_limits limits;
	struct xr_policy policy;
	bool has_secret;
	__u8 secret[32];
	struct model_vip *vips;
	size_t n_vips;
	struct model_cid *cids;
	size_t n_cids;
	struct model_backend *backends;
	size_t n_backends;
	struct model_host *hosts;
	size_t n_hosts;
	/*
	 * VMs are many, and change without the model: only export and apply
	 * load them. Not given: they stay as they are.
	 */
	struct model_vm *vms;
	size_t n_vms;
	bool vms_given;
	struct xr_gateway *gateways;
	size_t n_gateways;
	struct xr_protected *protect;
	size_t n_protect;
	struct model_qmp *qmp;
	size_t n_qmp;
	struct model_dev {
		char name[16];
		char netns[NETNS_NAME]; /* as "ip netns" has it; empty: here */
		__u64 space;            /* that one's identity; 0: not asked */
		enum attach_want want;
		enum xr_role role;
		bool trusted;
		struct xr_listed listed;
		__u32 line;
	} *devs; /* optional in the file: devices to attach */
	size_t n_devs;
	bool devs_given;  /* the file has a devices key: make it so */
	bool keys_inside; /* the file itself holds a key or the secret */
	/*
	 * A file is the whole truth, but what it leaves out is more likely
	 * forgotten than meant to go: bit per enum model_section that it has.
	 */
	bool from_file;
	unsigned int sections;
	/* Of which the lines are, as long as its reader keeps it; NULL: of none. */
	const char *file;
	__u32 limits_line, secret_line;
	__u32 gateway_line[XR_MAX_GATEWAYS + 1];
};

void model_init(struct model *m); /* defaults */
void model_free(struct model *m);
int model_copy(struct model *to, const struct model *from);

/* Everything that can be wrong without looking at the machine; file:line where known. */
int model_check(const struct model *m, const char *file, struct xr_err *err);
/* The same of all that is wrong: each line goes to all. -EINVAL: there is no more room. */
int model_check_all(const struct model *m, const char *file, struct xr_errs *all,
		    struct xr_err *err);

/*
 * What is allowed but hardly meant: chance hits of random CIDs, server IDs no
 * CID configuration can carry, ... One line each.
 */
void model_warn(const struct model *m, const char *file, void (*warn)(void *ctx, const char *line),
		void *ctx);

#endif
