// SPDX-License-Identifier: GPL-2.0-only
/* The daemon's questions, which it does not wait for: their answers go to the loop's on_done(). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "etcd_priv.h"

int etcd_ask(struct etcd *e, struct etcd_request *r, const char *path, json_t *body,
	     const char *token, long ms)
{
	char *text = json_dumps(body, JSON_COMPACT);
	int ret = -ENOMEM;

	json_decref(body);
	if (text)
		ret = etcd_request_init(r, &e->conf, e->endpoint, path, text, token);
	/* A password may be in it. */
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
	if (ret)
		return ret;
	curl_easy_setopt(r->easy, CURLOPT_TIMEOUT_MS, ms);
	ret = http_loop_add(e->loop, r->easy);
	if (ret)
		etcd_request_free(r);
	return ret;
}

void etcd_ask_end(struct etcd *e, struct etcd_request *r)
{
	if (!r->easy)
		return;
	http_loop_remove(e->loop, r->easy);
	etcd_request_free(r);
}
