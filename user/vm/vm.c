// SPDX-License-Identifier: GPL-2.0-only
/* vm_notice(): checks a notice and has it carried out. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "host/host.h"
#include "local/local.h"
#include "lib/text.h"
#include "vm_priv.h"

/* ---- add, leave ---- */

static int rebind(struct plane *p, const struct xr_notice *n, __u32 vm_index, struct xr_err *err)
{
	struct vm_loose loose = { .n_vm = 0 };
	int ret;

	ret = vm_set_bounds(p, vm_index, &n->bounds);
	if (ret)
		return xr_fail(err, ret, "the VM's limits and rules cannot be stored: %s",
			       strerror(-ret));
	vm_unbind(p, vm_index, n->addr, n->n_addrs, &loose);
	vm_loose_end(p, &loose);
	ret = vm_bind(p, vm_index, n->addr, n->n_addrs, n->lock, n->tap);
	if (ret)
		xr_fail(err, ret,
			"no place for the address is free: make the instance anew with a larger limits.vm_addresses");
	return ret;
}

static int add_known(struct plane *p, const struct xr_notice *n, __u32 vm_index, __u16 host,
		     struct xr_answer *a, struct xr_err *err)
{
	struct xr_vm_now now = vm_now(p, vm_index);
	char name[VM_NAME];
	int ret;

	if (now.host != host)
		return xr_fail(err, -EEXIST,
			       "VM %s is at %s, not %s; \"xroam vm move\" says that it went",
			       vm_name_at(p, name, vm_index), host_name(p, now.host), n->host);
	if (vm_bound(p, vm_index, n->addr, n->n_addrs, n->lock, n->tap) &&
	    vm_has_bounds(p, vm_index, &n->bounds)) {
		a->outcome = XR_ALREADY;
		return 0;
	}
	ret = rebind(p, n, vm_index, err);
	if (!ret)
		vm_local_added(p, vm_index);
	if (!ret)
		vm_post_event(p, vm_index, 0, now.host, "bound to %d address%s%s (%s)", n->n_addrs,
			      n->n_addrs == 1 ? "" : "es", n->lock ? ", locked" : "",
			      vm_source_name(n->source));
	return ret;
}

static int add_new(struct plane *p, const struct xr_notice *n, __u64 key, __u16 host,
		   struct xr_answer *a, struct xr_err *err)
{
	__u32 vm_index = vm_new(p, key, host, n->source);
	struct vm_loose loose = { .n_vm = 0 };
	int ret;

	if (vm_index == VM_NOWHERE)
		return xr_fail(
			err, -ENOSPC,
			"no place for the VM is free: make the instance anew with a larger limits.vms");
	p->vm_info[vm_index].seq = n->seq;
	ret = rebind(p, n, vm_index, err);
	if (ret) {
		vm_drop(p, vm_index, &loose);
		vm_loose_end(p, &loose);
		return ret;
	}
	a->seq = n->seq;
	a->vm_index = vm_index;
	vm_local_added(p, vm_index);
	vm_post_event(p, vm_index, 0, 0, "added at %s (%s)", n->host, vm_source_name(n->source));
	return 0;
}

static int leave(struct plane *p, const struct xr_notice *n, __u32 vm_index, struct xr_answer *a)
{
	struct vm_loose loose = { .n_vm = 0 };

	a->seq = n->seq > a->seq ? n->seq : a->seq;
	a->vm_index = VM_NOWHERE;
	vm_post_event(p, vm_index, 0, vm_now(p, vm_index).host, "left (%s)",
		      vm_source_name(n->source));
	vm_drop(p, vm_index, &loose);
	vm_loose_end(p, &loose);
	return 0;
}

/* ---- checks ---- */

static bool names_host(enum xr_notice_kind kind)
{
	return kind == XR_NOTICE_ADD || kind == XR_NOTICE_PREPARE || kind == XR_NOTICE_MOVED;
}

/*
 * A notice that names another VM's port, or one of the fabric's, is refused. But if it
 * is a QEMU's, the move goes on and its port is found as if none were named. A port
 * that the operator has named stays in any case.
 */
static int check_port(struct plane *p, struct xr_notice *n, struct xr_answer *a, struct xr_err *why)
{
	struct xr_err own, *err = why ? why : &own;
	__u64 key = vm_key(n->mac, n->vlan);
	__u32 vm_index = vm_find(p, key);
	bool qmp = n->source == XR_SOURCE_QMP || n->source == XR_SOURCE_LIBVIRT;
	unsigned int may_share = 0;
	char name[VM_NAME];
	int ret;

	if (qmp && vm_index != VM_NOWHERE && p->vm_info[vm_index].tap[0] &&
	    !(p->vm_info[vm_index].learned & XR_LEARNED_TAP))
		return 0;
	if (n->source == XR_SOURCE_CLI)
		may_share = PORT_WITH_SAME_MAC;
	if (may_share &&
	    (n->lock || (vm_index != VM_NOWHERE && vm_now(p, vm_index).flags & XR_VM_LOCK)))
		may_share |= PORT_WITH_LOCKED;
	ret = port_check(p, n->tap, err);
	if (!ret)
		ret = port_check_holder(p, key, n->tap, may_share, err);
	/* The port of a VM that is not known belongs to nobody here: ask the kernel. */
	if (!ret && qmp && n->kind == XR_NOTICE_PREPARE &&
	    tap_held_by(n->tap, n->reader) == TAP_NOT_HELD)
		ret = xr_fail(err, -EPERM,
			      "%s is not open in process %u, which listens at the monitor", n->tap,
			      n->reader);
	if (!ret)
		return 0;
	vm_count_reason(p, XR_R_PORT_REFUSED, 1);
	if (vm_index != VM_NOWHERE)
		vm_post_event(p, vm_index, XR_R_PORT_REFUSED, 0, "port refused (%s): %s",
			      vm_source_name(n->source), err->text);
	if (!qmp)
		return ret;
	snprintf(a->warning, sizeof(a->warning), "VM %s: its QEMU is not believed: %.400s",
		 vm_name(name, key), err->text);
	n->tap = NULL;
	return 0;
}

