// SPDX-License-Identifier: GPL-2.0-only
/* All metrics: docs/metrics.md tells what each is, and a test compares the two. */
#include <errno.h>
#include <stdlib.h>

#include "lib/netns.h"
#include "lib/reason.h"
#include "lib/text.h"
#include "metrics_priv.h"
#include "plane/stats.h"

static void of_instance(FILE *to, struct site *s)
{
	const json_t *wrong = wrong_lines(s->wrong);
	char abi[16];

	snprintf(abi, sizeof(abi), "%d", XR_ABI_VERSION);
	text_family(to, "xroam_build_info", "gauge", "Always 1; its labels tell the version.");
	text_sample(to, "xroam_build_info", 1, "version", XR_VERSION, "abi", abi, "name",
		    s->p->name, NULL);
	text_family(
		to, "xroam_created_seconds", "gauge",
		"When the instance was made: counters began at 0 then. Seconds since the epoch.");
	text_sample(to, "xroam_created_seconds", s->p->meta->created, NULL);
	text_family(
		to, "xroam_daemon_started_seconds", "gauge",
		"When the daemon began: what it counts itself began at 0 then. Seconds since the epoch.");
	text_sample(to, "xroam_daemon_started_seconds", s->figures->started, NULL);
	text_family(to, "xroam_clock_ticks_total", "counter",
		    "Seconds of the programs' own clock, by which flows and moves age.");
	text_sample(to, "xroam_clock_ticks_total", plane_tick(s->p), NULL);
	text_family(to, "xroam_wrong", "gauge",
		    "Things that are wrong now: as many lines as xroam status --check prints.");
	if (wrong)
		text_sample(to, "xroam_wrong", json_array_size(wrong), NULL);
}

static void of_reasons(FILE *to, struct site *s)
{
	struct xr_counter sum[XR_REASON_MAX];
	int i;

	if (stats_reasons(s->p, sum))
		return;
	text_family(
		to, "xroam_packets_total", "counter",
		"Packets by what was done with them and why; of kind note: beside the verdict.");
	for (i = XR_REASON_NONE + 1; i < XR_REASON_MAX; i++)
		text_sample(to, "xroam_packets_total", sum[i].packets, "reason", reason_word(i),
			    "kind", reason_kind_word(reason_kind(i)), NULL);
	text_family(to, "xroam_bytes_total", "counter",
		    "Their octets, from the Ethernet header on.");
	for (i = XR_REASON_NONE + 1; i < XR_REASON_MAX; i++)
		text_sample(to, "xroam_bytes_total", sum[i].bytes, "reason", reason_word(i), "kind",
			    reason_kind_word(reason_kind(i)), NULL);
}

/* A device's name is unique in its namespace only. */
struct device {
	char name[XR_NAME_LEN], space[NETNS_TEXT];
	bool counted; /* else another one has its slot meanwhile: the next scrape has it */
	struct xr_dev_counter sum;
	const char *mode, *role;
};

static size_t take_devices(struct plane *p, struct device *to)
{
	__u64 here = netns_id();
	size_t n = 0;
	int slot;

	for (slot = 0; slot < XR_MAX_DEVICES; slot++) {
		const struct xr_device *d = &p->devices[slot];
		struct device *dev = &to[n];
		__u32 ifindex = d->ifindex;

		if (!ifindex)
			continue;
		snprintf(dev->name, sizeof(dev->name), "%.*s", XR_NAME_LEN - 1, d->name);
		dev->space[0] = '\0';
		if (d->netns != here)
			netns_text(d->netns, dev->space);
		dev->mode = text_mode(d->mode);
		dev->role = text_role(d->role);
		dev->counted = !stats_dev(p, slot, &dev->sum) && d->ifindex == ifindex;
		n++;
	}
	return n;
}

static void put_device(FILE *to, const struct device *d, const char *name, bool bytes)
{
	int k;

	for (k = 0; d->counted && k < XR_KIND_NOTE; k++)
		text_sample(to, name, bytes ? d->sum.kind[k].bytes : d->sum.kind[k].packets,
			    "device", d->name, "namespace", d->space, "kind", reason_kind_word(k),
			    NULL);
}

static void of_devices(FILE *to, struct site *s)
{
	struct device device[XR_MAX_DEVICES];
	size_t i, n = take_devices(s->p, device);

	text_family(to, "xroam_device_packets_total", "counter",
		    "Packets that came in by a device, by kind of verdict.");
	for (i = 0; i < n; i++)
		put_device(to, &device[i], "xroam_device_packets_total", false);
	text_family(to, "xroam_device_bytes_total", "counter", "Their octets.");
	for (i = 0; i < n; i++)
		put_device(to, &device[i], "xroam_device_bytes_total", true);
	text_family(to, "xroam_device_info", "gauge",
		    "Always 1; its labels tell how the device is attached.");
	for (i = 0; i < n; i++)
		text_sample(to, "xroam_device_info", 1, "device", device[i].name, "namespace",
			    device[i].space, "mode", device[i].mode, "role", device[i].role, NULL);
}

static void of_http(FILE *to, struct site *s, uint64_t began)
{
	static const char *const words[] = { "ok", "refused", "not-found", "failed" };
	int i;

	text_family(to, "xroam_http_requests_total", "counter",
		    "HTTP requests that were answered, this one too.");
	for (i = 0; i < HTTP_STATUSES; i++)
		text_sample(to, "xroam_http_requests_total", s->http.requests[i] + (i == HTTP_FINE),
			    "result", words[i], NULL);
	text_family(to, "xroam_http_cut_off_total", "counter",
		    "HTTP connections that were closed before their end: too slow, or too many.");
	text_sample(to, "xroam_http_cut_off_total", s->http.cut_off, NULL);
	text_family(to, "xroam_http_connections", "gauge", "HTTP connections now.");
	text_sample(to, "xroam_http_connections", s->http.connections, NULL);
	text_family(to, "xroam_metrics_seconds", "gauge",
		    "How long it took to collect all that stands before.");
	text_sample_real(to, "xroam_metrics_seconds", (daemon_clock_us() - began) / 1e6, NULL);
}

char *metrics_text(struct site *s, size_t *len)
{
	uint64_t began = daemon_clock_us();
	char *text = NULL;
	FILE *to = open_memstream(&text, len);
	bool failed;

	if (!to)
		return NULL;
	s->no_memory = false;
	of_instance(to, s);
	of_reasons(to, s);
	of_devices(to, s);
	metrics_of_steering(to, s);
	metrics_of_vms(to, s);
	metrics_of_daemon(to, s);
	of_http(to, s, began);
	failed = ferror(to) || s->no_memory;
	if (!fclose(to) && !failed)
		return text;
	free(text);
	return NULL;
}
