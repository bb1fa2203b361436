// SPDX-License-Identifier: GPL-2.0-only
#include <netinet/in.h>
#include <string.h>
#include "config_schema.h"
#include "model/model.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

const cyaml_strval_t config_bool_words[] = {
	{ "true", 1 }, { "false", 0 }, { "yes", 1 }, { "no", 0 }, { "on", 1 }, { "off", 0 },
};
static const cyaml_strval_t too_big_words[] = {
	{ "reply", XR_TOO_BIG_REPLY },
	{ "drop", XR_TOO_BIG_DROP },
};
static const cyaml_strval_t down_words[] = {
	{ "drop", XR_DOWN_DROP },
	{ "fallback", XR_DOWN_FALLBACK },
};
static const cyaml_strval_t tunnels_words[] = {
	{ "hosts", XR_TUNNELS_HOSTS },
	{ "any", XR_TUNNELS_ANY },
};

static const cyaml_strval_t vip_other_words[] = {
	{ "drop", XR_VIP_OTHER_DROP },
	{ "pass", XR_VIP_OTHER_PASS },
};
static const cyaml_strval_t moves_words[] = {
	{ "expected", XR_MOVES_EXPECTED },
	{ "ports", XR_MOVES_PORTS },
	{ "any", XR_MOVES_ANY },
};
static const cyaml_strval_t health_failed_words[] = {
	{ "keep", XR_HEALTH_FAILED_KEEP },
	{ "none", XR_HEALTH_FAILED_NONE },
};
static const cyaml_strval_t check_type_words[] = {
	{ "tcp", XR_CHECK_TCP },     { "quic", XR_CHECK_QUIC },           { "http", XR_CHECK_HTTP },
	{ "https", XR_CHECK_HTTPS }, { "command", XR_CHECK_COMMAND_RUN },
};
static const cyaml_strval_t qmp_role_words[] = {
	{ "source", 0 },
	{ "destination", 1 },
};
static const cyaml_strval_t mode_words[] = {
	{ "auto", ATTACH_AUTO },
	{ "native", ATTACH_NATIVE },
	{ "generic", ATTACH_GENERIC },
};
static const cyaml_strval_t role_words[] = {
	{ "node", XR_ROLE_NODE },
	{ "backend", XR_ROLE_BACKEND },
	{ "pass", XR_ROLE_PASS },
};
static const cyaml_strval_t proto_words[] = {
	{ "tcp", IPPROTO_TCP },
	{ "udp", IPPROTO_UDP },
};
static const cyaml_strval_t state_words[] = {
	{ "up", XR_BACKEND_UP },
	{ "draining", XR_BACKEND_DRAINING },
	{ "down", XR_BACKEND_DOWN },
};
static const cyaml_strval_t forward_words[] = {
	{ "ipip", XR_FORWARD_IPIP },
	{ "gue", XR_FORWARD_GUE },
	{ "vxlan", XR_FORWARD_VXLAN },
	{ "l2", XR_FORWARD_L2 },
};
static const cyaml_strval_t format_words[] = {
#define X(name, word, bits, first, last, offset, sid, nonce, key) { word, XR_CID_##name },
	XR_CID_FORMATS(X)
#undef X
};

#define MAY  (CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER)
#define MUST CYAML_FLAG_DEFAULT
#define TEXT(key, flags, type, member) \
	CYAML_FIELD_STRING_PTR(key, (flags) | CYAML_FLAG_POINTER, type, member, 0, CYAML_UNLIMITED)
#define NUMBER(key, type, member) TEXT(key, MAY, type, member)
#define WORD(key, type, member, words) \
	CYAML_FIELD_ENUM_PTR(key, MAY | CYAML_FLAG_STRICT, type, member, words, COUNT(words))
#define LIST(key, type, member, n, entry) \
	CYAML_FIELD_SEQUENCE_COUNT(key, MAY, type, member, n, entry, 0, CYAML_UNLIMITED)
#define SHORT_LIST(key, type, member, n, entry)                                           \
	CYAML_FIELD_SEQUENCE_COUNT(key, MAY | CYAML_FLAG_FLOW, type, member, n, entry, 0, \
				   CYAML_UNLIMITED)

