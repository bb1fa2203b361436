/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The daemon, as its sources see it: loops, the instance under its lock, notices, a log.
 *
 * A source watches one kind of thing. One that hears of moves hands each of them as a
 * struct xr_notice to daemon_post_notice() and knows nothing of maps. A new source is
 * a file with a struct source, and a line in the table of source/run.c.
 */
#ifndef XR_DAEMON_DAEMON_H
#define XR_DAEMON_DAEMON_H

#include <systemd/sd-event.h>
#include "audit/audit.h"
#include "model/model.h"
#include "vm/vm.h"

#define DAEMON_PROBLEMS 16 /* owners of problems */

struct daemon {
	/*
	 * What is added to moves or chores runs under the instance's lock, see lock.c.
	 * moves: sources that hear of moves. chores: those that keep things in order.
	 * top: the daemon's own, without the lock.
	 */
	sd_event *moves, *chores, *top;
	struct plane *plane;
	const char *instance;
	const char *file;   /* -c FILE; NULL: none */
	struct model model; /* of that file what sources need; empty where there is none */
	bool verbose;

	int claim_fd;           /* makes it the instance's one daemon; -1: not claimed yet */
	bool waits_for_devices; /* the file's, which may come late at boot */
	int status;             /* -errno that the daemon ends with ... */
	struct xr_err *err;     /* ... and why */

	/* sources.c's own */
	const struct source *const *sources; /* up to a NULL */
	void **states;                       /* of each */
	size_t n_started;

	struct figures *figures; /* what is measured; see figures.h */

	/* problems.c's own */
	struct daemon_problems {
		const char *owner;
		char *lines;
	} problems[DAEMON_PROBLEMS];
	char metrics[METRICS_ADDRESS]; /* where they are served; "": nowhere */

	/* lock.c's own */
	struct daemon_lock *lock;
	uint64_t turn_began; /* when the turn that runs now asked for the lock: daemon_clock_us() */
	unsigned int held;   /* daemon_begin()s without their end; others may look */
};

enum vm_word {
	VM_RUNS,     /* at that host, which it is not about to leave */
	VM_NOT_LEFT, /* it runs there, which it may be about to leave */
	VM_MOVES, /* from or to any, and is not there yet; one that only waits for it says nothing */
};

struct source {
	const char *name;
	/* *state: the source's own. 0, also where there is nothing to watch; or -errno. */
	int (*start)(struct daemon *d, void **state, struct xr_err *err);
	void (*stop)(void *state);

	/* The rest may be NULL: the source does not care. */

	/* d->model is another now. */
	int (*reload)(struct daemon *d, void *state, struct xr_err *err);
	/* Notices were refused because somebody else had the lock, and no longer are. */
	void (*lock_is_back)(void *state);
	/* A move of this VM was prepared. Called under the lock. */
	void (*prepared)(void *state, __u32 vm_index);
	/* So it hears from the VM's hypervisor now, not once. Called under the lock. */
	bool (*says)(void *state, enum vm_word word, __u64 vm_key, __u16 host);
	/* This VM is at another host, e->host, as its event tells. Called under the lock. */
	void (*moved)(void *state, const struct xr_event *e, __u32 vm_index);
};

/* ---- sources.c: the table's hooks, each of all sources that run ---- */

/* Up to the first that fails; daemon_stop_sources() stops those before it, last first. */
int daemon_start_sources(struct daemon *d, struct xr_err *err);
void daemon_stop_sources(struct daemon *d);
/* Logs what goes wrong. */
void daemon_reload_sources(struct daemon *d);
void daemon_lock_is_back(struct daemon *d);
void daemon_prepared(struct daemon *d, __u32 vm_index);
/* Of any source; see there. */
bool daemon_vm_says(struct daemon *d, enum vm_word word, __u64 vm_key, __u16 host);
/* That it runs where the instance has it. */
bool daemon_vm_runs_here(struct daemon *d, __u32 vm_index);
/* The same, or it is about to leave. */
bool daemon_vm_is_here(struct daemon *d, __u32 vm_index);
/* Either, or the instance has it move: what was refused then is looked at again after that. */
bool daemon_vm_is_held(struct daemon *d, __u32 vm_index);
void daemon_moved(struct daemon *d, const struct xr_event *e, __u32 vm_index);

