// SPDX-License-Identifier: GPL-2.0-only
/* The keys of a notice's JSON, what each may hold, and which a kind of notice has. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/bounds.h"
#include "lib/text.h"
#include "notice_json.h"

#define A_YEAR 31536000

static const char *const kinds[] = {
	[XR_NOTICE_ADD] = "add",     [XR_NOTICE_PREPARE] = "prepare", [XR_NOTICE_PAUSE] = "pause",
	[XR_NOTICE_MOVED] = "moved", [XR_NOTICE_CANCEL] = "cancel",   [XR_NOTICE_LEAVE] = "leave",
};

#define KINDS    (sizeof(kinds) / sizeof(kinds[0]))
#define ON(kind) (1U << XR_NOTICE_##kind)
#define ANY      ((1U << KINDS) - 1)

struct key {
	const char *name;
	unsigned int on;   /* bit per kind of notice that may have it */
	unsigned int must; /* ... and per kind that needs it */
	int (*set)(const struct key *k, json_t *v, struct xr_notice *n, struct xr_err *err);
	size_t at, size;    /* set_text(), set_number(): the field of struct xr_notice ... */
	long long min, max; /* ... and a number's limits */
};

/* ---- values ---- */

/*
 * "-0" is an integer to jansson, which forgets its sign. It is refused, as any number is
 * that is not written as xroam writes it; jansson itself refuses leading zeros, '+' and
 * hex, and takes 1.0 and 1e2 for no integers. So the text is searched. No flag of
 * jansson's helps: JSON_DECODE_INT_AS_REAL keeps the sign, but not a "seq" above 2^53.
 */
