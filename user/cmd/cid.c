// SPDX-License-Identifier: GPL-2.0-only
/* xroam cid: how connection IDs name servers. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xroam/cid.h>

#include "config/config.h"
#include "edit_priv.h"
#include "model/model_edit.h"
#include "plane/stats.h"
#include "plane/server_ids.h"

static const char notes[] =
	"A key file holds 32 hex digits or 16 octets and must be its owner's alone;\n"
	"\"-\" reads standard input. With a key quic-lb is encrypted, else in clear.\n"
	"Lengths are in octets; where the format has its own they may be left out.\n";

#define SAMPLE_US 1000000 /* how long traffic is watched before a deletion */

static int take_id(struct args *a, __u8 *id)
{
	__u64 n;
	int ret;

	a->key = "config ID";
	ret = args_u64(a, 0, XR_CODEPOINTS - 1, &n);
	if (!ret)
		*id = n;
	return ret;
}

/* ---- add, del ---- */

static int edit_add(struct model *m, void *ctx, struct xr_err *err)
{
	struct model_cid *c = model_grow(&m->cids, &m->n_cids, sizeof(*c));

	if (!c)
		return xr_fail(err, -ENOMEM, "out of memory");
	*c = *(struct model_cid *)ctx;
	return 0;
}

static const char *const formats[] = {
#define X(name, word, bits, first, last, offset, sid, nonce, key) word,
	XR_CID_FORMATS(X)
#undef X
		NULL
};

static int take_key(struct args *a, void *to)
{
	struct xr_cid_info *info = to;
	char *path = args_need(a, "key-file: a file, or \"-\",");
	struct xr_err err;

	if (!path)
		return EXIT_USAGE;
	if (config_read_key(path, info->key, sizeof(info->key), &err))
		return cmd_fail(&err);
	info->has_key = 1;
	return 0;
}

static int add(int argc, char **argv)
{
	enum { FORMAT };
	/* clang-format off */
#define TO(member) ARGS_TO(struct xr_cid_info, member)
	static const struct args_key keys[] = {
		{ "format", ARGS_WORD, TO(format), .words = formats },
		{ "server-id-length", ARGS_NUMBER, TO(sid_len), 1, XR_SID_MAX },
		{ "nonce-length", ARGS_NUMBER, TO(nonce_len), 0, XR_CID_BLOCK_MAX },
		{ "key-file", ARGS_OTHER, .take = take_key },
		{ "offset", ARGS_NUMBER, TO(offset), 0, XR_CID_MAX - 1 },
		{ 0 }
	};
#undef TO
	/* clang-format on */
	struct args args = args_after(argc, argv);
	struct args_given g = { .often = ARGS_ALL };
	struct model_cid c = { .info.used = 1 };
	struct xr_cid_info *i = &c.info;
	int ret = take_id(&args, &i->config_id);

	if (!ret)
		ret = args_take(&args, keys, i, &g);
	if (!ret && !args_has(&g, FORMAT))
		ret = cmd_usage("cid add: format FORMAT is missing");
	if (!ret) {
		xr_cid_defaults(i->format, &i->sid_len, &i->nonce_len, &i->offset);
		ret = cmd_edit(PLANE_CREATE, EDIT_LITTLE, edit_add, &c);
	}
	explicit_bzero(&c, sizeof(c));
	return ret;
}

/*
 * The config that a command names. Two configs may have the same ID where their
 * formats differ (these take different codepoints); then the format has to be given.
 */
struct which {
	__u8 id;
	bool has_format;
	__u8 format;
	bool force; /* del: even if packets come by it */
};

struct configs {
	const struct xr_cid_info *item[XR_CID_SLOTS];
	size_t n;
};

static void list_of_model(const struct model *m, struct configs *c)
{
	for (c->n = 0; c->n < m->n_cids && c->n < XR_CID_SLOTS; c->n++)
		c->item[c->n] = &m->cids[c->n].info;
}

static void list_of_plane(const struct plane *p, struct configs *c)
{
	int s;

	for (c->n = 0, s = 1; s < XR_CID_SLOTS; s++)
		if (p->cid_info[s].used)
			c->item[c->n++] = &p->cid_info[s];
}

/* NULL, with the error in err (may be NULL): no config fits, or several do. */
static const struct xr_cid_info *find_config(const struct configs *c, const struct which *w,
					     struct xr_err *err)
{
	const struct xr_cid_info *found = NULL, *i;
	size_t k;

