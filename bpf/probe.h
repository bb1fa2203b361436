/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Health checks' packets: many in one test run, as a system call costs more than the way.
 * A loop takes the next frame out of a batch, and leaves there what came of it; the kernel's
 * own "repeat" would write into its own code twice for each test run. The buffer has to be
 * put right for the next frame: only where the one before was sent it is known how.
 */
#ifndef XROAM_BPF_PROBE_H
#define XROAM_BPF_PROBE_H

#include <xroam/probes.h>
#include "node.h"

XR_ARRAY(probes, struct xr_probes, BPF_F_MMAPABLE);

/* The frame instead of the one before it, at the same place of the buffer. */
static __always_inline int put_probe(struct xdp_md *ctx, const struct xr_probe *f)
{
	__u32 len = f->len;

	if (!len || len > XR_PROBE_MOST ||
	    bpf_xdp_adjust_tail(ctx, (int)len - (int)bpf_xdp_get_buff_len(ctx)))
		return XR_R_NO_ROOM;
	return bpf_xdp_store_bytes(ctx, 0, (void *)f->frame, bound_length(len, 2047)) ? XR_R_NO_ROOM
										      : 0;
}

/* Headers were added in front. */
static __always_inline int take_probe(struct xdp_md *ctx, struct xr_probe *f)
{
	__u32 len = bpf_xdp_get_buff_len(ctx), added = len - f->len;

	if (!len || len > XR_PROBE_MOST ||
	    bpf_xdp_load_bytes(ctx, 0, f->frame, bound_length(len, 2047))) {
		f->reason = XR_R_NO_ROOM;
		return -1;
	}
	f->len = len;
	return is_sent(f->reason) ? bpf_xdp_adjust_head(ctx, (int)added) : -1;
}

_Static_assert(XR_PROBE_MOST == 2048, "put_probe(), take_probe()");

/*
 * The packet goes to the backend whose index the last two octets of its Ethernet source
 * are, as a client's would that was steered there. Whether the backend is up is what it asks.
 */
static __always_inline int send_probe(struct xdp_md *ctx, const struct xr_hash_keys *keys,
				      struct packet *p)
{
	const __u16 *eth = ethernet_at(ctx, 0);
	__u32 backend, reason;

	if (!eth)
		return XR_R_MALFORMED_L2;
	backend = bpf_ntohs(eth[ETH_SOURCE + 2]);
	reason = parse(ctx, p) ?: parse_transport(ctx, p);
	reload_memory();
	if (!reason) {
		choose(p, backend);
		reason = forward(ctx, p, hide_from_verifier(is_tied(p), keys->zero, 1));
		if (is_tied(p) && !reason)
			reason = follow_vm(ctx, p);
	}
	return reason ?: XR_R_HASH;
}

/* 1: the next one needs another run. */
static int next_probe(__u32 i, struct xdp_md **in)
{
	const struct xr_hash_keys *keys = secret_keys();
	struct packet *p = scratch_at(IN_HAND);
	struct xr_trace *t = trace_record();
	__u32 zero = 0;
	struct xr_probes *all = bpf_map_lookup_elem(&probes, &zero);
	struct xdp_md *ctx = *in;
	struct xr_probe *f;
	int reason;

	if (!keys || !p || !t || !all || all->done >= all->n)
		return 1;
	i = all->done++;
	bound_by(i, 63);
	f = &all->probe[i];
	__builtin_memset(p, 0, sizeof(*p));
	p->bytes = f->len;
	p->sent = XDP_PASS;
	reason = put_probe(ctx, f) ?: send_probe(ctx, keys, p);
	p->reason = hide_from_verifier(reason, keys->zero, REASONS - 1);
	verdict(p);
	f->reason = p->reason;
	f->ifindex = t->ifindex;
	return take_probe(ctx, f) != 0;
}

_Static_assert(XR_PROBES == 64, "next_probe()");

#endif
