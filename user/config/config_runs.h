/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Long lists of server IDs are taken out of the text before libcyaml and libyaml read it, which
 * need a microsecond for each. A run is lines that are nothing but hex: an item each, indented
 * alike ("  - '0a0b'"), or items that end in commas. Its first line stays: where that turns out
 * to be items of a backend's server_ids, so are those behind it. Where it does not, or anything
 * else is wrong, the whole text is read.
 */
#ifndef XR_CONFIG_RUNS_H
#define XR_CONFIG_RUNS_H

#include "model/model.h"
#include "yaml/lines.h"

struct run {
	__u32 line;        /* of the first, from 1 */
	size_t from, to;   /* in the text: where that line begins, and the last one ends */
	size_t n;          /* lines */
	long backend, sid; /* which the first item turned out to be; -1: none yet */
};

struct runs {
	const char *text; /* as it came */
	struct run *run;
	size_t n;
	size_t next; /* that is to be met */
	char *rest;  /* the text without them, each line where it was */
	size_t rest_len;
};

/* false: there are none, or there is no memory. */
bool runs_cut(struct runs *r, const char *text, size_t len);
/* An item of that backend's server IDs. */
void runs_meet(struct runs *r, long backend, long sid, const struct lines_node *node);
/* Puts them all into the model. -EINVAL: not all have been met; -ENOMEM. */
int runs_put(const struct runs *r, struct model *m);
void runs_free(struct runs *r);

#endif
