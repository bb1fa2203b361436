// SPDX-License-Identifier: GPL-2.0-only
/*
 * One stream with a watch for each list and each segment. The gateway writes a line of JSON
 * for each message, of any length.
 *
 * What came twice (a stream begins again where all are known to have been heard) is known by
 * its revision.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "etcd_priv.h"

#define FIRST_SEGMENT 16 /* watch IDs: lists from 1, then VLANs */
#define WATCHES       (FIRST_SEGMENT + XR_MAX_VLAN + 1)

#define MESSAGE (64U << 20) /* octets, at most: etcd sends a thousand revisions at once */
#define KEPT    (1U << 20)  /* of its room */

/* ---- asking ---- */

static char *add_watch(struct etcd *e, char *body, const char *below, unsigned int id)
{
	json_t *watch = json_pack(
		"{s:{s:o, s:o, s:o, s:o}}", "create_request", "key", etcd_key(&e->conf, below),
		"range_end", etcd_key_end(&e->conf, below), "start_revision",
		json_sprintf("%lld", e->known.revision + 1), "watch_id", json_sprintf("%u", id));
	char *line = json_dumps(watch, JSON_COMPACT), *longer = NULL;
	size_t len = body ? strlen(body) : 0;

	json_decref(watch);
	if (line)
		longer = realloc(body, len + strlen(line) + 2);
	if (longer)
		sprintf(longer + len, "%s\n", line);
	else
		free(body);
	free(line);
	e->asked++;
	return longer;
}

static char *body_of(struct etcd *e)
{
	char below[ETCD_KEY], *body = strdup("");
	unsigned int i, vlan;

	e->asked = 0;
	for (i = 0; body && i < ETCD_SECTIONS; i++) {
		if (e->conf.not_asked >> etcd_sections[i].key & 1)
			continue;
		snprintf(below, sizeof(below), "%s/", etcd_sections[i].word);
		body = add_watch(e, body, below, i + 1);
	}
	for (vlan = 0; body && vlan <= XR_MAX_VLAN; vlan++) {
		if (!model_etcd_has(&e->conf, vlan))
			continue;
		etcd_segment_key(below, vlan);
		body = add_watch(e, body, below, FIRST_SEGMENT + vlan);
	}
	return body;
}

/* ---- hearing ---- */

static int end_with(struct etcd *e, int ret, const char *why)
{
	e->end = ret;
	xr_fail(&e->end_err, ret, "%s: %s", e->conf.endpoint[e->endpoint], why);
	return ret;
}

/* Refused; or what it was to begin with is no longer there. */
static int take_cancel(struct etcd *e, const json_t *result)
{
	const char *why = json_string_value(json_object_get(result, "cancel_reason")) ?: "";

	if (etcd_number(result, "compact_revision"))
		return end_with(e, -ESTALE, "compacted");
	if (etcd_is_token(why))
		return end_with(e, -EKEYEXPIRED, why);
	if (strstr(why, "permission"))
		return end_with(e, -EACCES, why);
	return end_with(e, -EHOSTUNREACH, *why ? why : "the watch was ended");
}

/* had: the newest before this message, whose events may all have one revision. */
static void take_event(struct etcd *e, unsigned int id, __s64 had, const json_t *event)
{
	const json_t *kv = json_object_get(event, "kv");
	const char *type = json_string_value(json_object_get(event, "type"));
	__s64 revision = etcd_number(kv, "mod_revision");
	size_t len, value_len = 0, skip = strlen(e->conf.prefix) + 1;
	char *key, *value = NULL;

	if (revision <= had)
		return;
	e->newest[id] = revision;
	if (revision > e->seen)
		e->seen = revision;
	if (id <= ETCD_SECTIONS) {
		e->known.lists |= 1U << etcd_sections[id - 1].key;
		etcd_read_soon(e, false);
		return;
	}
	e->known.segments[(id - FIRST_SEGMENT) / 8] |= 1 << (id - FIRST_SEGMENT) % 8;
	key = base64_decode(json_object_get(kv, "key"), &len);
	if (!type || strcmp(type, "DELETE"))
		value = base64_decode(json_object_get(kv, "value"), &value_len);
	if (key && len > skip)
		etcd_changes_add(e, key + skip, value, value_len, revision);
	free(key);
	free(value);
}

