// SPDX-License-Identifier: GPL-2.0-only
/*
 * A QUIC client that moves: it uploads and downloads verified octets while it
 * changes its address, its NAT's port or its connection ID, and prints what
 * it saw as one JSON object. Exit 0 only if all that was asked came true.
 */
#include "client/client.h"
#include <signal.h>
#include <stdlib.h>

/* Connections started one by one, opt.spread seconds apart. */
static void spread_cb(struct ev_loop *l, ev_timer *w, int events)
{
	conn_start_one();
	if (run.next_conn == opt.connections)
		ev_timer_stop(l, w);
}

static void timeout_cb(struct ev_loop *l, ev_timer *w, int events)
{
	run.timed_out = true;
	ev_break(l, EVBREAK_ALL);
}

static void stop_cb(struct ev_loop *l, ev_signal *w, int events)
{
	run.timed_out = true;
	ev_break(l, EVBREAK_ALL);
}

int main(int argc, char **argv)
{
	ev_timer timeout, spread, progress;
	ev_signal intr, term;

	parse(argc, argv);
	xq_tls_client_init();
	run.loop = ev_default_loop(0);
	run.conns = calloc(opt.connections, sizeof(*run.conns));
	if (!run.conns)
		xq_die("out of memory");
	report_begin();
	xq_on_time(run.loop, &timeout, opt.timeout, 0, timeout_cb);
	xq_on_signal(run.loop, &intr, SIGINT, stop_cb);
	xq_on_signal(run.loop, &term, SIGTERM, stop_cb);
	if (opt.progress)
		xq_on_time(run.loop, &progress, 0, opt.progress / 1e3, progress_cb);
	if (opt.spread > 0)
		xq_on_time(run.loop, &spread, opt.spread, opt.spread, spread_cb);
	conn_start_next();
	ev_run(run.loop, 0);
	for (uint64_t i = 0; i < opt.connections; i++) {
		if (!run.conns[i].started || run.conns[i].q.over)
			continue;
		add_error(&run.conns[i], "not finished in time");
		conn_ended(&run.conns[i]);
	}
	return report() ? 0 : 1;
}
