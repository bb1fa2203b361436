// SPDX-License-Identifier: GPL-2.0-only
/*
 * A QUIC server that mints QUIC-LB connection IDs and counts every datagram
 * whose connection it does not hold: a stray, the load balancer's mistake.
 */
#include "lib/quic.h"
#include <errno.h>
#include <getopt.h>
#include <search.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#define SECOND	    1000000000ULL
#define LATE	    (60 * SECOND) /* how long an old CID is remembered */
#define RECORDS	    256		  /* ended connections told one by one */
#define RESET_MAX   40
#define MIN_INITIAL 1200

struct conn;

/* A CID in the table. Without a connection: one that was ours until lately. */
struct cid {
	uint8_t len;
	uint8_t octet[NGTCP2_MAX_CIDLEN];
	struct conn *c;
	uint64_t until;
	LIST_ENTRY(cid) of_conn;
	STAILQ_ENTRY(cid) of_late;
};

struct conn {
	struct xq_conn q; /* first: the callbacks get it */
	LIST_ENTRY(conn) all;
	TAILQ_ENTRY(conn) dirty;
	bool is_dirty, handshake, retried;
	LIST_HEAD(, cid) cids;
	union xq_addr remote;
	uint64_t number, bytes_in, bytes_out, early, moves, streams, bad;
};

static struct {
	const char *address, *name, *config, *stats, *secret;
	uint16_t port;
	size_t cid_len;
	bool retry, tickets, no_reset, v2, verbose;
	uint64_t idle, interval;
} opt = {.name = "server", .tickets = true, .idle = 30};

static struct {
	uint64_t packets, bytes, initials, connections, handshakes, retries;
	uint64_t late, malformed, negotiations, resets, moves, bytes_in;
	uint64_t bytes_out, streams, bad, early, ended, failed, send_errors;
	uint64_t stray_short, stray_initial, stray_handshake, stray_zero_rtt;
	uint64_t stray_other, codepoint[8], longest_gap, written, refused;
	uint64_t h3;
} st;

static int sock = -1;
static union xq_addr local;
static struct ev_loop *loop;
static void *table;
static LIST_HEAD(, conn) conns = LIST_HEAD_INITIALIZER(conns);
static TAILQ_HEAD(, conn) dirty = TAILQ_HEAD_INITIALIZER(dirty);
static STAILQ_HEAD(, cid) late = STAILQ_HEAD_INITIALIZER(late);
static json_t *records;

/* ---- the CIDs this server knows ---- */

static int cid_compare(const void *va, const void *vb)
{
	const struct cid *a = va, *b = vb;

	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	return memcmp(a->octet, b->octet, a->len);
}

static struct cid *cid_find(const uint8_t *octets, size_t len)
{
	struct cid key = {.len = len}, **found;

	if (len > sizeof(key.octet))
		return NULL;
	memcpy(key.octet, octets, len);
	found = tfind(&key, &table, cid_compare);
	return found ? *found : NULL;
}

static bool cid_add(struct conn *c, const uint8_t *octets, size_t len)
{
	struct cid *e;

	if (cid_find(octets, len))
		return false;
	e = calloc(1, sizeof(*e));
	if (!e)
		xq_die("out of memory");
	e->len = len;
	memcpy(e->octet, octets, len);
	e->c = c;
	LIST_INSERT_HEAD(&c->cids, e, of_conn);
	tsearch(e, &table, cid_compare);
	return true;
}

/* What is still on its way to a CID given up is late, not astray. */
static void cid_give_up(struct cid *e)
{
	LIST_REMOVE(e, of_conn);
	e->c = NULL;
	e->until = xq_now() + LATE;
	STAILQ_INSERT_TAIL(&late, e, of_late);
}

static void cid_forget_late(void)
{
	uint64_t now = xq_now();
	struct cid *e;

	while ((e = STAILQ_FIRST(&late)) && e->until < now) {
		STAILQ_REMOVE_HEAD(&late, of_late);
		tdelete(e, &table, cid_compare);
		free(e);
	}
}

