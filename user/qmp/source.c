// SPDX-License-Identifier: GPL-2.0-only
/* Which QEMUs are watched, and how those are left that are no more. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plane/daemon.h"
#include "qmp_priv.h"

#define MS            1000ULL /* in the loop's microseconds */
#define ANSWER_WITHIN 200     /* ms: of those that are let go */

struct qmp {
	struct daemon *d;
	struct monitor *list, *leaving;
};

/* ---- what is wrong ---- */

static void tell_wrong(const struct qmp *q)
{
	const struct monitor *m;
	char text[4000] = "";
	size_t used = 0;

	for (m = q->list; m && used < sizeof(text); m = m->next) {
		if (m->mute)
			used += snprintf(
				text + used, sizeof(text) - used,
				"qmp %s: it does not greet; a monitor has one client, and another one may have it\n",
				m->conf.socket);
		else if (m->loud)
			used += snprintf(
				text + used, sizeof(text) - used,
				"qmp %s: it never stops talking: cut off, and met again after %d s\n",
				m->conf.socket, QMP_LOUD_WAIT);
		else if (m->gate_others && m->conf.gate)
			used += snprintf(
				text + used, sizeof(text) - used,
				"qmp %s: gate: true, but somebody else opens this QEMU's gate; it is left to him\n",
				m->conf.socket);
	}
	daemon_tell_wrong(q->d->claim_fd, text);
}

void qmp_tell_wrong(struct monitor *m)
{
	tell_wrong(m->qmp);
}

/* ---- which of them ---- */

void qmp_free(struct monitor *m)
{
	struct monitor **link = &m->qmp->leaving;

	while (*link && *link != m)
		link = &(*link)->next;
	if (*link)
		*link = m->next;
	qmp_forget(m);
	qmp_drop(m);
	sd_event_source_disable_unref(m->timer);
	free(m->in);
	free(m->conf.socket);
	free(m);
}

/*
 * Its next migration must not wait at a gate that nobody opens. Waited for, as
 * QEMU does not read what one who hung up has said; of many, for all at once.
 */
static void let_go(struct monitor *m)
{
	qmp_forget(m);
	m->leaves = true;
	m->next = m->qmp->leaving;
	m->qmp->leaving = m;
	if (m->ready)
		qmp_take_gate_away(m);
	if (m->ready && m->gated)
		qmp_wait_until(m, ANSWER_WITHIN);
	else
		qmp_free(m);
}

/* Of one poll; they free themselves. */
static void hear_leaving(struct qmp *q, int ms)
{
	struct monitor **monitors, *m;
	struct pollfd *fds;
	size_t n = 0, i;

	for (m = q->leaving; m; m = m->next)
		n++;
	monitors = calloc(n, sizeof(*monitors));
	fds = calloc(n, sizeof(*fds));
	if (monitors && fds) {
		for (i = 0, m = q->leaving; m; m = m->next, i++) {
			monitors[i] = m;
			fds[i] = (struct pollfd){ .fd = m->fd, .events = POLLIN };
		}
		poll(fds, n, ms);
		for (i = 0; i < n; i++)
			if (fds[i].revents)
				qmp_on_readable(NULL, fds[i].fd, 0, monitors[i]);
	}
	free(monitors);
	free(fds);
}

static uint64_t ms_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
}

/* The daemon ends, and its loop with it. */
static void let_all_go(struct qmp *q)
{
	uint64_t end = ms_now() + ANSWER_WITHIN, now;
	struct monitor *m;

	while ((m = q->list)) {
		q->list = m->next;
		let_go(m);
	}
	while (q->leaving && (now = ms_now()) < end)
		hear_leaving(q, end - now);
	while (q->leaving)
		qmp_free(q->leaving);
}

static int monitor_new(struct qmp *q, const struct model_qmp *conf)
{
	struct monitor *m = calloc(1, sizeof(*m));
	int ret;

	if (!m)
		return -ENOMEM;
	m->d = q->d;
	m->qmp = q;
	m->fd = -1;
	m->wait_ms = QMP_FIRST_WAIT;
	m->conf = *conf;
	m->conf.socket = strdup(conf->socket);
	ret = m->conf.socket
		? sd_event_add_time(q->d->loop, &m->timer, CLOCK_MONOTONIC, 0, MS, qmp_on_time, m)
		: -ENOMEM;
	if (ret < 0) {
		qmp_free(m);
		return ret;
	}
	m->next = q->list;
	q->list = m;
	return 0;
}

static bool is_same(const struct model_qmp *a, const struct model_qmp *b)
{
	return !strcmp(a->socket, b->socket) && !memcmp(a->mac, b->mac, 6) && a->vlan == b->vlan &&
		a->destination == b->destination && a->role_given == b->role_given &&
		a->gate == b->gate && !strcmp(a->to, b->to);
}

static struct monitor *find(struct qmp *q, const struct model_qmp *conf)
{
	struct monitor *m = q->list;

	while (m && !is_same(&m->conf, conf))
		m = m->next;
	return m;
}

static void drop_stale(struct qmp *q)
{
	struct monitor **link = &q->list, *m;

	while ((m = *link)) {
		if (!m->stale) {
			link = &m->next;
			continue;
		}
		*link = m->next;
		let_go(m);
	}
}

/* Those that are as before keep their connection. */
static int reload(struct daemon *d, void *state, struct xr_err *err)
{
	struct qmp *q = state;
	struct monitor *m;
	int ret = 0;
	size_t i;

	for (m = q->list; m; m = m->next)
		m->stale = true;
	for (i = 0; d->config && i < d->config->n_qmp; i++) {
		m = find(q, &d->config->qmp[i]);
		if (m)
			m->stale = false;
	}
	drop_stale(q);
	tell_wrong(q);
	for (i = 0; !ret && d->config && i < d->config->n_qmp; i++)
		if (!find(q, &d->config->qmp[i]))
			ret = monitor_new(q, &d->config->qmp[i]);
	return ret ? xr_fail(err, ret, "watching QEMU: %s", strerror(-ret)) : 0;
}

static void stop(void *state)
{
	struct qmp *q = state;

	let_all_go(q);
	free(q);
}

static void goes_on(void *state)
{
	struct qmp *q = state;
	struct monitor *m;

	for (m = q->list; m; m = m->next)
		qmp_catch_up(m);
}

static int start(struct daemon *d, void **state, struct xr_err *err)
{
	struct qmp *q = calloc(1, sizeof(*q));
	int ret;

	if (!q)
		return xr_fail(err, -ENOMEM, "out of memory");
	q->d = d;
	ret = reload(d, q, err);
	if (ret) {
		stop(q);
		return ret;
	}
	*state = q;
	return 0;
}

const struct source source_qmp = {
	.name = "qmp",
	.start = start,
	.reload = reload,
	.goes_on = goes_on,
	.stop = stop,
};
