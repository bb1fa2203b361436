// SPDX-License-Identifier: GPL-2.0-only
/* One VM's value, and what its key says of it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "etcd_priv.h"
#include "lib/text.h"

bool etcd_vm_key(const char *below, __u16 *vlan, const char **mac)
{
	unsigned long n;
	char *rest;

	if (strncmp(below, "segments/", 9))
		return false;
	n = strtoul(below + 9, &rest, 16);
	if (rest == below + 9 || n > XR_MAX_VLAN || strncmp(rest, "/vms/", 5) ||
	    strchr(rest + 5, '/'))
		return false;
	*vlan = n;
	*mac = rest + 5;
	return true;
}

/* A DELETE has only its key, so the two must say the same. */
json_t *etcd_vm_item(const struct etcd_value *v, __u16 vlan, __u64 *seq, struct xr_err *err)
{
	json_t *item = etcd_item("vms", v, seq, err);
	const char *mac = strrchr(v->key, '/');
	const char *says;

	if (!item)
		return NULL;
	mac = mac ? mac + 1 : v->key;
	says = json_string_value(json_object_get(item, "mac"));
	if (!says || strcmp(says, mac)) {
		xr_fail(err, 0, "%s: mac: \"%.40s\" is not what its key says; write %.40s in both",
			v->key, says ? says : "", mac);
		json_decref(item);
		return NULL;
	}
	if (!json_object_get(item, "vlan")) {
		if (vlan)
			json_object_set_new(item, "vlan", json_integer(vlan));
	} else if (etcd_number(item, "vlan") != vlan) {
		xr_fail(err, 0, "%s: vlan: its segment is VLAN %u; leave vlan out", v->key, vlan);
		json_decref(item);
		return NULL;
	}
	return item;
}

int etcd_vm_read(const json_t *item, const char *key, struct model *m, struct xr_err *err)
{
	const struct etcd_value v = { .key = key };
	struct etcd_lines l = { .n = 0 };
	int ret;

	etcd_lines_head(&l, "vms:");
	etcd_lines_add(&l, item, &v, 0);
	ret = l.failed ? xr_fail(err, -ENOMEM, "out of memory")
		       : config_read_vms(l.text, l.len, "etcd", m, err);
	if (ret)
		etcd_lines_name(&l, "etcd", err);
	etcd_lines_free(&l);
	return ret;
}
