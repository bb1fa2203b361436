// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "loop.h"

struct http_loop {
	sd_event *loop;
	CURLM *multi;
	sd_event_source *timer;
	void (*done)(void *ctx, CURL *easy, CURLcode code);
	void *ctx;
};

static void take_results(struct http_loop *h)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(h->multi, &left)))
		if (m->msg == CURLMSG_DONE)
			h->done(h->ctx, m->easy_handle, m->data.result);
}

/*
 * A socket of libcurl's, by a descriptor of our own: libcurl closes one that is not connected
 * yet without a word. A program that is being started may still have it then, and the kernel
 * would go on to report it by a source that is no more.
 */
struct watched {
	struct http_loop *loop;
	curl_socket_t fd;
	int own;
	sd_event_source *io;
};

static int on_socket(sd_event_source *s, int fd, uint32_t revents, void *ctx)
{
	struct watched *w = ctx;
	struct http_loop *h = w->loop;
	int running;

	(void)s;
	(void)fd;
	curl_multi_socket_action(h->multi, w->fd,
				 (revents & (EPOLLIN | EPOLLHUP) ? CURL_CSELECT_IN : 0) |
					 (revents & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
					 (revents & EPOLLERR ? CURL_CSELECT_ERR : 0),
				 &running);
	take_results(h);
	return 0;
}

static int on_time(sd_event_source *s, uint64_t usec, void *ctx)
{
	struct http_loop *h = ctx;
	int running;

	(void)s;
	(void)usec;
	curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	take_results(h);
	return 0;
}

/* The number may be another socket's by now. */
static bool is_same(int a, int b)
{
	struct stat x, y;

	return !fstat(a, &x) && !fstat(b, &y) && x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

static void unwatch(struct watched *w)
{
	if (!w)
		return;
	sd_event_source_disable_unref(w->io);
	if (w->own >= 0)
		close(w->own);
	free(w);
}

/* NULL: its time will be over. */
static struct watched *watch(struct http_loop *h, curl_socket_t fd, uint32_t events)
{
	struct watched *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	*w = (struct watched){ .loop = h, .fd = fd, .own = fcntl(fd, F_DUPFD_CLOEXEC, 0) };
	if (w->own >= 0 && sd_event_add_io(h->loop, &w->io, w->own, events, on_socket, w) >= 0)
		return w;
	unwatch(w);
	return NULL;
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
	uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0) |
		(what & CURL_POLL_OUT ? EPOLLOUT : 0);
	struct watched *w = socket_ctx;
	struct http_loop *h = ctx;

	(void)easy;
	if (w && what != CURL_POLL_REMOVE && is_same(w->own, fd)) {
		sd_event_source_set_io_events(w->io, events);
		return 0;
	}
	unwatch(w);
	curl_multi_assign(h->multi, fd, what == CURL_POLL_REMOVE ? NULL : watch(h, fd, events));
	return 0;
}

static int set_timer(CURLM *multi, long ms, void *ctx)
{
	struct http_loop *h = ctx;

	(void)multi;
	if (ms < 0)
		sd_event_source_set_enabled(h->timer, SD_EVENT_OFF);
	else
		timer_in_us(h->timer, ms * US_PER_MS + 1);
	return 0;
}

struct http_loop *http_loop_new(sd_event *loop, void (*done)(void *ctx, CURL *easy, CURLcode code),
				void *ctx)
{
	struct http_loop *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	*h = (struct http_loop){ .loop = loop, .done = done, .ctx = ctx };
	h->multi = curl_multi_init();
	if (h->multi && !curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, watch_socket) &&
	    !curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h) &&
	    !curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, set_timer) &&
	    !curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h) &&
	    sd_event_add_time_relative(loop, &h->timer, CLOCK_MONOTONIC, 0, 1, on_time, h) >= 0 &&
	    sd_event_source_set_enabled(h->timer, SD_EVENT_OFF) >= 0)
		return h;
	http_loop_free(h);
	return NULL;
}

void http_loop_free(struct http_loop *h)
{
	if (!h)
		return;
	if (h->multi)
		curl_multi_cleanup(h->multi);
	sd_event_source_disable_unref(h->timer);
	free(h);
}

int http_loop_add(struct http_loop *h, CURL *easy)
{
	return curl_multi_add_handle(h->multi, easy) ? -ENOMEM : 0;
}

void http_loop_remove(struct http_loop *h, CURL *easy)
{
	curl_multi_remove_handle(h->multi, easy);
}
