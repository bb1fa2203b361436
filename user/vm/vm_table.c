// SPDX-License-Identifier: GPL-2.0-only
/* VMs and their addresses in the tables, which tag_table.h indexes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "model/model_edit.h"
#include "host/host.h"
#include "local/local.h"
#include "lib/text.h"
#include "steer/tag_table.h"
#include "vm_priv.h"

/* ---- addresses ---- */

static bool in_list(const __be32 *addr, const __be32 (*list)[XR_ADDR_WORDS], int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (!memcmp(addr, list[i], XR_ADDR_WORDS * sizeof(*addr)))
			return true;
	return false;
}

void vm_unbind(struct plane *p, __u32 vm_index, const __be32 (*addr)[XR_ADDR_WORDS], int n,
	       struct vm_loose *loose)
{
	struct xr_vm_info *info = &p->vm_info[vm_index];
	int i;

	for (i = 0; i < XR_VM_ADDRS; i++) {
		if (addr_is_zero(info->addr[i]) || in_list(info->addr[i], addr, n))
			continue;
		vm_drop_ip(p, vm_index, info->addr[i], loose);
		memset(info->addr[i], 0, sizeof(info->addr[i]));
	}
}

/* The lock comes last: with it, frames from other addresses are dropped. */
int vm_bind(struct plane *p, __u32 vm_index, const __be32 (*addr)[XR_ADDR_WORDS], int n, bool lock,
	    const char *tap)
{
	struct xr_vm_info *info = &p->vm_info[vm_index];
	int i, ret = 0;

	for (i = 0; !ret && i < n; i++)
		ret = vm_add_ip(p, vm_index, addr[i]);
	if (ret)
		return ret;
	memset(info->addr, 0, sizeof(info->addr));
	memcpy(info->addr, addr, n * sizeof(info->addr[0]));
	info->learned &= XR_PORT_NO_TAP | XR_VM_TRUST;
	memset(info->tap, 0, sizeof(info->tap));
	if (tap)
		strncpy(info->tap, tap, sizeof(info->tap) - 1);
	return vm_set_lock(p, vm_index, lock);
}

bool vm_bound(struct plane *p, __u32 vm_index, const __be32 (*addr)[XR_ADDR_WORDS], int n,
	      bool lock, const char *tap)
{
	const struct xr_vm_info *info = &p->vm_info[vm_index];
	int i, had = 0;

	for (i = 0; i < XR_VM_ADDRS; i++) {
		if (addr_is_zero(info->addr[i]) || info->learned >> i & 1)
			continue;
		had++;
		if (!in_list(info->addr[i], addr, n))
			return false;
	}
	return had == n && lock == !!(vm_now(p, vm_index).flags & XR_VM_LOCK) &&
		!strcmp(info->learned & XR_LEARNED_TAP ? "" : info->tap, tap ? tap : "");
}

/* ---- VMs ---- */

__u32 vm_new(struct plane *p, __u64 key, __u16 host, __u8 source)
{
	const struct xr_vm_now now = { .host = host, .home = host, .state = XR_VM_STABLE };
	__u64 h = xr_vm_hash(p->hash_keys, key);
	struct tag_table t = vm_mac_table(p);
	__u32 vm_index = tag_room(&t, h);
	struct xr_vm_info *info;

	if (vm_index == TAG_NOWHERE)
		return VM_NOWHERE;
	host_set_vlan(p, host, vm_vlan_of(key));
	info = &p->vm_info[vm_index];
	memset(info, 0, sizeof(*info));
	vm_note_source(p, vm_index, source);
	info->host = host;
	info->used = 1;
	p->vms[vm_index] = (struct xr_vm){ .key = key, .now = now };
	tag_publish(&t, h, vm_index);
	p->vm_control->vms++;
	return vm_index;
}

void vm_drop(struct plane *p, __u32 vm_index, struct vm_loose *loose)
{
	struct tag_table t = vm_mac_table(p);

	if (host_any_local(p) || p->vm_info[vm_index].kernel)
		vm_local_forget(p, vm_index, NULL);
	vm_set_lock(p, vm_index, false);
	vm_set_bounds(p, vm_index, NULL);
	vm_unbind(p, vm_index, NULL, 0, loose);
	tag_remove(&t, vm_index);
	/* No packet can find it any more; one that has found it sees it at rest. */
	vm_set_back(p, vm_index);
	p->vm_control->vms--;
	vm_note_loose(&loose->vm, &loose->n_vm, vm_index);
}

void vm_loose_end(struct plane *p, struct vm_loose *loose)
{
	size_t i;

	if (loose->n_vm || loose->n_ip)
		plane_grace(p);
	for (i = 0; i < loose->n_ip; i++)
		memset(&p->vm_ips[loose->ip[i]], 0, sizeof(*p->vm_ips));
	for (i = 0; i < loose->n_vm; i++) {
		memset(&p->vms[loose->vm[i]], 0, sizeof(*p->vms));
		memset(&p->vm_info[loose->vm[i]], 0, sizeof(*p->vm_info));
	}
	free(loose->vm);
	free(loose->ip);
	memset(loose, 0, sizeof(*loose));
}
