/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of this room share. From the bottom: watch.c is the process that talks to the
 * database; rows.c keeps what it told; judge.c makes notices of it; source.c has the life.
 */
#ifndef XR_OVN_OVN_PRIV_H
#define XR_OVN_OVN_PRIV_H

#include <time.h>
#include "daemon/figures.h"
#include "ovn.h"
#include "ovsdb/ovsdb.h"

/* ---- watch.c: from the process to the daemon ---- */

enum ovn_kind {
	OVN_BEGINS, /* all that there is comes now */
	OVN_CHASSIS,
	OVN_VM,
	OVN_WHOLE, /* all has come; text: from which remote */
	OVN_NOTE,  /* text: what an operator should know; empty: nothing any more */
	OVN_LOST,  /* text: why */
};

#define OVN_TEXT 400

/* Written whole, so that a read of several has no half of one. */
struct ovn_record {
	enum ovn_kind kind;
	union {
		struct southbound_chassis chassis;
		struct southbound_vm vm;
		char text[OVN_TEXT];
	};
};

/* The process' work: never returns. */
void ovn_watch(struct daemon *d, int fd) __attribute__((noreturn));

/* ---- rows.c ---- */

#define OVN_ROWS 262144 /* of MACs that are no VM's; more have no room */

struct ovn_row {
	struct ovn_row_key {
		__u8 mac[6];
		__u16 vlan;
	} key; /* first: what the tree compares */
	struct southbound_vm word;
	struct ovn_row *queue; /* the next that waits to be judged */
	__u32 reading;         /* number of the reading in which it was told */
	struct daemon_place said;
	__u16 view_next; /* the host that it was to go to */
	bool has_view;
	bool waits;
	bool later;  /* what it says could not be carried out: to be judged again */
	bool has_vm; /* there was a VM of it when it was judged */
};

struct ovn_rows {
	void *tree; /* tsearch(3) */
	__u32 n, left_out;
	struct ovn_row *first, *last; /* those that wait */
};

/* The row; a new one where there is none. NULL: it has no room. */
struct ovn_row *ovn_row_make(struct ovn_rows *r, const struct ovn_row_key *key, bool must);
void ovn_row_remove(struct ovn_rows *r, struct ovn_row *row);
/* The row is to be judged, once. */
void ovn_row_wait(struct ovn_rows *r, struct ovn_row *row);
/* The first that waits, which does not any more; or NULL. */
struct ovn_row *ovn_row_take(struct ovn_rows *r);
/* Calls visit() with each; it must not remove any. */
void ovn_rows_visit(struct ovn_rows *r, void (*visit)(struct ovn_row *row, void *ctx), void *ctx);
void ovn_rows_free(struct ovn_rows *r);

/* ---- the source ---- */

struct ovn_place {
	struct southbound_chassis chassis; /* no 0: nothing is known */
	__u16 host;                        /* 0: it is none, or several */
	bool several;
};

struct ovn {
	struct daemon *d;
	pid_t pid; /* 0: none runs */
	int fd;
	sd_event_source *io, *timer;
	int figure;

	struct ovn_rows rows;
	struct ovn_place *place; /* by the chassis' number, from 1 */
	__u32 n_places;
	bool places_changed;
	bool any_later;   /* of the rows */
	__u32 reading;    /* number of the last reading of all */
	__u64 hosts;      /* a sum of all hosts, as they were when places were found */
	uint64_t look_at; /* when all rows are to be looked at again: daemon_clock_us() */

	bool whole;     /* all was told, and changes are */
	time_t lost_at; /* since when nothing is heard; 0: it is */
	char why[OVN_TEXT], note[OVN_TEXT];
};

/* ---- judge.c ---- */

/* Hosts are others than when ovn_find_hosts() looked last. */
bool ovn_hosts_changed(const struct ovn *o);
/* Looks which host each chassis is; where that has changed, all rows wait. */
void ovn_find_hosts(struct ovn *o);
/* The VM of the row, or VM_NOWHERE. */
__u32 ovn_vm_of(const struct ovn *o, const struct ovn_row *row);
/* Judges some of the rows that wait. true: more of them do, and it is worth while. */
bool ovn_judge(struct ovn *o);
/* All that are to be judged again are, in the next turn. */
void ovn_look_again(struct ovn *o);
/*
 * What is wrong now, for "xroam status". A row whose VM has come or gone since it was judged is
 * to be judged again.
 */
void ovn_report_faults(struct ovn *o);

#endif
