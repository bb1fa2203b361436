// SPDX-License-Identifier: GPL-2.0-only
/*
 * What QEMU's events mean for a move. Only what fits the state that the VM is
 * in here is said on: an operator's pause is no blackout, and what a QEMU of
 * yesterday still says does not undo a move of today.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "host/host.h"
#include "lib/text.h"
#include "qmp_priv.h"

#define HAND_OVER_MS    1000     /* from the source's completed: as long as it may come back */
#define HAND_OVER_LEAST 100      /* to RESUME at the destination */
#define LONG_AGO_US     60000000 /* no move is begun and stopped so fast */
#define OTHERS_OPEN_MS  20ULL    /* the gate: libvirt takes 1 to 4 */

/* ---- where the VM is, as known here ---- */

struct view {
	__u32 place; /* VM_NOWHERE: not known */
	struct xr_vm_now now;
	bool under_way; /* prepared or in blackout */
};

static struct view look(const struct monitor *m)
{
	struct plane *p = m->d->plane;
	struct view v = { .place = vm_find(p, vm_key(m->conf.mac, m->conf.vlan)) };

	if (v.place == VM_NOWHERE)
		return v;
	v.now = vm_now(p, v.place);
	v.under_way = vm_under_way(v.now);
	return v;
}

/* The host that this machine is, for this VM: the one of its segment. */
static __u16 here(const struct monitor *m, const struct view *v)
{
	struct plane *p = m->d->plane;
	__u16 i, any = 0;

	if (v->place != VM_NOWHERE && v->under_way && host_is_local(p, v->now.next))
		return v->now.next;
	if (v->place != VM_NOWHERE && host_is_local(p, v->now.host))
		return v->now.host;
	for (i = 1; i && i <= p->meta->limits.hosts; i++) {
		if (!host_is_local(p, i))
			continue;
		if (p->hosts[i].vlan == m->conf.vlan)
			return i;
		any = any ? any : i;
	}
	return any;
}

/* ---- saying it ---- */

static int say(struct monitor *m, enum xr_notice_kind kind, const char *host)
{
	struct xr_notice n = {
		.kind = kind,
		.source = XR_SOURCE_QMP,
		.vlan = m->conf.vlan,
		.host = host,
		.tap = m->tap[0] ? m->tap : NULL,
		.reader = m->pid,
		.soon = true,
	};
	struct xr_answer a;
	struct xr_err err;
	int ret;

	memcpy(n.mac, m->conf.mac, sizeof(n.mac));
	ret = daemon_notice(m->d, &n, &a, &err);
	if (ret && !m->d->locked)
		m->missed = true;
	return ret;
}

static const char *name_of(struct monitor *m, __u16 host)
{
	return host_name(m->d->plane, host);
}

/* ---- a prepare ---- */

static void prepare_to_leave(struct monitor *m);
static void prepare_to_come(struct monitor *m);

static void prepare(struct monitor *m)
{
	if (m->incoming)
		prepare_to_come(m);
	else
		prepare_to_leave(m);
}

/* What was put off comes before whatever happens next. */
static void prepare_now(struct monitor *m)
{
	if (!m->soon)
		return;
	m->soon = sd_event_source_disable_unref(m->soon);
	prepare(m);
}

static int on_soon(sd_event_source *s, void *ctx)
{
	(void)s;
	prepare_now(ctx);
	return 0;
}

/*
 * It takes longer than anything else, and many VMs may begin to move at once: one
 * that stands still meanwhile goes first. Said again before it was done, it is
 * done once.
 */
static void prepare_soon(struct monitor *m)
{
	if (!m->soon && sd_event_add_defer(m->d->loop, &m->soon, on_soon, m) < 0)
		prepare(m);
}

/* ---- the machine that it leaves ---- */

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

/*
 * What its port held then is in no ring. It is told of, as nothing counts it; not of
 * a clock that was set meanwhile.
 */
static void tell_if_too_early(struct monitor *m, int64_t stopped)
{
	int64_t early = (uint64_t)m->prepared - (uint64_t)stopped;

	if (early > 0 && early < LONG_AGO_US)
		qmp_log(m,
			"the VM stood still %.1f ms before its move was "
			"prepared: what its port held then is lost",
			early / 1000.0);
}

/* Not yet while its port's program is still being attached. */
static bool is_prepared(struct monitor *m)
{
	struct view v = look(m);

	return v.place == VM_NOWHERE || !v.under_way || vm_is_ready(m->d->plane, v.place);
}

