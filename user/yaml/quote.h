/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XR_YAML_QUOTE_H
#define XR_YAML_QUOTE_H

#include <stddef.h>

#define CONFIG_HIDDEN "hidden" /* in the place of a key: keep it */

/* Puts quotes around values of *text that need them: a new text. 0 or -ENOMEM. */
int yaml_quote(char **text, size_t *len);

#endif
