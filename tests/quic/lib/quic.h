/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the test server and the test client share: a QUIC connection on ngtcp2
 * and GnuTLS with its streams, timer and sockets.
 *
 * On a stream the client sends one line, then "up" octets of a pattern; the
 * server answers with a line that names it, "down" octets of another pattern,
 * and, once all of the upload is there, a line that says whether each octet
 * was the right one. So both directions are verified, and the client knows.
 */
#ifndef XR_TESTS_QUIC_H
#define XR_TESTS_QUIC_H

#include <ev.h>
#include <jansson.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <gnutls/gnutls.h>
#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>

#define XQ_ALPN    "xroam"
#define XQ_ALPN_H3 "h3"
#define XQ_LINE    256 /* longest line of the stream protocol */
#define XQ_PACKET  1500
#define XQ_V2      NGTCP2_PROTO_VER_V2_DRAFT
/* The RFC's 333 ms would pace the first flight at a crawl. */
#define XQ_INITIAL_RTT (30 * NGTCP2_MILLISECONDS)
#define XQ_SECOND      1000000000ULL
#define XQ_MS          1000000ULL

struct xq_conn;

/* ---- pattern.c: octets that can be checked wherever they turn up ---- */

/* At most max octets of the pattern from offset on, in memory that stays. */
const uint8_t *xq_pattern(uint64_t seed, uint64_t offset, size_t max, size_t *len);
bool xq_pattern_check(uint64_t seed, uint64_t offset, const uint8_t *data, size_t len);
uint64_t xq_hash(uint64_t hash, const uint8_t *data, size_t len);
#define XQ_HASH_START 0xcbf29ce484222325ULL

/* ---- stream.c: one direction each ---- */

struct xq_out {
	char head[XQ_LINE];
	char tail[XQ_LINE];
	size_t head_len, tail_len;
	bool tail_due; /* a tail will come; no fin before it */
	uint64_t seed, body;
	uint64_t sent; /* octets ngtcp2 took */
	bool fin_sent;
	uint64_t rate; /* octets of the body per second, 0: no limit */
	uint64_t start;
};

enum xq_phase { XQ_HEAD, XQ_BODY, XQ_TAIL };

struct xq_in {
	enum xq_phase phase;
	char line[XQ_LINE];
	size_t line_len;
	uint64_t seed, body; /* known at the latest when the head is there */
	uint64_t got, hash;
	bool bad, fin;
};

struct xq_stream {
	struct xq_stream *next;
	struct xq_conn *c;
	int64_t id; /* -1: not open yet */
	struct xq_out out;
	struct xq_in in;
	bool blocked, dead, done;
	uint64_t early; /* octets that came as 0-RTT */
};

/* What to send next: pieces into vec; -1: nothing now. fin: this ends it. */
int xq_out_next(struct xq_out *o, uint64_t now, ngtcp2_vec *vec, bool *fin);
/* When the rate lets something go again; UINT64_MAX: never or now. */
uint64_t xq_out_when(const struct xq_out *o, uint64_t now);
uint64_t xq_out_body(const struct xq_out *o); /* octets of it taken */

/*
 * Eats what came. on_head runs when the first line is there and sets in.seed
 * and in.body. Returns 0, or -1 if the peer speaks nonsense.
 */
int xq_in_eat(struct xq_stream *s, const uint8_t *data, size_t len, bool fin,
	      int (*on_head)(struct xq_stream *s, char *line));

/* ---- net.c ---- */

