// SPDX-License-Identifier: GPL-2.0-only
/*
 * A QUIC client that moves: it uploads and downloads verified octets while it
 * changes its address, its NAT's port or its connection ID, and prints what
 * it saw as one JSON object. Exit 0 only if all that was asked came true.
 */
#include "lib/quic.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>

#define MAX_EVENTS  64
#define MAX_SOCKETS 32
#define RECORDS     64
#define CID_LEN     8

enum event_kind { MIGRATE, PROBE, REBIND };

struct event {
	enum event_kind kind;
	uint64_t at;    /* ns after the handshake is confirmed */
	const char *to; /* NULL: same address, new port */
};

static struct {
	const char *local, *session, *params;
	union xq_addr server;
	uint64_t upload, download, rate, streams, connections, parallel;
	uint64_t use_cids, keepalive, timeout, idle, hold, cid_limit, progress;
	double seconds, spread;
	bool early, v2, no_pmtud;
	uint32_t version;
	struct event events[MAX_EVENTS];
	int n_events;
} opt = {
	.local = NULL,
	.streams = 1,
	.connections = 1,
	.idle = 30,
	.timeout = 60,
	.cid_limit = 7,
	.version = NGTCP2_PROTO_VER_V1,
};

/*
 * One end of a path. ngtcp2 knows it by "inner"; a NAT rebinding changes the
 * socket behind that and ngtcp2 sees nothing of it.
 */
struct endpoint {
	ev_io io;
	struct conn *c;
	int fd;
	char where[64];
	union xq_addr inner;
};

struct conn {
	struct xq_conn q; /* first: the callbacks get it */
	bool started, handshake, confirmed, resumed, early_ok, retried;
	bool finished;
	struct endpoint ep[MAX_SOCKETS];
	int current;
	ev_timer event_timer;
	int next_event;
	uint64_t began, confirmed_at, ended, next_cid_at;
	uint64_t migrations, rebinds, blocked;
	uint64_t up, down; /* octets verified */
	uint64_t left;     /* streams not done */
	uint32_t version;
	char server[64];
	bool other_server; /* two streams, two servers */
};

static struct ev_loop *loop;
static struct conn *conns;
static uint64_t next_conn, running, done_ok, done;
static uint64_t old_fds_count;
static int old_fds[4096];
static json_t *errors;
static bool timed_out;

static void conn_start_next(void);
static void maybe_finish(struct conn *c);

static void complain(struct conn *c, const char *what)
{
	char line[256];

	snprintf(line, sizeof(line), "connection %ld: %s", (long)(c - conns), what);
	if (json_array_size(errors) < RECORDS)
		json_array_append_new(errors, json_string(line));
}

/* ---- progress: a JSON object a line, for whoever watches ---- */

static uint64_t start_time;

static void tell(json_t *o)
{
	double at = (double)(xq_now() - start_time) / XQ_SECOND;

	json_object_set_new(o, "at", json_real(at));
	if (opt.progress) {
		json_dumpf(o, stderr, JSON_COMPACT | JSON_REAL_PRECISION(6));
		fputc('\n', stderr);
	}
	json_decref(o);
}

static void tell_event(const struct conn *c, const char *what, const char *to)
{
	tell(json_pack("{ss sI ss}", "event", what, "connection", (json_int_t)(c - conns), "to",
		       to));
}

static void progress_cb(struct ev_loop *l, ev_timer *w, int events)
{
	uint64_t up = 0, down = 0, in = 0, gap = 0, wait = 0, now = xq_now();
	uint64_t lost = 0;

	for (uint64_t i = 0; i < next_conn; i++) {
		const struct conn *c = &conns[i];

		if (c->q.over) {
			up += c->up;
			down += c->down;
		}
		for (struct xq_stream *s = c->q.streams; s; s = s->next) {
			up += s->out.sent;
			down += s->in.got;
		}
		in += c->q.packets_in;
		lost += c->q.lost;
		if (c->q.longest_gap > gap)
			gap = c->q.longest_gap;
		if (!c->q.over && c->q.busy && now - c->q.last_rx > wait)
			wait = now - c->q.last_rx;
	}
	tell(json_pack("{sI sI sI sI sI sI sf sf}", "up", (json_int_t)up, "down", (json_int_t)down,
		       "packets_in", (json_int_t)in, "lost", (json_int_t)lost, "running",
		       (json_int_t)running, "done", (json_int_t)done, "longest_gap_ms",
		       (double)gap / XQ_MS, "waiting_ms", (double)wait / XQ_MS));
}

