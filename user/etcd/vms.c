// SPDX-License-Identifier: GPL-2.0-only
/* One VM's value, and what its key says of it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "etcd_priv.h"
#include "lib/text.h"
#include "lib/vm_key.h"

void etcd_vm_below(char below[ETCD_KEY], __u64 key)
{
	char text[TEXT_MAC];
	__u8 mac[6];

	vm_mac_of(key, mac);
	etcd_segment_key(below, vm_vlan_of(key));
	strcat(below, text_mac(text, mac));
}

bool etcd_vm_key(const char *below, __u16 *vlan, __u8 mac[6])
{
	char same[ETCD_KEY];
	unsigned long n;
	char *rest;

	if (strncmp(below, "segments/", 9))
		return false;
	n = strtoul(below + 9, &rest, 16);
	if (rest == below + 9 || n > XR_MAX_VLAN || strncmp(rest, "/vms/", 5) ||
	    text_to_mac(rest + 5, mac, NULL))
		return false;
	*vlan = n;
	etcd_vm_below(same, vm_key(mac, n));
	return !strcmp(same, below);
}

/* A DELETE has only its key, so the two must say the same. */
static int check_item(json_t *item, const char *key, struct xr_err *err)
{
	const char *says = json_string_value(json_object_get(item, "mac"));
	const char *last = strrchr(key, '/');
	__u16 vlan;
	__u8 mac[6];

	last = last ? last + 1 : key;
	if (!etcd_vm_key(key, &vlan, mac))
		return xr_fail(
			err, -EINVAL,
			"%s: this is no VM's key; write segments/VLAN/vms/MAC, all in small letters, such as segments/5/vms/52:54:00:12:34:5a",
			key);
	if (!says || strcmp(says, last))
		return xr_fail(err, -EINVAL,
			       "%s: mac: \"%.40s\" is not what its key says; write %.40s in both",
			       key, says ?: "", last);
	if (!json_object_get(item, "vlan")) {
		if (vlan)
			json_object_set_new(item, "vlan", json_integer(vlan));
	} else if (etcd_number(item, "vlan") != vlan) {
		return xr_fail(err, -EINVAL, "%s: vlan: its segment is VLAN %u; leave vlan out",
			       key, vlan);
	}
	return 0;
}

json_t *etcd_vm_item(const struct etcd_value *v, __u64 *seq, struct xr_err *err)
{
	json_t *item = etcd_item("vms", v, seq, err);

	if (item && check_item(item, v->key, err)) {
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
