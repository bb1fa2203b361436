// SPDX-License-Identifier: GPL-2.0-only
/*
 * QEMU's monitor protocol (QMP): connections, lines, commands. A QEMU that is not there
 * yet is waited for. Nothing of what it sends is trusted: its lines are bounded, and so
 * is the time that we spend on them.
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
#include "qmp_priv.h"

/* Milliseconds. */
#define LONGEST_WAIT  100   /* between attempts to connect */
#define STRANGE_WAIT  5000  /* before the next one, to what does not speak QMP */
#define GREETS_WITHIN 3000  /* a QEMU that does not has another client */
#define QUIET_AFTER   30000 /* after which a QEMU is no longer known as too loud */

#define LINE_OCTETS (1U << 18) /* query-* answers, at most */
#define TURN        16         /* lines before the others' turn */

/*
 * What a QEMU sends without being asked is charged to its budget; a whole migration takes
 * some 20 ms. An answer that was asked for costs nothing, up to this length.
 */
#define ANSWER_OCTETS (1U << 14)

/* In the loop: before all others, as long as half of the budget is left. */
#define FIRST (SD_EVENT_PRIORITY_IMPORTANT - 1)

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

void qmp_disconnect(struct monitor *m)
{
	if (m->fd < 0)
		return;
	m->io = sd_event_source_disable_unref(m->io);
	m->more_lines = sd_event_source_disable_unref(m->more_lines);
	close(m->fd);
	m->fd = m->guest.peer.fd = -1;
	line_buffer_shrink(&m->in);
	m->answers_due = 0;
}

static void set_no_greeting(struct monitor *m, bool no_greeting)
{
	bool was = m->no_greeting;

	m->no_greeting = no_greeting;
	if (no_greeting != was)
		qmp_report_faults(m->qmp);
}

/*
 * Ends the connection; the next attempt is made after wait_ms. why: what is logged, once
 * until a connection is ready again; NULL: nothing.
 */
static void hang_up(struct monitor *m, unsigned int wait_ms, const char *why)
{
	bool was_ready = m->ready;

	qmp_disconnect(m);
	m->greeted = m->ready = false;
	figures_set_source(m->d->figures, m->figure, false);
	set_no_greeting(m, false);
	if (why && !m->failure_logged)
		qmp_log(m, "%s", why);
	m->failure_logged = why != NULL;
	if (was_ready && !m->leaving)
		m->ops->gone(m);
	timer_in_us(m->timer, wait_ms * US_PER_MS);
}

void qmp_send(struct monitor *m, enum qmp_id id, const char *command, const char *arguments)
{
	char text[512];
	int len = snprintf(text, sizeof(text), "{\"execute\":\"%s\",\"id\":%d%s%s}\r\n", command,
			   id, arguments ? ",\"arguments\":" : "", arguments ? arguments : "");

	/*
	 * A few commands always fit where somebody reads them. If one does not, something
	 * is wrong there: the connection ends, which the next read finds out.
	 */
	if (m->fd >= 0 && send(m->fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL) != len)
		shutdown(m->fd, SHUT_RDWR);
	m->answers_due++;
}

/* ---- lines ---- */

static void on_answer(struct monitor *m, json_t *line)
{
	json_int_t id = json_integer_value(json_object_get(line, "id"));
	json_t *error = json_object_get(line, "error");
	const char *why;

	if (error && (id < QMP_GUEST || m->d->verbose)) {
		why = json_string_value(json_object_get(error, "desc"));
		qmp_log(m, "command %d was refused: %.200s", (int)id,
			why ? why : "no reason given");
	}
	if (id == QMP_CAPABILITIES && !error) {
		m->ready = true;
		figures_set_source(m->d->figures, m->figure, true);
		m->failure_logged = false;
		if (m->d->verbose)
			qmp_log(m, "connected");
		if (m->too_loud)
			timer_in_us(m->timer, QUIET_AFTER * US_PER_MS);
		m->ops->ready(m);
	} else if (m->ready && (!m->leaving || id == QMP_NO_GATE)) {
		m->ops->answer(m, id, json_object_get(line, "return"));
	}
}

/* So much time went into a line that nobody had asked for. */
static void charge(struct monitor *m, int64_t ns)
{
	budget_charge(&m->budget, m->d->moves, ns);
	sd_event_source_set_priority(m->io,
				     budget_is_low(&m->budget) ? SD_EVENT_PRIORITY_NORMAL : FIRST);
}

static void cut_off(struct monitor *m)
{
	m->too_loud = true;
	hang_up(m, 1000 * QMP_LOUD_WAIT, "it never stops talking; hanging up");
	qmp_report_faults(m->qmp);
}

static int64_t time_of(json_t *event)
{
	json_t *t = json_object_get(event, "timestamp");

	/* Unsigned: whatever numbers it sends, no sum of them may overflow. */
	return json_integer_value(json_object_get(t, "seconds")) * 1000000ULL +
		json_integer_value(json_object_get(t, "microseconds"));
}

