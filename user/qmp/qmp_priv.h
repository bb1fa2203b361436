/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of this room share. From the bottom: wire.c has the connections, and
 * calls what is above through struct qmp_ops. gate.c has QEMU's gate. answers.c sorts
 * QEMU's answers; its events go to guest/, which has the VM's moves. source.c has the list.
 */
#ifndef XR_QMP_QMP_PRIV_H
#define XR_QMP_QMP_PRIV_H

#include "daemon/budget.h"
#include "daemon/daemon.h"
#include "daemon/figures.h"
#include "daemon/line_buffer.h"
#include "guest/guest.h"

/* What an answer is recognized by: the command's "id". */
enum qmp_id {
	QMP_CAPABILITIES = 1,
	QMP_EVENTS,
	QMP_GATE,
	QMP_NETWORK,
	QMP_STATUS,
	QMP_MIGRATE,
	QMP_CONTINUE,
	QMP_CHARDEVS,
	QMP_NO_GATE,
	QMP_GUEST, /* and from here on its enum guest_question; only newer QEMUs know those */
};

struct monitor;

/* Where wire.c hands on what it read. source.c fills it. */
struct qmp_ops {
	/* A connection is made, and commands are taken. */
	void (*ready)(struct monitor *m);
	void (*answer)(struct monitor *m, enum qmp_id id, json_t *value);
	/* at: microseconds since the epoch, as QEMU says; 0: it does not say. */
	void (*event)(struct monitor *m, const char *name, json_t *data, int64_t at);
	/* A connection that was ready is over. */
	void (*gone)(struct monitor *m);
	/* A monitor with ->leaving has nothing more to wait for. Frees it. */
	void (*left)(struct monitor *m);
};

/* Those that are watched, and those that are let go. */
struct qmp {
	struct daemon *d;
	struct monitor *list, *leaving;
	struct chains by_vm; /* the guests of those in the list */
};

/* One QEMU's monitor, for one VM. */
struct monitor {
	struct daemon *d;
	struct qmp *qmp;
	const struct qmp_ops *ops;
	struct guest guest; /* the VM's moves */
	struct monitor *next;
	struct model_qmp conf; /* a copy, socket too */
	bool stale;            /* while reloading: no longer in the file */
	bool leaving;          /* no longer watched, and freed soon */
	bool elsewhere;        /* the VM runs here, and the instance has it at another host */

	/* wire.c */
	int fd; /* -1: not connected */
	sd_event_source *io, *timer;
	unsigned int wait_ms; /* until the next attempt to connect */
	bool failure_logged;  /* since the last connection */
	bool greeted, ready;
	int figure;       /* its place in the daemon's figures */
	bool no_greeting; /* connected, and no greeting came in time */
	bool too_loud;    /* was cut off, because it never stopped sending */
	struct line_buffer in;
	sd_event_source *more_lines; /* whole lines in it wait for the next turn */
	unsigned int answers_due;
	struct budget budget; /* for what it sends without being asked */

	/* gate.c */
	bool gated;                  /* the gate is on; set as soon as it is asked for */
	bool gate_ours;              /* QEMU has waited there for us, and nobody else opened */
	bool gate_others;            /* somebody else uses it, and must be the one to open */
	sd_event_source *gate_timer; /* until then somebody else may open it */
};

/* ---- wire.c ---- */

/* arguments: JSON text of an object, or NULL. */
void qmp_send(struct monitor *m, enum qmp_id id, const char *command, const char *arguments);
void qmp_log(struct monitor *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define QMP_FIRST_WAIT 20 /* ms: an incoming QEMU does not live for long */
#define QMP_LOUD_WAIT  10 /* seconds, for one that was cut off */

void qmp_disconnect(struct monitor *m);
/* m->timer and m->io: sd-event's handlers. A new monitor connects when its timer runs out. */
int qmp_on_time(sd_event_source *s, uint64_t usec, void *ctx);
int qmp_on_readable(sd_event_source *s, int fd, uint32_t revents, void *ctx);

/* ---- faults.c ---- */

/* A no_greeting, too_loud, gate_others or the list changed: "xroam status" shows them. */
void qmp_report_faults(const struct qmp *q);
/* The VM may have begun or ceased to run, or to be known here. */
void qmp_look_where(struct monitor *m);

/* ---- gate.c ---- */

/* Switches it on, where the file says so and this QEMU has the VM. */
void qmp_gate_switch_on(struct monitor *m);
/* No migration stops there from now on; m->gated until QEMU has answered. */
void qmp_gate_switch_off(struct monitor *m);
/* A migration waits there. */
void qmp_gate_reached(struct monitor *m);
/* A migration does not wait there, or no longer. */
void qmp_gate_passed(struct monitor *m);
/* why: what is logged the first time. */
void qmp_gate_leave_to_others(struct monitor *m, const char *why);
void qmp_gate_forget(struct monitor *m);

/* ---- answers.c ---- */

/* Asks what this QEMU is doing. */
void qmp_on_ready(struct monitor *m);
void qmp_on_answer(struct monitor *m, enum qmp_id id, json_t *value);
/* Where a notice was missed: finds out what must be posted now. */
void qmp_catch_up(struct monitor *m);

#endif
