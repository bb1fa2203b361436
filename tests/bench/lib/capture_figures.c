// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a capture costs a packet, of a program that lets it pass: so a test run can repeat it.
 * The plain program and the copies are measured in turns, and the least of each counts.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "user/apply/instance.h"
#include "user/attach/attach.h"
#include "user/capture/maps.h"
#include "figures.h"

#define ROUNDS 40
#define RUNS   8000 /* of a round: what the ring has room for */

enum row { PLAIN, FILTERED, KEPT, WHOLE, ROWS };

static const struct {
	const char *key, *text, *filter;
	__u32 snap;
} rows[ROWS] = {
	[PLAIN] = { "capture_off_ns", "a packet that passes, 1514 octets, no capture", "", 0 },
	[FILTERED] = { "capture_filtered_ns", "  captured, not wanted: \"tcp port 81\"",
		       "tcp port 81", 96 },
	[KEPT] = { "capture_kept_ns", "  captured, 96 octets kept: \"tcp port 80\"", "tcp port 80",
		   96 },
	[WHOLE] = { "capture_whole_ns", "  captured, kept whole, no filter", "", XR_CAPTURE_SNAP },
};

static const __u8 head[] = {
	0x02, 0,  0,    0, 0,    2, 0x02, 0, 0,  0, 0,    1,    0x08, 0, 0x45, 0, 0x05, 0xdc,
	0,    0,  0x40, 0, 0x40, 6, 0,    0, 10, 0, 0,    1,    10,   9, 9,    9, 0x10, 0,
	0,    80, 0,    0, 0,    1, 0,    0, 0,  1, 0x50, 0x10, 1,    0, 0,    0, 0,    0,
};

static int ignore(void *ctx, void *data, size_t size)
{
	return 0;
}

static double ns_of(int prog)
{
	static __u8 frame[1514];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = RUNS);

	memcpy(frame, head, sizeof(head));
	return bpf_prog_test_run_opts(prog, &opts) ? 1e9 : opts.duration;
}

static void measure(struct figures *f, struct plane *p, int plain, int copy,
		    const struct capture_maps *maps, struct xr_capture_control *c)
{
	struct ring_buffer *ring = ring_buffer__new(maps->ring, ignore, NULL, NULL);
	double least[ROWS] = { 1e9, 1e9, 1e9, 1e9 }, ns;
	static struct capture_filter filter[ROWS];
	int round, r;

	for (r = 0; r < ROWS; r++)
		f->failed |= !!filter_compile(rows[r].filter, &filter[r], NULL);
	for (round = 0; ring && round < ROUNDS; round++) {
		for (r = 0; r < ROWS; r++) {
			c->until = plane_tick(p) + 60;
			c->snap = rows[r].snap;
			c->insns = filter[r].insns;
			c->reach = filter[r].reach;
			f->failed |= !!capture_maps_filter(maps, &filter[r]);
			ns = ns_of(r == PLAIN ? plain : copy);
			ring_buffer__consume(ring);
			if (ns < least[r])
				least[r] = ns;
		}
	}
	ring_buffer__free(ring);
	for (r = 0; r < ROWS; r++)
		add_figure(f, rows[r].key, rows[r].text, least[r], "ns", 0);
}

void capture_figures(struct figures *f)
{
	static const struct xr_limits limits = { 16, 16, 64, 64, 1, 1, 1, 1, 251, 1 };
	static const struct capture_filter none;
	struct xr_capture_control *c;
	struct capture_maps maps;
	struct plane *p = NULL;
	struct xr_err err = {};
	int plain = -1, copy;
	char name[32];

	snprintf(name, sizeof(name), "bench-c%d", getpid());
	if (instance_open(&p, name, PLANE_CREATE, &limits, NULL, &err) ||
	    plane_load_program(p, "lo", false, &plain, NULL, &err) ||
	    capture_maps_make(&maps, &none, &err)) {
		fprintf(stderr, "bench: %s\n", err.text);
		f->failed = 1;
		plane_close(p);
		return;
	}
	copy = plane_load_capturing(p, "lo", XR_ROLE_NODE, &maps, &err);
	c = mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE, MAP_SHARED, maps.control, 0);
	if (copy < 0 || c == MAP_FAILED) {
		fprintf(stderr, "bench: %s\n", err.text);
		f->failed = 1;
	} else {
		c->rate = 1U << 31;
		c->any_vip = 1;
		c->which = XR_CAPTURE_BEFORE | XR_CAPTURE_AFTER;
		measure(f, p, plain, copy, &maps, c);
		munmap(c, sizeof(*c));
	}
	close(plain);
	if (copy >= 0)
		close(copy);
	capture_maps_close(&maps);
	instance_destroy(p, &err);
	plane_close(p);
}