static void prepare_to_leave(struct monitor *m)
{
	struct view v = look(m);

	/* Told otherwise, by the socket or the command, before STOP. */
	if (m->conf.to[0] && v.place != VM_NOWHERE && host_is_local(m->d->plane, v.now.host))
		say(m, XR_NOTICE_PREPARE, m->conf.to);
	m->prepared = now_us();
	qmp_queue_watch(m);
}

static bool in_migration(const struct monitor *m)
{
	return m->migration == QMP_ACTIVE || m->migration == QMP_PRE_SWITCHOVER ||
		m->migration == QMP_DEVICE || m->migration == QMP_POSTCOPY;
}

static void stands_still(struct monitor *m)
{
	struct view v = look(m);

	if (v.under_way)
		m->left_for = v.now.next;
	/* Asked first: when the notice is through, QEMU may be gone. */
	qmp_queue_stopped(m);
	if (v.place != VM_NOWHERE && v.now.state == XR_VM_PREPARED)
		say(m, XR_NOTICE_PAUSE, NULL);
}

/* Whatever came of our part: QEMU must not wait for ever. */
static void open_gate(struct monitor *m)
{
	qmp_send(m, QMP_CONTINUE, "migrate-continue", "{\"state\":\"pre-switchover\"}");
}

static int on_gate(sd_event_source *s, uint64_t usec, void *ctx)
{
	struct monitor *m = ctx;

	(void)s;
	(void)usec;
	m->gate = sd_event_source_disable_unref(m->gate);
	m->gate_ours = true;
	open_gate(m);
	return 0;
}

/*
 * Who manages QEMU may use the gate, too (libvirt does), and has then something to
 * do there: it is not ours to open before he has. The first time is his.
 */
static void at_the_gate(struct monitor *m)
{
	if (!m->conf.gate || m->gate_others || m->gate)
		return;
	if (m->gate_ours ||
	    sd_event_add_time_relative(m->d->loop, &m->gate, CLOCK_MONOTONIC, OTHERS_OPEN_MS * 1000,
				       1000, on_gate, m) < 0)
		open_gate(m);
}

static void leave_gate_to_others(struct monitor *m, const char *why)
{
	m->gate = sd_event_source_disable_unref(m->gate);
	if (m->gate_others)
		return;
	qmp_log(m, "%s: its gate is left to him", why);
	m->gate_others = true;
	qmp_tell_wrong(m);
}

/* Gone on, or over, though nothing of ours was said yet. */
static void past_the_gate(struct monitor *m)
{
	if (m->gate && (m->migration == QMP_DEVICE || m->migration == QMP_COMPLETED))
		leave_gate_to_others(m, "somebody else says migrate-continue");
	m->gate = sd_event_source_disable_unref(m->gate);
}

static void moved_away(struct monitor *m)
{
	struct view v = look(m);

	if (v.place != VM_NOWHERE && v.under_way && !host_is_local(m->d->plane, v.now.next))
		say(m, XR_NOTICE_MOVED, name_of(m, v.now.next));
}

static int on_over(sd_event_source *s, uint64_t usec, void *ctx)
{
	struct monitor *m = ctx;

	(void)s;
	(void)usec;
	m->over = sd_event_source_disable_unref(m->over);
	moved_away(m);
	return 0;
}

/* The blackout must not end by its deadline meanwhile: a tick is up to a second. */
static uint64_t hand_over_us(const struct monitor *m, const struct view *v)
{
	const struct plane *p = m->d->plane;
	__s32 left = (__s32)(p->vms[v->place].deadline - plane_tick(m->d->plane)) - 1;

	return 1000ULL * (left >= HAND_OVER_MS / 1000 ? HAND_OVER_MS : HAND_OVER_LEAST);
}

/*
 * It need not run there yet, and may come back, for who manages it may find that
 * something else is wrong there. Copying goes on until its own first frame tells
 * that the new host knows, for what is redirected to us from there would be lost
 * otherwise; until its QEMU ends here; or a little while, if nothing happens.
 */
static void handed_over(struct monitor *m)
{
	struct view v = look(m);

	if (v.place == VM_NOWHERE || m->over)
		return;
	m->left_for = v.under_way ? v.now.next : v.now.host;
	if (!v.under_way || host_is_local(m->d->plane, v.now.next))
		return;
	/* Its STOP went by unheard. */
	if (v.now.state == XR_VM_PREPARED)
		say(m, XR_NOTICE_PAUSE, NULL);
	if (sd_event_add_time_relative(m->d->loop, &m->over, CLOCK_MONOTONIC, hand_over_us(m, &v),
				       1000, on_over, m) < 0)
		moved_away(m);
}

