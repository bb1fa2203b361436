// SPDX-License-Identifier: GPL-2.0-only
/* One direction of a stream: what to send next, and what has come. */
#include "quic.h"
#include <string.h>

#define STEP  1200         /* a rate lets about a packet go at a time */
#define AHEAD (10 * XQ_MS) /* ns: what a late timer may catch up */

/* Octets of the body that may have been sent by now. */
static uint64_t allowance(const struct xq_out *o, uint64_t now)
{
	__uint128_t n;

	if (!o->rate)
		return o->body;
	n = (__uint128_t)o->rate * (now - o->start + AHEAD) / XQ_SECOND;
	return n < o->body ? (uint64_t)n : o->body;
}

uint64_t xq_out_body(const struct xq_out *o)
{
	if (o->sent <= o->head_len)
		return 0;
	return o->sent - o->head_len < o->body ? o->sent - o->head_len : o->body;
}

int xq_out_next(struct xq_out *o, uint64_t now, ngtcp2_vec *vec, bool *fin)
{
	uint64_t at = o->sent, may, done;
	size_t len;
	int n = 0;

	*fin = false;
	if (o->fin_sent)
		return -1;
	if (!o->start)
		o->start = now;

	if (at < o->head_len) {
		vec[n].base = (uint8_t *)o->head + at;
		vec[n++].len = o->head_len - at;
		at = o->head_len;
	}
	done = at - o->head_len;
	if (done < o->body) {
		may = allowance(o, now);
		/* Small leftovers wait: else each packet would carry a few octets. */
		if (may > done && (may == o->body || may - done >= STEP)) {
			vec[n].base = (uint8_t *)xq_pattern(o->seed, done, may - done, &len);
			vec[n++].len = len;
			done += len;
		}
		if (done < o->body)
			return n ? n : -1;
	}
	if (!o->tail_due) {
		*fin = true;
		return n;
	}
	if (!o->tail_len)
		return n ? n : -1;
	at = o->sent > o->head_len + o->body ? o->sent - o->head_len - o->body : 0;
	if (at < o->tail_len) {
		vec[n].base = (uint8_t *)o->tail + at;
		vec[n++].len = o->tail_len - at;
	}
	*fin = true;
	return n;
}

uint64_t xq_out_when(const struct xq_out *o, uint64_t now)
{
	uint64_t done = xq_out_body(o), want;

	if (!o->rate || o->fin_sent || !o->start || done >= o->body)
		return UINT64_MAX;
	want = o->body - done < STEP ? o->body : done + STEP;
	want = o->start + (uint64_t)((__uint128_t)want * XQ_SECOND / o->rate);
	want = want > AHEAD ? want - AHEAD + 1000 : 0;
	/* Due, yet not sent: ngtcp2 holds it back, and its own timer will send it. */
	return want > now ? want : UINT64_MAX;
}

/* Takes octets up to the end of a line; *len falls by what was taken. */
static int eat_line(struct xq_in *in, const uint8_t **data, size_t *len)
{
	while (*len) {
		char ch = **data;

		(*data)++;
		(*len)--;
		if (ch == '\n') {
			in->line[in->line_len] = '\0';
			return 1;
		}
		if (in->line_len + 1 >= sizeof(in->line))
			return -1;
		in->line[in->line_len++] = ch;
	}
	return 0;
}

int xq_in_eat(struct xq_stream *s, const uint8_t *data, size_t len, bool fin,
	      int (*on_head)(struct xq_stream *s, char *line))
{
	struct xq_in *in = &s->in;
	size_t n;
	int rc;

	if (in->phase == XQ_HEAD) {
		rc = eat_line(in, &data, &len);
		if (rc < 0 || (rc > 0 && on_head(s, in->line)))
			return -1;
		if (rc > 0) {
			in->phase = in->body ? XQ_BODY : XQ_TAIL;
			in->hash = XQ_HASH_START;
			in->line_len = 0;
		}
	}
	if (in->phase == XQ_BODY && len) {
		n = in->body - in->got < len ? in->body - in->got : len;
		if (!xq_pattern_check(in->seed, in->got, data, n))
			in->bad = true;
		in->hash = xq_hash(in->hash, data, n);
		in->got += n;
		data += n;
		len -= n;
		if (in->got == in->body)
			in->phase = XQ_TAIL;
	}
	if (in->phase == XQ_TAIL && len) {
		if (in->line_len + len >= sizeof(in->line))
			return -1;
		memcpy(in->line + in->line_len, data, len);
		in->line_len += len;
		in->line[in->line_len] = '\0';
	}
	if (fin)
		in->fin = true;
	return 0;
}
