// SPDX-License-Identifier: GPL-2.0-only
/*
 * The source that follows etcd. First a child reads all of this node's part and applies it;
 * then a stream tells of each change. A VM's change is made at once; where a list has changed
 * (hosts, cid, vips, backends) a child reads the lists again.
 *
 * Where etcd is gone, all goes on as it is: the next member is asked after a second, then
 * less and less often, and "status" says since when.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/figures.h"
#include "etcd_priv.h"

#define LONGEST_WAIT (10 * US_PER_SECOND)

/* ---- from one attempt to the next ---- */

static void end_login(struct etcd *e)
{
	etcd_ask_end(e, &e->login);
}

static void hear_no_more(struct etcd *e)
{
	etcd_watch_end(e);
	etcd_lease_end(e);
	etcd_publish_end(e);
}

static void drop_token(struct etcd *e)
{
	free(e->token);
	e->token = NULL;
}

/* The member does not answer, or is not heard: the next one, after a while. */
static void lose(struct etcd *e, const struct xr_err *why)
{
	hear_no_more(e);
	end_login(e);
	e->stage = ETCD_WAITS;
	if (!e->lost_at) {
		e->lost_at = time(NULL);
		daemon_log_always("etcd: %s; all stays as it was", why->text);
	}
	e->why = *why;
	e->endpoint = (e->endpoint + 1) % e->conf.n_endpoints;
	timer_in_us(e->timer, e->wait_us);
	e->wait_us = 2 * e->wait_us < LONGEST_WAIT ? 2 * e->wait_us : LONGEST_WAIT;
	etcd_tell(e);
}

static void watch(struct etcd *e)
{
	struct xr_err err;

	e->stage = ETCD_WATCHES;
	if (etcd_watch_begin(e)) {
		xr_fail(&err, -ENOMEM, "libcurl: out of memory");
		lose(e, &err);
		return;
	}
	/* on_time() looks whether they are all there by then. */
	timer_in_us(e->timer, e->wait_us);
}

/* No token; while it watches only its lease suffers. */
static void on_no_login(struct etcd *e, const struct xr_err *err)
{
	if (e->stage == ETCD_LOGS_IN)
		lose(e, err);
	else
		drop_token(e);
}

/* Asks for another token; it ends at etcd_lease_retry(), or in a watch. */
static void log_in(struct etcd *e)
{
	struct xr_err err = { "" };
	json_t *body;
	int ret;

	if (e->login.easy)
		return;
	body = etcd_login_body(&e->conf, &err);
	ret = body ? etcd_ask(e, &e->login, "/v3/auth/authenticate", body, NULL,
			      e->wait_us / US_PER_MS)
		   : -EACCES;
	if (ret) {
		if (!err.text[0])
			xr_fail(&err, ret, "libcurl: out of memory");
		on_no_login(e, &err);
	}
}

static void log_in_and_watch(struct etcd *e)
{
	e->stage = ETCD_LOGS_IN;
	log_in(e);
}

static void on_login(struct etcd *e, CURLcode code)
{
	struct xr_err err;
	json_t *answer;
	int ret = etcd_request_answer(&e->login, code, &answer, &err);

	end_login(e);
	if (ret) {
		on_no_login(e, &err);
		return;
	}
	free(e->token);
	e->token = strdup(json_string_value(json_object_get(answer, "token")) ?: "");
	json_decref(answer);
	if (e->stage == ETCD_LOGS_IN) {
		e->token_is_new = true;
		watch(e);
	} else if (e->stage == ETCD_WATCHES) {
		etcd_lease_retry(e);
		etcd_publish_go(e);
	}
}

