// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <xroam/cid.h>
#include "aes.h"

/* The block and what word loads may touch behind it. */
#define BLOCK_ROOM 32

/* Octet 15 of a block that makes noise: no pass of the cipher has it. */
#define NOISE 0xff
#define SEED  0xfe /* and of one that begins a seed */

/* Words of a nonce behind its counter: 20 octets at most in all. */
#define TAIL_WORDS 2

/*
 * In a page of its own that children share, so that they never count the same,
 * and all count from a new place when one is told that there is one.
 */
struct counters {
	atomic_uint_fast64_t minted;
	atomic_uint_fast64_t noise;
	atomic_uint_fast64_t start;
	atomic_uint_fast64_t tail[TAIL_WORDS]; /* of nonces longer than it */
};

struct xr_cid {
	struct xr_cid_layout layout;
	const struct xr_cid_format_desc *desc;
	struct counters *counters;
	uint8_t format;
	uint8_t config_id;
	uint8_t nonce_len;
	uint8_t offset;
	uint8_t has_sid;
	uint8_t flags;
	uint8_t sid[XR_SID_MAX];
	struct xr_aes key; /* the configuration's */
	struct xr_aes own; /* random: hides clear nonces, makes noise */
};

static uint64_t get64(const uint8_t *p)
{
	uint64_t w = 0;
	int i;

	for (i = 0; i < 8; i++)
		w |= (uint64_t)p[i] << 8 * i;
	return w;
}

static void put64(uint8_t *p, uint64_t w)
{
	int i;

	for (i = 0; i < 8; i++)
		p[i] = w >> 8 * i;
}

/* ---- the ciphers ---- */

static inline void one_pass(const void *key, const __u64 x[2], __u32 n, __u32 pass, __u64 m[2])
{
	uint8_t b[XR_AES_BLOCK];

	put64(b, x[0]);
	put64(b + 8, x[1]);
	b[14] = n;
	b[15] = pass;
	xr_aes_encrypt(key, b, b, 1);
	m[0] = get64(b);
	m[1] = get64(b + 8);
}

/* block: n octets in room for BLOCK_ROOM, zeros behind. */
static void four_pass(const struct xr_aes *key, const struct xr_cid_layout *l, uint8_t *block,
		      int decrypt)
{
	const int n = l->block_len, h = l->half_len;
	struct xr_cid_words w;
	uint8_t half[16];
	int i;

	for (i = 0; i < 2; i++) {
		w.left[i] = get64(block + 8 * i) & l->left[i];
		w.right[i] = get64(block + n - h + 8 * i) & l->right[i];
	}
	if (decrypt)
		xr_cid_passes(l, &w, 4, 1, -1, one_pass, key);
	else
		xr_cid_passes(l, &w, 1, 4, 1, one_pass, key);

	memset(block, 0, BLOCK_ROOM);
	put64(block, w.left[0]);
	put64(block + 8, w.left[1]);
	put64(half, w.right[0]);
	put64(half + 8, w.right[1]);
	for (i = 0; i < h; i++)
		block[n - h + i] |= half[i];
}

static void noise(struct xr_cid *c, uint8_t *out, size_t len)
{
	uint8_t b[XR_AES_BLOCK];
	size_t i;

	for (i = 0; i < len; i++) {
		if (i % XR_AES_BLOCK == 0) {
			memset(b, 0, sizeof(b));
			put64(b,
			      atomic_fetch_add_explicit(&c->counters->noise, 1,
							memory_order_relaxed));
			b[15] = NOISE;
			xr_aes_encrypt(&c->own, b, b, 1);
		}
		out[i] = b[i % XR_AES_BLOCK];
	}
}

/* ---- nonces ---- */

/* Octets that make the CID unique, where it is len octets long. */
static size_t nonce_room(const struct xr_cid *c, size_t len)
{
	size_t at = c->offset + c->layout.sid_len + (c->layout.bit ? 1 : 0);

	switch (c->format) {
	case XR_CID_QUIC_LB:
	case XR_CID_QUIC_LB2:
	case XR_CID_NGHTTPX:
	case XR_CID_AWS_NLB:
		return c->nonce_len;
	default:
		return len > at ? len - at : 0;
	}
}

