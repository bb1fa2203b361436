// SPDX-License-Identifier: GPL-2.0-only
/* A connection: ngtcp2's callbacks, reading, writing and the one timer. */
#include "quic.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static ngtcp2_conn *get_conn(ngtcp2_crypto_conn_ref *ref)
{
	return ((struct xq_conn *)ref->user_data)->conn;
}

/* ---- streams ---- */

struct xq_stream *xq_stream_new(struct xq_conn *c, int64_t id)
{
	struct xq_stream *s = calloc(1, sizeof(*s)), **end = &c->streams;

	if (!s)
		return NULL;
	s->c = c;
	s->id = id;
	while (*end)
		end = &(*end)->next;
	*end = s;
	return s;
}

struct xq_stream *xq_stream_find(struct xq_conn *c, int64_t id)
{
	struct xq_stream *s = c->streams;

	while (s && s->id != id)
		s = s->next;
	return s;
}

static void stream_free(struct xq_conn *c, struct xq_stream *s)
{
	struct xq_stream **at = &c->streams;

	while (*at && *at != s)
		at = &(*at)->next;
	if (*at)
		*at = s->next;
	if (c->turn == s)
		c->turn = s->next;
	free(s);
}

/* ---- callbacks both ends share ---- */

static void rand_cb(uint8_t *dest, size_t len, const ngtcp2_rand_ctx *ctx)
{
	xq_random(dest, len);
}

static int recv_stream_data_cb(ngtcp2_conn *conn, uint32_t flags, int64_t id, uint64_t offset,
			       const uint8_t *data, size_t len, void *user, void *stream_user)
{
	bool fin = flags & NGTCP2_STREAM_DATA_FLAG_FIN;
	struct xq_conn *c = user;
	struct xq_stream *s;
	uint64_t got;

	ngtcp2_conn_extend_max_offset(conn, len);
	ngtcp2_conn_extend_max_stream_offset(conn, id, len);
	if (c->app) {
		if (flags & NGTCP2_STREAM_DATA_FLAG_EARLY)
			c->early += len;
		return c->app->recv(c, id, data, len, fin) ? NGTCP2_ERR_CALLBACK_FAILURE : 0;
	}
	s = xq_stream_find(c, id);
	if (!s && ngtcp2_conn_is_server(conn))
		s = xq_stream_new(c, id);
	if (!s)
		return NGTCP2_ERR_CALLBACK_FAILURE;
	if (flags & NGTCP2_STREAM_DATA_FLAG_EARLY)
		s->early += len;
	xq_conn_busy(c, true);
	got = s->in.got;
	if (xq_in_eat(s, data, len, fin, c->ops->on_head)) {
		snprintf(c->error, sizeof(c->error), "stream %lld: not the test protocol",
			 (long long)id);
		return NGTCP2_ERR_CALLBACK_FAILURE;
	}
	if (c->ops->on_octets)
		c->ops->on_octets(c, s->in.got - got, 0, false);
	if (s->in.fin && !s->done) {
		s->done = true;
		c->ops->on_stream_end(s);
	}
	return 0;
}

static int acked_cb(ngtcp2_conn *conn, int64_t id, uint64_t offset, uint64_t len, void *user,
		    void *stream_user)
{
	struct xq_conn *c = user;

	if (c->app)
		c->app->acked(c, id, len);
	return 0;
}

static int extend_stream_cb(ngtcp2_conn *conn, int64_t id, uint64_t max, void *user,
			    void *stream_user)
{
	struct xq_conn *c = user;

	if (c->app)
		c->app->unblocked(c, id);
	return 0;
}

static int more_streams_cb(ngtcp2_conn *conn, uint64_t max, void *user)
{
	struct xq_conn *c = user;

	if (c->app)
		c->app->may_open(c, max);
	return 0;
}

static int tx_key_cb(ngtcp2_conn *conn, ngtcp2_crypto_level level, void *user)
{
	struct xq_conn *c = user;

	return c->ops->on_tx_key && c->ops->on_tx_key(c, level) ? NGTCP2_ERR_CALLBACK_FAILURE : 0;
}

