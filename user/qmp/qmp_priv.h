/* SPDX-License-Identifier: GPL-2.0-only */
/* What the two halves of the QMP source tell each other. */
#ifndef XR_QMP_QMP_PRIV_H
#define XR_QMP_QMP_PRIV_H

#include <jansson.h>
#include <sys/types.h>
#include "daemon/daemon.h"

/* MigrationStatus of QEMU's, as far as it matters. */
enum qmp_migration {
	QMP_IDLE,           /* none, or over */
	QMP_ACTIVE,         /* setup, active: memory is copied, the VM runs */
	QMP_PRE_SWITCHOVER, /* the VM stands still, QEMU waits for us */
	QMP_DEVICE,         /* the rest is copied */
	QMP_POSTCOPY,       /* it stands still soon, then runs there without the rest */
	QMP_CANCELLING,
	QMP_COMPLETED,
	QMP_FAILED, /* or cancelled */
};

#define QMP_CARDS 8

struct qmp;

/* One QEMU, for one VM. */
struct monitor {
	struct daemon *d;
	struct qmp *qmp; /* of qmp_list.c */
	struct monitor *next;
	struct model_qmp conf; /* its own copy */
	bool stale;            /* reload: in the file no more */
	bool leaves;           /* and about to be let go */

	/* qmp.c */
	int fd; /* -1: not connected */
	sd_event_source *io, *timer;
	unsigned int wait_ms; /* until the next attempt */
	bool told;            /* that it is not there */
	bool greeted, ready;
	bool mute; /* connected, and no greeting came */
	bool loud; /* was cut off, for it never stopped talking */
	char *in;
	size_t in_len, in_size, searched;
	sd_event_source *more; /* whole lines wait for their turn */
	unsigned int awaited;  /* answers */
	int64_t budget;        /* ns of our time for what it says unasked */
	uint64_t budget_at;    /* when it was so much */

	/* qmp_move.c */
	bool incoming;         /* waits for a migration to come */
	bool gated;            /* the capability is on */
	bool gate_ours;        /* QEMU has waited at it for us, and nobody else opened */
	bool gate_others;      /* somebody else uses it: it is his to open */
	sd_event_source *gate; /* whether somebody else does is to be seen */
	bool running;
	enum qmp_migration migration;
	sd_event_source *over;  /* until the old host gives up copying */
	__u16 left_for;         /* the host that its last migration went to */
	sd_event_source *never; /* until the new one gives up waiting */
	char tap[16];           /* of the VM's card; empty: unknown */
	pid_t pid;              /* who listens there, as the socket says */
	sd_event_source *soon;  /* a prepare that is still to be said */
	int64_t prepared;       /* when the last one was done; as of events */
	bool missed;            /* a notice that was refused for want of the lock */

	/* qmp_queue.c */
	sd_event_source *look;
	char *card[QMP_CARDS]; /* paths of its network cards */
	int queue;             /* of these the VM's; -1: unknown */
	__u64 reads;           /* the tap's count when it was asked */
	bool asked;            /* and has not answered */
	unsigned int looks;    /* that did not tell exactly */
};

/* ---- qmp.c ---- */

/* What a command's answer is known by. */
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
	/* Of a QEMU that knows them; see qmp_queue.c. */
	QMP_VIRTIO,
	QMP_QUEUE, /* while the guest runs */
	QMP_QUEUE_STOPPED,
	QMP_CARD, /* and QMP_CARDS - 1 more */
};

/* arguments: JSON text of an object, or NULL. */
void qmp_send(struct monitor *m, enum qmp_id id, const char *command, const char *arguments);
void qmp_log(struct monitor *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define QMP_FIRST_WAIT 20 /* ms: the incoming QEMU lives but shortly */
#define QMP_LOUD_WAIT  10 /* seconds, for one that was cut off */

/* Its timer, in ms; its connection's end; and what happens of the two. */
void qmp_wait_until(struct monitor *m, unsigned int ms);
void qmp_drop(struct monitor *m);
int qmp_on_time(sd_event_source *s, uint64_t usec, void *ctx);
int qmp_on_readable(sd_event_source *s, int fd, uint32_t revents, void *ctx);

/* ---- qmp_list.c ---- */

/* Its mute, loud or gate_others is another now: "xroam status" says so. */
void qmp_tell_wrong(struct monitor *m);
void qmp_free(struct monitor *m);

/* ---- qmp_move.c ---- */

void qmp_on_ready(struct monitor *m); /* asks what it is about */
void qmp_on_answer(struct monitor *m, enum qmp_id id, json_t *value);
/* at: when QEMU says that it was, microseconds since the epoch; 0: it does not. */
void qmp_on_event(struct monitor *m, const char *name, json_t *data, int64_t at);
void qmp_on_gone(struct monitor *m);
/* Nothing that it waited for is waited for any more. */
void qmp_forget(struct monitor *m);
/* What it could not say before is found out anew. */
void qmp_catch_up(struct monitor *m);
/* Nobody will open its gate from now on; m->gated until it has answered. */
void qmp_take_gate_away(struct monitor *m);

/* ---- qmp_queue.c ---- */

void qmp_queue_ready(struct monitor *m);
/* A move of its guest is prepared: looks at the queue now and then. */
void qmp_queue_watch(struct monitor *m);
void qmp_queue_stopped(struct monitor *m);
void qmp_queue_answer(struct monitor *m, enum qmp_id id, json_t *value);
void qmp_queue_gone(struct monitor *m);

#endif
