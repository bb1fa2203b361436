/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * AES-128 (FIPS-197), shaped for the CID ciphers and for what the verifier and
 * the JIT make of it: 50 ns a block where plain C with the usual tables is 80.
 *
 * A column of the state is a word of four 16-bit lanes, row 0 the lowest; a lane
 * holds its octet times eight, which is the offset of the octet's entry in a
 * table of words. A table entry is the octet's share of the next column, in
 * lanes again. So a look-up is: cut the lane out, add the base, load. The tables
 * are followed by 64 KB of nothing, so that the verifier takes any 16-bit offset.
 *
 * Keys come from a map (struct xr_cid_config, filled by user space); nothing
 * secret is in the program.
 */
#ifndef XROAM_BPF_AES_H
#define XROAM_BPF_AES_H

#include <xroam/cid_core.h>

/* clang-format off */
#define XR_AES_SBOX(X)                                                         \
	X(0x63) X(0x7c) X(0x77) X(0x7b) X(0xf2) X(0x6b) X(0x6f) X(0xc5)        \
	X(0x30) X(0x01) X(0x67) X(0x2b) X(0xfe) X(0xd7) X(0xab) X(0x76)        \
	X(0xca) X(0x82) X(0xc9) X(0x7d) X(0xfa) X(0x59) X(0x47) X(0xf0)        \
	X(0xad) X(0xd4) X(0xa2) X(0xaf) X(0x9c) X(0xa4) X(0x72) X(0xc0)        \
	X(0xb7) X(0xfd) X(0x93) X(0x26) X(0x36) X(0x3f) X(0xf7) X(0xcc)        \
	X(0x34) X(0xa5) X(0xe5) X(0xf1) X(0x71) X(0xd8) X(0x31) X(0x15)        \
	X(0x04) X(0xc7) X(0x23) X(0xc3) X(0x18) X(0x96) X(0x05) X(0x9a)        \
	X(0x07) X(0x12) X(0x80) X(0xe2) X(0xeb) X(0x27) X(0xb2) X(0x75)        \
	X(0x09) X(0x83) X(0x2c) X(0x1a) X(0x1b) X(0x6e) X(0x5a) X(0xa0)        \
	X(0x52) X(0x3b) X(0xd6) X(0xb3) X(0x29) X(0xe3) X(0x2f) X(0x84)        \
	X(0x53) X(0xd1) X(0x00) X(0xed) X(0x20) X(0xfc) X(0xb1) X(0x5b)        \
	X(0x6a) X(0xcb) X(0xbe) X(0x39) X(0x4a) X(0x4c) X(0x58) X(0xcf)        \
	X(0xd0) X(0xef) X(0xaa) X(0xfb) X(0x43) X(0x4d) X(0x33) X(0x85)        \
	X(0x45) X(0xf9) X(0x02) X(0x7f) X(0x50) X(0x3c) X(0x9f) X(0xa8)        \
	X(0x51) X(0xa3) X(0x40) X(0x8f) X(0x92) X(0x9d) X(0x38) X(0xf5)        \
	X(0xbc) X(0xb6) X(0xda) X(0x21) X(0x10) X(0xff) X(0xf3) X(0xd2)        \
	X(0xcd) X(0x0c) X(0x13) X(0xec) X(0x5f) X(0x97) X(0x44) X(0x17)        \
	X(0xc4) X(0xa7) X(0x7e) X(0x3d) X(0x64) X(0x5d) X(0x19) X(0x73)        \
	X(0x60) X(0x81) X(0x4f) X(0xdc) X(0x22) X(0x2a) X(0x90) X(0x88)        \
	X(0x46) X(0xee) X(0xb8) X(0x14) X(0xde) X(0x5e) X(0x0b) X(0xdb)        \
	X(0xe0) X(0x32) X(0x3a) X(0x0a) X(0x49) X(0x06) X(0x24) X(0x5c)        \
	X(0xc2) X(0xd3) X(0xac) X(0x62) X(0x91) X(0x95) X(0xe4) X(0x79)        \
	X(0xe7) X(0xc8) X(0x37) X(0x6d) X(0x8d) X(0xd5) X(0x4e) X(0xa9)        \
	X(0x6c) X(0x56) X(0xf4) X(0xea) X(0x65) X(0x7a) X(0xae) X(0x08)        \
	X(0xba) X(0x78) X(0x25) X(0x2e) X(0x1c) X(0xa6) X(0xb4) X(0xc6)        \
	X(0xe8) X(0xdd) X(0x74) X(0x1f) X(0x4b) X(0xbd) X(0x8b) X(0x8a)        \
	X(0x70) X(0x3e) X(0xb5) X(0x66) X(0x48) X(0x03) X(0xf6) X(0x0e)        \
	X(0x61) X(0x35) X(0x57) X(0xb9) X(0x86) X(0xc1) X(0x1d) X(0x9e)        \
	X(0xe1) X(0xf8) X(0x98) X(0x11) X(0x69) X(0xd9) X(0x8e) X(0x94)        \
	X(0x9b) X(0x1e) X(0x87) X(0xe9) X(0xce) X(0x55) X(0x28) X(0xdf)        \
	X(0x8c) X(0xa1) X(0x89) X(0x0d) X(0xbf) X(0xe6) X(0x42) X(0x68)        \
	X(0x41) X(0x99) X(0x2d) X(0x0f) X(0xb0) X(0x54) X(0xbb) X(0x16)
