// SPDX-License-Identifier: GPL-2.0-only
/* What can be wrong with a notice: found before anything changes. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include "host/host.h"
#include "lib/text.h"
#include "vm_priv.h"

/* By the operator, or as a gateway's. This machine's own do not count: a macvtap has its VM's. */
static bool is_protected(struct plane *p, __u32 kind, const void *octets)
{
	struct xr_protected key = { .kind = kind };
	__u32 why;

	memcpy(key.octet, octets, kind == XR_PROTECTED_MAC ? 6 : 16);
	return !bpf_map_lookup_elem(p->fd[PLANE_PROTECTED], &key, &why) &&
		why & (PROTECT_LISTED | PROTECT_GATEWAY);
}

bool vm_protected_ip(struct plane *p, const __be32 *addr)
{
	return is_protected(p, XR_PROTECTED_IP, addr);
}

static int check_addr(struct plane *p, const struct xr_notice *n, __u32 vm_index, int i,
		      struct xr_err *err)
{
	__u32 owner = vm_by_ip_in(p, n->addr[i], n->vlan);
	char text[TEXT_ADDR], name[VM_NAME];
	int j;

	text_addr(text, n->addr[i]);
	if (vm_addr_fault(n->addr[i]))
		return xr_fail(err, -EINVAL, "address %s is %s; give the VM's own", text,
			       vm_addr_fault(n->addr[i]));
	if (vm_protected_ip(p, n->addr[i]))
		return xr_fail(err, -EINVAL,
			       "address %s is protected; it is a gateway's or in the list", text);
	for (j = 0; j < i; j++)
		if (!memcmp(n->addr[i], n->addr[j], sizeof(n->addr[i])))
			return xr_fail(err, -EINVAL, "address %s is given twice", text);
	if (owner != VM_NOWHERE && owner != vm_index)
		return xr_fail(
			err, -EADDRINUSE,
			"address %s is VM %s's already; in a VLAN an address belongs to one VM",
			text, vm_name_at(p, name, owner));
	return owner == VM_NOWHERE; /* one more in the map */
}

/* The counts may be wrong after a kill: nothing is refused before they are taken anew. */
static void recount(struct plane *p)
{
	__u32 i, n = 0;
	int l;

	for (i = 0; i < p->ip_buckets; i++)
		for (l = 0; l < XR_TAG_LANES; l++)
			n += (p->ip_index[i].tag[l] & ~XR_TAG_SPILL) != 0;
	p->vm_control->addresses = n;
	p->vm_control->vms = vm_count(p);
}

static int check_room(struct plane *p, int vms, int addresses, struct xr_err *err)
{
	const struct xr_limits *l = &p->meta->limits;
	const struct xr_vm_control *c = p->vm_control;

	if (c->vms + vms > l->vms || c->addresses + addresses > l->vm_addresses)
		recount(p);
	if (c->vms + vms > l->vms)
		return xr_fail(
			err, -ENOSPC,
			"there are %u VMs, and limits.vms is %u: export, xroam destroy, then apply with a larger limits.vms",
			c->vms, l->vms);
	if (c->addresses + addresses > l->vm_addresses)
		return xr_fail(
			err, -ENOSPC,
			"there are %u VM addresses, and limits.vm_addresses is %u: export, xroam destroy, then apply with a larger limits.vm_addresses",
			c->addresses, l->vm_addresses);
	return 0;
}

/* How many of its addresses the new binding would free. */
static int given_back(struct plane *p, const struct xr_notice *n, __u32 vm_index)
{
	int i, j, back = 0;

	for (i = 0; vm_index != VM_NOWHERE && i < XR_VM_ADDRS; i++) {
		const __be32 *addr = p->vm_info[vm_index].addr[i];

		if (addr_is_zero(addr) || vm_by_ip_in(p, addr, n->vlan) != vm_index)
			continue;
		for (j = 0; j < n->n_addrs; j++)
			if (!memcmp(addr, n->addr[j], sizeof(n->addr[j])))
				break;
		back += j == n->n_addrs;
	}
	return back;
}

