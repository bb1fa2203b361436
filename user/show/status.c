// SPDX-License-Identifier: GPL-2.0-only
/* xroam status: one screen. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "args/args.h"
#include "args/out.h"
#include "attach/attach.h"
#include "attach/drained.h"
#include "audit/audit.h"
#include "lib/netns.h"
#include "lib/reason.h"
#include "plane/daemon_claim.h"
#include "plane/stats.h"
#include "report/faults.h"
#include "report/health.h"
#include "show.h"
#include "stop.h"

static const char notes[] =
	"Devices, what is configured, packets by kind with their rates over one second,\n"
	"and what is wrong, with what mends it. --check: that alone, and status 1 where\n"
	"anything is; for monitors. -w: again every 2 or SECONDS seconds; with --check\n"
	"until something is wrong. --now: without that second, and so without rates, and\n"
	"not looking at drops and the clock.\n";

/* All counters at one moment. */
struct counters {
	struct timespec at;
	struct xr_counter reason[XR_REASON_MAX];
	struct xr_counter kind[XR_KIND_MAX];
};

struct status {
	struct plane *p;
	struct health health;
	struct stats_flows flows;
	struct counters before, now;
	struct faults_since *since;
	double seconds; /* between the two; 0: there is but one */
	__u32 tick;     /* before the first */
	/* Lists of lines. refused: drops that strangers cause, and few of them. */
	json_t *narrow, *refused, *wrong;
};

static int read_counters(struct plane *p, struct counters *m)
{
	int ret = stats_reasons(p, m->reason);

	clock_gettime(CLOCK_MONOTONIC, &m->at);
	stats_kinds(m->reason, m->kind);
	return ret;
}

static void add_line(void *ctx, const char *line)
{
	json_array_append_new(ctx, json_text(line));
}

static int collect(struct status *s, bool once)
{
	struct plane *p = s->p;
	int ret = 0;

	s->tick = plane_tick(p);
	health_count(p, &s->health);
	stats_flow_table(p, &s->flows);
	if (!once) {
		s->since = faults_since(p);
		ret = s->since ? 0 : -ENOMEM;
	}
	if (!ret)
		ret = read_counters(p, &s->before);
	s->now = s->before;
	return ret ? cmd_refuse("reading counters: %s", strerror(-ret)) : EXIT_DONE;
}

/* The counters again, where they are to be compared, and what is wrong. */
static void judge(struct status *s)
{
	/* Longer than a second, so that a clock that ticks has ticked. */
	const struct timespec second = { .tv_sec = 1, .tv_nsec = 50000000 };
	struct plane *p = s->p;

	if (s->since) {
		nanosleep(&second, NULL);
		read_counters(p, &s->now);
		s->seconds = s->now.at.tv_sec - s->before.at.tv_sec +
			(s->now.at.tv_nsec - s->before.at.tv_nsec) / 1e9;
	}
	health_narrow(p, add_line, s->narrow);
	faults_check(p, s->since, add_line, add_line, s->wrong, s->refused);
}

static double rate(const struct status *s, __u64 now, __u64 before)
{
	return (now - before) / s->seconds;
}

static json_t *json_rate(const struct status *s, __u64 now, __u64 before)
{
	return s->since ? json_real(rate(s, now, before)) : json_null();
}

static json_t *json_kinds(const struct status *s)
{
	json_t *kinds = json_object();
	int k;

	for (k = 0; k < XR_KIND_NOTE; k++) {
		const struct xr_counter *now = &s->now.kind[k];
		const struct xr_counter *before = &s->before.kind[k];

		json_object_set_new(
			kinds, reason_kind_word(k),
			json_pack("{s:I, s:I, s:o, s:o}", "packets", (json_int_t)now->packets,
				  "bytes", (json_int_t)now->bytes, "packets_per_second",
				  json_rate(s, now->packets, before->packets), "bytes_per_second",
				  json_rate(s, now->bytes, before->bytes)));
	}
	return kinds;
}