/* clang-format on */

/* clang-format off */
#define XR_AES_INV_SBOX(X)                                                     \
	X(0x52) X(0x09) X(0x6a) X(0xd5) X(0x30) X(0x36) X(0xa5) X(0x38)        \
	X(0xbf) X(0x40) X(0xa3) X(0x9e) X(0x81) X(0xf3) X(0xd7) X(0xfb)        \
	X(0x7c) X(0xe3) X(0x39) X(0x82) X(0x9b) X(0x2f) X(0xff) X(0x87)        \
	X(0x34) X(0x8e) X(0x43) X(0x44) X(0xc4) X(0xde) X(0xe9) X(0xcb)        \
	X(0x54) X(0x7b) X(0x94) X(0x32) X(0xa6) X(0xc2) X(0x23) X(0x3d)        \
	X(0xee) X(0x4c) X(0x95) X(0x0b) X(0x42) X(0xfa) X(0xc3) X(0x4e)        \
	X(0x08) X(0x2e) X(0xa1) X(0x66) X(0x28) X(0xd9) X(0x24) X(0xb2)        \
	X(0x76) X(0x5b) X(0xa2) X(0x49) X(0x6d) X(0x8b) X(0xd1) X(0x25)        \
	X(0x72) X(0xf8) X(0xf6) X(0x64) X(0x86) X(0x68) X(0x98) X(0x16)        \
	X(0xd4) X(0xa4) X(0x5c) X(0xcc) X(0x5d) X(0x65) X(0xb6) X(0x92)        \
	X(0x6c) X(0x70) X(0x48) X(0x50) X(0xfd) X(0xed) X(0xb9) X(0xda)        \
	X(0x5e) X(0x15) X(0x46) X(0x57) X(0xa7) X(0x8d) X(0x9d) X(0x84)        \
	X(0x90) X(0xd8) X(0xab) X(0x00) X(0x8c) X(0xbc) X(0xd3) X(0x0a)        \
	X(0xf7) X(0xe4) X(0x58) X(0x05) X(0xb8) X(0xb3) X(0x45) X(0x06)        \
	X(0xd0) X(0x2c) X(0x1e) X(0x8f) X(0xca) X(0x3f) X(0x0f) X(0x02)        \
	X(0xc1) X(0xaf) X(0xbd) X(0x03) X(0x01) X(0x13) X(0x8a) X(0x6b)        \
	X(0x3a) X(0x91) X(0x11) X(0x41) X(0x4f) X(0x67) X(0xdc) X(0xea)        \
	X(0x97) X(0xf2) X(0xcf) X(0xce) X(0xf0) X(0xb4) X(0xe6) X(0x73)        \
	X(0x96) X(0xac) X(0x74) X(0x22) X(0xe7) X(0xad) X(0x35) X(0x85)        \
	X(0xe2) X(0xf9) X(0x37) X(0xe8) X(0x1c) X(0x75) X(0xdf) X(0x6e)        \
	X(0x47) X(0xf1) X(0x1a) X(0x71) X(0x1d) X(0x29) X(0xc5) X(0x89)        \
	X(0x6f) X(0xb7) X(0x62) X(0x0e) X(0xaa) X(0x18) X(0xbe) X(0x1b)        \
	X(0xfc) X(0x56) X(0x3e) X(0x4b) X(0xc6) X(0xd2) X(0x79) X(0x20)        \
	X(0x9a) X(0xdb) X(0xc0) X(0xfe) X(0x78) X(0xcd) X(0x5a) X(0xf4)        \
	X(0x1f) X(0xdd) X(0xa8) X(0x33) X(0x88) X(0x07) X(0xc7) X(0x31)        \
	X(0xb1) X(0x12) X(0x10) X(0x59) X(0x27) X(0x80) X(0xec) X(0x5f)        \
	X(0x60) X(0x51) X(0x7f) X(0xa9) X(0x19) X(0xb5) X(0x4a) X(0x0d)        \
	X(0x2d) X(0xe5) X(0x7a) X(0x9f) X(0x93) X(0xc9) X(0x9c) X(0xef)        \
	X(0xa0) X(0xe0) X(0x3b) X(0x4d) X(0xae) X(0x2a) X(0xf5) X(0xb0)        \
	X(0xc8) X(0xeb) X(0xbb) X(0x3c) X(0x83) X(0x53) X(0x99) X(0x61)        \
	X(0x17) X(0x2b) X(0x04) X(0x7e) X(0xba) X(0x77) X(0xd6) X(0x26)        \
	X(0xe1) X(0x69) X(0x14) X(0x63) X(0x55) X(0x21) X(0x0c) X(0x7d)
