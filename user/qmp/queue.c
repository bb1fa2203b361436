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
#include "qmp_priv.h"

#define SOON_US      2000U  /* until the next sample */
#define LATER_US     20000U /* ... after an exact one */
#define SOON_SAMPLES 64     /* inexact ones; more will not be exact in so busy a guest */

void qmp_queue_forget(struct monitor *m)
{
	int i;

	m->sample_timer = sd_event_source_disable_unref(m->sample_timer);
	for (i = 0; i < QMP_CARDS; i++) {
		free(m->card[i]);
		m->card[i] = NULL;
	}
	m->vm_card = -1;
	m->sample_due = false;
}

void qmp_queue_ready(struct monitor *m)
{
	qmp_queue_forget(m);
	qmp_send(m, QMP_VIRTIO, "x-query-virtio", NULL);
}

/* ---- which of its cards is the VM's ---- */

/* A path goes into a command: nothing in it may end a JSON string. */
static bool is_card(const char *name, const char *path)
{
	return name && path && !strcmp(name, "virtio-net") && strlen(path) < 200 &&
		!strpbrk(path, "\"\\");
}

static void on_cards(struct monitor *m, json_t *list)
{
	char arguments[300];
	const char *path;
	json_t *one;
	size_t i;
	int n = 0;

	json_array_foreach(list, i, one) {
		path = json_string_value(json_object_get(one, "path"));
		if (n == QMP_CARDS || m->card[n] ||
		    !is_card(json_string_value(json_object_get(one, "name")), path))
			continue;
		m->card[n] = strdup(path);
		snprintf(arguments, sizeof(arguments), "{\"path\":\"%s\",\"property\":\"mac\"}",
			 path);
		qmp_send(m, QMP_CARD + n++, "qom-get", arguments);
	}
}

static void on_mac(struct monitor *m, int card, json_t *value)
{
	const char *text = json_string_value(value);
	char mac[TEXT_MAC];

	text_mac(mac, m->conf.mac);
	if (text && !strcasecmp(text, mac))
		m->vm_card = card;
}

/* ---- its queue ---- */

static void ask_queue(struct monitor *m, enum qmp_id id)
{
	char arguments[300];

	snprintf(arguments, sizeof(arguments), "{\"path\":\"%s\",\"queue\":0}",
		 m->card[m->vm_card]);
	qmp_send(m, id, "x-query-virtio-queue-status", arguments);
}

/*
 * A random time: frames that come at regular ones would always come just before, or
 * just after a sample.
 */
static __u64 random_us(__u32 us)
{
	return us + (__u32)rand() % us;
}

static void sample_in(struct monitor *m, __u32 us)
{
	timer_in_us(m->sample_timer, random_us(us));
}

static int on_sample_timer(sd_event_source *s, uint64_t usec, void *ctx)
{
	struct monitor *m = ctx;
	__u32 vm_index = qmp_vm_index(m);

	(void)s;
	(void)usec;
	if (m->migration != QMP_ACTIVE || m->incoming || m->vm_card < 0 || vm_index == VM_NOWHERE)
		return 0; /* the next migration starts it again */
	if (m->sample_due || vm_local_read_count(m->d->plane, vm_index, &m->reads)) {
		sample_in(m, LATER_US); /* no answer, or not prepared yet */
	} else {
		m->sample_due = true;
		ask_queue(m, QMP_QUEUE);
	}
	return 0;
}

void qmp_queue_watch(struct monitor *m)
{
	if (m->vm_card < 0)
		return;
	m->samples = 0;
	if (m->sample_timer)
		sample_in(m, SOON_US);
	else
		sd_event_add_time_relative(m->d->moves, &m->sample_timer, CLOCK_MONOTONIC,
					   random_us(SOON_US), 1, on_sample_timer, m);
}

void qmp_queue_stopped(struct monitor *m)
{
	if (m->vm_card >= 0)
		ask_queue(m, QMP_QUEUE_STOPPED);
}

static bool read_used(json_t *value, __u16 *used)
{
	json_t *n = json_object_get(value, "used-idx");

	*used = json_integer_value(n);
	return json_is_integer(n);
}

static void on_queue(struct monitor *m, json_t *value)
{
	__u32 vm_index = qmp_vm_index(m);
	bool exact = false;
	__u64 reads;
	__u16 used;

	m->sample_due = false;
	/* A guest that was stopped meanwhile may have thrown away what it counts. */
	if (m->running && read_used(value, &used) && vm_index != VM_NOWHERE &&
	    !vm_local_read_count(m->d->plane, vm_index, &reads) && !daemon_begin(m->d, NULL)) {
		exact = vm_local_compare(m->d->plane, vm_index, used, m->reads, reads);
		daemon_end(m->d);
	}
	sample_in(m, exact || ++m->samples > SOON_SAMPLES ? LATER_US : SOON_US);
}

static void on_queue_stopped(struct monitor *m, json_t *value)
{
	__u32 vm_index = qmp_vm_index(m);
	struct vm_residual r;
	__u16 used;

	if (!read_used(value, &used) || vm_index == VM_NOWHERE || daemon_begin(m->d, NULL))
		return;
	vm_local_delivered(m->d->plane, vm_index, used, &r);
	daemon_end(m->d);
	if (r.replayed && m->d->verbose)
		qmp_log(m, "%llu frames that QEMU threw away were replayed",
			(unsigned long long)r.replayed);
}

void qmp_queue_answer(struct monitor *m, enum qmp_id id, json_t *value)
{
	if (id == QMP_VIRTIO)
		on_cards(m, value);
	else if (id == QMP_QUEUE)
		on_queue(m, value);
	else if (id == QMP_QUEUE_STOPPED)
		on_queue_stopped(m, value);
	else if (id >= QMP_CARD && id < QMP_CARD + QMP_CARDS)
		on_mac(m, id - QMP_CARD, value);
}
