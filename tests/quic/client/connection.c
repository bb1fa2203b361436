// SPDX-License-Identifier: GPL-2.0-only
/* A connection's life: how it begins, what its handshake brings, how it ends. */
#include "client.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>

#define CID_LEN 8

/* Waiting in vain until the end is a gap, too. */
void conn_ended(struct conn *c)
{
	c->ended = xq_now();
	xq_conn_note_gap(&c->q, c->ended);
}

static void closed_op(struct xq_conn *q, int err)
{
	struct conn *c = (struct conn *)q;

	conn_ended(c);
	c->version = ngtcp2_conn_get_negotiated_version(q->conn);
	if (err || c->left || q->error[0])
		add_error(c, q->error[0] ? q->error : "over before its end");
	if (c->other_server)
		add_error(c, "answers from two servers");
	ev_timer_stop(run.loop, &c->event_timer);
	for (int i = 0; i < MAX_SOCKETS; i++)
		endpoint_close(&c->ep[i]);
	xq_conn_free(q);
	run.running--;
	run.done++;
	if (conn_ok(c))
		run.done_ok++;
	if (opt.spread <= 0)
		conn_start_next();
	if (!run.running && run.next_conn == opt.connections)
		ev_break(run.loop, EVBREAK_ALL);
}

static int handshake_completed_cb(ngtcp2_conn *conn, void *user)
{
	struct conn *c = user;

	c->handshake = true;
	if (c->resumed && opt.early) {
		c->early_ok = gnutls_session_get_flags(c->q.tls) & GNUTLS_SFLAGS_EARLY_DATA;
		if (!c->early_ok && ngtcp2_conn_early_data_rejected(conn))
			return NGTCP2_ERR_CALLBACK_FAILURE;
	}
	open_streams(c);
	return 0;
}

static int early_data_rejected_cb(ngtcp2_conn *conn, void *user)
{
	struct conn *c = user;

	for (struct xq_stream *s = c->q.streams; s; s = s->next)
		stream_prepare(s);
	return 0;
}

static int confirmed_cb(ngtcp2_conn *conn, void *user)
{
	struct conn *c = user;

	c->confirmed = true;
	c->confirmed_at = xq_now();
	c->next_cid_at = c->confirmed_at + opt.use_cids * XQ_MS;
	event_arm(c);
	return 0;
}

static int more_streams_cb(ngtcp2_conn *conn, uint64_t max, void *user)
{
	open_streams(user);
	return 0;
}

static int new_cid_cb(ngtcp2_conn *conn, ngtcp2_cid *cid, uint8_t *token, size_t len, void *user)
{
	cid->datalen = len;
	xq_random(cid->data, len);
	xq_random(token, NGTCP2_STATELESS_RESET_TOKENLEN);
	return 0;
}

static int retry_cb(ngtcp2_conn *conn, const ngtcp2_pkt_hd *hd, void *user)
{
	struct conn *c = user;

	c->retried = true;
	return ngtcp2_crypto_recv_retry_cb(conn, hd, user);
}

static void save(const char *file, const void *data, size_t len)
{
	FILE *f = fopen(file, "w");

	if (!f || fwrite(data, 1, len, f) != len)
		xq_die("%s: %s", file, strerror(errno));
	fclose(f);
}

/* A ticket came: keep it, and the server's limits, for 0-RTT another day. */
static int ticket_hook(gnutls_session_t tls, unsigned int type, unsigned when,
		       unsigned int incoming, const gnutls_datum_t *msg)
{
	ngtcp2_crypto_conn_ref *ref = gnutls_session_get_ptr(tls);
	struct conn *c = ref->user_data;
	const ngtcp2_transport_params *params;
	gnutls_datum_t data;
	uint8_t buf[512];
	ngtcp2_ssize n;

	if (!opt.session || type != GNUTLS_HANDSHAKE_NEW_SESSION_TICKET ||
	    gnutls_session_get_data2(tls, &data))
		return 0;
	save(opt.session, data.data, data.size);
	gnutls_free(data.data);
	params = ngtcp2_conn_get_remote_transport_params(c->q.conn);
	n = ngtcp2_encode_transport_params(
		buf, sizeof(buf), NGTCP2_TRANSPORT_PARAMS_TYPE_ENCRYPTED_EXTENSIONS, params);
	if (n > 0)
		save(opt.params, buf, n);
	c->has_ticket = true;
	return 0;
}