static int next_nonce(struct xr_cid *c, uint8_t *nonce, size_t len)
{
	struct xr_cid_layout l = { 0 };
	struct counters *n = c->counters;
	uint8_t block[BLOCK_ROOM] = { 0 };
	uint64_t i;

	i = atomic_fetch_add_explicit(&n->minted, 1, memory_order_relaxed);
	if (len < 8 && i >> 8 * len)
		return XR_CID_E_SPENT;
	if (!len)
		return XR_CID_OK;
	put64(block, atomic_load(&n->start) + i);
	put64(block + 8, atomic_load(&n->tail[0]));
	put64(block + 16, atomic_load(&n->tail[1]));
	memset(block + len, 0, BLOCK_ROOM - len);

	if (c->layout.mode == XR_CID_CLEAR) {
		xr_cid_halve(&l, len);
		four_pass(&c->own, &l, block, 0);
	}
	memcpy(nonce, block, len);
	return XR_CID_OK;
}

/* ---- minting ---- */

static uint8_t first_octet(const struct xr_cid *c, uint8_t random, size_t len)
{
	const int bits = c->desc->config_bits;
	const uint8_t low = 0xff >> bits;

	if (!bits)
		return random;
	if (c->flags & XR_CID_F_LENGTH)
		random = len - 1;
	return c->config_id << (8 - bits) | (random & low);
}

/* mvfst v1: the 16 bits behind the version's two. */
static void put_bits(uint8_t *cid, const uint8_t *sid)
{
	cid[0] = (cid[0] & 0xc0) | sid[0] >> 2;
	cid[1] = (uint8_t)(sid[0] << 6) | sid[1] >> 2;
	cid[2] = (uint8_t)(sid[1] << 6) | (cid[2] & 0x3f);
}

static void compose(struct xr_cid *c, const uint8_t *sid, const uint8_t *nonce, size_t nonce_len,
		    uint8_t *cid, size_t len)
{
	const struct xr_cid_layout *l = &c->layout;
	uint8_t block[BLOCK_ROOM] = { 0 }, all[XR_CID_MAX];
	size_t at = c->offset + l->sid_len, n = l->block_len;

	noise(c, all, len);
	if (l->bit) {
		all[0] = first_octet(c, all[0], len);
		/* Its first octet, if it is there at all, shares one with the ID. */
		if (nonce_len)
			memcpy(all + len - nonce_len, nonce, nonce_len);
		put_bits(all, sid);
		memcpy(cid, all, len);
		return;
	}
	if (c->offset)
		all[0] = first_octet(c, all[0], len);
	if (l->mode == XR_CID_CLEAR) {
		memcpy(all + c->offset, sid, l->sid_len);
		if (nonce_len)
			memcpy(all + at, nonce, nonce_len);
	} else {
		memcpy(block, sid, l->sid_len);
		if (nonce_len)
			memcpy(block + l->sid_len, nonce, nonce_len);
		if (l->mode == XR_CID_SINGLE)
			xr_aes_encrypt(&c->key, block, block, 1);
		else
			four_pass(&c->key, l, block, 0);
		memcpy(all + c->offset, block, n);
	}
	memcpy(cid, all, len);
}

static int check_len(const struct xr_cid *c, size_t len)
{
	if (len < c->layout.min_len)
		return XR_CID_E_SHORT;
	return len > XR_CID_MAX ? XR_CID_E_LONG : XR_CID_OK;
}

int xr_cid_encode(struct xr_cid *c, const uint8_t *sid, const uint8_t *nonce, uint8_t *cid,
		  size_t len)
{
	uint8_t fresh[XR_CID_MAX];
	size_t room;
	int err;

	if (!c || !sid || !cid)
		return XR_CID_E_BAD_ARG;
	err = check_len(c, len);
	if (err)
		return err;
	if (nonce) {
		if (!c->layout.bit) {
			compose(c, sid, nonce, c->nonce_len, cid, len);
			return XR_CID_OK;
		}
		/* The nonce begins in the server ID's last octet. */
		compose(c, sid, NULL, 0, cid, len);
		memcpy(cid + 3, nonce + 1, c->nonce_len - 1);
		cid[2] = (cid[2] & 0xc0) | (nonce[0] & 0x3f);
		return XR_CID_OK;
	}
	room = nonce_room(c, len);
	err = next_nonce(c, fresh, room);
	if (err)
		return err;
	compose(c, sid, fresh, room, cid, len);
	return XR_CID_OK;
}

