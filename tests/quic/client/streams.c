// SPDX-License-Identifier: GPL-2.0-only
/* The client's streams: what each asks for, and whether all of it has come. */
#include "client.h"
#include <stdio.h>
#include <string.h>

void stream_prepare(struct xq_stream *s)
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

void open_streams(struct conn *c)
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

int head_op(struct xq_stream *s, char *line)
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

void stream_end_op(struct xq_stream *s)
{
	struct conn *c = (struct conn *)s->c;
	unsigned long long up, hash;
	int bad;

	c->left--;
	if (s->in.bad || s->in.got != s->in.body)
		add_error(c, "download: octets wrong or missing");
	else
		c->down += s->in.got;
	if (sscanf(s->in.line, "up=%llu hash=%llx bad=%d", &up, &hash, &bad) != 3 || bad ||
	    up != opt.upload)
		add_error(c, "upload: octets wrong or missing");
	else
		c->up += up;
	if (!c->left)
		xq_conn_busy(&c->q, false);
}

/* Everything verified and every event past: close, outside of callbacks. */
void close_if_done(struct conn *c)
{
	if (c->q.over || c->left || !c->confirmed)
		return;
	if (c->next_event < opt.n_events)
		return;
	if (opt.hold && xq_now() < c->confirmed_at + opt.hold * XQ_MS)
		return;
	if (opt.session && !c->has_ticket)
		return; /* the ticket is still to come */
	xq_conn_close(&c->q, 0);
}
