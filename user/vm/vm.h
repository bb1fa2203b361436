/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VMs and their moves. Who says that a VM moves (the command line, the socket,
 * QMP) says it as a struct xr_notice to vm_notice(). Besides, a VM's state is
 * changed by the data plane, which vm_follow_up() follows, by time (vm_age()),
 * and by the commit of a file.
 *
 * All of this is called under the instance's lock (PLANE_CHANGE, PLANE_CREATE,
 * or instance_relock()), but for what only looks.
 */
#ifndef XR_VM_VM_H
#define XR_VM_VM_H

#include <stdbool.h>
#include "plane/vm_state.h"

/* The largest that JSON's readers take; whoever has it got, keeps it. */
#define XR_SEQ_MAX 0x7fffffffffffffffULL

enum xr_notice_kind {
	XR_NOTICE_ADD,     /* at host; or the binding of a known VM changes */
	XR_NOTICE_PREPARE, /* a move to host begins */
	XR_NOTICE_PAUSE,   /* it stands still */
	XR_NOTICE_MOVED,   /* it is at host */
	XR_NOTICE_CANCEL,  /* it stayed */
	XR_NOTICE_LEAVE,   /* forget it */
};

struct xr_notice {
	enum xr_notice_kind kind;
	enum xr_source source;
	__u8 mac[6];
	__u16 vlan;       /* 0: untagged */
	const char *host; /* name: ADD, PREPARE, MOVED */
	__u64 seq;        /* 0: gets the next one */
	__u32 ttl;        /* PREPARE, MOVED: seconds; 0: the policy's */
	__u32 timeout;    /* PREPARE: seconds; 0: the policy's */
	/* ADD */
	__be32 addr[XR_VM_ADDRS][XR_ADDR_WORDS];
	int n_addrs;
	bool lock;
	const char *tap; /* PREPARE, too: its port on this machine; NULL: found by itself */
	__u32 reader;    /* PREPARE: the process that should have that open; 0: unknown */
	bool soon;       /* PREPARE: hooks may come after the answer (tc.h) */
};

enum xr_outcome {
	XR_DONE,
	XR_ALREADY, /* it is so already; nothing changed */
	XR_IGNORED, /* the same notification again (seq known): counted */
};

struct xr_answer {
	enum xr_outcome outcome;
	__u64 seq;         /* the VM's, after this */
	__u32 vm_index;    /* where the tables have the VM now; VM_NOWHERE: they do not */
	char warning[512]; /* done, but: "residual: 3 frames lost"; empty: none */
};

/*
 * Obeys or refuses, whole. Errors, the line being written:
 * -ENOENT unknown VM or host; -EEXIST add of a VM that is at another host;
 * -EINVAL a MAC that is multicast, zero or broadcast, or a step that makes no
 * sense now (pause without prepare); -ESTALE an older sequence number (ignored,
 * counted; the line says which is known); -ENOSPC full (the line says which
 * limit to raise); -EHOSTUNREACH host without a route; -EADDRINUSE an address
 * that is another VM's.
 */
int vm_notice(struct plane *p, const struct xr_notice *n, struct xr_answer *a, struct xr_err *err);

/*
 * What the data plane did by itself (an event of kind VM) becomes true for the
 * rest, too: kernel tables, taps, sequence number. Done again, it does nothing.
 */
int vm_follow_up(struct plane *p, __u32 vm_index, struct xr_err *err);

/*
 * An address that a believed announcement said is the VM's: remembered, marked
 * as learned. false: known already, another VM's, protected, there is no room, or
 * the operator said which addresses it has.
 */
bool vm_learn(struct plane *p, __u32 vm_index, const __be32 *addr);

/*
 * Deadlines and ttls that ran out: tidies what they left. Of a large table a
 * part; called once a second it gets round.
 */
void vm_age(struct plane *p);

/* ---- looking ---- */

/*
 * A move is under way, and what this machine has to do for it was done: the word
 * comes before its port's program, which the kernel may take long to attach.
 */
bool vm_is_ready(struct plane *p, __u32 vm_index);

/*
 * The state in one word for show: as in enum xr_vm_state, but a deadline or
 * ttl that ran out counts as such ("stable"), a redirect without a hit for ten
 * seconds is "settled", and a frozen or disabled VM says so.
 */
const char *vm_state_word(struct plane *p, __u32 vm_index, __u32 tick);

#endif
