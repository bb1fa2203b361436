/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A frame to the VM's new host: a copy while it stands still, the frame itself once
 * it has left; or into its port.
 *
 * A copy is the original, and the clone is what is delivered: a frame once
 * encapsulated could not be had back, if it is not IP. The clone passes the
 * same hook again, then bridges and routes, and whatever becomes of the port at
 * their end (QEMU takes it away when it is done), it was copied once: so the
 * clone has a mark.
 */
#ifndef XROAM_BPF_SKB_COPY_H
#define XROAM_BPF_SKB_COPY_H

#include "skb_way.h"

#define PUT_INTO_PORT 0x7872   /* "xr", in tc_index */
#define FLOOD_WORDS   16       /* of a frame's beginning, to know it again */
#define FLOOD_NS      50000000 /* within this time */

/* ---- copies ---- */

/*
 * A number of this instance's, in the frame's tc_index: nothing on the way looks
 * at it, or changes it but a classifier that somebody else put there.
 */
static __always_inline __u32 copied_mark(void)
{
	return (__u16)hash_keys.key[0] | 1;
}

static __always_inline int is_copied(const struct __sk_buff *skb)
{
	return skb->tc_index && skb->tc_index == copied_mark();
}

static __always_inline struct xr_vm_info *info_of(__u32 vm_index)
{
	return bpf_map_lookup_elem(&vm_info, &vm_index);
}

/* What becomes of the clone. */
enum clone {
	CLONE_OUT, /* out of the port that the frame leaves by */
	CLONE_IN,  /* in again where the frame came in */
	NO_CLONE,  /* there is nothing to deliver it to */
};

/* Only -ENOMEM means that no clone was made; other errors are a full queue's. */
static __always_inline long deliver_clone(struct __sk_buff *skb, enum clone clone)
{
	__u32 was = skb->tc_index;
	long err;

	if (clone == NO_CLONE)
		return 0;
	skb->tc_index = copied_mark();
	err = bpf_clone_redirect(skb, skb->ifindex, clone == CLONE_IN ? BPF_F_INGRESS : 0);
	skb->tc_index = was;
	return err;
}

/*
 * A clone goes on, the frame itself to the new host. What cannot be copied is
 * delivered all the same.
 */
__noinline int copy(struct __sk_buff *skb, __u32 vm_index, __u32 next, enum clone clone)
{
	struct xr_host host = host_get(next);
	struct xr_vm_info *info = info_of(vm_index);
	__u32 bytes = skb->len;
	struct way w = {};

	if (!info || find_way(skb, &host, &w))
		goto failed;
	/* Back to whoever sent it: no switch would. */
	if (w.path->method == XR_FORWARD_PORT && w.ifindex == skb->ifindex)
		goto failed;
	if (deliver_clone(skb, clone) == -12 /* ENOMEM */)
		goto failed;
	if (put_on(skb, &w)) {
		count_reason(bytes, XR_R_COPY_FAILED);
		return TC_ACT_SHOT;
	}
	count_reason(bytes, XR_R_COPIED);
	__sync_fetch_and_add(&info->copied, 1);
	return leave(&w);
failed:
	count_reason(bytes, XR_R_COPY_FAILED);
	return TC_ACT_UNSPEC;
}

/*
 * For a VM that has left: to its new host, and nowhere else. otherwise: what to
 * do where there is no way to it.
 */
__noinline int take_away(struct __sk_buff *skb, __u32 vm_index, __u32 to, int otherwise)
{
	struct xr_counter *c = bpf_map_lookup_elem(&host_stats, &to);
	struct xr_host host = host_get(to);
	struct xr_vm *vm = vm_at(vm_index);
	__u32 bytes = skb->len;
	struct way w = {};
	int reason;

	if (!vm)
		return TC_ACT_UNSPEC;
	reason = find_way(skb, &host, &w);
	if (reason && otherwise == TC_ACT_UNSPEC)
		return TC_ACT_UNSPEC;
	if (!reason)
		reason = put_on(skb, &w);
	if (reason) {
		count_reason(bytes, reason);
		return TC_ACT_SHOT;
	}
	vm->last = now_tick();
	__sync_fetch_and_add(&vm->hits, 1);
	if (c)
		count(c, bytes);
	count_reason(bytes, XR_R_MOVED);
	return leave(&w);
}

/* ---- once, of what a bridge floods ---- */

/* The last frame that was copied as it went out, one per CPU. */
struct flood {
	__u64 print;
	__u64 when;
	__u32 ifindex;
};

XR_PERCPU(floods, struct flood, 1);

static __always_inline __u64 print_of(struct __sk_buff *skb)
{
	__u64 h = skb->len, word;
	__u32 i;

	for (i = 0; i < FLOOD_WORDS; i++) {
		if (bpf_skb_load_bytes(skb, i * sizeof(word), &word, sizeof(word)))
			break;
		h = (h ^ word) * 0x9e3779b97f4a7c15ULL;
		h ^= h >> 29;
	}
	return h;
}

/*
 * A bridge that does not know where the VM is gives the frame to all its ports,
 * one after the other: it is to be copied once, at whichever comes first. 1: it
 * was, by another port.
 */
__noinline int was_sent_just_now(struct __sk_buff *skb)
{
	__u64 print = print_of(skb), now = bpf_ktime_get_ns();
	__u32 zero = 0;
	struct flood *f = bpf_map_lookup_elem(&floods, &zero);
	int again;

	if (!f)
		return 0;
	again = f->print == print && f->ifindex != skb->ifindex && now - f->when < FLOOD_NS;
	if (!again) {
		f->print = print;
		f->ifindex = skb->ifindex;
		f->when = now;
	}
	return again;
}

/* ---- into a port ---- */

/*
 * Once. Whatever a port is wired to, a frame that comes back by it must not go
 * round for ever: a macvtap's own bridge returned one five million times in two
 * seconds. tc_index stays with a frame through devices, bridges and namespaces,
 * and nothing reads it any more (the kernel's tcindex and dsmark are gone); the
 * mark is the operator's, and is lost between namespaces. A program of others
 * that answers TC_ACT_OK clears it.
 */
static __always_inline int was_put(const struct __sk_buff *skb)
{
	return skb->tc_index == PUT_INTO_PORT;
}

static __always_inline int put_into(struct __sk_buff *skb, __u32 port)
{
	/* A copied one has a mark already, which ends at the port. */
	if (!is_copied(skb))
		skb->tc_index = PUT_INTO_PORT;
	return bpf_redirect(port, 0);
}

#endif