/* ---- statistics ---- */

static double ms(uint64_t ns)
{
	return (double)ns / 1e6;
}

static json_t *record(const struct conn *c)
{
	return json_pack(
		"{sI sb sI sI sI sI sI sI sI sf sI sI sI ss}", "number",
		(json_int_t)c->number, "handshake", (int)c->handshake,
		"packets_in", (json_int_t)c->q.packets_in, "packets_out",
		(json_int_t)c->q.packets_out, "bytes_in",
		(json_int_t)c->bytes_in, "bytes_out", (json_int_t)c->bytes_out,
		"early", (json_int_t)c->early, "streams",
		(json_int_t)c->streams, "bad", (json_int_t)c->bad,
		"longest_gap_ms", ms(c->q.longest_gap), "moves",
		(json_int_t)c->moves, "validated", (json_int_t)c->q.validated,
		"lost", (json_int_t)c->q.lost, "error", c->q.error);
}

static json_t *counters(void)
{
	json_t *o = json_object(), *stray = json_object(), *points;
	uint64_t strays = st.stray_short + st.stray_initial +
			  st.stray_handshake + st.stray_zero_rtt +
			  st.stray_other;

#define NUMBER(where, name, value)                                             \
	json_object_set_new(where, name, json_integer(value))
	json_object_set_new(o, "name", json_string(opt.name));
	NUMBER(o, "written", ++st.written);
	NUMBER(o, "packets", st.packets);
	NUMBER(o, "bytes", st.bytes);
	NUMBER(o, "strays", strays);
	NUMBER(stray, "short", st.stray_short);
	NUMBER(stray, "initial", st.stray_initial);
	NUMBER(stray, "handshake", st.stray_handshake);
	NUMBER(stray, "zero_rtt", st.stray_zero_rtt);
	NUMBER(stray, "other", st.stray_other);
	json_object_set_new(o, "stray", stray);
	NUMBER(o, "late", st.late);
	NUMBER(o, "malformed", st.malformed);
	NUMBER(o, "initials", st.initials);
	NUMBER(o, "retries", st.retries);
	NUMBER(o, "version_negotiations", st.negotiations);
	NUMBER(o, "refused", st.refused);
	NUMBER(o, "connections", st.connections);
	NUMBER(o, "handshakes", st.handshakes);
	NUMBER(o, "ended", st.ended);
	NUMBER(o, "failed", st.failed);
	NUMBER(o, "moves", st.moves);
	NUMBER(o, "streams", st.streams);
	NUMBER(o, "connections_h3", st.h3);
	NUMBER(o, "bytes_in", st.bytes_in);
	NUMBER(o, "bytes_out", st.bytes_out);
	NUMBER(o, "early", st.early);
	NUMBER(o, "bad", st.bad);
	NUMBER(o, "resets_sent", st.resets);
	NUMBER(o, "send_errors", st.send_errors);
#undef NUMBER
	points = json_array();
	for (int i = 0; i < 8; i++)
		json_array_append_new(points, json_integer(st.codepoint[i]));
	json_object_set_new(o, "packets_by_codepoint", points);
	return o;
}

static void write_stats(void)
{
	uint64_t gap = st.longest_gap;
	json_t *o = counters(), *live = json_array();
	char tmp[4096];
	struct conn *c;

	LIST_FOREACH(c, &conns, all)
	{
		if (c->q.longest_gap > gap)
			gap = c->q.longest_gap;
		json_array_append_new(live, record(c));
	}
	json_object_set_new(o, "longest_gap_ms", json_real(ms(gap)));
	json_object_set_new(o, "live", live);
	json_object_set(o, "done", records);
	if (opt.stats) {
		snprintf(tmp, sizeof(tmp), "%s.%d", opt.stats, getpid());
		if (json_dump_file(o, tmp, JSON_INDENT(1)) ||
		    rename(tmp, opt.stats))
			fprintf(stderr, "%s: %s\n", opt.stats, strerror(errno));
	}
	json_decref(o);
}

