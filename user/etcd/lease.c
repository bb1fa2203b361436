// SPDX-License-Identifier: GPL-2.0-only
/*
 * That this node watches: nodes/NAME, under a lease. When the node is gone, so is that key,
 * and nothing else: its VMs may run on, and where they are is for others to say.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "etcd_priv.h"

#define TTL       15 /* seconds */
#define KEEP_US   (5 * US_PER_SECOND)
#define ANSWER_MS 4000L

enum step { GRANT, PUT, KEEP, STEPS };

struct etcd_lease {
	struct etcd_request request; /* easy NULL: none is under way */
	sd_event_source *timer;
	enum step next;
	__s64 id;
};

static json_t *body_of(const struct etcd *e)
{
	const struct etcd_lease *l = e->lease;
	char below[ETCD_KEY] = "nodes/", value[256];
	json_t *node;
	size_t len;

	if (l->next == GRANT)
		return json_pack("{s:i}", "TTL", TTL);
	if (l->next == KEEP)
		return json_pack("{s:o}", "ID", json_sprintf("%lld", l->id));
	strcat(below, e->conf.node);
	node = json_pack("{s:s, s:I, s:I}", "instance", e->d->instance, "since",
			 (json_int_t)time(NULL), "revision", (json_int_t)e->seen);
	len = json_dumpb(node, value, sizeof(value), JSON_COMPACT);
	json_decref(node);
	return json_pack("{s:o, s:o, s:o}", "key", etcd_key(&e->conf, below), "value",
			 etcd_encode(value, len < sizeof(value) ? len : 0), "lease",
			 json_sprintf("%lld", l->id));
}

static void ask(struct etcd *e)
{
	static const char *const paths[STEPS] = {
		[GRANT] = "/v3/lease/grant",
		[PUT] = "/v3/kv/put",
		[KEEP] = "/v3/lease/keepalive",
	};
	struct etcd_lease *l = e->lease;
	json_t *body = body_of(e);
	char *text = json_dumps(body, JSON_COMPACT);

	json_decref(body);
	if (text &&
	    !etcd_request_init(&l->request, &e->conf, e->endpoint, paths[l->next], text,
			       e->token)) {
		curl_easy_setopt(l->request.easy, CURLOPT_TIMEOUT_MS, ANSWER_MS);
		if (http_loop_add(e->loop, l->request.easy))
			etcd_request_free(&l->request);
	}
	free(text);
	timer_in_us(l->timer, KEEP_US);
}

static int on_time(sd_event_source *s, uint64_t usec, void *ctx)
{
	struct etcd *e = ctx;

	(void)s;
	(void)usec;
	if (!e->lease->request.easy)
		ask(e);
	return 0;
}

/* What fails is tried again in five seconds, from the grant on. */
void etcd_lease_done(struct etcd *e, struct etcd_request *r, CURLcode code)
{
	struct etcd_lease *l = e->lease;
	json_t *answer;
	int ret = etcd_request_answer(r, code, &answer, NULL);

	http_loop_remove(e->loop, r->easy);
	etcd_request_free(r);
	if (!ret && l->next == GRANT) {
		l->id = etcd_number(answer, "ID");
		l->next = PUT;
		timer_in_us(l->timer, 1);
	} else if (!ret && l->next == PUT) {
		l->next = KEEP;
	} else if (ret || !etcd_number(json_object_get(answer, "result"), "TTL")) {
		l->next = GRANT; /* the lease is over */
	}
	json_decref(answer);
}

void etcd_lease_begin(struct etcd *e)
{
	struct etcd_lease *l = e->lease;

	if (!e->conf.node[0])
		return;
	l->next = l->id ? KEEP : GRANT;
	timer_in_us(l->timer, 1);
}

void etcd_lease_end(struct etcd *e)
{
	struct etcd_lease *l = e->lease;

	if (!l)
		return;
	if (l->timer)
		sd_event_source_set_enabled(l->timer, SD_EVENT_OFF);
	if (!l->request.easy)
		return;
	http_loop_remove(e->loop, l->request.easy);
	etcd_request_free(&l->request);
}

int etcd_lease_open(struct etcd *e)
{
	struct etcd_lease *l = e->lease = calloc(1, sizeof(*l));
	int ret;

	if (!l)
		return -ENOMEM;
	ret = sd_event_add_time_relative(e->d->top, &l->timer, CLOCK_MONOTONIC, 0, US_PER_MS,
					 on_time, e);
	return ret < 0 ? ret : sd_event_source_set_enabled(l->timer, SD_EVENT_OFF);
}

void etcd_lease_close(struct etcd *e)
{
	if (!e->lease)
		return;
	etcd_lease_end(e);
	sd_event_source_disable_unref(e->lease->timer);
	free(e->lease);
	e->lease = NULL;
}