/* clang-format on */

/* Multiplication by x, and by larger constants, in GF(2^8); constants only. */
#define AES_X2(v)  ((((v) << 1) ^ (((v) >> 7) * 0x11b)) & 0xff)
#define AES_X3(v)  (AES_X2(v) ^ (v))
#define AES_X4(v)  AES_X2(AES_X2(v))
#define AES_X8(v)  AES_X2(AES_X4(v))
#define AES_X9(v)  (AES_X8(v) ^ (v))
#define AES_X11(v) (AES_X8(v) ^ AES_X3(v))
#define AES_X13(v) (AES_X8(v) ^ AES_X4(v) ^ (v))
#define AES_X14(v) (AES_X8(v) ^ AES_X4(v) ^ AES_X2(v))

#define AES_LANES(r0, r1, r2, r3) \
	((__u64)(r0) << 3 | (__u64)(r1) << 19 | (__u64)(r2) << 35 | (__u64)(r3) << 51)

/* Entries of the tables for rows 0..3 of a column: MixColumns' columns. */
#define AES_E0(s)   AES_LANES(AES_X2(s), s, s, AES_X3(s)),
#define AES_E1(s)   AES_LANES(AES_X3(s), AES_X2(s), s, s),
#define AES_E2(s)   AES_LANES(s, AES_X3(s), AES_X2(s), s),
#define AES_E3(s)   AES_LANES(s, s, AES_X3(s), AES_X2(s)),
#define AES_D0(s)   AES_LANES(AES_X14(s), AES_X9(s), AES_X13(s), AES_X11(s)),
#define AES_D1(s)   AES_LANES(AES_X11(s), AES_X14(s), AES_X9(s), AES_X13(s)),
#define AES_D2(s)   AES_LANES(AES_X13(s), AES_X11(s), AES_X14(s), AES_X9(s)),
#define AES_D3(s)   AES_LANES(AES_X9(s), AES_X13(s), AES_X11(s), AES_X14(s)),
#define AES_BARE(s) s,

struct aes_tables {
	__u64 round[4][256]; /* by row: SubBytes and MixColumns */
	__u64 zero;          /* a word load before last[0] sees it */
	__u64 last[256];     /* SubBytes only, as an octet */
};

static const struct {
	struct aes_tables encrypt;
	struct aes_tables decrypt;
	__u8 pad[65536];
} aes = {
	.encrypt = {
		.round = {
			{ XR_AES_SBOX(AES_E0) },
			{ XR_AES_SBOX(AES_E1) },
			{ XR_AES_SBOX(AES_E2) },
			{ XR_AES_SBOX(AES_E3) },
		},
		.last = { XR_AES_SBOX(AES_BARE) },
	},
	.decrypt = {
		.round = {
			{ XR_AES_INV_SBOX(AES_D0) },
			{ XR_AES_INV_SBOX(AES_D1) },
			{ XR_AES_INV_SBOX(AES_D2) },
			{ XR_AES_INV_SBOX(AES_D3) },
		},
		.last = { XR_AES_INV_SBOX(AES_BARE) },
	},
};

