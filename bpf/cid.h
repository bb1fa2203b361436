/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DCID -> server ID, every format: a layout's loads and masks, and for the
 * encrypted ones AES. Constant cost: at most four blocks a packet.
 */
#ifndef XROAM_BPF_CID_H
#define XROAM_BPF_CID_H

#include "aes.h"
#include "parse.h"

struct cid_result {
	__u64 sid[2]; /* octets as they were in the packet, then zeros */
	__u8 len;
};

#define CID_LOADS 20 /* no word load reaches further: at[] <= 12 */

/*
 * A short packet: the words from a copy, in which what is not there is zero.
 * Global, as the other functions here are: verified once.
 */
__noinline int cid_words_slow(struct xdp_md *ctx, __u32 off, const struct xr_cid_layout *l,
			      struct xr_cid_words *w)
{
	__u8 copy[CID_LOADS] = {};
	__u32 more = bpf_xdp_get_buff_len(ctx) - off - 1;

	if (!l || !w)
		return -1;
	/* One and more (see bound_length()), and bounded by a branch, not by what `off` is. */
	hide_from_compiler(more);
	if (more >= CID_LOADS)
		more = CID_LOADS - 1;
	if (bpf_xdp_load_bytes(ctx, off, copy, more + 1))
		return -1;
#pragma unroll
	for (int i = 0; i < 2; i++) {
		__builtin_memcpy(&w->left[i], &copy[l->at[i] < 12 ? l->at[i] : 12], 8);
		__builtin_memcpy(&w->right[i], &copy[l->at[2 + i] < 12 ? l->at[2 + i] : 12], 8);
	}
	return 0;
}

/* Each load has its own check: an unknown offset makes a new packet pointer. */
static __always_inline int cid_word(struct xdp_md *ctx, const __u8 *cid, __u64 at, __u64 *word)
{
	const __u64 *p;

	bound_by(at, 15);
	p = (const void *)(cid + at);
	if (unlikely((void *)(p + 1) > end_of(ctx)))
		return -1;
	*word = *p;
	return 0;
}

static __always_inline void cid_words(struct xdp_md *ctx, __u32 off, const struct xr_cid_layout *l,
				      struct xr_cid_words *w)
{
	const __u8 *cid = octet_at(ctx, off);
	int is_short = cid_word(ctx, cid, l->at[0], &w->left[0]);

	is_short = is_short || cid_word(ctx, cid, l->at[1], &w->left[1]);
	if (l->mode == XR_CID_FOUR)
		is_short = is_short || cid_word(ctx, cid, l->at[2], &w->right[0]) ||
			cid_word(ctx, cid, l->at[3], &w->right[1]);
	if (unlikely(is_short))
		cid_words_slow(ctx, off, l, w);
	w->left[0] >>= l->shift[0] & 63;
	w->left[1] >>= l->shift[1] & 63;
}

/* One AES decryption. */
__noinline int cid_single(const struct xr_cid_config *c, struct xr_cid_words *w)
{
	__u64 block[2];

	if (!c || !w)
		return -1;
	aes_decrypt(c->round_key, w->left, c->layout.sid_len, block);
	w->left[0] = block[0];
	w->left[1] = block[1];
	return 0;
}

struct cid_block {
	__u64 in[2];
	__u64 out[2];
	__u32 n;
	__u32 pass;
};

/* One pass's AES; apart, for the verifier would walk it once for each pass. */
__noinline int cid_pass(const struct xr_cid_config *c, struct cid_block *b)
{
	if (!c || !b)
		return -1;
	aes_pass(c->round_key, b->in, b->n, b->pass & 7, b->out);
	return 0;
}

/* What is worked on, one per CPU: on the stack it would not fit beside all else. */
struct cid_work {
	struct xr_cid_words words;
	struct cid_block block;
};

XR_PERCPU(cid_works, struct cid_work, 1);

static __always_inline struct cid_work *cid_work_record(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&cid_works, &zero);
}

struct cid_passes {
	const struct xr_cid_config *config;
	struct cid_block *block;
};

static __always_inline void cid_call_pass(const void *passes, const __u64 x[2], __u32 n, __u32 pass,
					  __u64 m[2])
{
	const struct cid_passes *p = passes;
	struct cid_block *b = p->block;

	b->in[0] = x[0];
	b->in[1] = x[1];
	b->n = n;
	b->pass = pass;
	cid_pass(p->config, b);
	m[0] = b->out[0];
	m[1] = b->out[1];
}

/* Passes 4, 3, 2 and, where the server ID reaches into the right half, 1. */
__noinline int cid_four(const struct xr_cid_config *c, struct cid_work *work)
{
	const struct xr_cid_layout *l = &c->layout;
	struct xr_cid_words *w = &work->words;
	struct cid_passes passes;

	if (!c || !work)
		return -1;
	passes = (struct cid_passes){ c, &work->block };
	w->left[0] &= l->left[0];
	w->left[1] &= l->left[1];
	w->right[0] = w->right[0] >> (l->shift[2] & 63) & l->right[0];
	w->right[1] = w->right[1] >> (l->shift[3] & 63) & l->right[1];
	xr_cid_passes(l, w, 4, l->last_pass, -1, cid_call_pass, &passes);
	return 0;
}

/*
 * Finds the server ID in the connection ID at off, of which `usable` octets lie
 * within the datagram (short header) or the stated length (long header). Gives
 * 0 or XR_R_CID_SHORT.
 */
static __always_inline int cid_decode(struct xdp_md *ctx, __u32 off, __u32 usable,
				      const struct xr_cid_config *c, struct cid_result *r)
{
	const struct xr_cid_layout *l = &c->layout;
	struct cid_work *work;
	struct xr_cid_words *w;
	__u64 word;

	if (usable < l->min_len)
		return XR_R_CID_SHORT;
	r->len = l->sid_len;
	/* The commonest, without a detour through memory. */
	if (likely(l->mode == XR_CID_CLEAR && l->sid_len <= sizeof(word) && !l->bit) &&
	    !cid_word(ctx, octet_at(ctx, off), l->at[0], &word)) {
		r->sid[0] = word >> (l->shift[0] & 63) & l->sid[0];
		return 0;
	}
	work = cid_work_record();
	if (!work)
		return XR_R_CID_SHORT;
	w = &work->words;
	*w = (struct xr_cid_words){};
	cid_words(ctx, off, l, w);
	if (l->mode == XR_CID_CLEAR) {
		xr_cid_clear(l, w, r->sid);
	} else if (l->mode == XR_CID_SINGLE) {
		cid_single(c, w);
		r->sid[0] = w->left[0] & l->sid[0];
		r->sid[1] = w->left[1] & l->sid[1];
	} else {
		cid_four(c, work);
		xr_cid_join(l, w, r->sid);
	}
	return 0;
}

#endif
