// SPDX-License-Identifier: GPL-2.0-only
/* QEMU's answers: what it is, and what happened before we listened. */
#include <string.h>

#include "host/host.h"
#include "lib/text.h"
#include "qmp_priv.h"

static void ask_status(struct monitor *m)
{
	qmp_send(m, QMP_STATUS, "query-status", NULL);
	qmp_send(m, QMP_MIGRATE, "query-migrate", NULL);
}

void qmp_on_ready(struct monitor *m)
{
	m->incoming = m->conf.role_given && m->conf.destination;
	m->gated = m->running = false;
	m->left_for = 0;
	m->migration = QMP_IDLE;
	m->tap[0] = '\0';
	qmp_send(m, QMP_EVENTS, "migrate-set-capabilities",
		 "{\"capabilities\":[{\"capability\":\"events\",\"state\":true}]}");
	qmp_send(m, QMP_NETWORK, "human-monitor-command", "{\"command-line\":\"info network\"}");
	qmp_queue_ready(m);
	if (m->conf.gate)
		qmp_send(m, QMP_CHARDEVS, "query-chardev", NULL);
	ask_status(m);
}

/* ---- what it is ---- */

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

/* libvirt, which has a monitor of its own, uses the gate in each migration. */
static void on_chardevs(struct monitor *m, json_t *list)
{
	const char *label;
	json_t *one;
	size_t i;

	json_array_foreach(list, i, one) {
		label = json_string_value(json_object_get(one, "label"));
		if (label && !strcmp(label, "charmonitor"))
			qmp_gate_leave_to_others(m, "libvirt manages this QEMU");
	}
}

/* ---- what it does ---- */

static void on_status(struct monitor *m, json_t *value)
{
	const char *status = json_string_value(json_object_get(value, "status"));

	m->running = status && !strcmp(status, "running");
	if (status && !m->conf.role_given)
		m->incoming = !strcmp(status, "inmigrate");
	if (status && m->incoming && !strcmp(status, "inmigrate"))
		qmp_prepare_soon(m);
	qmp_gate_switch_on(m);
}

/* A QEMU's monitor here brought the VM to another host, and nothing came since. */
static bool was_moved_by_qmp(struct monitor *m, const struct qmp_view *v)
{
	const struct xr_vm_info *info = &m->d->plane->vm_info[v->vm_index];

	return !v->under_way && !host_is_local(m->d->plane, v->now.host) &&
		info->source == XR_SOURCE_QMP && info->step == XR_NOTICE_MOVED + 1;
}

/* What the events that nobody heard would have led to. */
static void replace_events(struct monitor *m)
{
	struct qmp_view v = qmp_view_of(m);
	bool comes = v.under_way && host_is_local(m->d->plane, v.now.next);

	if (m->running && comes) {
		qmp_arrived(m);
	} else if (m->running && m->incoming) {
		if (!v.known || !host_is_local(m->d->plane, v.now.host))
			qmp_arrived(m);
	} else if (m->incoming) {
		return; /* RESUME will follow */
	} else if (m->running && !qmp_in_migration(m)) {
		if (v.known && v.now.state == XR_VM_BLACKOUT) {
			qmp_leave_stayed(m);
		} else if (v.known && was_moved_by_qmp(m, &v)) {
			m->left_for = v.now.host;
			qmp_leave_runs_again(m);
		}
	} else {
		if (qmp_in_migration(m))
			qmp_leave_prepare(m);
		if (qmp_in_migration(m) && !m->running)
			qmp_leave_stands_still(m);
		qmp_follow_migration(m);
	}
}

static void on_migrate(struct monitor *m, json_t *value)
{
	const char *status = json_string_value(json_object_get(value, "status"));

	m->migration = qmp_migration_of(status, QMP_IDLE);
	qmp_prepare_now(m);
	replace_events(m);
}

void qmp_catch_up(struct monitor *m)
{
	if (!m->notice_missed)
		return;
	m->notice_missed = false;
	if (m->ready)
		ask_status(m);
	else
		qmp_on_gone(m);
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
