// SPDX-License-Identifier: GPL-2.0-only
/* xroam monitor: events as they happen. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <time.h>

#include "args/args.h"
#include "args/out.h"
#include "audit/audit.h"
#include "host/host.h"
#include "lib/reason.h"
#include "lib/vm_key.h"
#include "report/events.h"
#include "monitor_priv.h"
#include "show.h"
#include "stop.h"

static const char notes[] =
	"Prints one line (with -j one JSON object) per event: packets that were\n"
	"dropped, changes and who asked for them, and what happens to VMs: moves,\n"
	"announcements that were believed and those that were not. What strangers can\n"
	"cause is a sample: at most one a second, reason, CPU and VM or VIP.\n"
	"With words after it, only events that all of them fit. Any number of monitors\n"
	"may run; one that is too slow says how many events it missed. Ctrl-C ends it.\n"
	"-v: says on stderr when it listens; what happened before is left out.\n";

struct monitor {
	struct plane *p;
	struct monitor_filter filter;
};

/* The program's clock is the machine's uptime; people want the time of day. */
static void wall_clock(__u64 when_ns, time_t *seconds, int *ms)
{
	struct timespec mono, real;
	__s64 ns;

	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_REALTIME, &real);
	ns = (real.tv_sec - mono.tv_sec) * 1000000000LL + real.tv_nsec - mono.tv_nsec +
		(__s64)when_ns;
	*seconds = ns / 1000000000;
	*ms = ns % 1000000000 / 1000000;
}

static const char *vip_name(struct plane *p, __u16 vip, char buf[TEXT_VIP])
{
	const struct xr_vip *v = &p->vips[vip];

	if (!vip || vip > p->meta->limits.vips || !v->used)
		return NULL;
	return text_vip(buf, v->addr, v->port, v->proto);
}

static const char *backend_name(struct plane *p, __u16 backend)
{
	if (!backend || backend > p->meta->limits.backends ||
	    p->backend_info[backend].state == XR_BACKEND_NONE)
		return NULL;
	return p->backend_info[backend].name;
}

static const char *device_name(struct plane *p, const struct xr_event *e)
{
	return e->dev_slot < XR_MAX_DEVICES && p->devices[e->dev_slot].ifindex
		? p->devices[e->dev_slot].name
		: NULL;
}

/* Events of user space have text; the data plane's have numbers only. */
static void print_vm(struct plane *p, const struct xr_event *e)
{
	const char *how = announcement_word(e->announcement), *dev = device_name(p, e);
	char name[VM_NAME];

	if (e->text[0]) {
		printf("%s\n", e->text);
		return;
	}
	printf("vm %s %s", vm_name(name, vm_key(e->mac, e->vlan)), reason_word(e->reason));
	if (how)
		printf(" by %s", how);
	if (dev)
		printf(" on %s", dev);
	if (e->vm)
		printf(", at %s", host_name(p, e->host));
	if (e->vm && e->from && e->from != e->host)
		printf(", was at %s", host_name(p, e->from));
	printf(": %s\n", reason_text(e->reason));
}

static json_t *json_vm(struct plane *p, const struct xr_event *e)
{
	static const char *const states[] = {
		[XR_VM_NONE] = "none",         [XR_VM_STABLE] = "stable",
		[XR_VM_PREPARED] = "prepared", [XR_VM_BLACKOUT] = "blackout",
		[XR_VM_MOVED] = "moved",
	};
	const char *how = announcement_word(e->announcement), *dev = device_name(p, e);
	json_t *j = json_pack("{s:s, s:s, s:o, s:i}", "event", "vm", "reason",
			      e->reason ? reason_word(e->reason) : "notice", "mac",
			      json_mac(e->mac), "vlan", e->vlan);

	json_object_set_new(j, "known", json_boolean(e->vm != 0));
	if (e->vm) {
		json_object_set_new(j, "host", json_string(host_name(p, e->host)));
		json_object_set_new(j, "state",
				    json_string(e->state <= XR_VM_MOVED ? states[e->state] : "?"));
	}
	if (e->from)
		json_object_set_new(j, "from", json_string(host_name(p, e->from)));
	if (how)
		json_object_set_new(j, "announcement", json_string(how));
	if (dev && !e->text[0])
		json_object_set_new(j, "device", json_text(dev));
	if (!addr_is_zero(e->saddr))
		json_object_set_new(j, "address", json_addr(e->saddr));
	if (e->text[0])
		json_object_set_new(j, "text", json_text(e->text));
	return j;
}

