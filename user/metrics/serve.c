// SPDX-License-Identifier: GPL-2.0-only
/*
 * The child: HTTP by libmicrohttpd in a loop of sd-event's. Each connection is for one
 * request, has a while to be over in, and there are only so many: the oldest gives way, one
 * that has not asked yet before one that is being answered. So clients that never finish
 * their request, or never read, cost a little memory and nobody else's answer.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "metrics_priv.h"
#include "page_html.h"

#define CONNECTIONS   64
#define CROWDED       48 /* from here on the oldest gives way */
#define ASK_WITHIN    5  /* seconds from the connection to the whole request */
#define READ_WITHIN   60 /* and to its end */
#define REQUEST_MOST  8192
#define HISTORY_EVERY (2 * US_PER_SECOND)
#define NICE          5 /* the daemon is at -15, and this must not be */

/* A response that several clients get, for as long as it is new. */
struct cached {
	struct MHD_Response *response;
	uint64_t until;
	const char *type;
	char *(*make)(struct site *s, size_t *len);
};

struct visitor {
	struct visitor *next, **link;
	int fd;
	uint64_t since;
	bool asked, cut;
};

struct server {
	struct site site;
	struct MHD_Daemon *http;
	sd_event *loop;
	sd_event_source *io, *timer, *second, *sampling;
	struct visitor *visitors; /* the newest first */
	struct cached metrics, data;
	struct MHD_Response *page;
	bool any_host; /* of a Unix socket, to which no browser can be sent */
};

/* ---- connection IDs without their keys ---- */

/*
 * How connection IDs are made is shown, their keys are in the same map: this process has a
 * copy of it without them, made anew for each response.
 */
static void copy_cid_info(struct plane *p)
{
	struct xr_cid_info info;
	__u32 slot;

	for (slot = 0; slot < XR_CID_SLOTS; slot++) {
		if (bpf_map_lookup_elem(p->fd[PLANE_CID_INFO], &slot, &info))
			continue;
		explicit_bzero(info.key, sizeof(info.key));
		p->cid_info[slot] = info;
	}
	explicit_bzero(&info, sizeof(info));
}

/* ---- responses ---- */

static const struct {
	const char *name, *value;
} headers[] = {
	{ "Connection", "close" },
	{ "Cache-Control", "no-store" },
	{ "X-Content-Type-Options", "nosniff" },
	{ "X-Frame-Options", "DENY" },
	{ "Referrer-Policy", "no-referrer" },
	{ "Cross-Origin-Resource-Policy", "same-origin" },
	{ "Content-Security-Policy", PAGE_POLICY },
};

static struct MHD_Response *make_response(void *body, size_t len, enum MHD_ResponseMemoryMode mode,
					  const char *type)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(len, body, mode);
	size_t i;

	if (!r)
		return NULL;
	for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		MHD_add_response_header(r, headers[i].name, headers[i].value);
	MHD_add_response_header(r, "Content-Type", type);
	return r;
}

/* One line of plain text. */
static enum MHD_Result answer_line(struct server *s, struct MHD_Connection *c, unsigned int status,
				   const char *line)
{
	struct MHD_Response *r = make_response((void *)line, strlen(line), MHD_RESPMEM_PERSISTENT,
					       "text/plain; charset=utf-8");
	enum MHD_Result ret;

	s->site.http.requests[status == MHD_HTTP_NOT_FOUND ? HTTP_NOT_FOUND
				      : status >= 500      ? HTTP_FAILED
							   : HTTP_REFUSED]++;
	if (!r)
		return MHD_NO;
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(r, "Allow", "GET, HEAD");
	ret = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return ret;
}

static enum MHD_Result answer_with(struct server *s, struct MHD_Connection *c,
				   struct MHD_Response *r)
{
	if (!r)
		return answer_line(s, c, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
	s->site.http.requests[HTTP_FINE]++;
	return MHD_queue_response(c, MHD_HTTP_OK, r);
}

/* Made anew at most ten times a second, and in no more than a fifth of the time. */
static struct MHD_Response *fresh(struct server *s, struct cached *c)
{
	uint64_t began = daemon_clock_us(), cost;
	size_t len;
	char *body;

