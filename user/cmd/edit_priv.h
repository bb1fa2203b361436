/* SPDX-License-Identifier: GPL-2.0-only */
/* What the commands that change an instance share. */
#ifndef XR_CMD_EDIT_PRIV_H
#define XR_CMD_EDIT_PRIV_H

#include "apply/apply.h"
#include "args/args.h"
#include "args/out.h"
#include "cmd.h"
#include "model/model.h"

/*
 * Loads the running model, lets edit() change it, and makes the instance equal to it.
 * edit() returns 0, or -errno with the line in err. Prints warnings and errors, and the
 * changes with -v. Returns the exit status. what: as of model_edit().
 */
int cmd_edit(enum plane_access how, enum edit_what what,
	     int (*edit)(struct model *m, void *ctx, struct xr_err *err), void *ctx);

/* The changes of a commit, printed as they come or kept for JSON. */
struct change_list {
	bool quiet;
	json_t *json; /* array, with -j */
	size_t n;
};
/* ctx: struct change_list. A line that begins with "! " is a warning. */
void cmd_print_change(void *ctx, const char *line);

/* Adds "mtu" of a path, and "mtu_learned" where an ICMP error showed it. */
void json_add_mtu(json_t *to, struct plane *p, __u32 path);

/*
 * Takes a health check's name, for a member of XR_CHECK_NAME octets that is zero so far;
 * "none" becomes empty unless keep_none. 0, or EXIT_USAGE with the error printed.
 */
int cmd_take_check(struct args *a, char *to, bool keep_none);

/* Opens the instance with its lock and loads its model; 0, or the exit status. */
int cmd_load_model(struct plane **p, struct model *m);

#endif