/*
 * The eight middle rounds. Written in assembly because it just fits into the
 * ten registers (four columns, four new ones less one, two pointers and one for
 * the look-up at hand); compilers spill half of it, which costs a third more.
 * r6: round keys; r7: tables; the rest rotates.
 */
#define AES_LANE0(t, s)   "r" #t " = r" #s "; r" #t " &= 65535;"
#define AES_LANE1(t, s)   "w" #t " = w" #s "; w" #t " >>= 16;"
#define AES_LANE2(t, s)   "r" #t " = r" #s "; r" #t " >>= 32; r" #t " &= 65535;"
#define AES_LANE3(t)      "r" #t " >>= 48;"
#define AES_GET(t, row)   "r" #t " += r7; r" #t " = *(u64 *)(r" #t " + " #row " * 2048);"
#define AES_KEY(t, d, at) "r" #t " = *(u64 *)(r6 + " #at "); r" #d " ^= r" #t ";"
#define AES_XOR(d, t)     "r" #d " ^= r" #t ";"

/* Column s into new columns d0..d3, by row; t is free, s is used up. */
/* clang-format off */
#define AES_COLUMN(s, t, d0, d1, d2, d3)                                       \
	AES_LANE0(t, s) AES_GET(t, 0) AES_XOR(d0, t)                           \
	AES_LANE1(t, s) AES_GET(t, 1) AES_XOR(d1, t)                           \
	AES_LANE2(t, s) AES_GET(t, 2) AES_XOR(d2, t)                           \
	AES_LANE3(s) AES_GET(s, 3) AES_XOR(d3, s)
/* clang-format on */

/* Old columns a..d, new ones w, a, x, y in that order; f is left free. */
/* clang-format off */
#define AES_ENC_ROUND(k, a, b, c, d, w, x, y, f)                               \
	AES_LANE0(w, a) AES_GET(w, 0)                                          \
	AES_LANE1(y, a) AES_GET(y, 1)                                          \
	AES_LANE2(x, a) AES_GET(x, 2)                                          \
	AES_LANE3(a) AES_GET(a, 3)                                             \
	AES_KEY(f, w, k) AES_KEY(f, a, k + 8)                                  \
	AES_KEY(f, x, k + 16) AES_KEY(f, y, k + 24)                            \
	AES_COLUMN(b, f, a, w, y, x)                                           \
	AES_COLUMN(c, f, x, a, w, y)                                           \
	AES_COLUMN(d, f, y, x, a, w)
/* clang-format on */

/* The same with w, x, y, a the new columns. */
/* clang-format off */
#define AES_DEC_ROUND(k, a, b, c, d, w, x, y, f)                               \
	AES_LANE0(w, a) AES_GET(w, 0)                                          \
	AES_LANE1(x, a) AES_GET(x, 1)                                          \
	AES_LANE2(y, a) AES_GET(y, 2)                                          \
	AES_LANE3(a) AES_GET(a, 3)                                             \
	AES_KEY(f, w, k) AES_KEY(f, x, k + 8)                                  \
	AES_KEY(f, y, k + 16) AES_KEY(f, a, k + 24)                            \
	AES_COLUMN(b, f, x, y, a, w)                                           \
	AES_COLUMN(c, f, y, a, w, x)                                           \
	AES_COLUMN(d, f, a, w, x, y)
/* clang-format on */

static __always_inline void aes_middle_encrypt(__u64 s[4], const __u64 *keys,
					       const struct aes_tables *t)
{
	register __u64 c0 asm("r1") = s[0];
	register __u64 c1 asm("r2") = s[1];
	register __u64 c2 asm("r3") = s[2];
	register __u64 c3 asm("r4") = s[3];
	register const __u64 *k asm("r6") = keys;
	register const struct aes_tables *base asm("r7") = t;

	/* clang-format off */
	asm volatile(AES_ENC_ROUND(0, 1, 2, 3, 4, 0, 5, 8, 9)
		     AES_ENC_ROUND(32, 0, 1, 5, 8, 9, 2, 3, 4)
		     AES_ENC_ROUND(64, 9, 0, 2, 3, 4, 1, 5, 8)
		     AES_ENC_ROUND(96, 4, 9, 1, 5, 8, 0, 2, 3)
		     AES_ENC_ROUND(128, 8, 4, 0, 2, 3, 9, 1, 5)
		     AES_ENC_ROUND(160, 3, 8, 9, 1, 5, 4, 0, 2)
		     AES_ENC_ROUND(192, 5, 3, 4, 0, 2, 8, 9, 1)
		     AES_ENC_ROUND(224, 2, 5, 8, 9, 1, 3, 4, 0)
		     : "+r"(c0), "+r"(c1), "+r"(c2), "+r"(c3)
		     : "r"(k), "r"(base)
		     : "r0", "r5", "r8", "r9");
	/* clang-format on */
	s[0] = c0;
	s[1] = c1;
	s[2] = c2;
	s[3] = c3;
}

