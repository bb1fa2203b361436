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
#include "lib/metrics_address.h"
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
	char check[XR_CHECK_NAME]; /* its backends' health check; empty: none */
	bool cid, flow, announce;
	__u16 min_up; /* from 1 */
	__u32 line;   /* in the file; 0: not from one */
	__u16 index;  /* in the map vips; 0: none yet */
};

struct model_cid {
	struct xr_cid_info info; /* key included */
	__u32 line;
	__u8 slot;     /* of the map cid_configs; 0: none yet */
	bool keep_key; /* "key: hidden": the key of the running instance stays */
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
	/* its own health check, in the place of its VIPs'; empty: theirs; "none" */
	char check[XR_CHECK_NAME];
	__u32 line;
	__u16 index; /* in its map; 0: none yet */
};

struct model_health {
	struct xr_health_check check;
	__u32 line;
};

struct model_host {
	struct xr_host_info info;
	__u32 line;
	__u16 index; /* in its map; 0: none yet */
};

/* Where a VM is, and what binds it; a move under way is no part of the model. */
struct model_vm {
	__u8 mac[6];
	__u16 vlan;
	__be32 addr[XR_VM_ADDRS][XR_ADDR_WORDS];
	__u8 n_addrs;
	bool lock;
	__u32 line;
	__u32 host;   /* index in hosts[] */
	char tap[16]; /* empty: found by itself */
	__u32 bounds; /* in bounds[], its index plus one; 0: none */
};

/* What only the daemon reads; from the file, never from the maps. */
struct model_qmp {
	char *socket;
	__u8 mac[6];
	__u16 vlan;
	bool destination;     /* role: of the migration's two QEMUs */
	bool role_given;      /* else QEMU's monitor is asked for it */
	bool gate;            /* pause-before-switchover is used */
	char to[XR_NAME_LEN]; /* source: the host it goes to; empty: another notice names it */
	__u32 line;
};

/* A libvirt whose domains' moves are followed. */
struct model_libvirt {
	char uri[256];
	char host[XR_NAME_LEN]; /* whose it is; empty: this machine's */
	char to[XR_NAME_LEN];   /* the host that its VMs go to; empty: another notice names it */
	bool monitor;           /* QEMU's monitor is asked by it, too */
	__u32 line;
};

/* A bridge whose table is watched. */
struct model_fdb {
	char bridge[16];
	__u16 vlan; /* of its VMs, as they are known here; 0: untagged */
	__u32 line;
};

#define MODEL_OVN_REMOTES 8
#define MODEL_OVN_TEXT    256 /* a remote, a path, with the NUL */

/* An OVN whose southbound database is followed; the daemon's alone, too. */
struct model_ovn {
	__u32 n_remotes;                                /* 0: none is */
	char remote[MODEL_OVN_REMOTES][MODEL_OVN_TEXT]; /* as OVN has it: "ssl:HOST:PORT" */
	/* Paths; empty: none */
	char ca[MODEL_OVN_TEXT], cert[MODEL_OVN_TEXT], key[MODEL_OVN_TEXT];
};

/* A logical switch whose ports are VMs'. Where none is given, all are, untagged. */
struct model_ovn_switch {
	char name[XR_NAME_LEN];
	__u16 vlan; /* of its VMs, as they are known here; 0: untagged */
	__u32 line;
};

/* The host that a chassis is, where its tunnels' addresses do not tell. */
struct model_ovn_chassis {
	char name[XR_NAME_LEN];
	char host[XR_NAME_LEN];
	__u32 line;
};

#define MODEL_METRICS_LISTEN "127.0.0.1:9978"
#define MODEL_METRICS_VMS    100000 /* series of single VMs, at most */

/* Whether and where the daemon serves metrics; the daemon's alone, too. */
struct model_metrics {
	bool given;
	char listen[METRICS_ADDRESS]; /* as metrics_address_read() takes it */
	__u32 per_vm;                 /* so many VMs have series of their own */
};

#define MODEL_COMMAND 1024
#define MODEL_WORDS   63

/* A program for each VM that moved; the daemon's alone, too. */
struct model_on_move {
	char command[MODEL_COMMAND]; /* words, each with its NUL */
	__u32 words;                 /* 0: there is none */
	__u32 timeout_ms;
	bool everywhere; /* not only where the VM is */
	bool at_start;   /* also for VMs that are here when the daemon begins */
};

/* Host routes to VMs that are here, for a routing daemon; the daemon's alone, too. */
struct model_vm_routes {
	bool given;
	__u32 table, metric;
	__u32 hold; /* seconds that they stay where the VM has left */
};

#define MODEL_ETCD_ENDPOINTS 8
#define MODEL_ETCD_TEXT      256 /* an endpoint, a path, with the NUL */
#define MODEL_ETCD_PREFIX    "xroam"

