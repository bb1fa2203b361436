// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include "program.h"

/* What the kernel fills, and how much it is: known after the first question. */
struct parts {
	struct bpf_func_info *function;
	struct bpf_line_info *line;
	__u32 lines;
};

static __u64 address(void *p)
{
	return (unsigned long)p;
}

/* Asks how much there is, makes room, and asks again. */
static int ask(struct program *p, int fd, struct parts *parts, __u32 *btf_id)
{
	struct bpf_prog_info have = {}, info;
	__u32 len = sizeof(have);

	if (bpf_obj_get_info_by_fd(fd, &have, &len))
		return -errno;
	p->insn = malloc(have.xlated_prog_len);
	p->map_id = calloc(have.nr_map_ids, sizeof(*p->map_id));
	parts->function = calloc(have.nr_func_info, sizeof(*parts->function));
	parts->line = calloc(have.nr_line_info, sizeof(*parts->line));
	if (!p->insn || !p->map_id || !parts->function || !parts->line)
		return -ENOMEM;
	info = (struct bpf_prog_info){
		.xlated_prog_len = have.xlated_prog_len,
		.xlated_prog_insns = address(p->insn),
		.nr_map_ids = have.nr_map_ids,
		.map_ids = address(p->map_id),
		.nr_func_info = have.nr_func_info,
		.func_info = address(parts->function),
		.func_info_rec_size = sizeof(*parts->function),
		.nr_line_info = have.nr_line_info,
		.line_info = address(parts->line),
		.line_info_rec_size = sizeof(*parts->line),
	};
	len = sizeof(info);
	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return -errno;
	p->n = info.xlated_prog_len / sizeof(*p->insn);
	p->maps = info.nr_map_ids;
	p->functions = info.nr_func_info;
	parts->lines = info.nr_line_info;
	*btf_id = info.btf_id;
	/* Zeroed where this process may not see the kernel's addresses. */
	return info.xlated_prog_insns ? 0 : -EPERM;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* A line's entry holds until the next one. */
static int set_files(struct program *p, const struct parts *parts, __u32 btf_id)
{
	const char *file = "?";
	__u32 next = 0;

	p->btf = btf__load_from_kernel_by_id(btf_id);
	p->file = calloc(p->n, sizeof(*p->file));
	p->function = calloc(p->functions, sizeof(*p->function));
	if (!p->btf || !p->file || !p->function)
		return -ENOMEM;
	for (__u32 i = 0; i < p->n; i++) {
		for (; next < parts->lines && parts->line[next].insn_off <= i; next++)
			file = last_part(
				btf__name_by_offset(p->btf, parts->line[next].file_name_off));
		p->file[i] = file;
	}
	for (__u32 i = 0; i < p->functions; i++)
		p->function[i] = parts->function[i].insn_off;
	return 0;
}

/* In both structs the last member is what is looked for. */
static int offset_of_last(const struct btf *btf, const char *name, __u32 *offset)
{
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT);
	const struct btf_type *t;

	if (id < 0)
		return id;
	t = btf__type_by_id(btf, id);
	*offset = btf_member_bit_offset(t, btf_vlen(t) - 1) / 8;
	return 0;
}

static int read_layout(struct kernel_layout *l)
{
	struct btf *kernel = btf__load_vmlinux_btf();
	int err;

	if (!kernel)
		return -errno;
	err = offset_of_last(kernel, "bpf_array", &l->array_values)
		?: offset_of_last(kernel, "htab_elem", &l->hash_key);
	btf__free(kernel);
	return err;
}

int program_read(struct program *p, int fd)
{
	struct parts parts = {};
	__u32 btf_id = 0;
	int err;

	memset(p, 0, sizeof(*p));
	err = ask(p, fd, &parts, &btf_id) ?: set_files(p, &parts, btf_id) ?:
	      read_layout(&p->layout) ?: program_name_helpers(p);
	if (err)
		fprintf(stderr, "count: cannot read the translated program: %s\n", strerror(-err));
	free(parts.function);
	free(parts.line);
	return err;
}

void program_free(struct program *p)
{
	free(p->helper);
	free(p->file);
	free(p->function);
	free(p->map_id);
	free(p->insn);
	btf__free(p->btf);
}
