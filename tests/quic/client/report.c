// SPDX-License-Identifier: GPL-2.0-only
/* What the client prints: progress while it runs, and one JSON object at the end. */
#include "client.h"
#include <stdio.h>

#define RECORDS 64 /* errors, and connections, that are listed one by one */

struct run run;

static json_t *errors;

void report_begin(void)
{
	errors = json_array();
	run.start = xq_now();
}

void add_error(struct conn *c, const char *what)
{
	char line[256];

	snprintf(line, sizeof(line), "connection %ld: %s", (long)(c - run.conns), what);
	if (json_array_size(errors) < RECORDS)
		json_array_append_new(errors, json_string(line));
}

/* ---- progress: a JSON object a line, for whoever watches ---- */

static void write_progress(json_t *o)
{
	double at = (double)(xq_now() - run.start) / XQ_SECOND;

	json_object_set_new(o, "at", json_real(at));
	if (opt.progress) {
		json_dumpf(o, stderr, JSON_COMPACT | JSON_REAL_PRECISION(6));
		fputc('\n', stderr);
	}
	json_decref(o);
}

void progress_event(const struct conn *c, const char *what, const char *to)
{
	write_progress(json_pack("{ss sI ss}", "event", what, "connection",
				 (json_int_t)(c - run.conns), "to", to));
}

void progress_cb(struct ev_loop *l, ev_timer *w, int events)
{
	uint64_t up = 0, down = 0, in = 0, gap = 0, wait = 0, now = xq_now();
	uint64_t lost = 0;

	for (uint64_t i = 0; i < run.next_conn; i++) {
		const struct conn *c = &run.conns[i];

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
		if (!c->q.over && xq_conn_waiting(&c->q, now) > wait)
			wait = xq_conn_waiting(&c->q, now);
	}
	write_progress(json_pack("{sI sI sI sI sI sI sf sf}", "up", (json_int_t)up, "down",
				 (json_int_t)down, "packets_in", (json_int_t)in, "lost",
				 (json_int_t)lost, "running", (json_int_t)run.running, "done",
				 (json_int_t)run.done, "longest_gap_ms", xq_ms(gap), "waiting_ms",
				 xq_ms(wait)));
}

static json_t *record(const struct conn *c)
{
	json_t *o = json_pack("{ss sb sb sI sI sI sI sf}", "server", c->server, "handshake",
			      (int)c->handshake, "early", (int)c->early_ok, "up", (json_int_t)c->up,
			      "down", (json_int_t)c->down, "migrations", (json_int_t)c->migrations,
			      "rebinds", (json_int_t)c->rebinds, "seconds",
			      (double)(c->ended - c->began) / XQ_SECOND);

	json_object_update_new(o, xq_conn_report(&c->q));
	return o;
}

bool conn_ok(const struct conn *c)
{
	return c->handshake && !c->left && !c->q.error[0] && !c->other_server &&
		c->up == opt.upload * opt.streams && c->down == opt.download * opt.streams;
}

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

bool report(void)
{
	json_t *o, *servers = json_object(), *list = json_array();
	struct totals t = { .first = UINT64_MAX };
	char version[16];
	bool ok;

	for (uint64_t i = 0; i < opt.connections; i++) {
		const struct conn *c = &run.conns[i];

		if (!c->started)
			continue;
		add_to(&t, c);
		if (c->server[0])
			count_server(servers, c->server);
		if (json_array_size(list) < RECORDS)
			json_array_append_new(list, record(c));
	}
	ok = run.done_ok == opt.connections && !run.timed_out && !json_array_size(errors);
	snprintf(version, sizeof(version), "0x%08x", run.conns[0].version);
	o = json_pack("{sb sI sI sI sI sI sI sI so ss sI sI sI sI sI sI sI sI "
		      "sI sI sf sf sb so so}",
		      "ok", (int)ok, "connections", (json_int_t)opt.connections, "verified",
		      (json_int_t)run.done_ok, "handshakes", (json_int_t)t.handshakes, "resumed",
		      (json_int_t)t.resumed, "early", (json_int_t)t.early, "retried",
		      (json_int_t)t.retried, "streams", (json_int_t)(opt.streams * opt.connections),
		      "servers", servers, "version", version, "up", (json_int_t)t.up, "down",
		      (json_int_t)t.down, "migrations", (json_int_t)t.migrations,
		      "migrations_waited", (json_int_t)t.blocked, "rebinds", (json_int_t)t.rebinds,
		      "validated", (json_int_t)t.valid, "invalidated", (json_int_t)t.invalid,
		      "packets_in", (json_int_t)t.in, "packets_out", (json_int_t)t.out, "lost",
		      (json_int_t)t.lost, "longest_gap_ms", xq_ms(t.gap), "seconds",
		      t.last > t.first ? (double)(t.last - t.first) / XQ_SECOND : 0.,
		      "stateless_reset", (int)(t.resets > 0), "errors", errors, "each", list);
	json_dumpf(o, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(o);
	return ok;
}
