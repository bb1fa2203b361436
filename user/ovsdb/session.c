// SPDX-License-Identifier: GPL-2.0-only
/*
 * One connection: first the schema is asked for, as older ones lack columns; then what the
 * server says of itself, as a member that has lost the others, or that is behind, tells old
 * things; then the rows, and what changes of them. RFC 7047, 4.1; ovsdb-server(7).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ovsdb_priv.h"

#define DATABASE "OVN_Southbound"

/* Our questions' ids. */
enum question { ASKED_SCHEMA = 1, ASKED_SERVER, ASKED_ROWS };

struct southbound {
	struct ovsdb_stream in;
	struct ovsdb_tables tables;
	struct southbound_seen *seen;
	const struct southbound_ops *ops;
	void *ctx;
	enum question stage; /* the last that was asked */
	bool whole;
};

static void send_json(struct southbound *s, json_t *message)
{
	char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;

	if (text)
		s->ops->send(s->ctx, text, strlen(text));
	else
		s->tables.failed = true;
	free(text);
	json_decref(message);
}

static void ask(struct southbound *s, enum question q, const char *method, json_t *params)
{
	s->stage = q;
	send_json(s, json_pack("{s:s, s:o, s:i}", "method", method, "params", params, "id", q));
}

/* ---- the schema ---- */

static bool has_column(const json_t *tables, const char *table, const char *column)
{
	return json_object_get(
		json_object_get(json_object_get(json_object_get(tables, table), "columns"), column),
		"type");
}

static int take_schema(struct southbound *s, const json_t *schema, struct xr_err *err)
{
	static const char *const needed[][2] = {
		{ "Port_Binding", "logical_port" },
		{ "Port_Binding", "type" },
		{ "Port_Binding", "datapath" },
		{ "Port_Binding", "mac" },
		{ "Port_Binding", "chassis" },
		{ "Port_Binding", "options" },
		{ "Chassis", "name" },
		{ "Chassis", "hostname" },
		{ "Chassis", "encaps" },
		{ "Encap", "ip" },
		{ "Datapath_Binding", "external_ids" },
	};
	const json_t *tables = json_object_get(schema, "tables");
	struct ovsdb_columns *has = &s->tables.has;
	size_t i;

	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!has_column(tables, needed[i][0], needed[i][1]))
			return xr_fail(
				err, -EPROTO,
				"its schema has no %s.%s: it is not the southbound database of an OVN that is known",
				needed[i][0], needed[i][1]);
	has->additional = has_column(tables, "Port_Binding", "additional_chassis");
	has->requested = has_column(tables, "Port_Binding", "requested_chassis");
	has->requested_additional = has->additional &&
		has_column(tables, "Port_Binding", "requested_additional_chassis");
	/* "_Server" is in no older server than 2.9, which answers with an error. */
	ask(s, ASKED_SERVER, "monitor",
	    json_pack("[s, s, {s:{s:[s,s,s,s]}}]", "_Server", "server", "Database", "columns",
		      "name", "connected", "cid", "index"));
	return 0;
}

/* ---- what the server says of itself ---- */

static int take_server_row(struct southbound *s, const json_t *row, struct xr_err *err)
{
	const char *name = json_string_value(json_object_get(row, "name"));
	const json_t *cid = ovsdb_item(json_object_get(row, "cid"), 0);
	const char *cluster = json_string_value(json_array_get(cid, 1));
	json_int_t at = json_integer_value(ovsdb_item(json_object_get(row, "index"), 0));
	__u64 index = at > 0 ? at : 0;

	if (!name || strcmp(name, DATABASE))
		return 0;
	if (json_is_false(json_object_get(row, "connected")))
		return xr_fail(err, -ESTALE, "this member of the cluster has lost the others");
	if (!cluster || strlen(cluster) >= sizeof(s->seen->cluster))
		return 0;
	if (strcmp(s->seen->cluster, cluster)) {
		strcpy(s->seen->cluster, cluster);
		s->seen->index = 0;
	}
	if (index < s->seen->index)
		return xr_fail(err, -ESTALE, "this member of the cluster is behind the one before");
	s->seen->index = index;
	return 0;
}

static int take_server(struct southbound *s, const json_t *updates, struct xr_err *err)
{
	const char *uuid;
	json_t *both;
	int ret;

	json_object_foreach(json_object_get(updates, "Database"), uuid, both) {
		ret = take_server_row(s, json_object_get(both, "new"), err);
		if (ret)
			return ret;
	}
	return 0;
}

/* ---- rows ---- */

static json_t *port_columns(const struct ovsdb_columns *has)
{
	json_t *c = json_pack("[s,s,s,s,s,s]", "logical_port", "type", "datapath", "mac", "chassis",
			      "options");

	if (has->additional)
		json_array_append_new(c, json_string("additional_chassis"));
	if (has->requested)
		json_array_append_new(c, json_string("requested_chassis"));
	if (has->requested_additional)
		json_array_append_new(c, json_string("requested_additional_chassis"));
	return c;
}