/* ---- sockets ---- */

static void readable_cb(struct ev_loop *l, ev_io *w, int events)
{
	static struct xq_batch b;
	struct endpoint *ep = w->data;
	struct conn *c = ep->c;
	ngtcp2_path path;
	uint64_t now;

	for (int turn = 0; turn < 4 && xq_recv(ep->fd, &b); turn++) {
		now = xq_now();
		for (int i = 0; i < b.n; i++) {
			if (!xq_addr_eq(&b.pkt[i].from, &opt.server))
				continue;
			xq_path(&path, &ep->inner, &opt.server);
			if (!xq_conn_read(&c->q, &path, b.pkt[i].data, b.pkt[i].len, now))
				return;
		}
		if (!xq_conn_write(&c->q))
			return;
	}
	maybe_finish(c);
}

static void send_op(struct xq_conn *q, const ngtcp2_path *path, const uint8_t *data, size_t len)
{
	struct conn *c = (struct conn *)q;

	for (int i = 0; i < MAX_SOCKETS; i++) {
		if (c->ep[i].fd < 0 ||
		    !xq_addr_eq(&c->ep[i].inner, (union xq_addr *)path->local.addr))
			continue;
		xq_send(c->ep[i].fd, &opt.server, data, len);
		return;
	}
}

static void endpoint_close(struct endpoint *ep)
{
	if (ep->fd < 0)
		return;
	ev_io_stop(loop, &ep->io);
	close(ep->fd);
	ep->fd = -1;
}

/* A free place, or that of the path used longest ago. */
static struct endpoint *endpoint_slot(struct conn *c)
{
	struct endpoint *ep;

	for (int i = 0; i < MAX_SOCKETS; i++)
		if (c->ep[i].fd < 0)
			return &c->ep[i];
	ep = &c->ep[(c->current + 1) % MAX_SOCKETS];
	endpoint_close(ep);
	return ep;
}

static int endpoint_open(struct conn *c, const char *where, int *index)
{
	union xq_addr inner;
	struct endpoint *ep;
	int fd = xq_socket(where, 0, &inner);

	if (fd < 0)
		return fd;
	ep = endpoint_slot(c);
	ep->c = c;
	ep->fd = fd;
	ep->inner = inner;
	snprintf(ep->where, sizeof(ep->where), "%s", where);
	ev_io_init(&ep->io, readable_cb, ep->fd, EV_READ);
	ep->io.data = ep;
	ev_io_start(loop, &ep->io);
	*index = ep - c->ep;
	return 0;
}

/*
 * The NAT forgot us: another port from now on. The old socket stays open and
 * unread, for a NAT drops in silence where a closed port would answer.
 */
static int rebind(struct conn *c)
{
	struct endpoint *ep = &c->ep[c->current];
	union xq_addr bound;
	char text[64];
	int fd = xq_socket(ep->where, 0, &bound);

	if (fd < 0)
		return fd;
	ev_io_stop(loop, &ep->io);
	if (old_fds_count < 4096)
		old_fds[old_fds_count++] = ep->fd;
	else
		close(ep->fd);
	ep->fd = fd;
	ev_io_set(&ep->io, fd, EV_READ);
	ev_io_start(loop, &ep->io);
	c->rebinds++;
	tell_event(c, "rebind", xq_addr_text(&bound, text));
	return 0;
}

static int migrate(struct conn *c, const char *to, bool probe)
{
	struct endpoint *ep;
	ngtcp2_path path;
	char text[64];
	int rc, index;

	rc = endpoint_open(c, to ? to : c->ep[c->current].where, &index);
	if (rc)
		return rc;
	ep = &c->ep[index];
	xq_path(&path, &ep->inner, &opt.server);
	if (probe)
		rc = ngtcp2_conn_initiate_migration(c->q.conn, &path, xq_now());
	else
		rc = ngtcp2_conn_initiate_immediate_migration(c->q.conn, &path, xq_now());
	if (rc) {
		endpoint_close(ep);
		return rc;
	}
	c->current = index;
	c->migrations++;
	tell_event(c, probe ? "probe" : "migration", xq_addr_text(&ep->inner, text));
	return 0;
}

/* ---- what happens at which time ---- */

static void event_arm(struct conn *c);

static void event_fail(struct conn *c, const char *what, int rc)
{
	char line[128];

	snprintf(line, sizeof(line), "%s: %s", what,
		 rc <= NGTCP2_ERR_INVALID_ARGUMENT ? ngtcp2_strerror(rc) : strerror(-rc));
	complain(c, line);
}

