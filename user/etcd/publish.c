// SPDX-License-Identifier: GPL-2.0-only
/*
 * What this node hears by itself it tells the cluster: a VM that came here by its hypervisor's
 * word, or the operator's, is written to etcd as being here, and nodes that hear nobody else
 * follow. Its value is read and written back with its host and its number alone changed, if
 * nobody has changed it meanwhile. A VM that etcd does not have is not made: which there are is
 * for those to say who write them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "etcd_priv.h"
#include "host/host.h"
#include "lib/vm_key.h"
#include "plane/vm_state.h"
#include "vm/vm.h"

#define AGAIN_US (5 * US_PER_SECOND) /* after a refusal */
#define REST_US  US_PER_SECOND       /* of a VM, once it is written */

/* A VM that is to be written. */
struct job {
	TAILQ_ENTRY(job) link;
	__u64 key;
	bool fresh;           /* it has just moved; else it was here when the daemon began */
	bool again;           /* it moved while it was written, or rested */
	bool refused;         /* by etcd, which may be of its segment alone */
	uint64_t rests_until; /* 0: it was not written just now */
};

TAILQ_HEAD(jobs, job);

struct etcd_publish {
	struct etcd_request request; /* easy NULL: none is under way */
	struct job *asked;           /* what it is of */
	bool writes;                 /* it is the second of two: read, write */
	struct jobs jobs;            /* those that were refused are the last */
	/* Not again at once: where QEMUs on two hosts run it, each contradicts the other for ever. */
	struct jobs written;
	sd_event_source *timer;
};

/* ---- the jobs ---- */

static void drop(struct jobs *list, struct job *j)
{
	TAILQ_REMOVE(list, j, link);
	free(j);
}

static struct job *find(struct jobs *list, __u64 key)
{
	struct job *j = TAILQ_FIRST(list);

	while (j && j->key != key)
		j = TAILQ_NEXT(j, link);
	return j;
}

static struct job *first_refused(const struct etcd_publish *u)
{
	struct job *j = TAILQ_FIRST(&u->jobs);

	while (j && !j->refused)
		j = TAILQ_NEXT(j, link);
	return j;
}

static void insert(struct etcd_publish *u, struct job *j)
{
	struct job *refused = first_refused(u);

	if (refused)
		TAILQ_INSERT_BEFORE(refused, j, link);
	else
		TAILQ_INSERT_TAIL(&u->jobs, j, link);
}

static void put(struct etcd *e, __u64 key, bool fresh)
{
	struct etcd_publish *u = e->publish;
	struct job *j = find(&u->jobs, key);

	j = j ? j : find(&u->written, key);
	if (j) {
		j->fresh |= fresh;
		j->again = j->rests_until || (u->request.easy && j == u->asked);
		return;
	}
	j = calloc(1, sizeof(*j));
	if (!j) {
		daemon_log_always("etcd: out of memory: a VM's move is not written");
		return;
	}
	*j = (struct job){ .key = key, .fresh = fresh };
	insert(u, j);
}

static void end_rests(struct etcd_publish *u)
{
	uint64_t now = daemon_clock_us();
	struct job *j;

	while ((j = TAILQ_FIRST(&u->written)) && j->rests_until <= now) {
		TAILQ_REMOVE(&u->written, j, link);
		insert(u, j);
		if (!j->again)
			drop(&u->jobs, j);
		else
			j->rests_until = j->refused = j->again = 0;
	}
}

/* The others do not wait for it: it is tried again after them, and then not at once. */
static void refuse(struct etcd *e, struct job *j, const struct xr_err *why)
{
	struct etcd_publish *u = e->publish;

	j->refused = true;
	TAILQ_REMOVE(&u->jobs, j, link);
	TAILQ_INSERT_TAIL(&u->jobs, j, link);
	e->unwritten = *why;
	timer_in_us(u->timer, TAILQ_FIRST(&u->jobs)->refused ? AGAIN_US : 0);
}

/*
 * The index of a VM that is here by a word that counts, and stays; or VM_NOWHERE. What etcd or an
 * announcement says is not told on, but that a prepared move was completed is.
 */
