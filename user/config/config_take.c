// SPDX-License-Identifier: GPL-2.0-only
/* From the file's structs to the model; checks what the schema cannot express. */
#include <arpa/inet.h>
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include "config.h"
#include "config_priv.h"
#include "lib/text.h"
#include "model/model_edit.h"

/* ---- keys ---- */

/* path is relative to the directory of the file */
static int read_key_beside(struct reader *r, const char *at, const char *path, __u8 *key,
			   size_t size)
{
	char full[1024], dir[512];
	struct xr_err inner = { "" };

	snprintf(dir, sizeof(dir), "%s", r->name);
	if (*path == '/')
		snprintf(full, sizeof(full), "%s", path);
	else
		snprintf(full, sizeof(full), "%s/%s", dirname(dir), path);
	if (config_read_key(full, key, size, &inner))
		return fail_at(r, at, "%s: %s", last_key(at), inner.text);
	return 0;
}

static int read_key_text(struct reader *r, const char *at, const char *hex, __u8 *key, size_t size)
{
	size_t len = 0;

	if (strlen(hex) != 2 * size || strspn(hex, "0123456789abcdefABCDEF") != 2 * size ||
	    text_to_hex(hex, key, size, &len, NULL) || len != size)
		return fail_at(r, at, "%s: must be %zu hex digits", last_key(at), 2 * size);
	return 0;
}

/* ---- limits, policy ---- */

static int take_limits(struct reader *r, const struct raw_limits *from, struct xr_limits *to)
{
	if (!from)
		return 0;
#define X(name, value, least, most) || TAKE(r, "limits." #name, from->name, to->name)
	if (0 XR_LIMITS(X))
		return -EINVAL;
#undef X
#define X(size) || to->maglev == size
	if (!to->maglev XR_MAGLEV_SIZES(X))
		return 0;
#undef X
	return fail_at(r, "limits.maglev",
		       "maglev: %u is no size of a table; write 251, 4099 or 65537", to->maglev);
}

/* ADDR/LEN of that family, with no bit set behind LEN. */
static bool is_prefix(const char *text, bool v4, __be32 *addr, __u8 *host_bits)
{
	char buf[TEXT_ADDR], *slash;
	unsigned int i;
	__u64 len;

	if (strlen(text) >= sizeof(buf))
		return false;
	strcpy(buf, text);
	slash = strchr(buf, '/');
	if (!slash)
		return false;
	*slash++ = '\0';
	if (text_to_addr(buf, addr, NULL) || addr_is_ipv4(addr) != v4 ||
	    text_to_u64(slash, 0, v4 ? 32 : 128, &len, NULL))
		return false;
	if (v4)
		len += 96;
	*host_bits = 128 - len;
	for (i = len; i < 128; i++) {
		if (ntohl(addr[i / 32]) >> (31 - i % 32) & 1)
			return false;
	}
	return true;
}

static int take_prefix(struct reader *r, const char *path, const char *text, bool v4, __be32 *addr,
		       __u8 *host_bits)
{
	if (is_prefix(text, v4, addr, host_bits))
		return 0;
	return fail_at(r, path,
		       "%s: \"%.60s\" is not an %s prefix such as %s with no "
		       "bit set behind its length",
		       last_key(path), text, v4 ? "IPv4" : "IPv6",
		       v4 ? "172.16.0.0/16" : "100::/64");
}

static int take_moves(struct reader *r, const struct raw_policy *from, struct xr_policy *to)
{
	if (from->moves)
		to->moves = *from->moves;
	if (from->tunnels)
		to->tunnels = *from->tunnels;
	if (from->announce)
		to->announce = *from->announce;
	return TAKE(r, "policy.announce_rate", from->announce_rate, to->announce_rate) ||
		TAKE(r, "policy.flap_moves", from->flap_moves, to->flap_moves) ||
		TAKE(r, "policy.flap_seconds", from->flap_seconds, to->flap_seconds) ||
		TAKE(r, "policy.vm_ttl", from->vm_ttl, to->vm_ttl) ||
		TAKE(r, "policy.prepare_timeout", from->prepare_timeout, to->prepare_timeout) ||
		TAKE(r, "policy.blackout_timeout", from->blackout_timeout, to->blackout_timeout);
}

