/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * In which line of a YAML text a node is: libcyaml gives values without their
 * lines, so a second pass over libyaml's events finds them.
 */
#ifndef XR_YAML_LINES_H
#define XR_YAML_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#define LINES_DEPTH   8
#define LINES_PROBLEM 192 /* room for what is wrong with a file as YAML */

struct lines_step {
	const char *key; /* in a mapping; NULL: in a list */
	long index;      /* in a list */
};

struct lines_node {
	__u32 line;
	const char *value; /* NULL: a list or a mapping begins */
	bool quoted;
};

/*
 * Calls each() for each value, with the steps that lead to it and the line of its key (in
 * a list: its own). each() returns false to stop; it may be NULL. Returns 0; or the line of
 * an error, described in *problem: the text is not YAML, or not one document without
 * anchors, aliases and NULs; or -ENOMEM.
 */
int lines_walk(const char *text, size_t len,
	       bool (*each)(void *ctx, const struct lines_step *step, size_t depth,
			    const struct lines_node *node),
	       void *ctx, char *problem, size_t size);

/* The same, of errors alone. */
int lines_check(const char *text, size_t len);
/*
 * The same, but only where brackets may be nested too deeply: to be called before anybody
 * else reads the text, as libyaml's time for it grows with the square of the depth.
 */
int lines_check_depth(const char *text, size_t len, char *problem, size_t size);

/*
 * The line of the last value at path, such as "backends[3].vm.vlan"; where
 * there is none, of what would hold it; else 1.
 */
__u32 lines_find(const char *text, size_t len, const char *path);

#endif