/* The cluster's truth, and this node's part of it; the daemon's alone, too. */
struct model_etcd {
	bool given;
	__u32 n_endpoints;
	char endpoint[MODEL_ETCD_ENDPOINTS][MODEL_ETCD_TEXT];
	char prefix[MODEL_ETCD_TEXT]; /* without "/" at its end */
	/* Paths; empty: none */
	char ca[MODEL_ETCD_TEXT], cert[MODEL_ETCD_TEXT], key[MODEL_ETCD_TEXT];
	char user[XR_NAME_LEN];
	char password_file[MODEL_ETCD_TEXT];
	char node[XR_NAME_LEN];               /* the host that is this machine; empty: it is none */
	bool publish;                         /* which VMs come to this machine is written to it */
	__u8 segments[(XR_MAX_VLAN + 8) / 8]; /* a bit per VLAN, 0: untagged */
	unsigned int not_asked; /* a bit per enum model_section_of_key that the file itself has */
	__u32 line;
};

static inline bool model_etcd_has(const struct model_etcd *e, __u16 vlan)
{
	return e->segments[vlan / 8] >> vlan % 8 & 1;
}

/* The lists at the top of a file, but for devices: see devs_given. */
enum model_section_of_key {
	MODEL_HOSTS,
	MODEL_VMS,
	MODEL_GATEWAYS,
	MODEL_PROTECTED,
	MODEL_CID,
	MODEL_HEALTH,
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
	struct model_health *health;
	size_t n_health;
	struct model_backend *backends;
	size_t n_backends;
	/*
	 * Server IDs may be a million, and few changes are about them. true: they stay as they
	 * are, and what the backends' lists have of them does not count; then no backend that has
	 * any goes, either.
	 */
	bool sids_stay;
	struct model_host *hosts;
	size_t n_hosts;
	/*
	 * VMs are many, and change without the model: only export and apply
	 * load them. vms_given false: they stay as they are.
	 */
	struct model_vm *vms;
	size_t n_vms;
	bool vms_given;
	bool other_vms_stay;         /* those that are known, and not in the list */
	enum xr_source vms_source;   /* who says where those are that are new or move */
	struct xr_vm_bounds *bounds; /* of few VMs */
	size_t n_bounds;
	struct xr_gateway *gateways;
	size_t n_gateways;
	struct xr_protected *protect;
	size_t n_protect;
	struct model_qmp *qmp;
	size_t n_qmp;
	struct model_libvirt *libvirt;
	size_t n_libvirt;
	struct model_fdb *fdb;
	size_t n_fdb;
	struct model_ovn ovn;
	struct model_ovn_switch *ovn_switches;
	size_t n_ovn_switches;
	struct model_ovn_chassis *ovn_chassis;
	size_t n_ovn_chassis;
	struct model_metrics metrics;
	struct model_on_move on_move;
	struct model_vm_routes vm_routes;
	struct model_etcd etcd;
	struct model_dev {
		char name[16];
		char netns[NETNS_NAME]; /* as "ip netns" has it; empty: here */
		__u64 space;            /* netns_id() of it; 0: not known yet */
		enum attach_want want;
		enum xr_role role;
		bool trusted;
		struct xr_listed listed;
		__u32 line;
	} *devs; /* optional in the file: devices to attach */
	size_t n_devs;
	bool devs_given;  /* the file has the key devices; else they stay as they are */
	bool keys_inside; /* the file itself holds a key or the secret */
	/*
	 * A file holds everything that is wanted, but a list that it leaves out is more
	 * likely forgotten than meant to go. sections: a bit per enum model_section_of_key that
	 * it has; leaving out another is refused while the instance has such things.
	 */
	bool from_file;
	unsigned int sections;
	/* The name of the file that the lines are of, its reader's; NULL: there is none. */
	const char *file;
	__u32 limits_line, secret_line;
	__u32 gateway_line[XR_MAX_GATEWAYS + 1];
};

void model_init(struct model *m); /* defaults */
void model_free(struct model *m);
int model_copy(struct model *to, const struct model *from);

/*
 * Checks everything that can be checked without the machine. -EINVAL: err says what is
 * wrong, and in which line of file (NULL: none).
 */
int model_check(const struct model *m, const char *file, struct xr_err *err);
/* Reports all that is wrong to all (NULL: the first to err). -EINVAL: all is full. */
int model_check_all(const struct model *m, const char *file, struct xr_errs *all,
		    struct xr_err *err);

/*
 * The same of VMs, one by one, as they are put at the end of m: the last one against those
 * before it. One that is wrong is to be taken away again, and another may be put there. vms:
 * so many are looked at, at most. NULL: no memory.
 */
struct model_vm_check;
struct model_vm_check *model_vm_check_new(const struct model *m, size_t vms);
int model_vm_check_last(struct model_vm_check *k, struct xr_err *err);
void model_vm_check_free(struct model_vm_check *k);

/*
 * Calls warn() with a line for each thing that is allowed but hardly meant: chance hits of
 * random CIDs, server IDs that no CID configuration can carry, ...
 */
void model_warn(const struct model *m, const char *file, void (*warn)(void *ctx, const char *line),
		void *ctx);

#define MODEL_PARTS 48 /* "sources, metrics, on_move, vm_routes, etcd" */

/* The keys of what is the daemon's alone, which no instance keeps, into text; how many. */
size_t model_daemon_parts(const struct model *m, char text[MODEL_PARTS]);

#endif
