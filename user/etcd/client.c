// SPDX-License-Identifier: GPL-2.0-only
/* One question to one member, not asked yet. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "etcd_priv.h"
#include "lib/clean.h"

#define ANSWER_MAX (512U << 20)

size_t etcd_request_take(char *data, size_t size, size_t n, void *ctx)
{
	struct etcd_request *r = ctx;
	size_t more = size * n, room = r->size ? r->size : 4096;
	char *bigger;

	while (room < r->len + more + 1)
		room *= 2;
	if (room > ANSWER_MAX)
		return 0;
	if (room > r->size) {
		bigger = realloc(r->answer, room);
		if (!bigger)
			return 0;
		r->answer = bigger;
		r->size = room;
	}
	memcpy(r->answer + r->len, data, more);
	r->len += more;
	r->answer[r->len] = '\0';
	return more;
}

static bool add_header(struct etcd_request *r, const char *line)
{
	struct curl_slist *longer = curl_slist_append(r->headers, line);

	if (longer)
		r->headers = longer;
	return longer;
}

static bool add_headers(struct etcd_request *r, const char *token)
{
	char line[ETCD_TOKEN + 32];

	/* Without it a watch at a member that lost the others stays silent for ever. */
	if (!add_header(r, "Grpc-Metadata-hasleader: true") ||
	    !add_header(r, "Content-Type: application/json") || !add_header(r, "Expect:"))
		return false;
	if (!token)
		return true;
	snprintf(line, sizeof(line), "Authorization: %s", token);
	return add_header(r, line);
}

int etcd_request_init(struct etcd_request *r, const struct model_etcd *conf, unsigned int endpoint,
		      const char *path, const char *body, const char *token)
{
	char url[MODEL_ETCD_TEXT + 64];
	CURL *e = curl_easy_init();

	memset(r, 0, sizeof(*r));
	r->easy = e;
	snprintf(url, sizeof(url), "%s%s", conf->endpoint[endpoint], path);
#define SET(option, value) curl_easy_setopt(e, option, value)
	if (!e || !add_headers(r, token) || SET(CURLOPT_URL, url) ||
	    SET(CURLOPT_HTTPHEADER, r->headers) || SET(CURLOPT_COPYPOSTFIELDS, body) ||
	    SET(CURLOPT_ERRORBUFFER, r->error) || SET(CURLOPT_PRIVATE, r) ||
	    SET(CURLOPT_NOSIGNAL, 1L) || SET(CURLOPT_PROXY, "") || SET(CURLOPT_NETRC, 0L) ||
	    SET(CURLOPT_PROTOCOLS_STR, "http,https") || SET(CURLOPT_FOLLOWLOCATION, 0L) ||
	    SET(CURLOPT_USERAGENT, "xroam") ||
	    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)ETCD_PATIENCE_MS) ||
	    SET(CURLOPT_TCP_KEEPALIVE, 1L) || SET(CURLOPT_TCP_KEEPIDLE, 5L) ||
	    SET(CURLOPT_TCP_KEEPINTVL, 5L) ||
	    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) ||
	    (conf->ca[0] && SET(CURLOPT_CAINFO, conf->ca)) ||
	    (conf->cert[0] &&
	     (SET(CURLOPT_SSLCERT, conf->cert) || SET(CURLOPT_SSLKEY, conf->key))) ||
	    SET(CURLOPT_WRITEFUNCTION, etcd_request_take) || SET(CURLOPT_WRITEDATA, r)) {
		etcd_request_free(r);
		return -ENOMEM;
	}
#undef SET
	return 0;
}

void etcd_request_free(struct etcd_request *r)
{
	curl_easy_cleanup(r->easy);
	curl_slist_free_all(r->headers);
	if (r->answer)
		explicit_bzero(r->answer, r->size); /* there may be a token in it */
	free(r->answer);
	memset(r, 0, sizeof(*r));
}

/* What it says in "error" where that is an object: of streams, such as a lease's. */
static const json_t *in_error(const json_t *answer, const char *key)
{
	const json_t *error = json_object_get(answer, "error");

	return json_object_get(json_is_object(error) ? error : answer, key);
}

/* The gateway's words for what it was refused by; else the beginning of what came. */
static void words_of(const struct etcd_request *r, const json_t *answer, char *words, size_t size)
{
	const char *text = json_string_value(in_error(answer, "error"));

	if (!text)
		text = json_string_value(in_error(answer, "message"));
	snprintf(words, size, "%.200s", text ? text : r->answer ? r->answer : "no words");
	clean_line(words);
}

bool etcd_is_token(const char *words)
{
	static const char *const parts[] = { "auth token", "user name is empty",
					     "auth store is old" };
	size_t i;

	for (i = 0; words && i < 3; i++)
		if (strstr(words, parts[i]))
			return true;
	return false;
}

/* etcd's own messages; the codes are gRPC's, and several errors have one. */
static int errno_of(long status, const json_t *answer, const char *words)
{
	const json_t *stream = json_object_get(answer, "error");
	json_int_t code = json_integer_value(
		in_error(answer, json_is_object(stream) ? "grpc_code" : "code"));

	if (status == 401 || code == 16 || etcd_is_token(words))
		return -EKEYEXPIRED;
	if (status == 403 || code == 7)
		return -EACCES;
	if (strstr(words, "has been compacted"))
		return -ESTALE;
	/* No quorum, no leader, a member that is behind: another one may do better. */
	if (status >= 500 || code == 14 || code == 4 || strstr(words, "future revision"))
		return -EHOSTUNREACH;
	return code == 5 ? -ENOENT : -EINVAL;
}

int etcd_request_answer(struct etcd_request *r, CURLcode code, json_t **answer, struct xr_err *err)
{
	const char *where = "";
	char words[256];
	long status = 0;
	int ret;

	curl_easy_getinfo(r->easy, CURLINFO_EFFECTIVE_URL, &where);
	*answer = NULL;
	if (code) {
		clean_line(r->error);
		return xr_fail(err, -EHOSTUNREACH, "%s: %s", where,
			       r->error[0] ? r->error : curl_easy_strerror(code));
	}
	curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	*answer = r->answer ? json_loadb(r->answer, r->len, 0, NULL) : NULL;
	if (status == 200 && json_is_object(*answer))
		return 0;
	words_of(r, *answer, words, sizeof(words));
	ret = errno_of(status, *answer, words);
	json_decref(*answer);
	*answer = NULL;
	return xr_fail(err, ret, "%s: status %ld: %s", where, status, words);
}
