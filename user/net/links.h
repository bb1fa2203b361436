/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine's devices, and the kernel's tables by which frames of this machine are
 * forwarded: FDBs, routes, neighbours. All of it in this thread's network namespace.
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

/* Of VIPs' blackhole routes, by which a routing daemon can recognize them. */
#define XR_RTPROT_VIP 140

/* The same of routes to VMs that are here. */
#define XR_RTPROT_VM 141

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
	__be32 vtep[4]; /* VXLAN: its own address; zero: none is configured */
	bool ipv6;      /* VXLAN: of IPv6, and deaf to IPv4; "external": both */
	bool zero6;     /* VXLAN: takes what has no UDP checksum over IPv6 */
	__u8 mac[6];
	enum link_kind kind;
	bool filters; /* bridge: VLAN-aware */
	bool ethernet;
	bool representor; /* of a card's virtual function */
	char type[16];    /* as the kernel calls its kind; empty: hardware */
	__be16 tpid;      /* bridge, VLAN device: the EtherType of its VLAN tags */
	__u16 pvid;       /* port of a VLAN-aware bridge: see links_pvids() */
	__u16 vid;        /* VLAN device: its ID; 0: it is none */
	__u32 lower;      /* the device that it is on */
	bool running;     /* up, with carrier, and not dormant */
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
/* Fills in pvid: the VLAN of untagged frames at a bridge's port; 0: none. */
int links_pvids(struct netlink *nl, struct links *l);
/*
 * The VXLAN device of that VNI. Of several the one whose own address is vtep (NULL: any),
 * else one without an address, else another; of equals one in a bridge. NULL: none.
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
 * NULL: what the device transmits reaches a VM or a container at its other end.
 * Else what kind of device it is instead: a macvtap, say, transmits to the wire.
 */
#define LINK_WORDS 48
const char *link_no_port(const struct link *l, char words[LINK_WORDS]);

/*
 * Reads one device, but only index, name, queue length and MAC, which takes no lock of the
 * kernel's. false: there is none.
 */
bool link_named(const char *name, struct link *l);
bool link_indexed(__u32 ifindex, struct link *l);
/* It is certainly a tap: by sysfs, without a lock. */
bool link_is_tap(struct link *l);
/* Reads all of it, by its index; waits while somebody changes a device. */
bool link_query(struct netlink *nl, struct link *l);
int link_set_queue(struct netlink *nl, __u32 ifindex, __u32 queue);

/* ---- bridges ---- */

struct fdb_entry {
	__u8 mac[6];
	__u16 vlan; /* 0: the entry has none */
	__u32 port;
	__u32 bridge; /* 0: it is of the port's own table, as a VXLAN device's */
	__u16 state;  /* NUD_* */
	__u8 flags;   /* NTF_* */
	bool has_dst;
	__be32 dst[4]; /* a VXLAN device's: the VTEP */
};

/* Out of RTM_NEWNEIGH or RTM_DELNEIGH. false: it is no such entry, or has no MAC. */
bool fdb_read(const struct nlmsghdr *nlh, struct fdb_entry *e);

/* Calls each() for every entry of a bridge for a MAC behind one of its ports. */
int fdb_each(struct netlink *nl, void (*each)(void *ctx, const struct fdb_entry *e), void *ctx);

enum fdb_kind {
	FDB_LEARNED, /* does not age, but learning may move it (NTF_EXT_LEARNED) */
	FDB_STICKY,  /* learning does not move it (NTF_STICKY) */
	FDB_DYNAMIC, /* as if a frame had come: ages, and learning moves it */
};

/*
 * vlan: of a VLAN-aware bridge, else 0. An entry for the same port that somebody else
 * made is left as it is, and is enough. told: the table itself said that the MAC is there. What
 * says so is somebody else's, and what says otherwise now is newer: both stay, and 1 is returned.
 */
int fdb_set(struct netlink *nl, __u32 port, const __u8 mac[6], __u16 vlan, enum fdb_kind how,
	    bool told);
int fdb_del(struct netlink *nl, __u32 port, const __u8 mac[6], __u16 vlan);

/*
 * In a VXLAN device's own table: the VTEP behind which the MAC is. -EEXIST: there is an
 * entry with another VTEP that somebody else made; it is left as it is. told: as of fdb_set().
 */
int vtep_set(struct netlink *nl, __u32 vxlan, const __u8 mac[6], const __be32 *addr, bool told);
int vtep_del(struct netlink *nl, __u32 vxlan, const __u8 mac[6]);

/* ---- routes and neighbours, with XR_RTPROT ---- */

/* How packets to addr leave; gateway: addr itself where it is on the link. */
struct way_out {
	__u32 ifindex;
	__be32 gateway[4];
};

int route_query(struct netlink *nl, const __be32 *addr, struct way_out *w);
/* A host route; via NULL: on the link. */
int route_set(struct netlink *nl, const __be32 *addr, __u32 ifindex, const __be32 *via);
int route_del(struct netlink *nl, const __be32 *addr);

/* Where the kernel's own packets to addr go. */
enum route_kind {
	ROUTE_NONE,  /* nowhere: no route, or a blackhole or the like */
	ROUTE_LOCAL, /* to this machine itself */
	ROUTE_ELSEWHERE,
};

/* *dev: the device of ROUTE_ELSEWHERE, else 0. */
enum route_kind route_kind(struct netlink *nl, const __be32 *addr, __u32 *dev);

/*
 * Blackhole routes to single addresses in a routing table, with XR_RTPROT_VIP and a metric
 * that gives way to anybody else's. Adding leaves what is there: -EEXIST.
 */
int blackhole_add(struct netlink *nl, const __be32 *addr, __u32 table);
int blackhole_del(struct netlink *nl, const __be32 *addr, __u32 table);
/* Those of all tables. */
int blackhole_each(struct netlink *nl, void (*each)(void *ctx, const __be32 *addr, __u32 table),
		   void *ctx);

/*
 * Routes to single addresses with XR_RTPROT_VM, in the table and with the metric; metric is
 * below 0x1000000. ifindex 0: a blackhole. replace false: leaves what is there with that
 * metric: -EEXIST.
 */
struct host_routes {
	__u32 table, metric;
};

int host_route_set(struct netlink *nl, const struct host_routes *in, const __be32 *addr,
		   __u32 ifindex, bool replace);
int host_route_del(struct netlink *nl, const struct host_routes *in, const __be32 *addr);
int host_route_each(struct netlink *nl, const struct host_routes *in,
		    void (*each)(void *ctx, const __be32 *addr, __u32 ifindex), void *ctx);

/* -EEXIST: there is an entry with another MAC that somebody else made; it is left as it is. */
int neigh_set(struct netlink *nl, __u32 ifindex, const __be32 *addr, const __u8 mac[6]);
int neigh_del(struct netlink *nl, __u32 ifindex, const __be32 *addr);

#endif
