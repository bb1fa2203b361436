// SPDX-License-Identifier: GPL-2.0-only
/*
 * How many frames a guest really got: QEMU's virtqueue has counted them, and
 * QEMU 7.2 and newer tell (x-query-virtio-queue-status). Asked for now and then
 * while a move is prepared, and once more when the guest stands still; what
 * comes of it is vm_local_delivered()'s. Without it one frame may be lost that
 * QEMU itself threw away.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "local/local.h"
#include "lib/text.h"
#include "qmp_priv.h"

#define SOON_US    2000U  /* until the next look */
#define LATER_US   20000U /* where the last one told exactly */
#define SOON_LOOKS 64     /* so busy a guest that none will */
#define BACKEND    "/virtio-backend"

void qmp_queue_gone(struct monitor *m)
{
	int i;

	m->look = sd_event_source_disable_unref(m->look);
	for (i = 0; i < QMP_CARDS; i++) {
		free(m->card[i]);
		m->card[i] = NULL;
	}
	m->queue = -1;
	m->asked = false;
}

void qmp_queue_ready(struct monitor *m)
{
	qmp_queue_gone(m);
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

	json_array_foreach(list, i, one)
	{
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
	const char *said = json_string_value(value);
	char mac[TEXT_MAC];

	text_mac(mac, m->conf.mac);
	if (said && !strcasecmp(said, mac))
		m->queue = card;
}

/* ---- its queue ---- */

static __u32 place_of(const struct monitor *m)
{
	return vm_find(m->d->plane, vm_key(m->conf.mac, m->conf.vlan));
}

static void ask(struct monitor *m, enum qmp_id id)
{
	char arguments[300];

	snprintf(arguments, sizeof(arguments), "{\"path\":\"%s\",\"queue\":0}", m->card[m->queue]);
	qmp_send(m, id, "x-query-virtio-queue-status", arguments);
}

/*
 * At odd times: frames that come at even ones would always be on the same side of
 * the question.
 */
static __u64 odd_time(__u32 us)
{
	return us + (__u32)rand() % us;
}

static void again(struct monitor *m, __u32 us)
{
	sd_event_source_set_time_relative(m->look, odd_time(us));
	sd_event_source_set_enabled(m->look, SD_EVENT_ONESHOT);
}

static int on_look(sd_event_source *s, uint64_t usec, void *ctx)
{
	struct monitor *m = ctx;
	__u32 place = place_of(m);

	(void)s;
	(void)usec;
	if (m->migration != QMP_ACTIVE || m->incoming || m->queue < 0 || place == VM_NOWHERE)
		return 0; /* the next migration begins anew */
	if (m->asked || vm_local_reads(m->d->plane, place, &m->reads)) {
		again(m, LATER_US); /* no answer, or not prepared yet */
	} else {
		m->asked = true;
		ask(m, QMP_QUEUE);
	}
	return 0;
}

void qmp_queue_watch(struct monitor *m)
{
	if (m->queue < 0)
		return;
	m->looks = 0;
	if (m->look)
		again(m, SOON_US);
	else
		sd_event_add_time_relative(m->d->loop, &m->look, CLOCK_MONOTONIC, odd_time(SOON_US),
					   1, on_look, m);
}

void qmp_queue_stopped(struct monitor *m)
{
	if (m->queue >= 0)
		ask(m, QMP_QUEUE_STOPPED);
}

static bool read_used(json_t *value, __u16 *used)
{
	json_t *n = json_object_get(value, "used-idx");

	*used = json_integer_value(n);
	return json_is_integer(n);
}

static void on_queue(struct monitor *m, json_t *value)
{
	__u32 place = place_of(m);
	bool exact = false;
	struct xr_err err;
	__u64 reads;
	__u16 used;

	m->asked = false;
	/* Stopped meanwhile: it may have thrown away what it counts. */
	if (m->running && read_used(value, &used) && place != VM_NOWHERE &&
	    !vm_local_reads(m->d->plane, place, &reads) && !daemon_begin(m->d, &err)) {
		exact = vm_local_compare(m->d->plane, place, used, m->reads, reads);
		daemon_end(m->d);
	}
	again(m, exact || ++m->looks > SOON_LOOKS ? LATER_US : SOON_US);
}

static void on_queue_stopped(struct monitor *m, json_t *value)
{
	__u32 place = place_of(m);
	struct vm_residual r;
	struct xr_err err;
	__u16 used;

	if (!read_used(value, &used) || place == VM_NOWHERE || daemon_begin(m->d, &err))
		return;
	vm_local_delivered(m->d->plane, place, used, &r);
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
