/* SPDX-License-Identifier: GPL-2.0-only */
/* What cmocka wants to be included before it, and what every test needs. */
#ifndef XR_TEST_UNIT_H
#define XR_TEST_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

/* For main(): true where the user may make no BPF map, and TAP says why nothing is tested. */
static inline bool lacks_root(void)
{
	if (!geteuid())
		return false;
	printf("1..0 # SKIP it makes BPF maps, which root may\n");
	return true;
}

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
