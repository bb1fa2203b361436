/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of this room have of each other; the door is fdb.h. */
#ifndef XR_FDB_FDB_PRIV_H
#define XR_FDB_FDB_PRIV_H

#include "daemon/figures.h"
#include "fdb.h"
#include "net/links.h"

/* ---- table.c: what was heard of bridges' and VXLAN devices' entries ---- */

#define FDB_ROWS 262144 /* at most; about VMs that are known there may be more */
#define FDB_NONE 0xffffffffU

struct fdb_key {
	__u32 dev;  /* a bridge: the row says where the MAC is; a VXLAN device: by which VTEP */
	__u16 vlan; /* of a bridge's entry, as the kernel has it; else 0 */
	__u8 mac[6];
};

/* What the kernel says in an entry. */
struct fdb_word {
	__u32 port;    /* a bridge's: its port */
	__u16 state;   /* NUD_* */
	__u8 flags;    /* NTF_* */
	__be32 dst[4]; /* a VXLAN device's: the VTEP */
};

struct fdb_row {
	struct fdb_key key;
	struct fdb_word word;
	__u32 next;               /* of the same hash, or the next free one */
	__u32 queue;              /* the next that waits to be judged */
	__u32 dump;               /* number of the last dump in which it was seen */
	__u32 heard;              /* and of that during which a change of it was told */
	struct daemon_place said; /* a bridge's */
	bool there;               /* the kernel has it; else only what was said is kept */
	bool waits;
	bool later; /* what it says could not be carried out: to be judged again */
};

struct fdb_table {
	struct fdb_row *row;
	__u32 *head; /* by hash */
	__u32 n, size, free;
	__u32 first, last; /* those that wait */
	__u32 left_out;    /* had no room since the last dump */
	__u64 secret[2];
};

int fdb_table_init(struct fdb_table *t);
void fdb_table_free(struct fdb_table *t);
/* The row, or FDB_NONE. */
__u32 fdb_find(const struct fdb_table *t, const struct fdb_key *key);
/* The same; a new row where there is none. must: also beyond FDB_ROWS. FDB_NONE: no room. */
__u32 fdb_make(struct fdb_table *t, const struct fdb_key *key, bool must);
void fdb_remove(struct fdb_table *t, __u32 row_index);
/* The row is to be judged, once. */
void fdb_wait(struct fdb_table *t, __u32 row_index);
/* The first that waits, which does not any more; or FDB_NONE. */
__u32 fdb_take(struct fdb_table *t);

/* ---- the source ---- */

/* A bridge that is watched. */
struct fdb_bridge {
	struct model_fdb conf;
	__u32 ifindex; /* 0: there is none of that name */
	bool filters;  /* it knows VLANs */
	int figure;
};

struct fdb {
	struct daemon *d;
	struct mnl_socket *nl;
	sd_event_source *io, *timer;
	struct fdb_bridge *bridge;
	size_t n_bridges;
	struct fdb_table table;
	struct links links; /* as last read */
	__u32 vms;          /* how many there were when they were looked at last */

	/* When it is due, on daemon_clock_us()'s clock; 0: it is not. */
	uint64_t links_due, dump_due, retry_due;
	uint64_t links_not_before, dump_not_before;
	bool all_read;         /* no messages wait */
	uint64_t behind_since; /* they do, and rows to be judged with them; 0: no */
	uint64_t dump_began, dump_pause;
	__u32 dump;   /* number of the last dump */
	bool dumping; /* its answers are coming */
	bool lost;    /* messages were lost since it began */
};

/* ---- hear.c: from messages to rows ---- */

/* Reads what came, of a lot a part. true: all of it. */
bool fdb_hear(struct fdb *f);
/*
 * All entries are asked for. Not while messages wait: a socket that had no room for some
 * drops all that follow, without another word, until it has been read to its end.
 */
void fdb_ask_dump(struct fdb *f);
/* Devices anew; asks for a dump where a bridge or VXLAN device is another than before. */
void fdb_read_links(struct fdb *f);

/* ---- judge.c: what a row means, and what is to be said of it ---- */

/* The bridge's VM of the row; VM_NOWHERE: none is known. */
__u32 fdb_vm_of(const struct fdb *f, const struct fdb_row *row, const struct fdb_bridge **bridge);
/* The host where the row has its MAC; 0: it does not tell. */
__u16 fdb_place(const struct fdb *f, const struct fdb_row *row);
/* Judges some of the rows that wait. true: more of them do. */
bool fdb_judge(struct fdb *f);
/* All that are to be judged again are, in the next turn. */
void fdb_look_again(struct fdb *f);
/* All rows of VMs that were not looked at yet are to be judged. */
void fdb_look_at_new(struct fdb *f);
/* What is wrong now, for "xroam status". */
void fdb_report_faults(struct fdb *f);

#endif
