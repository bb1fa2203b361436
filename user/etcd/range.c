// SPDX-License-Identifier: GPL-2.0-only
/* All that is below a key, page by page, as of one revision. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "etcd_priv.h"

/* More at a time is a little faster, and slower than a second on a busy machine. */
#define PAGE 2500

struct range {
	struct etcd_session *s;
	size_t skip; /* of each key: PREFIX/ */
	__s64 *revision;
	size_t done;
	char *last; /* key of the page before; NULL: none */
	size_t last_len;
};

static json_t *question(const struct range *r, const char *below)
{
	json_t *body = json_pack("{s:o, s:o, s:i}", "key",
				 r->last ? base64_encode(r->last, r->last_len + 1)
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
	char *key, *value;
	size_t i, len;
	int ret = 0;

	for (i = 0; !ret && i < json_array_size(kvs); i++) {
		kv = json_array_get(kvs, i);
		key = base64_decode(json_object_get(kv, "key"), &len);
		value = base64_decode(json_object_get(kv, "value"), &v.len);
		ret = key && value && len >= r->skip ? 0 : -ENOMEM;
		if (!ret) {
			v.key = key + r->skip;
			v.text = value;
			v.revision = etcd_number(kv, "mod_revision");
			ret = each(ctx, &v);
		}
		free(key);
		free(value);
	}
	r->done += i;
	return ret;
}

/* ---- a page is asked for while the one before is taken ---- */

struct fetch {
	struct etcd_session *s; /* nobody else's meanwhile */
	json_t *question, *answer;
	int ret;
	struct xr_err err;
	pthread_t thread;
	bool runs;
};

static void *run_fetch(void *ctx)
{
	struct fetch *f = ctx;

	f->ret = etcd_call(f->s, "/v3/kv/range", f->question, &f->answer, &f->err);
	return NULL;
}

static void begin_fetch(struct fetch *f, struct etcd_session *s, json_t *question)
{
	*f = (struct fetch){ .s = s, .question = question };
	f->runs = !pthread_create(&f->thread, NULL, run_fetch, f);
}

static void end_fetch(struct fetch *f)
{
	if (f->runs)
		pthread_join(f->thread, NULL);
	else
		run_fetch(f);
}

/* Where the page after this one begins; false: there is none. */
static bool note_last(struct range *r, const json_t *answer)
{
	const json_t *kvs = json_object_get(answer, "kvs");
	size_t n = json_array_size(kvs);

	if (!n || !json_is_true(json_object_get(answer, "more")))
		return false;
	free(r->last);
	r->last = base64_decode(json_object_get(json_array_get(kvs, n - 1), "key"), &r->last_len);
	return r->last;
}

int etcd_range(struct etcd_session *s, const char *below, __s64 *revision,
	       int (*each)(void *ctx, const struct etcd_value *v),
	       void (*progress)(void *ctx, size_t done, size_t total), void *ctx,
	       struct xr_err *err)
{
	struct range r = {
		.s = s,
		.skip = strlen(s->conf->prefix) + 1,
		.revision = revision,
	};
	bool more = true;
	struct fetch f;
	json_t *answer;
	size_t total;
	int ret = 0;

	begin_fetch(&f, s, question(&r, below));
	while (more) {
		end_fetch(&f);
		if (!ret && f.ret) {
			ret = f.ret;
			*err = f.err;
		}
		answer = f.ret ? NULL : f.answer;
		if (!ret && !*revision)
			*revision = etcd_number(json_object_get(answer, "header"), "revision");
		/* Those of this page and all behind it. */
		total = r.done + etcd_number(answer, "count");
		more = !ret && note_last(&r, answer);
		if (more)
			begin_fetch(&f, s, question(&r, below));
		if (!ret && take_page(&r, answer, each, ctx))
			ret = xr_fail(err, -ENOMEM, "%s: out of memory", below);
		json_decref(answer);
		if (!ret && progress)
			progress(ctx, r.done, total);
	}
	free(r.last);
	return ret;
}
