/* SPDX-License-Identifier: GPL-2.0-only */
/* A notice as one line of JSON, and the answer to it. */
#ifndef XR_SOURCE_NOTICE_JSON_H
#define XR_SOURCE_NOTICE_JSON_H

#include <jansson.h>
#include <stddef.h>
#include "vm/vm.h"

/*
 * 0 and *n, whose words live as long as *line (json_decref() it; NULL where it
 * failed); or -EINVAL and the line that names the key.
 */
int notice_read(const char *text, size_t len, struct xr_notice *n, json_t **line,
		struct xr_err *err);

/* One line with its newline, of at most NOTICE_ANSWER octets. The length. */
#define NOTICE_ANSWER 4096
size_t notice_done(char *buf, const struct xr_answer *a);
size_t notice_refused(char *buf, const char *why);

#endif
