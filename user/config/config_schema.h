/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file as libcyaml sees it; pointers are NULL where something is left out.
 * Numbers come as text: libcyaml would take "1.5" and "80x" for 1 and 80.
 */
#ifndef XR_CONFIG_CONFIG_SCHEMA_H
#define XR_CONFIG_CONFIG_SCHEMA_H

#include <cyaml/cyaml.h>
#include <xroam/abi.h>
#include "yaml/quote.h"

struct raw_limits {
#define X(name, value, least, most) char *name;
	XR_LIMITS(X)
#undef X
};

struct raw_policy {
	int *too_big, *down;
	char *flow_idle, *reply_rate;
	char *source, *source6;
	int *vip_other, *vip_echo, *vip_route;
	char *vip_table, *vip_hold;
	int *moves, *tunnels, *announce;
	char *announce_rate, *flap_moves, *flap_seconds;
	char *vm_ttl, *prepare_timeout, *blackout_timeout;
	char *health_rate, *health_flaps, *health_flap_seconds;
	int *health_failed;
};

struct raw_device {
	char *name, *namespace;
	int *mode, *role, *trusted;
	char **vnis, **addresses;
	__u32 n_vnis, n_addresses;
};

struct raw_host {
	char *name;
	char *vxlan, *ipip, *gue, *dev, *mac;
	char *vni, *port;
	int *local;
};

struct raw_gateway {
	char *address, *mac, *vlan;
};

struct raw_cid {
	char *id;
	int format;
	char *server_id_length, *nonce_length, *offset;
	char *key, *key_file;
};

struct raw_vip {
	char *address, *port;
	int protocol;
	int *cid, *flow, *announce;
	char *min_up;
	char *health_check;
};

struct raw_health {
	char *name;
	int type, *verify;
	char *port, *interval, *timeout, *rise, *fall, *jitter;
	char *source, *path, *host, *status;
	char **command;
	__u32 n_command;
};

struct raw_vm {
	char *mac, *vlan;
};

struct raw_backend {
	char *name, *address;
	char **vips, **server_ids;
	__u32 n_vips, n_server_ids;
	char *weight, *vni, *port, *initial_rate;
	int *state, *forward;
	char *dev, *mac, *health_check;
	struct raw_vm *vm;
};

struct raw_qmp {
	char *socket;
	struct raw_vm vm;
	int *role, *gate;
	char *to;
};

struct raw_libvirt {
	char *uri, *host, *to;
	int *monitor;
};

struct raw_fdb {
	char *bridge, *vlan;
};

struct raw_ovn_switch {
	char *name, *vlan;
};

struct raw_ovn_chassis {
	char *name, *host;
};

struct raw_ovn {
	char **remotes;
	char *ca, *cert, *key;
	struct raw_ovn_switch *switches;
	struct raw_ovn_chassis *chassis;
	__u32 n_remotes, n_switches, n_chassis;
};

struct raw_sources {
	struct raw_qmp *qmp;
	struct raw_libvirt *libvirt;
	struct raw_fdb *fdb;
	struct raw_ovn *ovn;
	__u32 n_qmp, n_libvirt, n_fdb;
};

struct raw_on_move {
	char **command, *timeout;
	__u32 n_command;
	int *everywhere, *at_start;
};

struct raw_vm_routes {
	char *table, *metric, *hold;
};

struct raw_metrics {
	char *listen, *per_vm;
};

struct raw_etcd {
	char **endpoints, **segments;
	__u32 n_endpoints, n_segments;
	char *prefix, *node, *ca, *cert, *key, *user, *password_file;
	int *publish;
};

/* vms are read by config_vms.c. */
struct raw {
	char *secret, *secret_file;
	struct raw_limits *limits;
	struct raw_policy *policy;
	struct raw_device *devices;
	struct raw_host *hosts;
	struct raw_gateway *gateways;
	char **protect;
	struct raw_sources *sources;
	struct raw_metrics *metrics;
	struct raw_on_move *on_move;
	struct raw_vm_routes *vm_routes;
	struct raw_etcd *etcd;
	struct raw_cid *cid;
	struct raw_health *health_checks;
	struct raw_vip *vips;
	struct raw_backend *backends;
	__u32 n_devices, n_cid, n_vips, n_backends;
	__u32 n_hosts, n_gateways, n_protect, n_health_checks;
};

extern const cyaml_schema_value_t config_schema;
extern const cyaml_schema_value_t config_write_schema; /* without vms */
/* true, false, and more */
extern const cyaml_strval_t config_bool_words[];

/* The range of a number by its key. */
struct config_range {
	const char *key;
	__u32 min, max;
};

/* NULL: the key is not a number's. */
const struct config_range *config_range(const char *key);

#endif