/* True: done, or it never will be. */
static bool event_run(struct conn *c, const struct event *e)
{
	int rc = e->kind == REBIND ? rebind(c) : migrate(c, e->to, e->kind == PROBE);

	/* The server's spare CIDs are used up until it sends new ones. */
	if (rc == NGTCP2_ERR_CONN_ID_BLOCKED) {
		c->blocked++;
		return false;
	}
	if (rc)
		event_fail(c, e->kind == REBIND ? "rebinding" : "migration", rc);
	return true;
}

static void event_cb(struct ev_loop *l, ev_timer *w, int revents)
{
	static const struct event next_cid = { .kind = MIGRATE };
	struct conn *c = w->data;
	uint64_t now = xq_now();

	if (c->q.over)
		return;
	while (c->next_event < opt.n_events &&
	       c->confirmed_at + opt.events[c->next_event].at <= now) {
		if (!event_run(c, &opt.events[c->next_event])) {
			ev_timer_set(w, 0.01, 0);
			ev_timer_start(l, w);
			return;
		}
		c->next_event++;
	}
	if (opt.use_cids && c->next_cid_at <= now && event_run(c, &next_cid))
		c->next_cid_at = now + opt.use_cids * XQ_MS;
	xq_conn_write(&c->q);
	event_arm(c);
	maybe_finish(c);
}

static void event_arm(struct conn *c)
{
	uint64_t at = UINT64_MAX, now = xq_now();

	if (c->q.over || !c->confirmed)
		return;
	if (c->next_event < opt.n_events)
		at = c->confirmed_at + opt.events[c->next_event].at;
	if (opt.use_cids && c->next_cid_at < at)
		at = c->next_cid_at;
	if (opt.hold && c->confirmed_at + opt.hold * XQ_MS > now &&
	    c->confirmed_at + opt.hold * XQ_MS < at)
		at = c->confirmed_at + opt.hold * XQ_MS;
	if (at == UINT64_MAX)
		return;
	ev_timer_stop(loop, &c->event_timer);
	ev_timer_set(&c->event_timer, at > now ? (double)(at - now) / XQ_SECOND : 0.01, 0);
	ev_timer_start(loop, &c->event_timer);
}

/* ---- streams ---- */

static void stream_prepare(struct xq_stream *s)
{
	uint64_t seed;

	memset(&s->out, 0, sizeof(s->out));
	memset(&s->in, 0, sizeof(s->in));
	xq_random(&seed, sizeof(seed));
	s->blocked = s->dead = s->done = false;
	s->out.seed = seed;
	s->out.body = opt.upload;
	s->out.rate = opt.rate;
	s->out.head_len = snprintf(s->out.head, sizeof(s->out.head),
				   "XR1 seed=%016llx up=%llu down=%llu rate=%llu\n",
				   (unsigned long long)seed, (unsigned long long)opt.upload,
				   (unsigned long long)opt.download, (unsigned long long)opt.rate);
	s->in.seed = ~seed;
	s->in.body = opt.download;
	s->id = -1;
}

static void open_streams(struct conn *c)
{
	for (struct xq_stream *s = c->q.streams; s; s = s->next) {
		if (s->id >= 0)
			continue;
		if (ngtcp2_conn_open_bidi_stream(c->q.conn, &s->id, s)) {
			s->id = -1;
			break;
		}
	}
}

static int head_op(struct xq_stream *s, char *line)
{
	struct conn *c = (struct conn *)s->c;
	char name[64];

	if (sscanf(line, "XR1 name=%63s", name) != 1)
		return -1;
	if (c->server[0] && strcmp(c->server, name))
		c->other_server = true;
	snprintf(c->server, sizeof(c->server), "%s", name);
	return 0;
}

static void stream_end_op(struct xq_stream *s)
{
	struct conn *c = (struct conn *)s->c;
	unsigned long long up, hash;
	int bad;

	c->left--;
	if (s->in.bad || s->in.got != s->in.body)
		complain(c, "download: octets wrong or missing");
	else
		c->down += s->in.got;
	if (sscanf(s->in.line, "up=%llu hash=%llx bad=%d", &up, &hash, &bad) != 3 || bad ||
	    up != opt.upload)
		complain(c, "upload: octets wrong or missing");
	else
		c->up += up;
	if (!c->left)
		xq_conn_busy(&c->q, false);
}

/* ---- the connection's life ---- */

