// SPDX-License-Identifier: GPL-2.0-only
/* What a connection does at which time: it migrates, its NAT forgets it. */
#include "client.h"
#include <stdio.h>
#include <string.h>

static void event_fail(struct conn *c, const char *what, int rc)
{
	char line[128];

	snprintf(line, sizeof(line), "%s: %s", what,
		 rc <= NGTCP2_ERR_INVALID_ARGUMENT ? ngtcp2_strerror(rc) : strerror(-rc));
	add_error(c, line);
}

/* True: done, or it never will be. */
static bool event_run(struct conn *c, const struct event *e)
{
	int rc = e->kind == REBIND ? rebind(c) : migrate(c, e->to, e->kind == PROBE);

	/* The server's spare CIDs are used up until it sends new ones. */
	if (rc == NGTCP2_ERR_CONN_ID_BLOCKED) {
		c->blocked++;
		return false;
	}
	if (rc)
		event_fail(c, e->kind == REBIND ? "rebinding" : "migration", rc);
	return true;
}

void event_cb(struct ev_loop *l, ev_timer *w, int revents)
{
	static const struct event next_cid = { .kind = MIGRATE };
	struct conn *c = w->data;
	uint64_t now = xq_now();

	if (c->q.over)
		return;
	while (c->next_event < opt.n_events &&
	       c->confirmed_at + opt.events[c->next_event].at <= now) {
		if (!event_run(c, &opt.events[c->next_event])) {
			ev_timer_set(w, 0.01, 0);
			ev_timer_start(l, w);
			return;
		}
		c->next_event++;
	}
	if (opt.use_cids && c->next_cid_at <= now && event_run(c, &next_cid))
		c->next_cid_at = now + opt.use_cids * XQ_MS;
	xq_conn_write(&c->q);
	event_arm(c);
	close_if_done(c);
}

void event_arm(struct conn *c)
{
	uint64_t at = UINT64_MAX, now = xq_now();

	if (c->q.over || !c->confirmed)
		return;
	if (c->next_event < opt.n_events)
		at = c->confirmed_at + opt.events[c->next_event].at;
	if (opt.use_cids && c->next_cid_at < at)
		at = c->next_cid_at;
	if (opt.hold && c->confirmed_at + opt.hold * XQ_MS > now &&
	    c->confirmed_at + opt.hold * XQ_MS < at)
		at = c->confirmed_at + opt.hold * XQ_MS;
	if (at == UINT64_MAX)
		return;
	ev_timer_stop(run.loop, &c->event_timer);
	ev_timer_set(&c->event_timer, at > now ? (double)(at - now) / XQ_SECOND : 0.01, 0);
	ev_timer_start(run.loop, &c->event_timer);
}
