// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "machine.h"

#define HEAD_ROOM 256     /* before a packet, as in a test run */
#define TAIL_ROOM 320     /* of a page, what stands behind it */
#define ENDLESS   1000000 /* instructions: more than any packet takes */

bool fail(struct machine *m, const char *fmt, ...)
{
	va_list args;
	int n;

	n = snprintf(m->why, sizeof(m->why), "instruction %u of %s: ", m->at,
		     m->at < m->program->n ? m->program->file[m->at] : "?");
	va_start(args, fmt);
	vsnprintf(m->why + n, sizeof(m->why) - n, fmt, args);
	va_end(args);
	return false;
}

int machine_open(struct machine *m, const void *frame, __u32 len)
{
	m->frame_room = calloc(1, ROOM);
	m->stack = calloc(DEPTH, STACK);
	m->records = calloc(1, ROOM);
	if (!m->frame_room || !m->stack || !m->records)
		return -ENOMEM;
	if (len > ROOM - HEAD_ROOM - TAIL_ROOM)
		return -E2BIG;
	memcpy(m->frame_room + HEAD_ROOM, frame, len);
	m->xdp.data_hard_start = (unsigned long)m->frame_room;
	m->xdp.data = m->xdp.data_meta = m->xdp.data_hard_start + HEAD_ROOM;
	m->xdp.data_end = m->xdp.data + len;
	m->xdp.frame_sz = ROOM;
	m->r[BPF_REG_1] = (unsigned long)&m->xdp;
	m->r[BPF_REG_10] = (unsigned long)m->stack + STACK;
	return memory_add(m->memory, REGION_FRAME, m->frame_room, ROOM)
		?: memory_add(m->memory, REGION_STACK, m->stack, DEPTH * STACK)
		?: memory_add(m->memory, REGION_RINGS, m->records, ROOM)
		?: memory_add(m->memory, REGION_CTX, &m->xdp, sizeof(m->xdp));
}

void machine_close(struct machine *m)
{
	free(m->frame_room);
	free(m->stack);
	free(m->records);
}

static bool is_of_map(const struct region *r)
{
	return strcmp(r->name, REGION_STACK) && strcmp(r->name, REGION_CTX) &&
		strcmp(r->name, REGION_FRAME);
}

void *reach(struct machine *m, __u64 address, size_t len)
{
	struct region *r = memory_at(m->memory, address, len);
	__u32 fresh;

	if (!r) {
		fail(m, "%zu octets at %#llx, where nothing is", len, address);
		return NULL;
	}
	fresh = region_touch(r, address, len);
	if (fresh && is_of_map(r)) {
		m->counted->lines += fresh;
		tally_of(&m->counted->map, r->name)->lines += fresh;
		tally_of(&m->counted->stage, m->program->file[m->at])->lines += fresh;
	}
	return (void *)(unsigned long)address;
}

static size_t size_of(const struct bpf_insn *i)
{
	switch (BPF_SIZE(i->code)) {
	case BPF_B:
		return 1;
	case BPF_H:
		return 2;
	case BPF_W:
		return 4;
	default:
		return 8;
	}
}

static bool load(struct machine *m, const struct bpf_insn *i)
{
	__u64 x = 0;
	void *from;

	if (BPF_MODE(i->code) != BPF_MEM)
		return fail(m, "a load that is unknown: %#x", i->code);
	from = reach(m, m->r[i->src_reg] + i->off, size_of(i));
	if (!from)
		return false;
	memcpy(&x, from, size_of(i));
	m->r[i->dst_reg] = x;
	return true;
}

/* Nobody else is there: that it happens at once needs nothing. */
static bool run_atomic(struct machine *m, const struct bpf_insn *i, void *at)
{
	__u64 old = 0, with = m->r[i->src_reg], x;
	size_t size = size_of(i);
	bool same;

	memcpy(&old, at, size);
	switch (i->imm) {
	case BPF_ADD:
	case BPF_ADD | BPF_FETCH:
		x = old + with;
		break;
	case BPF_XCHG:
		x = with;
		break;
	case BPF_CMPXCHG:
		same = !memcmp(&old, &m->r[BPF_REG_0], size);
		x = same ? with : old;
		m->r[BPF_REG_0] = old;
		break;
	default:
		return fail(m, "an atomic operation that is unknown: %#x", i->imm);
	}
	memcpy(at, &x, size);
	if (i->imm == BPF_XCHG || i->imm == (BPF_ADD | BPF_FETCH))
		m->r[i->src_reg] = old;
	return true;
}

static bool store(struct machine *m, const struct bpf_insn *i)
{
	bool number = BPF_CLASS(i->code) == BPF_ST;
	__u64 x = number ? (__u64)(__s64)i->imm : m->r[i->src_reg];
	void *to;

	if (BPF_MODE(i->code) != BPF_MEM && (number || BPF_MODE(i->code) != BPF_ATOMIC))
		return fail(m, "a store that is unknown: %#x", i->code);
	to = reach(m, m->r[i->dst_reg] + i->off, size_of(i));
	if (!to)
		return false;
	if (BPF_MODE(i->code) == BPF_ATOMIC)
		return run_atomic(m, i, to);
	memcpy(to, &x, size_of(i));
	return true;
}

/* A number, a map, what is in a map's only element, or a function. */
static bool load_wide(struct machine *m, const struct bpf_insn *i)
{
	const struct copy *of = copies_by_id(m->copies, i[0].imm);
	__u64 *r = &m->r[i->dst_reg];

	if (!is_wide(i))
		return fail(m, "an instruction that is unknown: %#x", i->code);
	switch (i->src_reg) {
	case 0:
		*r = (__u32)i[0].imm | (__u64)(__u32)i[1].imm << 32;
		break;
	case BPF_PSEUDO_MAP_FD:
	case BPF_PSEUDO_MAP_VALUE:
		if (!of)
			return fail(m, "a map with the id %d, which is not the program's", i->imm);
		*r = i->src_reg == BPF_PSEUDO_MAP_FD ? (unsigned long)of->map
						     : (unsigned long)of->element + (__u32)i[1].imm;
		break;
	case BPF_PSEUDO_FUNC: /* for bpf_loop(), which the kernel made a plain call of it */
		*r = (__u32)i[1].imm;
		break;
	default:
		return fail(m, "an address that is unknown, of kind %u", i->src_reg);
	}
	m->at += 2;
	return true;
}

static bool step(struct machine *m)
{
	const struct bpf_insn *i = &m->program->insn[m->at];
	bool done;

	switch (BPF_CLASS(i->code)) {
	case BPF_JMP:
	case BPF_JMP32:
		return run_jump(m, i);
	case BPF_LD:
		return load_wide(m, i);
	case BPF_LDX:
		done = load(m, i);
		break;
	case BPF_ST:
	case BPF_STX:
		done = store(m, i);
		break;
	default:
		done = run_alu(m, i);
	}
	m->at++;
	return done;
}

bool machine_run(struct machine *m)
{
	struct counted *c = m->counted;

	while (m->at < m->program->n) {
		if (c->insns++ == ENDLESS)
			return fail(m, "no end");
		tally_of(&c->stage, m->program->file[m->at])->n++;
		if (!step(m))
			return false;
	}
	c->action = m->r[BPF_REG_0];
	c->out_len = m->xdp.data_end - m->xdp.data;
	if (c->out_len > OUT_MAX)
		return fail(m, "a packet of %u octets", c->out_len);
	memcpy(c->out, (void *)(unsigned long)m->xdp.data, c->out_len);
	return true;
}
