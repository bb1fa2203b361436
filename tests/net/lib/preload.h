/* SPDX-License-Identifier: GPL-2.0-only */
/* What libraries for LD_PRELOAD are made with. */
#ifndef XR_TEST_PRELOAD_H
#define XR_TEST_PRELOAD_H

#include <dlfcn.h>
#include <stdarg.h>

/* The function of that name which is called where there is none before it. */
#define REAL(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

/* The six arguments of a system call, that follow the parameter nr. */
#define TAKE_ARGUMENTS(a, nr)                          \
	do {                                           \
		va_list list_;                         \
		int i_;                                \
                                                       \
		va_start(list_, nr);                   \
		for (i_ = 0; i_ < 6; i_++)             \
			(a)[i_] = va_arg(list_, long); \
		va_end(list_);                         \
	} while (0)

#endif
