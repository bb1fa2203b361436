/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of this room share. From the bottom: wire.c has the connections, and
 * calls what is above through struct qmp_ops. queue.c and gate.c each have a part of
 * QEMU. view.c is where the VM is, by the instance's tables, and posts notices. leave.c
 * and arrive.c are a move as seen where the VM comes from and where it goes to. move.c
 * sorts QEMU's events, answers.c its answers. source.c has the list.
 */
#ifndef XR_QMP_QMP_PRIV_H
#define XR_QMP_QMP_PRIV_H

#include <jansson.h>
#include <sys/types.h>
#include "daemon/daemon.h"
#include "daemon/figures.h"
#include "daemon/line_buffer.h"

/* QEMU's MigrationStatus, as far as it matters. */
enum qmp_migration {
	QMP_IDLE,           /* none, or over */
	QMP_ACTIVE,         /* setup, active: memory is copied, the VM runs */
	QMP_PRE_SWITCHOVER, /* the VM stands still, QEMU waits at its gate */
	QMP_DEVICE,         /* the rest is copied */
	QMP_POSTCOPY,       /* it stands still soon, then runs there without the rest */
	QMP_CANCELLING,
	QMP_COMPLETED,
	QMP_FAILED, /* or cancelled */
};

#define QMP_CARDS 8 /* of a QEMU; the VM's may be any of them */

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
	/* From here on only newer QEMUs know the command; see queue.c. */
	QMP_VIRTIO,
	QMP_QUEUE, /* while the guest runs */
	QMP_QUEUE_STOPPED,
	QMP_CARD, /* and QMP_CARDS - 1 more */
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
};

/* One QEMU's monitor, for one VM. */
struct monitor {
	struct daemon *d;
	struct qmp *qmp;
	const struct qmp_ops *ops;
	struct monitor *next;
	struct model_qmp conf; /* a copy, socket too */
	bool stale;            /* while reloading: no longer in the file */
	bool leaving;          /* no longer watched, and freed soon */

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
	int64_t budget;     /* ns of our time left for what it sends without being asked */
	uint64_t budget_at; /* the loop's time when so much was left; 0: full */

	/* gate.c */
	bool gated;                  /* the gate is on; set as soon as it is asked for */
	bool gate_ours;              /* QEMU has waited there for us, and nobody else opened */
	bool gate_others;            /* somebody else uses it, and must be the one to open */
	sd_event_source *gate_timer; /* until then somebody else may open it */

	/* move.c, leave.c, arrive.c */
	bool incoming; /* waits for a migration to come */
	bool running;
	enum qmp_migration migration;
	__u16 left_for;                   /* the host that its last migration went to; 0: none */
	char tap[16];                     /* of the VM's card; empty: unknown */
	pid_t pid;                        /* who listens at the socket; 0: unknown */
	int64_t prepared_at;              /* microseconds since the epoch */
	sd_event_source *prepare_defer;   /* a prepare that is still to be posted */
	sd_event_source *hand_over_timer; /* until the old host stops copying frames */
	sd_event_source *failed_timer;    /* until the new host stops waiting */
	bool notice_missed;               /* one was refused because there was no lock */

	/* queue.c */
	sd_event_source *sample_timer;
	char *card[QMP_CARDS]; /* QOM paths of its network cards */
	int vm_card;           /* which of these is the VM's; -1: unknown */
	__u64 reads;           /* the tap's count when the queue was asked for */
	bool sample_due;       /* asked for, and not answered */
	unsigned int samples;  /* in a row that were not exact */
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

/* ---- queue.c ---- */

void qmp_queue_ready(struct monitor *m);
/* A move of its guest was prepared: samples its queue now and then. */
void qmp_queue_watch(struct monitor *m);
void qmp_queue_stopped(struct monitor *m);
void qmp_queue_answer(struct monitor *m, enum qmp_id id, json_t *value);
void qmp_queue_forget(struct monitor *m);

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

/* ---- view.c ---- */

struct qmp_view {
	bool known; /* the VM is; else all the rest is 0 */
	__u32 vm_index;
	struct xr_vm_now now;
	bool under_way; /* prepared or in blackout */
};

struct qmp_view qmp_view_of(const struct monitor *m);
/* VM_NOWHERE: not known. */
__u32 qmp_vm_index(const struct monitor *m);
/* The host that this machine is, for this VM; 0: no host is local. */
__u16 qmp_host_here(const struct monitor *m, const struct qmp_view *v);
const char *qmp_host_name(const struct monitor *m, __u16 host);
/* host: a name, or NULL. A refusal is logged, and remembered where the lock was missing. */
void qmp_post_notice(struct monitor *m, enum xr_notice_kind kind, const char *host);

/* ---- leave.c: the machine that the VM leaves ---- */

bool qmp_in_migration(const struct monitor *m);
void qmp_leave_prepare(struct monitor *m);
/* QEMU says that it stopped the guest at that time. */
void qmp_leave_stopped(struct monitor *m, int64_t at);
/* The guest stands still, since whenever. */
void qmp_leave_stands_still(struct monitor *m);
/* m->migration is another now, and not QMP_ACTIVE. */
void qmp_leave_step(struct monitor *m);
/* All is copied, or the rest follows: the new host may begin. */
void qmp_leave_handed_over(struct monitor *m);
/* It does not come back any more. */
void qmp_leave_moved(struct monitor *m);
/* The move is cancelled, if one is under way. */
void qmp_leave_stayed(struct monitor *m);
void qmp_leave_runs_again(struct monitor *m);

/* ---- arrive.c: the machine that it comes to ---- */

void qmp_arrive_prepare(struct monitor *m);
/* The VM runs here. */
void qmp_arrived(struct monitor *m);
/* It will not come. */
void qmp_arrive_failed(struct monitor *m);

/* ---- move.c ---- */

void qmp_on_event(struct monitor *m, const char *name, json_t *data, int64_t at);
void qmp_on_gone(struct monitor *m);
/* Of QEMU's name for a status. unknown: what to return for a name that is none. */
enum qmp_migration qmp_migration_of(const char *status, enum qmp_migration unknown);
/* m->migration is another now. */
void qmp_follow_migration(struct monitor *m);
/* A prepare, when nothing more urgent is left to do. */
void qmp_prepare_soon(struct monitor *m);
/* One that was put off, if there is one: before anything else that happens. */
void qmp_prepare_now(struct monitor *m);
/* Stops all timers. */
void qmp_forget(struct monitor *m);

/* ---- answers.c ---- */

/* Asks what this QEMU is doing. */
void qmp_on_ready(struct monitor *m);
void qmp_on_answer(struct monitor *m, enum qmp_id id, json_t *value);
/* Where a notice was missed: finds out what must be posted now. */
void qmp_catch_up(struct monitor *m);

#endif
