// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program of the operator's for each VM that has moved, say one that changes a name's
 * address. It gets the move as one line of JSON, and is beside everything: no frame and no
 * notice waits for it.
 *
 * Of a VM one program runs at a time. Where the VM moves again meanwhile it runs once more,
 * with where the VM is then: so the last one tells the truth, whoever was slow.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "daemon/figures.h"
#include "daemon/program.h"
#include "host/host.h"
#include "lib/addr.h"
#include "lib/text.h"
#include "lib/vm_key.h"
#include "plane/vm_event.h"
#include "plane/vm_state.h"
#include "source_priv.h"

#define AT_ONCE     4
#define TRIES       5
#define FIRST_PAUSE US_PER_SECOND /* before it is tried again; each is twice as long */
#define NAMED       3             /* VMs whose program failed that status has */

TAILQ_HEAD(jobs, job);

/* What is to be told of a VM. */
struct job {
	struct on_move *all;
	TAILQ_ENTRY(job) link;
	struct jobs *list; /* that it is in */
	__u64 key;
	__u32 vm_index;
	__u16 from;
	__u8 source;
	bool present; /* not moved: here when the daemon began */
	bool again;   /* it moved while the program ran */
	unsigned int tries;
	uint64_t when; /* in later: not before that; in running: its end, at the latest */
	struct program *program;
};

struct on_move {
	struct daemon *d;
	sd_event_source *timer;
	struct programs *programs;
	struct jobs ready, running, later; /* those that failed are later */
	struct job **of_vm;                /* by VM index; NULL: none has moved yet */
	int figure;
	char trouble[512]; /* of the first that were given up */
	unsigned int given_up;
};

/* ---- the lists ---- */

static void put_into(struct job *j, struct jobs *list)
{
	if (j->list)
		TAILQ_REMOVE(j->list, j, link);
	TAILQ_INSERT_TAIL(list, j, link);
	j->list = list;
}

static void drop(struct on_move *o, struct job *j)
{
	TAILQ_REMOVE(j->list, j, link);
	if (j->program)
		program_kill(j->program);
	if (o->of_vm[j->vm_index] == j)
		o->of_vm[j->vm_index] = NULL;
	free(j);
}

static void drop_all(struct on_move *o)
{
	struct jobs *const lists[] = { &o->ready, &o->running, &o->later };
	size_t i;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		while (!TAILQ_EMPTY(lists[i]))
			drop(o, TAILQ_FIRST(lists[i]));
}

/* ---- what the program gets ---- */

static json_t *addresses_of(const struct xr_vm_info *info)
{
	json_t *list = json_array();
	char text[TEXT_ADDR];
	int i;

	for (i = 0; i < XR_VM_ADDRS; i++)
		if (!addr_is_zero(info->addr[i]))
			json_array_append_new(list, json_string(text_addr(text, info->addr[i])));
	return list;
}

static char *line_of(const struct job *j)
{
	struct plane *p = j->all->d->plane;
	struct xr_vm_now now = vm_now(p, j->vm_index);
	char text[TEXT_MAC], *line = NULL;
	__u8 mac[6];
	json_t *o;

	vm_mac_of(j->key, mac);
	o = json_pack("{s:s, s:s, s:s, s:i, s:o, s:s, s:b}", "event",
		      j->present ? "present" : "moved", "instance", j->all->d->instance, "mac",
		      text_mac(text, mac), "vlan", (int)vm_vlan_of(j->key), "addresses",
		      addresses_of(&p->vm_info[j->vm_index]), "host", host_name(p, now.host),
		      "local", !!(p->hosts[now.host].flags & XR_HOST_LOCAL));
	if (!o)
		return NULL;
	if (j->from && !j->present)
		json_object_set_new(o, "from", json_string(host_name(p, j->from)));
	if (!j->present)
		json_object_set_new(o, "source", json_string(vm_source_name(j->source)));
	line = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return line;
}

/* ---- what came of it ---- */

static void show_trouble(struct on_move *o)
{
	char lines[sizeof(o->trouble) + 64] = "";

	if (o->given_up)
		snprintf(lines, sizeof(lines), "%s%s", o->trouble,
			 o->given_up > NAMED ? "on_move: (and more)\n" : "");
	daemon_set_problems(o->d, "on_move", lines);
	figures_set_source(o->d->figures, o->figure, !o->given_up);
}

