/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The connection ID codec's heart: one source for the BPF programs, the command
 * and the library for servers. docs: draft-ietf-quic-load-balancers.
 *
 * Everything works on 64-bit little-endian words as they lie in the packet, and
 * all that depends on a configuration's lengths is worked out beforehand: a
 * decoder only loads, shifts, masks and calls AES.
 */
#ifndef XROAM_CID_CORE_H
#define XROAM_CID_CORE_H

#include <linux/types.h>

#define XR_INLINE static inline __attribute__((always_inline, unused))

#define XR_SID_MAX       15 /* octets of a server ID: 19 less the shortest nonce */
#define XR_CID_MAX       20 /* octets of a CID that are ever looked at */
#define XR_CID_PAD       24 /* octets that must be readable for the word loads */
#define XR_CID_BLOCK_MIN 5  /* server ID and nonce */
#define XR_CID_BLOCK_MAX 19
#define XR_NONCE_MIN     4
#define XR_CODEPOINTS    8 /* values of the top three bits of octet 0 */

enum xr_cid_key_use { XR_CID_KEY_NEVER, XR_CID_KEY_MAY, XR_CID_KEY_MUST };

/*
 * X(NAME, "word", bits, first, last, offset, sid, nonce, key): the format's
 * config ID is the top `bits` bits of octet 0 and lies in first..last (bits 0:
 * the CID has none, and the number is but a name); the server ID starts at
 * octet `offset`; lengths are in octets, 0: for the operator to say.
 */
/* clang-format off */
#define XR_CID_FORMATS(X)                                                      \
	X(QUIC_LB,  "quic-lb",      3, 0, 6, 1, 0,  0, MAY)                    \
	X(QUIC_LB2, "quic-lb-2bit", 2, 0, 2, 1, 0,  0, MAY)                    \
	X(PLAIN,    "plain",        0, 0, 7, 0, 0,  0, NEVER)                  \
	X(AWS_NLB,  "aws-nlb",      3, 0, 0, 1, 8,  7, NEVER)                  \
	X(NGHTTPX,  "nghttpx",      3, 0, 7, 1, 4, 12, MUST)                   \
	X(MSQUIC,   "msquic",       0, 0, 7, 1, 4,  9, NEVER)                  \
	X(MVFST1,   "mvfst-v1",     2, 1, 1, 0, 2,  2, NEVER)                  \
	X(MVFST2,   "mvfst-v2",     2, 2, 2, 1, 3,  2, NEVER)                  \
	X(MVFST3,   "mvfst-v3",     2, 3, 3, 1, 4,  2, NEVER)
/* clang-format on */

enum xr_cid_format {
#define X(name, word, bits, first, last, offset, sid, nonce, key) XR_CID_##name,
	XR_CID_FORMATS(X)
#undef X
		XR_CID_FORMAT_MAX
};

enum xr_cid_mode {
	XR_CID_CLEAR,
	XR_CID_SINGLE, /* one AES block: S + N = 16 */
	XR_CID_FOUR,   /* four-pass Feistel network: any other S + N */
};

/*
 * Two words from the left half of the block (or from the server ID, or from the
 * AES block) and two from the right half. Word i is the eight octets at at[i],
 * shifted right by shift[i] bits, and masked.
 *
 * Four pass: n = S + N octets, halves of h = (n + 1) / 2 octets; the masks take
 * care of the nibble each half leaves out where n is odd. Read by BPF: 64
 * octets, eight-octet aligned.
 */
struct xr_cid_layout {
	__u8 min_len;   /* shortest routable CID, octet 0 included */
	__u8 mode;      /* enum xr_cid_mode */
	__u8 sid_len;   /* S */
	__u8 bit;       /* the server ID starts this many bits into at[0] */
	__u8 block_len; /* n */
	__u8 half_len;  /* h */
	__u8 last_pass; /* four pass: 2 where the left half has it all (S <= N), else 1 */
	__u8 join;      /* bits the right half lies behind the left: 8 * (n - h) */
	__u8 at[4];     /* 0..12 */
	__u8 shift[4];  /* 0..63 */
	__u64 left[2];
	__u64 right[2];
	__u64 sid[2]; /* mask: the server ID in the joined block */
};

#ifndef __cplusplus
_Static_assert(sizeof(struct xr_cid_layout) == 64, "BPF and user space agree");
_Static_assert(__builtin_offsetof(struct xr_cid_layout, left) == 16, "alignment");
#endif

/*
 * Where struct xr_cid_config.round_key has what; the word "lanes" is explained
 * in bpf/aes.h. The first round's constants hold its round key and all that does
 * not depend on the packet: of a four-pass block only the half (10 octets at most)
 * varies, and the pass reaches column 0 alone.
 */
