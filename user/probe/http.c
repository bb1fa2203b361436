// SPDX-License-Identifier: GPL-2.0-only
/*
 * HTTP and HTTPS, by libcurl over the kernel's TCP. Its sockets are in a namespace of
 * their own (tun.c), with this machine's address; what they send goes through xroam_probe
 * to the backend that the source port stands for, and what comes back to these ports is
 * read before the kernel's routes and filters see it, and given to them.
 *
 * The status decides, and nothing behind the header is read: an endless body ends there.
 */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "frame_priv.h"
#include "http/loop.h"
#include "lib/clean.h"
#include "lib/health_state.h"
#include "probe_priv.h"
#include "tun_priv.h"

#define SLOTS      WAY_STREAM_PORTS
#define PACKET     65536
#define AT_ONCE    64 /* packets in one turn */
#define URL_LENGTH (2 * XR_CHECK_TEXT + TEXT_ADDR + 32)

/* A request at a time; its port and backend stay for what its socket sends at its end. */
struct slot {
	struct http *http;
	int held; /* keeps the kernel out of the port */
	__u16 port;
	__u16 backend;
	__u32 number; /* of the target; TARGET_NONE: none */
	CURL *easy;
	struct curl_slist *connect_to;
	char error[CURL_ERROR_SIZE];
	__be32 source[XR_ADDR_WORDS];
};

struct http {
	struct prober *pr;
	struct tun tun;
	int in[2];
	struct http_loop *loop;
	sd_event_source *tun_io, *in_io[2];
	struct slot slots[SLOTS];
	__u32 next; /* slot: in turn, so that one rests before it is used again */
	__u8 *packet;
};

/* ---- packets ---- */

static void no_target(struct prober *pr, struct target *t, int error, struct xr_err *err)
{
	(void)pr;
	(void)t;
	(void)error;
	(void)err;
}

/* The source port of a TCP packet, or the destination's; 0: it is none. */
static __u16 port_of(const __u8 *ip, size_t len, bool destination)
{
	size_t header = *ip >> 4 == 6 ? IPV6_HEADER : (*ip & 15) * 4U;
	__u8 proto = *ip >> 4 == 6 ? ip[6] : ip[9];

	return len < IPV4_HEADER + 8 || header + 8 > len || proto != IPPROTO_TCP
		? 0
		: ip[header + 2 * destination] << 8 | ip[header + 2 * destination + 1];
}

static int on_tun(sd_event_source *s, int fd, uint32_t revents, void *ctx)
{
	struct http *h = ctx;
	struct prober *pr = h->pr;
	__u8 *frame;
	__u32 slot;
	ssize_t n;
	int i;

	(void)s;
	(void)revents;
	for (i = 0; i < AT_ONCE; i++) {
		n = read(fd, h->packet, PACKET);
		if (n <= 0)
			break;
		if (n < IPV4_HEADER || n + FRAME_HEADER > FRAME_MOST)
			continue;
		slot = port_of(h->packet, n, false) - h->slots[0].port;
		if (slot >= SLOTS)
			continue;
		/* What is not taken is sent again: TCP sees to that, or the time ends. */
		frame = way_frame(pr, NULL);
		if (!frame)
			continue;
		way_put(pr, frame_ip(frame, h->slots[slot].backend, h->packet, n), NULL);
		if (way_is_full(pr))
			way_flush(pr, no_target);
	}
	way_flush(pr, no_target);
	return 0;
}

static int on_answer(sd_event_source *s, int fd, uint32_t revents, void *ctx)
{
	struct http *h = ctx;
	ssize_t n;
	int i;

	(void)s;
	(void)revents;
	for (i = 0; i < AT_ONCE; i++) {
		n = recv(fd, h->packet, PACKET, MSG_DONTWAIT);
		if (n < IPV4_HEADER)
			break;
		if (port_of(h->packet, n, true) < h->slots[0].port)
			continue; /* that is wire.c's */
		/* Several that the kernel joined have the first one's sum, or none. */
		frame_tcp_sum(h->packet, n);
		if (write(h->tun.fd, h->packet, n) != n)
			break;
	}
	if (i == AT_ONCE)
		way_note_lost(h->pr, fd);
	return 0;
}

/* ---- a request ---- */

static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *addr)
{
	struct slot *s = ctx;
	int fd;

	(void)purpose;
	(void)addr;
	fd = tun_socket(&s->http->tun, s->source, s->port);
	return fd < 0 ? CURL_SOCKET_BAD : fd;
}

/* The empty line behind the last header; there may be several headers (RFC 9110 §15.2). */
static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
	struct slot *s = ctx;
	long status = 0;

	curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
	return (n * size == 2 && !memcmp(line, "\r\n", 2)) || (n * size == 1 && *line == '\n')
		? status >= 200 ? 0 : n * size
		: n * size;
}

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
	(void)data;
	(void)ctx;
	(void)size;
	(void)n;
	return 0;
}

