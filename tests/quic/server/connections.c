// SPDX-License-Identifier: GPL-2.0-only
/* The server's connections: their CIDs, their streams, what they have still to write. */
#include "server.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STREAMS 128

int sock = -1;
union xq_addr local;
struct ev_loop *loop;

static TAILQ_HEAD(, conn) dirty = TAILQ_HEAD_INITIALIZER(dirty);

void mark_dirty(struct conn *c)
{
	if (c->is_dirty)
		return;
	c->is_dirty = true;
	TAILQ_INSERT_TAIL(&dirty, c, dirty);
}

static void send_op(struct xq_conn *q, const ngtcp2_path *path, const uint8_t *data, size_t len)
{
	if (xq_send(sock, (const union xq_addr *)path->remote.addr, data, len))
		st.send_errors++;
}

static void closed_op(struct xq_conn *q, int err)
{
	struct conn *c = (struct conn *)q;

	st.ended++;
	c->early += q->early;
	st.early += q->early;
	if (err && err != NGTCP2_ERR_DRAINING)
		st.failed++;
	if (opt.verbose && err)
		fprintf(stderr, "%s: connection %llu: %s\n", opt.name,
			(unsigned long long)c->number, q->error);
	xq_conn_free(q);
	stats_conn_ended(c);
	xq_cids_give_up(&c->cids);
	if (c->is_dirty)
		TAILQ_REMOVE(&dirty, c, dirty);
	LIST_REMOVE(c, all);
	free(c);
}

/* The request: what will come, what to send back, and how fast. */
static int head_op(struct xq_stream *s, char *line)
{
	struct conn *c = (struct conn *)s->c;
	unsigned long long seed, up, down, rate;
	int n;

	if (sscanf(line, "XR1 seed=%llx up=%llu down=%llu rate=%llu", &seed, &up, &down, &rate) !=
	    4)
		return -1;
	s->in.seed = seed;
	s->in.body = up;
	s->out.seed = ~seed;
	s->out.body = down;
	s->out.rate = rate;
	s->out.tail_due = true;
	n = snprintf(s->out.head, sizeof(s->out.head), "XR1 name=%s\n", opt.name);
	s->out.head_len = n;
	c->streams++;
	st.streams++;
	return 0;
}

static void octets_op(struct xq_conn *q, uint64_t in, uint64_t out, bool bad)
{
	struct conn *c = (struct conn *)q;

	c->bytes_in += in;
	st.bytes_in += in;
	c->bytes_out += out;
	st.bytes_out += out;
	c->bad += bad;
	st.bad += bad;
}

/* The verdict on the upload, for the client to see. */
static void stream_end_op(struct xq_stream *s)
{
	struct conn *c = (struct conn *)s->c;
	bool bad = s->in.bad || s->in.got != s->in.body;

	s->out.tail_len = snprintf(s->out.tail, sizeof(s->out.tail),
				   "up=%llu hash=%016llx bad=%d\n", (unsigned long long)s->in.got,
				   (unsigned long long)s->in.hash, bad);
	octets_op(s->c, 0, 0, bad);
	c->early += s->early;
	st.early += s->early;
}

static int tx_key_op(struct xq_conn *q, ngtcp2_crypto_level level)
{
	gnutls_datum_t alpn;

	if (level != NGTCP2_CRYPTO_LEVEL_APPLICATION ||
	    gnutls_alpn_get_selected_protocol(q->tls, &alpn) || alpn.size != strlen(XQ_ALPN_H3) ||
	    memcmp(alpn.data, XQ_ALPN_H3, alpn.size))
		return 0;
	st.h3++;
	return xq_h3_start(q, STREAMS);
}

static const struct xq_ops ops = {
	.send = send_op,
	.closed = closed_op,
	.on_head = head_op,
	.on_stream_end = stream_end_op,
	.on_octets = octets_op,
	.on_tx_key = tx_key_op,
};

/* A CID of cid->datalen octets that no connection has. */
static void mint(struct conn *c, ngtcp2_cid *cid)
{
	do
		xq_mint(cid->data, cid->datalen);
	while (!xq_cid_add(&c->cids, c, cid->data, cid->datalen));
}

