// SPDX-License-Identifier: GPL-2.0-only
/* The programs of role node, and the two that user space runs. */
#include "entries.h"

/* The timer's callback: a second has passed. */
static int clock_tick(void *map, __u32 *key, struct clock_value *c)
{
	second.tick = ++c->tick;
	bpf_timer_start(&c->timer, 1000000000, 0);
	return 0;
}

/* Run by user space when it makes an instance, and again after a reload. */
SEC("syscall")
int start_clock(void *unused)
{
	const __u32 monotonic = 1;
	__u32 zero = 0;
	struct clock_value *c = bpf_map_lookup_elem(&clock, &zero);
	long ret;

	if (!c)
		return -2;     /* ENOENT */
	second.tick = c->tick; /* that it has from programs of an older layout */
	ret = bpf_timer_init(&c->timer, &clock, monotonic);
	if (ret && ret != -16 /* EBUSY: it has one */)
		return ret;
	ret = bpf_timer_set_callback(&c->timer, clock_tick);
	return ret ? ret : bpf_timer_start(&c->timer, 1000000000, 0);
}

/* A context cannot be handed to bpf_ringbuf_output(). */
static __always_inline int put_event(void *ring, const struct xr_event *from)
{
	struct xr_event *e = bpf_ringbuf_reserve(ring, sizeof(*e), 0);

	if (!e)
		return -1;
	__builtin_memcpy(e, from, sizeof(*e));
	bpf_ringbuf_submit(e, 0);
	return 0;
}

/* Puts one of user space's own events into the ring; of VMs, into both. */
SEC("syscall")
int emit_event(struct xr_event *e)
{
	int ret;

	if (e->kind == XR_EVENT_VM)
		put_event(&vm_events, e);
	ret = put_event(&events, e);
	if (ret)
		count_lost_event();
	return ret;
}

char _license[] SEC("license") = "GPL";
