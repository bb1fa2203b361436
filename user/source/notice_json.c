// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

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

/* ---- values ---- */

static int take_text(json_t *v, const char *key, const char **to, struct xr_err *err)
{
	*to = json_string_value(v);
	return *to ? 0 : xr_fail(err, -EINVAL, "\"%s\" must be a string", key);
}

static int take_number(json_t *v, const char *key, long long min, long long max, long long *to,
		       struct xr_err *err)
{
	if (!json_is_integer(v) || json_integer_value(v) < min || json_integer_value(v) > max)
		return xr_fail(err, -EINVAL, "\"%s\" must be a whole number from %lld to %lld", key,
			       min, max);
	*to = json_integer_value(v);
	return 0;
}

/*
 * JSON has no leading zeros, no '+' and no hex, and 1.0 and 1e2 are no integers to
 * the reader; "-0" is one, and no number as it is written here.
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

static int take_kind(json_t *v, struct xr_notice *n, struct xr_err *err)
{
	const char *word = json_string_value(v);
	size_t i;

	for (i = 0; word && i < KINDS; i++) {
		if (!strcmp(word, kinds[i])) {
			n->kind = i;
			return 0;
		}
	}
	return xr_fail(err, -EINVAL,
		       "\"notice\" must be one of add, prepare, "
		       "pause, moved, cancel, leave");
}

static int set_mac(json_t *v, struct xr_notice *n, struct xr_err *err)
{
	struct xr_err why = { "" };
	const char *text;
	int ret = take_text(v, "mac", &text, err);

	if (!ret && text_to_mac(text, n->mac, &why))
		ret = xr_fail(err, -EINVAL, "\"mac\": %s", why.text);
	return ret;
}

static int set_vlan(json_t *v, struct xr_notice *n, struct xr_err *err)
{
	long long value = 0;
	int ret = take_number(v, "vlan", 0, 4094, &value, err);

	if (!ret)
		n->vlan = value;
	return ret;
}

static int set_to(json_t *v, struct xr_notice *n, struct xr_err *err)
{
	return take_text(v, "to", &n->host, err);
}

static int set_at(json_t *v, struct xr_notice *n, struct xr_err *err)
{
	return take_text(v, "at", &n->host, err);
}

static int set_tap(json_t *v, struct xr_notice *n, struct xr_err *err)
{
	return take_text(v, "tap", &n->tap, err);
}

static int set_seq(json_t *v, struct xr_notice *n, struct xr_err *err)
{
	long long value = 0;
	int ret = take_number(v, "seq", 1, INT64_MAX, &value, err);

	if (!ret)
		n->seq = value;
	return ret;
}

static int set_ttl(json_t *v, struct xr_notice *n, struct xr_err *err)
{
	long long value = 0;
	int ret = take_number(v, "ttl", 1, A_YEAR, &value, err);

	if (!ret)
		n->ttl = value;
	return ret;
}

static int set_timeout(json_t *v, struct xr_notice *n, struct xr_err *err)
{
	long long value = 0;
	int ret = take_number(v, "timeout", 1, A_YEAR, &value, err);

	if (!ret)
		n->timeout = value;
	return ret;
}

static int set_lock(json_t *v, struct xr_notice *n, struct xr_err *err)
{
	if (!json_is_boolean(v))
		return xr_fail(err, -EINVAL, "\"lock\" must be true or false");
	n->lock = json_is_true(v);
	return 0;
}

static int set_addresses(json_t *v, struct xr_notice *n, struct xr_err *err)
{
	struct xr_err why = { "" };
	const char *text;
	json_t *one;
	size_t i;

	if (!json_is_array(v) || json_array_size(v) > XR_VM_ADDRS)
		return xr_fail(err, -EINVAL,
			       "\"addresses\" must be an array "
			       "of at most %d strings",
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

/* ---- keys ---- */

static const struct key {
	const char *word;
	unsigned int on;   /* bit per kind of notice that has it */
	unsigned int must; /* and of those that cannot do without */
	int (*set)(json_t *v, struct xr_notice *n, struct xr_err *err);
} keys[] = {
	{ "notice", ANY, ANY, NULL },
	{ "mac", ANY, ANY, set_mac },
	{ "vlan", ANY, 0, set_vlan },
	{ "seq", ANY, 0, set_seq },
	{ "to", ON(PREPARE) | ON(MOVED), ON(PREPARE) | ON(MOVED), set_to },
	{ "at", ON(ADD), ON(ADD), set_at },
	{ "ttl", ON(MOVED) | ON(PREPARE), 0, set_ttl },
	{ "timeout", ON(PREPARE), 0, set_timeout },
	{ "addresses", ON(ADD), 0, set_addresses },
	{ "lock", ON(ADD), 0, set_lock },
	{ "tap", ON(ADD) | ON(PREPARE), 0, set_tap },
};

#define KEYS (sizeof(keys) / sizeof(keys[0]))

static int unknown_key(const char *word, struct xr_err *err)
{
	return xr_fail(err, -EINVAL,
		       "unknown key \"%.40s\": write notice, "
		       "mac, vlan, seq, to, at, ttl, timeout, addresses, lock "
		       "or tap",
		       word);
}

static int take_keys(json_t *line, struct xr_notice *n, struct xr_err *err)
{
	const char *word;
	json_t *value;
	size_t i;
	int ret;

	json_object_foreach(line, word, value) {
		for (i = 0; i < KEYS && strcmp(keys[i].word, word); i++)
			;
		if (i == KEYS)
			return unknown_key(word, err);
		if (!(keys[i].on & 1U << n->kind))
			return xr_fail(err, -EINVAL,
				       "\"%s\" does not belong "
				       "to the notice \"%s\"",
				       word, kinds[n->kind]);
		ret = keys[i].set ? keys[i].set(value, n, err) : 0;
		if (ret)
			return ret;
	}
	for (i = 0; i < KEYS; i++)
		if (keys[i].must & 1U << n->kind && !json_object_get(line, keys[i].word))
			return xr_fail(err, -EINVAL,
				       "the notice \"%s\" needs "
				       "\"%s\"",
				       kinds[n->kind], keys[i].word);
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
		ret = take_kind(json_object_get(*line, "notice"), n, err);
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
	/* Not UTF-8, from the line itself: still an answer. */
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
