// SPDX-License-Identifier: GPL-2.0-only
/* The list of QEMUs that are watched, and how one is let go. */
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "qmp.h"
#include "qmp_priv.h"

#define ANSWER_WITHIN 200 /* ms: of those that are let go */

/* ---- what the VM's moves need of its QEMU ---- */

static struct monitor *monitor_of(struct guest *g)
{
	return (struct monitor *)((char *)g - offsetof(struct monitor, guest));
}

static void ask(struct guest *g, enum guest_question question, const char *command,
		const char *arguments)
{
	qmp_send(monitor_of(g), QMP_GUEST + question, command, arguments);
}

static void gate_reached(struct guest *g)
{
	qmp_gate_reached(monitor_of(g));
}

static void gate_passed(struct guest *g)
{
	qmp_gate_passed(monitor_of(g));
}

static void failed(struct guest *g)
{
	if (monitor_of(g)->gate_others)
		qmp_gate_switch_off(monitor_of(g));
}

static void runs(struct guest *g)
{
	qmp_gate_switch_on(monitor_of(g));
}

static const struct guest_ops guest_ops = {
	.ask = ask,
	.gate_reached = gate_reached,
	.gate_passed = gate_passed,
	.failed = failed,
	.runs = runs,
};

static void on_event(struct monitor *m, const char *name, json_t *data, int64_t at)
{
	guest_on_event(&m->guest, name, data, at);
	qmp_look_where(m);
}

static void on_gone(struct monitor *m)
{
	qmp_gate_forget(m);
	guest_on_gone(&m->guest);
	qmp_look_where(m);
}

/* ---- one comes and goes ---- */

static void forget(struct monitor *m)
{
	qmp_gate_forget(m);
	guest_forget(&m->guest);
}

static void monitor_free(struct monitor *m)
{
	struct monitor **link = &m->qmp->leaving;

	while (*link && *link != m)
		link = &(*link)->next;
	if (*link)
		*link = m->next;
	forget(m);
	qmp_disconnect(m);
	figures_drop_source(m->d->figures, m->figure);
	sd_event_source_disable_unref(m->timer);
	line_buffer_free(&m->in);
	free(m->conf.socket);
	free(m);
}

static const struct qmp_ops ops = {
	.ready = qmp_on_ready,
	.answer = qmp_on_answer,
	.event = on_event,
	.gone = on_gone,
	.left = monitor_free,
};

static void guest_of_monitor(struct monitor *m)
{
	struct guest *g = &m->guest;

	guest_init(g);
	g->d = m->d;
	g->ops = &guest_ops;
	g->source = XR_SOURCE_QMP;
	g->peer = (struct daemon_peer){ .via = AUDIT_QMP, .fd = -1, .what = m->conf.socket };
	memcpy(g->mac, m->conf.mac, sizeof(g->mac));
	g->vlan = m->conf.vlan;
	g->to = m->conf.to;
	g->host = "";
	g->role_given = m->conf.role_given;
}

static int monitor_new(struct qmp *q, const struct model_qmp *conf)
{
	struct monitor *m = calloc(1, sizeof(*m));
	int ret;

	if (!m)
		return -ENOMEM;
	m->d = q->d;
	m->qmp = q;
	m->ops = &ops;
	m->fd = -1;
	m->figure = figures_add_source(q->d->figures, "qmp", conf->socket);
	m->wait_ms = QMP_FIRST_WAIT;
	m->conf = *conf;
	m->conf.socket = strdup(conf->socket);
	guest_of_monitor(m);
	ret = m->conf.socket ? sd_event_add_time(q->d->moves, &m->timer, CLOCK_MONOTONIC, 0,
						 US_PER_MS, qmp_on_time, m)
			     : -ENOMEM;
	if (ret >= 0)
		ret = chains_add(&q->by_vm, &m->guest.by_vm, guest_key(&m->guest));
	if (ret < 0) {
		monitor_free(m);
		return ret;
	}
	m->next = q->list;
	q->list = m;
	return 0;
}

