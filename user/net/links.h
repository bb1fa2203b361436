/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine's devices, and the kernel's own tables of who is where: what a
 * host-local sender's frame goes by. Everything is about this process's network
 * namespace.
 */
#ifndef XR_NET_LINKS_H
#define XR_NET_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>
#include "netlink.h"

/*
 * Who made a route or neighbour (RTA_PROTOCOL, NDA_PROTOCOL): ours are removed
 * by this number, everybody else's left alone. As in
 * /etc/iproute2/rt_protos: "157 xroam".
 */
#define XR_RTPROT 157

/* Of VIPs' blackhole routes, so that a routing daemon can tell them. */
#define XR_RTPROT_VIP 140

enum link_kind {
	LINK_OTHER,
	LINK_BRIDGE,
	LINK_VXLAN,
	LINK_TUN,
	LINK_TUNNEL, /* IPIP, GRE, Geneve, ... */
	LINK_PAIR,   /* veth, netkit */
	LINK_BOND,   /* or a team: what comes in by a port is the bond's */
	LINK_VRF,
};

struct link {
	__u32 ifindex;
	__u32 master;   /* the bridge it is a port of; 0: none */
	__u32 queue;    /* txqueuelen */
	__u32 vni;      /* VXLAN */
	__be16 port;    /* VXLAN */
	bool any_vni;   /* VXLAN: one device for all of them ("external") */
	__be32 vtep[4]; /* VXLAN: its own address; zero: none is said */
	bool ipv6;      /* VXLAN: of IPv6, and deaf to IPv4; "external": both */
	bool zero6;     /* VXLAN: takes what has no UDP checksum over IPv6 */
	__u8 mac[6];
	enum link_kind kind;
	bool filters; /* bridge: VLAN-aware */
	bool ethernet;
	bool representor; /* of a card's virtual function */
	char type[16];    /* as the kernel calls its kind; empty: hardware */
	__be16 tpid;      /* and the tags it knows */
	__u16 pvid;       /* port of such: see links_pvids() */
	__u16 vid;        /* VLAN device: its ID; 0: it is none */
	__u32 lower;      /* the device that it is on */
	char name[16];
};

struct links {
	struct link *link;
	size_t n;
};

int links_read(struct netlink *nl, struct links *l);
void links_free(struct links *l);
const struct link *links_by_index(const struct links *l, __u32 ifindex);
const struct link *links_by_name(const struct links *l, const char *name);
/* Asks for the VLANs of untagged frames at bridges' ports; 0 where there is none. */
int links_pvids(struct netlink *nl, struct links *l);
/*
 * The one with this address of its own (NULL: any), before one that says none,
 * before another; in a bridge before not. NULL: none.
 */
const struct link *links_by_vni(const struct links *l, __u32 vni, const __be32 *vtep);

/*
 * NULL, or why a VXLAN device takes nothing of what other nodes send to this address
 * and port. One without any address of its own listens for IPv4.
 */
#define LINK_DEAF 112
const char *link_deaf(const struct link *vxlan, const __be32 *addr, __u16 port,
		      char words[LINK_DEAF]);

/*
 * NULL where what is put into the device reaches one who has the other end: a VM,
 * a container. Or what it is instead: what a macvtap transmits leaves by the wire.
 */
#define LINK_WORDS 48
const char *link_no_port(const struct link *l, char words[LINK_WORDS]);

/*
 * One device, its index, name, queue and MAC alone: that waits for nobody. false: there
 * is none.
 */
bool link_named(const char *name, struct link *l);
bool link_indexed(__u32 ifindex, struct link *l);
/* Whether it is certainly a tap; asks the file system, and waits for nobody. */
bool link_is_tap(struct link *l);
/* All of it, by its index; waits for whoever changes a device. */
bool link_ask(struct netlink *nl, struct link *l);
int link_set_queue(struct netlink *nl, __u32 ifindex, __u32 queue);

/* ---- bridges ---- */

struct fdb_entry {
	__u8 mac[6];
	__u16 vlan; /* 0: none is said */
	__u32 port;
	__u32 bridge;
};

/* Every entry of a bridge that stands for something behind a port. */
int fdb_each(struct netlink *nl, void (*each)(void *ctx, const struct fdb_entry *e), void *ctx);

enum fdb_how {
	FDB_LEARNED, /* as a control plane's: stays, but gives way to learning */
	FDB_STICKY,  /* stays where it is, whatever comes in elsewhere */
};

/*
 * vlan: of a VLAN-aware bridge, else 0. What somebody else wrote down for the same
 * port stays, and serves.
 */
int fdb_set(struct netlink *nl, __u32 port, const __u8 mac[6], __u16 vlan, enum fdb_how how);
int fdb_del(struct netlink *nl, __u32 port, const __u8 mac[6], __u16 vlan);

/*
 * A VXLAN device's own table: the VTEP behind which the MAC is. -EEXIST: somebody
 * else wrote another one down, which stays.
 */
int vtep_set(struct netlink *nl, __u32 vxlan, const __u8 mac[6], const __be32 *addr);
int vtep_del(struct netlink *nl, __u32 vxlan, const __u8 mac[6]);

/* ---- routes and neighbours, with XR_RTPROT ---- */

/* How packets to addr leave; gateway: addr itself where it is on the link. */
struct way_out {
	__u32 ifindex;
	__be32 gateway[4];
};

int route_ask(struct netlink *nl, const __be32 *addr, struct way_out *w);
/* A host route; via NULL: on the link. */
int route_set(struct netlink *nl, const __be32 *addr, __u32 ifindex, const __be32 *via);
int route_del(struct netlink *nl, const __be32 *addr);

/* Where the kernel's own packets to addr go; dev: of ROUTE_ELSEWHERE. */
enum route_kind {
	ROUTE_NONE,  /* nowhere: no route, or one that says so */
	ROUTE_LOCAL, /* nowhere: this machine has it */
	ROUTE_ELSEWHERE,
};

enum route_kind route_kind(struct netlink *nl, const __be32 *addr, __u32 *dev);

/*
 * Blackhole routes to single addresses, with XR_RTPROT_VIP and a metric that
 * gives way to anybody else's. Adding leaves what is there.
 */
int blackhole_add(struct netlink *nl, const __be32 *addr);
int blackhole_del(struct netlink *nl, const __be32 *addr);
int blackhole_each(struct netlink *nl, void (*each)(void *ctx, const __be32 *addr), void *ctx);

/* -EEXIST: somebody else wrote another MAC down, which stays. */
int neigh_set(struct netlink *nl, __u32 ifindex, const __be32 *addr, const __u8 mac[6]);
int neigh_del(struct netlink *nl, __u32 ifindex, const __be32 *addr);

#endif
