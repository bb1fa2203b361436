/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DCID -> server ID, every format: a layout's loads and masks, and for the
 * encrypted ones AES. Constant cost: at most four blocks a packet.
 */
#ifndef XROAM_BPF_CID_H
#define XROAM_BPF_CID_H

#include <xroam/abi.h>
#include "aes.h"

struct cid_result {
	__u64 sid[2];		/* octets as they were in the packet, then zeros */
	__u8 len;
};

/* The last few octets of a short packet; what is not there reads as zero. */
static __noinline __u64 cid_word_slow(const __u8 *p, const void *data_end)
{
	__u64 w = 0;

	for (int i = 0; i < 8; i++) {
		if ((const void *)(p + i + 1) > data_end)
			break;
		w |= (__u64)p[i] << 8 * i;
	}
	return w;
}

static __always_inline __u64 cid_word(const __u8 *cid, const void *data_end,
				      const struct xr_cid_layout *l, int i)
{
	const __u8 *p = cid + (l->at[i] & 15);
	__u64 w;

	if ((const void *)(p + 8) <= data_end)
		w = *(const __u64 *)p;
	else
		w = cid_word_slow(p, data_end);
	return w >> (l->shift[i] & 63);
}

/*
 * Finds the server ID in the connection ID at cid, of which `usable` octets lie
 * within the datagram (short header) or the stated length (long header); the
 * caller made sure that they are in the frame. Gives 0 or XR_R_CID_SHORT.
 */
static __always_inline int cid_decode(const __u8 *cid, const void *data_end,
				      __u32 usable,
				      const struct xr_cid_config *c,
				      struct cid_result *r)
{
	const struct xr_cid_layout *l = &c->layout;
	struct xr_cid_words w;
	__u64 block[2];

	if (usable < l->min_len)
		return XR_R_CID_SHORT;

	r->len = l->sid_len;
	w.left[0] = cid_word(cid, data_end, l, 0);
	if (l->mode == XR_CID_CLEAR) {
		w.left[1] = l->sid_len > 8 ? cid_word(cid, data_end, l, 1) : 0;
		xr_cid_clear(l, &w, r->sid);
		return 0;
	}
	w.left[1] = cid_word(cid, data_end, l, 1);

	if (l->mode == XR_CID_SINGLE) {
		aes_decrypt(c->round_key, w.left, l->sid_len, block);
		r->sid[0] = block[0] & l->sid[0];
		r->sid[1] = block[1] & l->sid[1];
		return 0;
	}

	w.left[0] &= l->left[0];
	w.left[1] &= l->left[1];
	w.right[0] = cid_word(cid, data_end, l, 2) & l->right[0];
	w.right[1] = l->half_len > 8 ?
		     cid_word(cid, data_end, l, 3) & l->right[1] : 0;
	xr_cid_passes(l, &w, 4, l->last_pass, -1, aes_pass, c->round_key);
	xr_cid_join(l, &w, r->sid);
	return 0;
}

#endif
