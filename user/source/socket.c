// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control socket: one JSON object a line, one answer each, in order. Each
 * client has its own bounded buffers and a bounded turn, so that none of them
 * can make the others wait, whatever it sends or does not read.
 *
 * A client is served in steps: send what waits, read once, obey some lines, look at
 * what is left of the input, and wait. A step that has no memory ends the client.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/figures.h"
#include "daemon/line_buffer.h"
#include "daemon/own_socket.h"
#include "notice_json.h"
#include "plane/daemon_claim.h"
#include "source_priv.h"

#define CLIENTS         1024
#define OWN_FILES       64 /* descriptors that clients do not get */
#define LINE_MAX_OCTETS 65536
#define OUT_OCTETS      32768 /* answers that wait to be read */
#define TURN            32    /* lines of one client before the next one's turn */
#define READ_WITHIN     10    /* seconds for a client to take an answer ... */
#define LINE_WITHIN     30    /* ... and to end a line it began */

struct server {
	struct daemon *d;
	int fd;
	int spare_fd; /* given up for a moment where there is no other one free */
	struct own_socket socket;
	sd_event_source *accept, *second;
	struct client *clients; /* a list */
	unsigned int n;
	int figure; /* its place in the daemon's figures */
};

struct client {
	struct server *s;
	struct client *next, **link;
	int fd;
	sd_event_source *io;
	sd_event_source *turn; /* whole lines wait for it */
	struct line_buffer in;
	char *out; /* answers that wait to be sent; NULL: none */
	size_t out_len;
	/*
	 * Since which second of the clock the client has owed us something: to read an
	 * answer, or the rest of a line; 0: it owes nothing.
	 */
	uint64_t owes_since;
	bool no_input;  /* it sends no more */
	bool no_output; /* it reads no more; its lines are obeyed, but not answered */
	bool closing;   /* the last answer is sent, or in out */
};

static uint64_t seconds_now(void)
{
	return daemon_clock_us() / US_PER_SECOND;
}

static void client_free(struct client *c)
{
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	c->s->n--;
	sd_event_source_disable_unref(c->io);
	sd_event_source_disable_unref(c->turn);
	close(c->fd);
	line_buffer_free(&c->in);
	free(c->out);
	free(c);
}

/* ---- answers ---- */

static void end_output(struct client *c)
{
	c->no_output = true;
	free(c->out);
	c->out = NULL;
	c->out_len = 0;
}

static ssize_t try_send(struct client *c, const char *text, size_t len)
{
	ssize_t sent = send(c->fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent >= 0)
		return sent;
	if (errno != EAGAIN && errno != EINTR)
		end_output(c);
	return 0;
}

/* What the kernel does not take now waits in out. false: no memory for it. */
static bool send_answer(struct client *c, const char *text, size_t len)
{
	size_t sent = c->out_len || c->no_output ? 0 : try_send(c, text, len);

	if (sent == len || c->no_output)
		return true;
	if (!c->out)
		c->out = malloc(OUT_OCTETS);
	if (!c->out || len - sent > OUT_OCTETS - c->out_len)
		return false;
	memcpy(c->out + c->out_len, text + sent, len - sent);
	c->out_len += len - sent;
	return true;
}

static void flush(struct client *c)
{
	size_t sent = c->out_len ? try_send(c, c->out, c->out_len) : 0;

	if (!sent)
		return;
	memmove(c->out, c->out + sent, c->out_len - sent);
	c->out_len -= sent;
	c->owes_since = 0;
	if (!c->out_len) {
		free(c->out);
		c->out = NULL;
	}
}

static bool send_refusal(struct client *c, const char *why)
{
	char buf[NOTICE_ANSWER];

	return send_answer(c, buf, notice_refused(buf, why));
}

/* With a last answer; what the client sends from now on is not read. */
static bool cut_off(struct client *c, const char *why)
{
	c->closing = true;
	c->in.len = 0;
	return send_refusal(c, why);
}

/* ---- lines ---- */

static bool is_blank(const char *line, size_t len)
{
	return strspn(line, " \t\r") >= len;
}

/* false: no memory for the answer. */
static bool obey_line(struct client *c, const char *line, size_t len)
{
	const struct daemon_peer from = { .via = AUDIT_SOCKET, .fd = c->fd, .what = "client" };
	struct xr_err err = { "" };
	struct xr_notice n;
	struct xr_answer a;
	char buf[NOTICE_ANSWER];
	json_t *json;
	int ret;

	if (is_blank(line, len))
		return true;
	ret = notice_read(line, len, &n, &json, &err);
	if (!ret) {
		ret = daemon_post_notice(c->s->d, &n, &from, &a, &err);
		json_decref(json);
	}
	return send_answer(c, buf, ret ? notice_refused(buf, err.text) : notice_done(buf, &a));
}

static bool room_to_answer(const struct client *c)
{
	return OUT_OCTETS - c->out_len >= NOTICE_ANSWER;
}

