// SPDX-License-Identifier: GPL-2.0-only
/*
 * QEMU's monitor protocol (QMP): connections, lines, commands. A QEMU that is
 * not there yet is waited for; what it says is not trusted to be sane.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "lib/text.h"
#include "plane/daemon.h"
#include "qmp_priv.h"

#define MS            1000ULL /* in the loop's microseconds */
#define LONGEST_WAIT  100     /* before the migration begins */
#define STRANGE_WAIT  5000    /* it does not talk QMP */
#define GREETS_WITHIN 3000    /* or has another client */
#define FIRST_BUFFER  4096
#define LINE_OCTETS   (1U << 18) /* query-* answers, at most */
#define ANSWER_OCTETS (1U << 14) /* one that we asked for costs it nothing */
#define TURN          16         /* lines before the others' turn */

/*
 * What a QEMU says unasked may take so much of the daemon's time. A whole migration
 * takes some 20 ms.
 */
#define BUDGET_NS    500000000LL
#define BUDGET_SHARE 10 /* it comes back in ten times the time */
#define FIRST        (SD_EVENT_PRIORITY_IMPORTANT - 1)
#define QUIET_AFTER  30000 /* ms without that: as all the others again */

void qmp_log(struct monitor *m, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	daemon_log(m->d, "qmp %s: %s", m->conf.socket, text);
}

/* ---- connection ---- */

void qmp_wait_until(struct monitor *m, unsigned int ms)
{
	sd_event_source_set_time_relative(m->timer, ms * MS);
	sd_event_source_set_enabled(m->timer, SD_EVENT_ONESHOT);
}

void qmp_drop(struct monitor *m)
{
	if (m->fd < 0)
		return;
	m->io = sd_event_source_disable_unref(m->io);
	m->more = sd_event_source_disable_unref(m->more);
	close(m->fd);
	m->fd = -1;
	m->in_len = m->searched = 0;
	m->awaited = 0;
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

	qmp_drop(m);
	m->greeted = m->ready = false;
	set_mute(m, false);
	if (why && !m->told)
		qmp_log(m, "%s", why);
	m->told = why != NULL;
	if (was_ready && !m->leaves)
		qmp_on_gone(m);
	qmp_wait_until(m, wait_ms);
}

void qmp_send(struct monitor *m, enum qmp_id id, const char *command, const char *arguments)
{
	char text[512];
	int len = snprintf(text, sizeof(text), "{\"execute\":\"%s\",\"id\":%d%s%s}\r\n", command,
			   id, arguments ? ",\"arguments\":" : "", arguments ? arguments : "");

	/*
	 * A few commands, to one who reads: if they do not fit, something is
	 * wrong with it, and it is seen as an error when it is read next.
	 */
	if (m->fd >= 0 && send(m->fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL) != len)
		shutdown(m->fd, SHUT_RDWR);
	m->awaited++;
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
		if (m->loud)
			qmp_wait_until(m, QUIET_AFTER);
		qmp_on_ready(m);
	} else if (m->ready && (!m->leaves || id == QMP_NO_GATE)) {
		qmp_on_answer(m, id, json_object_get(line, "return"));
	}
}

