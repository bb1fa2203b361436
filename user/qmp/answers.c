// SPDX-License-Identifier: GPL-2.0-only
/* QEMU's answers: what it is, and what happened before we listened. */
#include <string.h>

#include "lib/text.h"
#include "qmp_priv.h"

static void ask_status(struct monitor *m)
{
	qmp_send(m, QMP_STATUS, "query-status", NULL);
	qmp_send(m, QMP_MIGRATE, "query-migrate", NULL);
}

void qmp_on_ready(struct monitor *m)
{
	m->guest.incoming = m->conf.role_given && m->conf.destination;
	m->gated = m->guest.running = false;
	m->guest.left_for = 0;
	m->guest.migration = GUEST_IDLE;
	m->guest.tap[0] = '\0';
	qmp_send(m, QMP_EVENTS, "migrate-set-capabilities",
		 "{\"capabilities\":[{\"capability\":\"events\",\"state\":true}]}");
	qmp_send(m, QMP_NETWORK, "human-monitor-command", "{\"command-line\":\"info network\"}");
	guest_queue_ready(&m->guest);
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
	if (len && len < sizeof(m->guest.tap)) {
		memcpy(m->guest.tap, name, len);
		m->guest.tap[len] = '\0';
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

	m->guest.running = status && !strcmp(status, "running");
	if (status && !m->conf.role_given)
		m->guest.incoming = !strcmp(status, "inmigrate");
	if (status && m->guest.incoming && !strcmp(status, "inmigrate"))
		guest_prepare_soon(&m->guest);
	qmp_gate_switch_on(m);
}

static void on_migrate(struct monitor *m, json_t *value)
{
	const char *status = json_string_value(json_object_get(value, "status"));

	m->guest.migration = guest_migration_of(status, GUEST_IDLE);
	guest_catch_up(&m->guest);
	qmp_look_where(m);
}

void qmp_catch_up(struct monitor *m)
{
	if (!guest_missed_notices(&m->guest))
		return;
	if (m->ready)
		ask_status(m);
	else
		guest_on_gone(&m->guest);
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
		if (id >= QMP_GUEST)
			guest_queue_answer(&m->guest, id - QMP_GUEST, value);
		break;
	}
}
