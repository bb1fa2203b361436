/* SPDX-License-Identifier: GPL-2.0-only */
/* The configuration as a file's text. */
#ifndef XR_WRITE_WRITE_H
#define XR_WRITE_WRITE_H

#include "model/model.h"

/*
 * The model as a file that config_read() accepts; with keys only if keys. quotes: text
 * that other readers take for numbers or booleans is in quotes, which doubles the time.
 */
int config_write(const struct model *m, bool keys, bool quotes, char **text, size_t *len,
		 struct xr_err *err);

#endif
