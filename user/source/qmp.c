// SPDX-License-Identifier: GPL-2.0-only
/*
 * QEMU's monitor protocol (QMP): connections, lines, commands. A QEMU that is
 * not there yet is waited for; what it says is not trusted to be sane.
 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../core/daemon.h"
#include "../core/text.h"
#include "qmp.h"

#define MS		1000ULL		/* in the loop's microseconds */
#define FIRST_WAIT	20		/* ms: the incoming QEMU lives but shortly */
#define LONGEST_WAIT	100		/* before the migration begins */
#define STRANGE_WAIT	5000		/* it does not talk QMP */
#define GREETS_WITHIN	3000		/* or has another client */
#define FIRST_BUFFER	4096
#define LINE_OCTETS	(1U << 20)	/* query-* answers, at most */
#define READS		8		/* before the others' turn */
#define ANSWER_WITHIN	200		/* ms: of a QEMU that is let go */

struct qmp {
	struct daemon *d;
	struct monitor *list;
};

void qmp_log(struct monitor *m, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	daemon_log(m->d, "qmp %s: %s", m->conf.socket, text);
}

static void tell_wrong(const struct qmp *q)
{
	const struct monitor *m;
	char text[4000] = "";
	size_t used = 0;

	for (m = q->list; m && used < sizeof(text); m = m->next) {
		if (m->mute)
			used += snprintf(text + used, sizeof(text) - used,
					 "qmp %s: it does not greet; a monitor has one client, and another one may have it\n",
					 m->conf.socket);
		else if (m->gate_others && m->conf.gate)
			used += snprintf(text + used, sizeof(text) - used,
					 "qmp %s: gate: true, but somebody else opens this QEMU's gate; it is left to him\n",
					 m->conf.socket);
	}
	daemon_tell_wrong(q->d->claim_fd, text);
}

void qmp_tell_wrong(struct monitor *m)
{
	tell_wrong(m->qmp);
}

/* ---- connection ---- */

static void wait_until(struct monitor *m, unsigned int ms)
{
	sd_event_source_set_time_relative(m->timer, ms * MS);
	sd_event_source_set_enabled(m->timer, SD_EVENT_ONESHOT);
}

static void drop(struct monitor *m)
{
	if (m->fd < 0)
		return;
	m->io = sd_event_source_disable_unref(m->io);
	close(m->fd);
	m->fd = -1;
	m->in_len = m->searched = 0;
}

static void set_mute(struct monitor *m, bool mute)
{
	bool was = m->mute;

	m->mute = mute;
	if (mute != was)
		qmp_tell_wrong(m);
}

/* Over; and another attempt later. */
static void hang_up(struct monitor *m, unsigned int wait_ms, const char *why)
{
	bool was_ready = m->ready;

	drop(m);
	m->greeted = m->ready = false;
	set_mute(m, false);
	if (why && !m->told)
		qmp_log(m, "%s", why);
	m->told = why != NULL;
	if (was_ready)
		qmp_on_gone(m);
	wait_until(m, wait_ms);
}

void qmp_send(struct monitor *m, enum qmp_id id, const char *command,
	      const char *arguments)
{
	char text[512];
	int len = snprintf(text, sizeof(text),
			   "{\"execute\":\"%s\",\"id\":%d%s%s}\r\n", command,
			   id, arguments ? ",\"arguments\":" : "",
			   arguments ? arguments : "");

	/*
	 * A few commands, to one who reads: if they do not fit, something is
	 * wrong with it, and it is seen as an error when it is read next.
	 */
	if (m->fd >= 0 && send(m->fd, text, len,
			       MSG_DONTWAIT | MSG_NOSIGNAL) != len)
		shutdown(m->fd, SHUT_RDWR);
}

/* ---- what it says ---- */

static void on_answer(struct monitor *m, json_t *line)
{
	json_int_t id = json_integer_value(json_object_get(line, "id"));
	json_t *error = json_object_get(line, "error");
	const char *why;

	if (error && (id < QMP_VIRTIO || m->d->verbose)) {
		why = json_string_value(json_object_get(error, "desc"));
		qmp_log(m, "command %d was refused: %.200s", (int)id,
			why ? why : "no reason given");
	}
	if (id == QMP_CAPABILITIES && !error) {
		m->ready = true;
		m->told = false;
		if (m->d->verbose)
			qmp_log(m, "connected");
		qmp_on_ready(m);
	} else if (m->ready) {
		qmp_on_answer(m, id, json_object_get(line, "return"));
	}
}

/* false: that is not QMP. */
static bool take_line(struct monitor *m, const char *text, size_t len)
{
	json_t *line = json_loadb(text, len, 0, NULL);
	const char *event;

	if (!json_is_object(line)) {
		json_decref(line);
		return false;
	}
	event = json_string_value(json_object_get(line, "event"));
	if (!m->greeted && json_object_get(line, "QMP")) {
		m->greeted = true;
		sd_event_source_set_enabled(m->timer, SD_EVENT_OFF);
		set_mute(m, false);
		qmp_send(m, QMP_CAPABILITIES, "qmp_capabilities", NULL);
	} else if (m->ready && event) {
		qmp_on_event(m, event, json_object_get(line, "data"));
	} else if (m->greeted && !event) {
		on_answer(m, line);
	}
	json_decref(line);
	return true;
}