static __u32 ours(struct etcd *e, __u64 key)
{
	struct plane *p = e->d->plane;
	__u32 index = vm_find(p, key);

	if (index == VM_NOWHERE || !p->vm_info[index].used || vm_under_way(vm_now(p, index)) ||
	    !(p->hosts[vm_now(p, index).host].flags & XR_HOST_LOCAL) ||
	    !(daemon_vm_runs_here(e->d, index) ||
	      (p->vm_info[index].source != XR_SOURCE_ETCD &&
	       vm_standing(p, index) >= XR_TRUST_OPERATOR)))
		return VM_NOWHERE;
	return index;
}

/* ---- the questions ---- */

static int ask(struct etcd *e, const char *path, json_t *body)
{
	return etcd_ask(e, &e->publish->request, path, body, e->token, ETCD_PATIENCE_MS);
}

static int ask_to_write(struct etcd *e, const char *below, const json_t *item, __s64 revision)
{
	char *value = json_dumps(item, JSON_COMPACT);
	json_t *compare, *change;

	if (!value)
		return -ENOMEM;
	compare = json_pack("[{s:o, s:s, s:s, s:o}]", "key", etcd_key(&e->conf, below), "target",
			    "MOD", "result", "EQUAL", "mod_revision",
			    json_sprintf("%lld", revision));
	change = json_pack("[{s:{s:o, s:o}}]", "request_put", "key", etcd_key(&e->conf, below),
			   "value", base64_encode(value, strlen(value)));
	free(value);
	return ask(e, "/v3/kv/txn", json_pack("{s:o, s:o}", "compare", compare, "success", change));
}

static int on_turn(sd_event_source *s, uint64_t usec, void *ctx)
{
	struct etcd *e = ctx;
	struct etcd_publish *u = e->publish;
	char below[ETCD_KEY];
	struct job *j;

	(void)s;
	(void)usec;
	if (u->request.easy || e->stage != ETCD_WATCHES || etcd_begins(e))
		return 0;
	end_rests(u);
	while ((j = TAILQ_FIRST(&u->jobs)) && ours(e, j->key) == VM_NOWHERE)
		drop(&u->jobs, j);
	if (!j) {
		if ((j = TAILQ_FIRST(&u->written)))
			timer_at_us(u->timer, j->rests_until);
		return 0;
	}
	etcd_vm_below(below, j->key);
	u->asked = j;
	u->writes = false;
	if (ask(e, "/v3/kv/range", json_pack("{s:o}", "key", etcd_key(&e->conf, below))))
		timer_in_us(u->timer, AGAIN_US);
	return 0;
}

/* ---- what came of them ---- */

static void next(struct etcd *e, bool written)
{
	struct etcd_publish *u = e->publish;
	struct job *j = u->asked;

	if (written) {
		j->fresh &= j->again;
		j->rests_until = daemon_clock_us() + REST_US;
		TAILQ_REMOVE(&u->jobs, j, link);
		TAILQ_INSERT_TAIL(&u->written, j, link);
	} else if (j->again) {
		j->again = false;
	} else {
		drop(&u->jobs, j);
	}
	if (!first_refused(u))
		e->unwritten.text[0] = '\0';
	timer_in_us(u->timer, 0);
}

/*
 * The item says that it is here: true. Not where a number says that somebody knows it to have
 * moved on since. The new number is above all that nodes have for it: those that took a value
 * without one counted, at most one for each that was ever written.
 */
static bool say_here(struct etcd *e, const struct job *j, json_t *item, __u64 written)
{
	struct plane *p = e->d->plane;
	__u32 index = ours(e, j->key);
	const char *at = json_string_value(json_object_get(item, "at")), *here;
	__u64 seq, own;

	/* A number that is none nobody has taken. */
	if (etcd_take_seq(item, "", &seq, NULL))
		seq = 0;
	if (index == VM_NOWHERE || !at)
		return false;
	here = host_name(p, vm_now(p, index).host);
	own = p->vm_info[index].seq;
	if (!strcmp(at, here) || (!j->fresh && seq > own))
		return false;
	json_object_set_new(item, "at", json_string(here));
	seq = seq ? seq + 1 : own + written;
	seq = seq < own ? own : seq;
	json_object_set_new(item, "seq", json_integer(seq < XR_SEQ_MAX ? seq : XR_SEQ_MAX));
	return true;
}