static void give_up(struct on_move *o, const struct job *j, const char *why)
{
	size_t used = strlen(o->trouble);
	char vm[VM_NAME];

	if (o->given_up++ < NAMED)
		snprintf(o->trouble + used, sizeof(o->trouble) - used,
			 "on_move: VM %s: %.60s: %.60s, %d times: nobody was told where it is\n",
			 vm_name(vm, j->key), o->d->model.on_move.command, why, TRIES);
	show_trouble(o);
}

static void worked(struct on_move *o)
{
	if (!o->given_up)
		return;
	o->given_up = 0;
	o->trouble[0] = '\0';
	show_trouble(o);
}

static void turn(struct on_move *o);

static void done(struct job *j, bool good, const char *text)
{
	struct on_move *o = j->all;
	char vm[VM_NAME];

	j->program = NULL;
	if (good)
		worked(o);
	else
		daemon_log(o->d, "on_move: VM %s: %s: %s", vm_name(vm, j->key),
			   o->d->model.on_move.command, text);
	if (j->again) {
		j->again = false;
		put_into(j, &o->ready);
		return;
	}
	if (!good && ++j->tries < TRIES) {
		j->when = daemon_clock_us() + (FIRST_PAUSE << (j->tries - 1));
		put_into(j, &o->later);
		return;
	}
	if (!good)
		give_up(o, j, text);
	drop(o, j);
}

static void on_end(void *ctx, bool good, const char *text)
{
	struct on_move *o = ((struct job *)ctx)->all;

	done(ctx, good, text);
	turn(o);
}

static void too_long(struct job *j)
{
	__u32 ms = j->all->d->model.on_move.timeout_ms;
	char text[48];

	program_kill(j->program);
	snprintf(text, sizeof(text), "no end within %u.%03u s", ms / 1000, ms % 1000);
	done(j, false, text);
}

/* ---- a turn ---- */

/* Another machine's VM is that machine's to tell of. */
static bool is_ours(const struct on_move *o, const struct job *j)
{
	struct plane *p = o->d->plane;

	if (p->vms[j->vm_index].key != j->key || !p->vm_info[j->vm_index].used)
		return false;
	return o->d->model.on_move.everywhere ||
		p->hosts[vm_now(p, j->vm_index).host].flags & XR_HOST_LOCAL;
}

static void fill_words(const struct model_on_move *from, char *argv[MODEL_WORDS + 1])
{
	const char *word = from->command;
	__u32 i;

	for (i = 0; i < from->words; i++, word += strlen(word) + 1)
		argv[i] = (char *)word;
	argv[i] = NULL;
}

static void begin(struct on_move *o, struct job *j)
{
	static char path[] = PROGRAM_PATH;
	char *argv[MODEL_WORDS + 1], *envp[] = { path, NULL }, *line = line_of(j);
	struct xr_err err = { "out of memory" };

	fill_words(&o->d->model.on_move, argv);
	j->when = daemon_clock_us();
	if (line && !program_start(o->programs, &j->program, argv, envp, line, on_end, j, &err)) {
		j->when += o->d->model.on_move.timeout_ms * US_PER_MS;
		put_into(j, &o->running);
	} else {
		daemon_log(o->d, "on_move: %s", err.text);
		j->when += FIRST_PAUSE;
		put_into(j, &o->later);
	}
	free(line);
}

static void take_due(struct on_move *o, uint64_t now)
{
	struct job *j, *next;

	for (j = TAILQ_FIRST(&o->running); j; j = next) {
		next = TAILQ_NEXT(j, link);
		if (j->when <= now)
			too_long(j);
	}
	for (j = TAILQ_FIRST(&o->later); j; j = next) {
		next = TAILQ_NEXT(j, link);
		if (j->when <= now)
			put_into(j, &o->ready);
	}
}

static uint64_t earliest(const struct jobs *list, uint64_t when)
{
	const struct job *j;

	for (j = TAILQ_FIRST(list); j; j = TAILQ_NEXT(j, link))
		when = j->when < when ? j->when : when;
	return when;
}

static void arm(struct on_move *o)
{
	uint64_t when = earliest(&o->later, earliest(&o->running, UINT64_MAX));

	/* Those that were killed die when they please, and nobody tells. */
	if (!TAILQ_EMPTY(&o->ready) && when > daemon_clock_us() + FIRST_PAUSE)
		when = daemon_clock_us() + FIRST_PAUSE;
	if (when != UINT64_MAX)
		timer_at_us(o->timer, when);
}

