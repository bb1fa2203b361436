/* SPDX-License-Identifier: GPL-2.0-only */
/* All counters of an instance at one moment, in sections: what stats and top print. */
#ifndef XR_SHOW_COUNTERS_PRIV_H
#define XR_SHOW_COUNTERS_PRIV_H

#include "lib/text.h"
#include "plane/plane.h"

#define VALUES 7

/* value[0] are packets, or a VM's hits; value[1] octets, but of VMs. */
struct row {
	char name[TEXT_VIP + XR_NAME_LEN];
	const char *kind, *text; /* reasons only */
	__u64 value[VALUES];
};

struct snapshot {
	struct row *row;
	size_t rows, room;
};

/* A kind of thing that has counters: its names, and how to read them all. */
struct section {
	const char *word, *plural, *key;
	const char *value[VALUES + 1];
	/* 0 or -errno; adds rows to an empty snapshot, whose row is to be freed. */
	int (*read)(struct plane *p, struct snapshot *s);
};

enum { BY_REASON, BY_VIP, BY_BACKEND, BY_VM, BY_HOST, BY_DEVICE, SECTIONS };

extern const struct section counter_sections[SECTIONS];

#endif
