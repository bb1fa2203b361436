/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of packets/ share. */
#ifndef XR_PACKETS_PACKETS_PRIV_H
#define XR_PACKETS_PACKETS_PRIV_H

#include <net/if.h>
#include "lib/text.h"
#include "lib/vm_key.h"
#include "plane/plane.h"

/* ---- trace_names.c ---- */

/* What the indices in a trace refer to; NULL: the trace has none. */
struct trace_names {
	const struct xr_trace *t;
	const struct xr_cid_info *cid;
	const struct xr_backend_info *backend;
	const struct xr_path *path;
	char vip[TEXT_VIP]; /* empty: none */
	char vm[VM_NAME];   /* empty: none */
	const char *vm_host, *vm_state;
	char device[IF_NAMESIZE];
};

/* Devices by number are looked for in this network namespace. */
void trace_names(struct plane *p, const struct xr_trace *t, struct trace_names *n);
bool trace_noted(const struct xr_trace *t, unsigned int reason);
bool trace_has_addresses(const struct xr_trace *t);
const char *action_word(__u32 action); /* enum xdp_action */

/* ---- capture_words.c ---- */

struct xr_capture_packet;

/* What goes with a packet, wherever it is written. */
struct capture_words {
	const char *dev;      /* where it came in */
	const char *out;      /* where it left; "": it did not, or to the kernel */
	struct trace_names n; /* of its trace */
	__u64 when_ns;        /* since the epoch */
};

/* "reason=hash vip=... backend=... dev=eth0 action=tx": allocated; NULL: out of memory. */
char *capture_comment(const struct xr_capture_packet *c, const struct capture_words *w);
/* One line, for people; and one JSON object. */
void capture_print(const struct xr_capture_packet *c, const struct capture_words *w);
void capture_print_json(const struct xr_capture_packet *c, const struct capture_words *w);

#endif
