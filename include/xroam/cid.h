/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * libxroam-cid: connection IDs that tell a load balancer which server they
 * belong to (draft-ietf-quic-load-balancers, and the layouts in the field).
 *
 *	struct xr_cid_params p = {
 *		.config_id = 1, .format = XR_CID_QUIC_LB,
 *		.sid_len = 4, .nonce_len = 8, .key = key, .sid = my_server_id,
 *	};
 *	struct xr_cid *c;
 *
 *	if (xr_cid_new(&c, &p))
 *		...
 *	xr_cid_mint(c, cid, 17);	(in QUIC's "new connection ID" callback)
 *
 * Functions give 0 or an enum xr_cid_error (see xr_cid_strerror()). An object
 * may be used by any number of threads at once, and by child processes that
 * inherit it by fork(): nonces stay unique among all of them.
 *
 * AES runs in constant time; there is no table indexed by a secret. Keys are
 * kept in pages that core dumps leave out, and are wiped by xr_cid_free().
 */
#ifndef XROAM_CID_H
#define XROAM_CID_H

#include <stddef.h>
#include <stdint.h>
#include <xroam/cid_core.h> /* formats, errors, limits */

#ifdef __cplusplus
extern "C" {
#endif

#define XR_CID_KEY_LEN 16

/*
 * The low bits of octet 0 are random, unless this is set: then they tell the
 * CID's length less one, for devices that must parse short headers.
 */
#define XR_CID_F_LENGTH (1U << 0)

/* Nonces count from params.start on, not from a random place; see below. */
#define XR_CID_F_START (1U << 1)

/*
 * Zero what you do not use: fields will come to mean something, and what is not
 * zero where this library knows of none is refused.
 */
struct xr_cid_params {
	unsigned int format; /* enum xr_cid_format */
	unsigned int config_id;
	unsigned int sid_len;   /* octets; 0: the format's own */
	unsigned int nonce_len; /* octets; 0: the format's own */
	unsigned int offset;    /* XR_CID_PLAIN: octets before the server ID */
	unsigned int flags;     /* XR_CID_F_* */
	const uint8_t *key;     /* XR_CID_KEY_LEN octets, or NULL: in clear */
	const uint8_t *sid;     /* this server's ID, or NULL: never mints */
	uint64_t start;         /* with XR_CID_F_START */
	uint64_t reserved[4];
};

/*
 * Written whole by xr_cid_parse(), what is reserved as zeros: there is room for
 * more to be told, to programs built before it was.
 */
struct xr_cid_parsed {
	uint8_t sid[XR_CID_MAX];
	uint8_t nonce[XR_CID_MAX];
	uint8_t sid_len;
	uint8_t nonce_len;
	uint8_t reserved_octets[6];
	uint64_t reserved[10];
};

struct xr_cid;

/* Copies all that *params names. *out is NULL on failure. */
int xr_cid_new(struct xr_cid **out, const struct xr_cid_params *params);
void xr_cid_free(struct xr_cid *c); /* NULL is fine */

/* The shortest CID this configuration mints, in octets. */
size_t xr_cid_min_len(const struct xr_cid *c);

/*
 * Mints a CID of len octets (xr_cid_min_len() to 20) that names this server and
 * was never minted before. Octets behind the nonce are random; QUIC-LB leaves
 * them to the server, so they may be overwritten.
 *
 * How nonces are kept unique:
 *
 * - With a key they are a counter, which the cipher hides. It starts at a random
 *   place (XR_CID_F_START: at params.start), so two runs of one server that
 *   mint A and B CIDs overlap with probability (A + B) / 2^(8 * nonce_len), or
 *   2^-64 * (A + B) where the nonce has more than eight octets. To rule it out,
 *   save xr_cid_position() and start the next run there, well ahead of it if it
 *   may be stale.
 *
 * - In clear a counter would link the CIDs of a connection, so it is enciphered
 *   with a random key that lives and dies with the object: unique within one
 *   object, and as if random between two: they have a nonce in common with
 *   probability A * B / 2^(8 * nonce_len). Use eight octets or more: a million
 *   CIDs each, 5 in 10^8.
 *   Formats that know no nonce (plain, MsQuic, mvfst) get all octets behind the
 *   server ID enciphered like this.
 *
 * XR_CID_E_SPENT: all 2^(8 * nonce_len) values have been used.
 */
int xr_cid_mint(struct xr_cid *c, uint8_t *cid, size_t len);

/* The counter's next value, for params.start of a later run. */
uint64_t xr_cid_position(const struct xr_cid *c);

/*
 * Counts on from a new random place, and makes other noise: for who goes on from
 * a snapshot of a virtual machine. A clone, or the same machine put back, has
 * this object as it was, and would mint CIDs that were minted before. Child
 * processes that share the object share the new place; other objects are on
 * their own, and params.start is no longer what they count from.
 *
 * Right after a snapshot the kernel's random numbers may be those of the other
 * clone, too (where it has no VM generation ID device). Then mix: len octets that
 * no other clone has: a generation ID, an instance ID, a MAC address, the time.
 * They need not be secret. NULL and 0: none.
 */
int xr_cid_reseed(struct xr_cid *c, const void *mix, size_t len);

/*
 * A CID from a given server ID and nonce; it is the caller's task never to use
 * a nonce twice. nonce NULL: the next one, as xr_cid_mint().
 */
int xr_cid_encode(struct xr_cid *c, const uint8_t *sid, const uint8_t *nonce, uint8_t *cid,
		  size_t len);

/*
 * What a CID says; len may be more than the CID has (the rest of a packet).
 * XR_CID_E_NO_CONFIG: octet 0 names another configuration. XR_CID_E_SHORT.
 */
int xr_cid_parse(const struct xr_cid *c, const uint8_t *cid, size_t len, struct xr_cid_parsed *out);

/*
 * The probability that a CID chosen by a client, which is random, names one of
 * so many server IDs. Above 0.01 the server ID should be longer.
 */
double xr_cid_chance(uint64_t servers, unsigned int sid_len);

const char *xr_cid_strerror(int error);
const char *xr_cid_format_word(unsigned int format); /* NULL: no such */
int xr_cid_format_from_word(const char *word);       /* -1: no such */

#ifdef __cplusplus
}
#endif
#endif
