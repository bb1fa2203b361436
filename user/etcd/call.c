// SPDX-License-Identifier: GPL-2.0-only
/* Questions whose answers are waited for: of the command, and of the child that reads all. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "etcd_priv.h"

#define ROUNDS 3 /* each member is asked so often, and has twice the time each time */

int etcd_password(const struct model_etcd *conf, char *password, size_t size, struct xr_err *err)
{
	const char *file = conf->password_file;
	struct stat st;
	int fd = config_open(file, &st, err);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read(fd, password, size - 1);
	close(fd);
	if (n < 0)
		return xr_fail(err, -errno, "%s: %s", file, strerror(errno));
	if (st.st_mode & 077)
		return xr_fail(err, -EACCES, "%s: others can read it; chmod 600 it", file);
	password[n] = '\0';
	password[strcspn(password, "\r\n")] = '\0';
	return 0;
}

json_t *etcd_login_body(const struct model_etcd *conf, struct xr_err *err)
{
	char password[MODEL_ETCD_TEXT];
	json_t *body = NULL;

	if (!etcd_password(conf, password, sizeof(password), err))
		body = json_pack("{s:s, s:s}", "name", conf->user, "password", password);
	explicit_bzero(password, sizeof(password));
	return body;
}

/* Whether a member is still there: an answer may take long, but octets of it come. */
struct patience {
	uint64_t since; /* the last octets came, on daemon_clock_us()'s clock */
	curl_off_t had;
	long ms;
};

/* libcurl's progress function: it is called once a second at least. */
static int is_over(void *ctx, curl_off_t total, curl_off_t now, curl_off_t to_send, curl_off_t sent)
{
	struct patience *p = ctx;
	uint64_t us = daemon_clock_us();

	(void)total;
	(void)to_send;
	if (now + sent != p->had) {
		p->had = now + sent;
		p->since = us;
	}
	return us - p->since >= p->ms * US_PER_MS;
}

static int ask(struct etcd_session *s, const char *path, const char *body, json_t **answer,
	       struct xr_err *err)
{
	struct patience p = { .since = daemon_clock_us(), .ms = ETCD_PATIENCE_MS << s->round };
	struct etcd_request r;
	CURLcode code;
	int ret = etcd_request_init(&r, s->conf, s->at, path, body, s->token);

	if (ret)
		return xr_fail(err, ret, "libcurl: out of memory");
	if (!s->shared && (s->shared = curl_share_init()))
		curl_share_setopt(s->shared, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT);
	curl_easy_setopt(r.easy, CURLOPT_SHARE, s->shared);
	curl_easy_setopt(r.easy, CURLOPT_XFERINFOFUNCTION, is_over);
	curl_easy_setopt(r.easy, CURLOPT_XFERINFODATA, &p);
	curl_easy_setopt(r.easy, CURLOPT_NOPROGRESS, 0L);
	code = curl_easy_perform(r.easy);
	if (code == CURLE_ABORTED_BY_CALLBACK)
		snprintf(r.error, sizeof(r.error), "no answer in %ld s", p.ms / 1000);
	ret = etcd_request_answer(&r, code, answer, err);
	etcd_request_free(&r);
	return ret;
}

static int login(struct etcd_session *s, struct xr_err *err)
{
	json_t *body, *answer;
	char *text;
	int ret;

	if (!s->conf->user[0])
		return xr_fail(err, -EACCES, "etcd wants a user: write user and password_file");
	body = etcd_login_body(s->conf, err);
	if (!body)
		return -EACCES;
	free(s->token);
	s->token = NULL;
	text = json_dumps(body, JSON_COMPACT);
	json_decref(body);
	ret = ask(s, "/v3/auth/authenticate", text, &answer, err);
	explicit_bzero(text, strlen(text));
	free(text);
	if (ret)
		return ret == -EINVAL ? -EACCES : ret;
	s->token = strdup(json_string_value(json_object_get(answer, "token")) ?: "");
	json_decref(answer);
	return 0;
}

void etcd_session_end(struct etcd_session *s)
{
	free(s->token);
	s->token = NULL;
	curl_share_cleanup(s->shared);
	s->shared = NULL;
}

int etcd_call(struct etcd_session *s, const char *path, json_t *body, json_t **answer,
	      struct xr_err *err)
{
	unsigned int n = s->conf->n_endpoints, most = s->once ? n : ROUNDS * n;
	unsigned int tries, logins = 0;
	char *text = json_dumps(body, JSON_COMPACT);
	int ret = 0;

	json_decref(body);
	if (!text)
		return xr_fail(err, -ENOMEM, "out of memory");
	for (tries = 0; tries < most; tries++) {
		s->round = tries / n;
		s->repeated |= tries;
		ret = s->conf->user[0] && !s->token ? login(s, err) : 0;
		if (!ret)
			ret = ask(s, path, text, answer, err);
		/* A member forgets tokens when it starts again. */
		if (ret == -EKEYEXPIRED && !logins++) {
			ret = login(s, err);
			if (!ret)
				ret = ask(s, path, text, answer, err);
		}
		if (ret != -EHOSTUNREACH)
			break;
		s->at = (s->at + 1) % s->conf->n_endpoints;
	}
	free(text);
	if (!ret)
		s->cluster = etcd_number(json_object_get(*answer, "header"), "cluster_id");
	return ret == -EKEYEXPIRED ? -EACCES : ret;
}