static void print_packet(struct plane *p, const struct xr_event *e)
{
	char src[TEXT_ADDR], dst[TEXT_ADDR], buf[TEXT_VIP], name[VM_NAME];
	const char *vip = vip_name(p, e->vip, buf);
	const char *backend = backend_name(p, e->backend);

	printf("%s %s", reason_kind_word(reason_kind(e->reason)), reason_word(e->reason));
	if (!addr_is_zero(e->saddr) || !addr_is_zero(e->daddr))
		printf(" from %s port %u to %s port %u", text_addr(src, e->saddr), ntohs(e->sport),
		       text_addr(dst, e->daddr), ntohs(e->dport));
	if (e->vm || !mac_is_zero(e->mac))
		printf(" vm %s", vm_name(name, vm_key(e->mac, e->vlan)));
	if (vip)
		printf(" vip %s", vip);
	if (backend)
		printf(" backend %s", backend);
	putchar('\n');
}

static json_t *json_packet(struct plane *p, const struct xr_event *e)
{
	const char *vip, *backend = backend_name(p, e->backend);
	char buf[TEXT_VIP];
	json_t *j;

	j = json_pack("{s:s, s:s, s:s}", "event", "packet", "reason", reason_word(e->reason),
		      "kind", reason_kind_word(reason_kind(e->reason)));
	if (!addr_is_zero(e->saddr) || !addr_is_zero(e->daddr)) {
		json_object_set_new(j, "source", json_addr(e->saddr));
		json_object_set_new(j, "source_port", json_integer(ntohs(e->sport)));
		json_object_set_new(j, "destination", json_addr(e->daddr));
		json_object_set_new(j, "destination_port", json_integer(ntohs(e->dport)));
	}
	if (e->vm || !mac_is_zero(e->mac)) {
		json_object_set_new(j, "mac", json_mac(e->mac));
		json_object_set_new(j, "vlan", json_integer(e->vlan));
	}
	vip = vip_name(p, e->vip, buf);
	if (vip)
		json_object_set_new(j, "vip", json_string(vip));
	if (backend)
		json_object_set_new(j, "backend", json_string(backend));
	return j;
}

/* Who asked for a change. */
static void json_maker(json_t *j, const struct xr_event_maker *m)
{
	if (!m->pid && !m->via)
		return;
	json_object_set_new(j, "pid", json_integer(m->pid));
	json_object_set_new(j, "uid", json_integer(m->uid));
	if (m->login_uid != (__u32)-1)
		json_object_set_new(j, "login_uid", json_integer(m->login_uid));
}

static json_t *json_change(const struct xr_event *e)
{
	json_t *j = json_pack("{s:s, s:o}", "event", "change", "text", json_text(e->text));

	json_maker(j, &e->maker);
	return j;
}

static json_t *json_audit(const struct xr_event *e)
{
	json_t *j = json_pack("{s:s, s:s, s:s, s:o, s:I}", "event", "audit", "result",
			      e->maker.refused ? "refused" : "done", "via",
			      audit_via_word(e->maker.via), "text", json_text(e->text), "left_out",
			      (json_int_t)e->maker.left_out);

	json_maker(j, &e->maker);
	return j;
}