static int stream_close_cb(ngtcp2_conn *conn, uint32_t flags, int64_t id, uint64_t code, void *user,
			   void *stream_user)
{
	struct xq_conn *c = user;
	struct xq_stream *s = xq_stream_find(c, id);

	c->lost += ngtcp2_conn_get_stream_loss_count(conn, id);
	if (c->app)
		c->app->closed(c, id);
	if (ngtcp2_conn_is_server(conn)) {
		if (ngtcp2_is_bidi_stream(id))
			ngtcp2_conn_extend_max_streams_bidi(conn, 1);
		if (s)
			stream_free(c, s);
		if (!c->streams && !c->app)
			xq_conn_busy(c, false);
	}
	return 0;
}

static int path_validation_cb(ngtcp2_conn *conn, uint32_t flags, const ngtcp2_path *path,
			      ngtcp2_path_validation_result result, void *user)
{
	struct xq_conn *c = user;

	if (result == NGTCP2_PATH_VALIDATION_RESULT_SUCCESS)
		c->validated++;
	else if (result == NGTCP2_PATH_VALIDATION_RESULT_FAILURE)
		c->invalidated++;
	return 0;
}

static int stateless_reset_cb(ngtcp2_conn *conn, const ngtcp2_pkt_stateless_reset *sr, void *user)
{
	struct xq_conn *c = user;

	c->resets++;
	return 0;
}

void xq_callbacks(ngtcp2_callbacks *cb)
{
	memset(cb, 0, sizeof(*cb));
	cb->recv_crypto_data = ngtcp2_crypto_recv_crypto_data_cb;
	cb->encrypt = ngtcp2_crypto_encrypt_cb;
	cb->decrypt = ngtcp2_crypto_decrypt_cb;
	cb->hp_mask = ngtcp2_crypto_hp_mask_cb;
	cb->update_key = ngtcp2_crypto_update_key_cb;
	cb->delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb;
	cb->delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb;
	cb->get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb;
	cb->version_negotiation = ngtcp2_crypto_version_negotiation_cb;
	cb->rand = rand_cb;
	cb->recv_stream_data = recv_stream_data_cb;
	cb->acked_stream_data_offset = acked_cb;
	cb->extend_max_stream_data = extend_stream_cb;
	cb->extend_max_remote_streams_bidi = more_streams_cb;
	cb->recv_tx_key = tx_key_cb;
	cb->stream_close = stream_close_cb;
	cb->path_validation = path_validation_cb;
	cb->recv_stateless_reset = stateless_reset_cb;
}

/* ---- end ---- */

static void over(struct xq_conn *c, int err)
{
	if (c->over)
		return;
	c->over = true;
	ev_timer_stop(c->loop, &c->timer);
	if (err && !c->error[0])
		snprintf(c->error, sizeof(c->error), "%s", ngtcp2_strerror(err));
	c->ops->closed(c, err);
}

static void write_close(struct xq_conn *c, const ngtcp2_connection_close_error *why)
{
	uint8_t buf[XQ_PACKET];
	ngtcp2_path_storage ps;
	ngtcp2_ssize n;

	if (ngtcp2_conn_is_in_closing_period(c->conn) || ngtcp2_conn_is_in_draining_period(c->conn))
		return;
	ngtcp2_path_storage_zero(&ps);
	n = ngtcp2_conn_write_connection_close(c->conn, &ps.path, NULL, buf, sizeof(buf), why,
					       xq_now());
	if (n > 0)
		c->ops->send(c, &ps.path, buf, n);
}

/* err: of ngtcp2. The peer gets a CONNECTION_CLOSE where the RFC wants one. */
static void fail(struct xq_conn *c, int err)
{
	ngtcp2_connection_close_error why;

	ngtcp2_connection_close_error_default(&why);
	switch (err) {
	case NGTCP2_ERR_DRAINING:
		/* Zero, and HTTP/3's no error: just the end. */
		ngtcp2_conn_get_connection_close_error(c->conn, &why);
		if (c->resets)
			snprintf(c->error, sizeof(c->error), "stateless reset");
		else if (why.error_code && why.error_code != 0x100)
			snprintf(c->error, sizeof(c->error), "closed by the peer: code 0x%llx %.*s",
				 (unsigned long long)why.error_code,
				 why.reasonlen < 64 ? (int)why.reasonlen : 64,
				 why.reason ? (char *)why.reason : "");
		else
			err = 0;
		break;
	case NGTCP2_ERR_DROP_CONN:
	case NGTCP2_ERR_IDLE_CLOSE:
	case NGTCP2_ERR_HANDSHAKE_TIMEOUT:
	case NGTCP2_ERR_RETRY:
	case NGTCP2_ERR_RECV_VERSION_NEGOTIATION:
		break;
	case NGTCP2_ERR_CRYPTO:
		ngtcp2_connection_close_error_set_transport_error_tls_alert(
			&why, ngtcp2_conn_get_tls_alert(c->conn), NULL, 0);
		write_close(c, &why);
		break;
	default:
		ngtcp2_connection_close_error_set_transport_error_liberr(&why, err, NULL, 0);
		write_close(c, &why);
	}
	over(c, err);
}