static void on_watch_end(struct etcd *e, CURLcode code)
{
	struct xr_err err = e->end_err;
	int ret = e->end;

	if (!ret && code == CURLE_OK)
		ret = xr_fail(&err, -EHOSTUNREACH, "%s: it ended the stream: it lost its leader",
			      e->conf.endpoint[e->endpoint]);
	else if (!ret)
		ret = xr_fail(&err, -EHOSTUNREACH, "%s: %s", e->conf.endpoint[e->endpoint],
			      e->watch.error[0] ? e->watch.error : curl_easy_strerror(code));
	hear_no_more(e);
	/*
	 * etcd says of a token that is over that the right is missing. Once: a token that is new
	 * and refused, too, is not asked for again and again.
	 */
	if ((ret == -EKEYEXPIRED || ret == -EACCES) && e->conf.user[0] && !e->token_is_new) {
		log_in_and_watch(e);
		return;
	}
	if (ret == -ESTALE) {
		daemon_log_always(
			"etcd: what came since revision %lld is not to be had (%s): reading all",
			(long long)e->known.revision, err.text);
		e->stage = ETCD_READS;
		etcd_read_soon(e, true);
		return;
	}
	if (ret == -EKEYEXPIRED || ret == -EACCES)
		drop_token(e);
	lose(e, &err);
}

static void on_lease(struct etcd *e, struct etcd_request *r, CURLcode code)
{
	struct xr_err err;
	int ret = etcd_lease_done(e, r, code, &err);

	if (ret == -EKEYEXPIRED)
		log_in(e);
	else if (ret == -EHOSTUNREACH)
		lose(e, &err);
}

static void on_published(struct etcd *e, CURLcode code)
{
	if (etcd_publish_done(e, code) == -EKEYEXPIRED && e->conf.user[0])
		log_in(e);
	etcd_tell(e);
}

static void on_done(void *ctx, CURL *easy, CURLcode code)
{
	struct etcd_request *r = NULL;
	struct etcd *e = ctx;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&r);
	if (r == &e->watch)
		on_watch_end(e, code);
	else if (r == &e->login)
		on_login(e, code);
	else if (etcd_publish_owns(e, r))
		on_published(e, code);
	else
		on_lease(e, r, code);
}

/* ---- the child that reads ---- */

static void reap(struct etcd *e)
{
	e->io = sd_event_source_disable_unref(e->io);
	if (e->fd >= 0)
		close(e->fd);
	e->fd = -1;
	while (e->pid && waitpid(e->pid, NULL, 0) < 0 && errno == EINTR)
		;
	e->pid = 0;
	e->progress.total = 0;
}

static void take_all(struct etcd *e, const struct etcd_report *r)
{
	e->known = r->known;
	if (!e->read_once)
		etcd_publish_all(e);
	e->read_once = true;
	e->seen = r->known.revision;
	e->n_vms = r->vms;
	e->n_more = r->refused > e->n_left_out ? r->refused - e->n_left_out : 0;
	daemon_log_always("etcd: %s as of revision %lld: %zu VMs, %zu changes", e->conf.prefix,
			  (long long)e->seen, r->vms, r->changes);
}

static void take_report(struct etcd *e, const struct etcd_report *r)
{
	bool all = e->reads_all;

	reap(e);
	if (all)
		e->all_failed = r->ret;
	if (r->ret && all && e->stage != ETCD_WATCHES) {
		e->all_news = false;
		lose(e, &r->err);
		etcd_changes_go(e);
		return;
	}
	if (r->err.text[0] && strcmp(r->err.text, e->lists.text))
		daemon_log_always("etcd: %s; lists stay as they were", r->err.text);
	e->lists = r->err;
	if (!r->ret) {
		e->endpoint = e->stage == ETCD_WATCHES ? e->endpoint : r->endpoint;
		if (r->token[0]) {
			free(e->token);
			e->token = strdup(r->token);
		}
		if (all)
			take_all(e, r);
		e->known.lists |= r->known.lists;
		/* Hosts may have come that VMs were refused for. */
		if (!r->err.text[0] && !all && (e->n_left_out || e->n_more || e->all_failed))
			e->all_news = true;
		etcd_changes_retry(e);
	}
	if (r->err.text[0] && e->stage == ETCD_WATCHES && !etcd_begins(e))
		timer_in_us(e->timer, LONGEST_WAIT);
	etcd_changes_go(e);
	if (all && e->stage == ETCD_READS)
		watch(e);
	if (e->list_news || e->all_news)
		etcd_read_soon(e, false);
	etcd_tell(e);
}

