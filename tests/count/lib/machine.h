/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs a translated program over copies of its maps, and counts. Addresses are those
 * of this process. It knows what the kernel makes of our programs, and no more: what
 * it does not know is an error that names it.
 */
#ifndef COUNT_MACHINE_H
#define COUNT_MACHINE_H

#include "copies.h"
#include "tally.h"

#define DEPTH 8   /* calls in calls, as the kernel allows */
#define STACK 512 /* octets of each */
#define ROOM  4096

/* The kernel's: what a translated program has for a context. */
struct xdp_buff {
	__u64 data, data_end, data_meta, data_hard_start, rxq, txq;
	__u32 frame_sz, flags;
};

struct call {
	__u64 kept[4]; /* r6 to r9 */
	__u32 back;
};

struct machine {
	const struct program *program;
	struct copies *copies;
	struct memory *memory;
	struct xdp_buff xdp;
	__u8 *frame_room; /* ROOM octets, the packet among them */
	__u8 *stack;      /* DEPTH * STACK octets */
	__u8 *records;    /* ROOM octets: what goes into rings */
	size_t records_len;
	__u64 r[MAX_BPF_REG];
	__u32 at; /* the instruction at hand */
	struct call call[DEPTH];
	int depth;
	struct counted *counted;
	char why[200]; /* it could not be run */
};

/* Puts the packet where the kernel has it. 0 or -errno. */
int machine_open(struct machine *m, const void *frame, __u32 len);
void machine_close(struct machine *m);
/* From the first instruction to the last. False: why. */
bool machine_run(struct machine *m);

/* For all that instructions and helpers do. False, and why: not with this one. */
bool fail(struct machine *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* What is at an address of the program's, its lines counted; NULL, and why. */
void *reach(struct machine *m, __u64 address, size_t len);

/* alu.c */
bool run_alu(struct machine *m, const struct bpf_insn *i);
/* jump.c: comparisons, calls, the end. */
bool run_jump(struct machine *m, const struct bpf_insn *i);
/* helpers.c: r1 to r5 are arguments, r0 is the result. */
bool run_helper(struct machine *m, const char *name);

#endif
