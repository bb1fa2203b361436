/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of xr_server. Each uses those that stand above it here: options and
 * stats, connections, datagrams.
 */
#ifndef XR_TESTS_QUIC_SERVER_H
#define XR_TESTS_QUIC_SERVER_H

#include "../lib/quic.h"

struct conn {
	struct xq_conn q; /* first: the callbacks get it */
	LIST_ENTRY(conn) all;
	TAILQ_ENTRY(conn) dirty;
	bool is_dirty, handshake, retried;
	struct xq_cids cids;
	union xq_addr remote;
	uint64_t number, bytes_in, bytes_out, early, moves, streams, bad;
};
LIST_HEAD(conns, conn);

/* ---- options.c ---- */

struct options {
	const char *address, *name, *config, *stats, *secret;
	uint16_t port;
	bool retry, tickets, no_reset, v2, verbose;
	uint64_t cid_len;
	uint64_t idle;     /* seconds */
	uint64_t interval; /* ms, 0: none */
};

extern struct options opt;
void parse(int argc, char **argv); /* into opt; ends the process on an error */

/* ---- stats.c ---- */

struct stats {
	uint64_t packets, bytes, initials, connections, handshakes, retries;
	uint64_t late, malformed, negotiations, resets, moves, bytes_in;
	uint64_t bytes_out, streams, bad, early, ended, failed, send_errors;
	uint64_t stray_short, stray_initial, stray_handshake, stray_zero_rtt;
	uint64_t stray_other, codepoint[8], longest_gap, written, refused;
	uint64_t h3;
};

extern struct stats st;
extern struct conns conns; /* that live */
void stats_begin(void);
/* Of a connection that has ended: it is in the file from now on. */
void stats_conn_ended(const struct conn *c);
void write_stats(void);

/* ---- connections.c ---- */

/* The socket, its address, and the loop that reads it; main() makes them. */
extern int sock;
extern union xq_addr local;
extern struct ev_loop *loop;

/* odcid: what the client chose at first; after a Retry, hd's DCID is ours. */
struct conn *conn_new(const ngtcp2_pkt_hd *hd, const ngtcp2_cid *odcid, bool retried,
		      const union xq_addr *from);
int reset_token(uint8_t *token, const ngtcp2_cid *cid);
void mark_dirty(struct conn *c); /* it has something to write */
void write_dirty(void);          /* all of them write */

/* ---- datagrams.c ---- */

void readable_cb(struct ev_loop *loop, ev_io *w, int events);

#endif