/*
 * Some lines, under the lock, taken once for all of them. Where it cannot be had each
 * line is refused, with the reason.
 */
static bool take_turn(struct client *c)
{
	bool locked = !daemon_begin(c->s->d, NULL), alive = true;
	size_t done = 0, len;
	int i;

	for (i = 0; alive && i < TURN && room_to_answer(c); i++) {
		len = line_buffer_line_at(&c->in, done);
		if (!len)
			break;
		c->in.data[done + len - 1] = '\0';
		alive = obey_line(c, c->in.data + done, len - 1);
		done += len;
	}
	if (locked)
		daemon_end(c->s->d);
	line_buffer_drop(&c->in, done);
	if (done)
		c->owes_since = 0;
	return alive;
}

/* ---- reading ---- */

static void read_input(struct client *c)
{
	ssize_t got = line_buffer_recv(&c->in, c->fd, LINE_MAX_OCTETS);

	/* A full buffer is judge_rest()'s. */
	if (got > 0 || got == -EAGAIN || got == -ENOBUFS || got == -ENOMEM)
		return;
	c->no_input = true;
}

/*
 * What is left of the input after some lines: whole lines that wait (*again is set), the
 * begin of one that may still end, or what cannot become a line any more.
 */
static bool judge_rest(struct client *c, bool *again)
{
	char text[96];

	*again = false;
	if (c->in.len && line_buffer_line_at(&c->in, 0)) {
		*again = room_to_answer(c);
		return true;
	}
	if (c->in.len >= LINE_MAX_OCTETS) {
		snprintf(text, sizeof(text), "a line of more than %d octets: cut off",
			 LINE_MAX_OCTETS - 1);
		return cut_off(c, text);
	}
	if (c->no_input && c->in.len)
		return cut_off(c, "the last line has no end");
	if (c->no_input)
		c->closing = true;
	if (!c->in.len)
		line_buffer_shrink(&c->in);
	return true;
}

