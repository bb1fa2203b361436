// SPDX-License-Identifier: GPL-2.0-only
/* The thread that attaches tc programs while the process goes on: see tc.h. */
#include <bpf/bpf.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/netns.h"
#include "tc_priv.h"

struct job {
	struct job *next;
	struct tc_task t;
	int netns_fd; /* of the network namespace of whoever handed it over */
	__u64 netns;
	int ret;
};

struct worker {
	const struct plane *p;
	pthread_t thread;
	pthread_mutex_t lock;   /* of what follows */
	pthread_cond_t has_job; /* or it ends */
	pthread_cond_t job_done;
	struct job *todo, *doing, *done;
	bool ends;
	int event;   /* readable while something is in done */
	__u64 netns; /* that the thread is in; the thread's alone */
};

static struct worker *the_worker; /* of this process; NULL: none */

static struct worker *worker_of(const struct plane *p)
{
	return the_worker && !the_worker->ends && the_worker->p == p ? the_worker : NULL;
}

/* ---- the thread ---- */

static void append(struct job **list, struct job *j)
{
	while (*list)
		list = &(*list)->next;
	j->next = NULL;
	*list = j;
}

static int attach_job(struct worker *w, const struct job *j)
{
	int ret;

	if (w->netns != j->netns) {
		if (setns(j->netns_fd, CLONE_NEWNET))
			return -errno;
		w->netns = j->netns;
	}
	if (j->t.first)
		j->t.first(j->t.p, j->t.vm_index, j->t.name);
	ret = bpf_prog_attach_opts(j->t.prog, j->t.ifindex, tc_list(tc_point(j->t.kind)), NULL);
	return ret == -EEXIST ? 0 : ret;
}

static void *work(void *ctx)
{
	struct worker *w = ctx;
	struct job *j;

	pthread_mutex_lock(&w->lock);
	for (;;) {
		while (!w->todo && !w->ends)
			pthread_cond_wait(&w->has_job, &w->lock);
		j = w->todo;
		if (!j)
			break;
		w->todo = j->next;
		w->doing = j;
		pthread_mutex_unlock(&w->lock);
		j->ret = attach_job(w, j);
		pthread_mutex_lock(&w->lock);
		w->doing = NULL;
		append(&w->done, j);
		pthread_cond_broadcast(&w->job_done);
		eventfd_write(w->event, 1);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* ---- the others ---- */

int tc_worker_start(struct plane *p)
{
	struct worker *w = calloc(1, sizeof(*w));
	int ret;

	if (!w)
		return -ENOMEM;
	w->p = p;
	w->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	w->netns = netns_id();
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->has_job, NULL);
	pthread_cond_init(&w->job_done, NULL);
	ret = w->event < 0 ? errno : pthread_create(&w->thread, NULL, work, w);
	if (ret) {
		if (w->event >= 0)
			close(w->event);
		free(w);
		return -ret;
	}
	the_worker = w;
	return w->event;
}

bool tc_has_worker(const struct plane *p)
{
	return worker_of(p);
}

static void job_free(struct job *j)
{
	close(j->t.prog);
	if (j->netns_fd >= 0)
		close(j->netns_fd);
	free(j);
}

int tc_worker_attach(const struct tc_task *t)
{
	struct worker *w = worker_of(t->p);
	struct job *j = w ? calloc(1, sizeof(*j)) : NULL;

	if (!j) {
		close(t->prog);
		return w ? -ENOMEM : -ENOENT;
	}
	j->t = *t;
	j->netns = netns_id();
	j->netns_fd = netns_open();
	if (j->netns_fd < 0) {
		job_free(j);
		return -EMFILE;
	}
	pthread_mutex_lock(&w->lock);
	append(&w->todo, j);
	pthread_cond_signal(&w->has_job);
	pthread_mutex_unlock(&w->lock);
	return 0;
}

static bool is_in(const struct job *list, __u32 ifindex)
{
	while (list && list->t.ifindex != ifindex)
		list = list->next;
	return list;
}

static bool is_to_do(const struct worker *w, __u32 ifindex)
{
	return is_in(w->todo, ifindex) || (w->doing && w->doing->t.ifindex == ifindex);
}

bool tc_worker_has(const struct plane *p, __u32 ifindex)
{
	struct worker *w = worker_of(p);
	bool has;

	if (!w)
		return false;
	pthread_mutex_lock(&w->lock);
	has = is_to_do(w, ifindex) || is_in(w->done, ifindex);
	pthread_mutex_unlock(&w->lock);
	return has;
}

void tc_worker_wait(const struct plane *p, __u32 ifindex)
{
	struct worker *w = worker_of(p);

	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	while (is_to_do(w, ifindex))
		pthread_cond_wait(&w->job_done, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

static void detach_job(const struct job *j)
{
	int back;

	if (netns_enter(j->netns, &back))
		return; /* it took the hook along */
	bpf_prog_detach2(j->t.prog, j->t.ifindex, tc_list(tc_point(j->t.kind)));
	netns_leave(back);
}

static void settle(struct plane *p, const struct job *j, tc_fail *fail, void *ctx)
{
	struct xr_tc_hook *h = p ? tc_record(p, j->netns, j->t.ifindex, j->t.kind) : NULL;
	char line[96];

	if (!j->ret && h)
		h->attached = 1;
	else if (!j->ret)
		detach_job(j);
	if (!j->ret || !h)
		return;
	tc_record_drop(p, h);
	snprintf(line, sizeof(line), "%s: attaching %s: %s", j->t.name, tc_kind_name(j->t.kind),
		 strerror(-j->ret));
	fail(ctx, line);
}

void tc_worker_settle(struct plane *p, tc_fail *fail, void *ctx)
{
	struct worker *w = the_worker;
	struct job *j, *next;
	eventfd_t n;

	if (!w)
		return;
	eventfd_read(w->event, &n);
	pthread_mutex_lock(&w->lock);
	j = w->done;
	w->done = NULL;
	pthread_mutex_unlock(&w->lock);
	for (; j; j = next) {
		next = j->next;
		settle(p, j, fail, ctx);
		job_free(j);
	}
}

void tc_worker_finish(void)
{
	struct worker *w = the_worker;

	if (!w || w->ends)
		return;
	pthread_mutex_lock(&w->lock);
	w->ends = true;
	pthread_cond_signal(&w->has_job);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
}

void tc_worker_stop(struct plane *p, tc_fail *fail, void *ctx)
{
	struct worker *w = the_worker;

	if (!w)
		return;
	tc_worker_finish();
	tc_worker_settle(p, fail, ctx);
	the_worker = NULL;
	close(w->event);
	free(w);
}