static __always_inline void aes_middle_decrypt(__u64 s[4], const __u64 *keys,
					       const struct aes_tables *t)
{
	register __u64 c0 asm("r1") = s[0];
	register __u64 c1 asm("r2") = s[1];
	register __u64 c2 asm("r3") = s[2];
	register __u64 c3 asm("r4") = s[3];
	register const __u64 *k asm("r6") = keys;
	register const struct aes_tables *base asm("r7") = t;

	/* clang-format off */
	asm volatile(AES_DEC_ROUND(0, 1, 2, 3, 4, 0, 5, 8, 9)
		     AES_DEC_ROUND(32, 0, 5, 8, 1, 9, 2, 3, 4)
		     AES_DEC_ROUND(64, 9, 2, 3, 0, 4, 5, 8, 1)
		     AES_DEC_ROUND(96, 4, 5, 8, 9, 1, 2, 3, 0)
		     AES_DEC_ROUND(128, 1, 2, 3, 4, 0, 5, 8, 9)
		     AES_DEC_ROUND(160, 0, 5, 8, 1, 9, 2, 3, 4)
		     AES_DEC_ROUND(192, 9, 2, 3, 0, 4, 5, 8, 1)
		     AES_DEC_ROUND(224, 4, 5, 8, 9, 1, 2, 3, 0)
		     : "+r"(c0), "+r"(c1), "+r"(c2), "+r"(c3)
		     : "r"(k), "r"(base)
		     : "r0", "r5", "r8", "r9");
	/* clang-format on */
	s[0] = c0;
	s[1] = c1;
	s[2] = c2;
	s[3] = c3;
}

/* Octet i (0..7) of a word as an offset in a table. */
#define AES_OCTET(w, i) ((i) ? (w) >> (8 * (i) - 3) & 0x7f8 : (w) << 3 & 0x7f8)

static __always_inline __u64 aes_get(const struct aes_tables *t, int row, __u64 offset)
{
	return *(const __u64 *)((const __u8 *)t->round[row] + offset);
}

/*
 * The last round's octet for a lane, at octet i of a word of zeros: it is read
 * i octets ahead of its entry, all of which but the first octet are zero.
 */
static __always_inline __u64 aes_last(const struct aes_tables *t, int i, __u64 offset)
{
	return *(const __u64 *)((const __u8 *)t->last + offset - i);
}

/* Cut lane i out; the last may spare its mask. */
#define AES_LANE(w, i) ((i) == 3 ? (w) >> 48 : (w) >> 16 * (i) & 0xffff)

/*
 * One block of the four-pass cipher: X | 0.. | n | pass, of which only X is in
 * the packet; the rest, n too, is in the round constants (cid_core.h). Gives the
 * first ten octets. Halves of eight or less could spare four look-ups, but the
 * branch costs the time saved, and makes the verifier walk the rounds twice.
 */