static json_t *json_devices(const struct status *s)
{
	json_t *list = json_array();
	int i;

	for (i = 0; i < XR_MAX_DEVICES; i++) {
		const struct xr_device *d = &s->p->devices[i];
		struct device_location at;

		if (!d->ifindex)
			continue;
		plane_device_location(s->p, d, &at);
		json_array_append_new(
			list,
			json_pack("{s:o, s:o, s:s, s:s, s:s}", "device", json_text(at.name),
				  "namespace", json_netns(at.netns), "mode", text_mode(d->mode),
				  "attach", text_how(d->how), "role", text_role(d->role)));
	}
	return list;
}

static json_t *json_drain(const struct status *s)
{
	static const char *const words[] = { "no", "draining", "drained" };
	const struct xr_drain *d = s->p->drain;
	const struct xr_device *kept = NULL;
	json_t *list = json_array();

	while ((kept = drained_next(s->p, kept)))
		json_array_append_new(list, json_text(kept->name));
	return json_pack("{s:s, s:o, s:o}", "state", d->state < 3 ? words[d->state] : "?", "since",
			 d->state ? json_integer(d->since) : json_null(), "detached", list);
}

/* null: nowhere. */
static json_t *json_metrics(const struct status *s)
{
	char where[DAEMON_METRICS_TEXT];

	daemon_read_metrics(s->p->name, where);
	return where[0] ? json_text(where) : json_null();
}

static int print_json(const struct status *s)
{
	const struct xr_limits *l = &s->p->meta->limits;
	const struct health *h = &s->health;

	return out_json(json_pack(
		"{s:s, s:I, s:o, s:{s:i, s:i}, s:{s:i, s:i, s:i, s:i}, s:i, "
		"s:{s:i, s:i}, s:{s:i, s:i, s:i}, s:{s:I, s:I, s:I, s:b}, s:{s:i, s:i}, "
		"s:{s:i, s:i, s:i, s:i, s:i, s:i}, s:i, s:o, s:o, s:o, s:o, s:O, s:O, s:O, s:b}",
		"instance", s->p->name, "created", (json_int_t)s->p->meta->created, "devices",
		json_devices(s), "vips", "count", h->vips, "limit", l->vips, "backends", "up",
		h->backends[XR_BACKEND_UP], "draining", h->backends[XR_BACKEND_DRAINING], "down",
		h->backends[XR_BACKEND_DOWN], "limit", l->backends, "cid_configs", h->cids,
		"server_ids", "count", h->sids.in_table, "limit", l->server_ids, "server_id_pages",
		"count", h->sids.pages, "limit", l->server_id_pages, "server_ids", h->sids.in_pages,
		"flows", "used", (json_int_t)s->flows.used, "established",
		(json_int_t)s->flows.established, "limit", (json_int_t)s->flows.entries, "sampled",
		s->flows.sampled, "hosts", "count", h->hosts, "limit", l->hosts, "vms", "count",
		h->vms, "limit", l->vms, "under_way", h->under_way, "moved", h->moved, "frozen",
		h->frozen, "disabled", h->disabled, "daemon_pid", (int)daemon_pid(s->p->name),
		"metrics", json_metrics(s), "packets", json_kinds(s), "clock_running",
		s->since ? json_boolean(plane_tick(s->p) != s->tick) : json_null(), "drain",
		json_drain(s), "narrow", s->narrow, "refused", s->refused, "wrong", s->wrong,
		"journal", audit_has_journal()));
}

static void print_devices(const struct status *s)
{
	struct device_location at;
	char space[NETNS_SUFFIX];
	bool any = false;
	int i;

	for (i = 0; i < XR_MAX_DEVICES; i++) {
		const struct xr_device *d = &s->p->devices[i];

		if (!d->ifindex)
			continue;
		plane_device_location(s->p, d, &at);
		printf("%-10s%s%s: %s, %s, role %s\n", any ? "" : "devices", at.name,
		       netns_suffix(at.netns, space), text_mode(d->mode), text_how(d->how),
		       text_role(d->role));
		any = true;
	}
	if (!any)
		printf("%-10snone\n", "devices");
}

