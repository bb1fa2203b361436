// SPDX-License-Identifier: GPL-2.0-only
/* Frames of a VM's ring, sent to its new host. */
#include <bpf/bpf.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "attach/tc.h"
#include "local_priv.h"
#include "plane/vm_event.h"
#include "plane/vm_state.h"

/* ---- checksums that the sender left to its device ---- */

static __u32 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* The sum of 16-bit words; of an odd number of octets the last one is a high half. */
static __u32 add_up(const __u8 *data, __u32 len, __u32 sum)
{
	for (; len > 1; data += 2, len -= 2)
		sum = fold(sum + (data[0] << 8 | data[1]));
	return len ? fold(sum + (data[0] << 8)) : sum;
}

/*
 * A sender of this machine leaves the checksum to its device: the field holds only the sum
 * of the pseudo header then. Any other value stays.
 */
void frame_fill_checksum(__u8 *frame, __u32 len)
{
	__u8 *ip = frame + ETH_HLEN, *l4, *field, proto;
	__u32 l4_len, sum, offset;

	if (len < ETH_HLEN + 20)
		return;
	if (frame[12] == 0x08 && !frame[13] && ip[0] >> 4 == 4) {
		__u32 header = (ip[0] & 15) * 4, total = ip[2] << 8 | ip[3];

		if (header < 20 || total < header || ETH_HLEN + total > len ||
		    ((ip[6] & 0x3f) | ip[7]))
			return;
		proto = ip[9];
		l4 = ip + header;
		l4_len = total - header;
		sum = add_up(ip + 12, 8, 0);
	} else if (frame[12] == 0x86 && frame[13] == 0xdd && len >= ETH_HLEN + 40) {
		l4_len = ip[4] << 8 | ip[5];
		if (ETH_HLEN + 40 + l4_len > len)
			return;
		proto = ip[6];
		l4 = ip + 40;
		sum = add_up(ip + 8, 32, 0);
	} else {
		return;
	}
	offset = proto == IPPROTO_TCP     ? 16
		: proto == IPPROTO_UDP    ? 6
		: proto == IPPROTO_ICMPV6 ? 2
					  : 0;
	if (!offset || l4_len < offset + 2)
		return;
	field = l4 + offset;
	sum = fold(sum + proto + l4_len);
	if (sum != (__u32)(field[0] << 8 | field[1]))
		return;
	sum = ~add_up(l4, l4_len, 0) & 0xffff;
	if (!sum && proto == IPPROTO_UDP)
		sum = 0xffff;
	field[0] = sum >> 8;
	field[1] = sum;
}

/* ---- replaying ---- */

enum outcome { SENT, NOT_FOR_IT, LOST };

static enum outcome replay_one(struct local *l, int prog, __u16 to, __u64 number)
{
	const struct xr_ring_frame *f = ring_frame(l, number);
	struct __sk_buff ctx = { .cb = { to } };
	__u8 frame[XR_RING_OCTETS];
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx));
	__u32 len = f->len;

	if (__atomic_load_n(&f->number, __ATOMIC_ACQUIRE) != number || len < ETH_HLEN ||
	    len > sizeof(frame))
		return LOST;
	memcpy(frame, f->octet, len);
	/* A broadcast or multicast frame reaches the new host by the fabric itself. */
	if (memcmp(frame, l->mac, ETH_ALEN))
		return NOT_FOR_IT;
	frame_fill_checksum(frame, len);
	run.data_size_in = len;
	return bpf_prog_test_run_opts(prog, &run) || run.retval ? LOST : SENT;
}

static void replay(struct local *l, struct xr_ring *r, int prog, __u16 host, __u64 from, __u64 to,
		   struct vm_residual *out)
{
	__u64 n, first = to > XR_RING_FRAMES ? to - XR_RING_FRAMES : 0;

	if (from < first) {
		out->lost += first - from;
		from = first;
	}
	for (n = from; n < to; n++) {
		switch (replay_one(l, prog, host, n + 1)) {
		case SENT:
			out->replayed++;
			break;
		case LOST:
			out->lost++;
			break;
		case NOT_FOR_IT:
			break;
		}
		/* After a kill replaying goes on from here. */
		__atomic_store_n(&r->done, n + 1, __ATOMIC_RELEASE);
	}
}

static void count_replayed(struct local *l, const struct vm_residual *out)
{
	l->info->replayed += out->replayed;
	l->info->lost += out->lost;
	if (out->lost)
		vm_count_reason(l->p, XR_R_RING_LOST, out->lost);
}

int ring_send(struct local *l, struct xr_ring *r, __u16 host, __u64 from, __u64 to,
	      struct vm_residual *out)
{
	struct xr_err err = { "" };
	int prog = tc_replay_program(l->p, &err);

	if (prog < 0) {
		local_warn(l, "%s", err.text);
		return prog;
	}
	replay(l, r, prog, host, from, to, out);
	close(prog);
	count_replayed(l, out);
	return 0;
}

int ring_replay(struct local *l, __u16 to, struct vm_residual *out)
{
	struct xr_ring *r = ring_of(l);
	__u64 entered, left, from;
	int ret;

	if (!r || (r->entered && r->done == r->entered))
		return 0;
	ret = ring_unread(l, r, &entered, &left);
	if (ret) {
		local_warn(l, "its port is gone: what it left unread there is not known");
		return 0;
	}
	out->unread = left;
	from = entered - left;
	r->first = from;
	if (from < r->done)
		from = r->done;
	if (from >= entered) {
		__atomic_store_n(&r->done, entered, __ATOMIC_RELEASE);
		return 0;
	}
	return ring_send(l, r, to, from, entered, out);
}
