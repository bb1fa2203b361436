// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control socket: one JSON object a line, one answer each, in order. Each
 * client has its own bounded buffers and a bounded turn, so that none of them
 * can make the others wait, whatever it sends or does not read.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "notice_json.h"
#include "plane/daemon.h"
#include "daemon/daemon.h"

#define CLIENTS         1024
#define OWN_FILES       64 /* descriptors that clients do not get */
#define LINE_MAX_OCTETS 65536
#define FIRST_BUFFER    4096
#define OUT_OCTETS      32768 /* answers that wait to be read */
#define TURN            32    /* lines of one client before the next one's turn */
#define READ_WITHIN     10    /* seconds for a client to take an answer ... */
#define LINE_WITHIN     30    /* ... and to end a line it began */
#define SECOND          1000000ULL

struct server {
	struct daemon *d;
	int fd, spare;
	char path[108];
	ino_t inode; /* of the path: it may be another's by now */
	dev_t dev;
	sd_event_source *accept, *second;
	struct client *clients; /* a list */
	unsigned int n;
};

struct client {
	struct server *s;
	struct client *next, **link;
	int fd;
	sd_event_source *io, *turn;
	char *in;
	size_t in_len, in_size;
	size_t searched; /* of it, without a newline */
	char *out;       /* NULL: nothing waits */
	size_t out_len;
	time_t since; /* it has been owing us for so long; 0: no */
	bool ended;   /* it says no more */
	bool gone;    /* and hears no more: what it said still counts */
	bool closing; /* the last answer is out, or on its way */
};

static time_t seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
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
	free(c->in);
	free(c->out);
	free(c);
}

/* ---- answers ---- */

static void hears_nothing(struct client *c)
{
	c->gone = true;
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
		hears_nothing(c);
	return 0;
}

/* What the kernel does not take now waits in out. false: no memory for it. */
static bool say(struct client *c, const char *text, size_t len)
{
	size_t sent = c->out_len || c->gone ? 0 : try_send(c, text, len);

	if (sent == len || c->gone)
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
	c->since = 0;
	if (!c->out_len) {
		free(c->out);
		c->out = NULL;
	}
}

static bool refuse(struct client *c, const char *why)
{
	char buf[NOTICE_ANSWER];

	return say(c, buf, notice_refused(buf, why));
}

/* With a last word; what it says now is not read. */
static bool cut_off(struct client *c, const char *why)
{
	c->closing = true;
	c->in_len = 0;
	return refuse(c, why);
}

/* ---- lines ---- */

static bool is_blank(const char *line, size_t len)
{
	return strspn(line, " \t\r") >= len;
}

static bool obey(struct client *c, const char *line, size_t len)
{
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
		ret = daemon_notice(c->s->d, &n, &a, &err);
		json_decref(json);
	}
	return say(c, buf, ret ? notice_refused(buf, err.text) : notice_done(buf, &a));
}

/* The length of the first line in the buffer with its newline; 0: not whole. */
static size_t whole_line(struct client *c, size_t from)
{
	size_t look = c->searched > from ? c->searched : from;
	char *end = memchr(c->in + look, '\n', c->in_len - look);

	c->searched = end ? 0 : c->in_len;
	return end ? end - c->in - from + 1 : 0;
}

static bool room_to_answer(const struct client *c)
{
	return OUT_OCTETS - c->out_len >= NOTICE_ANSWER;
}

/*
 * Its turn: some lines, under one lock; where there is none to be had each is
 * answered so.
 */
static bool take_turn(struct client *c)
{
	bool locked = !daemon_begin(c->s->d, NULL), alive = true;
	size_t done = 0, len;
	int i;

	for (i = 0; alive && i < TURN && room_to_answer(c); i++) {
		len = whole_line(c, done);
		if (!len)
			break;
		c->in[done + len - 1] = '\0';
		alive = obey(c, c->in + done, len - 1);
		done += len;
	}
	if (locked)
		daemon_end(c->s->d);
	memmove(c->in, c->in + done, c->in_len - done);
	c->in_len -= done;
	c->searched = c->searched > done ? c->searched - done : 0;
	if (done)
		c->since = 0;
	return alive;
}

