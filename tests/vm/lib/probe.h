/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What prober and guest send each other, in host byte order: they share a
 * machine.
 */
#ifndef VM_PROBE_H
#define VM_PROBE_H

#include <stdint.h>

#define PROBE_PORT   7777
#define PROBE_MAGIC  0x78726d76
#define PROBE_MAX    (1U << 18) /* numbers of a run */
#define PROBE_COUNTS 1024       /* numbers in a report */

enum probe_kind {
	PROBE_ASK,     /* comes back as it is, and is counted */
	PROBE_REPORT,  /* how often did seq and the numbers after it arrive? */
	PROBE_ONE_WAY, /* is counted, and that is all */
};

struct probe {
	uint32_t magic;
	uint32_t kind;
	uint32_t run; /* another run than before: counts begin at 0 */
	uint32_t seq;
	uint64_t sent_ns;
};

struct probe_report {
	struct probe probe;
	uint8_t count[PROBE_COUNTS];
};

#endif
