/* SPDX-License-Identifier: GPL-2.0-only */
/* What cmocka wants to be included before it, and what every test needs. */
#ifndef XR_TEST_UNIT_H
#define XR_TEST_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
