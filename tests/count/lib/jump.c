// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>
#include "machine.h"

/* Both cut to 32 bits already where that is what is compared; *is: whether it holds. */
static bool compare(struct machine *m, const struct bpf_insn *i, __u64 a, __u64 b, bool *is)
{
	bool narrow = BPF_CLASS(i->code) == BPF_JMP32;
	__s64 x = narrow ? (__s32)a : (__s64)a, y = narrow ? (__s32)b : (__s64)b;

	switch (BPF_OP(i->code)) {
	case BPF_JEQ:
		*is = a == b;
		return true;
	case BPF_JNE:
		*is = a != b;
		return true;
	case BPF_JGT:
		*is = a > b;
		return true;
	case BPF_JGE:
		*is = a >= b;
		return true;
	case BPF_JLT:
		*is = a < b;
		return true;
	case BPF_JLE:
		*is = a <= b;
		return true;
	case BPF_JSET:
		*is = a & b;
		return true;
	case BPF_JSGT:
		*is = x > y;
		return true;
	case BPF_JSGE:
		*is = x >= y;
		return true;
	case BPF_JSLT:
		*is = x < y;
		return true;
	case BPF_JSLE:
		*is = x <= y;
		return true;
	}
	return fail(m, "a comparison that is unknown: %#x", i->code);
}

/* Once compiled, a call has the function's number where the distance to it was. */
static bool call_function(struct machine *m, const struct bpf_insn *i)
{
	struct call *c = &m->call[m->depth];

	if (m->depth + 1 == DEPTH || (__u32)i->imm >= m->program->functions)
		return fail(m, "a call of function %d in %d others", i->imm, m->depth);
	memcpy(c->kept, &m->r[BPF_REG_6], sizeof(c->kept));
	c->back = m->at + 1;
	m->depth++;
	m->r[BPF_REG_10] += STACK;
	m->at = m->program->function[i->imm];
	m->counted->calls++;
	return true;
}

static bool call_kernel(struct machine *m, const struct bpf_insn *i)
{
	const struct helper *h = &m->program->helper[program_helper(m->program, i->imm)];

	m->counted->helper_calls++;
	tally_of(&m->counted->helper, h->name)->n++;
	if (!run_helper(m, h->name))
		return false;
	m->at++;
	return true;
}

/* The first function's end is past the last instruction. */
static bool leave(struct machine *m)
{
	struct call *c;

	if (!m->depth) {
		m->at = m->program->n;
		return true;
	}
	c = &m->call[--m->depth];
	memcpy(&m->r[BPF_REG_6], c->kept, sizeof(c->kept));
	m->r[BPF_REG_10] -= STACK;
	m->at = c->back;
	return true;
}

bool run_jump(struct machine *m, const struct bpf_insn *i)
{
	__u64 a = m->r[i->dst_reg];
	__u64 b = BPF_SRC(i->code) == BPF_X ? m->r[i->src_reg] : (__u64)(__s64)i->imm;
	bool narrow = BPF_CLASS(i->code) == BPF_JMP32, is = true;

	switch (BPF_OP(i->code)) {
	case BPF_CALL:
		return calls_kernel(i) ? call_kernel(m, i) : call_function(m, i);
	case BPF_EXIT:
		return leave(m);
	case BPF_JA:
		m->at += 1 + (narrow ? i->imm : i->off);
		return true;
	}
	if (!compare(m, i, narrow ? (__u32)a : a, narrow ? (__u32)b : b, &is))
		return false;
	m->at += 1 + (is ? i->off : 0);
	return true;
}
