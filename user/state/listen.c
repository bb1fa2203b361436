// SPDX-License-Identifier: GPL-2.0-only
/* The receiving end of a live copy. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "apply/apply.h"
#include "apply/instance.h"
#include "plane/daemon_claim.h"
#include "stream_priv.h"

#define PEERS   8
#define TIMEOUT 10   /* seconds until more of a stream that was begun has to come */
#define LEAST   5000 /* octets a second: a half of the least rate of state_sync() */

static int bind_socket(const char *path, struct xr_err *err)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd, ret;
	mode_t mask;

	strcpy(at.sun_path, path);
	ret = daemon_socket_clear(&at, err);
	if (ret)
		return ret;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return xr_fail(err, -errno, "%s: %s", path, strerror(errno));
	mask = umask(0177);
	ret = bind(fd, (const void *)&at, sizeof(at)) || listen(fd, PEERS) ? -errno : 0;
	umask(mask);
	if (!ret)
		return fd;
	close(fd);
	return xr_fail(err, ret, "%s: %s", path, strerror(-ret));
}

static int merge(const struct state_live *l, const struct state_stream *s,
		 struct state_taken *taken, struct xr_err *err)
{
	struct plane *p;
	int ret = instance_open(&p, l->instance, PLANE_CHANGE, NULL, NULL, err);

	if (ret)
		return ret;
	ret = model_recover(p, err);
	if (!ret)
		ret = state_import(p, s, &l->options, taken, err);
	plane_close(p);
	return ret;
}

/* What all threads share. */
struct listener {
	const struct state_live *l;
	pthread_mutex_t merging; /* one stream is merged, and told of, at a time */
	int end;                 /* an eventfd: readable when all are to end */
};

/* Each peer is read by a thread of its own, so that none waits for what another one sends. */
struct peer {
	struct listener *in;
	pthread_t thread;
	int fd; /* -1: nobody is there */
	bool done;
};

/* false: it has gone, or sent what is no stream. */
static bool serve(struct listener *in, int fd)
{
	const struct state_live *l = in->l;
	struct state_taken taken;
	struct state_stream *s;
	struct xr_err err = { "" };
	char answer[ANSWER_MAX];
	int ret = state_read(fd, l->socket, LEAST, &s, &err);

	if (ret > 0)
		return false;
	pthread_mutex_lock(&in->merging);
	if (!ret) {
		ret = merge(l, s, &taken, &err);
		state_free(s);
		l->taken(l->ctx, ret ? NULL : &taken, ret ? &err : NULL);
	} else {
		l->taken(l->ctx, NULL, &err);
	}
	pthread_mutex_unlock(&in->merging);
	snprintf(answer, sizeof(answer), "%s\n", err.text);
	if (!ret)
		strcpy(answer, ANSWER_TAKEN);
	return send(fd, answer, strlen(answer), MSG_NOSIGNAL) > 0 && !ret;
}

/* A stream that was begun when all end is taken still. Its socket is closed by bury(). */
static void *run_peer(void *ctx)
{
	struct peer *p = ctx;
	struct pollfd fds[] = { { .fd = p->in->end, .events = POLLIN },
				{ .fd = p->fd, .events = POLLIN } };

	do {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			break;
	} while (!fds[0].revents && (!fds[1].revents || serve(p->in, p->fd)));
	shutdown(p->fd, SHUT_RDWR);
	__atomic_store_n(&p->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void bury(struct peer *p)
{
	pthread_join(p->thread, NULL);
	close(p->fd);
	p->fd = -1;
}

static void welcome(struct listener *in, int at, struct peer *peers)
{
	const struct timeval most = { .tv_sec = TIMEOUT };
	int fd = accept4(at, NULL, NULL, SOCK_CLOEXEC), i;

	for (i = 0; i < PEERS; i++)
		if (peers[i].fd >= 0 && __atomic_load_n(&peers[i].done, __ATOMIC_ACQUIRE))
			bury(&peers[i]);
	for (i = 0; fd >= 0 && i < PEERS; i++) {
		if (peers[i].fd >= 0)
			continue;
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most));
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof(most));
		peers[i] = (struct peer){ .in = in, .fd = fd };
		if (!pthread_create(&peers[i].thread, NULL, run_peer, &peers[i]))
			return;
		peers[i].fd = -1;
		break;
	}
	if (fd >= 0)
		close(fd);
}

int state_listen(const struct state_live *l, struct xr_err *err)
{
	struct listener in = { .l = l, .merging = PTHREAD_MUTEX_INITIALIZER };
	struct pollfd at = { .events = POLLIN };
	struct peer peers[PEERS];
	int i;

	if (strlen(l->socket) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return xr_fail(err, -ENAMETOOLONG, "%s: its name is too long for a socket",
			       l->socket);
	for (i = 0; i < PEERS; i++)
		peers[i].fd = -1;
	in.end = eventfd(0, EFD_CLOEXEC);
	if (in.end < 0)
		return xr_fail(err, -errno, "an eventfd: %s", strerror(errno));
	at.fd = bind_socket(l->socket, err);
	if (at.fd < 0) {
		close(in.end);
		return at.fd;
	}
	/* Before the first thread, which is not to have the signals. */
	end_by_signals();
	while (!is_at_end())
		if (wait_poll(&at, 1, -1) > 0)
			welcome(&in, at.fd, peers);
	unlink(l->socket);
	close(at.fd);
	eventfd_write(in.end, 1);
	for (i = 0; i < PEERS; i++)
		if (peers[i].fd >= 0)
			bury(&peers[i]);
	close(in.end);
	return 0;
}
