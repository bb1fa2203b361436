// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's message beside an error number. What it answers over netlink is
 * printed by libbpf, which returns no more than errno: so the text is taken from
 * what libbpf prints.
 */
#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>

#include "attach_priv.h"

static char message[192];
static libbpf_print_fn_t print_before;

static int on_print(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	static const char mark[] = "Kernel error message: ";
	char line[512], *at;
	va_list copy;

	va_copy(copy, ap);
	vsnprintf(line, sizeof(line), fmt, copy);
	va_end(copy);
	at = strstr(line, mark);
	if (at) {
		snprintf(message, sizeof(message), "%.190s", at + strlen(mark));
		message[strcspn(message, "\n")] = '\0';
	}
	return print_before ? print_before(level, fmt, ap) : 0;
}

void kernel_message_begin(void)
{
	message[0] = '\0';
	print_before = libbpf_set_print(on_print);
}

void kernel_message_end(void)
{
	libbpf_set_print(print_before);
}

const char *kernel_message(void)
{
	return message;
}

const char *kernel_message_or(int code)
{
	return message[0] ? message : strerror(-code);
}
