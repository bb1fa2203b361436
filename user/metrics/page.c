// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page's data: one JSON object. Long lists are cut, and how many are left out is told;
 * rates are the page's to make, from two of these.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "host/host.h"
#include "lib/clean.h"
#include "lib/host_words.h"
#include "lib/netns.h"
#include "lib/reason.h"
#include "lib/text.h"
#include "metrics_priv.h"
#include "snapshot_priv.h"

#define MOST_VIPS     1000
#define MOST_BACKENDS 5000
#define MOST_HOSTS    1000
#define MOST_VMS      2000 /* over all hosts; those on the move come first */
#define SAMPLES       150  /* of two seconds: five minutes */

/* ---- the plots' past ---- */

struct history {
	struct sample {
		uint64_t at; /* ms since the epoch */
		__u64 packets[XR_KIND_NOTE];
	} sample[SAMPLES];
	size_t n; /* so far; the latest is at (n - 1) % SAMPLES */
};

static uint64_t now_ms(void)
{
	struct timeval now;

	gettimeofday(&now, NULL);
	return now.tv_sec * 1000ULL + now.tv_usec / 1000;
}

struct history *history_new(void)
{
	return calloc(1, sizeof(struct history));
}

void history_sample(struct history *h, struct plane *p)
{
	struct xr_counter reason[XR_REASON_MAX], kind[XR_KIND_MAX];
	struct sample *s = &h->sample[h->n % SAMPLES];
	int k;

	if (stats_reasons(p, reason))
		return;
	stats_kinds(reason, kind);
	s->at = now_ms();
	for (k = 0; k < XR_KIND_NOTE; k++)
		s->packets[k] = kind[k].packets;
	h->n++;
}

static json_t *json_history(const struct history *h)
{
	json_t *list = json_array(), *row;
	size_t i;
	int k;

	for (i = h->n > SAMPLES ? h->n - SAMPLES : 0; i < h->n; i++) {
		const struct sample *s = &h->sample[i % SAMPLES];

		row = json_array();
		json_array_append_new(row, json_integer(s->at));
		for (k = 0; k < XR_KIND_NOTE; k++)
			json_array_append_new(row, json_integer(s->packets[k]));
		json_array_append_new(list, row);
	}
	return list;
}

/* ---- its parts ---- */

/* Text from elsewhere: JSON is UTF-8. */
static json_t *clean_text(const char *text)
{
	char *clean = clean_utf8(text);
	json_t *value = clean ? json_string(clean) : NULL;

	free(clean);
	return value;
}

static json_t *json_reasons(struct plane *p)
{
	struct xr_counter sum[XR_REASON_MAX];
	json_t *list = json_array();
	int i;

	if (stats_reasons(p, sum))
		return list;
	for (i = XR_REASON_NONE + 1; i < XR_REASON_MAX; i++)
		if (sum[i].packets)
			json_array_append_new(
				list,
				json_pack("{s:s, s:s, s:s, s:I, s:I}", "reason", reason_word(i),
					  "kind", reason_kind_word(reason_kind(i)), "text",
					  reason_text(i), "packets", (json_int_t)sum[i].packets,
					  "bytes", (json_int_t)sum[i].bytes));
	return list;
}

static json_t *json_vips(const struct snapshot *s)
{
	json_t *list = json_array(), *members;
	size_t i;

	for (i = 0; i < s->vips && i < MOST_VIPS; i++) {
		const struct snapshot_vip *v = &s->vip[i];

		json_array_append_new(list,
				      json_pack("{s:s, s:b, s:b, s:I, s:I, s:i, s:i, s:[]}", "vip",
						v->name, "cid", v->cid, "flow", v->flow, "packets",
						(json_int_t)v->sum.packets, "bytes",
						(json_int_t)v->sum.bytes, "count", v->backends,
						"usable", v->usable, "backends"));
	}
	for (i = 0; i < s->pairs; i++) {
		__u32 backend = s->backend_no[s->pair[i].backend] - 1;

		members = json_object_get(json_array_get(list, s->vip_no[s->pair[i].vip] - 1),
					  "backends");
		if (backend < MOST_BACKENDS)
			json_array_append_new(members, json_integer(backend));
	}
	return list;
}

static json_t *json_backends(const struct snapshot *s)
{
	json_t *list = json_array();
	char addr[TEXT_ADDR];
	size_t i;

	for (i = 0; i < s->backends && i < MOST_BACKENDS; i++) {
		const struct snapshot_backend *b = &s->backend[i];

		json_array_append_new(
			list,
			json_pack("{s:o, s:s, s:s, s:s, s:s, s:i, s:I, s:I, s:I}", "backend",
				  clean_text(b->info.name), "address",
				  text_addr(addr, b->info.addr), "forward",
				  text_forward(b->info.forward), "state", text_state(b->state),
				  "operator", text_state(b->info.state), "weight", b->info.weight,
				  "packets", (json_int_t)b->sum.packets, "bytes",
				  (json_int_t)b->sum.bytes, "by_cid",
				  (json_int_t)stats_sum_codepoints(b->sum.by_cid,
								   STATS_ALL_CODEPOINTS)));
	}
	return list;
}