	if (c->response && began < c->until)
		return c->response;
	if (c->response)
		MHD_destroy_response(c->response);
	c->response = NULL;
	copy_cid_info(s->site.p);
	body = c->make(&s->site, &len);
	if (!body)
		return NULL;
	c->response = make_response(body, len, MHD_RESPMEM_MUST_FREE, c->type);
	if (!c->response)
		free(body);
	cost = daemon_clock_us() - began;
	c->until = began + cost + (4 * cost > US_PER_SECOND / 10 ? 4 * cost : US_PER_SECOND / 10);
	return c->response;
}

/* ---- requests ---- */

/*
 * A page from elsewhere may have its own name lead to 127.0.0.1 and ask in its name (DNS
 * rebinding). What it cannot do is to leave that name out of the request.
 */
static bool is_our_host(const char *host)
{
	char name[64];
	size_t len = strcspn(host, host[0] == '[' ? "]" : ":");
	struct in6_addr in6;
	struct in_addr in;
	const char *port;

	port = host + len + (host[0] == '[' && host[len]);
	if (len >= sizeof(name) ||
	    (*port && (*port != ':' || port[1 + strspn(port + 1, "0123456789")])))
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)len, host);
	if (host[0] == '[')
		return inet_pton(AF_INET6, name + 1, &in6) == 1 && IN6_IS_ADDR_LOOPBACK(&in6);
	if (!strcasecmp(name, "localhost"))
		return true;
	return inet_pton(AF_INET, name, &in) == 1 && ntohl(in.s_addr) >> 24 == IN_LOOPBACKNET;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *c, const char *url,
				  const char *method, const char *version, const char *body,
				  size_t *body_len, void **request)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	const char *host = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Host");
	struct server *s = ctx;

	(void)body;
	(void)body_len;
	(void)request;
	if (info && info->socket_context)
		((struct visitor *)info->socket_context)->asked = true;
	if (strcmp(method, "GET") && strcmp(method, "HEAD"))
		return answer_line(s, c, MHD_HTTP_METHOD_NOT_ALLOWED,
				   "only GET and HEAD: nothing can be changed here\n");
	if (!host && strcmp(version, "HTTP/1.0"))
		return answer_line(s, c, MHD_HTTP_BAD_REQUEST, "the request has no Host\n");
	if (host && !s->any_host && !is_our_host(host))
		return answer_line(
			s, c, MHD_HTTP_MISDIRECTED_REQUEST,
			"this is served for 127.0.0.1, [::1] and localhost only: a proxy "
			"has to set Host\n");
	if (!strcmp(url, "/metrics"))
		return answer_with(s, c, fresh(s, &s->metrics));
	if (!strcmp(url, "/data.json"))
		return answer_with(s, c, fresh(s, &s->data));
	if (!strcmp(url, "/"))
		return answer_with(s, c, s->page);
	return answer_line(s, c, MHD_HTTP_NOT_FOUND, "there are / and /metrics\n");
}

/* ---- connections ---- */

static void cut_off(struct server *s, struct visitor *v)
{
	if (v->cut)
		return;
	v->cut = true;
	s->site.http.cut_off++;
	shutdown(v->fd, SHUT_RDWR); /* libmicrohttpd closes it then */
}

/* The oldest that has not asked yet, or else the oldest. */
static void make_room(struct server *s)
{
	struct visitor *v, *oldest = NULL, *silent = NULL;

	for (v = s->visitors; v; v = v->next) {
		if (v->cut)
			continue;
		oldest = v;
		silent = v->asked ? silent : v;
	}
	if (silent || oldest)
		cut_off(s, silent ? silent : oldest);
}

static void on_connection(void *ctx, struct MHD_Connection *c, void **context,
			  enum MHD_ConnectionNotificationCode what)
{
	struct server *s = ctx;
	struct visitor *v = *context;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (!v)
			return;
		*v->link = v->next;
		if (v->next)
			v->next->link = v->link;
		free(v);
		s->site.http.connections--;
		return;
	}
	if (s->site.http.connections >= CROWDED)
		make_room(s);
	v = calloc(1, sizeof(*v));
	*context = v;
	if (!v)
		return;
	v->fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	v->since = daemon_clock_us();
	v->next = s->visitors;
	v->link = &s->visitors;
	if (v->next)
		v->next->link = &v->next;
	s->visitors = v;
	if (!s->site.http.connections++)
		timer_in_us(s->second, US_PER_SECOND);
}

static int on_second(sd_event_source *timer, uint64_t usec, void *ctx)
{
	uint64_t now = daemon_clock_us();
	struct server *s = ctx;
	struct visitor *v;

	(void)usec;
	for (v = s->visitors; v; v = v->next)
		if (now - v->since > (v->asked ? READ_WITHIN : ASK_WITHIN) * US_PER_SECOND)
			cut_off(s, v);
	return s->visitors ? timer_in_us(timer, US_PER_SECOND) : 0;
}

/* ---- the loop ---- */

static int run(struct server *s)
{
	MHD_UNSIGNED_LONG_LONG ms;

	MHD_run(s->http);
	if (MHD_get_timeout(s->http, &ms) == MHD_YES)
		return timer_in_us(s->timer, ms * US_PER_MS);
	return sd_event_source_set_enabled(s->timer, SD_EVENT_OFF);
}

static int on_io(sd_event_source *io, int fd, uint32_t revents, void *ctx)
{
	(void)io;
	(void)fd;
	(void)revents;
	return run(ctx);
}

static int on_time(sd_event_source *timer, uint64_t usec, void *ctx)
{
	(void)timer;
	(void)usec;
	return run(ctx);
}

static int on_sampling(sd_event_source *timer, uint64_t usec, void *ctx)
{
	struct server *s = ctx;

	(void)usec;
	history_sample(s->site.history, s->site.p);
	return timer_in_us(timer, HISTORY_EVERY);
}