/* ---- reading ---- */

static bool grow(struct client *c)
{
	size_t size = c->in_size ? 2 * c->in_size : FIRST_BUFFER;
	char *in;

	if (c->in_len < c->in_size)
		return true;
	if (size > LINE_MAX_OCTETS)
		return false;
	in = realloc(c->in, size);
	if (!in)
		return false;
	c->in = in;
	c->in_size = size;
	return true;
}

static void listen_to(struct client *c)
{
	ssize_t got;

	if (!grow(c))
		return; /* a whole buffer: finish() judges it */
	got = recv(c->fd, c->in + c->in_len, c->in_size - c->in_len, MSG_DONTWAIT);
	if (got > 0)
		c->in_len += got;
	else if (!got || (errno != EAGAIN && errno != EINTR))
		c->ended = true;
}

/* What is left after its turn. Sets *again where whole lines wait. */
static bool finish(struct client *c, bool *again)
{
	char text[96];

	*again = false;
	if (c->in_len && whole_line(c, 0)) {
		*again = room_to_answer(c);
		return true;
	}
	if (c->in_len >= LINE_MAX_OCTETS) {
		snprintf(text, sizeof(text),
			 "a line of more than %d octets: "
			 "cut off",
			 LINE_MAX_OCTETS - 1);
		return cut_off(c, text);
	}
	if (c->ended && c->in_len)
		return cut_off(c, "the last line has no end");
	if (c->ended)
		c->closing = true;
	if (!c->in_len && c->in_size > FIRST_BUFFER) {
		free(c->in);
		c->in = NULL;
		c->in_size = 0;
	}
	return true;
}

