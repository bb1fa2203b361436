/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts that read the file tell each other, and nobody else. */
#ifndef XR_CORE_CONFIG_PRIV_H
#define XR_CORE_CONFIG_PRIV_H

#include <stdarg.h>
#include "config_lines.h"
#include "config_schema.h"
#include "lut.h"
#include "model.h"

#define PATH_LEN	256	/* of "backends[3].vips[0]" */

struct reader {
	const char *name;	/* of the file, for messages */
	const char *text;
	size_t len;
	struct xr_err *err;
	/* libcyaml's error: its first line, and the way there, innermost last */
	char said[256];
	char path[PATH_LEN];
	bool ends_in_field;
	bool failed;		/* a line has been written to err */
	struct xr_errs *all;	/* NULL: the first is enough */
};

/*
 * ---- config_error.c: each gives -EINVAL, the line being written; or 0, where all
 * that is wrong is asked for and there is room: go on with what is next ----
 */

int fail_line(struct reader *r, __u32 line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int fail_at(struct reader *r, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* libcyaml's error e, of which config_on_log() heard the details. */
int config_explain(struct reader *r, cyaml_err_t e);
void config_on_log(cyaml_log_t level, void *ctx, const char *fmt, va_list ap);

/*
 * The same for r->all, of everything that is wrong in this way. True: only keys
 * that nobody knows; the values can be looked at.
 */
bool config_all_shapes(struct reader *r, cyaml_err_t first);

/* "port" of "vips[3].port" */
const char *last_key(const char *path);

/* ---- config_take.c ---- */

int config_take(struct reader *r, const struct raw *raw, struct model *m);

/* A number of the range that its key has. */
int config_number(struct reader *r, const char *path, const char *text,
		  __u64 *value);
/* "list[i].key" */
const char *config_at(char *buf, const char *list, size_t i, const char *key);

/* Leaves *to alone where the number is left out. */
#define TAKE(r, path, from, to)                                                \
	({                                                                     \
		__u64 number_ = 0;                                             \
		int bad_ = from ? config_number(r, path, from, &number_) : 0;  \
		if (!bad_ && from)                                             \
			to = number_;                                          \
		bad_;                                                          \
	})

/* ---- config_take_hosts.c: hosts, gateways, protected, sources ---- */

int config_take_hosts(struct reader *r, const struct raw *raw,
		      struct model *m);

/* ---- config_vms.c: vms, one node after the other ---- */

struct vms_reader {
	struct reader *r;
	struct model *m;
	struct lut hosts;	/* by name */
	unsigned int seen;	/* keys of the VM that is being read */
};

int config_vms_begin(struct vms_reader *v, struct reader *r, struct model *m);
/* A node at or below "vms"; false: it is wrong, and the line is written. */
bool config_vms_node(struct vms_reader *v, const struct lines_step *s,
		     size_t depth, const struct lines_node *node);
int config_vms_end(struct vms_reader *v);

/* ---- config_quote.c ---- */

/* Replaces what libcyaml wrote. */
int config_quote(char **text, size_t *len);

#endif