static json_t *json_devices(struct plane *p)
{
	char name[XR_NAME_LEN], space[NETNS_TEXT];
	json_t *list = json_array();
	struct xr_dev_counter sum;
	__u64 packets, bytes;
	int i, k;

	for (i = 0; i < XR_MAX_DEVICES; i++) {
		const struct xr_device *d = &p->devices[i];

		if (!d->ifindex || stats_dev(p, i, &sum))
			continue;
		for (k = 0, packets = bytes = 0; k < XR_KIND_NOTE; k++) {
			packets += sum.kind[k].packets;
			bytes += sum.kind[k].bytes;
		}
		snprintf(name, sizeof(name), "%.*s", (int)sizeof(name) - 1, d->name);
		json_array_append_new(
			list,
			json_pack("{s:o, s:o, s:s, s:s, s:I, s:I}", "device", clean_text(name),
				  "namespace",
				  d->netns == netns_id() ? json_null()
							 : clean_text(netns_text(d->netns, space)),
				  "mode", text_mode(d->mode), "role", text_role(d->role), "packets",
				  (json_int_t)packets, "bytes", (json_int_t)bytes));
	}
	return list;
}

/* ---- hosts, VMs, moves ---- */

struct placing {
	struct plane *p;
	json_t **host; /* by index: its list of VMs; NULL: not shown */
	__u32 *count;
	json_t *moves;
	__u32 tick, vms, shown;
};

static json_t *json_vm(struct placing *pl, __u32 index, const char *state)
{
	char name[VM_NAME];

	return json_pack("{s:s, s:s, s:I}", "vm", vm_name_at(pl->p, name, index), "state", state,
			 "redirected", (json_int_t)pl->p->vms[index].hits);
}

static int place_vm(void *ctx, __u32 index)
{
	struct placing *pl = ctx;
	const char *state = vm_state_name(pl->p, index, pl->tick);
	struct xr_vm_now now = vm_now(pl->p, index);
	char name[VM_NAME];

	pl->vms++;
	if (now.host > pl->p->meta->limits.hosts)
		return 0;
	pl->count[now.host]++;
	if ((*state == 'p' || *state == 'b') && json_array_size(pl->moves) < MOST_VMS)
		json_array_append_new(pl->moves,
				      json_pack("{s:s, s:s, s:o, s:o}", "vm",
						vm_name_at(pl->p, name, index), "state", state,
						"from", clean_text(host_name(pl->p, now.host)),
						"to", clean_text(host_name(pl->p, now.next))));
	if (pl->host[now.host] && pl->shown < MOST_VMS) {
		json_array_append_new(pl->host[now.host], json_vm(pl, index, state));
		pl->shown++;
	}
	return 0;
}

static void add_hosts(struct plane *p, struct placing *pl, json_t *page)
{
	json_t *list = json_array();
	struct xr_counter sum;
	char reach[128];
	__u32 i, n = 0;

	for (i = 1; i <= p->meta->limits.hosts; i++) {
		if (!p->host_info[i].name[0] || ++n > MOST_HOSTS)
			continue;
		pl->host[i] = json_array();
	}
	vm_each(p, place_vm, pl);
	for (i = 1; i <= p->meta->limits.hosts; i++) {
		const struct xr_host_info *h = &p->host_info[i];

		if (!pl->host[i])
			continue;
		if (stats_host(p, i, &sum))
			memset(&sum, 0, sizeof(sum));
		json_array_append_new(list,
				      json_pack("{s:o, s:o, s:b, s:i, s:I, s:I, s:o}", "host",
						clean_text(h->name), "reach",
						clean_text(host_words(reach, sizeof(reach), h)),
						"local", h->local, "count", pl->count[i], "packets",
						(json_int_t)sum.packets, "bytes",
						(json_int_t)sum.bytes, "vms", pl->host[i]));
	}
	json_object_set_new(page, "hosts", list);
	json_object_set_new(page, "hosts_count", json_integer(n));
	json_object_set(page, "moves", pl->moves);
	json_object_set_new(page, "vms_count", json_integer(pl->vms));
	json_object_set_new(page, "vms_shown", json_integer(pl->shown));
}

static void add_places(struct plane *p, json_t *page)
{
	__u32 hosts = p->meta->limits.hosts;
	struct placing pl = { .p = p, .tick = plane_tick(p), .moves = json_array() };

	pl.host = calloc(hosts + 1, sizeof(json_t *));
	pl.count = calloc(hosts + 1, sizeof(*pl.count));
	if (pl.host && pl.count)
		add_hosts(p, &pl, page);
	json_decref(pl.moves);
	free(pl.host);
	free(pl.count);
}

/* ---- all of it ---- */

static json_t *lines(const json_t *list)
{
	return list ? json_deep_copy(list) : json_null();
}

char *page_data(struct site *site, size_t *len)
{
	struct plane *p = site->p;
	struct snapshot *s = snapshot_take(p);
	struct stats_flows flows;
	json_t *page;
	char *text;

	if (!s)
		return NULL;
	stats_flow_table(p, &flows);
	page = json_pack(
		"{s:s, s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:I, "
		"s:{s:I, s:I, s:I}, s:o}",
		"version", XR_VERSION, "instance", p->name, "now", (json_int_t)now_ms(), "created",
		(json_int_t)p->meta->created, "wrong", lines(wrong_lines(site->wrong)), "refused",
		lines(wrong_refused(site->wrong)), "history", json_history(site->history),
		"reasons", json_reasons(p), "vips", json_vips(s), "vips_count", (json_int_t)s->vips,
		"backends", json_backends(s), "backends_count", (json_int_t)s->backends, "flows",
		"used", (json_int_t)flows.used, "established", (json_int_t)flows.established,
		"limit", (json_int_t)flows.entries, "devices", json_devices(p));
	snapshot_free(s);
	if (!page)
		return NULL;
	add_places(p, page);
	text = json_dumps(page, JSON_COMPACT);
	json_decref(page);
	*len = text ? strlen(text) : 0;
	return text;
}
