/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * This network namespace's firewalls. Each function: 0, or -errno: -EPERM without
 * CAP_NET_ADMIN.
 */
#ifndef XR_DOCTOR_FIREWALL_PRIV_H
#define XR_DOCTOR_FIREWALL_PRIV_H

#include <libmnl/libmnl.h>
#include <linux/types.h>
#include <stdbool.h>

/* ---- firewall.c: nftables' base chains; iptables-nft makes such, too ---- */

struct firewall_chain {
	const char *family; /* as nft writes it: "ip", "ip6", "inet" */
	const char *table, *name;
	bool forwards; /* it is of the hook forward, ... */
	bool receives; /* ... or prerouting or input */
	bool drops;    /* what no rule accepts */
};

int firewall_each_chain(void (*each)(void *ctx, const struct firewall_chain *c), void *ctx);
/* What all nftables' lists are read by; message: NFT_MSG_GET*. */
int firewall_dump(int message, mnl_cb_t cb, void *ctx);
/* Of NFPROTO_*: one and the same string each time; NULL: none that matters. */
const char *firewall_family(__u8 family);

/* ---- firewall_rules.c: their rules ---- */

/* A UDP port that packets are to reach. */
struct firewall_end {
	__u16 port;
	bool v6; /* by IPv6 */
};

#define FIREWALL_ENDS 32 /* as many are looked at */

struct firewall_drop {
	struct firewall_chain chain;
	__u64 handle; /* of the rule; 0: its policy does it */
	__u16 port;
	bool all; /* not for that port alone */
};

/* Calls each() for every rule, or policy, that drops all that comes for one of the ends. */
int firewall_each_drop(const struct firewall_end *ends, size_t n,
		       void (*each)(void *ctx, const struct firewall_drop *drop), void *ctx);

/* ---- firewall_legacy.c: iptables-legacy's ---- */

/* Calls each() with the command of every family that drops what no rule accepts to forward. */
int firewall_each_legacy_drop(void (*each)(void *ctx, const char *command), void *ctx);

#endif
