/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One packet through a loaded program, by the kernel and by the machine, over the same
 * maps. What the machine counted is true only where both come to the same: the action,
 * each octet of the packet, and of what the maps have then. Not looked at: which device
 * a redirect names, and what is written into rings.
 */
#ifndef COUNT_PACKET_H
#define COUNT_PACKET_H

#include "program.h"
#include "tally.h"

/* By the kernel alone. The action, or -errno. */
int packet_run(int prog, const void *frame, __u32 len, void *out, __u32 *out_len);

/*
 * p: prog's. wanted: the action. The process stays on one CPU, and the program gets
 * no other packets. False, and why: nothing was counted.
 */
bool packet_count(int prog, const struct program *p, const void *frame, __u32 len, __u32 wanted,
		  struct counted *counted, char *why, size_t room);

#endif
