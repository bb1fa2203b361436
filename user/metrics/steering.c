// SPDX-License-Identifier: GPL-2.0-only
/* VIPs, backends, CID configurations, and how full the tables are. */
#include "lib/health_state.h"
#include "metrics_priv.h"
#include "report/health.h"
#include "snapshot_priv.h"

static void of_vips(FILE *to, const struct snapshot *s)
{
	const struct snapshot_vip *v = s->vip, *end = v + s->vips;

	text_family(to, "xroam_vip_packets_total", "counter", "Packets for a VIP.");
	for (v = s->vip; v < end; v++)
		text_sample(to, "xroam_vip_packets_total", v->sum.packets, "vip", v->name, NULL);
	text_family(to, "xroam_vip_bytes_total", "counter", "Their octets.");
	for (v = s->vip; v < end; v++)
		text_sample(to, "xroam_vip_bytes_total", v->sum.bytes, "vip", v->name, NULL);
	text_family(to, "xroam_vip_backends", "gauge", "Backends behind a VIP.");
	for (v = s->vip; v < end; v++)
		text_sample(to, "xroam_vip_backends", v->backends, "vip", v->name, NULL);
	text_family(to, "xroam_vip_backends_usable", "gauge",
		    "Of them, those that new flows can go to: up, with a weight.");
	for (v = s->vip; v < end; v++)
		text_sample(to, "xroam_vip_backends_usable", v->usable, "vip", v->name, NULL);
	text_family(to, "xroam_vip_serving", "gauge",
		    "1: the VIP serves here, as far as this node can tell.");
	for (v = s->vip; v < end; v++)
		if (v->serves != SNAPSHOT_UNKNOWN)
			text_sample(to, "xroam_vip_serving", v->serves == SNAPSHOT_YES, "vip",
				    v->name, NULL);
	text_family(to, "xroam_vip_announced", "gauge",
		    "Of a VIP that is to be announced, 1: its route is there.");
	for (v = s->vip; v < end; v++)
		if (v->announced != SNAPSHOT_UNKNOWN)
			text_sample(to, "xroam_vip_announced", v->announced == SNAPSHOT_YES, "vip",
				    v->name, NULL);
}

static void of_backends(FILE *to, const struct snapshot *s)
{
	static const char name[] = "xroam_backend_state";
	const struct snapshot_backend *b, *end = s->backend + s->backends;
	int i;

	text_family(to, "xroam_backend_packets_total", "counter", "Packets sent to a backend.");
	for (b = s->backend; b < end; b++)
		text_sample(to, "xroam_backend_packets_total", b->sum.packets, "backend",
			    b->info.name, NULL);
	text_family(to, "xroam_backend_bytes_total", "counter", "Their octets.");
	for (b = s->backend; b < end; b++)
		text_sample(to, "xroam_backend_bytes_total", b->sum.bytes, "backend", b->info.name,
			    NULL);
	text_family(to, "xroam_backend_initials_total", "counter",
		    "QUIC Initials for a backend, those above its rate, too.");
	for (b = s->backend; b < end; b++)
		text_sample(to, "xroam_backend_initials_total", b->sum.initials, "backend",
			    b->info.name, NULL);
	text_family(to, "xroam_backend_cid_packets_total", "counter",
		    "Of its packets, those that a connection ID brought here.");
	for (b = s->backend; b < end; b++)
		text_sample(to, "xroam_backend_cid_packets_total",
			    stats_sum_codepoints(b->sum.by_cid, STATS_ALL_CODEPOINTS), "backend",
			    b->info.name, NULL);
	text_family(to, name, "gauge",
		    "1 for the state that the programs go by, 0 for the others.");
	for (b = s->backend; b < end; b++)
		for (i = XR_BACKEND_UP; i <= XR_BACKEND_DOWN; i++)
			text_sample(to, name, b->state == i, "backend", b->info.name, "state",
				    text_state(i), NULL);
	text_family(to, "xroam_backend_weight", "gauge", "Its weight.");
	for (b = s->backend; b < end; b++)
		text_sample(to, "xroam_backend_weight", b->info.weight, "backend", b->info.name,
			    NULL);
}

/* What the operator wants of them, and what health checks find. */
static void of_health(FILE *to, const struct snapshot *s)
{
	static const char operators[] = "xroam_backend_operator_state";
	static const char health[] = "xroam_backend_health";
	static const char failures[] = "xroam_backend_health_failures_total";
	const struct snapshot_backend *b, *end = s->backend + s->backends;
	__u64 failing = 0;
	int i;

	text_family(to, operators, "gauge",
		    "1 for the state that the operator gave it, 0 for the others.");
	for (b = s->backend; b < end; b++)
		for (i = XR_BACKEND_UP; i <= XR_BACKEND_DOWN; i++)
			text_sample(to, operators, b->info.state == i, "backend", b->info.name,
				    "state", text_state(i), NULL);
	text_family(to, health, "gauge", "1 for what health checks find of it, 0 for the others.");
	for (b = s->backend; b < end; b++)
		for (i = XR_HEALTH_NONE; b->checked && i <= XR_HEALTH_KEPT; i++)
			text_sample(to, health, b->health == i, "backend", b->info.name, "state",
				    health_word(i), NULL);
	text_family(to, failures, "counter", "How often its health checks began to fail.");
	for (b = s->backend; b < end; b++)
		if (b->checked)
			text_sample(to, failures, b->failures, "backend", b->info.name, NULL);
	for (b = s->backend; b < end; b++)
		failing += b->health == XR_HEALTH_DOWN || b->health == XR_HEALTH_KEPT;
	text_family(to, "xroam_backends_failing", "gauge",
		    "Backends whose health checks fail, those that are kept all the same, too.");
	text_sample(to, "xroam_backends_failing", failing, NULL);
}

