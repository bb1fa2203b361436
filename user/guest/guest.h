/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VM's network card and its moves, as what runs the VM tells of them: QEMU's own monitor
 * (qmp/), or libvirt (domains/). Whoever hears of an event hands it to guest_on_event() or
 * to what is below that; the notices that follow from it are posted here.
 */
#ifndef XR_GUEST_GUEST_H
#define XR_GUEST_GUEST_H

#include <jansson.h>
#include <sys/types.h>
#include "daemon/daemon.h"
#include "lib/chains.h"

/* QEMU's MigrationStatus, as far as it matters. */
enum guest_migration {
	GUEST_IDLE,           /* none, or over */
	GUEST_SETUP,          /* it begins; where it comes to, it is only waited for */
	GUEST_ACTIVE,         /* memory is copied, the VM runs */
	GUEST_PRE_SWITCHOVER, /* the VM stands still, QEMU waits at its gate */
	GUEST_DEVICE,         /* the rest is copied */
	GUEST_POSTCOPY,       /* it stands still soon, then runs there without the rest */
	GUEST_CANCELLING,
	GUEST_COMPLETED,
	GUEST_FAILED, /* or cancelled */
};

#define GUEST_CARDS 8 /* of a QEMU; the VM's may be any of them */

/* What QEMU is asked about the guest's queue; newer ones alone know the commands. */
enum guest_question {
	GUEST_VIRTIO,
	GUEST_QUEUE, /* while the guest runs */
	GUEST_QUEUE_STOPPED,
	GUEST_CARD, /* and GUEST_CARDS - 1 more */
};

struct guest;

/* What only its owner can do. Each may be NULL: it does nothing. */
struct guest_ops {
	/*
	 * Sends QEMU a command, whose answer goes to guest_queue_answer(). arguments: JSON
	 * text of an object, or NULL.
	 */
	void (*ask)(struct guest *g, enum guest_question question, const char *command,
		    const char *arguments);
	void (*gate_reached)(struct guest *g); /* a migration waits there */
	void (*gate_passed)(struct guest *g);  /* it does not, or no longer */
	void (*failed)(struct guest *g);       /* a migration from here has */
	void (*runs)(struct guest *g);         /* the VM runs, here */
	/*
	 * Whether the host that it goes to tells this daemon itself when the VM runs there.
	 * host: empty for this machine, whatever it is called.
	 */
	bool (*is_told_by)(struct guest *g, const char *host);
};

struct guest {
	/* The owner's. The strings are its, too. */
	struct daemon *d;
	const struct guest_ops *ops;
	enum xr_source source;
	struct daemon_peer peer; /* whom the audit names */
	struct chain by_vm;      /* among its, by guest_key() */
	__u8 mac[6];
	__u16 vlan;
	const char *to;   /* the host that it goes to; empty: another notice names it */
	const char *host; /* where this is; empty: this machine */
	bool role_given;  /* incoming does not change when the VM has come */
	char tap[16];     /* of its card; empty: unknown */
	bool tap_is_new;  /* the next tap of the VM has another name */
	pid_t pid;        /* of its QEMU; 0: unknown */
	bool incoming;    /* waits for a migration to come */
	bool running;
	enum guest_migration migration;

	/* This room's. */
	__u16 left_for;                 /* the host that its last migration went to; 0: none */
	bool paused;                    /* it was here as it stopped, and is about to go nowhere */
	int64_t prepared_at;            /* microseconds since the epoch */
	sd_event_source *prepare_defer; /* a prepare that is still to be posted */
	sd_event_source *hand_over_timer; /* until the old host stops copying frames */
	sd_event_source *failed_timer;    /* until the new host stops waiting ... */
	__u32 failed_deadline;            /* ... for the move that had this one then */
	bool notice_missed;               /* one was refused because there was no lock */

	/* queue.c */
	sd_event_source *sample_timer;
	char *card[GUEST_CARDS]; /* QOM paths of its network cards */
	int vm_card;             /* which of these is the VM's; -1: unknown */
	__u64 reads;             /* the tap's count when the queue was asked for */
	bool sample_due;         /* asked for, and not answered */
	unsigned int samples;    /* in a row that were not exact */
};

/* To the log, with the source's word and the peer's name before it. */
void guest_log(struct guest *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- events ---- */

/*
 * QEMU's, by its name; others do nothing. data: may be NULL. at: microseconds since the
 * epoch, as QEMU says; 0: it does not say.
 */
void guest_on_event(struct guest *g, const char *name, json_t *data, int64_t at);
/* The migration is this far. */
void guest_on_migration(struct guest *g, enum guest_migration migration);
void guest_on_resume(struct guest *g);
void guest_on_stop(struct guest *g, int64_t at);
/* What ran it, or would have, is no more. Something may be posted later, unless forgotten. */
void guest_on_gone(struct guest *g);
bool guest_has_more(const struct guest *g);
/* Of QEMU's name for a status. unknown: what to return for a name that is none. */
enum guest_migration guest_migration_of(const char *status, enum guest_migration unknown);

/*
 * Posts what the events would have led to that nobody heard: incoming, running and
 * migration say how things stand.
 */
void guest_catch_up(struct guest *g);
/* The same where notices were missed because there was no lock; false: none were. */
bool guest_missed_notices(struct guest *g);
/* A prepare, when nothing more urgent is left to do. */
void guest_prepare_soon(struct guest *g);
/* The VM runs, or will run here, and did not come from elsewhere: it is added if unknown. */
void guest_add(struct guest *g);
/* It is shut down here: where the same source added it, and nothing came since, it leaves. */
void guest_left(struct guest *g);
/* Whatever brought the VM elsewhere: it runs at that host. */
void guest_is_still_at(struct guest *g, __u16 host);
/* This is so of it; see struct source. */
bool guest_says(const struct guest *g, enum vm_word word, __u16 host);
/* The VM is at another host by the instance's tables, and no move of it is under way. */
bool guest_is_elsewhere(const struct guest *g);

/* Memory is being sent or received, or the VM stands still for the end of that. */
bool guest_in_migration(const struct guest *g);

/* ---- the guest's queue ---- */

/* QEMU takes commands, from now on. */
void guest_queue_ready(struct guest *g);
/* What was asked will not be answered. */
void guest_queue_forget(struct guest *g);
void guest_queue_answer(struct guest *g, enum guest_question question, json_t *value);

/* ---- its life ---- */

/* What its owner does not fill in; the rest is 0 at first. */
void guest_init(struct guest *g);
/* Its VM's key. */
__u64 guest_key(const struct guest *g);
/* The first of all that are that VM's, and the next after g. NULL: there is none. */
struct guest *guest_first(const struct chains *by_vm, __u64 vm_key);
struct guest *guest_next(const struct guest *g);
/* Stops all timers. Nothing is posted. */
void guest_forget(struct guest *g);

#endif
