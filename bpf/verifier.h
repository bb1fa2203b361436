/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the code does for the verifier, or against the compiler, and not for the
 * packet: each trick once, with what breaks without it. A budget is
 * tests/prog/test_budget's; 6.1 is the oldest kernel that loads the programs, and
 * `tests/kernels/run.sh 6.1` shows what it refuses.
 *
 * Two habits are no macro:
 *
 * - A stage that is rare is a global function (__noinline, not static): those are
 *   verified once, for any arguments, and not once for each way that leads to a
 *   call. A pointer to a struct may be an argument; the verifier takes it for
 *   NULL, too, until it is compared; and before 6.2 not for a map's key, which has to
 *   be on the stack or in a map.
 * - The stack of all functions in a chain of calls is 512 octets, each function's
 *   rounded up to 32, and xroam_vm_node's longest chain has no octet left. What is
 *   large is one element of a map per CPU, handed from stage to stage.
 */
#ifndef XROAM_BPF_VERIFIER_H
#define XROAM_BPF_VERIFIER_H

#include <linux/types.h>
#include <bpf/bpf_helpers.h>

/*
 * The value of x, which fits in mask, but known to nobody. Of a plain packet, which
 * is on the stack, the verifier knows each value that a stage may have left, and
 * walks what follows once for each. zero is 0, from a map: read at run time, so
 * neither the compiler nor the verifier can tell.
 *
 * Without it: a tenth more for the verifier on 6.18; xroam_node and xroam_vm_node
 * exceed their budgets (33,600 and 100,400).
 */
static __always_inline __u64 hide_from_verifier(__u64 x, __u64 zero, __u64 mask)
{
	x += zero;
	asm volatile("" : "+r"(x));
	return x & mask;
}

/*
 * Between stages: what an earlier one stored in a map's element is read again where
 * it is used. Else the compiler would keep it in registers, or spill it: values that
 * the verifier knows (see hide_from_verifier()), where of a map's element it knows
 * nothing.
 *
 * Without it: a twentieth more for xroam_node on 6.18, which exceeds its budget.
 */
#define reload_memory() asm volatile("" ::: "memory")

/*
 * From here on the compiler knows nothing of the variable: it neither moves what
 * uses it before this line, nor derives it from another variable, nor makes one
 * comparison out of two. Each use has its reason beside it.
 *
 * Without it: xroam_vm_node with every way on does not load (6.18).
 */
#define hide_from_compiler(x) asm volatile("" : "+r"(x))

/*
 * unlikely(x), for a branch that leaves values behind: what it returns, or finds unset. The
 * compiler sets them in the branch, which is not empty; else before it, for each packet.
 *
 * Without it: 16 to 23 instructions more per packet for a VIP.
 */
#define rarely(x)                         \
	(__builtin_expect(!!(x), 0) && ({ \
		 asm volatile("");        \
		 1;                       \
	 }))

/*
 * x &= mask (a literal), in assembler: a bound for the verifier, which does not know
 * it, or has lost it since x was spilled. The compiler knows the bound, and would drop
 * an ordinary `&`.
 *
 * Without it: none of the XDP programs that test_budget measures loads (6.18).
 */
#define bound_by(x, mask)    asm volatile("%0 &= " IN_ASM(mask) : "+r"(x))
#define IN_ASM(literal)      IN_ASM_TEXT(literal)
#define IN_ASM_TEXT(literal) #literal

/*
 * n, which is 1..mask + 1, as a length for a helper: bounded above and, what "n is
 * not 0" says to newer kernels alone, from below.
 *
 * Without it: 6.1 says "invalid zero-sized read" (test_decap, test_announce,
 * test_vm_redirect do not load there).
 */
#define bound_length(n, mask)       \
	({                          \
		__u64 n_ = (n) - 1; \
		bound_by(n_, mask); \
		n_ + 1;             \
	})

/*
 * The top bit of x as 0 or 1, and whether x is 0, without a branch, which would
 * double the paths to verify. The compiler must not see where the bit comes
 * from: it would make a mask of it by an arithmetic shift, and there the
 * verifier (6.18) tries both outcomes as it does for a branch.
 *
 * Without it: flow_victim() puts all eight on the stack, and the chain of calls takes
 * 608 octets of 512; xroam_node does not load.
 */
static __always_inline __u64 top_bit(__u64 x)
{
	asm volatile("%0 >>= 63" : "+r"(x));
	return x;
}

static __always_inline __u64 is_zero(__u64 x)
{
	return top_bit((x - 1) & ~x);
}

/* The same of 32 bits, shorter. To be multiplied with, rather than made a mask of. */
static __always_inline __u64 is_zero32(__u32 x)
{
	return top_bit((__u64)x - 1);
}

#endif
