// SPDX-License-Identifier: GPL-2.0-only
/* A file's lists as etcd has them: an item a key, with the words that the file has. */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster_priv.h"
#include "lib/text.h"
#include "yaml/lines.h"

/* ---- YAML to JSON ---- */

static json_t *scalar(const struct lines_node *n)
{
	const char *v = n->value;

	if (!n->quoted && (!strcmp(v, "true") || !strcmp(v, "false")))
		return json_boolean(*v == 't');
	if (!n->quoted && (!*v || !strcmp(v, "~") || !strcmp(v, "null")))
		return json_null();
	/* Zeros in front mean something in server IDs. */
	if (!n->quoted && *v && strlen(v) < 16 && strspn(v, "0123456789") == strlen(v) &&
	    (*v != '0' || !v[1]))
		return json_integer(strtoll(v, NULL, 10));
	return json_string(v);
}

static json_t *child(const json_t *of, const struct lines_step *s)
{
	return s->key ? json_object_get(of, s->key) : json_array_get(of, s->index);
}

static void set_child(json_t *of, const struct lines_step *s, json_t *value)
{
	if (s->key)
		json_object_set_new(of, s->key, value);
	else if ((size_t)s->index < json_array_size(of))
		json_array_set_new(of, s->index, value);
	else
		json_array_append_new(of, value);
}

/* A list or a mapping is null until its first child tells which it is. */
static bool on_node(void *ctx, const struct lines_step *step, size_t depth,
		    const struct lines_node *node)
{
	json_t *at = ctx, *next;
	size_t i;

	for (i = 0; i + 1 < depth; i++) {
		next = child(at, &step[i]);
		if (!json_is_object(next) && !json_is_array(next)) {
			set_child(at, &step[i], step[i + 1].key ? json_object() : json_array());
			next = child(at, &step[i]);
		}
		at = next;
	}
	if (depth)
		set_child(at, &step[depth - 1], node->value ? scalar(node) : json_null());
	return true;
}

json_t *items_of_text(const char *text, size_t len)
{
	json_t *root = json_object();

	if (lines_walk(text, len, on_node, root, NULL, 0)) {
		json_decref(root);
		return NULL;
	}
	return root;
}

/* ---- items ---- */

/* Nodes read it from anywhere, so that it must be a path from the root. */
static int make_absolute(const char *path, json_t *item, struct xr_err *err)
{
	const char *file = json_string_value(json_object_get(item, "key_file"));
	char copy[PATH_MAX], dir[PATH_MAX], whole[2 * PATH_MAX];

	if (!file || *file == '/')
		return 0;
	snprintf(copy, sizeof(copy), "%s", path);
	if (!realpath(dirname(copy), dir))
		return xr_fail(err, -errno, "%s: %s", path, strerror(errno));
	snprintf(whole, sizeof(whole), "%s/%s", dir, file);
	json_object_set_new(item, "key_file", json_string(whole));
	return 0;
}

static int add_cid(const char *path, const struct model_cid *c, json_t *item, json_t *items,
		   struct xr_err *err)
{
	char key[ETCD_KEY];

	if (json_object_get(item, "key"))
		return xr_fail(
			err, -EINVAL,
			"CID config %u: its key stands in the file, and keys are not put into etcd, where whoever reads a backup has them; write key_file, a file that each node has",
			c->info.config_id);
	snprintf(key, sizeof(key), "cid/%u", c->info.config_id);
	json_object_set(items, key, item);
	return make_absolute(path, item, err);
}

static void add_vm(const struct model_vm *vm, json_t *item, json_t *items)
{
	char key[ETCD_KEY], mac[TEXT_MAC];

	text_mac(mac, vm->mac);
	json_object_set_new(item, "mac", json_string(mac));
	etcd_segment_key(key, vm->vlan);
	strcat(key, mac);
	json_object_set(items, key, item);
}

int items_of_file(const char *path, const struct model *m, const json_t *file, json_t **items,
		  struct xr_err *err)
{
	char key[ETCD_KEY], vip[TEXT_VIP];
	json_t *to = *items = json_object(), *item;
	size_t i;
	int ret = 0;

	json_array_foreach(json_object_get(file, "hosts"), i, item) {
		/* That is each node's own to say: etcd.node. */
		json_object_del(item, "local");
		snprintf(key, sizeof(key), "hosts/%s", m->hosts[i].info.name);
		json_object_set(to, key, item);
	}
	json_array_foreach(json_object_get(file, "vips"), i, item) {
		snprintf(key, sizeof(key), "vips/%s",
			 text_vip(vip, m->vips[i].addr, m->vips[i].port, m->vips[i].proto));
		json_object_set(to, key, item);
	}
	json_array_foreach(json_object_get(file, "backends"), i, item) {
		snprintf(key, sizeof(key), "backends/%s", m->backends[i].info.name);
		json_object_set(to, key, item);
	}
	for (i = 0; !ret && i < m->n_cids; i++) {
		item = json_array_get(json_object_get(file, "cid"), i);
		ret = add_cid(path, &m->cids[i], item, to, err);
	}
	json_array_foreach(json_object_get(file, "vms"), i, item)
		add_vm(&m->vms[i], item, to);
	return ret;
}