	for (k = 0; k < c->n; k++) {
		i = c->item[k];
		if (i->config_id != w->id || (w->has_format && i->format != w->format))
			continue;
		if (found) {
			xr_fail(err, -EINVAL,
				"CID config %u is there as %s and as %s: say which (format %s)",
				w->id, xr_cid_format_word(found->format),
				xr_cid_format_word(i->format), xr_cid_format_word(found->format));
			return NULL;
		}
		found = i;
	}
	if (!found)
		xr_fail(err, -ENOENT,
			"there is no CID config %u%s%s; \"xroam cid show\" lists them", w->id,
			w->has_format ? " of format " : "",
			w->has_format ? xr_cid_format_word(w->format) : "");
	return found;
}

static int edit_del(struct model *m, void *ctx, struct xr_err *err)
{
	const struct xr_cid_info *found;
	struct configs all;
	size_t i;

	list_of_model(m, &all);
	found = find_config(&all, ctx, err);
	if (!found)
		return -ENOENT;
	for (i = 0; &m->cids[i].info != found; i++)
		;
	model_drop(m->cids, &m->n_cids, sizeof(*m->cids), i);
	return 0;
}

/* Packets whose CID named a server by this config, be the server up or down. */
static int count_packets(struct plane *p, const struct xr_cid_info *i, __u64 *packets)
{
	struct stats_steered s;
	int ret = stats_steered(p, xr_cid_codepoints(i->format, i->config_id), &s);

	*packets = s.by_cid + s.down;
	return ret ? cmd_refuse("reading counters: %s", strerror(-ret)) : EXIT_DONE;
}

/* Refuses where packets still come by the config. A missing config is edit_del()'s error. */
static int check_unused(const struct which *w)
{
	const struct xr_cid_info *i;
	struct configs all;
	__u64 before = 0, after = 0;
	struct plane *p;
	int ret = cmd_open(&p, PLANE_READ);

	if (ret)
		return ret;
	list_of_plane(p, &all);
	i = find_config(&all, w, NULL);
	if (i)
		ret = count_packets(p, i, &before);
	/* Where no packet ever came there is nothing to wait for. */
	if (!ret && before) {
		usleep(SAMPLE_US);
		ret = count_packets(p, i, &after);
	}
	plane_close(p);
	if (!ret && after > before)
		ret = cmd_refuse(
			"CID config %u is in use: %llu packets in %u s came by it, and would lose their servers; delete it when servers mint no more CIDs of it, or write \"xroam cid del %u force\"",
			w->id, (unsigned long long)(after - before), SAMPLE_US / 1000000, w->id);
	return ret;
}

static int del(int argc, char **argv)
{
	enum { FORMAT };
	static const struct args_key keys[] = {
		{ "format", ARGS_WORD, ARGS_TO(struct which, format), .words = formats },
		{ "force", ARGS_FLAG, ARGS_TO(struct which, force) },
		{ 0 }
	};
	struct args args = args_after(argc, argv);
	struct args_given g = { .often = ARGS_ALL };
	struct which w = { .has_format = false };
	int ret = take_id(&args, &w.id);

	if (!ret)
		ret = args_take(&args, keys, &w, &g);
	w.has_format = args_has(&g, FORMAT);
	if (!ret && !w.force)
		ret = check_unused(&w);
	return ret ? ret : cmd_edit(PLANE_CHANGE, EDIT_LITTLE, edit_del, &w);
}

/* ---- show ---- */

static const char *mode_word(const struct xr_cid_info *i)
{
	static const char *const words[] = {
		[XR_CID_CLEAR] = "clear",
		[XR_CID_SINGLE] = "single-pass",
		[XR_CID_FOUR] = "four-pass",
	};
	struct xr_cid_layout l;

	if (xr_cid_layout_init(&l, i->format, i->sid_len, i->nonce_len, i->offset, i->has_key))
		return "?";
	return words[l.mode];
}

static json_t *show_json(const struct xr_cid_info *i, const struct stats_steered *s)
{
	return json_pack("{s:i, s:s, s:s, s:i, s:i, s:i, s:s?, s:I, s:I, s:I}", "config_id",
			 i->config_id, "format", xr_cid_format_word(i->format), "mode",
			 mode_word(i), "server_id_length", i->sid_len, "nonce_length", i->nonce_len,
			 "offset", i->offset, "key", i->has_key ? "(hidden)" : NULL, "by_cid",
			 (json_int_t)s->by_cid, "down", (json_int_t)s->down, "astray",
			 (json_int_t)s->astray);
}

static void show_row(struct table *t, const struct xr_cid_info *i, const struct stats_steered *s)
{
	table_cell(t, "%u", i->config_id);
	table_cell(t, "%s", xr_cid_format_word(i->format));
	table_cell(t, "%s", mode_word(i));
	table_cell(t, "%u", i->sid_len);
	table_cell(t, "%u", i->nonce_len);
	table_cell(t, "%u", i->offset);
	table_cell(t, "%s", i->has_key ? "(hidden)" : "none");
	table_cell(t, "%llu", (unsigned long long)s->by_cid);
	table_cell(t, "%llu", (unsigned long long)s->astray);
}

