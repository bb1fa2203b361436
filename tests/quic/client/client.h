/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of xr_client. Each uses those that stand above it here: report and
 * options, streams, paths, events, connection.
 */
#ifndef XR_TESTS_QUIC_CLIENT_H
#define XR_TESTS_QUIC_CLIENT_H

#include "../lib/quic.h"

#define MAX_EVENTS  64
#define MAX_SOCKETS 32

enum event_kind { MIGRATE, PROBE, REBIND };

struct event {
	enum event_kind kind;
	uint64_t at;    /* ns after the handshake is confirmed */
	const char *to; /* NULL: same address, new port */
};

struct options {
	const char *local, *session, *params;
	union xq_addr server;
	uint64_t upload, download, rate; /* octets; rate: a second */
	uint64_t streams, connections, parallel;
	uint64_t use_cids, keepalive, hold, progress; /* ms */
	uint64_t timeout, idle;                       /* seconds */
	uint64_t cid_limit;
	double seconds, spread;
	bool early, v2, no_pmtud;
	uint32_t version;
	struct event events[MAX_EVENTS]; /* in order of time */
	int n_events;
};

/*
 * One end of a path. ngtcp2 knows it by "inner"; a NAT rebinding changes the
 * socket behind that and ngtcp2 sees nothing of it.
 */
struct endpoint {
	ev_io io;
	struct conn *c;
	int fd; /* -1: free */
	char where[64];
	union xq_addr inner;
};

struct conn {
	struct xq_conn q; /* first: the callbacks get it */
	bool started, handshake, confirmed, resumed, early_ok, retried;
	bool has_ticket; /* a new one, and it is kept */
	struct endpoint ep[MAX_SOCKETS];
	int current; /* in ep */
	ev_timer event_timer;
	int next_event; /* in opt.events */
	uint64_t began, confirmed_at, ended, next_cid_at;
	uint64_t migrations, rebinds, blocked;
	uint64_t up, down; /* octets verified */
	uint64_t left;     /* streams not done */
	uint32_t version;
	char server[64];   /* the name that its first stream was answered by */
	bool other_server; /* two streams, two servers */
};

/* All connections, and how far they are. */
struct run {
	struct ev_loop *loop;
	struct conn *conns; /* opt.connections of them */
	uint64_t start;     /* ns */
	uint64_t next_conn, running, done, done_ok;
	bool timed_out;
};

/* ---- options.c ---- */

extern struct options opt;
void parse(int argc, char **argv); /* into opt; ends the process on an error */

/* ---- report.c ---- */

extern struct run run;
void report_begin(void);
void add_error(struct conn *c, const char *what);
/* Lines on stderr, JSON each, where opt.progress asks for them. */
void progress_event(const struct conn *c, const char *what, const char *to);
void progress_cb(struct ev_loop *loop, ev_timer *w, int events);
bool conn_ok(const struct conn *c);
/* Prints the object; true: all that was asked came true. */
bool report(void);

/* ---- streams.c ---- */

void stream_prepare(struct xq_stream *s);
void open_streams(struct conn *c);
int head_op(struct xq_stream *s, char *line);
void stream_end_op(struct xq_stream *s);
/* Everything verified and every event past: closes. Not to be called in callbacks. */
void close_if_done(struct conn *c);

/* ---- paths.c: what returns int gives 0, -errno or an error of ngtcp2 ---- */

void send_op(struct xq_conn *q, const ngtcp2_path *path, const uint8_t *data, size_t len);
int endpoint_open(struct conn *c, const char *where, int *index);
void endpoint_close(struct endpoint *ep);
int rebind(struct conn *c);
/* to NULL: the same address, another port. probe: only once the path is proven. */
int migrate(struct conn *c, const char *to, bool probe);

/* ---- events.c ---- */

void event_arm(struct conn *c); /* its timer, for what comes next */
void event_cb(struct ev_loop *loop, ev_timer *w, int revents);

/* ---- connection.c ---- */

void conn_start_one(void);  /* the next, if there is one */
void conn_start_next(void); /* as many as may run at a time */
void conn_ended(struct conn *c);

#endif