static void print_drain(const struct status *s)
{
	const struct xr_device *kept = NULL;
	time_t since = s->p->drain->since;
	char when[32];

	if (s->p->drain->state == XR_DRAIN_NONE)
		return;
	strftime(when, sizeof(when), "%F %T", localtime(&since));
	printf("drain     %s since %s",
	       s->p->drain->state == XR_DRAINED ? "drained" : "withdrawn, but not drained yet,",
	       when);
	while ((kept = drained_next(s->p, kept)))
		printf(", %s detached", kept->name);
	printf("; \"xroam undrain\" takes it back\n");
}

static void print_kinds(const struct status *s)
{
	static const char *const headings[] = { "PACKETS",   "TOTAL",  "BYTES",
						"PACKETS/S", "MBIT/S", NULL };
	struct table *t = table_new(headings);
	int k;

	for (k = 1; k < 5; k++)
		table_right(t, k);
	for (k = 0; k < XR_KIND_NOTE; k++) {
		const struct xr_counter *now = &s->now.kind[k];
		const struct xr_counter *before = &s->before.kind[k];

		table_cell(t, "%s", reason_kind_word(k));
		table_cell(t, "%llu", (unsigned long long)now->packets);
		table_cell(t, "%llu", (unsigned long long)now->bytes);
		if (s->since) {
			table_cell(t, "%.0f", rate(s, now->packets, before->packets));
			table_cell(t, "%.1f", rate(s, now->bytes, before->bytes) * 8 / 1e6);
		} else {
			table_cell(t, "-");
			table_cell(t, "-");
		}
	}
	putchar('\n');
	table_print(t);
}

static void print_vms(const struct status *s)
{
	const struct health *h = &s->health;
	pid_t pid = daemon_pid(s->p->name);

	if (h->hosts || h->vms) {
		printf("hosts     %u of %u\n", h->hosts, s->p->meta->limits.hosts);
		printf("vms       %u of %u: %u on the move, %u redirected", h->vms,
		       s->p->meta->limits.vms, h->under_way, h->moved);
		if (h->frozen || h->disabled)
			printf(", %u frozen, %u disabled", h->frozen, h->disabled);
		putchar('\n');
	}
	if (pid)
		printf("daemon    pid %d\n", (int)pid);
	else if (h->hosts)
		printf("daemon    none runs: no socket, no QMP, nothing is announced\n");
}

static void print_metrics(const struct status *s)
{
	char where[DAEMON_METRICS_TEXT];

	daemon_read_metrics(s->p->name, where);
	if (where[0] == '/')
		printf("metrics   at the socket %s\n", where);
	else if (where[0])
		printf("metrics   http://%s/metrics, and a page at http://%s/\n", where, where);
}

static void print_lines(const char *heading, const json_t *lines)
{
	const char *line;
	size_t i;

	for (i = 0; (line = json_string_value(json_array_get(lines, i))); i++)
		printf("%-10s%s\n", i ? "" : heading, line);
}

static void print_wrong(const struct status *s)
{
	if (!json_array_size(s->wrong))
		printf("%s\n",
		       s->since ? "all is well"
				: "nothing is wrong; drops and the clock were not looked at");
	print_lines("wrong", s->wrong);
}

/* What needs no second look. */
static void print_head(const struct status *s)
{
	const struct xr_limits *l = &s->p->meta->limits;
	const struct health *h = &s->health;
	time_t created = s->p->meta->created;
	char when[32];

	strftime(when, sizeof(when), "%F %T", localtime(&created));
	printf("instance  %s, since %s\n", s->p->name, when);
	print_devices(s);
	print_drain(s);
	printf("vips      %u of %u\n", h->vips, l->vips);
	printf("backends  %u up, %u draining, %u down, of %u\n", h->backends[XR_BACKEND_UP],
	       h->backends[XR_BACKEND_DRAINING], h->backends[XR_BACKEND_DOWN], l->backends);
	printf("cid       %u configurations, %u server IDs of %u", h->cids, h->sids.in_table,
	       l->server_ids);
	if (h->sids.pages)
		printf(", %u more in %u of %u pages", h->sids.in_pages, h->sids.pages,
		       l->server_id_pages);
	printf("\n");
	printf("flows     %s%llu, %llu established, of %llu\n", s->flows.sampled ? "about " : "",
	       (unsigned long long)s->flows.used, (unsigned long long)s->flows.established,
	       (unsigned long long)s->flows.entries);
	print_vms(s);
	print_metrics(s);
	if (opt.verbose)
		printf("audit     %s\n",
		       audit_has_journal()
			       ? "to the journal, and the event ring"
			       : "to the event ring alone, for there is no journal here");
	fflush(stdout);
}