static void early_start(struct conn *c)
{
	ngtcp2_transport_params params;
	gnutls_datum_t data;

	if (gnutls_load_file(opt.params, &data))
		return;
	if (!ngtcp2_decode_transport_params(&params,
					    NGTCP2_TRANSPORT_PARAMS_TYPE_ENCRYPTED_EXTENSIONS,
					    data.data, data.size)) {
		ngtcp2_conn_set_early_remote_transport_params(c->q.conn, &params);
		open_streams(c);
	}
	gnutls_free(data.data);
}

static const struct xq_ops ops = {
	.send = send_op,
	.closed = closed_op,
	.on_head = head_op,
	.on_stream_end = stream_end_op,
};

static void client_callbacks(ngtcp2_callbacks *cb)
{
	xq_callbacks(cb);
	cb->client_initial = ngtcp2_crypto_client_initial_cb;
	cb->recv_retry = retry_cb;
	cb->get_new_connection_id = new_cid_cb;
	cb->handshake_completed = handshake_completed_cb;
	cb->handshake_confirmed = confirmed_cb;
	cb->extend_max_local_streams_bidi = more_streams_cb;
	cb->early_data_rejected = early_data_rejected_cb;
}

static void client_settings(ngtcp2_settings *s)
{
	xq_settings(s);
	s->no_pmtud = opt.no_pmtud;
	if (opt.v2) {
		s->other_versions = xq_versions;
		s->other_versionslen = XQ_VERSIONS;
		s->preferred_versions = xq_versions;
		s->preferred_versionslen = XQ_VERSIONS;
	}
}

static void client_params(ngtcp2_transport_params *p)
{
	xq_params(p, opt.idle);
	p->initial_max_streams_uni = 3;
	p->active_connection_id_limit = opt.cid_limit;
}

static void conn_new(struct conn *c)
{
	ngtcp2_cid dcid = { .datalen = 18 }, scid = { .datalen = CID_LEN };
	ngtcp2_transport_params params;
	ngtcp2_settings settings;
	ngtcp2_callbacks cb;
	ngtcp2_path path;

	xq_random(dcid.data, dcid.datalen);
	xq_random(scid.data, scid.datalen);
	client_callbacks(&cb);
	client_settings(&settings);
	client_params(&params);
	xq_path(&path, &c->ep[0].inner, &opt.server);

	xq_conn_start(&c->q, run.loop, &ops);
	ev_init(&c->event_timer, event_cb);
	c->event_timer.data = c;
	c->began = xq_now();
	c->q.tls = xq_tls_client(&c->q.ref, opt.session, &c->resumed);
	if (!c->q.tls ||
	    ngtcp2_conn_client_new(&c->q.conn, &dcid, &scid, &path, opt.version, &cb, &settings,
				   &params, NULL, c))
		xq_die("out of memory");
	if (opt.session)
		gnutls_handshake_set_hook_function(c->q.tls, GNUTLS_HANDSHAKE_NEW_SESSION_TICKET,
						   GNUTLS_HOOK_POST, ticket_hook);
	ngtcp2_conn_set_tls_native_handle(c->q.conn, c->q.tls);
	if (opt.keepalive)
		ngtcp2_conn_set_keep_alive_timeout(c->q.conn, opt.keepalive * XQ_MS);
}

static void conn_start(struct conn *c)
{
	struct xq_stream *s;
	int rc, index;

	for (int i = 0; i < MAX_SOCKETS; i++)
		c->ep[i].fd = -1;
	rc = endpoint_open(c, opt.local, &index);

	if (rc)
		xq_die("%s: %s", opt.local, strerror(-rc));
	c->started = true;
	run.running++;
	conn_new(c);
	for (uint64_t i = 0; i < opt.streams; i++) {
		s = xq_stream_new(&c->q, -1);
		if (!s)
			xq_die("out of memory");
		stream_prepare(s);
	}
	c->left = opt.streams;
	xq_conn_busy(&c->q, true);
	if (c->resumed && opt.early)
		early_start(c);
	xq_conn_write(&c->q);
}

void conn_start_one(void)
{
	if (run.next_conn < opt.connections)
		conn_start(&run.conns[run.next_conn++]);
}

void conn_start_next(void)
{
	while (run.next_conn < opt.connections && run.running < opt.parallel)
		conn_start_one();
}