int vm_check_binding(struct plane *p, const struct xr_notice *n, __u32 vm_index, struct xr_err *err)
{
	char mac[TEXT_MAC];
	int i, ret, more = 0;

	if (is_protected(p, XR_PROTECTED_MAC, n->mac))
		return xr_fail(err, -EINVAL,
			       "MAC %s is protected; it is a gateway's or in the list",
			       text_mac(mac, n->mac));
	if (n->n_addrs < 0 || n->n_addrs > XR_VM_ADDRS)
		return xr_fail(err, -EINVAL, "%d addresses; a VM has at most %d here", n->n_addrs,
			       XR_VM_ADDRS);
	for (i = 0; i < n->n_addrs; i++) {
		ret = check_addr(p, n, vm_index, i, err);
		if (ret < 0)
			return ret;
		more += ret;
	}
	return check_room(p, vm_index == VM_NOWHERE, more - given_back(p, n, vm_index), err);
}

/* ---- order ---- */

/* Within one number: a move begins, it stands still, it ends. */
static int rank(enum xr_notice_kind kind)
{
	switch (kind) {
	case XR_NOTICE_PREPARE:
		return 1;
	case XR_NOTICE_PAUSE:
		return 2;
	case XR_NOTICE_MOVED:
	case XR_NOTICE_CANCEL:
		return 3;
	default:
		return 0;
	}
}

static int known_rank(const struct xr_vm_info *info)
{
	return info->step ? rank(info->step - 1) : 0;
}

bool vm_moved_by_frame(struct plane *p, __u32 vm_index)
{
	const struct xr_vm_info *info = &p->vm_info[vm_index];

	return vm_now(p, vm_index).state == XR_VM_MOVED && info->step == XR_NOTICE_MOVED + 1 &&
		info->source == XR_SOURCE_ANNOUNCEMENT;
}

/* The same notice again, and not another one of the same number. */
static bool is_repetition(struct plane *p, const struct xr_notice *n, __u32 vm_index, __u16 host)
{
	struct xr_vm_now now = vm_now(p, vm_index);

	if (n->kind == XR_NOTICE_PAUSE && vm_moved_by_frame(p, vm_index))
		return true;
	if (p->vm_info[vm_index].step != n->kind + 1)
		return false;
	if (n->kind == XR_NOTICE_MOVED)
		return now.host == host;
	return n->kind != XR_NOTICE_PREPARE || now.next == host;
}

int vm_check_order(struct plane *p, const struct xr_notice *n, __u32 vm_index, __u16 host,
		   enum xr_outcome *outcome, struct xr_err *err)
{
	struct xr_vm_info *info = &p->vm_info[vm_index];
	char name[VM_NAME];

	*outcome = XR_DONE;
	if (!n->seq || n->seq > info->seq || n->kind == XR_NOTICE_ADD)
		return 0;
	if (n->seq == info->seq && rank(n->kind) > known_rank(info))
		return 0;
	info->old++;
	vm_count_reason(p, XR_R_NOTICE_OLD, 1);
	vm_name_at(p, name, vm_index);
	if (n->seq == info->seq && is_repetition(p, n, vm_index, host)) {
		*outcome = XR_IGNORED;
		return 0;
	}
	if (n->seq == info->seq)
		return xr_fail(
			err, -ESTALE,
			"VM %s: seq %llu is known already and said something else (it is at %s); ignored",
			name, (unsigned long long)n->seq, host_name(p, vm_now(p, vm_index).host));
	return xr_fail(
		err, -ESTALE,
		"VM %s: seq %llu is older than the %llu that is known (it is at %s); ignored", name,
		(unsigned long long)n->seq, (unsigned long long)info->seq,
		host_name(p, vm_now(p, vm_index).host));
}
