/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VMs and their moves. A VM's state changes by notices from outside (the command line,
 * the socket, QMP: vm_notice()), by the data plane (vm_follow_up() does the rest), by
 * time (vm_age()), and by the commit of a file (vm_bind.h).
 *
 * The caller holds the instance's lock (PLANE_CHANGE, PLANE_CREATE, or
 * instance_relock()), but for what only reads.
 */
#ifndef XR_VM_VM_H
#define XR_VM_VM_H

#include <stdbool.h>
#include "plane/vm_state.h"

/* The largest sequence number that readers of JSON take; a VM that has it keeps it. */
#define XR_SEQ_MAX 0x7fffffffffffffffULL

enum xr_notice_kind {
	XR_NOTICE_ADD,     /* at host; or the binding of a known VM changes */
	XR_NOTICE_PREPARE, /* a move to host begins */
	XR_NOTICE_PAUSE,   /* it runs nowhere: the blackout begins */
	XR_NOTICE_MOVED,   /* it runs at host */
	XR_NOTICE_CANCEL,  /* the move is off: it stays where it is */
	XR_NOTICE_LEAVE,   /* it is to be forgotten */
};

struct xr_notice {
	enum xr_notice_kind kind;
	enum xr_source source;
	__u8 mac[6];
	__u16 vlan;       /* 0: untagged */
	const char *host; /* name: ADD, PREPARE, MOVED */
	const char *was;  /* MOVED: the host that the source had it at before; NULL: unknown */
	/* MOVED: what its hypervisors say now, where there are any that are heard */
	bool runs_here;  /* that it runs where the instance has it, and is not about to leave */
	bool runs_there; /* that it runs at that host */
	bool not_left;   /* that it runs where the instance has it, leaving or not */
	bool moves;      /* that it moves, and is not there yet */
	__u64 seq;       /* 0: gets the next one */
	__u32 ttl;       /* PREPARE, MOVED: seconds; 0: the policy's */
	__u32 timeout;   /* PREPARE: seconds; 0: the policy's */
	/* ADD */
	__be32 addr[XR_VM_ADDRS][XR_ADDR_WORDS];
	int n_addrs;
	bool lock;
	struct xr_vm_bounds bounds; /* all zero: none */
	const char *tap;            /* PREPARE, too: its port on this machine; NULL: to be found */
	__u32 reader;               /* PREPARE: pid that should have the tap open; 0: unknown */
	bool soon; /* PREPARE: tc programs may be attached after the answer (tc.h) */
};

enum xr_outcome {
	XR_DONE,
	XR_ALREADY, /* it is so already; nothing changed */
	XR_IGNORED, /* a notice of the same seq came before: counted, nothing changed */
};

struct xr_answer {
	enum xr_outcome outcome;
	__u64 seq;         /* the VM's, after this */
	__u32 vm_index;    /* where the tables have the VM now; VM_NOWHERE: they do not */
	char warning[512]; /* done, but ("residual: 3 frames lost"); empty: none */
};

/* Whether it counts what hypervisors say now, where this source says that a VM has moved. */
bool vm_source_is_weighed(__u8 source);

/*
 * Carries out the notice, or refuses it and changes nothing. a may be NULL. Errors,
 * each with a line in err:
 * -ENOENT unknown VM or host; -EEXIST add of a VM that is at another host;
 * -EINVAL a MAC that is multicast, zero or broadcast, or a step that makes no
 * sense now (pause without prepare); -ESTALE an older sequence number (ignored,
 * counted; the line says which is known); -EPERM it contradicts the word of a source that
 * is trusted more (counted; vm_trust.c); -ENOSPC full (the line says which
 * limit to raise); -EHOSTUNREACH host without a route; -EADDRINUSE an address
 * that is another VM's.
 */
int vm_notice(struct plane *p, const struct xr_notice *n, struct xr_answer *a, struct xr_err *err);

/*
 * Does what is left to do after the data plane has changed the VM's state by itself
 * (an event of kind VM): kernel tables, taps, sequence number. Done again, it does
 * nothing.
 */
int vm_follow_up(struct plane *p, __u32 vm_index, struct xr_err *err);

/*
 * Keeps an address that a believed announcement gives the VM, marked as learned.
 * false: not kept, since it is known already, another VM's or protected, there is no
 * room, or the operator has given the VM's addresses.
 */
bool vm_learn(struct plane *p, __u32 vm_index, const __be32 *addr);

/*
 * Ends moves whose deadline and redirects whose ttl is over. Of a large table it
 * visits a part; to be called once a second.
 */
void vm_age(struct plane *p);

/* ---- reading ---- */

/* The rank of the word that put it where it is. */
enum xr_trust vm_standing(const struct plane *p, __u32 vm_index);
/*
 * A move is under way, and what this machine has to do for it is done. The state is
 * PREPARED before that: the kernel may take long to attach the port's program.
 */
bool vm_is_ready(struct plane *p, __u32 vm_index);

/* What bounds it, and what it has used of that; false: nothing does. */
bool vm_get_bounds(const struct plane *p, __u32 vm_index, struct xr_vm_bounds *b);
bool vm_get_bounds_used(const struct plane *p, __u32 vm_index, struct xr_vm_bounds_used *u);

/*
 * The state's name, as it is shown: as in enum xr_vm_state, but "stable" also where a
 * deadline or ttl is over, "settled" where a redirect had no hit for ten seconds,
 * "frozen" or "disabled" where that is so. tick: plane_tick().
 */
const char *vm_state_name(struct plane *p, __u32 vm_index, __u32 tick);

#endif