static void stayed(struct monitor *m)
{
	struct view v = look(m);

	if (v.place != VM_NOWHERE && v.under_way)
		say(m, XR_NOTICE_CANCEL, NULL);
}

/*
 * It is said to be where this QEMU's migration brought it, and nobody has moved it
 * on since.
 */
static bool is_said_to_have_left(struct monitor *m, const struct view *v)
{
	return v->place != VM_NOWHERE && m->left_for && !v->under_way &&
		v->now.host == m->left_for && !host_is_local(m->d->plane, v->now.host);
}

/*
 * RESUME at the source: back, whatever the migration's own state says later, and
 * whatever was believed of it.
 */
static void runs_again(struct monitor *m)
{
	struct view v = look(m);
	__u16 host = here(m, &v);

	m->over = sd_event_source_disable_unref(m->over);
	if (is_said_to_have_left(m, &v) && host) {
		qmp_log(m,
			"the VM runs here again: its migration to %s "
			"came to nothing",
			name_of(m, v.now.host));
		say(m, XR_NOTICE_MOVED, name_of(m, host));
	} else if (v.place != VM_NOWHERE && v.now.state == XR_VM_BLACKOUT) {
		stayed(m);
		/* An operator's pause and resume: memory is still being copied. */
		if (m->migration == QMP_ACTIVE)
			say(m, XR_NOTICE_PREPARE, name_of(m, v.now.next));
	}
	m->left_for = 0;
	if (!in_migration(m))
		m->migration = QMP_IDLE;
}

static void leaving(struct monitor *m)
{
	switch (m->migration) {
	case QMP_ACTIVE:
		prepare_soon(m);
		break;
	case QMP_PRE_SWITCHOVER:
		stands_still(m);
		at_the_gate(m);
		break;
	case QMP_POSTCOPY:
		if (!m->running) /* STOP was faster than this word */
			handed_over(m);
		break;
	case QMP_COMPLETED:
		handed_over(m);
		break;
	case QMP_FAILED:
		stayed(m);
		if (m->gate_others)
			qmp_take_gate_away(m);
		break;
	default:
		break;
	}
}

/* ---- the machine that it comes to ---- */

static void prepare_to_come(struct monitor *m)
{
	struct view v = look(m);
	__u16 host = here(m, &v);

	m->never = sd_event_source_disable_unref(m->never);
	if (host && v.place != VM_NOWHERE && v.now.host != host)
		say(m, XR_NOTICE_PREPARE, name_of(m, host));
}

static void arrived(struct monitor *m)
{
	struct view v = look(m);
	__u16 host = here(m, &v);

	m->incoming = m->conf.role_given;
	m->migration = QMP_IDLE;
	/* Nobody expected it: its tap is told nevertheless. */
	if (m->tap[0] && !v.under_way)
		prepare_to_come(m);
	if (!host)
		qmp_log(m,
			"the VM runs here, but no host is local; \"xroam "
			"host add ... local\" says which this machine is");
	else
		say(m, v.place == VM_NOWHERE ? XR_NOTICE_ADD : XR_NOTICE_MOVED, name_of(m, host));
}

static int on_never(sd_event_source *s, uint64_t usec, void *ctx)
{
	struct monitor *m = ctx;
	struct view v = look(m);

	(void)s;
	(void)usec;
	if (v.place != VM_NOWHERE && v.under_way && host_is_local(m->d->plane, v.now.next))
		say(m, XR_NOTICE_CANCEL, NULL);
	return 0;
}

/*
 * Nobody reads its tap any more, but the old host may not know yet and go on
 * copying: until its blackout is over, what it sends must end here. Handed to
 * the bridge, it would go back to where it came from.
 */
static void never_came(struct monitor *m)
{
	const struct xr_policy *policy = &m->d->plane->meta->policy;

	m->never = sd_event_source_disable_unref(m->never);
	if (sd_event_add_time_relative(m->d->loop, &m->never, CLOCK_MONOTONIC,
				       policy->blackout_timeout * 1000000ULL, 0, on_never, m) < 0)
		on_never(NULL, 0, m);
}

static void coming(struct monitor *m)
{
	if (m->migration == QMP_ACTIVE)
		prepare_soon(m);
	else if (m->migration == QMP_FAILED)
		never_came(m);
}

