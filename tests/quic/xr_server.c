// SPDX-License-Identifier: GPL-2.0-only
/*
 * A QUIC server that mints QUIC-LB connection IDs and counts every datagram
 * whose connection it does not hold: a stray, the load balancer's mistake.
 */
#include "server/server.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>

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
	stats_begin();
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
