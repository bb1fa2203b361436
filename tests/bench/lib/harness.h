/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs a program a few hundred thousand times behind the wrapper and measures what
 * a packet took, beside the same packet through a floor program.
 */
#ifndef BENCH_HARNESS_H
#define BENCH_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include "../wrap.h"

#define FRAME_MAX 512

enum floor_prog { FLOOR_TX, FLOOR_PASS, FLOOR_IPIP, FLOOR_VXLAN, FLOOR_PORT, FLOORS };

/* A packet, and how its successors differ from it. */
struct shot {
	__u8 frame[FRAME_MAX];
	__u32 len;
	bool ipv6;
	struct walk walk;
};

struct spread {
	double min, median; /* ns per packet, of windows of WINDOW packets */
};

struct measured {
	struct spread floor, test;
	double above_min; /* test.min - floor.min */
	double above;     /* test.median - floor.median */
};

struct harness;

/* NULL: refused; why is on stderr. */
struct harness *harness_open(int cpu);
void harness_close(struct harness *h);

int harness_floor(struct harness *h, enum floor_prog which);

/* The CIDs that walk_cid walks over: WALK_MAX of them. */
struct walk_cid *harness_cids(struct harness *h);

/* One packet through prog_fd; gives the XDP action or -errno, and what came out. */
int harness_once(struct harness *h, int prog_fd, const struct shot *shot, __u8 *out,
		 __u32 *out_len);

/* At least n packets, so that caches and tables hold what they will hold. */
int harness_warm(struct harness *h, int prog_fd, const struct shot *shot, __u32 n);

/* Floor and program in turns, rounds times. 0 or -errno. */
int harness_measure(struct harness *h, int prog_fd, enum floor_prog floor, const struct shot *shot,
		    int rounds, struct measured *m);

/*
 * Real frames, made by the wrapper, out of the device of ifindex, in batches that are received by
 * the device at its other end before the next is made; ns per frame of HARNESS_WINDOWS windows.
 * 0 or -errno.
 */
#define HARNESS_WINDOWS 32
int harness_send(struct harness *h, int ifindex, const struct shot *shot, double *sample);

/* Drops and counts what comes back by that device, until that is taken away. */
int harness_sink(struct harness *h, int ifindex);
__u64 harness_sunk(const struct harness *h);

/* For qsort(): doubles, the least first. */
int compare_doubles(const void *a, const void *b);

/* Packets so far through the program under test: to compare with counters. */
__u64 harness_packets(const struct harness *h);

#endif
