// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's own words. libbpf prints what the kernel answered over netlink
 * and keeps only errno.
 */
#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>

#include "attach_priv.h"

static char kernel_words[192];
static libbpf_print_fn_t pass_on;

static int hear(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	static const char mark[] = "Kernel error message: ";
	char line[512], *at;
	va_list copy;

	va_copy(copy, ap);
	vsnprintf(line, sizeof(line), fmt, copy);
	va_end(copy);
	at = strstr(line, mark);
	if (at) {
		snprintf(kernel_words, sizeof(kernel_words), "%.190s", at + strlen(mark));
		kernel_words[strcspn(kernel_words, "\n")] = '\0';
	}
	return pass_on ? pass_on(level, fmt, ap) : 0;
}

void words_listen(void)
{
	kernel_words[0] = '\0';
	pass_on = libbpf_set_print(hear);
}

void words_stop(void)
{
	libbpf_set_print(pass_on);
}

const char *words_heard(void)
{
	return kernel_words;
}

const char *words_or(int code)
{
	return kernel_words[0] ? kernel_words : strerror(-code);
}
