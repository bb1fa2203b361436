// SPDX-License-Identifier: GPL-2.0-only
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libvirt/virterror.h>

#include "virt_priv.h"

#define XML_MOST (1U << 20) /* octets */

/* Errors go into lines, not to stderr. */
static void on_error(void *ctx, virErrorPtr error)
{
	(void)ctx;
	(void)error;
}

static void take_line(const char *text)
{
	json_t *line = json_loads(text, 0, NULL);
	const char *uuid = json_string_value(json_object_get(line, "domain"));
	const char *command = json_string_value(json_object_get(line, "command"));

	if (uuid && command)
		ask_soon(uuid, json_integer_value(json_object_get(line, "ask")), command);
	else if (uuid)
		describe_again(uuid);
	json_decref(line);
}

/* Whoever started this has ended where there is nothing more to read. */
static void *read_lines(void *unused)
{
	char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, stdin) > 0)
		take_line(line);
	_exit(0);
	return unused;
}

static void start_thread(void *(*run)(void *), void *argument)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run, argument)) {
		fputs("xroam-libvirt: no thread is to be had\n", stderr);
		exit(1);
	}
	pthread_detach(thread);
}

/* For scripts/hooks/libvirt-qemu: a domain's XML on stdin, MAC, VLAN and tap of each card. */
static int print_cards(void)
{
	char *xml = calloc(1, XML_MOST + 1);
	size_t n = xml ? fread(xml, 1, XML_MOST, stdin) : 0, i;
	json_t *cards, *one;
	const char *tap;
	int left_out;

	cards = n ? xml_cards(xml, &left_out) : NULL;
	json_array_foreach(cards, i, one) {
		tap = json_string_value(json_object_get(one, "tap"));
		printf("%s %d %s\n", json_string_value(json_object_get(one, "mac")),
		       (int)json_integer_value(json_object_get(one, "vlan")), tap ? tap : "-");
	}
	free(xml);
	if (!cards)
		fputs("xroam-libvirt: what is on stdin is no domain's XML\n", stderr);
	return cards ? 0 : 1;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fputs("usage: xroam-libvirt URI | --cards\n", stderr);
		return 2;
	}
	if (!strcmp(argv[1], "--cards"))
		return print_cards();
	signal(SIGPIPE, SIG_IGN);
	if (virInitialize() || virEventRegisterDefaultImpl()) {
		fputs("xroam-libvirt: libvirt cannot be used\n", stderr);
		return 1;
	}
	virSetErrorFunc(NULL, on_error);
	start_thread(describe_run, argv[1]);
	start_thread(ask_run, NULL);
	start_thread(read_lines, NULL);
	while (!virEventRunDefaultImpl())
		;
	return 1;
}
