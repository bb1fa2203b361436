// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading the file. What libcyaml logs about an error is turned into one line
 * that says where, what and what would be right; what the schema cannot say is
 * checked while its structs become a model.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "config.h"
#include "config_lines.h"
#include "config_schema.h"
#include "model_edit.h"
#include "text.h"

#define FILE_MAX	(256U << 20)
#define PATH_LEN	256
#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

/* What a number may be, by its key; "vips" and the like: the limits. */
static const struct range {
	const char *key;
	__u32 min, max;
} ranges[] = {
	{ "vips", 1, XR_MAX_VIPS },
	{ "backends", 1, XR_MAX_BACKENDS },
	{ "server_ids", 1, 1U << 24 },
	{ "flows", XR_FLOW_WAYS, 1U << 27 },
	{ "flow_idle", 1, 16000 },
	{ "reply_rate", 0, 65535 },
	{ "id", 0, XR_CODEPOINTS - 1 },
	{ "server_id_length", 1, XR_SID_MAX },
	{ "nonce_length", 0, XR_CID_BLOCK_MAX },
	{ "offset", 0, XR_CID_MAX - 1 },
	{ "port", 1, 65535 },
	{ "weight", 0, 65535 },
	{ "vni", 0, 0xffffff },
	{ "initial_rate", 0, 0xffffffff },
	{ "vlan", 1, 4094 },
};

/* ---- errors ---- */

struct reader {
	const char *name;	/* of the file, for messages */
	const char *text;
	size_t len;
	struct xr_err *err;
	/* libcyaml's error: its first line, and the way there, innermost last */
	char said[256];
	char path[PATH_LEN];
	bool ends_in_field;
	bool failed;		/* a line has been written to err */
};