static int add_timer(struct server *s, sd_event_source **timer, sd_event_time_handler_t handler)
{
	int ret = sd_event_add_time(s->loop, timer, CLOCK_MONOTONIC, 0, US_PER_MS, handler, s);

	return ret < 0 ? ret : sd_event_source_set_enabled(*timer, SD_EVENT_OFF);
}

static int open_loop(struct server *s)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->http, MHD_DAEMON_INFO_EPOLL_FD);
	int ret = sd_event_new(&s->loop);

	if (ret >= 0)
		ret = sd_event_add_io(s->loop, &s->io, info->epoll_fd, EPOLLIN, on_io, s);
	if (ret >= 0)
		ret = add_timer(s, &s->timer, on_time);
	if (ret >= 0)
		ret = add_timer(s, &s->second, on_second);
	if (ret >= 0)
		ret = add_timer(s, &s->sampling, on_sampling);
	return ret < 0 ? ret : timer_in_us(s->sampling, 0);
}

/* ---- what a child must not keep ---- */

/*
 * Of the daemon's descriptors all but those that are needed: only the daemon must be seen to
 * hold its claim and the lock; a QEMU's monitor has one client, and would not see it go as
 * long as this process had a copy.
 */
static void close_others(const struct plane *p, int listen_fd)
{
	int i, from = STDERR_FILENO + 1, next;

	for (;; from = next + 1) {
		next = listen_fd >= from ? listen_fd : INT_MAX;
		for (i = 0; i < PLANE_MAPS; i++)
			if (p->fd[i] >= from && p->fd[i] < next)
				next = p->fd[i];
		if (next > from)
			syscall(SYS_close_range, from, next - 1, 0);
		if (next == INT_MAX)
			return;
	}
}

/* Of all the daemon's memory: the maps that have keys, and the file's model. */
static bool forget_keys(struct daemon *d)
{
	struct xr_cid_info *copy = calloc(XR_CID_SLOTS, sizeof(*copy));
	struct plane *p = d->plane;

	if (!copy)
		return false;
	munmap(p->cid_info, XR_CID_SLOTS * sizeof(*p->cid_info));
	p->cid_info = copy;
	copy_cid_info(p);
	munmap(p->cid_configs, XR_CID_SLOTS * sizeof(*p->cid_configs));
	p->cid_configs = NULL;
	close(p->fd[PLANE_CID_CONFIGS]);
	p->fd[PLANE_CID_CONFIGS] = -1;
	model_free(&d->model);
	return true;
}

/*
 * Counters need none. What is wrong is found by looking at programs by their ID, and
 * into the network namespaces of others' processes.
 */
static void drop_capabilities(void)
{
	static const unsigned int needed[] = { CAP_SYS_ADMIN, CAP_SYS_PTRACE, CAP_DAC_OVERRIDE };

	daemon_keep_capabilities(needed, sizeof(needed) / sizeof(needed[0]));
}

static bool listens_at_a_path(int fd)
{
	struct sockaddr_storage at;
	socklen_t len = sizeof(at);

	return !getsockname(fd, (void *)&at, &len) && at.ss_family == AF_UNIX;
}

static bool prepare(struct server *s, const struct daemon *d, __u32 per_vm, int listen_fd)
{
	s->site = (struct site){ .p = d->plane,
				 .figures = d->figures,
				 .per_vm = per_vm,
				 .wrong = wrong_new(d->plane),
				 .history = history_new() };
	s->metrics = (struct cached){ .make = metrics_text,
				      .type = "text/plain; version=0.0.4; charset=utf-8" };
	s->data = (struct cached){ .make = page_data, .type = "application/json" };
	s->page = make_response((void *)page_html, sizeof(page_html), MHD_RESPMEM_PERSISTENT,
				"text/html; charset=utf-8");
	s->any_host = listens_at_a_path(listen_fd);
	if (!s->site.wrong || !s->site.history || !s->page)
		return false;
	s->http = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, s,
				   MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_CONNECTION_LIMIT,
				   (unsigned int)CONNECTIONS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
				   (size_t)REQUEST_MOST, MHD_OPTION_NOTIFY_CONNECTION,
				   on_connection, s, MHD_OPTION_END);
	return s->http && open_loop(s) >= 0;
}

void metrics_serve(struct daemon *d, int listen_fd)
{
	__u32 per_vm = d->model.metrics.per_vm;
	struct server s = { .any_host = false };

	prctl(PR_SET_NAME, "xroam-metrics");
	setpriority(PRIO_PROCESS, 0, NICE);
	drop_capabilities();
	if (!forget_keys(d))
		_exit(1);
	close_others(d->plane, listen_fd);
	d->plane->emit_fd = d->plane->lock_fd = -1;
	if (!prepare(&s, d, per_vm, listen_fd))
		_exit(1);
	sd_event_loop(s.loop);
	_exit(1);
}