static int check_fields(struct plane *p, struct xr_notice *n, __u16 *host, struct xr_answer *a,
			struct xr_err *err)
{
	char mac[TEXT_MAC];

	*host = 0;
	if (vm_mac_fault(n->mac))
		return xr_fail(err, -EINVAL, "MAC %s is %s; give the VM's own",
			       text_mac(mac, n->mac), vm_mac_fault(n->mac));
	if (n->vlan > 4094)
		return xr_fail(err, -EINVAL,
			       "VLAN %u: must be from 1 to 4094, or left out for untagged",
			       n->vlan);
	if (n->tap && text_check_dev(NULL, n->tap, err))
		return -EINVAL;
	if (n->tap && host_any_local(p) && check_port(p, n, a, err))
		return -EINVAL;
	if (!names_host(n->kind))
		return 0;
	*host = n->host ? host_find(p, n->host) : 0;
	if (!*host)
		return xr_fail(err, -ENOENT, "there is no host %s; \"xroam host show\" lists them",
			       n->host && n->host[0] ? n->host : "\"\"");
	return 0;
}

static int carry_out(struct plane *p, const struct xr_notice *n, __u32 vm_index, __u16 host,
		     struct xr_answer *a, struct xr_err *err)
{
	switch (n->kind) {
	case XR_NOTICE_ADD:
		return add_known(p, n, vm_index, host, a, err);
	case XR_NOTICE_PREPARE:
		return vm_prepare(p, n, vm_index, host, a, err);
	case XR_NOTICE_PAUSE:
		return vm_pause(p, n, vm_index, a, err);
	case XR_NOTICE_MOVED:
		return vm_moved(p, n, vm_index, host, a, err);
	case XR_NOTICE_CANCEL:
		return vm_cancel(p, n, vm_index, a, err);
	case XR_NOTICE_LEAVE:
		return leave(p, n, vm_index, a);
	}
	return xr_fail(err, -EINVAL, "unknown notice");
}

static int known_vm(struct plane *p, const struct xr_notice *n, __u32 vm_index, __u16 host,
		    struct xr_answer *a, struct xr_err *err)
{
	bool gone = n->kind == XR_NOTICE_LEAVE;
	int ret;

	/* What the data plane did by itself was before this notice. */
	vm_follow_up(p, vm_index, NULL);
	a->seq = p->vm_info[vm_index].seq;
	a->vm_index = vm_index;
	ret = vm_check_order(p, n, vm_index, host, &a->outcome, err);
	if (!ret && a->outcome == XR_DONE)
		ret = vm_check_trust(p, n, vm_index, host, &a->outcome, err);
	if (!ret && a->outcome == XR_ALREADY)
		vm_note_number(p, vm_index, n);
	if (ret || a->outcome != XR_DONE)
		return ret;
	ret = carry_out(p, n, vm_index, host, a, err);
	if (!ret && !gone)
		a->seq = p->vm_info[vm_index].seq;
	return ret;
}

int vm_notice(struct plane *p, const struct xr_notice *notice, struct xr_answer *a,
	      struct xr_err *err)
{
	__u64 key = vm_key(notice->mac, notice->vlan);
	struct xr_notice checked = *notice, *n = &checked;
	struct xr_answer own;
	char name[VM_NAME];
	__u32 vm_index;
	__u16 host;
	int ret;

	a = a ? a : &own;
	a->outcome = XR_DONE;
	a->seq = 0;
	a->vm_index = VM_NOWHERE;
	a->warning[0] = '\0';
	ret = check_fields(p, n, &host, a, err);
	if (ret)
		return ret;
	vm_index = vm_find(p, key);
	if (n->kind == XR_NOTICE_ADD) {
		ret = vm_check_binding(p, n, vm_index, err);
		if (ret)
			return ret;
		if (vm_index == VM_NOWHERE)
			return add_new(p, n, key, host, a, err);
	}
	if (vm_index == VM_NOWHERE)
		return xr_fail(
			err, -ENOENT,
			"there is no VM %s; \"xroam vm show\" lists them, \"xroam vm add\" makes it known",
			vm_name(name, key));
	return known_vm(p, n, vm_index, host, a, err);
}
