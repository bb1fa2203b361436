/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of this room share. From the bottom: helper.c has the processes that talk
 * to libvirt (virt/), and their lines; domain.c has a connection's domains and cards, and
 * what their lines mean for these; source.c the list.
 *
 * A line tells what libvirt says, which is not trusted: names and addresses are checked; a
 * card with the MAC and VLAN of another domain's is nobody's, and whatever is told of a VM
 * that the instance has at another host counts only where that one moves here.
 */
#ifndef XR_DOMAINS_DOMAINS_PRIV_H
#define XR_DOMAINS_DOMAINS_PRIV_H

#include <jansson.h>
#include "daemon/budget.h"
#include "daemon/daemon.h"
#include "daemon/figures.h"
#include "daemon/line_buffer.h"
#include "guest/guest.h"

#define UUID_TEXT 37

struct card {
	struct card *next;
	struct domain *dom;
	struct guest guest;
	bool listed;    /* in the line that is being taken */
	bool refused;   /* it is another domain's */
	bool elsewhere; /* it runs here, and the instance has it at another host */
};

struct domain {
	struct domain *next;
	struct chain by_uuid; /* among its connection's */
	struct virt *virt;
	char uuid[UUID_TEXT];
	char name[64];
	char label[192]; /* with the uri, for the log and the audit */
	bool listed;     /* since the connection was made */
	bool incoming;   /* its migration to here has begun */
	int left_out;    /* cards that are not followed */
	struct card *cards;
};

struct virt_ops {
	/* A line of the helper's. */
	void (*line)(struct virt *v, json_t *line);
	/* Something to be shown changed. */
	void (*faults)(struct virt *v);
};

/* One connection. */
struct virt {
	struct daemon *d;
	struct virt_all *all;
	const struct virt_ops *ops;
	struct virt *next;
	struct model_libvirt conf;
	bool stale; /* while reloading: no longer in the file */

	/* helper.c */
	pid_t pid;
	unsigned int wait_ms; /* until the next helper */
	int fd;               /* -1: there is no helper */
	sd_event_source *io, *timer;
	sd_event_source *more_lines; /* whole lines in the buffer wait for the next turn */
	struct line_buffer in;
	struct budget budget; /* for its events */
	bool too_loud;

	/* domain.c */
	int figure;
	bool up;       /* connected */
	bool listed;   /* all its domains are known */
	bool monitor;  /* it hands on what QEMU's monitors say */
	char why[160]; /* it is not up */
	struct domain *domains;
	struct chains by_uuid; /* these */
	struct domain *ended;  /* of whom something is to be posted yet */
};

struct virt_all {
	struct daemon *d;
	struct virt *list;
	struct chains by_vm;     /* the guests of all their domains' cards */
	sd_event_source *faults; /* which are to be reported */
};

/* ---- helper.c ---- */

/* Starts a helper, and another one when it ends. A negative errno: there is no memory. */
int helper_begin(struct virt *v);
void helper_end(struct virt *v);
/* Steals the object. */
void helper_send(struct virt *v, json_t *line);

/* ---- domain.c ---- */

void domain_on_line(struct virt *v, json_t *line);
/* Of a connection that is up: see struct source. */
bool domain_says(const struct virt_all *all, enum vm_word word, __u64 vm_key, __u16 host);
void domain_forget_all(struct virt *v);
/* Where a notice was missed: finds out what must be posted now. */
void domain_catch_up(struct virt *v);

/* ---- faults.c ---- */

/* All are told of, when what was heard has been taken: of a list that is each of its lines. */
void virt_report_faults(struct virt *v);
void virt_report_now(struct virt_all *all);

#endif