/* What wakes us next, and since when it owes us something. */
static void wait_for_more(struct client *c, bool again)
{
	bool owes = c->out_len || (c->in_len && !again);
	__u32 events = 0;

	if (c->out_len)
		events |= EPOLLOUT;
	if (!c->closing && !c->ended && !again && room_to_answer(c))
		events |= EPOLLIN;
	sd_event_source_set_io_events(c->io, events);
	sd_event_source_set_enabled(c->turn, again ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
	if (!owes)
		c->since = 0;
	else if (!c->since)
		c->since = seconds_now();
}

static void serve(struct client *c, bool readable)
{
	bool again = false, alive = true; /* false: no memory for it */

	flush(c);
	if (readable && !c->closing)
		listen_to(c);
	if (alive && !c->closing && c->in_len)
		alive = take_turn(c);
	if (alive && !c->closing)
		alive = finish(c, &again);
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
		hears_nothing(c);
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
	ret = sd_event_add_io(s->d->loop, &c->io, fd, EPOLLIN, on_client, c);
	if (ret >= 0)
		ret = sd_event_add_defer(s->d->loop, &c->turn, on_turn, c);
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

	snprintf(text, sizeof(text),
		 "there are %u clients already, and no "
		 "more are served",
		 n);
	len = notice_refused(buf, text);
	/* It fits, or the client is not worth waiting for. */
	if (send(fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return;
}

static int files_most(void)
{
	struct rlimit l;

	return getrlimit(RLIMIT_NOFILE, &l) ? 1 << 20 : (int)l.rlim_cur;
}

/*
 * Out of descriptors: a spare one makes room to send somebody away. Where not even
 * that helps they wait, a second at least.
 */
static void use_spare(struct server *s)
{
	int peer;

	if (s->spare >= 0)
		close(s->spare);
	peer = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (peer >= 0)
		close(peer);
	else
		sd_event_source_set_enabled(s->accept, SD_EVENT_OFF);
	s->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
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
		/* The lowest that is free: what is left is for moves. */
		if (s->n >= CLIENTS || peer >= files_most() - OWN_FILES)
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
	time_t now = seconds_now();
	struct client *c, *next;

	(void)usec;
	sd_event_source_set_enabled(s->accept, SD_EVENT_ON);
	for (c = s->clients; c; c = next) {
		next = c->next;
		if (!c->since)
			continue;
		if (c->out_len && now - c->since > READ_WITHIN)
			client_free(c);
		else if (!c->out_len && now - c->since > LINE_WITHIN) {
			if (cut_off(c, "a line without an end: cut off") && c->out_len)
				wait_for_more(c, false);
			else
				client_free(c);
		}
	}
	sd_event_source_set_time_relative(src, SECOND);
	return sd_event_source_set_enabled(src, SD_EVENT_ONESHOT);
}

/* ---- the socket itself ---- */

/*
 * Nobody listens: a killed daemon left it. Somebody does: of a destroyed
 * instance of this name, and about to notice; or a stranger.
 */
static int make_way(const struct sockaddr_un *to, struct xr_err *err)
{
	int i, ret = 0;

	for (i = 0; i < 30; i++) {
		ret = daemon_socket_try(to);
		if (ret && ret != -EAGAIN)
			break;
		poll(NULL, 0, 100);
	}
	if (!ret || ret == -EAGAIN)
		return xr_fail(err, -EADDRINUSE,
			       "%s: another process listens "
			       "there: stop it first",
			       to->sun_path);
	if (xr_is_lack(ret))
		return xr_fail(err, ret, "%s: %s", to->sun_path, strerror(-ret));
	if (ret != -ENOENT && unlink(to->sun_path) && errno != ENOENT)
		return xr_fail(err, -errno, "%s: %s", to->sun_path, strerror(errno));
	return 0;
}

static int bind_path(struct server *s, const struct sockaddr_un *to)
{
	mode_t old = umask(0117);
	int ret = bind(s->fd, (const void *)to, sizeof(*to)) ? -errno : 0;
	struct group *g = getgrnam("xroam");
	struct stat st;

	umask(old);
	if (ret)
		return ret;
	if (g && chown(to->sun_path, -1, g->gr_gid))
		return -errno;
	if (listen(s->fd, SOMAXCONN) || stat(to->sun_path, &st))
		return -errno;
	s->inode = st.st_ino;
	s->dev = st.st_dev;
	return 0;
}

static int open_socket(struct server *s, struct xr_err *err)
{
	struct sockaddr_un to;
	int ret;

	daemon_socket_address(s->d->instance, &to);
	strcpy(s->path, to.sun_path);
	ret = make_way(&to, err);
	if (ret)
		return ret;
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ret = s->fd < 0 ? -errno : bind_path(s, &to);
	return ret ? xr_fail(err, ret, "%s: %s", s->path, strerror(-ret)) : 0;
}

static void stop(void *state)
{
	struct server *s = state;
	struct stat st;

	while (s->clients)
		client_free(s->clients);
	sd_event_source_disable_unref(s->accept);
	sd_event_source_disable_unref(s->second);
	if (s->inode && !stat(s->path, &st) && st.st_ino == s->inode && st.st_dev == s->dev)
		unlink(s->path);
	if (s->fd >= 0)
		close(s->fd);
	if (s->spare >= 0)
		close(s->spare);
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
	s->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ret = open_socket(s, err);
	if (ret)
		goto fail;
	ret = sd_event_add_io(d->loop, &s->accept, s->fd, EPOLLIN, on_accept, s);
	if (ret >= 0)
		ret = sd_event_add_time_relative(d->loop, &s->second, CLOCK_MONOTONIC, SECOND,
						 SECOND / 10, on_second, s);
	if (ret < 0) {
		xr_fail(err, ret, "%s: %s", s->path, strerror(-ret));
		goto fail;
	}
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