/* Not monitor_cond: what changed comes as differences there, of sets and maps, too. */
static void ask_rows(struct southbound *s)
{
	ask(s, ASKED_ROWS, "monitor",
	    json_pack("[s, s, {s:{s:o}, s:{s:[s,s,s]}, s:{s:[s]}, s:{s:[s]}}]", DATABASE, "rows",
		      "Port_Binding", "columns", port_columns(&s->tables.has), "Chassis", "columns",
		      "name", "hostname", "encaps", "Encap", "columns", "ip", "Datapath_Binding",
		      "columns", "external_ids"));
}

static int take_all_rows(struct southbound *s, const json_t *rows, struct xr_err *err)
{
	int ret = ovsdb_tables_update(&s->tables, rows, err);

	if (ret)
		return ret;
	ovsdb_tables_note(&s->tables);
	s->whole = true;
	s->ops->whole(s->ctx);
	return 0;
}

/* ---- messages ---- */

static int take_answer(struct southbound *s, const json_t *m, struct xr_err *err)
{
	json_int_t id = json_integer_value(json_object_get(m, "id"));
	const json_t *error = json_object_get(m, "error"), *result = json_object_get(m, "result");
	const char *why = json_string_value(json_object_get(error, "error"));
	int ret = 0;

	if (id != (json_int_t)s->stage || s->whole)
		return 0; /* of a probe, or nobody's */
	if (error && !json_is_null(error) && id != ASKED_SERVER)
		return xr_fail(err, -EPROTO, "it refuses to tell of " DATABASE ": %.100s",
			       why ?: json_string_value(error) ?: "no reason given");
	switch (s->stage) {
	case ASKED_SCHEMA:
		return take_schema(s, result, err);
	case ASKED_SERVER:
		ret = take_server(s, result, err);
		if (!ret)
			ask_rows(s);
		return ret;
	case ASKED_ROWS:
		return take_all_rows(s, result, err);
	}
	return 0;
}

static int take_update(struct southbound *s, const json_t *params, struct xr_err *err)
{
	const char *of = json_string_value(json_array_get(params, 0)) ?: "";
	const json_t *updates = json_array_get(params, 1);

	if (!strcmp(of, "server"))
		return take_server(s, updates, err);
	return s->whole && !strcmp(of, "rows") ? ovsdb_tables_update(&s->tables, updates, err) : 0;
}

static int take_message(struct southbound *s, const json_t *m, struct xr_err *err)
{
	const char *method = json_string_value(json_object_get(m, "method"));
	json_t *params = json_object_get(m, "params"), *id = json_object_get(m, "id");

	if (!method)
		return take_answer(s, m, err);
	if (!strcmp(method, "echo"))
		send_json(s, json_pack("{s:O?, s:n, s:O?}", "result", params, "error", "id", id));
	else if (!strcmp(method, "update"))
		return take_update(s, params, err);
	else if (!strcmp(method, "monitor_canceled"))
		return xr_fail(err, -ESTALE, "its schema has changed: reading all");
	return 0;
}

int southbound_take(struct southbound *s, const char *data, size_t len, struct xr_err *err)
{
	int ret = ovsdb_stream_add(&s->in, data, len);
	const char *text;
	ssize_t n = 0;
	json_t *m;

	while (!ret && (n = ovsdb_stream_next(&s->in, &text)) > 0) {
		m = json_loadb(text, n, 0, NULL);
		ret = m ? take_message(s, m, err)
			: xr_fail(err, -EPROTO, "what it says is not JSON");
		json_decref(m);
	}
	if (!ret && n == -EPROTO)
		ret = xr_fail(err, n, "what it says is not JSON-RPC");
	if (!ret && n == -EMSGSIZE)
		ret = xr_fail(err, n, "a message of more than %u MiB", SOUTHBOUND_MESSAGE >> 20);
	if (!ret && s->tables.failed)
		ret = -ENOMEM;
	return ret == -ENOMEM ? xr_fail(err, ret, "out of memory") : ret;
}

void southbound_probe(struct southbound *s)
{
	send_json(s, json_pack("{s:s, s:[], s:s}", "method", "echo", "params", "id", "probe"));
}

struct southbound *southbound_new(const struct model *conf, struct southbound_seen *seen,
				  const struct southbound_ops *ops, void *ctx)
{
	struct southbound *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->seen = seen;
	s->ops = ops;
	s->ctx = ctx;
	if (ovsdb_tables_init(&s->tables, conf, ops, ctx)) {
		southbound_free(s);
		return NULL;
	}
	ask(s, ASKED_SCHEMA, "get_schema", json_pack("[s]", DATABASE));
	return s;
}

void southbound_free(struct southbound *s)
{
	if (!s)
		return;
	ovsdb_tables_free(&s->tables);
	free(s->in.data);
	free(s);
}
