// SPDX-License-Identifier: GPL-2.0-only
/* libvirt's callbacks: none of them waits for anything. */
#include "virt_priv.h"

#include <libvirt/libvirt-qemu.h>
#include <stdio.h>
#include <string.h>

static void (*to_describe)(virDomainPtr dom);

/* ---- lifecycle ---- */

struct detail {
	int event, detail;
	const char *words;
};

static const struct detail details[] = {
	{ VIR_DOMAIN_EVENT_STARTED, VIR_DOMAIN_EVENT_STARTED_MIGRATED, "started migrated" },
	{ VIR_DOMAIN_EVENT_STARTED, -1, "started" },
	{ VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_MIGRATED, "suspended migrated" },
	{ VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY, "suspended post-copy" },
	{ VIR_DOMAIN_EVENT_SUSPENDED, -1, "suspended" },
	{ VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_MIGRATED, "resumed migrated" },
	{ VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_POSTCOPY, "resumed post-copy" },
	{ VIR_DOMAIN_EVENT_RESUMED, -1, "resumed" },
	{ VIR_DOMAIN_EVENT_STOPPED, VIR_DOMAIN_EVENT_STOPPED_MIGRATED, "stopped migrated" },
	{ VIR_DOMAIN_EVENT_STOPPED, -1, "stopped" },
};

static const char *words_of(int event, int detail)
{
	size_t i;

	for (i = 0; i < sizeof(details) / sizeof(details[0]); i++)
		if (details[i].event == event &&
		    (details[i].detail == detail || details[i].detail < 0))
			return details[i].words;
	return NULL;
}

static void on_lifecycle(virConnectPtr conn, virDomainPtr dom, int event, int detail, void *opaque)
{
	const char *words = words_of(event, detail);

	(void)conn;
	(void)opaque;
	if (!words)
		return;
	out_event(dom, json_pack("{s:s}", "life", words));
	/* What begins to run here has cards that nobody knows yet. */
	if (event == VIR_DOMAIN_EVENT_STARTED)
		to_describe(dom);
}

/* ---- what else libvirt tells ---- */

/* Memory is sent: a migration from here has begun. */
static void on_iteration(virConnectPtr conn, virDomainPtr dom, int iteration, void *opaque)
{
	(void)conn;
	(void)opaque;
	if (iteration == 1)
		out_event(dom, json_pack("{s:s}", "life", "migrating"));
}

static void on_device(virConnectPtr conn, virDomainPtr dom, const char *alias, void *opaque)
{
	(void)conn;
	(void)opaque;
	if (!strncmp(alias, "net", 3) || !strncmp(alias, "ua-", 3))
		to_describe(dom);
}

/* QEMU's own event, as its monitor has it. */
static void on_monitor(virConnectPtr conn, virDomainPtr dom, const char *event, long long seconds,
		       unsigned int micros, const char *details, void *opaque)
{
	json_t *data = details ? json_loads(details, 0, NULL) : NULL;

	(void)conn;
	(void)opaque;
	out_event(dom,
		  json_pack("{s:s, s:I, s:o*}", "event", event, "at",
			    (json_int_t)seconds * 1000000 + micros, "data", data));
}

/* callback: a function, whose arguments depend on the event. */
static int listen_to(virConnectPtr conn, int id, void *callback)
{
	return virConnectDomainEventRegisterAny(conn, NULL, id, callback, NULL, NULL);
}

int events_register(virConnectPtr conn, void (*describe)(virDomainPtr dom), bool *monitor)
{
	static const char *const names[] = { "MIGRATION", "STOP", "RESUME" };
	size_t i;

	to_describe = describe;
	if (listen_to(conn, VIR_DOMAIN_EVENT_ID_LIFECYCLE, on_lifecycle) < 0)
		return -1;
	/* The rest is not everywhere. */
	listen_to(conn, VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION, on_iteration);
	listen_to(conn, VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, on_device);
	listen_to(conn, VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, on_device);
	*monitor = true;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (virConnectDomainQemuMonitorEventRegister(conn, NULL, names[i], on_monitor, NULL,
							     NULL, 0) < 0)
			*monitor = false;
	return 0;
}