/* No watch's message: what the gateway says where it has no leader, or is being ended. */
static int take_error(struct etcd *e, const json_t *message)
{
	const json_t *error = json_object_get(message, "error");
	const char *why = json_string_value(json_object_get(error, "message"));

	if (!why)
		why = json_string_value(error);
	if (etcd_is_token(why))
		return end_with(e, -EKEYEXPIRED, why);
	return end_with(e, -EHOSTUNREACH, why ? why : "an answer without a watch");
}

/* Revisions of another cluster mean nothing here. */
static bool is_other_cluster(const struct etcd *e, const json_t *result)
{
	__u64 cluster = etcd_number(json_object_get(result, "header"), "cluster_id");

	return cluster && cluster != e->known.cluster;
}

static bool is_asked(const struct etcd *e, __s64 id)
{
	if (id < FIRST_SEGMENT)
		return id > 0 && id <= ETCD_SECTIONS;
	return id < WATCHES && model_etcd_has(&e->conf, id - FIRST_SEGMENT);
}

static int take_message(struct etcd *e, const char *line, size_t len)
{
	json_t *message = json_loadb(line, len, 0, NULL);
	const json_t *result = json_object_get(message, "result");
	const json_t *events = json_object_get(result, "events");
	__s64 id = etcd_number(result, "watch_id");
	__s64 had = is_asked(e, id) ? e->newest[id] : 0;
	size_t i;
	int ret = 0;

	/*
	 * "canceled" first: a watch that is refused is said to be created, too, and has another
	 * ID than it was given.
	 */
	if (!result)
		ret = take_error(e, message);
	else if (is_other_cluster(e, result))
		ret = end_with(e, -ESTALE, "it is another cluster");
	else if (json_is_true(json_object_get(result, "canceled")))
		ret = take_cancel(e, result);
	else if (!is_asked(e, id))
		ret = end_with(e, -EHOSTUNREACH, "a message of no watch that was asked for");
	else if (json_is_true(json_object_get(result, "created")) && ++e->created == e->asked)
		etcd_heard(e);
	for (i = 0; !ret && i < json_array_size(events); i++)
		take_event(e, id, had, json_array_get(events, i));
	if (!ret && i)
		etcd_tell(e);
	json_decref(message);
	return ret;
}

/* What was much is taken. */
static void shrink(struct etcd_request *r)
{
	char *less = r->size > KEPT && r->len < KEPT ? realloc(r->answer, KEPT) : NULL;

	if (!less)
		return;
	r->answer = less;
	r->size = KEPT;
}

/*
 * n octets have been added to the answer; each whole line is taken out of it. In what was there
 * before is no end of a line: to look again, for each piece of a long one, would take seconds.
 */
static int take_lines(struct etcd *e, size_t n)
{
	struct etcd_request *r = &e->watch;
	size_t taken = 0, looked = r->len - n;
	char *end;
	int ret = 0;

	while (!ret && (end = memchr(r->answer + looked, '\n', r->len - looked))) {
		looked = end + 1 - r->answer;
		ret = take_message(e, r->answer + taken, end - r->answer - taken);
		taken = looked;
	}
	if (!taken)
		return ret;
	r->len -= taken;
	memmove(r->answer, r->answer + taken, r->len);
	shrink(r);
	return ret;
}

static size_t on_stream(char *data, size_t size, size_t n, void *ctx)
{
	struct etcd *e = ctx;

	if (e->watch.len + size * n > MESSAGE ||
	    etcd_request_take(data, size, n, &e->watch) != size * n) {
		end_with(e, -EHOSTUNREACH, "a message that is too large");
		return 0;
	}
	return take_lines(e, size * n) ? 0 : size * n;
}

int etcd_watch_begin(struct etcd *e)
{
	char *body = body_of(e);
	int ret = body
		? etcd_request_init(&e->watch, &e->conf, e->endpoint, "/v3/watch", body, e->token)
		: -ENOMEM;

	free(body);
	if (!e->newest)
		e->newest = calloc(WATCHES, sizeof(*e->newest));
	if (ret || !e->newest)
		return -ENOMEM;
	e->created = 0;
	e->end = 0;
	e->end_err.text[0] = '\0';
	curl_easy_setopt(e->watch.easy, CURLOPT_WRITEFUNCTION, on_stream);
	curl_easy_setopt(e->watch.easy, CURLOPT_WRITEDATA, e);
	return http_loop_add(e->loop, e->watch.easy);
}

void etcd_watch_end(struct etcd *e)
{
	etcd_ask_end(e, &e->watch);
}
