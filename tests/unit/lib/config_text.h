/* SPDX-License-Identifier: GPL-2.0-only */
/* Text in, an error or text out: what the tests of the configuration file share. */
#ifndef XR_TEST_CONFIG_TEXT_H
#define XR_TEST_CONFIG_TEXT_H

#include "unit.h"
#include "user/config/config.h"

/* A text, and the error's line: "" where there is none. */
struct config_case {
	const char *text, *error;
};

/* Reads and checks each one. */
void check_errors(const struct config_case *cases, size_t n);

/* What is written of what the text says; free() it. */
char *written(const char *text, bool keys);

#endif