static void turn(struct on_move *o)
{
	struct job *j;

	take_due(o, daemon_clock_us());
	while ((j = TAILQ_FIRST(&o->ready)) && !programs_are_many(o->programs)) {
		if (is_ours(o, j))
			begin(o, j);
		else
			drop(o, j);
	}
	arm(o);
}

static int on_time(sd_event_source *s, uint64_t usec, void *ctx)
{
	(void)s;
	(void)usec;
	turn(ctx);
	return 0;
}

/* ---- events ---- */

static struct job *job_of(struct on_move *o, __u32 vm_index)
{
	struct plane *p = o->d->plane;
	struct job *j;

	if (!o->of_vm)
		o->of_vm = calloc(p->mac_buckets, XR_TAG_LANES * sizeof(struct job *));
	if (!o->of_vm)
		return NULL;
	j = o->of_vm[vm_index];
	/* Its index is another VM's now. */
	if (j && j->key != p->vms[vm_index].key) {
		drop(o, j);
		j = NULL;
	}
	if (j)
		return j;
	j = calloc(1, sizeof(*j));
	if (j) {
		*j = (struct job){ .all = o, .vm_index = vm_index, .key = p->vms[vm_index].key };
		o->of_vm[vm_index] = j;
	}
	return j;
}

static void put(struct on_move *o, __u32 vm_index, __u16 from, __u8 source, bool present)
{
	struct job *j = job_of(o, vm_index);

	if (!j) {
		daemon_log(o->d, "on_move: out of memory: a move is not told");
		return;
	}
	j->from = from;
	j->source = source;
	j->present = present;
	j->tries = 0;
	if (j->list == &o->running)
		j->again = true;
	else
		put_into(j, &o->ready);
}

static void moved(void *state, const struct xr_event *e, __u32 vm_index)
{
	struct on_move *o = state;

	if (!o->d->model.on_move.words)
		return;
	put(o, vm_index, e->from, e->reason ? XR_SOURCE_ANNOUNCEMENT : e->source, false);
	/* Not here: who calls has the instance's lock. */
	timer_in_us(o->timer, 0);
}

static int put_present(void *ctx, __u32 vm_index)
{
	struct on_move *o = ctx;

	if (o->d->plane->vm_info[vm_index].used &&
	    o->d->plane->hosts[vm_now(o->d->plane, vm_index).host].flags & XR_HOST_LOCAL)
		put(o, vm_index, 0, 0, true);
	return 0;
}

/* ---- its life ---- */

static void add_figure(struct on_move *o)
{
	o->figure = -1;
	if (!o->d->model.on_move.words)
		return;
	o->figure = figures_add_source(o->d->figures, "on_move", o->d->model.on_move.command);
	figures_set_source(o->d->figures, o->figure, true);
}

static void stop(void *state)
{
	struct on_move *o = state;

	drop_all(o);
	free(o->of_vm);
	programs_close(o->programs);
	sd_event_source_disable_unref(o->timer);
	figures_drop_source(o->d->figures, o->figure);
	free(o);
}

static int start(struct daemon *d, void **state, struct xr_err *err)
{
	struct on_move *o = calloc(1, sizeof(*o));
	int ret = -ENOMEM;

	if (!o)
		return xr_fail(err, ret, "out of memory");
	o->d = d;
	TAILQ_INIT(&o->ready);
	TAILQ_INIT(&o->running);
	TAILQ_INIT(&o->later);
	o->figure = -1;
	o->programs = programs_open(d->top, AT_ONCE);
	if (o->programs)
		ret = sd_event_add_time_relative(d->top, &o->timer, CLOCK_MONOTONIC, 0, US_PER_MS,
						 on_time, o);
	if (ret < 0) {
		stop(o);
		return xr_fail(err, ret, "on_move: %s", strerror(-ret));
	}
	add_figure(o);
	if (d->model.on_move.words && d->model.on_move.at_start)
		vm_each(d->plane, put_present, o);
	timer_in_us(o->timer, 0);
	*state = o;
	return 0;
}

/* The program may be another one now; those that run go on. */
static int reload(struct daemon *d, void *state, struct xr_err *err)
{
	struct on_move *o = state;

	(void)err;
	worked(o);
	figures_drop_source(d->figures, o->figure);
	add_figure(o);
	if (!d->model.on_move.words)
		drop_all(o);
	return 0;
}

const struct source source_on_move = {
	.name = "on_move",
	.start = start,
	.stop = stop,
	.reload = reload,
	.moved = moved,
};