static int take_policy(struct reader *r, const struct raw_policy *from, struct xr_policy *to)
{
	__be32 addr[XR_ADDR_WORDS];

	if (!from)
		return 0;
	if (from->too_big)
		to->too_big = *from->too_big;
	if (from->down)
		to->down = *from->down;
	if (from->vip_other)
		to->vip_other = *from->vip_other;
	if (from->vip_echo)
		to->vip_echo = *from->vip_echo;
	if (from->vip_route)
		to->vip_route = *from->vip_route;
	if (from->health_failed)
		to->health_failed = *from->health_failed;
	if (TAKE(r, "policy.health_rate", from->health_rate, to->health_rate) ||
	    TAKE(r, "policy.health_flaps", from->health_flaps, to->health_flaps) ||
	    TAKE(r, "policy.health_flap_seconds", from->health_flap_seconds,
		 to->health_flap_seconds))
		return -EINVAL;
	if (TAKE(r, "policy.flow_idle", from->flow_idle, to->flow_idle) ||
	    TAKE(r, "policy.reply_rate", from->reply_rate, to->reply_rate) ||
	    TAKE(r, "policy.vip_table", from->vip_table, to->vip_table) ||
	    TAKE(r, "policy.vip_hold", from->vip_hold, to->vip_hold) || take_moves(r, from, to))
		return -EINVAL;
	if (from->source) {
		if (take_prefix(r, "policy.source", from->source, true, addr, &to->source_bits))
			return -EINVAL;
		to->source4 = addr[3];
	}
	if (from->source6) {
		if (take_prefix(r, "policy.source6", from->source6, false, addr, &to->source6_bits))
			return -EINVAL;
		memcpy(to->source6, addr, sizeof(to->source6));
	}
	return 0;
}

static int take_secret(struct reader *r, const struct raw *raw, struct model *m)
{
	int ret = 0;

	if (raw->secret && raw->secret_file)
		return fail_at(r, "secret_file",
			       "both secret and secret_file are given; leave one");
	if (raw->secret)
		ret = read_key_text(r, "secret", raw->secret, m->secret, sizeof(m->secret));
	if (raw->secret_file)
		ret = read_key_beside(r, "secret_file", raw->secret_file, m->secret,
				      sizeof(m->secret));
	m->has_secret = raw->secret || raw->secret_file;
	m->keys_inside = raw->secret;
	return ret;
}

/* VNIs and addresses of tunnels that end at the device. */
static int take_listed(struct reader *r, const struct raw_device *from, size_t i,
		       struct xr_listed *to)
{
	char list[32], path[PATH_LEN];
	struct xr_err inner;
	__u64 vni;

	snprintf(list, sizeof(list), "devices[%zu].vnis", i);
	if (from->n_vnis > XR_DEV_VNIS)
		return fail_at(r, list, "vnis: at most %d of a device", XR_DEV_VNIS);
	for (; to->vnis < from->n_vnis; to->vnis++) {
		snprintf(path, sizeof(path), "%s[%u]", list, to->vnis);
		vni = 0;
		if (text_to_u64(from->vnis[to->vnis], 0, XR_MAX_VNI, &vni, &inner) &&
		    fail_at(r, path, "vnis: %s", inner.text))
			return -EINVAL;
		to->vni[to->vnis] = vni;
	}
	snprintf(list, sizeof(list), "devices[%zu].addresses", i);
	if (from->n_addresses > XR_DEV_ADDRS)
		return fail_at(r, list, "addresses: at most %d of a device", XR_DEV_ADDRS);
	for (; to->addrs < from->n_addresses; to->addrs++) {
		snprintf(path, sizeof(path), "%s[%u]", list, to->addrs);
		if (text_to_addr(from->addresses[to->addrs], to->addr[to->addrs], NULL) &&
		    fail_at(r, path, "addresses: \"%.60s\" is not an IP address",
			    from->addresses[to->addrs]))
			return -EINVAL;
	}
	return 0;
}

static int take_netns(struct reader *r, const char *text, size_t i, char *netns)
{
	char path[PATH_LEN];

	if (!text)
		return 0;
	if (!*text || strchr(text, '/') || strlen(text) >= NETNS_NAME)
		return fail_at(
			r, config_at(path, "devices", i, "namespace"),
			"namespace: \"%.40s\" is not the name of a network namespace: one of \"ip netns list\"",
			text);
	strcpy(netns, text);
	return 0;
}