static int show(int argc, char **argv)
{
	static const char *const headings[] = {
		"CONFIG-ID", "FORMAT", "MODE",   "SERVER-ID-LENGTH", "NONCE-LENGTH",
		"OFFSET",    "KEY",    "BY-CID", "ASTRAY",           NULL
	};
	struct args args = args_after(argc, argv);
	struct table *t;
	struct plane *p;
	struct model m;
	json_t *list;
	size_t i;
	int ret = args_end(&args);

	if (!ret)
		ret = cmd_load_model(&p, &m);
	if (ret)
		return ret;
	t = table_new(headings);
	list = json_array();
	for (i = 0; i < m.n_cids; i++) {
		const struct xr_cid_info *info = &m.cids[i].info;
		struct stats_steered s;

		/* On an error the counters are zero. */
		stats_steered(p, xr_cid_codepoints(info->format, info->config_id), &s);
		if (opt.json)
			json_array_append_new(list, show_json(info, &s));
		else
			show_row(t, info, &s);
	}
	model_free(&m);
	plane_close(p);
	return out_list(list, t);
}

/* ---- encode, decode ---- */

static int new_codec(struct xr_cid **codec, const struct xr_cid_info *i, const __u8 *sid)
{
	const struct xr_cid_params params = {
		.format = i->format,
		.config_id = i->config_id,
		.sid_len = i->sid_len,
		.nonce_len = i->nonce_len,
		.offset = i->format == XR_CID_PLAIN ? i->offset : 0,
		.key = i->has_key ? i->key : NULL,
		.sid = sid,
	};
	int e = xr_cid_new(codec, &params);

	return e ? cmd_refuse("CID config %u: %s", i->config_id, xr_cid_strerror(e)) : EXIT_DONE;
}

struct encode_args {
	struct which which;
	__u8 sid[XR_CID_MAX], nonce[XR_CID_MAX];
	size_t sid_len, nonce_len;
};

static int take_sid(struct args *a, void *to)
{
	struct encode_args *e = to;

	return args_hex(a, e->sid, sizeof(e->sid), &e->sid_len);
}

static int take_nonce(struct args *a, void *to)
{
	struct encode_args *e = to;

	return args_hex(a, e->nonce, sizeof(e->nonce), &e->nonce_len);
}

static int parse_encode(int argc, char **argv, struct encode_args *e)
{
	enum { SERVER_ID, NONCE, FORMAT };
	static const struct args_key keys[] = { { "server-id", ARGS_OTHER, .take = take_sid },
						{ "nonce", ARGS_OTHER, .take = take_nonce },
						{ "format", ARGS_WORD,
						  ARGS_TO(struct encode_args, which.format),
						  .words = formats },
						{ 0 } };
	struct args args = args_after(argc, argv);
	struct args_given g = { .often = ARGS_ALL };
	int ret = take_id(&args, &e->which.id);

	if (!ret)
		ret = args_take(&args, keys, e, &g);
	e->which.has_format = args_has(&g, FORMAT);
	if (!ret && !e->sid_len)
		ret = cmd_usage("cid encode: server-id HEX is missing");
	return ret;
}

static int encode_with(const struct xr_cid_info *i, const struct encode_args *e)
{
	char hex[2 * XR_CID_MAX + 1];
	__u8 cid[XR_CID_MAX];
	struct xr_cid *codec;
	size_t len;
	int ret, err;

	if (e->sid_len != i->sid_len)
		return cmd_refuse("CID config %u has server IDs of %u octets, not %zu",
				  i->config_id, i->sid_len, e->sid_len);
	if (e->nonce_len && e->nonce_len != i->nonce_len)
		return cmd_refuse("CID config %u has nonces of %u octets, not %zu", i->config_id,
				  i->nonce_len, e->nonce_len);
	ret = new_codec(&codec, i, e->sid);
	if (ret)
		return ret;
	len = xr_cid_min_len(codec);
	err = xr_cid_encode(codec, e->sid, e->nonce_len ? e->nonce : NULL, cid, len);
	xr_cid_free(codec);
	if (err)
		return cmd_refuse("CID config %u: %s", i->config_id, xr_cid_strerror(err));
	if (opt.json)
		return out_json(json_pack("{s:o}", "cid", json_hex(cid, len)));
	puts(text_hex(hex, sizeof(hex), cid, len));
	return EXIT_DONE;
}