void xq_conn_close(struct xq_conn *c, uint64_t app_error)
{
	ngtcp2_connection_close_error why;

	if (c->over)
		return;
	ngtcp2_connection_close_error_default(&why);
	ngtcp2_connection_close_error_set_application_error(&why, app_error, NULL, 0);
	write_close(c, &why);
	over(c, 0);
}

/* ---- reading ---- */

void xq_conn_busy(struct xq_conn *c, bool busy)
{
	if (busy && !c->busy)
		c->last_rx = xq_now();
	c->busy = busy;
}

uint64_t xq_conn_waiting(const struct xq_conn *c, uint64_t now)
{
	return c->busy && now > c->last_rx ? now - c->last_rx : 0;
}

void xq_conn_note_gap(struct xq_conn *c, uint64_t now)
{
	uint64_t gap = xq_conn_waiting(c, now);

	if (gap > c->longest_gap)
		c->longest_gap = gap;
}

bool xq_conn_read(struct xq_conn *c, const ngtcp2_path *path, const uint8_t *data, size_t len,
		  uint64_t now)
{
	ngtcp2_pkt_info info = { 0 };
	int rc;

	if (c->over)
		return false;
	c->packets_in++;
	xq_conn_note_gap(c, now);
	c->last_rx = now;
	rc = ngtcp2_conn_read_pkt(c->conn, path, &info, data, len, now);
	if (!rc)
		return true;
	fail(c, rc);
	return false;
}

/* ---- writing ---- */

/* The next stream, in turn, that has something to send. */
static struct xq_stream *pick(struct xq_conn *c, uint64_t now, ngtcp2_vec *vec, int *n, bool *fin)
{
	struct xq_stream *s = c->turn ? c->turn : c->streams, *first = s;

	while (s) {
		if (s->id >= 0 && !s->blocked && !s->dead) {
			*n = xq_out_next(&s->out, now, vec, fin);
			if (*n >= 0) {
				c->turn = s->next;
				return s;
			}
		}
		s = s->next ? s->next : c->streams;
		if (s == first)
			break;
	}
	return NULL;
}

static void note_sent(struct xq_stream *s, const ngtcp2_vec *vec, int n, ngtcp2_ssize len, bool fin)
{
	const struct xq_ops *ops = s->c->ops;
	uint64_t body = xq_out_body(&s->out);
	size_t all = 0;

	for (int i = 0; i < n; i++)
		all += vec[i].len;
	s->out.sent += len;
	if (ops->on_octets)
		ops->on_octets(s->c, 0, xq_out_body(&s->out) - body, false);
	if (fin && (size_t)len == all)
		s->out.fin_sent = true;
}

/*
 * One packet into buf: octets written, 0 if nothing may go now, or an error.
 * WRITE_FLAG_MORE lets ngtcp2 ask for more until the packet is full.
 */