static int take_devices(struct reader *r, const struct raw *raw, struct model *m)
{
	const struct raw_device *from;
	struct model_dev *to;
	char path[PATH_LEN];
	size_t i;
	int ret = 0;

	for (i = 0; !ret && i < raw->n_devices; i++) {
		from = &raw->devices[i];
		to = model_grow(&m->devs, &m->n_devs, sizeof(*to));
		if (!to)
			return -ENOMEM;
		if (config_dev(r, config_at(path, "devices", i, "name"), from->name, to->name) ||
		    take_netns(r, from->namespace, i, to->netns))
			return -EINVAL;
		to->want = from->mode ? (enum attach_want) * from->mode : ATTACH_AUTO;
		to->role = from->role ? (enum xr_role) * from->role : XR_ROLE_NODE;
		to->trusted = from->trusted && *from->trusted;
		ret = take_listed(r, from, i, &to->listed);
	}
	return ret;
}

static int take_cid_key(struct reader *r, const struct raw_cid *from, size_t i,
			struct model_cid *to)
{
	char path[PATH_LEN];

	if (from->key && from->key_file)
		return fail_at(r, config_at(path, "cid", i, "key_file"),
			       "both key and key_file are given; leave one");
	if (!from->key && !from->key_file)
		return 0;
	to->info.has_key = 1;
	if (from->key_file)
		return read_key_beside(r, config_at(path, "cid", i, "key_file"), from->key_file,
				       to->info.key, sizeof(to->info.key));
	if (!strcmp(from->key, CONFIG_HIDDEN)) {
		to->keep_key = true;
		return 0;
	}
	return read_key_text(r, config_at(path, "cid", i, "key"), from->key, to->info.key,
			     sizeof(to->info.key));
}

static int take_cids(struct reader *r, const struct raw *raw, struct model *m)
{
	const struct raw_cid *from;
	struct xr_cid_info *info;
	struct model_cid *to;
	char path[PATH_LEN];
	size_t i;

	for (i = 0; i < raw->n_cid; i++) {
		from = &raw->cid[i];
		to = model_grow(&m->cids, &m->n_cids, sizeof(*to));
		if (!to)
			return -ENOMEM;
		info = &to->info;
		info->used = 1;
		info->format = from->format;
		if (TAKE(r, config_at(path, "cid", i, "id"), from->id, info->config_id) ||
		    TAKE(r, config_at(path, "cid", i, "server_id_length"), from->server_id_length,
			 info->sid_len) ||
		    TAKE(r, config_at(path, "cid", i, "nonce_length"), from->nonce_length,
			 info->nonce_len) ||
		    TAKE(r, config_at(path, "cid", i, "offset"), from->offset, info->offset) ||
		    take_cid_key(r, from, i, to))
			return -EINVAL;
		m->keys_inside |= from->key && !to->keep_key;
		xr_cid_defaults(info->format, &info->sid_len, &info->nonce_len, &info->offset);
	}
	return 0;
}

static int take_vips(struct reader *r, const struct raw *raw, struct model *m)
{
	const struct raw_vip *from;
	struct model_vip *to;
	char path[PATH_LEN];
	__u64 port, min_up;
	size_t i;

	for (i = 0; i < raw->n_vips; i++) {
		from = &raw->vips[i];
		to = model_grow(&m->vips, &m->n_vips, sizeof(*to));
		if (!to)
			return -ENOMEM;
		if (config_addr(r, config_at(path, "vips", i, "address"), from->address, to->addr))
			return -EINVAL;
		port = 0;
		if (config_number(r, config_at(path, "vips", i, "port"), from->port, &port))
			return -EINVAL;
		to->port = htons(port);
		to->proto = from->protocol;
		to->cid = from->cid && *from->cid;
		to->flow = !from->flow || *from->flow;
		to->announce = from->announce && *from->announce;
		min_up = 1;
		if (from->min_up &&
		    config_number(r, config_at(path, "vips", i, "min_up"), from->min_up, &min_up))
			return -EINVAL;
		to->min_up = min_up;
		if (config_check_name(r, config_at(path, "vips", i, "health_check"),
				      from->health_check, to->check))
			return -EINVAL;
	}
	return 0;
}

static int take_lists(struct reader *r, const struct raw_backend *from, size_t i,
		      struct model_backend *to)
{
	struct model_vip_key *k;
	struct xr_err inner;
	struct model_sid *s;
	char path[PATH_LEN];
	size_t j, len;