int xr_cid_mint(struct xr_cid *c, uint8_t *cid, size_t len)
{
	if (!c || !c->has_sid)
		return XR_CID_E_BAD_ARG;
	return xr_cid_encode(c, c->sid, NULL, cid, len);
}

/* ---- parsing ---- */

static void take_bits(const uint8_t *cid, uint8_t *sid)
{
	sid[0] = (uint8_t)(cid[0] << 2) | cid[1] >> 6;
	sid[1] = (uint8_t)(cid[1] << 2) | cid[2] >> 6;
}

int xr_cid_parse(const struct xr_cid *c, const uint8_t *cid, size_t len, struct xr_cid_parsed *out)
{
	const struct xr_cid_layout *l;
	uint8_t block[BLOCK_ROOM] = { 0 };
	int bits;

	if (!c || !cid || !out)
		return XR_CID_E_BAD_ARG;
	l = &c->layout;
	bits = c->desc->config_bits;
	if (!len)
		return XR_CID_E_SHORT;
	if (bits && cid[0] >> (8 - bits) != c->config_id)
		return XR_CID_E_NO_CONFIG;
	if (len < l->min_len)
		return XR_CID_E_SHORT;

	memset(out, 0, sizeof(*out));
	out->sid_len = l->sid_len;
	out->nonce_len = c->nonce_len;
	memcpy(block, cid + c->offset, l->block_len);
	if (l->bit) {
		take_bits(cid, out->sid);
		block[l->sid_len] &= 0x3f;
	} else {
		if (l->mode == XR_CID_SINGLE)
			xr_aes_decrypt(&c->key, block, block, 1);
		else if (l->mode == XR_CID_FOUR)
			four_pass(&c->key, l, block, 1);
		memcpy(out->sid, block, l->sid_len);
	}
	memcpy(out->nonce, block + l->sid_len, c->nonce_len);
	return XR_CID_OK;
}

/* ---- objects ---- */

