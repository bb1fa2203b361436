/* SPDX-License-Identifier: GPL-2.0-only */
/* A loaded program as the kernel runs it: translated, with look-ups inlined. */
#ifndef COUNT_PROGRAM_H
#define COUNT_PROGRAM_H

#include <bpf/btf.h>
#include <linux/bpf.h>
#include <stdbool.h>

/* Where the kernel's structs have what translated instructions reach into. */
struct kernel_layout {
	__u32 array_values; /* of struct bpf_array */
	__u32 hash_key;     /* of struct htab_elem */
};

struct helper {
	__s32 distance; /* as calls have it: from a function of the kernel */
	char name[64];  /* the kernel's, or empty */
};

struct program {
	struct bpf_insn *insn; /* of all its functions, the first one's first */
	__u32 n;
	const char **file; /* the source file that each comes from, without its folder */
	__u32 *function;   /* where each function begins */
	__u32 functions;
	__u32 *map_id;
	__u32 maps;
	struct helper *helper; /* which it calls */
	__u32 helpers;
	struct kernel_layout layout;
	struct btf *btf; /* has the names in file */
};

/* 0 or -errno, and says on stderr what is wrong. */
int program_read(struct program *p, int fd);
void program_free(struct program *p);

/* symbols.c: lists and names the helpers; 0 or -errno. */
int program_name_helpers(struct program *p);
/* Its index in helper; of those that are called there is one. */
__u32 program_helper(const struct program *p, __s32 distance);

/* An instruction of 16 octets, which holds an address or a number. */
static inline bool is_wide(const struct bpf_insn *i)
{
	return i->code == (BPF_LD | BPF_IMM | BPF_DW);
}

/* The kernel's own function, a helper. */
static inline bool calls_kernel(const struct bpf_insn *i)
{
	return i->code == (BPF_JMP | BPF_CALL) && i->src_reg != BPF_PSEUDO_CALL;
}

#endif