static const cyaml_schema_value_t text_entry = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 0, CYAML_UNLIMITED),
};

/* A line for each key. */
/* clang-format off */

static const cyaml_schema_field_t limits_fields[] = {
#define X(name, value, least, most) NUMBER(#name, struct raw_limits, name),
	XR_LIMITS(X)
#undef X
	CYAML_FIELD_END
};

static const cyaml_schema_field_t policy_fields[] = {
	WORD("too_big", struct raw_policy, too_big, too_big_words),
	WORD("down", struct raw_policy, down, down_words),
	NUMBER("flow_idle", struct raw_policy, flow_idle),
	NUMBER("reply_rate", struct raw_policy, reply_rate),
	TEXT("source", MAY, struct raw_policy, source),
	TEXT("source6", MAY, struct raw_policy, source6),
	WORD("vip_other", struct raw_policy, vip_other, vip_other_words),
	WORD("vip_echo", struct raw_policy, vip_echo, config_bool_words),
	WORD("vip_route", struct raw_policy, vip_route, config_bool_words),
	NUMBER("vip_table", struct raw_policy, vip_table),
	NUMBER("vip_hold", struct raw_policy, vip_hold),
	WORD("moves", struct raw_policy, moves, moves_words),
	WORD("tunnels", struct raw_policy, tunnels, tunnels_words),
	WORD("announce", struct raw_policy, announce, config_bool_words),
	NUMBER("announce_rate", struct raw_policy, announce_rate),
	NUMBER("flap_moves", struct raw_policy, flap_moves),
	NUMBER("flap_seconds", struct raw_policy, flap_seconds),
	NUMBER("vm_ttl", struct raw_policy, vm_ttl),
	NUMBER("prepare_timeout", struct raw_policy, prepare_timeout),
	NUMBER("blackout_timeout", struct raw_policy, blackout_timeout),
	NUMBER("health_rate", struct raw_policy, health_rate),
	NUMBER("health_flaps", struct raw_policy, health_flaps),
	NUMBER("health_flap_seconds", struct raw_policy, health_flap_seconds),
	WORD("health_failed", struct raw_policy, health_failed, health_failed_words),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t device_fields[] = {
	TEXT("name", MUST, struct raw_device, name),
	TEXT("namespace", MAY, struct raw_device, namespace),
	WORD("mode", struct raw_device, mode, mode_words),
	WORD("role", struct raw_device, role, role_words),
	WORD("trusted", struct raw_device, trusted, config_bool_words),
	SHORT_LIST("vnis", struct raw_device, vnis, n_vnis, &text_entry),
	SHORT_LIST("addresses", struct raw_device, addresses, n_addresses, &text_entry),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t host_fields[] = {
	TEXT("name", MUST, struct raw_host, name),
	TEXT("vxlan", MAY, struct raw_host, vxlan),
	TEXT("ipip", MAY, struct raw_host, ipip),
	TEXT("gue", MAY, struct raw_host, gue),
	TEXT("dev", MAY, struct raw_host, dev),
	TEXT("mac", MAY, struct raw_host, mac),
	NUMBER("vni", struct raw_host, vni),
	NUMBER("port", struct raw_host, port),
	WORD("local", struct raw_host, local, config_bool_words),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t gateway_fields[] = {
	TEXT("address", MUST, struct raw_gateway, address),
	TEXT("mac", MAY, struct raw_gateway, mac),
	NUMBER("vlan", struct raw_gateway, vlan),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t cid_fields[] = {
	TEXT("id", MUST, struct raw_cid, id),
	CYAML_FIELD_ENUM("format", CYAML_FLAG_STRICT, struct raw_cid, format, format_words,
			 COUNT(format_words)),
	NUMBER("server_id_length", struct raw_cid, server_id_length),
	NUMBER("nonce_length", struct raw_cid, nonce_length),
	NUMBER("offset", struct raw_cid, offset),
	TEXT("key", MAY, struct raw_cid, key),
	TEXT("key_file", MAY, struct raw_cid, key_file),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t vip_fields[] = {
	TEXT("address", MUST, struct raw_vip, address),
	TEXT("port", MUST, struct raw_vip, port),
	CYAML_FIELD_ENUM("protocol", CYAML_FLAG_STRICT, struct raw_vip, protocol, proto_words,
			 COUNT(proto_words)),
	WORD("cid", struct raw_vip, cid, config_bool_words),
	WORD("flow", struct raw_vip, flow, config_bool_words),
	WORD("announce", struct raw_vip, announce, config_bool_words),
	NUMBER("min_up", struct raw_vip, min_up),
	TEXT("health_check", MAY, struct raw_vip, health_check),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t health_fields[] = {
	TEXT("name", MUST, struct raw_health, name),
	CYAML_FIELD_ENUM("type", CYAML_FLAG_STRICT, struct raw_health, type, check_type_words,
			 COUNT(check_type_words)),
	NUMBER("port", struct raw_health, port),
	NUMBER("interval", struct raw_health, interval),
	NUMBER("timeout", struct raw_health, timeout),
	NUMBER("rise", struct raw_health, rise),
	NUMBER("fall", struct raw_health, fall),
	NUMBER("jitter", struct raw_health, jitter),
	TEXT("source", MAY, struct raw_health, source),
	TEXT("path", MAY, struct raw_health, path),
	TEXT("host", MAY, struct raw_health, host),
	TEXT("status", MAY, struct raw_health, status),
	WORD("verify", struct raw_health, verify, config_bool_words),
	SHORT_LIST("command", struct raw_health, command, n_command, &text_entry),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t vm_fields[] = {
	TEXT("mac", MUST, struct raw_vm, mac),
	NUMBER("vlan", struct raw_vm, vlan),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t qmp_fields[] = {
	TEXT("socket", MUST, struct raw_qmp, socket),
	CYAML_FIELD_MAPPING("vm", CYAML_FLAG_DEFAULT, struct raw_qmp, vm, vm_fields),
	WORD("role", struct raw_qmp, role, qmp_role_words),
	WORD("gate", struct raw_qmp, gate, config_bool_words),
	TEXT("to", MAY, struct raw_qmp, to),
	CYAML_FIELD_END
};

static const cyaml_schema_value_t qmp_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_qmp, qmp_fields),
};

static const cyaml_schema_field_t libvirt_fields[] = {
	TEXT("uri", MUST, struct raw_libvirt, uri),
	TEXT("host", MAY, struct raw_libvirt, host),
	TEXT("to", MAY, struct raw_libvirt, to),
	WORD("monitor", struct raw_libvirt, monitor, config_bool_words),
	CYAML_FIELD_END
};

static const cyaml_schema_value_t libvirt_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_libvirt, libvirt_fields),
};

static const cyaml_schema_field_t fdb_fields[] = {
	TEXT("bridge", MUST, struct raw_fdb, bridge),
	NUMBER("vlan", struct raw_fdb, vlan),
	CYAML_FIELD_END
};

static const cyaml_schema_value_t fdb_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_fdb, fdb_fields),
};

static const cyaml_schema_field_t ovn_switch_fields[] = {
	TEXT("name", MUST, struct raw_ovn_switch, name),
	NUMBER("vlan", struct raw_ovn_switch, vlan),
	CYAML_FIELD_END
};

static const cyaml_schema_value_t ovn_switch_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_ovn_switch, ovn_switch_fields),
};

