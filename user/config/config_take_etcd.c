// SPDX-License-Identifier: GPL-2.0-only
/* From the file's structs to the model: etcd. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "config_priv.h"
#include "lib/text.h"

static int too_long(struct reader *r, const char *path, const char *key)
{
	return fail_at(r, path, "%s: longer than %d characters", key, MODEL_ETCD_TEXT - 1);
}

static int take_endpoint(struct reader *r, const char *from, size_t i, char *to)
{
	const char *host = strstr(from, "://");
	char path[PATH_LEN];

	snprintf(path, sizeof(path), "etcd.endpoints[%zu]", i);
	if ((strncmp(from, "http://", 7) && strncmp(from, "https://", 8)) || !host[3] ||
	    strpbrk(host + 3, "/?#@ "))
		return fail_at(
			r, path,
			"endpoints: \"%.60s\" is no member's address; write http://HOST:2379, or https://",
			from);
	if (strlen(from) >= MODEL_ETCD_TEXT)
		return too_long(r, path, "endpoints");
	strcpy(to, from);
	return 0;
}

static int take_endpoints(struct reader *r, const struct raw_etcd *from, struct model_etcd *to)
{
	size_t i;
	int ret = 0;

	if (!from->n_endpoints)
		return fail_at(r, "etcd", "endpoints: one at least is needed, a list of members");
	if (from->n_endpoints > MODEL_ETCD_ENDPOINTS)
		return fail_at(r, "etcd.endpoints", "endpoints: %u; at most %d members are asked",
			       from->n_endpoints, MODEL_ETCD_ENDPOINTS);
	for (i = 0; !ret && i < from->n_endpoints; i++)
		ret = take_endpoint(r, from->endpoints[i], i, to->endpoint[i]);
	to->n_endpoints = from->n_endpoints;
	return ret;
}

static int take_prefix(struct reader *r, const char *from, char *to)
{
	size_t len;

	from = from ? from : MODEL_ETCD_PREFIX;
	len = strlen(from);
	while (len && from[len - 1] == '/')
		len--;
	if (!len)
		return fail_at(r, "etcd.prefix", "prefix: it is empty; leave it out for \"%s\"",
			       MODEL_ETCD_PREFIX);
	if (len >= MODEL_ETCD_TEXT)
		return too_long(r, "etcd.prefix", "prefix");
	memcpy(to, from, len);
	to[len] = '\0';
	return 0;
}

static int take_segments(struct reader *r, const struct raw_etcd *from, struct model_etcd *to)
{
	char path[PATH_LEN];
	struct xr_err inner;
	__u64 vlan;
	size_t i;

	for (i = 0; i < from->n_segments; i++) {
		if (!text_to_u64(from->segments[i], 0, XR_MAX_VLAN, &vlan, &inner)) {
			to->segments[vlan / 8] |= 1 << vlan % 8;
			continue;
		}
		snprintf(path, sizeof(path), "etcd.segments[%zu]", i);
		if (fail_at(r, path, "segments: %s; a segment is a VLAN, 0 what is untagged",
			    inner.text))
			return -EINVAL;
	}
	return 0;
}

static int take_user(struct reader *r, const struct raw_etcd *from, struct model_etcd *to)
{
	if (!from->user != !from->password_file)
		return fail_at(r, from->user ? "etcd.user" : "etcd.password_file",
			       "user and password_file: write both, or neither");
	if (!from->user)
		return 0;
	if (!*from->user || strlen(from->user) >= sizeof(to->user))
		return fail_at(r, "etcd.user", "user: a name has from 1 to %zu characters",
			       sizeof(to->user) - 1);
	strcpy(to->user, from->user);
	return config_file(r, "etcd.password_file", from->password_file, to->password_file,
			   sizeof(to->password_file));
}

int config_take_etcd(struct reader *r, const struct raw_etcd *from, struct model_etcd *to)
{
	if (!from)
		return 0;
	to->given = true;
	to->publish = from->publish && *from->publish;
	if (!from->cert != !from->key)
		return fail_at(r, from->cert ? "etcd.cert" : "etcd.key",
			       "cert and key: write both, or neither");
	if (from->node && config_name(r, "etcd.node", "host", from->node, to->node))
		return -EINVAL;
	return take_endpoints(r, from, to) || take_prefix(r, from->prefix, to->prefix) ||
			take_segments(r, from, to) ||
			config_file(r, "etcd.ca", from->ca, to->ca, sizeof(to->ca)) ||
			config_file(r, "etcd.cert", from->cert, to->cert, sizeof(to->cert)) ||
			config_file(r, "etcd.key", from->key, to->key, sizeof(to->key)) ||
			take_user(r, from, to)
		? -EINVAL
		: 0;
}