static int random_octets(void *p, size_t len)
{
	while (len) {
		ssize_t got = getrandom(p, len, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return XR_CID_E_RANDOM;
		p = (char *)p + got;
		len -= got;
	}
	return XR_CID_OK;
}

static int check_params(const struct xr_cid_params *p)
{
	size_t i;

	if (!xr_cid_format_get(p->format))
		return XR_CID_E_FORMAT;
	if (!xr_cid_codepoints(p->format, p->config_id))
		return XR_CID_E_CONFIG_ID;
	if (p->sid_len > XR_SID_MAX)
		return XR_CID_E_SID_LEN;
	if (p->nonce_len > XR_CID_MAX)
		return XR_CID_E_NONCE_LEN;
	if (p->offset >= XR_CID_MAX)
		return XR_CID_E_OFFSET;
	if (p->flags & ~(XR_CID_F_LENGTH | XR_CID_F_START))
		return XR_CID_E_BAD_ARG;
	for (i = 0; i < sizeof(p->reserved) / sizeof(*p->reserved); i++)
		if (p->reserved[i])
			return XR_CID_E_BAD_ARG;
	return XR_CID_OK;
}

/* All the places that numbers are counted from. */
struct seed {
	uint64_t start;
	uint64_t noise;
	uint64_t tail[TAIL_WORDS];
};

static void begin_at(struct counters *n, const struct seed *s)
{
	int i;

	for (i = 0; i < TAIL_WORDS; i++)
		atomic_store(&n->tail[i], s->tail[i]);
	atomic_store(&n->noise, s->noise);
	atomic_store(&n->start, s->start);
}

/* CBC-MAC over what comes; the first block tells how long it all is. */
static void mix_in(const struct xr_aes *key, uint8_t mac[XR_AES_BLOCK], const uint8_t *octets,
		   size_t len)
{
	size_t i, n;

	for (; len; octets += n, len -= n) {
		n = len < XR_AES_BLOCK ? len : XR_AES_BLOCK;
		for (i = 0; i < n; i++)
			mac[i] ^= octets[i];
		xr_aes_encrypt(key, mac, mac, 1);
	}
}

int xr_cid_reseed(struct xr_cid *c, const void *mix, size_t len)
{
	uint8_t fresh[2 * XR_AES_BLOCK], mac[2][XR_AES_BLOCK];
	struct seed seed;
	int err, i;

	_Static_assert(sizeof(seed) == sizeof(mac), "all of it is made");
	if (!c || (len && !mix))
		return XR_CID_E_BAD_ARG;
	err = random_octets(fresh, sizeof(fresh));
	if (err)
		return err;
	for (i = 0; i < 2; i++) {
		memset(mac[i], 0, XR_AES_BLOCK);
		put64(mac[i], len);
		mac[i][14] = i;
		mac[i][15] = SEED;
		xr_aes_encrypt(&c->own, mac[i], mac[i], 1);
		mix_in(&c->own, mac[i], fresh, sizeof(fresh));
		mix_in(&c->own, mac[i], mix, len);
	}
	memcpy(&seed, mac, sizeof(seed));
	begin_at(c->counters, &seed);
	xr_wipe(&seed, sizeof(seed));
	xr_wipe(mac, sizeof(mac));
	xr_wipe(fresh, sizeof(fresh));
	return XR_CID_OK;
}

static int fill(struct xr_cid *c, const struct xr_cid_params *p)
{
	__u8 sid_len = p->sid_len, nonce_len = p->nonce_len, offset = p->offset;
	struct {
		struct seed at;
		uint8_t own[XR_AES_BLOCK];
	} fresh;
	int err;

	err = xr_cid_layout_init(&c->layout, p->format, sid_len, nonce_len, offset, !!p->key);
	if (err)
		return err;
	err = random_octets(&fresh, sizeof(fresh));
	if (err)
		return err;
	xr_cid_defaults(p->format, &sid_len, &nonce_len, &offset);

	c->desc = xr_cid_format_get(p->format);
	c->format = p->format;
	c->config_id = p->config_id;
	c->nonce_len = nonce_len;
	c->offset = offset;
	c->flags = p->flags;
	if (p->flags & XR_CID_F_START)
		fresh.at.start = p->start;
	begin_at(c->counters, &fresh.at);
	xr_aes_init(&c->own, fresh.own);
	if (p->key)
		xr_aes_init(&c->key, p->key);
	if (p->sid) {
		memcpy(c->sid, p->sid, sid_len);
		c->has_sid = 1;
	}
	xr_wipe(&fresh, sizeof(fresh));
	return XR_CID_OK;
}

int xr_cid_new(struct xr_cid **out, const struct xr_cid_params *p)
{
	const int prot = PROT_READ | PROT_WRITE;
	struct xr_cid *c;
	int err;

	if (!out)
		return XR_CID_E_BAD_ARG;
	*out = NULL;
	if (!p)
		return XR_CID_E_BAD_ARG;
	err = check_params(p);
	if (err)
		return err;

	c = mmap(NULL, sizeof(*c), prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (c == MAP_FAILED)
		return XR_CID_E_NO_MEMORY;
	/* Only a precaution: old kernels and sandboxes may refuse. */
	madvise(c, sizeof(*c), MADV_DONTDUMP);
	c->counters = mmap(NULL, sizeof(*c->counters), prot, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (c->counters == MAP_FAILED) {
		c->counters = NULL;
		err = XR_CID_E_NO_MEMORY;
	} else {
		err = fill(c, p);
	}
	if (err) {
		xr_cid_free(c);
		return err;
	}
	*out = c;
	return XR_CID_OK;
}

void xr_cid_free(struct xr_cid *c)
{
	if (!c)
		return;
	if (c->counters)
		munmap(c->counters, sizeof(*c->counters));
	xr_wipe(c, sizeof(*c));
	munmap(c, sizeof(*c));
}

size_t xr_cid_min_len(const struct xr_cid *c)
{
	return c ? c->layout.min_len : 0;
}

uint64_t xr_cid_position(const struct xr_cid *c)
{
	return c ? atomic_load(&c->counters->start) + atomic_load(&c->counters->minted) : 0;
}

/* ---- words ---- */

double xr_cid_chance(uint64_t servers, unsigned int sid_len)
{
	double p = servers;

	while (sid_len--)
		p /= 256;
	return p > 1 ? 1 : p;
}

const char *xr_cid_strerror(int error)
{
	return xr_cid_error_text(error);
}

const char *xr_cid_format_word(unsigned int format)
{
	const struct xr_cid_format_desc *f = xr_cid_format_get(format);

	return f ? f->word : NULL;
}

int xr_cid_format_from_word(const char *word)
{
	const struct xr_cid_format_desc *f;
	int i;

	for (i = 0; word && (f = xr_cid_format_get(i)); i++)
		if (!strcmp(word, f->word))
			return i;
	return -1;
}