#define XR_RK_IN     0  /* 2 words of octets: added to the block first */
#define XR_RK_PASS   1  /* + pass (1..4): column 0's constant, lanes; single: pass 1 */
#define XR_RK_COLUMN 5  /* + column (1..3): theirs */
#define XR_RK_MIDDLE 9  /* 8 rounds of 4 columns, lanes */
#define XR_RK_OUT    41 /* 2 words of octets: added last */
#define XR_RK_WORDS  44

struct xr_cid_words {
	__u64 left[2];
	__u64 right[2];
};

/*
 * AES-128-encrypts X | 0.. | n | pass, where X is the half x (two words), and
 * gives the first ten octets of the result; those beyond h are masked off later.
 */
typedef void xr_cid_block_fn(const void *key, const __u64 x[2], __u32 n, __u32 pass, __u64 m[2]);

/*
 * The passes first..last of the four-pass cipher, up or down. Odd passes change
 * the right half, even ones the left. Written with a swap, so that BPF holds
 * one copy of AES.
 */
XR_INLINE void xr_cid_passes(const struct xr_cid_layout *l, struct xr_cid_words *w, __u32 first,
			     __u32 last, int step, xr_cid_block_fn *block, const void *key)
{
	const int odd = first & 1;
	__u64 from[2], to[2], mask[2], other[2], m[2];
	__u32 pass;

	from[0] = odd ? w->left[0] : w->right[0];
	from[1] = odd ? w->left[1] : w->right[1];
	to[0] = odd ? w->right[0] : w->left[0];
	to[1] = odd ? w->right[1] : w->left[1];
	mask[0] = odd ? l->right[0] : l->left[0];
	mask[1] = odd ? l->right[1] : l->left[1];
	other[0] = odd ? l->left[0] : l->right[0];
	other[1] = odd ? l->left[1] : l->right[1];

#ifdef __clang__
#pragma clang loop unroll(disable)
#endif
	/* The bounds are there for the verifier. */
	for (pass = first; pass >= 1 && pass <= 4; pass += step) {
		__u64 t0, t1;

		block(key, from, l->block_len, pass, m);
		t0 = to[0] ^ (m[0] & mask[0]);
		t1 = to[1] ^ (m[1] & mask[1]);
		to[0] = from[0];
		to[1] = from[1];
		from[0] = t0;
		from[1] = t1;
		t0 = mask[0];
		t1 = mask[1];
		mask[0] = other[0];
		mask[1] = other[1];
		other[0] = t0;
		other[1] = t1;
		if (pass == last)
			break;
	}

	/* from: the half changed last. */
	if (last & 1) {
		w->right[0] = from[0];
		w->right[1] = from[1];
		w->left[0] = to[0];
		w->left[1] = to[1];
	} else {
		w->left[0] = from[0];
		w->left[1] = from[1];
		w->right[0] = to[0];
		w->right[1] = to[1];
	}
}

/* The server ID: the first S octets of left | right. */
XR_INLINE void xr_cid_join(const struct xr_cid_layout *l, const struct xr_cid_words *w,
			   __u64 sid[2])
{
	__u64 p0 = w->left[0], p1 = w->left[1];

	if (l->last_pass == 1) {
		if (l->join < 64) { /* 16..56: never a shift by 64 */
			p0 |= w->right[0] << (l->join & 63);
			p1 |= w->right[0] >> ((64 - l->join) & 63);
		} else {
			p1 |= w->right[0] << (l->join & 63);
		}
	}
	sid[0] = p0 & l->sid[0];
	sid[1] = p1 & l->sid[1];
}

/* A server ID in clear. bit: mvfst v1 starts its 16 bits at bit 2 of octet 0. */
XR_INLINE void xr_cid_clear(const struct xr_cid_layout *l, const struct xr_cid_words *w,
			    __u64 sid[2])
{
	if (l->bit) {
		sid[0] = ((w->left[0] << (l->bit & 7)) & l->right[0]) |
			((w->left[0] >> ((16 - l->bit) & 15)) & l->right[1]);
		sid[1] = 0;
		return;
	}
	sid[0] = w->left[0] & l->sid[0];
	sid[1] = w->left[1] & l->sid[1];
}

/*
 * The key of server_ids: exact up to seven octets, else 56 bits of a mix. Never
 * 0. The mix has one-in-2^56 collisions: who writes the table refuses them.
 */
XR_INLINE __u64 xr_sid_key(__u64 w0, __u64 w1, __u32 len)
{
	__u64 x;

	if (len <= 7)
		return w0 << 8 | len;
	x = (w0 ^ w0 >> 31) * 0x9fb21c651e98df25ULL;
	x ^= (w1 ^ x >> 35) * 0xd6e8feb86659fd93ULL;
	x ^= x >> 32;
	x *= 0x9fb21c651e98df25ULL;
	return (x & ~0xffULL) | len;
}