static int fail_line(struct reader *r, __u32 line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static int fail_at(struct reader *r, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int vfail(struct reader *r, __u32 line, const char *fmt, va_list ap)
{
	char buf[400];

	vsnprintf(buf, sizeof(buf), fmt, ap);
	r->failed = true;
	return xr_fail(r->err, -EINVAL, "%s:%u: %s", r->name, line, buf);
}

static int fail_line(struct reader *r, __u32 line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfail(r, line, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static int fail_at(struct reader *r, const char *path, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfail(r, lines_find(r->text, r->len, path), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* Steps into "vips" or "[3]" of a schema; NULL: no such place. */
static const cyaml_schema_value_t *
schema_step(const cyaml_schema_value_t *v, const char *key, size_t len)
{
	const cyaml_schema_field_t *f;

	if (*key == '[')
		return v->type == CYAML_SEQUENCE ? v->sequence.entry : NULL;
	if (v->type != CYAML_MAPPING)
		return NULL;
	for (f = v->mapping.fields; f->key; f++)
		if (strlen(f->key) == len && !memcmp(f->key, key, len))
			return &f->value;
	return NULL;
}

static const cyaml_schema_value_t *schema_at(const char *path)
{
	const cyaml_schema_value_t *v = &config_schema;
	size_t len;

	while (v && *path) {
		if (*path == '.')
			path++;
		len = *path == '[' ? strcspn(path, "]") + 1 :
				     strcspn(path, ".[");
		v = schema_step(v, path, len);
		path += len;
	}
	return v;
}

static const char *last_key(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot ? dot + 1 : path;
}

/* "backends[3]" -> "backends", for an operator; the top is "the file". */
static const char *plain_name(const char *path, char *buf)
{
	size_t n;

	snprintf(buf, PATH_LEN, "%s", last_key(path));
	n = strcspn(buf, "[");
	buf[n] = '\0';
	return n ? buf : "the file";
}

/* What is too long is cut: then the line is that of a node further up. */
static void put(char *out, const char *text, size_t size)
{
	size_t n = strlen(out), more = strlen(text);

	if (n + more >= size)
		more = size - 1 - n;
	memcpy(out + n, text, more);
	out[n + more] = '\0';
}

static void join(char *out, size_t size, const char *path, const char *key)
{
	out[0] = '\0';
	put(out, path, size);
	if (*path && *key && *key != '[')
		put(out, ".", size);
	put(out, key, size);
}

static const struct range *range_of(const char *key)
{
	size_t i;

	for (i = 0; i < COUNT(ranges); i++)
		if (!strcmp(ranges[i].key, key))
			return &ranges[i];
	return NULL;
}

static int fail_range(struct reader *r, const char *path, const char *value)
{
	const struct range *range = range_of(last_key(path));

	return fail_at(r, path, "%s: \"%.40s\" is not a number from %u to %u",
		       last_key(path), value, range ? range->min : 0,
		       range ? range->max : 0xffffffff);
}

static int fail_key(struct reader *r, const char *key)
{
	const cyaml_schema_value_t *v = schema_at(r->path);
	const cyaml_schema_field_t *f;
	char list[256] = "", path[PATH_LEN], name[PATH_LEN];
	size_t n = 0;

	for (f = v && v->type == CYAML_MAPPING ? v->mapping.fields : NULL;
	     f && f->key && n < sizeof(list); f++)
		n += snprintf(list + n, sizeof(list) - n, "%s%s",
			      n ? ", " : "", f->key);
	join(path, sizeof(path), r->path, key);
	return fail_at(r, path, "unknown key \"%.40s\" in %s; write one of %s",
		       key, plain_name(r->path, name), list);
}

static int fail_word(struct reader *r, const char *value)
{
	const cyaml_schema_value_t *v = schema_at(r->path);
	char list[256] = "";
	size_t n = 0, i, count;

	count = v && v->type == CYAML_ENUM ? v->enumeration.count : 0;
	/* yes, no, on and off are taken, but one spelling is enough to tell. */
	if (count && v->enumeration.strings == config_bool_words)
		count = 2;
	for (i = 0; i < count && n < sizeof(list); i++)
		n += snprintf(list + n, sizeof(list) - n, "%s%s",
			      !i ? "" : i + 1 < count ? ", " : " or ",
			      v->enumeration.strings[i].str);
	return fail_at(r, r->path, "%s: \"%.40s\" is not known; write %s",
		       last_key(r->path), value, list);
}

static const char *kind_words(const char *kind)
{
	if (!strncmp(kind, "SEQUENCE", 8))
		return "a list";
	if (!strncmp(kind, "MAPPING", 7))
		return "a mapping (key: value)";
	if (!strncmp(kind, "ENUM", 4))
		return "a word";
	return "a single value";
}

static int fail_kind(struct reader *r, const char *said)
{
	const char *got = strstr(said, "got event: ");
	const char *want = kind_words(said + strlen("Expecting "));
	char name[PATH_LEN];

	if (!strncmp(said, "Expecting STRING", 16) &&
	    range_of(last_key(r->path)))
		want = "a number";
	return fail_at(r, r->path, "%s: %s is expected here, not %s",
		       plain_name(r->path, name), want,
		       kind_words(got ? got + strlen("got event: ") : "?"));
}

static int fail_missing(struct reader *r, const char *key)
{
	char name[PATH_LEN], *cut;

	/* The way there ends in the field before; its mapping is meant. */
	if (r->ends_in_field) {
		cut = strrchr(r->path, '.');
		*(cut ? cut : r->path) = '\0';
	}
	return fail_at(r, r->path, "%s: \"%s\" is missing",
		       plain_name(r->path, name), key);
}

/* The text between the quotes behind prefix, or all that is behind it. */
static const char *after(char *said, const char *prefix)
{
	size_t n = strlen(prefix);
	char *value = said + n;

	if (strncmp(said, prefix, n))
		return NULL;
	n = strlen(value);
	if (n >= 2 && *value == '\'' && value[n - 1] == '\'') {
		value[n - 1] = '\0';
		value++;
	}
	return value;
}

static bool on_alias(void *ctx, const struct lines_step *step, size_t depth,
		     __u32 line, bool alias)
{
	__u32 *found = ctx;

	if (alias)
		*found = line;
	return !alias;
}

static int explain_error(struct reader *r, cyaml_err_t e)
{
	char problem[128], name[PATH_LEN];
	const char *v;
	__u32 line = 1;

	if (e == CYAML_ERR_LIBYAML_PARSER) {
		line = lines_walk(r->text, r->len, on_alias, &line, problem,
				  sizeof(problem));
		return fail_line(r, line, "not valid YAML: %s", problem);
	}
	if (e == CYAML_ERR_ALIAS) {
		lines_walk(r->text, r->len, on_alias, &line, NULL, 0);
		return fail_line(r, line,
				 "YAML aliases are not read; write the value out");
	}
	if ((v = after(r->said, "Unexpected key: ")))
		return fail_key(r, v);
	if ((v = after(r->said, "Invalid ENUM value: ")))
		return fail_word(r, v);
	if ((v = after(r->said, "Missing required mapping field: ")))
		return fail_missing(r, v);
	if ((v = after(r->said, "Mapping field already seen: ")))
		return fail_at(r, r->path, "\"%s\" is given twice; leave one", v);
	if (!strncmp(r->said, "Expecting ", 10))
		return fail_kind(r, r->said);
	return fail_at(r, r->path, "%s: %s", plain_name(r->path, name),
		       r->said[0] ? r->said : cyaml_strerror(e));
}

/* The way there is told from the inside out: put each step in front. */
static void add_step(struct reader *r, const char *step)
{
	char path[PATH_LEN];

	join(path, sizeof(path), step, r->path);
	memcpy(r->path, path, sizeof(path));
}

static void on_log(cyaml_log_t level, void *ctx, const char *fmt, va_list ap)
{
	struct reader *r = ctx;
	char line[512], step[PATH_LEN], *s = line;
	unsigned long n;

	(void)level;
	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\n")] = '\0';
	if (!strncmp(s, "Load: ", 6))
		s += 6;
	if (sscanf(s, "  in mapping field '%200[^']'", step) == 1) {
		if (!r->path[0])
			r->ends_in_field = true;
		add_step(r, step);
	} else if (sscanf(s, "  in sequence entry '%lu'", &n) == 1) {
		/* Counts from 1; 0 where the list itself did not parse. */
		snprintf(step, sizeof(step), "[%lu]", n ? n - 1 : 0);
		add_step(r, step);
	} else if (*s != ' ' && strcmp(s, "Backtrace:") && !r->said[0]) {
		put(r->said, s, sizeof(r->said));
	}
}

/* ---- keys ---- */

/* path relative to the directory the file is in */
static int read_key_beside(struct reader *r, const char *at, const char *path,
			   __u8 *key, size_t size)
{
	char full[1024], dir[512];
	struct xr_err inner = { "" };

	snprintf(dir, sizeof(dir), "%s", r->name);
	if (*path == '/')
		snprintf(full, sizeof(full), "%s", path);
	else
		snprintf(full, sizeof(full), "%s/%s", dirname(dir), path);
	if (config_read_key(full, key, size, &inner))
		return fail_at(r, at, "%s: %s", last_key(at), inner.text);
	return 0;
}

static int read_key_text(struct reader *r, const char *at, const char *hex,
			 __u8 *key, size_t size)
{
	size_t len = 0;

	if (strlen(hex) != 2 * size ||
	    strspn(hex, "0123456789abcdefABCDEF") != 2 * size ||
	    text_to_hex(hex, key, size, &len, NULL) || len != size)
		return fail_at(r, at, "%s: must be %zu hex digits",
			       last_key(at), 2 * size);
	return 0;
}

/* ---- from the structs to the model ---- */

/* Leaves *to alone where the number is left out. */
#define TAKE(r, path, from, to)                                                \
	({                                                                     \
		__u64 number_ = 0;                                             \
		int bad_ = from ? take_number(r, path, from, &number_) : 0;    \
		if (!bad_ && from)                                             \
			to = number_;                                          \
		bad_;                                                          \
	})

static int take_number(struct reader *r, const char *path, const char *text,
		       __u64 *value)
{
	const struct range *range = range_of(last_key(path));

	if (range && !text_to_u64(text, range->min, range->max, value, NULL))
		return 0;
	return fail_range(r, path, text);
}

static const char *at(char *buf, const char *list, size_t i, const char *key)
{
	snprintf(buf, PATH_LEN, "%s[%zu].%s", list, i, key);
	return buf;
}

static int take_limits(struct reader *r, const struct raw_limits *from,
		       struct xr_limits *to)
{
	if (!from)
		return 0;
	return TAKE(r, "limits.vips", from->vips, to->vips) ||
	       TAKE(r, "limits.backends", from->backends, to->backends) ||
	       TAKE(r, "limits.server_ids", from->server_ids,
		    to->server_ids) ||
	       TAKE(r, "limits.flows", from->flows, to->flows);
}

/* ADDR/LEN of that family, with no bit set behind LEN. */
static int take_prefix(struct reader *r, const char *path, const char *text,
		       bool v4, __be32 *addr, __u8 *host_bits)
{
	char buf[TEXT_ADDR], *slash;
	__u64 len;
	unsigned int i;

	if (strlen(text) < sizeof(buf)) {
		strcpy(buf, text);
		slash = strchr(buf, '/');
		if (slash)
			*slash++ = '\0';
		if (slash && !text_to_addr(buf, addr, NULL) &&
		    addr_is_ipv4(addr) == v4 &&
		    !text_to_u64(slash, 0, v4 ? 32 : 128, &len, NULL)) {
			if (v4)
				len += 96;
			for (i = len; i < 128; i++)
				if (ntohl(addr[i / 32]) >> (31 - i % 32) & 1)
					break;
			*host_bits = 128 - len;
			if (i == 128)
				return 0;
		}
	}
	return fail_at(r, path,
		       "%s: \"%.60s\" is not an %s prefix such as %s with no bit set behind its length",
		       last_key(path), text, v4 ? "IPv4" : "IPv6",
		       v4 ? "172.16.0.0/16" : "100::/64");
}

static int take_policy(struct reader *r, const struct raw_policy *from,
		       struct xr_policy *to)
{
	__be32 addr[XR_ADDR_WORDS];

	if (!from)
		return 0;
	if (from->too_big)
		to->too_big = *from->too_big;
	if (from->down)
		to->down = *from->down;
	if (TAKE(r, "policy.flow_idle", from->flow_idle, to->flow_idle) ||
	    TAKE(r, "policy.reply_rate", from->reply_rate, to->reply_rate))
		return -EINVAL;
	if (from->source) {
		if (take_prefix(r, "policy.source", from->source, true, addr,
				&to->source_bits))
			return -EINVAL;
		to->source4 = addr[3];
	}
	if (from->source6) {
		if (take_prefix(r, "policy.source6", from->source6, false,
				addr, &to->source6_bits))
			return -EINVAL;
		memcpy(to->source6, addr, sizeof(to->source6));
	}
	return 0;
}

static int take_secret(struct reader *r, const struct raw *raw,
		       struct model *m)
{
	int ret = 0;

	if (raw->secret && raw->secret_file)
		return fail_at(r, "secret_file",
			       "both secret and secret_file are given; leave one");
	if (raw->secret)
		ret = read_key_text(r, "secret", raw->secret, m->secret,
				    sizeof(m->secret));
	if (raw->secret_file)
		ret = read_key_beside(r, "secret_file", raw->secret_file,
				      m->secret, sizeof(m->secret));
	m->has_secret = raw->secret || raw->secret_file;
	m->keys_inside = raw->secret;
	return ret;
}

static int take_devices(struct reader *r, const struct raw *raw,
			struct model *m)
{
	const struct raw_device *from;
	struct model_dev *to;
	char path[PATH_LEN];
	size_t i;

	for (i = 0; i < raw->n_devices; i++) {
		from = &raw->devices[i];
		to = model_grow(&m->devs, &m->n_devs, sizeof(*to));
		if (!to)
			return -ENOMEM;
		if (!*from->name || strlen(from->name) >= sizeof(to->name))
			return fail_at(r, at(path, "devices", i, "name"),
				       "name: \"%.40s\" is not a device name: 1 to 15 characters",
				       from->name);
		strcpy(to->name, from->name);
		to->want = from->mode ? (enum attach_want)*from->mode :
					ATTACH_AUTO;
		to->role = from->role ? (enum xr_role)*from->role :
					XR_ROLE_NODE;
	}
	return 0;
}

static int take_cid_key(struct reader *r, const struct raw_cid *from, size_t i,
			struct model_cid *to)
{
	char path[PATH_LEN];

	if (from->key && from->key_file)
		return fail_at(r, at(path, "cid", i, "key_file"),
			       "both key and key_file are given; leave one");
	if (!from->key && !from->key_file)
		return 0;
	to->info.has_key = 1;
	if (from->key_file)
		return read_key_beside(r, at(path, "cid", i, "key_file"),
				       from->key_file, to->info.key,
				       sizeof(to->info.key));
	if (!strcmp(from->key, CONFIG_HIDDEN)) {
		to->keep_key = true;
		return 0;
	}
	return read_key_text(r, at(path, "cid", i, "key"), from->key,
			     to->info.key, sizeof(to->info.key));
}

static int take_cids(struct reader *r, const struct raw *raw, struct model *m)
{
	const struct raw_cid *from;
	struct xr_cid_info *info;
	struct model_cid *to;
	char path[PATH_LEN];
	size_t i;

	for (i = 0; i < raw->n_cid; i++) {
		from = &raw->cid[i];
		to = model_grow(&m->cids, &m->n_cids, sizeof(*to));
		if (!to)
			return -ENOMEM;
		info = &to->info;
		info->used = 1;
		info->format = from->format;
		if (TAKE(r, at(path, "cid", i, "id"), from->id,
			 info->config_id) ||
		    TAKE(r, at(path, "cid", i, "server_id_length"),
			 from->server_id_length, info->sid_len) ||
		    TAKE(r, at(path, "cid", i, "nonce_length"),
			 from->nonce_length, info->nonce_len) ||
		    TAKE(r, at(path, "cid", i, "offset"), from->offset,
			 info->offset) ||
		    take_cid_key(r, from, i, to))
			return -EINVAL;
		m->keys_inside |= from->key && !to->keep_key;
		xr_cid_defaults(info->format, &info->sid_len, &info->nonce_len,
				&info->offset);
	}
	return 0;
}

static int take_vips(struct reader *r, const struct raw *raw, struct model *m)
{
	const struct raw_vip *from;
	struct model_vip *to;
	struct xr_err inner;
	char path[PATH_LEN];
	__u64 port;
	size_t i;

	for (i = 0; i < raw->n_vips; i++) {
		from = &raw->vips[i];
		to = model_grow(&m->vips, &m->n_vips, sizeof(*to));
		if (!to)
			return -ENOMEM;
		if (text_to_addr(from->address, to->addr, &inner))
			return fail_at(r, at(path, "vips", i, "address"),
				       "address: %s", inner.text);
		if (take_number(r, at(path, "vips", i, "port"), from->port,
				&port))
			return -EINVAL;
		to->port = htons(port);
		to->proto = from->protocol;
		to->cid = from->cid && *from->cid;
		to->flow = !from->flow || *from->flow;
	}
	return 0;
}

static int take_lists(struct reader *r, const struct raw_backend *from,
		      size_t i, struct model_backend *to)
{
	struct model_vip_key *k;
	struct xr_err inner;
	struct model_sid *s;
	char path[PATH_LEN];
	size_t j, len;

	for (j = 0; j < from->n_vips; j++) {
		k = model_grow(&to->vips, &to->n_vips, sizeof(*k));
		if (!k)
			return -ENOMEM;
		if (!text_to_vip(from->vips[j], k->addr, &k->port, &k->proto,
				 &inner))
			continue;
		snprintf(path, sizeof(path), "backends[%zu].vips[%zu]", i, j);
		return fail_at(r, path, "%s", inner.text);
	}
	for (j = 0; j < from->n_server_ids; j++) {
		s = model_grow(&to->sids, &to->n_sids, sizeof(*s));
		if (!s)
			return -ENOMEM;
		if (!text_to_hex(from->server_ids[j], s->octet,
				 sizeof(s->octet), &len, &inner)) {
			s->len = len;
			continue;
		}
		snprintf(path, sizeof(path), "backends[%zu].server_ids[%zu]",
			 i, j);
		return fail_at(r, path, "server ID \"%.40s\": %s",
			       from->server_ids[j], inner.text);
	}
	return 0;
}

static int take_macs(struct reader *r, const struct raw_backend *from,
		     size_t i, struct xr_backend_info *to)
{
	struct xr_err inner;
	char path[PATH_LEN];

	if (from->mac && text_to_mac(from->mac, to->mac, &inner))
		return fail_at(r, at(path, "backends", i, "mac"), "mac: %s",
			       inner.text);
	if (!from->vm)
		return 0;
	if (text_to_mac(from->vm->mac, to->vm_mac, &inner))
		return fail_at(r, at(path, "backends", i, "vm.mac"), "mac: %s",
			       inner.text);
	return TAKE(r, at(path, "backends", i, "vm.vlan"), from->vm->vlan,
		    to->vm_vlan);
}

static int take_backend(struct reader *r, const struct raw_backend *from,
			size_t i, struct model_backend *b)
{
	struct xr_backend_info *to = &b->info;
	struct xr_err inner;
	char path[PATH_LEN];

	if (text_check_name("backend", from->name, &inner))
		return fail_at(r, at(path, "backends", i, "name"), "%s",
			       inner.text);
	strcpy(to->name, from->name);
	if (text_to_addr(from->address, to->addr, &inner))
		return fail_at(r, at(path, "backends", i, "address"),
			       "address: %s", inner.text);
	if (from->dev && (!*from->dev || strlen(from->dev) >= sizeof(to->dev)))
		return fail_at(r, at(path, "backends", i, "dev"),
			       "dev: \"%.40s\" is not a device name: 1 to 15 characters",
			       from->dev);
	if (from->dev)
		strcpy(to->dev, from->dev);
	to->weight = 1;
	to->state = from->state ? *from->state : XR_BACKEND_UP;
	to->forward = from->forward ? *from->forward : XR_FORWARD_IPIP;
	if (TAKE(r, at(path, "backends", i, "weight"), from->weight,
		 to->weight) ||
	    TAKE(r, at(path, "backends", i, "port"), from->port, to->port) ||
	    TAKE(r, at(path, "backends", i, "vni"), from->vni, to->vni) ||
	    TAKE(r, at(path, "backends", i, "initial_rate"),
		 from->initial_rate, to->initial_rate) ||
	    take_macs(r, from, i, to))
		return -EINVAL;
	return take_lists(r, from, i, b);
}

static int take_backends(struct reader *r, const struct raw *raw,
			 struct model *m)
{
	struct model_backend *to;
	size_t i;
	int ret = 0;

	for (i = 0; !ret && i < raw->n_backends; i++) {
		to = model_grow(&m->backends, &m->n_backends, sizeof(*to));
		if (!to)
			return -ENOMEM;
		ret = take_backend(r, &raw->backends[i], i, to);
	}
	return ret;
}

/* ---- lines of items, for what is checked later ---- */

static void note_entry(struct model_backend *b, const char *key, long j,
		       __u32 line)
{
	if (!strcmp(key, "vips") && j < (long)b->n_vips)
		b->vips[j].line = line;
	else if (!strcmp(key, "server_ids") && j < (long)b->n_sids)
		b->sids[j].line = line;
}

static bool note_line(void *ctx, const struct lines_step *s, size_t depth,
		      __u32 line, bool alias)
{
	struct model *m = ctx;
	long i;

	/* libcyaml gives no pointer for an empty list, as if it were left out. */
	if (depth == 1 && s[0].key && !strcmp(s[0].key, "devices"))
		m->devs_given = true;
	if (depth < 2 || !s[0].key || s[1].key)
		return true;
	i = s[1].index;
	if (!strcmp(s[0].key, "backends") && i < (long)m->n_backends) {
		if (depth == 2)
			m->backends[i].line = line;
		else if (depth == 4 && s[2].key && !s[3].key)
			note_entry(&m->backends[i], s[2].key, s[3].index,
				   line);
	} else if (depth != 2) {
		return true;
	} else if (!strcmp(s[0].key, "vips") && i < (long)m->n_vips) {
		m->vips[i].line = line;
	} else if (!strcmp(s[0].key, "cid") && i < (long)m->n_cids) {
		m->cids[i].line = line;
	} else if (!strcmp(s[0].key, "devices") && i < (long)m->n_devs) {
		m->devs[i].line = line;
	}
	return true;
}

/* ---- reading ---- */

static int take_all(struct reader *r, const struct raw *raw, struct model *m)
{
	int ret = take_secret(r, raw, m);

	if (!ret)
		ret = take_limits(r, raw->limits, &m->limits);
	if (!ret)
		ret = take_policy(r, raw->policy, &m->policy);
	if (!ret)
		ret = take_devices(r, raw, m);
	if (!ret)
		ret = take_cids(r, raw, m);
	if (!ret)
		ret = take_vips(r, raw, m);
	if (!ret)
		ret = take_backends(r, raw, m);
	if (ret == -ENOMEM)
		return xr_fail(r->err, ret, "%s: out of memory", r->name);
	return ret ? -EINVAL : 0;
}

int config_read_text(const char *text, size_t len, const char *name,
		     struct model *m, struct xr_err *err)
{
	struct reader r = { .name = name, .text = text, .len = len,
			    .err = err };
	const cyaml_config_t config = {
		.log_fn = on_log,
		.log_ctx = &r,
		.mem_fn = cyaml_mem,
		.log_level = CYAML_LOG_ERROR,
		.flags = CYAML_CFG_NO_ALIAS,
	};
	struct raw *raw = NULL;
	char problem[128];
	cyaml_err_t e;
	__u32 line;
	int ret;

	model_init(m);
	if (len > FILE_MAX)
		return xr_fail(err, -EFBIG, "%s: larger than %u MiB", name,
			       FILE_MAX >> 20);
	e = cyaml_load_data((const uint8_t *)text, len, &config, &config_schema,
			    (cyaml_data_t **)&raw, NULL);
	if (e == CYAML_ERR_OOM)
		return xr_fail(err, -ENOMEM, "%s: out of memory", name);
	if (e)
		return explain_error(&r, e);
	if (!raw)
		return fail_line(&r, 1,
				 "the file is empty; to delete everything write \"vips: []\"");
	ret = take_all(&r, raw, m);
	if (!ret) {
		line = lines_walk(text, len, note_line, m, problem,
				  sizeof(problem));
		if (line)
			ret = fail_line(&r, line, "%s", problem);
	}
	if (ret)
		model_free(m);
	cyaml_free(&config, &config_schema, raw, 0);
	return ret;
}

int config_read(const char *path, struct model *m, struct xr_err *err)
{
	bool in = !strcmp(path, "-");
	FILE *f = in ? stdin : fopen(path, "re");
	char *text = NULL, *bigger;
	size_t len = 0, room = 0, got;
	int ret = 0;

	if (!f)
		return xr_fail(err, -errno, "%s: cannot be read: %s", path,
			       strerror(errno));
	do {
		if (len == room) {
			room = room ? 2 * room : 65536;
			bigger = len > FILE_MAX ? NULL : realloc(text, room);
			if (!bigger) {
				ret = xr_fail(err, -EFBIG, "%s: too large",
					      path);
				break;
			}
			text = bigger;
		}
		got = fread(text + len, 1, room - len, f);
		len += got;
	} while (got);
	if (!ret && ferror(f))
		ret = xr_fail(err, -EIO, "%s: cannot be read: %s", path,
			      strerror(errno));
	if (!in)
		fclose(f);
	if (!ret)
		ret = config_read_text(text, len, in ? "stdin" : path, m, err);
	if (text)
		explicit_bzero(text, room);	/* there may be keys in it */
	free(text);
	return ret;
}