static __always_inline void aes_pass(const void *key, const __u64 x[2],
				     __u32 n __attribute__((unused)), __u32 pass, __u64 m[2])
{
	const struct aes_tables *t = &aes.encrypt;
	const __u64 *k = key;
	__u64 s[4], w = x[0] ^ k[XR_RK_IN];

	s[0] = k[XR_RK_PASS + pass] ^ aes_get(t, 0, AES_OCTET(w, 0)) ^
		aes_get(t, 1, AES_OCTET(w, 5));
	s[1] = k[XR_RK_COLUMN + 1] ^ aes_get(t, 0, AES_OCTET(w, 4)) ^
		aes_get(t, 3, AES_OCTET(w, 3));
	s[2] = k[XR_RK_COLUMN + 2] ^ aes_get(t, 2, AES_OCTET(w, 2)) ^
		aes_get(t, 3, AES_OCTET(w, 7));
	s[3] = k[XR_RK_COLUMN + 3] ^ aes_get(t, 1, AES_OCTET(w, 1)) ^
		aes_get(t, 2, AES_OCTET(w, 6));
	w = x[1] ^ k[XR_RK_IN + 1];
	s[2] ^= aes_get(t, 0, AES_OCTET(w, 0));
	s[1] ^= aes_get(t, 1, AES_OCTET(w, 1));

	aes_middle_encrypt(s, k + XR_RK_MIDDLE, t);

	m[0] = k[XR_RK_OUT] ^ aes_last(t, 0, AES_LANE(s[0], 0)) ^
		aes_last(t, 1, AES_LANE(s[1], 1)) ^ aes_last(t, 2, AES_LANE(s[2], 2)) ^
		aes_last(t, 3, AES_LANE(s[3], 3)) ^ aes_last(t, 4, AES_LANE(s[1], 0)) ^
		aes_last(t, 5, AES_LANE(s[2], 1)) ^ aes_last(t, 6, AES_LANE(s[3], 2)) ^
		aes_last(t, 7, AES_LANE(s[0], 3));
	m[1] = k[XR_RK_OUT + 1] ^ aes_last(t, 0, AES_LANE(s[2], 0)) ^
		aes_last(t, 1, AES_LANE(s[3], 1));
}

/*
 * Decrypts a block: equivalent inverse cipher (FIPS-197, 5.3.5). Gives the
 * first len (1..15) octets at least.
 */
static __always_inline void aes_decrypt(const __u64 *k, const __u64 in[2], __u32 len, __u64 out[2])
{
	const struct aes_tables *t = &aes.decrypt;
	__u64 s[4], v = in[0] ^ k[XR_RK_IN], w = in[1] ^ k[XR_RK_IN + 1];

	s[0] = k[XR_RK_PASS + 1] ^ aes_get(t, 0, AES_OCTET(v, 0)) ^ aes_get(t, 3, AES_OCTET(v, 7)) ^
		aes_get(t, 2, AES_OCTET(w, 2)) ^ aes_get(t, 1, AES_OCTET(w, 5));
	s[1] = k[XR_RK_COLUMN + 1] ^ aes_get(t, 0, AES_OCTET(v, 4)) ^
		aes_get(t, 1, AES_OCTET(v, 1)) ^ aes_get(t, 3, AES_OCTET(w, 3)) ^
		aes_get(t, 2, AES_OCTET(w, 6));
	s[2] = k[XR_RK_COLUMN + 2] ^ aes_get(t, 0, AES_OCTET(w, 0)) ^
		aes_get(t, 1, AES_OCTET(v, 5)) ^ aes_get(t, 2, AES_OCTET(v, 2)) ^
		aes_get(t, 3, AES_OCTET(w, 7));
	s[3] = k[XR_RK_COLUMN + 3] ^ aes_get(t, 0, AES_OCTET(w, 4)) ^
		aes_get(t, 1, AES_OCTET(w, 1)) ^ aes_get(t, 2, AES_OCTET(v, 6)) ^
		aes_get(t, 3, AES_OCTET(v, 3));

	aes_middle_decrypt(s, k + XR_RK_MIDDLE, t);

	out[0] = k[XR_RK_OUT] ^ aes_last(t, 0, AES_LANE(s[0], 0)) ^
		aes_last(t, 1, AES_LANE(s[3], 1)) ^ aes_last(t, 2, AES_LANE(s[2], 2)) ^
		aes_last(t, 3, AES_LANE(s[1], 3)) ^ aes_last(t, 4, AES_LANE(s[1], 0)) ^
		aes_last(t, 5, AES_LANE(s[0], 1)) ^ aes_last(t, 6, AES_LANE(s[3], 2)) ^
		aes_last(t, 7, AES_LANE(s[2], 3));
	out[1] = 0;
	if (len > 8)
		out[1] = k[XR_RK_OUT + 1] ^ aes_last(t, 0, AES_LANE(s[2], 0)) ^
			aes_last(t, 1, AES_LANE(s[1], 1)) ^ aes_last(t, 2, AES_LANE(s[0], 2)) ^
			aes_last(t, 3, AES_LANE(s[3], 3));
}

#endif
