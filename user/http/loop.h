/* SPDX-License-Identifier: GPL-2.0-only */
/* libcurl's transfers on an event loop. */
#ifndef XR_HTTP_LOOP_H
#define XR_HTTP_LOOP_H

#include <curl/curl.h>
#include <systemd/sd-event.h>

struct http_loop;

/*
 * done(): a transfer has ended; easy is still the caller's, who may remove and free it, and
 * begin others. NULL: out of memory.
 */
struct http_loop *http_loop_new(sd_event *loop, void (*done)(void *ctx, CURL *easy, CURLcode code),
				void *ctx);
/* After all transfers were removed. */
void http_loop_free(struct http_loop *h);

/* Begins; not from within a callback of libcurl's. 0 or -ENOMEM. */
int http_loop_add(struct http_loop *h, CURL *easy);
/* Ends it, in the middle, too. */
void http_loop_remove(struct http_loop *h, CURL *easy);

#endif
