// SPDX-License-Identifier: GPL-2.0-only
/* The options; and the error of no memory, which is printed without any. */
#include <stdio.h>
#include <unistd.h>

#include "args.h"
#include "out.h"

struct cmd_options opt = { .instance = "default" };

void out_no_memory(void)
{
	dprintf(STDERR_FILENO, "%s\n",
		opt.json ? "{\"error\":\"out of memory\"}" : "xroam: out of memory");
	_exit(EXIT_REFUSED);
}
