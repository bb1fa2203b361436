// SPDX-License-Identifier: GPL-2.0-only
/* What the daemon writes down of etcd: for "etcd status", and for its own next start. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "etcd_priv.h"
#include "plane/plane.h"

static void path_of(char *path, size_t size, const char *instance, const char *end)
{
	snprintf(path, size, XR_RUN_ROOT "/%s/etcd%s", instance, end);
}

json_t *etcd_state_read(const char *instance)
{
	char path[160];

	path_of(path, sizeof(path), instance, "");
	return json_load_file(path, 0, NULL);
}

/* Written beside, then renamed: nobody reads half of it. */
int etcd_state_write(const char *instance, const json_t *state)
{
	char path[160], part[160];

	path_of(path, sizeof(path), instance, "");
	path_of(part, sizeof(part), instance, ".part");
	if (json_dump_file(state, part, JSON_COMPACT) || rename(part, path)) {
		unlink(part);
		return -EIO;
	}
	return 0;
}

json_t *etcd_conf_json(const struct model_etcd *conf)
{
	json_t *endpoints = json_array();
	unsigned int i;

	for (i = 0; i < conf->n_endpoints; i++)
		json_array_append_new(endpoints, json_string(conf->endpoint[i]));
	return json_pack("{s:o, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "endpoints", endpoints,
			 "prefix", conf->prefix, "ca", conf->ca, "cert", conf->cert, "key",
			 conf->key, "user", conf->user, "password_file", conf->password_file,
			 "node", conf->node);
}

int etcd_state_conf(const json_t *state, struct model_etcd *conf)
{
	const json_t *from = json_object_get(state, "conf");
	const json_t *endpoints = json_object_get(from, "endpoints");
	const char *word;
	size_t i;

	memset(conf, 0, sizeof(*conf));
#define COPY(member)                                                            \
	do {                                                                    \
		word = json_string_value(json_object_get(from, #member));       \
		snprintf(conf->member, sizeof(conf->member), "%s", word ?: ""); \
	} while (0)
	COPY(prefix);
	COPY(ca);
	COPY(cert);
	COPY(key);
	COPY(user);
	COPY(password_file);
	COPY(node);
#undef COPY
	for (i = 0; i < json_array_size(endpoints) && i < MODEL_ETCD_ENDPOINTS; i++)
		snprintf(conf->endpoint[i], sizeof(conf->endpoint[i]), "%s",
			 json_string_value(json_array_get(endpoints, i)) ?: "");
	conf->n_endpoints = i;
	conf->given = i;
	return i ? 0 : -ENOENT;
}