static int print_rest(const struct status *s)
{
	print_kinds(s);
	putchar('\n');
	print_lines("narrow", s->narrow);
	print_lines("refused", s->refused);
	print_wrong(s);
	return EXIT_DONE;
}

struct status_args {
	bool check, now;
	__u64 seconds; /* 0: once */
};

/*
 * Head first, so that whoever waits for the rates has that to read; but on a terminal
 * that is drawn anew, all at once.
 */
static int show_text(struct status *s, bool anew)
{
	if (!anew)
		print_head(s);
	judge(s);
	if (anew) {
		out_clear_screen();
		print_head(s);
	}
	return print_rest(s);
}

/* Prints everything once. *bad: something is wrong. */
static int show_once(const struct status_args *args, bool *bad)
{
	struct status s = { .narrow = json_array(),
			    .refused = json_array(),
			    .wrong = json_array() };
	int ret = cmd_open(&s.p, PLANE_READ);

	if (ret)
		goto out;
	ret = collect(&s, args->now);
	if (!ret && !opt.json && !args->check) {
		ret = show_text(&s, args->seconds && isatty(STDOUT_FILENO));
	} else if (!ret) {
		judge(&s);
		if (opt.json)
			ret = print_json(&s);
		else
			print_wrong(&s);
	}
	*bad = json_array_size(s.wrong);
	faults_since_free(s.since);
	plane_close(s.p);
out:
	json_decref(s.narrow);
	json_decref(s.refused);
	json_decref(s.wrong);
	return ret;
}

static int show_again(const struct status_args *args)
{
	const struct timespec wait = { .tv_sec = args->seconds - !args->now };
	bool bad = false;
	int ret = EXIT_DONE;

	show_until_stopped();
	while (!ret && !show_stopped) {
		ret = show_once(args, &bad);
		if (args->check && bad)
			return EXIT_REFUSED;
		if (!opt.json && !args->check && !isatty(STDOUT_FILENO))
			putchar('\n');
		if (fflush(stdout) || ret || nanosleep(&wait, NULL))
			break;
	}
	return ret;
}

static int take_seconds(struct args *a, void *to)
{
	struct status_args *args = to;

	args->seconds = 2;
	if (!a->argc || a->argv[0][0] == '-')
		return EXIT_DONE;
	return args_u64(a, 1, 86400, &args->seconds);
}

static int parse(int argc, char **argv, struct status_args *args)
{
	static const struct args_key keys[] = {
		{ "--check", ARGS_FLAG, ARGS_TO(struct status_args, check) },
		{ "--now", ARGS_FLAG, ARGS_TO(struct status_args, now) },
		{ "-w", ARGS_OTHER, .take = take_seconds },
		{ "--watch", ARGS_OTHER, .take = take_seconds },
		{ 0 }
	};
	struct args_given g = { .often = ARGS_ALL };
	struct args a = args_after(argc, argv);

	return args_take(&a, keys, args, &g);
}

int do_status(int argc, char **argv)
{
	struct status_args args = { .check = false };
	bool bad = false;
	int ret;

	if (cmd_help(notes, argc, argv))
		return EXIT_DONE;
	ret = parse(argc, argv, &args);
	if (ret)
		return ret;
	if (args.seconds)
		return show_again(&args);
	ret = show_once(&args, &bad);
	return !ret && args.check && bad ? EXIT_REFUSED : ret;
}