static const cyaml_schema_field_t ovn_chassis_fields[] = {
	TEXT("name", MUST, struct raw_ovn_chassis, name),
	TEXT("host", MUST, struct raw_ovn_chassis, host),
	CYAML_FIELD_END
};

static const cyaml_schema_value_t ovn_chassis_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_ovn_chassis, ovn_chassis_fields),
};

static const cyaml_schema_field_t ovn_fields[] = {
	CYAML_FIELD_SEQUENCE_COUNT("remotes", CYAML_FLAG_POINTER | CYAML_FLAG_FLOW, struct raw_ovn,
				   remotes, n_remotes, &text_entry, 0, CYAML_UNLIMITED),
	TEXT("ca", MAY, struct raw_ovn, ca),
	TEXT("cert", MAY, struct raw_ovn, cert),
	TEXT("key", MAY, struct raw_ovn, key),
	LIST("switches", struct raw_ovn, switches, n_switches, &ovn_switch_entry),
	LIST("chassis", struct raw_ovn, chassis, n_chassis, &ovn_chassis_entry),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t sources_fields[] = {
	LIST("qmp", struct raw_sources, qmp, n_qmp, &qmp_entry),
	LIST("libvirt", struct raw_sources, libvirt, n_libvirt, &libvirt_entry),
	LIST("fdb", struct raw_sources, fdb, n_fdb, &fdb_entry),
	CYAML_FIELD_MAPPING_PTR("ovn", MAY, struct raw_sources, ovn, ovn_fields),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t metrics_fields[] = {
	TEXT("listen", MAY, struct raw_metrics, listen),
	TEXT("per_vm", MAY, struct raw_metrics, per_vm),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t vm_routes_fields[] = {
	NUMBER("table", struct raw_vm_routes, table),
	NUMBER("metric", struct raw_vm_routes, metric),
	NUMBER("hold", struct raw_vm_routes, hold),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t on_move_fields[] = {
	SHORT_LIST("command", struct raw_on_move, command, n_command, &text_entry),
	TEXT("timeout", MAY, struct raw_on_move, timeout),
	WORD("everywhere", struct raw_on_move, everywhere, config_bool_words),
	WORD("at_start", struct raw_on_move, at_start, config_bool_words),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t etcd_fields[] = {
	CYAML_FIELD_SEQUENCE_COUNT("endpoints", CYAML_FLAG_POINTER | CYAML_FLAG_FLOW,
				   struct raw_etcd, endpoints, n_endpoints, &text_entry, 0,
				   CYAML_UNLIMITED),
	TEXT("prefix", MAY, struct raw_etcd, prefix),
	TEXT("node", MAY, struct raw_etcd, node),
	WORD("publish", struct raw_etcd, publish, config_bool_words),
	SHORT_LIST("segments", struct raw_etcd, segments, n_segments, &text_entry),
	TEXT("ca", MAY, struct raw_etcd, ca),
	TEXT("cert", MAY, struct raw_etcd, cert),
	TEXT("key", MAY, struct raw_etcd, key),
	TEXT("user", MAY, struct raw_etcd, user),
	TEXT("password_file", MAY, struct raw_etcd, password_file),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t backend_fields[] = {
	TEXT("name", MUST, struct raw_backend, name),
	TEXT("address", MUST, struct raw_backend, address),
	SHORT_LIST("vips", struct raw_backend, vips, n_vips, &text_entry),
	SHORT_LIST("server_ids", struct raw_backend, server_ids, n_server_ids, &text_entry),
	NUMBER("weight", struct raw_backend, weight),
	WORD("state", struct raw_backend, state, state_words),
	WORD("forward", struct raw_backend, forward, forward_words),
	TEXT("dev", MAY, struct raw_backend, dev),
	NUMBER("port", struct raw_backend, port),
	NUMBER("vni", struct raw_backend, vni),
	TEXT("mac", MAY, struct raw_backend, mac),
	NUMBER("initial_rate", struct raw_backend, initial_rate),
	TEXT("health_check", MAY, struct raw_backend, health_check),
	CYAML_FIELD_MAPPING_PTR("vm", MAY, struct raw_backend, vm, vm_fields),
	CYAML_FIELD_END
};

static const cyaml_schema_value_t device_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_device, device_fields),
};
static const cyaml_schema_value_t host_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_host, host_fields),
};
static const cyaml_schema_value_t gateway_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_gateway, gateway_fields),
};
static const cyaml_schema_value_t cid_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_cid, cid_fields),
};
static const cyaml_schema_value_t health_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_health, health_fields),
};
static const cyaml_schema_value_t vip_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_vip, vip_fields),
};
static const cyaml_schema_value_t backend_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_backend, backend_fields),
};