static int encode(int argc, char **argv)
{
	struct encode_args e = { .sid_len = 0 };
	const struct xr_cid_info *i;
	struct xr_err err = { "" };
	struct configs all;
	struct plane *p;
	int ret = parse_encode(argc, argv, &e);

	if (!ret)
		ret = cmd_open(&p, PLANE_READ);
	if (ret)
		return ret;
	list_of_plane(p, &all);
	i = find_config(&all, &e.which, &err);
	ret = i ? encode_with(i, &e) : cmd_fail(&err);
	plane_close(p);
	return ret;
}

/*
 * What a CID decodes to, and why it is not routable: the counters' words for it. Not
 * cid-not-here: no VIP is named.
 */
struct verdict {
	const struct xr_cid_info *config;
	struct xr_cid_parsed parsed;
	const struct xr_backend_info *backend;
	const char *word, *text; /* the reason; NULL: it is routable */
};

static void find_server(struct plane *p, const __u8 *cid, size_t len, struct verdict *v)
{
	const struct sid_store ids = plane_server_ids(p);
	const struct xr_cid_info *i;
	struct xr_cid *codec;
	__u16 backend;
	int s, e;

	for (s = 1; s < XR_CID_SLOTS; s++) {
		i = &p->cid_info[s];
		if (i->used && xr_cid_codepoints(i->format, i->config_id) >> (cid[0] >> 5) & 1)
			v->config = i;
	}
	v->word = "cid-no-config";
	v->text = "its config ID is not configured";
	if (!v->config || new_codec(&codec, v->config, NULL))
		return;
	e = xr_cid_parse(codec, cid, len, &v->parsed);
	xr_cid_free(codec);
	if (e == XR_CID_E_SHORT) {
		v->word = "cid-short";
		v->text = "it is shorter than its configuration needs";
	}
	if (e)
		return;
	backend = sid_store_find(&ids, v->parsed.sid, v->parsed.sid_len);
	if (!backend || backend > p->meta->limits.backends ||
	    p->backends[backend].state == XR_BACKEND_NONE) {
		v->word = "cid-no-server";
		v->text = "no backend has this server ID";
		return;
	}
	v->backend = &p->backend_info[backend];
	v->word = v->text = NULL;
	if (v->backend->state == XR_BACKEND_DOWN) {
		v->word = "backend-down";
		v->text = "its backend is down";
	}
}

static int decode_json(const struct verdict *v)
{
	bool known = v->parsed.sid_len;
	json_t *o = json_pack("{s:b}", "routable", !v->word);

	if (v->config) {
		json_object_set_new(o, "config_id", json_integer(v->config->config_id));
		json_object_set_new(o, "format",
				    json_string(xr_cid_format_word(v->config->format)));
	}
	if (known)
		json_object_set_new(o, "server_id", json_hex(v->parsed.sid, v->parsed.sid_len));
	if (known && v->parsed.nonce_len)
		json_object_set_new(o, "nonce", json_hex(v->parsed.nonce, v->parsed.nonce_len));
	if (v->backend) {
		json_object_set_new(o, "backend", json_string(v->backend->name));
		json_object_set_new(o, "state", json_string(text_state(v->backend->state)));
	}
	if (v->word)
		json_object_set_new(o, "reason", json_string(v->word));
	return out_json(o);
}

static int decode_text(const struct verdict *v)
{
	char hex[2 * XR_CID_MAX + 1];

	if (v->config)
		printf("config ID %u (%s)\n", v->config->config_id,
		       xr_cid_format_word(v->config->format));
	if (v->parsed.sid_len)
		printf("server ID %s\n",
		       text_hex(hex, sizeof(hex), v->parsed.sid, v->parsed.sid_len));
	if (v->backend)
		printf("backend %s (%s)\n", v->backend->name, text_state(v->backend->state));
	if (v->word)
		printf("not routable: %s (%s)\n", v->word, v->text);
	return EXIT_DONE;
}

static int decode(int argc, char **argv)
{
	struct args args = args_after(argc, argv);
	struct verdict v = {};
	__u8 cid[255];
	struct plane *p;
	size_t len;
	int ret;

	args.key = "CID";
	ret = args_hex(&args, cid, sizeof(cid), &len);
	if (!ret)
		ret = args_end(&args);
	if (!ret)
		ret = cmd_open(&p, PLANE_READ);
	if (ret)
		return ret;
	find_server(p, cid, len, &v);
	ret = opt.json ? decode_json(&v) : decode_text(&v);
	plane_close(p);
	return ret;
}

static const struct cmd commands[] = { { "add", add },       { "del", del },       { "show", show },
				       { "encode", encode }, { "decode", decode }, { NULL, NULL } };

int do_cid(int argc, char **argv)
{
	return cmd_select(commands, notes, argc, argv);
}
