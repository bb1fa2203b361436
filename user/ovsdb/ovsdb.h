/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an OVN southbound database says of VMs: its protocol (RFC 7047: JSON without lines or
 * lengths), and the few tables that are asked for. It has no socket: whoever has one hands in
 * what came, and sends what is to be sent. Nothing of what comes is trusted.
 */
#ifndef XR_OVSDB_OVSDB_H
#define XR_OVSDB_OVSDB_H

#include "model/model.h"

#define SOUTHBOUND_NAME    64 /* of a chassis or a port, with the NUL; longer ones are cut */
#define SOUTHBOUND_ADDRS   4  /* of a chassis that are looked at */
#define SOUTHBOUND_CHASSIS 65535
#define SOUTHBOUND_MESSAGE (64U << 20) /* octets of one message, at most */

/* A chassis, by a number from 1 that it keeps as long as the connection. */
struct southbound_chassis {
	__u32 no;
	__u32 n_addrs;
	char name[SOUTHBOUND_NAME];
	char hostname[SOUTHBOUND_NAME];
	__be32 addr[SOUTHBOUND_ADDRS][XR_ADDR_WORDS]; /* of its tunnels */
};

/* What is said of a MAC; padding is zero. */
struct southbound_vm {
	__u8 mac[6];
	__u16 vlan; /* of its switch, as the file has it */
	bool gone;
	bool many;                   /* it is to go to more than one chassis */
	char port[SOUTHBOUND_NAME];  /* the logical port that has it */
	char other[SOUTHBOUND_NAME]; /* one that has it, too: at and next are 0; empty: none */
	__u32 at;                    /* number of the chassis where it runs; 0: nobody says */
	__u32 next;                  /* of that where it is to go to; 0: none */
};

struct southbound_ops {
	void (*send)(void *ctx, const char *text, size_t len);
	/* A chassis, before any VM that is there; and again where it changes. */
	void (*chassis)(void *ctx, const struct southbound_chassis *c);
	void (*vm)(void *ctx, const struct southbound_vm *v);
	/* All that there is has been told; from now on it is what changes. */
	void (*whole)(void *ctx);
	/* What an operator should know of this database; "": nothing any more. */
	void (*note)(void *ctx, const char *text);
};

/* How far a clustered database had come; kept from one connection to the next. */
struct southbound_seen {
	char cluster[40];
	__u64 index;
};

struct southbound;

/* A new connection; NULL: out of memory. conf and seen are the caller's, and stay. */
struct southbound *southbound_new(const struct model *conf, struct southbound_seen *seen,
				  const struct southbound_ops *ops, void *ctx);
void southbound_free(struct southbound *s);

/*
 * Takes what came. < 0: the connection is of no use any more, and the line says why: -EPROTO
 * it is no such database, or none at all, -EMSGSIZE a message without an end, -ESTALE another
 * member knows more, or all is to be read again; -ENOMEM.
 */
int southbound_take(struct southbound *s, const char *data, size_t len, struct xr_err *err);
/* Asks whether somebody is there. */
void southbound_probe(struct southbound *s);

#endif
