/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who changed what: to the journal, with a field for each fact, and to the event ring.
 * An entry is made when the change has taken effect, or was refused. What a killed process
 * did not record any more, its CHANGE events in the ring still say.
 */
#ifndef XR_AUDIT_AUDIT_H
#define XR_AUDIT_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include "plane/plane.h"

/* How somebody asked. The numbers are in the event ring. */
enum audit_via {
	AUDIT_COMMAND = 1, /* a command line */
	AUDIT_SOCKET,      /* a client of the daemon's socket */
	AUDIT_QMP,         /* a QEMU's monitor */
	AUDIT_FILE,        /* the daemon's file, at its start or by SIGHUP */
	AUDIT_DAEMON,      /* the daemon by itself: health, time */
	AUDIT_LIBVIRT,     /* a libvirt, by the daemon's own process for it */
	AUDIT_ETCD,        /* the cluster's truth */
	AUDIT_FDB,         /* a bridge's table, in the kernel */
	AUDIT_OVN,         /* its southbound database */
};

const char *audit_via_word(unsigned int via); /* "?" for a number that is none */

struct audit_actor {
	enum audit_via via;
	__u32 pid, uid;
	__u32 login_uid;   /* PROCESS_NOBODY: not known */
	char command[512]; /* the command line, or what the peer is called; fit to print */
};

/* This process, by its command line; argc 0: without one. */
void audit_self(struct audit_actor *a, enum audit_via via, int argc, char **argv);
/* Another process, as "what NAME: with"; pid 0: it is not known. with: NULL for none. */
void audit_process(struct audit_actor *a, enum audit_via via, __u32 pid, __u32 uid,
		   const char *what, const char *with);
/* The process at the other end of a Unix socket (SO_PEERCRED); what: "client", "QEMU". */
void audit_peer(struct audit_actor *a, enum audit_via via, int fd, const char *what);

/*
 * What takes the journal's fields, as sd_journal_sendv() does; NULL, as at first: there
 * is no journal. It is called only where the journal would take an entry without waiting.
 */
void audit_to(int (*journal)(const struct iovec *fields, int n));
/* Whether there is a journal to write to. */
bool audit_has_journal(void);

struct audit_entry {
	const struct audit_actor *by;
	const char *instance;
	const char *const *changes; /* lines as commit_models() has them */
	size_t n_changes;           /* AUDIT_CHANGES at most */
	size_t more_changes;        /* that are not in the list */
	const char *refused;        /* why it was refused or failed; NULL: it was done */
};

#define AUDIT_CHANGES 256

/* Writes the entry. p: NULL where the instance is not open: its ring is found by name. */
void audit_post(struct plane *p, const struct audit_entry *e);

/*
 * For entries that others cause as fast as they like: whether there is one more to be
 * written in this second. What there is not is counted, and the next entry says how many
 * (XROAM_LEFT_OUT); audit_flush(), to be called each second, writes one where none comes. Both
 * do the same for entries of this process that the journal did not take.
 */
bool audit_may_post(bool refused);
void audit_flush(struct plane *p, const char *instance);

/* ---- one entry for all that this process changes ---- */

/* From now on each change of this process is kept. The actor is copied. */
void audit_begin(const struct audit_actor *by);
/*
 * Whether a failure of this process is a refused change; without it, that is so where it
 * has opened an instance to change it.
 */
void audit_intend(bool to_change);
/* A line of what was changed that no event has. */
void audit_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Writes the entry, if there is anything to write. refused: as in struct audit_entry. */
void audit_end(const char *instance, const char *refused);

#endif
