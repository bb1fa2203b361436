// SPDX-License-Identifier: GPL-2.0-only
/* The server's counters, and the file that they are written to. */
#include "server.h"
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define RECORDS 256 /* ended connections that are listed one by one */

struct stats st;
struct conns conns = LIST_HEAD_INITIALIZER(conns);

static json_t *records;

void stats_begin(void)
{
	records = json_array();
}

static json_t *record(const struct conn *c)
{
	json_t *o = json_pack("{sI sb sI sI sI sI sI sI}", "number", (json_int_t)c->number,
			      "handshake", (int)c->handshake, "bytes_in", (json_int_t)c->bytes_in,
			      "bytes_out", (json_int_t)c->bytes_out, "early", (json_int_t)c->early,
			      "streams", (json_int_t)c->streams, "bad", (json_int_t)c->bad, "moves",
			      (json_int_t)c->moves);

	json_object_update_new(o, xq_conn_report(&c->q));
	return o;
}

void stats_conn_ended(const struct conn *c)
{
	if (c->q.longest_gap > st.longest_gap)
		st.longest_gap = c->q.longest_gap;
	if (json_array_size(records) < RECORDS)
		json_array_append_new(records, record(c));
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

void write_stats(void)
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
	json_object_set_new(o, "longest_gap_ms", json_real(xq_ms(gap)));
	json_object_set_new(o, "live", live);
	json_object_set(o, "done", records);
	if (opt.stats) {
		snprintf(tmp, sizeof(tmp), "%s.%d", opt.stats, getpid());
		if (json_dump_file(o, tmp, JSON_INDENT(1)) || rename(tmp, opt.stats))
			fprintf(stderr, "%s: %s\n", opt.stats, strerror(errno));
	}
	json_decref(o);
}
