// SPDX-License-Identifier: GPL-2.0-only
/*
 * How many frames a guest really got: QEMU's virtqueue counts them, and QEMU 7.2 and
 * newer tell the count (x-query-virtio-queue-status). It is asked for now and then while
 * a move is prepared, for comparison with the tap's own count, and once more when the
 * guest stands still: vm_local_delivered() then finds the frames that QEMU read and
 * threw away. Without that one frame may be lost.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "local/local.h"
#include "lib/text.h"
#include "guest_priv.h"

#define SOON_US      2000U  /* until the next sample */
#define LATER_US     20000U /* ... after an exact one */
#define SOON_SAMPLES 64     /* inexact ones; more will not be exact in so busy a guest */

void guest_queue_forget(struct guest *g)
{
	int i;

	g->sample_timer = sd_event_source_disable_unref(g->sample_timer);
	for (i = 0; i < GUEST_CARDS; i++) {
		free(g->card[i]);
		g->card[i] = NULL;
	}
	g->vm_card = -1;
	g->sample_due = false;
}

static void ask(struct guest *g, enum guest_question question, const char *command,
		const char *arguments)
{
	if (g->ops->ask)
		g->ops->ask(g, question, command, arguments);
}

void guest_queue_ready(struct guest *g)
{
	guest_queue_forget(g);
	ask(g, GUEST_VIRTIO, "x-query-virtio", NULL);
}

/* ---- which of its cards is the VM's ---- */

/* A path goes into a command: nothing in it may end a JSON string. */
static bool is_card(const char *name, const char *path)
{
	return name && path && !strcmp(name, "virtio-net") && strlen(path) < 200 &&
		!strpbrk(path, "\"\\");
}

static void on_cards(struct guest *g, json_t *list)
{
	char arguments[300];
	const char *path;
	json_t *one;
	size_t i;
	int n = 0;

	json_array_foreach(list, i, one) {
		path = json_string_value(json_object_get(one, "path"));
		if (n == GUEST_CARDS || g->card[n] ||
		    !is_card(json_string_value(json_object_get(one, "name")), path))
			continue;
		g->card[n] = strdup(path);
		snprintf(arguments, sizeof(arguments), "{\"path\":\"%s\",\"property\":\"mac\"}",
			 path);
		ask(g, GUEST_CARD + n++, "qom-get", arguments);
	}
}

static void on_mac(struct guest *g, int card, json_t *value)
{
	const char *text = json_string_value(value);
	char mac[TEXT_MAC];

	text_mac(mac, g->mac);
	if (!text || strcasecmp(text, mac))
		return;
	g->vm_card = card;
	if (g->migration == GUEST_ACTIVE && !g->incoming)
		guest_queue_watch(g);
}

/* ---- its queue ---- */

static void ask_queue(struct guest *g, enum guest_question id)
{
	char arguments[300];

	snprintf(arguments, sizeof(arguments), "{\"path\":\"%s\",\"queue\":0}",
		 g->card[g->vm_card]);
	ask(g, id, "x-query-virtio-queue-status", arguments);
}

/*
 * A random time: frames that come at regular ones would always come just before, or
 * just after a sample.
 */
static __u64 random_us(__u32 us)
{
	return us + (__u32)rand() % us;
}

static void sample_in(struct guest *g, __u32 us)
{
	timer_in_us(g->sample_timer, random_us(us));
}

static int on_sample_timer(sd_event_source *s, uint64_t usec, void *ctx)
{
	struct guest *g = ctx;
	__u32 vm_index = guest_vm_index(g);

	(void)s;
	(void)usec;
	if (g->migration != GUEST_ACTIVE || g->incoming || g->vm_card < 0 || vm_index == VM_NOWHERE)
		return 0; /* the next migration starts it again */
	if (g->sample_due || vm_local_read_count(g->d->plane, vm_index, &g->reads)) {
		sample_in(g, LATER_US); /* no answer, or not prepared yet */
	} else {
		g->sample_due = true;
		ask_queue(g, GUEST_QUEUE);
	}
	return 0;
}

void guest_queue_watch(struct guest *g)
{
	if (g->vm_card < 0)
		return;
	g->samples = 0;
	if (g->sample_timer)
		sample_in(g, SOON_US);
	else
		sd_event_add_time_relative(g->d->moves, &g->sample_timer, CLOCK_MONOTONIC,
					   random_us(SOON_US), 1, on_sample_timer, g);
}

void guest_queue_stopped(struct guest *g)
{
	if (g->vm_card >= 0)
		ask_queue(g, GUEST_QUEUE_STOPPED);
}

static bool read_used(json_t *value, __u16 *used)
{
	json_t *n = json_object_get(value, "used-idx");

	*used = json_integer_value(n);
	return json_is_integer(n);
}

static void on_queue(struct guest *g, json_t *value)
{
	__u32 vm_index = guest_vm_index(g);
	bool exact = false;
	__u64 reads;
	__u16 used;

	g->sample_due = false;
	/* A guest that was stopped meanwhile may have thrown away what it counts. */
	if (g->running && read_used(value, &used) && vm_index != VM_NOWHERE &&
	    !vm_local_read_count(g->d->plane, vm_index, &reads) && !daemon_begin(g->d, NULL)) {
		exact = vm_local_compare(g->d->plane, vm_index, used, g->reads, reads);
		daemon_end(g->d);
	}
	sample_in(g, exact || ++g->samples > SOON_SAMPLES ? LATER_US : SOON_US);
}

static void on_queue_stopped(struct guest *g, json_t *value)
{
	__u32 vm_index = guest_vm_index(g);
	struct vm_residual r;
	__u16 used;

	if (!read_used(value, &used) || vm_index == VM_NOWHERE || daemon_begin(g->d, NULL))
		return;
	vm_local_delivered(g->d->plane, vm_index, used, &r);
	daemon_end(g->d);
	if (r.replayed && g->d->verbose)
		guest_log(g, "%llu frames that QEMU threw away were replayed",
			  (unsigned long long)r.replayed);
}

void guest_queue_answer(struct guest *g, enum guest_question question, json_t *value)
{
	if (question == GUEST_VIRTIO)
		on_cards(g, value);
	else if (question == GUEST_QUEUE)
		on_queue(g, value);
	else if (question == GUEST_QUEUE_STOPPED)
		on_queue_stopped(g, value);
	else if (question >= GUEST_CARD && question < GUEST_CARD + GUEST_CARDS)
		on_mac(g, question - GUEST_CARD, value);
}
