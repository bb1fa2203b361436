// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whose word counts where sources contradict each other. Each VM has the rank of the word
 * that put it where it is, or that prepared its move. A word of at least that rank is
 * obeyed, and so is an operator's in any case: it is how a wrong one is mended. One that
 * ranks below it is not:
 *
 * - While a move is under way it may say that the VM has come to where that move goes. Where
 *   it ranks no lower than whoever takes part in that move, it may end it: by calling it off,
 *   or, as below, by saying that the VM is elsewhere by now, of which nobody told. So may a
 *   newer number where no hypervisor says now that the VM moves: who prepared it has gone.
 *   While one does (n->moves), the VM is nowhere else yet, whatever the fabric says; nor
 *   is it as long as it has not stood still (n->not_left), whatever etcd says, which may be
 *   of the last time that it was there.
 * - Else it may move the VM on only from there, which n->was tells: a source that had the
 *   VM elsewhere has not heard of the higher word yet, and what it says is older. Late
 *   messages about the old place are the commonest fault of such sources. A number that is
 *   newer than the higher word's tells the same.
 * - A hypervisor's word that lasts, for it has the VM running where it is and not about to
 *   leave, is older than nobody's (n->runs_here): what an operator has prepared may be
 *   completed, and no more. Where a hypervisor has the VM running just there, whoever else says
 *   so is right (n->runs_there); alone, it might be another VM with that MAC.
 *
 * FROZEN and a loop are ended by the operator and the hypervisor alone, or by who confirms
 * what that says now: etcd, which ranks with the operator, may be what programs write.
 */
#include <errno.h>
#include "host/host.h"
#include "vm_priv.h"

#define TRUST_SHIFT __builtin_ctz(XR_VM_TRUST)

/* A file says where a VM begins; the fabric may have moved it since it was written. */
static const __u8 trust[XR_SOURCE_MAX] = {
	[XR_SOURCE_CLI] = XR_TRUST_OPERATOR,      [XR_SOURCE_FILE] = XR_TRUST_FABRIC,
	[XR_SOURCE_SOCKET] = XR_TRUST_OPERATOR,   [XR_SOURCE_QMP] = XR_TRUST_MACHINE,
	[XR_SOURCE_ANNOUNCEMENT] = XR_TRUST_SEEN, [XR_SOURCE_LIBVIRT] = XR_TRUST_MACHINE,
	[XR_SOURCE_ETCD] = XR_TRUST_OPERATOR,     [XR_SOURCE_FDB] = XR_TRUST_FABRIC,
	[XR_SOURCE_OVN] = XR_TRUST_FABRIC,
};

/* Whose rank it is, as an operator would call him. */
static const char *const whose[] = {
	[XR_TRUST_SEEN] = "its own frames",
	[XR_TRUST_FABRIC] = "the fabric",
	[XR_TRUST_OPERATOR] = "the operator",
	[XR_TRUST_MACHINE] = "its hypervisor",
};

static enum xr_trust trust_of(__u8 source)
{
	return source < XR_SOURCE_MAX ? trust[source] : XR_TRUST_SEEN;
}

static enum xr_trust standing(const struct xr_vm_info *info)
{
	return (info->learned & XR_VM_TRUST) >> TRUST_SHIFT;
}

enum xr_trust vm_standing(const struct plane *p, __u32 vm_index)
{
	return standing(&p->vm_info[vm_index]);
}

static void set_trust(struct xr_vm_info *info, enum xr_trust to)
{
	info->learned = (info->learned & ~XR_VM_TRUST) | to << TRUST_SHIFT;
}

void vm_note_source(struct plane *p, __u32 vm_index, __u8 source)
{
	struct xr_vm_info *info = &p->vm_info[vm_index];

	info->source = source;
	set_trust(info, trust_of(source));
}

void vm_note_assent(struct plane *p, __u32 vm_index, __u8 source)
{
	p->vm_info[vm_index].source = source;
	vm_note_place(p, vm_index, source);
}

void vm_note_place(struct plane *p, __u32 vm_index, __u8 source)
{
	struct xr_vm_info *info = &p->vm_info[vm_index];

	if (trust_of(source) > standing(info))
		set_trust(info, trust_of(source));
}

void vm_note_part(struct plane *p, __u32 vm_index, __u8 source)
{
	if (trust_of(source) >= trust_of(p->vm_info[vm_index].source))
		vm_note_assent(p, vm_index, source);
}

