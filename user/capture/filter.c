// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <pcap/pcap.h>
#include <string.h>

#include "filter.h"

#define HEADER_MOST 60 /* what 4 * (octet & 15) can be: X after BPF_MSH */

static __u32 size_of(__u16 code)
{
	return BPF_SIZE(code) == BPF_W ? 4 : BPF_SIZE(code) == BPF_H ? 2 : 1;
}

/*
 * How many octets from the start it may load. X is bounded where only the length of a
 * header is ever put into it.
 */
static __u32 reach_of(const struct bpf_insn *insn, __u32 n)
{
	__u64 reach = 0, end;
	bool bounded = true;
	__u32 i;

	for (i = 0; i < n; i++)
		if ((BPF_CLASS(insn[i].code) == BPF_LDX && BPF_MODE(insn[i].code) != BPF_MSH) ||
		    (BPF_CLASS(insn[i].code) == BPF_MISC && BPF_MISCOP(insn[i].code) == BPF_TAX))
			bounded = false;
	for (i = 0; i < n; i++) {
		__u16 code = insn[i].code;

		if (BPF_CLASS(code) != BPF_LD && BPF_CLASS(code) != BPF_LDX)
			continue;
		if (BPF_MODE(code) == BPF_IND && !bounded)
			return XR_CAPTURE_SNAP;
		end = BPF_MODE(code) == BPF_ABS     ? (__u64)insn[i].k + size_of(code)
			: BPF_MODE(code) == BPF_IND ? (__u64)insn[i].k + HEADER_MOST + size_of(code)
			: BPF_MODE(code) == BPF_MSH ? (__u64)insn[i].k + 1
						    : 0;
		if (end > reach)
			reach = end;
	}
	return reach < XR_CAPTURE_SNAP ? reach : XR_CAPTURE_SNAP;
}

static int take(const struct bpf_program *prog, struct capture_filter *f, struct xr_err *err)
{
	__u32 i;

	if (prog->bf_len > XR_CAPTURE_INSNS || !bpf_validate(prog->bf_insns, prog->bf_len))
		return xr_fail(err, -E2BIG,
			       "the filter is too long: %u instructions, and %u is the most",
			       prog->bf_len, XR_CAPTURE_INSNS);
	for (i = 0; i < prog->bf_len; i++)
		f->insn[i] = (struct xr_capture_insn){ prog->bf_insns[i].code, prog->bf_insns[i].jt,
						       prog->bf_insns[i].jf, prog->bf_insns[i].k };
	f->insns = prog->bf_len;
	f->reach = reach_of(prog->bf_insns, prog->bf_len);
	return 0;
}

int filter_compile(const char *expression, struct capture_filter *f, struct xr_err *err)
{
	pcap_t *dead = pcap_open_dead(DLT_EN10MB, 262144);
	struct bpf_program prog;
	int ret;

	memset(f, 0, sizeof(*f));
	if (!dead)
		return xr_fail(err, -ENOMEM, "out of memory");
	if (!expression[strspn(expression, " \t\n")]) {
		ret = 0;
	} else if (pcap_compile(dead, &prog, expression, 1, PCAP_NETMASK_UNKNOWN)) {
		ret = xr_fail(err, -EINVAL, "filter \"%s\": %s (pcap-filter(7) has what it may be)",
			      expression, pcap_geterr(dead));
	} else {
		ret = take(&prog, f, err);
		pcap_freecode(&prog);
	}
	pcap_close(dead);
	return ret;
}
