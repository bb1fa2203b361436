// SPDX-License-Identifier: GPL-2.0-only
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "virt_priv.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned int events;

/* text: room for one octet more. Where nobody reads any more, there is nothing left to do. */
static void write_whole(char *text)
{
	size_t len = strlen(text), done = 0;
	ssize_t n;

	text[len++] = '\n';
	while (done < len) {
		n = write(STDOUT_FILENO, text + done, len - done);
		if (n <= 0)
			_exit(0);
		done += n;
	}
}

static void write_line(json_t *object)
{
	size_t len = json_dumpb(object, NULL, 0, JSON_COMPACT);
	char *text = len ? malloc(len + 1) : NULL;

	if (!text)
		return;
	json_dumpb(object, text, len, JSON_COMPACT);
	text[len] = '\0';
	write_whole(text);
	free(text);
}

void out_line(json_t *object)
{
	pthread_mutex_lock(&lock);
	write_line(object);
	pthread_mutex_unlock(&lock);
	json_decref(object);
}

void out_event(virDomainPtr dom, json_t *object)
{
	char uuid[VIR_UUID_STRING_BUFLEN];

	if (virDomainGetUUIDString(dom, uuid)) {
		json_decref(object);
		return;
	}
	json_object_set_new(object, "domain", json_string(uuid));
	pthread_mutex_lock(&lock);
	events++;
	write_line(object);
	pthread_mutex_unlock(&lock);
	json_decref(object);
}

unsigned int out_age(void)
{
	unsigned int age;

	pthread_mutex_lock(&lock);
	age = events;
	pthread_mutex_unlock(&lock);
	return age;
}

bool out_line_if(json_t *object, unsigned int age)
{
	bool same;

	pthread_mutex_lock(&lock);
	same = events == age;
	if (same)
		write_line(object);
	pthread_mutex_unlock(&lock);
	json_decref(object);
	return same;
}
