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

#define LOGIN_MS 5000
#define ROUNDS   2 /* each member is asked so often */

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

static int ask(struct etcd_session *s, const char *path, const char *body, long timeout_ms,
	       json_t **answer, struct xr_err *err)
{
	struct etcd_request r;
	int ret = etcd_request_init(&r, s->conf, s->at, path, body, s->token);

	if (ret)
		return xr_fail(err, ret, "libcurl: out of memory");
	curl_easy_setopt(r.easy, CURLOPT_TIMEOUT_MS, timeout_ms);
	ret = etcd_request_answer(&r, curl_easy_perform(r.easy), answer, err);
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
	ret = ask(s, "/v3/auth/authenticate", text, LOGIN_MS, &answer, err);
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
}

int etcd_call(struct etcd_session *s, const char *path, json_t *body, long timeout_ms,
	      json_t **answer, struct xr_err *err)
{
	unsigned int tries = ROUNDS * s->conf->n_endpoints, logins = 0;
	char *text = json_dumps(body, JSON_COMPACT);
	int ret = 0;

	json_decref(body);
	if (!text)
		return xr_fail(err, -ENOMEM, "out of memory");
	while (tries--) {
		ret = s->conf->user[0] && !s->token ? login(s, err) : 0;
		if (!ret)
			ret = ask(s, path, text, timeout_ms, answer, err);
		/* A member forgets tokens when it starts again. */
		if (ret == -EKEYEXPIRED && !logins++) {
			ret = login(s, err);
			if (!ret)
				ret = ask(s, path, text, timeout_ms, answer, err);
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