/* Summed over VIPs and backends, by codepoint. */
struct cid_sums {
	__u64 steered[XR_CODEPOINTS], down[XR_CODEPOINTS], astray[XR_CODEPOINTS];
};

static void sum_cids(const struct snapshot *s, struct cid_sums *sum)
{
	size_t i;
	int c;

	for (c = 0; c < XR_CODEPOINTS; c++) {
		for (i = 0; i < s->backends; i++)
			sum->steered[c] += s->backend[i].sum.by_cid[c];
		for (i = 0; i < s->vips; i++) {
			sum->down[c] += s->vip[i].cids.down[c];
			sum->astray[c] += s->vip[i].cids.astray[c];
		}
	}
}

static void of_cids(FILE *to, const struct plane *p, const struct snapshot *s)
{
	static const char name[] = "xroam_cid_packets_total";
	struct cid_sums sum = { .steered = { 0 } };
	char id[8];
	int i;

	sum_cids(s, &sum);
	text_family(
		to, name, "counter",
		"Packets with CIDs of a configuration: steered by them, to a server that is down, or astray: a short header whose CID names no server.");
	for (i = 1; i < XR_CID_SLOTS; i++) {
		const struct xr_cid_info *info = &p->cid_info[i];
		const struct xr_cid_format_desc *f = xr_cid_format_get(info->format);
		unsigned int points;

		if (!info->used || !f)
			continue;
		points = xr_cid_codepoints(info->format, info->config_id);
		snprintf(id, sizeof(id), "%u", info->config_id);
		text_sample(to, name, stats_sum_codepoints(sum.steered, points), "config", id,
			    "format", f->word, "result", "steered", NULL);
		text_sample(to, name, stats_sum_codepoints(sum.down, points), "config", id,
			    "format", f->word, "result", "down", NULL);
		text_sample(to, name, stats_sum_codepoints(sum.astray, points), "config", id,
			    "format", f->word, "result", "astray", NULL);
	}
}

static __u32 count_hosts(const struct plane *p)
{
	__u32 i, n = 0;

	for (i = 1; i <= p->meta->limits.hosts; i++)
		n += p->host_info[i].name[0] != '\0';
	return n;
}

static void of_tables(FILE *to, struct plane *p, const struct snapshot *s)
{
	const struct xr_limits *l = &p->meta->limits;
	const struct sid_use sids = health_server_ids(p);
	struct stats_flows flows;

	stats_flow_table(p, &flows);
	text_family(
		to, "xroam_flows", "gauge",
		"Flows that are not idle; established: of those, more than one packet came. Of a large table an estimate.");
	text_sample(to, "xroam_flows", flows.used, "state", "all", NULL);
	text_sample(to, "xroam_flows", flows.established, "state", "established", NULL);
	text_family(to, "xroam_entries", "gauge", "Entries in a table.");
	text_sample(to, "xroam_entries", s->vips, "table", "vips", NULL);
	text_sample(to, "xroam_entries", s->backends, "table", "backends", NULL);
	text_sample(to, "xroam_entries", sids.in_table, "table", "server_ids", NULL);
	text_sample(to, "xroam_entries", sids.pages, "table", "server_id_pages", NULL);
	text_sample(to, "xroam_entries", flows.used, "table", "flows", NULL);
	text_sample(to, "xroam_entries", count_hosts(p), "table", "hosts", NULL);
	text_sample(to, "xroam_entries", vm_count(p), "table", "vms", NULL);
	text_sample(to, "xroam_entries", p->vm_control->addresses, "table", "vm_addresses", NULL);
	text_family(to, "xroam_entries_limit", "gauge",
		    "Entries that a table has room for: the file's limits.");
	text_sample(to, "xroam_entries_limit", l->vips, "table", "vips", NULL);
	text_sample(to, "xroam_entries_limit", l->backends, "table", "backends", NULL);
	text_sample(to, "xroam_entries_limit", l->server_ids, "table", "server_ids", NULL);
	text_sample(to, "xroam_entries_limit", l->server_id_pages, "table", "server_id_pages",
		    NULL);
	text_sample(to, "xroam_entries_limit", flows.entries, "table", "flows", NULL);
	text_sample(to, "xroam_entries_limit", l->hosts, "table", "hosts", NULL);
	text_sample(to, "xroam_entries_limit", l->vms, "table", "vms", NULL);
	text_sample(to, "xroam_entries_limit", l->vm_addresses, "table", "vm_addresses", NULL);
}

void metrics_of_steering(FILE *to, struct site *site)
{
	struct snapshot *s = snapshot_take(site->p);

	if (!s) {
		site->no_memory = true;
		return;
	}
	snapshot_take_serving(site->p, s);
	of_vips(to, s);
	of_backends(to, s);
	of_health(to, s);
	of_cids(to, site->p, s);
	of_tables(to, site->p, s);
	snapshot_free(s);
}