#define FILE_FIELDS										\
	TEXT("secret", MAY, struct raw, secret),						\
	TEXT("secret_file", MAY, struct raw, secret_file),					\
	CYAML_FIELD_MAPPING_PTR("limits", MAY, struct raw, limits, limits_fields),		\
	CYAML_FIELD_MAPPING_PTR("policy", MAY, struct raw, policy, policy_fields),		\
	LIST("devices", struct raw, devices, n_devices, &device_entry),				\
	LIST("hosts", struct raw, hosts, n_hosts, &host_entry),					\
	LIST("gateways", struct raw, gateways, n_gateways, &gateway_entry),			\
	SHORT_LIST("protected", struct raw, protect, n_protect, &text_entry),			\
	CYAML_FIELD_MAPPING_PTR("sources", MAY, struct raw, sources, sources_fields),		\
	CYAML_FIELD_MAPPING_PTR("metrics", MAY, struct raw, metrics, metrics_fields),		\
	CYAML_FIELD_MAPPING_PTR("on_move", MAY, struct raw, on_move, on_move_fields),		\
	CYAML_FIELD_MAPPING_PTR("vm_routes", MAY, struct raw, vm_routes, vm_routes_fields),	\
	CYAML_FIELD_MAPPING_PTR("etcd", MAY, struct raw, etcd, etcd_fields),			\
	LIST("cid", struct raw, cid, n_cid, &cid_entry),					\
	LIST("health_checks", struct raw, health_checks, n_health_checks, &health_entry),	\
	LIST("vips", struct raw, vips, n_vips, &vip_entry),					\
	LIST("backends", struct raw, backends, n_backends, &backend_entry)