static void print_audit(const struct xr_event *e)
{
	const struct xr_event_maker *m = &e->maker;

	if (m->left_out)
		printf("audit of %u more nothing is kept; ", m->left_out);
	else
		printf("audit ");
	printf("%s by uid %u", m->refused ? "refused" : "done", m->uid);
	if (m->login_uid != (__u32)-1 && m->login_uid != m->uid)
		printf(" (login %u)", m->login_uid);
	printf(", pid %u, %s: %s\n", m->pid, audit_via_word(m->via), e->text);
}

static void print_time(time_t seconds, int ms)
{
	char when[32];
	struct tm tm;

	localtime_r(&seconds, &tm);
	strftime(when, sizeof(when), "%T", &tm);
	printf("%s.%03d ", when, ms);
}

static void print_text(struct plane *p, const struct xr_event *e)
{
	switch (e->kind) {
	case XR_EVENT_PACKET:
		print_packet(p, e);
		return;
	case XR_EVENT_VM:
		print_vm(p, e);
		return;
	case XR_EVENT_AUDIT:
		print_audit(e);
		return;
	}
	printf("change %.*s\n", (int)sizeof(e->text), e->text);
}

static json_t *json_event(struct plane *p, const struct xr_event *e)
{
	switch (e->kind) {
	case XR_EVENT_PACKET:
		return json_packet(p, e);
	case XR_EVENT_VM:
		return json_vm(p, e);
	case XR_EVENT_AUDIT:
		return json_audit(e);
	}
	return json_change(e);
}

static void print_event(void *ctx, const struct xr_event *e)
{
	struct monitor *m = ctx;
	time_t seconds;
	json_t *j;
	int ms;

	if (!monitor_wants(m->p, &m->filter, e))
		return;
	wall_clock(e->when_ns, &seconds, &ms);
	if (opt.json) {
		j = json_event(m->p, e);
		json_object_set_new(j, "time", json_real(seconds + ms / 1000.0));
		out_json(j);
	} else {
		print_time(seconds, ms);
		print_text(m->p, e);
	}
	fflush(stdout);
}

/* Whatever the filter is: which ones they were is not known. */
static void print_missed(__u64 missed)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (opt.json) {
		out_json(json_pack("{s:s, s:I, s:f}", "event", "missed", "count",
				   (json_int_t)missed, "time", now.tv_sec + now.tv_nsec / 1e9));
	} else {
		print_time(now.tv_sec, now.tv_nsec / 1000000);
		printf("missed %llu events: they came faster than they were read\n",
		       (unsigned long long)missed);
	}
	fflush(stdout);
}

static int print_events(struct plane *p, struct events *ev)
{
	__u64 missed;

	while (!show_stopped) {
		int n = events_wait(ev, 1000);

		if (n < 0 && n != -EINTR)
			return cmd_refuse("reading events: %s", strerror(-n));
		missed = events_missed(ev);
		if (missed)
			print_missed(missed);
		if (ferror(stdout) || show_reader_is_gone(STDOUT_FILENO))
			return EXIT_DONE; /* main() reports an error */
		if (!n && !plane_exists(p))
			return cmd_refuse("instance \"%s\" is gone", p->name);
	}
	return EXIT_DONE;
}

int do_monitor(int argc, char **argv)
{
	struct monitor m = { 0 };
	struct xr_err err = { "" };
	struct events *ev;
	struct plane *p;
	int ret;

	if (cmd_help(notes, argc, argv))
		return EXIT_DONE;
	ret = monitor_parse(argc, argv, &m.filter);
	if (!ret)
		ret = cmd_open(&p, PLANE_READ);
	if (ret)
		return ret;
	m.p = p;
	show_until_stopped();
	if (events_open(p, print_event, &m, &ev, &err)) {
		ret = cmd_fail(&err);
	} else {
		/* Scripts wait for this line: what happens from here on is printed. */
		if (opt.verbose)
			fprintf(stderr, "instance \"%s\": watching\n", p->name);
		ret = print_events(p, ev);
		events_close(ev);
	}
	plane_close(p);
	return ret;
}