/* ---- events ---- */

static enum qmp_migration migration_of(const char *status, enum qmp_migration unknown)
{
	static const struct {
		const char *word;
		enum qmp_migration is;
	} words[] = {
		{ "none", QMP_IDLE },
		{ "setup", QMP_ACTIVE },
		{ "wait-unplug", QMP_ACTIVE },
		{ "active", QMP_ACTIVE },
		{ "pre-switchover", QMP_PRE_SWITCHOVER },
		{ "device", QMP_DEVICE },
		{ "cancelling", QMP_CANCELLING },
		{ "cancelled", QMP_FAILED },
		{ "failed", QMP_FAILED },
		{ "completed", QMP_COMPLETED },
		/* Said before STOP as a rule; then it runs there. */
		{ "postcopy-active", QMP_POSTCOPY },
	};
	size_t i;

	for (i = 0; status && i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(words[i].word, status))
			return words[i].is;
	return unknown;
}

static void on_migration(struct monitor *m, json_t *data)
{
	const char *status = json_string_value(json_object_get(data, "status"));

	m->migration = migration_of(status, m->migration);
	if (m->migration != QMP_ACTIVE)
		prepare_now(m);
	if (m->migration != QMP_PRE_SWITCHOVER)
		past_the_gate(m);
	if (m->incoming)
		coming(m);
	else
		leaving(m);
}

static void become_source(struct monitor *m)
{
	if (m->conf.gate && !m->incoming && !m->gated && !m->gate_others) {
		m->gated = true;
		qmp_send(m, QMP_GATE, "migrate-set-capabilities",
			 "{\"capabilities\":[{\"capability\":"
			 "\"pause-before-switchover\",\"state\":true}]}");
	}
}

void qmp_take_gate_away(struct monitor *m)
{
	if (m->gated)
		qmp_send(m, QMP_NO_GATE, "migrate-set-capabilities",
			 "{\"capabilities\":[{\"capability\":"
			 "\"pause-before-switchover\",\"state\":false}]}");
}

static void on_resume(struct monitor *m)
{
	m->running = true;
	if (m->incoming)
		arrived(m);
	else
		runs_again(m);
	become_source(m);
}

void qmp_on_event(struct monitor *m, const char *name, json_t *data, int64_t at)
{
	if (!strcmp(name, "MIGRATION")) {
		on_migration(m, data);
	} else if (!strcmp(name, "RESUME")) {
		prepare_now(m);
		on_resume(m);
	} else if (!strcmp(name, "STOP")) {
		prepare_now(m);
		m->running = false;
		if (!m->incoming && m->migration != QMP_IDLE && m->migration != QMP_FAILED) {
			if (!is_prepared(m))
				m->prepared = now_us();
			tell_if_too_early(m, at);
			stands_still(m);
		}
		if (!m->incoming && m->migration == QMP_POSTCOPY)
			handed_over(m);
	}
}

/* ---- what went before ---- */

void qmp_on_ready(struct monitor *m)
{
	m->incoming = m->conf.role_given && m->conf.destination;
	m->gated = m->running = false;
	m->left_for = 0;
	m->migration = QMP_IDLE;
	m->tap[0] = '\0';
	qmp_send(m, QMP_EVENTS, "migrate-set-capabilities",
		 "{\"capabilities\":[{\"capability\":\"events\","
		 "\"state\":true}]}");
	qmp_send(m, QMP_NETWORK, "human-monitor-command", "{\"command-line\":\"info network\"}");
	qmp_queue_ready(m);
	if (m->conf.gate)
		qmp_send(m, QMP_CHARDEVS, "query-chardev", NULL);
	qmp_send(m, QMP_STATUS, "query-status", NULL);
	qmp_send(m, QMP_MIGRATE, "query-migrate", NULL);
}

/*
 * "info network": the card with the VM's MAC, and its backend a line below:
 *  e0: index=0,type=nic,model=virtio-net-pci,macaddr=52:54:00:12:34:56
 *   \ n0: index=0,type=tap,ifname=tap0,script=no,downscript=no
 */
static void read_tap(struct monitor *m, const char *text)
{
	char mac[TEXT_MAC];
	const char *card, *line, *end, *name;
	size_t len;

	text_mac(mac, m->conf.mac);
	card = strcasestr(text, mac);
	line = card ? strchr(card, '\n') : NULL;
	if (!line)
		return;
	end = strchr(line + 1, '\n');
	name = strstr(line, "ifname=");
	if (!name || (end && name > end))
		return;
	name += strlen("ifname=");
	len = strcspn(name, ",\r\n \t");
	if (len && len < sizeof(m->tap)) {
		memcpy(m->tap, name, len);
		m->tap[len] = '\0';
	}
}

