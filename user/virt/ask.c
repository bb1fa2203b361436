// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands for QEMU's monitor, through libvirt. One may wait as long as somebody else has
 * work to do with its domain, so these have a thread of their own.
 */
#include "virt_priv.h"

#include <libvirt/libvirt-qemu.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MOST 64 /* commands; an answer that comes late is worth nothing */

struct question {
	struct question *next;
	char uuid[VIR_UUID_STRING_BUFLEN];
	int number;
	char *command;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static struct question *first, **end = &first;
static int waiting;

void ask_soon(const char *uuid, int number, const char *command)
{
	struct question *q = calloc(1, sizeof(*q));

	if (!q || strlen(uuid) >= sizeof(q->uuid)) {
		free(q);
		return;
	}
	strcpy(q->uuid, uuid);
	q->number = number;
	q->command = strdup(command);
	pthread_mutex_lock(&lock);
	if (q->command && waiting < WAIT_MOST) {
		*end = q;
		end = &q->next;
		waiting++;
		q = NULL;
	}
	pthread_cond_signal(&more);
	pthread_mutex_unlock(&lock);
	if (q)
		free(q->command);
	free(q);
}

static struct question *next_question(void)
{
	struct question *q;

	pthread_mutex_lock(&lock);
	while (!first)
		pthread_cond_wait(&more, &lock);
	q = first;
	first = q->next;
	if (!first)
		end = &first;
	waiting--;
	pthread_mutex_unlock(&lock);
	return q;
}

/* What QEMU returned; null where there is no answer. */
static json_t *answer_to(const struct question *q)
{
	virConnectPtr conn = describe_connection();
	virDomainPtr dom = conn ? virDomainLookupByUUIDString(conn, q->uuid) : NULL;
	json_t *whole = NULL, *value;
	char *text = NULL;

	if (dom && !virDomainQemuMonitorCommand(dom, q->command, &text, 0) && text)
		whole = json_loads(text, 0, NULL);
	value = json_incref(json_object_get(whole, "return"));
	json_decref(whole);
	free(text);
	if (dom)
		virDomainFree(dom);
	if (conn)
		virConnectClose(conn);
	return value ? value : json_null();
}

void *ask_run(void *unused)
{
	struct question *q;

	for (;;) {
		q = next_question();
		out_line(json_pack("{s:s, s:i, s:o}", "domain", q->uuid, "answer", q->number,
				   "value", answer_to(q)));
		free(q->command);
		free(q);
	}
	return unused;
}