static bool take_lines(struct monitor *m)
{
	size_t done = 0, len;
	bool sane = true;
	char *end;

	while (sane) {
		size_t look = m->searched > done ? m->searched : done;

		end = memchr(m->in + look, '\n', m->in_len - look);
		if (!end)
			break;
		len = end - m->in - done;
		while (len && (m->in[done + len - 1] == '\r'))
			len--;
		sane = !len || take_line(m, m->in + done, len);
		done = end - m->in + 1;
		if (m->fd < 0)
			return true;	/* hung up meanwhile */
	}
	memmove(m->in, m->in + done, m->in_len - done);
	m->in_len -= done;
	m->searched = m->in_len;
	return sane;
}

static bool grow(struct monitor *m)
{
	size_t size = m->in_size ? 2 * m->in_size : FIRST_BUFFER;
	char *in;

	if (m->in_len < m->in_size)
		return true;
	in = size > LINE_OCTETS ? NULL : realloc(m->in, size);
	if (!in)
		return false;
	m->in = in;
	m->in_size = size;
	return true;
}

static int on_readable(sd_event_source *s, int fd, uint32_t revents, void *ctx)
{
	struct monitor *m = ctx;
	ssize_t got;
	int i;

	(void)s;
	(void)revents;
	for (i = 0; i < READS && m->fd == fd; i++) {
		if (!grow(m)) {
			hang_up(m, STRANGE_WAIT, "a line without an end; "
				"hanging up");
			return 0;
		}
		got = recv(fd, m->in + m->in_len, m->in_size - m->in_len,
			   MSG_DONTWAIT);
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (got <= 0) {
			hang_up(m, FIRST_WAIT, NULL);
			return 0;
		}
		m->in_len += got;
		if (!take_lines(m))
			hang_up(m, STRANGE_WAIT, "what it says is not QMP; "
				"hanging up");
	}
	return 0;
}

static int connect_to(struct monitor *m)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (strlen(m->conf.socket) >= sizeof(to.sun_path))
		return -ENAMETOOLONG;
	strcpy(to.sun_path, m->conf.socket);
	m->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (m->fd < 0)
		return -errno;
	/* A Unix socket is connected at once or not at all. */
	if (connect(m->fd, (void *)&to, sizeof(to)))
		return -errno;
	m->pid = getsockopt(m->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) ?
			 0 : peer.pid;
	return sd_event_add_io(m->d->loop, &m->io, m->fd, EPOLLIN,
			       on_readable, m);
}

static int on_time(sd_event_source *s, uint64_t usec, void *ctx)
{
	struct monitor *m = ctx;
	int ret;

	(void)s;
	(void)usec;
	if (m->fd >= 0) {
		if (!m->greeted) {
			qmp_log(m, "it does not greet: has it another client?");
			set_mute(m, true);
		}
		return 0;
	}
	ret = connect_to(m);
	if (ret >= 0) {
		/* The sooner it is heard, the less is lost. */
		sd_event_source_set_priority(m->io,
					     SD_EVENT_PRIORITY_IMPORTANT - 1);
		m->wait_ms = FIRST_WAIT;
		wait_until(m, GREETS_WITHIN);
		return 0;
	}
	if (m->d->verbose && !m->told && ret != -ENOENT &&
	    ret != -ECONNREFUSED)
		qmp_log(m, "%s", strerror(-ret));
	m->told = true;
	drop(m);
	m->wait_ms = m->wait_ms * 2 < LONGEST_WAIT ? m->wait_ms * 2 :
						     LONGEST_WAIT;
	wait_until(m, m->wait_ms);
	return 0;
}

/* ---- which of them ---- */

/*
 * Its next migration must not wait at a gate that nobody opens. Waited for, as
 * QEMU does not read what one who hung up has said.
 */
static void let_go(struct monitor *m)
{
	struct pollfd answer = { .fd = m->fd, .events = POLLIN };
	int i;

	if (!m->ready)
		return;
	qmp_take_gate_away(m);
	for (i = 0; m->ready && m->gated && i < READS; i++)
		if (poll(&answer, 1, ANSWER_WITHIN) > 0)
			on_readable(NULL, m->fd, 0, m);
		else
			break;
}

static void monitor_free(struct monitor *m)
{
	let_go(m);
	drop(m);
	qmp_queue_gone(m);
	sd_event_source_disable_unref(m->over);
	sd_event_source_disable_unref(m->never);
	sd_event_source_disable_unref(m->soon);
	sd_event_source_disable_unref(m->gate);
	sd_event_source_disable_unref(m->timer);
	free(m->in);
	free(m->conf.socket);
	free(m);
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
	m->wait_ms = FIRST_WAIT;
	m->conf = *conf;
	m->conf.socket = strdup(conf->socket);
	ret = m->conf.socket ?
		      sd_event_add_time(q->d->loop, &m->timer, CLOCK_MONOTONIC,
					0, MS, on_time, m) : -ENOMEM;
	if (ret < 0) {
		monitor_free(m);
		return ret;
	}
	m->next = q->list;
	q->list = m;
	return 0;
}

static bool is_same(const struct model_qmp *a, const struct model_qmp *b)
{
	return !strcmp(a->socket, b->socket) && !memcmp(a->mac, b->mac, 6) &&
	       a->vlan == b->vlan && a->destination == b->destination &&
	       a->role_given == b->role_given && a->gate == b->gate &&
	       !strcmp(a->to, b->to);
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
		monitor_free(m);
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
	struct monitor *m;

	while ((m = q->list)) {
		q->list = m->next;
		monitor_free(m);
	}
	free(q);
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
	.stop = stop,
};