static bool has_minus_zero(const char *text, size_t len)
{
	bool quoted = false;
	size_t i;

	for (i = 0; i + 1 < len; i++) {
		if (quoted && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
		else if (!quoted && text[i] == '-' && text[i + 1] == '0')
			return true;
	}
	return false;
}

static int set_text(const struct key *k, json_t *v, struct xr_notice *n, struct xr_err *err)
{
	const char *text = json_string_value(v);

	if (!text)
		return xr_fail(err, -EINVAL, "\"%s\" must be a string", k->name);
	memcpy((char *)n + k->at, &text, sizeof(text));
	return 0;
}

static int set_number(const struct key *k, json_t *v, struct xr_notice *n, struct xr_err *err)
{
	json_int_t value = json_integer_value(v);
	void *to = (char *)n + k->at;

	if (!json_is_integer(v) || value < k->min || value > k->max)
		return xr_fail(err, -EINVAL, "\"%s\" must be a whole number from %lld to %lld",
			       k->name, k->min, k->max);
	if (k->size == sizeof(__u16))
		*(__u16 *)to = value;
	else if (k->size == sizeof(__u32))
		*(__u32 *)to = value;
	else
		*(__u64 *)to = value;
	return 0;
}

static int set_kind(const struct key *k, json_t *v, struct xr_notice *n, struct xr_err *err)
{
	const char *name = json_string_value(v);
	size_t i;

	for (i = 0; name && i < KINDS; i++) {
		if (!strcmp(name, kinds[i])) {
			n->kind = i;
			return 0;
		}
	}
	return xr_fail(err, -EINVAL,
		       "\"notice\" must be one of add, prepare, pause, moved, cancel, leave");
}

static int set_mac(const struct key *k, json_t *v, struct xr_notice *n, struct xr_err *err)
{
	const char *text = json_string_value(v);
	struct xr_err why = { "" };

	if (!text)
		return xr_fail(err, -EINVAL, "\"mac\" must be a string");
	if (text_to_mac(text, n->mac, &why))
		return xr_fail(err, -EINVAL, "\"mac\": %s", why.text);
	return 0;
}

static int set_lock(const struct key *k, json_t *v, struct xr_notice *n, struct xr_err *err)
{
	if (!json_is_boolean(v))
		return xr_fail(err, -EINVAL, "\"lock\" must be true or false");
	n->lock = json_is_true(v);
	return 0;
}

static int set_addresses(const struct key *k, json_t *v, struct xr_notice *n, struct xr_err *err)
{
	struct xr_err why = { "" };
	const char *text;
	json_t *one;
	size_t i;

	if (!json_is_array(v) || json_array_size(v) > XR_VM_ADDRS)
		return xr_fail(err, -EINVAL, "\"addresses\" must be an array of at most %d strings",
			       XR_VM_ADDRS);
	json_array_foreach(v, i, one) {
		text = json_string_value(one);
		if (!text)
			return xr_fail(err, -EINVAL, "\"addresses\" must hold strings");
		if (text_to_addr(text, n->addr[i], &why))
			return xr_fail(err, -EINVAL, "\"addresses\": %s", why.text);
	}
	n->n_addrs = i;
	return 0;
}

/* Lines of text, each taken by take(). */
static int set_lines(const struct key *k, json_t *v, struct xr_vm_bounds *b,
		     int (*take)(struct xr_vm_bounds *, const char *, struct xr_err *),
		     struct xr_err *err)
{
	struct xr_err why = { "" };
	const char *text;
	json_t *one;
	size_t i;

	if (!json_is_array(v))
		return xr_fail(err, -EINVAL, "\"%s\" must be an array of strings", k->name);
	json_array_foreach(v, i, one) {
		text = json_string_value(one);
		if (!text)
			return xr_fail(err, -EINVAL, "\"%s\" must hold strings", k->name);
		if (take(b, text, &why))
			return xr_fail(err, -EINVAL, "\"%s\": %s", k->name, why.text);
	}
	return 0;
}

static int set_limits(const struct key *k, json_t *v, struct xr_notice *n, struct xr_err *err)
{
	return set_lines(k, v, &n->bounds, bounds_add_limit, err);
}

static int set_rules(const struct key *k, json_t *v, struct xr_notice *n, struct xr_err *err)
{
	return set_lines(k, v, &n->bounds, bounds_add_rule, err);
}

static int set_default(const struct key *k, json_t *v, struct xr_notice *n, struct xr_err *err)
{
	if (!json_is_string(v))
		return xr_fail(err, -EINVAL, "\"default\" must be a string");
	return bounds_set_default(&n->bounds, json_string_value(v), err);
}

/* ---- keys ---- */

#define TEXT(field) set_text, offsetof(struct xr_notice, field), 0, 0, 0
#define NUMBER(field, min, max)                                                                \
	set_number, offsetof(struct xr_notice, field), sizeof(((struct xr_notice *)0)->field), \
		min, max

/* clang-format off */
static const struct key keys[] = {
	{ "notice",    ANY, ANY, .set = set_kind },
	{ "mac",       ANY, ANY, .set = set_mac },
	{ "vlan",      ANY, 0, NUMBER(vlan, 0, 4094) },
	{ "seq",       ANY, 0, NUMBER(seq, 1, INT64_MAX) },
	{ "to",        ON(PREPARE) | ON(MOVED), ON(PREPARE) | ON(MOVED), TEXT(host) },
	{ "at",        ON(ADD), ON(ADD), TEXT(host) },
	{ "ttl",       ON(PREPARE) | ON(MOVED), 0, NUMBER(ttl, 1, A_YEAR) },
	{ "timeout",   ON(PREPARE), 0, NUMBER(timeout, 1, A_YEAR) },
	{ "addresses", ON(ADD), 0, .set = set_addresses },
	{ "lock",      ON(ADD), 0, .set = set_lock },
	{ "tap",       ON(ADD) | ON(PREPARE), 0, TEXT(tap) },
	{ "limits",    ON(ADD), 0, .set = set_limits },
	{ "rules",     ON(ADD), 0, .set = set_rules },
	{ "default",   ON(ADD), 0, .set = set_default },
};
/* clang-format on */

#define KEYS (sizeof(keys) / sizeof(keys[0]))

static const struct key *find_key(const char *name)
{
	size_t i;

	for (i = 0; i < KEYS; i++)
		if (!strcmp(keys[i].name, name))
			return &keys[i];
	return NULL;
}

/* n->kind is known already: which keys a notice may have depends on it. */
static int take_keys(json_t *line, struct xr_notice *n, struct xr_err *err)
{
	const struct key *k;
	const char *name;
	json_t *value;
	size_t i;
	int ret;

	json_object_foreach(line, name, value) {
		k = find_key(name);
		if (!k)
			return xr_fail(
				err, -EINVAL,
				"unknown key \"%.40s\": write notice, mac, vlan, seq, to, at, "
				"ttl, timeout, addresses, lock, tap, limits, rules or default",
				name);
		if (!(k->on & 1U << n->kind))
			return xr_fail(err, -EINVAL, "\"%s\" does not belong to the notice \"%s\"",
				       name, kinds[n->kind]);
		ret = k->set(k, value, n, err);
		if (ret)
			return ret;
	}
	for (i = 0; i < KEYS; i++)
		if (keys[i].must & 1U << n->kind && !json_object_get(line, keys[i].name))
			return xr_fail(err, -EINVAL, "the notice \"%s\" needs \"%s\"",
				       kinds[n->kind], keys[i].name);
	return 0;
}

int notice_read(const char *text, size_t len, struct xr_notice *n, json_t **line,
		struct xr_err *err)
{
	json_error_t why;
	int ret;

	memset(n, 0, sizeof(*n));
	n->source = XR_SOURCE_SOCKET;
	*line = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	if (!*line)
		return xr_fail(err, -EINVAL, "not JSON: %s, at column %d", why.text, why.column);
	if (has_minus_zero(text, len))
		ret = xr_fail(err, -EINVAL, "\"-0\" is no number here; write 0");
	else if (!json_is_object(*line))
		ret = xr_fail(err, -EINVAL, "not a JSON object");
	else if (!json_object_get(*line, "notice"))
		ret = xr_fail(err, -EINVAL, "\"notice\" is missing");
	else
		ret = set_kind(NULL, json_object_get(*line, "notice"), n, err);
	if (!ret)
		ret = take_keys(*line, n, err);
	if (ret) {
		json_decref(*line);
		*line = NULL;
	}
	return ret;
}

/* ---- answers ---- */

static size_t put_line(char *buf, json_t *answer)
{
	size_t len = answer ? json_dumpb(answer, buf, NOTICE_ANSWER - 1, JSON_COMPACT) : 0;

	json_decref(answer);
	/* The reason quotes the line, which is not UTF-8: there is an answer nevertheless. */
	if (!len || len > NOTICE_ANSWER - 1)
		len = snprintf(buf, NOTICE_ANSWER, "{\"ok\":false,\"error\":\"refused\"}");
	buf[len++] = '\n';
	return len;
}

size_t notice_done(char *buf, const struct xr_answer *a)
{
	const char *how = a->outcome == XR_ALREADY ? ",\"already\":true"
		: a->outcome == XR_IGNORED         ? ",\"ignored\":true"
						   : "";

	if (!a->warning[0])
		return snprintf(buf, NOTICE_ANSWER, "{\"ok\":true,\"seq\":%llu%s}\n",
				(unsigned long long)a->seq, how);

	json_t *answer = json_pack("{s:b, s:I, s:s}", "ok", 1, "seq", (json_int_t)a->seq, "warning",
				   a->warning);

	if (answer && a->outcome == XR_ALREADY)
		json_object_set_new(answer, "already", json_true());
	if (answer && a->outcome == XR_IGNORED)
		json_object_set_new(answer, "ignored", json_true());
	return put_line(buf, answer);
}

size_t notice_refused(char *buf, const char *why)
{
	return put_line(buf, json_pack("{s:b, s:s}", "ok", 0, "error", why));
}
