/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XR_CLUSTER_CLUSTER_PRIV_H
#define XR_CLUSTER_CLUSTER_PRIV_H

#include <jansson.h>
#include "etcd/etcd.h"

/* ---- items.c: a file's lists as JSON ---- */

/* The whole text, with the values as they stand there. NULL: it is no YAML. */
json_t *items_of_text(const char *text, size_t len);
/*
 * What etcd is to have by the file: key below the prefix to value. With keys of CID
 * configurations it is refused: -EINVAL and the line.
 */
int items_of_file(const char *path, const struct model *m, const json_t *file, json_t **items,
		  struct xr_err *err);

/* ---- compare.c ---- */

/* One key that differs. have or want NULL: it is not there. */
struct difference {
	const char *key;
	const json_t *have, *want;
	__s64 revision; /* of have; 0: none */
};

struct differences {
	json_t *have;      /* key to value, of the lists and segments that are compared */
	json_t *revisions; /* key to revision */
	struct difference *item;
	size_t n;
};

/*
 * Reads the lists and the segments that m has, and compares; differences_free() it, too
 * where it fails.
 */
int differences_find(struct etcd_session *s, const struct model *m, const json_t *want,
		     struct differences *d, struct xr_err *err);
void differences_free(struct differences *d);
/* "+ hosts/h1 ...", as apply has it; free() it. */
char *difference_line(const struct difference *d);

#endif