static void take_value(struct etcd *e, const json_t *answer)
{
	const json_t *kv = json_array_get(json_object_get(answer, "kvs"), 0);
	struct job *j = e->publish->asked;
	char below[ETCD_KEY], *text;
	json_t *item;
	size_t len;

	etcd_vm_below(below, j->key);
	text = kv ? base64_decode(json_object_get(kv, "value"), &len) : NULL;
	item = text ? json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL) : NULL;
	free(text);
	if (!kv)
		daemon_log(e->d, "etcd: %s is here, and etcd has no such key: none is made", below);
	e->publish->writes = true;
	if (!item || !say_here(e, j, item, etcd_number(kv, "version")))
		next(e, false);
	else if (ask_to_write(e, below, item, etcd_number(kv, "mod_revision")))
		timer_in_us(e->publish->timer, AGAIN_US);
	json_decref(item);
}

static void take_written(struct etcd *e, const json_t *answer)
{
	struct job *j = e->publish->asked;
	char below[ETCD_KEY];

	if (!json_is_true(json_object_get(answer, "succeeded"))) {
		/* Somebody was faster: what he wrote is read first. */
		timer_in_us(e->publish->timer, 0);
		return;
	}
	etcd_vm_below(below, j->key);
	daemon_log(e->d, "etcd: %s is written as being here", below);
	next(e, true);
}

bool etcd_publish_owns(const struct etcd *e, const struct etcd_request *r)
{
	return e->publish && r == &e->publish->request;
}

int etcd_publish_done(struct etcd *e, CURLcode code)
{
	struct etcd_publish *u = e->publish;
	bool wrote = u->writes;
	struct xr_err err;
	json_t *answer;
	int ret = etcd_request_answer(&u->request, code, &answer, &err);

	etcd_ask_end(e, &u->request);
	if (!ret && wrote)
		take_written(e, answer);
	else if (!ret)
		take_value(e, answer);
	else if (ret != -EHOSTUNREACH && ret != -EKEYEXPIRED)
		refuse(e, u->asked, &err);
	else
		timer_in_us(u->timer, AGAIN_US);
	json_decref(answer);
	return ret;
}

/* ---- what there is to be told ---- */

/* true: it is this node's to tell of. */
static bool put_ours(struct etcd *e, __u32 vm_index, bool fresh)
{
	__u64 key = e->d->plane->vms[vm_index].key;

	if (!model_etcd_has(&e->conf, vm_vlan_of(key)) || ours(e, key) == VM_NOWHERE)
		return false;
	put(e, key, fresh);
	return true;
}

void etcd_publish_moved(struct etcd *e, __u32 vm_index)
{
	/* Not here: who calls has the instance's lock. */
	if (e->publish && put_ours(e, vm_index, true))
		etcd_publish_go(e);
}

static int put_here(void *ctx, __u32 vm_index)
{
	put_ours(ctx, vm_index, false);
	return 0;
}

void etcd_publish_all(struct etcd *e)
{
	if (e->publish)
		vm_each(e->d->plane, put_here, e);
}

/* ---- its life ---- */

void etcd_publish_go(struct etcd *e)
{
	if (e->publish)
		timer_in_us(e->publish->timer, 0);
}

void etcd_publish_end(struct etcd *e)
{
	if (e->publish)
		etcd_ask_end(e, &e->publish->request);
}

int etcd_publish_open(struct etcd *e)
{
	struct etcd_publish *u;
	int ret;

	if (!e->conf.publish)
		return 0;
	u = e->publish = calloc(1, sizeof(*u));
	if (!u)
		return -ENOMEM;
	TAILQ_INIT(&u->jobs);
	TAILQ_INIT(&u->written);
	ret = sd_event_add_time_relative(e->d->top, &u->timer, CLOCK_MONOTONIC, 0, US_PER_MS,
					 on_turn, e);
	return ret < 0 ? ret : sd_event_source_set_enabled(u->timer, SD_EVENT_OFF);
}

void etcd_publish_close(struct etcd *e)
{
	struct etcd_publish *u = e->publish;

	if (!u)
		return;
	etcd_publish_end(e);
	TAILQ_CONCAT(&u->jobs, &u->written, link);
	while (!TAILQ_EMPTY(&u->jobs))
		drop(&u->jobs, TAILQ_FIRST(&u->jobs));
	sd_event_source_disable_unref(u->timer);
	free(u);
	e->publish = NULL;
}
