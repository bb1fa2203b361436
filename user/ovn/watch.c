// SPDX-License-Identifier: GPL-2.0-only
/*
 * The process that talks to the database. libcurl makes the connection, by TCP, TLS or a Unix
 * socket, and then only carries octets (CURLOPT_CONNECT_ONLY). What the database sends is read
 * here and not in the daemon: a hundred thousand ports at once take a second, in which moves
 * would wait; and if it is not what it should be, this process has nothing to lose.
 */
#include <curl/curl.h>
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/clean.h"
#include "ovn_priv.h"

/* Milliseconds */
#define CONNECTS_WITHIN 3000L
#define PROBE_AFTER     5000 /* of silence, as OVN's own programs do */
#define LOST_AFTER      10000
#define FIRST_WAIT      1000
#define LONGEST_WAIT    10000

#define MEMORY  (2UL << 30) /* at most, of this process alone */
#define UNSENT  (1U << 20)  /* octets that it does not take from us */
#define RECORDS 8           /* are written at a time: they fit in PIPE_BUF */

_Static_assert(RECORDS * sizeof(struct ovn_record) <= 4096, "a write to the pipe is whole");

struct watch {
	const struct model *m;
	int to; /* the daemon */
	struct ovn_record record[RECORDS];
	size_t n_records;

	const char *remote;
	CURL *easy;
	curl_socket_t fd;
	struct southbound *southbound;
	struct southbound_seen seen;
	bool whole;
	char *unsent;
	size_t n_unsent;
	uint64_t heard; /* daemon_clock_us() */
	bool probed;
};

/* ---- to the daemon ---- */

static void flush(struct watch *w)
{
	size_t len = w->n_records * sizeof(w->record[0]);

	w->n_records = 0;
	if (len && write(w->to, w->record, len) != (ssize_t)len)
		_exit(0); /* there is no daemon any more */
}

static struct ovn_record *add_record(struct watch *w, enum ovn_kind kind)
{
	struct ovn_record *r;

	if (w->n_records == RECORDS)
		flush(w);
	r = &w->record[w->n_records++];
	memset(r, 0, sizeof(*r));
	r->kind = kind;
	return r;
}

static void tell(struct watch *w, enum ovn_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void tell(struct watch *w, enum ovn_kind kind, const char *fmt, ...)
{
	struct ovn_record *r = add_record(w, kind);
	va_list ap;

	va_start(ap, fmt);
	xr_format_line(r->text, sizeof(r->text), fmt, ap);
	va_end(ap);
	flush(w);
}

/* ---- what the database's reader wants ---- */

static void on_send(void *ctx, const char *text, size_t len)
{
	struct watch *w = ctx;
	char *more = w->n_unsent + len > UNSENT ? NULL : realloc(w->unsent, w->n_unsent + len);

	if (!more)
		return; /* it does not read: it will be found silent */
	memcpy(more + w->n_unsent, text, len);
	w->unsent = more;
	w->n_unsent += len;
}

static void on_chassis(void *ctx, const struct southbound_chassis *c)
{
	add_record(ctx, OVN_CHASSIS)->chassis = *c;
}

static void on_vm(void *ctx, const struct southbound_vm *v)
{
	add_record(ctx, OVN_VM)->vm = *v;
}

static void on_whole(void *ctx)
{
	struct watch *w = ctx;

	w->whole = true;
	tell(w, OVN_WHOLE, "%s", w->remote);
}

static void on_note(void *ctx, const char *text)
{
	tell(ctx, OVN_NOTE, "%s", text);
}

static const struct southbound_ops ops = { on_send, on_chassis, on_vm, on_whole, on_note };

/* ---- a connection ---- */

/* "ssl:HOST:PORT" and the like, as libcurl has it */
static void set_remote(CURL *easy, const struct model_ovn *conf, const char *remote)
{
	char url[MODEL_OVN_TEXT + 16];

	if (!strncmp(remote, "unix:", 5)) {
		curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, remote + 5);
		curl_easy_setopt(easy, CURLOPT_URL, "http://localhost/");
		return;
	}
	snprintf(url, sizeof(url), "%s://%s/", strncmp(remote, "ssl:", 4) ? "http" : "https",
		 remote + 4);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	/*
	 * The certificates that ovs-pki makes name no address: OVN's own programs look whether
	 * the authority is theirs, and so does this.
	 */
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_ENABLE_ALPN, 0L);
	if (conf->ca[0])
		curl_easy_setopt(easy, CURLOPT_CAINFO, conf->ca);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	if (conf->cert[0]) {
		curl_easy_setopt(easy, CURLOPT_SSLCERT, conf->cert);
		curl_easy_setopt(easy, CURLOPT_SSLKEY, conf->key);
	}
}

