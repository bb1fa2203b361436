/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The daemon: one sd-event loop, and the sources that notifications come from.
 * A source watches its own kind of thing. One that hears of moves hands a struct
 * xr_notice to daemon_notice() and knows nothing of maps. A new source is one file
 * and one line in daemon_sources[].
 */
#ifndef XR_DAEMON_DAEMON_H
#define XR_DAEMON_DAEMON_H

#include <systemd/sd-event.h>
#include "model/model.h"
#include "vm/vm.h"

struct daemon {
	/*
	 * Who hears of moves adds to loop, who keeps things in order to chores: both
	 * run under the instance's lock only, see gate.c. top: the daemon's own.
	 */
	sd_event *loop, *chores, *top;
	struct plane *plane;
	const char *instance;
	const struct model *config; /* of -c FILE; NULL: none */
	bool verbose;

	struct prepared *prepared; /* prepared.c's own */

	/* run.c's own */
	const char *file;       /* -c FILE; NULL: none */
	struct model model;     /* what config points to: of the file, the sources */
	bool waits_for_devices; /* of the file, for they may be late */
	struct xr_err *err;     /* why it ended */
	int status;             /* -errno, the same */
	int claim_fd;

	/* gate.c's own */
	struct gate *gate;
	unsigned int locked; /* daemon_begin()s without their end */
	void (*goes_on)(struct daemon *d);
};

/*
 * vm_notice() under the instance's lock, after finishing what a killed command
 * left; logs what was refused. What each source calls.
 */
int daemon_notice(struct daemon *d, const struct xr_notice *n, struct xr_answer *a,
		  struct xr_err *err);

/*
 * Around whatever needs the lock. They nest. -ENODEV: the instance is gone, and the
 * daemon about to end; -EBUSY: somebody has had the lock for long, the line says who.
 */
int daemon_begin(struct daemon *d, struct xr_err *err);
void daemon_end(struct daemon *d);

/* No core, no new rights, no capability that it does not need. */
void daemon_harden(void);

int gate_open(struct daemon *d);
void gate_close(struct daemon *d);

/* A move of this VM was prepared: what is left to do beside its port. */
void prepared_watch(struct daemon *d, __u32 place);

/* One line on stderr; of a torrent of them most are left out, and counted. */
void daemon_log(struct daemon *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The same of its own life: never left out. */
void daemon_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

struct source {
	const char *name;
	/* state: the source's own. 0 where there is nothing to watch. */
	int (*start)(struct daemon *d, void **state, struct xr_err *err);
	/* d->config is another now. NULL: all the same to this source. */
	int (*reload)(struct daemon *d, void *state, struct xr_err *err);
	/* Notices were refused for want of the lock, and would not be now; or NULL. */
	void (*goes_on)(void *state);
	void (*stop)(void *state);
};

extern const struct source source_socket;        /* /run/xroam/INSTANCE.sock */
extern const struct source source_qmp;           /* a QEMU's monitor */
extern const struct source source_announcements; /* what the data plane saw */
extern const struct source source_ageing;        /* deadlines, ttls, rings */
extern const struct source source_prepared;      /* hooks and counts that may wait */
extern const struct source source_links;         /* next hops, devices that come and go */

/* Runs until SIGTERM or SIGINT; the exit status' errno. */
int daemon_run(const char *instance, const char *config, bool verbose, struct xr_err *err);

#endif