union xq_addr {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

int xq_addr_parse(union xq_addr *a, const char *host, uint16_t port);
socklen_t xq_addr_len(const union xq_addr *a);
bool xq_addr_eq(const union xq_addr *a, const union xq_addr *b);
const char *xq_addr_text(const union xq_addr *a, char buf[64]);
/* A bound UDP socket; "ADDR%DEV" binds it to the device, too. */
int xq_socket(const char *local, uint16_t port, union xq_addr *bound);
uint64_t xq_now(void);
void xq_random(void *buf, size_t len);
uint64_t xq_number(const char *text, const char *what); /* 64K, 5M, ... */
int xq_hex(uint8_t *out, size_t max, const char *hex);  /* octets or -1 */
void xq_die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

#define XQ_BATCH 64
struct xq_batch {
	int n;
	struct {
		union xq_addr from;
		size_t len;
		uint8_t data[2048];
	} pkt[XQ_BATCH];
};
/* Everything that is there, XQ_BATCH at most; 0 if nothing. */
int xq_recv(int fd, struct xq_batch *b);
int xq_send(int fd, const union xq_addr *to, const uint8_t *data, size_t len);

/* ---- options.c ---- */

struct xq_option {
	const char *name; /* NULL ends the list; one letter: -x, too */
	enum {
		XQ_ON, /* to: bool */
		XQ_OFF,
		XQ_TEXT,     /* const char * */
		XQ_NUMBER,   /* uint64_t */
		XQ_REAL,     /* double */
		XQ_CALL,     /* call */
		XQ_CALL_WITH /* call, with its value */
	} kind;
	void *to;
	void (*call)(char *value);
};

/* Does what the options say; gives the two words after them. */
char **xq_options(const struct xq_option *list, const char *usage, int argc, char **argv);

/* ---- setup.c: what both ends set up alike ---- */

#define XQ_VERSIONS 2
/* v2 first; not const, for ngtcp2 takes it without. */
extern uint32_t xq_versions[XQ_VERSIONS];

void xq_settings(ngtcp2_settings *s);
void xq_params(ngtcp2_transport_params *p, uint64_t idle); /* seconds */
void xq_path(ngtcp2_path *path, const union xq_addr *local, const union xq_addr *remote);

typedef void xq_signal_cb(struct ev_loop *loop, ev_signal *w, int events);
typedef void xq_timer_cb(struct ev_loop *loop, ev_timer *w, int events);

void xq_on_signal(struct ev_loop *loop, ev_signal *w, int number, xq_signal_cb *cb);
/* every 0: once */
void xq_on_time(struct ev_loop *loop, ev_timer *w, double after, double every, xq_timer_cb *cb);

/* ---- tls.c ---- */

/* One secret makes the ticket, Retry and reset keys; NULL: a random one. */
int xq_tls_server_init(const char *secret_file);
gnutls_session_t xq_tls_server(ngtcp2_crypto_conn_ref *ref);
int xq_tls_client_init(void);
gnutls_session_t xq_tls_client(ngtcp2_crypto_conn_ref *ref, const char *session_file,
			       bool *resumed);
extern uint8_t xq_reset_key[32], xq_retry_key[32];
extern char xq_spki[64]; /* the server's public key, as it is pinned */

/* ---- conn.c ---- */

struct xq_ops {
	/* 0 if sent or lost on the way; path is the one ngtcp2 chose. */
	void (*send)(struct xq_conn *c, const ngtcp2_path *path, const uint8_t *data, size_t len);
	/* The connection is over; err is 0 or why. It may be freed in here. */
	void (*closed)(struct xq_conn *c, int err);
	int (*on_head)(struct xq_stream *s, char *line);
	void (*on_stream_end)(struct xq_stream *s);
	/*
	 * Octets of a body that came, and went, as they do: the peer may leave
	 * before its exchange is over. bad: once for each that proves wrong.
	 */
	void (*on_octets)(struct xq_conn *c, uint64_t in, uint64_t out, bool bad);
	/* The keys of this level are there to send by. */
	int (*on_tx_key)(struct xq_conn *c, ngtcp2_crypto_level level);
};

/* Replaces the stream protocol (h3.c). */
struct xq_app {
	int (*recv)(struct xq_conn *c, int64_t id, const uint8_t *data, size_t len, bool fin);
	/* As xq_out_next, for any stream: *id -1 if there is nothing. */
	int (*next)(struct xq_conn *c, int64_t *id, ngtcp2_vec *vec, int max, bool *fin);
	void (*wrote)(struct xq_conn *c, int64_t id, size_t len);
	void (*blocked)(struct xq_conn *c, int64_t id);
	void (*shut)(struct xq_conn *c, int64_t id);
	void (*acked)(struct xq_conn *c, int64_t id, uint64_t len);
	void (*unblocked)(struct xq_conn *c, int64_t id);
	void (*closed)(struct xq_conn *c, int64_t id);
	void (*may_open)(struct xq_conn *c, uint64_t streams); /* in all */
	void (*free)(struct xq_conn *c);
};

struct xq_conn {
	ngtcp2_conn *conn;
	ngtcp2_crypto_conn_ref ref;
	gnutls_session_t tls;
	const struct xq_ops *ops;
	const struct xq_app *app;
	void *app_data;
	struct ev_loop *loop;
	ev_timer timer;
	struct xq_stream *streams, *turn;
	bool over;
	bool busy; /* a transfer is under way: gaps count */
	uint64_t last_rx, longest_gap;
	uint64_t packets_in, packets_out;
	uint64_t lost;
	uint64_t early; /* octets of an application's that came as 0-RTT */
	uint64_t validated, invalidated;
	uint64_t resets;
	char error[128];
};

void xq_callbacks(ngtcp2_callbacks *cb); /* what both ends share */
void xq_conn_start(struct xq_conn *c, struct ev_loop *loop, const struct xq_ops *ops);
void xq_conn_free(struct xq_conn *c);
struct xq_stream *xq_stream_new(struct xq_conn *c, int64_t id);
struct xq_stream *xq_stream_find(struct xq_conn *c, int64_t id);
/* A datagram for c. False: c is over (and perhaps gone). */
bool xq_conn_read(struct xq_conn *c, const ngtcp2_path *path, const uint8_t *data, size_t len,
		  uint64_t now);
bool xq_conn_write(struct xq_conn *c);
/* From now on the time without a datagram is measured, or no longer. */
void xq_conn_busy(struct xq_conn *c, bool busy);
/* How long, in ns, none has come while it is measured. */
uint64_t xq_conn_waiting(const struct xq_conn *c, uint64_t now);
/* That much, up to now, counts among the gaps, whether a datagram ends it or not. */
void xq_conn_note_gap(struct xq_conn *c, uint64_t now);
void xq_conn_close(struct xq_conn *c, uint64_t app_error);

/* ---- report.c ---- */

/* An object of the facts that both ends print of a connection. */
json_t *xq_conn_report(const struct xq_conn *c);
double xq_ms(uint64_t ns);

/* ---- mint.c: the server's connection IDs, by libxroam-cid ---- */

/*
 * Reads the configuration file: a line per configuration, the first is the one
 * to mint under, none: 0b111 CIDs.
 *   id=0..6 sid=HEX nonce=N [key=FILE] [peers=HEX,HEX...] [format=WORD]
 */
int xq_mint_load(const char *file, char *err, size_t err_len);
size_t xq_mint_need(void); /* length of the longest CID of any line */
/* A CID of len octets; 0b111 and random where there is no configuration. */
void xq_mint(uint8_t *cid, size_t len);
enum xq_owner { XQ_NOBODY, XQ_SELF, XQ_PEER };
/* Whose server ID is in it. */
enum xq_owner xq_mint_owner(const uint8_t *cid, size_t len);

/* ---- cids.c: a server's table ---- */

/* Without an owner: one that was ours until lately. */
struct xq_cid {
	uint8_t len;
	uint8_t octet[NGTCP2_MAX_CIDLEN];
	void *owner;
	uint64_t until;
	LIST_ENTRY(xq_cid) of_owner;
	STAILQ_ENTRY(xq_cid) of_late;
};
LIST_HEAD(xq_cids, xq_cid);

struct xq_cid *xq_cid_find(const uint8_t *octets, size_t len);
/* Into the list of its owner's; false if it is somebody's already. */
bool xq_cid_add(struct xq_cids *of, void *owner, const uint8_t *octets, size_t len);
/* What is still on its way to a CID given up is late, not astray. */
void xq_cid_give_up(struct xq_cid *e);
void xq_cids_give_up(struct xq_cids *of);
void xq_cids_forget_late(void);

/* ---- h3.c: enough HTTP/3 for clients that are not ours ---- */

/*
 * streams: how many the client may open at first. Once there are keys to send by:
 * a request may come with the client's very first datagram (0-RTT).
 */
int xq_h3_start(struct xq_conn *c, uint64_t streams);

#endif