static void url_of(const struct xr_health_check *k, const struct target *t, char *url,
		   char *connect_to)
{
	char addr[TEXT_ADDR], where[TEXT_ADDR + 2];

	snprintf(where, sizeof(where), addr_is_ipv4(t->addr) ? "%s" : "[%s]",
		 text_addr(addr, t->addr));
	snprintf(url, URL_LENGTH, "%s://%s:%u%s", health_type_word(k->type),
		 k->host[0] ? k->host : where, ntohs(t->port), k->path);
	snprintf(connect_to, URL_LENGTH, "::%s:%u", where, ntohs(t->port));
}

static int set_options(struct slot *s, const struct xr_health_check *k, const struct target *t)
{
	char url[URL_LENGTH], connect_to[URL_LENGTH];
	CURL *e = s->easy;

	url_of(k, t, url, connect_to);
	s->connect_to = curl_slist_append(NULL, connect_to);
	s->error[0] = '\0';
#define SET(option, value) curl_easy_setopt(e, option, value)
	return !s->connect_to || SET(CURLOPT_URL, url) || SET(CURLOPT_CONNECT_TO, s->connect_to) ||
			SET(CURLOPT_PRIVATE, s) || SET(CURLOPT_ERRORBUFFER, s->error) ||
			SET(CURLOPT_NOSIGNAL, 1L) || SET(CURLOPT_PROXY, "") ||
			SET(CURLOPT_NETRC, 0L) || SET(CURLOPT_PROTOCOLS_STR, "http,https") ||
			SET(CURLOPT_FOLLOWLOCATION, 0L) || SET(CURLOPT_FRESH_CONNECT, 1L) ||
			SET(CURLOPT_FORBID_REUSE, 1L) || SET(CURLOPT_USERAGENT, "xroam") ||
			SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) ||
			SET(CURLOPT_SSL_VERIFYPEER, (long)k->verify) ||
			SET(CURLOPT_SSL_VERIFYHOST, k->verify ? 2L : 0L) ||
			SET(CURLOPT_OPENSOCKETFUNCTION, open_socket) ||
			SET(CURLOPT_OPENSOCKETDATA, s) || SET(CURLOPT_HEADERFUNCTION, on_header) ||
			SET(CURLOPT_HEADERDATA, s) || SET(CURLOPT_WRITEFUNCTION, on_body)
		? -ENOMEM
		: 0;
#undef SET
}

static void end_request(struct slot *s)
{
	if (s->easy) {
		http_loop_remove(s->http->loop, s->easy);
		curl_easy_cleanup(s->easy);
	}
	curl_slist_free_all(s->connect_to);
	s->connect_to = NULL;
	s->easy = NULL;
	s->number = TARGET_NONE;
}

static bool is_wanted(const struct xr_health_check *k, long status)
{
	int i;

	for (i = 0; i < XR_CHECK_RANGES && k->status[i].first; i++)
		if (status >= k->status[i].first && status <= k->status[i].last)
			return true;
	return false;
}

/* In a few words: libcurl's own line repeats what is asked, and where. */
static const char *why_not(const struct slot *s, CURLcode code)
{
	long error = 0;

	curl_easy_getinfo(s->easy, CURLINFO_OS_ERRNO, &error);
	if (code == CURLE_COULDNT_CONNECT && error)
		return strerror(error);
	if (code == CURLE_OK || code == CURLE_WRITE_ERROR)
		return "no answer in HTTP";
	return s->error[0] && code != CURLE_COULDNT_CONNECT ? s->error : curl_easy_strerror(code);
}

static void finish(struct slot *s, CURLcode code)
{
	struct prober *pr = s->http->pr;
	struct target *t = &pr->targets[s->number];
	const struct xr_health_check *k = check_of(pr, t);
	char text[sizeof(t->error)], what[TARGET_TEXT], range[HEALTH_TEXT];
	long status = 0;

	curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
	clean_line(s->error);
	if (status >= 200)
		snprintf(text, sizeof(text), "%s: status %ld, not %.30s", target_text(pr, t, what),
			 status, health_ranges_text(k->status, range));
	else
		snprintf(text, sizeof(text), "%s: %.60s", target_text(pr, t, what),
			 why_not(s, code));
	end_request(s);
	t->run = NULL;
	probe_done(pr, t, status >= 200 && is_wanted(k, status) ? NULL : text);
}

static void on_done(void *ctx, CURL *easy, CURLcode code)
{
	struct slot *s;

	(void)ctx;
	if (!curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&s))
		finish(s, code);
}

/* ---- its life ---- */