/* What wakes us next, and since when the client has owed us something. */
static void wait_for_more(struct client *c, bool again)
{
	bool owes = c->out_len || (c->in.len && !again);
	__u32 events = 0;

	if (c->out_len)
		events |= EPOLLOUT;
	if (!c->closing && !c->no_input && !again && room_to_answer(c))
		events |= EPOLLIN;
	sd_event_source_set_io_events(c->io, events);
	sd_event_source_set_enabled(c->turn, again ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
	if (!owes)
		c->owes_since = 0;
	else if (!c->owes_since)
		c->owes_since = seconds_now();
}

static void serve(struct client *c, bool readable)
{
	bool again = false, alive = true;

	flush(c);
	if (readable && !c->closing)
		read_input(c);
	if (!c->closing && c->in.len)
		alive = take_turn(c);
	if (alive && !c->closing)
		alive = judge_rest(c, &again);
	if (!alive || (c->closing && !c->out_len))
		client_free(c);
	else
		wait_for_more(c, again);
}

static int on_client(sd_event_source *s, int fd, uint32_t revents, void *ctx)
{
	struct client *c = ctx;

	(void)s;
	(void)fd;
	if (revents & (EPOLLERR | EPOLLHUP))
		end_output(c);
	serve(c, revents & (EPOLLIN | EPOLLERR | EPOLLHUP));
	return 0;
}

static int on_turn(sd_event_source *s, void *ctx)
{
	(void)s;
	serve(ctx, false);
	return 0;
}

/* ---- clients come and go ---- */

static int client_new(struct server *s, int fd)
{
	struct client *c = calloc(1, sizeof(*c));
	int ret;

	if (!c)
		return -ENOMEM;
	c->s = s;
	c->fd = fd;
	ret = sd_event_add_io(s->d->moves, &c->io, fd, EPOLLIN, on_client, c);
	if (ret >= 0)
		ret = sd_event_add_defer(s->d->moves, &c->turn, on_turn, c);
	if (ret >= 0)
		ret = sd_event_source_set_enabled(c->turn, SD_EVENT_OFF);
	if (ret < 0) {
		sd_event_source_disable_unref(c->io);
		sd_event_source_disable_unref(c->turn);
		free(c);
		return ret;
	}
	c->next = s->clients;
	c->link = &s->clients;
	if (c->next)
		c->next->link = &c->next;
	s->clients = c;
	s->n++;
	return 0;
}

static void turn_away(int fd, unsigned int n)
{
	char text[96], buf[NOTICE_ANSWER];
	size_t len;

	snprintf(text, sizeof(text), "there are %u clients already, and no more are served", n);
	len = notice_refused(buf, text);
	/* It fits, or the client is not worth waiting for. */
	if (send(fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return;
}

static int file_limit(void)
{
	struct rlimit l;

	return getrlimit(RLIMIT_NOFILE, &l) ? 1 << 20 : (int)l.rlim_cur;
}

/*
 * There is no free descriptor: in the spare one's place a client is accepted and turned
 * away. Where not even that works, nobody is accepted until the next second.
 */
static void use_spare(struct server *s)
{
	int peer;

	if (s->spare_fd >= 0)
		close(s->spare_fd);
	peer = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (peer >= 0)
		close(peer);
	else
		sd_event_source_set_enabled(s->accept, SD_EVENT_OFF);
	s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int on_accept(sd_event_source *src, int fd, uint32_t revents, void *ctx)
{
	struct server *s = ctx;
	int i;

	(void)src;
	(void)revents;
	for (i = 0; i < TURN; i++) {
		int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (peer < 0) {
			if (errno == EMFILE || errno == ENFILE)
				use_spare(s);
			break;
		}
		/* A new descriptor is the lowest that is free, so those above it are left. */
		if (s->n >= CLIENTS || peer >= file_limit() - OWN_FILES)
			turn_away(peer, s->n);
		else if (!client_new(s, peer))
			continue;
		close(peer);
	}
	return 0;
}

static int on_second(sd_event_source *src, uint64_t usec, void *ctx)
{
	struct server *s = ctx;
	uint64_t now = seconds_now();
	struct client *c, *next;

	(void)usec;
	sd_event_source_set_enabled(s->accept, SD_EVENT_ON);
	audit_flush(s->d->plane, s->d->instance);
	for (c = s->clients; c; c = next) {
		next = c->next;
		if (!c->owes_since)
			continue;
		if (c->out_len && now - c->owes_since > READ_WITHIN)
			client_free(c);
		else if (!c->out_len && now - c->owes_since > LINE_WITHIN) {
			if (cut_off(c, "a line without an end: cut off") && c->out_len)
				wait_for_more(c, false);
			else
				client_free(c);
		}
	}
	return timer_in_us(src, US_PER_SECOND);
}

/* ---- the socket itself ---- */

/*
 * There may be a socket at the path already. Nobody listens: a killed daemon left it.
 * Somebody listens: the daemon of a destroyed instance of this name, which ends as soon
 * as it notices; or another program.
 */
static int clear_path(const struct sockaddr_un *to, struct xr_err *err)
{
	int i, ret = 0;

	for (i = 0; i < 30; i++) {
		ret = daemon_socket_probe(to);
		if (ret && ret != -EAGAIN)
			break;
		poll(NULL, 0, 100);
	}
	if (!ret || ret == -EAGAIN)
		return xr_fail(err, -EADDRINUSE, "%s: another process listens there: stop it first",
			       to->sun_path);
	if (xr_is_shortage(ret))
		return xr_fail(err, ret, "%s: %s", to->sun_path, strerror(-ret));
	if (ret != -ENOENT && unlink(to->sun_path) && errno != ENOENT)
		return xr_fail(err, -errno, "%s: %s", to->sun_path, strerror(errno));
	return 0;
}

static int open_socket(struct server *s, struct xr_err *err)
{
	struct sockaddr_un *at = &s->socket.at;
	int ret;

	daemon_socket_address(s->d->instance, at);
	ret = clear_path(at, err);
	if (ret)
		return ret;
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ret = s->fd < 0 ? -errno : own_socket_listen(&s->socket, s->fd, SOMAXCONN);
	return ret ? xr_fail(err, ret, "%s: %s", at->sun_path, strerror(-ret)) : 0;
}

static void stop(void *state)
{
	struct server *s = state;

	while (s->clients)
		client_free(s->clients);
	sd_event_source_disable_unref(s->accept);
	sd_event_source_disable_unref(s->second);
	figures_drop_source(s->d->figures, s->figure);
	own_socket_remove(&s->socket);
	if (s->fd >= 0)
		close(s->fd);
	if (s->spare_fd >= 0)
		close(s->spare_fd);
	free(s);
}

static int start(struct daemon *d, void **state, struct xr_err *err)
{
	struct server *s = calloc(1, sizeof(*s));
	int ret;

	if (!s)
		return xr_fail(err, -ENOMEM, "out of memory");
	s->d = d;
	s->fd = -1;
	s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	s->figure = -1;
	ret = open_socket(s, err);
	if (ret)
		goto fail;
	ret = sd_event_add_io(d->moves, &s->accept, s->fd, EPOLLIN, on_accept, s);
	if (ret >= 0)
		ret = sd_event_add_time_relative(d->moves, &s->second, CLOCK_MONOTONIC,
						 US_PER_SECOND, US_PER_SECOND / 10, on_second, s);
	if (ret < 0) {
		xr_fail(err, ret, "%s: %s", s->socket.at.sun_path, strerror(-ret));
		goto fail;
	}
	s->figure = figures_add_source(d->figures, "socket", s->socket.at.sun_path);
	figures_set_source(d->figures, s->figure, true);
	*state = s;
	return 0;
fail:
	stop(s);
	return ret;
}

const struct source source_socket = {
	.name = "socket",
	.start = start,
	.stop = stop,
};