/* The two buckets a key may be in; the caller masks them. */
XR_INLINE __u32 xr_sid_bucket1(__u64 key)
{
	return ((key ^ key >> 32) * 0x9e3779b97f4a7c15ULL) >> 32;
}

XR_INLINE __u32 xr_sid_bucket2(__u64 key)
{
	__u64 x = (key ^ key >> 29) * 0xbf58476d1ce4e5b9ULL;

	return ((x ^ x >> 32) * 0x94d049bb133111ebULL) >> 32;
}

/*
 * server_id_dir: the key of all server IDs of that length, 1 to XR_SID_PAGED octets, that
 * differ in their last octet only. Exact, and never 0.
 */
#define XR_SID_PAGED 8

XR_INLINE __u64 xr_sid_page_key(__u64 w0, __u32 len)
{
	return (w0 & ((1ULL << (8 * (len - 1) & 63)) - 1)) << 8 | len;
}

/* The place in their page: that octet. */
XR_INLINE __u32 xr_sid_page_slot(__u64 w0, __u32 len)
{
	return w0 >> (8 * (len - 1) & 63) & 0xff;
}

#ifndef __bpf__

/* X(NAME, "word", "what is wrong and what would be right") */
#define XR_CID_ERRORS(X)                                                                        \
	X(FORMAT, "format", "unknown CID format")                                               \
	X(CONFIG_ID, "config-id", "config ID out of the format's range")                        \
	X(SID_LEN, "server-id-length", "server ID length: 1 to 15 octets, or the format's own") \
	X(NONCE_LEN, "nonce-length", "nonce length: at least 4 octets, or the format's own")    \
	X(BLOCK_LEN, "block-length",                                                            \
	  "server ID and nonce together: 5 to 19 octets, and 20 with what is before them")      \
	X(OFFSET, "offset",                                                                     \
	  "offset: only for format plain, and the server ID must end within 20 octets")         \
	X(KEY_REFUSED, "key-refused", "this format takes no key")                               \
	X(KEY_NEEDED, "key-needed", "this format needs a key")                                  \
	X(TWO_BIT_KEY, "two-bit-key",                                                           \
	  "two-bit formats with a key: server ID and nonce must be 16 octets together")         \
	X(BAD_ARG, "argument", "argument out of range or missing")                              \
	X(SHORT, "cid-short", "CID shorter than its configuration needs")                       \
	X(NO_CONFIG, "cid-no-config", "CID's config ID is not this configuration's")            \
	X(LONG, "cid-long", "CID longer than 20 octets")                                        \
	X(SPENT, "nonces-spent", "no unused nonce is left: a new config ID or key is due")      \
	X(RANDOM, "random", "the system has no random octets for us")                           \
	X(NO_MEMORY, "no-memory", "out of memory")

enum xr_cid_error {
	XR_CID_OK,
#define X(name, word, text) XR_CID_E_##name,
	XR_CID_ERRORS(X)
#undef X
		XR_CID_E_MAX
};

struct xr_cid_format_desc {
	const char *word;
	__u8 config_bits;
	__u8 config_first;
	__u8 config_last;
	__u8 offset;
	__u8 sid_len;
	__u8 nonce_len;
	__u8 key; /* enum xr_cid_key_use */
};

