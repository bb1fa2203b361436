/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xroam-libvirt: libvirt's events of one connection, as JSON lines. The daemon starts one
 * for each libvirt that its file names (domains/), and is itself not linked with libvirt,
 * whose calls block and whose libraries are many.
 *
 * Threads: main() runs libvirt's event loop, and so the callbacks (events.c); describe.c
 * owns the connection, and says what each domain is and does; ask.c has QEMU's monitor
 * asked, which waits for the domain's jobs; input.c reads what is to be asked.
 *
 * Lines that are written, each an object:
 *
 *	{"up": true}				connected; the domains follow
 *	{"down": "why"}				and tried again
 *	{"domain": UUID, "name": NAME, "running": BOOL, "incoming": BOOL, "came": BOOL,
 *	 "migration": WORD, "monitor": BOOL,
 *	 "cards": [{"mac": MAC, "vlan": N, "tap": DEV}], "left_out": N}
 *	{"listed": true}			all domains have been described
 *	{"domain": UUID, "life": "suspended migrated"}	a lifecycle event
 *	{"domain": UUID, "event": "STOP", "at": US, "data": {...}}	QEMU's own
 *	{"domain": UUID, "answer": N, "value": ...}
 *
 * and two that are read: {"domain": UUID, "ask": N, "command": TEXT}, TEXT a command of QMP;
 * {"domain": UUID}: it is to be described.
 */
#ifndef XR_VIRT_VIRT_PRIV_H
#define XR_VIRT_VIRT_PRIV_H

#include <jansson.h>
#include <libvirt/libvirt.h>
#include <stdbool.h>

#define CARDS_MOST 32 /* of a domain */

/* ---- out.c: lines, whole whoever writes them ---- */

/* Steals the object. */
void out_line(json_t *object);
/* The same of a domain; how many such lines there have been is its age. */
void out_event(virDomainPtr dom, json_t *object);
unsigned int out_age(void);
/* Unless events came since: false, and the object is freed. */
bool out_line_if(json_t *object, unsigned int age);

/* ---- xml.c ---- */

/*
 * The network cards in a domain's XML, as the list that is written; *left_out: cards that
 * it does not have, for they are trunks of several VLANs, or too many. NULL: it is no XML.
 */
json_t *xml_cards(const char *xml, int *left_out);

/* ---- describe.c ---- */

/* The domain is to be described; NULL: the connection is over. */
void describe_soon(virDomainPtr dom);
/* The same by its name; takes no copy. */
void describe_again(const char *uuid);
/* Connects, again and again; a thread's. */
void *describe_run(void *uri);
/* The connection, to be closed; NULL: there is none. */
virConnectPtr describe_connection(void);

/* ---- events.c ---- */

/*
 * describe: called with each domain that may be another now. monitor: whether this libvirt
 * hands on what QEMU's monitors say.
 */
int events_register(virConnectPtr conn, void (*describe)(virDomainPtr dom), bool *monitor);

/* ---- ask.c ---- */

/* Takes its own copies. */
void ask_soon(const char *uuid, int number, const char *command);
void *ask_run(void *unused);

#endif