/* vms may be a million: config_vms.c reads them from the second pass' events. */
static const cyaml_schema_field_t file_fields[] = {
	FILE_FIELDS,
	CYAML_FIELD_IGNORE("vms", CYAML_FLAG_OPTIONAL),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t write_fields[] = {
	FILE_FIELDS,
	CYAML_FIELD_END
};

const cyaml_schema_value_t config_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw, file_fields),
};

const cyaml_schema_value_t config_write_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw, write_fields),
};

static const struct config_range ranges[] = {
#define X(name, value, least, most) { #name, least, most },
	XR_LIMITS(X)
#undef X
	{ "announce_rate", 0, 65535 },
	{ "vip_table", 1, 0xffffffff },
	{ "vip_hold", 0, 86400 },
	{ "min_up", 1, XR_MAX_BACKENDS },
	{ "flap_moves", 1, 65534 },
	{ "flap_seconds", 1, 65535 },
	{ "vm_ttl", 1, 0x7fffffff },
	{ "prepare_timeout", 1, 0x7fffffff },
	{ "blackout_timeout", 1, 0x7fffffff },
	{ "flow_idle", 1, 16000 },
	{ "reply_rate", 0, 65535 },
	{ "id", 0, XR_CODEPOINTS - 1 },
	{ "server_id_length", 1, XR_SID_MAX },
	{ "nonce_length", 0, XR_CID_BLOCK_MAX },
	{ "offset", 0, XR_CID_MAX - 1 },
	{ "port", 1, 65535 },
	{ "weight", 0, XR_MAX_WEIGHT },
	{ "vni", 0, XR_MAX_VNI },
	{ "initial_rate", 0, 0xffffffff },
	{ "vlan", 1, XR_MAX_VLAN },
	{ "per_vm", 0, MODEL_METRICS_VMS },
	{ "rise", 1, 100 },
	{ "fall", 1, 100 },
	{ "jitter", 0, 50 },
	{ "health_rate", 1, 1000000 },
	{ "health_flaps", 1, 65535 },
	{ "health_flap_seconds", 1, 65535 },
	{ "table", 1, 0xffffffff },
	{ "hold", 0, 3600 },
	{ "metric", 1, 0xffffff }, /* zebra takes the top octet for a distance */
};

/* clang-format on */

const struct config_range *config_range(const char *key)
{
	size_t i;

	for (i = 0; i < COUNT(ranges); i++)
		if (!strcmp(ranges[i].key, key))
			return &ranges[i];
	return NULL;
}
