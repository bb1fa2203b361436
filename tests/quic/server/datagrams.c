// SPDX-License-Identifier: GPL-2.0-only
/*
 * Datagrams that came: each goes to its connection, opens one, or is answered or
 * counted as astray.
 */
#include "server.h"

#define RESET_MAX   40
#define MIN_INITIAL 1200

static void send_plain(const union xq_addr *to, const uint8_t *buf, ngtcp2_ssize len)
{
	if (len > 0 && xq_send(sock, to, buf, len))
		st.send_errors++;
}

static void send_negotiation(const ngtcp2_version_cid *vc, const union xq_addr *to, size_t len)
{
	uint32_t versions[] = { NGTCP2_PROTO_VER_V1, XQ_V2 };
	uint8_t buf[XQ_PACKET], random;

	if (len < MIN_INITIAL)
		return;
	st.negotiations++;
	xq_random(&random, 1);
	send_plain(to, buf,
		   ngtcp2_pkt_write_version_negotiation(buf, sizeof(buf), random, vc->scid,
							vc->scidlen, vc->dcid, vc->dcidlen,
							versions, 2));
}

/* Shorter than what asked for it, so that two servers cannot loop. */
static void send_reset(const ngtcp2_version_cid *vc, const union xq_addr *to, size_t len)
{
	uint8_t buf[XQ_PACKET], token[NGTCP2_STATELESS_RESET_TOKENLEN];
	uint8_t random[RESET_MAX - NGTCP2_STATELESS_RESET_TOKENLEN];
	size_t n = sizeof(random);
	ngtcp2_cid cid;

	if (opt.no_reset ||
	    len <= NGTCP2_STATELESS_RESET_TOKENLEN + NGTCP2_MIN_STATELESS_RESET_RANDLEN)
		return;
	if (len <= RESET_MAX)
		n = len - 1 - NGTCP2_STATELESS_RESET_TOKENLEN;
	if (n < NGTCP2_MIN_STATELESS_RESET_RANDLEN)
		return;
	ngtcp2_cid_init(&cid, vc->dcid, vc->dcidlen);
	if (reset_token(token, &cid))
		return;
	xq_random(random, n);
	st.resets++;
	send_plain(to, buf, ngtcp2_pkt_write_stateless_reset(buf, sizeof(buf), token, random, n));
}

static void send_retry(const ngtcp2_pkt_hd *hd, const union xq_addr *to)
{
	uint8_t token[NGTCP2_CRYPTO_MAX_RETRY_TOKENLEN], buf[XQ_PACKET];
	ngtcp2_ssize n;
	ngtcp2_cid scid;

	/* It comes back as the DCID of the next Initial: it must be routable.
	 */
	scid.datalen = opt.cid_len;
	xq_mint(scid.data, scid.datalen);
	n = ngtcp2_crypto_generate_retry_token(token, xq_retry_key, sizeof(xq_retry_key),
					       hd->version, &to->sa, xq_addr_len(to), &scid,
					       &hd->dcid, xq_now());
	if (n < 0)
		return;
	st.retries++;
	send_plain(to, buf,
		   ngtcp2_crypto_write_retry(buf, sizeof(buf), hd->version, &hd->scid, &scid,
					     &hd->dcid, token, n));
}

/* Runs a datagram through its connection; the answer goes out later. */
static void deliver(struct conn *c, const union xq_addr *from, const uint8_t *data, size_t len,
		    uint64_t now)
{
	ngtcp2_path path;

	if (!xq_addr_eq(&c->remote, from)) {
		c->remote = *from;
		c->moves++;
		st.moves++;
	}
	xq_path(&path, &local, from);
	if (xq_conn_read(&c->q, &path, data, len, now))
		mark_dirty(c);
}

static void refuse_token(const ngtcp2_pkt_hd *hd, const union xq_addr *to)
{
	uint8_t buf[XQ_PACKET];

	st.refused++;
	send_plain(to, buf,
		   ngtcp2_crypto_write_connection_close(buf, sizeof(buf), hd->version, &hd->scid,
							&hd->dcid, NGTCP2_INVALID_TOKEN, NULL, 0));
}

/* Whether the token proves the address; odcid: what the client chose first. */
static bool token_proves(const ngtcp2_pkt_hd *hd, const union xq_addr *from, ngtcp2_cid *odcid,
			 uint64_t now)
{
	return !ngtcp2_crypto_verify_retry_token(odcid, hd->token.base, hd->token.len, xq_retry_key,
						 sizeof(xq_retry_key), hd->version, &from->sa,
						 xq_addr_len(from), &hd->dcid, 10 * XQ_SECOND, now);
}

static void take_initial(const ngtcp2_pkt_hd *hd, const union xq_addr *from, const uint8_t *data,
			 size_t len, uint64_t now)
{
	ngtcp2_cid odcid = hd->dcid;

	if (xq_mint_owner(hd->dcid.data, hd->dcid.datalen) == XQ_PEER)
		st.stray_initial++;
	if (opt.retry && !hd->token.len) {
		send_retry(hd, from);
		return;
	}
	if (opt.retry && !token_proves(hd, from, &odcid, now)) {
		refuse_token(hd, from);
		return;
	}
	deliver(conn_new(hd, &odcid, opt.retry, from), from, data, len, now);
}

/* None of our connections has that CID: an Initial opens one, anything else went astray. */
static void take_unknown(const ngtcp2_version_cid *vc, const union xq_addr *from,
			 const uint8_t *data, size_t len, uint64_t now)
{
	ngtcp2_pkt_hd hd;

	if (!(data[0] & 0x80)) {
		st.stray_short++;
		send_reset(vc, from, len);
		return;
	}
	if (ngtcp2_pkt_decode_hd_long(&hd, data, len) < 0) {
		st.malformed++;
		return;
	}
	switch (hd.type) {
	case NGTCP2_PKT_INITIAL:
		st.initials++;
		if (ngtcp2_accept(&hd, data, len))
			st.malformed++;
		else
			take_initial(&hd, from, data, len, now);
		break;
	case NGTCP2_PKT_0RTT:
		st.stray_zero_rtt++;
		break;
	case NGTCP2_PKT_HANDSHAKE:
		st.stray_handshake++;
		break;
	default:
		st.stray_other++;
	}
}

static void take_datagram(const union xq_addr *from, const uint8_t *data, size_t len, uint64_t now)
{
	ngtcp2_version_cid vc;
	struct xq_cid *e;
	int rc;

	st.packets++;
	st.bytes += len;
	rc = ngtcp2_pkt_decode_version_cid(&vc, data, len, opt.cid_len);
	if (rc == NGTCP2_ERR_VERSION_NEGOTIATION) {
		send_negotiation(&vc, from, len);
		return;
	}
	if (rc || vc.dcidlen > NGTCP2_MAX_CIDLEN) {
		st.malformed++;
		return;
	}
	e = xq_cid_find(vc.dcid, vc.dcidlen);
	if (!e) {
		take_unknown(&vc, from, data, len, now);
		return;
	}
	if (!e->owner) {
		st.late++;
		return;
	}
	if (vc.dcidlen)
		st.codepoint[vc.dcid[0] >> 5]++;
	deliver(e->owner, from, data, len, now);
}

void readable_cb(struct ev_loop *l, ev_io *w, int events)
{
	static struct xq_batch b;
	uint64_t now;

	for (int turn = 0; turn < 4 && xq_recv(sock, &b); turn++) {
		now = xq_now();
		for (int i = 0; i < b.n; i++)
			take_datagram(&b.pkt[i].from, b.pkt[i].data, b.pkt[i].len, now);
		write_dirty();
	}
}