/* ---- connections ---- */

static void mark_dirty(struct conn *c)
{
	if (c->is_dirty)
		return;
	c->is_dirty = true;
	TAILQ_INSERT_TAIL(&dirty, c, dirty);
}

static void send_op(struct xq_conn *q, const ngtcp2_path *path,
		    const uint8_t *data, size_t len)
{
	if (xq_send(sock, (const union xq_addr *)path->remote.addr, data, len))
		st.send_errors++;
}

static void closed_op(struct xq_conn *q, int err)
{
	struct conn *c = (struct conn *)q;

	st.ended++;
	if (err && err != NGTCP2_ERR_DRAINING)
		st.failed++;
	if (opt.verbose && err)
		fprintf(stderr, "%s: connection %llu: %s\n", opt.name,
			(unsigned long long)c->number, q->error);
	if (q->longest_gap > st.longest_gap)
		st.longest_gap = q->longest_gap;
	xq_conn_free(q);
	if (json_array_size(records) < RECORDS)
		json_array_append_new(records, record(c));
	while (!LIST_EMPTY(&c->cids))
		cid_give_up(LIST_FIRST(&c->cids));
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

	if (sscanf(line, "XR1 seed=%llx up=%llu down=%llu rate=%llu", &seed,
		   &up, &down, &rate) != 4)
		return -1;
	s->in.seed = seed;
	s->in.body = up;
	s->out.seed = ~seed;
	s->out.body = down;
	s->out.rate = rate;
	s->out.tail_due = true;
	n = snprintf(s->out.head, sizeof(s->out.head), "XR1 name=%s\n",
		     opt.name);
	s->out.head_len = n;
	c->streams++;
	st.streams++;
	return 0;
}

static void exchange_op(struct xq_conn *q, uint64_t in, uint64_t out, bool bad)
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
				   "up=%llu hash=%016llx bad=%d\n",
				   (unsigned long long)s->in.got,
				   (unsigned long long)s->in.hash, bad);
	exchange_op(s->c, s->in.got, s->out.body, bad);
	c->early += s->early;
	st.early += s->early;
}

static const struct xq_ops ops = {
	.send = send_op,
	.closed = closed_op,
	.on_head = head_op,
	.on_stream_end = stream_end_op,
	.on_exchange = exchange_op,
};

static int new_cid_cb(ngtcp2_conn *conn, ngtcp2_cid *cid, uint8_t *token,
		      size_t len, void *user)
{
	do {
		xq_mint(cid->data, len);
		cid->datalen = len;
	} while (!cid_add(user, cid->data, len));
	return ngtcp2_crypto_generate_stateless_reset_token(
		       token, xq_reset_key, sizeof(xq_reset_key), cid)
		       ? NGTCP2_ERR_CALLBACK_FAILURE
		       : 0;
}

static int remove_cid_cb(ngtcp2_conn *conn, const ngtcp2_cid *cid, void *user)
{
	struct cid *e = cid_find(cid->data, cid->datalen);

	if (e && e->c)
		cid_give_up(e);
	return 0;
}

static int handshake_completed_cb(ngtcp2_conn *conn, void *user)
{
	struct conn *c = user;
	gnutls_datum_t alpn;

	c->handshake = true;
	st.handshakes++;
	if (opt.tickets && gnutls_session_ticket_send(c->q.tls, 1, 0))
		return NGTCP2_ERR_CALLBACK_FAILURE;
	if (!gnutls_alpn_get_selected_protocol(c->q.tls, &alpn) &&
	    alpn.size == strlen(XQ_ALPN_H3) &&
	    !memcmp(alpn.data, XQ_ALPN_H3, alpn.size)) {
		st.h3++;
		if (xq_h3_start(&c->q))
			return NGTCP2_ERR_CALLBACK_FAILURE;
	}
	return 0;
}

