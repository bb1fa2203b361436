// SPDX-License-Identifier: GPL-2.0-only
/*
 * For LD_PRELOAD: NOMEM=N, and the N-th allocation fails. At the end NOMEM_COUNT=FILE
 * gets the number of them all.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);

static long fails_at, n;

__attribute__((constructor)) static void begin(void)
{
	const char *text = getenv("NOMEM");

	n = 0;
	fails_at = text ? atol(text) : 0;
}

__attribute__((destructor)) static void end(void)
{
	const char *path = getenv("NOMEM_COUNT");
	long all = __atomic_load_n(&n, __ATOMIC_RELAXED);
	FILE *f = path ? fopen(path, "we") : NULL;

	if (!f)
		return;
	fprintf(f, "%ld\n", all);
	fclose(f);
}

static int fails(void)
{
	if (__atomic_add_fetch(&n, 1, __ATOMIC_RELAXED) != fails_at)
		return 0;
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t items, size_t size)
{
	return fails() ? NULL : __libc_calloc(items, size);
}

void *realloc(void *old, size_t size)
{
	return fails() ? NULL : __libc_realloc(old, size);
}