void http_close(struct prober *pr)
{
	struct http *h = pr->http;
	int i;

	if (!h)
		return;
	for (i = 0; i < SLOTS; i++) {
		end_request(&h->slots[i]);
		if (h->slots[i].held >= 0)
			close(h->slots[i].held);
	}
	http_loop_free(h->loop);
	sd_event_source_disable_unref(h->tun_io);
	for (i = 0; i < 2; i++) {
		sd_event_source_disable_unref(h->in_io[i]);
		if (h->in[i] >= 0)
			close(h->in[i]);
	}
	tun_close(&h->tun);
	free(h->packet);
	free(h);
	pr->http = NULL;
}

static int watch(struct http *h)
{
	sd_event *top = h->pr->d->top;
	int i, ret;

	h->loop = http_loop_new(top, on_done, h);
	if (!h->loop)
		return -ENOMEM;
	ret = sd_event_add_io(top, &h->tun_io, h->tun.fd, EPOLLIN, on_tun, h);
	for (i = 0; i < 2 && ret >= 0; i++)
		ret = sd_event_add_io(top, &h->in_io[i], h->in[i], EPOLLIN, on_answer, h);
	return ret < 0 ? ret : 0;
}

static void hold_slots(struct http *h)
{
	__u16 first = way_stream_port(h->pr);
	int i;

	for (i = 0; i < SLOTS; i++)
		h->slots[i] = (struct slot){
			.http = h,
			.port = first + i,
			.number = TARGET_NONE,
			.held = way_hold_port(SOCK_STREAM, first + i),
		};
}

static int http_open(struct prober *pr, struct xr_err *err)
{
	struct http *h;
	int i, ret;

	if (pr->http)
		return 0;
	h = pr->http = calloc(1, sizeof(*h));
	if (!h)
		return xr_fail(err, -EAGAIN, "out of memory");
	h->pr = pr;
	h->tun = TUN_NONE;
	h->in[0] = h->in[1] = -1;
	hold_slots(h);
	h->packet = malloc(PACKET);
	ret = h->packet ? tun_open(&h->tun, err) : xr_fail(err, -ENOMEM, "out of memory");
	/* The wire's ports begin at a multiple of all of them, and are read by its own socket. */
	for (i = 0; !ret && i < 2; i++) {
		h->in[i] = way_open_in(i, way_first_port(pr), WAY_PORTS, PACKET);
		if (h->in[i] < 0)
			ret = xr_fail(err, h->in[i], "sockets for HTTP checks: %s",
				      strerror(-h->in[i]));
	}
	if (!ret && watch(h))
		ret = xr_fail(err, -ENOMEM, "libcurl: out of memory");
	if (!ret)
		return 0;
	http_close(pr);
	return -EAGAIN;
}

static struct slot *free_slot(struct http *h)
{
	struct slot *s;
	int i;

	for (i = 0; i < SLOTS; i++) {
		s = &h->slots[h->next++ % SLOTS];
		if (s->number == TARGET_NONE && s->held >= 0)
			return s;
	}
	return NULL;
}

static int start(struct prober *pr, struct target *t, struct xr_err *err)
{
	struct timespec now;
	struct slot *s;
	int ret = http_open(pr, err);

	if (!ret)
		ret = target_source(pr, t, err);
	if (ret)
		return ret;
	s = free_slot(pr->http);
	if (!s)
		return xr_fail(err, -EBUSY, "%d requests are under way already", SLOTS);
	memcpy(s->source, t->source, sizeof(s->source));
	s->backend = t->backend;
	s->easy = curl_easy_init();
	if (!s->easy || set_options(s, check_of(pr, t), t) ||
	    http_loop_add(pr->http->loop, s->easy)) {
		end_request(s);
		return xr_fail(err, -EAGAIN, "libcurl: out of memory");
	}
	s->number = t - pr->targets;
	t->run = s;
	clock_gettime(CLOCK_REALTIME, &now);
	t->sent_ns = now.tv_sec * 1000000000ULL + now.tv_nsec;
	set_busy(pr, t, true);
	return 0;
}

static void cancel(struct prober *pr, struct target *t)
{
	end_request(t->run);
	t->run = NULL;
	set_busy(pr, t, false);
}

static void give_up(struct prober *pr, struct target *t, struct xr_err *err)
{
	struct slot *s = t->run;
	char what[TARGET_TEXT], after[HEALTH_TEXT];
	double connected = 0;

	curl_easy_getinfo(s->easy, CURLINFO_CONNECT_TIME, &connected);
	end_request(s);
	t->run = NULL;
	xr_fail(err, 0, "%s: no %s within %s s", target_text(pr, t, what),
		connected > 0 ? "status" : "connection",
		health_ms_text(check_of(pr, t)->timeout_ms, after));
}

const struct probe_kind probe_http = { start, give_up, cancel };