static void server_params(ngtcp2_transport_params *p)
{
	ngtcp2_transport_params_default(p);
	p->initial_max_stream_data_bidi_local = 4 << 20;
	p->initial_max_stream_data_bidi_remote = 4 << 20;
	p->initial_max_stream_data_uni = 1 << 20;
	p->initial_max_data = 16 << 20;
	p->initial_max_streams_bidi = 128;
	p->initial_max_streams_uni = 8;
	p->max_idle_timeout = opt.idle * SECOND;
	p->active_connection_id_limit = 7;
}

static void make_path(ngtcp2_path *path, const union xq_addr *from)
{
	memset(path, 0, sizeof(*path));
	ngtcp2_addr_init(&path->local, &local.sa, xq_addr_len(&local));
	ngtcp2_addr_init(&path->remote, &from->sa, xq_addr_len(from));
}

/* odcid: what the client chose at first; after a Retry, hd's DCID is ours. */
static struct conn *conn_new(const ngtcp2_pkt_hd *hd, const ngtcp2_cid *odcid,
			     bool retried, const union xq_addr *from)
{
	uint32_t versions[] = {XQ_V2, NGTCP2_PROTO_VER_V1};
	struct conn *c = calloc(1, sizeof(*c));
	ngtcp2_transport_params params;
	ngtcp2_settings settings;
	ngtcp2_callbacks cb;
	ngtcp2_path path;
	ngtcp2_cid scid;

	if (!c)
		xq_die("out of memory");
	c->remote = *from;
	c->retried = retried;
	LIST_INIT(&c->cids);
	xq_callbacks(&cb);
	cb.recv_client_initial = ngtcp2_crypto_recv_client_initial_cb;
	cb.get_new_connection_id = new_cid_cb;
	cb.remove_connection_id = remove_cid_cb;
	cb.handshake_completed = handshake_completed_cb;

	ngtcp2_settings_default(&settings);
	settings.initial_ts = xq_now();
	settings.initial_rtt = XQ_INITIAL_RTT;
	settings.token = hd->token;
	settings.max_tx_udp_payload_size = 1452;
	settings.handshake_timeout = 20 * SECOND;
	/* The first is what a client that can do both is moved to. */
	if (opt.v2) {
		settings.preferred_versions = versions;
		settings.preferred_versionslen = 2;
	}
	settings.other_versions = versions;
	settings.other_versionslen = 2;

	server_params(&params);
	params.original_dcid = *odcid;
	if (retried) {
		params.retry_scid = hd->dcid;
		params.retry_scid_present = 1;
	}
	scid.datalen = opt.cid_len;
	do
		xq_mint(scid.data, scid.datalen);
	while (!cid_add(c, scid.data, scid.datalen));
	params.stateless_reset_token_present = 1;
	ngtcp2_crypto_generate_stateless_reset_token(
		params.stateless_reset_token, xq_reset_key,
		sizeof(xq_reset_key), &scid);
	cid_add(c, hd->dcid.data, hd->dcid.datalen);

	xq_conn_start(&c->q, loop, &ops);
	make_path(&path, from);
	c->q.tls = xq_tls_server(&c->q.ref);
	if (!c->q.tls || ngtcp2_conn_server_new(&c->q.conn, &hd->scid, &scid,
						&path, hd->version, &cb,
						&settings, &params, NULL, c))
		xq_die("out of memory");
	ngtcp2_conn_set_tls_native_handle(c->q.conn, c->q.tls);
	c->number = ++st.connections;
	LIST_INSERT_HEAD(&conns, c, all);
	return c;
}

/* ---- datagrams ---- */

static void send_plain(const union xq_addr *to, const uint8_t *buf,
		       ngtcp2_ssize len)
{
	if (len > 0 && xq_send(sock, to, buf, len))
		st.send_errors++;
}