/* false: that is not QMP. *unasked: nobody had asked for the line. */
static bool take_line(struct monitor *m, const char *text, size_t len, bool *unasked)
{
	json_t *line = json_loadb(text, len, 0, NULL);
	const char *event;

	if (!json_is_object(line)) {
		json_decref(line);
		return false;
	}
	event = json_string_value(json_object_get(line, "event"));
	*unasked = event || !m->answers_due || len > ANSWER_OCTETS;
	if (!event && m->answers_due && m->greeted)
		m->answers_due--;
	if (!m->greeted && json_object_get(line, "QMP")) {
		m->greeted = true;
		sd_event_source_set_enabled(m->timer, SD_EVENT_OFF);
		set_no_greeting(m, false);
		qmp_send(m, QMP_CAPABILITIES, "qmp_capabilities", NULL);
	} else if (m->ready && event && !m->leaving) {
		m->ops->event(m, event, json_object_get(line, "data"), time_of(line));
	} else if (m->greeted && !event) {
		on_answer(m, line);
	}
	json_decref(line);
	return true;
}

/* Takes a line, and its cost from the budget. false: hung up. */
static bool take_charged(struct monitor *m, const char *text, size_t len)
{
	int64_t before = budget_clock();
	bool unasked = true;

	while (len && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	if (len && !take_line(m, text, len, &unasked)) {
		hang_up(m, STRANGE_WAIT, "what it says is not QMP; hanging up");
		return false;
	}
	if (m->fd < 0)
		return false; /* the line led to that */
	if (unasked)
		charge(m, budget_clock() - before);
	if (budget_is_over(&m->budget))
		cut_off(m);
	return m->fd >= 0;
}

/* One turn. */
static void take_lines(struct monitor *m)
{
	size_t done = 0, len;
	bool again;
	int i;

	for (i = 0; i < TURN; i++) {
		len = line_buffer_line_at(&m->in, done);
		if (!len)
			break;
		done += len;
		if (!take_charged(m, m->in.data + done - len, len))
			return;
	}
	line_buffer_drop(&m->in, done);
	again = line_buffer_line_at(&m->in, 0);
	sd_event_source_set_enabled(m->more_lines, again ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
	sd_event_source_set_enabled(m->io, again ? SD_EVENT_OFF : SD_EVENT_ON);
}

static void read_lines(struct monitor *m)
{
	ssize_t got = line_buffer_recv(&m->in, m->fd, LINE_OCTETS);

	if (got == -EAGAIN)
		return;
	if (got == -ENOBUFS || got == -ENOMEM)
		hang_up(m, STRANGE_WAIT, "a line without an end; hanging up");
	else if (got <= 0)
		hang_up(m, QMP_FIRST_WAIT, NULL);
	else
		take_lines(m);
}

static void free_if_left(struct monitor *m)
{
	if (m->leaving && (m->fd < 0 || !m->gated))
		m->ops->left(m);
}

int qmp_on_readable(sd_event_source *s, int fd, uint32_t revents, void *ctx)
{
	(void)s;
	(void)fd;
	(void)revents;
	read_lines(ctx);
	free_if_left(ctx);
	return 0;
}

static int on_more_lines(sd_event_source *s, void *ctx)
{
	(void)s;
	take_lines(ctx);
	free_if_left(ctx);
	return 0;
}

static int watch(struct monitor *m)
{
	int ret = sd_event_add_io(m->d->moves, &m->io, m->fd, EPOLLIN, qmp_on_readable, m);

	/* The sooner an event is read, the fewer frames are lost. */
	if (ret >= 0)
		ret = sd_event_source_set_priority(m->io, FIRST);
	if (ret >= 0)
		ret = sd_event_add_defer(m->d->moves, &m->more_lines, on_more_lines, m);
	return ret < 0 ? ret : sd_event_source_set_enabled(m->more_lines, SD_EVENT_OFF);
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
	m->guest.pid = getsockopt(m->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) ? 0 : peer.pid;
	m->guest.peer.fd = m->fd;
	return watch(m);
}

int qmp_on_time(sd_event_source *s, uint64_t usec, void *ctx)
{
	struct monitor *m = ctx;
	int ret;

	(void)s;
	(void)usec;
	if (m->leaving) {
		m->ops->left(m);
		return 0;
	}
	if (m->fd >= 0) {
		if (!m->greeted) {
			qmp_log(m, "it does not greet: has it another client?");
			set_no_greeting(m, true);
		} else if (m->too_loud) {
			m->too_loud = false;
			qmp_report_faults(m->qmp);
		}
		return 0;
	}
	ret = connect_to(m);
	if (ret >= 0) {
		m->wait_ms = QMP_FIRST_WAIT;
		timer_in_us(m->timer, GREETS_WITHIN * US_PER_MS);
		return 0;
	}
	if ((m->d->verbose || xr_is_shortage(ret)) && !m->failure_logged && ret != -ENOENT &&
	    ret != -ECONNREFUSED)
		qmp_log(m, "%s", strerror(-ret));
	m->failure_logged = true;
	qmp_disconnect(m);
	m->wait_ms = m->wait_ms * 2 < LONGEST_WAIT ? m->wait_ms * 2 : LONGEST_WAIT;
	timer_in_us(m->timer, m->wait_ms * US_PER_MS);
	return 0;
}
