/* SPDX-License-Identifier: GPL-2.0-only */
/* What the checks share: what was read of the machine, and how a finding is reported. */
#ifndef XR_DOCTOR_DOCTOR_PRIV_H
#define XR_DOCTOR_DOCTOR_PRIV_H

#include "attach/attach.h"
#include "doctor.h"
#include "lib/netns.h"
#include "net/link_end.h"
#include "net/path.h"
#include "underlay/paths.h"

/* ---- features.c: what ethtool and the kernel tell of a device ---- */

enum feature { FEATURE_ABSENT, FEATURE_OFF, FEATURE_ON, FEATURE_ON_FIXED };

enum feature_name {
	FEATURE_TX_CHECKSUM,
	FEATURE_TX_VLAN,
	FEATURE_RX_VLAN,
	FEATURE_LRO,
	FEATURE_GRO,
	FEATURE_GRO_HW,
	FEATURES
};

struct features {
	int error; /* -errno: nothing is known */
	enum feature is[FEATURES];
	/* Receive queues now and at most, transmit queues now; 0: not known. */
	__u32 rx, rx_most, tx;
	bool combined; /* one number is for both */
};

void features_read(const char *dev, struct features *f);

#define XDP_ACT_BASIC    (1U << 0)
#define XDP_ACT_REDIRECT (1U << 1)
#define XDP_ACT_NDO_XMIT (1U << 2)
#define XDP_ACT_RX_SG    (1U << 5)

/* What the driver can do, by XDP_ACT_*. 0, or -errno: -ENOENT before kernel 6.3. */
int xdp_features_read(const char *dev, __u32 ifindex, __u64 *acts);

/* ---- machine.c: /proc and /sys ---- */

#define MACHINE_PATH 512
/* Where to read path: below $XROAM_DOCTOR_ROOT where that has it, which tests set. */
const char *machine_path(const char *path, char to[MACHINE_PATH]);
/* Reads the file's first line, without its end. 0 or -errno. */
int machine_read(const char *path, char *line, size_t size);
int machine_read_number(const char *path, long long *value);
/* Of /proc/sys/net/ipvV/conf, in this network namespace; "all" counts, too: the larger one. */
int machine_read_conf(int v, const char *dev, const char *name, bool with_all, int *value);

/* ---- devices.c ---- */

struct doctor_dev {
	char name[16];
	char shown[XR_NAME_LEN + NETNS_SUFFIX]; /* with its network namespace */
	char path[NETNS_PATH];                  /* to that; "": this one */
	__u64 netns;
	__u32 ifindex;
	__u8 role;
	const struct xr_device *record; /* NULL: it is not attached */
	enum device_state state;
	bool no_netns;

	/* What follows is read where the device is there; else present is false. */
	bool present;
	struct link_end end, other;
	enum link_fault fault;
	bool other_known;            /* other, other_path and other_has */
	char other_path[NETNS_PATH]; /* "": the device's own namespace */
	struct features has, other_has;
	int xdp_error; /* -errno: xdp is not known */
	__u64 xdp;     /* XDP_ACT_* */
	struct device_program program[8];
	int programs; /* -errno: not known */
};

struct doctor;

/* Fills d->dev. 0, or as doctor_run(). */
int devices_collect(struct doctor *d, const struct doctor_args *args, struct xr_err *err);
/* The other end of a veth of this namespace, and a path to where that is ("": here). */
bool device_find_other(struct netlink *nl, const struct link_end *e, char path[NETNS_PATH]);

/* ---- ways.c: how packets leave for backends and hosts ---- */

struct doctor_way {
	const char *name;
	bool host;
	struct xr_backend_info info;
	enum path_trouble trouble;
	bool kept; /* path_is_kept() */
	enum paths_dev named_dev;
	__u32 dev;         /* that packets leave by; 0: not known */
	char dev_name[16]; /* its name; "?" */
	__u16 mtu;
	__u16 route_mtu;
	__u8 overhead;
};

/* ---- doctor.c, finding.c ---- */

struct doctor {
	const char *instance;
	struct plane *p; /* NULL: there is none, or it cannot be read */
	int p_error;     /* why, -errno; -ENOENT: there is none */
	char p_text[512];
	__u32 tick; /* when the checks began */
	struct doctor_dev *dev;
	size_t devs;
	struct doctor_way *way;
	size_t ways;
	__u64 ways_netns; /* where they begin */
	char ways_path[NETNS_PATH];
	struct doctor_report *report;
	struct doctor_checked *now; /* the check that runs */
	bool looked;                /* it had something to look at */
	bool failed;                /* no memory */
};

struct doctor_check {
	const char *id;
	enum doctor_severity severity;
	const char *looks_at, *why;
	/* One of them: once, for each way to a backend or host, for each device, ... */
	void (*look)(struct doctor *d);
	void (*look_way)(struct doctor *d, const struct doctor_way *w);
	void (*look_dev)(struct doctor *d, const struct doctor_dev *dev);
	/* ... or for each device that is there, in its network namespace. */
	void (*look_inside)(struct doctor *d, const struct doctor_dev *dev);
};

/* One table a theme; each ends with a row without an id. */
extern const struct doctor_check doctor_device_checks[], doctor_offload_checks[],
	doctor_route_checks[], doctor_sysctl_checks[], doctor_loop_checks[], doctor_kernel_checks[],
	doctor_process_checks[], doctor_other_checks[];

/* Something was there to look at: without a finding, the check has passed. */
void doctor_looked(struct doctor *d);
/* A finding of the check that runs; its object is written. Never NULL. */
struct doctor_finding *doctor_found(struct doctor *d, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void doctor_wrong(struct doctor_finding *f, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Adds to the cure: words from elsewhere through doctor_quote(). */
void doctor_cure(struct doctor_finding *f, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The check could not look, or not everywhere. */
void doctor_unseen(struct doctor *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The word as bash reads it. */
#define DOCTOR_QUOTED (4 * NETNS_PATH)
const char *doctor_quote(const char *word, char out[DOCTOR_QUOTED]);
#define QUOTE(word) doctor_quote(word, (char[DOCTOR_QUOTED]){ 0 })
/* Begins a cure in the namespace that path leads to; "": this one. */
void doctor_cure_in(struct doctor_finding *f, const char *path);
/* Adds "xroam", and the instance where it is not the default one. */
void doctor_cure_xroam(struct doctor_finding *f, const char *instance);
/* Adds the words of "dev attach" that make the record again. */
void doctor_cure_attach(struct doctor_finding *f, const struct doctor *d,
			const struct doctor_dev *dev, const char *mode);

/* The device's role is one of a program that does something, and it is there. */
bool doctor_works(const struct doctor_dev *dev);
/* Its program runs in native mode, or would. */
bool doctor_is_native(const struct doctor_dev *dev);

/* ways.c */
void ways_collect(struct doctor *d);

#define doctor_each_dev(d, v) for ((v) = (d)->dev; (v) < (d)->dev + (d)->devs; (v)++)

#endif