static int on_report(sd_event_source *s, int fd, uint32_t revents, void *ctx)
{
	struct etcd_report r;
	struct etcd *e = ctx;

	(void)s;
	(void)revents;
	/* A report is written at once, so it is read at once. */
	if (read(fd, &r, sizeof(r)) != sizeof(r)) {
		memset(&r, 0, sizeof(r));
		r.done = true;
		r.ret = xr_fail(&r.err, -ECHILD, "the process that reads it was killed");
	}
	if (!r.done && r.revision) {
		/* The watch, where it goes on, has told of it. */
		if (e->stage == ETCD_READS)
			etcd_changes_add(e, r.err.text, r.value, strlen(r.value), r.revision);
		return 0;
	}
	if (!r.done && r.refusal.text[0]) {
		etcd_changes_leave_out(e, r.err.text, r.refusal.text);
		return 0;
	}
	if (!r.done) {
		e->progress = r;
		etcd_tell(e);
		return 0;
	}
	take_report(e, &r);
	return 0;
}

static void read_now(struct etcd *e, bool all)
{
	const struct etcd_sync s = { &e->conf, e->known, all, e->endpoint, e->token };
	struct xr_err err;

	e->list_news = false;
	e->all_news = e->all_news && !all;
	e->reads_all = all;
	if (all)
		etcd_changes_forget_left_out(e);
	e->pid = daemon_fork(e->d, &e->fd);
	if (!e->pid) {
		etcd_sync_run(e->d, &s, e->fd);
		_exit(0);
	}
	if (e->pid > 0 && sd_event_add_io(e->d->top, &e->io, e->fd, EPOLLIN, on_report, e) >= 0)
		return;
	if (e->pid < 0)
		e->pid = 0;
	else
		kill(e->pid, SIGKILL);
	reap(e);
	xr_fail(&err, -EAGAIN, "no process to read it: %s", strerror(errno));
	lose(e, &err);
}

static int on_soon(sd_event_source *s, void *ctx)
{
	struct etcd *e = ctx;

	(void)s;
	if (!e->pid && (e->all_news || e->list_news))
		read_now(e, e->all_news);
	return 0;
}

static int on_time(sd_event_source *s, uint64_t usec, void *ctx)
{
	struct etcd *e = ctx;
	struct xr_err err;

	(void)s;
	(void)usec;
	if (e->stage == ETCD_WATCHES && etcd_begins(e)) {
		xr_fail(&err, -EHOSTUNREACH, "%s: it does not answer",
			e->conf.endpoint[e->endpoint]);
		lose(e, &err);
	} else if (e->stage == ETCD_WATCHES) {
		if (e->lists.text[0])
			etcd_read_soon(e, e->all_failed);
	} else if (!e->known.cluster || !e->read_once) {
		e->stage = ETCD_READS;
		etcd_read_soon(e, true);
	} else if (e->conf.user[0] && !e->token) {
		log_in_and_watch(e);
	} else {
		watch(e);
	}
	return 0;
}

/* ---- its life ---- */

static void set_segment(struct etcd_known *known, json_int_t vlan)
{
	if (vlan >= 0 && vlan <= XR_MAX_VLAN)
		known->segments[vlan / 8] |= 1 << vlan % 8;
}

/* What an earlier daemon wrote down: so long nothing is news that the instance has already. */
static void take_state(struct etcd *e)
{
	json_t *state = etcd_state_read(e->d->instance);
	const char *prefix = json_string_value(json_object_get(state, "prefix"));
	const char *cluster = json_string_value(json_object_get(state, "cluster"));
	json_t *vlan;
	size_t i;

	if (prefix && cluster && !strcmp(prefix, e->conf.prefix)) {
		e->known.cluster = strtoull(cluster, NULL, 16);
		e->known.revision = etcd_number(state, "revision");
		e->known.lists = etcd_number(state, "lists");
		json_array_foreach(json_object_get(state, "segments"), i, vlan)
			set_segment(&e->known, json_integer_value(vlan));
	}
	json_decref(state);
}