/* ---- notice.c ---- */

/* Whom a notice is from: the process at the other end of a Unix socket, fd; or the kernel. */
struct daemon_peer {
	enum audit_via via;
	bool is_kernel;
	int fd;           /* -1: it has gone */
	const char *what; /* what the audit calls it, before its name */
};

/*
 * vm_notice() under the instance's lock; logs a refusal or a warning, and has it audited.
 * *a is filled where it returns 0. Errors as of vm_notice() and daemon_begin().
 */
int daemon_post_notice(struct daemon *d, const struct xr_notice *n, const struct daemon_peer *from,
		       struct xr_answer *a, struct xr_err *err);

/* ---- place.c ---- */

/* What a source of the fabric's has said of a VM. All zero: nothing. */
struct daemon_place {
	__u16 host;     /* where it had it last; 0: nowhere yet */
	bool outranked; /* what it says was refused ... */
	bool held;      /* ... for as long as the VM moves, or its hypervisor has it where it is */
};

/*
 * The source has the VM at that host, 0: at none that is known. false: this cannot be carried
 * out now, and is to be told again.
 */
bool daemon_tell_place(struct daemon *d, struct daemon_place *said, __u32 vm_index, __u16 host,
		       enum xr_source source, const struct daemon_peer *from);

/* ---- lock.c ---- */

/*
 * The instance's lock, around whatever needs it; they nest. -ENODEV: the instance is
 * gone, and the daemon about to end; -EBUSY: somebody else has had the lock for long,
 * and the line tells who. err may be NULL.
 */
int daemon_begin(struct daemon *d, struct xr_err *err);
void daemon_end(struct daemon *d);
/* As daemon_begin(), and logs why there is no lock, but at the daemon's end. */
int daemon_begin_logged(struct daemon *d);

/* Makes d->moves and d->chores, in d->top. A negative errno where it fails. */
int daemon_lock_open(struct daemon *d);
void daemon_lock_close(struct daemon *d);

/* ---- problems.c ---- */

/*
 * What is wrong now with what the owner, a constant, has to do with: lines, each with
 * its newline, which "xroam status" shows; "": nothing. They replace those before.
 */
void daemon_set_problems(struct daemon *d, const char *owner, const char *lines);
void daemon_free_problems(struct daemon *d);
/* Where metrics are served now, which "xroam status" shows; "": nowhere. */
void daemon_set_metrics(struct daemon *d, const char *where);
/* Such lines, as they are collected: { .used = 0 } is none. */
struct problem_lines {
	char text[3000];
	size_t used;
};
/* One more, to which a newline is added; left out where it has no room. */
void problem_add(struct problem_lines *l, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- log.c ---- */

/* One line on stderr. Of more than 20 a second the rest is left out, and counted. */
void daemon_log(struct daemon *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The same for what happens to the daemon itself: never left out. */
void daemon_log_always(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---- child.c ---- */

/*
 * A child process, which ends with the daemon and has neither its locks nor its claim, and a
 * pipe from it: *fd is its end of each. The pid, 0 in the child; or -errno.
 */
pid_t daemon_fork(struct daemon *d, int *fd);

/* ---- harden.c ---- */

/* No core file, no new rights, only the capabilities that it needs. */
void daemon_harden(void);
/* Gives up all capabilities but these, for good. */
void daemon_keep_capabilities(const unsigned int *caps, size_t n);

/* ---- timer.c ---- */

/* The loops count microseconds. */
#define US_PER_MS     1000ULL
#define US_PER_SECOND 1000000ULL

/* CLOCK_MONOTONIC, now. */
uint64_t daemon_clock_us(void);

/* Once, so long from now, or at that time. A negative errno where it fails. */
int timer_in_us(sd_event_source *timer, uint64_t us);
int timer_at_us(sd_event_source *timer, uint64_t when);

#endif