static json_t *record(const struct conn *c)
{
	return json_pack("{ss sb sb sI sI sI sI sI sI sI sf sI sI sf sI ss}", "server", c->server,
			 "handshake", (int)c->handshake, "early", (int)c->early_ok, "up",
			 (json_int_t)c->up, "down", (json_int_t)c->down, "migrations",
			 (json_int_t)c->migrations, "rebinds", (json_int_t)c->rebinds, "packets_in",
			 (json_int_t)c->q.packets_in, "packets_out", (json_int_t)c->q.packets_out,
			 "lost", (json_int_t)c->q.lost, "longest_gap_ms",
			 (double)c->q.longest_gap / XQ_MS, "validated", (json_int_t)c->q.validated,
			 "invalidated", (json_int_t)c->q.invalidated, "seconds",
			 (double)(c->ended - c->began) / XQ_SECOND, "resets",
			 (json_int_t)c->q.resets, "error", c->q.error);
}

static bool conn_ok(const struct conn *c)
{
	return c->handshake && !c->left && !c->q.error[0] && !c->other_server &&
		c->up == opt.upload * opt.streams && c->down == opt.download * opt.streams;
}

/* Waiting in vain until the end is a gap, too. */
static void conn_ended(struct conn *c)
{
	struct xq_conn *q = &c->q;

	c->ended = xq_now();
	if (q->busy && c->ended - q->last_rx > q->longest_gap)
		q->longest_gap = c->ended - q->last_rx;
}

static void closed_op(struct xq_conn *q, int err)
{
	struct conn *c = (struct conn *)q;

	conn_ended(c);
	c->version = ngtcp2_conn_get_negotiated_version(q->conn);
	if (err || c->left || q->error[0])
		complain(c, q->error[0] ? q->error : "over before its end");
	if (c->other_server)
		complain(c, "answers from two servers");
	ev_timer_stop(loop, &c->event_timer);
	for (int i = 0; i < MAX_SOCKETS; i++)
		endpoint_close(&c->ep[i]);
	xq_conn_free(q);
	running--;
	done++;
	if (conn_ok(c))
		done_ok++;
	if (opt.spread <= 0)
		conn_start_next();
	if (!running && next_conn == opt.connections)
		ev_break(loop, EVBREAK_ALL);
}

