/* SPDX-License-Identifier: GPL-2.0-only */
/* Frames where VMs have moved: what each is, and by which reason it has to leave. */
#ifndef BENCH_VM_CASES_H
#define BENCH_VM_CASES_H

#include <stdbool.h>
#include "harness.h"
#include "vm_scene.h"

struct vm_case {
	const char *name;
	enum floor_prog floor; /* a program that does only this */
	enum vm_knobs knobs;
	enum vm_way way;       /* where the VMs are */
	enum xr_reason reason; /* by which all frames must leave */
	__u32 action;
	double target;    /* ns above the floor, with ten VMs; 0: none */
	double times;     /* a frame with a million VMs, over one with ten; 0: none */
	bool million_too; /* the target holds with a million, too */
	bool by_ip;       /* walk over addresses, not MACs */
	bool miss;        /* MACs and addresses that nobody has */
	bool locked;      /* frames of locked VMs, at their port */
	bool watched;     /* while a move is prepared */
	bool bound;       /* they come from a VM with limits and rules */
	bool activates;   /* each frame completes a move; no frame twice */
};

#define VM_CASES 13
extern const struct vm_case vm_cases[VM_CASES];

/* walked: over how many VMs frames walk, a power of two. */
void vm_case_shot(const struct vm_case *c, __u32 walked, struct shot *s);
/* 0 or -errno. */
int vm_case_set(struct vm_scene *s, const struct vm_case *c);

#endif
