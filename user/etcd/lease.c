// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether the member that is listened to is still there: a stream that is silent does not
 * tell. It is asked every five seconds, and a node with a name asks by what it has to say
 * anyway: that it watches, nodes/NAME, under a lease. When the node is gone, so is that key,
 * and nothing else: its VMs may run on, and where they are is for others to say.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "etcd_priv.h"

#define TTL     15 /* seconds */
#define KEEP_US (5 * US_PER_SECOND)
#define TRIES   2 /* in a row that may be without an answer; the second waits twice as long */

enum step { PING, GRANT, PUT, KEEP, STEPS };

struct etcd_lease {
	struct etcd_request request; /* easy NULL: none is under way */
	sd_event_source *timer;
	enum step next;
	__s64 id;
	unsigned int silent; /* questions in a row */
	bool told;           /* that it was refused */
};

static json_t *body_of(const struct etcd *e)
{
	const struct etcd_lease *l = e->lease;
	char below[ETCD_KEY] = "nodes/", value[256];
	json_t *node;
	size_t len;

	if (l->next == PING)
		return json_object();
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
			 base64_encode(value, len < sizeof(value) ? len : 0), "lease",
			 json_sprintf("%lld", l->id));
}

static void ask(struct etcd *e)
{
	static const char *const paths[STEPS] = {
		[PING] = "/v3/maintenance/status",
		[GRANT] = "/v3/lease/grant",
		[PUT] = "/v3/kv/put",
		[KEEP] = "/v3/lease/keepalive",
	};
	struct etcd_lease *l = e->lease;

	etcd_ask(e, &l->request, paths[l->next], body_of(e), e->token,
		 ETCD_PATIENCE_MS << l->silent);
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

static void take_answer(struct etcd *e, const json_t *answer)
{
	struct etcd_lease *l = e->lease;

	l->told = false;
	if (l->next == GRANT) {
		l->id = etcd_number(answer, "ID");
		l->next = PUT;
		timer_in_us(l->timer, 1);
	} else if (l->next == PUT) {
		l->next = KEEP;
	} else if (l->next == KEEP && !etcd_number(json_object_get(answer, "result"), "TTL")) {
		l->next = GRANT; /* the lease is over */
		timer_in_us(l->timer, 1);
	}
}

/*
 * A lease that is over, or a right that is missing: again in five seconds, from the grant on.
 * -EKEYEXPIRED: with another token.
 */
static int take_refusal(struct etcd *e, int ret, const struct xr_err *err)
{
	struct etcd_lease *l = e->lease;

	if (l->next == PING)
		return 0;
	if (l->next != PUT || ret == -ENOENT)
		l->next = GRANT;
	if (ret == -EKEYEXPIRED && e->conf.user[0])
		return ret;
	if (!l->told)
		daemon_log_always("etcd: nodes/%s is not written: %s", e->conf.node, err->text);
	l->told = true;
	return 0;
}

int etcd_lease_done(struct etcd *e, struct etcd_request *r, CURLcode code, struct xr_err *err)
{
	struct etcd_lease *l = e->lease;
	json_t *answer;
	int ret = etcd_request_answer(r, code, &answer, err);

	etcd_ask_end(e, r);
	if (ret == -EHOSTUNREACH) {
		if (++l->silent >= TRIES)
			return ret;
		timer_in_us(l->timer, 1);
		return 0;
	}
	l->silent = 0;
	if (ret)
		ret = take_refusal(e, ret, err);
	else
		take_answer(e, answer);
	json_decref(answer);
	return ret;
}

void etcd_lease_begin(struct etcd *e)
{
	struct etcd_lease *l = e->lease;

	l->next = !e->conf.node[0] ? PING : l->id ? KEEP : GRANT;
	l->silent = 0;
	timer_in_us(l->timer, 1);
}

void etcd_lease_retry(struct etcd *e)
{
	timer_in_us(e->lease->timer, 1);
}

void etcd_lease_end(struct etcd *e)
{
	struct etcd_lease *l = e->lease;

	if (!l)
		return;
	if (l->timer)
		sd_event_source_set_enabled(l->timer, SD_EVENT_OFF);
	etcd_ask_end(e, &l->request);
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