/* The processor's: what others take of it is not this QEMU's fault. */
static int64_t ns_used(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* Said unasked, and so much was done for it. */
static void charge(struct monitor *m, int64_t ns)
{
	uint64_t now;

	sd_event_now(m->d->loop, CLOCK_MONOTONIC, &now);
	m->budget += (now - m->budget_at) * 1000 / BUDGET_SHARE;
	if (m->budget > BUDGET_NS || !m->budget_at)
		m->budget = BUDGET_NS;
	m->budget_at = now;
	m->budget -= ns;
	/* Who says little is heard first. */
	sd_event_source_set_priority(m->io,
				     m->budget < BUDGET_NS / 2 ? SD_EVENT_PRIORITY_NORMAL : FIRST);
}

static void cut_off(struct monitor *m)
{
	m->loud = true;
	hang_up(m, 1000 * QMP_LOUD_WAIT, "it never stops talking; hanging up");
	qmp_tell_wrong(m);
}

static int64_t time_of(json_t *event)
{
	json_t *t = json_object_get(event, "timestamp");

	/* Whatever it says: unsigned, as no sum of it may overflow. */
	return json_integer_value(json_object_get(t, "seconds")) * 1000000ULL +
		json_integer_value(json_object_get(t, "microseconds"));
}

/* false: that is not QMP. */
static bool take_line(struct monitor *m, const char *text, size_t len, bool *unasked)
{
	json_t *line = json_loadb(text, len, 0, NULL);
	const char *event;

	if (!json_is_object(line)) {
		json_decref(line);
		return false;
	}
	event = json_string_value(json_object_get(line, "event"));
	*unasked = event || !m->awaited || len > ANSWER_OCTETS;
	if (!event && m->awaited && m->greeted)
		m->awaited--;
	if (!m->greeted && json_object_get(line, "QMP")) {
		m->greeted = true;
		sd_event_source_set_enabled(m->timer, SD_EVENT_OFF);
		set_mute(m, false);
		qmp_send(m, QMP_CAPABILITIES, "qmp_capabilities", NULL);
	} else if (m->ready && event && !m->leaves) {
		qmp_on_event(m, event, json_object_get(line, "data"), time_of(line));
	} else if (m->greeted && !event) {
		on_answer(m, line);
	}
	json_decref(line);
	return true;
}

/* The length of the line that begins there, with its end; 0: it is not whole. */
static size_t whole_line(struct monitor *m, size_t from)
{
	size_t look = m->searched > from ? m->searched : from;
	char *end = memchr(m->in + look, '\n', m->in_len - look);

	m->searched = end ? 0 : m->in_len;
	return end ? end - m->in - from + 1 : 0;
}

/* A line and what it costs. false: hung up. */
static bool hear(struct monitor *m, const char *text, size_t len)
{
	int64_t before = ns_used();
	bool unasked = true;

	while (len && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	if (len && !take_line(m, text, len, &unasked)) {
		hang_up(m, STRANGE_WAIT, "what it says is not QMP; hanging up");
		return false;
	}
	if (m->fd < 0)
		return false; /* hung up meanwhile */
	if (unasked)
		charge(m, ns_used() - before);
	if (m->budget < 0)
		cut_off(m);
	return m->fd >= 0;
}

/* Its turn. */
static void take_lines(struct monitor *m)
{
	size_t done = 0, len;
	bool again;
	int i;

	for (i = 0; i < TURN; i++) {
		len = whole_line(m, done);
		if (!len)
			break;
		done += len;
		if (!hear(m, m->in + done - len, len))
			return;
	}
	memmove(m->in, m->in + done, m->in_len - done);
	m->in_len -= done;
	m->searched = m->searched > done ? m->searched - done : 0;
	again = whole_line(m, 0);
	m->searched = again ? 0 : m->in_len;
	sd_event_source_set_enabled(m->more, again ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
	sd_event_source_set_enabled(m->io, again ? SD_EVENT_OFF : SD_EVENT_ON);
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

static void listen_to(struct monitor *m)
{
	ssize_t got;

	if (!grow(m)) {
		hang_up(m, STRANGE_WAIT, "a line without an end; hanging up");
		return;
	}
	got = recv(m->fd, m->in + m->in_len, m->in_size - m->in_len, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		hang_up(m, QMP_FIRST_WAIT, NULL);
		return;
	}
	m->in_len += got;
	take_lines(m);
}

static void free_if_left(struct monitor *m)
{
	if (m->leaves && (m->fd < 0 || !m->gated))
		qmp_free(m);
}

int qmp_on_readable(sd_event_source *s, int fd, uint32_t revents, void *ctx)
{
	(void)s;
	(void)fd;
	(void)revents;
	listen_to(ctx);
	free_if_left(ctx);
	return 0;
}

static int on_more(sd_event_source *s, void *ctx)
{
	(void)s;
	take_lines(ctx);
	free_if_left(ctx);
	return 0;
}

static int watch(struct monitor *m)
{
	int ret = sd_event_add_io(m->d->loop, &m->io, m->fd, EPOLLIN, qmp_on_readable, m);

	/* The sooner it is heard, the less is lost. */
	if (ret >= 0)
		ret = sd_event_source_set_priority(m->io, FIRST);
	if (ret >= 0)
		ret = sd_event_add_defer(m->d->loop, &m->more, on_more, m);
	return ret < 0 ? ret : sd_event_source_set_enabled(m->more, SD_EVENT_OFF);
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
	m->pid = getsockopt(m->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) ? 0 : peer.pid;
	return watch(m);
}

int qmp_on_time(sd_event_source *s, uint64_t usec, void *ctx)
{
	struct monitor *m = ctx;
	int ret;

	(void)s;
	(void)usec;
	if (m->leaves) {
		qmp_free(m);
		return 0;
	}
	if (m->fd >= 0) {
		if (!m->greeted) {
			qmp_log(m, "it does not greet: has it another client?");
			set_mute(m, true);
		} else if (m->loud) {
			m->loud = false;
			qmp_tell_wrong(m);
		}
		return 0;
	}
	ret = connect_to(m);
	if (ret >= 0) {
		m->wait_ms = QMP_FIRST_WAIT;
		qmp_wait_until(m, GREETS_WITHIN);
		return 0;
	}
	if ((m->d->verbose || xr_is_lack(ret)) && !m->told && ret != -ENOENT &&
	    ret != -ECONNREFUSED)
		qmp_log(m, "%s", strerror(-ret));
	m->told = true;
	qmp_drop(m);
	m->wait_ms = m->wait_ms * 2 < LONGEST_WAIT ? m->wait_ms * 2 : LONGEST_WAIT;
	qmp_wait_until(m, m->wait_ms);
	return 0;
}
