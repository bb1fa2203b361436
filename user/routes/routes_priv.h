/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of this room share; the door is routes.h. list.c has the routes that there
 * are and are to be, write.c makes the kernel's equal to them, source.c says when.
 */
#ifndef XR_ROUTES_ROUTES_PRIV_H
#define XR_ROUTES_ROUTES_PRIV_H

#include "local/local.h"
#include "net/links.h"
#include "routes.h"

/* To an address, in the kernel or to come there. */
struct route {
	__be32 addr[XR_ADDR_WORDS];
	__u32 vm_no;        /* VM that is here; 0: it has left */
	bool made;          /* the kernel has it, ... */
	__u32 dev;          /* ... by this device; 0: as a blackhole */
	struct vm_reach by; /* how it was found to be reached */
	__u32 tap;          /* the VM's port, and ... */
	__u32 looked;       /* ... vm_routes.links, when that was found; 0: it is to be found */
	uint64_t until;     /* it has left: the route goes then; 0: nobody has decided */
	bool gone;          /* to be taken out of the list */
};

struct list {
	struct route *route;
	size_t n, size;
	bool failed; /* out of memory: it lacks some */
};

struct vm_routes {
	struct daemon *d;
	struct netlink nl;
	struct mnl_socket *reports;
	sd_event_source *io, *timer;
	int claim; /* makes table and metric this daemon's; -1: they are not */
	int figure;
	struct model_vm_routes conf;
	struct host_routes in;
	struct list list;    /* sorted */
	size_t first;        /* that the next look begins with */
	bool stale;          /* the kernel may have others */
	__u32 links;         /* raised where devices may be others */
	uint64_t again;      /* links is raised for what was not found; 0: all was */
	uint64_t searched;   /* what searches took since links was raised so */
	uint64_t not_before; /* the next look */

	/* of a look */
	uint64_t now, next;
	uint64_t until; /* it takes no longer */
	unsigned int works;
	bool unfinished, missing; /* not all was done; not all ports are known */
	struct problem_lines lines;
	unsigned int named;
};

/* ---- list.c ---- */

/* Learns which of them the kernel has. Nothing changes where it does not tell. */
void routes_read_kernel(struct vm_routes *v);
/* Learns to which VMs they are that are here. false: there is no memory for it. */
bool routes_find_wanted(struct vm_routes *v);
bool vm_is_here(struct plane *p, __u32 vm_index);

/* ---- write.c ---- */

/*
 * Writes into the kernel what differs; v->unfinished: not all of it. v->next is lowered to
 * when one that is kept is due.
 */
void routes_make_equal(struct vm_routes *v);

#endif