/* libvirt's own monitor. It uses the gate in each migration. */
static void on_chardevs(struct monitor *m, json_t *list)
{
	const char *label;
	json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		label = json_string_value(json_object_get(one, "label"));
		if (label && !strcmp(label, "charmonitor"))
			leave_gate_to_others(m, "libvirt manages this QEMU");
	}
}

static void on_status(struct monitor *m, json_t *value)
{
	const char *status = json_string_value(json_object_get(value, "status"));

	m->running = status && !strcmp(status, "running");
	if (status && !m->conf.role_given)
		m->incoming = !strcmp(status, "inmigrate");
	if (status && m->incoming && !strcmp(status, "inmigrate"))
		prepare_soon(m);
	become_source(m);
}

/* By what a QEMU here said, of which the daemon has heard nothing more since. */
static bool was_taken_away(struct monitor *m, const struct view *v)
{
	const struct xr_vm_info *info = &m->d->plane->vm_info[v->place];

	return !v->under_way && !host_is_local(m->d->plane, v->now.host) &&
		info->source == XR_SOURCE_QMP && info->step == XR_NOTICE_MOVED + 1;
}

/* The events that nobody heard: it stands where they would have brought it. */
static void catch_up(struct monitor *m)
{
	struct view v = look(m);
	bool known = v.place != VM_NOWHERE;
	bool comes = known && v.under_way && host_is_local(m->d->plane, v.now.next);

	if (m->running && comes) {
		arrived(m);
	} else if (m->running && m->incoming) {
		if (!known || !host_is_local(m->d->plane, v.now.host))
			arrived(m);
	} else if (m->incoming) {
		return; /* RESUME will tell */
	} else if (m->running && !in_migration(m)) {
		if (known && v.now.state == XR_VM_BLACKOUT) {
			stayed(m);
		} else if (known && was_taken_away(m, &v)) {
			m->left_for = v.now.host;
			runs_again(m);
		}
	} else {
		if (in_migration(m))
			prepare_to_leave(m);
		if (in_migration(m) && !m->running)
			stands_still(m);
		leaving(m);
	}
}

static void on_migrate(struct monitor *m, json_t *value)
{
	const char *status = json_string_value(json_object_get(value, "status"));

	m->migration = migration_of(status, QMP_IDLE);
	prepare_now(m);
	catch_up(m);
}

void qmp_catch_up(struct monitor *m)
{
	if (!m->missed)
		return;
	m->missed = false;
	if (!m->ready) {
		qmp_on_gone(m);
		return;
	}
	qmp_send(m, QMP_STATUS, "query-status", NULL);
	qmp_send(m, QMP_MIGRATE, "query-migrate", NULL);
}

void qmp_on_answer(struct monitor *m, enum qmp_id id, json_t *value)
{
	switch (id) {
	case QMP_NETWORK:
		if (json_string_value(value))
			read_tap(m, json_string_value(value));
		break;
	case QMP_STATUS:
		on_status(m, value);
		break;
	case QMP_MIGRATE:
		on_migrate(m, value);
		break;
	case QMP_NO_GATE:
		m->gated = false;
		break;
	case QMP_CHARDEVS:
		on_chardevs(m, value);
		break;
	default:
		qmp_queue_answer(m, id, value);
		break;
	}
}

void qmp_on_gone(struct monitor *m)
{
	prepare_now(m);
	qmp_queue_gone(m);
	m->gate = sd_event_source_disable_unref(m->gate);
	m->over = sd_event_source_disable_unref(m->over);
	if (!m->incoming &&
	    (m->migration == QMP_COMPLETED || (m->migration == QMP_POSTCOPY && !m->running)))
		moved_away(m);
	/* It waited for a VM, which did not begin to run: it stays. */
	if (m->incoming && !m->running)
		never_came(m);
}

void qmp_forget(struct monitor *m)
{
	qmp_queue_gone(m);
	m->over = sd_event_source_disable_unref(m->over);
	m->never = sd_event_source_disable_unref(m->never);
	m->soon = sd_event_source_disable_unref(m->soon);
	m->gate = sd_event_source_disable_unref(m->gate);
}