/* NULL: no such format. */
XR_INLINE const struct xr_cid_format_desc *xr_cid_format_get(unsigned int format)
{
	static const struct xr_cid_format_desc table[] = {
#define X(name, word, bits, first, last, offset, sid, nonce, key) \
	{ word, bits, first, last, offset, sid, nonce, XR_CID_KEY_##key },
		XR_CID_FORMATS(X)
#undef X
	};

	return format < XR_CID_FORMAT_MAX ? &table[format] : 0;
}

XR_INLINE const char *xr_cid_error_text(unsigned int error)
{
	static const char *const text[] = { "no error",
#define X(name, word, text) text,
					    XR_CID_ERRORS(X)
#undef X
	};

	return error < XR_CID_E_MAX ? text[error] : "unknown error";
}

/*
 * The codepoints (bit i: octet 0's top three bits are i) that a configuration
 * takes; 0 where format or config ID are out of range. Two that share one
 * cannot stand side by side.
 */
XR_INLINE unsigned int xr_cid_codepoints(unsigned int format, unsigned int id)
{
	const struct xr_cid_format_desc *f = xr_cid_format_get(format);

	if (!f || id < f->config_first || id > f->config_last)
		return 0;
	if (f->config_bits == 3)
		return 1U << id;
	if (f->config_bits == 2)
		return 3U << (2 * id);
	return 0xff;
}

/*
 * Puts the format's own lengths where the operator said none (0). Plain: 4
 * and 8, or what room the offset leaves.
 */
XR_INLINE void xr_cid_defaults(unsigned int format, __u8 *sid_len, __u8 *nonce_len, __u8 *offset)
{
	const struct xr_cid_format_desc *f = xr_cid_format_get(format);

	if (!f)
		return;
	if (!*sid_len)
		*sid_len = format == XR_CID_PLAIN ? 4 : f->sid_len;
	if (!*nonce_len)
		*nonce_len = f->nonce_len;
	if (format == XR_CID_PLAIN && !*nonce_len && *offset + *sid_len < XR_CID_MAX) {
		*nonce_len = XR_CID_MAX - *offset - *sid_len;
		if (*nonce_len > 8)
			*nonce_len = 8;
	}
	if (!*offset)
		*offset = f->offset;
}

XR_INLINE __u64 xr_mask64(int octets)
{
	return octets <= 0 ? 0 : octets >= 8 ? ~0ULL : (1ULL << 8 * octets) - 1;
}

/* Word i is cut from octet pos on; loads stay within XR_CID_MAX octets. */
XR_INLINE void xr_cid_place(struct xr_cid_layout *l, int i, int pos)
{
	int at = pos < 12 ? pos : 12;

	l->at[i] = at;
	l->shift[i] = pos - at < 8 ? 8 * (pos - at) : 0;
}

/* The halves of a block of n octets: lengths and masks. */
XR_INLINE void xr_cid_halve(struct xr_cid_layout *l, int n)
{
	int h = (n + 1) / 2, i;

	l->block_len = n;
	l->half_len = h;
	l->join = 8 * (n - h);
	for (i = 0; i < 2; i++)
		l->left[i] = l->right[i] = xr_mask64(h - 8 * i);
	if (n & 1) {
		l->left[(h - 1) / 8] &= ~(0x0fULL << 8 * ((h - 1) % 8));
		l->right[0] &= ~0xf0ULL;
	}
}

/* 0, or enum xr_cid_error; *out is changed only on success. */
XR_INLINE int xr_cid_layout_init(struct xr_cid_layout *out, unsigned int format, __u8 sid_len,
				 __u8 nonce_len, __u8 offset, int has_key)
{
	const struct xr_cid_format_desc *f = xr_cid_format_get(format);
	struct xr_cid_layout l;
	int n, i;

	if (!f)
		return XR_CID_E_FORMAT;
	__builtin_memset(&l, 0, sizeof(l));
	xr_cid_defaults(format, &sid_len, &nonce_len, &offset);
	if (format != XR_CID_PLAIN && offset != f->offset)
		return XR_CID_E_OFFSET;
	if (sid_len < 1 || sid_len > XR_SID_MAX || (f->sid_len && sid_len != f->sid_len))
		return XR_CID_E_SID_LEN;
	if (f->nonce_len ? nonce_len != f->nonce_len
			 : format != XR_CID_PLAIN && nonce_len < XR_NONCE_MIN)
		return XR_CID_E_NONCE_LEN;
	if (format == XR_CID_PLAIN && offset + sid_len > XR_CID_MAX)
		return XR_CID_E_OFFSET;
	n = sid_len + nonce_len;
	if (offset + n > XR_CID_MAX)
		return XR_CID_E_BLOCK_LEN;
	if (has_key && f->key == XR_CID_KEY_NEVER)
		return XR_CID_E_KEY_REFUSED;
	if (!has_key && f->key == XR_CID_KEY_MUST)
		return XR_CID_E_KEY_NEEDED;
	if (has_key && f->config_bits == 2 && n != 16)
		return XR_CID_E_TWO_BIT_KEY;

	l.min_len = offset + n;
	l.mode = !has_key ? XR_CID_CLEAR : n == 16 ? XR_CID_SINGLE : XR_CID_FOUR;
	l.sid_len = sid_len;
	l.block_len = n;
	for (i = 0; i < 2; i++) {
		xr_cid_place(&l, i, offset + 8 * i);
		l.sid[i] = xr_mask64(sid_len - 8 * i);
	}

	if (format == XR_CID_MVFST1) {
		/* Octet i: the low six bits of octet i, two of the next. */
		l.bit = 2;
		l.right[0] = 0xfcfc;
		l.right[1] = 0x0303;
	}
	if (l.mode == XR_CID_CLEAR) {
		l.left[0] = l.sid[0];
		l.left[1] = l.sid[1];
	} else if (l.mode == XR_CID_SINGLE) {
		l.left[0] = l.left[1] = ~0ULL;
	} else {
		xr_cid_halve(&l, n);
		l.last_pass = sid_len > nonce_len ? 1 : 2;
		for (i = 0; i < 2; i++)
			xr_cid_place(&l, 2 + i, offset + n - l.half_len + 8 * i);
	}
	*out = l;
	return XR_CID_OK;
}

#endif /* !__bpf__ */
#endif
