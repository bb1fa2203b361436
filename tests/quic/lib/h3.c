// SPDX-License-Identifier: GPL-2.0-only
/*
 * Enough HTTP/3 for clients that are not ours: GET or POST /OCTETS[/RATE] is
 * answered with so many octets of pattern 0, RATE of them per second. What a
 * POST brings must be pattern 0, too. GET /page/N/OCTETS is for browsers: it gets
 * so many octets N times, and posts back what came.
 */
#include "quic.h"
#include <nghttp3/nghttp3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK  0.002 /* how often a limited answer goes on */
#define PIECE 16384

struct request {
	struct request *next;
	int64_t id;
	char path[64];
	char page[800]; /* in place of the pattern */
	uint64_t up, down, sent, rate, start;
	bool bad, waiting;
};

static const char page[] = "<!doctype html><title>xroam</title><body>..."
			   "<script>(async () => {\n"
			   "  for (let i = 0; i < %llu; i++) {\n"
			   "    let got = await (await fetch('/%llu')).arrayBuffer();\n"
			   "    await (await fetch('/9', {method: 'POST', body: got})).text();\n"
			   "  }\n"
			   "  await fetch('/done');\n"
			   "})()</script>\n";

struct h3 {
	nghttp3_conn *conn;
	struct xq_conn *c;
	struct request *requests;
	ev_timer timer;
};

static struct request *find(struct h3 *h, int64_t id)
{
	struct request *r = h->requests;

	while (r && r->id != id)
		r = r->next;
	return r;
}

/* ---- nghttp3's callbacks ---- */

static int begin_headers_cb(nghttp3_conn *conn, int64_t id, void *user, void *stream_user)
{
	struct request *r = calloc(1, sizeof(*r));
	struct h3 *h = user;

	if (!r)
		return NGHTTP3_ERR_CALLBACK_FAILURE;
	r->id = id;
	r->next = h->requests;
	h->requests = r;
	xq_conn_busy(h->c, true);
	return 0;
}

static int recv_header_cb(nghttp3_conn *conn, int64_t id, int32_t token, nghttp3_rcbuf *name,
			  nghttp3_rcbuf *value, uint8_t flags, void *user, void *stream_user)
{
	nghttp3_vec v = nghttp3_rcbuf_get_buf(value);
	struct request *r = find(user, id);

	if (r && token == NGHTTP3_QPACK_TOKEN__PATH)
		snprintf(r->path, sizeof(r->path), "%.*s", (int)v.len, v.base);
	return 0;
}

static int recv_data_cb(nghttp3_conn *conn, int64_t id, const uint8_t *data, size_t len, void *user,
			void *stream_user)
{
	struct request *r = find(user, id);

	struct h3 *h = user;
	bool bad;

	if (!r)
		return 0;
	bad = !r->bad && !xq_pattern_check(0, r->up, data, len);
	r->bad |= bad;
	r->up += len;
	h->c->ops->on_octets(h->c, len, 0, bad);
	return 0;
}

static uint64_t allowance(const struct request *r)
{
	uint64_t n;

	if (!r->rate)
		return r->down;
	n = (__uint128_t)r->rate * (xq_now() - r->start) / XQ_SECOND;
	return n < r->down ? n : r->down;
}

static nghttp3_ssize read_data_cb(nghttp3_conn *conn, int64_t id, nghttp3_vec *vec, size_t max,
				  uint32_t *flags, void *user, void *stream_user)
{
	struct request *r = find(user, id);
	struct h3 *h = user;
	uint64_t may;

	if (!r)
		return NGHTTP3_ERR_CALLBACK_FAILURE;
	if (r->sent == r->down) {
		*flags |= NGHTTP3_DATA_FLAG_EOF;
		return 0;
	}
	may = allowance(r);
	if (may <= r->sent) {
		r->waiting = true;
		return NGHTTP3_ERR_WOULDBLOCK;
	}
	if (r->page[0]) {
		vec[0].base = (uint8_t *)r->page;
		vec[0].len = r->down;
	} else {
		vec[0].base = (uint8_t *)xq_pattern(0, r->sent, may - r->sent, &vec[0].len);
	}
	r->sent += vec[0].len;
	h->c->ops->on_octets(h->c, 0, vec[0].len, false);
	if (r->sent == r->down)
		*flags |= NGHTTP3_DATA_FLAG_EOF;
	return 1;
}

static int end_stream_cb(nghttp3_conn *conn, int64_t id, void *user, void *stream_user)
{
	static const nghttp3_data_reader reader = { read_data_cb };
	unsigned long long down = 0, rate = 0, times;
	struct request *r = find(user, id);
	const char *type = "application/octet-stream";
	char length[32];
	nghttp3_nv nv[3];

	if (!r)
		return 0;
	if (sscanf(r->path, "/page/%llu/%llu", &times, &down) == 2) {
		type = "text/html";
		down = snprintf(r->page, sizeof(r->page), page, times, down);
	} else {
		sscanf(r->path, "/%llu/%llu", &down, &rate);
	}
	r->down = down;
	r->rate = rate;
	r->start = xq_now();
	snprintf(length, sizeof(length), "%llu", down);
	nv[0] = (nghttp3_nv){ (uint8_t *)":status", (uint8_t *)"200", 7, 3, NGHTTP3_NV_FLAG_NONE };
	nv[1] = (nghttp3_nv){ (uint8_t *)"content-length", (uint8_t *)length, 14, strlen(length),
			      NGHTTP3_NV_FLAG_NONE };
	nv[2] = (nghttp3_nv){ (uint8_t *)"content-type", (uint8_t *)type, 12, strlen(type),
			      NGHTTP3_NV_FLAG_NONE };
	return nghttp3_conn_submit_response(conn, id, nv, 3, &reader) ? NGHTTP3_ERR_CALLBACK_FAILURE
								      : 0;
}