static void end(struct etcd *e)
{
	if (!e->loop)
		return;
	if (e->pid)
		kill(e->pid, SIGKILL);
	reap(e);
	etcd_watch_end(e);
	end_login(e);
	etcd_lease_close(e);
	etcd_publish_close(e);
	etcd_changes_close(e);
	http_loop_free(e->loop);
	e->loop = NULL;
	etcd_save(NULL, 0, e);
	sd_event_source_disable_unref(e->timer);
	sd_event_source_disable_unref(e->soon);
	sd_event_source_disable_unref(e->saver);
	figures_drop_source(e->d->figures, e->figure);
	daemon_set_problems(e->d, "etcd", "");
	free(e->token);
	free(e->newest);
	*e = (struct etcd){ .d = e->d, .fd = -1 };
}

static int open_timers(struct etcd *e)
{
	sd_event *top = e->d->top;
	int ret;

	ret = sd_event_add_time_relative(top, &e->timer, CLOCK_MONOTONIC, 0, US_PER_MS, on_time, e);
	if (ret >= 0)
		ret = sd_event_add_time_relative(top, &e->saver, CLOCK_MONOTONIC, 0, US_PER_MS,
						 etcd_save, e);
	if (ret >= 0)
		ret = sd_event_source_set_enabled(e->saver, SD_EVENT_OFF);
	if (ret >= 0)
		ret = sd_event_add_defer(top, &e->soon, on_soon, e);
	return ret < 0 ? ret : sd_event_source_set_enabled(e->soon, SD_EVENT_OFF);
}

static int begin(struct etcd *e, struct xr_err *err)
{
	int ret;

	if (!e->d->model.etcd.given)
		return 0;
	e->conf = e->d->model.etcd;
	e->wait_us = ETCD_FIRST_WAIT;
	e->figure = figures_add_source(e->d->figures, "etcd", e->conf.prefix);
	take_state(e);
	e->loop = http_loop_new(e->d->top, on_done, e);
	if (!e->loop)
		return xr_fail(err, -ENOMEM, "etcd: out of memory");
	ret = open_timers(e);
	if (ret >= 0)
		ret = etcd_changes_open(e);
	if (ret >= 0)
		ret = etcd_lease_open(e);
	if (ret >= 0)
		ret = etcd_publish_open(e);
	/* on_time() begins. */
	return ret < 0 ? xr_fail(err, ret, "etcd: %s", strerror(-ret)) : 0;
}

static void stop(void *state)
{
	struct etcd *e = state;

	end(e);
	free(e);
}

static int start(struct daemon *d, void **state, struct xr_err *err)
{
	struct etcd *e = calloc(1, sizeof(*e));
	int ret;

	if (!e)
		return xr_fail(err, -ENOMEM, "out of memory");
	*e = (struct etcd){ .d = d, .fd = -1 };
	ret = begin(e, err);
	if (ret) {
		stop(e);
		return ret;
	}
	*state = e;
	return 0;
}

static int reload(struct daemon *d, void *state, struct xr_err *err)
{
	struct etcd *e = state;

	/* Its file was applied, and may have said something else: read again even so. */
	(void)d;
	end(e);
	return begin(e, err);
}

static void lock_is_back(void *state)
{
	struct etcd *e = state;

	if (e->loop)
		etcd_changes_go(e);
}

static void moved(void *state, const struct xr_event *event, __u32 vm_index)
{
	struct etcd *e = state;

	(void)event;
	if (e->loop)
		etcd_publish_moved(e, vm_index);
}

const struct source source_etcd = {
	.name = "etcd",
	.start = start,
	.stop = stop,
	.reload = reload,
	.lock_is_back = lock_is_back,
	.moved = moved,
};
