/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files that read and write a configuration share. */
#ifndef XR_CONFIG_CONFIG_PRIV_H
#define XR_CONFIG_CONFIG_PRIV_H

#include <stdarg.h>
#include "yaml/lines.h"
#include "config_runs.h"
#include "config_schema.h"
#include "lib/lut.h"
#include "model/model.h"

#define PATH_LEN 256 /* of "backends[3].vips[0]" */

/* Paths at which a mended text has a value of its own, where the file's is wrong. */
struct stand_ins {
	char (*path)[PATH_LEN];
	size_t n;
};

struct reader {
	const char *name; /* of the file, for messages */
	const char *text;
	size_t len;
	struct xr_err *err;
	/* libcyaml's error: its first line, and the path of the node it is about */
	char cyaml_error[256];
	char path[PATH_LEN];
	bool ends_in_field;  /* path ends in a key of a mapping, not in a list */
	bool failed;         /* a line has been written to err */
	struct xr_errs *all; /* NULL: the first is enough */
	/* The lines of path and of the list item around it; 0: to be searched for. */
	__u32 line, item;
	/* text is the mended one, and these stand for what is wrong; NULL: as it came */
	const struct stand_ins *stand_ins;
	struct runs *runs; /* that have been taken out of text; NULL: it is whole */
};

/*
 * ---- config_error.c: each fail_*() reports one error. -EINVAL; or 0 where all errors
 * are wanted and there is room for more: the caller goes on ----
 */

/* item: the first line of the list item around it, else line. */
int fail_line(struct reader *r, __u32 line, __u32 item, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
int fail_at(struct reader *r, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* About the node at r->path, or a key in it. */
int fail_key(struct reader *r, const char *key); /* the schema has no such key */
int fail_missing(struct reader *r, const char *key);
int fail_twice(struct reader *r, const char *key);
int fail_word(struct reader *r, const char *value);
int fail_kind(struct reader *r, const char *want, const char *got);

#define LIST_WORDS    "a list"
#define MAPPING_WORDS "a mapping (key: value)"
#define VALUE_WORDS   "a single value"

/* The text is no YAML, or has what a configuration has not. */
bool config_is_syntax(cyaml_err_t e);
/* Reports libcyaml's error e, of which config_on_log() got the details. */
int config_explain(struct reader *r, cyaml_err_t e);
void config_on_log(cyaml_log_t level, void *ctx, const char *fmt, va_list ap);

/* Writes path with key ("vips" or "[3]") behind it to out. */
void path_join(char *out, size_t size, const char *path, const char *key);
/* "port" of "vips[3].port" */
const char *last_key(const char *path);
/* "backends[3]" -> "backends", for an operator; the top is "the file". */
const char *plain_name(const char *path, char *buf);

/* ---- config_shape.c ---- */

struct shape;

/*
 * Reports, in r->all, everything in r->text that has a wrong shape: keys that are not in
 * the schema, missing or given twice, a list where a value belongs, unknown words. *s: a
 * text that libcyaml reads, without those and with each thing in the line where it was,
 * so that the values can be checked, too. 0, or -errno: reported, or no memory.
 */
int shape_mend(struct reader *r, struct shape **s);
void shape_free(struct shape *s);
const char *shape_text(const struct shape *s, size_t *len);
const struct stand_ins *shape_stand_ins(const struct shape *s);

/* ---- config_value.c ---- */

/* A number of the range that its key has. */
int config_number(struct reader *r, const char *path, const char *text, __u64 *value);
/* "list[i].key" */
const char *config_at(char *buf, const char *list, size_t i, const char *key);

__u32 config_line_of(const struct reader *r, const char *list, size_t i);
/* Something in list[i] has been reported. */
bool config_is_bad(const struct reader *r, const char *list, size_t i);

/* Reads a number; to is unchanged where it is left out. */
#define TAKE(r, path, from, to)                                               \
	({                                                                    \
		__u64 number_ = 0;                                            \
		int bad_ = from ? config_number(r, path, from, &number_) : 0; \
		if (!bad_ && from)                                            \
			to = number_;                                         \
		bad_;                                                         \
	})

/* One value each; its destination is unchanged where it is wrong. what: of what it is the name. */
int config_name(struct reader *r, const char *path, const char *what, const char *text, char *name);
int config_addr(struct reader *r, const char *path, const char *text, __be32 *addr);
/* text NULL: left out. */
int config_mac(struct reader *r, const char *path, const char *text, __u8 *mac);
int config_dev(struct reader *r, const char *path, const char *text, char *dev);
/* Of a file, from the root; at most size with its NUL. text NULL: left out. */
int config_file(struct reader *r, const char *path, const char *text, char *file, size_t size);
/* Seconds, or "500ms". */
int config_ms(struct reader *r, const char *path, const char *text, __u32 *ms);

/* ---- config_take.c ---- */

int config_take(struct reader *r, const struct raw *raw, struct model *m);

/* ---- config_take_hosts.c: hosts, gateways, protected, sources, metrics ---- */

int config_take_hosts(struct reader *r, const struct raw *raw, struct model *m);
/* A name of a host that is in the file, or may be in etcd; text NULL: left out. */
int config_host(struct reader *r, const struct raw *raw, const struct model *m, const char *path,
		const char *text, char name[XR_NAME_LEN]);
/* A host's name could not be read: so "there is no host X" must not be reported. */
bool config_lost_host(const struct reader *r, const struct model *m);

/* ---- config_take_etcd.c ---- */

/* from NULL: the file has none. */
int config_take_etcd(struct reader *r, const struct raw_etcd *from, struct model_etcd *to);

/* ---- config_take_ovn.c ---- */

int config_take_ovn(struct reader *r, const struct raw *raw, struct model *m);

/* ---- config_take_health.c ---- */

int config_take_health(struct reader *r, const struct raw *raw, struct model *m);
/* A name of a check; text NULL: left out. */
int config_check_name(struct reader *r, const char *path, const char *text, char *name);

/* ---- config_take_on_move.c ---- */

int config_take_on_move(struct reader *r, const struct raw_on_move *from, struct model_on_move *to);
int config_take_vm_routes(struct reader *r, const struct raw_vm_routes *from,
			  struct model_vm_routes *to);

/* ---- config_vms.c: vms, one node after the other ---- */

struct vms_reader {
	struct reader *r;
	struct model *m;
	struct lut hosts;  /* by name */
	bool other_hosts;  /* one that is not in m is somewhere else */
	unsigned int seen; /* keys of the VM that is being read */
	/* What has a wrong shape was reported, and is skipped. */
	enum vms_skip { SKIP_NOTHING, SKIP_VM, SKIP_ALL } skip;
};

/* other_hosts: so many at most are not in m, which gets their names; 0: all must be in m. */
int config_vms_begin(struct vms_reader *v, struct reader *r, struct model *m, size_t other_hosts);
/* A node at or below "vms"; false: it is wrong, which was reported. */
bool config_vms_node(struct vms_reader *v, const struct lines_step *s, size_t depth,
		     const struct lines_node *node);
int config_vms_end(struct vms_reader *v);

#endif