/* Everything verified and every event past: close, outside of callbacks. */
static void maybe_finish(struct conn *c)
{
	if (c->q.over || c->left || !c->confirmed)
		return;
	if (c->next_event < opt.n_events)
		return;
	if (opt.hold && xq_now() < c->confirmed_at + opt.hold * XQ_MS)
		return;
	if (opt.session && !c->finished)
		return; /* the ticket is still to come */
	xq_conn_close(&c->q, 0);
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
	c->finished = true;
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

	xq_conn_start(&c->q, loop, &ops);
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
	running++;
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

static void conn_start_next(void)
{
	while (next_conn < opt.connections && running < opt.parallel)
		conn_start(&conns[next_conn++]);
}

/* Connections started one by one, opt.spread seconds apart. */
static void spread_cb(struct ev_loop *l, ev_timer *w, int events)
{
	if (next_conn < opt.connections)
		conn_start(&conns[next_conn++]);
	if (next_conn == opt.connections)
		ev_timer_stop(l, w);
}

static void timeout_cb(struct ev_loop *l, ev_timer *w, int events)
{
	timed_out = true;
	ev_break(l, EVBREAK_ALL);
}

static void stop_cb(struct ev_loop *l, ev_signal *w, int events)
{
	timed_out = true;
	ev_break(l, EVBREAK_ALL);
}

/* ---- report ---- */

/* All connections together. */
struct totals {
	uint64_t up, down, migrations, rebinds, lost, in, out, gap, valid;
	uint64_t invalid, resets, handshakes, early, retried, resumed, blocked;
	uint64_t first, last;
};

static void add_to(struct totals *t, const struct conn *c)
{
	t->up += c->up;
	t->down += c->down;
	t->migrations += c->migrations;
	t->rebinds += c->rebinds;
	t->blocked += c->blocked;
	t->lost += c->q.lost;
	t->in += c->q.packets_in;
	t->out += c->q.packets_out;
	t->valid += c->q.validated;
	t->invalid += c->q.invalidated;
	t->resets += c->q.resets;
	t->handshakes += c->handshake;
	t->early += c->early_ok;
	t->retried += c->retried;
	t->resumed += c->resumed;
	if (c->q.longest_gap > t->gap)
		t->gap = c->q.longest_gap;
	if (c->began < t->first)
		t->first = c->began;
	if (c->ended > t->last)
		t->last = c->ended;
}

static void count_server(json_t *servers, const char *name)
{
	json_int_t n = json_integer_value(json_object_get(servers, name));

	json_object_set_new(servers, name, json_integer(n + 1));
}

static bool report(void)
{
	json_t *o, *servers = json_object(), *list = json_array();
	struct totals t = { .first = UINT64_MAX };
	char version[16];
	bool ok;

	for (uint64_t i = 0; i < opt.connections; i++) {
		const struct conn *c = &conns[i];

		if (!c->started)
			continue;
		add_to(&t, c);
		if (c->server[0])
			count_server(servers, c->server);
		if (json_array_size(list) < RECORDS)
			json_array_append_new(list, record(c));
	}
	ok = done_ok == opt.connections && !timed_out && !json_array_size(errors);
	snprintf(version, sizeof(version), "0x%08x", conns[0].version);
	o = json_pack("{sb sI sI sI sI sI sI sI so ss sI sI sI sI sI sI sI sI "
		      "sI sI sf sf sb so so}",
		      "ok", (int)ok, "connections", (json_int_t)opt.connections, "verified",
		      (json_int_t)done_ok, "handshakes", (json_int_t)t.handshakes, "resumed",
		      (json_int_t)t.resumed, "early", (json_int_t)t.early, "retried",
		      (json_int_t)t.retried, "streams", (json_int_t)(opt.streams * opt.connections),
		      "servers", servers, "version", version, "up", (json_int_t)t.up, "down",
		      (json_int_t)t.down, "migrations", (json_int_t)t.migrations,
		      "migrations_waited", (json_int_t)t.blocked, "rebinds", (json_int_t)t.rebinds,
		      "validated", (json_int_t)t.valid, "invalidated", (json_int_t)t.invalid,
		      "packets_in", (json_int_t)t.in, "packets_out", (json_int_t)t.out, "lost",
		      (json_int_t)t.lost, "longest_gap_ms", (double)t.gap / XQ_MS, "seconds",
		      t.last > t.first ? (double)(t.last - t.first) / XQ_SECOND : 0.,
		      "stateless_reset", (int)(t.resets > 0), "errors", errors, "each", list);
	json_dumpf(o, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(o);
	return ok;
}

/* ---- options ---- */

static const char usage[] =
	"xr_client [OPTIONS] ADDRESS PORT\n"
	"  --local ADDR[%DEV]    send from here\n"
	"  --upload N --download N   octets per stream (K, M, G)\n"
	"  --rate N              octets per second, per stream and direction\n"
	"  --seconds S           with --rate: as much as takes so long\n"
	"  --streams N           per connection\n"
	"  --connections N [--parallel N] [--spread SECONDS]\n"
	"  --migrate-at MS[=ADDR[%DEV]]  change the address, at once (repeatable)\n"
	"  --probe-at MS[=ADDR[%DEV]]    change it when the path is proven\n"
	"  --rebind-at MS        the NAT changes the port, QUIC does not know\n"
	"  --use-cids MS         another CID (and port) every MS\n"
	"  --cid-limit N         active_connection_id_limit (default 7)\n"
	"  --session FILE        keep the ticket there, use it if it is there\n"
	"  --0rtt                send early data, with --session\n"
	"  --v2                  start with QUIC v2\n"
	"  --negotiate           start with v1, offer v2\n"
	"  --keepalive MS --hold MS   stay that long after the handshake\n"
	"  --no-pmtud            packets of 1200 octets\n"
	"  --idle SECONDS --timeout SECONDS\n"
	"  --progress MS         JSON lines to stderr\n"
	"  --pattern N           only print N octets of pattern 0\n";

static void print_pattern(char *arg)
{
	uint64_t len = xq_number(arg, "--pattern");
	const uint8_t *piece;
	size_t n;

	for (uint64_t at = 0; at < len; at += n) {
		piece = xq_pattern(0, at, len - at, &n);
		fwrite(piece, 1, n, stdout);
	}
	exit(0);
}

static void add_event(enum event_kind kind, char *arg)
{
	char *to = strchr(arg, '=');
	struct event *e;
	int i;

	if (opt.n_events == MAX_EVENTS)
		xq_die("too many events");
	if (to)
		*to++ = '\0';
	/* In order of time, whatever the order of the options. */
	for (i = opt.n_events++; i > 0; i--) {
		if (opt.events[i - 1].at <= xq_number(arg, "event at") * XQ_MS)
			break;
		opt.events[i] = opt.events[i - 1];
	}
	e = &opt.events[i];
	e->kind = kind;
	e->at = xq_number(arg, "event at") * XQ_MS;
	e->to = to;
}

static void migrate_at(char *arg)
{
	add_event(MIGRATE, arg);
}

static void probe_at(char *arg)
{
	add_event(PROBE, arg);
}

static void rebind_at(char *arg)
{
	add_event(REBIND, arg);
}

static void start_v2(char *arg)
{
	opt.version = XQ_V2;
	opt.v2 = true;
}

static const struct xq_option options[] = { { "local", XQ_TEXT, &opt.local, NULL },
					    { "upload", XQ_NUMBER, &opt.upload, NULL },
					    { "download", XQ_NUMBER, &opt.download, NULL },
					    { "rate", XQ_NUMBER, &opt.rate, NULL },
					    { "seconds", XQ_REAL, &opt.seconds, NULL },
					    { "streams", XQ_NUMBER, &opt.streams, NULL },
					    { "connections", XQ_NUMBER, &opt.connections, NULL },
					    { "parallel", XQ_NUMBER, &opt.parallel, NULL },
					    { "spread", XQ_REAL, &opt.spread, NULL },
					    { "migrate-at", XQ_CALL_WITH, NULL, migrate_at },
					    { "probe-at", XQ_CALL_WITH, NULL, probe_at },
					    { "rebind-at", XQ_CALL_WITH, NULL, rebind_at },
					    { "use-cids", XQ_NUMBER, &opt.use_cids, NULL },
					    { "cid-limit", XQ_NUMBER, &opt.cid_limit, NULL },
					    { "session", XQ_TEXT, &opt.session, NULL },
					    { "0rtt", XQ_ON, &opt.early, NULL },
					    { "v2", XQ_CALL, NULL, start_v2 },
					    { "negotiate", XQ_ON, &opt.v2, NULL },
					    { "keepalive", XQ_NUMBER, &opt.keepalive, NULL },
					    { "hold", XQ_NUMBER, &opt.hold, NULL },
					    { "no-pmtud", XQ_ON, &opt.no_pmtud, NULL },
					    { "idle", XQ_NUMBER, &opt.idle, NULL },
					    { "timeout", XQ_NUMBER, &opt.timeout, NULL },
					    { "progress", XQ_NUMBER, &opt.progress, NULL },
					    { "pattern", XQ_CALL_WITH, NULL, print_pattern },
					    { 0 } };

static void parse(int argc, char **argv)
{
	char **words = xq_options(options, usage, argc, argv);
	static char params[4096];

	if (xq_addr_parse(&opt.server, words[0], xq_number(words[1], "port")))
		xq_die("%s: not an IPv4 or IPv6 address", words[0]);
	if (!opt.local)
		opt.local = opt.server.sa.sa_family == AF_INET ? "0.0.0.0" : "::";
	if (opt.seconds > 0) {
		if (!opt.rate)
			xq_die("--seconds needs --rate");
		if (!opt.upload && !opt.download)
			opt.upload = opt.download = opt.rate * opt.seconds;
	}
	if (!opt.parallel)
		opt.parallel = opt.spread > 0 ? 0 : opt.connections;
	if (opt.session) {
		snprintf(params, sizeof(params), "%s.params", opt.session);
		opt.params = params;
	}
}

int main(int argc, char **argv)
{
	ev_timer timeout, spread, progress;
	ev_signal intr, term;

	parse(argc, argv);
	xq_tls_client_init();
	errors = json_array();
	loop = ev_default_loop(0);
	conns = calloc(opt.connections, sizeof(*conns));
	if (!conns)
		xq_die("out of memory");
	start_time = xq_now();
	xq_on_time(loop, &timeout, opt.timeout, 0, timeout_cb);
	xq_on_signal(loop, &intr, SIGINT, stop_cb);
	xq_on_signal(loop, &term, SIGTERM, stop_cb);
	if (opt.progress)
		xq_on_time(loop, &progress, 0, opt.progress / 1e3, progress_cb);
	if (opt.spread > 0)
		xq_on_time(loop, &spread, opt.spread, opt.spread, spread_cb);
	conn_start_next();
	ev_run(loop, 0);
	for (uint64_t i = 0; i < opt.connections; i++) {
		if (!conns[i].started || conns[i].q.over)
			continue;
		complain(&conns[i], "not finished in time");
		conn_ended(&conns[i]);
	}
	return report() ? 0 : 1;
}
