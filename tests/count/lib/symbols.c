// SPDX-License-Identifier: GPL-2.0-only
/* A call's number is its distance from a function of the kernel; /proc/kallsyms has names. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "program.h"

struct symbol {
	__u64 address;
	char name[64];
};

static bool next_symbol(FILE *f, struct symbol *s)
{
	char line[512];

	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%llx %*c %63s", &s->address, s->name) == 2)
			return true;
	return false;
}

static __u64 find_base(FILE *f)
{
	struct symbol s;

	while (next_symbol(f, &s))
		if (!strcmp(s.name, "__bpf_call_base"))
			return s.address;
	return 0;
}

__u32 program_helper(const struct program *p, __s32 distance)
{
	__u32 i = 0;

	while (i < p->helpers && p->helper[i].distance != distance)
		i++;
	return i;
}

static int list_helpers(struct program *p)
{
	/* More than there are calls of them. */
	p->helper = calloc(p->n, sizeof(*p->helper));
	if (!p->helper)
		return -ENOMEM;
	for (__u32 i = 0; i < p->n; i++) {
		if (is_wide(&p->insn[i]))
			i++;
		else if (calls_kernel(&p->insn[i]) &&
			 program_helper(p, p->insn[i].imm) == p->helpers)
			p->helper[p->helpers++].distance = p->insn[i].imm;
	}
	return 0;
}

int program_name_helpers(struct program *p)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	struct symbol s;
	int err = f ? list_helpers(p) : -errno;
	__u64 base;

	if (err)
		goto out;
	base = find_base(f);
	if (!base) {
		err = -EPERM; /* kernel.kptr_restrict */
		goto out;
	}
	rewind(f);
	while (next_symbol(f, &s)) {
		/* A function may have several names: the first one counts. */
		for (__u32 i = 0; i < p->helpers; i++)
			if (base + p->helper[i].distance == s.address && !p->helper[i].name[0])
				memcpy(p->helper[i].name, s.name, sizeof(s.name));
	}
out:
	if (f)
		fclose(f);
	return err;
}