static int connect_to(struct watch *w, struct xr_err *err)
{
	char error[CURL_ERROR_SIZE] = "";
	CURLcode code;

	w->easy = curl_easy_init();
	if (!w->easy)
		return xr_fail(err, -ENOMEM, "libcurl: out of memory");
	curl_easy_setopt(w->easy, CURLOPT_ERRORBUFFER, error);
	curl_easy_setopt(w->easy, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(w->easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECTS_WITHIN);
	curl_easy_setopt(w->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(w->easy, CURLOPT_PROXY, "");
	set_remote(w->easy, &w->m->ovn, w->remote);
	code = curl_easy_perform(w->easy);
	if (code == CURLE_OK)
		code = curl_easy_getinfo(w->easy, CURLINFO_ACTIVESOCKET, &w->fd);
	curl_easy_setopt(w->easy, CURLOPT_ERRORBUFFER, NULL);
	if (code != CURLE_OK)
		return xr_fail(err, -EHOSTUNREACH, "%s",
			       error[0] ? error : curl_easy_strerror(code));
	return 0;
}

static int send_more(struct watch *w, struct xr_err *err)
{
	size_t n = 0;
	CURLcode code;

	while (w->n_unsent) {
		code = curl_easy_send(w->easy, w->unsent, w->n_unsent, &n);
		if (code == CURLE_AGAIN)
			break;
		if (code != CURLE_OK)
			return xr_fail(err, -EPIPE, "%s", curl_easy_strerror(code));
		memmove(w->unsent, w->unsent + n, w->n_unsent - n);
		w->n_unsent -= n;
	}
	return 0;
}

/* Up to CURLE_AGAIN: what TLS has read already, poll() does not know of. */
static int receive(struct watch *w, struct xr_err *err)
{
	char data[65536];
	bool was_whole;
	CURLcode code;
	size_t n;
	int ret;

	for (;;) {
		code = curl_easy_recv(w->easy, data, sizeof(data), &n);
		if (code == CURLE_AGAIN)
			return 0;
		if (code == CURLE_RECV_ERROR || (code == CURLE_OK && !n))
			return xr_fail(err, -EPIPE, "it ended the connection%s",
				       w->whole ? "" : " before it told anything");
		if (code != CURLE_OK)
			return xr_fail(err, -EPIPE, "%s", curl_easy_strerror(code));
		w->probed = false;
		was_whole = w->whole;
		ret = southbound_take(w->southbound, data, n, err);
		flush(w);
		/* Now: to take all rows at once lasts seconds, in which it was not silent. */
		w->heard = daemon_clock_us();
		if (w->whole && !was_whole)
			malloc_trim(0); /* most of what the rows took as JSON */
		if (!ret)
			ret = send_more(w, err);
		if (ret)
			return ret;
	}
}

static int follow(struct watch *w, struct xr_err *err)
{
	struct pollfd p = { .fd = w->fd };
	int ret = 0, silent;

	while (!ret) {
		silent = (daemon_clock_us() - w->heard) / US_PER_MS;
		if (silent >= LOST_AFTER)
			return xr_fail(err, -ETIMEDOUT, "it does not answer");
		if (silent >= PROBE_AFTER && !w->probed) {
			southbound_probe(w->southbound);
			w->probed = true;
		}
		ret = send_more(w, err);
		p.events = POLLIN | (w->n_unsent ? POLLOUT : 0);
		if (!ret && poll(&p, 1, (w->probed ? LOST_AFTER : PROBE_AFTER) - silent + 1) > 0)
			ret = receive(w, err);
	}
	return ret;
}

/* One connection, from its beginning to its end. */
static void attempt(struct watch *w)
{
	struct xr_err err = { "" };

	w->whole = w->probed = false;
	w->n_unsent = 0;
	if (!connect_to(w, &err)) {
		w->heard = daemon_clock_us();
		w->southbound = southbound_new(w->m, &w->seen, &ops, w);
		add_record(w, OVN_BEGINS);
		if (w->southbound)
			follow(w, &err);
		else
			xr_fail(&err, -ENOMEM, "out of memory");
	}
	southbound_free(w->southbound);
	w->southbound = NULL;
	curl_easy_cleanup(w->easy);
	w->easy = NULL;
	tell(w, OVN_LOST, "%s: %s", w->remote, err.text);
}

/* ---- its life ---- */

/* From half of it to one and a half: nodes that lost it at once do not come back at once. */
static unsigned int around(unsigned int ms)
{
	__u32 random = 0;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		random = getpid();
	return ms / 2 + random % ms;
}

/*
 * What other sources have open stays open here, and nobody would notice that they closed it.
 * Nothing of the instance is needed, nor any right; what the database makes of this process'
 * memory is bounded.
 */
static void give_up_all_else(int fd)
{
	const struct rlimit memory = { MEMORY, MEMORY };

	prctl(PR_SET_NAME, "xroam-ovn");
	setpriority(PRIO_PROCESS, 0, 0);
	setrlimit(RLIMIT_DATA, &memory);
	daemon_keep_capabilities(NULL, 0);
	if (fd > STDERR_FILENO + 1)
		syscall(SYS_close_range, STDERR_FILENO + 1, fd - 1, 0);
	syscall(SYS_close_range, fd + 1, ~0U, 0);
}

void ovn_watch(struct daemon *d, int fd)
{
	struct watch w = { .m = &d->model, .to = fd };
	unsigned int i, wait = FIRST_WAIT;

	give_up_all_else(fd);
	for (i = 0;; i = (i + 1) % w.m->ovn.n_remotes) {
		w.remote = w.m->ovn.remote[i];
		attempt(&w);
		if (w.whole)
			wait = FIRST_WAIT;
		usleep(around(wait) * 1000U);
		wait = 2 * wait < LONGEST_WAIT ? 2 * wait : LONGEST_WAIT;
	}
}
