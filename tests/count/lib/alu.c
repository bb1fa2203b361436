// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bpf.h>
#include "machine.h"

#define PERCPU \
	(-1) /* in a move: an address per CPU becomes this CPU's, as copies have it already */

static __u64 swap(__u64 x, int bits)
{
	switch (bits) {
	case 16:
		return __builtin_bswap16(x);
	case 32:
		return __builtin_bswap32(x);
	default:
		return __builtin_bswap64(x);
	}
}

static __u64 cut(__u64 x, int bits)
{
	return bits == 64 ? x : x & ((1ULL << bits) - 1);
}

/* To little endian, this machine's, it only cuts. */
static bool run_endian(struct machine *m, const struct bpf_insn *i)
{
	__u64 *r = &m->r[i->dst_reg];

	if (BPF_CLASS(i->code) != BPF_ALU)
		return fail(m, "an unconditional swap");
	*r = BPF_SRC(i->code) == BPF_TO_BE ? swap(*r, i->imm) : cut(*r, i->imm);
	return true;
}

/* Division by 0 gives 0, and leaves all. */
static bool calculate(struct machine *m, const struct bpf_insn *i, __u64 a, __u64 b, __u64 *x)
{
	int bits = BPF_CLASS(i->code) == BPF_ALU64 ? 64 : 32;

	switch (BPF_OP(i->code)) {
	case BPF_ADD:
		*x = a + b;
		return true;
	case BPF_SUB:
		*x = a - b;
		return true;
	case BPF_MUL:
		*x = a * b;
		return true;
	case BPF_DIV:
		*x = b ? a / b : 0;
		return true;
	case BPF_MOD:
		*x = b ? a % b : a;
		return true;
	case BPF_OR:
		*x = a | b;
		return true;
	case BPF_AND:
		*x = a & b;
		return true;
	case BPF_XOR:
		*x = a ^ b;
		return true;
	case BPF_LSH:
		*x = a << (b & (bits - 1));
		return true;
	case BPF_RSH:
		*x = a >> (b & (bits - 1));
		return true;
	case BPF_ARSH:
		*x = bits == 64 ? (__s64)a >> (b & 63) : (__s32)a >> (b & 31);
		return true;
	case BPF_NEG:
		*x = -a;
		return true;
	case BPF_MOV:
		*x = b;
		return true;
	}
	return fail(m, "a calculation that is unknown: %#x", i->code);
}

/* Signed division and moves that extend a sign are told by offset; our programs have none. */
bool run_alu(struct machine *m, const struct bpf_insn *i)
{
	__u64 b = BPF_SRC(i->code) == BPF_X ? m->r[i->src_reg] : (__u64)(__s64)i->imm;
	int bits = BPF_CLASS(i->code) == BPF_ALU64 ? 64 : 32;
	__u64 x = 0;

	if (BPF_OP(i->code) == BPF_END)
		return run_endian(m, i);
	if (i->off && !(BPF_OP(i->code) == BPF_MOV && bits == 64 && i->off == PERCPU))
		return fail(m, "a calculation with a sign: %#x", i->code);
	if (!calculate(m, i, cut(m->r[i->dst_reg], bits), cut(b, bits), &x))
		return false;
	m->r[i->dst_reg] = cut(x, bits);
	return true;
}
