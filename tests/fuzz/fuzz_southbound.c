// SPDX-License-Identifier: GPL-2.0-only
/*
 * What comes from an OVN southbound database: any octets. They are taken whole, and cut in two
 * where their own last octet says: what is told must be the same, and so must the error.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/ovsdb/ovsdb.h"

static uint64_t told; /* a sum of all that was */

static void add(const void *data, size_t len)
{
	const uint8_t *d = data;

	while (len--)
		told = (told ^ *d++) * 0x100000001b3ULL;
}

static void on_send(void *ctx, const char *text, size_t len)
{
	(void)ctx;
	add(text, len);
}

static void on_chassis(void *ctx, const struct southbound_chassis *c)
{
	(void)ctx;
	if (!c->no || c->n_addrs > SOUTHBOUND_ADDRS || !memchr(c->name, '\0', sizeof(c->name)))
		abort();
	add(c, sizeof(*c));
}

static void on_vm(void *ctx, const struct southbound_vm *v)
{
	(void)ctx;
	if (v->vlan > XR_MAX_VLAN || !memchr(v->port, '\0', sizeof(v->port)))
		abort();
	if ((v->gone || v->other[0]) && (v->at || v->next))
		abort();
	if (v->next && v->next == v->at)
		abort();
	add(v, sizeof(*v));
}

static void on_whole(void *ctx)
{
	(void)ctx;
	add("whole", 5);
}

static void on_note(void *ctx, const char *text)
{
	(void)ctx;
	add(text, strlen(text));
}

static uint64_t take(const uint8_t *data, size_t size, size_t cut)
{
	static const struct southbound_ops ops = { on_send, on_chassis, on_vm, on_whole, on_note };
	static struct model_ovn_switch list[] = { { .name = "net1" },
						  { .name = "net2", .vlan = 5 } };
	struct model conf = { .ovn_switches = list, .n_ovn_switches = 2 };
	struct southbound_seen seen = { .index = 0 };
	struct xr_err err = { "" };
	struct southbound *s;

	told = 0;
	s = southbound_new(&conf, &seen, &ops, NULL);
	if (!s)
		abort();
	if (!southbound_take(s, (const char *)data, cut, &err))
		southbound_take(s, (const char *)data + cut, size - cut, &err);
	if (strchr(err.text, '\n'))
		abort();
	add(err.text, strlen(err.text));
	southbound_free(s);
	return told;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size && take(data, size, 0) != take(data, size, data[size - 1] % size))
		abort();
	return 0;
}