static void send_negotiation(const ngtcp2_version_cid *vc,
			     const union xq_addr *to, size_t len)
{
	uint32_t versions[] = {NGTCP2_PROTO_VER_V1, XQ_V2};
	uint8_t buf[XQ_PACKET], random;

	if (len < MIN_INITIAL)
		return;
	st.negotiations++;
	xq_random(&random, 1);
	send_plain(to, buf,
		   ngtcp2_pkt_write_version_negotiation(
			   buf, sizeof(buf), random, vc->scid, vc->scidlen,
			   vc->dcid, vc->dcidlen, versions, 2));
}

/* Shorter than what asked for it, so that two servers cannot loop. */
static void send_reset(const ngtcp2_version_cid *vc, const union xq_addr *to,
		       size_t len)
{
	uint8_t buf[XQ_PACKET], token[NGTCP2_STATELESS_RESET_TOKENLEN];
	uint8_t random[RESET_MAX - NGTCP2_STATELESS_RESET_TOKENLEN];
	size_t n = sizeof(random);
	ngtcp2_cid cid;

	if (opt.no_reset || len <= NGTCP2_STATELESS_RESET_TOKENLEN +
					    NGTCP2_MIN_STATELESS_RESET_RANDLEN)
		return;
	if (len <= RESET_MAX)
		n = len - 1 - NGTCP2_STATELESS_RESET_TOKENLEN;
	if (n < NGTCP2_MIN_STATELESS_RESET_RANDLEN)
		return;
	ngtcp2_cid_init(&cid, vc->dcid, vc->dcidlen);
	if (ngtcp2_crypto_generate_stateless_reset_token(
		    token, xq_reset_key, sizeof(xq_reset_key), &cid))
		return;
	xq_random(random, n);
	st.resets++;
	send_plain(to, buf,
		   ngtcp2_pkt_write_stateless_reset(buf, sizeof(buf), token,
						    random, n));
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
	n = ngtcp2_crypto_generate_retry_token(
		token, xq_retry_key, sizeof(xq_retry_key), hd->version, &to->sa,
		xq_addr_len(to), &scid, &hd->dcid, xq_now());
	if (n < 0)
		return;
	st.retries++;
	send_plain(to, buf,
		   ngtcp2_crypto_write_retry(buf, sizeof(buf), hd->version,
					     &hd->scid, &scid, &hd->dcid, token,
					     n));
}

/* Runs a datagram through its connection; the answer goes out later. */
static void deliver(struct conn *c, const union xq_addr *from,
		    const uint8_t *data, size_t len, uint64_t now)
{
	ngtcp2_path path;

	if (!xq_addr_eq(&c->remote, from)) {
		c->remote = *from;
		c->moves++;
		st.moves++;
	}
	make_path(&path, from);
	if (xq_conn_read(&c->q, &path, data, len, now))
		mark_dirty(c);
}

static void initial(const ngtcp2_pkt_hd *hd, const union xq_addr *from,
		    const uint8_t *data, size_t len, uint64_t now)
{
	ngtcp2_cid odcid = hd->dcid;
	bool retried = false;

	if (xq_mint_owner(hd->dcid.data, hd->dcid.datalen) == XQ_PEER)
		st.stray_initial++;
	if (opt.retry) {
		if (!hd->token.len) {
			send_retry(hd, from);
			return;
		}
		if (ngtcp2_crypto_verify_retry_token(
			    &odcid, hd->token.base, hd->token.len, xq_retry_key,
			    sizeof(xq_retry_key), hd->version, &from->sa,
			    xq_addr_len(from), &hd->dcid, 10 * SECOND, now)) {
			uint8_t buf[XQ_PACKET];

			st.refused++;
			send_plain(from, buf,
				   ngtcp2_crypto_write_connection_close(
					   buf, sizeof(buf), hd->version,
					   &hd->scid, &hd->dcid,
					   NGTCP2_INVALID_TOKEN, NULL, 0));
			return;
		}
		retried = true;
	}
	deliver(conn_new(hd, &odcid, retried, from), from, data, len, now);
}

