// SPDX-License-Identifier: GPL-2.0-only
/*
 * A QUIC server that mints QUIC-LB connection IDs and counts every datagram
 * whose connection it does not hold: a stray, the load balancer's mistake.
 */
#include "lib/quic.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECORDS     256 /* ended connections told one by one */
#define RESET_MAX   40
#define MIN_INITIAL 1200
#define STREAMS     128

struct conn {
	struct xq_conn q; /* first: the callbacks get it */
	LIST_ENTRY(conn) all;
	TAILQ_ENTRY(conn) dirty;
	bool is_dirty, handshake, retried;
	struct xq_cids cids;
	union xq_addr remote;
	uint64_t number, bytes_in, bytes_out, early, moves, streams, bad;
};

static struct {
	const char *address, *name, *config, *stats, *secret;
	uint16_t port;
	bool retry, tickets, no_reset, v2, verbose;
	uint64_t cid_len, idle, interval;
} opt = { .name = "server", .tickets = true, .idle = 30 };

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
static LIST_HEAD(, conn) conns = LIST_HEAD_INITIALIZER(conns);
static TAILQ_HEAD(, conn) dirty = TAILQ_HEAD_INITIALIZER(dirty);
static json_t *records;

/* ---- statistics ---- */

static double ms(uint64_t ns)
{
	return (double)ns / 1e6;
}

static json_t *record(const struct conn *c)
{
	return json_pack("{sI sb sI sI sI sI sI sI sI sf sI sI sI ss}", "number",
			 (json_int_t)c->number, "handshake", (int)c->handshake, "packets_in",
			 (json_int_t)c->q.packets_in, "packets_out", (json_int_t)c->q.packets_out,
			 "bytes_in", (json_int_t)c->bytes_in, "bytes_out", (json_int_t)c->bytes_out,
			 "early", (json_int_t)c->early, "streams", (json_int_t)c->streams, "bad",
			 (json_int_t)c->bad, "longest_gap_ms", ms(c->q.longest_gap), "moves",
			 (json_int_t)c->moves, "validated", (json_int_t)c->q.validated, "lost",
			 (json_int_t)c->q.lost, "error", c->q.error);
}

static json_t *counters(void)
{
	json_t *o = json_object(), *stray = json_object(), *points;
	uint64_t strays = st.stray_short + st.stray_initial + st.stray_handshake +
		st.stray_zero_rtt + st.stray_other;

#define NUMBER(where, name, value) json_object_set_new(where, name, json_integer(value))
	json_object_set_new(o, "name", json_string(opt.name));
	json_object_set_new(o, "spki", json_string(xq_spki));
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
		if (json_dump_file(o, tmp, JSON_INDENT(1)) || rename(tmp, opt.stats))
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
	if (q->longest_gap > st.longest_gap)
		st.longest_gap = q->longest_gap;
	xq_conn_free(q);
	if (json_array_size(records) < RECORDS)
		json_array_append_new(records, record(c));
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

static int reset_token(uint8_t *token, const ngtcp2_cid *cid)
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

/* odcid: what the client chose at first; after a Retry, hd's DCID is ours. */
static struct conn *conn_new(const ngtcp2_pkt_hd *hd, const ngtcp2_cid *odcid, bool retried,
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

/* ---- datagrams ---- */

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
static bool proven(const ngtcp2_pkt_hd *hd, const union xq_addr *from, ngtcp2_cid *odcid,
		   uint64_t now)
{
	return !ngtcp2_crypto_verify_retry_token(odcid, hd->token.base, hd->token.len, xq_retry_key,
						 sizeof(xq_retry_key), hd->version, &from->sa,
						 xq_addr_len(from), &hd->dcid, 10 * XQ_SECOND, now);
}

static void initial(const ngtcp2_pkt_hd *hd, const union xq_addr *from, const uint8_t *data,
		    size_t len, uint64_t now)
{
	ngtcp2_cid odcid = hd->dcid;

	if (xq_mint_owner(hd->dcid.data, hd->dcid.datalen) == XQ_PEER)
		st.stray_initial++;
	if (opt.retry && !hd->token.len) {
		send_retry(hd, from);
		return;
	}
	if (opt.retry && !proven(hd, from, &odcid, now)) {
		refuse_token(hd, from);
		return;
	}
	deliver(conn_new(hd, &odcid, opt.retry, from), from, data, len, now);
}

/* No connection of ours: an Initial opens one, anything else went astray. */
static void unknown(const ngtcp2_version_cid *vc, const union xq_addr *from, const uint8_t *data,
		    size_t len, uint64_t now)
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

static void datagram(const union xq_addr *from, const uint8_t *data, size_t len, uint64_t now)
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
		unknown(&vc, from, data, len, now);
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
			datagram(&b.pkt[i].from, b.pkt[i].data, b.pkt[i].len, now);
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
		fprintf(stderr, "%s: CIDs of %zu octets do not fit into %zu\n", opt.config,
			xq_mint_need(), (size_t)opt.cid_len);
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
	xq_cids_forget_late();
}

static const char usage[] = "xr_server [OPTIONS] ADDRESS PORT\n"
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
			    "  -v                say why connections fail\n";

static const struct xq_option options[] = { { "name", XQ_TEXT, &opt.name, NULL },
					    { "config", XQ_TEXT, &opt.config, NULL },
					    { "cid-length", XQ_NUMBER, &opt.cid_len, NULL },
					    { "stats", XQ_TEXT, &opt.stats, NULL },
					    { "secret", XQ_TEXT, &opt.secret, NULL },
					    { "retry", XQ_ON, &opt.retry, NULL },
					    { "no-tickets", XQ_OFF, &opt.tickets, NULL },
					    { "no-reset", XQ_ON, &opt.no_reset, NULL },
					    { "v2", XQ_ON, &opt.v2, NULL },
					    { "idle", XQ_NUMBER, &opt.idle, NULL },
					    { "interval", XQ_NUMBER, &opt.interval, NULL },
					    { "v", XQ_ON, &opt.verbose, NULL },
					    { 0 } };

static void parse(int argc, char **argv)
{
	char **words = xq_options(options, usage, argc, argv);

	opt.address = words[0];
	opt.port = xq_number(words[1], "port");
}

static void configure(void)
{
	char err[256];

	if (opt.config && xq_mint_load(opt.config, err, sizeof(err)))
		xq_die("%s: %s", opt.config, err);
	if (!opt.cid_len)
		opt.cid_len = xq_mint_need() > 8 ? xq_mint_need() : 8;
	if (opt.cid_len > NGTCP2_MAX_CIDLEN || opt.cid_len < xq_mint_need())
		xq_die("--cid-length %zu: must be %zu to 20", (size_t)opt.cid_len, xq_mint_need());
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
		xq_die("%s port %u: %s", opt.address, opt.port, strerror(-sock));

	ev_io_init(&io, readable_cb, sock, EV_READ);
	ev_io_start(loop, &io);
	xq_on_signal(loop, &usr1, SIGUSR1, usr1_cb);
	xq_on_signal(loop, &hup, SIGHUP, hup_cb);
	xq_on_signal(loop, &term, SIGTERM, stop_cb);
	xq_on_signal(loop, &intr, SIGINT, stop_cb);
	xq_on_time(loop, &sweep, 10, 10, sweep_cb);
	if (opt.interval)
		xq_on_time(loop, &interval, opt.interval / 1e3, opt.interval / 1e3, interval_cb);

	write_stats(); /* whoever started us waits for this file */
	ev_run(loop, 0);
	write_stats();
	return 0;
}
