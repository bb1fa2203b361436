/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "harness_priv.h"

#define ROOM 128 /* octets that are filled; enough for any outer header */

static int filler = -1;      /* the program that fills the head room */
static int filler_next = -1; /* its program array */
static int filled_for = -1;  /* the program in that */

#define INSN(c, d, s, o, i) \
	((struct bpf_insn){ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })
#define MOV_REG(d, s)    INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define MOV_IMM(d, i)    INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define ADD_IMM(d, i)    INSN(BPF_ALU64 | BPF_ADD | BPF_K, d, 0, 0, i)
#define LOAD32(d, s, o)  INSN(BPF_LDX | BPF_MEM | BPF_W, d, s, o, 0)
#define STORE64(d, o, i) INSN(BPF_ST | BPF_MEM | BPF_DW, d, 0, o, i)
#define CALL(f)          INSN(BPF_JMP | BPF_CALL, 0, 0, 0, f)
#define EXIT             INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

static int load_insns(const char *name, const struct bpf_insn *insn, size_t n, __u32 flags)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_XDP, .prog_flags = flags);
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, name, "GPL", insn, n, &opts);

	if (fd < 0) {
		fprintf(stderr, "# loading %s: %s\n", name, strerror(-fd));
		abort();
	}
	return fd;
}

/* A veth has receive queues that XDP knows only while it has a program. */
void attach_pass(const char *dev)
{
	const struct bpf_insn pass[] = { MOV_IMM(BPF_REG_0, XDP_PASS), EXIT };
	/* With the flag the device's MTU may be large. */
	int fd = load_insns("test_pass", pass, ARRAY_LEN(pass), BPF_F_XDP_HAS_FRAGS);
	int err = bpf_xdp_attach(ifindex_of(dev), fd, 0, NULL);

	if (err) {
		fprintf(stderr, "# attaching to %s: %s\n", dev, strerror(-err));
		abort();
	}
	close(fd);
}

/*
 * Grows the packet over its head room, fills that with 0xff, shrinks back and
 * goes on with the program under test: an octet of an outer header that nobody
 * wrote shows as 0xff. Who calls a program that takes frames of several
 * buffers must take them, too (flags), and the other way round.
 */
static void load_filler(__u32 flags)
{
	struct bpf_insn insn[64];
	int n = 0, give_up;

	filler_next = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "test_next", 4, 4, 1, NULL);
	if (filler_next < 0)
		abort();
	insn[n++] = MOV_REG(BPF_REG_6, BPF_REG_1);
	insn[n++] = MOV_IMM(BPF_REG_2, -ROOM);
	insn[n++] = CALL(BPF_FUNC_xdp_adjust_head);
	insn[n++] = LOAD32(BPF_REG_2, BPF_REG_6, offsetof(struct xdp_md, data));
	insn[n++] = LOAD32(BPF_REG_3, BPF_REG_6, offsetof(struct xdp_md, data_end));
	insn[n++] = MOV_REG(BPF_REG_4, BPF_REG_2);
	insn[n++] = ADD_IMM(BPF_REG_4, ROOM);
	give_up = n++;
	for (int i = 0; i < ROOM; i += 8)
		insn[n++] = STORE64(BPF_REG_2, i, -1);
	insn[n++] = MOV_REG(BPF_REG_1, BPF_REG_6);
	insn[n++] = MOV_IMM(BPF_REG_2, ROOM);
	insn[n++] = CALL(BPF_FUNC_xdp_adjust_head);
	insn[n++] = MOV_REG(BPF_REG_1, BPF_REG_6);
	insn[n++] = INSN(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_2, BPF_PSEUDO_MAP_FD, 0, filler_next);
	insn[n++] = INSN(0, 0, 0, 0, 0);
	insn[n++] = MOV_IMM(BPF_REG_3, 0);
	insn[n++] = CALL(BPF_FUNC_tail_call);
	insn[give_up] = INSN(BPF_JMP | BPF_JGT | BPF_X, BPF_REG_4, BPF_REG_3, n - give_up - 1, 0);
	insn[n++] = MOV_IMM(BPF_REG_0, XDP_ABORTED);
	insn[n++] = EXIT;
	filler = load_insns("test_fill", insn, n, flags);
}

int head_room_filler(int prog_fd)
{
	static const __u32 flags[] = { BPF_F_XDP_HAS_FRAGS, 0 };
	__u32 zero = 0;

	if (filled_for == prog_fd)
		return filler;
	filled_for = prog_fd;
	if (filler >= 0 && !bpf_map_update_elem(filler_next, &zero, &prog_fd, 0))
		return filler;
	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		if (filler >= 0) {
			close(filler);
			close(filler_next);
		}
		load_filler(flags[i]);
		if (!bpf_map_update_elem(filler_next, &zero, &prog_fd, 0))
			return filler;
	}
	filled_for = -1;
	fail_msg("the program cannot be tail-called: %s", strerror(errno));
	return -1;
}

void head_room_forget(void)
{
	filled_for = -1;
}