/* ---- the hooks of conn.c ---- */

/* The error is nghttp3's own, which says more than ngtcp2's "callback failure". */
static int blame(struct xq_conn *c, const char *what, int64_t id, int err)
{
	snprintf(c->error, sizeof(c->error), "HTTP/3: %s stream %lld: %s", what, (long long)id,
		 nghttp3_strerror(err));
	return -1;
}

static int app_recv(struct xq_conn *c, int64_t id, const uint8_t *data, size_t len, bool fin)
{
	struct h3 *h = c->app_data;
	nghttp3_ssize n;

	n = nghttp3_conn_read_stream(h->conn, id, data, len, fin);
	return n < 0 ? blame(c, "reading", id, n) : 0;
}

static int app_next(struct xq_conn *c, int64_t *id, ngtcp2_vec *vec, int max, bool *fin)
{
	struct h3 *h = c->app_data;
	nghttp3_vec v[8];
	nghttp3_ssize n;
	int end = 0;

	n = nghttp3_conn_writev_stream(h->conn, id, &end, v, max);
	if (n < 0)
		return blame(c, "writing", *id, n);
	for (int i = 0; i < n; i++) {
		vec[i].base = v[i].base;
		vec[i].len = v[i].len;
	}
	*fin = end;
	return n;
}

static void app_wrote(struct xq_conn *c, int64_t id, size_t len)
{
	nghttp3_conn_add_write_offset(((struct h3 *)c->app_data)->conn, id, len);
}

static void app_blocked(struct xq_conn *c, int64_t id)
{
	nghttp3_conn_block_stream(((struct h3 *)c->app_data)->conn, id);
}

static void app_unblocked(struct xq_conn *c, int64_t id)
{
	nghttp3_conn_unblock_stream(((struct h3 *)c->app_data)->conn, id);
}

static void app_shut(struct xq_conn *c, int64_t id)
{
	nghttp3_conn_shutdown_stream_write(((struct h3 *)c->app_data)->conn, id);
}

static void app_acked(struct xq_conn *c, int64_t id, uint64_t len)
{
	nghttp3_conn_add_ack_offset(((struct h3 *)c->app_data)->conn, id, len);
}

static void app_closed(struct xq_conn *c, int64_t id)
{
	struct h3 *h = c->app_data;
	struct request **at = &h->requests, *r;

	nghttp3_conn_close_stream(h->conn, id, NGHTTP3_H3_NO_ERROR);
	while (*at && (*at)->id != id)
		at = &(*at)->next;
	r = *at;
	if (!r)
		return;
	*at = r->next;
	if (r->sent != r->down && !r->bad)
		c->ops->on_octets(c, 0, 0, true);
	free(r);
	if (!h->requests)
		xq_conn_busy(c, false);
}

static void app_may_open(struct xq_conn *c, uint64_t streams)
{
	struct h3 *h = c->app_data;

	nghttp3_conn_set_max_client_streams_bidi(h->conn, streams);
}

static void app_free(struct xq_conn *c)
{
	struct h3 *h = c->app_data;
	struct request *r;

	ev_timer_stop(c->loop, &h->timer);
	nghttp3_conn_del(h->conn);
	while ((r = h->requests)) {
		h->requests = r->next;
		free(r);
	}
	free(h);
	c->app = NULL;
}

static const struct xq_app app = {
	.recv = app_recv,
	.next = app_next,
	.wrote = app_wrote,
	.blocked = app_blocked,
	.unblocked = app_unblocked,
	.shut = app_shut,
	.acked = app_acked,
	.closed = app_closed,
	.may_open = app_may_open,
	.free = app_free,
};

/* Answers whose rate held them back go on. */
static void tick_cb(struct ev_loop *loop, ev_timer *w, int events)
{
	struct h3 *h = w->data;
	bool any = false;

	for (struct request *r = h->requests; r; r = r->next) {
		if (!r->waiting)
			continue;
		r->waiting = false;
		nghttp3_conn_resume_stream(h->conn, r->id);
		any = true;
	}
	if (any)
		xq_conn_write(h->c);
}

/*
 * The control streams, then requests. What a client may open, nghttp3 must know:
 * browsers give streams their priority before they open them (RFC 9218 §7.2), and
 * the number of one that nobody may open ends the connection.
 */
int xq_h3_start(struct xq_conn *c, uint64_t streams)
{
	static const nghttp3_callbacks cb = {
		.begin_headers = begin_headers_cb,
		.recv_header = recv_header_cb,
		.recv_data = recv_data_cb,
		.end_stream = end_stream_cb,
	};
	struct h3 *h = calloc(1, sizeof(*h));
	nghttp3_settings settings;
	int64_t id[3];

	if (!h)
		return -1;
	nghttp3_settings_default(&settings);
	if (nghttp3_conn_server_new(&h->conn, &cb, &settings, NULL, h)) {
		free(h);
		return -1;
	}
	h->c = c;
	nghttp3_conn_set_max_client_streams_bidi(h->conn, streams);
	ev_init(&h->timer, tick_cb);
	h->timer.data = h;
	c->app = &app;
	c->app_data = h;
	for (int i = 0; i < 3; i++)
		if (ngtcp2_conn_open_uni_stream(c->conn, &id[i], NULL))
			return -1;
	ev_timer_set(&h->timer, TICK, TICK);
	ev_timer_start(c->loop, &h->timer);
	return nghttp3_conn_bind_control_stream(h->conn, id[0]) ||
			nghttp3_conn_bind_qpack_streams(h->conn, id[1], id[2])
		? -1
		: 0;
}