static ngtcp2_ssize write_packet(struct xq_conn *c, ngtcp2_path *path, uint8_t *buf, size_t size,
				 uint64_t now)
{
	ngtcp2_vec vec[8];
	struct xq_stream *s;
	ngtcp2_ssize n, len;
	uint32_t flags;
	int64_t id;
	bool fin;
	int nvec;

	for (;;) {
		s = NULL;
		id = -1;
		nvec = 0;
		fin = false;
		if (c->app) {
			nvec = c->app->next(c, &id, vec, 8, &fin);
			if (nvec < 0)
				return NGTCP2_ERR_CALLBACK_FAILURE;
		} else {
			s = pick(c, now, vec, &nvec, &fin);
			id = s ? s->id : -1;
		}
		flags = id >= 0 ? NGTCP2_WRITE_STREAM_FLAG_MORE : 0;
		if (fin)
			flags |= NGTCP2_WRITE_STREAM_FLAG_FIN;
		n = ngtcp2_conn_writev_stream(c->conn, path, NULL, buf, size, &len, flags, id, vec,
					      id >= 0 ? nvec : 0, now);
		if (id >= 0 && len >= 0) {
			if (s)
				note_sent(s, vec, nvec, len, fin);
			else
				c->app->wrote(c, id, len);
		}
		switch (n) {
		case NGTCP2_ERR_WRITE_MORE:
			continue;
		case NGTCP2_ERR_STREAM_DATA_BLOCKED:
			if (s)
				s->blocked = true;
			else
				c->app->blocked(c, id);
			continue;
		case NGTCP2_ERR_STREAM_SHUT_WR:
		case NGTCP2_ERR_STREAM_NOT_FOUND:
			if (s)
				s->dead = true;
			else
				c->app->shut(c, id);
			continue;
		}
		return n;
	}
}

static void arm(struct xq_conn *c, uint64_t now)
{
	uint64_t expiry = ngtcp2_conn_get_expiry(c->conn), when;
	struct xq_stream *s;

	for (s = c->streams; s; s = s->next) {
		if (s->id < 0 || s->blocked || s->dead)
			continue;
		when = xq_out_when(&s->out, now);
		if (when < expiry)
			expiry = when;
	}
	ev_timer_stop(c->loop, &c->timer);
	if (expiry == UINT64_MAX)
		return;
	ev_timer_set(&c->timer, expiry > now ? (expiry - now) / (double)XQ_SECOND : 0, 0);
	ev_timer_start(c->loop, &c->timer);
}

bool xq_conn_write(struct xq_conn *c)
{
	ngtcp2_path_storage ps;
	uint8_t buf[XQ_PACKET];
	size_t most, sent = 0;
	ngtcp2_ssize n;
	uint64_t now;

	if (c->over)
		return false;
	if (ngtcp2_conn_is_in_closing_period(c->conn) || ngtcp2_conn_is_in_draining_period(c->conn))
		return true;
	now = xq_now();
	/*
	 * A stream may have been blocked by the connection's own limit, and no
	 * callback comes when that is raised: all are tried again.
	 */
	for (struct xq_stream *s = c->streams; s; s = s->next)
		s->blocked = false;
	ngtcp2_path_storage_zero(&ps);
	most = ngtcp2_conn_get_send_quantum(c->conn) /
		ngtcp2_conn_get_path_max_tx_udp_payload_size(c->conn);
	if (!most)
		most = 1;
	while (sent < most) {
		n = write_packet(c, &ps.path, buf, sizeof(buf), now);
		if (n < 0) {
			fail(c, n);
			return false;
		}
		if (!n)
			break;
		c->packets_out++;
		c->ops->send(c, &ps.path, buf, n);
		sent++;
	}
	/* Paces what comes next by what went out. */
	ngtcp2_conn_update_pkt_tx_time(c->conn, now);
	arm(c, now);
	return true;
}

static void timer_cb(struct ev_loop *loop, ev_timer *w, int events)
{
	struct xq_conn *c = w->data;
	uint64_t now = xq_now();
	int rc;

	if (ngtcp2_conn_get_expiry(c->conn) <= now) {
		rc = ngtcp2_conn_handle_expiry(c->conn, now);
		if (rc) {
			fail(c, rc);
			return;
		}
	}
	xq_conn_write(c);
}

void xq_conn_start(struct xq_conn *c, struct ev_loop *loop, const struct xq_ops *ops)
{
	c->loop = loop;
	c->ops = ops;
	c->ref.get_conn = get_conn;
	c->ref.user_data = c;
	ev_init(&c->timer, timer_cb);
	c->timer.data = c;
}

void xq_conn_free(struct xq_conn *c)
{
	ev_timer_stop(c->loop, &c->timer);
	if (c->app)
		c->app->free(c);
	while (c->streams)
		stream_free(c, c->streams);
	ngtcp2_conn_del(c->conn);
	if (c->tls)
		gnutls_deinit(c->tls);
	c->conn = NULL;
	c->tls = NULL;
}
