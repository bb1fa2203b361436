// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "etcd_priv.h"
#include "lib/text.h"

const struct etcd_section etcd_sections[ETCD_SECTIONS] = {
	{ "hosts", MODEL_HOSTS },
	{ "cid", MODEL_CID },
	{ "vips", MODEL_VIPS },
	{ "backends", MODEL_BACKENDS },
};

void etcd_segment_key(char key[ETCD_KEY], __u16 vlan)
{
	snprintf(key, ETCD_KEY, "segments/%x/vms/", vlan);
}

static size_t full_key(char key[ETCD_KEY], const struct model_etcd *conf, const char *below)
{
	return snprintf(key, ETCD_KEY, "%s/%.*s", conf->prefix, MODEL_ETCD_TEXT - 2, below);
}

json_t *etcd_key(const struct model_etcd *conf, const char *below)
{
	char key[ETCD_KEY];
	size_t len = full_key(key, conf, below);

	return base64_encode(key, len);
}

json_t *etcd_key_end(const struct model_etcd *conf, const char *below)
{
	char key[ETCD_KEY];
	size_t len = full_key(key, conf, below);

	key[len - 1]++;
	return base64_encode(key, len);
}

__s64 etcd_number(const json_t *object, const char *key)
{
	const json_t *v = json_object_get(object, key);

	return json_is_string(v) ? (__s64)strtoull(json_string_value(v), NULL, 10)
				 : json_integer_value(v);
}

/* A bad number would be the last that is ever believed, or none. */
int etcd_take_seq(json_t *item, const char *key, __u64 *seq, struct xr_err *err)
{
	const json_t *v = json_object_get(item, "seq");
	const char *text = json_string_value(v);
	struct xr_err inner;

	*seq = 0;
	if (text ? text_to_u64(text, 0, XR_SEQ_MAX, seq, &inner)
		 : v && (!json_is_integer(v) || json_integer_value(v) < 0))
		return xr_fail(err, -EINVAL, "%s: seq: it is no number from 0 to %llu", key,
			       XR_SEQ_MAX);
	if (!text)
		*seq = json_integer_value(v);
	json_object_del(item, "seq");
	return 0;
}

json_t *etcd_item(const char *word, const struct etcd_value *v, __u64 *seq, struct xr_err *err)
{
	json_error_t why;
	json_t *item = json_loadb(v->text, v->len, JSON_REJECT_DUPLICATES, &why);

	if (!json_is_object(item)) {
		xr_fail(err, 0, "%s: %s; write the file's item as a JSON object", v->key,
			item ? "it is no object" : why.text);
		json_decref(item);
		return NULL;
	}
	/* Whoever reads etcd, its backups or its network would have the key. */
	if (!strcmp(word, "cid") && json_object_get(item, "key")) {
		xr_fail(err, 0,
			"%s: a key is not taken from etcd; write key_file, a file that each node has",
			v->key);
		json_decref(item);
		return NULL;
	}
	if (seq && etcd_take_seq(item, v->key, seq, err)) {
		json_decref(item);
		return NULL;
	}
	return item;
}
