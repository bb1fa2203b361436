// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <bpf/bpf.h>
#include "machine.h"
#include "packet.h"

int packet_run(int prog, const void *frame, __u32 len, void *out, __u32 *out_len)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = len, .data_out = out,
		    .data_size_out = OUT_MAX, .repeat = 1);

	if (bpf_prog_test_run_opts(prog, &opts))
		return -errno;
	*out_len = opts.data_size_out;
	return opts.retval;
}

/* The first octet that differs, of two packets. */
static __u32 differs_at(const __u8 *a, __u32 a_len, const __u8 *b, __u32 b_len)
{
	__u32 i = 0;

	while (i < a_len && i < b_len && a[i] == b[i])
		i++;
	return i;
}

static bool is_same(const struct counted *c, int action, const __u8 *out, __u32 out_len, char *why,
		    size_t room)
{
	__u32 at = differs_at(c->out, c->out_len, out, out_len);

	if ((__u32)action != c->action)
		snprintf(why, room, "action %u, of the kernel %d", c->action, action);
	else if (at < c->out_len || at < out_len)
		snprintf(why, room, "octet %u of %u differs from the kernel's, of %u", at,
			 c->out_len, out_len);
	else
		return true;
	return false;
}

/* The maps are copied before the kernel's run, and compared after both. */
static bool count(struct machine *m, int prog, const void *frame, __u32 len, __u32 wanted,
		  char *why, size_t room)
{
	__u8 out[OUT_MAX];
	__u32 out_len = 0;
	int action, err;

	err = copies_read(m->copies, m->program, m->memory) ?: machine_open(m, frame, len);
	if (err) {
		snprintf(why, room, "%s", strerror(-err));
		return false;
	}
	action = packet_run(prog, frame, len, out, &out_len);
	if (action != (int)wanted) {
		snprintf(why, room, "action %d where %u is right", action, wanted);
		return false;
	}
	if (!machine_run(m)) {
		snprintf(why, room, "%s", m->why);
		return false;
	}
	return is_same(m->counted, action, out, out_len, why, room) &&
		copies_are_as_maps(m->copies, why, room);
}

bool packet_count(int prog, const struct program *p, const void *frame, __u32 len, __u32 wanted,
		  struct counted *counted, char *why, size_t room)
{
	static struct memory memory;
	static struct copies copies;
	struct machine m = {
		.program = p, .copies = &copies, .memory = &memory, .counted = counted
	};
	bool done;

	memset(counted, 0, sizeof(*counted));
	copies.cpu = sched_getcpu();
	done = count(&m, prog, frame, len, wanted, why, room);
	machine_close(&m);
	copies_free(&copies);
	memory_free(&memory);
	tallies_sort(&counted->stage);
	tallies_sort(&counted->helper);
	tallies_sort(&counted->map);
	return done;
}
