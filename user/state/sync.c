// SPDX-License-Identifier: GPL-2.0-only
/* The sending end of a live copy. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "stream_priv.h"

#define TIMEOUT 30 /* seconds that the other end may take for a part of it */
#define OVERLAP 2  /* seconds more than since the last pass: ticks are whole ones */

struct sync {
	const struct state_live *l;
	int fd;        /* -1: the other end is away */
	time_t passed; /* by CLOCK_MONOTONIC, when the last pass began that was taken; 0: none */
	struct xr_err reported;
};

static int fail(struct xr_err *err, int error, const char *path)
{
	return xr_fail(err, -error, "%s: %s", path, strerror(error));
}

static int reach(struct sync *s, struct xr_err *err)
{
	const struct timeval most = { .tv_sec = TIMEOUT };
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	if (s->fd >= 0)
		return 0;
	s->passed = 0;
	strcpy(to.sun_path, s->l->socket);
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return fail(err, errno, s->l->socket);
	setsockopt(s->fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof(most));
	if (!connect(s->fd, (const void *)&to, sizeof(to)))
		return 0;
	return xr_fail(err, -errno, "%s: %s; does \"xroam state listen\" run at its other end?",
		       s->l->socket, strerror(errno));
}

/* Its line; however it is cut into pieces. */
static int hear(struct sync *s, struct xr_err *err)
{
	struct pollfd from = { .fd = s->fd, .events = POLLIN };
	char line[ANSWER_MAX] = "";
	size_t len = 0;
	ssize_t n;

	while (!memchr(line, '\n', len) && len < sizeof(line) - 1) {
		/* As long as it takes to merge it: a dead one's socket ends. */
		if (poll(&from, 1, 10 * TIMEOUT * 1000) <= 0)
			return xr_fail(err, -ETIMEDOUT, "%s: no answer", s->l->socket);
		n = read(s->fd, line + len, sizeof(line) - 1 - len);
		if (n <= 0)
			return xr_fail(err, -EPIPE, "%s: the other end has gone", s->l->socket);
		len += n;
	}
	line[strcspn(line, "\n")] = '\0';
	if (!strcmp(line, "taken"))
		return 0;
	return xr_fail(err, -EREMOTEIO, "%s: refused there: %s", s->l->socket, line);
}

static int pass(struct sync *s, struct state_sent *sent, struct xr_err *err)
{
	struct state_options o = s->l->options;
	time_t now = stream_clock();
	struct plane *p;
	int ret = reach(s, err);

	if (ret)
		return ret;
	ret = plane_open(&p, s->l->instance, PLANE_READ, NULL, NULL, err);
	if (ret)
		return ret;
	o.age = s->passed ? now - s->passed + OVERLAP : 0;
	ret = state_export(p, s->fd, s->l->socket, &o, sent, err);
	plane_close(p);
	if (!ret)
		ret = hear(s, err);
	if (!ret)
		s->passed = now ?: 1;
	return ret;
}

/* An error is reported when it is another one. */
static void report(struct sync *s, int ret, const struct state_sent *sent, const struct xr_err *err)
{
	if (!ret) {
		s->reported.text[0] = '\0';
		s->l->sent(s->l->ctx, sent, NULL);
		return;
	}
	if (strcmp(s->reported.text, err->text))
		s->l->sent(s->l->ctx, NULL, err);
	s->reported = *err;
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

int state_sync(const struct state_live *l, struct xr_err *err)
{
	struct sync s = { .l = l, .fd = -1, .reported = { "" } };
	struct state_sent sent;
	struct xr_err why;
	bool last;

	if (strlen(l->socket) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return xr_fail(err, -ENAMETOOLONG, "%s: its name is too long for a socket",
			       l->socket);
	end_by_signals();
	do {
		last = is_at_end();
		report(&s, pass(&s, &sent, &why), &sent, &why);
		if (!last && !is_at_end())
			wait_poll(NULL, 0, l->every * 1000);
	} while (!last);
	if (s.fd >= 0)
		close(s.fd);
	return 0;
}
