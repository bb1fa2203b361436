/* SPDX-License-Identifier: GPL-2.0-only */
/* nftables' base chains (iptables-nft makes such, too; iptables-legacy's are not seen). */
#ifndef XR_DOCTOR_FIREWALL_PRIV_H
#define XR_DOCTOR_FIREWALL_PRIV_H

struct firewall_chain {
	const char *family; /* as nft writes it: "ip", "ip6", "inet" */
	const char *table, *name;
};

/*
 * Calls each() for every chain of this network namespace that drops what is forwarded unless
 * a rule accepts it. 0, or -errno: -EPERM without CAP_NET_ADMIN.
 */
int firewall_each_forward_drop(void (*each)(void *ctx, const struct firewall_chain *c), void *ctx);

#endif
