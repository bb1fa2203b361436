// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's functions that our programs call on the ways that are counted. */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <string.h>
#include "machine.h"

#define FRAME_HEAD 40 /* sizeof(struct xdp_frame): the kernel keeps it before a packet */

static void *pointer(__u64 address)
{
	return (void *)(unsigned long)address;
}

static bool hash_lookup(struct machine *m, __u64 *result)
{
	const struct copy *of = copies_by_map(m->copies, m->r[BPF_REG_1]);
	const void *key;

	if (!of || !is_hash(of))
		return fail(m, "a look-up in what is no hash");
	key = reach(m, m->r[BPF_REG_2], of->info.key_size);
	if (!key)
		return false;
	*result = (unsigned long)copy_hash_element(m->copies, of, key);
	return true;
}

static bool adjust_head(struct machine *m, __u64 *result)
{
	__u64 data = m->xdp.data + (__s32)m->r[BPF_REG_2];

	*result = -EINVAL;
	if (data < m->xdp.data_hard_start + FRAME_HEAD || data > m->xdp.data_end - ETH_HLEN)
		return true;
	m->xdp.data = m->xdp.data_meta = data;
	*result = 0;
	return true;
}

static bool buff_len(struct machine *m, __u64 *result)
{
	*result = m->xdp.data_end - m->xdp.data;
	return true;
}

static bool load_bytes(struct machine *m, __u64 *result)
{
	__u32 offset = m->r[BPF_REG_2], len = m->r[BPF_REG_4];
	void *to = reach(m, m->r[BPF_REG_3], len);

	if (!to)
		return false;
	*result = -EINVAL;
	if (len > m->xdp.data_end - m->xdp.data || offset > m->xdp.data_end - m->xdp.data - len)
		return true;
	memcpy(to, pointer(m->xdp.data + offset), len);
	*result = 0;
	return true;
}

static bool redirect(struct machine *m, __u64 *result)
{
	*result = m->r[BPF_REG_2] ? XDP_ABORTED : XDP_REDIRECT;
	return true;
}

static bool now(struct machine *m, __u64 *result)
{
	*result = copies_clock();
	return true;
}

/* Nobody reads rings here: records follow each other, and are forgotten. */
static bool ring_reserve(struct machine *m, __u64 *result)
{
	size_t len = by_eight(m->r[BPF_REG_2]);

	if (len > ROOM - m->records_len)
		return fail(m, "a ring's record of %zu octets", len);
	*result = (unsigned long)m->records + m->records_len;
	m->records_len += len;
	return true;
}

static bool ring_submit(struct machine *m, __u64 *result)
{
	return true;
}

static bool ring_output(struct machine *m, __u64 *result)
{
	*result = 0;
	return reach(m, m->r[BPF_REG_2], m->r[BPF_REG_3]);
}

static const struct {
	const char *name;
	bool (*run)(struct machine *m, __u64 *result);
} known[] = {
	{ "__htab_map_lookup_elem", hash_lookup }, { "bpf_xdp_adjust_head", adjust_head },
	{ "bpf_xdp_get_buff_len", buff_len },      { "bpf_xdp_load_bytes", load_bytes },
	{ "bpf_xdp_redirect", redirect },          { "bpf_ktime_get_ns", now },
	{ "bpf_ringbuf_output", ring_output },     { "bpf_ringbuf_reserve", ring_reserve },
	{ "bpf_ringbuf_submit", ring_submit },
};

bool run_helper(struct machine *m, const char *name)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(known[i].name, name))
			return known[i].run(m, &m->r[BPF_REG_0]);
	return fail(m, "a call of %s, which is not known here (tests/count/lib/helpers.c)",
		    name[0] ? name : "a function without a name");
}