/* No connection of ours: an Initial opens one, anything else went astray. */
static void unknown(const ngtcp2_version_cid *vc, const union xq_addr *from,
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
			initial(&hd, from, data, len, now);
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

static void datagram(const union xq_addr *from, const uint8_t *data, size_t len,
		     uint64_t now)
{
	ngtcp2_version_cid vc;
	struct cid *e;
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
	e = cid_find(vc.dcid, vc.dcidlen);
	if (!e) {
		unknown(&vc, from, data, len, now);
		return;
	}
	if (!e->c) {
		st.late++;
		return;
	}
	if (vc.dcidlen)
		st.codepoint[vc.dcid[0] >> 5]++;
	deliver(e->c, from, data, len, now);
}

static void flush_dirty(void)
{
	struct conn *c;

	while ((c = TAILQ_FIRST(&dirty))) {
		TAILQ_REMOVE(&dirty, c, dirty);
		c->is_dirty = false;
		xq_conn_write(&c->q);
	}
}

static void readable_cb(struct ev_loop *l, ev_io *w, int events)
{
	static struct xq_batch b;
	uint64_t now;

	for (int turn = 0; turn < 4 && xq_recv(sock, &b); turn++) {
		now = xq_now();
		for (int i = 0; i < b.n; i++)
			datagram(&b.pkt[i].from, b.pkt[i].data, b.pkt[i].len,
				 now);
		flush_dirty();
	}
}

/* ---- control ---- */

static void usr1_cb(struct ev_loop *l, ev_signal *w, int events)
{
	write_stats();
}

static void hup_cb(struct ev_loop *l, ev_signal *w, int events)
{
	char err[256];

	if (opt.config && xq_mint_load(opt.config, err, sizeof(err)))
		fprintf(stderr, "%s: %s; nothing changed\n", opt.config, err);
	else if (xq_mint_need() > opt.cid_len)
		fprintf(stderr, "%s: CIDs of %zu octets do not fit into %zu\n",
			opt.config, xq_mint_need(), opt.cid_len);
	write_stats();
}

static void stop_cb(struct ev_loop *l, ev_signal *w, int events)
{
	ev_break(l, EVBREAK_ALL);
}

static void interval_cb(struct ev_loop *l, ev_timer *w, int events)
{
	write_stats();
}

static void sweep_cb(struct ev_loop *l, ev_timer *w, int events)
{
	cid_forget_late();
}

static void usage(FILE *to)
{
	fputs("xr_server [OPTIONS] ADDRESS PORT\n"
	      "  --name NAME       what clients are told (default: server)\n"
	      "  --config FILE     CID configurations, the first is minted:\n"
	      "                    id=0..6 sid=HEX nonce=N [key=FILE] "
	      "[peers=HEX,...]\n"
	      "                    SIGHUP reads it again; without: 0b111 CIDs\n"
	      "  --cid-length N    octets of every CID (default: what FILE "
	      "needs)\n"
	      "  --stats FILE      JSON at start, on SIGUSR1 and at the end\n"
	      "  --interval MS     and that often\n"
	      "  --secret FILE     for tickets, Retry and resets, shared by "
	      "servers\n"
	      "  --retry           validate every address\n"
	      "  --no-tickets      no session tickets, so no 0-RTT\n"
	      "  --no-reset        no stateless resets\n"
	      "  --v2              move clients that can to QUIC v2\n"
	      "  --idle SECONDS    idle timeout (default 30)\n"
	      "  -v                say why connections fail\n",
	      to);
}

static void parse(int argc, char **argv)
{
	enum {
		NAME = 256,
		CONFIG,
		LENGTH,
		STATS,
		SECRET,
		RETRY,
		NO_TICKETS,
		NO_RESET,
		V2,
		IDLE,
		INTERVAL
	};
	static const struct option longs[] = {
		{"name", required_argument, NULL, NAME},
		{"config", required_argument, NULL, CONFIG},
		{"cid-length", required_argument, NULL, LENGTH},
		{"stats", required_argument, NULL, STATS},
		{"secret", required_argument, NULL, SECRET},
		{"retry", no_argument, NULL, RETRY},
		{"no-tickets", no_argument, NULL, NO_TICKETS},
		{"no-reset", no_argument, NULL, NO_RESET},
		{"v2", no_argument, NULL, V2},
		{"idle", required_argument, NULL, IDLE},
		{"interval", required_argument, NULL, INTERVAL},
		{"help", no_argument, NULL, 'h'},
		{0}};
	int o;

	while ((o = getopt_long(argc, argv, "vh", longs, NULL)) != -1) {
		switch (o) {
		case NAME:
			opt.name = optarg;
			break;
		case CONFIG:
			opt.config = optarg;
			break;
		case LENGTH:
			opt.cid_len = xq_number(optarg, "--cid-length");
			break;
		case STATS:
			opt.stats = optarg;
			break;
		case SECRET:
			opt.secret = optarg;
			break;
		case RETRY:
			opt.retry = true;
			break;
		case NO_TICKETS:
			opt.tickets = false;
			break;
		case NO_RESET:
			opt.no_reset = true;
			break;
		case V2:
			opt.v2 = true;
			break;
		case IDLE:
			opt.idle = xq_number(optarg, "--idle");
			break;
		case INTERVAL:
			opt.interval = xq_number(optarg, "--interval");
			break;
		case 'v':
			opt.verbose = true;
			break;
		case 'h':
			usage(stdout);
			exit(0);
		default:
			usage(stderr);
			exit(2);
		}
	}
	if (argc - optind != 2) {
		usage(stderr);
		exit(2);
	}
	opt.address = argv[optind];
	opt.port = xq_number(argv[optind + 1], "port");
}

static void configure(void)
{
	char err[256];

	if (opt.config && xq_mint_load(opt.config, err, sizeof(err)))
		xq_die("%s: %s", opt.config, err);
	if (!opt.cid_len)
		opt.cid_len = xq_mint_need() > 8 ? xq_mint_need() : 8;
	if (opt.cid_len > NGTCP2_MAX_CIDLEN || opt.cid_len < xq_mint_need())
		xq_die("--cid-length %zu: must be %zu to 20", opt.cid_len,
		       xq_mint_need());
}

int main(int argc, char **argv)
{
	ev_signal usr1, hup, term, intr;
	ev_timer sweep, interval;
	ev_io io;

	parse(argc, argv);
	configure();
	xq_tls_server_init(opt.secret);
	records = json_array();
	loop = ev_default_loop(0);
	sock = xq_socket(opt.address, opt.port, &local);
	if (sock < 0)
		xq_die("%s port %u: %s", opt.address, opt.port,
		       strerror(-sock));

	ev_io_init(&io, readable_cb, sock, EV_READ);
	ev_io_start(loop, &io);
	ev_signal_init(&usr1, usr1_cb, SIGUSR1);
	ev_signal_start(loop, &usr1);
	ev_signal_init(&hup, hup_cb, SIGHUP);
	ev_signal_start(loop, &hup);
	ev_signal_init(&term, stop_cb, SIGTERM);
	ev_signal_start(loop, &term);
	ev_signal_init(&intr, stop_cb, SIGINT);
	ev_signal_start(loop, &intr);
	ev_timer_init(&sweep, sweep_cb, 10, 10);
	ev_timer_start(loop, &sweep);

	ev_timer_init(&interval, interval_cb, opt.interval / 1e3,
		      opt.interval / 1e3);
	if (opt.interval)
		ev_timer_start(loop, &interval);

	write_stats(); /* whoever started us waits for this file */
	ev_run(loop, 0);
	write_stats();
	return 0;
}
