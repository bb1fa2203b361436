/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a capturing copy of a program does beside: it keeps the packet as it came, runs
 * the filter over it, and puts it into a ring with the trace that the stages leave
 * ("explain" has the same), and with what the packet has become.
 *
 * The plain programs have none of this: the copies have entries of their own, and
 * user/attach puts one in a plain one's place while somebody captures. Here as well, what
 * is kept is an element of a map per CPU, for the stack is full (verifier.h).
 */
#ifndef XROAM_BPF_CAPTURE_H
#define XROAM_BPF_CAPTURE_H

#include <xroam/capture.h>
#include "parse.h"
#include "report.h"

/* Of classic BPF, which linux/bpf.h does not have. */
#define BPF_A   0x10
#define BPF_TXA 0x80

/* The machine that a filter is for: classic BPF's. */
struct filter_machine {
	__u32 a, x;
	__u32 pc;    /* the next instruction */
	__u32 have;  /* octets of the packet that are at hand */
	__u32 wire;  /* its length */
	__u32 match; /* what it returned */
	__u32 mem[16];
};

struct capture_buffer {
	struct filter_machine m;
	__u64 wanted; /* 1: from capture_in() to capture_out() */
	struct xr_capture_packet p;
	__u8 octets[2 * XR_CAPTURE_SNAP];
};

_Static_assert(sizeof(struct capture_buffer) <= 32768, "the kernel's bound per CPU");

/* Made by user space, which all capturing copies share; plain programs have none. */
XR_ARRAY(capture_control, struct xr_capture_control, BPF_F_MMAPABLE); /* what is wanted */
XR_ARRAY(capture_filter, struct xr_capture_insn, 0); /* of the expression: XR_CAPTURE_INSNS */
XR_PERCPU(capture_packet, struct capture_buffer, 1); /* the packet in hand */
XR_PERCPU(capture_counts, struct xr_capture_counts, XR_MAX_DEVICES); /* what became of packets */

struct { /* captured packets */
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, EVENT_ROOM);
} capture_ring SEC(".maps");

static __always_inline struct capture_buffer *capture_buffer(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&capture_packet, &zero);
}

static __always_inline struct xr_capture_control *capture_wanted(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&capture_control, &zero);
}

static __always_inline struct xr_capture_counts *capture_count(void)
{
	__u32 slot = knobs.dev_slot;

	return bpf_map_lookup_elem(&capture_counts, &slot);
}

/* ---- the filter: classic BPF, as libpcap compiles it ---- */

enum { FILTER_ON, FILTER_DONE };

/*
 * Loads size octets at an offset, big-endian. Beyond the end the machine returns 0: no
 * match (as bpf(4), and libpcap's pcap_offline_filter()).
 */
static __always_inline int filter_load(struct capture_buffer *b, __u64 at, __u32 size, __u32 *to)
{
	const __u8 *o;

	if (at + size > b->m.have)
		return FILTER_DONE;
	bound_by(at, 16383); /* what is at hand is less */
	o = b->octets + at;
	*to = size == 4     ? (__u32)o[0] << 24 | o[1] << 16 | o[2] << 8 | o[3]
		: size == 2 ? (__u32)o[0] << 8 | o[1]
			    : o[0];
	return FILTER_ON;
}

_Static_assert(XR_CAPTURE_SNAP <= 16384 && 16383 + 4 <= 2 * XR_CAPTURE_SNAP, "filter_load()");

static __always_inline int filter_alu(struct filter_machine *m, __u32 op, __u32 v)
{
	switch (op) {
	case BPF_ADD:
		m->a += v;
		break;
	case BPF_SUB:
		m->a -= v;
		break;
	case BPF_MUL:
		m->a *= v;
		break;
	case BPF_DIV:
	case BPF_MOD:
		if (!v)
			return FILTER_DONE;
		m->a = op == BPF_DIV ? m->a / v : m->a % v;
		break;
	case BPF_OR:
		m->a |= v;
		break;
	case BPF_AND:
		m->a &= v;
		break;
	case BPF_XOR:
		m->a ^= v;
		break;
	case BPF_LSH:
		m->a = v < 32 ? m->a << (v & 31) : 0;
		break;
	case BPF_RSH:
		m->a = v < 32 ? m->a >> (v & 31) : 0;
		break;
	case BPF_NEG:
		m->a = -m->a;
		break;
	default:
		return FILTER_DONE;
	}
	return FILTER_ON;
}

