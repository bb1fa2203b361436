// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>

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

static int on_socket(sd_event_source *s, int fd, uint32_t revents, void *ctx)
{
	struct http_loop *h = ctx;
	int running;

	(void)s;
	curl_multi_socket_action(h->multi, fd,
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

/*
 * libcurl has a socket unwatched before it closes it. That must be so: a program that is
 * being started may still have it, and the kernel would go on to report it.
 */
static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
	uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0) |
		(what & CURL_POLL_OUT ? EPOLLOUT : 0);
	sd_event_source *io = socket_ctx;
	struct http_loop *h = ctx;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		sd_event_source_disable_unref(io);
		curl_multi_assign(h->multi, fd, NULL);
	} else if (io) {
		sd_event_source_set_io_events(io, events);
	} else if (sd_event_add_io(h->loop, &io, fd, events, on_socket, h) >= 0) {
		/* Else its time will be over. */
		curl_multi_assign(h->multi, fd, io);
	}
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