int reset_token(uint8_t *token, const ngtcp2_cid *cid)
{
	return ngtcp2_crypto_generate_stateless_reset_token(token, xq_reset_key,
							    sizeof(xq_reset_key), cid);
}

static int new_cid_cb(ngtcp2_conn *conn, ngtcp2_cid *cid, uint8_t *token, size_t len, void *user)
{
	cid->datalen = len;
	mint(user, cid);
	return reset_token(token, cid) ? NGTCP2_ERR_CALLBACK_FAILURE : 0;
}

static int remove_cid_cb(ngtcp2_conn *conn, const ngtcp2_cid *cid, void *user)
{
	struct xq_cid *e = xq_cid_find(cid->data, cid->datalen);

	if (e && e->owner)
		xq_cid_give_up(e);
	return 0;
}

static int handshake_completed_cb(ngtcp2_conn *conn, void *user)
{
	struct conn *c = user;

	c->handshake = true;
	st.handshakes++;
	if (opt.tickets && gnutls_session_ticket_send(c->q.tls, 1, 0))
		return NGTCP2_ERR_CALLBACK_FAILURE;
	return 0;
}

static void server_callbacks(ngtcp2_callbacks *cb)
{
	xq_callbacks(cb);
	cb->recv_client_initial = ngtcp2_crypto_recv_client_initial_cb;
	cb->get_new_connection_id = new_cid_cb;
	cb->remove_connection_id = remove_cid_cb;
	cb->handshake_completed = handshake_completed_cb;
}

static void server_settings(ngtcp2_settings *s, const ngtcp2_pkt_hd *hd)
{
	xq_settings(s);
	s->token = hd->token;
	/* The first is what a client that can do both is moved to. */
	if (opt.v2) {
		s->preferred_versions = xq_versions;
		s->preferred_versionslen = XQ_VERSIONS;
	}
	s->other_versions = xq_versions;
	s->other_versionslen = XQ_VERSIONS;
}

static void server_params(ngtcp2_transport_params *p, const ngtcp2_pkt_hd *hd,
			  const ngtcp2_cid *odcid, bool retried, const ngtcp2_cid *scid)
{
	xq_params(p, opt.idle);
	p->initial_max_stream_data_uni = 1 << 20;
	p->initial_max_streams_bidi = STREAMS;
	p->initial_max_streams_uni = 8;
	p->active_connection_id_limit = 7;
	p->original_dcid = *odcid;
	if (retried) {
		p->retry_scid = hd->dcid;
		p->retry_scid_present = 1;
	}
	p->stateless_reset_token_present = 1;
	reset_token(p->stateless_reset_token, scid);
}

struct conn *conn_new(const ngtcp2_pkt_hd *hd, const ngtcp2_cid *odcid, bool retried,
		      const union xq_addr *from)
{
	struct conn *c = calloc(1, sizeof(*c));
	ngtcp2_cid scid = { .datalen = opt.cid_len };
	ngtcp2_transport_params params;
	ngtcp2_settings settings;
	ngtcp2_callbacks cb;
	ngtcp2_path path;

	if (!c)
		xq_die("out of memory");
	c->remote = *from;
	c->retried = retried;
	LIST_INIT(&c->cids);
	mint(c, &scid);
	xq_cid_add(&c->cids, c, hd->dcid.data, hd->dcid.datalen);
	server_callbacks(&cb);
	server_settings(&settings, hd);
	server_params(&params, hd, odcid, retried, &scid);
	xq_path(&path, &local, from);

	xq_conn_start(&c->q, loop, &ops);
	c->q.tls = xq_tls_server(&c->q.ref);
	if (!c->q.tls ||
	    ngtcp2_conn_server_new(&c->q.conn, &hd->scid, &scid, &path, hd->version, &cb, &settings,
				   &params, NULL, c))
		xq_die("out of memory");
	ngtcp2_conn_set_tls_native_handle(c->q.conn, c->q.tls);
	c->number = ++st.connections;
	LIST_INSERT_HEAD(&conns, c, all);
	return c;
}

void write_dirty(void)
{
	struct conn *c;

	while ((c = TAILQ_FIRST(&dirty))) {
		TAILQ_REMOVE(&dirty, c, dirty);
		c->is_dirty = false;
		xq_conn_write(&c->q);
	}
}
