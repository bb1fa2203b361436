/* SPDX-License-Identifier: GPL-2.0-only */
/* From the bottom: stream.c cuts messages, tables.c keeps rows, session.c asks. */
#ifndef XR_OVSDB_OVSDB_PRIV_H
#define XR_OVSDB_OVSDB_PRIV_H

#include <jansson.h>
#include "ovsdb.h"

/* ---- stream.c ---- */

struct ovsdb_stream {
	char *data;
	size_t len, size;
	size_t at;        /* where the first message begins */
	size_t looked_at; /* so many octets of it */
	int depth;
	bool in_text, escaped;
};

int ovsdb_stream_add(struct ovsdb_stream *s, const char *data, size_t len);
/*
 * The length of the next message, at *text until more is added; 0: its end has not come;
 * -EPROTO, -EMSGSIZE.
 */
ssize_t ovsdb_stream_next(struct ovsdb_stream *s, const char **text);

/* ---- tables.c ---- */

/* Which columns this database has that others lack. */
struct ovsdb_columns {
	bool additional, requested, requested_additional;
};

struct ovsdb_tables {
	const struct model *conf;
	const struct southbound_ops *ops;
	void *ctx;
	struct ovsdb_columns has;

	json_t *chassis, *encaps, *datapaths; /* rows by UUID */
	json_t *numbers;                      /* of chassis, by name */
	struct southbound_chassis *told;      /* by number */
	__u32 n_told;
	void *ports, *claims; /* tsearch(3): of struct port by UUID, struct claim by MAC */
	struct claim *dirty;
	bool failed; /* out of memory */
	char note[256];
};

int ovsdb_tables_init(struct ovsdb_tables *t, const struct model *conf,
		      const struct southbound_ops *ops, void *ctx);
void ovsdb_tables_free(struct ovsdb_tables *t);
/* <table-updates> of RFC 7047, 4.1.6; tells what follows from them. */
int ovsdb_tables_update(struct ovsdb_tables *t, const json_t *updates, struct xr_err *err);
/* Tells what is wrong with the database, if that is another thing than before. */
void ovsdb_tables_note(struct ovsdb_tables *t);

/* A column's value is one thing or a set: its i-th, or NULL. */
const json_t *ovsdb_item(const json_t *value, size_t i);

#endif