static bool is_operator(__u8 source)
{
	return source == XR_SOURCE_CLI || source == XR_SOURCE_FILE || source == XR_SOURCE_SOCKET;
}

bool vm_source_is_weighed(__u8 source)
{
	return trust_of(source) < XR_TRUST_MACHINE && !is_operator(source);
}

static int refuse(struct plane *p, const struct xr_notice *n, __u32 vm_index, struct xr_err *err)
{
	enum xr_trust by = n->runs_here || n->moves ? XR_TRUST_MACHINE
						    : standing(&p->vm_info[vm_index]);
	struct xr_vm_now now = vm_now(p, vm_index);
	const char *to = vm_under_way(now) ? " on its way to " : "";
	const char *next = vm_under_way(now) ? host_name(p, now.next) : "";
	const char *source = vm_source_name(n->source);
	const char *at = host_name(p, now.host);
	const char *says = n->host ? n->host : "that it moves otherwise";
	char name[VM_NAME];

	vm_count_reason(p, XR_R_OUTRANKED, 1);
	vm_post_event(p, vm_index, XR_R_OUTRANKED, 0,
		      "%s says %s, but by %s it is at %s%s%s: ignored", source, says, whose[by], at,
		      to, next);
	return xr_fail(
		err, -EPERM,
		"VM %s: %s says %s, but by %s, whose word counts more, it is at %s%s%s: ignored; \"xroam vm move\" mends that where it is wrong",
		vm_name_at(p, name, vm_index), source, says, whose[by], at, to, next);
}

/* Of those who take part in the move that is under way nobody ranks higher. */
static bool may_end(struct plane *p, const struct xr_notice *n, __u32 vm_index)
{
	return vm_under_way(vm_now(p, vm_index)) &&
		(trust_of(n->source) >= trust_of(p->vm_info[vm_index].source) ||
		 (n->seq && !n->moves));
}

static bool may_move(struct plane *p, const struct xr_notice *n, __u32 vm_index, __u16 host)
{
	struct xr_vm_now now = vm_now(p, vm_index);
	bool by_fabric = trust_of(p->vm_info[vm_index].source) <= XR_TRUST_FABRIC;

	if (n->runs_there)
		return true;
	if (now.flags & XR_VM_FROZEN)
		return false;
	if (n->moves && (n->not_left || trust_of(n->source) <= XR_TRUST_FABRIC))
		return false;
	if (vm_under_way(now) && now.next == host && !(n->runs_here && by_fabric))
		return true;
	if (n->runs_here || (vm_under_way(now) && !may_end(p, n, vm_index)))
		return false;
	return trust_of(n->source) >= standing(&p->vm_info[vm_index]) || n->seq ||
		(n->was && host_find(p, n->was) == now.host);
}

int vm_check_trust(struct plane *p, const struct xr_notice *n, __u32 vm_index, __u16 host,
		   enum xr_outcome *outcome, struct xr_err *err)
{
	const struct xr_vm_info *info = &p->vm_info[vm_index];
	struct xr_vm_now now = vm_now(p, vm_index);
	bool outranked = trust_of(n->source) < standing(info);
	bool stuck = now.flags & (XR_VM_FROZEN | XR_VM_LOOP);

	if (is_operator(n->source) || trust_of(n->source) > XR_TRUST_OPERATOR)
		return 0;
	if (n->kind == XR_NOTICE_MOVED && now.host == host) {
		if (stuck ? !n->runs_here : outranked)
			*outcome = XR_ALREADY;
		return 0;
	}
	if (n->kind == XR_NOTICE_MOVED)
		return may_move(p, n, vm_index, host) ? 0 : refuse(p, n, vm_index, err);
	/* That a VM is no more contradicts nobody who says where it is. */
	if (n->kind == XR_NOTICE_LEAVE && trust_of(n->source) == XR_TRUST_OPERATOR)
		return 0;
	if (n->kind == XR_NOTICE_CANCEL && may_end(p, n, vm_index))
		return 0;
	/* Whatever begins at rest changes nothing yet. */
	if (!outranked || n->kind == XR_NOTICE_ADD ||
	    (n->kind == XR_NOTICE_PREPARE && (!vm_under_way(now) || now.next == host)))
		return 0;
	return refuse(p, n, vm_index, err);
}