	for (j = 0; j < from->n_vips; j++) {
		k = model_grow(&to->vips, &to->n_vips, sizeof(*k));
		if (!k)
			return -ENOMEM;
		if (!text_to_vip(from->vips[j], k->addr, &k->port, &k->proto, &inner))
			continue;
		snprintf(path, sizeof(path), "backends[%zu].vips[%zu]", i, j);
		if (fail_at(r, path, "%s", inner.text))
			return -EINVAL;
	}
	for (j = 0; j < from->n_server_ids; j++) {
		s = model_grow(&to->sids, &to->n_sids, sizeof(*s));
		if (!s)
			return -ENOMEM;
		if (!text_to_hex(from->server_ids[j], s->octet, sizeof(s->octet), &len, &inner)) {
			s->len = len;
			continue;
		}
		snprintf(path, sizeof(path), "backends[%zu].server_ids[%zu]", i, j);
		if (fail_at(r, path, "server ID \"%.40s\": %s", from->server_ids[j], inner.text))
			return -EINVAL;
	}
	return 0;
}

static int take_macs(struct reader *r, const struct raw_backend *from, size_t i,
		     struct xr_backend_info *to)
{
	char path[PATH_LEN];

	if (config_mac(r, config_at(path, "backends", i, "mac"), from->mac, to->mac))
		return -EINVAL;
	if (!from->vm)
		return 0;
	return config_mac(r, config_at(path, "backends", i, "vm.mac"), from->vm->mac, to->vm_mac) ||
		TAKE(r, config_at(path, "backends", i, "vm.vlan"), from->vm->vlan, to->vm_vlan);
}

static int take_backend(struct reader *r, const struct raw_backend *from, size_t i,
			struct model_backend *b)
{
	struct xr_backend_info *to = &b->info;
	char path[PATH_LEN];

	if (config_name(r, config_at(path, "backends", i, "name"), "backend", from->name,
			to->name) ||
	    config_addr(r, config_at(path, "backends", i, "address"), from->address, to->addr) ||
	    config_dev(r, config_at(path, "backends", i, "dev"), from->dev, to->dev))
		return -EINVAL;
	to->weight = 1;
	to->state = from->state ? *from->state : XR_BACKEND_UP;
	to->forward = from->forward ? *from->forward : XR_FORWARD_IPIP;
	if (TAKE(r, config_at(path, "backends", i, "weight"), from->weight, to->weight) ||
	    TAKE(r, config_at(path, "backends", i, "port"), from->port, to->port) ||
	    TAKE(r, config_at(path, "backends", i, "vni"), from->vni, to->vni) ||
	    TAKE(r, config_at(path, "backends", i, "initial_rate"), from->initial_rate,
		 to->initial_rate) ||
	    config_check_name(r, config_at(path, "backends", i, "health_check"), from->health_check,
			      b->check) ||
	    take_macs(r, from, i, to))
		return -EINVAL;
	return take_lists(r, from, i, b);
}

static int take_backends(struct reader *r, const struct raw *raw, struct model *m)
{
	struct model_backend *to;
	size_t i;
	int ret = 0;

	for (i = 0; !ret && i < raw->n_backends; i++) {
		to = model_grow(&m->backends, &m->n_backends, sizeof(*to));
		if (!to)
			return -ENOMEM;
		ret = take_backend(r, &raw->backends[i], i, to);
	}
	return ret;
}

int config_take(struct reader *r, const struct raw *raw, struct model *m)
{
	int ret = take_secret(r, raw, m);

	if (!ret)
		ret = take_limits(r, raw->limits, &m->limits);
	if (!ret)
		ret = take_policy(r, raw->policy, &m->policy);
	if (!ret)
		ret = take_devices(r, raw, m);
	if (!ret)
		ret = config_take_hosts(r, raw, m);
	if (!ret)
		ret = config_take_ovn(r, raw, m);
	if (!ret)
		ret = take_cids(r, raw, m);
	if (!ret)
		ret = config_take_health(r, raw, m);
	if (!ret)
		ret = take_vips(r, raw, m);
	if (!ret)
		ret = take_backends(r, raw, m);
	if (ret == -ENOMEM)
		return xr_fail(r->err, ret, "%s: out of memory", r->name);
	return ret ? -EINVAL : 0;
}