/*
 * This QEMU's next migration must not wait at a gate that nobody opens. QEMU does not
 * read what a client sent that hung up, so its answer is waited for.
 */
static void let_go(struct monitor *m)
{
	chains_remove(&m->qmp->by_vm, &m->guest.by_vm);
	forget(m);
	m->leaving = true;
	m->next = m->qmp->leaving;
	m->qmp->leaving = m;
	if (m->ready)
		qmp_gate_switch_off(m);
	if (m->ready && m->gated)
		timer_in_us(m->timer, ANSWER_WITHIN * US_PER_MS);
	else
		monitor_free(m);
}

/* All of them at once; each that has answered is freed. */
static void read_leaving(struct qmp *q, int ms)
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

/* At the daemon's end, when its loop does not run any more. */
static void let_all_go(struct qmp *q)
{
	uint64_t end = daemon_clock_us() + ANSWER_WITHIN * US_PER_MS, now;
	struct monitor *m;

	while ((m = q->list)) {
		q->list = m->next;
		let_go(m);
	}
	while (q->leaving && (now = daemon_clock_us()) < end)
		read_leaving(q, (end - now + US_PER_MS - 1) / US_PER_MS);
	while (q->leaving)
		monitor_free(q->leaving);
}

/* ---- the list ---- */

static bool is_same(const struct model_qmp *a, const struct model_qmp *b)
{
	return !strcmp(a->socket, b->socket) && !memcmp(a->mac, b->mac, 6) && a->vlan == b->vlan &&
		a->destination == b->destination && a->role_given == b->role_given &&
		a->gate == b->gate && !strcmp(a->to, b->to);
}

static struct monitor *find(struct qmp *q, const struct model_qmp *conf)
{
	struct guest *g = guest_first(&q->by_vm, vm_key(conf->mac, conf->vlan));

	while (g && !is_same(&monitor_of(g)->conf, conf))
		g = guest_next(g);
	return g ? monitor_of(g) : NULL;
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
	for (i = 0; i < d->model.n_qmp; i++) {
		m = find(q, &d->model.qmp[i]);
		if (m)
			m->stale = false;
	}
	drop_stale(q);
	qmp_report_faults(q);
	for (i = 0; !ret && i < d->model.n_qmp; i++)
		if (!find(q, &d->model.qmp[i]))
			ret = monitor_new(q, &d->model.qmp[i]);
	return ret ? xr_fail(err, ret, "watching QEMU: %s", strerror(-ret)) : 0;
}

static void stop(void *state)
{
	struct qmp *q = state;

	let_all_go(q);
	chains_free(&q->by_vm);
	free(q);
}

static void lock_is_back(void *state)
{
	struct qmp *q = state;
	struct monitor *m;

	for (m = q->list; m; m = m->next)
		qmp_catch_up(m);
}

static bool says(void *state, enum vm_word word, __u64 vm_key, __u16 host)
{
	const struct qmp *q = state;
	struct guest *g = guest_first(&q->by_vm, vm_key);

	while (g && !(monitor_of(g)->ready && guest_says(g, word, host)))
		g = guest_next(g);
	return g;
}

/* Where a frame said so and QEMU knows of no move, it was none of the VM's. */
static void moved(void *state, const struct xr_event *e, __u32 vm_index)
{
	const struct qmp *q = state;
	struct guest *g;

	for (g = guest_first(&q->by_vm, q->d->plane->vms[vm_index].key); g; g = guest_next(g)) {
		if (e->reason == XR_R_ACTIVATED && monitor_of(g)->ready &&
		    guest_says(g, VM_RUNS, e->from))
			guest_is_still_at(g, e->from);
		qmp_look_where(monitor_of(g));
	}
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
	.lock_is_back = lock_is_back,
	.says = says,
	.moved = moved,
	.stop = stop,
};