static __always_inline int filter_jump(struct filter_machine *m, const struct xr_capture_insn *i,
				       __u32 v)
{
	int yes;

	switch (i->code & 0xf0) {
	case BPF_JA:
		m->pc += i->k;
		return FILTER_ON;
	case BPF_JEQ:
		yes = m->a == v;
		break;
	case BPF_JGT:
		yes = m->a > v;
		break;
	case BPF_JGE:
		yes = m->a >= v;
		break;
	case BPF_JSET:
		yes = (m->a & v) != 0;
		break;
	default:
		return FILTER_DONE;
	}
	m->pc += yes ? i->jt : i->jf;
	return FILTER_ON;
}

static __always_inline int filter_read(struct capture_buffer *b, const struct xr_capture_insn *i)
{
	__u32 size = (i->code & 0x18) == BPF_W ? 4 : (i->code & 0x18) == BPF_H ? 2 : 1;
	struct filter_machine *m = &b->m;
	__u32 *to = (i->code & 7) == BPF_LDX ? &m->x : &m->a;
	__u32 octet;

	switch (i->code & 0xe0) {
	case BPF_IMM:
		*to = i->k;
		return FILTER_ON;
	case BPF_MEM:
		*to = m->mem[i->k & 15];
		return FILTER_ON;
	case BPF_LEN:
		*to = m->wire;
		return FILTER_ON;
	case BPF_ABS:
		return filter_load(b, i->k, size, &m->a);
	case BPF_IND:
		return filter_load(b, (__u64)m->x + i->k, size, &m->a);
	case BPF_MSH:
		if (filter_load(b, i->k, 1, &octet))
			return FILTER_DONE;
		m->x = (octet & 15) << 2;
		return FILTER_ON;
	}
	return FILTER_DONE;
}

/* One instruction; 1 ends the loop. Jumps lead forward only, so none is run twice. */
static int filter_step(__u32 n, void *unused)
{
	struct capture_buffer *b = capture_buffer();
	struct xr_capture_insn *i;
	struct filter_machine *m;
	__u32 pc, v;

	if (!b)
		return FILTER_DONE;
	m = &b->m;
	pc = m->pc++;
	i = bpf_map_lookup_elem(&capture_filter, &pc);
	if (!i)
		return FILTER_DONE;
	v = i->code & BPF_X ? m->x : i->k;
	switch (i->code & 7) {
	case BPF_LD:
	case BPF_LDX:
		return filter_read(b, i);
	case BPF_ST:
		m->mem[i->k & 15] = m->a;
		return FILTER_ON;
	case BPF_STX:
		m->mem[i->k & 15] = m->x;
		return FILTER_ON;
	case BPF_ALU:
		return filter_alu(m, i->code & 0xf0, v);
	case BPF_JMP:
		return filter_jump(m, i, v);
	case BPF_RET:
		m->match = (i->code & 0x18) == BPF_A ? m->a : v;
		return FILTER_DONE;
	}
	if (i->code & BPF_TXA)
		m->a = m->x;
	else
		m->x = m->a;
	return FILTER_ON;
}

static __always_inline int filter_matches(struct capture_buffer *b, __u32 insns)
{
	__builtin_memset(&b->m.a, 0, 3 * sizeof(__u32));
	b->m.match = 0;
	bpf_loop(insns, filter_step, NULL, 0);
	return b->m.match != 0;
}

/* ---- what is wanted ---- */

/* Of the MAC: from it or for it, or for the VM that has it, by whatever way. */
static __always_inline int mac_is_wanted(const struct capture_buffer *b, const struct xr_trace *t,
					 __u64 mac)
{
	const __u16 *eth = (const __u16 *)b->octets;
	__u32 vm_index = t->vm - 1;
	struct xr_vm *v;

	if (mac_of(eth) == mac || mac_of(eth + ETH_SOURCE) == mac)
		return 1;
	v = t->vm ? bpf_map_lookup_elem(&vms, &vm_index) : NULL;
	return v && (v->key & MAC_MASK) == mac;
}

static __always_inline int is_wanted(const struct xr_capture_control *c,
				     const struct capture_buffer *b, const struct xr_trace *t,
				     int left)
{
	__u32 bit = t->reason - 1, word = bit / 32 & 3;

	if (!left && !(c->which & XR_CAPTURE_BEFORE))
		return 0;
	if (c->reasons[0] | c->reasons[1] | c->reasons[2] | c->reasons[3]) {
		if (!(c->reasons[word] >> (bit & 31) & 1) &&
		    !((c->reasons[0] & t->notes[0]) | (c->reasons[1] & t->notes[1]) |
		      (c->reasons[2] & t->notes[2]) | (c->reasons[3] & t->notes[3])))
			return 0;
	}
	if (!c->any_vip && t->vip != c->vip)
		return 0;
	return !c->mac || mac_is_wanted(b, t, c->mac);
}

/*
 * So many a second, of all CPUs together: the second and the count are one word. Who
 * loses the race for it several times is not captured, as if it came too late.
 */
