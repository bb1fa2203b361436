/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of this room share. source.c is in the daemon: it listens, and keeps a
 * child process that serves. All the rest is in the child, which has the instance's maps
 * and the daemon's figures to read, and no lock: nothing that a client does, and no
 * table's size, makes a move wait. serve.c has the connections; metrics.c and its like make
 * the text, page.c the page's data.
 */
#ifndef XR_METRICS_METRICS_PRIV_H
#define XR_METRICS_METRICS_PRIV_H

#include <jansson.h>
#include <stdio.h>

#include "daemon/daemon.h"
#include "daemon/figures.h"
#include "daemon/own_socket.h"
#include "lib/metrics_address.h"

/* ---- listen.c ---- */

struct listener {
	int fd;                   /* -1: it does not listen */
	struct own_socket socket; /* where it is no port */
};

int listener_open(struct listener *l, const char *where, struct xr_err *err);
void listener_close(struct listener *l);

/* ---- serve.c: the child ---- */

struct server;

/* Serves until it is killed, with as few rights as it can, and without d's model. */
_Noreturn void metrics_serve(struct daemon *d, int listen_fd);

/* What a response is made of. */
struct site {
	struct plane *p;
	const struct figures *figures;
	__u32 per_vm;
	struct http_figures {
		__u64 requests[4]; /* by enum http_status */
		__u64 cut_off;     /* connections that were closed before their end */
		__u32 connections;
	} http;
	struct wrong *wrong;
	struct history *history;
	bool no_memory; /* what is being made lacks a part, and must not be sent */
};

enum http_status { HTTP_FINE, HTTP_REFUSED, HTTP_NOT_FOUND, HTTP_FAILED, HTTP_STATUSES };

/* ---- wrong.c: what "xroam status" says, now and then ---- */

struct wrong *wrong_new(struct plane *p);
/* As it was at most two seconds ago: lists of strings, which stay wrong's. */
const json_t *wrong_lines(struct wrong *w);
const json_t *wrong_refused(struct wrong *w);

/* ---- text.c: the text format, 0.0.4 ---- */

/* # HELP and # TYPE; type: "counter", "gauge" or "histogram". */
void text_family(FILE *to, const char *name, const char *type, const char *help);
/*
 * A sample, with pairs of a label's name and its value up to a NULL; the value is
 * escaped, and may have any octets.
 */
void text_sample(FILE *to, const char *name, __u64 value, ...) __attribute__((sentinel));
void text_sample_real(FILE *to, const char *name, double value, ...) __attribute__((sentinel));
/*
 * A histogram with one label or none (NULL). Bounds and sum are divided by unit, as
 * microseconds are by 1e6.
 */
void text_histogram(FILE *to, const char *name, const struct figures_histogram *h,
		    const __u32 *bounds, double unit, const char *label, const char *value);

/* ---- the metrics, by what they are of ---- */

void metrics_of_steering(FILE *to, struct site *s); /* VIPs, backends, CIDs: steering.c */
void metrics_of_vms(FILE *to, struct site *s);      /* vms.c */
void metrics_of_daemon(FILE *to, struct site *s);   /* moves, notices, sources: moves.c */
/* All of them: metrics.c. NULL: out of memory. free() it. */
char *metrics_text(struct site *s, size_t *len);

/* ---- page.c ---- */

/* The counters that the page's plots begin with, kept from the start. */
struct history *history_new(void);
void history_sample(struct history *h, struct plane *p);
/* The page's data; NULL: out of memory. free() it. */
char *page_data(struct site *s, size_t *len);

#endif
