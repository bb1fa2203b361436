// SPDX-License-Identifier: GPL-2.0-only
/* All that is below a key, page by page, as of one revision. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "etcd_priv.h"

#define PAGE 10000

struct range {
	struct etcd_session *s;
	size_t skip; /* of each key: PREFIX/below */
	__s64 *revision;
	size_t done;
	char *last; /* key of the page before; NULL: none */
	size_t last_len;
};

static json_t *question(const struct range *r, const char *below)
{
	json_t *body = json_pack("{s:o, s:o, s:i}", "key",
				 r->last ? etcd_encode(r->last, r->last_len + 1)
					 : etcd_key(r->s->conf, below),
				 "range_end", etcd_key_end(r->s->conf, below), "limit", PAGE);

	if (*r->revision)
		json_object_set_new(body, "revision", json_sprintf("%lld", *r->revision));
	return body;
}

static int take_page(struct range *r, const json_t *answer,
		     int (*each)(void *ctx, const struct etcd_value *v), void *ctx)
{
	const json_t *kvs = json_object_get(answer, "kvs"), *kv;
	struct etcd_value v;
	char *value;
	size_t i;
	int ret = 0;

	for (i = 0; !ret && i < json_array_size(kvs); i++) {
		kv = json_array_get(kvs, i);
		free(r->last);
		r->last = etcd_decode(json_object_get(kv, "key"), &r->last_len);
		value = etcd_decode(json_object_get(kv, "value"), &v.len);
		if (!r->last || !value || r->last_len < r->skip) {
			free(value);
			return -ENOMEM;
		}
		v.key = r->last + r->skip;
		v.text = value;
		v.revision = etcd_number(kv, "mod_revision");
		ret = each(ctx, &v);
		free(value);
	}
	r->done += i;
	return ret;
}

int etcd_range(struct etcd_session *s, const char *below, __s64 *revision,
	       int (*each)(void *ctx, const struct etcd_value *v),
	       void (*progress)(void *ctx, size_t done, size_t total), void *ctx,
	       struct xr_err *err)
{
	struct range r = {
		.s = s,
		.skip = strlen(s->conf->prefix) + 1 + strlen(below),
		.revision = revision,
	};
	size_t total = 0, before;
	bool more = true;
	json_t *answer;
	int ret = 0;

	while (!ret && more) {
		ret = etcd_call(s, "/v3/kv/range", question(&r, below), &answer, err);
		if (ret)
			break;
		if (!*revision)
			*revision = etcd_number(json_object_get(answer, "header"), "revision");
		before = r.done;
		/* Those of this page and all behind it. */
		total = before + etcd_number(answer, "count");
		ret = take_page(&r, answer, each, ctx);
		more = r.done > before && json_is_true(json_object_get(answer, "more"));
		json_decref(answer);
		if (progress)
			progress(ctx, r.done, total);
		if (ret)
			xr_fail(err, ret, "%s: out of memory", below);
	}
	free(r.last);
	return ret;
}