static __always_inline int is_below_rate(struct xr_capture_control *c)
{
	__u64 now = (__u64)now_tick() << 32, old, next;
	int i;

#pragma unroll
	for (i = 0; i < 8; i++) {
		old = *(volatile __u64 *)&c->taken;
		next = (old ^ now) >> 32 ? now : old;
		if ((__u32)next >= c->rate)
			return 0;
		if (__sync_val_compare_and_swap(&c->taken, old, next + 1) == old)
			return 1;
	}
	return 0;
}

/* ---- before and after ---- */

/* Whether something other than what came in goes on, or it goes elsewhere. */
static __always_inline int has_left(const struct xr_trace *t, int action)
{
	return action == XDP_TX || action == XDP_REDIRECT ||
		(action == XDP_PASS &&
		 (t->reason == XR_R_ASKED ||
		  (t->reason >= XR_R_DECAP_IPIP && t->reason <= XR_R_DECAP_VXLAN)));
}

/* Copies octets of the packet behind the first `at` kept ones; how many: at most `most`. */
static __always_inline __u32 keep_octets(struct xdp_md *ctx, struct capture_buffer *b, __u64 at,
					 __u32 len, __u32 most)
{
	__u64 n = len < most ? len : most;

	if (!n || n > XR_CAPTURE_SNAP || at > XR_CAPTURE_SNAP)
		return 0;
	n = bound_length(n, 16383);
	if (n > XR_CAPTURE_SNAP)
		return 0;
	bound_by(at, 16383);
	if (at > XR_CAPTURE_SNAP)
		return 0;
	return bpf_xdp_load_bytes(ctx, 0, b->octets + at, n) ? 0 : n;
}

/* The packet as it came. Whether it is wanted, as far as can be known, is in the buffer. */
__noinline int capture_in(struct xdp_md *ctx)
{
	struct xr_capture_control *c = capture_wanted();
	struct xr_capture_counts *n = capture_count();
	struct capture_buffer *b = capture_buffer();
	struct xr_trace *t = trace_record();
	__u32 most;

	if (!c || !b || !n || !t)
		return 0;
	b->wanted = 0;
	if (is_past(c->until, now_tick()))
		return 0;
	n->seen++;
	b->p.len_in = bpf_xdp_get_buff_len(ctx);
	b->p.when_ns = bpf_ktime_get_ns();
	most = c->which & XR_CAPTURE_BEFORE ? c->snap : 12;
	if (most < c->reach)
		most = c->reach;
	b->m.have = keep_octets(ctx, b, 0, b->p.len_in, most);
	b->m.wire = b->p.len_in;
	if (c->insns && !filter_matches(b, c->insns)) {
		n->filtered++;
		return 0;
	}
	b->p.queue = ctx->rx_queue_index;
	__builtin_memset(t, 0, sizeof(*t));
	b->wanted = 1;
	return 0;
}

static __always_inline int put_packet(struct capture_buffer *b)
{
	__u64 size = sizeof(b->p) + b->p.cap_in + b->p.cap_out;

	bound_by(size, 32767);
	if (size > sizeof(b->p) + sizeof(b->octets))
		return -1;
	/* The reader looks by itself, often: waking him costs more than all the rest. */
	return bpf_ringbuf_output(&capture_ring, &b->p, size, BPF_RB_NO_WAKEUP);
}

/* The packet as it leaves by that action, which is what is returned. */
__noinline int capture_out(struct xdp_md *ctx, int action)
{
	struct xr_capture_control *c = capture_wanted();
	struct xr_capture_counts *n = capture_count();
	struct capture_buffer *b = capture_buffer();
	struct xr_trace *t = trace_record();
	int left;

	if (!c || !b || !n || !t || !b->wanted)
		return action;
	b->wanted = 0;
	left = has_left(t, action);
	if (!is_wanted(c, b, t, left)) {
		n->filtered++;
		return action;
	}
	if (!is_below_rate(c)) {
		n->over++;
		return action;
	}
	b->p.cap_in = c->which & XR_CAPTURE_BEFORE ? b->m.have : 0;
	if (b->p.cap_in > c->snap)
		b->p.cap_in = c->snap;
	b->p.len_out = 0;
	b->p.cap_out = 0;
	if (left && c->which & XR_CAPTURE_AFTER) {
		b->p.len_out = bpf_xdp_get_buff_len(ctx);
		b->p.cap_out = keep_octets(ctx, b, b->p.cap_in, b->p.len_out, c->snap);
	}
	b->p.dev_slot = knobs.dev_slot;
	b->p.trace = *t;
	b->p.trace.action = action;
	if (put_packet(b))
		n->lost++;
	else
		n->captured++;
	return action;
}

#endif
